// The refusal inside what a client made of it, wherever that is, and what it costs to look. It must not know which client makes what: that is
// in ../sdks.

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { guardFetch } from '../../pkg/fetch.js'
import * as esm from '../../pkg/index.js'
import { CJS, rejectionOf } from './support.js'

const { BulkheadFullError, CallTimeoutError, CircuitBreaker, CircuitOpenError, findRefusal, ManualClock } = esm
const cjs = createRequire(import.meta.url)(CJS)

const refusal = new CircuitOpenError('Circuit open. Retry in 5s', { breaker: 'users', retryAfter: 5000 })
const wrapped = (members) => Object.assign(new Error('wrapped'), members)
/** An error around an error around … */
const deep = (depth, inner) => {
  let error = inner
  for (let n = 0; n < depth; n++) error = new Error('outer', { cause: error })
  return error
}

describe('findRefusal()', () => {
  it('gives a refusal itself, of a circuit or of a bulkhead', async () => {
    const full = new BulkheadFullError('Too many calls in flight, at most 1 at once')
    for (const one of [refusal, full]) assert.equal(findRefusal(one), one)
    const breaker = new CircuitBreaker()
    breaker.trip()
    const own = await rejectionOf(breaker.call(() => 'up'))
    assert.equal(findRefusal(new TypeError('fetch failed', { cause: own })), own)
  })

  it('gives those of another copy of the package', () => {
    const other = new cjs.CircuitOpenError('Circuit open. Retry in 1s')
    assert.equal(other instanceof CircuitOpenError, false)
    assert.equal(findRefusal({ networkError: other }), other)
  })

  it('looks wherever clients keep what they were given', () => {
    for (const name of ['cause', 'networkError', 'originalError', 'detail', 'context', 'error', 'reason', 'raw', 'meta', 'response', '$response']) {
      assert.equal(findRefusal(wrapped({ [name]: refusal })), refusal, name)
      assert.equal(findRefusal({ [name]: { cause: refusal } }), refusal, name)
    }
    assert.equal(findRefusal(new AggregateError([new Error('one'), wrapped({ cause: refusal })])), refusal)
    assert.equal(findRefusal({ graphQLErrors: [{ originalError: refusal }] }), refusal)
    assert.equal(findRefusal([{ status: 'fulfilled', value: 1 }, { status: 'rejected', reason: refusal }]), refusal, 'what Promise.allSettled gives')
    class Getting extends Error {
      get cause() {
        return refusal
      }
    }
    assert.equal(findRefusal(new Getting()), refusal)
  })

  it('gives the nearest of several', () => {
    const far = new CircuitOpenError('far')
    assert.equal(findRefusal(wrapped({ cause: wrapped({ cause: far }), context: refusal })), refusal)
    assert.equal(findRefusal(new CircuitOpenError('outer', { cause: far })).message, 'outer')
  })

  it('gives undefined where there is none', () => {
    const lookalike = Object.assign(new Error('Circuit open. Retry in 1s'), { name: 'CircuitOpenError', code: 'ERR_CIRCUIT_OPEN' })
    const others = [undefined, null, 0, '', 'CircuitOpenError', 1n, Symbol('s'), true, () => refusal, {}, [], new Error('down'), new CallTimeoutError('late'), lookalike, CircuitOpenError, Object.create(null), { value: refusal }, 'x'.repeat(9), new Uint8Array(100_000)]
    for (const other of others) {
      assert.equal(findRefusal(other), undefined)
      assert.equal(findRefusal(wrapped({ cause: other, headers: other, length: other })), undefined)
    }
  })
})

describe('findRefusal(), of a refusal that was a response', () => {
  const answer = async (prepare, options) => {
    const guarded = guardFetch({ onRefused: 'respond', recoveryTimeout: 41_500, clock: new ManualClock(), key: () => 'tenant ü', fetch: () => new Promise(() => {}), ...options })
    await prepare(guarded.registry.get('tenant ü'), guarded)
    return guarded('http://127.0.0.1:9/')
  }

  it('tells what the headers do', async () => {
    const found = findRefusal(await answer((breaker) => breaker.trip()))
    assert.ok(found instanceof CircuitOpenError)
    assert.deepEqual([found.message, { ...found }], ['Circuit open. Retry in 42s (tenant ü)', { code: 'ERR_CIRCUIT_OPEN', breaker: 'tenant ü', state: 'open', retryAfter: 42_000 }])
    assert.equal('cause' in found, false)
  })
  it('knows a circuit that is isolated, half open, and a full bulkhead', async () => {
    const isolated = findRefusal(await answer((breaker) => breaker.isolate()))
    assert.deepEqual([isolated.message, isolated.state, isolated.retryAfter], ['Circuit open. Isolated until released (tenant ü)', 'open', Infinity])
    const isTesting = async (breaker, guarded) => {
      breaker.trip()
      guarded('http://127.0.0.1:9/')
    }
    const testing = findRefusal(await answer(isTesting, { recoveryTimeout: 0 }))
    assert.deepEqual([testing.code, testing.state, testing.retryAfter], ['ERR_CIRCUIT_OPEN', 'half_open', 1000])
    const full = findRefusal(await answer(async (_, guarded) => void guarded('http://127.0.0.1:9/'), { maxConcurrent: 1 }))
    assert.ok(full instanceof BulkheadFullError)
    assert.deepEqual([full.breaker, full.retryAfter], ['tenant ü', 0])
  })
  it('finds it in an error, by status and headers of whatever form', async () => {
    const response = await answer((breaker) => breaker.trip())
    const headers = Object.fromEntries(response.headers)
    for (const error of [
      { response }, { context: response }, { meta: { response } }, { status: 503, headers: response.headers }, { statusCode: 503, responseHeaders: headers }, { headers },
      { meta: { statusCode: 503, headers } }, { $response: { statusCode: 503, headers } }, { raw: { headers } }, { errors: [{ response: { status: 503, headers: new Map(Object.entries(headers)) } }] }
    ]) {
      const found = findRefusal(wrapped(error))
      assert.deepEqual([found?.code, found?.breaker, found?.retryAfter], ['ERR_CIRCUIT_OPEN', 'tenant ü', 42_000], JSON.stringify(error))
    }
  })
  it('finds none in any other response', async () => {
    const headers = { 'x-circuit-breaker': 'users', 'retry-after': '5' }
    for (const response of [new Response('', { status: 503 }), new Response('', { status: 503, headers: { 'retry-after': '5' } }), new Response('', { status: 200, headers }), { statusCode: 500, headers }, { headers: 'x-circuit-breaker: users' }, { headers: null }, { headers: { 'x-circuit-breaker': ['users'] } }, { headers: { ...headers, 'x-circuit-breaker': '%' } }]) {
      assert.equal(findRefusal({ response }), undefined)
    }
  })
  it('takes a wait that nobody can read for one that nobody knows', () => {
    for (const wait of ['soon', '-5', undefined]) assert.equal(findRefusal({ headers: { 'x-circuit-breaker': 'users', 'retry-after': wait } }).retryAfter, Infinity)
  })
})

describe('findRefusal(), whatever it is given', () => {
  const hostile = () => {
    throw new Error('hands off')
  }
  const TRAPS = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((name) => [name, hostile]))

  it('ends in a circle, and finds what is in it', () => {
    const circle = new Error('a')
    circle.cause = new Error('b', { cause: circle })
    circle.errors = [circle, circle.cause]
    assert.equal(findRefusal(circle), undefined)
    circle.cause.context = refusal
    assert.equal(findRefusal(circle), refusal)
  })
  it('reads what is frozen, and changes nothing', () => {
    const frozen = Object.freeze(wrapped({ cause: Object.freeze(wrapped({ detail: refusal })) }))
    const before = Object.getOwnPropertyDescriptors(frozen)
    assert.equal(findRefusal(frozen), refusal)
    assert.deepEqual(Object.getOwnPropertyDescriptors(frozen), before)
  })
  it('passes over what throws when it is read, and finds what is beside it', () => {
    const { proxy: revoked, revoke } = Proxy.revocable({}, {})
    revoke()
    for (const bad of [new Proxy({}, TRAPS), revoked, new Proxy(new Error('x'), TRAPS)]) {
      assert.equal(findRefusal(bad), undefined)
      assert.equal(findRefusal(wrapped({ cause: bad, errors: [bad, bad], headers: bad, status: bad, length: bad })), undefined)
      assert.equal(findRefusal(wrapped({ cause: bad, errors: [bad, { cause: refusal }] })), refusal)
    }
    const getting = Object.defineProperties(new Error('x'), Object.fromEntries(['cause', 'errors', 'headers', 'status', 'length', 'detail'].map((name) => [name, { get: hostile }])))
    assert.equal(findRefusal(getting), undefined)
    assert.equal(findRefusal(Object.assign(getting, { context: refusal })), refusal)
    for (const headers of [{ get: hostile }, { get: () => hostile }, { get: () => ({ toString: hostile }) }, { get: (name) => (name === 'x-circuit-breaker' ? 'a' : Symbol('s')) }]) {
      assert.equal(findRefusal({ headers, length: { valueOf: hostile } }), undefined)
    }
  })
  it('finds it 10,000 causes deep, and ends however deep there is none', () => {
    assert.equal(findRefusal(deep(10_000, refusal)), refusal)
    assert.equal(findRefusal(deep(100_000, undefined)), undefined)
    let reads = 0
    // One that makes another each time that it is read.
    const endless = () => new Proxy({}, { get: (_, name) => (name === 'cause' && reads++, ['cause', 'context'].includes(name) ? endless() : undefined) })
    assert.equal(findRefusal(endless()), undefined)
    // Of 400,000 members those of one object are 18.
    assert.ok(reads > 20_000 && reads < 25_000, `${reads}`)
  })
  it('gives up after 200 members that throw, in objects or in one list', () => {
    const bad = (size) => Array.from({ length: size }, () => new Proxy({}, TRAPS))
    assert.equal(findRefusal({ errors: [...bad(10), { cause: refusal }] }), refusal)
    let looked = 0
    const errors = Array.from({ length: 1000 }, () => ({ get cause() { looked++; throw new Error('hands off') } }))
    assert.equal(findRefusal({ errors: [...errors, { cause: refusal }] }), undefined)
    assert.ok(looked > 180 && looked <= 200, `${looked}`)
    let listed = 0
    const list = new Proxy([], { get: (_, name) => (name === 'length' ? 1e9 : /^\d+$/.test(name) ? (listed++, TRAPS.get()) : undefined) })
    assert.equal(findRefusal({ errors: list }), undefined)
    assert.ok(listed > 180 && listed <= 200, `${listed}`)
  })
  it('reads 400,000 members and no more, as wide as they lie', () => {
    let looked = 0
    const counting = () => ({ get cause() { looked++ } })
    const wide = (size) => ({ errors: Array.from({ length: size }, counting) })
    assert.equal(findRefusal(wide(50_000)), undefined)
    assert.ok(looked > 18_000 && looked < 25_000, `${looked}`)
    let listed = 0
    const endless = () => ({ get length() { return 1e9 }, get 0() { listed++ } })
    const before = performance.now()
    assert.equal(findRefusal({ errors: Array.from({ length: 19_000 }, endless) }), undefined)
    assert.equal(listed, 1, 'a list without end is read once, and no other after it')
    assert.ok(performance.now() - before < 2000)
    const within = wide(10_000)
    within.errors.push({ cause: refusal })
    assert.equal(findRefusal(within), refusal)
    assert.equal(findRefusal({ length: 2 ** 53, errors: { length: Infinity } }), undefined)
    assert.equal(findRefusal({ length: NaN, errors: { length: -1 } }), undefined)
  })
})
