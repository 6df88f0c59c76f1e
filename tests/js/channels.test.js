// The channels by which monitoring hears of every breaker of a process: what they carry, and that no subscriber changes what a breaker does. It must
// not know who subscribes.

import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import { afterEach, describe, it } from 'node:test'
import { CircuitBreaker } from '../../pkg/index.js'
import { guardFetch } from '../../pkg/fetch.js'
import { guardDispatch } from '../../pkg/undici.js'
import { clock, failOnce, registryOf } from './registries.js'
import { answerOf, rejectionOf, run } from './support.js'

const CHANGE = 'halfopen:statechange'
const REJECT = 'halfopen:reject'
const up = async () => 'up'

const subscribed = []
/** Subscribes for the length of a test. */
function on(name, listener) {
  subscribed.push([name, listener])
  channel(name).subscribe(listener)
}
afterEach(() => {
  for (const [name, listener] of subscribed.splice(0)) channel(name).unsubscribe(listener)
})
/** What is said on a channel, from now on. */
function heardOn(name) {
  const heard = []
  on(name, (message, as) => heard.push({ ...message, as }))
  return heard
}

describe('the channel halfopen:statechange', () => {
  it('tells the breaker, and what its own event tells', async () => {
    const heard = heardOn(CHANGE)
    const own = []
    const breaker = new CircuitBreaker({ name: 'users', clock, failureThreshold: 1, successThreshold: 1, recoveryTimeout: 100 })
    breaker.addEventListener('statechange', ({ detail }) => own.push(detail))
    await failOnce(breaker)
    clock.advance(100)
    await breaker.call(up)
    assert.deepEqual(own.map(({ to, reason }) => `${to} ${reason}`), ['open failure_threshold', 'half_open recovery_due', 'closed recovered'])
    assert.deepEqual(heard.map(({ breaker, as, ...detail }) => [breaker.name, as, detail]), own.map((detail) => ['users', CHANGE, detail]))
    assert.equal(heard[0].breaker, breaker)
  })

  it('tells of breakers that nobody listens to, and of those of a registry once', () => {
    const heard = heardOn(CHANGE)
    const registry = registryOf()
    registry.addEventListener('statechange', () => {})
    registry.get('a').trip()
    new CircuitBreaker({ name: 'alone' }).isolate()
    assert.deepEqual(heard.map(({ breaker: { name }, reason }) => [name, reason]), [['a', 'trip'], ['alone', 'isolate']])
  })

  it('is heard from whenever somebody subscribes, and no more once nobody does', () => {
    const breaker = new CircuitBreaker()
    breaker.trip()
    const heard = heardOn(CHANGE)
    breaker.reset()
    for (const [name, listener] of subscribed.splice(0)) channel(name).unsubscribe(listener)
    breaker.trip()
    assert.deepEqual(heard.map(({ to }) => to), ['closed'])
  })
})

describe('the channel halfopen:reject', () => {
  it('tells the breaker and the error that the caller gets, whichever way the call was made', async () => {
    const heard = heardOn(REJECT)
    const breaker = new CircuitBreaker({ clock })
    breaker.trip()
    const errors = [await rejectionOf(breaker.call(up)), await rejectionOf(breaker.callWith({}, up)), await rejectionOf(breaker.wrap(up)())]
    for (const way of [() => breaker.callSync(() => 1), () => breaker.acquire()]) {
      try {
        way()
      } catch (error) {
        errors.push(error)
      }
    }
    assert.deepEqual(heard.map((message) => Object.keys(message)), Array(5).fill(['breaker', 'error', 'as']))
    assert.ok(errors.every((error, index) => error === heard[index].error && heard[index].breaker === breaker))
    assert.equal(heard.length, 5)
  })

  it('tells of full bulkheads and of refusals that a fallback answers, and not of calls that an observing breaker lets pass', async () => {
    const heard = heardOn(REJECT)
    const breaker = new CircuitBreaker({ maxConcurrent: 1, fallback: () => 'elsewhere' })
    const permit = breaker.acquire()
    assert.equal(await breaker.call(up), 'elsewhere')
    breaker.observe()
    assert.equal(await breaker.call(up), 'up')
    permit.success()
    assert.deepEqual(heard.map(({ error: { code } }) => code), ['ERR_BULKHEAD_FULL'])
  })
})

describe('a subscriber', () => {
  it('that throws changes no call, no state and no other subscriber: the channel itself reports it', async () => {
    const { answers, uncaught } = await answerOf(`
      const { channel } = await import('node:diagnostics_channel')
      const { CircuitBreaker } = await import(ESM)
      const uncaught = []
      process.on('uncaughtException', ({ message }) => uncaught.push(message))
      const answers = []
      for (const name of ['${CHANGE}', '${REJECT}']) {
        channel(name).subscribe(() => { throw new Error('mine of ' + name) })
        channel(name).subscribe(() => answers.push(name))
      }
      const breaker = new CircuitBreaker({ failureThreshold: 1 })
      breaker.addEventListener('statechange', () => answers.push('event'))
      const down = new Error('down')
      answers.push(await breaker.call(async () => { throw down }).catch((error) => error === down), breaker.state)
      answers.push(await breaker.call(async () => 1).catch(({ code }) => code), breaker.metrics.rejectedCalls)
      await new Promise(setImmediate)
      console.log(JSON.stringify({ answers, uncaught }))`)
    assert.deepEqual(answers, ['event', CHANGE, true, 'open', REJECT, 'ERR_CIRCUIT_OPEN', 1])
    assert.deepEqual(uncaught, [`mine of ${CHANGE}`, `mine of ${REJECT}`])
  })

  it('may call back into the breaker: each state change is told once, in order, and never two at a time', async () => {
    const told = []
    let depth = 0
    on(CHANGE, ({ breaker, to }) => {
      assert.equal(depth++, 0)
      told.push(to)
      if (told.length < 4) breaker[to === 'open' ? 'reset' : 'trip']()
      depth--
    })
    const breaker = new CircuitBreaker({ failureThreshold: 1 })
    await failOnce(breaker)
    assert.deepEqual([told, breaker.state], [['open', 'closed', 'open', 'closed'], 'closed'])
  })

  it('may call back into the breaker on a refusal', async () => {
    const refusals = []
    on(REJECT, ({ breaker, error }) => {
      refusals.push(error)
      breaker.reset()
    })
    const breaker = new CircuitBreaker()
    breaker.trip()
    assert.equal(await rejectionOf(breaker.call(up)), refusals[0])
    assert.equal(await breaker.call(up), 'up')
  })

  it('may unsubscribe while it is told, and may subscribe another, which hears of the next', () => {
    const heard = []
    const first = ({ to }) => {
      heard.push(`first ${to}`)
      channel(CHANGE).unsubscribe(first)
      on(CHANGE, ({ to }) => heard.push(`second ${to}`))
    }
    on(CHANGE, first)
    const breaker = new CircuitBreaker()
    breaker.trip()
    breaker.reset()
    assert.deepEqual(heard, ['first open', 'second closed'])
  })
})

describe('guards', () => {
  it('tell what their breakers do', async () => {
    const server = createServer((_, response) => response.writeHead(503).end())
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${server.address().port}`
    const [changes, refusals] = [heardOn(CHANGE), heardOn(REJECT)]
    try {
      const guarded = guardFetch({ failureThreshold: 1 })
      await (await guarded(origin)).text()
      assert.equal((await rejectionOf(guarded(origin))).code, 'ERR_CIRCUIT_OPEN')
      const seen = ({ breaker: { name }, to, error }) => [name, to ?? error.code]
      assert.deepEqual([changes.map(seen), refusals.map(seen)], [[[origin, 'open']], [[origin, 'ERR_CIRCUIT_OPEN']]])

      // As undici calls it: a dispatch that answers 503 at once.
      const dispatch = guardDispatch({ failureThreshold: 1 })((_, handler) => {
        const controller = { aborted: false, abort() {}, pause() {}, resume() {}, paused: false, reason: null }
        handler.onRequestStart?.(controller, {})
        handler.onResponseStart?.(controller, 503, {}, 'Service Unavailable')
        handler.onResponseEnd?.(controller, {})
        return true
      })
      const handler = { onRequestStart() {}, onResponseStart() {}, onResponseData() {}, onResponseEnd() {}, onResponseError() {} }
      for (let n = 0; n < 2; n++) dispatch({ origin: 'http://other.example', path: '/', method: 'GET' }, handler)
      await new Promise(setImmediate)
      assert.deepEqual([changes.slice(1).map(seen), refusals.slice(1).map(seen)], [[['http://other.example', 'open']], [['http://other.example', 'ERR_CIRCUIT_OPEN']]])
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

describe('the host’s channels', () => {
  it('are asked for once, when the first breaker is made, and not at import', async () => {
    const asked = await answerOf(`
      const asked = []
      const { getBuiltinModule } = process
      if (getBuiltinModule) process.getBuiltinModule = (name) => (/diagnostics/.test(name) && asked.push(name), getBuiltinModule(name))
      const { CircuitBreaker, CircuitBreakerRegistry } = await import(ESM)
      const atImport = asked.length
      new CircuitBreakerRegistry()
      const first = new CircuitBreaker()
      new CircuitBreaker().trip()
      first.trip()
      console.log(JSON.stringify([atImport, asked.length]))`)
    assert.deepEqual(asked, [0, typeof process.getBuiltinModule === 'function' ? 1 : 0])
  })

  it('may not be there, or be frozen: nothing is thrown, and breakers work', async () => {
    for (const [before, ...flags] of [
      ['delete process.getBuiltinModule'], ['delete globalThis.process'], ["process.getBuiltinModule = () => { throw new Error('no') }"], ['', '--frozen-intrinsics']
    ]) {
      const { stdout } = await run(`
        const { CircuitBreaker } = await import(ESM)
        ${before}
        const breaker = new CircuitBreaker({ failureThreshold: 1 })
        await breaker.call(async () => { throw 1 }).catch(() => {})
        console.log(await breaker.call(async () => 1).catch(({ code }) => code))`, ...flags)
      assert.equal(stdout.trim(), 'ERR_CIRCUIT_OPEN', before)
    }
  })
})
