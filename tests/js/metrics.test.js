// What a breaker counts over its life: each call in one count, the last state changes, and the shapes these are read in. It must
// not know why a call was refused or stale.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { REPORT } from '../../js/engine/numbers.js'
import { CircuitBreaker, CircuitBreakerMetrics, ManualClock } from '../../pkg/index.js'
import { lives, slowCalls, thrownBy } from './support.js'

const START = Date.UTC(2024, 0, 1)
const RECOVERY = 1000

let clock, breaker, start
beforeEach(() => {
  clock = new ManualClock(START)
  breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY })
  ;({ start } = slowCalls(breaker))
})

const down = new Error('down')
const NONE = {
  totalCalls: 0, successfulCalls: 0, failedCalls: 0, timedOutCalls: 0, ignoredCalls: 0, rejectedCalls: 0, wouldRejectCalls: 0,
  staleCalls: 0, inFlight: 0, rejections: { open: 0, half_open: 0, bulkhead: 0, isolated: 0 }, successRate: 1, latency: undefined, stateChanges: []
}
const settled = async (call, succeeds) => {
  if (succeeds) call.resolve('up')
  else call.reject(down)
  await call.outcome.catch(() => {})
}

describe('the counts', () => {
  it('are those that a report of the core begins with, and each has a getter of its name', () => {
    const counts = REPORT.slice(0, REPORT.indexOf('inFlight') + 1)
    const others = ['rejections', 'successRate', 'latency', 'stateChanges']
    assert.deepEqual(Object.keys(breaker.metrics.toJSON()), [...counts, ...others])
    const getters = Object.entries(Object.getOwnPropertyDescriptors(CircuitBreakerMetrics.prototype)).filter(([, { get }]) => get)
    assert.deepEqual(getters.map(([name]) => name).sort(), [...counts, ...others].sort())
  })

  it('start at nothing, with a success rate of 1', () => {
    assert.deepEqual(breaker.metrics.toJSON(), NONE)
  })

  it('tell a call in flight from one that is over', async () => {
    const call = start()
    assert.deepEqual(breaker.metrics.toJSON(), { ...NONE, inFlight: 1 })
    await settled(call, true)
    assert.deepEqual(breaker.metrics.toJSON(), { ...NONE, totalCalls: 1, successfulCalls: 1 })
  })

  it('tell successes from failures, and give the share of successes', async () => {
    for (const succeeds of [true, true, false]) await settled(start(), succeeds)
    assert.deepEqual(breaker.metrics.toJSON(), { ...NONE, totalCalls: 3, successfulCalls: 2, failedCalls: 1, successRate: 2 / 3 })
  })

  it('take in refusals as calls, and leave them out of the success rate', async () => {
    await settled(start(), true)
    breaker.trip()
    for (let n = 0; n < 3; n++) await start().outcome.catch(() => {})
    assert.equal(thrownBy(() => breaker.callSync(() => 1)).code, 'ERR_CIRCUIT_OPEN')
    const { stateChanges, ...counts } = breaker.metrics.toJSON()
    assert.deepEqual({ ...counts, stateChanges: [] }, { ...NONE, totalCalls: 5, successfulCalls: 1, rejectedCalls: 4, rejections: { ...NONE.rejections, open: 4 } })
    assert.equal(stateChanges.length, 1)
  })

  it('take in stale results, and leave them out of the success rate', async () => {
    const calls = [start(), start()]
    breaker.reset()
    assert.equal(breaker.metrics.inFlight, 2)
    await settled(calls[0], true)
    await settled(calls[1], false)
    assert.deepEqual(breaker.metrics.toJSON(), { ...NONE, totalCalls: 2, staleCalls: 2 })
  })

  it('leave out what was recorded by hand: nobody asked for a call', () => {
    breaker.recordSuccess()
    breaker.recordFailure(down)
    assert.deepEqual(breaker.metrics.toJSON(), NONE)
  })

  it('are kept through reset(), trip() and recovery: they are of the breaker’s life', async () => {
    for (let n = 0; n < 5; n++) await settled(start(), false)
    breaker.reset()
    breaker.trip()
    clock.advance(RECOVERY)
    await settled(start(), true)
    await settled(start(), true)
    const { totalCalls, successfulCalls, failedCalls } = breaker.metrics
    assert.deepEqual([breaker.state, totalCalls, successfulCalls, failedCalls], ['closed', 7, 2, 5])
  })

  it('count a test request that never came back as failed at once, and as stale when it comes after all', async () => {
    breaker.trip()
    clock.advance(RECOVERY)
    const hung = start()
    clock.advance(60_000)
    breaker.checkState()
    const { metrics } = breaker
    assert.deepEqual([metrics.failedCalls, metrics.inFlight, metrics.staleCalls, metrics.totalCalls], [1, 1, 0, 1])
    await settled(hung, true)
    assert.deepEqual([metrics.failedCalls, metrics.inFlight, metrics.staleCalls, metrics.totalCalls], [1, 0, 1, 2])
  })

  it('are of one breaker', async () => {
    await settled(start(), true)
    assert.deepEqual(new CircuitBreaker({ clock }).metrics.toJSON(), NONE)
  })

  it('add up, whatever happens: every call stands in one of them', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constantFrom('start', 'start', 'trip', 'reset', 'wait', 'checkState', 'recordFailure'), fc.tuple(fc.nat(9), fc.boolean())), { maxLength: 60 }),
        async (steps) => {
          breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, failureThreshold: 3 })
          ;({ start } = slowCalls(breaker))
          const open = []
          let asked = 0
          let expired = 0
          breaker.addEventListener('statechange', ({ detail: { reason } }) => reason === 'test_expired' && expired++)
          for (const step of steps) {
            if (step === 'start') {
              asked++
              const call = start()
              if (call.reached) open.push(call)
            } else if (step === 'wait') clock.advance(60_000)
            else if (typeof step === 'string') breaker[step]()
            else if (open.length > 0) await settled(...open.splice(step[0] % open.length, 1), step[1])
            const counts = breaker.metrics.toJSON()
            const { totalCalls, successfulCalls, failedCalls, ignoredCalls, rejectedCalls, staleCalls, inFlight } = counts
            assert.equal(totalCalls, successfulCalls + failedCalls + ignoredCalls + rejectedCalls + staleCalls)
            assert.equal(totalCalls + inFlight, asked + expired)
            assert.equal(inFlight, open.length)
          }
        }
      ),
      lives(500)
    ))
})

describe('metrics', () => {
  it('is one live object per breaker', async () => {
    const { metrics } = breaker
    assert.equal(breaker.metrics, metrics)
    assert.ok(metrics instanceof CircuitBreakerMetrics)
    await settled(start(), true)
    assert.equal(metrics.totalCalls, 1)
  })

  it('can not be written', () => {
    for (const name of Object.keys(NONE)) assert.ok(thrownBy(() => (breaker.metrics[name] = 7)) instanceof TypeError, name)
    assert.deepEqual(breaker.metrics.toJSON(), NONE)
  })

  it('gives copies: what a reader does to the list changes nothing', () => {
    breaker.trip()
    breaker.metrics.stateChanges.push('mine')
    breaker.metrics.stateChanges[0].to = 'mine'
    assert.deepEqual(breaker.metrics.stateChanges.map(({ to }) => to), ['open'])
  })

  it('shows its counts as JSON and to console.log', async () => {
    await settled(start(), false)
    breaker.trip()
    const { latency, ...counts } = NONE
    assert.equal(latency, undefined)
    const expected = {
      ...counts, totalCalls: 1, failedCalls: 1, successRate: 0,
      stateChanges: [{ from: 'closed', to: 'open', reason: 'trip', timestamp: '2024-01-01T00:00:00.000Z' }]
    }
    assert.deepEqual(JSON.parse(JSON.stringify(breaker.metrics)), expected)
    assert.deepEqual(JSON.parse(JSON.stringify({ deep: [breaker.metrics] })), { deep: [expected] })
    assert.match(inspect(breaker.metrics), /failedCalls: 1/)
    assert.match(inspect(breaker.metrics), /timestamp: '2024-01-01T00:00:00.000Z'/)
  })
})

describe('metrics.stateChanges', () => {
  it('lists from, to, reason and ISO time, oldest first', () => {
    breaker.trip()
    clock.advance(RECOVERY)
    breaker.checkState()
    clock.advance(0.5)
    breaker.reset()
    assert.deepEqual(breaker.metrics.stateChanges, [
      { from: 'closed', to: 'open', reason: 'trip', timestamp: '2024-01-01T00:00:00.000Z' },
      { from: 'open', to: 'half_open', reason: 'recovery_due', timestamp: '2024-01-01T00:00:01.000Z' },
      { from: 'half_open', to: 'closed', reason: 'reset', timestamp: '2024-01-01T00:00:01.000Z' }
    ])
  })

  it('keeps the last 64 and counts them all', () => {
    for (let n = 1; n <= 100; n++) {
      clock.set(START + n)
      if (n % 2) breaker.trip()
      else breaker.reset()
      const changes = breaker.metrics.stateChanges
      assert.equal(changes.length, Math.min(n, 64))
      assert.equal(changes.at(-1).timestamp, new Date(START + n).toISOString())
      assert.equal(changes[0].timestamp, new Date(START + Math.max(1, n - 63)).toISOString())
      assert.equal(breaker.metrics.summary().stateChanges, n)
    }
  })
})

describe('metrics.summary()', () => {
  it('tells the counts at a glance', async () => {
    assert.deepEqual(breaker.metrics.summary(), { totalCalls: 0, successful: 0, failed: 0, rejected: 0, successRate: '100.0%', stateChanges: 0 })
    for (const succeeds of [true, true, false]) await settled(start(), succeeds)
    breaker.trip()
    await start().outcome.catch(() => {})
    assert.deepEqual(breaker.metrics.summary(), { totalCalls: 4, successful: 2, failed: 1, rejected: 1, successRate: '66.7%', stateChanges: 1 })
  })
})

describe('getSummary()', () => {
  it('tells the breaker at a glance', async () => {
    assert.deepEqual(breaker.getSummary(), { state: 'closed', failures: 0, successRate: '100.0%', totalCalls: 0, rejected: 0, stateChanges: 0 })
    await settled(start(), true)
    for (let n = 0; n < 5; n++) await settled(start(), false)
    await start().outcome.catch(() => {})
    assert.deepEqual(breaker.getSummary(), { state: 'open', failures: 5, successRate: '16.7%', totalCalls: 7, rejected: 1, stateChanges: 1 })
  })

  it('is a plain object of its own, which can be sent as JSON', () => {
    const summary = breaker.getSummary()
    assert.deepEqual(JSON.parse(JSON.stringify(summary)), summary)
    summary.state = 'mine'
    assert.equal(breaker.getSummary().state, 'closed')
  })

  it('rounds the rate to a tenth of a percent', async () => {
    breaker.failureThreshold = 10_000
    for (const [successes, failures, shown] of [[0, 1, '0.0%'], [1, 0, '50.0%'], [997, 0, '99.9%'], [2001, 0, '100.0%']]) {
      for (let n = 0; n < successes; n++) breaker.callSync(() => 1)
      for (let n = 0; n < failures; n++) thrownBy(() => breaker.callSync(() => { throw down }))
      assert.equal(breaker.getSummary().successRate, shown)
    }
  })
})
