// What can be seen of a response and of an error, as plain values that can be compared. It must not know whether a guard was there.

/** The errors of a promise and its values alike, so that a situation goes on. */
export const outcome = (promise, describe = (value) => value) =>
  Promise.resolve(promise).then(
    async (value) => ({ value: await describe(value) }),
    (error) => ({ error: describeError(error) })
  )

/** @param {unknown} error */
export function describeError(error) {
  if (typeof error !== 'object' || error === null) return { thrown: String(error) }
  const { name, message, code, cause } = error
  return { name, message, code, class: Object.prototype.toString.call(error), type: error.constructor?.name, cause: cause === undefined ? undefined : { name: cause?.name, code: cause?.code, message: cause?.message } }
}

const tried = (fn) => {
  try {
    return { value: fn() }
  } catch (error) {
    return { error: describeError(error) }
  }
}

/** All that a response tells before its body is touched. */
export function describeHead(response) {
  const { status, statusText, ok, type, url, redirected, bodyUsed, headers, body } = response
  return {
    status, statusText, ok, type, url, redirected, bodyUsed,
    headers: [...headers].filter(([name]) => name !== 'date'),
    cookies: headers.getSetCookie(),
    tag: Object.prototype.toString.call(response),
    isResponse: response instanceof Response,
    own: Object.keys(response),
    isSameTwice: response.headers === headers && response.body === body,
    body: body === null ? null : { tag: Object.prototype.toString.call(body), isStream: body instanceof ReadableStream, locked: body.locked },
    isImmutable: [() => headers.set('x', '1'), () => headers.append('x', '1'), () => headers.delete('content-type')].map((change) => tried(change).error?.name),
    isReadOnly: tried(() => ((response.status = 1), response.status)).value
  }
}

/** The head of a response and the text of its body. */
export const describeWhole = async (response) => {
  const head = describeHead(response)
  const text = await outcome(response.text())
  return { head, text, bodyUsed: response.bodyUsed, locked: response.body?.locked, again: await outcome(response.text()) }
}
