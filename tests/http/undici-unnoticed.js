// That a guard which never trips is not noticed: one table of situations, each with a dispatcher as it is and with a guard in each of its modes.
// What handlers are told, what the caller sees and what the server sees have to agree. It must not know what any of that is.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { connect as connectTo } from 'node:net'
import { Readable, Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { guardDispatch } from '../../pkg/undici.js'
import { outcomes, startHttp2, startServer, until } from './support.js'

/** The ways in which a guard may be set up. A fallback that throws what it was asked for answers nothing. */
const MODES = {
  'as it comes': {},
  'with a timeout': { timeout: 60_000 },
  'until the body': { settleOn: 'body' },
  'until the body, with a timeout and a place for one': { settleOn: 'body', timeout: 60_000, maxConcurrent: 1 },
  'answering refusals': { onRefused: 'respond', fallback: () => assert.fail('nobody was refused'), maxConcurrent: 1 },
  'with a fallback that rethrows': { fallbackOn: 'failure', fallback: (_, error) => { throw error } }
}

/** How long anything is waited for, in ms. What takes it is not noticed either, where it is so without a guard. */
const PATIENCE = 3000

/** What a handler may have. */
const METHODS = ['onRequestStart', 'onRequestUpgrade', 'onResponseStarted', 'onResponseStart', 'onResponseData', 'onResponseEnd', 'onResponseError', 'onBodySent', 'onRequestSent']

/** What is told of an error: by what it is known. */
const ofError = (error) => (error instanceof Error || error?.message !== undefined ? `${error.name} ${error.code} ${withoutPorts(error.message)}`.replace(BROKEN, 'broken') : String(error))
const withoutPorts = (text) => String(text).replaceAll(/127\.0\.0\.1:\d+/g, 'HOST').replace(/this\[.* is not a function/, 'it is not a function')
/** A connection that breaks is seen by undici or by Node, whichever is first. */
const BROKEN = /^(SocketError UND_ERR_SOCKET other side closed|Error ECONNRESET read ECONNRESET)$/

/** An interceptor that notes what the handler around it is told. */
function recorder(log) {
  const shown = {
    onRequestStart: (controller) => [controller.aborted, controller.paused],
    onRequestUpgrade: (controller, status, headers) => [status, Object.keys(headers), controller.rawHeaders !== null],
    onResponseStarted: () => [],
    onResponseStart: (controller, status, headers, text) => [status, text, Object.keys(headers), controller.rawHeaders !== null],
    onResponseData: (controller, chunk) => [controller.aborted, Buffer.isBuffer(chunk)],
    onResponseEnd: (controller, trailers) => [{ ...trailers }, controller.aborted],
    onResponseError: (controller, error) => [controller?.aborted, controller?.reason && ofError(controller.reason), ofError(error)],
    onBodySent: (chunk) => [String(chunk).length],
    onRequestSent: () => []
  }
  return (dispatch) => (options, handler) => {
    const wrapped = {}
    for (const name of METHODS) {
      if (handler?.[name] === undefined) continue
      if (typeof handler[name] !== 'function') wrapped[name] = handler[name]
      else {
        wrapped[name] = (...args) => {
          const entry = JSON.stringify([name, ...shown[name](...args)])
          // How a body is cut into pieces is chance.
          if (name !== 'onResponseData' || log.at(-1) !== entry) log.push(entry)
          try {
            return handler[name](...args)
          } catch (error) {
            log.push(`${name} threw ${ofError(error)}`)
            throw error
          }
        }
      }
    }
    try {
      const room = dispatch(options, handler && wrapped)
      log.push(`dispatched ${room}`)
      return room
    } catch (error) {
      log.push(`dispatch threw ${ofError(error)}`)
      throw error
    }
  }
}

/** What is another in each form. */
const BOUNDARY = /formdata-undici-\d+/g

/** A server that notes what it gets. */
async function watchedServer(answer, start = startServer) {
  const seen = []
  const server = await start()
  let connections = 0
  server.on('connection', () => connections++)
  server.answer = (request, response, query) => {
    const entry = { method: request.method, url: withoutPorts(request.url), type: request.headers['content-type']?.replace(BOUNDARY, ''), length: request.headers['content-length'], body: '', whole: false }
    seen.push(entry)
    request.on('error', () => {}).on('data', (chunk) => (entry.body += String(chunk).replaceAll(BOUNDARY, ''))).on('end', () => (entry.whole = true))
    response.on('error', () => {})
    return answer?.(request, response, query)
  }
  return { server, seen, origin: server.origin, connections: () => connections }
}

const text = (body) => (_, response) => response.end(body)
const throws = (error) => () => { throw error }
const mine = () => new Error('mine')

/** A stream to be sent that gives a piece and then waits. */
const pending = () => {
  const body = new Readable({ read() {} })
  body.push('some')
  return body
}

/** How a stream ends, for those who hold it. */
function watch(stream) {
  const errors = []
  stream.on('error', (error) => errors.push(ofError(error)))
  return async () => {
    for (let n = 0; n < 50 && !stream.closed; n++) await turn()
    return { destroyed: stream.destroyed, error: stream.errored && ofError(stream.errored), errors }
  }
}

/** What a promise came to. */
const settled = (promise) => promise.then((value) => ({ value }), (error) => ({ error: ofError(error), cause: error?.cause && ofError(error.cause) }))

/** A request and its body as a text. */
async function whole({ request }, url, options) {
  const { statusCode, statusText, headers, trailers, body } = await request(url, options)
  delete headers.date
  return { statusCode, statusText, headers, text: await body.text(), trailers: { ...trailers } }
}

/** What a raw handler of its own is told is in the log; this waits for its end. */
function raw(dispatcher, options, overrides = {}, without = []) {
  return new Promise((resolve) => {
    const handler = {}
    for (const name of METHODS) handler[name] = (...args) => overrides[name]?.(...args)
    handler.onResponseEnd = (...args) => (resolve('end'), overrides.onResponseEnd?.(...args))
    handler.onResponseError = (controller, error) => (resolve(ofError(error)), overrides.onResponseError?.(controller, error))
    handler.onRequestUpgrade = (controller, status, headers, socket) => (socket.on('error', () => {}).destroy(), resolve('upgraded'))
    for (const name of without) delete handler[name]
    for (const [name, value] of Object.entries(overrides)) if (typeof value !== 'function') handler[name] = value
    try {
      dispatcher.dispatch(options, handler)
    } catch (error) {
      resolve(`threw ${ofError(error)}`)
    }
    // Handlers that can't be told the end.
    if (['onRequestStart', 'onResponseEnd', 'onRequestUpgrade'].includes(without[0])) setTimeout(resolve, 200, 'nothing')
  })
}

/**
 * The situations: `answer` is the server's, `go` makes the request through a dispatcher and gives what its caller sees. `compose` puts interceptors
 * inside and around the guard; `make` makes another dispatcher than an Agent. Where undici tells a handler more after an error, which a guard does
 * not, what handlers are told is left out (`blind`).
 */
function situations(undici) {
  const { Agent, Client, Pool, BalancedPool, RoundRobinPool, ProxyAgent, RetryAgent, EnvHttpProxyAgent, MockAgent, FormData, interceptors, fetch, stream, pipeline, connect, upgrade, request } = undici
  const gets = {
    'a text': text('body'),
    'an empty body': text(),
    'a long body': text(Buffer.alloc(300_000, 'x')),
    'a body in pieces': (_, response) => (response.write('one'), setTimeout(() => response.end('two'), 5)),
    'a text and cookies': (_, response) => response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'], 'x-latin': '\u00fc' }).end('body'),
    'trailers': (_, response) => {
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('body')
      response.addTrailers({ 'x-sum': '1' })
      response.end()
    },
    'no content': (_, response) => response.writeHead(204).end(),
    'a status of its own': (_, response) => response.writeHead(299, 'Well').end('body'),
    'not found': (_, response) => response.writeHead(404).end('body'),
    'not modified': (_, response) => response.writeHead(304).end(),
    'a failure': (_, response) => response.writeHead(503).end('body'),
    'a hint before': (_, response) => response.writeEarlyHints({ link: '</a.css>; rel=preload' }, () => response.end('body')),
    'a reset': ({ socket }) => socket.resetAndDestroy(),
    'a reset in the headers': ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nContent-Ty', () => socket.resetAndDestroy()),
    'a reset in the body': (_, response) => (response.writeHead(200, { 'content-length': 1000 }), response.write('some', () => setTimeout(() => response.socket?.resetAndDestroy(), 10))),
    'an end in the body': (_, response) => (response.writeHead(200, { 'content-length': 1000 }), response.write('some', () => setTimeout(() => response.socket?.destroy(), 10))),
    'what is no HTTP': ({ socket }) => socket.end('nonsense\r\n\r\n'),
    'a length that is none': ({ socket }) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n')
  }
  const table = []
  // undici's own timers take a second. One mode of each kind is enough.
  const SLOW = { modes: ['as it comes', 'until the body, with a timeout and a place for one'] }
  const add = (name, answer, go, more) => table.push({ name, answer, go, ...more })

  for (const [name, answer] of Object.entries(gets)) {
    add(`request(), ${name}`, answer, (dispatcher, url) => whole(undici, url, { dispatcher, onInfo: () => {} }))
    add(`fetch(), ${name}`, answer, async (dispatcher, url) => {
      const response = await fetch(url, { dispatcher })
      return [response.status, response.statusText, response.headers.getSetCookie(), await response.text()]
    })
    add(`dispatch(), ${name}`, answer, (dispatcher, url) => raw(dispatcher, { origin: url, path: '/', method: 'GET' }))
    add(`stream(), ${name}`, answer, async (dispatcher, url) => {
      let told = ''
      await stream(url, { dispatcher, method: 'GET' }, ({ statusCode }) => new Writable({ write: (chunk, _, next) => ((told += chunk), next()) }).on('error', () => (told += statusCode)))
      return told
    })
    add(`pipeline(), ${name}`, answer, async (dispatcher, url) => {
      const chunks = await pipeline(url, { dispatcher, method: 'POST' }, ({ body }) => body).end('some').toArray()
      return String(Buffer.concat(chunks))
    })
    add(`retry inside, ${name}`, answer, (dispatcher, url) => whole(undici, url, { dispatcher }), { inside: () => [interceptors.retry({ maxRetries: 1, minTimeout: 1 })] })
    add(`retry around, ${name}`, answer, (dispatcher, url) => whole(undici, url, { dispatcher }), { around: () => [interceptors.retry({ maxRetries: 1, minTimeout: 1 })] })
    add(`a retry at once around, ${name}`, answer, (dispatcher, url) => whole(undici, url, { dispatcher }), {
      around: () => [interceptors.retry({ retry: (error, { state }, next) => next(state.counter > 2 || !error.statusCode ? error : null) })]
    })
    add(`responseError inside, ${name}`, answer, (dispatcher, url) => whole(undici, url, { dispatcher }), { inside: () => [interceptors.responseError()] })
    add(`responseError around, ${name}`, answer, (dispatcher, url) => whole(undici, url, { dispatcher }), { around: () => [interceptors.responseError()] })
    add(`over HTTP/2, ${name}`, name.includes('hint') || /reset|end in|HTTP|length that|its own/.test(name) ? text('body') : answer, (dispatcher, url) => whole(undici, url, { dispatcher }), { http2: true })
  }
  add('request(), HEAD', text('body'), (dispatcher, url) => whole(undici, url, { dispatcher, method: 'HEAD' }))
  add('request(), raw headers', text('body'), async (dispatcher, url) => (await request(url, { dispatcher, responseHeaders: 'raw' })).body.dump())
  add('request() at a hint that its caller can\'t take', gets['a hint before'], (dispatcher, url) => whole(undici, url, { dispatcher, onInfo: throws(mine()) }))
  add('request() of nobody', undefined, (dispatcher) => whole(undici, 'http://127.0.0.1:9/', { dispatcher }))
  add('request() that waits too long for headers', () => {}, (dispatcher, url) => whole(undici, url, { dispatcher, headersTimeout: 50 }), SLOW)
  add('request() that waits too long for its body', (_, response) => response.write('some'), (dispatcher, url) => whole(undici, url, { dispatcher, bodyTimeout: 50 }), SLOW)
  add('request() of many bodies at once', text('body'), (dispatcher, url) => Promise.all([1, 2, 3].map(() => whole(undici, url, { dispatcher }))), { many: true })
  add('request() of which the caller leaves the body', gets['a long body'], async (dispatcher, url) => {
    const { body } = await request(url, { dispatcher })
    for await (const _ of body) break
    return watch(body)()
  })
  add('request() whose body is dumped', gets['a long body'], async (dispatcher, url) => (await request(url, { dispatcher })).body.dump())
  add('request() whose body is destroyed', (_, response) => response.write('some'), async (dispatcher, url) => {
    const { body } = await request(url, { dispatcher })
    return watch(body.destroy(mine()))()
  })

  // Requests with bodies.
  const uploads = {
    'a text': () => 'some',
    'a buffer': () => Buffer.from('some'),
    'a stream': () => Readable.from(['so', 'me']),
    'a ReadableStream': () => new Blob(['some']).stream(),
    'an iterable': () => [Buffer.from('so'), Buffer.from('me')].values(),
    'an async iterable': async function* () { yield 'so'; yield 'me' },
    'a blob': () => new Blob(['some'], { type: 'text/own' }),
    'nothing of a stream': () => Readable.from([])
  }
  const echo = async (received, response) => response.end(Buffer.concat(await received.toArray()))
  for (const [name, make] of Object.entries(uploads)) {
    add(`an upload, ${name}`, echo, (dispatcher, url) => whole(undici, url, { dispatcher, method: 'POST', body: make() }))
    add(`an upload by dispatch(), ${name}`, echo, (dispatcher, url) => raw(dispatcher, { origin: url, path: '/', method: 'POST', body: make() }))
    add(`an upload over HTTP/2, ${name}`, echo, (dispatcher, url) => raw(dispatcher, { origin: url, path: '/', method: 'POST', body: make() }), { http2: true })
    add(`an upload whose body nobody takes, ${name}`, ({ socket }) => socket.resetAndDestroy(), (dispatcher, url) => raw(dispatcher, { origin: url, path: '/', method: 'POST', body: make() }))
  }
  add('an upload of a form', text('body'), (dispatcher, url) => {
    const form = new FormData()
    form.append('a', 'b')
    return request(url, { dispatcher, method: 'POST', body: form }).then(({ body }) => body.text())
  })
  add('an upload by fetch()', echo, async (dispatcher, url) => (await fetch(url, { dispatcher, method: 'POST', body: new Blob(['some']).stream(), duplex: 'half' })).text())
  const breaking = {
    'its server resets': [(received) => received.once('data', () => received.socket.resetAndDestroy()), () => {}],
    'it breaks off': [() => {}, async (body, { seen }) => (await until(() => seen.length > 0), body.destroy(mine()))],
    'it ends without a word': [() => {}, async (body, { seen }) => (await until(() => seen.length > 0), body.destroy())],
    'it broke off before': [() => {}, (body) => body.destroy(mine())],
    'its caller aborts': [() => {}, async (_, { seen, abort }) => (await until(() => seen.length > 0), abort())],
    'its length is wrong': [() => {}, (body) => body.push(null), { headers: { 'content-length': '9' } }],
    'its head is wrong': [() => {}, () => {}, { headers: { 'x y': 'z' } }],
    'it is answered before': [(_, response) => response.end('early'), () => {}],
    'its response breaks off': [gets['a reset in the body'], () => {}]
  }
  for (const [name, [answer, then, options]] of Object.entries(breaking)) {
    add(`an upload of which ${name}`, answer, async (dispatcher, url, { seen }) => {
      const controller = new AbortController()
      const body = pending()
      const end = watch(body)
      const result = settled(whole(undici, url, { dispatcher, method: 'POST', body, signal: controller.signal, ...options }))
      await then(body, { seen, abort: () => controller.abort(mine()) })
      return [await result, await end()]
    }, { destroys: true })
    add(`a pipeline() of which ${name}`, answer, async (dispatcher, url, { seen }) => {
      const controller = new AbortController()
      const duplex = pipeline(url, { dispatcher, method: 'POST', signal: controller.signal, ...options }, ({ body }) => body)
      duplex.write('some')
      const failed = once(duplex, 'error').then(([error]) => ofError(error))
      const read = duplex.toArray().then((chunks) => String(Buffer.concat(chunks)), ofError)
      if (name === 'it is answered before') return read
      await then({ destroy: (error) => duplex.destroy(error), push: () => duplex.end() }, { seen, abort: () => controller.abort(mine()) })
      if (name === 'it ends without a word') return undefined
      return [await failed, await read]
    }, { destroys: true })
  }

  // Aborts.
  const signals = {
    'an AbortSignal': () => {
      const controller = new AbortController()
      return [controller.signal, () => controller.abort(mine())]
    },
    'an AbortSignal without a reason': () => {
      const controller = new AbortController()
      return [controller.signal, () => controller.abort()]
    },
    'a deadline': () => {
      const controller = new AbortController()
      return [controller.signal, () => controller.abort(new DOMException('late', 'TimeoutError'))]
    },
    'an event emitter': () => {
      const signal = new EventEmitter()
      return [signal, () => signal.emit('abort')]
    }
  }
  const apis = {
    'request()': (options, url) => whole(undici, url, options),
    'stream()': (options, url) => stream(url, { ...options, method: 'GET' }, () => new Writable({ write: (_, __, next) => next() }).on('error', () => {})).then(() => 'written'),
    'pipeline()': (options, url) => pipeline(url, { ...options, method: 'POST' }, ({ body }) => body).end().toArray(),
    'upgrade()': (options, url) => upgrade(url, options),
    'connect()': (options, url) => connect(url, { ...options, path: '127.0.0.1:9' }),
    'fetch()': (options, url) => fetch(url, options).then((response) => response.text())
  }
  for (const [kind, make] of Object.entries(signals)) {
    for (const [api, go] of Object.entries(apis)) {
      if (api === 'fetch()' && kind === 'an event emitter') continue
      add(`${api} aborted by ${kind}`, () => {}, async (dispatcher, url, { server }) => {
        const [signal, abort] = make()
        server.on('upgrade', () => server.hits++).on('connect', () => server.hits++)
        const result = settled(go({ dispatcher, signal }, url))
        await until(() => server.hits > 0)
        abort()
        return result
      })
      if (kind !== 'an event emitter') add(`${api} aborted by ${kind} before`, () => {}, async (dispatcher, url) => {
        const [signal, abort] = make()
        abort()
        return settled(go({ dispatcher, signal }, url))
      })
      add(`${api} aborted by ${kind} at once`, () => {}, async (dispatcher, url) => {
        const [signal, abort] = make()
        const result = settled(go({ dispatcher, signal }, url))
        abort()
        return result
      })
      if (api !== 'upgrade()' && api !== 'connect()') {
        add(`${api} aborted by ${kind} amid its body`, (_, response) => response.write('some'), async (dispatcher, url, { log }) => {
          const [signal, abort] = make()
          const result = settled(go({ dispatcher, signal }, url))
          await until(() => log.some((entry) => entry.includes('onResponseData')))
          abort()
          return result
        })
      }
    }
  }
  for (const [moment, answer] of [['onRequestStart', () => {}], ['onResponseStart', (_, response) => response.write('some')], ['onResponseData', (_, response) => response.write('some')]]) {
    for (const reason of [mine(), undefined, new DOMException('late', 'TimeoutError')]) {
      add(`dispatch() aborted in ${moment} by ${reason?.name}`, answer, (dispatcher, url) => raw(dispatcher, { origin: url, path: '/', method: 'GET' }, { [moment]: (controller) => controller.abort(reason) }))
    }
  }
  add('dispatch() that pauses and goes on', gets['a long body'], (dispatcher, url, { log }) => {
    const pause = (controller) => (controller.pause(), log.push(`paused ${controller.paused}`), setTimeout(() => controller.resume(), 2))
    return raw(dispatcher, { origin: url, path: '/', method: 'GET' }, { onResponseStart: pause })
  })

  // Handlers that throw, and those that lack something.
  for (const method of METHODS.filter((name) => name !== 'onRequestUpgrade')) {
    add(`dispatch() to a handler that throws in ${method}`, method === 'onResponseError' ? () => {} : echo, (dispatcher, url) => {
      const result = raw(dispatcher, { origin: url, path: '/', method: 'POST', body: 'some' }, { [method]: throws(mine()) })
      return method === 'onResponseError' ? 'see the log' : result
    }, { skip: method === 'onResponseError' })
  }
  for (const method of METHODS) {
    for (const [kind, options] of [['GET', { method: 'GET' }], ['CONNECT', { method: 'CONNECT', path: '127.0.0.1:9' }], ['an upgrade', { method: 'GET', upgrade: 'own' }]]) {
      if (method === 'onRequestStart' && kind !== 'GET') continue
      add(`dispatch() of ${kind} to a handler without ${method}`, text('body'), (dispatcher, url) => raw(dispatcher, { origin: url, path: '/', ...options }, {}, [method]), { switching: true, unrecorded: method === 'onRequestStart' })
      add(`dispatch() of ${kind} to a handler whose ${method} is none`, text('body'), (dispatcher, url) => raw(dispatcher, { origin: url, path: '/', ...options }, { [method]: 'none' }), { switching: true, unrecorded: method === 'onRequestStart' })
    }
  }
  for (const handler of [undefined, null, 'none', {}]) {
    add(`dispatch() to ${JSON.stringify(handler)}`, text('body'), (dispatcher, url) => {
      try {
        return String(dispatcher.dispatch({ origin: url, path: '/', method: 'GET' }, handler))
      } catch (error) {
        return ofError(error)
      }
    }, { unrecorded: true })
  }
  for (const options of [undefined, null, 'none', {}, { path: '/' }, { path: 'none', method: 'GET' }, { path: '/', method: 'no method' }, { path: '/', method: 'GET', headers: 'none' }, { path: '/', method: 'POST', body: 7 }, { path: '/', method: 'GET', query: { a: 1 } }, { path: '/?b', method: 'GET', query: { a: 1 } }, { path: '/', method: 'GET', headersTimeout: -1 }, { path: '/', method: 'GET', upgrade: 7 }, { origin: 'none', path: '/', method: 'GET' }]) {
    add(`dispatch() of ${JSON.stringify(options)}`, text('body'), (dispatcher, url) => raw(dispatcher, isObject(options) ? { origin: url, ...options } : options))
    if (isObject(options)) add(`request() of ${JSON.stringify(options)}`, text('body'), (dispatcher, url) => whole(undici, { origin: url, ...options }, { ...options, dispatcher }))
  }
  for (const end of ['close', 'destroy']) {
    add(`a dispatcher after ${end}()`, text('body'), async (dispatcher, url) => {
      await dispatcher[end]()
      return [await settled(whole(undici, url, { dispatcher })), await raw(dispatcher, { origin: url, path: '/', method: 'GET' })]
    })
  }

  // What takes the connection over.
  for (const taken of [true, false]) {
    add(`upgrade(), taken: ${taken}`, (_, response) => response.writeHead(404).end('body'), async (dispatcher, url) => {
      const { headers, socket } = await upgrade(url, { dispatcher, protocol: 'own' })
      socket.on('error', () => {}).destroy()
      return headers
    }, { switching: taken })
    add(`connect(), taken: ${taken}`, (_, response) => response.writeHead(404).end('body'), async (dispatcher, url) => {
      const { statusCode, socket } = await connect(url, { dispatcher, path: '127.0.0.1:9' })
      socket.on('error', () => {}).destroy()
      return statusCode
    }, { switching: taken })
  }

  add('a WebSocket', undefined, async (dispatcher, url, { server }) => {
    server.on('upgrade', ({ headers }, socket) => {
      const accept = createHash('sha1').update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      socket.on('error', () => {}).write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n\r\n`)
      // A text of two letters, and the end.
      socket.end(Buffer.from([0x81, 2, 104, 105, 0x88, 2, 3, 0xe8]))
      server.sockets.add(socket)
    })
    const socket = new undici.WebSocket(url.replace('http', 'ws'), { dispatcher })
    const told = []
    socket.addEventListener('open', () => told.push('open'))
    socket.addEventListener('message', ({ data }) => told.push(data))
    const [{ code }] = await once(socket, 'close')
    return [...told, code]
  })
  add('a WebSocket that is refused', (_, response) => response.writeHead(404).end('body'), async (dispatcher, url) => {
    const socket = new undici.WebSocket(url.replace('http', 'ws'), { dispatcher })
    socket.addEventListener('error', () => {})
    return (await once(socket, 'close')).map(({ code, wasClean }) => [code, wasClean])
  })
  add('an EventSource', (_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: hi\n\n'), async (dispatcher, url) => {
    const source = new undici.EventSource(url, { dispatcher })
    const [{ data }] = await once(source, 'message')
    source.close()
    return data
  })

  // Other interceptors.
  const redirecting = (received, response) => (received.url === '/' ? response.writeHead(307, { location: '/there' }).end('moved') : echo(received, response))
  for (const place of ['inside', 'around']) {
    const placed = (...given) => ({ [place]: () => given.map((make) => make()) })
    add(`redirect ${place}`, redirecting, (dispatcher, url) => whole(undici, url, { dispatcher }), placed(() => interceptors.redirect({ maxRedirections: 2 })))
    add(`redirect ${place}, with an upload`, redirecting, (dispatcher, url) => whole(undici, url, { dispatcher, method: 'POST', body: 'some' }), placed(() => interceptors.redirect({ maxRedirections: 2 })))
    add(`redirect ${place}, too often`, (_, response) => response.writeHead(302, { location: '/there' }).end(), (dispatcher, url) => whole(undici, url, { dispatcher }), placed(() => interceptors.redirect({ maxRedirections: 1, throwOnMaxRedirect: true })))
    add(`dump ${place}`, gets['a long body'], (dispatcher, url) => whole(undici, url, { dispatcher }), placed(() => interceptors.dump({ maxSize: 1 << 20 })))
    add(`dump ${place}, too large`, gets['a long body'], (dispatcher, url) => whole(undici, url, { dispatcher }), placed(() => interceptors.dump({ maxSize: 10 })))
    add(`decompress ${place}`, (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unzipped')), (dispatcher, url) => whole(undici, url, { dispatcher }), placed(() => interceptors.decompress()))
    add(`decompress ${place}, of nonsense`, (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('nonsense'), (dispatcher, url) => whole(undici, url, { dispatcher }), placed(() => interceptors.decompress()))
    add(`cache ${place}`, (_, response) => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('body'), async (dispatcher, url) => {
      const results = []
      for (let n = 0; n < 2; n++) {
        const { headers, ...rest } = await whole(undici, url, { dispatcher })
        results.push({ ...rest, isAged: headers.age !== undefined })
      }
      return results
    }, placed(() => interceptors.cache()))
    add(`dns ${place}`, text('body'), (dispatcher, url) => whole(undici, url.replace('127.0.0.1', 'localhost'), { dispatcher }), placed(() => interceptors.dns({ affinity: 4 })))
    add(`a retry with a Retry-After ${place}`, (() => { let n = 0; return (_, response) => (n++ % 2 === 0 ? response.writeHead(503, { 'retry-after': '0' }).end() : response.end('body')) })(), (dispatcher, url) => whole(undici, url, { dispatcher }), placed(() => interceptors.retry({ maxRetries: 2, minTimeout: 1 })))
    add(`deduplicate ${place}`, (_, response) => setTimeout(() => response.end('body'), 5), (dispatcher, url) => Promise.all([1, 2].map(() => whole(undici, url, { dispatcher }))), { ...placed(() => interceptors.deduplicate()), many: true })
    for (const [name, options] of Object.entries(MODES)) {
      for (const kind of ['a text', 'a long body', 'a reset', 'a reset in the body', 'a failure']) {
        add(`another guard ${place} ${name}, ${kind}`, gets[kind], (dispatcher, url) => whole(undici, url, { dispatcher }), placed(() => guardDispatch({ ...options, failureThreshold: 1e6 })))
      }
    }
    add(`an aborted request that waits, retry ${place}`, () => {}, async (dispatcher, url, { server }) => {
      const controller = new AbortController()
      const first = settled(request(url, { dispatcher }))
      await until(() => server.hits === 1)
      const second = settled(request(url, { dispatcher, signal: controller.signal }))
      controller.abort(mine())
      await turn()
      for (const socket of server.sockets) socket.destroy()
      return [(await first).error?.split(' ')[0], await second]
    }, { ...placed(() => interceptors.retry({ maxRetries: 0, minTimeout: 1 })), options: { connections: 1, pipelining: 1 }, many: true, blind: true })
  }
  add('fetch() that follows a redirect', redirecting, async (dispatcher, url) => {
    const response = await fetch(url, { dispatcher })
    return [response.redirected, response.status, await response.text()]
  })
  add('fetch() of what is compressed', (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unzipped')), async (dispatcher, url) => (await fetch(url, { dispatcher })).text())

  // Other dispatchers.
  for (const [name, Dispatcher] of Object.entries({ Client, Pool, BalancedPool, RoundRobinPool })) {
    add(`a ${name}`, text('body'), (dispatcher) => settled(dispatcher.request({ path: '/', method: 'GET' }).then(async ({ statusCode, body }) => [statusCode, await body.text()])), { make: (url) => new Dispatcher(url) })
    add(`a ${name} after a reset`, gets['a reset'], (dispatcher) => settled(dispatcher.request({ path: '/', method: 'GET' })), { make: (url) => new Dispatcher(url) })
  }
  const asProxy = (received, response) => response.end(`through the proxy: ${withoutPorts(received.url)}`)
  add('a proxy', asProxy, (dispatcher) => whole(undici, 'http://127.0.0.1:9/path', { dispatcher }), { make: (url) => new ProxyAgent({ uri: url, proxyTunnel: false }) })
  add('a proxy by the environment', asProxy, (dispatcher) => whole(undici, 'http://127.0.0.1:9/path', { dispatcher }), { make: (url) => new EnvHttpProxyAgent({ httpProxy: url, noProxy: '', proxyTunnel: false }) })
  for (const proxyTunnel of [false, true]) {
    const unauthorized = (_, response) => response.writeHead(407, { 'proxy-authenticate': 'Basic' }).end('who?')
    const make = (url) => new ProxyAgent({ uri: url, proxyTunnel })
    add(`a proxy that wants to know who asks, through a tunnel: ${proxyTunnel}`, unauthorized, (dispatcher) => whole(undici, 'http://127.0.0.1:9/', { dispatcher }), { make, proxy: 407, blind: true })
    add(`the same by fetch(), through a tunnel: ${proxyTunnel}`, unauthorized, (dispatcher) => fetch('http://127.0.0.1:9/', { dispatcher }).then(({ status }) => status), { make, proxy: 407 })
    add(`a request that says who asks, through a tunnel: ${proxyTunnel}`, unauthorized, (dispatcher) => whole(undici, 'http://127.0.0.1:9/', { dispatcher, headers: { 'proxy-authorization': 'me' } }), { make })
    add(`a proxy that is away, through a tunnel: ${proxyTunnel}`, undefined, (dispatcher) => whole(undici, 'http://127.0.0.1:8/', { dispatcher }), { make: () => new ProxyAgent({ uri: 'http://127.0.0.1:9', proxyTunnel }) })
  }
  add('a proxy that leads there', undefined, (dispatcher, url, { target }) => whole(undici, target, { dispatcher }), { make: (url) => new ProxyAgent({ uri: url, proxyTunnel: true }), proxy: 200 })
  add('a RetryAgent around', gets['a failure'], (dispatcher, url) => whole(undici, url, { dispatcher: new RetryAgent(dispatcher, { maxRetries: 1, minTimeout: 1 }) }))
  add('a RetryAgent inside', gets['a failure'], (dispatcher, url) => whole(undici, url, { dispatcher }), { make: () => new RetryAgent(new Agent(), { maxRetries: 1, minTimeout: 1 }) })
  const mocked = (reply) => () => {
    const agent = new MockAgent()
    agent.disableNetConnect()
    reply(agent.get('http://mocked').intercept({ path: '/', method: 'GET' }))
    return agent
  }
  const getMocked = (dispatcher) => whole(undici, 'http://mocked/', { dispatcher })
  add('a MockAgent that replies', undefined, getMocked, { make: mocked((mock) => mock.reply(200, 'body', { headers: { a: 'b' }, trailers: { c: 'd' } })) })
  add('a MockAgent that replies to fetch()', undefined, async (dispatcher) => (await fetch('http://mocked/', { dispatcher })).text(), { make: mocked((mock) => mock.reply(200, 'body')) })
  add('a MockAgent that replies late', undefined, getMocked, { make: mocked((mock) => mock.reply(200, 'body').delay(2)) })
  add('a MockAgent that fails', undefined, getMocked, { make: mocked((mock) => mock.replyWithError(mine())) })
  add('a MockAgent that knows nothing', undefined, (dispatcher) => whole(undici, 'http://elsewhere/', { dispatcher }), { make: mocked((mock) => mock.reply(200, 'body')) })
  add('a MockAgent whose caller can\'t take it', undefined, (dispatcher) => raw(dispatcher, { origin: 'http://mocked', path: '/', method: 'GET' }, { onResponseStart: (controller) => controller.abort(mine()) }), { make: mocked((mock) => mock.reply(200, 'body')), blind: true })

  if (undici.Dispatcher1Wrapper !== undefined) {
    const old = (dispatcher, options, overrides) => new Promise((resolve) => {
      const told = []
      new undici.Dispatcher1Wrapper(dispatcher).dispatch(options, Object.fromEntries(['onConnect', 'onHeaders', 'onData', 'onComplete', 'onError', 'onBodySent', 'onRequestSent', 'onResponseStarted', 'onUpgrade'].map((name) => [name, (...args) => {
        told.push(name)
        if (name === 'onComplete' || name === 'onError') resolve(name === 'onError' ? [...told, ofError(args[0])] : told)
        return overrides?.[name]?.(...args)
      }])))
    })
    add('a handler in the style of undici 6', echo, (dispatcher, url) => old(dispatcher, { origin: url, path: '/', method: 'POST', body: 'some' }))
    add('a handler in the style of undici 6 that aborts', echo, (dispatcher, url) => old(dispatcher, { origin: url, path: '/', method: 'POST', body: 'some' }, { onConnect: (abort) => abort(mine()) }))
    add('a handler in the style of undici 6 at a reset', gets['a reset'], (dispatcher, url) => old(dispatcher, { origin: url, path: '/', method: 'GET' }))
  }
  return table.filter(({ skip }) => !skip)
}

const isObject = (value) => typeof value === 'object' && value !== null

/** What is seen of a situation, through a guard or none. */
async function seenOf(situation, undici, mode) {
  const { answer, go, inside, around, make, options, http2, switching, proxy, unrecorded, blind } = situation
  const { Agent, MockAgent } = undici
  const log = []
  const watched = await watchedServer(answer, http2 ? startHttp2 : startServer)
  const { server, seen, origin } = watched
  const target = proxy === 200 ? await startServer(text('through')) : undefined
  if (switching) {
    const onSwitch = (head) => (_, socket) => socket.on('error', () => {}).write(head)
    server.on('upgrade', onSwitch('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: own\r\n\r\n'))
    server.on('connect', onSwitch('HTTP/1.1 200 Connection established\r\n\r\n'))
  }
  if (proxy !== undefined) {
    server.on('connect', ({ url }, socket) => {
      socket.on('error', () => {})
      if (proxy !== 200) return socket.end(`HTTP/1.1 ${proxy} No\r\n\r\n`)
      const [host, port] = url.split(':')
      const there = connectTo(Number(port), host, () => (socket.write('HTTP/1.1 200 OK\r\n\r\n'), there.pipe(socket).pipe(there)))
      there.on('error', () => {})
      server.sockets.add(there)
    })
  }
  const agent = make?.(origin) ?? new Agent({ ...options, ...(http2 && { allowH2: true, connect: { rejectUnauthorized: false } }) })
  const guard = mode && guardDispatch({ failureThreshold: 1e6, ...mode, rateLimit: 'ignored' })
  const chain = [...(inside?.() ?? []), ...(guard ? [guard] : []), unrecorded ? (dispatch) => (options, handler) => dispatch(options, handler) : recorder(log), ...(around?.() ?? [])]
  const dispatcher = agent.compose(...chain)
  const going = settled((async () => go(dispatcher, origin, { server, seen, log, target: target?.origin }))())
  let timer
  const result = await Promise.race([going, new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE, 'nothing came of it')))])
  clearTimeout(timer)
  for (let n = 0; n < 3; n++) await turn()
  // A MockAgent can only be closed.
  await (make && agent instanceof MockAgent ? agent.close() : agent.destroy())
  await server.stop()
  await target?.stop()
  for (let n = 0; n < 3; n++) await turn()
  if (guard) assert.equal(outcomes(guard.registry).inFlight, undefined, 'a call is not over')
  // A fallback has a tick of its own.
  const told = mode?.fallbackOn ? log.filter((entry) => !entry.startsWith('dispatched')) : log
  return JSON.parse(JSON.stringify({ result, log: blind ? [] : told, seen, connections: blind ? 0 : watched.connections() }))
}

/** Every situation, with one undici. */
export function describeUnnoticed(title, undici) {
  describe(`${title}, a guard that never trips`, { timeout: 300_000, concurrency: 4 }, () => {
    for (const situation of situations(undici)) {
      it(`is not noticed: ${situation.name}`, async () => {
        const plain = await seenOf(situation, undici, undefined)
        const late = plain.log.filter((entry) => !entry.startsWith('dispatched'))
        for (const [name, mode] of Object.entries(MODES)) {
          if ((situation.many && mode.maxConcurrent) || situation.modes?.includes(name) === false) continue
          // undici ends the body of a request before a fallback is asked.
          if (situation.destroys && mode.fallbackOn) continue
          const guarded = await seenOf(situation, undici, mode)
          assert.deepEqual(guarded, mode.fallbackOn ? { ...plain, log: late } : plain, name)
        }
      })
    }
  })
}
