// Callers of guards that leave while a fallback is asked for an answer: they are told so once and at once, as `fetch` and undici would tell them,
// and the response that comes too late gives its connection back. It must not know what a fallback answers for.

import assert from 'node:assert/strict'
import { EventEmitter, getEventListeners } from 'node:events'
import { after, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Agent, fetch as undiciFetch, request, stream } from 'undici'
import { guardFetch } from '../../pkg/fetch.js'
import { guardDispatch } from '../../pkg/undici.js'
import { take } from '../js/support.js'
import { atEnd, LIMIT, outcomes, rejectionOf, startServer, unhandled, until } from './support.js'

after(() => assert.deepEqual(unhandled, []))

const origin = 'http://server'
const down = new Error('down')
const own = new Error('enough')
const late = new DOMException('too late', 'TimeoutError')
const REASONS = { 'no reason': undefined, 'its own reason': own, 'a deadline': late }
const drained = async () => { for (let n = 0; n < 5; n++) await turn() }

function deferred() {
  let resolve, reject
  const promise = new Promise((...both) => ([resolve, reject] = both))
  return { promise, resolve, reject }
}

/** A response that says what becomes of its body. */
function watchedResponse() {
  const source = { cancelled: false }
  const body = new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.from('piece')), cancel: () => void (source.cancelled = true) }, { highWaterMark: 0 })
  return { source, response: new Response(body) }
}

/** Why a fallback is asked. */
const WHY = {
  'the circuit is open': { options: {}, prepare: (breaker) => breaker.trip(), counted: {} },
  'the bulkhead is full': { options: { maxConcurrent: 1 }, prepare: (breaker) => take(breaker), counted: { inFlight: 1 } },
  'the request failed': { options: { fallbackOn: 'failure' }, prepare() {}, counted: { failure: 1 } }
}

/** Doors, each as `send(signal)` behind options of a guard: what comes of a request that fails, as a promise of the response. */
const DOORS = {
  'guardFetch()': fetching({}),
  'guardFetch(), with a timeout': fetching({ timeout: 60_000 }),
  "guardFetch(), with settleOn: 'body'": fetching({ settleOn: 'body' }),
  'guardDispatch(), whose handler has a signal': dispatching({}),
  'guardDispatch(), with a timeout': dispatching({ timeout: 60_000 }),
  "guardDispatch(), with settleOn: 'body'": dispatching({ settleOn: 'body' })
}

function fetching(own) {
  return (options) => {
    const guarded = guardFetch({ failureThreshold: 100, ...own, ...options, fetch: async () => { throw down } })
    return { registry: guarded.registry, send: (signal) => guarded(origin, { signal }), told: () => [] }
  }
}

function dispatching(own) {
  return (options) => {
    const guard = guardDispatch({ failureThreshold: 100, ...own, ...options })
    const told = []
    const send = (signal) =>
      new Promise((resolve, reject) => {
        const dispatch = guard((_, handler) => {
          handler.onRequestStart({ abort() {} }, null)
          handler.onResponseError({}, down)
          return true
        })
        dispatch({ origin, path: '/', method: 'GET', signal }, {
          onRequestStart() {},
          onResponseStart: (_, status) => (told.push('start'), resolve({ status })),
          onResponseData() {},
          onResponseEnd() {},
          onResponseError: (_, error) => (told.push('error'), reject(error))
        })
      })
    return { registry: guard.registry, send, told: () => told }
  }
}

for (const [door, open] of Object.entries(DOORS)) {
  describe(`a fallback that is pending: ${door}`, LIMIT, () => {
    /** A request whose fallback was asked and is pending. */
    async function begin({ options, prepare }) {
      const answer = deferred()
      let asked = 0
      const { registry, send, told } = open({ ...options, fallback: () => (asked++, answer.promise) })
      prepare(registry.get(origin))
      const controller = new AbortController()
      const given = send(controller.signal)
      await drained()
      assert.equal(asked, 1)
      return { answer, given, controller, told, counts: () => [outcomes(registry), registry.get(origin).metrics.toJSON()] }
    }

    for (const [why, situation] of Object.entries(WHY)) {
      for (const [what, reason] of Object.entries(REASONS)) {
        it(`asked since ${why}, is waited for no more once its caller leaves for ${what}; a late response is given up`, async () => {
          const { answer, given, controller, told, counts } = await begin(situation)
          const before = counts()
          assert.deepEqual(before[0], situation.counted)
          let left
          given.catch((reason) => (left = { reason }))
          controller.abort(reason)
          await drained()
          assert.equal(left?.reason, controller.signal.reason)
          assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
          const { source, response } = watchedResponse()
          answer.resolve(response)
          await drained()
          assert.deepEqual([source.cancelled, counts()], [true, before])
          assert.ok(told().length <= 1, String(told()))
        })
      }

      it(`asked since ${why}, may fail late or answer with what is no response, which nobody hears of`, async () => {
        for (const end of [({ reject }) => reject(new Error('no fallback either')), ({ resolve }) => resolve(undefined), ({ resolve }) => resolve(Response.error()), ({ resolve }) => resolve({ body: { cancel: 7, getReader() {} } })]) {
          const { answer, given, controller, counts } = await begin(situation)
          const before = counts()
          controller.abort(own)
          assert.equal(await rejectionOf(given), own)
          end(answer)
          await drained()
          assert.deepEqual(counts(), before)
        }
      })

      it(`asked since ${why}, answers a caller that stays`, async () => {
        const { answer, given, controller, told, counts } = await begin(situation)
        const before = counts()
        answer.resolve(new Response('cached', { status: 203 }))
        const { status } = await given
        await drained()
        assert.equal(status, 203)
        assert.deepEqual(counts(), before)
        assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
        assert.ok(told().length <= 1, String(told()))
      })
    }
  })
}

describe('a handler of guardDispatch that aborts by its controller while a fallback is pending', LIMIT, () => {
  function begin() {
    const answer = deferred()
    const guard = guardDispatch({ failureThreshold: 100, fallbackOn: 'failure', fallback: () => answer.promise })
    const told = []
    let controller
    const send = guard((_, handler) => {
      handler.onRequestStart({ abort() {}, pause() {}, resume() {} }, null)
      handler.onResponseError({ abort() {}, pause() {}, resume() {} }, down)
      return true
    })
    send({ origin, path: '/', method: 'GET' }, {
      onRequestStart: (given) => void (controller = given),
      onResponseStart: () => told.push('start'),
      onResponseData: () => told.push('data'),
      onResponseEnd: () => told.push('end'),
      onResponseError: (given, error) => told.push([given === controller, error])
    })
    return { answer, told, controller, counts: () => outcomes(guard.registry) }
  }

  for (const [what, reason] of Object.entries({ ...REASONS, 'a text': 'gone' })) {
    it(`is told so at once and once, for ${what}, and a late response is given up`, async () => {
      const { answer, told, controller, counts } = begin()
      await drained()
      assert.deepEqual([told, counts()], [[], { failure: 1 }])
      controller.abort(reason)
      controller.abort(new Error('once more'))
      const [[isSame, error], ...more] = told
      assert.deepEqual([isSame, more], [true, []])
      // With what undici says itself where there is no reason.
      if (reason === undefined) assert.deepEqual([error.name, error.code, error.message], ['AbortError', 'UND_ERR_ABORTED', 'Request aborted'])
      else assert.equal(error, reason)
      const { source, response } = watchedResponse()
      answer.resolve(response)
      await drained()
      assert.deepEqual([source.cancelled, told.length, counts()], [true, 1, { failure: 1 }])
    })
  }

  it('is told nothing where the fallback fails late', async () => {
    const { answer, told, controller } = begin()
    await drained()
    controller.abort(own)
    answer.reject(new Error('no fallback either'))
    await drained()
    assert.deepEqual(told, [[true, own]])
  })
})

describe('a handler of guardDispatch whose fallback answered while the request waited for a connection', LIMIT, () => {
  it('hears nothing of that connection, which has no request to make', async () => {
    const controller = new AbortController()
    const guard = guardDispatch({ fallbackOn: 'failure', fallback: () => new Response('cached') })
    const told = []
    let undici
    const names = ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd', 'onResponseError']
    const handler = Object.fromEntries(names.map((name) => [name, () => told.push(name)]))
    guard((_, handler) => ((undici = handler), true))({ origin, path: '/', method: 'GET', signal: controller.signal }, handler)
    controller.abort(late)
    await drained()
    assert.deepEqual(told, names.slice(0, 4))
    let aborted = 0
    const real = { abort(reason) { aborted++, undici.onResponseError(real, reason) } }
    undici.onRequestStart(real, null)
    await drained()
    assert.deepEqual([told, aborted, outcomes(guard.registry)], [names.slice(0, 4), 1, { failure: 1 }])
  })
})

describe('a handler of guardDispatch whose request took too long before it had a connection', LIMIT, () => {
  it('is told at once, and once, that its caller leaves while a fallback is asked', async () => {
    const controller = new AbortController()
    const answer = deferred()
    let asked = 0
    const guard = guardDispatch({ timeout: 10, fallbackOn: 'failure', fallback: () => (asked++, answer.promise) })
    const told = []
    const tell = Object.fromEntries(['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'].map((name) => [name, () => told.push(name)]))
    let undici
    const dispatch = guard((_, handler) => ((undici = handler), true))
    dispatch({ origin, path: '/', method: 'GET', signal: controller.signal }, { ...tell, onResponseError: (_, error) => told.push(error) })
    await until(() => asked === 1)
    controller.abort(own)
    await drained()
    assert.deepEqual(told, [own])
    const { source, response } = watchedResponse()
    answer.resolve(response)
    const real = { abort: (reason) => undici.onResponseError(real, reason) }
    undici.onRequestStart(real, null)
    await drained()
    assert.deepEqual([told, source.cancelled, outcomes(guard.registry)], [[own], true, { failure: 1 }])
  })
})

const server = await startServer()

describe('a caller of undici behind guardDispatch', LIMIT, () => {
  function behind(options, agentOptions) {
    const guard = guardDispatch({ failureThreshold: 100, ...options })
    const agent = new Agent(agentOptions)
    atEnd(() => agent.destroy())
    return { registry: guard.registry, dispatcher: agent.compose(guard) }
  }
  const CLIENTS = {
    'request()': (url, init) => request(url, init).then(({ body }) => body.text()),
    'stream()': async (url, init) => {
      const { Writable } = await import('node:stream')
      let text = ''
      await stream(url, { method: 'GET', ...init }, () => new Writable({ write: (chunk, _, done) => ((text += chunk), done()) }))
      return text
    },
    'fetch()': (url, init) => undiciFetch(url, init).then((response) => response.text())
  }
  for (const [client, send] of Object.entries(CLIENTS)) {
    it(`leaves at once while a fallback is asked for what failed or was refused: ${client}`, async () => {
      for (const [path, options] of [['/reset', { fallbackOn: 'failure' }], ['/', {}]]) {
        const answer = deferred()
        let asked = 0
        const { registry, dispatcher } = behind({ ...options, fallback: () => (asked++, answer.promise) })
        if (path === '/') registry.get(server.origin).trip()
        const controller = new AbortController()
        const call = rejectionOf(send(server.origin + path, { dispatcher, signal: controller.signal }))
        await until(() => asked === 1)
        controller.abort(own)
        assert.equal(await call, own)
        const { source, response } = watchedResponse()
        answer.resolve(response)
        await until(() => source.cancelled)
      }
    })
  }

  for (const client of ['request()', 'stream()']) {
    it(`has the fallback answer a deadline of its signal that passed while the server was at it: ${client}`, async () => {
      const emitting = () => {
        const signal = new EventEmitter()
        setTimeout(() => signal.emit('abort', (signal.reason = late)), 50)
        return signal
      }
      for (const options of [{}, { timeout: 10_000 }, { settleOn: 'body' }]) {
        for (const makeSignal of [() => AbortSignal.timeout(50), emitting]) {
          const { registry, dispatcher } = behind({ ...options, fallbackOn: 'failure', fallback: (_, { name }) => new Response(`instead of a ${name}`) })
          assert.equal(await CLIENTS[client](`${server.origin}/never`, { dispatcher, signal: makeSignal() }), 'instead of a TimeoutError')
          assert.deepEqual([outcomes(registry), registry.get(server.origin).metrics.timedOutCalls], [{ failure: 1 }, 1])
        }
      }
    })
  }

  it('has the fallback answer each of several requests with the same deadline', async () => {
    const { registry, dispatcher } = behind({ fallbackOn: 'failure', fallback: () => new Response('instead') })
    const signal = AbortSignal.timeout(100)
    const texts = await Promise.all([1, 2, 3].map(() => CLIENTS['request()'](`${server.origin}/never`, { dispatcher, signal })))
    assert.deepEqual([texts, outcomes(registry)], [['instead', 'instead', 'instead'], { failure: 3 }])
  })

  it('is told its deadline where no fallback answers it, and where that fails', async () => {
    for (const [options, name] of [[{}, 'TimeoutError'], [{ fallbackOn: 'failure' }, 'TimeoutError'], [{ fallbackOn: 'failure', fallback: () => { throw own } }, 'Error']]) {
      const { dispatcher } = behind(options)
      assert.equal((await rejectionOf(CLIENTS['request()'](`${server.origin}/never`, { dispatcher, signal: AbortSignal.timeout(50) }))).name, name)
    }
  })

  it('is told its deadline where the request waited for a connection: undici has told nothing of it by then that a response could follow', async () => {
    const { registry, dispatcher } = behind({ fallbackOn: 'failure', fallback: () => new Response('instead') }, { connections: 1, pipelining: 1 })
    const first = new AbortController()
    const busy = rejectionOf(request(`${server.origin}/never`, { dispatcher, signal: first.signal }))
    const { hits } = server
    await until(() => server.hits > hits)
    assert.equal((await rejectionOf(CLIENTS['request()'](server.origin, { dispatcher, signal: AbortSignal.timeout(50) }))).name, 'TimeoutError')
    first.abort()
    await busy
    await until(() => outcomes(registry).inFlight === undefined)
    assert.deepEqual(outcomes(registry), { failure: 1, ignored: 1 })
  })
})
