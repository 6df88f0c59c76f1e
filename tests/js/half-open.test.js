// Half open: how many test requests pass, when they decide, and what becomes of one that never comes back. It must not know
// what a result is worth in the other states.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { CircuitBreaker, isCircuitOpenError, ManualClock } from '../../pkg/index.js'
import { drained, lives, rejectionOf, slowCalls } from './support.js'

const RECOVERY = 1000

let clock, breaker, start
/** A breaker whose recovery time is just up. */
function due(options = {}) {
  clock = new ManualClock()
  breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, ...options })
  ;({ start } = slowCalls(breaker))
  breaker.trip()
  clock.advance(RECOVERY)
}
beforeEach(() => due())

const error = new Error('still down')
const refused = async (call) => {
  const refusal = await rejectionOf(call.outcome)
  assert.ok(isCircuitOpenError(refusal), String(refusal))
  assert.equal(call.reached, undefined)
  return refusal
}
const settle = async (call, succeeds) => {
  if (succeeds) call.resolve('up')
  else call.reject(error)
  await call.outcome.catch(() => {})
}

describe('calls that come at once when the recovery time is up', () => {
  it('reach the function once in a hundred: the others are refused as half open', async () => {
    const calls = Array.from({ length: 100 }, start)
    const [test, ...others] = calls
    assert.deepEqual(calls.map(({ reached }) => reached === true), [true, ...Array(99).fill(false)])
    for (const call of others) {
      const refusal = await refused(call)
      assert.deepEqual([refusal.state, refusal.retryAfter, refusal.message], ['half_open', 1000, 'Circuit open. Retry in 1s'])
    }
    assert.equal(breaker.metrics.rejectedCalls, 99)
    await settle(test, true)
    assert.equal(await test.outcome, 'up')
  })

  it('reach it one after another as each test request comes back, until the circuit is closed', async () => {
    for (const state of ['half_open', 'closed']) {
      const [test, other] = [start(), start()]
      await refused(other)
      await settle(test, true)
      assert.equal(breaker.state, state)
    }
    assert.ok(Array.from({ length: 100 }, start).every(({ reached }) => reached))
  })

  it('are all refused again for a whole recovery time after the test request failed', async () => {
    const test = start()
    clock.advance(700)
    await settle(test, false)
    clock.advance(RECOVERY - 1)
    const refusal = await refused(start())
    assert.deepEqual([refusal.state, refusal.retryAfter, refusal.cause], ['open', 1, error])
    clock.advance(1)
    assert.equal(start().reached, true)
  })

  it('are let through one at a time by callSync() and wrapped functions, too', async () => {
    start()
    await rejectionOf(breaker.wrap(() => 1)())
    assert.throws(() => breaker.callSync(() => 1), { code: 'ERR_CIRCUIT_OPEN' })
    assert.equal(breaker.metrics.rejectedCalls, 2)
  })
})

describe('halfOpenMaxConcurrent', () => {
  it('is the number of test requests in flight, to the last one and no more', async () => {
    due({ halfOpenMaxConcurrent: 3, successThreshold: 10 })
    const calls = Array.from({ length: 10 }, start)
    assert.equal(calls.filter(({ reached }) => reached).length, 3)
    await settle(calls[1], true)
    const [next, tooMany] = [start(), start()]
    assert.equal(next.reached, true)
    await refused(tooMany)
  })

  it('lets no more pass than could still be judged', async () => {
    due({ halfOpenMaxConcurrent: 100, successThreshold: 2, halfOpenCalls: 3 })
    const calls = Array.from({ length: 10 }, start)
    assert.equal(calls.filter(({ reached }) => reached).length, 3)
    await settle(calls[0], false)
    await refused(start())
    await settle(calls[1], true)
    await settle(calls[2], true)
    assert.equal(breaker.state, 'closed')
  })

  it('of the default lets as many pass at once as the success threshold asks for, if it is higher', () => {
    due({ halfOpenMaxConcurrent: 100 })
    assert.equal(Array.from({ length: 10 }, start).filter(({ reached }) => reached).length, 2)
  })
})

describe('halfOpenCalls', () => {
  // [successes, failures] that are one short of a verdict; one more of either decides.
  for (const [successThreshold, halfOpenCalls] of [[1, 1], [2, 2], [2, 3], [3, 5], [1, 4], [4, 4]]) {
    const spare = halfOpenCalls - successThreshold

    it(`decides on ${successThreshold} of ${halfOpenCalls}: closes at success ${successThreshold} and not before`, async () => {
      due({ successThreshold, halfOpenCalls })
      for (let n = 0; n < spare; n++) await settle(start(), false)
      for (let n = 1; n < successThreshold; n++) {
        await settle(start(), true)
        assert.deepEqual([breaker.state, breaker.successCount], ['half_open', n])
      }
      await settle(start(), true)
      assert.equal(breaker.state, 'closed')
    })

    it(`decides on ${successThreshold} of ${halfOpenCalls}: opens at failure ${spare + 1} and not before`, async () => {
      due({ successThreshold, halfOpenCalls })
      for (let n = 1; n < successThreshold; n++) await settle(start(), true)
      for (let n = 1; n <= spare; n++) {
        await settle(start(), false)
        assert.deepEqual([breaker.state, breaker.failureCount], ['half_open', n])
      }
      await settle(start(), false)
      assert.deepEqual([breaker.state, breaker.failureCount, breaker.successCount], ['open', spare + 1, 0])
    })
  }

  it('counts results recorded by hand', () => {
    due({ successThreshold: 2, halfOpenCalls: 3 })
    breaker.checkState()
    breaker.recordFailure()
    breaker.recordSuccess()
    assert.equal(breaker.state, 'half_open')
    breaker.recordFailure()
    assert.equal(breaker.state, 'open')
  })

  it('starts from nothing at each recovery', async () => {
    due({ successThreshold: 2, halfOpenCalls: 3 })
    await settle(start(), false)
    await settle(start(), false)
    assert.equal(breaker.state, 'open')
    clock.advance(RECOVERY)
    await settle(start(), false)
    assert.equal(breaker.state, 'half_open')
  })
})

describe('a test request that never comes back', () => {
  beforeEach(() => due({ halfOpenTimeout: 5000 }))

  it('holds its place until halfOpenTimeout, and then opens the circuit for a recovery time', async () => {
    const hung = start()
    clock.advance(4999)
    await refused(start())
    assert.equal(breaker.state, 'half_open')
    clock.advance(1)
    const refusal = await refused(start())
    assert.deepEqual([breaker.state, refusal.state, refusal.retryAfter], ['open', 'open', RECOVERY])
    assert.equal(breaker.metrics.stateChanges.at(-1).reason, 'test_expired')
    clock.advance(RECOVERY - 1)
    await refused(start())
    clock.advance(1)
    await settle(start(), true)
    await settle(start(), true)
    assert.equal(breaker.state, 'closed')
    assert.equal(hung.reached, true)
  })

  it('is judged by checkState(), too, and not by reading', () => {
    start()
    clock.advance(5000)
    assert.equal(breaker.state, 'half_open')
    assert.equal(breaker.failureCount, 0)
    assert.equal(breaker.checkState(), 'open')
    assert.deepEqual([breaker.failureCount, breaker.lastFailureTime, breaker.metrics.failedCalls], [1, clock.now(), 1])
  })

  it('is stale when it answers after all: nobody but its caller hears of it', async () => {
    for (const succeeds of [true, false]) {
      due({ halfOpenTimeout: 5000 })
      const hung = start()
      clock.advance(5000)
      breaker.checkState()
      const { failedCalls, staleCalls, inFlight } = breaker.metrics
      assert.deepEqual({ failedCalls, staleCalls, inFlight }, { failedCalls: 1, staleCalls: 0, inFlight: 1 })
      await settle(hung, succeeds)
      assert.deepEqual([breaker.state, breaker.failureCount, breaker.successCount], ['open', 1, 0])
      assert.deepEqual([breaker.metrics.staleCalls, breaker.metrics.inFlight], [1, 0])
      if (succeeds) assert.equal(await hung.outcome, 'up')
      else assert.equal(await rejectionOf(hung.outcome), error)
    }
  })

  it('is stale in the next half-open state: it neither closes it nor frees a place in it', async () => {
    const hung = start()
    clock.advance(5000)
    breaker.checkState()
    clock.advance(RECOVERY)
    const test = start()
    assert.equal(test.reached, true)
    await settle(hung, true)
    assert.deepEqual([breaker.state, breaker.successCount], ['half_open', 0])
    await refused(start())
    await settle(test, true)
    assert.equal(breaker.successCount, 1)
  })

  it('counts if it answers past its time but before anybody asks', async () => {
    const slow = start()
    clock.advance(50_000)
    await settle(slow, true)
    assert.deepEqual([breaker.state, breaker.successCount], ['half_open', 1])
  })

  it('ends one of several: the others go on if enough of them are left', async () => {
    due({ halfOpenTimeout: 5000, halfOpenMaxConcurrent: 2, successThreshold: 2, halfOpenCalls: 3 })
    start()
    clock.advance(1000)
    const second = start()
    clock.advance(4000)
    assert.equal(breaker.checkState(), 'half_open')
    assert.equal(breaker.failureCount, 1)
    await settle(second, true)
    await settle(start(), true)
    assert.equal(breaker.state, 'closed')
  })

  it('has by default the longest of a minute and the recovery time', () => {
    for (const [recoveryTimeout, patience] of [[1, 60_000], [1000, 60_000], [60_000, 60_000], [90_000, 90_000]]) {
      due({ recoveryTimeout })
      clock.advance(recoveryTimeout)
      start()
      clock.advance(patience - 1)
      assert.equal(breaker.checkState(), 'half_open', `${recoveryTimeout}`)
      clock.advance(1)
      assert.equal(breaker.checkState(), recoveryTimeout === 0 ? 'half_open' : 'open', `${recoveryTimeout}`)
    }
  })

  it('costs the circuit no more than its time, again and again', async () => {
    for (let n = 0; n < 20; n++) {
      assert.equal(start().reached, true)
      clock.advance(5000)
      await refused(start())
      clock.advance(RECOVERY)
    }
    await settle(start(), true)
    await settle(start(), true)
    assert.equal(breaker.state, 'closed')
    assert.equal(breaker.metrics.inFlight, 20)
  })
})

describe('thresholds written in the midst of half open', () => {
  it('leave it able to decide', async () => {
    due({ successThreshold: 3 })
    await settle(start(), true)
    await settle(start(), true)
    breaker.successThreshold = 1
    await settle(start(), true)
    assert.equal(breaker.state, 'closed')
  })

  it('can not ask for more successes than halfOpenCalls has test requests', () => {
    due({ successThreshold: 2, halfOpenCalls: 3 })
    assert.throws(() => { breaker.successThreshold = 4 }, { code: 'ERR_INVALID_OPTION' })
    assert.equal(breaker.successThreshold, 2)
    breaker.successThreshold = 3
    assert.equal(breaker.successThreshold, 3)
  })
})

describe('under any interleaving', () => {
  const limits = fc.record({
    successThreshold: fc.integer({ min: 1, max: 4 }),
    spare: fc.integer({ min: 0, max: 3 }),
    halfOpenMaxConcurrent: fc.integer({ min: 1, max: 4 })
  })
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ type: 'start' }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('settle'), which: fc.nat(20), succeeds: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('wait'), ms: fc.constantFrom(1, RECOVERY - 1, RECOVERY, 4999, 5000) }) },
    { weight: 1, arbitrary: fc.constantFrom({ type: 'trip' }, { type: 'reset' }, { type: 'checkState' }) }
  )

  it('test requests in flight stay within halfOpenMaxConcurrent, those of one recovery within halfOpenCalls', () =>
    fc.assert(
      fc.asyncProperty(limits, fc.array(action, { maxLength: 60 }), async ({ successThreshold, spare, halfOpenMaxConcurrent }, actions) => {
        const halfOpenCalls = successThreshold + spare
        due({ successThreshold, halfOpenCalls, halfOpenMaxConcurrent, halfOpenTimeout: 5000 })
        let recovery = { tests: [], passed: 0 }
        breaker.addEventListener('statechange', ({ detail: { to } }) => {
          if (to === 'half_open') recovery = { tests: [], passed: 0 }
        })
        const all = []
        for (const { type, which, succeeds, ms } of actions) {
          if (type === 'start') {
            const call = start()
            const [born, tests] = [clock.now(), recovery.tests]
            if (!call.reached) continue
            all.push(call)
            if (breaker.state !== 'half_open') continue
            tests.push(Object.assign(call, { born }))
            recovery.passed++
            const inFlight = tests.filter(({ done, born }) => !done && clock.now() - born < 5000)
            assert.ok(inFlight.length <= halfOpenMaxConcurrent, `${inFlight.length} in flight of ${halfOpenMaxConcurrent}`)
            assert.ok(recovery.passed <= halfOpenCalls, `${recovery.passed} test requests of ${halfOpenCalls}`)
          } else if (type === 'settle') {
            if (all.length === 0) continue
            const [call] = all.splice(which % all.length, 1)
            call.done = true
            await settle(call, succeeds)
          } else if (type === 'wait') clock.advance(ms)
          else breaker[type]()
        }
      }),
      lives(1000)
    ))

  it('nothing wedges: with a healthy function the circuit closes in time', () =>
    fc.assert(
      fc.asyncProperty(limits, fc.array(action, { maxLength: 40 }), async ({ successThreshold, spare, halfOpenMaxConcurrent }, actions) => {
        due({ successThreshold, halfOpenCalls: successThreshold + spare, halfOpenMaxConcurrent, halfOpenTimeout: 5000 })
        const all = []
        for (const { type, which, succeeds, ms } of actions) {
          if (type === 'start') all.push(start())
          else if (type === 'settle' && all.length > 0) await settle(...all.splice(which % all.length, 1), succeeds)
          else if (type === 'wait') clock.advance(ms)
          else if (type !== 'settle') breaker[type]()
        }
        // What hung so far is over after one half-open timeout, and the circuit due after one recovery time.
        clock.advance(5000)
        breaker.checkState()
        clock.advance(RECOVERY)
        for (let n = 0; n < successThreshold + spare && breaker.checkState() !== 'closed'; n++) {
          assert.equal(await breaker.call(() => 'up'), 'up')
        }
        assert.equal(breaker.state, 'closed')
        await drained()
      }),
      lives(300)
    ))
})
