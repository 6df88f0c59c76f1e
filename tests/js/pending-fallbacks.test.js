// Callers that leave while a fallback is asked: they get their own reason at once, and what the fallback gives later is nobody's. It must not
// know who else a fallback answers for.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { after, beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, CircuitBreakerRegistry, ManualClock } from '../../pkg/index.js'
import { deferred, drained, rejectionOf, take } from './support.js'

const unhandled = []
process.on('unhandledRejection', (error) => unhandled.push(error))
after(() => assert.deepEqual(unhandled, []))

const error = new Error('down')
const fail = () => { throw error }
const own = new Error('left the page')
const late = new DOMException('too late', 'TimeoutError')

let controller, clock
beforeEach(() => {
  controller = new AbortController()
  clock = new ManualClock()
})
const listeners = (signal = controller.signal) => getEventListeners(signal, 'abort').length

/** Ways to call with a signal: each makes a breaker with these options, and says how it is called. */
const DOORS = {
  'callWith()'(options) {
    const breaker = new CircuitBreaker(options)
    return { breaker, call: (own, fn, ...args) => breaker.callWith(own, fn, ...args) }
  },
  'callWith(), with a timeout'(options) {
    const breaker = new CircuitBreaker({ timeout: 60_000, ...options })
    return { breaker, call: (own, fn, ...args) => breaker.callWith(own, fn, ...args) }
  },
  'callWith(), with a fallback of the call'({ fallback, ...options }) {
    const breaker = new CircuitBreaker(options)
    return { breaker, call: (own, fn, ...args) => breaker.callWith({ fallback, ...own }, fn, ...args) }
  },
  'registry.callWith()'(options) {
    const registry = new CircuitBreakerRegistry(options)
    return { breaker: registry.get('key'), call: (own, fn, ...args) => registry.callWith('key', own, fn, ...args) }
  },
  'wrapWith()'(options) {
    const breaker = new CircuitBreaker(options)
    return { breaker, call: (own, fn, ...args) => breaker.wrapWith(own, fn)(...args) }
  }
}

/** Why a fallback is asked: what brings it about, and what it is to answer. */
const WHY = {
  'the circuit is open': { options: {}, prepare: (breaker) => breaker.trip(), code: 'ERR_CIRCUIT_OPEN' },
  'a test request is in flight': {
    options: {},
    prepare(breaker) {
      breaker.trip()
      clock.advance(60_000)
      take(breaker)
    },
    code: 'ERR_CIRCUIT_OPEN'
  },
  'the bulkhead is full': { options: { maxConcurrent: 1 }, prepare: (breaker) => take(breaker), code: 'ERR_BULKHEAD_FULL' },
  'the call failed': { options: { fallbackOn: 'failure' }, prepare() {} }
}

/** Reasons to leave. Without one the platform makes an AbortError. */
const REASONS = { 'no reason': undefined, 'its own reason': own, 'a reason that is no error': 'gone', 'a deadline': late }

/** What becomes of the fallback after that. */
const LATER = { 'gives an answer': ({ resolve }) => resolve('instead'), 'fails': ({ reject }) => reject(new Error('no fallback either')), 'goes on for ever'() {} }

/** A call whose fallback was asked and is pending. */
async function pendingFallback(door, { options, prepare, code }, own = { signal: controller.signal }) {
  const answer = deferred()
  const asked = []
  const fallback = (...all) => (asked.push(all), answer.promise)
  const { breaker, call } = DOORS[door]({ clock, fallback, ...options })
  prepare(breaker)
  const given = call(own, fail, 1, 'two')
  await drained()
  const [[one, two, told, ...more], ...others] = asked
  assert.deepEqual([one, two, more, others], [1, 'two', [], []])
  if (code === undefined) assert.equal(told, error)
  else assert.equal(told.code, code)
  return { breaker, answer, given, counts: () => breaker.metrics.toJSON() }
}

for (const door of Object.keys(DOORS)) {
  describe(`a fallback that is pending: ${door}`, () => {
    for (const [why, situation] of Object.entries(WHY)) {
      for (const [what, reason] of Object.entries(REASONS)) {
        for (const [later, end] of Object.entries(LATER)) {
          it(`asked since ${why}, is waited for no more once its caller leaves for ${what}, and ${later}`, async () => {
            const { answer, given, counts } = await pendingFallback(door, situation)
            const before = counts()
            assert.equal(listeners(), 1)
            let told
            given.catch((reason) => (told = { reason }))
            controller.abort(reason)
            assert.equal(listeners(), 0)
            await drained()
            assert.equal(told?.reason, controller.signal.reason)
            assert.equal(told.reason.name, reason === undefined ? 'AbortError' : reason.name)
            end(answer)
            await drained()
            assert.deepEqual(counts(), before)
          })
        }
      }

      it(`asked since ${why}, answers a caller that stays, whose signal has no listener then`, async () => {
        for (const [end, expected] of [[({ resolve }) => resolve('instead'), 'instead'], [({ reject }) => reject(own), own]]) {
          const { answer, given, counts } = await pendingFallback(door, situation)
          const before = counts()
          end(answer)
          assert.equal(await given.catch((reason) => reason), expected)
          assert.equal(listeners(), 0)
          controller.abort()
          await drained()
          assert.deepEqual(counts(), before)
          controller = new AbortController()
        }
      })
    }
  })
}

describe('a caller that leaves while a fallback is asked', () => {
  const make = (options) => new CircuitBreaker({ clock, ...options })

  it('leaves others alone that have the same signal and wait for their functions, or for their own fallbacks', async () => {
    const { answer, given } = await pendingFallback('callWith()', WHY['the circuit is open'])
    const other = await pendingFallback('callWith()', WHY['the call failed'])
    const plain = rejectionOf(make().callWith({ signal: controller.signal }, () => new Promise(() => {})))
    assert.equal(listeners(), 1)
    answer.resolve('instead')
    assert.equal(await given, 'instead')
    assert.equal(listeners(), 1)
    controller.abort(own)
    assert.deepEqual([await rejectionOf(other.given), await plain, listeners()], [own, own, 0])
  })

  it('gets its reason though the fallback heeds the signal as well and rejects first, with an error of its own', async () => {
    class SilentSignal extends EventTarget {
      aborted = false
    }
    for (const { options, prepare } of Object.values(WHY)) {
      const signal = new SilentSignal()
      const breaker = make({ ...options, fallback: () => new Promise((_, reject) => signal.addEventListener('mine', () => reject(error))) })
      prepare(breaker)
      const given = breaker.callWith({ signal }, fail)
      await drained()
      Object.assign(signal, { aborted: true, reason: own })
      signal.dispatchEvent(new Event('mine'))
      assert.equal(await rejectionOf(given), own)
    }
  })

  it('gets an AbortError where its signal does not say why', async () => {
    const signal = Object.assign(new EventTarget(), { aborted: false })
    const breaker = make({ fallback: () => new Promise(() => {}) })
    breaker.trip()
    const given = breaker.callWith({ signal }, fail)
    signal.aborted = true
    signal.dispatchEvent(new Event('abort'))
    assert.equal((await rejectionOf(given)).name, 'AbortError')
  })

  it('gets its reason where the fallback itself aborts the signal, or a listener of `fallback` does', async () => {
    for (const { options, prepare } of Object.values(WHY)) {
      for (const fallback of [() => 'instead', async () => 'instead', fail]) {
        for (const by of ['fallback', 'listener']) {
          const controller = new AbortController()
          const breaker = make({ ...options, fallback: () => (by === 'fallback' && controller.abort(own), fallback()) })
          if (by === 'listener') breaker.addEventListener('fallback', () => controller.abort(own))
          prepare(breaker)
          assert.equal(await rejectionOf(breaker.callWith({ signal: controller.signal }, fail)), own)
          assert.equal(listeners(controller.signal), 0)
        }
      }
    }
  })

  it('asks no fallback where it left before: in a listener of the refusal or of the failure', async () => {
    for (const [type, { options, prepare }] of [['reject', WHY['the circuit is open']], ['reject', WHY['the bulkhead is full']], ['failure', WHY['the call failed']]]) {
      for (const reason of [own, late]) {
        const controller = new AbortController()
        const breaker = make({ ...options, fallback: () => assert.fail('asked') })
        breaker.addEventListener('fallback', () => assert.fail('told'))
        prepare(breaker)
        breaker.addEventListener(type, () => controller.abort(reason))
        assert.equal(await rejectionOf(breaker.callWith({ signal: controller.signal }, fail)), reason)
      }
    }
  })

  it('is not cut off by its own deadline where that is what the fallback answers', async () => {
    const answer = deferred()
    const breaker = make({ fallbackOn: 'failure', fallback: (told) => answer.promise.then(() => told) })
    const given = breaker.callWith({ signal: controller.signal }, () => new Promise(() => {}))
    controller.abort(late)
    await drained()
    answer.resolve()
    assert.equal(await given, late)
    assert.equal(breaker.metrics.timedOutCalls, 1)
  })

  it('may leave after the call’s own time is up', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const breaker = make({ timeout: 10, fallbackOn: 'failure', fallback: () => new Promise(() => {}) })
    const given = breaker.callWith({ signal: controller.signal }, () => new Promise(() => {}))
    t.mock.timers.tick(10)
    await drained()
    assert.equal(breaker.metrics.timedOutCalls, 1)
    controller.abort(own)
    assert.equal(await rejectionOf(given), own)
    const { timedOutCalls, ignoredCalls, failedCalls } = breaker.metrics
    assert.deepEqual([timedOutCalls, ignoredCalls, failedCalls], [1, 0, 1])
  })

  it('has no listener on its signal where the fallback answers or throws at once', async () => {
    for (const { options, prepare } of Object.values(WHY)) {
      for (const [fallback, expected] of [[() => 'instead', 'instead'], [() => { throw own }, own]]) {
        const breaker = make({ ...options, fallback })
        prepare(breaker)
        assert.equal(await breaker.callWith({ signal: controller.signal }, fail).catch((reason) => reason), expected)
        assert.equal(listeners(), 0)
      }
    }
  })

  it('waits for the answer where its signal takes no listener', async () => {
    const signal = Object.assign(new EventTarget(), { aborted: false, addEventListener() { throw error } })
    for (const [fallback, expected] of [[async () => 'instead', 'instead'], [async () => { throw own }, own]]) {
      const breaker = make({ fallback })
      breaker.trip()
      assert.equal(await breaker.callWith({ signal }, fail).catch((reason) => reason), expected)
    }
  })

  it('hands on an answer that throws where it is looked at', async () => {
    const answer = new Proxy({}, { has() { throw error } })
    const breaker = make({ fallback: () => answer })
    breaker.trip()
    assert.equal(await breaker.callWith({ signal: controller.signal }, fail), answer)
    assert.equal(listeners(), 0)
  })

  it('has its late answer handed to whom a guard names, and no answer that came in time', async () => {
    const dropped = []
    for (const leaves of [true, false]) {
      const answer = deferred()
      const breaker = make({ fallback: Object.assign(() => answer.promise, { [Symbol.for('halfopen.late')]: (value) => dropped.push(value) }) })
      breaker.trip()
      const given = breaker.callWith({ signal: controller.signal }, fail)
      if (leaves) controller.abort(own)
      answer.resolve(leaves ? 'late' : 'in time')
      assert.equal(await given.catch((reason) => reason), leaves ? own : 'in time')
      controller = new AbortController()
    }
    await drained()
    assert.deepEqual(dropped, ['late'])
  })
})
