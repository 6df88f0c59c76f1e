// Callers that stop waiting: a deadline that passed counts against the server, a change of mind does not, and what was aborted before it
// began counts nothing. It must not know how a signal is watched.

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { after, describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import { Agent, fetch as undiciFetch, request } from 'undici'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { guardFetch } from '../../pkg/fetch.js'
import { guardDispatch } from '../../pkg/undici.js'
import { atEnd, LIMIT, outcomes, rejectionOf, startServer, unhandled, until } from './support.js'

after(() => assert.deepEqual(unhandled, []))

const server = await startServer()
const { origin } = server

/** The doors, each as `send(url, init)` behind options of a guard. */
const DOORS = {
  'guardFetch()'(options) {
    const guarded = guardFetch(options)
    return { registry: guarded.registry, send: guarded }
  },
  'guardDispatch(), through request()'(options, agentOptions) {
    const { registry, dispatcher } = behind(options, agentOptions)
    return { registry, send: (url, init) => request(url, { ...init, dispatcher }) }
  },
  'guardDispatch(), through fetch()'(options, agentOptions) {
    const { registry, dispatcher } = behind(options, agentOptions)
    return { registry, send: (url, init) => undiciFetch(url, { ...init, dispatcher }) }
  }
}

function behind(options, agentOptions) {
  const guard = guardDispatch(options)
  const agent = new Agent(agentOptions)
  atEnd(() => agent.destroy())
  return { registry: guard.registry, dispatcher: agent.compose(guard) }
}

/** A reason that says that somebody's time is up, by hand; a signal that aborts with it. */
const aborting = (reason) => {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort(reason) }
}
const ofItself = (signal) => ({ signal })

/** The error that a call around this one aborts it with. */
const outer = await rejectionOf(new CircuitBreaker({ timeout: 1 }).call(() => new Promise(() => {})))

const DEADLINES = {
  'AbortSignal.timeout()': () => ofItself(AbortSignal.timeout(30)),
  'AbortSignal.any() of it': () => ofItself(AbortSignal.any([new AbortController().signal, AbortSignal.timeout(30)])),
  'a TimeoutError by hand': () => aborting(new DOMException('too late', 'TimeoutError')),
  'an error by that name': () => aborting(Object.assign(new Error('too late'), { name: 'TimeoutError' })),
  'one of another realm': () => aborting(runInNewContext('Object.assign(new Error("too late"), { name: "TimeoutError" })')),
  'the timeout of a breaker around it': () => aborting(outer)
}
const CHANGES_OF_MIND = {
  'abort() without a reason': () => aborting(undefined),
  'an error': () => aborting(new Error('enough')),
  'a text': () => aborting('TimeoutError'),
  'null': () => aborting(null),
  'an object that throws': () => aborting({ get name() { throw new Error('mine') } })
}

for (const [door, open] of Object.entries(DOORS)) {
  describe(`${door}, a caller that stops waiting`, LIMIT, () => {
    for (const options of [{}, { timeout: 10_000 }, { settleOn: 'body' }]) {
      const countedFor = async (make) => {
        const { send, registry } = open({ failureThreshold: 100, ...options })
        const { hits } = server
        const { signal, abort } = make()
        const call = rejectionOf(send(`${origin}/never`, { signal }))
        if (abort !== undefined) {
          await until(() => server.hits > hits)
          abort()
        }
        await call
        await until(() => outcomes(registry).inFlight === undefined)
        return { ...outcomes(registry), timedOut: registry.get(origin).metrics.timedOutCalls }
      }
      it(`by a deadline counts against the server: ${JSON.stringify(options)}`, async () => {
        // The abort of a fetch over a dispatcher reaches the guard without its signal, and where there is no connection yet, without a reason.
        const isBlind = door.endsWith('through fetch()')
        for (const [deadline, make] of Object.entries(DEADLINES)) {
          if (isBlind && deadline.startsWith('AbortSignal.')) continue
          assert.deepEqual(await countedFor(make), { failure: 1, timedOut: 1 }, deadline)
        }
      })
      it(`by a change of mind is ignored: ${JSON.stringify(options)}`, async () => {
        for (const [change, make] of Object.entries(CHANGES_OF_MIND)) assert.deepEqual(await countedFor(make), { ignored: 1, timedOut: 0 }, change)
      })
    }

    it('opens the circuit of a server that hangs, by deadlines alone', async () => {
      const { send, registry } = open({ failureThreshold: 3 })
      while (registry.get(origin).state !== 'open') await rejectionOf(send(`${origin}/never`, { signal: AbortSignal.timeout(50) }))
    })
    it('before it began counts nothing, whatever the reason: the request is handed on unguarded', async () => {
      const { send, registry } = open({ failureThreshold: 1, key: () => assert.fail('nobody asks for a key') })
      for (const reason of [new DOMException('too late', 'TimeoutError'), new Error('enough')]) {
        assert.equal(await rejectionOf(send(origin, { signal: AbortSignal.abort(reason) })), reason)
      }
      assert.equal(registry.size, 0)
    })
  })
}

describe('guardFetch(), a deadline', LIMIT, () => {
  it("may be that of a Request's own signal", async () => {
    const guarded = guardFetch({ failureThreshold: 100 })
    const request = new Request(`${origin}/never`, { signal: AbortSignal.timeout(30) })
    assert.equal((await rejectionOf(guarded(request))).name, 'TimeoutError')
    assert.deepEqual(outcomes(guarded.registry), { failure: 1 })
  })
  it('decides by the signal, never by the name of what the fetch threw', async () => {
    const throwing = (error) => guardFetch({ failureThreshold: 100, fetch: async () => { throw error } })
    for (const name of ['AbortError', 'TimeoutError']) {
      const guarded = throwing(new DOMException('mine', name))
      await rejectionOf(guarded(origin, { signal: new AbortController().signal }))
      await rejectionOf(guarded(origin))
      assert.deepEqual(outcomes(guarded.registry), { failure: 2 }, name)
    }
  })
  it('that passes while the body is read counts in body mode', async () => {
    const guarded = guardFetch({ settleOn: 'body', failureThreshold: 100 })
    const response = await guarded(`${origin}/slow-body`, { signal: AbortSignal.timeout(100) })
    assert.equal((await rejectionOf(response.text())).name, 'TimeoutError')
    await until(() => outcomes(guarded.registry).inFlight === undefined)
    assert.deepEqual(outcomes(guarded.registry), { failure: 1 })
  })
  it('has the body of a request cancelled that was aborted before it began', async () => {
    let cancelled = false
    const body = new ReadableStream({ cancel: () => void (cancelled = true) })
    const error = await rejectionOf(guardFetch()(origin, { method: 'POST', duplex: 'half', signal: AbortSignal.abort(), body }))
    assert.equal(error.name, 'AbortError')
    await until(() => cancelled)
  })
  it('leaves to fetch what is aborted while its call is about to begin: by a key, by a listener', async () => {
    for (const options of [{}, { timeout: 5000 }, { settleOn: 'body' }]) {
      for (const [by, outcome] of [['key', {}], ['listener', { ignored: 1 }]]) {
        const controller = new AbortController()
        let cancelled = false
        const body = new ReadableStream({ cancel: () => void (cancelled = true) })
        const clock = new ManualClock()
        const key = () => (by === 'key' && controller.abort(), 'one')
        const guarded = guardFetch({ ...options, key, clock, recoveryTimeout: 1000 })
        const breaker = guarded.registry.get('one')
        breaker.trip()
        clock.advance(1000)
        if (by === 'listener') breaker.addEventListener('statechange', () => controller.abort())
        const error = await rejectionOf(guarded(origin, { method: 'POST', duplex: 'half', signal: controller.signal, body }))
        assert.equal(error.name, 'AbortError')
        await until(() => cancelled)
        assert.deepEqual(outcomes(guarded.registry), outcome, `${by} ${JSON.stringify(options)}`)
      }
    }
  })
  it('may be answered by the fallback', async () => {
    const { send } = DOORS['guardFetch()']({ fallbackOn: 'failure', fallback: (_, error) => new Response(error.name) })
    assert.equal(await (await send(`${origin}/never`, { signal: AbortSignal.timeout(20) })).text(), 'TimeoutError')
  })
})

describe('guardDispatch(), a deadline', LIMIT, () => {
  it('may be the reason of an event emitter', async () => {
    for (const [reason, outcome] of [[new DOMException('too late', 'TimeoutError'), 'failure'], [outer, 'failure'], [new Error('enough'), 'ignored'], [undefined, 'ignored']]) {
      const { send, registry } = DOORS['guardDispatch(), through request()']({ failureThreshold: 100 })
      const signal = new EventEmitter()
      const { hits } = server
      const call = rejectionOf(send(`${origin}/never`, { signal }))
      await until(() => server.hits > hits)
      signal.reason = reason
      signal.emit('abort')
      await call
      await until(() => outcomes(registry).inFlight === undefined)
      assert.deepEqual(outcomes(registry), { [outcome]: 1 }, String(reason))
    }
  })
  it('may pass while the request waits for a connection', async () => {
    const { send, registry } = DOORS['guardDispatch(), through request()']({ failureThreshold: 100 }, { connections: 1, pipelining: 1 })
    const errors = await Promise.all([1, 2, 3].map(() => rejectionOf(send(`${origin}/never`, { signal: AbortSignal.timeout(100) }))))
    for (const { name } of errors) assert.equal(name, 'TimeoutError')
    await until(() => outcomes(registry).inFlight === undefined)
    assert.deepEqual(outcomes(registry), { failure: 3 })
  })
  it('may be one of undici', async () => {
    for (const [options, path] of [[{ headersTimeout: 50 }, '/never'], [{ bodyTimeout: 50 }, '/slow-body']]) {
      const { send, registry } = DOORS['guardDispatch(), through request()']({ settleOn: 'body', failureThreshold: 100 })
      await rejectionOf(send(origin + path, options).then(({ body }) => body.text()))
      await until(() => outcomes(registry).inFlight === undefined)
      assert.deepEqual(outcomes(registry), { failure: 1 }, path)
    }
  })
  it('tells a refused caller that it was refused, though it has aborted meanwhile', async () => {
    const { send, registry } = DOORS['guardDispatch(), through request()']({ clock: new ManualClock() })
    registry.get(origin).trip()
    const controller = new AbortController()
    const call = rejectionOf(send(origin, { signal: controller.signal }))
    controller.abort(new Error('enough'))
    assert.ok(['enough', `Circuit open. Retry in 60s (${origin})`].includes((await call).message))
  })
})
