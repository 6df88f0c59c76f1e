// The traces of other circuit breakers, replayed through the class as a user has it: calls that are held are promises that have not
// settled. What the traces mean stands in tests/traces.

import assert from 'node:assert/strict'
import { CircuitBreaker, ManualClock, isCircuitOpenError } from '../../pkg/index.js'
import { replayAll } from '../traces/suite.js'
import { deferred, rejectionOf } from './support.js'

/** What a function of the trace failed with, and what `classify` is to make of it. */
class Judged extends Error {
  constructor(verdict) {
    super('as the trace says')
    this.verdict = verdict
  }
}

replayAll('class', (options, start, { outcomes = {}, needs = [] }) => {
  const clock = new ManualClock(start)
  // Only where the trace needs it: with a judge, calls go another way.
  const isJudged = needs.some((need) => ['ignored', 'classify', 'asking'].includes(need))
  const classify = (error) => (error instanceof Judged ? error.verdict : error === undefined ? 'success' : 'failure')
  const breaker = new CircuitBreaker({ ...options, clock, ...(isJudged && { classify }) })
  /** Calls in flight: the promise that `fn` gave and what `call` made of it. */
  const held = new Map()
  const stateChanges = []
  breaker.addEventListener('statechange', ({ detail }) => stateChanges.push(detail))

  const settle = {
    async success({ of, result }) {
      const value = {}
      of.resolve(value)
      assert.equal(await result, value, 'the call gives what its function gave')
    },
    async failure({ of, result }, verdict = 'failure') {
      const error = new Judged(verdict)
      of.reject(error)
      assert.equal(await rejectionOf(result), error, 'the call fails with the error of its function')
    }
  }
  const controls = {
    trip: () => breaker.trip(),
    reset: () => breaker.reset(),
    check: () => breaker.checkState(),
    isolate: () => breaker.isolate(),
    disable: () => breaker.disable(),
    observe: () => breaker.observe(),
    enable: () => breaker.enable(),
    tripFor: (ms) => breaker.trip({ for: ms })
  }

  return {
    advance: (ms) => clock.advance(ms),
    async admit(id) {
      const of = deferred()
      let ran = false
      const result = breaker.call(() => {
        ran = true
        return of.promise
      })
      if (ran) {
        held.set(id, { of, result })
        return { admitted: true }
      }
      const refusal = await rejectionOf(result)
      assert.ok(isCircuitOpenError(refusal), `refused with ${refusal}`)
      const by = breaker.mode === 'isolated' ? 'isolated' : refusal.state
      return { admitted: false, by, retryAfter: refusal.retryAfter }
    },
    async settle(id, outcome, { duration, retryAfter }) {
      // The class reads its clock: where durations count, the time passes while the function runs.
      if (duration !== undefined && options.slowCallDuration !== undefined) clock.advance(duration)
      if (retryAfter !== undefined) await settle.failure(held.get(id), { outcome, retryAfter, trip: true })
      else if (outcome === 'ignored') await settle.failure(held.get(id), 'ignored')
      // What is a failure to everybody else and a success to the judge.
      else if (outcome === 'success' && outcomes.fail === 'success') await settle.failure(held.get(id), 'success')
      else await settle[outcome](held.get(id))
      held.delete(id)
    },
    record: (outcome) => (outcome === 'success' ? breaker.recordSuccess() : breaker.recordFailure()),
    check: () => breaker.checkState(),
    state: () => breaker.state,
    mode: () => breaker.mode,
    control: (deed, value) => controls[deed](value),
    counts() {
      const { calls, failures, slowCalls, retryAfter } = breaker.explain()
      return {
        failureCount: breaker.failureCount,
        successCount: breaker.successCount,
        stateChanges,
        retryAfter,
        window: calls === undefined ? undefined : { calls, failures, slowCalls, minimumCalls: options.minimumCalls ?? 0 }
      }
    }
  }
})
