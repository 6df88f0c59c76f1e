// The fallback: who it answers for, what it gets, and that it changes no count. It must not know when a circuit opens.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { deferred, drained, rejectionOf, take, thrownBy } from './support.js'

const error = new Error('down')
const fail = () => { throw error }

let clock, breaker, seen
const fallback = (...all) => {
  seen.push(all)
  return 'instead'
}
const make = (options) => (breaker = new CircuitBreaker({ clock, fallback, ...options }))
beforeEach(() => {
  clock = new ManualClock()
  seen = []
  make()
})
const counts = () => {
  const { latency, stateChanges, ...counts } = breaker.metrics.toJSON()
  return counts
}

/** Ways to call. */
const CALLS = {
  'call()': (fn, ...args) => breaker.call(fn, ...args),
  'callSync()': async (fn, ...args) => breaker.callSync(fn, ...args),
  'callWith()': (fn, ...args) => breaker.callWith({}, fn, ...args),
  'wrap()': (fn, ...args) => breaker.wrap(fn)(...args)
}
/** What becomes of a call, and whether the fallback answers for it by `fallbackOn`. */
const ENDS = {
  'a success': { prepare() {}, fn: () => 'value', open: false, failure: false, gives: 'value' },
  'a failure': { prepare() {}, fn: fail, open: false, failure: true, gives: error },
  'an ignored error': { prepare() {}, fn: fail, open: false, failure: false, gives: error, options: { classify: (e) => (e ? 'ignored' : 'success') } },
  'an error judged a success': { prepare() {}, fn: fail, open: false, failure: false, gives: error, options: { classify: () => 'success' } },
  'a refusal of an open circuit': { prepare: () => breaker.trip(), fn: fail, open: true, failure: true, gives: 'ERR_CIRCUIT_OPEN' },
  'a refusal of an isolated circuit': { prepare: () => breaker.isolate(), fn: fail, open: true, failure: true, gives: 'ERR_CIRCUIT_OPEN' },
  'a refusal in half-open': {
    prepare() {
      breaker.trip()
      clock.advance(60_000)
      take(breaker)
    },
    fn: fail, open: true, failure: true, gives: 'ERR_CIRCUIT_OPEN'
  },
  'a full bulkhead': { prepare: () => take(breaker), fn: fail, open: true, failure: true, gives: 'ERR_BULKHEAD_FULL', options: { maxConcurrent: 1 } }
}

for (const [how, call] of Object.entries(CALLS)) {
  describe(`a fallback: ${how}`, () => {
    for (const [what, { prepare, fn, gives, options, ...answers }] of Object.entries(ENDS)) {
      for (const fallbackOn of ['open', 'failure']) {
        it(`answers ${what} ${answers[fallbackOn] ? 'on' : 'not on'} '${fallbackOn}'`, async () => {
          const outcomes = []
          const all = []
          for (const given of [undefined, fallback]) {
            make({ fallbackOn, fallback: given, ...options })
            prepare()
            outcomes.push(await call(fn, 1, 'two').catch((thrown) => thrown))
            await drained()
            all.push({ ...counts(), state: breaker.state, failureCount: breaker.failureCount })
          }
          const [without, withIt] = outcomes
          assert.equal(typeof gives === 'string' && gives.startsWith('ERR_') ? without.code : without, gives)
          if (answers[fallbackOn]) {
            assert.equal(withIt, 'instead')
            assert.equal(seen.length, 1)
            const [[one, two, told, ...more]] = seen
            assert.deepEqual([one, two, more], [1, 'two', []])
            if (without === error) assert.equal(told, error)
            else assert.equal(told.code, without.code)
          } else {
            assert.deepEqual(seen, [])
            assert.equal(withIt?.code ?? withIt, without?.code ?? without)
          }
          // It never changes what is counted.
          assert.deepEqual(all[1], all[0])
        })
      }
    }

    it('gives its own error to the caller, and counts nothing more', async () => {
      const own = new Error('no fallback either')
      for (const thrower of [() => { throw own }, async () => { throw own }]) {
        make({ fallback: thrower, fallbackOn: 'failure', failureThreshold: 1 })
        assert.equal(await rejectionOf(call(fail)), own)
        assert.equal(await rejectionOf(call(fail)), own)
        const { failedCalls, rejectedCalls, totalCalls } = breaker.metrics
        assert.deepEqual([failedCalls, rejectedCalls, totalCalls, breaker.failureCount], [1, 1, 2, 1])
      }
    })

    it('may be asynchronous', async () => {
      const later = deferred()
      make({ fallback: () => later.promise })
      breaker.trip()
      const call1 = call(fail)
      later.resolve('later')
      assert.equal(await call1, 'later')
    })
  })
}

describe('a fallback', () => {
  it('answers callSync() at once, with what it gave and not with a promise', () => {
    breaker.trip()
    assert.equal(breaker.callSync(fail, 7), 'instead')
    assert.deepEqual(seen[0].slice(0, -1), [7])
    const promise = Promise.resolve()
    make({ fallback: () => promise, fallbackOn: 'failure' })
    assert.equal(breaker.callSync(fail), promise)
  })

  it('throws at once from callSync() when it throws', () => {
    const own = new Error('mine')
    make({ fallback: () => { throw own } })
    breaker.trip()
    assert.equal(thrownBy(() => breaker.callSync(fail)), own)
  })

  it('may give anything, nothing too', async () => {
    for (const value of [undefined, null, 0, false, '', NaN]) {
      make({ fallback: () => value })
      breaker.trip()
      assert.ok(Object.is(await breaker.call(fail), value))
      assert.ok(Object.is(breaker.callSync(fail), value))
    }
  })

  it('answers timeouts on failure, and no caller that went away', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const never = () => new Promise(() => {})
    make({ fallbackOn: 'failure', timeout: 10 })
    const timed = breaker.call(never, 1)
    t.mock.timers.tick(10)
    assert.equal(await timed, 'instead')
    assert.equal(seen.length, 1)
    assert.equal(seen[0].length, 2)
    assert.equal(seen[0][1].code, 'ERR_CALL_TIMEOUT')
    const controller = new AbortController()
    const aborted = breaker.callWith({ signal: controller.signal }, never)
    controller.abort('gone')
    assert.equal(await rejectionOf(aborted), 'gone')
    assert.equal(await rejectionOf(breaker.callWith({ signal: controller.signal }, never)), 'gone')
    assert.equal(seen.length, 1)
  })

  it('gets the same refusal that the caller would get', async () => {
    make({ name: 'users' })
    breaker.recordFailure(error)
    for (let n = 0; n < 4; n++) breaker.recordFailure(error)
    await breaker.call(fail)
    const [[refusal]] = seen
    assert.deepEqual([refusal.code, refusal.breaker, refusal.retryAfter, refusal.cause], ['ERR_CIRCUIT_OPEN', 'users', 60_000, error])
  })

  it('has no this, and leaves the arguments as they are', async () => {
    let context = 'none'
    make({ fallback: function (list) { context = this; return list } })
    breaker.trip()
    const list = [1]
    assert.equal(await breaker.call(fail, list), list)
    assert.equal(context, undefined)
  })

  it('may call through the breaker again', async () => {
    make({ fallback: (left) => (left > 0 ? breaker.call(fail, left - 1) : 'bottom') })
    breaker.trip()
    assert.equal(await breaker.call(fail, 5), 'bottom')
    assert.equal(breaker.metrics.rejectedCalls, 6)
  })

  it('does not answer a wrong fn: that is nobody’s refusal', async () => {
    breaker.trip()
    assert.equal((await rejectionOf(breaker.call('no function'))).code, 'ERR_INVALID_ARGUMENT')
    assert.equal(thrownBy(() => breaker.callSync('no function')).code, 'ERR_INVALID_ARGUMENT')
    assert.deepEqual(seen, [])
  })

  it('does not answer acquire(), which has no answer to give', () => {
    breaker.trip()
    assert.equal(thrownBy(() => breaker.acquire()).code, 'ERR_CIRCUIT_OPEN')
    assert.deepEqual(seen, [])
  })
})

describe('a fallback of one call', () => {
  it('answers instead of the breaker’s own', async () => {
    breaker.trip()
    assert.equal(await breaker.callWith({ fallback: (a, { code }) => [a, code] }, fail, 1).then(String), '1,ERR_CIRCUIT_OPEN')
    assert.deepEqual(seen, [])
    assert.equal(await breaker.callWith({}, fail, 1), 'instead')
    assert.equal(await breaker.callWith({ fallback: undefined }, fail, 1), 'instead')
  })

  it('needs none of the breaker', async () => {
    make({ fallback: undefined })
    breaker.trip()
    assert.equal(await breaker.callWith({ fallback: () => 'own' }, fail), 'own')
    assert.equal((await rejectionOf(breaker.callWith({}, fail))).code, 'ERR_CIRCUIT_OPEN')
  })

  it('goes by the breaker’s fallbackOn', async () => {
    make({ fallback: undefined })
    assert.equal(await rejectionOf(breaker.callWith({ fallback: () => 'own' }, fail)), error)
    make({ fallback: undefined, fallbackOn: 'failure' })
    assert.equal(await breaker.callWith({ fallback: () => 'own' }, fail), 'own')
    assert.equal(await rejectionOf(breaker.call(fail)), error)
  })

  it('gets the arguments of the call, not the context of fn', async () => {
    make({ fallbackOn: 'failure', timeout: 1000 })
    const given = []
    await breaker.callWith({}, (...all) => { given.push(...all); throw error }, 1, 2)
    assert.equal(given.length, 3)
    assert.deepEqual(seen, [[1, 2, error]])
  })

  it('is refused when it is no function', async () => {
    for (const wrong of [null, 'instead', 7, {}]) {
      const refused = await rejectionOf(breaker.callWith({ fallback: wrong }, () => assert.fail('called')))
      assert.ok(refused instanceof TypeError)
      assert.deepEqual([refused.code, refused.option], ['ERR_INVALID_OPTION', 'fallback'])
      assert.match(refused.message, /^Expected `fallback` to be a function \(\.\.\.args, error\), got /)
    }
    assert.equal(breaker.metrics.totalCalls + breaker.metrics.inFlight, 0)
  })
})
