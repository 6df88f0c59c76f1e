// classify: what a user's own judge makes of a call's error or value, in every state, and a judge that fails itself. It must not know
// how verdicts are counted in windows.

import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { rejectionOf, thrownBy } from './support.js'

const RECOVERY = 1000
const error = new Error('down')

let clock, breaker, verdict, reported
const make = (options) =>
  (breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, failureThreshold: 2, successThreshold: 1, classify: () => verdict, ...options }))
const real = globalThis.reportError
beforeEach(() => {
  clock = new ManualClock()
  verdict = undefined
  reported = []
  globalThis.reportError = (reason) => reported.push(reason)
  make()
})
afterEach(() => {
  if (real === undefined) delete globalThis.reportError
  else globalThis.reportError = real
})

/** Ways to make a call that gives a value or fails. */
const CALLS = {
  'call() of an async function': (gives) => breaker.call(async () => gives()),
  'call() of a plain function': (gives) => breaker.call(gives),
  'callSync()': async (gives) => breaker.callSync(gives),
  'callSync() of an async function': (gives) => breaker.callSync(async () => gives()),
  'callWith()': (gives) => breaker.callWith({}, gives),
  'callWith() with a timeout': (gives) => breaker.callWith({ timeout: 1000 }, async () => gives())
}
const succeed = () => 'value'
const fail = () => { throw error }
const bring = {
  closed() {},
  half_open() {
    breaker.trip()
    clock.advance(RECOVERY)
    assert.equal(breaker.checkState(), 'half_open')
  }
}
const counts = () => {
  const { successfulCalls, failedCalls, ignoredCalls, inFlight } = breaker.metrics
  return { successfulCalls, failedCalls, ignoredCalls, inFlight }
}
const NONE = { successfulCalls: 0, failedCalls: 0, ignoredCalls: 0, inFlight: 0 }

describe('a verdict', () => {
  const OUTCOMES = {
    success: { count: 'successfulCalls', closed: ['closed', 0], half_open: ['closed', 0] },
    failure: { count: 'failedCalls', closed: ['closed', 2], half_open: ['open', 1] },
    ignored: { count: 'ignoredCalls', closed: ['closed', 1], half_open: ['half_open', 0] }
  }
  for (const [how, call] of Object.entries(CALLS)) {
    for (const [name, expected] of Object.entries(OUTCOMES)) {
      for (const given of [succeed, fail]) {
        for (const state of ['closed', 'half_open']) {
          for (const form of [name, { outcome: name }]) {
            it(`'${name}' ${typeof form === 'object' ? '(in an object) ' : ''}on a call that ${given === fail ? 'threw' : 'gave a value'} counts as that in ${state}: ${how}`, async () => {
              make({ failureThreshold: 3 })
              bring[state]()
              if (state === 'closed') breaker.recordFailure()
              verdict = form
              const result = await call(given).catch((thrown) => thrown)
              // The caller gets what the function gave, whatever the judge says.
              assert.equal(result, given === fail ? error : 'value')
              await null
              assert.deepEqual(counts(), { ...NONE, [expected.count]: 1 })
              assert.deepEqual([breaker.state, breaker.failureCount], expected[state])
              assert.deepEqual(reported, [])
            })
          }
        }
      }
    }
  }

  it('is not asked for while open: nothing was called', async () => {
    let asked = 0
    make({ classify: () => void asked++ })
    breaker.trip()
    assert.equal((await rejectionOf(breaker.call(succeed))).code, 'ERR_CIRCUIT_OPEN')
    assert.equal(asked, 0)
    assert.deepEqual(counts(), NONE)
  })

  it('of a call admitted before the circuit opened is stale, whatever it is', async () => {
    for (const late of ['success', 'failure', 'ignored']) {
      make()
      let end
      const call = breaker.call(() => new Promise((resolve) => (end = resolve)))
      breaker.trip()
      verdict = late
      end()
      await call
      assert.deepEqual([breaker.state, breaker.metrics.staleCalls], ['open', 1])
      assert.deepEqual(counts(), NONE)
    }
  })

  it('that answers nothing is the usual one: an error is a failure, a value a success', async () => {
    await breaker.call(succeed)
    await rejectionOf(breaker.call(fail))
    assert.deepEqual(counts(), { ...NONE, successfulCalls: 1, failedCalls: 1 })
  })

  it('gets the error and no value, or no error and the value', async () => {
    const seen = []
    make({ failureThreshold: 9, classify: (...both) => void seen.push(both) })
    await breaker.call(succeed)
    await breaker.call(async () => undefined)
    await rejectionOf(breaker.call(fail))
    await rejectionOf(breaker.call(() => Promise.reject(undefined)))
    thrownBy(() => breaker.callSync(fail))
    assert.deepEqual(seen, [[undefined, 'value'], [undefined, undefined], [error, undefined], [undefined, undefined], [error, undefined]])
  })

  it('is asked for once a call', async () => {
    let asked = 0
    make({ classify: () => void asked++ })
    for (const call of Object.values(CALLS)) {
      const before = asked
      await call(succeed)
      await null
      assert.equal(asked - before, 1)
    }
  })

  it('is asked for on timeouts, and not on aborts', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const asked = []
    let answer
    make({ failureThreshold: 9, classify: (error) => (asked.push(error), answer) })
    const never = () => new Promise(() => {})
    const timeOut = async () => {
      const timed = breaker.callWith({ timeout: 10 }, never)
      t.mock.timers.tick(10)
      return rejectionOf(timed)
    }
    for (answer of [undefined, 'failure', 'ignored', 'success']) assert.equal(await timeOut(), asked.at(-1))
    assert.deepEqual([counts(), breaker.metrics.timedOutCalls], [{ ...NONE, failedCalls: 2, ignoredCalls: 1, successfulCalls: 1 }, 2])
    const controller = new AbortController()
    const aborted = breaker.callWith({ signal: controller.signal }, never)
    controller.abort()
    await rejectionOf(aborted)
    assert.equal(asked.length, 4)
    assert.equal(breaker.metrics.ignoredCalls, 2)
  })

  it('on a timeout may ask to open the circuit at once, for as long as it says', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    make({ failureThreshold: 100, classify: () => ({ outcome: 'failure', trip: true, retryAfter: 90_000 }) })
    const timed = breaker.callWith({ timeout: 10 }, () => new Promise(() => {}))
    t.mock.timers.tick(10)
    await rejectionOf(timed)
    assert.deepEqual([breaker.state, breaker.metrics.timedOutCalls, breaker.explain().retryAfter], ['open', 1, 90_000])
  })

  it('on a value opens the circuit like a failure, and the value need not be an error', async () => {
    verdict = 'failure'
    assert.equal(await breaker.call(succeed), 'value')
    assert.equal(await breaker.call(succeed), 'value')
    assert.equal(breaker.state, 'open')
  })

  it("'ignored' in half-open lets the next call test at once", async () => {
    bring.half_open()
    verdict = 'ignored'
    for (let n = 0; n < 3; n++) await rejectionOf(breaker.call(fail))
    assert.equal(breaker.state, 'half_open')
    verdict = undefined
    await breaker.call(succeed)
    assert.equal(breaker.state, 'closed')
  })
})

describe('a judge that fails', () => {
  const broken = new TypeError('broken judge')
  const NONSENSE = {
    throws: [() => { throw broken }, (told) => assert.equal(told, broken)],
    'throws undefined': [() => { throw undefined }, (told) => assert.equal(told, undefined)],
    ...Object.fromEntries(
      [['fail', "'fail'"], ['', "''"], [null, 'null'], [true, 'true'], [1, '1'], [{}, 'undefined'], [{ outcome: 'Success' }, "'Success'"],
        [{ outcome: 'toString' }, "'toString'"], [Promise.resolve('ignored'), 'a promise'], [{ outcome: null }, 'null'], [() => 'success', 'a function']
      ].map(([answer, shown]) => [
        `answers ${typeof answer === 'object' && answer?.outcome !== undefined ? 'outcome ' : ''}${shown} (${typeof answer})`,
        [() => answer, ({ code, message }) => {
          assert.equal(code, 'ERR_INVALID_ARGUMENT')
          assert.equal(message, `Expected \`classify\` to answer 'success', 'failure' or 'ignored', got ${shown}`)
        }]
      ])
    ),
    'answers an object that throws': [() => ({ get outcome() { throw broken } }), (told) => assert.equal(told, broken)]
  }
  for (const [what, [classify, check]] of Object.entries(NONSENSE)) {
    it(`is reported, and the call judged as if there were none: it ${what}`, async () => {
      make({ classify })
      assert.equal(await breaker.call(succeed), 'value')
      assert.equal(await rejectionOf(breaker.call(fail)), error)
      assert.equal(thrownBy(() => breaker.callSync(fail)), error)
      assert.deepEqual(counts(), { ...NONE, successfulCalls: 1, failedCalls: 2 })
      assert.equal(reported.length, 3)
      reported.forEach(check)
    })
  }

  it('gives a test request back all the same', async () => {
    make({ classify: () => { throw broken } })
    bring.half_open()
    await breaker.call(succeed)
    assert.equal(breaker.state, 'closed')
  })

  it('is told of on the console where there is no reportError', async (t) => {
    delete globalThis.reportError
    const said = t.mock.method(console, 'error', () => {})
    make({ classify: () => { throw broken } })
    await breaker.call(succeed)
    assert.deepEqual(said.mock.calls.map(({ arguments: all }) => all), [[broken]])
  })

  it('may call back into the breaker', async () => {
    make({ classify: () => (breaker.state === 'closed' && breaker.trip(), 'success') })
    assert.equal(await breaker.call(succeed), 'value')
    assert.deepEqual([breaker.state, breaker.metrics.staleCalls], ['open', 1])
  })
})

describe('retryAfter of a verdict', () => {
  const openFor = async (retryAfter, options) => {
    make({ failureThreshold: 1, ...options })
    verdict = { outcome: 'failure', retryAfter }
    await breaker.call(succeed)
    assert.equal(breaker.state, 'open')
    return (await rejectionOf(breaker.call(succeed))).retryAfter
  }

  it('makes the open time longer, never shorter', async () => {
    assert.equal(await openFor(5000), 5000)
    assert.equal(await openFor(1001), 1001)
    for (const shorter of [1000, 999, 1, 0, -1, -Infinity]) assert.equal(await openFor(shorter), RECOVERY, `${shorter}`)
  })

  it('is obeyed to the millisecond', async () => {
    await openFor(5000)
    clock.advance(4999)
    assert.equal(breaker.checkState(), 'open')
    clock.advance(1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('is capped at maxRetryAfter, five minutes unless told otherwise', async () => {
    assert.equal(await openFor(300_000), 300_000)
    for (const long of [300_001, 1e9, Infinity]) assert.equal(await openFor(long), 300_000, `${long}`)
    assert.equal(await openFor(5000, { maxRetryAfter: 2000 }), 2000)
    assert.equal(await openFor(5000, { maxRetryAfter: 500 }), RECOVERY)
    assert.equal(await openFor(5000, { maxRetryAfter: 0 }), RECOVERY)
  })

  it('changes nothing when it is no number', async () => {
    for (const nonsense of [NaN, '5000', null, undefined, 5000n, {}, true]) {
      assert.equal(await openFor(nonsense), RECOVERY)
      assert.deepEqual(reported, [])
    }
  })

  it('is that of the failure that opens; those before and after ask in vain', async () => {
    make()
    verdict = { outcome: 'failure', retryAfter: 50_000 }
    await breaker.call(succeed)
    verdict = 'failure'
    await breaker.call(succeed)
    assert.equal((await rejectionOf(breaker.call(succeed))).retryAfter, RECOVERY)
  })

  it('opens nothing by itself: neither on a success nor on an ignored call', async () => {
    for (const outcome of ['success', 'ignored']) {
      verdict = { outcome, retryAfter: 50_000, trip: false }
      for (let n = 0; n < 5; n++) await breaker.call(succeed)
      assert.equal(breaker.state, 'closed')
    }
  })

  it('holds for a failed test request, and is over with it', async () => {
    make()
    bring.half_open()
    verdict = { outcome: 'failure', retryAfter: 7000 }
    await breaker.call(succeed)
    assert.equal((await rejectionOf(breaker.call(succeed))).retryAfter, 7000)
    clock.advance(7000)
    verdict = 'failure'
    await breaker.call(succeed)
    assert.equal((await rejectionOf(breaker.call(succeed))).retryAfter, RECOVERY)
  })

  it('reaches what the backoff says or beyond, whichever is longer', async () => {
    assert.equal(await openFor(5000, { recoveryBackoff: { factor: 3, max: 100_000 } }), 5000)
    clock.advance(5000)
    await breaker.call(succeed)
    assert.equal((await rejectionOf(breaker.call(succeed))).retryAfter, 5000)
    clock.advance(5000)
    await breaker.call(succeed)
    assert.equal((await rejectionOf(breaker.call(succeed))).retryAfter, 9000)
  })
})

describe('a judge that answers a promise', () => {
  it('is told of it, and leaves no rejection unhandled', async () => {
    const unhandled = []
    const note = (reason) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    make({ classify: async () => { throw new Error('judge') }, random: async () => { throw new Error('chance') }, recoveryBackoff: { jitter: 0.5 } })
    assert.equal(await breaker.call(succeed), 'value')
    await rejectionOf(breaker.call(fail))
    breaker.trip()
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    assert.deepEqual(unhandled, [])
    assert.deepEqual(counts(), { ...NONE, successfulCalls: 1, failedCalls: 1 })
    assert.equal(reported.length, 3)
    reported.length = 0
  })
})

describe('cause of a verdict', () => {
  const cause = new Error('HTTP status 503')

  it('is what refusals and listeners are told of a value that is a failure', async () => {
    make({ failureThreshold: 1 })
    const told = []
    breaker.addEventListener('failure', ({ detail }) => told.push(detail.error))
    verdict = { outcome: 'failure', cause }
    assert.equal(await breaker.call(succeed), 'value')
    assert.equal((await rejectionOf(breaker.call(succeed))).cause, cause)
    assert.deepEqual(told, [cause])
  })

  it('keeps what was thrown from refusals and listeners alike', async () => {
    make({ failureThreshold: 1 })
    verdict = { outcome: 'failure', cause }
    let told
    breaker.addEventListener('failure', ({ detail }) => (told = detail.error))
    await rejectionOf(breaker.call(() => Promise.reject(error)))
    assert.equal(told, cause)
    assert.equal((await rejectionOf(breaker.call(() => 1))).cause, cause)
  })
  it('stands for what was thrown, too, which the caller still gets; without one the error is the cause', async () => {
    make({ failureThreshold: 1 })
    verdict = { outcome: 'failure', cause }
    assert.equal(await rejectionOf(breaker.call(fail)), error)
    assert.equal((await rejectionOf(breaker.call(succeed))).cause, cause)
    make({ failureThreshold: 1 })
    verdict = { outcome: 'failure' }
    await rejectionOf(breaker.call(fail))
    assert.equal((await rejectionOf(breaker.call(succeed))).cause, error)
  })
})

describe('trip of a verdict', () => {
  it('opens at the first failure', async () => {
    verdict = { outcome: 'failure', trip: true }
    await rejectionOf(breaker.call(fail))
    assert.equal(breaker.state, 'open')
    assert.equal(breaker.metrics.stateChanges[0].reason, 'asked')
    const refusal = await rejectionOf(breaker.call(succeed))
    assert.deepEqual([refusal.retryAfter, refusal.cause], [RECOVERY, error])
  })

  it('opens for exactly as long as it asks, shorter too, up to the cap', async () => {
    for (const [asked, expected] of [[10, 10], [0, 0], [5000, 5000], [1e9, 300_000], [-5, 0]]) {
      make()
      verdict = { outcome: 'failure', trip: true, retryAfter: asked }
      await breaker.call(succeed)
      assert.equal(breaker.state, 'open')
      assert.equal(breaker.explain().retryAfter, expected)
    }
  })

  it('needs a failure and a true', async () => {
    for (const answer of [{ outcome: 'success', trip: true }, { outcome: 'ignored', trip: true }, { outcome: 'failure', trip: 'yes' }, { outcome: 'failure', trip: 1 }]) {
      make()
      verdict = answer
      await breaker.call(succeed)
      assert.equal(breaker.state, 'closed', JSON.stringify(answer))
    }
  })

  it('needs no minimum of calls in a window', async () => {
    make({ failureThreshold: undefined, window: { type: 'count', size: 100 }, failureRate: 0.5 })
    verdict = { outcome: 'failure', trip: true }
    await breaker.call(succeed)
    assert.equal(breaker.state, 'open')
  })

  it('ends a trial that could spare the failure', async () => {
    make({ successThreshold: 1, halfOpenCalls: 5 })
    bring.half_open()
    verdict = 'failure'
    await breaker.call(succeed)
    assert.equal(breaker.state, 'half_open')
    verdict = { outcome: 'failure', trip: true }
    await breaker.call(succeed)
    assert.equal(breaker.state, 'open')
  })
})
