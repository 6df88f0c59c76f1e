// Situations in which a `fetch` may be, written from the fetch standard, section 5: its Headers, its bodies, what makes a Request and a
// Response, and the steps of `fetch()`. Each says what was seen. They must not know guards: `fetch` is what they are given.
//
// A situation is `({ fetch, at, elsewhere, away, until, seen, breakOff }) => description`. `at(path)` is a URL of the server, `elsewhere(path)` one of
// another origin, `away` one where nobody listens, `seen()` what has arrived, and `breakOff()` resets the connections.

import { describeError, describeHead, describeWhole, outcome } from './describe.js'

const encoder = new TextEncoder()
const whole = (promise) => outcome(promise, describeWhole)
const head = (promise) => outcome(promise, describeHead)
const utf8 = (bytes) => new TextDecoder().decode(bytes)

/** An upload that tells whether it was cancelled, and why. `fail` breaks it off; it ends after its pieces unless it is `endless`. */
function upload(pieces, { endless = false } = {}) {
  const told = {}
  let controller
  const body = new ReadableStream({
    start: (one) => void (controller = one),
    pull(one) {
      if (pieces.length > 0) one.enqueue(encoder.encode(pieces.shift()))
      else if (!endless) one.close()
    },
    cancel: (reason) => void (told.cancelled = describeError(reason))
  })
  return { body, told, fail: (error) => controller.error(error) }
}

/** Reads a stream piece by piece, as far as `leave` lets it. */
async function read(body, leave = () => false) {
  let text = ''
  for await (const piece of body) {
    text += utf8(piece)
    if (leave(text)) break
  }
  return text
}

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** A request by its path and its init, whose whole answer counts. */
const get = (path, init) => async ({ fetch, at }) => whole(init === undefined ? fetch(at(path)) : fetch(at(path), typeof init === 'function' ? init() : init))
/** A method of the body of an answer. */
const consume = (path, use) => async ({ fetch, at }) => {
  const response = await fetch(at(path))
  const used = await outcome(use(response))
  return { used, bodyUsed: response.bodyUsed, again: await outcome(response.text()) }
}
const post = (init) => get('/echo', () => ({ method: 'POST', ...init() }))
/** Asks, and aborts in the midst of it. */
const abortWhile = (path, reason, init = {}) => async ({ fetch, at, until, seen }) => {
  const controller = new AbortController()
  const call = outcome(fetch(at(path), { ...init, signal: controller.signal }))
  await until(() => seen().length > 0)
  controller.abort(reason)
  return call
}
const abortBody = (reason, use) => async ({ fetch, at }) => {
  const controller = new AbortController()
  const response = await fetch(at('/stall'), { signal: controller.signal })
  const used = use(response)
  await after(10)
  controller.abort(reason)
  return { used: await used, bodyUsed: response.bodyUsed }
}

/** Of these it is a matter of time what the servers see. */
export const UNSEEN = ['aborted at once', 'a deadline that passes', 'a deadline that passes in the body', 'one of two signals', 'a stream as a body that the server does not want']

export const SITUATIONS = {
  // 5.1 Headers
  'headers as an object, with names in any case': get('/echo', { headers: { 'X-Own': ' a ', 'x-other': '' } }),
  'headers as pairs, of which two are combined': get('/echo', { headers: [['x-own', '1'], ['X-Own', '2']] }),
  'headers as Headers': get('/echo', () => ({ headers: new Headers({ 'x-own': '1' }) })),
  'a header with a line break': get('/echo', { headers: { 'x-own': 'a\nb' } }),
  'a header without a name': get('/echo', { headers: { '': 'a' } }),
  'a header that is no bytes': get('/echo', { headers: { 'x-own': '\u2713' } }),
  'pairs that are none': get('/echo', { headers: [['x-own']] }),
  'headers that nobody may set': get('/echo', { headers: { 'transfer-encoding': 'chunked' } }),
  'cookies, and headers that come twice': get('/cookies'),
  'the headers of an answer, read and written': async ({ fetch, at }) => {
    const { headers } = await fetch(at('/text'))
    return {
      own: headers.get('X-OWN'), has: headers.has('x-none'), none: headers.get('x-none'), tag: Object.prototype.toString.call(headers), isHeaders: headers instanceof Headers,
      written: await outcome((async () => headers.set('x-own', '1'))()), names: [...headers.keys()].filter((name) => name !== 'date'), copy: new Headers(headers).get('x-own')
    }
  },

  // 5.3 Bodies
  'text()': consume('/text', (response) => response.text()),
  'json()': consume('/json', (response) => response.json()),
  'json() of what is none': consume('/broken-json', (response) => response.json()),
  'json() of nothing': consume('/empty', (response) => response.json()),
  'arrayBuffer()': consume('/text', async (response) => utf8(await response.arrayBuffer())),
  'blob()': consume('/text', async (response) => {
    const blob = await response.blob()
    return [blob.size, blob.type, await blob.text()]
  }),
  'bytes(), where there is such a thing': consume('/text', async (response) => utf8(await response.bytes?.())),
  'formData()': consume('/form', async (response) => [...(await response.formData())]),
  'formData() of what is none': consume('/text', (response) => response.formData()),
  'for await': consume('/pieces', (response) => read(response.body)),
  'a large body': consume('/large', async (response) => (await response.text()).length),
  'a large body in pieces': consume('/large', async (response) => (await read(response.body)).length),
  'a reader': consume('/pieces', async ({ body }) => {
    const reader = body.getReader()
    const locked = body.locked
    let text = ''
    for (let next; !(next = await reader.read()).done; ) text += utf8(next.value)
    return { text, locked, closed: await outcome(reader.closed), more: await reader.read() }
  }),
  'a reader with a buffer of its own': consume('/pieces', async ({ body }) => {
    const reader = body.getReader({ mode: 'byob' })
    let text = ''
    for (let next; !(next = await reader.read(new Uint8Array(5))).done; ) text += utf8(next.value)
    return text
  }),
  'what kind of pieces there are': consume('/pieces', async ({ body }) => {
    const { value } = await body.getReader().read()
    return [value.constructor.name, value.byteOffset, value.byteLength]
  }),
  'text() while somebody else reads': consume('/text', (response) => (response.body.getReader(), response.text())),
  'text() after the lock was released': consume('/text', (response) => (response.body.getReader().releaseLock(), response.text())),
  'clone(), both read': consume('/pieces', async (response) => {
    const twin = response.clone()
    const heads = [describeHead(response), describeHead(twin)]
    return { heads, texts: await Promise.all([twin.text(), response.text()]), isOther: twin.headers !== response.headers || twin.url === response.url }
  }),
  'clone() of a clone': consume('/text', async (response) => describeWhole(response.clone().clone())),
  'clone() after it was read': consume('/text', async (response) => (await response.text(), response.clone())),
  'clone(), one cancelled': consume('/pieces', async (response) => (response.clone().body.cancel().catch(() => {}), response.text())),
  'tee()': consume('/pieces', async ({ body }) => Promise.all(body.tee().map((branch) => read(branch)))),
  'pipeTo()': consume('/pieces', async ({ body }) => {
    let text = ''
    await body.pipeTo(new WritableStream({ write: (piece) => void (text += utf8(piece)) }))
    return text
  }),
  'pipeTo() what fails': consume('/pieces', ({ body }) => body.pipeTo(new WritableStream({ write: () => Promise.reject(new Error('full')) }))),
  'pipeThrough()': consume('/pieces', async ({ body }) => {
    let text = ''
    for await (const piece of body.pipeThrough(new TextDecoderStream())) text += piece
    return text
  }),
  'pipeThrough() a TransformStream': consume('/pieces', ({ body }) => read(body.pipeThrough(new TransformStream({ transform: (piece, one) => one.enqueue(piece) })))),
  'a Response around the body': consume('/text', (response) => describeWhole(new Response(response.body, response))),
  'cancel() before anything was read': consume('/pieces', ({ body }) => body.cancel(new Error('enough'))),
  'cancel() while somebody reads': consume('/pieces', ({ body }) => (body.getReader(), body.cancel())),
  'leaving after the first piece': consume('/pieces', (response) => read(response.body, () => true)),
  'reading after cancel()': consume('/pieces', async ({ body }) => {
    const reader = body.getReader()
    await reader.cancel()
    return { more: await reader.read(), closed: await outcome(reader.closed) }
  }),
  'two reads at once': consume('/pieces', async ({ body }) => {
    const reader = body.getReader()
    const both = await Promise.all([reader.read(), reader.read()])
    return both.map(({ value, done }) => [done, utf8(value)])
  }),

  // 5.5 Responses
  ...Object.fromEntries([200, 201, 204, 205, 206, 304, 400, 404, 429, 500, 503].map((code) => [`the status ${code}`, get(`/status?code=${code}${[204, 205, 304].includes(code) ? '&empty' : ''}`)])),
  'the status 503 without a body': get('/status?code=503&empty'),
  'a body of no length': get('/empty'),
  'a body of no length, in chunks': get('/empty-chunked'),
  'a body that is packed': get('/gzip'),
  'a body that is packed wrongly': get('/broken-gzip'),
  'hints before the answer': get('/hints'),
  'a status below 200 before the answer': get('/processing'),
  'HEAD': get('/text', { method: 'HEAD' }),
  'HEAD of an error': get('/status?code=503', { method: 'HEAD' }),
  'a server that breaks off before it answers': get('/break-before', { method: 'POST', body: 'x' }),
  'a server that breaks off in the headers': get('/break-in-headers', { method: 'POST', body: 'x' }),
  'a server that breaks off in the body': get('/break-in-body'),
  'a server that breaks off between chunks': get('/break-in-chunks'),
  'a server that ends too early': get('/end-too-early'),
  'a server that breaks off while pieces are read': consume('/break-in-chunks', (response) => read(response.body)),
  'a server that breaks off while json() waits': consume('/break-in-body', (response) => response.json()),
  'a server that breaks off while nobody reads': async ({ fetch, at, breakOff }) => {
    const { body } = await fetch(at('/stall'))
    const reader = body.getReader()
    const first = utf8((await reader.read()).value)
    breakOff()
    return { first, closed: await outcome(reader.closed), more: await outcome(reader.read()) }
  },
  'a server that speaks no HTTP': get('/garbage'),
  'a server whose headers are too large': get('/head-overflow'),

  // 5.4 Requests
  ...Object.fromEntries(['get', 'post', 'Put', 'patch', 'PATCH', 'delete', 'options', 'own', 'TRACE', 'connect', 'a b', ''].map((method) => [`the method ${JSON.stringify(method)}`, get('/echo', { method })])),
  'a text as a body': post(() => ({ body: 'h\u00e9' })),
  'an empty text as a body': post(() => ({ body: '' })),
  'null as a body': post(() => ({ body: null })),
  'a buffer as a body': post(() => ({ body: encoder.encode('bytes').buffer })),
  'a view as a body': post(() => ({ body: encoder.encode('bytes').subarray(1, 3) })),
  'a Blob as a body': post(() => ({ body: new Blob(['blob'], { type: 'text/x' }) })),
  'search params as a body': post(() => ({ body: new URLSearchParams({ a: '1 2' }) })),
  'a form as a body': post(() => {
    const body = new FormData()
    body.set('a', '1')
    body.set('b', new Blob(['file'], { type: 'text/plain' }), 'b.txt')
    return { body }
  }),
  'an object as a body': post(() => ({ body: { a: 1 } })),
  'a stream as a body': post(() => ({ duplex: 'half', body: upload(['a', 'b', 'c']).body })),
  'a stream as a body without `duplex`': post(() => ({ body: upload(['a']).body })),
  'a stream as a body that somebody reads': post(() => {
    const { body } = upload(['a'])
    body.getReader()
    return { body, duplex: 'half' }
  }),
  'a stream as a body with pieces that are no bytes': post(() => ({ duplex: 'half', body: new ReadableStream({ start: (one) => (one.enqueue('text'), one.close()) }) })),
  'a stream as a body that fails': async ({ fetch, at, until, seen }) => {
    const { body, told, fail } = upload(['a'], { endless: true })
    const call = outcome(fetch(at('/echo'), { method: 'POST', duplex: 'half', body }))
    await until(() => seen().length > 0)
    fail(new Error('mine'))
    return { call: await call, told }
  },
  'a stream as a body that the server does not want': async ({ fetch, at }) => {
    const { body, told } = upload(['a'], { endless: true })
    const call = await whole(fetch(at('/refuse-upload'), { method: 'POST', duplex: 'half', body }))
    return { status: call.value?.head.status, told: told.cancelled !== undefined && call.value === undefined }
  },
  'a stream as a body that is aborted': async ({ fetch, at, until, seen }) => {
    const { body, told } = upload(['a'], { endless: true })
    const controller = new AbortController()
    const call = outcome(fetch(at('/never'), { method: 'POST', duplex: 'half', body, signal: controller.signal }))
    await until(() => seen().length > 0)
    controller.abort(new Error('enough'))
    const ended = await call
    await after(20)
    return { ended, told }
  },
  'an async iterable as a body': post(() => ({ duplex: 'half', body: (async function* () { yield encoder.encode('a') })() })),
  'GET with a body': get('/echo', { body: 'x' }),
  'HEAD with a body': get('/echo', { method: 'HEAD', body: 'x' }),
  'a wrong length': get('/echo', { method: 'POST', body: 'x', headers: { 'content-length': '9' } }),
  'a type of its own': get('/echo', { method: 'POST', body: 'x', headers: { 'content-type': 'a/b' } }),
  ...Object.fromEntries(['cors', 'no-cors', 'same-origin', 'navigate', 'wrong'].map((mode) => [`the mode ${mode}`, get('/text', { mode })])),
  ...Object.fromEntries(['omit', 'same-origin', 'include', 'wrong'].map((credentials) => [`the credentials ${credentials}`, get('/text', { credentials })])),
  ...Object.fromEntries(['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached', 'wrong'].map((cache) => [`the cache ${cache}`, get('/text', { cache })])),
  'the cache only-if-cached, of the same origin': get('/text', { cache: 'only-if-cached', mode: 'same-origin' }),
  ...Object.fromEntries(['', 'no-referrer', 'origin', 'unsafe-url', 'same-origin', 'wrong'].map((referrerPolicy) => [`the referrer policy "${referrerPolicy}"`, get('/text', { referrerPolicy, referrer: 'http://127.0.0.1/from' })])),
  'no referrer': get('/text', { referrer: '' }),
  'the referrer of a client': get('/text', { referrer: 'about:client' }),
  'a referrer that is no URL': get('/text', { referrer: 'http://' }),
  'an integrity that matches': get('/text', { integrity: 'sha256-vZuxxnNgrI1eSBLG6XVEpoQKsMF5oLIU46SgA15rSOc=' }),
  'an integrity that does not': get('/text', { integrity: `sha256-${'A'.repeat(43)}=` }),
  'an integrity that is none': get('/text', { integrity: 'wrong' }),
  'keepalive': get('/echo', { method: 'POST', body: 'x', keepalive: true }),
  'a window': get('/text', { window: {} }),
  'no window': get('/text', { window: null }),
  'a duplex that is wrong': get('/text', { duplex: 'wrong' }),
  'a priority': get('/text', { priority: 'low' }),
  'an init with members that mean nothing': get('/text', { own: 1, timeout: 5 }),
  ...Object.fromEntries([null, undefined, {}, [], 5, 'text', true, () => {}].map((init, n) => [`an init that is ${['null', 'undefined', 'empty', 'an array', 'a number', 'a text', 'true', 'a function'][n]}`, async ({ fetch, at }) => whole(fetch(at('/text'), init))])),
  'an init that throws': get('/text', () => ({ get method() { throw new Error('mine') } })),
  'an init whose members are inherited': get('/echo', () => Object.create({ method: 'PUT', body: 'x', headers: { 'x-own': '1' } })),
  'an init that is of a class': get('/echo', () => new (class {
    get method() {
      return 'PUT'
    }
    get headers() {
      return { 'x-own': '1' }
    }
  })()),
  'an init that is frozen': get('/echo', () => Object.freeze({ method: 'PUT', body: 'x' })),
  'an init without a prototype': get('/echo', () => ({ __proto__: null, method: 'PUT', body: 'x' })),
  'an init with all signals': get('/text', { signal: null }),
  ...Object.fromEntries([['a text', 'now'], ['an object', {}], ['an emitter', new EventTarget()]].map(([what, signal]) => [`a signal that is ${what}`, get('/text', { signal })])),
  'a signal of another make': get('/text', () => ({ signal: { aborted: false, reason: undefined, addEventListener() {}, removeEventListener() {} } })),
  'a Request': async ({ fetch, at }) => whole(fetch(new Request(at('/echo'), { method: 'PUT', body: 'x', headers: { 'x-own': '1' } }))),
  'a Request with an empty init': async ({ fetch, at }) => whole(fetch(new Request(at('/echo'), { method: 'PUT', body: 'x' }), {})),
  'a Request with an init that changes it': async ({ fetch, at }) => whole(fetch(new Request(at('/echo'), { method: 'PUT', body: 'x' }), { method: 'POST', body: 'y' })),
  'a Request that is used': async ({ fetch, at }) => {
    const request = new Request(at('/echo'), { method: 'PUT', body: 'x' })
    const first = await whole(fetch(request))
    return { first, used: request.bodyUsed, second: await whole(fetch(request)) }
  },
  'a Request and its clone': async ({ fetch, at }) => {
    const request = new Request(at('/echo'), { method: 'PUT', body: 'x' })
    const twin = request.clone()
    return [await whole(fetch(request)), await whole(fetch(twin))]
  },
  'a Request with a stream': async ({ fetch, at }) => whole(fetch(new Request(at('/echo'), { method: 'PUT', duplex: 'half', body: upload(['a', 'b']).body }))),
  'a Request as an init': async ({ fetch, at }) => whole(fetch(at('/echo'), new Request('http://halfopen.invalid/', { method: 'PUT', body: 'x', headers: { 'x-own': '1' } }))),
  ...Object.fromEntries(['', 'no-referrer', 'origin', 'unsafe-url'].map((referrerPolicy) => [
    `a Request with a referrer and the policy "${referrerPolicy}"`,
    async ({ fetch, at }) => whole(fetch(new Request(at('/text'), { referrer: at('/from'), referrerPolicy })))
  ])),
  'a Request without a referrer': async ({ fetch, at }) => whole(fetch(new Request(at('/text'), { referrer: '' }))),
  'a Request with a referrer and an init, which forgets it': async ({ fetch, at }) => whole(fetch(new Request(at('/text'), { referrer: at('/from'), referrerPolicy: 'unsafe-url' }), { cache: 'no-store' })),
  'a Request with a referrer and an init that says nothing': async ({ fetch, at }) => whole(fetch(new Request(at('/text'), { referrer: at('/from'), referrerPolicy: 'unsafe-url' }), { own: 1, signal: undefined })),
  'a Request that is aborted': async ({ fetch, at, until, seen }) => {
    const controller = new AbortController()
    // Node forgets the signal of a Request that nobody holds.
    const request = new Request(at('/never'), { signal: controller.signal })
    const call = outcome(fetch(request))
    await until(() => seen().length > 0)
    controller.abort(new Error('enough'))
    return { call: await call, aborted: request.signal.aborted }
  },
  'a Request whose signal an init takes away': async ({ fetch, at }) => whole(fetch(new Request(at('/text'), { signal: AbortSignal.abort() }), { signal: null })),
  'a URL': async ({ fetch, at }) => whole(fetch(new URL(at('/text')))),
  'an object with a text': async ({ fetch, at }) => whole(fetch({ toString: () => at('/text') })),
  'a URL with a fragment': async ({ fetch, at }) => whole(fetch(at('/text#part'))),
  'a URL with a user': async ({ fetch, at }) => whole(fetch(at('/text').replace('//', '//user:secret@'))),
  ...Object.fromEntries(['', 'text', '/text', 'http://', 'http://[', 'ftp://127.0.0.1/', 'ws://127.0.0.1/', 'file:///etc/none', 'about:blank', 'about:other', 'data:text/plain,hi', 'data:text/plain;base64,aGk=', 'data:', 'blob:nodedata:none', 'javascript:1', 'http://127.0.0.1:1/', 'http://127.0.0.1:99999/'].map((url) => [`the URL ${JSON.stringify(url)}`, async ({ fetch }) => whole(fetch(url))])),
  'a URL of a Blob': async ({ fetch }) => {
    const url = URL.createObjectURL(new Blob(['blob'], { type: 'text/x' }))
    try {
      const { value } = await whole(fetch(url))
      return { text: value.text, headers: value.head.headers }
    } finally {
      URL.revokeObjectURL(url)
    }
  },
  'no argument': async ({ fetch }) => whole(fetch()),
  'undefined': async ({ fetch }) => whole(fetch(undefined)),
  'null': async ({ fetch }) => whole(fetch(null)),
  'a symbol': async ({ fetch }) => whole(fetch(Symbol('a'))),
  'a server that is away': async ({ fetch, away }) => whole(fetch(away)),

  // 5.6 fetch()
  ...Object.fromEntries([['without a reason', undefined], ['with an error', new Error('mine')], ['with a text', 'enough'], ['with null', null], ['with a deadline', new DOMException('late', 'TimeoutError')]].flatMap(([how, reason]) => [
    [`aborted before, ${how}`, get('/text', () => ({ signal: AbortSignal.abort(reason) }))],
    [`aborted while it waits, ${how}`, abortWhile('/never', reason)],
    [`aborted while text() waits, ${how}`, abortBody(reason, (response) => outcome(response.text()))],
    [`aborted while pieces are read, ${how}`, abortBody(reason, (response) => outcome(read(response.body)))],
    [`aborted while nobody reads, ${how}`, async ({ fetch, at }) => {
      const controller = new AbortController()
      const { body } = await fetch(at('/stall'), { signal: controller.signal })
      const reader = body.getReader()
      await reader.read()
      controller.abort(reason)
      return { closed: await outcome(reader.closed), more: await outcome(reader.read()), cancel: await outcome(reader.cancel()) }
    }]
  ])),
  'aborted before anything of the body was read': async ({ fetch, at }) => {
    const controller = new AbortController()
    const response = await fetch(at('/stall'), { signal: controller.signal })
    controller.abort(new Error('mine'))
    return { text: await outcome(response.text()), bodyUsed: response.bodyUsed }
  },
  'aborted before, with a body': async ({ fetch, at }) => {
    const { body, told } = upload(['a'])
    const call = await outcome(fetch(at('/echo'), { method: 'POST', duplex: 'half', body, signal: AbortSignal.abort(new Error('mine')) }))
    await after(5)
    return { call, told, locked: body.locked }
  },
  'aborted before, and malformed': get('/text', () => ({ signal: AbortSignal.abort(new Error('mine')), headers: { 'x-own': 'a\nb' } })),
  'aborted before, and a Request': async ({ fetch, at }) => whole(fetch(new Request(at('/text'), { signal: AbortSignal.abort(new Error('mine')) }))),
  'aborted at once': async ({ fetch, at }) => {
    const controller = new AbortController()
    const call = outcome(fetch(at('/never'), { signal: controller.signal }))
    controller.abort(new Error('mine'))
    return call
  },
  'aborted after it has ended': async ({ fetch, at }) => {
    const controller = new AbortController()
    const response = await fetch(at('/text'), { signal: controller.signal })
    const text = await response.text()
    controller.abort(new Error('mine'))
    return { text, bodyUsed: response.bodyUsed, head: describeHead(response) }
  },
  'aborted after the clone was read': async ({ fetch, at }) => {
    const controller = new AbortController()
    const response = await fetch(at('/stall'), { signal: controller.signal })
    const twin = response.clone()
    const both = [outcome(response.text()), outcome(twin.text())]
    await after(10)
    controller.abort(new Error('mine'))
    return Promise.all(both)
  },
  'a deadline that passes': async ({ fetch, at }) => outcome(fetch(at('/never'), { signal: AbortSignal.timeout(200) })),
  'a deadline that passes in the body': async ({ fetch, at }) => outcome(fetch(at('/stall'), { signal: AbortSignal.timeout(500) }).then((response) => response.text())),
  'one of two signals': async ({ fetch, at }) => {
    // Node forgets a deadline that nobody holds.
    const deadline = AbortSignal.timeout(200)
    return { call: await outcome(fetch(at('/never'), { signal: AbortSignal.any([new AbortController().signal, deadline]) })), aborted: deadline.aborted }
  },
  ...Object.fromEntries(['follow', 'error', 'manual', 'wrong'].flatMap((redirect) => [
    [`a redirect, ${redirect}`, async ({ fetch, at }) => whole(fetch(at('/redirect?to=text'), { redirect }))],
    [`no redirect, ${redirect}`, get('/text', { redirect })]
  ])),
  ...Object.fromEntries([301, 302, 303, 307, 308].map((code) => [`a redirect of a POST with ${code}`, async ({ fetch, at }) => whole(fetch(at(`/redirect?code=${code}&to=echo`), { method: 'POST', body: 'x', headers: { 'x-own': '1' } }))])),
  'a redirect of a stream': async ({ fetch, at }) => whole(fetch(at('/redirect?code=307&to=echo'), { method: 'POST', duplex: 'half', body: upload(['a']).body })),
  'a redirect to another origin, with what is secret': async ({ fetch, at, elsewhere }) => whole(fetch(at(`/redirect?to=${elsewhere('/echo')}`), { headers: { authorization: 'secret', cookie: 'a=1', 'x-own': '1' } })),
  'a redirect in a circle': get('/circle'),
  'a redirect to where no fetch goes': get('/redirect?to=ftp://127.0.0.1/'),
  'a redirect to data': get('/redirect?to=data:,hi'),
  'a redirect to no URL': get('/redirect?to=http://['),
  'a redirect without a location': get('/no-location'),
  'a redirect in a mode of one origin': async ({ fetch, at, elsewhere }) => whole(fetch(at(`/redirect?to=${elsewhere('/text')}`), { mode: 'same-origin' })),
  'many requests at once': async ({ fetch, at }) => Promise.all(Array.from({ length: 12 }, () => whole(fetch(at('/pieces'))))),
  'a body that nobody reads': async ({ fetch, at }) => head(fetch(at('/pieces')))
}
