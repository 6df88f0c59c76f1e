// Callers that go away: what their signal's abort does to the call, to the counts, and to the signal itself, which is left as it was
// found. It must not know timeouts but the caller's own.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { beforeEach, describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import { CallTimeoutError, CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { deferred, drained, rejectionOf } from './support.js'

const error = new Error('down')
const never = () => new Promise(() => {})
const REASONS = {
  undefined: undefined, 'a string': 'gone', null: null, 'a number': 0, 'an Error': new Error('gone'), 'an object': { gone: true }, 'a symbol': Symbol('gone')
}

let clock, breaker, controller
const make = (options) => (breaker = new CircuitBreaker({ clock, recoveryTimeout: 1000, failureThreshold: 2, ...options }))
beforeEach(() => {
  clock = new ManualClock()
  controller = new AbortController()
  make()
})
const counts = () => {
  const { successfulCalls, failedCalls, ignoredCalls, rejectedCalls, staleCalls, inFlight } = breaker.metrics
  return { successfulCalls, failedCalls, ignoredCalls, rejectedCalls, staleCalls, inFlight }
}
const NONE = { successfulCalls: 0, failedCalls: 0, ignoredCalls: 0, rejectedCalls: 0, staleCalls: 0, inFlight: 0 }
const listeners = (signal = controller.signal) => getEventListeners(signal, 'abort').length

describe('a caller’s abort', () => {
  for (const [what, reason] of Object.entries(REASONS)) {
    it(`rejects the call with the very reason, and aborts the call’s own signal with it: ${what}`, async () => {
      let own
      const call = breaker.callWith({ signal: controller.signal }, ({ signal }) => ((own = signal), never()))
      assert.notEqual(own, controller.signal)
      controller.abort(reason)
      // Aborted with undefined, the reason is an AbortError that the platform makes.
      assert.equal(await rejectionOf(call), controller.signal.reason)
      if (reason !== undefined) assert.equal(controller.signal.reason, reason)
      assert.deepEqual([own.aborted, own.reason], [true, controller.signal.reason])
      assert.deepEqual(counts(), { ...NONE, ignoredCalls: 1 })
    })

    it(`of before the call calls nothing and counts nothing, open or not: ${what}`, async () => {
      controller.abort(reason)
      for (const prepare of [() => {}, () => breaker.trip(), () => clock.advance(1000)]) {
        prepare()
        const call = breaker.callWith({ signal: controller.signal }, () => assert.fail('called'))
        assert.equal(await rejectionOf(call), controller.signal.reason)
      }
      assert.deepEqual([breaker.state, counts()], ['open', NONE])
    })
  }

  it('counts as ignored and calls nothing where it comes with the admission, from a listener of the state change', async () => {
    breaker.trip()
    clock.advance(1000)
    const reason = new Error('left')
    breaker.addEventListener('statechange', () => controller.abort(reason))
    assert.equal(await rejectionOf(breaker.callWith({ signal: controller.signal }, () => assert.fail('called'))), reason)
    assert.deepEqual([breaker.state, counts()], ['half_open', { ...NONE, ignoredCalls: 1 }])
  })

  it('ends all calls that were given the signal, which has one listener for them, and no call that is over', async () => {
    const reason = new Error('left')
    let finish
    const over = breaker.callWith({ signal: controller.signal }, () => new Promise((resolve) => (finish = resolve)))
    const calls = Array.from({ length: 20 }, () => rejectionOf(breaker.callWith({ signal: controller.signal }, never)))
    assert.equal(listeners(), 1)
    finish('done')
    assert.equal(await over, 'done')
    assert.equal(listeners(), 1)
    controller.abort(reason)
    assert.deepEqual(await Promise.all(calls), Array(20).fill(reason))
    assert.equal(listeners(), 0)
    assert.deepEqual(counts(), { ...NONE, successfulCalls: 1, ignoredCalls: 20 })
  })

  it('is judged by the signal, not by the error: an AbortError that nobody asked for is a failure', async () => {
    const abortError = new DOMException('Aborted', 'AbortError')
    const call = breaker.callWith({ signal: controller.signal }, () => Promise.reject(abortError))
    assert.equal(await rejectionOf(call), abortError)
    assert.deepEqual(counts(), { ...NONE, failedCalls: 1 })
  })

  it('is judged by the signal: a function that rejects on it with an error of its own is ignored', async () => {
    const call = breaker.callWith({ signal: controller.signal }, ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(error))))
    controller.abort('gone')
    assert.equal(await rejectionOf(call), 'gone')
    await drained()
    assert.deepEqual(counts(), { ...NONE, ignoredCalls: 1 })
  })

  it('opens nothing in closed, however many there are, and leaves failures in a row', async () => {
    breaker.recordFailure()
    for (let n = 0; n < 50; n++) {
      const each = new AbortController()
      const call = breaker.callWith({ signal: each.signal }, never)
      each.abort()
      await rejectionOf(call)
    }
    assert.deepEqual([breaker.state, breaker.failureCount, counts()], ['closed', 1, { ...NONE, ignoredCalls: 50 }])
  })

  it('counts in no window', async () => {
    make({ failureThreshold: undefined, window: { type: 'count', size: 4 }, failureRate: 0.5, minimumCalls: 2 })
    const call = breaker.callWith({ signal: controller.signal }, never)
    controller.abort()
    await rejectionOf(call)
    assert.equal(breaker.explain().calls, 0)
  })

  it('in half-open gives the test request back: the next call tests at once', async () => {
    breaker.trip()
    clock.advance(1000)
    const call = breaker.callWith({ signal: controller.signal }, never)
    assert.equal((await rejectionOf(breaker.call(() => 1))).code, 'ERR_CIRCUIT_OPEN')
    controller.abort()
    await rejectionOf(call)
    assert.deepEqual([breaker.state, breaker.successCount], ['half_open', 0])
    assert.equal(await breaker.call(() => 'tested'), 'tested')
    assert.equal(breaker.successCount, 1)
  })

  it('of a call admitted before the circuit opened is stale', async () => {
    const call = breaker.callWith({ signal: controller.signal }, never)
    breaker.trip()
    controller.abort('gone')
    assert.equal(await rejectionOf(call), 'gone')
    assert.deepEqual([breaker.state, counts()], ['open', { ...NONE, staleCalls: 1 }])
  })

  it('gives the slot of the bulkhead back', async () => {
    make({ maxConcurrent: 1 })
    const call = breaker.callWith({ signal: controller.signal }, never)
    assert.equal((await rejectionOf(breaker.call(() => 1))).code, 'ERR_BULKHEAD_FULL')
    controller.abort()
    await rejectionOf(call)
    assert.equal(await breaker.call(() => 'in'), 'in')
  })

  it('from within the function is an abort, whatever the function does next', async () => {
    for (const next of [() => 1, () => { throw error }, () => Promise.reject(error), never]) {
      make()
      const own = new AbortController()
      const call = breaker.callWith({ signal: own.signal }, () => {
        own.abort('gone')
        return next()
      })
      assert.equal(await rejectionOf(call), 'gone')
      await drained()
      assert.deepEqual(counts(), { ...NONE, ignoredCalls: 1 })
    }
  })

  it('after the end changes nothing', async () => {
    let own
    assert.equal(await breaker.callWith({ signal: controller.signal }, ({ signal }) => ((own = signal), 'value')), 'value')
    controller.abort()
    await drained()
    assert.deepEqual([own.aborted, counts()], [false, { ...NONE, successfulCalls: 1 }])
  })

  it('before the timeout comes first, and the timeout of after it changes nothing', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const call = breaker.callWith({ signal: controller.signal, timeout: 10 }, never)
    controller.abort('gone')
    t.mock.timers.tick(10)
    assert.equal(await rejectionOf(call), 'gone')
    assert.deepEqual([counts(), breaker.metrics.timedOutCalls], [{ ...NONE, ignoredCalls: 1 }, 0])
    const other = new AbortController()
    const timed = breaker.callWith({ signal: other.signal, timeout: 10 }, never)
    t.mock.timers.tick(10)
    other.abort('gone')
    assert.equal((await rejectionOf(timed)).code, 'ERR_CALL_TIMEOUT')
  })

  it('aborts every call that has the signal, and no other', async () => {
    const calls = [1, 2, 3].map(() => breaker.callWith({ signal: controller.signal }, never))
    const gate = deferred()
    const other = breaker.callWith({ signal: new AbortController().signal }, () => gate.promise)
    controller.abort('gone')
    assert.deepEqual(await Promise.all(calls.map(rejectionOf)), ['gone', 'gone', 'gone'])
    gate.resolve('there')
    assert.equal(await other, 'there')
  })

  it('is told of as ignored', async () => {
    const seen = []
    for (const type of ['success', 'failure', 'ignored', 'timeout']) breaker.addEventListener(type, ({ detail }) => seen.push([type, detail.error]))
    const call = breaker.callWith({ signal: controller.signal }, never)
    controller.abort('gone')
    await rejectionOf(call)
    assert.deepEqual(seen, [['ignored', 'gone']])
  })

  it('leaves a late rejection of the function handled', async (t) => {
    const unhandled = []
    const listener = (reason) => unhandled.push(reason)
    process.on('unhandledRejection', listener)
    t.after(() => process.off('unhandledRejection', listener))
    const slow = deferred()
    const call = breaker.callWith({ signal: controller.signal }, () => slow.promise)
    controller.abort('gone')
    await rejectionOf(call)
    slow.reject(error)
    await drained()
    assert.deepEqual(unhandled, [])
  })
})

/** Reasons that say that somebody's time was up. */
const DEADLINES = {
  'a TimeoutError': () => new DOMException('late', 'TimeoutError'),
  'one made by hand': () => Object.assign(new Error('late'), { name: 'TimeoutError' }),
  'one of another realm': () => runInNewContext("Object.assign(new Error('late'), { name: 'TimeoutError' })"),
  'one that is no Error': () => ({ name: 'TimeoutError' }),
  'the timeout of a breaker around it': () => new CallTimeoutError('late'),
  'the timeout of another copy of the package': () => ({ code: 'ERR_CALL_TIMEOUT' })
}

describe('a caller’s deadline that passed', () => {
  for (const [what, make] of Object.entries(DEADLINES)) {
    it(`is a timeout, and the caller gets its own reason: ${what}`, async () => {
      const reason = make()
      const seen = []
      for (const type of ['ignored', 'timeout', 'failure']) breaker.addEventListener(type, ({ detail }) => seen.push([type, detail.error]))
      const call = breaker.callWith({ signal: controller.signal }, never)
      controller.abort(reason)
      assert.equal(await rejectionOf(call), reason)
      assert.deepEqual([counts(), breaker.metrics.timedOutCalls, breaker.failureCount], [{ ...NONE, failedCalls: 1 }, 1, 1])
      assert.deepEqual(seen, [['timeout', reason], ['failure', reason]])
      assert.equal(listeners(), 0)
    })

    it(`of before the call calls nothing and counts nothing: ${what}`, async () => {
      const reason = make()
      assert.equal(await rejectionOf(breaker.callWith({ signal: AbortSignal.abort(reason) }, () => assert.fail('called'))), reason)
      assert.deepEqual(counts(), NONE)
    })

    it(`is a timeout where the function rejects first, with whatever it likes: ${what}`, async () => {
      for (const thrown of [error, new DOMException('Aborted', 'AbortError')]) {
        const signal = new SilentSignal()
        const reason = make()
        const call = breaker.callWith({ signal }, () => {
          signal.silently(reason)
          return Promise.reject(thrown)
        })
        assert.equal(await rejectionOf(call), reason)
      }
      assert.deepEqual([counts().failedCalls, breaker.metrics.timedOutCalls], [2, 2])
    })
  }

  for (const [what, make] of Object.entries({
    'AbortSignal.timeout()': () => AbortSignal.timeout(1),
    'AbortSignal.any()': () => AbortSignal.any([new AbortController().signal, AbortSignal.timeout(1)])
  })) {
    it(`is a timeout: ${what}`, async () => {
      const signal = make()
      // Its timer keeps no process alive, and nothing else would here.
      const alive = setTimeout(() => {}, 10_000)
      const reason = await rejectionOf(breaker.callWith({ signal }, never)).finally(() => clearTimeout(alive))
      assert.deepEqual([reason.name, reason === signal.reason], ['TimeoutError', true])
      assert.deepEqual(counts(), { ...NONE, failedCalls: 1 })
      assert.equal(listeners(signal), 0)
    })
  }

  it('opens the circuit as the cause of its refusals', async () => {
    const reasons = []
    for (let n = 0; n < 2; n++) {
      const each = new AbortController()
      const call = breaker.callWith({ signal: each.signal }, never)
      each.abort(DEADLINES['a TimeoutError']())
      reasons.push(await rejectionOf(call))
    }
    assert.equal(breaker.state, 'open')
    assert.equal((await rejectionOf(breaker.call(never))).cause, reasons[1])
  })

  it('is what `classify` makes of it', async () => {
    make({ classify: (reason) => (reason.name === 'TimeoutError' ? 'ignored' : undefined) })
    const call = breaker.callWith({ signal: controller.signal }, never)
    controller.abort(DEADLINES['a TimeoutError']())
    await rejectionOf(call)
    assert.deepEqual([counts(), breaker.metrics.timedOutCalls], [{ ...NONE, ignoredCalls: 1 }, 0])
  })

  it('has the fallback answer, where it answers failures', async () => {
    make({ fallback: (reason) => [reason], fallbackOn: 'failure' })
    const reason = DEADLINES['a TimeoutError']()
    const call = breaker.callWith({ signal: controller.signal }, never)
    controller.abort(reason)
    assert.deepEqual(await call, [reason])
  })

  it('is no deadline by its message, nor where the signal did not abort: what the function throws alone is a plain failure', async () => {
    const call = breaker.callWith({ signal: controller.signal }, never)
    controller.abort(new Error('TimeoutError'))
    await rejectionOf(call)
    await rejectionOf(breaker.callWith({ signal: new AbortController().signal }, () => Promise.reject(DEADLINES['a TimeoutError']())))
    assert.deepEqual([counts(), breaker.metrics.timedOutCalls], [{ ...NONE, ignoredCalls: 1, failedCalls: 1 }, 0])
  })
})

describe('a caller that gave up before the function rejected', () => {
  it('is ignored, whatever the function threw, and gets its own reason', async () => {
    for (const thrown of [error, DEADLINES['a TimeoutError']()]) {
      make()
      for (const end of [(thrown) => Promise.reject(thrown), (thrown) => { throw thrown }]) {
        const signal = new SilentSignal()
        const call = breaker.callWith({ signal }, () => {
          signal.silently('gone')
          return end(thrown)
        })
        assert.equal(await rejectionOf(call), 'gone')
      }
      assert.deepEqual(counts(), { ...NONE, ignoredCalls: 2 })
    }
  })
})

/** A signal that has aborted before its listeners hear of it, as one of a polyfill may, or of another whose listeners come first. */
class SilentSignal extends EventTarget {
  aborted = false
  silently(reason) {
    this.aborted = true
    this.reason = reason
  }
}

describe('a signal that does not say why it aborted', () => {
  const abort = (signal) => {
    signal.silently(undefined)
    signal.dispatchEvent(new Event('abort'))
  }
  it('rejects with an AbortError, and the call is ignored', async () => {
    const signal = new SilentSignal()
    const call = breaker.callWith({ signal }, never)
    abort(signal)
    const told = await rejectionOf(call)
    assert.deepEqual([told instanceof Error, told.name, told.message], [true, 'AbortError', 'The call was aborted'])
    assert.deepEqual(counts(), { ...NONE, ignoredCalls: 1 })
    assert.equal((await rejectionOf(breaker.callWith({ signal }, () => assert.fail('called')))).name, 'AbortError')
    assert.deepEqual(counts(), { ...NONE, ignoredCalls: 1 })
  })

  it('does so where it throws when it is asked, and in whenClosed()', async () => {
    const signal = Object.defineProperty(new SilentSignal(), 'reason', { get() { throw error }, set() {} })
    const call = breaker.callWith({ signal }, never)
    breaker.trip()
    const waiting = breaker.whenClosed({ signal })
    abort(signal)
    assert.deepEqual([(await rejectionOf(call)).name, (await rejectionOf(waiting)).name], ['AbortError', 'AbortError'])
    assert.equal((await rejectionOf(breaker.whenClosed({ signal }))).name, 'AbortError')
  })
})

describe('a caller’s signal', () => {
  it('has one listener while a call is in flight, and none after, however it ended', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { signal } = controller
    for (const fn of [() => 1, async () => 1, () => { throw error }, () => Promise.reject(error)]) {
      make()
      let during
      await breaker.callWith({ signal }, (...all) => ((during = listeners()), fn(...all))).catch(() => {})
      assert.deepEqual([during, listeners()], [1, 0])
    }
    const timed = breaker.callWith({ signal, timeout: 10 }, never)
    assert.equal(listeners(), 1)
    t.mock.timers.tick(10)
    await rejectionOf(timed)
    assert.equal(listeners(), 0)
    breaker.trip()
    await rejectionOf(breaker.callWith({ signal }, never))
    assert.equal(listeners(), 0)
  })

  it('that lives long has none after 10,000 calls, nor causes a warning', async (t) => {
    const warnings = []
    const listener = (warning) => warnings.push(warning)
    process.on('warning', listener)
    t.after(() => process.off('warning', listener))
    make({ failureThreshold: 1e9 })
    const { signal } = controller
    for (let n = 0; n < 10_000; n++) {
      await breaker.callWith({ signal }, n % 2 ? () => n : () => Promise.reject(error)).catch(() => {})
    }
    await drained()
    assert.equal(listeners(), 0)
    assert.deepEqual(warnings, [])
    assert.deepEqual([breaker.metrics.successfulCalls, breaker.metrics.failedCalls], [5000, 5000])
  })

  it('that throws where a listener is added or removed costs no permit', async () => {
    const reported = []
    const { reportError } = globalThis
    globalThis.reportError = (error) => reported.push(error)
    const broken = (name) => ({ aborted: false, reason: undefined, addEventListener() {}, removeEventListener() {}, [name]() { throw error } })
    try {
      assert.equal(await rejectionOf(breaker.callWith({ signal: broken('addEventListener'), timeout: 10_000 }, () => assert.fail('called'))), error)
      assert.deepEqual(counts(), { ...NONE, ignoredCalls: 1 })
      assert.equal(await breaker.callWith({ signal: broken('removeEventListener') }, async () => 'value'), 'value')
      assert.deepEqual(counts(), { ...NONE, ignoredCalls: 1, successfulCalls: 1 })
      assert.deepEqual(reported, [error])
    } finally {
      globalThis.reportError = reportError
    }
  })

  it('may be of the caller’s AbortSignal.timeout() or AbortSignal.any()', async () => {
    const signals = [AbortSignal.timeout(60_000), AbortSignal.any([controller.signal, AbortSignal.timeout(60_000)])]
    for (const signal of signals) {
      for (let n = 0; n < 100; n++) await breaker.callWith({ signal }, async () => n)
      assert.equal(listeners(signal), 0)
    }
  })

  for (const [wrong, shown] of [[null, 'null'], [{}, 'an object'], [{ aborted: false, addEventListener() {} }, 'an object'], ['signal', "'signal'"], [new AbortController(), 'an object'], [true, 'true'], [() => {}, 'a function']]) {
    it(`is refused when it is not a signal: ${shown}`, async () => {
      const told = await rejectionOf(breaker.callWith({ signal: wrong }, () => assert.fail('called')))
      assert.ok(told instanceof TypeError)
      assert.deepEqual([told.code, told.option, told.message], ['ERR_INVALID_OPTION', 'signal', `Expected \`signal\` to be an AbortSignal, got ${shown}`])
      assert.deepEqual(counts(), NONE)
    })
  }
})
