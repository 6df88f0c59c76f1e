// What the judge of responses takes for an option, an answer and a response; and which answers are a breaker's own. It must not know how
// requests are made.

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { Agent, request } from 'undici'
import { CircuitBreaker, CircuitOpenError, classifyResponse, isCircuitOpenError } from '../../pkg/index.js'
import { guardFetch } from '../../pkg/fetch.js'
import { guardDispatch } from '../../pkg/undici.js'
import { hearReports } from '../js/reports.js'
import { answerOf } from '../js/support.js'
import { atEnd, LIMIT, outcomes, rejectionOf, startServer, unhandled, until } from './support.js'

after(() => assert.deepEqual(unhandled, []))

const server = await startServer()
const { origin } = server

const reported = hearReports()

const outcomeOf = (verdict) => verdict?.outcome ?? verdict
const responding = (status, headers) => new Response(null, { status, headers })

describe('the options of classifyResponse()', () => {
  it('are an object of what it knows', () => {
    for (const options of [5, [], '7', () => {}, null, true, Symbol('a')]) assert.throws(() => classifyResponse(options), { code: 'ERR_INVALID_OPTION' })
    for (const [name, value] of [['rateLimit', ['pause']], ['rateLimit', 'toString'], ['rateLimit', { toString: () => 'pause' }], ['failOn', 500], ['failOn', [99]], ['failOn', [1000]], ['failOn', ['500']], ['failOn', null]]) {
      assert.throws(() => classifyResponse({ [name]: value }), { code: 'ERR_INVALID_OPTION', option: name }, String(value))
    }
    assert.throws(() => classifyResponse({ failOm: [500] }), { code: 'ERR_INVALID_OPTION', option: 'failOm', message: /did you mean `failOn`/ })
    for (const options of [undefined, {}, { failOn: undefined, rateLimit: undefined }, Object.freeze({ failOn: [100, 999] })]) assert.equal(typeof classifyResponse(options), 'function')
  })
  it('are own members, for guards as well: what a polluted prototype has changes nothing', async () => {
    const names = { failOn: 5, rateLimit: 'no', retryAfter: 5, max: -1, settleOn: 'no', onRefused: 'no', key: 5, fetch: 5, configure: 5, classify: 5, maxRetryAfter: -1, 'retry-after': '9', 'x-circuit-breaker': 'a' }
    const told = '503 {"error":{"message":"Circuit open. Retry in 60s (http://127.0.0.1:9)","code":"ERR_CIRCUIT_OPEN"}}'
    const [seen] = await answerOf(`
      const { classifyResponse } = await import(${JSON.stringify(new URL('../../pkg/index.js', import.meta.url).href)})
      const { guardFetch } = await import(${JSON.stringify(new URL('../../pkg/fetch.js', import.meta.url).href)})
      const { guardDispatch } = await import(${JSON.stringify(new URL('../../pkg/undici.js', import.meta.url).href)})
      const seen = []
      for (const [name, value] of Object.entries(${JSON.stringify({ ...names, toJSON: null })})) {
        Object.prototype[name] = value ?? (() => 'a')
        try {
          const slow = async () => new Promise((resolve) => setTimeout(resolve, 20, new Response(null, { status: 503 })))
          const guarded = guardFetch({ fetch: slow, retryAfter: {}, failureThreshold: 1 })
          await guarded('http://127.0.0.1:9/')
          const guard = guardDispatch({ failureThreshold: 1 })
          guard((options, handler) => { handler.onResponseStart({}, 503, {}); return true })({ origin: 'http://127.0.0.1:9', path: '/' }, { onRequestStart() {}, onResponseStart() {} })
          await new Promise((resolve) => setTimeout(resolve))
          seen.push(classifyResponse()(undefined, new Response(null, { status: 503 })).outcome, ...[guarded, guard].map(({ registry }) => Object.values(registry.status()).join()))
          const refusing = guardFetch({ onRefused: 'respond' })
          refusing.registry.get('http://127.0.0.1:9').trip()
          const refused = await refusing('http://127.0.0.1:9/')
          seen.push(refused.status + ' ' + (await refused.text()))
        } catch (error) {
          seen.push(name + ': ' + error.message)
        }
        delete Object.prototype[name]
      }
      console.log(JSON.stringify([seen]))`)
    assert.deepEqual(seen, [...Object.keys(names), 'toJSON'].flatMap(() => ['failure', 'open', 'open', told]))
  })
})

describe('failOn', () => {
  const promises = {
    'a promise': () => Promise.resolve(false),
    'a promise that rejects': () => Promise.reject(new Error('mine')),
    'an async function': async () => true,
    'a promise of a subclass': () => new (class extends Promise {})((resolve) => resolve(true))
  }
  for (const [kind, failOn] of Object.entries(promises)) {
    it(`that answers ${kind} is reported once and judged as absent`, async () => {
      const classify = classifyResponse({ failOn })
      for (const [status, outcome] of [[200, 'success'], [404, 'success'], [503, 'failure'], [429, 'ignored'], [408, 'ignored']]) {
        assert.equal(outcomeOf(classify(undefined, responding(status))), outcome)
        assert.match(reported.pop().message, /`failOn` to answer true or false, got a promise/)
        assert.deepEqual(reported, [])
      }
      await new Promise((resolve) => setImmediate(resolve))
    })
  }
  it('that throws is reported and judged as absent', () => {
    const own = new Error('mine')
    const classify = classifyResponse({ failOn: () => { throw own } })
    for (const [status, outcome] of [[200, 'success'], [503, 'failure']]) assert.equal(outcomeOf(classify(undefined, responding(status))), outcome)
    assert.deepEqual(reported, [own, own])
  })
  it('has the last word with anything but a promise', () => {
    for (const [answer, outcome] of [[1, 'failure'], ['no', 'failure'], [{ then() {} }, 'failure'], [0, 'success'], ['', 'success'], [undefined, 'success'], [null, 'success']]) {
      assert.equal(outcomeOf(classifyResponse({ failOn: () => answer })(undefined, responding(503))), outcome, String(answer))
    }
    assert.deepEqual(reported, [])
  })
})

describe('a key that is a promise', LIMIT, () => {
  it('is refused, and its rejection is nobody\'s', async () => {
    const guarded = guardFetch({ key: async () => { throw new Error('mine') }, fetch: () => assert.fail('nothing is sent') })
    assert.equal((await rejectionOf(guarded(origin))).option, 'key')
    await new Promise((resolve) => setImmediate(resolve))
  })
})

describe('a response that is judged', () => {
  it('need not be a Response', () => {
    const classify = classifyResponse()
    const asks = (headers) => classify(undefined, { status: 503, headers }).retryAfter
    assert.equal(asks({ get: (name) => (name === 'retry-after' ? '7' : undefined) }), 7000)
    assert.equal(asks({ get: (name) => (name === 'retry-after' ? 7 : null) }), 7000)
    assert.equal(asks({ get: (name) => (name === 'retry-after' ? ' 7 ' : null) }), 7000)
    for (const headers of [undefined, null, {}, { get: () => null }, { get: () => 'x'.repeat(10_000) }]) {
      if (headers?.get?.('') === undefined || headers.get('') === null) assert.equal(asks(headers), NaN)
    }
  })
  it('is left to the breaker where there is none', () => {
    const classify = classifyResponse()
    assert.equal(classify(undefined, undefined), undefined)
    assert.equal(classify(new Error('down'), undefined), undefined)
  })
})

describe('a refusal of a breaker inside', LIMIT, () => {
  const inner = guardFetch({ onRefused: 'respond', key: () => 'inner' })
  inner.registry.get('inner').trip()
  const throwing = guardFetch({ key: () => 'inner' })
  throwing.registry.get('inner').trip()
  const wrapping = async (...all) => {
    try {
      return await throwing(...all)
    } catch (error) {
      throw new TypeError('fetch failed', { cause: new Error('Connection error.', { cause: error }) })
    }
  }
  const FETCHES = { 'as a response': inner, 'as an error': throwing, 'in the causes of an error': wrapping }
  for (const [told, fetch] of Object.entries(FETCHES)) {
    for (const options of [{}, { failOn: [503] }, { failOn: ({ status }) => status >= 500 }, { timeout: 5000 }, { settleOn: 'body' }, { failOn: () => true }]) {
      it(`is ignored by the guard outside: ${told}, ${JSON.stringify(options)}`, async () => {
        const outer = guardFetch({ failureThreshold: 1, fetch, ...options })
        await outer(origin).catch((error) => assert.ok(error instanceof Error))
        assert.deepEqual(outcomes(outer.registry), { ignored: 1 })
      })
    }
    it(`is ignored by a breaker with classifyResponse(): ${told}`, async () => {
      const breaker = new CircuitBreaker({ failureThreshold: 1, classify: classifyResponse() })
      await breaker.call(fetch, origin).catch(() => {})
      assert.equal(breaker.metrics.ignoredCalls, 1)
    })
  }
  it('is ignored by a guard around undici', async () => {
    for (const options of [{}, { onRefused: 'respond' }]) {
      const guard = guardDispatch(options)
      guard.registry.get(origin).trip()
      const outer = guardDispatch({ failureThreshold: 1 })
      const agent = new Agent()
      atEnd(() => agent.destroy())
      await request(origin, { dispatcher: agent.compose(guard, outer) }).then(({ body }) => body.dump(), (error) => assert.ok(isCircuitOpenError(error)))
      await until(() => outcomes(outer.registry).inFlight === undefined)
      assert.deepEqual(outcomes(outer.registry), { ignored: 1 })
    }
  })
  it('is nothing that another status makes', async () => {
    for (const [status, outcome] of [[500, 'failure'], [502, 'failure'], [200, 'success']]) {
      const outer = guardFetch({ fetch: async () => responding(status, { 'x-circuit-breaker': 'users' }) })
      await outer(origin)
      assert.deepEqual(outcomes(outer.registry), { [outcome]: 1 })
    }
  })
})

describe('what refusals name as their cause', LIMIT, () => {
  it('is the status alone, never the response, or the error itself', async () => {
    const down = new TypeError('down')
    for (const [fetch, check] of [
      [async () => responding(503, { 'set-cookie': 'secret' }), (cause) => assert.deepEqual({ ...cause, message: cause.message }, { message: 'HTTP status 503' })],
      [async () => { throw down }, (cause) => assert.equal(cause, down)]
    ]) {
      const guarded = guardFetch({ failureThreshold: 1, fetch })
      await guarded(origin).catch(() => {})
      check((await rejectionOf(guarded(origin))).cause)
    }
  })
  it('is not read as a timeout of the request that was refused: its own cause is the error that timed out', async () => {
    const hang = (_, { signal } = {}) => new Promise((resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    const late = Object.assign(new Error('connect ETIMEDOUT 127.0.0.1:9'), { code: 'ETIMEDOUT' })
    const deadline = () => AbortSignal.timeout(5)
    for (const [options, init, message, isTheError] of [
      [{ fetch: hang, timeout: 5 }, () => undefined, 'No answer within 5 ms', (error) => error.code === 'ERR_CALL_TIMEOUT'],
      [{ fetch: hang }, () => ({ signal: deadline() }), 'No answer in time', (error) => error.name === 'TimeoutError'],
      [{ fetch: async () => { throw late } }, () => undefined, 'No answer in time', (error) => error === late],
      [{ fetch: async () => { throw late }, configure: () => ({ classify: () => undefined }) }, () => undefined, 'No answer in time', (error) => error === late]
    ]) {
      const guarded = guardFetch({ failureThreshold: 1, ...options })
      const first = await rejectionOf(guarded(origin, init()))
      assert.ok(isTheError(first), String(first))
      const { cause } = await rejectionOf(guarded(origin))
      assert.doesNotMatch(String(cause), /timed? ?out/i)
      assert.deepEqual([cause.message, cause.cause], [message, first])
      assert.deepEqual(outcomes(guarded.registry), { failure: 1 })
    }
  })
  it('has its text read only once the circuit opens', async () => {
    let reads = 0
    const failure = Object.assign(new Error('down'), { toString: () => (reads++, 'timed out') })
    const guarded = guardFetch({ failureThreshold: 3, fetch: async () => { throw failure } })
    for (const expected of [0, 0, 1]) {
      await rejectionOf(guarded(origin))
      assert.equal(reads, expected)
    }
    assert.equal((await rejectionOf(guarded(origin))).cause.message, 'No answer in time')
  })
  it('is no failure where a refusal inside speaks of a timeout', async () => {
    const refusal = new CircuitOpenError('Circuit open')
    const guarded = guardFetch({ fetch: async () => { throw new Error('Request timed out.', { cause: refusal }) } })
    await rejectionOf(guarded(origin))
    assert.deepEqual(outcomes(guarded.registry), { ignored: 1 })
  })
  it('is what `classify` names, where `configure` gives one, for errors and responses', async () => {
    const classify = (error, response) => ((error ?? response.status === 503) ? { outcome: 'failure', cause: new Error('redacted') } : undefined)
    for (const fetch of [async () => responding(503), async () => { throw new TypeError('secret') }]) {
      const guarded = guardFetch({ failureThreshold: 1, fetch, configure: () => ({ classify }) })
      await guarded(origin).catch(() => {})
      assert.equal((await rejectionOf(guarded(origin))).cause.message, 'redacted')
    }
    const judge = classifyResponse()
    const breaker = new CircuitBreaker({ failureThreshold: 1, classify: (error, response) => (error ? { outcome: 'failure', cause: new Error('redacted') } : judge(error, response)) })
    await breaker.call(async () => { throw new Error('secret') }).catch(() => {})
    assert.equal((await rejectionOf(breaker.call(async () => 1))).cause.message, 'redacted')
  })
  it('is asked for after the guard: what tells nothing of the server stays ignored', async () => {
    const guarded = guardFetch({ configure: () => ({ classify: () => 'failure' }), failureThreshold: 100 })
    await rejectionOf(guarded(origin, { method: 'A B' }))
    await (await guarded(origin)).text()
    assert.deepEqual(outcomes(guarded.registry), { ignored: 1, failure: 1 })
  })
  it('goes with a fallback of one breaker, which gets the request as that of the guard does', async () => {
    const guarded = guardFetch({ configure: () => ({ fallback: ({ url }, error) => new Response(`${url.pathname} ${error.code}`) }) })
    guarded.registry.get(origin).trip()
    assert.equal(await (await guarded(`${origin}/users`)).text(), '/users ERR_CIRCUIT_OPEN')
  })
})
