// Snapshots: what one breaker saves and another carries on from. It must not know what the members of a snapshot are for, beyond those
// that it spoils.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { EXPECTED, OPTIONS, WINDOWS } from '../../js/engine/numbers.js'
import { CircuitBreaker, isCircuitOpenError, ManualClock } from '../../pkg/index.js'
import { answerOf, countsOf, drained, IN_WASM, LIVE_BREAKERS, lives, rejectionOf, slowCalls, thrownBy } from './support.js'

const RECOVERY = 1000
const error = new Error('down')
const fails = () => Promise.reject(error)

const POLICIES = {
  'failures in a row': { failureThreshold: 3 },
  ...Object.fromEntries(windows().map((window) => [`a window of type ${window.type}`, { window, failureRate: 0.5, minimumCalls: 4 }])),
  'a window of slow calls': { window: { type: 'count', size: 8 }, slowCallDuration: 50, slowCallRate: 0.9, minimumCalls: 4 },
  'a window of time in few parts': { window: { type: 'time', duration: 4000, buckets: 4 }, failureRate: 0.5, minimumCalls: 4 },
  backoff: { failureThreshold: 3, recoveryBackoff: { factor: 2, max: 8000, jitter: 0.5 }, random: () => 0.5 }
}
const STATES = {
  'that is new': () => {},
  'closed, with calls': async (breaker) => {
    for (const fn of [() => 1, fails, () => 1, fails]) await breaker.call(fn).catch(() => {})
  },
  open: async (breaker, clock) => {
    for (let n = 0; n < 4; n++) await breaker.call(fails).catch(() => {})
    clock.advance(300)
  },
  'open by hand': (breaker, clock) => {
    breaker.trip()
    clock.advance(300)
  },
  'half open': async (breaker, clock) => {
    breaker.trip()
    clock.advance(RECOVERY)
    await breaker.call(() => 1)
  },
  'closed again': async (breaker, clock) => {
    breaker.trip()
    clock.advance(RECOVERY)
    for (let n = 0; n < 2; n++) await breaker.call(() => 1)
  }
}
const MODES = {
  normal: () => {},
  isolated: (breaker) => breaker.isolate(),
  disabled: (breaker) => breaker.disable(),
  observing: (breaker) => breaker.observe(),
  'disabled and isolated': (breaker) => (breaker.isolate(), breaker.disable()),
  'isolated and observing': (breaker) => (breaker.observe(), breaker.isolate())
}
const WAYS = { JSON: (snapshot) => JSON.parse(JSON.stringify(snapshot)), structuredClone }

/** One of each type: of 8 calls, or 4000 ms. */
function windows() {
  return WINDOWS.flatMap((type, index) => {
    if (index % 2 !== 0) return []
    const option = WINDOWS[index + 1]
    return [{ type, [option.split('.')[1]]: EXPECTED[OPTIONS.indexOf(option)].startsWith('a whole number') ? 8 : 4000 }]
  })
}

let clock
beforeEach(() => {
  clock = new ManualClock(1e6)
})
const make = (options) => new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, ...options })
/** All there is to see of a breaker. */
const seen = (breaker) => ({
  ...countsOf(breaker),
  mode: breaker.mode,
  metrics: breaker.metrics.toJSON(),
  summary: breaker.getSummary(),
  explanation: breaker.explain()
})

describe('a breaker carried on', () => {
  for (const [policy, options] of Object.entries(POLICIES)) {
    for (const [state, reach] of Object.entries(STATES)) {
      for (const [mode, enter] of Object.entries(MODES)) {
        it(`is what it was: ${policy}, ${state}, ${mode}`, async () => {
          const breaker = make(options)
          await reach(breaker, clock)
          enter(breaker)
          const snapshot = breaker.toJSON()
          for (const carry of Object.values(WAYS)) {
            const other = make({ ...options, snapshot: carry(snapshot) })
            assert.deepEqual(seen(other), seen(breaker))
            assert.deepEqual(other.toJSON(), snapshot)
            // And so it is beneath the mode that is in force.
            const beneath = [breaker, other].map((one) => {
              const copy = make({ ...options, snapshot: one.toJSON() })
              const modes = [copy.enable, copy.release].map((end) => (end.call(copy), copy.mode))
              return [modes, copy.state]
            })
            assert.deepEqual(beneath[1], beneath[0])
          }
          // And goes on as it would have.
          const other = make({ ...options, snapshot: carry(snapshot) })
          for (let n = 0; n < 12; n++) {
            const both = []
            for (const one of [breaker, other]) both.push(await one.call(n % 3 ? fails : () => 'up').then(String, (e) => e.code ?? e.message))
            assert.equal(both[0], both[1])
            clock.advance(400)
            assert.equal(other.checkState(), breaker.checkState())
            assert.deepEqual(seen(other), seen(breaker))
          }
          function carry(snapshot) {
            return JSON.parse(JSON.stringify(snapshot))
          }
        })
      }
    }
  }

  it('has no calls in flight: what comes home later is the old one’s', async () => {
    const breaker = make()
    const call = slowCalls(breaker).start()
    const other = make({ snapshot: breaker.toJSON() })
    assert.deepEqual([breaker.metrics.inFlight, other.metrics.inFlight], [1, 0])
    call.reject(error)
    await drained()
    assert.deepEqual([breaker.failureCount, other.failureCount], [1, 0])
  })

  it('tells no listener of the past', () => {
    const breaker = make()
    breaker.trip()
    const other = make({ snapshot: breaker.toJSON() })
    const heard = []
    other.addEventListener('statechange', ({ detail }) => heard.push(detail.reason))
    other.checkState()
    clock.advance(RECOVERY)
    other.checkState()
    assert.deepEqual(heard, ['recovery_due'])
  })

  it('leaves the snapshot as it was, and is left alone by what is done to it later', () => {
    const breaker = make(POLICIES['a window of type count'])
    breaker.trip()
    const snapshot = breaker.toJSON()
    const before = JSON.stringify(snapshot)
    const other = make({ ...POLICIES['a window of type count'], snapshot })
    other.reset()
    assert.equal(JSON.stringify(snapshot), before)
    const third = make({ ...POLICIES['a window of type count'], snapshot })
    snapshot.state = 'closed'
    snapshot.stateChanges.length = 0
    assert.equal(third.state, 'open')
    assert.equal(third.metrics.stateChanges.length, 1)
  })

  it('may be frozen', () => {
    const snapshot = Object.freeze(make().toJSON())
    assert.equal(make({ snapshot }).state, 'closed')
  })

  it('is the same whatever else its object says: members nobody knows are not read', () => {
    const snapshot = { ...make().toJSON(), more: { of: 'it' } }
    assert.equal(make({ snapshot }).state, 'closed')
  })
})

describe('what is left of an open time', () => {
  const opened = (options) => {
    const breaker = make(options)
    breaker.trip()
    return breaker
  }

  it('is shorter by the time for which there was no breaker', () => {
    const snapshot = opened().toJSON()
    for (const [away, left] of [[0, 1000], [1, 999], [999, 1], [1000, 0], [1e9, 0]]) {
      clock.set(1e6 + away)
      const breaker = make({ snapshot })
      assert.equal(breaker.explain().retryAfter, left)
      assert.equal(breaker.state, 'open')
      assert.equal(breaker.checkState(), left === 0 ? 'half_open' : 'open')
    }
  })

  for (const [what, from, to] of [
    ['a clock with a zero of its own to the wall clock', { now: () => 50, timeOrigin: 1_000_000 }, (at) => ({ now: () => 1_000_050 + at })],
    ['the wall clock to one with a zero of its own', { now: () => 1_000_050 }, (at) => ({ now: () => 7 + at, timeOrigin: 1_000_043 })],
    ['one zero to another', { now: () => 1, timeOrigin: 100 }, (at) => ({ now: () => 91 + at, timeOrigin: 10 })]
  ]) {
    it(`is the same from ${what}, and so is every date`, () => {
      const breaker = opened({ clock: from })
      breaker.recordFailure()
      const snapshot = breaker.toJSON()
      const other = make({ clock: to(400), snapshot })
      assert.equal(other.explain().retryAfter, 600)
      assert.deepEqual(other.metrics.stateChanges, breaker.metrics.stateChanges)
      const origin = (clock) => clock.timeOrigin ?? 0
      assert.equal(other.lastFailureTime + origin(to(0)), breaker.lastFailureTime + origin(from))
    })
  }

  it('is the same from performance to Date', (t) => {
    const breaker = opened({ clock: performance, recoveryTimeout: 1e9 })
    const left = make({ clock: Date, recoveryTimeout: 1e9, snapshot: breaker.toJSON() }).explain().retryAfter
    // The two clocks may differ by what the wall clock was set meanwhile.
    assert.ok(left > 1e9 - 60_000 && left <= 1e9, `${left}`)
  })

  it('is never longer than the open time, whatever the other clock says', () => {
    const snapshot = opened().toJSON()
    for (const now of [0, -1e12, 1e6 - 500, 1e6 + 1, 8e15, NaN, Infinity, -Infinity]) {
      const moved = { now: () => now }
      const breaker = make({ clock: moved, snapshot })
      const left = breaker.explain().retryAfter
      assert.ok(left >= 0 && left <= RECOVERY, `${left} at ${now}`)
      assert.ok(isCircuitOpenError(thrownBy(() => (left > 0 ? breaker : opened()).callSync(() => 1))))
    }
  })

  it('is never longer than the open time, whatever the snapshot says is left of it', () => {
    for (const openFor of [0, null]) {
      const snapshot = { ...opened().toJSON(), remaining: 1e9, openFor }
      assert.equal(make({ snapshot }).explain().retryAfter, RECOVERY)
      assert.equal(make({ snapshot, recoveryTimeout: 10 }).explain().retryAfter, 10)
    }
  })

  it('was taken with a clock that had no time: all of it is left', () => {
    const snapshot = JSON.parse(JSON.stringify(opened({ clock: { now: () => NaN } }).toJSON()))
    const breaker = make({ snapshot })
    assert.equal(breaker.explain().retryAfter, RECOVERY)
    clock.advance(RECOVERY)
    breaker.checkState()
    clock.advance(RECOVERY)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('is told apart where there is none and where it is 0: the next failure starts the recovery time, or 0 again', async () => {
    const released = make()
    released.isolate()
    released.release()
    const paused = make({ classify: () => ({ outcome: 'failure', trip: true, retryAfter: 0 }) })
    await paused.call(fails).catch(() => {})
    for (const [breaker, again] of [[released, RECOVERY], [paused, 0]]) {
      for (const carry of Object.values(WAYS)) {
        const other = make({ snapshot: carry(breaker.toJSON()) })
        assert.deepEqual([other.state, other.explain().retryAfter], ['open', 0])
        other.recordFailure()
        assert.equal(other.explain().retryAfter, again)
      }
      // 0.1.0 wrote 0 for both, and took it for none.
      const old = make({ snapshot: { ...breaker.toJSON(), version: 1, span: 0 } })
      assert.equal(old.explain().retryAfter, 0)
      old.recordFailure()
      assert.equal(old.explain().retryAfter, RECOVERY)
    }
  })

  it('is without end while isolated', () => {
    const breaker = make()
    breaker.isolate()
    const snapshot = WAYS.JSON(breaker.toJSON())
    clock.advance(1e9)
    const other = make({ snapshot })
    assert.deepEqual([other.mode, other.checkState(), other.explain().retryAfter], ['isolated', 'open', Infinity])
    other.release()
    assert.equal(other.checkState(), 'half_open')
  })
})

describe('a breaker carried on under other options', () => {
  const counted = { window: { type: 'count', size: 8 }, failureRate: 0.5, minimumCalls: 4 }
  const timed = { window: { type: 'time', duration: 4000, buckets: 4 }, failureRate: 0.5, minimumCalls: 4 }

  it('has an open time that counts from when the circuit opened', () => {
    const breaker = make()
    breaker.trip()
    clock.advance(600)
    const snapshot = breaker.toJSON()
    for (const [recoveryTimeout, left] of [[1000, 400], [5000, 4400], [601, 1], [600, 0], [10, 0]]) {
      assert.equal(make({ snapshot, recoveryTimeout }).explain().retryAfter, left, `${recoveryTimeout}`)
    }
    clock.advance(1000)
    assert.equal(make({ snapshot: breaker.toJSON(), recoveryTimeout: 5000 }).explain().retryAfter, 3400, 'due under the options of then')
  })

  it('waits no longer for what a failure asked than maxRetryAfter of today says', async () => {
    const pause = { outcome: 'failure', trip: true, retryAfter: 100_000 }
    const breaker = make({ classify: (error) => error && pause })
    await breaker.call(fails).catch(() => {})
    assert.equal(breaker.explain().retryAfter, 100_000)
    assert.equal(make({ snapshot: breaker.toJSON(), maxRetryAfter: 5000 }).explain().retryAfter, 5000)
  })

  it('was opened by hand for a time that no option of today makes shorter', () => {
    const breaker = make()
    breaker.trip({ for: 1e6 })
    const other = make({ snapshot: WAYS.JSON(breaker.toJSON()), recoveryTimeout: 1, maxRetryAfter: 1 })
    assert.equal(other.explain().retryAfter, 1e6)
  })

  it('knows of failed recoveries, though there was no backoff', async () => {
    const breaker = make({ failureThreshold: 1 })
    await breaker.call(fails).catch(() => {})
    for (let n = 0; n < 2; n++) {
      clock.advance(RECOVERY)
      await breaker.call(fails).catch(() => {})
    }
    const other = make({ failureThreshold: 1, recoveryBackoff: { factor: 2 }, snapshot: breaker.toJSON() })
    clock.advance(RECOVERY)
    await other.call(fails).catch(() => {})
    assert.equal(other.explain().retryAfter, 8 * RECOVERY)
  })

  it('opens at the next failure where a threshold of today was reached already', async () => {
    const breaker = make({ failureThreshold: 5 })
    for (let n = 0; n < 4; n++) breaker.recordFailure()
    const other = make({ failureThreshold: 2, snapshot: breaker.toJSON() })
    assert.equal(other.state, 'closed')
    other.recordFailure()
    assert.equal(other.state, 'open')
  })

  it('gets its verdict in half-open, whatever the limits of today', async () => {
    const breaker = make({ successThreshold: 5, halfOpenCalls: 9 })
    breaker.trip()
    clock.advance(RECOVERY)
    for (const fn of [() => 1, fails, () => 1, fails]) await breaker.call(fn).catch(() => {})
    for (const successThreshold of [1, 2, 3]) {
      const other = () => make({ successThreshold, snapshot: breaker.toJSON() })
      const [well, ill] = [other(), other()]
      await well.call(() => 1)
      assert.equal(well.state, 'closed')
      await ill.call(fails).catch(() => {})
      assert.equal(ill.state, 'open')
    }
  })

  it('has a smaller window of the last calls, and a larger one that was not full', () => {
    const count = (size) => ({ window: { type: 'count', size }, failureRate: 1, minimumCalls: 1 })
    const breaker = make(count(10))
    for (const fails of [false, true, false, true]) fails ? breaker.recordFailure() : breaker.recordSuccess()
    for (const [size, calls, failures] of [[10, 4, 2], [4, 4, 2], [3, 3, 2], [2, 2, 1], [1, 1, 1], [100, 4, 2]]) {
      const explanation = make({ ...count(size), snapshot: breaker.toJSON() }).explain()
      assert.deepEqual([explanation.calls, explanation.failures], [calls, failures], `${size}`)
    }
  })

  it('has a window of time that reaches less far back, in parts as long or several times that', () => {
    const time = (duration, buckets) => ({ window: { type: 'time', duration, buckets }, failureThreshold: 100 })
    const breaker = make(time(6000, 6))
    for (let n = 0; n < 6; n++) {
      if (n > 0) clock.advance(1000)
      breaker.recordFailure()
    }
    for (const [duration, buckets, failures] of [[6000, 6, 6], [3000, 3, 3], [1000, 1, 1], [6000, 3, 6], [4000, 2, 4], [6000, 1, 6]]) {
      const other = make({ ...time(duration, buckets), snapshot: WAYS.JSON(breaker.toJSON()) })
      assert.equal(other.explain().failures, failures, `${duration} in ${buckets}`)
    }
  })

  it('needs no window where it judges failures in a row', () => {
    for (const options of [counted, timed]) {
      const breaker = make({ ...options, minimumCalls: 8 })
      for (let n = 0; n < 3; n++) breaker.recordFailure()
      assert.deepEqual([make({ snapshot: breaker.toJSON() }).failureCount, breaker.state], [3, 'closed'])
    }
  })

  it('is open or half open without a window, which is empty once it closes, where that can not be carried over', async () => {
    const [count, time] = [counted, timed]
    for (const [was, is] of [[count, time], [time, count], [{}, count], [{}, time], [{ ...count, window: { type: 'count', size: 4 } }, count]]) {
      const breaker = make(was)
      for (let n = 0; n < 8; n++) breaker.recordFailure()
      const other = make({ ...is, snapshot: WAYS.JSON(breaker.toJSON()) })
      assert.deepEqual([other.state, other.explain().calls, other.explain().retryAfter], ['open', 0, RECOVERY])
    }
  })

  it('takes what 0.1.0 wrote, where there was no window', () => {
    const breaker = make()
    breaker.recordFailure()
    const old = (one, mode = one.mode) => {
      const {
        modeBelow, openFor, held, windowSize, windowDuration, windowBuckets, slowCallDuration, rejectedHalfOpen, rejectedBulkhead, rejectedIsolated, ...rest
      } = WAYS.JSON(one.toJSON())
      return { ...rest, version: 1, mode }
    }
    assert.deepEqual(seen(make({ snapshot: old(breaker) })), seen(breaker))
    breaker.trip()
    clock.advance(300)
    assert.deepEqual(seen(make({ snapshot: old(breaker) })), seen(breaker))
    for (const mode of ['isolated', 'disabled', 'observing']) {
      const other = make({ snapshot: old(breaker, mode) })
      assert.equal(other.mode, mode)
      other.enable()
      other.release()
      assert.equal(other.mode, 'normal')
    }
    const windowed = make(counted)
    windowed.recordFailure()
    assertRefused(old(windowed), counted)
    assertRefused(old(make()), counted)
  })
})

describe('refusals by kind', () => {
  /** One refusal of each kind, and one more of an open circuit. */
  async function refusing() {
    const breaker = make({ maxConcurrent: 2 })
    const refuse = () => breaker.call(async () => 'up').catch(() => {})
    const permits = [breaker.acquire(), breaker.acquire()]
    await refuse()
    for (const permit of permits) permit.ignore()
    breaker.trip()
    for (let n = 0; n < 2; n++) await refuse()
    breaker.isolate()
    await refuse()
    breaker.release()
    const test = breaker.acquire()
    await refuse()
    test.ignore()
    return breaker
  }
  const KINDS = { open: 2, half_open: 1, bulkhead: 1, isolated: 1 }

  for (const [way, through] of Object.entries(WAYS)) {
    it(`are carried on through ${way}`, async () => {
      const breaker = await refusing()
      assert.deepEqual(breaker.metrics.rejections, KINDS)
      const { metrics } = make({ maxConcurrent: 2, snapshot: through(breaker.toJSON()) })
      assert.deepEqual([metrics.rejections, metrics.rejectedCalls], [KINDS, 5])
    })
  }

  it('that a snapshot does not name met an open circuit', async () => {
    const { rejectedHalfOpen, rejectedBulkhead, rejectedIsolated, ...older } = (await refusing()).toJSON()
    assert.deepEqual([rejectedHalfOpen, rejectedBulkhead, rejectedIsolated], [1, 1, 1])
    const { metrics } = make({ maxConcurrent: 2, snapshot: older })
    assert.deepEqual([metrics.rejections, metrics.rejectedCalls], [{ open: 5, half_open: 0, bulkhead: 0, isolated: 0 }, 5])
  })

  it('that are more than all refused calls are of no breaker', async () => {
    const snapshot = (await refusing()).toJSON()
    assert.equal(make({ snapshot: { ...snapshot, rejectedBulkhead: 3 } }).metrics.rejections.open, 0)
    for (const wrong of [{ rejectedBulkhead: 4 }, { rejectedCalls: 2 }, { rejectedIsolated: -1 }, { rejectedHalfOpen: 0.5 }, { rejectedCalls: undefined }]) assertRefused({ ...snapshot, ...wrong })
  })
})

/** Asserts that a snapshot is refused, with a code and an error of ours. */
function assertRefused(snapshot, options) {
  const refusal = thrownBy(() => make({ ...options, snapshot }))
  assert.ok(refusal instanceof TypeError, String(refusal))
  assert.equal(refusal.code, 'ERR_INVALID_SNAPSHOT')
  assert.match(refusal.message, /^Expected `snapshot` to be what toJSON\(\) of a breaker with such options gave$/)
}

describe('what is no snapshot of such a breaker', () => {
  const good = (options) => {
    const breaker = make(options)
    for (let n = 0; n < 3; n++) breaker.recordFailure()
    breaker.trip()
    return breaker.toJSON()
  }
  const thrower = () => {
    throw error
  }
  const endless = () => Object.assign([], { *[Symbol.iterator]() { while (true) yield 0 } })
  const BAD = {
    'an empty object': () => ({}),
    null: () => null,
    'an array': () => [],
    'metrics': () => make().metrics.toJSON(),
    'a later version': () => ({ ...good(), version: good().version + 1 }),
    'half of no open time': () => ({ ...good(), span: -0.5 }),
    'less than no open time': () => ({ ...good(), span: -2 }),
    'an earlier version than the first': () => ({ ...good(), version: 0 }),
    'half a version': () => ({ ...good(), version: 1.5 }),
    'no version': () => ({ ...good(), version: undefined }),
    'a version as a string': () => ({ ...good(), version: '1' }),
    'a state nobody knows': () => ({ ...good(), state: 'ajar' }),
    'a state by number': () => ({ ...good(), state: 1 }),
    'a state of all objects': () => ({ ...good(), state: 'constructor' }),
    'a mode nobody knows': () => ({ ...good(), mode: 'panic' }),
    'isolated and closed': () => ({ ...make().toJSON(), mode: 'isolated' }),
    'disabled, isolated and closed': () => ({ ...make().toJSON(), mode: 'disabled', modeBelow: 'isolated' }),
    'isolated beneath nothing': () => ({ ...good(), modeBelow: 'isolated' }),
    'disabled beneath isolated': () => ({ ...good(), mode: 'isolated', modeBelow: 'disabled' }),
    'a mode nobody knows beneath': () => ({ ...good(), modeBelow: 'panic' }),
    'held open for less than nothing': () => ({ ...good(), held: -1 }),
    'open for less than nothing': () => ({ ...good(), openFor: -1 }),
    'a negative count': () => ({ ...good(), failureCount: -1 }),
    'half a count': () => ({ ...good(), failedCalls: 0.5 }),
    'an endless count': () => ({ ...good(), successfulCalls: Infinity }),
    'no count': () => ({ ...good(), staleCalls: NaN }),
    'a null count': () => ({ ...good(), staleCalls: null }),
    'a count beyond 2^53': () => ({ ...good(), rejectedCalls: 2 ** 60 }),
    'a bigint': () => ({ ...good(), failureCount: 1n }),
    'a boolean': () => ({ ...good(), failureCount: true }),
    'a negative time left': () => ({ ...good(), remaining: -1 }),
    'an endless time left': () => ({ ...good(), remaining: Infinity }),
    'a time beyond all dates': () => ({ ...good(), takenAt: 1e17 }),
    'no window': () => ({ ...good(), window: undefined }),
    'a window that is not a list': () => ({ ...good(), window: { length: 0 } }),
    'a typed window': () => ({ ...good(), window: new Float64Array(0) }),
    'a window of strings': () => ({ ...good(), window: ['0', '1'] }),
    'a window where there is none': () => ({ ...good(), window: [0, 1] }),
    'a window of holes': () => ({ ...good(), window: Array(5) }),
    'a window of ten million': () => ({ ...good(), window: Array(1e7).fill(0) }),
    'a window of a million': () => ({ ...good(), window: Array(1e6).fill(0) }),
    'state changes of ten million': () => ({ ...good(), stateChanges: Array(1e7).fill(0) }),
    'state changes that are more than are kept': () => ({ ...good(), stateChanges: Array(65 * 4).fill(0) }),
    'a third of a state change': () => ({ ...good(), stateChanges: [0, 1, 9] }),
    'a state change of states nobody knows': () => ({ ...good(), stateChanges: [0, 7, 9, 1] }),
    'a state change for no reason': () => ({ ...good(), stateChanges: [0, 1, 99, 1] }),
    'a state change of strings': () => ({ ...good(), stateChanges: ['closed', 'open', 'trip', 1] }),
    'a getter that throws': () => Object.defineProperty({ ...good() }, 'failureCount', { get: thrower }),
    'a window that throws': () => ({ ...good(), window: new Proxy([], { get: thrower }) }),
    'a proxy that throws': () => new Proxy({}, { get: thrower, has: thrower, ownKeys: thrower }),
    'a revoked proxy': () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    },
    'a window that is a revoked proxy': () => {
      const { proxy, revoke } = Proxy.revocable([], {})
      revoke()
      return { ...good(), window: proxy }
    },
    'a proxy that answers everything with itself': () => {
      const proxy = new Proxy({}, { get: () => proxy })
      return proxy
    },
    'a window with a length that is no number': () => ({ ...good(), window: new Proxy([], { get: (_, name) => (name === 'length' ? 'many' : 0) }) }),
    'a window with a length below 0': () => ({ ...good(), window: new Proxy([], { get: (_, name) => (name === 'length' ? -4 : 0) }) }),
    'a window of 4 billion': () => ({ ...good(), window: Object.assign([], { length: 2 ** 32 - 1 }) }),
    'numbers that are objects': () => ({ ...good(), failureCount: { valueOf: () => 1 } })
  }
  for (const [what, bad] of Object.entries(BAD)) {
    it(`is refused: ${what}`, () => assertRefused(bad()))
  }

  for (const snapshot of ['{}', 5, true, () => {}, Symbol('s')]) {
    it(`is refused as an option that is no object: ${typeof snapshot}`, () => {
      const refusal = thrownBy(() => make({ snapshot }))
      assert.deepEqual([refusal.code, refusal.option], ['ERR_INVALID_OPTION', 'snapshot'])
    })
  }

  it('is of a breaker with a window of which this one would have seen more, or other things', () => {
    const counted = make({ window: { type: 'count', size: 50 }, failureRate: 1 })
    for (let n = 0; n < 50; n++) counted.recordSuccess()
    assertRefused(counted.toJSON(), { window: { type: 'count', size: 51 }, failureRate: 1 })
    assertRefused(counted.toJSON(), { window: { type: 'time', duration: 10 }, failureRate: 1 })
    const timed = make({ window: { type: 'time', duration: 6000, buckets: 6 }, failureRate: 1 })
    timed.recordFailure()
    for (const [duration, buckets] of [[12_000, 12], [3000, 6], [6000, 7], [6000, 12], [6000, 4], [600, 6], [60_000, 6]]) {
      assertRefused(timed.toJSON(), { window: { type: 'time', duration, buckets }, failureRate: 1 })
    }
    assertRefused(timed.toJSON(), { window: { type: 'count', size: 10 }, failureRate: 1 })
    assertRefused(make().toJSON(), { window: { type: 'count', size: 10 }, failureRate: 1 })
    const slow = (slowCallDuration) => ({ window: { type: 'count', size: 8 }, slowCallDuration, slowCallRate: 1 })
    const breaker = make(slow(50))
    for (const ms of [10, 60]) breaker.callSync(() => clock.advance(ms))
    for (const other of [slow(20), slow(100)]) assertRefused(breaker.toJSON(), other)
    const blind = make({ window: { type: 'count', size: 8 }, failureRate: 1 })
    blind.recordSuccess()
    assertRefused(blind.toJSON(), slow(50))
  })

  it('may have lists whose iterator never ends: they are read by their numbers', () => {
    assert.equal(make({ snapshot: { ...good(), window: endless() } }).state, 'open')
    assertRefused({ ...good(), stateChanges: Object.assign(endless(), { length: 3 }) })
  })

  it('is read once, member by member', () => {
    const reads = new Map()
    const watched = (target) => new Proxy(target, {
      get(object, name) {
        if (typeof name === 'string') reads.set(name, (reads.get(name) ?? 0) + 1)
        return object[name]
      }
    })
    make({ snapshot: watched(good()) })
    assert.ok(reads.size > 20)
    for (const [name, times] of reads) assert.equal(times, 1, `${name} was read ${times} times`)
  })

  it('does not take its numbers from a polluted prototype where it has its own', async () => {
    const result = await answerOf(`
      const { CircuitBreaker, ManualClock } = await import(ESM)
      const breaker = new CircuitBreaker({ clock: new ManualClock() })
      breaker.recordFailure()
      const snapshot = breaker.toJSON()
      for (const name of Object.keys(snapshot)) if (typeof snapshot[name] === 'number') Object.prototype[name] = 3
      const other = new CircuitBreaker({ clock: new ManualClock(), snapshot })
      const answer = [other.failureCount, other.state, other.metrics.totalCalls]
      for (const name of Object.keys(snapshot)) delete Object.prototype[name]
      console.log(JSON.stringify(answer))`)
    assert.deepEqual(result, [1, 'closed', 0])
  })

  it('leaves nothing behind', IN_WASM, async () => {
    const { live, grown } = await answerOf(`
      ${LIVE_BREAKERS}
      const { CircuitBreaker, ManualClock } = await import(ESM)
      const options = { clock: new ManualClock(), window: { type: 'count', size: 100 }, failureRate: 1 }
      const good = new CircuitBreaker(options).toJSON()
      const bad = [{}, null, { ...good, version: good.version + 1 }, { ...good, window: [9] }, { ...good, window: Array(100).fill(0).concat(4) }, { get version() { throw 1 } }]
      const refuse = (times) => {
        let refused = 0
        for (let n = 0; n < times; n++) {
          try { new CircuitBreaker({ ...options, snapshot: bad[n % bad.length] }) } catch { refused++ }
        }
        if (refused !== times) throw new Error('taken')
      }
      refuse(100)
      const before = core.memory.buffer.byteLength
      refuse(20_000)
      console.log(JSON.stringify({ live: liveBreakers(), grown: core.memory.buffer.byteLength - before }))`)
    assert.deepEqual({ live, grown }, { live: 1, grown: 0 })
  })
})

describe('a snapshot that somebody spoilt', () => {
  const number = fc.oneof(
    fc.constantFrom(0, 1, 2, 3, -1, 0.5, 64, 65535, 65536, 2 ** 32, 2 ** 53, 1e15, 1e300, -1e300, NaN, Infinity, -Infinity, -0),
    fc.double(),
    fc.nat(10)
  )
  const anything = fc.oneof({ weight: 5, arbitrary: number }, fc.constantFrom('open', 'closed', 'half_open', 'isolated', 'observing', null, undefined, '1', true), fc.array(number, { maxLength: 12 }))

  it('is refused or gives a breaker that works', { timeout: 60_000 }, () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.values(POLICIES)),
        fc.constantFrom(...Object.values(STATES)),
        fc.constantFrom(...Object.values(MODES)),
        fc.array(fc.tuple(fc.nat(100), fc.nat(300), anything), { minLength: 1, maxLength: 4 }),
        async (options, reach, enter, changes) => {
          clock = new ManualClock(1e6)
          const original = make(options)
          await reach(original, clock)
          enter(original)
          const snapshot = structuredClone(original.toJSON())
          const names = Object.keys(snapshot)
          for (const [which, place, value] of changes) {
            const name = names[which % names.length]
            if (Array.isArray(snapshot[name]) && snapshot[name].length > 0 && !Array.isArray(value)) snapshot[name][place % snapshot[name].length] = value
            else snapshot[name] = value
          }
          let breaker
          try {
            breaker = make({ ...options, snapshot })
          } catch (refusal) {
            assert.equal(refusal.code, 'ERR_INVALID_SNAPSHOT', String(refusal))
            return
          }
          assert.ok(['closed', 'open', 'half_open'].includes(breaker.state))
          assert.ok(['normal', 'isolated', 'disabled', 'observing'].includes(breaker.mode))
          assert.equal(typeof breaker.explain().sentence, 'string')
          assert.ok(!/NaN|undefined/.test(breaker.explain().sentence), breaker.explain().sentence)
          JSON.stringify(breaker.metrics)
          for (let n = 0; n < 10; n++) {
            await breaker.call(n % 2 ? fails : () => 1).catch((e) => assert.ok(e === error || isCircuitOpenError(e), String(e)))
            clock.advance(100)
          }
          breaker.enable()
          breaker.reset()
          assert.equal(breaker.mode, 'normal')
          assert.equal(await breaker.call(() => 'up'), 'up')
          breaker.trip()
          assert.ok(isCircuitOpenError(await rejectionOf(breaker.call(() => 1))))
          clock.advance(RECOVERY)
          assert.equal(breaker.checkState(), 'half_open')
          for (let n = 0; n < 2; n++) await breaker.call(() => 'up')
          assert.equal(breaker.state, 'closed')
        }
      ),
      lives(1500)
    ))
})
