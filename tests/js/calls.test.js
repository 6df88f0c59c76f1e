// What can become of a call: everything a function may return, throw or do to the breaker's `await`. Whatever it is, the caller
// gets exactly that and the call stands in one count. It must not know states; they are here only to see a permit come back.

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { deferred, drained, rejectionOf, run, thrownBy } from './support.js'

const unhandled = []
const note = (reason) => unhandled.push(reason)
before(() => process.on('unhandledRejection', note))
after(async () => {
  await drained()
  process.off('unhandledRejection', note)
  assert.deepEqual(unhandled, [], 'no call of this file leaves a rejection unhandled')
})

let clock, breaker
beforeEach(() => {
  clock = new ManualClock()
  breaker = new CircuitBreaker({ clock, failureThreshold: 100 })
})

const error = new Error('of the function')
const value = { of: 'the function' }

/** A promise that does its work when its `then` is called, as the promises of some SDKs do. */
class LazyPromise extends Promise {
  asked = 0
  constructor(work) {
    super((resolve) => resolve(undefined))
    this.work = work
  }
  static get [Symbol.species]() {
    return Promise
  }
  then(onFulfilled, onRejected) {
    this.asked++
    return new Promise((resolve) => resolve(this.work())).then(onFulfilled, onRejected)
  }
}
class PlainSubclass extends Promise {}

const thenable = (then) => ({ then })
const SUCCESSES = {
  'a native promise': () => Promise.resolve(value),
  'an async function': async () => value,
  'a promise that fulfils later': () => new Promise((resolve) => setImmediate(resolve, value)),
  'a subclass of Promise': () => PlainSubclass.resolve(value),
  'a subclass with a then of its own': () => new LazyPromise(() => value),
  'a promise with a then of its own': () => Object.assign(Promise.resolve('ignored'), { then: (onFulfilled) => onFulfilled(value) }),
  'a promise of another realm': () => runInNewContext('Promise.resolve(value)', { value }),
  'a thenable': () => thenable((onFulfilled) => onFulfilled(value)),
  'a thenable that settles twice': () => thenable((onFulfilled, onRejected) => (onFulfilled(value), onFulfilled('again'), onRejected(error))),
  'a thenable that throws after it fulfilled': () => thenable((onFulfilled) => { onFulfilled(value); throw error }),
  'a thenable that gives a promise': () => thenable((onFulfilled) => onFulfilled(Promise.resolve(value))),
  'a function with a then': () => Object.assign(() => {}, { then: (onFulfilled) => onFulfilled(value) }),
  'a plain object': () => value
}
const FAILURES = {
  'throws at once': () => { throw error },
  'is async and throws': async () => { throw error },
  'returns a promise that rejects': () => Promise.reject(error),
  'returns a promise that rejects later': () => new Promise((_, reject) => setImmediate(reject, error)),
  'returns a subclass of Promise that rejects': () => PlainSubclass.reject(error),
  'returns a subclass with a then of its own that rejects': () => new LazyPromise(() => Promise.reject(error)),
  'returns a promise of another realm that rejects': () => runInNewContext('Promise.reject(error)', { error }),
  'returns a thenable that rejects': () => thenable((_, onRejected) => onRejected(error)),
  'returns a thenable that rejects twice': () => thenable((onFulfilled, onRejected) => (onRejected(error), onRejected('again'), onFulfilled(value))),
  'returns a thenable that throws': () => thenable(() => { throw error }),
  'returns a thenable that fulfils with one that rejects': () => thenable((onFulfilled) => onFulfilled(Promise.reject(error))),
  'returns an object whose then getter throws': () => ({ get then() { throw error } }),
  'returns a promise whose then getter throws': () => Object.defineProperty(Promise.resolve(), 'then', { get() { throw error } }),
  'returns a promise whose constructor getter throws': () => Object.defineProperty(Promise.resolve(), 'constructor', { get() { throw error } }),
  'returns a proxy that throws at everything': () => new Proxy({}, { get() { throw error }, getPrototypeOf() { throw error } })
}
const PLAIN = [undefined, null, 0, -0, NaN, '', 'text', 1n, true, false, Symbol('s'), () => {}, [], Object.create(null), new Error('returned')]

/** How one call of this breaker was counted, by name; more or fewer than one count fails. */
function counted() {
  const { totalCalls, inFlight, successfulCalls, failedCalls, rejectedCalls, staleCalls } = breaker.metrics
  assert.deepEqual({ totalCalls, inFlight }, { totalCalls: 1, inFlight: 0 })
  return Object.entries({ successfulCalls, failedCalls, rejectedCalls, staleCalls }).filter(([, count]) => count === 1).map(([name]) => name).join()
}

const WAYS = {
  'call()': (fn) => breaker.call(fn),
  'a wrapped function': (fn) => breaker.wrap(fn)(),
  'a supervised call': (fn) => breaker.callWith({ signal: new AbortController().signal, timeout: 60_000 }, fn),
  'call() in half open': (fn) => {
    breaker.trip()
    clock.advance(60_000)
    return breaker.call(fn)
  }
}

for (const [way, call] of Object.entries(WAYS)) {
  describe(`${way}, when the function succeeds`, () => {
    for (const [what, fn] of Object.entries(SUCCESSES)) {
      it(`gives the value and counts one success: ${what}`, async () => {
        assert.equal(await call(fn), value)
        assert.equal(counted(), 'successfulCalls')
      })
    }

    it('gives every plain value as it is', async () => {
      for (const plain of PLAIN) {
        breaker = new CircuitBreaker({ clock })
        assert.ok(Object.is(await call(() => plain), plain), String(typeof plain))
        assert.equal(counted(), 'successfulCalls')
      }
    })
  })

  describe(`${way}, when the function fails`, () => {
    for (const [what, fn] of Object.entries(FAILURES)) {
      it(`rejects with the very error and counts one failure: it ${what}`, async () => {
        assert.equal(await rejectionOf(call(fn)), error)
        assert.equal(counted(), 'failedCalls')
      })
    }

    it('rejects with whatever was thrown or rejected, nothing at all included', async () => {
      for (const thrown of PLAIN) {
        for (const fn of [() => Promise.reject(thrown), () => { throw thrown }]) {
          breaker = new CircuitBreaker({ clock })
          assert.ok(Object.is(await rejectionOf(call(fn)), thrown), String(typeof thrown))
          assert.equal(counted(), 'failedCalls')
        }
      }
    })
  })
}

describe('a call', () => {
  it('always answers with a native promise, and never throws at once', () => {
    const answers = [...Object.values(SUCCESSES), ...Object.values(FAILURES)].map((fn) => breaker.call(fn))
    breaker.trip()
    answers.push(breaker.call(() => 1), breaker.call('no function'))
    for (const answer of answers) {
      assert.equal(answer.constructor, Promise)
      answer.catch(() => {})
    }
  })

  it('runs the function before it returns', () => {
    let reached = false
    breaker.call(() => { reached = true })
    assert.equal(reached, true)
  })

  it('stays in flight, and out of all counts, as long as the function does not settle', async () => {
    breaker.call(() => new Promise(() => {}))
    breaker.call(() => thenable(() => {}))
    await drained()
    const { totalCalls, inFlight } = breaker.metrics
    assert.deepEqual({ totalCalls, inFlight }, { totalCalls: 0, inFlight: 2 })
  })

  it('asks a lazy promise for its result once', async () => {
    const lazy = new LazyPromise(() => value)
    await breaker.call(() => lazy)
    assert.equal(lazy.asked, 1)
  })

  it('reads the then of a thenable once', async () => {
    let reads = 0
    const result = { get then() { reads++; return (onFulfilled) => onFulfilled(value) } }
    assert.equal(await breaker.call(() => result), value)
    assert.equal(reads, 1)
  })

  it('counts each of many that reject with the same object', async () => {
    const calls = Array.from({ length: 10 }, () => breaker.call(() => Promise.reject(error)))
    for (const call of calls) assert.equal(await rejectionOf(call), error)
    assert.deepEqual([breaker.failureCount, breaker.metrics.failedCalls], [10, 10])
  })

  it('counts each of many that return the same promise', async () => {
    const { promise, resolve } = deferred()
    const calls = Array.from({ length: 10 }, () => breaker.call(() => promise))
    resolve(value)
    assert.deepEqual(new Set(await Promise.all(calls)), new Set([value]))
    assert.equal(breaker.metrics.successfulCalls, 10)
  })

  it('changes nothing of an error: no property, no cause, no other stack', async () => {
    const frozen = Object.freeze(new TypeError('frozen'))
    const { stack } = frozen
    const keys = Reflect.ownKeys(frozen)
    assert.equal(await rejectionOf(breaker.call(() => Promise.reject(frozen))), frozen)
    assert.deepEqual([frozen.stack, Reflect.ownKeys(frozen)], [stack, keys])
  })

  it('passes all arguments and no other, with no this', async () => {
    const seen = []
    async function fn() {
      seen.push([this, ...arguments])
    }
    await breaker.call(fn)
    await breaker.call(fn, undefined)
    await breaker.call(fn, 1, [2], null)
    breaker.callSync(fn, 1, [2], null)
    assert.deepEqual(seen, [[undefined], [undefined, undefined], [undefined, 1, [2], null], [undefined, 1, [2], null]])
  })

  it('may be made within another, by the function itself', async () => {
    const inner = () => breaker.call(() => Promise.resolve('inner'))
    assert.equal(await breaker.call(inner), 'inner')
    assert.deepEqual([breaker.metrics.successfulCalls, breaker.metrics.inFlight], [2, 0])
  })

  it('belongs to the generation it was admitted to, though the function trips or resets the breaker', async () => {
    await breaker.call(async () => breaker.trip())
    assert.deepEqual([breaker.state, breaker.metrics.staleCalls], ['open', 1])
    breaker.reset()
    await rejectionOf(breaker.call(async () => { breaker.reset(); throw error }))
    assert.deepEqual([breaker.failureCount, breaker.metrics.staleCalls], [0, 2])
  })
})

describe('something that is no function', () => {
  const wrong = [undefined, null, 7, 'fetch', {}, [], Symbol('s'), Promise.resolve(1), class {}.prototype]

  it('is refused with a coded TypeError that says what came, and counts nowhere', async () => {
    for (const fn of wrong) {
      const errors = [await rejectionOf(breaker.call(fn)), thrownBy(() => breaker.callSync(fn)), thrownBy(() => breaker.wrap(fn))]
      for (const error of errors) {
        assert.ok(error instanceof TypeError)
        assert.equal(error.code, 'ERR_INVALID_ARGUMENT')
        assert.match(error.message, /^Expected `fn` to be a function, got /)
      }
    }
    assert.equal(breaker.metrics.totalCalls + breaker.metrics.inFlight, 0)
  })

  it('is told what to do when it is a promise', async () => {
    const { message } = await rejectionOf(breaker.call(Promise.resolve(1)))
    assert.equal(message, 'Expected `fn` to be a function, got a promise: pass the function itself, not the promise it returns')
  })

  it('is said to be wrong even while the circuit is open', async () => {
    breaker.trip()
    assert.equal((await rejectionOf(breaker.call(7))).code, 'ERR_INVALID_ARGUMENT')
    assert.equal(thrownBy(() => breaker.callSync(7)).code, 'ERR_INVALID_ARGUMENT')
    assert.equal(breaker.metrics.rejectedCalls, 0)
  })

  it('takes no test request away', async () => {
    breaker.trip()
    clock.advance(60_000)
    await rejectionOf(breaker.call(7))
    assert.equal(breaker.state, 'open')
    assert.equal(await breaker.call(() => 1), 1)
  })
})

describe('callSync()', () => {
  it('returns what the function returned, whatever it is, and counts a success', () => {
    for (const plain of [...PLAIN, value]) {
      breaker = new CircuitBreaker({ clock })
      assert.ok(Object.is(breaker.callSync(() => plain), plain))
      assert.equal(counted(), 'successfulCalls')
    }
  })

  it('throws the very error, whatever it is, and counts a failure', () => {
    for (const thrown of [...PLAIN, error]) {
      breaker = new CircuitBreaker({ clock })
      assert.ok(Object.is(thrownBy(() => breaker.callSync(() => { throw thrown })), thrown))
      assert.equal(counted(), 'failedCalls')
    }
  })

  it('throws the refusal while open, without calling the function', () => {
    breaker.trip()
    let reached = false
    assert.equal(thrownBy(() => breaker.callSync(() => (reached = true))).code, 'ERR_CIRCUIT_OPEN')
    assert.equal(reached, false)
  })

  it('opens, tests and closes like call()', () => {
    breaker.failureThreshold = 1
    thrownBy(() => breaker.callSync(() => { throw error }))
    assert.equal(breaker.state, 'open')
    clock.advance(60_000)
    breaker.callSync(() => 1)
    assert.equal(breaker.state, 'half_open')
    breaker.callSync(() => 1)
    assert.equal(breaker.state, 'closed')
  })

  // A promise that it is given counts once it settles, whatever kind of promise it is; what comes back settles alike.
  for (const [what, make] of Object.entries({
    'a native promise': (promise) => promise,
    'a subclass of Promise': (promise) => PlainSubclass.resolve(promise),
    'a promise of another realm': (promise) => runInNewContext('Promise.resolve().then(() => promise)', { promise })
  })) {
    it(`returns a promise that settles alike, and counts its failure then: ${what}`, async () => {
      const { promise, reject } = deferred()
      const returned = breaker.callSync(() => make(promise))
      assert.deepEqual([breaker.metrics.totalCalls, breaker.metrics.inFlight], [0, 1])
      reject(error)
      await assert.rejects(Promise.resolve(returned), error)
      await drained()
      assert.equal(counted(), 'failedCalls')
    })

    it(`returns a promise that settles alike, and counts its success then: ${what}`, async () => {
      const { promise, resolve } = deferred()
      const returned = breaker.callSync(() => make(promise))
      assert.deepEqual([breaker.metrics.totalCalls, breaker.metrics.inFlight], [0, 1])
      resolve(value)
      assert.equal(await returned, value)
      await drained()
      assert.equal(counted(), 'successfulCalls')
    })
  }

  for (const [what, make] of Object.entries({ 'a native promise': () => Promise.reject(error), 'a subclass of Promise': () => PlainSubclass.reject(error) })) {
    it(`leaves a rejection to the caller, who alone hears of it: ${what}`, async () => {
      assert.equal(await rejectionOf(breaker.callSync(make)), error)
      await drained()
      assert.deepEqual(unhandled, [])
    })
  }

  it('has a rejection heard once where nobody catches it, and not where somebody does', async () => {
    const { stdout } = await run(`
      const { CircuitBreaker } = await import(ESM)
      let unheard = 0
      process.on('uncaughtException', () => unheard++)
      class Subclass extends Promise {}
      const turn = () => new Promise(setImmediate)
      const heard = []
      const breaker = new CircuitBreaker()
      for (const make of [async () => { throw new Error('lost') }, () => Subclass.reject(new Error('lost'))]) {
        breaker.callSync(make)
        await turn()
        heard.push(unheard)
        await breaker.callSync(make).catch(() => {})
        await turn()
        heard.push(unheard)
      }
      console.log(JSON.stringify([heard, breaker.metrics.failedCalls]))`)
    assert.deepEqual(JSON.parse(stdout), [[1, 1, 2, 2], 4])
  })

  it('runs a lazy query once: one that is a promise, and one that only has a then', async () => {
    let runs = 0
    class LazyPromise extends Promise {
      static get [Symbol.species]() { return Promise }
      then(...both) { return (runs++, super.then(...both)) }
    }
    assert.equal(await breaker.callSync(() => new LazyPromise((resolve) => resolve(value))), value)
    assert.equal(runs, 1)
    const query = { then: (resolve) => (runs++, resolve(value)) }
    assert.equal(breaker.callSync(() => query), query)
    assert.equal(await query, value)
    assert.equal(runs, 2)
  })

  it('has the fallback answer for a promise that rejects, where it answers failures', async () => {
    const other = new CircuitBreaker({ fallback: (given, reason) => [given, reason], fallbackOn: 'failure' })
    assert.deepEqual(await other.callSync(() => Promise.reject(error), 7), [7, error])
    assert.equal(other.metrics.failedCalls, 1)
  })

  it('settles its permit whatever it was given: a promise whose constructor getter throws', async () => {
    const hostile = Object.defineProperty(Promise.resolve(), 'constructor', { get() { throw error } })
    try {
      breaker.callSync(() => hostile)
    } catch (thrown) {
      assert.equal(thrown, error)
    }
    await drained()
    assert.equal(breaker.metrics.inFlight, 0)
  })
})

describe('wrap()', () => {
  it('passes arguments and this', async () => {
    const user = {
      name: 'Ada',
      greet: breaker.wrap(async function (greeting, mark) {
        return `${greeting} ${this.name}${mark}`
      })
    }
    assert.equal(await user.greet('Hello', '!'), 'Hello Ada!')
    assert.equal(await user.greet.call({ name: 'Bob' }, 'Hi', '?'), 'Hi Bob?')
  })

  it('has no this where there is none', async () => {
    const guarded = breaker.wrap(function () { return [this] })
    assert.deepEqual(await guarded(), [undefined])
  })

  it('carries the name and the length of the function', () => {
    const named = breaker.wrap(function fetchUser(id, options, ...rest) { return [id, options, rest] })
    assert.deepEqual([named.name, named.length], ['fetchUser', 2])
    assert.deepEqual([breaker.wrap(() => 1).name, breaker.wrap((a, b = 1) => b).length], ['', 1])
    assert.equal(Object.keys(named).length, 0)
  })

  it('keeps nothing from call to call but the breaker', async () => {
    const guarded = breaker.wrap(async (n) => n)
    assert.deepEqual(await Promise.all([1, 2, 3].map((n) => guarded(n))), [1, 2, 3])
    breaker.trip()
    assert.equal((await rejectionOf(guarded(4))).code, 'ERR_CIRCUIT_OPEN')
    breaker.reset()
    assert.equal(await guarded(5), 5)
  })

  it('guards many functions with one breaker', async () => {
    breaker.failureThreshold = 2
    const one = breaker.wrap(() => Promise.reject(error))
    const other = breaker.wrap(() => Promise.reject(error))
    await rejectionOf(one())
    await rejectionOf(other())
    assert.equal((await rejectionOf(one())).code, 'ERR_CIRCUIT_OPEN')
  })
})
