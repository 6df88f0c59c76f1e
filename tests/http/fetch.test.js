// What a guarded fetch counts, answers and leaves behind, against servers on this machine. It must not know the clients that are built on
// fetch, nor faults of the network: those are next door.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { Readable } from 'node:stream'
import { after, describe, it } from 'node:test'
import { Agent, request, fetch as undiciFetch, Request as UndiciRequest } from 'undici'
import { ManualClock } from '../../pkg/index.js'
import { guardFetch } from '../../pkg/fetch.js'
import { guardDispatch } from '../../pkg/undici.js'
import { atEnd, closedOrigin, collect, LIMIT, outcomes, rejectionOf, startServer, unhandled, until } from './support.js'

const server = await startServer()
const { origin } = server
after(() => assert.deepEqual(unhandled, []))

/** The two doors, which have to mean the same: each as `get(url, init)` that gives status, headers and a reader of the body. */
const DOORS = {
  'guardFetch()': (options) => {
    const guarded = guardFetch(options)
    return { registry: guarded.registry, get: (url, init) => guarded(url, init) }
  },
  'guardDispatch()': (options) => {
    const guard = guardDispatch(options)
    const agent = new Agent()
    atEnd(() => agent.destroy())
    const dispatcher = agent.compose(guard)
    return {
      registry: guard.registry,
      async get(url, init) {
        const { statusCode, headers, body } = await request(url, { ...init, dispatcher })
        return { status: statusCode, headers: new Headers(headers), text: () => body.text(), body, cancel: () => body.destroy() }
      }
    }
  }
}

/** The outcome of one request. */
async function outcomeOf(open, url, options) {
  const { get, registry } = open({ failureThreshold: 100, ...options })
  await (await get(url)).text()
  const [outcome, ...more] = Object.keys(outcomes(registry))
  assert.deepEqual(more, [])
  return outcome
}

for (const [door, open] of Object.entries(DOORS)) {
  describe(`${door}, a response`, LIMIT, () => {
    const DEFAULTS = {
      success: [200, 204, 301, 304, 400, 401, 403, 404, 409, 410, 422, 451, 501, 505],
      failure: [500, 502, 503, 504, 529],
      ignored: [408, 429]
    }
    for (const [outcome, statuses] of Object.entries(DEFAULTS)) {
      it(`counts as ${outcome} by its status: ${statuses.join(', ')}`, async () => {
        for (const status of statuses) {
          assert.equal(await outcomeOf(open, `${origin}/status?code=${status}`), outcome, String(status))
        }
      })
    }

    const POLICIES = [
      [429, { rateLimit: 'failure' }, 'failure'],
      [429, { rateLimit: 'ignored' }, 'ignored'],
      [429, { failOn: [429] }, 'failure'],
      [429, { failOn: [500] }, 'ignored'],
      [408, { failOn: [408] }, 'failure'],
      [408, { failOn: ({ status }) => status >= 500 }, 'ignored'],
      [501, { failOn: [501] }, 'failure'],
      [503, { failOn: [500] }, 'success'],
      [404, { failOn: ({ status }) => status === 404 }, 'failure'],
      [503, { failOn: ({ status }) => status === 404 }, 'success'],
      [200, { failOn: ({ headers }) => headers.get('content-length') !== 'x' }, 'failure']
    ]
    it('counts as the caller says', async () => {
      for (const [status, options, outcome] of POLICIES) {
        const told = `${status} ${Object.entries(options).map(String).join()}`
        assert.equal(await outcomeOf(open, `${origin}/status?code=${status}`, options), outcome, told)
      }
    })
  })

  describe(`${door}, Retry-After`, LIMIT, () => {
    const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000).toUTCString()
    /** For how many seconds the circuit is open after a response, or which state it is in otherwise. */
    async function openFor(status, header, options, headers = {}) {
      const { get, registry } = open({ failureThreshold: 1, recoveryTimeout: 30_000, clock: new ManualClock(), ...options })
      const query = new URLSearchParams({ code: status, ...(header === undefined ? {} : { 'retry-after': header }), ...headers })
      await (await get(`${origin}/status?${query}`)).text()
      if (registry.get(origin).state !== 'open') return registry.get(origin).state
      return (await rejectionOf(get(`${origin}/`))).retryAfter / 1000
    }
    const CASES = [
      // header, open after 429, open after 503
      [undefined, 'closed', 30],
      ['120', 120, 120],
      ['5', 5, 30],
      ['0', 'closed', 30],
      ['1000000000', 300, 300],
      ['40.5', 40.5, 40.5],
      ['0.503', 0.503, 30],
      ['1e9', 'closed', 30],
      ['0x10', 'closed', 30],
      ['-1', 'closed', 30],
      ['abc', 'closed', 30],
      ['Wed, 21 Oct 2015 07:28:00 GMT', 'closed', 30]
    ]
    it('pauses after a 429 for as long as asked, and lengthens the open time after failures', async () => {
      for (const [header, after429, after503] of CASES) {
        assert.equal(await openFor(429, header), after429, `429 ${header}`)
        assert.equal(await openFor(503, header), after503, `503 ${header}`)
      }
    })
    it('may be a date', async () => {
      for (const status of [429, 503]) {
        const seconds = await openFor(status, inSeconds(100))
        assert.ok(seconds > 97 && seconds <= 100, `${status}: ${seconds}`)
        assert.equal(await openFor(status, inSeconds(1e6)), 300)
      }
    })
    it("is measured by the server's clock, in all three forms of dates", async () => {
      const date = 'Thu, 01 Jan 2026 00:00:00 GMT'
      for (const until of ['Thu, 01 Jan 2026 00:01:40 GMT', 'Thursday, 01-Jan-26 00:01:40 GMT', 'Thu Jan  1 00:01:40 2026']) {
        for (const status of [429, 503]) assert.equal(await openFor(status, until, {}, { date }), 100, until)
      }
    })
    it('is measured by the clock here where the server tells no date that can be read', async () => {
      for (const date of ['today', ' ']) {
        const seconds = await openFor(429, inSeconds(100), {}, { date })
        assert.ok(seconds > 97 && seconds <= 100, `${date}: ${seconds}`)
      }
    })
    it('has less to say than `retry-after-ms`', async () => {
      assert.equal(await openFor(429, '120', {}, { 'retry-after-ms': '1500' }), 1.5)
      assert.equal(await openFor(429, undefined, {}, { 'retry-after-ms': '1500' }), 1.5)
      assert.equal(await openFor(429, '120', {}, { 'retry-after-ms': 'soon' }), 120)
      assert.equal(await openFor(503, '120', {}, { 'retry-after-ms': '45000' }), 45)
    })
    it('is capped where the caller says', async () => {
      assert.equal(await openFor(429, '120', { retryAfter: { max: 60_000 } }), 60)
      assert.equal(await openFor(503, '120', { retryAfter: { max: 60_000 } }), 60)
    })
    it('does not pause where 429 is a failure or ignored', async () => {
      assert.equal(await openFor(429, '120', { rateLimit: 'failure', failureThreshold: 2 }), 'closed')
      assert.equal(await openFor(429, '120', { rateLimit: 'ignored' }), 'closed')
    })
  })

  describe(`${door}, a refused request`, LIMIT, () => {
    const refusing = (options) => {
      const doors = open({ failureThreshold: 1, ...options })
      doors.registry.get(origin).trip()
      return doors
    }
    it('rejects, and reaches no server', async () => {
      const before = server.hits
      const error = await rejectionOf(refusing({}).get(`${origin}/`))
      assert.deepEqual([error.code, error.breaker], ['ERR_CIRCUIT_OPEN', origin])
      assert.equal(server.hits, before)
    })
    const told = (response) => ['retry-after', 'x-circuit-breaker', 'x-circuit-breaker-code', 'x-should-retry', 'content-type'].map((name) => response.headers.get(name))
    it('is answered by a 503 that says when to come back, to people and machines, if asked for', async () => {
      const response = await refusing({ onRefused: 'respond', recoveryTimeout: 41_500, clock: new ManualClock() }).get(`${origin}/`)
      assert.deepEqual([response.status, ...told(response)], [503, '42', origin, 'ERR_CIRCUIT_OPEN', 'false', 'application/json'])
      assert.deepEqual(JSON.parse(await response.text()), { error: { message: `Circuit open. Retry in 42s (${origin})`, code: 'ERR_CIRCUIT_OPEN' } })
    })
    it('is worth a retry while a test request is in flight: nothing says otherwise', async () => {
      const { get, registry } = refusing({ onRefused: 'respond', recoveryTimeout: 0 })
      const controller = new AbortController()
      const test = rejectionOf(get(`${origin}/never`, { signal: controller.signal }))
      assert.equal(registry.get(origin).state, 'half_open')
      const response = await get(`${origin}/`)
      assert.deepEqual([response.status, ...told(response)], [503, '1', origin, 'ERR_CIRCUIT_OPEN', null, 'application/json'])
      assert.equal(JSON.parse(await response.text()).error.code, 'ERR_CIRCUIT_OPEN')
      controller.abort()
      await test
    })
    it('is worth a retry where the bulkhead is full, in whatever state', async () => {
      for (const state of ['closed', 'half_open']) {
        const { get, registry } = open({ onRefused: 'respond', maxConcurrent: 1, halfOpenMaxConcurrent: 2, recoveryTimeout: 0 })
        const breaker = registry.get(origin)
        if (state === 'half_open') breaker.trip()
        const controller = new AbortController()
        const first = rejectionOf(get(`${origin}/never`, { signal: controller.signal }))
        assert.equal(breaker.state, state)
        const response = await get(`${origin}/`)
        assert.deepEqual([response.status, ...told(response)], [503, '1', origin, 'ERR_BULKHEAD_FULL', null, 'application/json'])
        assert.deepEqual(JSON.parse(await response.text()), { error: { message: `Too many calls in flight, at most 1 at once (${origin})`, code: 'ERR_BULKHEAD_FULL' } })
        controller.abort()
        await first
      }
    })
    it('is answered whatever the key is called, and by no time where nobody knows it', async () => {
      const { get, registry } = open({ onRefused: 'respond', key: () => 'tenant ü\ud800\n' })
      registry.get('tenant ü\ud800\n').isolate()
      const { headers } = await get(`${origin}/`)
      assert.deepEqual([headers.get('x-circuit-breaker'), headers.get('retry-after')], ['tenant%20%C3%BC?%0A', null])
    })
    it('has the same headers and no body where a HEAD is refused', async () => {
      const { get } = refusing({ onRefused: 'respond' })
      const full = await get(`${origin}/`)
      for (const method of ['HEAD', 'head']) {
        const response = await get(`${origin}/`, { method })
        assert.deepEqual([response.status, await response.text(), ...told(response)], [503, '', ...told(full)], method)
      }
    })
    it('is answered by the fallback, which gets the request and the error', async () => {
      const seen = []
      const { get } = refusing({
        onRefused: 'respond',
        fallback(request, error) {
          seen.push(request.url.href, request.method, error.code)
          return Response.json({ from: 'cache' }, { headers: { 'x-from': 'cache' } })
        }
      })
      const response = await get(`${origin}/users?id=1`, { method: 'POST', body: 'x' })
      assert.deepEqual([response.status, response.headers.get('x-from'), await response.text()], [200, 'cache', '{"from":"cache"}'])
      assert.deepEqual(seen, [`${origin}/users?id=1`, 'POST', 'ERR_CIRCUIT_OPEN'])
    })
    it('rejects with what its fallback throws', async () => {
      const own = new Error('no cache')
      const { get } = refusing({ fallback: () => Promise.reject(own) })
      assert.equal(await rejectionOf(get(`${origin}/`)), own)
    })
    it("has the fallback answer failed requests too, with `fallbackOn: 'failure'`", async () => {
      const { get, registry } = open({ fallbackOn: 'failure', fallback: (_, error) => new Response(error.name) })
      const response = await get(`${await closedOrigin()}/`)
      assert.match(await response.text(), /Error/)
      assert.deepEqual(outcomes(registry), { failure: 1 })
    })
    it('is refused by a full bulkhead, too', async () => {
      const { get } = open({ maxConcurrent: 1, timeout: 500 })
      const hung = rejectionOf(get(`${origin}/never`))
      assert.equal((await rejectionOf(get(`${origin}/`))).code, 'ERR_BULKHEAD_FULL')
      assert.equal((await hung).code, 'ERR_CALL_TIMEOUT')
    })
  })

  describe(`${door}, keys`, LIMIT, () => {
    it('are origins, never paths', async () => {
      const { get, registry } = open({})
      const other = await startServer()
      for (const path of ['/', '/a', '/b?c=d']) for (const base of [origin, other.origin]) await (await get(base + path)).text()
      assert.deepEqual([...registry.keys()].sort(), [origin, other.origin].sort())
    })
    it('are what the caller makes of a request', async () => {
      const { get, registry } = open({ key: ({ url, method }) => `${method} ${url.pathname}` })
      for (const path of ['/a', '/b?c=d']) await (await get(origin + path)).text()
      assert.deepEqual([...registry.keys()], ['GET /a', 'GET /b'])
    })
    it('are bounded in number', async () => {
      let n = 0
      const { get, registry } = open({ key: () => String(n++), maxBreakers: 3 })
      for (let m = 0; m < 10; m++) await (await get(origin)).text()
      assert.equal(registry.size, 3)
    })
    it('that throw reject the request', async () => {
      const own = new Error('key')
      const { get } = open({ key: () => { throw own } })
      assert.equal(await rejectionOf(get(origin)), own)
    })
  })

  describe(`${door}, the caller's signal`, LIMIT, () => {
    for (const options of [{}, { timeout: 5000 }, { settleOn: 'body' }]) {
      const told = JSON.stringify(options)
      it(`keeps its reason, and its abort is ignored: ${told}`, async () => {
        for (const reason of [new Error('mine'), 'a text', { an: 'object' }]) {
          const { get, registry } = open(options)
          const controller = new AbortController()
          const { hits } = server
          const call = rejectionOf(get(`${origin}/never`, { signal: controller.signal }))
          await until(() => server.hits > hits)
          controller.abort(reason)
          const error = await call
          assert.equal(error, reason)
          await until(() => registry.get(origin).metrics.inFlight === 0)
          assert.deepEqual(outcomes(registry), { ignored: 1 })
        }
      })
      it(`aborts the body after its headers came: ${told}`, async () => {
        const { get } = open(options)
        const controller = new AbortController()
        const response = await get(`${origin}/slow-body`, { signal: controller.signal })
        const text = rejectionOf(response.text())
        const own = new Error('enough')
        controller.abort(own)
        assert.equal(await text, own)
      })
    }
  })

  describe(`${door}, settled by the body`, LIMIT, () => {
    const untilBody = (options) => open({ settleOn: 'body', failureThreshold: 100, ...options })
    it('succeeds at its end', async () => {
      const { get, registry } = untilBody()
      const response = await get(`${origin}/chunks`)
      assert.equal(await response.text(), 'chunk 0\nchunk 1\nchunk 2\n')
      await until(() => outcomes(registry).success === 1)
    })
    it('fails when it breaks off', async () => {
      const { get, registry } = untilBody()
      const response = await get(`${origin}/reset-in-body`)
      const error = await rejectionOf(response.text())
      assert.ok(error instanceof Error)
      await until(() => outcomes(registry).failure === 1)
    })
    it('fails when it takes too long', async () => {
      const { get, registry } = untilBody({ timeout: 100 })
      const response = await get(`${origin}/slow-body`)
      assert.equal((await rejectionOf(response.text())).code, 'ERR_CALL_TIMEOUT')
      assert.deepEqual(outcomes(registry), { failure: 1 })
    })
    // A piece comes with the headers, and undici hands on at once what came.
    const left = door === 'guardDispatch()' ? 'success' : 'ignored'
    it(`counts as ${left} when its consumer cancels`, async () => {
      const { get, registry } = untilBody()
      const response = await get(`${origin}/slow-body`)
      if (response.cancel) response.body.on('error', () => {}), response.cancel()
      else await response.body.cancel()
      await until(() => outcomes(registry)[left] === 1)
    })
    it('counts by its status at once when that is bad', async () => {
      const { get, registry } = untilBody()
      const response = await get(`${origin}/status?code=503`)
      assert.deepEqual(outcomes(registry), { failure: 1 })
      await response.text()
    })
    it('holds a test request no longer than the half-open time when it is never read', async () => {
      const clock = new ManualClock()
      const { get, registry } = untilBody({ clock, recoveryTimeout: 1000, halfOpenTimeout: 2000 })
      const breaker = registry.get(origin)
      breaker.trip()
      clock.advance(1000)
      const unread = await get(`${origin}/slow-body`)
      assert.equal((await rejectionOf(get(origin))).state, 'half_open')
      clock.advance(2000)
      assert.equal(breaker.checkState(), 'open')
      clock.advance(1000)
      await (await get(origin)).text()
      await (await get(origin)).text()
      await until(() => breaker.state === 'closed')
      assert.equal(unread.status, 200)
      if (unread.cancel) unread.body.on('error', () => {}), unread.cancel()
      else await unread.body.cancel()
    })
  })

  describe(`${door}, resources`, LIMIT, () => {
    it('are given back: 10,000 failures through a small pool', async () => {
      const pool = new Agent({ connections: 4 })
      atEnd(() => pool.destroy())
      const guard = guardDispatch({ failureThreshold: 1e6 })
      const composed = pool.compose(guard)
      const guarded = guardFetch({ failureThreshold: 1e6, fetch: (input, init) => undiciFetch(input, { ...init, dispatcher: pool }) })
      const one = door === 'guardFetch()' ? async () => (await guarded(url)).body.cancel() : async () => (await request(url, { dispatcher: composed })).body.dump()
      const failing = await startServer((_, response) => response.writeHead(503).end('down'))
      const url = failing.origin
      let left = 10_000
      await Promise.all(Array.from({ length: 50 }, async () => { while (left-- > 0) await one() }))
      const { registry } = door === 'guardFetch()' ? guarded : guard
      assert.deepEqual(outcomes(registry), { failure: 10_000 })
      assert.equal(failing.hits, 10_000)
      if (door !== 'guardFetch()') assert.ok(failing.sockets.size <= 4, `${failing.sockets.size} sockets`)
    })
    it('of an unread good body in body mode come back once it is forgotten', async () => {
      if (door !== 'guardFetch()') return
      const { get, registry } = open({ settleOn: 'body' })
      await (async () => assert.equal((await get(`${origin}/slow-body`)).status, 200))()
      for (let n = 0; n < 20 && outcomes(registry).success !== 1; n++) await collect()
      // A piece of it is there: the server has served.
      assert.deepEqual(outcomes(registry), { success: 1 })
    })
  })
}

describe('guardFetch()', LIMIT, () => {
  it('leaves in the stack of an error who asked', async () => {
    const fetch = async () => {
      await undefined
      throw new Error('away')
    }
    for (const options of [{}, { timeout: 1000 }, { settleOn: 'body' }, { settleOn: 'body', timeout: 1000 }]) {
      const guarded = guardFetch({ ...options, fetch })
      const whoAsks = async () => await guarded(origin)
      assert.match((await rejectionOf(whoAsks())).stack, /whoAsks/, JSON.stringify(options))
    }
  })
  it('gives the very Response that fetch gave', async () => {
    let given
    const guarded = guardFetch({ fetch: async (...args) => (given = await fetch(...args)) })
    for (const options of [undefined, { signal: new AbortController().signal }]) {
      const response = await guarded(`${origin}/status?code=503`, options)
      assert.equal(response, given)
      assert.equal(await response.text(), 'body')
    }
  })
  it('takes what fetch takes: texts, URLs and Requests with their bodies', async () => {
    const echo = await startServer(async (request, response) => {
      const chunks = await request.toArray()
      response.end(`${request.method} ${request.headers['x-own']} ${Buffer.concat(chunks)}`)
    })
    for (const options of [{}, { timeout: 1000 }, { settleOn: 'body' }]) {
      const guarded = guardFetch(options)
      const init = { method: 'PUT', headers: { 'x-own': '1' }, body: 'hi' }
      for (const args of [[echo.origin, init], [new URL(echo.origin), init], [new Request(echo.origin, init)], [new Request(echo.origin), init]]) {
        assert.equal(await (await guarded(...args)).text(), 'PUT 1 hi')
      }
    }
  })
  it('takes a Request for an init, as fetch does', async () => {
    const echo = await startServer(async (request, response) => {
      response.end(`${request.method} ${request.headers['x-own']} ${Buffer.concat(await request.toArray())}`)
    })
    const init = () => new Request('http://elsewhere.invalid/', { method: 'POST', headers: { 'x-own': '1' }, body: 'hi' })
    for (const options of [{}, { timeout: 1000 }, { settleOn: 'body' }, { configure: () => ({}) }]) {
      assert.equal(await (await guardFetch(options)(echo.origin, init())).text(), 'POST 1 hi', JSON.stringify(options))
    }
  })
  it('names the status that opened the circuit as the cause of refusals', async () => {
    const guarded = guardFetch({ failureThreshold: 1 })
    await (await guarded(`${origin}/status?code=503`)).text()
    const { cause } = await rejectionOf(guarded(origin))
    assert.ok(cause instanceof Error)
    assert.equal(cause.message, 'HTTP status 503')
  })
  it('warns of no leak where many requests at once have one signal', async () => {
    const warnings = []
    const onWarning = (warning) => warnings.push(String(warning))
    process.on('warning', onWarning)
    const { signal } = new AbortController()
    for (const options of [{}, { timeout: 10_000 }, { settleOn: 'body' }]) {
      const guarded = guardFetch({ ...options, fetch: async () => new Response('x') })
      await Promise.all(Array.from({ length: 20 }, async () => (await guarded(origin, { signal })).text()))
    }
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    assert.deepEqual(warnings, [])
  })
  it('leaves alone what leads to no server: a `data:` URL, unless there is a key for it', async () => {
    const guarded = guardFetch()
    assert.equal(await (await guarded('data:text/plain,hi')).text(), 'hi')
    assert.ok((await rejectionOf(guarded('blob:nodedata:none'))) instanceof TypeError)
    assert.equal(guarded.registry.size, 0)
    const keyed = guardFetch({ key: ({ url }) => url.protocol })
    assert.equal(await (await keyed('data:text/plain,hi')).text(), 'hi')
    assert.deepEqual([...keyed.registry.keys()], ['data:'])
  })
  it('refuses a key that is no text, and sends nothing', async () => {
    const { hits } = server
    for (const key of [async () => 'x', () => ({}), () => ['a'], () => Symbol('a'), () => undefined, () => 7]) {
      for (const [door, open] of Object.entries(DOORS)) {
        const error = await rejectionOf(open({ key }).get(origin))
        assert.deepEqual([error.code, error.option], ['ERR_INVALID_OPTION', 'key'], `${door} ${key}`)
      }
    }
    assert.equal(server.hits, hits)
  })
  it('gives up the answer of a fetch that heeds no signal, once its call has timed out', async () => {
    let answer, cancelled
    for (const settleOn of ['headers', 'body']) {
      const guarded = guardFetch({ settleOn, timeout: 10, fetch: () => new Promise((resolve) => (answer = resolve)) })
      assert.equal((await rejectionOf(guarded(origin))).code, 'ERR_CALL_TIMEOUT')
      cancelled = false
      answer(new Response(new ReadableStream({ cancel: () => void (cancelled = true) })))
      await until(() => cancelled)
    }
  })
  it('looks the global fetch up at each request', async () => {
    const guarded = guardFetch()
    const { fetch } = globalThis
    try {
      globalThis.fetch = async () => new Response('replaced')
      assert.equal(await (await guarded(origin)).text(), 'replaced')
    } finally {
      globalThis.fetch = fetch
    }
    assert.equal(await (await guarded(origin)).text(), '{}')
  })
  it("heeds a Request's own signal, and that `signal: null` takes it away", async () => {
    const guarded = guardFetch({ timeout: 5000 })
    const own = new Error('mine')
    const aborted = new Request(origin, { signal: AbortSignal.abort(own) })
    assert.equal(await rejectionOf(guarded(aborted)), own)
    assert.equal(await (await guarded(aborted, { signal: null })).text(), '{}')
    assert.deepEqual(outcomes(guarded.registry), { success: 1 })
  })
  it('blames no server for what the caller did wrong', async () => {
    const guarded = guardFetch()
    for (const args of [['http://'], [null], [origin, { headers: { 'x-own': 'a\nb' } }], [origin, { method: 'GET', body: 'x' }], ['http://user:password@127.0.0.1/']]) {
      assert.ok((await rejectionOf(guarded(...args))) instanceof TypeError, String(args[0]))
    }
    assert.equal(outcomes(guarded.registry).failure, undefined)
  })
  it('blames no server for a body that was sent before, is read by another or is a stream without `duplex`', async () => {
    const guarded = guardFetch({ timeout: 1000 })
    const sent = new Request(origin, { method: 'POST', body: 'hi' })
    await (await guarded(sent)).text()
    const locked = new ReadableStream()
    locked.getReader()
    const { hits } = server
    const streams = [new ReadableStream(), Readable.from(['x']), (async function* () {})()]
    const calls = [[sent], [origin, sent], [origin, { method: 'POST', duplex: 'half', body: locked }], ...streams.map((body) => [origin, { method: 'POST', body }])]
    for (const args of calls) assert.ok((await rejectionOf(guarded(...args))) instanceof TypeError)
    assert.equal(server.hits, hits)
    assert.deepEqual(outcomes(guarded.registry), { success: 1, ignored: 6 })
  })
  it('blames no server for a Request of another library, which fetch takes for a text', async () => {
    const guarded = guardFetch()
    assert.match((await rejectionOf(guarded(new UndiciRequest(origin)))).message, /parse URL/)
    assert.deepEqual(outcomes(guarded.registry), { ignored: 1 })
  })
  it('in body mode leaves the memory of chunks to whoever made them', async () => {
    const bytes = new TextEncoder().encode('abcdef')
    const wasm = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, 6)
    wasm.set(bytes)
    const bodies = {
      'two views of one buffer': () => ReadableStream.from([bytes.subarray(0, 3), bytes.subarray(3)]),
      "Node's pool of buffers": () => Readable.toWeb(Readable.from([Buffer.from('abc'), Buffer.from('def')])),
      'the memory of Wasm': () => ReadableStream.from([wasm])
    }
    for (const [what, make] of Object.entries(bodies)) {
      const guarded = guardFetch({ settleOn: 'body', fetch: async () => new Response(make()) })
      for (let turn = 0; turn < 2; turn++) assert.equal(await (await guarded(origin)).text(), 'abcdef', what)
      await until(() => outcomes(guarded.registry).success === 2)
    }
    assert.equal(Buffer.from('the pool is whole').toString(), 'the pool is whole')
  })
  it('in body mode passes on a response whose body is being read by whoever made it, or is no stream', async () => {
    const taken = new Response('x')
    taken.body.getReader()
    for (const given of [taken, { ok: true, status: 200, headers: new Headers(), body: 'text' }, { ok: true, status: 200, headers: new Headers() }]) {
      const guarded = guardFetch({ settleOn: 'body', fetch: async () => given })
      assert.equal(await guarded(origin), given)
      await until(() => outcomes(guarded.registry).success === 1)
    }
  })
  it('in body mode gives a response that has everything of the original', async () => {
    const guarded = guardFetch({ settleOn: 'body' })
    const other = await startServer()
    const response = await guarded(`${origin}/redirect?to=${other.origin}/chunks`)
    const twin = response.clone()
    const original = await fetch(`${origin}/redirect?to=${other.origin}/chunks`)
    await original.text()
    for (const { url, redirected, type, status, ok } of [response, twin]) {
      assert.deepEqual({ url, redirected, type, status, ok }, { url: `${other.origin}/chunks`, redirected: true, type: original.type, status: 200, ok: true })
    }
    for (const { headers } of [response, twin, twin.clone()]) assert.throws(() => headers.set('a', 'b'), TypeError)
    assert.equal(await twin.text(), await response.text())
    const reader = (await guarded(`${origin}/chunks`)).body.getReader({ mode: 'byob' })
    let text = ''
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(4))
      if (done) break
      text += Buffer.from(value)
    }
    assert.equal(text, 'chunk 0\nchunk 1\nchunk 2\n')
  })
  for (const options of [{}, { timeout: 10_000 }, { settleOn: 'body' }]) {
    it(`leaves nothing on a signal after 10,000 requests: ${JSON.stringify(options)}`, async () => {
      const warnings = []
      const onWarning = (warning) => warnings.push(warning)
      process.on('warning', onWarning)
      const { signal } = new AbortController()
      const guarded = guardFetch({ ...options, fetch: async () => new Response('x') })
      for (let n = 0; n < 10_000; n++) await (await guarded(origin, { signal })).text()
      await collect()
      assert.equal(getEventListeners(signal, 'abort').length, 0)
      for (const symbol of Object.getOwnPropertySymbols(signal)) {
        if (/Dependant/.test(String(symbol))) assert.equal(signal[symbol]?.size ?? 0, 0)
      }
      process.off('warning', onWarning)
      assert.deepEqual(warnings, [])
    })
  }
  it('checks its options', () => {
    for (const options of [
      null, { key: 1 }, { fallback: 1 }, { fetch: 1 }, { settleOn: 'end' }, { onRefused: 'wait' }, { retryAfter: 5 }, { retryAfter: { maxMs: 5 } },
      { retryAfter: { max: -1 } }, { failOn: 500 }, { failOn: [0] }, { rateLimit: 'wait' }, { classify: () => 'success' }, { maxRetryAfter: 1 },
      { failureTreshold: 1 }, { timeout: -1 }
    ]) {
      for (const guard of [guardFetch, guardDispatch]) {
        if (guard === guardDispatch && options?.fetch !== undefined) continue
        assert.throws(() => guard(options), { code: 'ERR_INVALID_OPTION' }, JSON.stringify(options))
      }
    }
  })
})

describe('guardDispatch()', LIMIT, () => {
  it('guards a pool, which names no origin', async () => {
    const { Pool } = await import('undici')
    const guard = guardDispatch()
    const pool = new Pool(origin)
    atEnd(() => pool.destroy())
    const { body } = await pool.compose(guard).request({ path: '/', method: 'GET' })
    assert.equal(await body.text(), '{}')
    assert.equal(guard.registry.summary().successful, 1)
  })
  it('gives up a request that waits for a connection', async () => {
    const guard = guardDispatch({ timeout: 100, failureThreshold: 100 })
    const agent = new Agent({ connections: 1, pipelining: 1 })
    atEnd(() => agent.destroy())
    const dispatcher = agent.compose(guard)
    const { hits } = server
    const errors = await Promise.all([1, 2, 3].map(() => rejectionOf(request(`${origin}/never`, { dispatcher }))))
    assert.deepEqual(errors.map(({ code }) => code), Array(3).fill('ERR_CALL_TIMEOUT'))
    assert.ok(server.hits - hits < 3)
    assert.deepEqual(outcomes(guard.registry), { failure: 3 })
  })
  it('blames no server for what the caller did wrong', async () => {
    const guard = guardDispatch()
    const agent = new Agent()
    const dispatcher = agent.compose(guard)
    assert.equal((await rejectionOf(request(origin, { dispatcher, method: 'A B' }))).code, 'UND_ERR_INVALID_ARG')
    await agent.destroy()
    assert.equal((await rejectionOf(request(origin, { dispatcher }))).code, 'UND_ERR_DESTROYED')
    assert.deepEqual(outcomes(guard.registry), { ignored: 2 })
  })
  it('hands on hints that come before the response', async () => {
    const hinting = await startServer((_, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.writeHead(503).end()
    })
    const guard = guardDispatch()
    const agent = new Agent()
    atEnd(() => agent.destroy())
    const infos = []
    const { body } = await request(hinting.origin, { dispatcher: agent.compose(guard), onInfo: ({ statusCode }) => infos.push(statusCode) })
    await body.dump()
    assert.deepEqual(infos, [103])
    assert.deepEqual(outcomes(guard.registry), { failure: 1 })
  })
})
