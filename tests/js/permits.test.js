// acquire(): permits that no function holds. Each is settled once, on every path, and one that is lost comes back. It must not know
// how calls are made.

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { answerOf, thrownBy } from './support.js'

const error = new Error('down')

let clock, breaker
const make = (options) => (breaker = new CircuitBreaker({ clock, recoveryTimeout: 1000, failureThreshold: 2, successThreshold: 1, ...options }))
beforeEach(() => {
  clock = new ManualClock()
  make()
})
const counts = () => {
  const { successfulCalls, failedCalls, ignoredCalls, staleCalls, inFlight } = breaker.metrics
  return [successfulCalls, failedCalls, ignoredCalls, staleCalls, inFlight]
}
const toHalfOpen = () => {
  breaker.trip()
  clock.advance(1000)
}

describe('a permit', () => {
  it('is in flight until it is settled, and counts as what it is settled with', () => {
    for (const [settle, expected] of [['success', [1, 0, 0, 0, 0]], ['failure', [0, 1, 0, 0, 0]], ['ignore', [0, 0, 1, 0, 0]]]) {
      make()
      const permit = breaker.acquire()
      assert.deepEqual([permit.settled, counts()], [false, [0, 0, 0, 0, 1]])
      assert.equal(permit[settle](), undefined)
      assert.deepEqual([permit.settled, counts()], [true, expected])
    }
  })

  it('settles once: what comes later does nothing', () => {
    for (const first of ['success', 'failure', 'ignore']) {
      make()
      const permit = breaker.acquire()
      permit[first]()
      const before = counts()
      for (const later of ['success', 'failure', 'ignore']) permit[later](error)
      assert.deepEqual(counts(), before)
    }
  })

  it('settles others not with it', () => {
    const permits = [breaker.acquire(), breaker.acquire(), breaker.acquire()]
    permits[1].success()
    assert.deepEqual(counts(), [1, 0, 0, 0, 2])
    assert.deepEqual(permits.map(({ settled }) => settled), [false, true, false])
  })

  it('opens the circuit with its failures, whose last is the cause of refusals', () => {
    breaker.acquire().failure(new Error('earlier'))
    breaker.acquire().failure(error)
    assert.equal(breaker.state, 'open')
    const refusal = thrownBy(() => breaker.acquire())
    assert.deepEqual([refusal.code, refusal.cause, refusal.retryAfter], ['ERR_CIRCUIT_OPEN', error, 1000])
    assert.equal(breaker.metrics.rejectedCalls, 1)
  })

  it('is stale when the circuit changed its state in between', () => {
    const permits = ['success', 'failure', 'ignore'].map((settle) => [breaker.acquire(), settle])
    breaker.reset()
    for (const [permit, settle] of permits) permit[settle]()
    assert.deepEqual([breaker.state, breaker.failureCount, counts()], ['closed', 0, [0, 0, 0, 3, 0]])
  })

  it('is the one test request in half-open, and closes or opens', () => {
    for (const [settle, state] of [['success', 'closed'], ['failure', 'open'], ['ignore', 'half_open']]) {
      make()
      toHalfOpen()
      const permit = breaker.acquire()
      assert.equal(thrownBy(() => breaker.acquire()).state, 'half_open')
      permit[settle]()
      assert.equal(breaker.state, state)
    }
  })

  it('ignored in half-open lets the next one test', () => {
    toHalfOpen()
    for (let n = 0; n < 5; n++) breaker.acquire().ignore()
    breaker.acquire().success()
    assert.equal(breaker.state, 'closed')
  })

  it('never settled in half-open expires, and wedges nothing', () => {
    toHalfOpen()
    const hung = breaker.acquire()
    clock.advance(59_999)
    assert.equal(breaker.checkState(), 'half_open')
    clock.advance(1)
    assert.equal(breaker.checkState(), 'open')
    assert.equal(breaker.metrics.stateChanges.at(-1).reason, 'test_expired')
    clock.advance(1000)
    breaker.acquire().success()
    assert.equal(breaker.state, 'closed')
    hung.failure(error)
    assert.deepEqual([breaker.state, breaker.metrics.staleCalls], ['closed', 1])
  })

  it('is judged as it is settled: classify is not asked', () => {
    make({ classify: () => assert.fail('asked') })
    breaker.acquire().failure(error)
    breaker.acquire().success()
    assert.deepEqual(counts(), [1, 1, 0, 0, 0])
  })

  it('tells its listeners', () => {
    const seen = []
    for (const type of ['success', 'failure', 'ignored']) breaker.addEventListener(type, ({ detail }) => seen.push([type, detail.error]))
    breaker.acquire().success()
    breaker.acquire().failure(error)
    breaker.acquire().ignore()
    assert.deepEqual(seen, [['success', undefined], ['failure', error], ['ignored', undefined]])
  })

  it('is asked for with a refusal as an event, too', () => {
    const seen = []
    breaker.addEventListener('reject', ({ detail }) => seen.push(detail.error))
    breaker.trip()
    const refusal = thrownBy(() => breaker.acquire())
    assert.deepEqual(seen, [refusal])
  })

  it('counts in the bulkhead', () => {
    make({ maxConcurrent: 1 })
    const permit = breaker.acquire()
    assert.equal(thrownBy(() => breaker.acquire()).code, 'ERR_BULKHEAD_FULL')
    permit.success()
    breaker.acquire().success()
  })
})

describe('a permit that is disposed of', () => {
  // `using permit = …` calls it at the end of the block, whichever way that is left.
  const HAS_DISPOSE = typeof Symbol.dispose === 'symbol'

  it('has [Symbol.dispose] where the runtime has it', () => {
    assert.equal(HAS_DISPOSE, Symbol.dispose !== undefined)
    if (HAS_DISPOSE) assert.equal(typeof breaker.acquire()[Symbol.dispose], 'function')
  })

  it('is ignored when it was not settled, and as it was otherwise', () => {
    if (!HAS_DISPOSE) assert.fail('This Node has no Symbol.dispose')
    breaker.acquire()[Symbol.dispose]()
    assert.deepEqual(counts(), [0, 0, 1, 0, 0])
    const permit = breaker.acquire()
    permit.success()
    permit[Symbol.dispose]()
    assert.deepEqual(counts(), [1, 0, 1, 0, 0])
  })
})

describe('a permit that is lost', () => {
  it('is ignored once it is garbage collected: its slot and its test request come back', async () => {
    const answer = await answerOf(
      `
      const { CircuitBreaker, ManualClock } = await import(ESM)
      const clock = new ManualClock()
      const breaker = new CircuitBreaker({ clock, maxConcurrent: 3, successThreshold: 1 })
      const collected = async (until) => {
        for (let n = 0; n < 50 && !until(); n++) {
          gc()
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      }
      ;(() => { for (let n = 0; n < 3; n++) breaker.acquire() })()
      const full = await breaker.call(() => 1).catch(({ code }) => code)
      await collected(() => breaker.metrics.inFlight === 0)
      const { inFlight, ignoredCalls } = breaker.metrics
      breaker.trip()
      clock.advance(60000)
      ;(() => breaker.acquire())()
      const during = await breaker.call(() => 1).catch(({ code }) => code)
      await collected(() => breaker.metrics.inFlight === 0)
      const tested = await breaker.call(() => 'tested')
      console.log(JSON.stringify([full, inFlight, ignoredCalls, during, tested, breaker.state]))`,
      '--expose-gc'
    )
    assert.deepEqual(answer, ['ERR_BULKHEAD_FULL', 0, 3, 'ERR_CIRCUIT_OPEN', 'tested', 'closed'])
  })

  it('settled before, is not settled again', async () => {
    const answer = await answerOf(
      `
      const { CircuitBreaker } = await import(ESM)
      const breaker = new CircuitBreaker()
      ;(() => { for (let n = 0; n < 100; n++) breaker.acquire().success() })()
      for (let n = 0; n < 5; n++) {
        gc()
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      const { successfulCalls, ignoredCalls, inFlight } = breaker.metrics
      console.log(JSON.stringify([successfulCalls, ignoredCalls, inFlight]))`,
      '--expose-gc'
    )
    assert.deepEqual(answer, [100, 0, 0])
  })
})
