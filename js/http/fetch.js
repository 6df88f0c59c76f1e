/**
 * `fetch` through breakers, one for each origin.
 *
 * Must not know: states and policies, or what a response means. It makes requests, finds their breaker and says when a call
 * is over.
 *
 * A signal of the caller's outlives many calls, so none of ours may stay on it. Where no call can time out, `fetch` gets the
 * caller's signal itself. Where one can, it gets the call's own, which follows the caller's for as long as there is a body
 * to abort. `AbortSignal.any` would do that too, but Node 20 keeps a record of each on the caller's signal for ever.
 */
import { CANCELLED, check, isFunctionOrUndefined, isObject, keyOf, readOptions } from './guard.js'

/** @import { CircuitBreaker } from '../breaker/circuit-breaker.js' */
/** @import { CircuitBreakerRegistry } from '../registry/registry.js' */
/** @import { CallContext } from '../types.js' */
/** @import { GuardOptions } from './guard.js' */

/** @typedef {Parameters<typeof globalThis.fetch>[0]} FetchInput */
/** @typedef {Parameters<typeof globalThis.fetch>[1]} FetchInit */

/**
 * A request as `key` and `fallback` see it.
 *
 * @typedef {object} GuardedRequest
 * @property {URL} url
 * @property {string} method
 * @property {FetchInput} input What was given to the guarded fetch.
 * @property {FetchInit} init
 */

/**
 * Options of a guarded fetch: those of breakers, of their registry, of judging responses, and its own. In `settleOn: 'body'` a
 * good response is one of ours around the same body.
 *
 * @typedef {GuardOptions<GuardedRequest> & {
 *   fetch?: typeof globalThis.fetch
 * }} GuardFetchOptions `fetch` makes the requests. Default: the global one, looked up at each request.
 */

/** Errors that the caller brought about by what it asked for. @type {WeakSet<object>} */
const misuses = new WeakSet()

/** Requests whose response the caller has. @type {WeakSet<GuardedRequest>} */
const answered = new WeakSet()

/**
 * A drop-in `fetch` that asks a breaker first.
 *
 * Failures are network errors, timeouts and the statuses that `failOn` says. The caller's own abort is ignored and keeps
 * its reason, and so is a request that `fetch` finds malformed.
 *
 * @param {GuardFetchOptions} [options]
 * @returns {typeof globalThis.fetch & { readonly registry: CircuitBreakerRegistry<string> }}
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong.
 *
 * @example
 * const guarded = guardFetch({ failureThreshold: 3, timeout: 2000 })
 * const response = await guarded('https://api.example.com/users')
 */
export function guardFetch(options = {}) {
  check('options', options, 'an object', isObject)
  const { fetch, ...others } = options
  check('fetch', fetch, 'a function', isFunctionOrUndefined)
  const { key, settleOn, registry, mayTimeOut } = readOptions(others, {
    isNobodysFault: (error) => typeof error === 'object' && error !== null && misuses.has(error),
    isAnswered: (request) => answered.has(request)
  })

  /**
   * @param {GuardedRequest} request
   * @param {FetchInit} [init]
   */
  const send = async ({ input, init: given }, init = given) => {
    const spent = isSpent(input, given)
    try {
      return await (fetch ?? globalThis.fetch)(input, init)
    } catch (error) {
      if (error instanceof TypeError && (spent || isMalformed(input, given))) misuses.add(error)
      throw error
    }
  }
  const guard = settleOn === 'body' ? untilBody : untilHeaders

  /** @type {typeof globalThis.fetch} */
  const guarded = async (input, init) => {
    const request = describe(input, init)
    // Not a URL, of which fetch itself says so, or one that leads to no server, such as `data:`: there is nothing to guard.
    if (request === undefined || (key === undefined && !/^https?:$/.test(request.url.protocol))) return (fetch ?? globalThis.fetch)(input, init)
    const breaker = registry.get(key === undefined ? request.url.origin : keyOf(key, request))
    return guard(breaker, send, request, mayTimeOut)
  }
  return Object.defineProperty(/** @type {any} */ (guarded), 'registry', { value: registry, enumerable: true })
}

/** @typedef {(request: GuardedRequest, init?: FetchInit) => Promise<Response>} Send */

/**
 * @param {CircuitBreaker} breaker
 * @param {Send} send
 * @param {GuardedRequest} request
 * @param {boolean} mayTimeOut
 * @returns {Promise<Response>}
 */
function untilHeaders(breaker, send, request, mayTimeOut) {
  const signal = signalOf(request)
  const sendTimed = async (/** @type {GuardedRequest} */ { init }, /** @type {CallContext} */ context) => {
    const response = await send(request, withSignal(init, context.signal))
    if (context.signal.aborted) discard(response)
    if (signal !== undefined) follow(signal, context, response)
    return response
  }
  const sendPlain = (/** @type {GuardedRequest} */ request) => send(request)
  const fn = mayTimeOut ? sendTimed : sendPlain
  return signal === undefined && !mayTimeOut ? breaker.call(sendPlain, request) : breaker.callWith({ signal }, fn, request)
}

/**
 * The call lasts until the body was read; the caller gets the response as soon as it is there.
 *
 * @param {CircuitBreaker} breaker
 * @param {Send} send
 * @param {GuardedRequest} request
 * @returns {Promise<Response>}
 */
function untilBody(breaker, send, request) {
  return new Promise((resolve, reject) => {
    // Let go once the response is handed out: through it, the call would keep a response that its caller forgot.
    /** @type {{ resolve: (response: any) => void, reject: (error: unknown) => void } | undefined} */
    let caller = { resolve, reject }
    const signal = signalOf(request)
    /** @type {(request: GuardedRequest, context: CallContext) => Promise<any>} */
    const sendAndWait = async ({ init }, context) => {
      const response = await send(request, withSignal(init, context.signal))
      if (context.signal.aborted) discard(response)
      if (!response.ok || !isReadable(response.body)) {
        if (signal !== undefined) follow(signal, context, response)
        return response
      }
      answered.add(request)
      return new Promise((done, fail) => {
        caller?.resolve(watched(response, done, fail))
        caller = undefined
      })
    }
    breaker.callWith({ signal }, sendAndWait, request).then(
      (value) => caller?.resolve(value),
      (error) => caller?.reject(error)
    )
  })
}

/**
 * A response around the same body that tells how the reading of it ended.
 *
 * @param {Response} response
 * @param {(how: Response | typeof CANCELLED) => void} done
 * @param {(error: unknown) => void} fail
 */
function watched(response, done, fail) {
  const original = /** @type {ReadableStream<Uint8Array>} */ (response.body)
  // A stream of bytes takes the memory of its chunks away from whoever made them. Only what comes out of such a stream is its
  // own: other chunks may be views of memory that is in use, Node's pool of buffers for one.
  const type = isByteStream(original) ? BYTES : {}
  const reader = original.getReader()
  const body = new ReadableStream(
    {
      ...type,
      async pull(controller) {
        try {
          let { done: ended, value } = await reader.read()
          // A stream of bytes takes no chunk without any.
          while (!ended && value?.byteLength === 0) ({ done: ended, value } = await reader.read())
          if (!ended) return controller.enqueue(/** @type {any} */ (value))
          done(response)
          controller.close()
          // Whoever reads into a buffer of their own waits for it.
          if ('byobRequest' in controller) controller.byobRequest?.respond(0)
        } catch (error) {
          fail(error)
          controller.error(error)
        }
      },
      cancel(reason) {
        done(CANCELLED)
        return reader.cancel(reason)
      }
    },
    { highWaterMark: 0 }
  )
  // A body that is dropped unread is as good as cancelled, and its connection is wanted back.
  dropped?.register(body, () => {
    done(CANCELLED)
    reader.cancel().catch(() => {})
  })
  return alike(response, new Response(body, response))
}

/**
 * Gives a response what its constructor can't: the URL and the rest of where it came from. Its clones have it too.
 *
 * @param {Response} response
 * @param {Response} ours
 * @returns {Response}
 */
function alike({ url, redirected, type }, ours) {
  const { clone } = ours
  const members = { url, redirected, type, clone: () => alike(ours, clone.call(ours)) }
  for (const [name, value] of Object.entries(members)) Object.defineProperty(ours, name, { value, configurable: true })
  return ours
}

/** Makes a stream one of bytes, as bodies are, where there is such a thing. @type {{ type?: 'bytes' }} */
const BYTES = 'ReadableByteStreamController' in globalThis ? { type: 'bytes' } : {}

/** @param {ReadableStream} stream */
function isByteStream(stream) {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

/**
 * Whether there is a body that a reader can be had of. One that is locked is being read already by whoever made the response.
 *
 * @param {unknown} body
 */
function isReadable(body) {
  const { getReader, locked } = /** @type {Partial<ReadableStream>} */ (body ?? {})
  return typeof getReader === 'function' && !locked
}

/**
 * Gives up a response that nobody waits for any more, since its call is over: its connection is wanted back.
 *
 * @param {Response} response
 */
function discard(response) {
  if (isReadable(response?.body)) response.body?.cancel().catch(() => {})
}

/** Tells of objects that are gone. @type {FinalizationRegistry<() => void> | undefined} */
const dropped = globalThis.FinalizationRegistry && new FinalizationRegistry((tell) => tell())

/** By this the signal of a call that is over is aborted, as the breaker has it. */
const ABORT = Symbol.for('halfopen.abort')

/** Keeps what can abort a body as long as the body. @type {WeakMap<ReadableStream, CallContext>} */
const aborters = new WeakMap()

/** What follows a caller's signal: one listener on each, whatever the number of bodies. @type {WeakMap<AbortSignal, Followers>} */
const followed = new WeakMap()

/** @typedef {{ contexts: Set<WeakRef<CallContext>>, onAbort: () => void }} Followers */

/**
 * Has the caller's signal abort a body that outlives its call. The listener goes with the last body.
 *
 * @param {AbortSignal} signal
 * @param {CallContext} context
 * @param {Response} response
 */
function follow(signal, context, response) {
  const body = response?.body
  if (typeof body !== 'object' || body === null) return
  const { contexts, onAbort } = followed.get(signal) ?? firstFollower(signal)
  const own = new WeakRef(context)
  contexts.add(own)
  aborters.set(body, context)
  dropped?.register(body, () => {
    if (!contexts.delete(own) || contexts.size > 0) return
    signal.removeEventListener('abort', onAbort)
    followed.delete(signal)
  })
}

/** @param {AbortSignal} signal */
function firstFollower(signal) {
  /** @type {Followers['contexts']} */
  const contexts = new Set()
  const onAbort = () => {
    for (const context of contexts) /** @type {any} */ (context.deref())?.[ABORT](signal.reason)
  }
  const followers = { contexts, onAbort }
  followed.set(signal, followers)
  signal.addEventListener('abort', onAbort, { once: true })
  return followers
}

/**
 * @param {GuardedRequest} request
 * @returns {AbortSignal | undefined}
 */
function signalOf({ input, init }) {
  // null takes the signal of a Request away.
  if (init?.signal !== undefined) return init.signal ?? undefined
  return isRequest(input) ? input.signal : undefined
}

/** What a Request has as an init: getters of its prototype, which no spread copies. `signal` is not of them. */
const MEMBERS = /** @type {const} */ ([
  'method', 'headers', 'body', 'duplex', 'mode', 'credentials', 'cache', 'redirect', 'referrer', 'referrerPolicy', 'integrity', 'keepalive', 'priority'
])

/**
 * A copy of an init with another signal.
 *
 * @param {FetchInit} init Also a Request, which fetch takes for an init, too.
 * @param {AbortSignal | null} signal
 * @returns {NonNullable<FetchInit>}
 */
function withSignal(init, signal) {
  const given = /** @type {Record<string, any>} */ (init ?? {})
  /** @type {Record<string, any>} */
  const copy = { ...given, signal }
  for (const name of MEMBERS) if (!(name in copy) && given[name] !== undefined) copy[name] = given[name]
  return copy
}

/**
 * @param {FetchInput} input
 * @returns {input is Request}
 */
function isRequest(input) {
  return typeof input === 'object' && input !== null && 'url' in input
}

/**
 * @param {FetchInput} input
 * @param {FetchInit} init
 * @returns {GuardedRequest | undefined}
 */
function describe(input, init) {
  const asked = isRequest(input)
  const { document, location } = /** @type {{ document?: { baseURI: string }, location?: { href: string } }} */ (globalThis)
  try {
    const url = new URL(asked ? input.url : String(input), document?.baseURI ?? location?.href)
    return { url, method: init?.method ?? (asked ? input.method : 'GET'), input, init }
  } catch {
    return undefined
  }
}

/**
 * Whether the body of a request was read before, or is being read: a Request that was sent once, for one. No server sees it.
 *
 * @param {FetchInput} input
 * @param {FetchInit} init
 */
function isSpent(input, init) {
  const own = /** @type {{ body?: any, bodyUsed?: boolean } | undefined} */ (init)
  if (own?.body === undefined || own.body === null) return isRequest(input) && input.bodyUsed
  return own.body.locked === true || own.bodyUsed === true
}

/**
 * Whether a request that was rejected could never have been made, a header with a line break in it for one. `fetch` rejects
 * those with a `TypeError` as it does when the network fails.
 *
 * @param {FetchInput} input
 * @param {FetchInit} init
 */
function isMalformed(input, init) {
  try {
    // The body may be read already: what matters is whether there is one, and whether it is a stream, which needs `duplex`.
    const body = init?.body === undefined || init.body === null ? undefined : init.body instanceof ReadableStream ? new ReadableStream() : ''
    new Request(isRequest(input) ? input.url : input, { ...withSignal(init, null), body })
    return false
  } catch {
    return true
  }
}
