// Time: whose clock a breaker reads, when, and what it makes of one that is moved, mocked, wrong or broken. It must not know
// half open beyond what a deadline needs.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { answerOf, countsOf, rejectionOf, slowCalls, thrownBy } from './support.js'

const RECOVERY = 60_000

describe('the default clock', () => {
  it('is Date as it is when it is read: mocked before the breaker was made', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 1000 })
    const breaker = new CircuitBreaker()
    breaker.recordFailure()
    assert.equal(breaker.lastFailureTime, 1000)
    breaker.trip()
    t.mock.timers.tick(RECOVERY - 1)
    assert.equal(breaker.checkState(), 'open')
    t.mock.timers.tick(1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('is Date as it is when it is read: mocked after the breaker was made', (t) => {
    for (const breaker of [new CircuitBreaker(), new CircuitBreaker({ clock: Date }), new CircuitBreaker({ clock: undefined })]) {
      t.mock.timers.enable({ apis: ['Date'], now: 5_000_000 })
      breaker.trip()
      breaker.recordFailure()
      assert.equal(breaker.lastFailureTime, 5_000_000)
      t.mock.timers.setTime(5_000_000 + RECOVERY)
      assert.equal(breaker.checkState(), 'half_open')
      t.mock.timers.reset()
    }
  })

  it('is Date as it is when it is read: mocked and given as the clock, then put back', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 1000 })
    const breaker = new CircuitBreaker({ clock: Date })
    t.mock.timers.reset()
    const before = Date.now()
    breaker.recordFailure()
    assert.ok(breaker.lastFailureTime >= before)
  })

  it('is Date with a patched now, too', (t) => {
    const breaker = new CircuitBreaker()
    t.mock.method(Date, 'now', () => 42)
    breaker.recordFailure()
    assert.equal(breaker.lastFailureTime, 42)
  })

  it('is a class that replaced Date, too', (t) => {
    const breaker = new CircuitBreaker()
    const RealDate = globalThis.Date
    t.after(() => (globalThis.Date = RealDate))
    globalThis.Date = class extends RealDate { static now() { return 77 } }
    breaker.recordFailure()
    assert.equal(breaker.lastFailureTime, 77)
  })

  it('shows state changes in ISO 8601', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2024, 1, 29, 12) })
    const breaker = new CircuitBreaker()
    breaker.trip()
    assert.equal(breaker.metrics.stateChanges[0].timestamp, '2024-02-29T12:00:00.000Z')
  })

  it('is not read where no time is needed: by a successful call of a closed circuit', async (t) => {
    const breaker = new CircuitBreaker()
    const { mock } = t.mock.method(Date, 'now')
    await breaker.call(async () => 1)
    breaker.callSync(() => 1)
    assert.equal(mock.callCount(), 0)
  })
})

describe('how long a call took, by the default clock', () => {
  const SLOW = { window: { type: 'count', size: 10 }, minimumCalls: 1, slowCallDuration: 100, slowCallRate: 1, latency: true }
  /** Runs calls in a process whose two clocks are ours from before the import on. Each is the ms that the wall and `performance` go on by. */
  const timed = (calls, prelude = '') => answerOf(`
    let wall = 1e12, steady = 5
    Date.now = () => wall
    performance.now = () => steady
    ${prelude}
    const { CircuitBreaker } = await import(ESM)
    const breaker = new CircuitBreaker(${JSON.stringify(SLOW)})
    const took = []
    for (const type of ['success', 'failure', 'timeout']) breaker.addEventListener(type, ({ detail: { elapsed } }) => took.push(elapsed))
    for (const [onWall, onSteady] of ${JSON.stringify(calls)}) {
      await breaker.call(async () => { wall += onWall; steady += onSteady })
    }
    console.log(JSON.stringify([took, breaker.metrics.latency?.mean ?? null, breaker.state]))`)

  it('is told by performance: a wall clock that is set forward makes none slow', async () => {
    assert.deepEqual(await timed([[1e9, 7], [1e9, 99.5]]), [[7, 99.5], 53.25, 'closed'])
  })

  it('is told by performance: a wall clock that is set back makes none fast', async () => {
    assert.deepEqual(await timed([[-1e9, 100]]), [[100], 100, 'open'])
  })

  for (const [what, prelude] of Object.entries({
    'is gone': 'delete globalThis.performance',
    'has no now': 'globalThis.performance = {}',
    'throws': `globalThis.performance = { now() { throw new Error('no') } }`,
    'tells no time': 'globalThis.performance = { now: () => NaN }'
  })) {
    it(`is told by Date where performance ${what}`, async () => {
      assert.deepEqual(await timed([[99, 0]], prelude), [[99], 99, 'closed'])
      assert.deepEqual(await timed([[100, 0]], prelude), [[100], 100, 'open'])
    })
  }

  it('is that of permits, of callSync and of failures too', async () => {
    const answer = await answerOf(`
      let wall = 1e12, steady = 5
      Date.now = () => wall
      performance.now = () => steady
      const { CircuitBreaker } = await import(ESM)
      const breaker = new CircuitBreaker({ latency: true, timeout: 60_000 })
      const took = []
      for (const type of ['success', 'failure', 'ignored']) breaker.addEventListener(type, ({ detail: { elapsed } }) => took.push(elapsed))
      const later = (ms) => { wall += 1e6; steady += ms }
      breaker.callSync(() => later(1))
      await breaker.call(async () => { later(2); throw new Error('down') }).catch(() => {})
      await breaker.callWith({}, async () => later(3))
      for (const [ms, end] of [[4, 'success'], [5, 'failure'], [6, 'ignore']]) {
        const permit = breaker.acquire()
        later(ms)
        permit[end]()
      }
      console.log(JSON.stringify(took))`)
    assert.deepEqual(answer, [1, 2, 3, 4, 5, 6])
  })

  it('is that of a probe too: a wall clock that is set makes no recovery slow', async () => {
    const answer = await answerOf(`
      let wall = 1e12, steady = 5
      Date.now = () => wall
      performance.now = () => steady
      const { CircuitBreaker } = await import(ESM)
      const states = []
      for (const ms of [99, 100]) {
        const breaker = new CircuitBreaker({
          ...${JSON.stringify(SLOW)}, recoveryTimeout: 0, successThreshold: 1, sleep: () => new Promise(() => {}),
          probe: async () => { wall += 1000; steady += ms }
        })
        breaker.trip()
        let reason
        breaker.addEventListener('statechange', ({ detail: { to } }) => to === 'half_open' || states.push(to))
        await new Promise((resolve) => setImmediate(resolve))
        breaker.isolate()
      }
      console.log(JSON.stringify([states[0], states[1]]))`)
    assert.deepEqual(answer, ['closed', 'open'])
  })

  it('is told by a Date that fakes time, as deadlines are', async (t) => {
    for (const [ms, state] of [[99, 'closed'], [100, 'open']]) {
      t.mock.timers.enable({ apis: ['Date'], now: 0 })
      const breaker = new CircuitBreaker(SLOW)
      await breaker.call(async () => t.mock.timers.tick(ms))
      t.mock.timers.reset()
      assert.deepEqual([breaker.metrics.latency.mean, breaker.state], [ms, state])
    }
  })

  it('is told by a Date whose now was patched', async (t) => {
    let now = 1000
    t.mock.method(Date, 'now', () => now)
    const breaker = new CircuitBreaker(SLOW)
    await breaker.call(async () => { now += 100 })
    assert.equal(breaker.state, 'open')
  })

  it('is not known of a call during which time began or ceased to be faked, which is slow by no means', async (t) => {
    const breaker = new CircuitBreaker(SLOW)
    const took = []
    breaker.addEventListener('success', ({ detail: { elapsed } }) => took.push(elapsed))
    await breaker.call(async () => t.mock.timers.enable({ apis: ['Date'], now: 0 }))
    await breaker.call(async () => t.mock.timers.reset())
    assert.deepEqual([took, breaker.state, breaker.metrics.latency], [[NaN, NaN], 'closed', undefined])
  })

  it('is told by another clock that was given, and by nothing else', async (t) => {
    const { mock } = t.mock.method(performance, 'now')
    const clock = new ManualClock(-1e6)
    for (const [ms, state] of [[99, 'closed'], [100, 'open']]) {
      const breaker = new CircuitBreaker({ ...SLOW, clock })
      await breaker.call(async () => void clock.advance(ms))
      assert.equal(breaker.state, state)
    }
    assert.equal(mock.callCount(), 0)
  })
})

describe('performance as the clock', () => {
  it('tells times since its own start, and shows them as the dates they were', () => {
    const breaker = new CircuitBreaker({ clock: performance })
    const before = performance.now()
    breaker.recordFailure()
    assert.ok(breaker.lastFailureTime >= before && breaker.lastFailureTime <= performance.now())
    breaker.trip()
    const [{ timestamp }] = breaker.metrics.stateChanges
    const shown = Date.parse(timestamp)
    assert.equal(timestamp, new Date(shown).toISOString())
    assert.ok(Math.abs(shown - (performance.timeOrigin + performance.now())) < 60_000, timestamp)
  })

  it('is read late bound', (t) => {
    const breaker = new CircuitBreaker({ clock: performance })
    let now = 10.25
    t.mock.method(performance, 'now', () => now)
    breaker.trip()
    now += RECOVERY - 0.01
    assert.equal(breaker.checkState(), 'open')
    now += 0.01
    assert.equal(breaker.checkState(), 'half_open')
  })
})

describe('a clock of the user', () => {
  it('is asked as its own method', () => {
    class Clock {
      #time = 7
      now() { return this.#time }
    }
    const breaker = new CircuitBreaker({ clock: new Clock() })
    breaker.recordFailure()
    assert.equal(breaker.lastFailureTime, 7)
  })

  it('may be a function that has a now', () => {
    const breaker = new CircuitBreaker({ clock: Object.assign(() => {}, { now: () => 3 }) })
    breaker.recordFailure()
    assert.equal(breaker.lastFailureTime, 3)
  })

  it('may change its now later', () => {
    const clock = { now: () => 1 }
    const breaker = new CircuitBreaker({ clock })
    clock.now = () => 2
    breaker.recordFailure()
    assert.equal(breaker.lastFailureTime, 2)
  })

  it('may start anywhere: below zero, at zero, with fractions, far away', () => {
    for (const start of [-1e9, -0.5, 0, 0.25, 1e15, Number.MAX_SAFE_INTEGER - 2 * RECOVERY]) {
      const clock = new ManualClock(start)
      const breaker = new CircuitBreaker({ clock, failureThreshold: 1 })
      breaker.recordFailure()
      assert.equal(breaker.lastFailureTime, start)
      clock.set(start + RECOVERY - 1)
      assert.equal(breaker.checkState(), 'open', `${start}`)
      clock.set(start + RECOVERY)
      assert.equal(breaker.checkState(), 'half_open', `${start}`)
    }
  })

  it('shows its zero where timeOrigin lies, and at the epoch without one that is a number', () => {
    const shown = (clock) => {
      const breaker = new CircuitBreaker({ clock })
      breaker.trip()
      return breaker.metrics.stateChanges[0].timestamp
    }
    assert.equal(shown({ now: () => 1500 }), '1970-01-01T00:00:01.500Z')
    assert.equal(shown({ now: () => 1500, timeOrigin: Date.UTC(2030, 0) }), '2030-01-01T00:00:01.500Z')
    assert.equal(shown({ now: () => 9e15 }), null)
    assert.equal(shown({ now: () => NaN }), null)
    assert.equal(shown({ now: () => 1, timeOrigin: NaN }), '1970-01-01T00:00:00.001Z')
    assert.equal(shown({ now: () => 1, timeOrigin: '5' }), '1970-01-01T00:00:00.001Z')
  })

  it('may ask the breaker for its state', () => {
    const clock = { now: () => (breaker ? breaker.failureCount : 0) }
    const breaker = new CircuitBreaker({ clock })
    breaker.recordFailure()
    breaker.recordFailure()
    assert.equal(breaker.lastFailureTime, 1)
  })
})

describe('a clock that runs backwards', () => {
  let clock, breaker
  beforeEach(() => {
    clock = new ManualClock(3_600_000)
    breaker = new CircuitBreaker({ clock, halfOpenTimeout: 5000 })
  })

  it('puts the recovery no further away than one recovery time', async () => {
    breaker.trip()
    clock.set(0)
    const { retryAfter } = await rejectionOf(breaker.call(() => 1))
    assert.equal(retryAfter, RECOVERY)
    clock.advance(RECOVERY - 1)
    assert.equal(breaker.checkState(), 'open')
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('does so each time it goes back', () => {
    breaker.trip()
    for (const back of [3_000_000, 2_000_000, 1_000_000]) {
      clock.set(back)
      assert.equal(breaker.checkState(), 'open')
      clock.advance(RECOVERY - 1)
      assert.equal(breaker.checkState(), 'open')
    }
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('never brings the recovery forward', () => {
    breaker.trip()
    clock.advance(30_000)
    clock.set(clock.now() - 10_000)
    clock.advance(39_999)
    assert.equal(breaker.checkState(), 'open')
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('puts the end of a hung test request no further away than its time', () => {
    breaker.trip()
    clock.advance(RECOVERY)
    slowCalls(breaker).start()
    clock.set(100)
    assert.equal(breaker.checkState(), 'half_open')
    clock.set(5099)
    assert.equal(breaker.checkState(), 'half_open')
    clock.set(5100)
    assert.equal(breaker.checkState(), 'open')
  })

  it('never makes retryAfter negative or longer than the recovery time', async () => {
    breaker.trip()
    for (const time of [-1e9, 0, 1e6, -5, 3_500_000, -1e12]) {
      clock.set(time)
      if (breaker.checkState() !== 'open') breaker.trip()
      const { retryAfter } = await rejectionOf(breaker.call(() => 1))
      assert.ok(retryAfter >= 0 && retryAfter <= RECOVERY, `${time}: ${retryAfter}`)
    }
  })
})

describe('a clock that is broken', () => {
  const BROKEN = {
    'answers NaN': () => NaN,
    'answers Infinity': () => Infinity,
    'answers -Infinity': () => -Infinity,
    throws: () => { throw new Error('no time') },
    'answers a string': () => '1700000000000',
    'answers a BigInt': () => 1_700_000_000_000n,
    'answers a Date': () => new Date(1_700_000_000_000),
    'answers nothing': () => undefined,
    'answers null': () => null,
    'answers an object that throws': () => ({ valueOf() { throw new Error('no number') } })
  }

  for (const [what, now] of Object.entries(BROKEN)) {
    it(`moves no state by itself: it ${what}`, async () => {
      const clock = { now: () => 1000 }
      const breaker = new CircuitBreaker({ clock })
      breaker.trip()
      clock.now = now
      assert.equal(breaker.checkState(), 'open')
      const refusal = await rejectionOf(breaker.call(() => 1))
      assert.deepEqual([refusal.code, refusal.retryAfter, refusal.message], ['ERR_CIRCUIT_OPEN', RECOVERY, 'Circuit open. Retry in 60s'])
      clock.now = () => 1000 + RECOVERY
      assert.equal(breaker.checkState(), 'half_open')
    })

    it(`still counts: it ${what}`, async () => {
      const breaker = new CircuitBreaker({ clock: { now }, failureThreshold: 2 })
      const error = new Error('down')
      assert.equal(await breaker.call(async () => 1), 1)
      assert.equal(await rejectionOf(breaker.call(() => Promise.reject(error))), error)
      assert.deepEqual(countsOf(breaker), { state: 'closed', failureCount: 1, successCount: 0, lastFailureTime: null })
      assert.equal(thrownBy(() => breaker.callSync(() => { throw error })), error)
      assert.equal(breaker.state, 'open')
      assert.equal((await rejectionOf(breaker.call(() => 1))).retryAfter, RECOVERY)
      breaker.reset()
      assert.equal(await breaker.call(() => 1), 1)
    })

    it(`opens for a whole recovery time from when it is mended: it ${what}`, () => {
      const clock = { now }
      const breaker = new CircuitBreaker({ clock })
      breaker.trip()
      clock.now = () => 500
      assert.equal(breaker.checkState(), 'open')
      clock.now = () => 500 + RECOVERY - 1
      assert.equal(breaker.checkState(), 'open')
      clock.now = () => 500 + RECOVERY
      assert.equal(breaker.checkState(), 'half_open')
    })
  }

  it('says nothing aloud, and is no failure of the core: not even when it is Date that is broken', async () => {
    const answers = await answerOf(`
      const { CircuitBreaker } = await import(ESM)
      const answers = []
      const real = Date.now
      for (const now of [() => NaN, () => { throw new Error('no time') }, () => 5n, () => '7']) {
        const breaker = new CircuitBreaker({ failureThreshold: 1 })
        Date.now = now
        let answer
        try {
          breaker.trip()
          breaker.checkState()
          await breaker.call(() => 1).catch((error) => (answer = error.code))
          answer ??= 'let through'
        } catch (error) {
          answer = error.message
        }
        Date.now = real
        answers.push(answer)
      }
      console.log(JSON.stringify(answers))`)
    assert.deepEqual(answers, Array(4).fill('ERR_CIRCUIT_OPEN'))
  })
})

describe('ManualClock', () => {
  it('stands still at 0, or where it is told to start', () => {
    assert.equal(new ManualClock().now(), 0)
    assert.equal(new ManualClock(undefined).now(), 0)
    assert.equal(new ManualClock(-1.5).now(), -1.5)
    const clock = new ManualClock(10)
    assert.deepEqual([clock.now(), clock.now()], [10, 10])
  })

  it('is moved forwards by advance() and anywhere by set(), which can be chained', () => {
    const clock = new ManualClock(10)
    assert.equal(clock.advance(5).advance(0).advance(0.5), clock)
    assert.equal(clock.now(), 15.5)
    assert.equal(clock.set(-3).now(), -3)
  })

  it('refuses what is no time, and stays where it was', () => {
    const clock = new ManualClock(10)
    for (const wrong of [NaN, Infinity, -Infinity, '5', null, 5n, {}, [], new Date(0), true]) {
      for (const [name, use] of [['ms', () => clock.advance(wrong)], ['now', () => clock.set(wrong)], ['now', () => new ManualClock(wrong)]]) {
        const error = thrownBy(use)
        assert.ok(error instanceof TypeError)
        assert.equal(error.code, 'ERR_INVALID_ARGUMENT')
        assert.match(error.message, new RegExp(`^Expected \`${name}\` to be a finite number, got `))
      }
    }
    for (const method of ['advance', 'set']) assert.equal(thrownBy(() => clock[method]()).code, 'ERR_INVALID_ARGUMENT')
    assert.equal(clock.now(), 10)
  })

  it('goes back by set() only', () => {
    const clock = new ManualClock(10)
    const error = thrownBy(() => clock.advance(-1))
    assert.ok(error instanceof RangeError)
    assert.deepEqual([error.code, error.message], ['ERR_INVALID_ARGUMENT', 'Expected `ms` to be 0 or more, got -1'])
    assert.equal(clock.now(), 10)
  })

  it('may be shared by many breakers', () => {
    const clock = new ManualClock()
    const breakers = [1000, 2000].map((recoveryTimeout) => new CircuitBreaker({ clock, recoveryTimeout }))
    for (const breaker of breakers) breaker.trip()
    clock.advance(1000)
    assert.deepEqual(breakers.map((breaker) => breaker.checkState()), ['half_open', 'open'])
  })
})
