// What a test file may leave behind for the next: work that waits for timers which are no more, and globals that were something else for a while. Named as the
// situations are, so that the same programs run it. It must not know which runner that is, nor what comes next.

import assert from 'node:assert/strict'

const never = () => new Promise(() => {})

/** Has a runner run all of it: `halfopen` and `runner` as in `situations.js`. */
export function situations({ CircuitBreaker, CircuitBreakerRegistry, guardFetch }, { it, fake, real, tick }) {
  it('makes the first breaker while a test has WebAssembly taken away', () => {
    const { WebAssembly } = globalThis
    try {
      globalThis.WebAssembly = undefined
      assert.throws(() => new CircuitBreaker(), { code: 'ERR_ENGINE_UNAVAILABLE' })
    } finally {
      globalThis.WebAssembly = WebAssembly
    }
    assert.equal(new CircuitBreaker().state, 'closed')
  })

  it('leaves calls and a probe that wait for fake timers', () => {
    fake()
    const breaker = new CircuitBreaker({ timeout: 500, recoveryTimeout: 1000, probe: never })
    for (let n = 0; n < 3; n++) breaker.call(never).catch(() => {})
    breaker.callWith({ timeout: 30 }, never).catch(() => {})
    tick(20)
    assert.equal(breaker.metrics.inFlight, 4)
    breaker.trip()
    tick(900)
    real()
  })

  // A call in flight that has a time limit keeps a process until then, as any timer does: somebody waits for it.
  it('leaves calls that end at no time, probes that sleep for an hour, and breakers by key', () => {
    const HOUR = 3_600_000
    const breaker = new CircuitBreaker({ recoveryTimeout: HOUR, probe: never })
    breaker.call(never)
    breaker.trip()
    const registry = new CircuitBreakerRegistry({ recoveryTimeout: HOUR, probe: never, timeout: HOUR })
    registry.get('one').trip()
    const guarded = guardFetch({ recoveryTimeout: HOUR, probe: never, fetch: never })
    guarded('https://users.example.com/7')
    guarded.registry.get('https://users.example.com').trip()
  })

  it('leaves timers of the host that were put aside by hand', () => {
    const { setTimeout, clearTimeout, Date } = globalThis
    try {
      Object.assign(globalThis, { setTimeout: () => 0, clearTimeout() {}, Date: { now: () => 0 } })
      const breaker = new CircuitBreaker({ timeout: 500 })
      breaker.call(never)
      assert.equal(breaker.metrics.inFlight, 1)
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout, Date })
    }
  })
}
