// What undici does with a guard inside, through each of its ways to make a request: one list of checks for every version of it. It must not
// know which versions there are, or in which Node one runs.

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ManualClock } from '../../pkg/index.js'
import { guardDispatch } from '../../pkg/undici.js'
import { atEnd, LIMIT, outcomes, rejectionOf, startHttp2, startServer, until } from './support.js'

const server = await startServer()
const { origin } = server

/** What one undici does with the guard inside. */
export function describeUndici(title, undici) {
  const { Agent, fetch, request, stream, pipeline, connect, upgrade, getGlobalDispatcher, setGlobalDispatcher } = undici

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
    it('is ignored when an interceptor inside the guard makes another error of it', async () => {
      const { agent, guard } = open({}, { connections: 1, pipelining: 1 })
      const wraps = (dispatch) => (options, handler) =>
        dispatch(options, { ...handing(handler), onResponseError: (controller, cause) => handler.onResponseError(controller, new Error('wrapped', { cause })) })
      const dispatcher = agent.compose(wraps, guard)
      const busy = await startServer(() => {})
      const controller = new AbortController()
      const calls = [1, 2].map(() => rejectionOf(request(busy.origin, { dispatcher, signal: controller.signal })))
      await until(() => busy.hits === 1)
      controller.abort()
      for (const { message } of await Promise.all(calls)) assert.equal(message, 'wrapped')
      assert.deepEqual(outcomes(guard.registry), { ignored: 2 })
    })
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
          ...handing(handler),
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
    it('leaves a server that hands its request on able to answer', async () => {
      const { dispatcher } = refusing({ onRefused: 'respond' })
      const proxy = await startServer(async (received, response) => {
        const { statusCode, body } = await request(origin, { dispatcher, method: 'POST', body: received })
        response.writeHead(statusCode).end(await body.text())
      })
      const client = new Agent({ connections: 1 })
      atEnd(() => client.destroy())
      for (let n = 0; n < 2; n++) {
        const { statusCode, body } = await request(proxy.origin, { dispatcher: client, method: 'POST', body: Buffer.alloc(1 << 20) })
        assert.equal(statusCode, 503)
        assert.match(await body.text(), /"Circuit open/)
      }
    })
    it('comes as its reader reads it, however long it is', async () => {
      let asked = 0
      const long = new ReadableStream({ pull: (controller) => (asked++ < 100 ? controller.enqueue(new Uint8Array(1 << 16)) : controller.close()) }, { highWaterMark: 0 })
      const { dispatcher } = refusing({ fallback: () => new Response(long) })
      const { body } = await request(origin, { dispatcher })
      await once(body, 'readable')
      const early = asked
      assert.ok(early > 0 && early < 10, String(early))
      assert.equal((await body.arrayBuffer()).byteLength, 100 << 16)
    })
    it('is not given where the caller aborts meanwhile', async () => {
      const controller = new AbortController()
      const own = new Error('mine')
      let give
      const { dispatcher, registry } = refusing({ fallback: () => new Promise((resolve) => (give = resolve)) })
      const call = rejectionOf(request(origin, { dispatcher, signal: controller.signal }))
      await until(() => give !== undefined)
      controller.abort(own)
      give(cached())
      assert.equal(await call, own)
      assert.equal(registry.get(origin).metrics.inFlight, 0)
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
    it('is not touched where the key throws', async () => {
      const { dispatcher } = open({ key: () => { throw own } })
      const body = new Readable({ read() {} })
      assert.equal(await rejectionOf(request(origin, { dispatcher, method: 'POST', body })), own)
      assert.deepEqual([body.listenerCount('error'), body.destroyed], [0, false])
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

  describe(`${title}, responseError inside the guard`, LIMIT, () => {
    it('makes errors that are judged as the responses they were', async () => {
      for (const [code, outcome] of [[404, 'success'], [408, 'ignored'], [429, 'ignored'], [503, 'failure']]) {
        const { agent, guard } = open()
        const dispatcher = agent.compose(undici.interceptors.responseError(), guard)
        assert.equal((await rejectionOf(request(`${origin}/status?code=${code}`, { dispatcher }))).statusCode, code)
        await until(() => outcomes(guard.registry).inFlight === undefined)
        assert.deepEqual(outcomes(guard.registry), { [outcome]: 1 }, String(code))
      }
      const { agent, guard } = open({ clock: new ManualClock() })
      const dispatcher = agent.compose(undici.interceptors.responseError(), guard)
      await rejectionOf(request(`${origin}/status?code=429&retry-after=7`, { dispatcher }))
      await until(() => guard.registry.get(origin).state === 'open')
      assert.equal(guard.registry.get(origin).explain().retryAfter, 7000)
    })
  })

  describe(`${title}, each way to make a request`, LIMIT, () => {
    /** One that takes both kinds of connection away from HTTP, and says nothing on them. */
    async function switching() {
      const one = await startServer()
      const onSwitch = (head) => (_, socket) => {
        socket.on('error', () => {})
        socket.write(head)
        one.sockets.add(socket)
      }
      one.on('upgrade', onSwitch('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: own\r\n\r\n'))
      one.on('connect', onSwitch('HTTP/1.1 200 Connection established\r\n\r\n'))
      return one
    }
    it('upgrade() settles its call when the connection is handed over', async () => {
      const { dispatcher, registry } = open({ settleOn: 'body', maxConcurrent: 1 })
      const { origin: url } = await switching()
      for (let n = 0; n < 2; n++) {
        const { socket, headers } = await upgrade(url, { dispatcher, protocol: 'own' })
        assert.equal(headers.upgrade, 'own')
        socket.on('error', () => {}).destroy()
      }
      assert.deepEqual(outcomes(registry), { success: 2 })
    })
    it('upgrade() that the server does not take is judged by its answer', async () => {
      for (const [code, outcome] of [[503, 'failure'], [404, 'success']]) {
        const { dispatcher, registry } = open()
        await rejectionOf(upgrade(`${origin}/status?code=${code}`, { dispatcher }))
        await until(() => outcomes(registry).inFlight === undefined)
        assert.deepEqual(outcomes(registry), { [outcome]: 1 })
      }
    })
    it('connect() settles its call, and is refused', async () => {
      const { dispatcher, registry } = open()
      const { origin: url } = await switching()
      const { statusCode, socket } = await connect(url, { dispatcher, path: '127.0.0.1:9' })
      socket.on('error', () => {}).destroy()
      assert.equal(statusCode, 200)
      assert.deepEqual(outcomes(registry), { success: 1 })
      registry.get(url).trip()
      assert.equal((await rejectionOf(connect(url, { dispatcher, path: '127.0.0.1:9' }))).code, 'ERR_CIRCUIT_OPEN')
    })
    it('stream() gives bodies, refusals and answers', async () => {
      const { dispatcher, registry } = open({ onRefused: 'respond' })
      const read = async (url) => {
        const chunks = []
        let status
        await stream(url, { dispatcher, method: 'GET' }, ({ statusCode }) => {
          status = statusCode
          return new Writable({ write: (chunk, _, next) => (chunks.push(chunk), next()) })
        })
        return [status, String(Buffer.concat(chunks))]
      }
      assert.deepEqual(await read(`${origin}/chunks`), [200, 'chunk 0\nchunk 1\nchunk 2\n'])
      assert.deepEqual(outcomes(registry), { success: 1 })
      registry.get(origin).trip()
      const [status, text] = await read(origin)
      assert.equal(status, 503)
      assert.match(text, /"Circuit open/)
      assert.equal((await rejectionOf(stream(origin, { dispatcher: refusing().dispatcher, method: 'GET' }, () => assert.fail('no response')))).code, 'ERR_CIRCUIT_OPEN')
    })
    it('pipeline() sends its half and gives the other', async () => {
      const echo = await startServer((received, response) => received.pipe(response))
      const { dispatcher, registry } = open({ settleOn: 'body' })
      const chunks = await pipeline(echo.origin, { dispatcher, method: 'POST' }, ({ body }) => body).end('some').toArray()
      assert.equal(String(Buffer.concat(chunks)), 'some')
      await until(() => outcomes(registry).inFlight === undefined)
      assert.deepEqual(outcomes(registry), { success: 1 })
      registry.get(echo.origin).trip()
      const [error] = await once(pipeline(echo.origin, { dispatcher, method: 'POST' }, ({ body }) => body).end('some'), 'error')
      assert.equal(error.code, 'ERR_CIRCUIT_OPEN')
    })
    it('pipelined requests are calls of their own', async () => {
      const queued = []
      const slow = await startServer((_, response) => queued.push(response))
      const { dispatcher, registry } = open({}, { connections: 1, pipelining: 3 })
      // undici pipelines on a connection that has answered once, and only what asks for it.
      const calls = [request(slow.origin, { dispatcher })]
      await until(() => queued.length === 1)
      queued.shift().end()
      await (await calls.shift()).body.dump()
      for (let n = 0; n < 3; n++) calls.push(request(slow.origin, { dispatcher, blocking: false }))
      await until(() => queued.length === 3)
      assert.equal(slow.sockets.size, 1)
      for (const [n, response] of queued.entries()) response.writeHead([200, 503, 404][n]).end()
      const statuses = []
      for (const { statusCode, body } of await Promise.all(calls)) statuses.push(statusCode), await body.dump()
      assert.deepEqual(statuses, [200, 503, 404])
      assert.deepEqual(outcomes(registry), { success: 3, failure: 1 })
    })
    it('fetch() counts, and is refused with the error as its cause', async () => {
      const { dispatcher, registry } = open()
      for (const code of [200, 503]) await (await fetch(`${origin}/status?code=${code}`, { dispatcher })).text()
      await rejectionOf(fetch(`${origin}/reset`, { dispatcher }))
      const controller = new AbortController()
      const aborted = rejectionOf(fetch(`${origin}/never`, { dispatcher, signal: controller.signal }))
      await until(() => outcomes(registry).inFlight === 1)
      controller.abort()
      assert.equal((await aborted).name, 'AbortError')
      await until(() => outcomes(registry).inFlight === undefined)
      assert.deepEqual(outcomes(registry), { success: 1, failure: 2, ignored: 1 })
      registry.get(origin).trip()
      assert.equal((await rejectionOf(fetch(origin, { dispatcher }))).cause.code, 'ERR_CIRCUIT_OPEN')
    })
    it('fetch() with a deadline that passes is a timeout', async () => {
      for (const path of ['/never', '/slow-body']) {
        const { dispatcher, registry } = open({ settleOn: 'body' })
        const controller = new AbortController()
        const call = rejectionOf(fetch(origin + path, { dispatcher, signal: controller.signal }).then((response) => response.text()))
        const { hits } = server
        await until(() => server.hits > hits)
        const deadline = new DOMException('late', 'TimeoutError')
        controller.abort(deadline)
        assert.equal(await call, deadline)
        await until(() => outcomes(registry).inFlight === undefined)
        assert.equal(registry.get(origin).metrics.timedOutCalls, 1, path)
      }
    })
    it('all of them go through a guard in the global dispatcher', async () => {
      const { dispatcher, registry } = open()
      const before = getGlobalDispatcher()
      setGlobalDispatcher(dispatcher)
      try {
        await (await request(origin)).body.dump()
        await (await fetch(origin)).text()
        // The one of Node too, where it takes this undici's dispatchers.
        await (await globalThis.fetch(origin)).text()
      } finally {
        setGlobalDispatcher(before)
      }
      assert.deepEqual(outcomes(registry), { success: 3 })
    })
  })

  describe(`${title}, a body until which the call lasts`, LIMIT, () => {
    const endless = (_, response) => {
      response.on('error', () => {})
      const write = () => { if (!response.destroyed) response.write(Buffer.alloc(1 << 16)) ? setImmediate(write) : response.once('drain', write) }
      write()
    }
    const over = (registry) => until(() => outcomes(registry).inFlight === undefined)

    it('holds no place where nobody reads it, and can be read later', async () => {
      const long = await startServer((_, response) => response.end(Buffer.alloc(1 << 20, 'x')))
      const { dispatcher, registry } = open({ settleOn: 'body', timeout: 100, maxConcurrent: 1, failureThreshold: 1 })
      const bodies = []
      for (let n = 0; n < 3; n++) {
        bodies.push((await request(long.origin, { dispatcher })).body)
        await over(registry)
      }
      assert.deepEqual(outcomes(registry), { success: 3 })
      for (const body of bodies) assert.equal((await body.text()).length, 1 << 20)
    })
    it('left by its reader is a success after a piece', async () => {
      const steady = await startServer(endless)
      const { dispatcher, registry } = open({ settleOn: 'body', failureThreshold: 1 })
      for await (const _ of (await request(steady.origin, { dispatcher })).body) break
      const reader = (await fetch(steady.origin, { dispatcher })).body.getReader()
      await reader.read()
      await reader.cancel()
      await stream(steady.origin, { dispatcher, method: 'GET' }, () => {
        const sink = new Writable({ write: () => sink.destroy() })
        return sink
      }).catch(() => {})
      await over(registry)
      assert.deepEqual(outcomes(registry), { success: 3 })
    })
    it('that stalls is a timeout, told to whoever reads it', async () => {
      for (const read of [async (options) => (await request(`${origin}/slow-body`, options)).body.text(), async (options) => (await fetch(`${origin}/slow-body`, options)).text()]) {
        const { dispatcher, registry } = open({ settleOn: 'body', timeout: 50, failureThreshold: 1 })
        const error = await rejectionOf(read({ dispatcher }))
        assert.equal((error.cause ?? error).code, 'ERR_CALL_TIMEOUT')
        assert.deepEqual([registry.get(origin).metrics.timedOutCalls, registry.get(origin).state], [1, 'open'])
      }
    })
    // undici takes the pieces of that ahead, and asks for more whether anybody reads them or not: nothing tells a guard of a reader.
    it('of request() that fits its buffer counts as waited for, though nobody reads it, unless it is given up', async () => {
      const { dispatcher, registry } = open({ settleOn: 'body', timeout: 50 })
      await request(`${origin}/slow-body`, { dispatcher })
      await over(registry)
      assert.deepEqual([outcomes(registry), registry.get(origin).metrics.timedOutCalls], [{ failure: 1 }, 1])
      const { body } = await request(`${origin}/slow-body`, { dispatcher })
      await once(body.on('error', () => {}), 'readable')
      body.destroy()
      await over(registry)
      assert.deepEqual(outcomes(registry), { failure: 1, success: 1 })
    })
    it('whose caller\'s deadline passes is a timeout', async () => {
      const { dispatcher, registry } = open({ settleOn: 'body' })
      const controller = new AbortController()
      const { body } = await request(`${origin}/slow-body`, { dispatcher, signal: controller.signal })
      await once(body, 'readable')
      controller.abort(new DOMException('late', 'TimeoutError'))
      assert.equal((await rejectionOf(body.text())).name, 'TimeoutError')
      await over(registry)
      assert.equal(registry.get(origin).metrics.timedOutCalls, 1)
    })
  })

  describe(`${title}, a handler`, LIMIT, () => {
    const dispatched = { origin, path: '/chunks', method: 'GET' }
    /** A handler that keeps what it is told, changed by what a test overrides. */
    function recording(overrides) {
      const told = []
      const handler = Object.fromEntries(HANDLES.map((name) => [name, (...args) => (told.push(name), overrides?.[name]?.(...args))]))
      const error = new Promise((resolve) => {
        const { onResponseError } = handler
        handler.onResponseError = (controller, reason) => (onResponseError(controller, reason), resolve(reason))
      })
      return { told, handler, error }
    }

    it('that pauses gets nothing until it resumes', async () => {
      const { dispatcher } = open()
      let controller
      const { told, handler } = recording({ onResponseStart: (one) => (controller = one).pause() })
      dispatcher.dispatch(dispatched, handler)
      await until(() => controller !== undefined)
      assert.equal(controller.paused, true)
      // Another request through the same server: what was sent before it has come.
      await (await request(`${origin}/chunks`)).body.dump()
      assert.deepEqual(told, ['onRequestStart', 'onResponseStarted', 'onResponseStart'])
      controller.resume()
      assert.equal(controller.paused, false)
      await until(() => told.includes('onResponseEnd'))
      assert.ok(told.includes('onResponseData'))
    })
    for (const throwing of ['onResponseStart', 'onResponseData', 'onResponseEnd']) {
      it(`that throws in ${throwing} blames no server`, async () => {
        const own = new Error('mine')
        const { dispatcher, registry } = open({ settleOn: 'body', failureThreshold: 1, maxConcurrent: 1 })
        const { handler, error } = recording({ [throwing]: () => { throw own } })
        dispatcher.dispatch(dispatched, handler)
        assert.equal(await error, own)
        await until(() => outcomes(registry).inFlight === undefined)
        // At the end of a good body, the server did all that it had to.
        assert.deepEqual(outcomes(registry), throwing === 'onResponseEnd' ? { success: 1 } : { ignored: 1 })
      })
    }
    it('that throws before there is a response blames no server, and has its error', async () => {
      const hinting = await startServer((_, response) => {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' })
        response.end('body')
      })
      const own = new Error('mine')
      const THROWS = {
        onRequestStart: () => { throw own },
        onResponseStarted: () => { throw own },
        onResponseStart: (_, status) => { if (status < 200) throw own }
      }
      for (const [name, throwing] of Object.entries(THROWS)) {
        for (const options of [{}, { settleOn: 'body' }, { timeout: 10_000 }]) {
          const { dispatcher, registry } = open({ ...options, failureThreshold: 1, maxConcurrent: 1 })
          const { handler, error } = recording({ [name]: throwing })
          dispatcher.dispatch({ ...dispatched, origin: hinting.origin }, handler)
          assert.equal(await error, own, name)
          await until(() => outcomes(registry).inFlight === undefined)
          assert.deepEqual(outcomes(registry), { ignored: 1 }, name)
        }
      }
    })
    it('that throws at a hint has its request rejected', async () => {
      const hinting = await startServer((_, response) => {
        response.writeEarlyHints({ link: '</a.css>; rel=preload' })
        response.end('body')
      })
      const own = new Error('mine')
      const { dispatcher, registry } = open()
      assert.equal(await rejectionOf(request(hinting.origin, { dispatcher, onInfo() { throw own } })), own)
      assert.deepEqual(outcomes(registry), { ignored: 1 })
    })
    it('that throws at its response, or at the connection it took over, was served', async () => {
      const own = new Error('mine')
      const { dispatcher, registry } = open({ failureThreshold: 1 })
      const { handler, error } = recording({ onResponseStart: () => { throw own } })
      dispatcher.dispatch(dispatched, handler)
      assert.equal(await error, own)
      assert.deepEqual(outcomes(registry), { success: 1 })
      await rejectionOf(stream(`${origin}/chunks`, { dispatcher, method: 'GET' }, () => { throw own }))
      assert.deepEqual(outcomes(registry), { success: 2 })
    })
    it('that throws at an answer which did not come from undici has its own error', async () => {
      const own = new Error('mine')
      for (const throwing of ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd']) {
        const { dispatcher, registry } = refusing({ onRefused: 'respond' })
        const { handler, error } = recording({ [throwing]: () => { throw own } })
        dispatcher.dispatch(dispatched, handler)
        assert.equal(await error, own, throwing)
        assert.deepEqual(outcomes(registry), {})
      }
    })
    it('learns whether the dispatcher has room for more', async () => {
      const guard = guardDispatch()
      for (const room of [true, false]) {
        assert.equal(guard(() => room)(dispatched, recording().handler), room)
      }
      guard.registry.get(origin).trip()
      const { handler, error } = recording()
      assert.equal(guard(() => false)(dispatched, handler), true)
      assert.equal((await error).code, 'ERR_CIRCUIT_OPEN')
    })
    it('that has its response gets no second one from the fallback', async () => {
      let answers = 0
      const { dispatcher, registry } = open({ settleOn: 'body', fallbackOn: 'failure', fallback: () => (answers++, new Response('cached')) })
      const { told, handler, error } = recording()
      dispatcher.dispatch({ ...dispatched, path: '/reset-in-body' }, handler)
      assert.ok((await error) instanceof Error)
      await until(() => outcomes(registry).inFlight === undefined)
      assert.deepEqual(outcomes(registry), { failure: 1 })
      assert.equal(answers, 0)
      assert.deepEqual(told.filter((name) => name !== 'onResponseData'), ['onRequestStart', 'onResponseStarted', 'onResponseStart', 'onResponseError'])
    })
    it('starts once, though a fallback answers what failed', async () => {
      const { dispatcher } = open({ fallbackOn: 'failure', fallback: () => new Response('cached') })
      const { told, handler } = recording()
      dispatcher.dispatch({ ...dispatched, path: '/reset' }, handler)
      await until(() => told.includes('onResponseEnd'))
      assert.deepEqual(told, ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'])
    })
  })
}

/** All that a handler can be told. */
const HANDLES = ['onRequestStart', 'onRequestUpgrade', 'onResponseStarted', 'onResponseStart', 'onResponseData', 'onResponseEnd', 'onResponseError']

/** A handler that hands all of it on. */
const handing = (handler) => Object.fromEntries(HANDLES.map((name) => [name, (...args) => handler[name]?.(...args)]))
