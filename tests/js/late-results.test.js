// Results that come after the circuit changed its state: they reach their caller and change nothing else, but are counted as
// stale. It must not know why the state changed.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { countsOf, rejectionOf, slowCalls } from './support.js'

const RECOVERY = 1000

let clock, breaker, start
beforeEach(() => {
  clock = new ManualClock()
  breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY })
  ;({ start } = slowCalls(breaker))
})

const error = new Error('late')
const halfOpen = () => {
  breaker.trip()
  clock.advance(RECOVERY)
  breaker.checkState()
}

// How each state is reached from closed, with a call of the first closed generation in flight.
const MOVES = {
  open: () => breaker.trip(),
  'half open': () => halfOpen(),
  'half open, one success in': () => {
    halfOpen()
    breaker.recordSuccess()
  },
  'open again': () => {
    halfOpen()
    breaker.recordFailure()
  },
  'closed again, recovered': () => {
    halfOpen()
    breaker.recordSuccess()
    breaker.recordSuccess()
  },
  'closed again, reset while closed': () => breaker.reset(),
  'closed again, one failure in': () => {
    breaker.reset()
    breaker.recordFailure()
  }
}

for (const [where, move] of Object.entries(MOVES)) {
  describe(`a call that was let through while closed and settles when the circuit is ${where}`, () => {
    for (const succeeds of [true, false]) {
      it(`${succeeds ? 'succeeds' : 'fails'} for its caller alone`, async () => {
        const events = []
        const late = start()
        move()
        const before = countsOf(breaker)
        const metrics = breaker.metrics.toJSON()
        breaker.addEventListener('statechange', (event) => events.push(event))
        clock.advance(10)
        if (succeeds) {
          late.resolve('late')
          assert.equal(await late.outcome, 'late')
        } else {
          late.reject(error)
          assert.equal(await rejectionOf(late.outcome), error)
        }
        assert.deepEqual(countsOf(breaker), before)
        assert.deepEqual(breaker.metrics.toJSON(), {
          ...metrics, staleCalls: 1, inFlight: 0, totalCalls: metrics.totalCalls + 1
        })
        assert.deepEqual(events, [])
      })
    }
  })
}

describe('failures that come together', () => {
  it('open the circuit at the one that reaches the threshold; those after it are stale', async () => {
    const calls = Array.from({ length: 8 }, start)
    for (const call of calls) call.reject(error)
    for (const call of calls) assert.equal(await rejectionOf(call.outcome), error)
    assert.deepEqual([breaker.state, breaker.failureCount], ['open', 5])
    assert.deepEqual([breaker.metrics.failedCalls, breaker.metrics.staleCalls], [5, 3])
  })

  it('do not put off the recovery: it counts from the failure that opened the circuit', async () => {
    const calls = Array.from({ length: 6 }, start)
    for (const call of calls.slice(0, 5)) {
      call.reject(error)
      await rejectionOf(call.outcome)
    }
    clock.advance(RECOVERY - 1)
    calls[5].reject(error)
    await rejectionOf(calls[5].outcome)
    assert.equal(breaker.checkState(), 'open')
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })
})

describe('a slow failure', () => {
  it('opens the circuit for a whole recovery time from when it is known, not from when the call began', async () => {
    breaker.failureThreshold = 1
    const slow = start()
    clock.advance(2 * RECOVERY)
    slow.reject(error)
    await rejectionOf(slow.outcome)
    assert.equal(breaker.lastFailureTime, 2 * RECOVERY)
    clock.advance(RECOVERY - 1)
    assert.equal(breaker.checkState(), 'open')
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('of a test request does so as well', async () => {
    halfOpen()
    const slow = start()
    clock.advance(2 * RECOVERY)
    slow.reject(error)
    await rejectionOf(slow.outcome)
    clock.advance(RECOVERY - 1)
    assert.equal(breaker.checkState(), 'open')
  })
})

describe('a test request', () => {
  it('is stale once the circuit was tripped, reset or decided without it', async () => {
    for (const decide of [
      () => breaker.trip(),
      () => breaker.reset(),
      () => breaker.recordFailure(),
      () => { breaker.recordSuccess(); breaker.recordSuccess() }
    ]) {
      halfOpen()
      const test = start()
      assert.equal(test.reached, true)
      decide()
      const before = countsOf(breaker)
      const { staleCalls } = breaker.metrics
      test.resolve('late')
      await test.outcome
      assert.deepEqual(countsOf(breaker), before)
      assert.equal(breaker.metrics.staleCalls, staleCalls + 1)
    }
  })

  it('is stale when another of the same recovery has decided', async () => {
    breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, halfOpenMaxConcurrent: 2 })
    ;({ start } = slowCalls(breaker))
    halfOpen()
    const [one, other] = [start(), start()]
    one.reject(error)
    await rejectionOf(one.outcome)
    assert.equal(breaker.state, 'open')
    other.resolve('up')
    assert.equal(await other.outcome, 'up')
    assert.deepEqual([breaker.state, breaker.successCount, breaker.metrics.staleCalls], ['open', 0, 1])
  })
})

describe('a synchronous call', () => {
  it('is stale when its function tripped the breaker', () => {
    assert.equal(breaker.callSync(() => (breaker.trip(), 'value')), 'value')
    assert.deepEqual([breaker.state, breaker.metrics.staleCalls, breaker.metrics.successfulCalls], ['open', 1, 0])
  })
})
