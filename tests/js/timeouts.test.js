// Calls that take too long: the caller's answer, the call's own signal, the timer, and what comes too late. It must not know what a
// caller's signal does.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { CallTimeoutError, CircuitBreaker, isCallTimeoutError, isCircuitOpenError, ManualClock } from '../../pkg/index.js'
import { answerOf, deferred, drained, rejectionOf } from './support.js'

const error = new Error('down')
const never = () => new Promise(() => {})

let clock, breaker
const make = (options) => (breaker = new CircuitBreaker({ clock, name: 'users', timeout: 100, recoveryTimeout: 1000, ...options }))

/** Moves the timers and the clock together. */
const pass = (t, ms) => {
  clock.advance(ms)
  t.mock.timers.tick(ms)
}
beforeEach((t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  clock = new ManualClock()
  make()
})

describe('a call that takes too long', () => {
  it('is rejected at its timeout, to the millisecond', async (t) => {
    let told
    const call = breaker.call(never).catch((reason) => (told = reason))
    pass(t, 99)
    await drained()
    assert.equal(told, undefined)
    pass(t, 1)
    await call
    assert.ok(told instanceof CallTimeoutError)
    assert.ok(told instanceof Error)
    assert.deepEqual(
      [told.name, told.code, told.message, told.breaker, told.timeout],
      ['CallTimeoutError', 'ERR_CALL_TIMEOUT', 'The call took longer than 100 ms (users)', 'users', 100]
    )
    assert.deepEqual([isCallTimeoutError(told), isCircuitOpenError(told)], [true, false])
  })

  it('is a failure, and counts as timed out, too', async (t) => {
    const call = breaker.call(never)
    pass(t, 100)
    await rejectionOf(call)
    const { failedCalls, timedOutCalls, totalCalls, inFlight } = breaker.metrics
    assert.deepEqual([failedCalls, timedOutCalls, totalCalls, inFlight, breaker.failureCount], [1, 1, 1, 0, 1])
    await rejectionOf(breaker.call(() => Promise.reject(error)))
    assert.deepEqual([breaker.metrics.failedCalls, breaker.metrics.timedOutCalls], [2, 1])
  })

  it('opens the circuit, as the cause of its refusals', async (t) => {
    make({ failureThreshold: 2 })
    const calls = [breaker.call(never), breaker.call(never)]
    pass(t, 100)
    const [, last] = await Promise.all(calls.map(rejectionOf))
    assert.equal(breaker.state, 'open')
    assert.equal((await rejectionOf(breaker.call(never))).cause, last)
  })

  it('opens again as a test request', async (t) => {
    breaker.trip()
    clock.advance(1000)
    const call = breaker.call(never)
    assert.equal(breaker.state, 'half_open')
    pass(t, 100)
    await rejectionOf(call)
    assert.equal(breaker.state, 'open')
    assert.equal(breaker.metrics.stateChanges.at(-1).reason, 'test_failed')
    // The whole recovery time counts from the timeout on.
    pass(t, 999)
    assert.equal(breaker.checkState(), 'open')
    pass(t, 1)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('tells its listeners of the timeout, then of the failure', async (t) => {
    const seen = []
    for (const type of ['timeout', 'failure', 'success', 'ignored']) breaker.addEventListener(type, ({ detail }) => seen.push([type, detail.error]))
    const call = breaker.call(never)
    pass(t, 100)
    const told = await rejectionOf(call)
    assert.deepEqual(seen, [['timeout', told], ['failure', told]])
  })

  it('may give a fraction of a millisecond', async (t) => {
    make({ timeout: 0.5 })
    const call = breaker.call(never)
    pass(t, 1)
    assert.equal((await rejectionOf(call)).timeout, 0.5)
  })
})

describe('the call’s own signal', () => {
  it('is the last argument of a function called with options, after all others', async () => {
    for (const call of [(fn, ...args) => breaker.callWith({}, fn, ...args), (fn, ...args) => breaker.wrapWith({}, fn)(...args)]) {
      const given = await call((...all) => all, 1, 2)
      assert.deepEqual(given.slice(0, 2), [1, 2])
      assert.equal(given.length, 3)
      const { signal } = given[2]
      assert.ok(signal instanceof AbortSignal)
      assert.equal(given[2].signal, signal)
    }
  })

  it('is no argument of a function called without: a time limit changes nothing of what it is called with', async () => {
    assert.deepEqual(await breaker.call((...all) => all, 1, 2), [1, 2])
    assert.deepEqual(await breaker.wrap((...all) => all)(1, 2), [1, 2])
    assert.deepEqual(breaker.callSync((...all) => all, 1, 2), [1, 2])
    make({ latency: true, fallback: () => 'elsewhere', fallbackOn: 'failure' })
    assert.deepEqual(await breaker.call((...all) => all), [])
  })

  it('goes along when the argument is spread into the options of a request', async (t) => {
    let spread, rest
    const call = breaker.callWith({}, (context) => ((spread = { method: 'POST', ...context }), ({ ...rest } = context), never()))
    pass(t, 100)
    await rejectionOf(call)
    assert.deepEqual([Object.keys(spread), spread.signal.aborted, rest.signal], [['method', 'signal'], true, spread.signal])
  })

  it('aborts with the very error that the caller gets', async (t) => {
    let signal
    const call = breaker.callWith({}, (context) => ((signal = context.signal), never()))
    assert.equal(signal.aborted, false)
    pass(t, 100)
    const told = await rejectionOf(call)
    assert.equal(signal.aborted, true)
    assert.equal(signal.reason, told)
  })

  it('has aborted when it is first asked for after the timeout', async (t) => {
    let context
    const call = breaker.callWith({}, (given) => ((context = given), never()))
    pass(t, 100)
    const told = await rejectionOf(call)
    assert.equal(context.signal.aborted, true)
    assert.equal(context.signal.reason, told)
  })

  it('is of one call: another in flight is not aborted, nor a later one', async (t) => {
    const contexts = []
    const call = (context) => (contexts.push(context), never())
    const first = breaker.callWith({}, call)
    pass(t, 50)
    const second = breaker.callWith({}, call)
    pass(t, 50)
    await rejectionOf(first)
    const third = breaker.callWith({}, call)
    assert.deepEqual(contexts.map(({ signal }) => signal.aborted), [true, false, false])
    assert.equal(new Set(contexts.map(({ signal }) => signal)).size, 3)
    pass(t, 50)
    await rejectionOf(second)
    assert.deepEqual(contexts.map(({ signal }) => signal.aborted), [true, true, false])
    pass(t, 50)
    await rejectionOf(third)
  })

  it('does not abort once the call is over by itself', async (t) => {
    let signal
    await breaker.callWith({}, (context) => void (signal = context.signal))
    await rejectionOf(breaker.callWith({}, ({ signal: other }) => { signal.other = other; throw error }))
    pass(t, 1000)
    assert.deepEqual([signal.aborted, signal.other.aborted], [false, false])
  })

  it('lets a listener of it throw without harm to the call', async (t) => {
    let heard = 0
    const call = breaker.callWith({}, ({ signal }) => (signal.addEventListener('abort', () => heard++), never()))
    pass(t, 100)
    assert.equal((await rejectionOf(call)).code, 'ERR_CALL_TIMEOUT')
    assert.equal(heard, 1)
  })
})

describe('what comes after the timeout', () => {
  it('changes nothing: a late value, a late rejection, which stays handled', async (t) => {
    const unhandled = []
    const listener = (reason) => unhandled.push(reason)
    process.on('unhandledRejection', listener)
    t.after(() => process.off('unhandledRejection', listener))
    for (const end of ['resolve', 'reject']) {
      make()
      const slow = deferred()
      const call = breaker.call(() => slow.promise)
      pass(t, 100)
      await rejectionOf(call)
      const before = JSON.stringify(breaker.metrics)
      slow[end](error)
      await drained()
      await drained()
      assert.equal(JSON.stringify(breaker.metrics), before)
    }
    assert.deepEqual(unhandled, [])
  })

  it('changes nothing when the function rejects because its signal aborted', async (t) => {
    const call = breaker.callWith({}, ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))))
    pass(t, 100)
    const told = await rejectionOf(call)
    assert.ok(isCallTimeoutError(told))
    await drained()
    assert.equal(breaker.metrics.totalCalls, 1)
  })
})

describe('the timer of a call', () => {
  const PATHS = {
    'a value': () => breaker.call(() => 1),
    'a promise': () => breaker.call(async () => 1),
    'a throw': () => breaker.call(() => { throw error }),
    'a rejection': () => breaker.call(() => Promise.reject(error)),
    'an abort': () => {
      const controller = new AbortController()
      const call = breaker.callWith({ signal: controller.signal }, never)
      controller.abort()
      return call
    },
    'a refusal': () => (breaker.trip(), breaker.call(never)),
    'a fallback': () => breaker.callWith({ fallback: () => 1 }, () => { throw error }),
    'a signal that had aborted already': () => breaker.callWith({ signal: AbortSignal.abort() }, never)
  }
  for (const [what, path] of Object.entries(PATHS)) {
    it(`is cleared after ${what}`, async (t) => {
      t.mock.timers.reset()
      const live = new Set()
      const { setTimeout, clearTimeout } = globalThis
      t.after(() => Object.assign(globalThis, { setTimeout, clearTimeout }))
      globalThis.setTimeout = (...all) => {
        const timer = setTimeout(...all)
        live.add(timer)
        return timer
      }
      globalThis.clearTimeout = (timer) => {
        live.delete(timer)
        clearTimeout(timer)
      }
      await path().catch(() => {})
      assert.equal(live.size, 0)
    })
  }

  it('keeps no process alive once the calls are over', async () => {
    const timers = await answerOf(`
      const { CircuitBreaker } = await import(ESM)
      const breaker = new CircuitBreaker({ timeout: 2147483647, failureThreshold: 1e6 })
      const of = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
      const before = of()
      const gate = {}
      const hung = breaker.call(() => new Promise((resolve) => (gate.open = resolve)))
      const during = of()
      gate.open()
      await hung
      for (let n = 0; n < 1000; n++) {
        await breaker.call(async () => n)
        await breaker.call(() => { throw n }).catch(() => {})
      }
      console.log(JSON.stringify([during - before, of() - before]))`)
    assert.deepEqual(timers, [1, 0])
  })
})

describe('a timeout of one call', () => {
  it('counts instead of the breaker’s, shorter or longer', async (t) => {
    const short = breaker.callWith({ timeout: 10 }, never)
    const long = breaker.callWith({ timeout: 200 }, never)
    pass(t, 10)
    assert.equal((await rejectionOf(short)).timeout, 10)
    pass(t, 150)
    assert.equal(breaker.metrics.inFlight, 1)
    pass(t, 40)
    assert.equal((await rejectionOf(long)).timeout, 200)
  })

  it('needs none of the breaker, and leaves it alone', async (t) => {
    make({ timeout: undefined })
    const call = breaker.callWith({ timeout: 10 }, never)
    const other = breaker.callWith({}, never)
    pass(t, 10)
    assert.equal((await rejectionOf(call)).code, 'ERR_CALL_TIMEOUT')
    pass(t, 1e9)
    assert.equal(breaker.metrics.inFlight, 1)
    void other
  })

  for (const [wrong, Type, shown] of [
    [0, RangeError, '0'], [-1, RangeError, '-1'], [NaN, RangeError, 'NaN'], [Infinity, RangeError, 'Infinity'], [2 ** 31, RangeError, '2147483648'],
    ['10', TypeError, "'10'"], [null, TypeError, 'null'], [10n, TypeError, '10n']
  ]) {
    it(`refuses ${shown}, and so does the option`, async () => {
      const message = `Expected \`timeout\` to be a number of milliseconds above 0 and at most 2147483647, got ${shown}`
      const own = await rejectionOf(breaker.callWith({ timeout: wrong }, () => assert.fail('called')))
      assert.ok(own instanceof Type)
      assert.deepEqual([own.code, own.option, own.message], ['ERR_INVALID_OPTION', 'timeout', message])
      assert.throws(() => make({ timeout: wrong }), { message, code: 'ERR_INVALID_OPTION' })
      assert.equal(breaker.metrics.totalCalls + breaker.metrics.inFlight, 0)
    })
  }
})

describe('a guard that says when somebody waits for the server', () => {
  const CALL = Symbol.for('halfopen.call')
  const begun = (options) => {
    let context
    const { promise, resolve } = deferred()
    const call = breaker.callWith(options ?? {}, (given) => ((context = given), promise))
    let told
    call.then((value) => (told = value), (error) => (told = error.code))
    return { waits: (waits) => context[CALL].waits(waits), resolve, told: () => told, context }
  }

  it('stops the time of the call and begins it anew, to the millisecond', async (t) => {
    const { waits, told } = begun()
    pass(t, 99)
    waits(false)
    pass(t, 10_000)
    await drained()
    assert.equal(told(), undefined)
    waits(true)
    pass(t, 99)
    await drained()
    assert.equal(told(), undefined)
    pass(t, 1)
    await drained()
    assert.deepEqual([told(), breaker.metrics.timedOutCalls], ['ERR_CALL_TIMEOUT', 1])
  })

  it('begins it anew each time that it says so, while a call beside keeps its own', async (t) => {
    const { waits, told, resolve } = begun()
    const beside = begun()
    for (let piece = 0; piece < 3; piece++) {
      pass(t, 60)
      waits(true)
    }
    await drained()
    assert.deepEqual([told(), beside.told()], [undefined, 'ERR_CALL_TIMEOUT'])
    resolve('whole')
    await drained()
    assert.deepEqual([told(), breaker.metrics.successfulCalls], ['whole', 1])
  })

  it('gives no time to a call without, nor to one that is over', async (t) => {
    make({ timeout: undefined })
    const untimed = begun()
    untimed.waits(true)
    pass(t, 1e6)
    await drained()
    assert.equal(untimed.told(), undefined)
    const over = begun({ timeout: 100 })
    over.resolve('early')
    await drained()
    over.waits(true)
    pass(t, 1e6)
    await drained()
    assert.deepEqual([over.told(), breaker.metrics.timedOutCalls], ['early', 0])
  })
})

describe('a guard that has the answer before the promise tells', () => {
  const CALL = Symbol.for('halfopen.call')
  const [VALUE, ERROR, TIMEOUT, ABORT] = [0, 1, 2, 3]
  const begin = (options) => {
    let context
    const { promise, resolve, reject } = deferred()
    const answer = breaker.callWith(options ?? {}, (given) => ((context = given), promise))
    return { answer, resolve, reject, settle: (how, payload) => context[CALL].settle(how, payload), waits: (waits) => context[CALL].waits(waits) }
  }

  it('ends the call at once, whose place is free then, and nothing is counted twice', async () => {
    make({ maxConcurrent: 1 })
    for (const [how, count] of [[VALUE, 'successfulCalls'], [ERROR, 'failedCalls'], [TIMEOUT, 'timedOutCalls'], [ABORT, 'ignoredCalls']]) {
      const { answer, resolve, reject, settle } = begin()
      assert.equal(breaker.metrics.inFlight, 1)
      assert.ok(!settle(how, error))
      assert.deepEqual([breaker.metrics.inFlight, breaker.metrics[count]], [0, 1])
      if (how === VALUE) resolve('value')
      else reject(error)
      assert.equal(await answer.catch((reason) => reason), how === VALUE ? 'value' : error)
      settle(ERROR, error)
    }
    const { totalCalls, successfulCalls, failedCalls, ignoredCalls } = breaker.metrics
    assert.deepEqual([totalCalls, successfulCalls, failedCalls, ignoredCalls], [4, 1, 2, 1])
  })

  it('learns whether a fallback answers', async () => {
    for (const [options, how, answers] of [
      [{}, ERROR, false],
      [{ fallback: () => 'instead' }, ERROR, false],
      [{ fallbackOn: 'failure' }, ERROR, false],
      [{ fallback: () => 'instead', fallbackOn: 'failure' }, ERROR, true],
      [{ fallback: () => 'instead', fallbackOn: 'failure' }, TIMEOUT, true],
      [{ fallback: () => 'instead', fallbackOn: 'failure' }, ABORT, false],
      [{ fallback: () => 'instead', fallbackOn: 'failure', classify: () => 'ignored' }, ERROR, false]
    ]) {
      make(options)
      const { answer, reject, settle } = begin()
      assert.equal(Boolean(settle(how, error)), answers)
      reject(error)
      assert.equal(await answer.catch((reason) => reason), answers ? 'instead' : error)
    }
  })

  it('learns the time limit of the call', () => {
    assert.equal(begin().waits(false), 100)
    assert.equal(begin({ timeout: 7 }).waits(true), 7)
    make({ timeout: undefined })
    assert.ok(Number.isNaN(begin().waits(true)))
  })
})

describe('callWith()', () => {
  it('rejects with a coded error for what is no function or no options, and counts nothing', async () => {
    for (const [options, fn, code, message] of [
      [{}, 7, 'ERR_INVALID_ARGUMENT', 'Expected `fn` to be a function, got 7'],
      [undefined, never, 'ERR_INVALID_OPTION', 'Expected options to be an object, got undefined'],
      [null, never, 'ERR_INVALID_OPTION', 'Expected options to be an object, got null'],
      [[], never, 'ERR_INVALID_OPTION', 'Expected options to be an object, got an array'],
      [never, never, 'ERR_INVALID_OPTION', 'Expected options to be an object, got a function'],
      [{ timeuot: 5 }, never, 'ERR_INVALID_OPTION', "Unknown option 'timeuot'; did you mean `timeout`?"],
      [{ failureThreshold: 5 }, never, 'ERR_INVALID_OPTION', "Unknown option 'failureThreshold'; known are signal, timeout, fallback"]
    ]) {
      const told = await rejectionOf(breaker.callWith(options, fn))
      assert.deepEqual([told instanceof TypeError, told.code, told.message], [true, code, message])
    }
    assert.equal(breaker.metrics.totalCalls + breaker.metrics.inFlight, 0)
  })
})

describe('wrapWith()', () => {
  it('gives a function with the same name, length and this, whose calls have the options', async (t) => {
    const user = {
      id: 42,
      load: breaker.wrapWith({ timeout: 10 }, async function load(a, b, { signal }) {
        return [this.id, a, b, signal.aborted]
      })
    }
    assert.deepEqual([user.load.name, user.load.length], ['load', 3])
    assert.deepEqual(await user.load(1, 2), [42, 1, 2, false])
    const call = breaker.wrapWith({ timeout: 10 }, never)()
    pass(t, 10)
    assert.equal((await rejectionOf(call)).timeout, 10)
  })

  it('throws at once for what is no function or no options', () => {
    for (const [options, fn, code] of [[{}, 7, 'ERR_INVALID_ARGUMENT'], [{ timeuot: 5 }, never, 'ERR_INVALID_OPTION'], [undefined, never, 'ERR_INVALID_OPTION'], [{ timeout: 0 }, never, 'ERR_INVALID_OPTION']]) {
      assert.throws(() => breaker.wrapWith(options, fn), { code })
    }
  })

  it('takes a copy of its options', async () => {
    const options = { fallback: () => 'first' }
    const wrapped = breaker.wrapWith(options, never)
    options.fallback = () => 'second'
    breaker.trip()
    assert.equal(await wrapped(), 'first')
  })
})

describe('callSync()', () => {
  it('has no timeout: its function gets its arguments and nothing else', () => {
    assert.deepEqual(breaker.callSync((...all) => all, 1, 2), [1, 2])
  })
})

describe('CallTimeoutError', () => {
  it('can be made by users, for their tests', () => {
    const bare = new CallTimeoutError()
    assert.deepEqual([bare.message, bare.code, bare.breaker, bare.timeout], ['', 'ERR_CALL_TIMEOUT', undefined, undefined])
    assert.equal(isCallTimeoutError(bare), true)
    for (const other of [undefined, null, error, new DOMException('late', 'TimeoutError')]) assert.equal(isCallTimeoutError(other), false)
  })
})
