// What undici does with a guard inside, through each of its ways to make a request: one list of checks for every version of it. It must not
// know which versions there are, or in which Node one runs.

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ManualClock } from '../../pkg/index.js'
import { guardDispatch } from '../../pkg/undici.js'
import { atEnd, closedOrigin, LIMIT, outcomes, rejectionOf, startHttp2, startServer, until } from './support.js'

const server = await startServer()
const { origin } = server

/** What one undici does with the guard inside. */
export function describeUndici(title, { Agent, Pool, fetch, interceptors, request, stream, pipeline, connect, upgrade, getGlobalDispatcher, setGlobalDispatcher }) {
  /** An agent around a guard. */
  function open(options, agentOptions) {
    const guard = guardDispatch({ failureThreshold: 100, ...options })
    const agent = new Agent(agentOptions)
    atEnd(() => agent.destroy())
    return { agent, guard, dispatcher: agent.compose(guard), registry: guard.registry }
  }
  /** The same, refusing what goes to the server. */
  function refusing(options) {
    const opened = open(options)
    opened.registry.get(origin).trip()
    return opened
  }

  describe(`${title}, a request that waits for a connection`, LIMIT, () => {
    const SIGNALS = {
      'an AbortSignal': () => {
        const controller = new AbortController()
        return { signal: controller.signal, abort: () => controller.abort(new Error('mine')) }
      },
      'an event emitter': () => {
        const signal = new EventEmitter()
        return { signal, abort: () => signal.emit('abort') }
      },
      'an event emitter with a reason': () => {
        const signal = new EventEmitter()
        return { signal, abort: () => signal.emit('abort', (signal.reason = new Error('mine'))) }
      }
    }
    for (const [kind, make] of Object.entries(SIGNALS)) {
      it(`is ignored when its caller aborts it by ${kind}`, async () => {
        const { dispatcher, registry } = open({ failureThreshold: 3 }, { connections: 1, pipelining: 1 })
        const busy = await startServer(() => {})
        const hung = make()
        const first = rejectionOf(request(busy.origin, { dispatcher, signal: hung.signal }))
        await until(() => busy.hits === 1)
        const waiting = Array.from({ length: 5 }, make)
        const calls = waiting.map(({ signal }) => rejectionOf(request(busy.origin, { dispatcher, signal })))
        for (const { abort } of waiting) abort()
        hung.abort()
        for (const [n, error] of (await Promise.all([...calls, first])).entries()) {
          const { signal } = [...waiting, hung][n]
          if (signal.reason === undefined) assert.equal(error.code, 'UND_ERR_ABORTED')
          else assert.equal(error, signal.reason)
        }
        await until(() => outcomes(registry).inFlight === undefined)
        assert.deepEqual(outcomes(registry), { ignored: 6 })
        assert.equal(busy.hits, 1)
      })
    }
  })

  describe(`${title}, a handler in the style of undici 6`, LIMIT, () => {
    /** How a dispatcher takes one: what it told in the end, or the error that it threw at once. */
    const taken = (dispatcher) =>
      new Promise((resolve, reject) => {
        let status
        dispatcher.dispatch({ origin, path: '/', method: 'GET' }, {
          onConnect() {},
          onHeaders(code) {
            status = code
            return true
          },
          onData: () => true,
          onComplete: () => resolve(status),
          onError: reject
        })
      }).catch(({ code, message }) => `${code}: ${message}`)

    it('is taken, or refused, as undici does without a guard', async () => {
      const { agent, dispatcher, registry } = open()
      const bare = await taken(agent)
      assert.ok([200, 'UND_ERR_INVALID_ARG: invalid onRequestStart method'].includes(bare), bare)
      assert.equal(await taken(dispatcher), bare)
      assert.deepEqual(outcomes(registry), bare === 200 ? { success: 1 } : {})
    })
  })

  describe(`${title}, an answer that did not come from undici`, LIMIT, () => {
    const cached = () => new Response('cached', { headers: { 'x-from': 'cache', 'x-latin': '\u00fc' } })

    it('has its headers, as fields and as they would come off the wire', async () => {
      const { dispatcher } = refusing({ fallback: cached })
      const { headers } = await request(origin, { dispatcher })
      assert.deepEqual(headers, { 'content-type': 'text/plain;charset=UTF-8', 'x-from': 'cache', 'x-latin': '\u00fc' })
      const raw = await request(origin, { dispatcher, responseHeaders: 'raw' })
      assert.deepEqual(raw.headers, ['content-type', 'text/plain;charset=UTF-8', 'x-from', 'cache', 'x-latin', '\u00fc'])
    })
    it('has them through fetch', async () => {
      const fallback = await fetch(origin, { dispatcher: refusing({ fallback: cached }).dispatcher })
      assert.deepEqual([fallback.headers.get('x-from'), await fallback.text()], ['cache', 'cached'])
      const refusal = await fetch(origin, { dispatcher: refusing({ onRefused: 'respond', clock: new ManualClock(), recoveryTimeout: 9000 }).dispatcher })
      assert.deepEqual([refusal.status, refusal.headers.get('retry-after'), refusal.headers.get('x-should-retry')], [503, '9', 'false'])
    })
    it('has them after a request that failed', async () => {
      const { dispatcher } = open({ fallbackOn: 'failure', fallback: cached, timeout: 100 })
      for (const path of ['/reset', '/never']) {
        const response = await fetch(origin + path, { dispatcher })
        assert.deepEqual([response.headers.get('x-from'), await response.text()], ['cache', 'cached'])
      }
    })
    it('may have its headers replaced by an interceptor around the guard', async () => {
      const { agent, guard } = refusing({ fallback: cached })
      const renames = (dispatch) => (options, handler) =>
        dispatch(options, {
          ...Object.fromEntries(HANDLES.map((name) => [name, (...args) => handler[name]?.(...args)])),
          onResponseStart(controller, status, fields, text) {
            controller.rawHeaders = [Buffer.from('x-from'), Buffer.from('elsewhere')]
            controller.rawTrailers = []
            handler.onResponseStart(controller, status, { ...fields, 'x-from': 'elsewhere' }, text)
          }
        })
      const dispatcher = agent.compose(guard, renames)
      for (const url of [origin, `${(await startServer()).origin}/`]) {
        const response = await fetch(url, { dispatcher })
        assert.equal(response.headers.get('x-from'), 'elsewhere')
        await response.text()
      }
    })
    it('says nothing of how the body of a kept response came, which is decoded', async () => {
      const zipped = gzipSync('from the server')
      const keeping = await startServer((_, response) => response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped))
      const kept = await globalThis.fetch(keeping.origin)
      const { dispatcher } = refusing({ fallback: () => kept.clone() })
      assert.equal(await (await fetch(origin, { dispatcher })).text(), 'from the server')
      const { headers, body } = await request(origin, { dispatcher })
      assert.equal(await body.text(), 'from the server')
      assert.deepEqual([headers['content-encoding'], headers['content-length'], headers['transfer-encoding']], [undefined, undefined, undefined])
    })
    it('has all its cookies', async () => {
      for (const cookies of [['a=1'], ['a=1', 'b=2; Path=/', 'c=3']]) {
        const fallback = () => new Response('', { headers: cookies.map((cookie) => ['set-cookie', cookie]) })
        const { dispatcher } = refusing({ fallback })
        assert.deepEqual([(await request(origin, { dispatcher })).headers['set-cookie']].flat(), cookies)
        assert.deepEqual((await fetch(origin, { dispatcher })).headers.getSetCookie(), cookies)
      }
    })
    it('ends the body of the request, which nobody reads any more', async () => {
      for (const options of [{ onRefused: 'respond' }, { fallback: cached }]) {
        const body = new Readable({ read() {} })
        await (await request(origin, { method: 'POST', body, dispatcher: refusing(options).dispatcher })).body.dump()
        await until(() => body.destroyed)
      }
      let reason = 'not cancelled'
      const stream = new ReadableStream({ cancel: (why) => (reason = why) })
      await (await request(origin, { method: 'POST', body: stream, dispatcher: refusing({ fallback: cached }).dispatcher })).body.dump()
      assert.equal(reason, undefined)
      const locked = new ReadableStream()
      locked.getReader()
      await (await request(origin, { method: 'POST', body: locked, dispatcher: refusing({ fallback: cached }).dispatcher })).body.dump()
    })
  })

  describe(`${title}, the URL of a request`, LIMIT, () => {
    const QUERIES = [
      [undefined, ''],
      [{}, ''],
      [{ id: 1 }, '?id=1'],
      [{ 'a b': 'c&d', n: 1n, yes: true, none: null, odd: { deep: 1 }, nan: NaN }, '?a%20b=c%26d&n=1&yes=true&none=&odd=&nan='],
      [{ list: ['x', 2, ''], empty: [] }, '?list=x&list=2&list=']
    ]
    it('has the query that undici sends', async () => {
      const seen = []
      const echo = await startServer(({ url }, response) => response.end(url))
      const { dispatcher, registry } = open({ key: ({ url }) => (seen.push(url.href), url.pathname) })
      for (const [query, expected] of QUERIES) {
        const { body } = await request(`${echo.origin}/users`, { dispatcher, query })
        assert.equal(await body.text(), `/users${expected}`)
        assert.equal(seen.pop(), `${echo.origin}/users${expected}`)
      }
      assert.deepEqual([...registry.keys()], ['/users'])
    })
    it('is where undici sends it, whatever the path looks like', async () => {
      const seen = []
      const { dispatcher, registry } = open({ key: ({ url }) => (seen.push(url.href), url.origin) })
      await (await request(`${origin}//elsewhere.example/users`, { dispatcher })).body.dump()
      assert.deepEqual([seen, [...registry.keys()]], [[`${origin}//elsewhere.example/users`], [origin]])
    })
  })

  describe(`${title}, the body of a request`, LIMIT, () => {
    const own = new Error('the file went away')
    const BODIES = {
      'a stream': () => {
        const body = new Readable({ read() {} })
        return { body, breakOff: () => body.destroy(own) }
      },
      'a ReadableStream': () => {
        let controller
        const body = new ReadableStream({ start: (one) => (controller = one, controller.enqueue(Buffer.from('some'))) })
        return { body, breakOff: () => controller.error(own) }
      },
      'an iterable': () => {
        let breakOff
        const broken = new Promise((_, reject) => (breakOff = () => reject(own)))
        const chunks = async function* () {
          yield Buffer.from('some')
          await broken
        }
        return { body: chunks(), breakOff }
      }
    }
    for (const [kind, make] of Object.entries(BODIES)) {
      it(`blames no server when it breaks off by itself: ${kind}`, async () => {
        const { dispatcher, registry } = open({ failureThreshold: 1 })
        const busy = await startServer(() => {})
        const { body, breakOff } = make()
        const call = rejectionOf(request(busy.origin, { dispatcher, method: 'POST', body }))
        if (kind === 'a stream') body.push('some')
        await until(() => busy.hits === 1)
        breakOff()
        assert.equal(await call, own)
        await until(() => outcomes(registry).inFlight === undefined)
        assert.deepEqual(outcomes(registry), { ignored: 1 })
      })
      it(`is the server's fault when the server breaks off: ${kind}`, async () => {
        const servers = []
        for (const quit of [({ socket }) => socket.resetAndDestroy(), ({ socket }) => socket.destroy()]) {
          servers.push(await startServer((received) => received.once('data', () => quit(received))))
        }
        for (const quit of [({ stream: { session } }) => session.destroy(), (received) => received.stream.close(2)]) {
          const http2 = await startHttp2()
          http2.answer = (received) => received.once('data', () => quit(received))
          servers.push(http2)
        }
        for (const [n, { origin: url }] of servers.entries()) {
          const { dispatcher, registry } = open({}, { allowH2: true, connect: { rejectUnauthorized: false } })
          const { body } = make()
          if (kind === 'a stream') body.push('some')
          const error = await rejectionOf(request(url, { dispatcher, method: 'POST', body }))
          assert.ok(error instanceof Error && error !== own)
          await until(() => outcomes(registry).inFlight === undefined)
          assert.deepEqual(outcomes(registry), { failure: 1 }, `server ${n}`)
        }
      })
      it(`reaches the server whole: ${kind}`, async () => {
        const echo = await startServer(async (received, response) => response.end(Buffer.concat(await received.toArray())))
        const { dispatcher } = open()
        const whole = { 'a stream': Readable.from(['so', 'me']), 'a ReadableStream': new Blob(['some']).stream(), 'an iterable': [Buffer.from('so'), Buffer.from('me')].values() }[kind]
        const { body } = await request(echo.origin, { dispatcher, method: 'POST', body: whole })
        assert.equal(await body.text(), 'some')
      })
    }
    it('is let go of once the request is over', async () => {
      const { agent, dispatcher } = open()
      const listeners = []
      for (const through of [agent, dispatcher]) {
        const body = new Readable({ read() {} })
        body.push('some')
        await (await request(`${origin}/status?code=200`, { dispatcher: through, method: 'POST', body })).body.dump()
        listeners.push(body.listenerCount('error'))
        body.on('error', () => {}).destroy()
      }
      assert.equal(listeners[1], listeners[0])
    })
    it('blames no server when it is longer or shorter than it says', async () => {
      const { dispatcher, registry } = open()
      for (const [body, length] of [['some', '9'], [Readable.from(['some']), '2'], [Readable.from(['some']), '9']]) {
        const error = await rejectionOf(request(`${origin}/never`, { dispatcher, method: 'POST', body, headers: { 'content-length': length } }))
        assert.equal(error.code, 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH')
      }
      await until(() => outcomes(registry).inFlight === undefined)
      assert.deepEqual(outcomes(registry), { ignored: 3 })
    })
    it('blames no server for a query that undici can put nowhere', async () => {
      const { dispatcher, registry } = open()
      const error = await rejectionOf(request(`${origin}/?a=1`, { dispatcher, query: { b: 2 } }))
      assert.match(error.message, /^Query params cannot be passed/)
      assert.deepEqual(outcomes(registry), { ignored: 1 })
    })
  })

}

/** All that a handler can be told. */
const HANDLES = ['onRequestStart', 'onRequestUpgrade', 'onResponseStart', 'onResponseData', 'onResponseEnd', 'onResponseError']
