// Control by hand: trip, reset, isolate, release, disable, observe, enable, in every state, one after another and in any order. It must
// not know what makes a circuit open by itself.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { CircuitBreaker, CircuitBreakerRegistry, isCircuitOpenError, ManualClock } from '../../pkg/index.js'
import { countsOf, drained, lives, rejectionOf, slowCalls, thrownBy } from './support.js'

const RECOVERY = 1000
const error = new Error('down')
const fails = () => Promise.reject(error)
const up = () => 'up'

let clock, breaker, start, changes
function fresh(options) {
  clock = new ManualClock(5)
  breaker = new CircuitBreaker({ clock, failureThreshold: 2, recoveryTimeout: RECOVERY, ...options })
  ;({ start } = slowCalls(breaker))
  changes = []
  breaker.addEventListener('statechange', ({ detail: { from, to, reason } }) => changes.push(`${from} > ${to}: ${reason}`))
}
beforeEach(() => fresh())

const STATES = {
  closed: () => {},
  open: () => breaker.trip(),
  half_open: () => {
    breaker.trip()
    clock.advance(RECOVERY)
    breaker.checkState()
  }
}
const MODES = {
  normal: () => {},
  isolated: () => breaker.isolate(),
  disabled: () => breaker.disable(),
  observing: () => breaker.observe()
}
const METHODS = ['trip', 'reset', 'isolate', 'release', 'disable', 'observe', 'enable']

/** What each method makes of a state and a mode; what is left out stays. */
const EXPECTED = {
  trip: () => ({ state: 'open' }),
  reset: (mode) => ({ state: 'closed', mode: mode === 'isolated' ? 'normal' : mode }),
  isolate: (mode) => ({ state: 'open', mode: mode === 'disabled' ? mode : 'isolated' }),
  release: (mode) => (mode === 'isolated' ? { mode: 'normal' } : {}),
  disable: () => ({ mode: 'disabled' }),
  observe: (mode) => ({ mode: mode === 'isolated' ? mode : 'observing' }),
  enable: (mode) => (mode === 'isolated' ? {} : { mode: 'normal' })
}

describe('each control', () => {
  for (const [state, reach] of Object.entries(STATES)) {
    for (const [mode, enter] of Object.entries(MODES)) {
      for (const method of METHODS) {
        it(`${method}() of a breaker that was ${state} and is ${mode}`, () => {
          reach()
          enter()
          const before = { state: breaker.state, mode: breaker.mode }
          assert.equal(before.mode, mode)
          changes.length = 0
          assert.equal(breaker[method](), undefined)
          const after = { ...before, ...EXPECTED[method](mode) }
          assert.deepEqual({ state: breaker.state, mode: breaker.mode }, after)
          assert.deepEqual(changes, before.state === after.state ? [] : [`${before.state} > ${after.state}: ${method}`])
        })

        it(`${method}() twice of a breaker that was ${state} and is ${mode} is ${method}() once`, () => {
          reach()
          enter()
          breaker[method]()
          const once = [breaker.state, breaker.mode, countsOf(breaker), breaker.explain().retryAfter, changes.length]
          breaker[method]()
          assert.deepEqual([breaker.state, breaker.mode, countsOf(breaker), breaker.explain().retryAfter, changes.length], once)
        })
      }
    }
  }
})

describe('trip({ for: ms })', () => {
  const openFor = () => {
    const { retryAfter } = breaker.explain()
    clock.advance(retryAfter - 0.5)
    assert.equal(breaker.checkState(), 'open')
    clock.advance(0.5)
    assert.equal(breaker.checkState(), 'half_open')
    return retryAfter
  }

  for (const [state, reach] of Object.entries(STATES)) {
    it(`opens a breaker that is ${state} for that long, and what comes after is as ever`, () => {
      for (const ms of [1, 10 * RECOVERY]) {
        fresh()
        reach()
        breaker.trip({ for: ms })
        assert.equal(openFor(), ms)
        breaker.recordFailure()
        assert.equal(openFor(), RECOVERY)
        breaker.trip()
        assert.equal(openFor(), RECOVERY)
      }
    })
  }

  it('knows no maxRetryAfter and no recoveryBackoff.max, and takes no chance off', () => {
    fresh({ maxRetryAfter: 10, recoveryBackoff: { max: RECOVERY, jitter: 1 }, random: () => 1 })
    breaker.trip({ for: 1e6 })
    assert.equal(openFor(), 1e6)
  })

  for (const [what, deed] of Object.entries({
    'a failure recorded by hand': () => breaker.recordFailure(),
    'trip()': () => breaker.trip(),
    'trip() for less': () => breaker.trip({ for: 1 }),
    'a recovery time that is written': () => { breaker.recoveryTimeout = 1 },
    'isolate() and release()': () => {
      breaker.isolate()
      breaker.release()
    },
    'disable() and enable()': () => {
      breaker.disable()
      breaker.enable()
    },
    'a success recorded by hand': () => breaker.recordSuccess(),
    'a snapshot': () => {
      breaker = new CircuitBreaker({ clock, failureThreshold: 2, recoveryTimeout: RECOVERY, snapshot: JSON.parse(JSON.stringify(breaker)) })
    }
  })) {
    it(`is not cut short by ${what}`, () => {
      breaker.trip({ for: 10 * RECOVERY })
      clock.advance(RECOVERY)
      deed()
      assert.equal(openFor(), 9 * RECOVERY)
    })
  }

  it('is prolonged by what asks for longer', () => {
    breaker.trip({ for: 100 })
    breaker.recordFailure()
    assert.equal(openFor(), RECOVERY)
    breaker.trip({ for: 100 })
    breaker.trip({ for: 300 })
    assert.equal(openFor(), 300)
    breaker.trip({ for: 100 })
    breaker.recoveryTimeout = 5 * RECOVERY
    assert.equal(openFor(), 100)
  })

  it('is ended by reset() and by nothing that comes after it', async () => {
    breaker.trip({ for: 1e9 })
    breaker.reset()
    assert.equal(await breaker.call(up), 'up')
    breaker.trip()
    assert.equal(openFor(), RECOVERY)
  })

  it('without a time is trip()', () => {
    for (const options of [undefined, {}, { for: undefined }]) {
      fresh()
      breaker.trip(options)
      assert.equal(openFor(), RECOVERY)
    }
  })

  for (const [options, Type, pattern] of [
    [{ for: -1 }, RangeError, /^Expected `for` to be a number of milliseconds, 0 or more and finite, got -1$/],
    [{ for: NaN }, RangeError, /got NaN$/],
    [{ for: Infinity }, RangeError, /got Infinity$/],
    [{ for: 2 ** 53 }, RangeError, /got 9007199254740992$/],
    [{ for: '1000' }, TypeError, /^Expected `for` to be a number of milliseconds, 0 or more and finite, got '1000'$/],
    [{ for: null }, TypeError, /got null$/],
    [{ for: 5n }, TypeError, /got 5n$/],
    [{ For: 5 }, TypeError, /^Unknown option 'For'; did you mean `for`\?$/],
    [{ for: 5, until: 5 }, TypeError, /^Unknown option 'until'/],
    [1000, TypeError, /^Expected options to be an object, got 1000$/],
    [null, TypeError, /got null$/],
    [[1000], TypeError, /got an array$/]
  ]) {
    it(`refuses ${JSON.stringify(options, (_, value) => (typeof value === 'bigint' ? `${value}n` : value === undefined || Number.isFinite(value) ? value : typeof value === 'number' ? String(value) : value))} and changes nothing`, () => {
      const before = JSON.stringify(breaker)
      const refusal = thrownBy(() => breaker.trip(options))
      assert.ok(refusal instanceof Type, String(refusal))
      assert.equal(refusal.code, 'ERR_INVALID_OPTION')
      assert.match(refusal.message, pattern)
      assert.equal(JSON.stringify(breaker), before)
      assert.deepEqual(changes, [])
    })
  }
})

describe('isolate()', () => {
  for (const [state, reach] of Object.entries(STATES)) {
    it(`holds a breaker that was ${state} open, whatever the time`, async () => {
      reach()
      breaker.isolate()
      for (const ms of [0, RECOVERY, 10 * RECOVERY, 1e12]) {
        clock.advance(ms)
        assert.equal(breaker.checkState(), 'open')
        const refusal = await rejectionOf(breaker.call(up))
        assert.ok(isCircuitOpenError(refusal))
        assert.deepEqual([refusal.state, refusal.retryAfter, refusal.message], ['open', Infinity, 'Circuit open. Isolated until released'])
      }
      assert.equal(breaker.explain().retryAfter, Infinity)
      assert.equal(breaker.metrics.rejectedCalls, 4)
    })
  }

  it('refuses callSync, acquire and wrapped functions, and lets the fallback answer', async () => {
    fresh({ fallback: (value, refusal) => [value, refusal.retryAfter] })
    breaker.isolate()
    assert.deepEqual(await breaker.call(up, 'asked'), ['asked', Infinity])
    assert.deepEqual(breaker.callSync(up, 'asked'), ['asked', Infinity])
    assert.deepEqual(await breaker.wrap(up)('asked'), ['asked', Infinity])
    assert.ok(isCircuitOpenError(thrownBy(() => breaker.acquire())))
  })

  it('is not ended by results recorded by hand, by trip() or by enable()', () => {
    breaker.isolate()
    for (let n = 0; n < 5; n++) {
      breaker.recordSuccess()
      breaker.recordFailure()
    }
    breaker.trip()
    breaker.enable()
    clock.advance(10 * RECOVERY)
    assert.deepEqual([breaker.checkState(), breaker.mode], ['open', 'isolated'])
  })

  it('makes results in flight stale', async () => {
    const calls = [start(), start(), start()]
    breaker.isolate()
    calls[0].resolve('late')
    calls[1].reject(error)
    calls[2].reject(error)
    assert.equal(await calls[0].outcome, 'late')
    assert.equal(await rejectionOf(calls[1].outcome), error)
    await drained()
    assert.deepEqual([breaker.state, breaker.mode, breaker.metrics.staleCalls, breaker.metrics.inFlight], ['open', 'isolated', 3, 0])
  })
})

describe('release()', () => {
  it('makes the next call a test request', async () => {
    breaker.isolate()
    breaker.release()
    assert.deepEqual([breaker.state, breaker.mode, breaker.explain().retryAfter], ['open', 'normal', 0])
    assert.equal(await breaker.call(up), 'up')
    assert.equal(breaker.state, 'half_open')
    assert.equal(await breaker.call(up), 'up')
    assert.deepEqual(changes, ['closed > open: isolate', 'open > half_open: recovery_due', 'half_open > closed: recovered'])
  })

  it('leads back to a whole recovery time when that test request fails', async () => {
    breaker.isolate()
    clock.advance(10 * RECOVERY)
    breaker.release()
    await rejectionOf(breaker.call(fails))
    assert.deepEqual([breaker.state, breaker.explain().retryAfter], ['open', RECOVERY])
  })

  it('leaves a recovery time to a failure recorded by hand, which starts it', () => {
    breaker.isolate()
    breaker.release()
    breaker.recordFailure()
    assert.equal(breaker.explain().retryAfter, RECOVERY)
    assert.ok(isCircuitOpenError(thrownBy(() => breaker.callSync(up))))
  })

  it('does nothing to a circuit that is open by itself', () => {
    breaker.trip()
    breaker.release()
    assert.equal(breaker.explain().retryAfter, RECOVERY)
  })
})

describe('disable()', () => {
  for (const [state, reach] of Object.entries(STATES)) {
    it(`lets all calls of a breaker that is ${state} pass, counts them and changes no state`, async () => {
      reach()
      const counts = countsOf(breaker)
      changes.length = 0
      breaker.disable()
      for (let n = 0; n < 20; n++) {
        assert.equal(await breaker.call(up), 'up')
        assert.equal(await rejectionOf(breaker.call(fails)), error)
        clock.advance(RECOVERY)
      }
      assert.deepEqual(countsOf(breaker), counts)
      assert.deepEqual(changes, [])
      const { successfulCalls, failedCalls, rejectedCalls, wouldRejectCalls, staleCalls } = breaker.metrics
      assert.deepEqual({ successfulCalls, failedCalls, rejectedCalls, wouldRejectCalls, staleCalls }, {
        successfulCalls: 20, failedCalls: 20, rejectedCalls: 0, wouldRejectCalls: 0, staleCalls: 0
      })
    })
  }

  it('knows no bulkhead', async () => {
    fresh({ maxConcurrent: 1 })
    breaker.disable()
    const calls = [start(), start(), start()]
    assert.ok(calls.every(({ reached }) => reached))
    assert.equal(breaker.metrics.inFlight, 3)
    for (const call of calls) call.resolve()
    await drained()
    assert.equal(breaker.metrics.inFlight, 0)
  })

  it('does not judge a failure of before that comes home meanwhile, and counts it', async () => {
    const calls = [start(), start()]
    breaker.disable()
    for (const call of calls) call.reject(error)
    await drained()
    assert.deepEqual([breaker.state, breaker.failureCount, breaker.metrics.failedCalls, breaker.metrics.inFlight], ['closed', 0, 2, 0])
  })

  it('does not judge a call of its own that comes home after enable(), and counts it', async () => {
    breaker.disable()
    const calls = [start(), start(), start()]
    breaker.enable()
    for (const call of calls) call.reject(error)
    await drained()
    assert.deepEqual([breaker.state, breaker.failureCount, breaker.metrics.failedCalls, breaker.metrics.inFlight], ['closed', 0, 3, 0])
  })

  it('is no end of an open time: after enable() what is left of it counts', () => {
    breaker.trip()
    clock.advance(400)
    breaker.disable()
    breaker.enable()
    assert.equal(breaker.explain().retryAfter, 600)
    assert.ok(isCircuitOpenError(thrownBy(() => breaker.callSync(up))))
  })

  it('leaves trip() and reset() their state, which is in force after enable()', async () => {
    breaker.disable()
    breaker.trip()
    assert.equal(await breaker.call(up), 'up')
    breaker.enable()
    assert.ok(isCircuitOpenError(await rejectionOf(breaker.call(up))))
  })
})

describe('observe()', () => {
  it('opens as it would, refuses nobody, and counts whom it would have refused', async () => {
    breaker.observe()
    for (let n = 0; n < 2; n++) assert.equal(await rejectionOf(breaker.call(fails)), error)
    assert.equal(breaker.state, 'open')
    for (let n = 0; n < 5; n++) assert.equal(await breaker.call(up), 'up')
    assert.deepEqual([breaker.metrics.wouldRejectCalls, breaker.metrics.rejectedCalls, breaker.metrics.totalCalls], [5, 0, 7])
    assert.deepEqual(changes, ['closed > open: failure_threshold'])
    assert.equal(breaker.state, 'open')
  })

  it('recovers as it would: one test request at a time is judged, the others pass', async () => {
    breaker.observe()
    breaker.trip()
    clock.advance(RECOVERY)
    const [test, ...others] = [start(), start(), start()]
    assert.ok(others.every(({ reached }) => reached))
    assert.equal(breaker.metrics.wouldRejectCalls, 2)
    for (const call of others) call.reject(error)
    await drained()
    assert.equal(breaker.state, 'half_open')
    test.resolve()
    await drained()
    assert.equal(await breaker.call(up), 'up')
    assert.equal(breaker.state, 'closed')
    assert.deepEqual(changes, ['closed > open: trip', 'open > half_open: recovery_due', 'half_open > closed: recovered'])
  })

  it('counts calls that a full bulkhead would have refused', async () => {
    fresh({ maxConcurrent: 1 })
    breaker.observe()
    const calls = [start(), start()]
    assert.ok(calls.every(({ reached }) => reached))
    assert.equal(breaker.metrics.wouldRejectCalls, 1)
    for (const call of calls) call.resolve()
    await drained()
    assert.deepEqual([breaker.metrics.inFlight, breaker.metrics.successfulCalls], [0, 2])
  })

  it('tells of no refusal, and takes no fallback', async () => {
    let told = 0
    fresh({ fallback: () => 'fallback' })
    breaker.addEventListener('reject', () => told++)
    breaker.addEventListener('fallback', () => told++)
    breaker.observe()
    breaker.trip()
    assert.equal(await breaker.call(up), 'up')
    assert.equal(told, 0)
  })

  it('is in force at once when it ends: an open circuit refuses', async () => {
    breaker.observe()
    breaker.trip()
    breaker.enable()
    assert.ok(isCircuitOpenError(await rejectionOf(breaker.call(up))))
  })

  it('judges no call that it let through, though it comes home after enable()', async () => {
    breaker.observe()
    breaker.trip()
    const calls = [start(), start()]
    breaker.reset()
    breaker.enable()
    for (const call of calls) call.reject(error)
    await drained()
    assert.deepEqual([breaker.state, breaker.failureCount, breaker.metrics.failedCalls], ['closed', 0, 2])
  })
})

describe('modes in a row', () => {
  for (const first of ['isolate', 'disable']) {
    it(`disable() outranks isolate(), which goes on beneath it, whichever came first: ${first}()`, async () => {
      breaker[first]()
      breaker[first === 'isolate' ? 'disable' : 'isolate']()
      assert.deepEqual([breaker.state, breaker.mode, await breaker.call(up)], ['open', 'disabled', 'up'])
      assert.equal(breaker.explain().sentence, 'open, disabled: held open by hand until it is released; all calls pass')
      clock.advance(10 * RECOVERY)
      breaker.enable()
      assert.deepEqual([breaker.checkState(), breaker.mode], ['open', 'isolated'])
      assert.equal((await rejectionOf(breaker.call(up))).retryAfter, Infinity)
      breaker.release()
      assert.deepEqual([breaker.mode, await breaker.call(up)], ['normal', 'up'])
    })
  }

  for (const first of ['isolate', 'observe']) {
    it(`isolate() outranks observe(), which goes on beneath it, whichever came first: ${first}()`, async () => {
      breaker[first]()
      breaker[first === 'isolate' ? 'observe' : 'isolate']()
      assert.equal(breaker.mode, 'isolated')
      assert.ok(isCircuitOpenError(await rejectionOf(breaker.call(up))))
      assert.equal(breaker.metrics.wouldRejectCalls, 0)
      breaker.release()
      assert.equal(breaker.mode, 'observing')
      breaker.trip()
      assert.equal(await breaker.call(up), 'up')
      assert.equal(breaker.metrics.wouldRejectCalls, 1)
    })
  }

  it('release() of a breaker that is disabled, too, leaves it disabled, and reset() as well', async () => {
    for (const end of ['release', 'reset']) {
      fresh()
      breaker.isolate()
      breaker.disable()
      breaker[end]()
      breaker.trip()
      assert.deepEqual([breaker.mode, await breaker.call(up)], ['disabled', 'up'])
      breaker.enable()
      assert.deepEqual([breaker.mode, breaker.explain().retryAfter], ['normal', RECOVERY])
    }
  })

  it('in any order, through snapshots and while they are put aside, are what each was set to last', () =>
    fc.assert(
      fc.property(
        fc.constantFrom(undefined, { type: 'count', size: 5 }, { type: 'time', duration: 5000 }),
        fc.array(fc.constantFrom(...METHODS, 'tripFor', 'call', 'fail', 'check', 'wait', 'snapshot', 'putAside'), { maxLength: 40 }),
        (window, deeds) => {
          clock = new ManualClock(5)
          const options = { clock, failureThreshold: 2, recoveryTimeout: RECOVERY, window }
          const registry = new CircuitBreakerRegistry({ ...options, maxBreakers: 1 })
          let subject = registry.get('subject')
          const model = { isolated: false, leniency: 'normal', heldUntil: 0 }
          const call = (fn) => {
            try {
              return subject.callSync(fn)
            } catch (error) {
              return error
            }
          }
          for (const deed of deeds) {
            if (deed === 'tripFor') {
              subject.trip({ for: 3 * RECOVERY })
              model.heldUntil = clock.now() + 3 * RECOVERY
            } else if (deed === 'call') call(up)
            else if (deed === 'fail') call(() => { throw error })
            else if (deed === 'check') subject.checkState()
            else if (deed === 'wait') clock.advance(RECOVERY / 2)
            else if (deed === 'snapshot') subject = new CircuitBreaker({ ...options, snapshot: JSON.parse(JSON.stringify(subject)) })
            else if (deed === 'putAside') registry.get(`another, so that ${subject.state} goes`)
            else subject[deed]()
            if (deed === 'isolate') model.isolated = true
            if (deed === 'release' || deed === 'reset') model.isolated = false
            if (deed === 'reset') model.heldUntil = 0
            model.leniency = { disable: 'disabled', observe: 'observing', enable: 'normal' }[deed] ?? model.leniency

            const isHeld = clock.now() < model.heldUntil
            const mode = model.leniency === 'disabled' ? 'disabled' : model.isolated ? 'isolated' : model.leniency
            assert.equal(subject.mode, mode, deed)
            if (model.isolated || isHeld) assert.equal(subject.state, 'open', deed)
            const { retryAfter } = subject.explain()
            if (model.isolated) assert.equal(retryAfter, Infinity)
            else if (isHeld) assert.ok(retryAfter >= model.heldUntil - clock.now())
            if (mode === 'isolated') assert.ok(isCircuitOpenError(call(up)))
            if (mode === 'disabled' || mode === 'observing') assert.equal(call(up), 'up')
          }
        }
      ),
      lives(2000)
    ))

  it('every series of three ends with a breaker that works again after reset() and enable()', async () => {
    for (const first of METHODS) {
      for (const second of METHODS) {
        for (const third of METHODS) {
          fresh()
          const call = start()
          for (const method of [first, second, third]) breaker[method]()
          assert.ok(['closed', 'open', 'half_open'].includes(breaker.state))
          breaker.reset()
          breaker.enable()
          call.reject(error)
          await rejectionOf(call.outcome)
          assert.deepEqual([breaker.state, breaker.mode, breaker.metrics.inFlight], ['closed', 'normal', 0])
          assert.equal(await breaker.call(up), 'up')
          for (let n = 0; n < 2; n++) await rejectionOf(breaker.call(fails))
          assert.equal(breaker.state, 'open', `${first}, ${second}, ${third}`)
        }
      }
    }
  })

  it('can be switched by a listener', async () => {
    breaker.addEventListener('statechange', ({ detail: { to } }) => to === 'open' && breaker.isolate())
    breaker.trip()
    clock.advance(10 * RECOVERY)
    assert.deepEqual([breaker.checkState(), breaker.mode], ['open', 'isolated'])
    assert.deepEqual(changes, ['closed > open: trip'])
  })
})
