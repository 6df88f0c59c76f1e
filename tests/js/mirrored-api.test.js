// The documents' API, name by name and corner by corner, used one call after another. It must not know what halfopen adds; the
// two places where it improves on the documents' class say so.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, CircuitBreakerMetrics, CircuitOpenError, ManualClock } from '../../pkg/index.js'
import { countsOf, rejectionOf, slowCalls, thrownBy } from './support.js'

const START = 1_700_000_000_000

let clock, breaker
beforeEach(() => {
  clock = new ManualClock(START)
  breaker = new CircuitBreaker({ clock })
})

const failure = new Error('down')
const fail = () => breaker.call(() => Promise.reject(failure)).catch(() => {})
const succeed = () => breaker.call(() => Promise.resolve('up'))
const failTimes = async (times) => {
  for (let n = 0; n < times; n++) await fail()
}
const halfOpen = () => {
  breaker.trip()
  clock.advance(breaker.recoveryTimeout)
  assert.equal(breaker.checkState(), 'half_open')
}

describe('the constructor', () => {
  it('makes a closed breaker with five failures, a minute and two successes as its thresholds', () => {
    for (const plain of [new CircuitBreaker(), new CircuitBreaker({}), new CircuitBreaker(undefined)]) {
      assert.deepEqual(
        [plain.failureThreshold, plain.recoveryTimeout, plain.successThreshold, plain.name],
        [5, 60_000, 2, undefined]
      )
      assert.deepEqual(countsOf(plain), { state: 'closed', failureCount: 0, successCount: 0, lastFailureTime: null })
    }
  })

  it('takes the three thresholds and a name', () => {
    const options = { failureThreshold: 1, recoveryTimeout: 2.5, successThreshold: 3, name: 'users' }
    const { failureThreshold, recoveryTimeout, successThreshold, name } = new CircuitBreaker(options)
    assert.deepEqual({ failureThreshold, recoveryTimeout, successThreshold, name }, options)
  })

  it('tells the time of a failure in ms since the epoch when no clock is given', async () => {
    const plain = new CircuitBreaker()
    const before = Date.now()
    plain.recordFailure()
    assert.ok(plain.lastFailureTime >= before && plain.lastFailureTime <= Date.now())
  })

  it('makes breakers that share nothing', async () => {
    const other = new CircuitBreaker({ clock })
    await failTimes(5)
    breaker.failureThreshold = 9
    assert.equal(breaker.state, 'open')
    assert.deepEqual(countsOf(other), { state: 'closed', failureCount: 0, successCount: 0, lastFailureTime: null })
    assert.equal(other.failureThreshold, 5)
  })
})

describe('closed', () => {
  it('runs the function and gives its value', async () => {
    assert.equal(await succeed(), 'up')
    assert.equal(breaker.state, 'closed')
  })

  it('passes the very error of the function on', async () => {
    assert.equal(await rejectionOf(breaker.call(() => Promise.reject(failure))), failure)
  })

  it('counts failures and remembers when the last one was', async () => {
    await fail()
    clock.advance(250)
    await fail()
    assert.deepEqual(countsOf(breaker), { state: 'closed', failureCount: 2, successCount: 0, lastFailureTime: START + 250 })
  })

  it('forgets the failures at a success, and keeps when the last one was', async () => {
    await failTimes(4)
    await succeed()
    assert.deepEqual(countsOf(breaker), { state: 'closed', failureCount: 0, successCount: 0, lastFailureTime: START })
    await failTimes(4)
    assert.equal(breaker.state, 'closed')
  })

  it('opens at the failure that reaches the threshold and not before', async () => {
    await failTimes(4)
    assert.equal(breaker.state, 'closed')
    await fail()
    assert.deepEqual(countsOf(breaker), { state: 'open', failureCount: 5, successCount: 0, lastFailureTime: START })
  })

  it('counts a function that throws before it returns a promise as a failure', async () => {
    const thrown = await rejectionOf(breaker.call(() => { throw failure }))
    assert.equal(thrown, failure)
    assert.equal(breaker.failureCount, 1)
  })

  it('counts a plain return value as a success', async () => {
    await fail()
    assert.equal(await breaker.call(() => 7), 7)
    assert.equal(breaker.failureCount, 0)
  })

  it('counts no successes, which are for the half-open state', async () => {
    await succeed()
    breaker.recordSuccess()
    assert.equal(breaker.successCount, 0)
  })
})

describe('open', () => {
  beforeEach(() => failTimes(5))

  it('refuses without calling the function, and says when to retry', async () => {
    clock.advance(10_000)
    let reached = false
    const refusal = await rejectionOf(breaker.call(() => (reached = true)))
    assert.equal(reached, false)
    assert.ok(refusal instanceof CircuitOpenError && refusal instanceof Error)
    assert.equal(refusal.name, 'CircuitOpenError')
    assert.equal(refusal.message, 'Circuit open. Retry in 50s')
  })

  it('rounds the seconds to retry in up, from the whole recovery time to its last millisecond', async () => {
    for (const [passed, message] of [[0, '60s'], [1, '60s'], [999, '60s'], [1000, '59s'], [58_999.5, '2s'], [59_000, '1s'], [59_999, '1s'], [59_999.999, '1s']]) {
      clock.set(START + passed)
      assert.equal((await rejectionOf(breaker.call(() => 1))).message, `Circuit open. Retry in ${message}`)
    }
  })

  it('counts no refusal as a failure', async () => {
    for (let n = 0; n < 3; n++) await rejectionOf(breaker.call(() => 1))
    assert.deepEqual(countsOf(breaker), { state: 'open', failureCount: 5, successCount: 0, lastFailureTime: START })
  })

  it('moves to half open at the call that comes when the time is up', async () => {
    clock.advance(60_000)
    assert.equal(breaker.state, 'open')
    assert.equal(await succeed(), 'up')
    assert.deepEqual(countsOf(breaker), { state: 'half_open', failureCount: 5, successCount: 1, lastFailureTime: START })
  })

  it('adds a failure recorded by hand to the count and starts the recovery time again', async () => {
    clock.advance(59_999)
    breaker.recordFailure()
    assert.deepEqual(countsOf(breaker), { state: 'open', failureCount: 6, successCount: 0, lastFailureTime: START + 59_999 })
    clock.advance(59_999)
    assert.equal(breaker.checkState(), 'open')
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('zeroes the failures at a success recorded by hand, and stays open', () => {
    breaker.recordSuccess()
    assert.deepEqual(countsOf(breaker), { state: 'open', failureCount: 0, successCount: 0, lastFailureTime: START })
    clock.advance(59_999)
    assert.equal(breaker.checkState(), 'open')
  })

  it('takes a new recovery time at once', () => {
    clock.advance(10_000)
    breaker.recoveryTimeout = 10_001
    assert.equal(breaker.checkState(), 'open')
    breaker.recoveryTimeout = 10_000
    assert.equal(breaker.checkState(), 'half_open')
  })
})

describe('half open', () => {
  beforeEach(halfOpen)

  it('closes at the second success in a row and forgets all counts', async () => {
    breaker.recordFailure()
    clock.advance(60_000)
    await succeed()
    assert.deepEqual(countsOf(breaker), { state: 'half_open', failureCount: 1, successCount: 1, lastFailureTime: START + 60_000 })
    await succeed()
    assert.deepEqual(countsOf(breaker), { state: 'closed', failureCount: 0, successCount: 0, lastFailureTime: null })
  })

  it('opens again at the first failure, adding to the failures and zeroing the successes', async () => {
    await succeed()
    clock.advance(5)
    await fail()
    assert.deepEqual(countsOf(breaker), { state: 'open', failureCount: 1, successCount: 0, lastFailureTime: START + 60_005 })
    clock.advance(59_999)
    assert.equal((await rejectionOf(breaker.call(() => 1))).message, 'Circuit open. Retry in 1s')
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('opens again at one failure whatever the failure threshold', async () => {
    breaker.failureThreshold = 1000
    await fail()
    assert.equal(breaker.state, 'open')
  })

  it('leaves the failures at a success that does not close it', async () => {
    await fail()
    clock.advance(60_000)
    await succeed()
    assert.deepEqual([breaker.state, breaker.failureCount], ['half_open', 1])
  })

  it('counts results recorded by hand like those of test requests', () => {
    breaker.recordSuccess()
    assert.deepEqual([breaker.state, breaker.successCount], ['half_open', 1])
    breaker.recordSuccess()
    assert.equal(breaker.state, 'closed')
    halfOpen()
    breaker.recordSuccess()
    breaker.recordFailure()
    assert.deepEqual([breaker.state, breaker.successCount, breaker.failureCount], ['open', 0, 1])
  })

  it('starts counting successes from nothing each time', async () => {
    await succeed()
    await fail()
    clock.advance(60_000)
    await succeed()
    assert.deepEqual([breaker.state, breaker.successCount], ['half_open', 1])
  })

  it('judges by the success threshold of the moment', async () => {
    await succeed()
    breaker.successThreshold = 3
    await succeed()
    assert.equal(breaker.state, 'half_open')
    breaker.successThreshold = 1
    assert.equal(breaker.state, 'half_open')
    await succeed()
    assert.equal(breaker.state, 'closed')
  })

  it('IMPROVED: lets one test request through at a time', async () => {
    const { start } = slowCalls(breaker)
    const test = start()
    assert.equal(test.reached, true)
    assert.ok((await rejectionOf(breaker.call(() => 1))) instanceof CircuitOpenError)
    test.resolve('up')
    assert.equal(await test.outcome, 'up')
    assert.equal(await succeed(), 'up')
  })
})

describe('checkState()', () => {
  it('answers the state', async () => {
    assert.equal(breaker.checkState(), 'closed')
    breaker.trip()
    assert.equal(breaker.checkState(), 'open')
    clock.advance(60_000)
    assert.equal(breaker.checkState(), 'half_open')
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('moves an open breaker to half open at the millisecond its time is up', async () => {
    await failTimes(5)
    clock.advance(59_999.999)
    assert.equal(breaker.checkState(), 'open')
    clock.set(START + 60_000)
    assert.equal(breaker.checkState(), 'half_open')
    assert.equal(breaker.state, 'half_open')
  })

  it('moves at once when the recovery time is 0', () => {
    breaker.recoveryTimeout = 0
    breaker.trip()
    assert.equal(breaker.state, 'open')
    assert.equal(breaker.checkState(), 'half_open')
  })
})

describe('reading', () => {
  it('changes nothing: an open breaker whose time is up reads open, however often, until it is asked', () => {
    breaker.trip()
    clock.advance(1e9)
    for (let n = 0; n < 3; n++) {
      assert.deepEqual(countsOf(breaker), { state: 'open', failureCount: 0, successCount: 0, lastFailureTime: null })
      assert.equal(breaker.getSummary().state, 'open')
      assert.equal(breaker.metrics.stateChanges.length, 1)
    }
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('reads counts, state and name only: they can not be written', () => {
    for (const name of ['state', 'failureCount', 'successCount', 'lastFailureTime', 'name', 'metrics']) {
      assert.ok(thrownBy(() => { breaker[name] = 1 }) instanceof TypeError, name)
    }
    assert.deepEqual(countsOf(breaker), { state: 'closed', failureCount: 0, successCount: 0, lastFailureTime: null })
  })
})

describe('the thresholds', () => {
  it('can be written, and read what was written', () => {
    breaker.failureThreshold = 1
    breaker.recoveryTimeout = 0.5
    breaker.successThreshold = 4_294_967_295
    assert.deepEqual([breaker.failureThreshold, breaker.recoveryTimeout, breaker.successThreshold], [1, 0.5, 4_294_967_295])
  })

  it('count from the next failure on: lowering one below the count opens nothing by itself', async () => {
    await failTimes(3)
    breaker.failureThreshold = 2
    assert.equal(breaker.checkState(), 'closed')
    await fail()
    assert.deepEqual([breaker.state, breaker.failureCount], ['open', 4])
  })

  it('may be raised in time', async () => {
    await failTimes(4)
    breaker.failureThreshold = 6
    await fail()
    assert.equal(breaker.state, 'closed')
    await fail()
    assert.equal(breaker.state, 'open')
  })
})

describe('recordFailure() and recordSuccess()', () => {
  it('count as calls do while closed', () => {
    for (let n = 0; n < 4; n++) breaker.recordFailure()
    assert.deepEqual([breaker.state, breaker.failureCount], ['closed', 4])
    breaker.recordSuccess()
    assert.deepEqual(countsOf(breaker), { state: 'closed', failureCount: 0, successCount: 0, lastFailureTime: START })
    for (let n = 0; n < 5; n++) breaker.recordFailure()
    assert.deepEqual([breaker.state, breaker.failureCount], ['open', 5])
  })

  it('do not look whether the time is up: a success in an open breaker that is due counts as one in open', () => {
    breaker.trip()
    clock.advance(60_000)
    breaker.recordSuccess()
    assert.deepEqual([breaker.state, breaker.successCount], ['open', 0])
    breaker.recordFailure()
    assert.equal(breaker.state, 'open')
    assert.equal(breaker.checkState(), 'open')
  })

  it('answer nothing', () => {
    for (const method of ['recordSuccess', 'recordFailure', 'trip', 'reset']) assert.equal(breaker[method](), undefined)
  })
})

describe('trip()', () => {
  it('opens from every state and zeroes the successes only', async () => {
    await failTimes(2)
    breaker.trip()
    assert.deepEqual(countsOf(breaker), { state: 'open', failureCount: 2, successCount: 0, lastFailureTime: START })
    clock.advance(60_000)
    await succeed()
    assert.equal(breaker.successCount, 1)
    breaker.trip()
    assert.deepEqual(countsOf(breaker), { state: 'open', failureCount: 2, successCount: 0, lastFailureTime: START })
  })

  it('IMPROVED: opens for the whole recovery time, though nothing ever failed', async () => {
    breaker.trip()
    assert.equal(breaker.checkState(), 'open')
    assert.equal((await rejectionOf(breaker.call(() => 1))).message, 'Circuit open. Retry in 60s')
    clock.advance(59_999)
    assert.equal(breaker.checkState(), 'open')
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('IMPROVED: opens an open breaker for the whole recovery time again', async () => {
    await failTimes(5)
    clock.advance(59_000)
    breaker.trip()
    clock.advance(59_999)
    assert.equal(breaker.checkState(), 'open')
    assert.equal(breaker.lastFailureTime, START)
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })
})

describe('reset()', () => {
  it('closes from every state and forgets all counts', async () => {
    const fresh = { state: 'closed', failureCount: 0, successCount: 0, lastFailureTime: null }
    await failTimes(3)
    breaker.reset()
    assert.deepEqual(countsOf(breaker), fresh)
    await failTimes(5)
    breaker.reset()
    assert.deepEqual(countsOf(breaker), fresh)
    await failTimes(5)
    clock.advance(60_000)
    await succeed()
    breaker.reset()
    assert.deepEqual(countsOf(breaker), fresh)
    assert.equal(await succeed(), 'up')
  })
})

describe('the rest of the documents', () => {
  it('call() passes arguments, callSync() is call() for functions that return at once, wrap() guards a function', async () => {
    const add = (a, b) => a + b
    assert.equal(await breaker.call(add, 1, 2), 3)
    assert.equal(breaker.callSync(add, 1, 2), 3)
    assert.equal(await breaker.wrap(add)(1, 2), 3)
  })

  it('metrics count calls and list the state changes with their times', async () => {
    await succeed()
    await failTimes(5)
    await rejectionOf(breaker.call(() => 1))
    const { metrics } = breaker
    assert.ok(metrics instanceof CircuitBreakerMetrics)
    assert.deepEqual(
      [metrics.totalCalls, metrics.successfulCalls, metrics.failedCalls, metrics.rejectedCalls, metrics.successRate],
      [7, 1, 5, 1, 1 / 6]
    )
    const [{ from, to, timestamp }, ...more] = metrics.stateChanges
    assert.deepEqual({ from, to, timestamp }, { from: 'closed', to: 'open', timestamp: new Date(START).toISOString() })
    assert.deepEqual(more, [])
  })

  it('the success rate is 1 before any call', () => {
    assert.equal(breaker.metrics.successRate, 1)
  })

  it('getSummary() tells the breaker at a glance', async () => {
    assert.deepEqual(breaker.getSummary(), { state: 'closed', failures: 0, successRate: '100.0%', totalCalls: 0, rejected: 0, stateChanges: 0 })
    await failTimes(5)
    await rejectionOf(breaker.call(() => 1))
    assert.deepEqual(breaker.getSummary(), { state: 'open', failures: 5, successRate: '0.0%', totalCalls: 6, rejected: 1, stateChanges: 1 })
  })

  it('a statechange event tells each change', async () => {
    const heard = []
    breaker.addEventListener('statechange', ({ detail: { from, to } }) => heard.push(`${from} → ${to}`))
    await failTimes(5)
    clock.advance(60_000)
    await succeed()
    await succeed()
    assert.deepEqual(heard, ['closed → open', 'open → half_open', 'half_open → closed'])
  })
})
