// Windows: when the last N calls, or those of the last N ms, open the circuit. Both sides of every threshold. It must
// not know how a window is kept.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { WINDOWS } from '../../js/engine/numbers.js'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { deferred, lives, thrownBy } from './support.js'

const RECOVERY = 1000
const down = new Error('down')

/** A window of each type, and what has to happen until two failures are not two any more. */
const TYPES = {
  count: [{ size: 4 }, () => go('...')],
  time: [{ duration: 1000 }, () => clock.advance(1000)]
}

let clock, breaker, reasons
beforeEach(() => (clock = new ManualClock(1_000_000)))

function make(options) {
  breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, successThreshold: 1, ...options })
  reasons = []
  breaker.addEventListener('statechange', ({ detail }) => detail.to === 'open' && reasons.push(detail.reason))
  return breaker
}
/** Makes the calls of a text, one after another: `x` fails, `.` succeeds, `X` and `s` do so slowly (100 ms), `i` is ignored. */
function go(text) {
  for (const kind of text) {
    const work = () => {
      if (/[Xs]/.test(kind)) clock.advance(100)
      if (/[xXi]/.test(kind)) throw kind === 'i' ? 'ignored' : down
      return kind
    }
    try {
      breaker.callSync(work)
    } catch (error) {
      if (error !== down && error !== 'ignored') throw error
    }
  }
  return breaker.state
}
const KNOWN = Object.keys(TYPES).map((type) => `'${type}'`).join(' or ')
const ignoring = { classify: (error) => (error === 'ignored' ? 'ignored' : undefined) }

describe('a window of any type', () => {
  it('is one of those above, and these are the ones there are', () => {
    assert.deepEqual(Object.keys(TYPES), WINDOWS.filter((name) => !name.includes('.')))
  })

  for (const [type, [members, forget]] of Object.entries(TYPES)) {
    const window = { type, ...members }

    it(`opens at a failureThreshold inside it, and forgets: ${type}`, () => {
      make({ window, failureThreshold: 2 })
      assert.equal(go('x'), 'closed')
      forget()
      assert.equal(go('x'), 'closed')
      assert.equal(go('.x'), 'open')
      assert.deepEqual(reasons, ['failure_threshold'])
    })

    it(`opens at a failureRate once minimumCalls are in it: ${type}`, () => {
      make({ window, failureRate: 0.5, minimumCalls: 4 })
      assert.equal(go('xxx'), 'closed')
      assert.equal(go('x'), 'open')
      make({ window, failureRate: 0.5, minimumCalls: 4 })
      assert.equal(go('...x'), 'closed')
      assert.deepEqual(breaker.explain().sentence, 'closed: 1 failure of 4 calls, opens at 50.0% failures')
    })

    it(`opens at a slowCallRate: ${type}`, () => {
      make({ window, slowCallDuration: 100, slowCallRate: 0.75, minimumCalls: 2 })
      assert.equal(go('s.'), 'closed')
      assert.equal(go('ss'), 'open')
      assert.deepEqual(reasons, ['slow_call_rate'])
    })

    it(`is carried on by a snapshot: ${type}`, () => {
      const options = { window, failureThreshold: 3 }
      make(options)
      go('xx')
      make({ ...options, snapshot: JSON.parse(JSON.stringify(breaker)) })
      assert.equal(go('x'), 'open')
    })

    it(`is empty once the circuit closed again: ${type}`, () => {
      make({ window, failureThreshold: 2 })
      assert.equal(go('xx'), 'open')
      breaker.reset()
      assert.equal(breaker.explain().calls, 0)
      assert.equal(go('x'), 'closed')
    })
  }
})

describe('a window of calls with a failureRate', () => {
  const options = { window: { type: 'count', size: 10 }, failureRate: 0.5, minimumCalls: 4 }

  it('opens when the share is reached exactly, by the call that reaches it', () => {
    make(options)
    assert.equal(go('...x'), 'closed')
    assert.equal(go('x'), 'closed')
    assert.equal(go('x'), 'open')
    assert.deepEqual(reasons, ['failure_rate'])
  })

  it('judges nothing before minimumCalls, and the call that completes them', () => {
    make(options)
    assert.equal(go('xxx'), 'closed')
    assert.equal(go('x'), 'open')
  })

  it('needs 10 calls unless told otherwise, fewer in a smaller window', () => {
    make({ window: { type: 'count', size: 100 }, failureRate: 0.1 })
    assert.equal(go('x'.repeat(9)), 'closed')
    assert.equal(go('x'), 'open')
    make({ window: { type: 'count', size: 3 }, failureRate: 0.1 })
    assert.equal(go('xx'), 'closed')
    assert.equal(go('x'), 'open')
  })

  it('is never opened by a success, even one that completes minimumCalls at a share of 75 %', () => {
    make(options)
    assert.equal(go('xxx.'), 'closed')
    assert.equal(go('...'), 'closed')
    assert.equal(go('x'), 'open')
  })

  it('forgets the call that is one more than its size ago', () => {
    make({ window: { type: 'count', size: 4 }, failureRate: 0.75, minimumCalls: 4 })
    assert.equal(go('x.x.'), 'closed')
    // The first failure is gone: 2 of 4, then 3 of 4 once a success went as well.
    assert.equal(go('x'), 'closed')
    assert.equal(go('x'), 'open')
  })

  it('opens at a share of 1 only when all calls failed', () => {
    make({ window: { type: 'count', size: 4 }, failureRate: 1, minimumCalls: 4 })
    assert.equal(go('.xxx'), 'closed')
    assert.equal(go('x'), 'open')
  })

  it('leaves ignored calls, refusals and calls in flight out of every denominator', async () => {
    make({ ...options, ...ignoring })
    const pending = Array.from({ length: 6 }, deferred)
    const calls = pending.map(({ promise }) => breaker.call(() => promise))
    assert.equal(go('iiiiiiiixxx'), 'closed')
    assert.equal(go('x'), 'open')
    for (const { resolve } of pending) resolve()
    await Promise.all(calls)
  })

  it('does not trip on failures in a row: there is no failureThreshold unless it is given', () => {
    make({ window: { type: 'count', size: 100 }, failureRate: 0.9, minimumCalls: 100 })
    assert.equal(breaker.failureThreshold, undefined)
    assert.equal(go('x'.repeat(99)), 'closed')
    assert.equal(go('x'), 'open')
  })

  it('is empty once the circuit closed again, by recovery and by hand', () => {
    for (const close of [() => { clock.advance(RECOVERY); go('.') }, () => breaker.reset()]) {
      make(options)
      assert.equal(go('xxxx'), 'open')
      close()
      assert.equal(breaker.state, 'closed')
      assert.equal(breaker.explain().calls, 0)
      assert.equal(go('xxx'), 'closed')
      assert.equal(go('x'), 'open')
    }
  })

  it('does not count test requests: they are judged by themselves', () => {
    make({ ...options, successThreshold: 3 })
    go('xxxx')
    clock.advance(RECOVERY)
    assert.equal(go('..'), 'half_open')
    assert.equal(go('.'), 'closed')
    assert.equal(breaker.explain().calls, 0)
  })

  it('takes in what is recorded by hand', () => {
    make(options)
    for (let n = 0; n < 2; n++) breaker.recordSuccess()
    breaker.recordFailure()
    assert.equal(breaker.state, 'closed')
    breaker.recordFailure(down)
    assert.equal(breaker.state, 'open')
  })

  it('leaves a late result of an earlier generation out', async () => {
    make(options)
    const late = Array.from({ length: 4 }, deferred)
    const calls = late.map(({ promise }) => breaker.call(() => promise).catch(() => {}))
    breaker.reset()
    for (const { reject } of late) reject(down)
    await Promise.all(calls)
    assert.deepEqual([breaker.state, breaker.explain().calls, breaker.metrics.staleCalls], ['closed', 0, 4])
  })

  it('goes as a naive list of the last calls goes', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 10 }), fc.array(fc.boolean(), { maxLength: 60 }),
        (size, least, tenths, calls) => {
          const minimumCalls = Math.min(size, least)
          make({ window: { type: 'count', size }, failureRate: tenths / 10, minimumCalls })
          const list = []
          for (const fails of calls) {
            list.push(fails)
            const seen = list.slice(-size)
            const opens = fails && seen.length >= minimumCalls && seen.filter(Boolean).length / seen.length >= tenths / 10
            assert.equal(go(fails ? 'x' : '.'), opens ? 'open' : 'closed')
            if (opens) return
          }
        }
      ),
      lives(300)
    ))
})

describe('a window with a failureThreshold', () => {
  it('opens at the threshold of failures in it, in a row or not, without a minimum of calls', () => {
    make({ window: { type: 'count', size: 10 }, failureThreshold: 3 })
    assert.equal(go('x.x..'), 'closed')
    assert.equal(go('x'), 'open')
    assert.deepEqual(reasons, ['failure_threshold'])
    make({ window: { type: 'count', size: 10 }, failureThreshold: 3 })
    assert.equal(go('xx'), 'closed')
    assert.equal(go('x'), 'open')
  })

  it('does not open when the failures are too far apart', () => {
    make({ window: { type: 'count', size: 5 }, failureThreshold: 2 })
    assert.equal(go('x....x....x'), 'closed')
    assert.equal(go('...x'), 'open')
  })

  it('can be written, and what is written counts', () => {
    make({ window: { type: 'count', size: 10 }, failureThreshold: 5 })
    go('xx')
    breaker.failureThreshold = 3
    assert.equal(go('x'), 'open')
  })

  it('stands beside a rate: whichever is reached first opens', () => {
    const both = { window: { type: 'count', size: 20 }, failureThreshold: 5, failureRate: 0.5, minimumCalls: 4 }
    make(both)
    assert.equal(go('xxxx'), 'open')
    make(both)
    assert.equal(go('........xxxx'), 'closed')
    assert.equal(go('x'), 'open')
    assert.deepEqual(reasons, ['failure_threshold'])
  })
})

describe('a window of time', () => {
  const options = { window: { type: 'time', duration: 1000, buckets: 10 }, failureRate: 0.5, minimumCalls: 4 }

  it('opens at the share of failures of the last `duration` ms', () => {
    make(options)
    assert.equal(go('...xx'), 'closed')
    assert.equal(go('x'), 'open')
    assert.deepEqual(reasons, ['failure_rate'])
  })

  it('forgets what is longer ago, to the bucket', () => {
    const failures = (gap) => {
      make({ window: { type: 'time', duration: 1000, buckets: 10 }, failureThreshold: 2 })
      go('x')
      clock.advance(gap)
      return go('x')
    }
    assert.equal(failures(899), 'open')
    assert.equal(failures(999), 'open')
    assert.equal(failures(1000), 'closed')
    assert.equal(failures(1001), 'closed')
  })

  it('is empty after an idle gap of any length', () => {
    for (const gap of [1000, 1001, 12_345, 86_400_000, 1e12]) {
      make(options)
      assert.equal(go('xxx'), 'closed')
      clock.advance(gap)
      assert.equal(go('xxx'), 'closed', `${gap}`)
      assert.equal(breaker.explain().calls, 3)
      assert.equal(go('x'), 'open')
    }
  })

  it('moves on bucket by bucket while calls come', () => {
    make({ window: { type: 'time', duration: 1000, buckets: 10 }, failureThreshold: 3 })
    // One failure each 500 ms: never more than two in a second.
    for (let n = 0; n < 50; n++) {
      assert.equal(go('x'), 'closed')
      clock.advance(500)
    }
    // Two of them in a row, 400 ms apart, are one too many.
    go('x')
    clock.advance(400)
    assert.equal(go('x'), 'open')
  })

  it('has 10 buckets unless told otherwise, and may have one', () => {
    make({ window: { type: 'time', duration: 1000 }, failureThreshold: 2 })
    go('x')
    clock.advance(999)
    assert.equal(go('x'), 'open')
    make({ window: { type: 'time', duration: 1000, buckets: 1 }, failureThreshold: 2 })
    go('x')
    clock.advance(1000)
    assert.equal(go('x'), 'closed')
  })

  it('is empty once the circuit closed again', () => {
    make(options)
    go('xxxx')
    clock.advance(RECOVERY)
    assert.equal(go('.'), 'closed')
    assert.equal(go('xxx'), 'closed')
    assert.equal(go('x'), 'open')
  })

  it('goes blind neither by a clock that goes back nor by one that answers nonsense', () => {
    make(options)
    go('x')
    clock.set(5)
    assert.equal(go('xx'), 'closed')
    assert.equal(go('x'), 'open')
    let time = 7
    make({ ...options, clock: { now: () => time } })
    go('xx')
    time = NaN
    assert.equal(go('x'), 'closed')
    assert.equal(go('x'), 'open')
  })

  it('never forgets too early, and late by a bucket at most, as a list of times says', () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 }), (buckets, gaps) => {
        make({ window: { type: 'time', duration: 1000, buckets }, failureThreshold: 1_000_000 })
        const times = []
        for (const gap of gaps) {
          clock.advance(gap)
          go('x')
          const now = clock.now()
          times.push(now)
          const within = (ms) => times.filter((time) => now - time < ms).length
          const { failures } = breaker.explain()
          assert.ok(failures <= within(1000), `${failures} of ${within(1000)}`)
          assert.ok(failures >= within(1000 - 1000 / buckets), `${failures} of ${within(1000 - 1000 / buckets)}`)
        }
      }),
      lives(300)
    ))
})

describe('a slowCallRate', () => {
  const options = { window: { type: 'count', size: 10 }, slowCallDuration: 100, slowCallRate: 0.5, minimumCalls: 4 }

  it('opens at the share of slow calls, though all of them succeed', () => {
    make(options)
    assert.equal(go('...s'), 'closed')
    assert.equal(go('s'), 'closed')
    assert.equal(go('s'), 'open')
    assert.deepEqual(reasons, ['slow_call_rate'])
  })

  it('takes a call for slow that took exactly so long, and none that was a fraction faster', async () => {
    for (const [took, state] of [[99.999, 'closed'], [100, 'open'], [100.001, 'open']]) {
      make({ ...options, minimumCalls: 1 })
      await breaker.call(async () => void clock.advance(took))
      assert.equal(breaker.state, state, `${took}`)
    }
  })

  it('counts failures that were slow as both, and a fast failure opens for no slowness', () => {
    make({ ...options, failureRate: 1 })
    assert.equal(go('sX.'), 'closed')
    assert.deepEqual([breaker.explain().failures, breaker.explain().slowCalls], [1, 2])
    assert.equal(go('x'), 'closed')
    assert.equal(go('X'), 'open')
    assert.deepEqual(reasons, ['slow_call_rate'])
  })

  it('judges nothing before minimumCalls', () => {
    make(options)
    assert.equal(go('sss'), 'closed')
    assert.equal(go('.'), 'closed')
    assert.equal(go('s'), 'open')
  })

  it('makes a slow test request no recovery', () => {
    make(options)
    go('ssss')
    clock.advance(RECOVERY)
    assert.equal(go('s'), 'open')
    assert.equal(breaker.metrics.stateChanges.at(-1).reason, 'test_slow')
    clock.advance(RECOVERY)
    assert.equal(go('.'), 'closed')
  })

  it('measures calls of every kind: call, callSync, wrap, acquire', async () => {
    const kinds = [
      () => breaker.call(async () => void clock.advance(100)),
      () => breaker.callSync(() => void clock.advance(100)),
      () => breaker.wrap(async () => void clock.advance(100))(),
      () => breaker.callWith({}, async () => void clock.advance(100)),
      () => {
        const permit = breaker.acquire()
        clock.advance(100)
        permit.success()
      }
    ]
    for (const kind of kinds) {
      make({ ...options, minimumCalls: 1 })
      await kind()
      assert.equal(breaker.state, 'open', String(kind))
    }
  })

  it('leaves a call whose time nobody knows out of the slow ones', async () => {
    let time = NaN
    make({ ...options, minimumCalls: 1, clock: { now: () => time } })
    await breaker.call(async () => (time = 1e6))
    assert.equal(breaker.state, 'closed')
  })
})

describe('options that contradict each other', () => {
  const window = { type: 'count', size: 10 }
  for (const [options, message] of [
    [{ failureRate: 0.5 }, 'Expected `failureRate` to be left out without `window`, got 0.5'],
    [{ slowCallRate: 0.5, slowCallDuration: 100 }, 'Expected `slowCallRate` to be left out without `window`, got 0.5'],
    [{ minimumCalls: 5 }, 'Expected `minimumCalls` to be left out without `failureRate` or `slowCallRate`, got 5'],
    [{ window, slowCallRate: 0.5 }, 'Expected `slowCallRate` to be given along with `slowCallDuration`, got 0.5'],
    [{ window, failureThreshold: 2, slowCallDuration: 100 }, 'Expected `slowCallDuration` to be given along with `slowCallRate`, got 100'],
    [{ window }, 'Expected `window` to be given along with `failureRate`, `slowCallRate` or `failureThreshold`, got an object'],
    [{ window, failureRate: 0.5, minimumCalls: 11 }, 'Expected `minimumCalls` to be at most `window.size`, got 11'],
    [{ window, failureThreshold: 11 }, 'Expected `failureThreshold` to be at most `window.size`, got 11'],
    [{ window, failureThreshold: 3, minimumCalls: 4 }, 'Expected `minimumCalls` to be left out without `failureRate` or `slowCallRate`, got 4'],
    [{ window: { type: 'count' }, failureRate: 0.5 }, "Expected `window.size` to be given for a window of type 'count', got undefined"],
    [{ window: { type: 'time' }, failureRate: 0.5 }, "Expected `window.duration` to be given for a window of type 'time', got undefined"],
    [{ window: { type: 'count', size: 10, buckets: 3 }, failureRate: 0.5 }, 'Expected `window.buckets` to be left out without `window.duration`, got 3'],
    [
      { window: { type: 'count', size: 10, duration: 3 }, failureRate: 0.5 },
      "Expected `window` to be of one type, without the members of another, got an object"
    ],
    [{ window: { type: 'last', size: 10 }, failureRate: 0.5 }, `Expected \`window.type\` to be ${KNOWN}, got 'last'`],
    [{ window: { type: 'window.size', size: 10 }, failureRate: 0.5 }, `Expected \`window.type\` to be ${KNOWN}, got 'window.size'`],
    [{ window: { type: 'count', size: 10, sise: 3 }, failureRate: 0.5 }, "Unknown option 'window.sise'; did you mean `window.size`?"],
    [{ window: 10, failureRate: 0.5 }, 'Expected `window` to be an object, got 10']
  ]) {
    it(`are refused: ${JSON.stringify(options)}`, () => {
      const error = thrownBy(() => new CircuitBreaker(options))
      assert.equal(error.code, 'ERR_INVALID_OPTION')
      assert.equal(error.message, message)
    })
  }
})

describe('a breaker in use', () => {
  it('refuses a failureThreshold that its window can not hold, and stays as it was', () => {
    make({ window: { type: 'count', size: 10 }, failureThreshold: 3 })
    const error = thrownBy(() => (breaker.failureThreshold = 11))
    assert.ok(error instanceof RangeError)
    assert.deepEqual([error.code, error.message], ['ERR_INVALID_OPTION', 'Expected `failureThreshold` to be at most `window.size`, got 11'])
    assert.equal(breaker.failureThreshold, 3)
  })
})
