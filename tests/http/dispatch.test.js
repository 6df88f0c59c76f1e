// The interceptor with a dispatcher whose every word is said by hand: when a call is over, what its time limit covers, and what becomes of a
// fallback's answer. It must not know undici, which tests/http/undici.js knows.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { guardDispatch } from '../../pkg/undici.js'
import { LIMIT, outcomes, unhandled } from './support.js'

after(() => assert.deepEqual(unhandled, []))

const origin = 'http://server'
const METHODS = ['onBodySent', 'onRequestSent', 'onRequestStart', 'onRequestUpgrade', 'onResponseStarted', 'onResponseStart', 'onResponseData', 'onResponseEnd', 'onResponseError']
const drained = async () => { for (let n = 0; n < 5; n++) await turn() }

/** A request through a guard, with both ends in the hands of the test. */
function begin(options, overrides = {}, dispatched = {}) {
  const guard = guardDispatch({ failureThreshold: 100, ...options })
  const told = []
  let controller
  const handler = Object.fromEntries(METHODS.map((name) => [name, (...args) => {
    const isSteered = !name.endsWith('Sent') && name !== 'onResponseStarted'
    if (isSteered) controller = args[0] ?? controller
    told.push([name, ...args.slice(isSteered ? 1 : 0)])
    return overrides[name]?.(...args)
  }]))
  /** undici's own controller. Its abort is told as an error at once, as undici does. */
  const real = {
    paused: false, aborted: false, reason: null, rawHeaders: [], rawTrailers: [],
    pause() { real.paused = true },
    resume() { real.paused = false },
    abort(reason) {
      if (real.aborted) return
      Object.assign(real, { aborted: true, reason })
      server.onResponseError(real, reason)
    }
  }
  let server
  const send = guard((_, exchange) => ((server = exchange), true))
  send({ origin, path: '/', method: 'GET', ...dispatched }, handler)
  return {
    guard, told, real, server,
    names: () => told.map(([name]) => name),
    errors: () => told.filter(([name]) => name === 'onResponseError').map(([, error]) => error),
    counts: () => outcomes(guard.registry),
    get metrics() { return guard.registry.get(origin).metrics },
    get controller() { return controller },
    start() { server.onRequestStart(real, null) },
    head(status = 200, fields = {}) { server.onResponseStart(real, status, fields, 'OK') },
    piece(text = 'piece') { server.onResponseData(real, Buffer.from(text)) },
    end() { server.onResponseEnd(real, {}) },
    fail(error) { server.onResponseError(real, error) }
  }
}

/** The same up to a good head, with `settleOn: 'body'`. */
function beginBody(options, overrides, fields) {
  const exchange = begin({ settleOn: 'body', timeout: 100, ...options }, overrides)
  exchange.start()
  exchange.head(200, fields)
  return exchange
}

describe('a call through guardDispatch', LIMIT, () => {
  it('is over before its handler is told: at a response, an end and an error', () => {
    const inFlight = []
    const note = () => { inFlight.push(exchange.metrics.inFlight) }
    let exchange = begin({}, { onResponseStart: note })
    exchange.start()
    exchange.head()
    exchange = begin({ settleOn: 'body' }, { onResponseStart: note, onResponseEnd: note })
    exchange.start()
    exchange.head()
    exchange.end()
    exchange = begin({}, { onResponseError: note })
    exchange.fail(new Error('down'))
    assert.deepEqual(inFlight, [0, 1, 0, 0])
  })
  it('leaves its place to one that its handler makes at once', () => {
    const statuses = []
    const guard = guardDispatch({ maxConcurrent: 1, failureThreshold: 100 })
    let left = 3
    const send = guard((_, exchange) => {
      exchange.onRequestStart({}, null)
      if (left === 1) exchange.onResponseStart({}, 200, {}, 'OK'), exchange.onResponseEnd({}, {})
      else exchange.onResponseError({}, new Error('down'))
      return true
    })
    const again = () => send({ origin, path: '/', method: 'GET' }, {
      onRequestStart() {},
      onResponseStart: (_, status) => statuses.push(status),
      onResponseData() {},
      onResponseEnd() {},
      onResponseError: (_, { message }) => (statuses.push(message), left-- > 0 && again())
    })
    again()
    assert.deepEqual(statuses, ['down', 'down', 200])
  })
  it('tells an error in the tick in which undici does, unless a fallback may answer it', async () => {
    const own = new Error('down')
    for (const options of [{}, { timeout: 100 }, { settleOn: 'body' }, { fallback: () => new Response('cached') }, { fallbackOn: 'failure' }, { onRefused: 'respond' }]) {
      const exchange = begin(options)
      exchange.start()
      exchange.fail(own)
      assert.deepEqual(exchange.errors(), [own])
      await drained()
      assert.deepEqual([exchange.errors(), exchange.counts()], [[own], { failure: 1 }])
    }
    const exchange = begin({ fallbackOn: 'failure', fallback: () => new Response('cached') })
    exchange.start()
    exchange.fail(own)
    // Some proxies of undici's go on to tell their response.
    exchange.head(407)
    exchange.piece('who?')
    exchange.end()
    await drained()
    assert.deepEqual(exchange.told.slice(1).map(([name, what]) => [name, String(what)]), [['onResponseStart', '200'], ['onResponseData', 'cached'], ['onResponseEnd', '[object Object]']])
  })
  it('tells the error of a fallback that fails, with a controller only where the request began', async () => {
    const own = new Error('no fallback')
    for (const isBegun of [true, false]) {
      const given = []
      const { start, server, real, errors, counts } = begin({ fallbackOn: 'failure', fallback: () => { throw own } }, { onResponseError: (controller) => given.push(controller === null) })
      if (isBegun) start()
      server.onResponseError(isBegun ? real : null, new Error('down'))
      await drained()
      assert.deepEqual([errors(), given, counts()], [[own], [!isBegun], { failure: 1 }])
    }
  })
  it('tells nothing more of a request that something else answers', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const sent = []
    const hooks = { onBodySent: (chunk) => sent.push(chunk), onRequestSent: () => sent.push('sent') }
    for (const end of [(exchange) => exchange.fail(new Error('down')), () => t.mock.timers.tick(100)]) {
      const exchange = begin({ timeout: 100, fallbackOn: 'failure', fallback: () => new Response('cached') }, hooks)
      exchange.start()
      exchange.server.onBodySent('one')
      end(exchange)
      await drained()
      exchange.server.onBodySent('two')
      exchange.server.onRequestSent()
      exchange.server.onResponseStarted()
      exchange.head(500)
      exchange.piece()
      exchange.end()
      assert.deepEqual(sent.splice(0), ['one'])
      assert.deepEqual(exchange.names(), ['onRequestStart', 'onBodySent', 'onResponseStart', 'onResponseData', 'onResponseEnd'])
    }
    // An interceptor inside that does not abort at once.
    const slow = begin({ timeout: 100, settleOn: 'body' })
    slow.real.abort = () => {}
    slow.start()
    slow.head()
    t.mock.timers.tick(100)
    await drained()
    slow.piece()
    slow.server.onResponseStart(slow.real, 200, {}, 'OK')
    assert.deepEqual(slow.names(), ['onRequestStart', 'onResponseStart', 'onResponseError'])
  })
  it('throws what undici throws, and blames nobody', async () => {
    const own = Object.assign(new Error('invalid path'), { code: 'UND_ERR_INVALID_ARG' })
    const told = []
    for (const options of [{}, { fallbackOn: 'failure', fallback: () => new Response('cached') }]) {
      const guard = guardDispatch(options)
      const send = guard(() => { throw own })
      assert.throws(() => send({ origin, path: '/', method: 'GET' }, { onRequestStart() {}, onResponseError: (_, error) => told.push(error) }), (error) => error === own)
      await drained()
      assert.deepEqual([outcomes(guard.registry), told], [{ ignored: 1 }, []])
    }
  })
  it('steers whatever an interceptor inside comes with last', () => {
    const exchange = begin({}, { onResponseData: (controller) => controller.pause() })
    exchange.start()
    exchange.head()
    const another = { paused: false, pause() { another.paused = true }, resume() { another.paused = false }, rawHeaders: ['a', 'b'] }
    exchange.server.onResponseData(another, Buffer.from('piece'))
    assert.deepEqual([another.paused, exchange.real.paused, exchange.controller.paused, exchange.controller.rawHeaders], [true, false, true, ['a', 'b']])
    exchange.controller.resume()
    assert.equal(another.paused, false)
  })
  it('that times out while it waits for a connection has its error at once, and begins nothing later', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const exchange = begin({ timeout: 100 })
    t.mock.timers.tick(100)
    assert.deepEqual(exchange.errors().map(({ code }) => code), ['ERR_CALL_TIMEOUT'])
    exchange.start()
    assert.equal(exchange.real.reason.code, 'ERR_CALL_TIMEOUT')
    await drained()
    assert.deepEqual([exchange.names(), exchange.counts()], [['onResponseError'], { failure: 1 }])
  })
  it('that its handler aborts for a deadline is a timeout, for anything else ignored', async () => {
    for (const [reason, counted] of [[new DOMException('late', 'TimeoutError'), [1, 1, 0]], [new Error('mine'), [0, 0, 1]], [undefined, [0, 0, 1]]]) {
      const exchange = begin({}, { onRequestStart: (controller) => controller.abort(reason) })
      exchange.start()
      const { failedCalls, timedOutCalls, ignoredCalls } = exchange.metrics
      assert.deepEqual([failedCalls, timedOutCalls, ignoredCalls], counted)
      assert.deepEqual(exchange.errors(), [reason])
    }
  })
})

describe('the controller that a handler gets', LIMIT, () => {
  it('keeps the first reason of an abort', () => {
    const [first, second] = [new Error('first'), new Error('second')]
    const exchange = begin()
    exchange.start()
    exchange.controller.abort(first)
    exchange.controller.abort(second)
    assert.deepEqual([exchange.controller.reason, exchange.controller.aborted, exchange.real.reason], [first, true, first])
  })
  it('aborts no request for a signal that undici does not heed', async () => {
    const controller = new AbortController()
    const exchange = begin({ timeout: 100 }, {}, { signal: controller.signal })
    exchange.start()
    controller.abort(new Error('mine'))
    await drained()
    assert.deepEqual([exchange.real.aborted, exchange.errors(), exchange.counts()], [false, [], { ignored: 1 }])
    exchange.head()
    exchange.end()
    assert.deepEqual([exchange.names().at(-1), exchange.counts()], ['onResponseEnd', { ignored: 1 }])
  })
})

describe('the body of a call through guardDispatch that lasts until it', LIMIT, () => {
  const tick = async (t, ms) => {
    t.mock.timers.tick(ms)
    await drained()
  }
  const timers = (t) => t.mock.timers.enable({ apis: ['setTimeout'] })

  it('has the time limit for each piece anew: a long steady one is no timeout', async (t) => {
    timers(t)
    const exchange = beginBody()
    for (let n = 0; n < 5; n++) {
      await tick(t, 99)
      exchange.piece()
    }
    exchange.end()
    assert.deepEqual(exchange.counts(), { success: 1 })
    assert.deepEqual(exchange.errors(), [])
  })
  it('is a timeout where a piece does not come in time, the first or another', async (t) => {
    timers(t)
    for (const pieces of [0, 2]) {
      const exchange = beginBody()
      for (let n = 0; n < pieces; n++) exchange.piece()
      await tick(t, 99)
      assert.deepEqual(exchange.errors(), [])
      await tick(t, 1)
      assert.deepEqual(exchange.errors().map(({ code, message }) => [code, message]), [['ERR_CALL_TIMEOUT', `The call took longer than 100 ms (${origin})`]])
      assert.deepEqual([exchange.real.aborted, exchange.metrics.timedOutCalls], [true, 1])
    }
  })
  it('has as much time as its reader wants, while nobody waits for a piece', async (t) => {
    timers(t)
    const exchange = beginBody({}, { onResponseData: (controller) => controller.pause() })
    for (let n = 0; n < 5; n++) {
      exchange.piece()
      await tick(t, 99)
      exchange.controller.resume()
      await tick(t, 99)
    }
    assert.deepEqual([exchange.errors(), exchange.counts()], [[], { inFlight: 1 }])
    await tick(t, 1)
    assert.equal(exchange.metrics.timedOutCalls, 1)
  })
  it('is unread again where a resumed one comes with a piece at once, for which the reader pauses', async (t) => {
    timers(t)
    const exchange = beginBody({}, { onResponseData: (controller) => controller.pause() })
    exchange.real.resume = () => {
      exchange.real.paused = false
      exchange.piece()
    }
    exchange.piece()
    exchange.controller.resume()
    await tick(t, 100)
    assert.deepEqual([exchange.counts(), exchange.errors()], [{ success: 1 }, []])
  })
  it('is over as a success once a piece was there that nobody wanted more than for one timeout, and goes on as it is', async (t) => {
    timers(t)
    for (const [options, time] of [[{}, 100], [{ timeout: undefined }, 1000], [{ timeout: 7000 }, 7000]]) {
      const exchange = beginBody({ maxConcurrent: 1, ...options }, { onResponseData: (controller) => controller.pause() })
      exchange.piece()
      await tick(t, time - 1)
      assert.deepEqual(exchange.counts(), { inFlight: 1 })
      await tick(t, 1)
      assert.deepEqual(exchange.counts(), { success: 1 })
      exchange.controller.resume()
      exchange.piece('more')
      exchange.controller.resume()
      exchange.end()
      await drained()
      assert.deepEqual(exchange.names(), ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseData', 'onResponseEnd'])
      assert.deepEqual(exchange.counts(), { success: 1 })
    }
  })
  it('is over as ignored where nobody wanted a piece from the beginning', async (t) => {
    timers(t)
    const pause = (controller) => controller.pause()
    for (const overrides of [{ onResponseStart: pause }, { onRequestStart: pause }]) {
      const exchange = beginBody({}, overrides)
      await tick(t, 99)
      assert.deepEqual(exchange.counts(), { inFlight: 1 })
      await tick(t, 1)
      assert.deepEqual(exchange.counts(), { ignored: 1 })
      exchange.controller.resume()
      exchange.piece()
      exchange.end()
      assert.deepEqual(exchange.counts(), { ignored: 1 })
    }
  })
  it('still has its stalls told to a reader that comes back, and counts nothing any more', async (t) => {
    timers(t)
    const exchange = beginBody({}, { onResponseStart: (controller) => controller.pause() })
    await tick(t, 100)
    exchange.controller.resume()
    await tick(t, 99)
    exchange.piece()
    await tick(t, 99)
    exchange.controller.pause()
    await tick(t, 1000)
    exchange.controller.resume()
    await tick(t, 99)
    assert.deepEqual(exchange.errors(), [])
    await tick(t, 1)
    assert.deepEqual(exchange.errors().map(({ name, code, message, timeout, breaker }) => [name, code, message, timeout, breaker]), [['CallTimeoutError', 'ERR_CALL_TIMEOUT', `The call took longer than 100 ms (${origin})`, 100, origin]])
    assert.equal(exchange.real.aborted, true)
    assert.deepEqual([exchange.counts(), exchange.metrics.timedOutCalls], [{ ignored: 1 }, 0])
  })
  it('is told no stall once it is over', async (t) => {
    timers(t)
    for (const over of ['end', 'fail']) {
      const exchange = beginBody({}, { onResponseStart: (controller) => controller.pause() })
      await tick(t, 100)
      exchange.controller.resume()
      exchange[over](new Error('reset'))
      exchange.controller.pause()
      exchange.controller.resume()
      await tick(t, 1000)
      assert.equal(exchange.real.aborted, false)
    }
  })
  it('is told no stall where there is no time limit', async (t) => {
    timers(t)
    const exchange = beginBody({ timeout: undefined }, { onResponseStart: (controller) => controller.pause() })
    await tick(t, 1000)
    exchange.controller.resume()
    await tick(t, 1e8)
    assert.deepEqual(exchange.errors(), [])
  })
  it('reads what came meanwhile before it tells a stall', async (t) => {
    timers(t)
    const exchange = beginBody({}, { onResponseStart: (controller) => controller.pause() })
    await tick(t, 100)
    exchange.controller.resume()
    t.mock.timers.tick(100)
    exchange.piece()
    await drained()
    assert.deepEqual(exchange.errors(), [])
    exchange.end()
  })
  it('left by its reader is a success after a piece, ignored before any', async () => {
    for (const pieces of [0, 1, 3]) {
      const exchange = beginBody()
      for (let n = 0; n < pieces; n++) exchange.piece()
      exchange.controller.abort(new Error('enough'))
      assert.deepEqual(exchange.counts(), pieces > 0 ? { success: 1 } : { ignored: 1 })
    }
  })
  it('whose caller has a deadline is a timeout while somebody waits, and nobody\'s fault while nobody does', () => {
    const deadline = new DOMException('late', 'TimeoutError')
    for (const [pieces, isPaused, counted] of [[0, false, { failure: 1 }], [1, false, { failure: 1 }], [1, true, { success: 1 }], [0, true, { ignored: 1 }]]) {
      const exchange = beginBody()
      for (let n = 0; n < pieces; n++) exchange.piece()
      if (isPaused) exchange.controller.pause()
      exchange.controller.abort(deadline)
      assert.deepEqual(exchange.counts(), counted)
    }
  })
  it('that breaks off is a failure, read or unread, until its call is over', async (t) => {
    timers(t)
    for (const isPaused of [false, true]) {
      const exchange = beginBody()
      exchange.piece()
      if (isPaused) exchange.controller.pause()
      exchange.fail(new Error('reset'))
      assert.deepEqual(exchange.counts(), { failure: 1 })
    }
    const exchange = beginBody({}, { onResponseData: (controller) => controller.pause() })
    exchange.piece()
    await tick(t, 100)
    exchange.fail(new Error('reset'))
    assert.deepEqual([exchange.counts(), exchange.errors().length], [{ success: 1 }, 1])
  })
  it('that is empty is over at its head, whether anybody reads or not', () => {
    const pause = (controller) => controller.pause()
    for (const [status, fields, method] of [[200, { 'content-length': '0' }, 'GET'], [204, {}, 'DELETE'], [205, {}, 'POST'], [200, { 'content-length': '9' }, 'HEAD']]) {
      const exchange = begin({ settleOn: 'body' }, { onResponseStart: pause }, { method })
      exchange.start()
      exchange.head(status, fields)
      assert.deepEqual(exchange.counts(), { success: 1 }, `${method} ${status}`)
    }
    assert.deepEqual(beginBody({}, {}, { 'content-length': '1' }).counts(), { inFlight: 1 })
  })
  it('keeps no process alive while it is unread', async (t) => {
    const refs = []
    const { setTimeout } = globalThis
    t.mock.method(globalThis, 'setTimeout', (...args) => {
      const timer = setTimeout(...args)
      refs.push(timer)
      return timer
    })
    const exchange = beginBody({ timeout: undefined }, { onResponseData: (controller) => controller.pause() })
    exchange.piece()
    assert.deepEqual(refs.map((timer) => timer.hasRef()), [false])
    exchange.controller.abort()
  })
})

describe('the answer of a fallback of guardDispatch', LIMIT, () => {
  const answering = (response, overrides, dispatched) => begin({ fallbackOn: 'failure', fallback: () => response }, overrides, dispatched)
  const failing = async (...args) => {
    const exchange = answering(...args)
    exchange.start()
    exchange.fail(new Error('down'))
    await drained()
    return exchange
  }
  /** A body that gives a piece each time that one is asked for, and says how many were. */
  const counted = (pieces) => {
    const source = { asked: 0, cancelled: undefined }
    const body = new ReadableStream({
      pull: (controller) => (source.asked++ < pieces ? controller.enqueue(Buffer.from(`piece ${source.asked}`)) : controller.close()),
      cancel: (reason) => { source.cancelled = { reason } }
    }, { highWaterMark: 0 })
    return { source, response: new Response(body) }
  }
  const texts = (exchange) => exchange.told.filter(([name]) => name === 'onResponseData').map(([, piece]) => String(piece))

  it('comes piece by piece, as Buffers, before its body is over', async () => {
    let give
    const exchange = await failing(new Response(new ReadableStream({ start: (controller) => (give = controller) })))
    give.enqueue(new Uint8Array([104, 105]))
    await drained()
    assert.deepEqual([texts(exchange), Buffer.isBuffer(exchange.told.at(-1)[1])], [['hi'], true])
    give.enqueue(new Uint8Array(0))
    give.close()
    await drained()
    assert.deepEqual(exchange.names(), ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'])
  })
  it('waits while its handler has paused, for pieces and for the end', async () => {
    const { source, response } = counted(2)
    const exchange = await failing(response, { onResponseStart: (controller) => controller.pause(), onResponseData: (controller) => controller.pause() })
    assert.deepEqual([source.asked, exchange.controller.paused], [0, true])
    for (const n of [1, 2]) {
      exchange.controller.resume()
      await drained()
      assert.deepEqual([source.asked, texts(exchange).length, exchange.controller.paused], [n, n, true])
    }
    assert.ok(!exchange.names().includes('onResponseEnd'))
    exchange.controller.resume()
    await drained()
    assert.equal(exchange.names().at(-1), 'onResponseEnd')
  })
  it('keeps a piece that comes while its handler has paused', async () => {
    let give
    const exchange = await failing(new Response(new ReadableStream({ start: (controller) => (give = controller) })))
    exchange.controller.pause()
    give.enqueue(new Uint8Array([104, 105]))
    await drained()
    assert.deepEqual(texts(exchange), [])
    exchange.controller.resume()
    await drained()
    assert.deepEqual(texts(exchange), ['hi'])
  })
  it('is cancelled with the reason of its caller\'s abort, which is told at once', async () => {
    const own = new Error('enough')
    for (const moment of ['onResponseStart', 'onResponseData', undefined]) {
      const { source, response } = counted(10)
      const exchange = await failing(response, { [moment]: (controller) => controller.abort(own), onResponseData: (controller) => (moment === undefined ? controller.pause() : controller.abort(own)) })
      if (moment === undefined) exchange.controller.abort(own)
      assert.deepEqual(exchange.errors(), [own])
      await drained()
      assert.deepEqual([source.cancelled, exchange.controller.aborted, exchange.controller.reason], [{ reason: own }, true, own])
      assert.ok(!exchange.names().includes('onResponseEnd'))
    }
    const { response } = counted(10)
    const exchange = await failing(response, { onResponseStart: (controller) => controller.abort() })
    assert.deepEqual(exchange.errors().map(({ name, code, message }) => [name, code, message]), [['AbortError', 'UND_ERR_ABORTED', 'Request aborted']])
  })
  it('is what the handler steers, though the connection or the error comes after it', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    for (const isBegun of [false, true]) {
      const { source, response } = counted(2)
      const exchange = begin({ timeout: 100, fallbackOn: 'failure', fallback: () => response }, { onResponseData: (controller) => controller.pause() })
      const { abort } = exchange.real
      // An interceptor inside that takes its time to abort.
      if (isBegun) exchange.start(), (exchange.real.abort = () => {})
      t.mock.timers.tick(100)
      await drained()
      if (isBegun) abort(new Error('at last'))
      else exchange.start()
      assert.deepEqual([exchange.controller.paused, exchange.real.paused, source.asked], [true, false, 1])
      exchange.controller.resume()
      await drained()
      exchange.controller.resume()
      await drained()
      assert.deepEqual(exchange.names(), ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseData', 'onResponseEnd'])
    }
  })
  it('is cancelled where its handler aborted while it was asked for', async () => {
    const own = new Error('enough')
    const { source, response } = counted(10)
    let give
    const exchange = begin({ fallbackOn: 'failure', fallback: () => new Promise((resolve) => (give = resolve)) })
    exchange.start()
    exchange.fail(new Error('down'))
    await drained()
    exchange.controller.abort(own)
    give(response)
    await drained()
    assert.deepEqual([exchange.names(), exchange.errors(), source], [['onRequestStart', 'onResponseError'], [own], { asked: 0, cancelled: { reason: own } }])
  })
  it('is not told where its handler aborted for a deadline, which is told at once', async () => {
    const deadline = new DOMException('late', 'TimeoutError')
    const { source, response } = counted(10)
    const exchange = begin({ fallbackOn: 'failure', fallback: () => response })
    exchange.start()
    exchange.controller.abort(deadline)
    assert.deepEqual(exchange.errors(), [deadline])
    await drained()
    assert.deepEqual([exchange.names(), source.asked, exchange.metrics.timedOutCalls], [['onRequestStart', 'onResponseError'], 0, 1])
  })
  it('has a controller for its errors, though the request never began', async () => {
    const given = []
    const { server } = begin({ fallbackOn: 'failure', fallback: () => Response.json({}) }, { onResponseStart: () => { throw new Error('mine') }, onResponseError: (controller) => given.push(controller === null) })
    server.onResponseError(null, new Error('down'))
    await drained()
    assert.deepEqual(given, [false])
  })
  it('is cancelled where its handler throws', async () => {
    const own = new Error('mine')
    const { source, response } = counted(10)
    const exchange = await failing(response, { onResponseData: () => { throw own } })
    assert.deepEqual([exchange.errors(), source.cancelled], [[own], { reason: own }])
  })
  it('that breaks off tells its error', async () => {
    const own = new Error('the cache went away')
    let give
    const exchange = await failing(new Response(new ReadableStream({ start: (controller) => (give = controller) })))
    give.enqueue(new Uint8Array([104, 105]))
    await drained()
    give.error(own)
    await drained()
    assert.deepEqual([texts(exchange), exchange.errors()], [['hi'], [own]])
  })
  it('that is a network error, was read, or is none, is an error', async () => {
    const used = new Response('used')
    await used.text()
    for (const [response, message] of [
      [Response.error(), 'The fallback answered with a network error'],
      [used, 'The fallback answered with a response whose body was read'],
      [new Response(new ReadableStream({ start: (controller) => controller.enqueue('text') })), 'The fallback answered with a body that is not made of bytes']
    ]) {
      const exchange = await failing(response)
      assert.deepEqual(exchange.errors().map((error) => [error instanceof TypeError, error.message]), [[true, message]])
      assert.ok(!exchange.names().includes('onResponseEnd'))
    }
    for (const response of [undefined, 7, {}]) assert.equal((await failing(response)).errors().length, 1)
  })
  it('may be of any make, as its type says: headers that can be listed, and a stream of Node, pieces or a text', async () => {
    const members = { status: 203, ok: true, statusText: 'Cached', headers: new Headers([['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['X-From', 'cache']]) }
    const json = async () => assert.fail('not asked for')
    const asText = { ...members, text: async () => 'one, two', json }
    const pieces = ['one', ', two'].map((piece) => Buffer.from(piece))
    const BODIES = [undefined, 'as a text', Readable.from(pieces), (async function* () { yield* pieces })()]
    for (const body of BODIES) {
      const exchange = await failing({ ...asText, body })
      const [, start] = exchange.told
      assert.deepEqual(start, ['onResponseStart', 203, { 'set-cookie': ['a=1', 'b=2'], 'x-from': 'cache' }, 'Cached'])
      assert.deepEqual([texts(exchange).join(''), exchange.names().at(-1)], ['one, two', 'onResponseEnd'])
    }
    const empty = await failing({ ...asText, headers: new Map([['X-From', 'cache']]), body: null })
    assert.deepEqual(empty.told.slice(1), [['onResponseStart', 203, { 'x-from': 'cache' }, 'Cached'], ['onResponseEnd', {}]])
    const [error] = (await failing({ ...asText, headers: { get: () => null } })).errors()
    assert.equal(error.message, 'The fallback answered with no Response, or with one whose headers have no `forEach`')
  })
  it('is told no abort after its end, as undici tells none, but what its handler throws there', async () => {
    const own = new Error('enough')
    for (const [onResponseEnd, errors] of [[(controller) => controller.abort(own), []], [() => { throw own }, [own]]]) {
      const exchange = await failing(new Response('cached'), { onResponseEnd })
      await drained()
      assert.deepEqual([exchange.names().filter((name) => name === 'onResponseEnd').length, exchange.errors()], [1, errors])
    }
  })
  it('has an empty status text where it says none, as that of a server', async () => {
    const exchange = await failing({ status: 200, ok: true, headers: new Headers(), text: async () => 'cached', json: async () => ({}) })
    assert.deepEqual(exchange.told.find(([name]) => name === 'onResponseStart'), ['onResponseStart', 200, {}, ''])
  })
  it('is given up where it can\'t be told', async () => {
    const none = () => { throw new Error('none') }
    for (const headers of [{ get: () => null }, { forEach: none }]) {
      const { source, response } = counted(10)
      const exchange = await failing({ status: 200, headers, body: response.body })
      assert.deepEqual([exchange.errors().length, source.cancelled !== undefined], [1, true])
    }
    const hostile = { status: 200, headers: {}, body: { getReader() {}, cancel: none } }
    const [{ message }] = (await failing(hostile)).errors()
    assert.match(message, /no `forEach`$/)
    assert.equal((await failing({ ...hostile, headers: new Headers() }, {}, { method: 'HEAD' })).names().at(-1), 'onResponseEnd')
  })
  it('gives up a body of another make where its handler aborts, and where the request is one for the head alone', async () => {
    const own = new Error('enough')
    const stalled = (async function* () { try { yield Buffer.from('one') } finally { isGivenUp = true } })()
    let isGivenUp = false
    const stream = new Readable({ read() { this.push('one') } })
    for (const [body, isGone] of [[stream, () => stream.destroyed], [stalled, () => isGivenUp]]) {
      const exchange = await failing({ status: 200, headers: new Headers(), body }, { onResponseData: (controller) => controller.abort(own) })
      assert.deepEqual([exchange.errors(), isGone()], [[own], true])
    }
    const unread = new Readable({ read() {} })
    await failing({ status: 200, headers: new Headers(), body: unread }, {}, { method: 'HEAD' })
    assert.equal(unread.destroyed, true)
  })
  it('may have a stream of Node that fails as it is given up, which ends no process', async () => {
    const failingStream = () => new Readable({ read() { this.push('one') }, destroy: (_, done) => done(new Error('not now')) })
    const [unread, begun] = [failingStream(), failingStream()]
    await failing({ status: 200, headers: new Headers(), body: unread }, {}, { method: 'HEAD' })
    await failing({ status: 200, headers: new Headers(), body: begun }, { onResponseData: (controller) => controller.abort(new Error('enough')) })
    await drained()
    assert.deepEqual([unread.destroyed, begun.destroyed], [true, true])
  })
  it('has no body where the request is one for the head alone', async () => {
    const { source, response } = counted(10)
    const exchange = await failing(response, {}, { method: 'HEAD' })
    assert.deepEqual(exchange.names(), ['onRequestStart', 'onResponseStart', 'onResponseEnd'])
    assert.deepEqual(source, { asked: 0, cancelled: { reason: undefined } })
  })
})
