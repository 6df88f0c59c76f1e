// maxConcurrent: that many calls in flight and no more, on every path by which a call can end. It must not know the states but by name.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import * as esm from '../../pkg/index.js'
import { deferred, drained, rejectionOf, thrownBy } from './support.js'

const { BulkheadFullError, CircuitBreaker, isBulkheadFullError, isCircuitOpenError, ManualClock } = esm
const error = new Error('down')
const never = () => new Promise(() => {})

let clock, breaker
const make = (options) => (breaker = new CircuitBreaker({ clock, name: 'users', maxConcurrent: 2, ...options }))
beforeEach(() => {
  clock = new ManualClock()
  make()
})
const isFull = async () => {
  const refused = await breaker.call(() => undefined).catch(({ code }) => code)
  return refused === 'ERR_BULKHEAD_FULL'
}

describe('maxConcurrent', () => {
  it('lets exactly that many calls in at once, and refuses the next without calling it', async () => {
    for (const most of [1, 2, 7]) {
      make({ maxConcurrent: most })
      const calls = Array.from({ length: most }, deferred)
      const all = calls.map(({ promise }) => breaker.call(() => promise))
      const refusal = await rejectionOf(breaker.call(() => assert.fail('called')))
      assert.ok(refusal instanceof BulkheadFullError)
      assert.equal(breaker.metrics.inFlight, most)
      calls[0].resolve()
      await all[0]
      assert.equal(await breaker.call(() => 'in'), 'in')
      for (const { resolve } of calls) resolve()
      await Promise.all(all)
      assert.equal(breaker.metrics.inFlight, 0)
    }
  })

  it('that refuses a call in one state and the next call in another tells of the state change between them', async () => {
    const seen = []
    breaker.addEventListener('statechange', ({ detail }) => seen.push(detail.to))
    for (let n = 0; n < 2; n++) breaker.call(never)
    assert.equal(await isFull(), true)
    breaker.trip()
    clock.advance(60_000)
    assert.equal(await isFull(), true)
    assert.equal(breaker.state, 'half_open')
    assert.deepEqual(seen, ['open', 'half_open'])
  })

  it('is off unless it is given', async () => {
    make({ maxConcurrent: undefined })
    const gate = deferred()
    const all = Array.from({ length: 1000 }, () => breaker.call(() => gate.promise))
    assert.equal(breaker.metrics.inFlight, 1000)
    gate.resolve()
    await Promise.all(all)
  })

  it('counts calls of every kind together', async () => {
    make({ maxConcurrent: 5 })
    breaker.call(never)
    breaker.callWith({}, never)
    breaker.wrap(never)()
    breaker.callSync(never)
    assert.equal(await isFull(), false)
    const permit = breaker.acquire()
    assert.equal(await isFull(), true)
    assert.equal(thrownBy(() => breaker.callSync(() => 1)).code, 'ERR_BULKHEAD_FULL')
    assert.equal(thrownBy(() => breaker.acquire()).code, 'ERR_BULKHEAD_FULL')
    assert.equal((await rejectionOf(breaker.callWith({}, () => 1))).code, 'ERR_BULKHEAD_FULL')
    assert.equal((await rejectionOf(breaker.wrap(() => 1)())).code, 'ERR_BULKHEAD_FULL')
    permit.ignore()
    assert.equal(await isFull(), false)
  })

  it('lets the first of many in that ask in the same tick', async () => {
    const settled = await Promise.allSettled(Array.from({ length: 5 }, (_, n) => breaker.call(async () => n)))
    assert.deepEqual(settled.map(({ status }) => status), ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'])
  })

  it('counts a call inside a call as one more', async () => {
    make({ maxConcurrent: 1 })
    const inner = await breaker.call(() => breaker.call(() => 'inner').catch(({ code }) => code))
    assert.equal(inner, 'ERR_BULKHEAD_FULL')
    assert.equal(await isFull(), false)
  })
})

describe('a refusal of a full bulkhead', () => {
  it('says so, and is told from a refusal of an open circuit', async () => {
    for (let n = 0; n < 2; n++) breaker.call(never)
    const refusal = await rejectionOf(breaker.call(() => 1))
    assert.ok(refusal instanceof Error)
    assert.deepEqual(
      [refusal.name, refusal.code, refusal.message, refusal.breaker, refusal.state, refusal.retryAfter, 'cause' in refusal],
      ['BulkheadFullError', 'ERR_BULKHEAD_FULL', 'Too many calls in flight, at most 2 at once (users)', 'users', 'closed', 0, false]
    )
    assert.deepEqual([isBulkheadFullError(refusal), isCircuitOpenError(refusal)], [true, false])
  })

  it('has no stack unless asked for', async () => {
    const frames = async (options) => {
      make({ maxConcurrent: 1, ...options })
      breaker.call(never)
      return (await rejectionOf(breaker.call(() => 1))).stack.split('\n').filter((line) => /^\s+at /.test(line)).length
    }
    assert.equal(await frames({}), 0)
    assert.ok((await frames({ stackTrace: true })) > 0)
  })

  it('is never a failure: it opens nothing, and counts as rejected', async () => {
    make({ maxConcurrent: 1, failureThreshold: 1, window: { type: 'count', size: 5 } })
    breaker.call(never)
    for (let n = 0; n < 100; n++) assert.equal(await isFull(), true)
    const { failedCalls, rejectedCalls, totalCalls } = breaker.metrics
    assert.deepEqual([breaker.state, breaker.failureCount, failedCalls, rejectedCalls, totalCalls], ['closed', 0, 0, 100, 100])
    assert.equal(breaker.metrics.successRate, 1)
    assert.equal(breaker.explain().calls, 0)
  })

  it('comes second to that of an open circuit', async () => {
    for (let n = 0; n < 2; n++) breaker.call(never)
    breaker.trip()
    assert.equal((await rejectionOf(breaker.call(() => 1))).code, 'ERR_CIRCUIT_OPEN')
  })

  it('takes no test request away in half-open, where calls of before still take their place', async () => {
    const before = [deferred(), deferred()]
    const all = before.map(({ promise }) => breaker.call(() => promise))
    breaker.trip()
    clock.advance(60_000)
    const refusal = await rejectionOf(breaker.call(() => 1))
    assert.deepEqual([refusal.code, refusal.state, breaker.state], ['ERR_BULKHEAD_FULL', 'half_open', 'half_open'])
    before[0].resolve()
    await all[0]
    assert.equal(await breaker.call(() => 'test'), 'test')
    assert.equal(breaker.successCount, 1)
    before[1].resolve()
    await all[1]
  })

  it('is dispatched as an event', async () => {
    const seen = []
    breaker.addEventListener('reject', ({ detail }) => seen.push(detail.error))
    for (let n = 0; n < 2; n++) breaker.call(never)
    const refusal = await rejectionOf(breaker.call(() => 1))
    assert.deepEqual(seen, [refusal])
  })
})

describe('a slot comes back', () => {
  const PATHS = {
    'a value': () => breaker.call(() => 1),
    'a promise': () => breaker.call(async () => 1),
    'a throw': () => breaker.call(() => { throw error }),
    'a rejection': () => breaker.call(() => Promise.reject(error)),
    'a thenable': () => breaker.call(() => ({ then: (resolve) => resolve(1) })),
    'a thenable that throws': () => breaker.call(() => ({ then() { throw error } })),
    'a value of callSync()': async () => breaker.callSync(() => 1),
    'a throw of callSync()': async () => breaker.callSync(() => { throw error }),
    'a rejection in callSync()': async () => breaker.callSync(() => Promise.reject(error)),
    'a throw of callWith()': () => breaker.callWith({}, () => { throw error }),
    'an abort': () => {
      const controller = new AbortController()
      const call = breaker.callWith({ signal: controller.signal }, never)
      controller.abort()
      return call
    },
    'an abort from within': () => {
      const controller = new AbortController()
      return breaker.callWith({ signal: controller.signal }, () => { controller.abort(); throw error })
    },
    'a signal that had aborted already': () => breaker.callWith({ signal: AbortSignal.abort() }, never),
    'a wrong function': () => breaker.call(7),
    'a wrong option': () => breaker.callWith({ timeout: -1 }, never),
    'a permit’s success': async () => breaker.acquire().success(),
    'a permit’s failure': async () => breaker.acquire().failure(error),
    'a permit settled twice': async () => {
      const permit = breaker.acquire()
      permit.ignore()
      permit.failure(error)
    },
    'a judge that throws': () => breaker.call(() => 1),
    'a reset in flight': async () => breaker.call(() => breaker.reset()),
    'a trip in flight': async () => {
      await breaker.call(() => breaker.trip())
      breaker.reset()
    }
  }
  for (const [what, path] of Object.entries(PATHS)) {
    it(`after ${what}`, async (t) => {
      t.mock.method(console, 'error', () => {})
      make({
        maxConcurrent: 1,
        failureThreshold: 1000,
        ...(what.includes('judge') && { classify() { throw error } })
      })
      await path().catch(() => {})
      await drained()
      assert.equal(breaker.metrics.inFlight, 0)
      assert.equal(await isFull(), false)
    })
  }

  it('after a timeout, though the function still runs: what it gives later takes none back', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    make({ maxConcurrent: 1, timeout: 10 })
    const slow = deferred()
    const call = breaker.call(() => slow.promise)
    assert.equal(await isFull(), true)
    t.mock.timers.tick(10)
    await rejectionOf(call)
    assert.equal(await isFull(), false)
    slow.resolve()
    await drained()
    assert.equal(breaker.metrics.inFlight, 0)
    breaker.call(never)
    assert.equal(await isFull(), true)
  })
})

describe('BulkheadFullError', () => {
  it('can be made by users, for their tests', () => {
    const bare = new BulkheadFullError()
    assert.deepEqual([bare.message, bare.code, bare.breaker, bare.state, bare.retryAfter], ['', 'ERR_BULKHEAD_FULL', undefined, 'closed', 0])
    assert.equal(isBulkheadFullError(bare), true)
    for (const other of [undefined, null, error, Object.assign(new Error(), { code: 'ERR_BULKHEAD_FULL' }), new esm.CircuitOpenError()]) {
      assert.equal(isBulkheadFullError(other), false)
    }
  })
})

describe('a test request that never settles', () => {
  it('keeps no place once it has expired: with a single place, too, the circuit recovers', async () => {
    const clock = new esm.ManualClock()
    const breaker = new esm.CircuitBreaker({ clock, maxConcurrent: 1, failureThreshold: 1, successThreshold: 1, recoveryTimeout: 1000, halfOpenTimeout: 500 })
    breaker.trip()
    for (let n = 0; n < 3; n++) {
      clock.advance(1000)
      breaker.call(() => new Promise(() => {}))
      assert.equal(breaker.state, 'half_open')
      clock.advance(500)
      assert.equal(breaker.checkState(), 'open')
    }
    clock.advance(1000)
    assert.equal(await breaker.call(async () => 'up'), 'up')
    assert.equal(breaker.state, 'closed')
    assert.equal(await breaker.call(async () => 'up'), 'up')
  })
})
