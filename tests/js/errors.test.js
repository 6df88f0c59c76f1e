// The refusal as an error: what it says and carries, what it costs, and how it is told from other errors, in every copy of the
// package. It must not know when a breaker refuses.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { beforeEach, describe, it } from 'node:test'
import { inspect } from 'node:util'
import * as esm from '../../pkg/index.js'
import { answerOf, CJS, rejectionOf, run, slowCalls, thrownBy } from './support.js'

const { CircuitBreaker, CircuitOpenError, isCircuitOpenError, ManualClock } = esm
const cjs = createRequire(import.meta.url)(CJS)

let clock, breaker
beforeEach(() => {
  clock = new ManualClock()
  breaker = new CircuitBreaker({ clock, name: 'users', recoveryTimeout: 1000 })
})

const failure = new Error('down')
const refusalOf = (of = breaker) => rejectionOf(of.call(() => assert.fail('the function was called')))
/** Opens the breaker by calls that reject with this. */
async function failWith(thrown) {
  for (let n = 0; n < 5; n++) await breaker.call(() => Promise.reject(thrown)).catch(() => {})
  assert.equal(breaker.state, 'open')
}

describe('a refusal', () => {
  it('is an Error and a CircuitOpenError, and says when to retry', async () => {
    breaker.trip()
    const refusal = await refusalOf()
    assert.ok(refusal instanceof Error && refusal instanceof CircuitOpenError)
    assert.deepEqual([refusal.name, refusal.message, String(refusal)], [
      'CircuitOpenError', 'Circuit open. Retry in 1s (users)', 'CircuitOpenError: Circuit open. Retry in 1s (users)'
    ])
  })

  it('carries code, breaker, state and retryAfter as properties of its own', async () => {
    breaker.trip()
    clock.advance(250)
    const refusal = await refusalOf()
    assert.deepEqual({ ...refusal }, { code: 'ERR_CIRCUIT_OPEN', breaker: 'users', state: 'open', retryAfter: 750 })
    assert.deepEqual(JSON.parse(JSON.stringify(refusal)), { code: 'ERR_CIRCUIT_OPEN', breaker: 'users', state: 'open', retryAfter: 750 })
  })

  it('of a breaker without a name has none', async () => {
    const nameless = new CircuitBreaker({ clock })
    nameless.trip()
    const refusal = await refusalOf(nameless)
    assert.equal(refusal.breaker, undefined)
    assert.ok('breaker' in refusal)
    assert.equal(refusal.message, 'Circuit open. Retry in 60s')
  })

  it('shows 100 characters of a name in its message, and has it whole beside it', async () => {
    for (const name of ['x'.repeat(100), 'x'.repeat(101), 'x'.repeat(10_000)]) {
      const named = new CircuitBreaker({ clock, name })
      named.isolate()
      const refusal = await refusalOf(named)
      assert.equal(refusal.message, `Circuit open. Isolated until released (${'x'.repeat(100)})`)
      assert.equal(refusal.breaker, name)
    }
  })

  it('of an empty name shows none', async () => {
    const nameless = new CircuitBreaker({ clock, name: '' })
    nameless.trip()
    assert.equal((await refusalOf(nameless)).message, 'Circuit open. Retry in 60s')
  })

  it('in half open says so, and to come back when the lease of the test request ends, a second later at most', async () => {
    const breaker = new CircuitBreaker({ clock, recoveryTimeout: 1000, halfOpenTimeout: 1500 })
    breaker.trip()
    clock.advance(1000)
    slowCalls(breaker).start()
    const leaseEnd = clock.now() + 1500
    // By what is left of the lease.
    for (const [ms, expected] of [[1500, 1000], [1000.5, 1000], [1000, 1000], [999.5, 999.5], [1, 1], [0.5, 1]]) {
      clock.set(leaseEnd - ms)
      const refusal = await rejectionOf(breaker.call(() => 'up'))
      assert.deepEqual([refusal.state, refusal.retryAfter, refusal.message], ['half_open', expected, 'Circuit open. Retry in 1s'])
      assert.equal(breaker.explain().retryAfter, expected)
    }
  })

  it('is truthful: a call made retryAfter later is let through, one made earlier is not', async () => {
    await failWith(failure)
    clock.advance(123.25)
    const { retryAfter } = await refusalOf()
    clock.advance(retryAfter - 0.125)
    assert.equal((await refusalOf()).retryAfter, 0.125)
    clock.advance(0.125)
    assert.equal(await breaker.call(() => 'up'), 'up')
  })

  it('is a new object each time', async () => {
    breaker.trip()
    const [one, other] = [await refusalOf(), await refusalOf()]
    assert.notEqual(one, other)
    one.mine = true
    assert.equal(other.mine, undefined)
  })

  it('shows what matters when it is logged', async () => {
    await failWith(failure)
    const shown = inspect(await refusalOf())
    for (const part of ['CircuitOpenError: Circuit open. Retry in 1s (users)', "code: 'ERR_CIRCUIT_OPEN'", "breaker: 'users'", 'retryAfter: 1000', 'Error: down']) {
      assert.ok(shown.includes(part), `${part} in ${shown}`)
    }
  })

  it('can be sent to another thread: message and cause arrive', async () => {
    await failWith(failure)
    const clone = structuredClone(await refusalOf())
    assert.ok(clone instanceof Error)
    assert.deepEqual([clone.message, clone.cause.message], ['Circuit open. Retry in 1s (users)', 'down'])
  })
})

describe('the cause of a refusal', () => {
  it('is the very failure that opened the circuit', async () => {
    for (let n = 0; n < 4; n++) await breaker.call(() => Promise.reject(new Error(`failure ${n}`))).catch(() => {})
    thrownBy(() => breaker.callSync(() => { throw failure }))
    assert.equal((await refusalOf()).cause, failure)
    assert.equal((await refusalOf()).cause, failure)
  })

  it('is what was given to recordFailure()', async () => {
    for (let n = 0; n < 4; n++) breaker.recordFailure(new Error('earlier'))
    breaker.recordFailure(failure)
    assert.equal((await refusalOf()).cause, failure)
  })

  it('need not be an Error', async () => {
    for (const thrown of ['text', 0, '', false, 7n, { code: 503 }]) {
      breaker.reset()
      await failWith(thrown)
      assert.equal((await refusalOf()).cause, thrown)
    }
  })

  it('is not there when nothing failed: the circuit was opened by hand', async () => {
    breaker.recordFailure(failure)
    breaker.trip()
    assert.equal(Object.hasOwn(await refusalOf(), 'cause'), false)
  })

  it('is no property of the refusal that shows when it is listed', async () => {
    await failWith(failure)
    assert.equal(Object.getOwnPropertyDescriptor(await refusalOf(), 'cause').enumerable, false)
  })

  it('is the latest failure when the circuit opened again', async () => {
    await failWith(failure)
    clock.advance(1000)
    const later = new Error('still down')
    await breaker.call(() => Promise.reject(later)).catch(() => {})
    assert.equal((await refusalOf()).cause, later)
  })

  it('is never an earlier failure: not when the latest was a rejection with null or nothing', async () => {
    for (const nothing of [null, undefined]) {
      breaker.reset()
      await failWith(failure)
      clock.advance(1000)
      await breaker.call(() => Promise.reject(nothing)).catch(() => {})
      assert.equal((await refusalOf()).cause ?? undefined, undefined, String(nothing))
    }
  })

  it('is forgotten when the circuit closes', async () => {
    for (const close of [() => breaker.reset(), () => { clock.advance(1000); breaker.checkState(); breaker.recordSuccess(); breaker.recordSuccess() }]) {
      await failWith(failure)
      close()
      breaker.trip()
      assert.equal((await refusalOf()).cause, undefined)
    }
  })

  it('is no chain that grows: not when a function calls through its own breaker again', async () => {
    await failWith(failure)
    for (let n = 0; n < 50; n++) {
      clock.advance(1000)
      await breaker.call(() => breaker.call(() => Promise.reject(failure))).catch(() => {})
    }
    let depth = 0
    for (let error = await refusalOf(); error !== undefined; error = error.cause) depth++
    assert.ok(depth < 10, `${depth} errors deep`)
  })
})

describe('the stack of a refusal', () => {
  const frames = ({ stack }) => stack.split('\n').filter((line) => /^\s+at /.test(line))

  it('is not captured, whichever way the call was made', async () => {
    breaker.trip()
    for (const refusal of [await refusalOf(), thrownBy(() => breaker.callSync(() => 1)), await rejectionOf(breaker.wrap(() => 1)())]) {
      assert.deepEqual(frames(refusal), [])
      assert.match(refusal.stack, /^CircuitOpenError: Circuit open\. Retry in 1s/)
    }
  })

  it('is captured with stackTrace: true, the caller in it', async () => {
    const traced = new CircuitBreaker({ clock, stackTrace: true })
    traced.trip()
    const callFromHere = () => rejectionOf(traced.call(() => 1))
    assert.ok(frames(await callFromHere()).some((frame) => frame.includes('callFromHere')))
    const plain = new CircuitBreaker({ clock, stackTrace: false })
    plain.trip()
    assert.deepEqual(frames(await refusalOf(plain)), [])
  })

  it('leaves Error.stackTraceLimit as it was', async (t) => {
    breaker.trip()
    const before = Error.stackTraceLimit
    t.after(() => (Error.stackTraceLimit = before))
    for (const limit of [10, 0, 37, Infinity, 2.5]) {
      Error.stackTraceLimit = limit
      await refusalOf()
      assert.equal(Error.stackTraceLimit, limit)
      if (limit > 1) assert.ok(frames(new Error('mine')).length > 0)
    }
    for (const odd of ['10', undefined, null]) {
      Error.stackTraceLimit = odd
      await refusalOf()
      assert.equal(Error.stackTraceLimit, odd)
    }
  })

  it('leaves the stacks of the functions’ own errors alone', async () => {
    breaker.trip()
    await refusalOf()
    breaker.reset()
    const error = await rejectionOf(breaker.call(async () => { throw new Error('mine') }))
    assert.ok(frames(error).length > 0)
  })

  const refuse = `
    const { CircuitBreaker, isCircuitOpenError } = await import(ESM)
    const breaker = new CircuitBreaker()
    breaker.trip()
    const refusal = await breaker.call(() => 1).catch((error) => error)
    console.log(JSON.stringify([isCircuitOpenError(refusal), refusal.message, 'stackTraceLimit' in Error]))`

  it('needs no Error.stackTraceLimit, which engines other than V8 may not have, and makes none', async () => {
    assert.deepEqual(await answerOf(`delete Error.stackTraceLimit\n${refuse}`), [true, 'Circuit open. Retry in 60s', false])
  })

  it('needs no right to write it: Error is frozen', async () => {
    assert.deepEqual(await answerOf(`Object.freeze(Error)\n${refuse}`), [true, 'Circuit open. Retry in 60s', true])
  })

  it('needs no right to write it: all intrinsics are frozen', async () => {
    const { stdout } = await run(refuse, '--frozen-intrinsics')
    assert.deepEqual(JSON.parse(stdout), [true, 'Circuit open. Retry in 60s', true])
  })
})

describe('isCircuitOpenError()', () => {
  it('knows a refusal', async () => {
    breaker.trip()
    assert.equal(isCircuitOpenError(await refusalOf()), true)
    assert.equal(isCircuitOpenError(new CircuitOpenError()), true)
    assert.equal(isCircuitOpenError(new (class Mine extends CircuitOpenError {})()), true)
  })

  it('knows nothing else', () => {
    const lookalike = Object.assign(new Error('Circuit open. Retry in 1s'), { name: 'CircuitOpenError', code: 'ERR_CIRCUIT_OPEN' })
    for (const other of [undefined, null, 0, 'CircuitOpenError', Symbol('s'), {}, [], () => {}, new Error('down'), lookalike, breaker, CircuitOpenError, Object.create(null)]) {
      assert.equal(isCircuitOpenError(other), false)
    }
  })

  it('knows the refusals of another copy of the package, and that copy ours', async () => {
    assert.notEqual(cjs.CircuitOpenError, CircuitOpenError)
    for (const [maker, judge] of [[esm, cjs], [cjs, esm]]) {
      const other = new maker.CircuitBreaker()
      other.trip()
      const refusal = await rejectionOf(other.call(() => 1))
      assert.equal(refusal instanceof judge.CircuitOpenError, false)
      assert.equal(judge.isCircuitOpenError(refusal), true)
      assert.equal(refusal.code, 'ERR_CIRCUIT_OPEN')
    }
  })

  it('reads no property that a caller could see', () => {
    const spy = new Proxy({}, { get: (_, key) => assert.fail(`read ${String(key)}`) })
    assert.equal(isCircuitOpenError(spy), false)
  })
})

describe('CircuitOpenError', () => {
  it('can be made by users, for their tests', () => {
    const bare = new CircuitOpenError()
    assert.deepEqual([bare.message, bare.code, bare.breaker, bare.state, bare.retryAfter, 'cause' in bare], ['', 'ERR_CIRCUIT_OPEN', undefined, 'open', 0, false])
    const full = new CircuitOpenError('closed for lunch', { breaker: 'b', state: 'half_open', retryAfter: 5, cause: failure })
    assert.deepEqual([full.message, full.breaker, full.state, full.retryAfter, full.cause], ['closed for lunch', 'b', 'half_open', 5, failure])
  })

  it('bears its name where minifiers can not reach it', () => {
    assert.equal(Object.getOwnPropertyDescriptor(CircuitOpenError.prototype, 'name').value, 'CircuitOpenError')
    assert.equal(Object.keys(new CircuitOpenError()).includes('name'), false)
  })

  it('comes in both formats of the package, which export the same names', () => {
    assert.ok('CircuitOpenError' in cjs)
    assert.deepEqual(Object.keys(cjs).sort(), Object.keys(esm).sort())
  })
})
