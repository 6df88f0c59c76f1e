// How long calls take: kept when asked for, right within its bounds. It must not know what slow calls lead to.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { lives, rejectionOf, thrownBy } from './support.js'

let clock, breaker
const make = (options) => (breaker = new CircuitBreaker({ clock, latency: true, failureThreshold: 1e9, ...options }))
beforeEach(() => {
  clock = new ManualClock(1000)
  make()
})
const take = (ms) => breaker.callSync(() => void clock.advance(ms))

describe('the latency of calls', () => {
  it('is off unless asked for', () => {
    for (const latency of [undefined, false]) {
      make({ latency })
      take(5)
      assert.equal(breaker.metrics.latency, undefined)
      assert.equal(breaker.metrics.toJSON().latency, undefined)
    }
  })

  it('reads no clock when off', async () => {
    let asked = 0
    make({ latency: false, clock: { now: () => (asked++, 0) } })
    await breaker.call(async () => 1)
    breaker.callSync(() => 1)
    assert.equal(asked, 0)
  })

  it('is not there before the first call', () => {
    const { latency } = breaker.metrics
    assert.ok(latency === undefined || latency.calls === 0)
  })

  it('counts calls and gives their exact mean', () => {
    for (const ms of [10, 20, 60]) take(ms)
    const { calls, mean } = breaker.metrics.latency
    assert.deepEqual([calls, mean], [3, 30])
  })

  it('is of calls of every kind, however they ended', async () => {
    await breaker.call(async () => void clock.advance(10))
    await rejectionOf(breaker.call(async () => { clock.advance(10); throw 1 }))
    await breaker.callWith({}, () => void clock.advance(10))
    await breaker.wrap(() => void clock.advance(10))()
    breaker.callSync(() => void clock.advance(10))
    thrownBy(() => breaker.callSync(() => { clock.advance(10); throw 1 }))
    const permit = breaker.acquire()
    clock.advance(10)
    permit.success()
    const { calls, mean } = breaker.metrics.latency
    assert.deepEqual([calls, mean], [7, 10])
  })

  it('is in the events of a call', async () => {
    const seen = []
    for (const type of ['success', 'failure']) breaker.addEventListener(type, ({ detail }) => seen.push(detail.elapsed))
    await breaker.call(async () => void clock.advance(12))
    await rejectionOf(breaker.call(async () => { clock.advance(34); throw 1 }))
    assert.deepEqual(seen, [12, 34])
  })

  it('leaves refusals out: nothing took its time', async () => {
    take(10)
    breaker.trip()
    await rejectionOf(breaker.call(() => 1))
    assert.equal(breaker.metrics.latency.calls, 1)
  })

  it('leaves a call out whose time nobody knows', () => {
    let time = 0
    make({ clock: { now: () => time } })
    breaker.callSync(() => (time = 10))
    breaker.callSync(() => (time = NaN))
    breaker.callSync(() => (time = 20))
    const { calls, mean } = breaker.metrics.latency
    assert.deepEqual([calls, mean], [1, 10])
  })

  it('takes all calls alike for all percentiles alike', () => {
    for (let n = 0; n < 100; n++) take(50)
    const { p50, p90, p99 } = breaker.metrics.latency
    assert.equal(p50, p90)
    assert.equal(p90, p99)
    assert.ok(Math.abs(p50 - 50) <= 50 * 0.0625)
  })

  it('is kept through opening, closing and reset()', () => {
    take(10)
    breaker.trip()
    breaker.reset()
    take(30)
    assert.deepEqual([breaker.metrics.latency.calls, breaker.metrics.latency.mean], [2, 20])
  })

  it('gives percentiles that are at most 6.25 % of themselves off', () =>
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 200 }), (times) => {
        clock.set(0)
        let time = 0
        make({ clock: { now: () => time } })
        for (const ms of times) {
          time = 0
          breaker.callSync(() => (time = ms))
        }
        const sorted = times.toSorted((a, b) => a - b)
        const { calls, mean, ...percentiles } = breaker.metrics.latency
        assert.equal(calls, times.length)
        assert.ok(Math.abs(mean - times.reduce((sum, ms) => sum + ms, 0) / times.length) <= mean * 1e-9)
        for (const [name, rank] of [['p50', 0.5], ['p90', 0.9], ['p99', 0.99]]) {
          const exact = sorted[Math.max(0, Math.ceil(rank * times.length) - 1)]
          assert.ok(Math.abs(percentiles[name] - exact) <= exact * 0.0625 + 1e-9, `${name} is ${percentiles[name]}, exactly ${exact}`)
        }
      }),
      lives(200)
    ))
})
