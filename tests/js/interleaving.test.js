// Everything at once: calls that overlap, time out, are aborted or never come back, control by hand, snapshots, eviction, clocks that
// jump or break, in any order. It must not know why a breaker is in its state, only what must hold in each. A failure prints the seed
// and the shortest series of steps that leads to it.

import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it, mock } from 'node:test'
import fc from 'fast-check'
import { CircuitBreaker, CircuitBreakerRegistry, isBulkheadFullError, isCallTimeoutError, isCircuitOpenError } from '../../pkg/index.js'
import { deferred, drained, lives } from './support.js'

const RECOVERY = 1000
const HALF_OPEN = 3000
const TIMEOUT = 700
const TRIP = 1500
const IGNORED = Symbol('ignored')

const POLICIES = [
  { failureThreshold: 2 },
  { window: { type: 'count', size: 5 }, failureRate: 0.5, minimumCalls: 2 },
  { window: { type: 'time', duration: 2000, buckets: 4 }, failureRate: 0.5, minimumCalls: 2, slowCallDuration: 500, slowCallRate: 0.8 }
]
const options = fc.record({
  policy: fc.constantFrom(...POLICIES),
  successThreshold: fc.integer({ min: 1, max: 3 }),
  spare: fc.nat(1),
  halfOpenMaxConcurrent: fc.integer({ min: 1, max: 2 }),
  maxConcurrent: fc.constantFrom(undefined, undefined, 2),
  timeout: fc.constantFrom(undefined, TIMEOUT),
  isHeard: fc.boolean(),
  classifies: fc.boolean()
})

const BY_HAND = ['trip', 'tripFor', 'reset', 'isolate', 'release', 'disable', 'enable', 'enable', 'observe', 'checkState', 'recordFailure', 'recordSuccess']
const WAYS = ['call', 'call', 'callWith', 'withTimeout', 'aborted', 'acquire', 'callSync', 'wrap']
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('start'), way: fc.constantFrom(...WAYS) }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant('settle'), which: fc.nat(20), how: fc.constantFrom('value', 'value', 'error', 'error', 'ignored') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('abort'), which: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('wait'), ms: fc.constantFrom(1, TIMEOUT, RECOVERY - 1, RECOVERY, HALF_OPEN) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('jump'), ms: fc.constantFrom(-1, -RECOVERY, -1e9, 1e9) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('break'), time: fc.constantFrom(NaN, Infinity, undefined, 'noon') }) },
  { weight: 1, arbitrary: fc.constantFrom({ type: 'mend' }, { type: 'snapshot' }, { type: 'evict' }, { type: 'evict' }, { type: 'read' }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('hand'), method: fc.constantFrom(...BY_HAND) }) },
  { weight: 6, arbitrary: fc.constant({ type: 'drain' }) }
)

/** A breaker, the calls made of it, and what is known of both. */
class World {
  time = 1e6
  broken = false
  asked = 0
  excess = 0
  expired = 0
  calls = []
  /** The switches by hand. */
  isolated = false
  leniency = 'normal'
  /** Until when the circuit was opened by hand at least. */
  heldUntil = -Infinity

  constructor({ policy, successThreshold, spare, isHeard, classifies, ...rest }) {
    this.options = {
      ...policy, ...rest, successThreshold,
      halfOpenCalls: successThreshold + spare,
      recoveryTimeout: RECOVERY,
      halfOpenTimeout: HALF_OPEN,
      clock: { now: () => (this.broken === false ? this.time : this.broken.time) },
      classify: classifies ? (error) => (error?.kind === IGNORED ? 'ignored' : undefined) : undefined
    }
    this.isExact = spare === 0 && rest.halfOpenMaxConcurrent === 1
    this.registry = new CircuitBreakerRegistry({ ...this.options, maxBreakers: 1 })
    this.breaker = this.registry.get('held')
    this.known = 'closed'
    this.breaker.addEventListener('statechange', ({ detail: { from, to, reason } }) => {
      assert.equal(from, this.known, 'an event does not start where the last one ended')
      this.known = to
      if (reason === 'test_expired') this.expired++
    })
    if (isHeard) for (const type of ['success', 'failure', 'ignored', 'reject']) this.breaker.addEventListener(type, () => this.breaker.state)
  }

  async take({ type, ...details }) {
    await this[type](details)
    this.check()
  }

  start({ way }) {
    const { breaker } = this
    const { state, mode } = breaker
    const { retryAfter } = breaker.explain()
    const call = { ...deferred(), value: {}, error: new Error('down'), reason: { why: 'enough' }, candidates: [], controller: new AbortController() }
    call.promise.catch(() => {})
    const { signal } = call.controller
    const fn = () => ((call.reached = true), call.promise)
    if (way === 'aborted') {
      call.controller.abort(call.reason)
      call.candidates.push(call.reason)
      call.outcome = breaker.callWith({ signal }, fn)
    } else {
      this.asked++
      if (way === 'callSync') {
        try {
          call.outcome = Promise.resolve(breaker.callSync(fn))
        } catch (refusal) {
          call.outcome = Promise.reject(refusal)
        }
      } else if (way === 'acquire') {
        try {
          call.permit = breaker.acquire()
          call.reached = true
          call.outcome = call.promise
        } catch (refusal) {
          call.outcome = Promise.reject(refusal)
        }
      } else if (way === 'callWith') call.outcome = breaker.callWith({ signal }, fn)
      else if (way === 'withTimeout') call.outcome = breaker.callWith({ signal, timeout: TIMEOUT }, fn)
      else if (way === 'wrap') call.outcome = breaker.wrap(fn)()
      else call.outcome = breaker.call(fn)
      call.canAbort = way === 'callWith' || way === 'withTimeout'
      call.canTimeOut = way === 'withTimeout' || (this.options.timeout !== undefined && ['call', 'callWith', 'wrap'].includes(way))
      const mayPass = mode === 'disabled' || mode === 'observing' || (mode === 'normal' && state === 'closed' && this.options.maxConcurrent === undefined)
      if (mayPass) assert.ok(call.reached, `refused though ${state} and ${mode}`)
      if (mode === 'isolated' || (mode === 'normal' && state === 'open' && retryAfter > 0 && this.broken === false)) {
        assert.equal(call.reached, undefined, `let through though ${state} and ${mode}, for ${retryAfter} ms more`)
      }
    }
    call.settled = call.outcome.then(
      (value) => (call.done = { value }),
      (error) => (call.done = { error })
    )
    this.calls.push(call)
  }

  /** One of the calls that reached the function and fit, if there is one. */
  pick(which, fits) {
    const calls = this.calls.filter((call) => call.reached && fits(call))
    return calls[which % calls.length]
  }

  settle({ which, how }) {
    // Those that timed out or were aborted too: what they answer then is nobody's.
    const call = this.pick(which, ({ isAnswered }) => !isAnswered)
    if (call === undefined) return
    call.isAnswered = true
    if (how === 'ignored') call.error.kind = IGNORED
    if (!call.done) call.candidates.push(how === 'value' ? call.value : call.error)
    if (how === 'value') call.resolve(call.value)
    else call.reject(call.error)
    if (call.permit) {
      // More than once: the first counts.
      if (how === 'value') call.permit.success()
      else if (how === 'error') call.permit.failure(call.error)
      else call.permit.ignore()
      call.permit.failure(call.error)
      call.permit[Symbol.dispose]?.()
    }
  }

  abort({ which }) {
    const call = this.pick(which, ({ canAbort, done }) => canAbort && !done)
    if (call === undefined) return
    call.candidates.push(call.reason)
    call.controller.abort(call.reason)
  }

  async wait({ ms }) {
    await drained()
    this.time += ms
    mock.timers.tick(ms)
    for (const call of this.calls) if (call.reached && !call.done && call.canTimeOut) call.mayHaveTimedOut = true
    await drained()
  }

  jump({ ms }) {
    this.time += ms
    // A clock that goes back may move the end of an open time, though not by more than all of it.
    if (ms < 0) this.heldUntil = -Infinity
  }

  break({ time }) {
    this.broken = { time }
  }

  mend() {
    this.broken = false
  }

  hand({ method }) {
    const { breaker } = this
    if (method === 'tripFor') {
      breaker.trip({ for: TRIP })
      if (this.broken === false) this.heldUntil = this.time + TRIP
      return
    }
    breaker[method]()
    if (method === 'isolate') this.isolated = true
    if (method === 'release' || method === 'reset') this.isolated = false
    if (method === 'reset') this.heldUntil = -Infinity
    const switched = { disable: 'disabled', observe: 'observing', enable: 'normal' }[method]
    if (switched !== undefined) this.leniency = switched
  }

  get mode() {
    return this.leniency === 'disabled' ? 'disabled' : this.isolated ? 'isolated' : this.leniency
  }

  snapshot() {
    const { breaker } = this
    const other = new CircuitBreaker({ ...this.options, snapshot: JSON.parse(JSON.stringify(breaker.toJSON())) })
    assert.deepEqual([other.state, other.mode, other.failureCount, other.successCount], [breaker.state, breaker.mode, breaker.failureCount, breaker.successCount])
    assert.ok(other.explain().retryAfter <= (this.isolated ? Infinity : Math.max(RECOVERY, TRIP)))
    other.enable()
    assert.equal(other.mode, this.isolated ? 'isolated' : 'normal')
    other.reset()
    other.trip()
  }

  evict() {
    const { breaker } = this
    const { state, mode, failureCount, metrics } = breaker
    const { inFlight } = metrics
    this.registry.get({})
    assert.deepEqual([breaker.state, breaker.mode, breaker.failureCount, metrics.inFlight], [state, mode, failureCount, inFlight])
    // A quiet breaker that is put aside loses its counts, and nothing else.
    if (metrics.totalCalls === 0 && inFlight === 0) this.asked = this.excess = this.expired = 0
  }

  read() {
    const { breaker } = this
    const before = JSON.stringify(breaker)
    breaker.explain()
    breaker.getSummary()
    this.registry.status()
    this.registry.summary()
    assert.equal(JSON.stringify(breaker), before)
  }

  async drain() {
    await drained()
  }

  check() {
    const { breaker } = this
    assert.equal(breaker.state, this.known, 'the state changed without an event')
    assert.equal(breaker.mode, this.mode)
    if (this.time < this.heldUntil) assert.equal(breaker.state, 'open', 'opened by hand for longer')
    const { totalCalls, successfulCalls, failedCalls, ignoredCalls, rejectedCalls, staleCalls, inFlight } = breaker.metrics.toJSON()
    assert.equal(totalCalls, successfulCalls + failedCalls + ignoredCalls + rejectedCalls + staleCalls)
    // A test request that expired has failed, and is stale once more when it comes home.
    const excess = totalCalls + inFlight - this.asked
    assert.ok(excess >= this.excess && excess >= this.expired, `${excess} calls too many, of which ${this.expired} expired`)
    if (this.isExact) assert.equal(excess, this.expired)
    this.excess = excess
  }

  /** With a healthy dependency some call passes within an open time and a half-open time. */
  async admitsAgain() {
    this.mend()
    this.hand({ method: 'enable' })
    this.hand({ method: 'release' })
    for (let waited = 0; waited <= Math.max(RECOVERY, TRIP) + HALF_OPEN; waited += 500) {
      let reached = false
      this.asked++
      await this.breaker.call(() => (reached = true)).catch((error) => assert.ok(isCircuitOpenError(error), String(error)))
      if (reached) return
      await this.wait({ ms: 500 })
    }
    assert.fail(`nothing passes: ${this.breaker.explain().sentence}`)
  }

  async end() {
    await drained()
    for (const [index] of this.calls.entries()) {
      this.settle({ which: 0, how: index % 2 ? 'value' : 'error' })
      await drained()
    }
    for (const call of this.calls) {
      await call.settled
      const { value, error } = call.done
      const outcome = value ?? error
      if (call.candidates.includes(outcome)) assert.equal(outcome === call.value, 'value' in call.done)
      else if (isCallTimeoutError(error)) assert.ok(call.mayHaveTimedOut, 'timed out before its time')
      else {
        assert.ok(isCircuitOpenError(error) || isBulkheadFullError(error), `settled with ${String(outcome)}, which is nobody's`)
        assert.equal(call.reached, undefined, 'refused though its function ran')
        assert.ok(isBulkheadFullError(error) ? error.retryAfter === 0 : error.retryAfter > 0)
      }
    }
    this.check()
    assert.equal(this.breaker.metrics.inFlight, 0)
  }
}

const LIMIT = { timeout: 120_000 * Number(process.env.HALFOPEN_LIVES ?? 1) }

describe('whatever happens, and in whatever order', () => {
  const unhandled = []
  const note = (reason) => unhandled.push(reason)
  before(() => process.on('unhandledRejection', note))
  after(() => process.off('unhandledRejection', note))
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('calls settle with what is theirs, permits come back, counts add up, states change with an event, nothing wedges', LIMIT, async () => {
    await fc.assert(
      fc.asyncProperty(options, fc.array(step, { minLength: 5, maxLength: 60 }), async (options, steps) => {
        unhandled.length = 0
        const world = new World(options)
        for (const step of steps) await world.take(step)
        if (options.maxConcurrent === undefined) await world.admitsAgain()
        await world.end()
        await drained()
        assert.deepEqual(unhandled, [])
      }),
      lives(1500)
    )
  })
})
