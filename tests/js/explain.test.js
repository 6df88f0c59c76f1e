// explain(): why a breaker is in its state and what it is waiting for, in a sentence and in numbers. It must not know how it got there.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { countsOf, drained, slowCalls } from './support.js'

const RECOVERY = 1000
const fails = () => Promise.reject(new Error('down'))

let clock
beforeEach(() => {
  clock = new ManualClock(5)
})
const make = (options) => new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, ...options })
const call = async (breaker, ...fns) => {
  for (const fn of fns) await breaker.call(fn).catch(() => {})
}
const good = () => 1
const slow = () => clock.advance(60)
const sentence = (breaker) => breaker.explain().sentence

describe('a closed breaker says', () => {
  it('how many failures in a row there are and how many it takes', async () => {
    const breaker = make({ failureThreshold: 3 })
    assert.equal(sentence(breaker), 'closed: 0 failures in a row, opens at 3')
    await call(breaker, fails)
    assert.equal(sentence(breaker), 'closed: 1 failure in a row, opens at 3')
    await call(breaker, fails)
    assert.deepEqual(breaker.explain(), {
      sentence: 'closed: 2 failures in a row, opens at 3',
      state: 'closed', mode: 'normal', failures: 2, calls: undefined, slowCalls: undefined, retryAfter: 0, reason: undefined
    })
  })

  for (const [what, window] of Object.entries({ calls: { type: 'count', size: 20 }, time: { type: 'time', duration: 10_000 } })) {
    it(`how many calls it needs before it judges, with a window of ${what}`, async () => {
      const breaker = make({ window, failureRate: 0.5 })
      await call(breaker, fails, good, fails, good, fails)
      assert.equal(sentence(breaker), 'closed: 3 failures of 5 calls, needs 10 calls before it judges')
      assert.deepEqual([breaker.explain().failures, breaker.explain().calls, breaker.explain().slowCalls], [3, 5, 0])
    })

    it(`at which share it opens once it judges, with a window of ${what}`, async () => {
      const breaker = make({ window, failureRate: 0.5, minimumCalls: 3 })
      await call(breaker, good, good, fails)
      assert.equal(sentence(breaker), 'closed: 1 failure of 3 calls, opens at 50.0% failures')
    })
  }

  it('all the rules there are', async () => {
    const breaker = make({ window: { type: 'count', size: 20 }, failureRate: 0.25, failureThreshold: 9, slowCallDuration: 50, slowCallRate: 0.75, minimumCalls: 2 })
    await call(breaker, good, good, good, slow)
    assert.equal(sentence(breaker), 'closed: 0 failures and 1 slow call of 4 calls, opens at 9 failures, opens at 25.0% failures, opens at 75.0% slow calls')
    assert.equal(breaker.explain().slowCalls, 1)
  })

  it('that a threshold counts while the rates still wait for calls', async () => {
    const breaker = make({ window: { type: 'count', size: 20 }, failureThreshold: 3, failureRate: 0.5 })
    await call(breaker, fails, fails)
    assert.equal(sentence(breaker), 'closed: 2 failures of 2 calls, opens at 3 failures, needs 10 calls before it judges')
    await call(breaker, fails)
    assert.equal(breaker.state, 'open')
  })

  it('that a threshold without rates waits for no number of calls', async () => {
    const breaker = make({ window: { type: 'count', size: 20 }, failureThreshold: 3 })
    await call(breaker, fails)
    assert.equal(sentence(breaker), 'closed: 1 failure of 1 call, opens at 3 failures')
  })

  it('what a threshold that was written means', () => {
    const breaker = make()
    breaker.failureThreshold = 7
    assert.equal(sentence(breaker), 'closed: 0 failures in a row, opens at 7')
  })
})

describe('an open breaker says', () => {
  it('why it opened and when it lets a test request through', async () => {
    const breaker = make({ failureThreshold: 2 })
    await call(breaker, fails, fails)
    clock.advance(250.5)
    assert.deepEqual(breaker.explain(), {
      sentence: 'open: failure_threshold after 2 failures in a row, lets a test request through in 750 ms',
      state: 'open', mode: 'normal', failures: 2, calls: undefined, slowCalls: undefined, retryAfter: 749.5, reason: 'failure_threshold'
    })
  })

  it('that the next call is a test request when its time is up, and stays open by that', () => {
    const breaker = make()
    breaker.trip()
    clock.advance(RECOVERY)
    assert.equal(sentence(breaker), 'open: trip after 0 failures in a row, the next call is a test request')
    assert.equal(breaker.state, 'open')
  })

  it('that it is held open by hand', () => {
    const breaker = make()
    breaker.isolate()
    assert.deepEqual(breaker.explain(), {
      sentence: 'open: held open by hand until it is released',
      state: 'open', mode: 'isolated', failures: 0, calls: undefined, slowCalls: undefined, retryAfter: Infinity, reason: 'isolate'
    })
    breaker.release()
    assert.equal(sentence(breaker), 'open: isolate after 0 failures in a row, the next call is a test request')
  })

  it('what reopened it', async () => {
    const breaker = make()
    breaker.trip()
    clock.advance(RECOVERY)
    await call(breaker, fails)
    assert.equal(sentence(breaker), 'open: test_failed after 1 failure in a row, lets a test request through in 1000 ms')
  })
})

describe('a half-open breaker says', () => {
  it('how far the recovery is, and whether a test request is in flight', async () => {
    const breaker = make({ successThreshold: 3, halfOpenCalls: 5 })
    breaker.trip()
    clock.advance(RECOVERY)
    breaker.checkState()
    assert.equal(sentence(breaker), 'half_open: 0 of 3 successful test requests, 0 failed ones, waits for a call to test with')
    await call(breaker, good, fails)
    assert.equal(sentence(breaker), 'half_open: 1 of 3 successful test requests, 1 failed one, waits for a call to test with')
    const test = slowCalls(breaker).start()
    assert.equal(sentence(breaker), 'half_open: 1 of 3 successful test requests, 1 failed one, a test request is in flight')
    assert.deepEqual([breaker.explain().state, breaker.explain().retryAfter, breaker.explain().reason], ['half_open', 1000, 'recovery_due'])
    test.resolve()
    await drained()
    assert.match(sentence(breaker), /^half_open: 2 of 3 /)
  })

  it('one in words when it takes one', () => {
    const breaker = make({ successThreshold: 1 })
    breaker.trip()
    clock.advance(RECOVERY)
    breaker.checkState()
    assert.match(sentence(breaker), /^half_open: 0 of 1 successful test request, /)
  })
})

describe('a breaker that lets all calls pass says so', () => {
  for (const [method, mode] of [['disable', 'disabled'], ['observe', 'observing']]) {
    it(`in every state: ${mode}`, () => {
      const breaker = make()
      breaker[method]()
      assert.equal(sentence(breaker), `closed, ${mode}: 0 failures in a row, opens at 5; all calls pass`)
      breaker.trip()
      assert.equal(sentence(breaker), `open, ${mode}: trip after 0 failures in a row, lets a test request through in 1000 ms; all calls pass`)
      assert.equal(breaker.explain().mode, mode)
      breaker.enable()
      clock.advance(RECOVERY)
      breaker.checkState()
      breaker[method]()
      assert.equal(sentence(breaker), `half_open, ${mode}: 0 of 2 successful test requests, 0 failed ones, waits for a call to test with; all calls pass`)
    })
  }
})

it('explain() changes nothing', () => {
  const breaker = make()
  breaker.trip()
  clock.advance(RECOVERY)
  const before = [countsOf(breaker), JSON.stringify(breaker.metrics), JSON.stringify(breaker.toJSON())]
  breaker.explain()
  assert.deepEqual([countsOf(breaker), JSON.stringify(breaker.metrics), JSON.stringify(breaker.toJSON())], before)
})

it('explain() has no NaN in its sentence when the clock has no time to tell', () => {
  let now = 5
  const breaker = make({ clock: { now: () => now } })
  breaker.trip()
  now = NaN
  assert.equal(sentence(breaker), 'open: trip after 0 failures in a row, lets a test request through in 1000 ms')
})

describe('a breaker with a probe', () => {
  it('says that the probe tests, and no call', async () => {
    const breaker = make({ probe: () => new Promise(() => {}), sleep: () => new Promise(() => {}) })
    breaker.trip()
    assert.equal(sentence(breaker), 'open: trip after 0 failures in a row, lets a probe through in 1000 ms')
    clock.advance(RECOVERY)
    assert.equal(sentence(breaker), 'open: trip after 0 failures in a row, the next probe is a test request')
    breaker.checkState()
    assert.equal(sentence(breaker), 'half_open: 0 of 2 successful test requests, 0 failed ones, waits for a probe to test with')
  })
})

describe('the numbers of explain()', () => {
  it("are the breaker's own where its clock reads another's metrics, and the clock is read once for all", async () => {
    const other = new CircuitBreaker({ clock, window: { type: 'count', size: 7 }, failureRate: 0.5, minimumCalls: 7 })
    await call(other, good, good, fails)
    let reads = 0
    const nosy = {
      now() {
        reads++
        other.metrics.summary()
        return 5
      }
    }
    const plain = make({ failureThreshold: 3 })
    const read = make({ failureThreshold: 3, clock: nosy })
    for (const breaker of [plain, read]) await call(breaker, fails)
    reads = 0
    assert.deepEqual(read.explain(), plain.explain())
    assert.equal(reads, 1)
  })
})
