// recoveryBackoff: how long the circuit stays open after each failed recovery, with and without chance. It must not know why it opened.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { hearReports } from './reports.js'
import { take, thrownBy } from './support.js'

const RECOVERY = 1000

let clock, breaker
const reported = hearReports()
const make = (recoveryBackoff, options) =>
  (breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, failureThreshold: 1, successThreshold: 1, recoveryBackoff, ...options }))
beforeEach(() => {
  clock = new ManualClock()
})

const fail = () => thrownBy(() => breaker.callSync(() => { throw 'down' }))
const succeed = () => breaker.callSync(() => 1)
/** The open time from here, seen from outside: a fraction before it the circuit is open, then it is not. */
function openTime() {
  assert.equal(breaker.state, 'open')
  const { retryAfter } = breaker.explain()
  if (retryAfter > 0) {
    clock.advance(retryAfter - 0.5)
    assert.equal(breaker.checkState(), 'open')
    clock.advance(0.5)
  }
  assert.equal(breaker.checkState(), 'half_open')
  return retryAfter
}
/** The open times of that many openings, each test request of which fails. */
const openTimes = (count) => Array.from({ length: count }, () => (fail(), openTime()))

describe('the open time', () => {
  it('is the same each time without backoff', () => {
    make(undefined)
    assert.deepEqual(openTimes(5), Array(5).fill(RECOVERY))
  })

  it('doubles with each failed recovery, up to ten recovery times, unless told otherwise', () => {
    make({})
    assert.deepEqual(openTimes(6), [1000, 2000, 4000, 8000, 10_000, 10_000])
  })

  it('grows by its factor up to its maximum', () => {
    make({ factor: 3, max: 20_000 })
    assert.deepEqual(openTimes(5), [1000, 3000, 9000, 20_000, 20_000])
    make({ factor: 1.5, max: 1e9 })
    assert.deepEqual(openTimes(4), [1000, 1500, 2250, 3375])
    make({ factor: 1 })
    assert.deepEqual(openTimes(4), Array(4).fill(1000))
    make({ max: 1000 })
    assert.deepEqual(openTimes(3), Array(3).fill(1000))
  })

  it('stays at its maximum however often recovery fails', () => {
    make({ factor: 1e300, max: 5000 })
    assert.deepEqual(openTimes(200).slice(1), Array(199).fill(5000))
  })

  it('grows when a test request expires, too', () => {
    make({}, { halfOpenTimeout: 500 })
    fail()
    openTime()
    take(breaker)
    clock.advance(500)
    assert.equal(breaker.checkState(), 'open')
    assert.equal(openTime(), 2000)
  })

  it('counts from when the circuit opened, not from the call', () => {
    make({})
    fail()
    openTime()
    const permit = breaker.acquire()
    clock.advance(777)
    permit.failure()
    assert.equal(openTime(), 2000)
  })
})

describe('a circuit that closed', () => {
  const recover = () => {
    openTime()
    succeed()
    assert.equal(breaker.state, 'closed')
  }

  it('goes on where it was when it opens again too soon: it flaps', () => {
    make({})
    fail()
    recover()
    clock.advance(999)
    fail()
    assert.equal(breaker.explain().retryAfter, 2000)
    recover()
    clock.advance(1999)
    fail()
    assert.equal(breaker.explain().retryAfter, 4000)
  })

  it('begins anew once it stayed closed for as long as it had been open', () => {
    make({})
    fail()
    recover()
    clock.advance(1000)
    fail()
    assert.equal(breaker.explain().retryAfter, 1000)
    make({})
    fail()
    openTime()
    fail()
    recover()
    clock.advance(1999)
    fail()
    assert.equal(breaker.explain().retryAfter, 4000)
    recover()
    clock.advance(4000)
    fail()
    assert.equal(breaker.explain().retryAfter, 1000)
  })

  it('by hand begins anew at once', () => {
    make({})
    openTimes(3)
    breaker.reset()
    fail()
    assert.equal(breaker.explain().retryAfter, 1000)
  })

  it('and is tripped by hand opens for one recovery time', () => {
    make({})
    openTimes(3)
    breaker.trip()
    assert.equal(breaker.explain().retryAfter, 1000)
  })
})

describe('jitter', () => {
  it('takes a random share of up to `jitter` off', () => {
    for (const [jitter, random, expected] of [[0.25, 0, 1000], [0.25, 1, 750], [0.25, 0.5, 875], [1, 1, 0], [1, 0.5, 500], [0, 0.5, 1000]]) {
      make({ jitter }, { random: () => random })
      fail()
      assert.equal(breaker.explain().retryAfter, expected, `${jitter} ${random}`)
    }
  })

  it('takes it off the time that backoff says, each time anew', () => {
    let drawn
    make({ jitter: 0.5 }, { random: () => drawn })
    const times = [0.1, 0.2, 0.3].map((number) => ((drawn = number), fail(), openTime()))
    assert.deepEqual(times.map((ms) => Math.round(ms * 1e6) / 1e6), [950, 1800, 3400])
  })

  it('asks for a number where a call may open the circuit, and for none where none can or without jitter', () => {
    let asked = 0
    const random = () => (asked++, 0.5)
    const draws = (deed) => {
      const before = asked
      deed()
      return asked - before
    }
    make({ jitter: 0.5 }, { random, failureThreshold: 2 })
    assert.equal(draws(succeed), 0, 'a success while closed')
    assert.equal(draws(() => breaker.recordSuccess()), 0)
    assert.equal(draws(() => breaker.trip()), 0)
    assert.equal(draws(() => breaker.reset()), 0)
    assert.equal(draws(fail), 1, 'a failure, though it does not open')
    assert.equal(draws(() => breaker.recordFailure()), 1)
    assert.equal(draws(() => thrownBy(succeed)), 1, 'an admission while open')
    clock.advance(RECOVERY)
    assert.equal(draws(() => breaker.checkState()), 1)
    assert.equal(draws(succeed), 1, 'a test request: its admission')
    for (const backoff of [{ jitter: 0 }, {}, undefined]) {
      make(backoff, { random })
      assert.equal(draws(() => openTimes(4)), 0)
    }
  })

  it('takes Math.random, looked up when needed', (t) => {
    make({ jitter: 0.5 })
    t.mock.method(Math, 'random', () => 0.5)
    fail()
    assert.equal(breaker.explain().retryAfter, 750)
  })

  it('stays within its bounds, spread over them', () => {
    const times = Array.from({ length: 500 }, () => {
      make({ jitter: 0.4 })
      fail()
      return breaker.explain().retryAfter
    })
    for (const ms of times) assert.ok(ms > 600 && ms <= 1000, `${ms}`)
    assert.ok(new Set(times).size > 400)
  })

  for (const [what, random] of Object.entries({
    NaN: () => NaN, 'below 0': () => -0.1, 'above 1': () => 1.1, Infinity: () => Infinity, 'a string': () => '0.5', nothing: () => undefined, 'a BigInt': () => 1n
  })) {
    it(`takes nothing off when the random number is ${what}`, () => {
      make({ jitter: 0.5 }, { random })
      fail()
      assert.equal(breaker.explain().retryAfter, 1000)
      assert.deepEqual(reported, [])
    })
  }

  it('takes nothing off when the random source throws, which is reported and changes no call’s result', async () => {
    const broken = new Error('no dice')
    make({ jitter: 0.5 }, { random: () => { throw broken } })
    assert.equal(fail(), 'down')
    assert.equal(breaker.explain().retryAfter, 1000)
    assert.deepEqual(reported, [broken])
  })

  it('may call back into the breaker', () => {
    make({ jitter: 0.5 }, { random: () => (breaker.checkState() === 'closed' ? 0.5 : 1) })
    fail()
    assert.equal(breaker.explain().retryAfter, 750)
  })

  it('is in what refusals say, before a listener asks', async () => {
    make({ jitter: 0.5 }, { random: () => 1 })
    const seen = []
    breaker.addEventListener('statechange', () => seen.push(breaker.explain().retryAfter))
    fail()
    assert.deepEqual(seen, [500])
    assert.equal((await breaker.call(() => 1).catch((refusal) => refusal)).retryAfter, 500)
  })
})

describe('the option recoveryBackoff', () => {
  for (const [wrong, message] of [
    [{ factor: 0.5 }, 'Expected `recoveryBackoff.factor` to be a finite number of at least 1, got 0.5'],
    [{ factor: Infinity }, 'Expected `recoveryBackoff.factor` to be a finite number of at least 1, got Infinity'],
    [{ jitter: 1.1 }, 'Expected `recoveryBackoff.jitter` to be a share from 0 to 1, got 1.1'],
    [{ jitter: -0.1 }, 'Expected `recoveryBackoff.jitter` to be a share from 0 to 1, got -0.1'],
    [{ max: NaN }, 'Expected `recoveryBackoff.max` to be a number of milliseconds, 0 or more and finite, got NaN'],
    [{ max: 999 }, 'Expected `recoveryBackoff.max` to be at least `recoveryTimeout`, got 999'],
    [{ facter: 2 }, "Unknown option 'recoveryBackoff.facter'; did you mean `recoveryBackoff.factor`?"],
    [2, 'Expected `recoveryBackoff` to be an object, got 2'],
    [null, 'Expected `recoveryBackoff` to be an object, got null']
  ]) {
    it(`refuses what makes no sense: ${message}`, () => {
      const error = thrownBy(() => make(wrong))
      assert.deepEqual([error.code, error.message], ['ERR_INVALID_OPTION', message])
    })
  }
})
