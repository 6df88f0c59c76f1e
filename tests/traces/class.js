// The class as the replay wants it: calls that are held are promises that have not settled. It must not know what the traces mean, nor
// any runtime or test runner: it is part of the program that all of them run.

/** What a function of the trace failed with, and what `classify` is to make of it. */
class Judged extends Error {
  constructor(verdict) {
    super('as the trace says')
    this.verdict = verdict
  }
}

function demand(condition, what) {
  if (!condition) throw new Error(what)
}

function deferred() {
  let resolve, reject
  const promise = new Promise((...both) => ([resolve, reject] = both))
  return { promise, resolve, reject }
}

const rejectionOf = (promise) => promise.then((value) => { throw new Error(`Expected a rejection, got ${String(value)}`) }, (error) => error)

/** Makes the adapter of one trace, for a copy of the package. */
export const throughTheClass = ({ CircuitBreaker, ManualClock, isCircuitOpenError }) => (options, start, { outcomes = {}, needs = [] }) => {
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
      demand(await result === value, 'Expected the call to give what its function gave')
    },
    async failure({ of, result }, verdict = 'failure') {
      const error = new Judged(verdict)
      of.reject(error)
      demand(await rejectionOf(result) === error, 'Expected the call to fail with the error of its function')
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
      demand(isCircuitOpenError(refusal), `Expected a refusal, got ${refusal}`)
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
}
