// Options: what each takes, what is said of one that is wrong, and that nothing of the caller's is changed. It must not know
// what an option does.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { thrownBy } from './support.js'

const COUNT = 'a whole number from 1 to 4294967295'
const SPAN = 'a number of milliseconds, 0 or more and finite'
const POSITIVE_SPAN = 'a number of milliseconds above 0 and finite'
const CLOCK = 'an object with a now() method that tells the time in ms'

/** Every option: what it expects, what it takes. All other values of the list below are wrong for it. */
const OPTIONS = {
  failureThreshold: { expected: COUNT, takes: [1, 7, 4_294_967_295] },
  successThreshold: { expected: COUNT, takes: [1, 7, 4_294_967_295] },
  halfOpenCalls: { expected: COUNT, takes: [2, 7, 4_294_967_295] },
  halfOpenMaxConcurrent: { expected: COUNT, takes: [1, 7, 4_294_967_295] },
  recoveryTimeout: { expected: SPAN, takes: [0, 1, 1.9, 7, 0.001, 4_294_967_295, 2 ** 32, 2 ** 33, Number.MAX_SAFE_INTEGER] },
  halfOpenTimeout: { expected: POSITIVE_SPAN, takes: [1, 1.9, 7, 0.001, 4_294_967_295, 2 ** 32, 2 ** 33, Number.MAX_SAFE_INTEGER] },
  name: { expected: 'a string', takes: ['', 'users', '7'] },
  clock: { expected: CLOCK, takes: [Date, performance, new ManualClock(), { now: () => 0 }] },
  stackTrace: { expected: 'a boolean', takes: [true, false] }
}
const NUMERIC = Object.keys(OPTIONS).filter((name) => !['name', 'clock', 'stackTrace'].includes(name))
const WRITABLE = ['failureThreshold', 'recoveryTimeout', 'successThreshold']

/** Values and how a message shows each. */
const VALUES = [
  [NaN, 'NaN'], [-1, '-1'], [0, '0'], [-0, '-0'], [1.9, '1.9'], [-0.5, '-0.5'], [2 ** 32, '4294967296'], [2 ** 33, '8589934592'],
  [2 ** 53, '9007199254740992'], [1e300, '1e+300'], [Infinity, 'Infinity'], [-Infinity, '-Infinity'], ['7', "'7'"], ['', "''"],
  ['x'.repeat(50), `'${'x'.repeat(40)}…'`], [null, 'null'], [[], 'an array'], [[7], 'an array'], [{}, 'an object'],
  [{ valueOf: () => 7 }, 'an object'], [Object(7), 'an object'], [new Date(7), 'an object'], [true, 'true'], [false, 'false'], [7n, '7n'],
  [Symbol('s'), 'Symbol(s)'], [() => 7, 'a function'], [Promise.resolve(7), 'a promise'], [{ now: 7 }, 'an object'], [7, '7']
]
const isTaken = (name, value) => {
  const { takes } = OPTIONS[name]
  if (takes.some((taken) => taken === value)) return true
  return (name === 'name' && typeof value === 'string') || (name === 'stackTrace' && typeof value === 'boolean')
}

for (const [name, { expected, takes }] of Object.entries(OPTIONS)) {
  describe(`the option ${name}`, () => {
    it(`takes ${expected}`, () => {
      for (const value of takes) {
        const breaker = new CircuitBreaker({ [name]: value })
        if (name in breaker) assert.equal(breaker[name], value)
      }
    })

    for (const [value, shown] of VALUES.filter(([value]) => !isTaken(name, value))) {
      it(`refuses ${shown}, saying what it expects and what came`, () => {
        const error = thrownBy(() => new CircuitBreaker({ [name]: value }))
        assert.equal(error.message, `Expected \`${name}\` to be ${expected}, got ${shown}`)
        assert.equal(error.constructor, NUMERIC.includes(name) && typeof value === 'number' ? RangeError : TypeError)
        assert.deepEqual([error.code, error.option], ['ERR_INVALID_OPTION', name])
      })
    }

    it('may be undefined, which is its default', () => {
      const breaker = new CircuitBreaker({ [name]: undefined })
      const plain = new CircuitBreaker()
      for (const each of WRITABLE) assert.equal(breaker[each], plain[each])
      assert.equal(breaker.name, undefined)
    })
  })
}

for (const name of WRITABLE) {
  describe(`writing ${name}`, () => {
    it('takes what the option takes', () => {
      const breaker = new CircuitBreaker()
      for (const value of OPTIONS[name].takes) {
        breaker[name] = value
        assert.equal(breaker[name], value)
      }
    })

    it('refuses what the option refuses, in the same words, and changes nothing', () => {
      const breaker = new CircuitBreaker({ failureThreshold: 3, recoveryTimeout: 4, successThreshold: 5 })
      for (const [value, shown] of [...VALUES, [undefined, 'undefined']].filter(([value]) => !isTaken(name, value))) {
        const error = thrownBy(() => (breaker[name] = value))
        assert.equal(error.message, `Expected \`${name}\` to be ${OPTIONS[name].expected}, got ${shown}`)
        assert.deepEqual([error.code, error.option], ['ERR_INVALID_OPTION', name])
        assert.deepEqual(WRITABLE.map((each) => breaker[each]), [3, 4, 5])
      }
    })
  })
}

describe('options that contradict each other', () => {
  it('are refused, whatever their order: halfOpenCalls below successThreshold', () => {
    for (const options of [{ successThreshold: 5, halfOpenCalls: 3 }, { halfOpenCalls: 3, successThreshold: 5 }]) {
      const error = thrownBy(() => new CircuitBreaker(options))
      assert.ok(error instanceof RangeError)
      assert.equal(error.message, 'Expected `halfOpenCalls` to be at least `successThreshold`, got 3')
      assert.deepEqual([error.code, error.option], ['ERR_INVALID_OPTION', 'halfOpenCalls'])
    }
    assert.equal(thrownBy(() => new CircuitBreaker({ halfOpenCalls: 1 })).option, 'halfOpenCalls')
    assert.equal(new CircuitBreaker({ halfOpenCalls: 1, successThreshold: 1 }).successThreshold, 1)
  })

  it('are refused when written: the message names the option that was written and the value that came', () => {
    const breaker = new CircuitBreaker({ halfOpenCalls: 3 })
    const error = thrownBy(() => (breaker.successThreshold = 5))
    assert.deepEqual([error.constructor, error.code], [RangeError, 'ERR_INVALID_OPTION'])
    assert.equal(breaker.successThreshold, 2)
    // The 5 is the successThreshold's: no message may call it the halfOpenCalls'.
    assert.doesNotMatch(error.message, /^Expected `halfOpenCalls` .* got 5$/)
    assert.equal(error.option, 'successThreshold')
  })
})

describe('an unknown option', () => {
  for (const options of [{ 'window.size': 5, failureRate: 0.5 }, { 'window.size': 5, window: { type: 'count', size: 10 }, failureRate: 0.5 }, { 'recoveryBackoff.factor': 2 }]) {
    it(`is what a member is by itself: ${Object.keys(options)[0]}`, () => {
      const error = thrownBy(() => new CircuitBreaker(options))
      assert.deepEqual([error.code, error.option], ['ERR_INVALID_OPTION', Object.keys(options)[0]])
      assert.match(error.message, /members go into an object/)
    })
  }

  const suggestions = {
    failureTreshold: 'failureThreshold', failurethreshold: 'failureThreshold', failure_threshold: 'failureThreshold',
    'failure-threshold': 'failureThreshold', failureThresold: 'failureThreshold', FAILURE_THRESHOLD: 'failureThreshold',
    recoverTimeout: 'recoveryTimeout', recovery_timeout: 'recoveryTimeout', succesThreshold: 'successThreshold',
    halfOpenCall: 'halfOpenCalls', halfOpenMaxConcurent: 'halfOpenMaxConcurrent', halfOpenTimeOut: 'halfOpenTimeout',
    stacktrace: 'stackTrace', nmae: 'name', Clock: 'clock', clocks: 'clock'
  }
  for (const [wrong, right] of Object.entries(suggestions)) {
    it(`is refused with the nearest name: ${wrong} → ${right}`, () => {
      const error = thrownBy(() => new CircuitBreaker({ [wrong]: 1 }))
      assert.ok(error instanceof TypeError)
      assert.equal(error.message, `Unknown option '${wrong}'; did you mean \`${right}\`?`)
      assert.deepEqual([error.code, error.option], ['ERR_INVALID_OPTION', wrong])
    })
  }

  it('is refused with the list of all when none is near', () => {
    for (const wrong of ['errorThresholdPercentage', 'x', '', '0', 'volume', '\u0000', '💥', 'z'.repeat(100_000)]) {
      const { message, code } = thrownBy(() => new CircuitBreaker({ [wrong]: 1 }))
      assert.equal(code, 'ERR_INVALID_OPTION')
      for (const name of Object.keys(OPTIONS)) assert.ok(message.includes(name), message)
      assert.ok(message.length < 1000)
    }
  })

  it('is refused though its value is null or false, but not when it is undefined', () => {
    for (const value of [null, false, 0]) assert.equal(thrownBy(() => new CircuitBreaker({ maxFailures: value })).option, 'maxFailures')
    new CircuitBreaker({ maxFailures: undefined })
  })

  it('is refused when it bears the name of something every object has', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf']) {
      assert.equal(thrownBy(() => new CircuitBreaker({ [name]: 1 })).option, name)
    }
  })
})

describe('the options object', () => {
  it('is refused when it is no object', () => {
    for (const [wrong, shown] of [[null, 'null'], [5, '5'], ['x', "'x'"], [true, 'true'], [() => {}, 'a function'], [Symbol('s'), 'Symbol(s)'], [1n, '1n']]) {
      const error = thrownBy(() => new CircuitBreaker(wrong))
      assert.ok(error instanceof TypeError)
      assert.deepEqual([error.message, error.code], [`Expected options to be an object, got ${shown}`, 'ERR_INVALID_OPTION'])
    }
  })

  it('is refused when it is an array with something in it', () => {
    assert.equal(thrownBy(() => new CircuitBreaker([5, 60_000])).code, 'ERR_INVALID_OPTION')
  })

  it('is read once, each option of it, before any is used', () => {
    const reads = []
    const options = {}
    for (const [name, value] of Object.entries({ failureThreshold: 3, name: 'n', clock: Date, halfOpenCalls: 4, stackTrace: true })) {
      Object.defineProperty(options, name, { enumerable: true, get: () => (reads.push(name), value) })
    }
    const breaker = new CircuitBreaker(options)
    assert.deepEqual(reads, ['failureThreshold', 'name', 'clock', 'halfOpenCalls', 'stackTrace'])
    assert.deepEqual([breaker.failureThreshold, breaker.name], [3, 'n'])
  })

  it('may make another breaker while it is read: their options do not mix', () => {
    let inner
    const outer = new CircuitBreaker({
      failureThreshold: 3,
      get recoveryTimeout() {
        inner = new CircuitBreaker({ successThreshold: 9 })
        return 4
      }
    })
    assert.deepEqual(WRITABLE.map((name) => outer[name]), [3, 4, 2])
    assert.deepEqual(WRITABLE.map((name) => inner[name]), [5, 60_000, 9])
  })

  it('leaves nothing behind of options that were refused', () => {
    for (const wrong of [{ failureThreshold: 1, recoveryTimeout: -1 }, { failureThreshold: 1, unknown: 1 }, { failureThreshold: 1, name: 5 }]) {
      thrownBy(() => new CircuitBreaker(wrong))
      assert.equal(new CircuitBreaker().failureThreshold, 5)
      assert.equal(new CircuitBreaker({ successThreshold: 3 }).failureThreshold, 5)
    }
  })

  it('passes on what one of its getters throws', () => {
    const error = new Error('getter')
    assert.equal(thrownBy(() => new CircuitBreaker({ get name() { throw error } })), error)
  })

  it('may be frozen, and is never changed or kept', () => {
    const options = Object.freeze({ failureThreshold: 3, name: 'n', clock: Object.freeze({ now: () => 1 }) })
    const breaker = new CircuitBreaker(options)
    breaker.failureThreshold = 4
    breaker.recordFailure()
    assert.deepEqual(Object.keys(options), ['failureThreshold', 'name', 'clock'])
    const loose = { failureThreshold: 3 }
    const kept = new CircuitBreaker(loose)
    loose.failureThreshold = 9
    assert.equal(kept.failureThreshold, 3)
    kept.failureThreshold = 8
    assert.deepEqual(loose, { failureThreshold: 9 })
  })

  it('may serve many breakers', () => {
    const options = { failureThreshold: 3 }
    const [one, other] = [new CircuitBreaker(options), new CircuitBreaker(options)]
    one.failureThreshold = 7
    assert.equal(other.failureThreshold, 3)
  })

  it('may have no prototype', () => {
    const options = Object.assign(Object.create(null), { failureThreshold: 3, name: 'bare' })
    const breaker = new CircuitBreaker(options)
    assert.deepEqual([breaker.failureThreshold, breaker.name], [3, 'bare'])
  })

  it('may be an instance of a class, its own properties being the options', () => {
    class Options {
      failureThreshold = 3
    }
    assert.equal(new CircuitBreaker(new Options()).failureThreshold, 3)
  })

  it('can not pollute prototypes: __proto__ as a key of its own is an unknown option', () => {
    const error = thrownBy(() => new CircuitBreaker(JSON.parse('{"__proto__": {"failureThreshold": 1}}')))
    assert.deepEqual([error.code, error.option], ['ERR_INVALID_OPTION', '__proto__'])
    assert.equal({}.failureThreshold, undefined)
  })

  it('takes nothing from Object.prototype', (t) => {
    t.after(() => delete Object.prototype.failureThreshold)
    Object.prototype.failureThreshold = 1
    assert.equal(new CircuitBreaker({}).failureThreshold, 5)
  })

  it('may carry symbols, which are nobody’s options', () => {
    assert.equal(new CircuitBreaker({ [Symbol('mine')]: 1 }).failureThreshold, 5)
  })
})

describe('new', () => {
  it('is needed to make a breaker', () => {
    assert.ok(thrownBy(() => CircuitBreaker({})) instanceof TypeError)
  })

  it('makes a breaker of a subclass', () => {
    class Guard extends CircuitBreaker {
      guarded = true
    }
    const guard = new Guard({ failureThreshold: 1, name: 'sub' })
    guard.recordFailure()
    assert.ok(guard instanceof Guard && guard instanceof CircuitBreaker)
    assert.deepEqual([guard.state, guard.name, guard.guarded], ['open', 'sub', true])
  })
})
