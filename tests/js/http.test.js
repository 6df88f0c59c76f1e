// A breaker before real HTTP servers on this machine: one that fails, one that hangs, one that recovers. Time is moved by hand. It must
// not know of HTTP in the breaker: what counts as a failure is decided here, by throwing.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, isCircuitOpenError, ManualClock } from '../../pkg/index.js'
import { rejectionOf } from './support.js'

const RECOVERY = 30_000
/** A server that listens keeps a test that hangs from ending: this ends it. */
const LIMIT = { timeout: 20_000 }

let upstream, clock, breaker, get, controllers
const servers = []

/** A server whose mood can be changed, and which counts what reaches it. */
async function startUpstream() {
  const upstream = { mood: 'up', hits: 0, hanging: [] }
  upstream.server = createServer((request, response) => {
    upstream.hits++
    if (upstream.mood === 'hangs') upstream.hanging.push(response)
    else if (upstream.mood === 'breaks off') response.destroy()
    else response.writeHead(upstream.mood === 'up' ? 200 : 503).end(upstream.mood)
  })
  upstream.server.listen(0, '127.0.0.1')
  await once(upstream.server, 'listening')
  servers.push(upstream.server)
  upstream.url = `http://127.0.0.1:${upstream.server.address().port}/`
  return upstream
}

beforeEach(async () => {
  upstream = await startUpstream()
  clock = new ManualClock()
  breaker = new CircuitBreaker({ clock, name: 'upstream', failureThreshold: 3, recoveryTimeout: RECOVERY, halfOpenTimeout: 10_000 })
  controllers = []
  get = breaker.wrap(async (path = '') => {
    const controller = new AbortController()
    controllers.push(controller)
    const response = await fetch(upstream.url + path, { signal: controller.signal, headers: { connection: 'close' } })
    const body = await response.text()
    if (!response.ok) throw new Error(`${response.status} ${body}`)
    return body
  })
})
afterEach(async () => {
  for (const controller of controllers) controller.abort()
  upstream.server.closeAllConnections()
  if (upstream.server.listening) await new Promise((resolve) => upstream.server.close(resolve))
})
after(async () => {
  assert.ok(servers.length > 0)
  for (const server of servers) {
    assert.equal(server.listening, false)
    assert.equal(await new Promise((resolve) => server.getConnections((_, count) => resolve(count ?? 0))), 0)
  }
})

const outcomes = (calls) => Promise.all(calls.map((call) => call.then((value) => value, (error) => error.code ?? error.message)))

describe('a server that is up', LIMIT, () => {
  it('is reached by every call, one after another and at once', async () => {
    for (let n = 0; n < 5; n++) assert.equal(await get(), 'up')
    assert.deepEqual(new Set(await outcomes(Array.from({ length: 20 }, () => get()))), new Set(['up']))
    assert.equal(upstream.hits, 25)
    assert.deepEqual(breaker.getSummary(), { state: 'closed', failures: 0, successRate: '100.0%', totalCalls: 25, rejected: 0, stateChanges: 0 })
  })
})

describe('a server that fails', LIMIT, () => {
  beforeEach(() => (upstream.mood = 'down'))

  it('is left alone after three failures: callers get the refusal at once', async () => {
    const answers = []
    for (let n = 0; n < 10; n++) answers.push(...(await outcomes([get()])))
    assert.deepEqual(answers, [...Array(3).fill('503 down'), ...Array(7).fill('ERR_CIRCUIT_OPEN')])
    assert.equal(upstream.hits, 3)
    const refusal = await rejectionOf(get())
    assert.ok(isCircuitOpenError(refusal))
    assert.deepEqual([refusal.breaker, refusal.retryAfter, refusal.cause.message], ['upstream', RECOVERY, '503 down'])
  })

  it('is tried once per recovery time for as long as it fails, however many call', async () => {
    await outcomes([get(), get(), get()])
    for (let n = 1; n <= 5; n++) {
      clock.advance(RECOVERY)
      const answers = await outcomes(Array.from({ length: 50 }, () => get()))
      assert.equal(answers.filter((answer) => answer === '503 down').length, 1)
      assert.equal(upstream.hits, 3 + n)
    }
  })

  it('is used again once it recovered: one test request, another, then everybody', async () => {
    await outcomes([get(), get(), get()])
    upstream.mood = 'up'
    await outcomes([get()])
    assert.equal(upstream.hits, 3)
    clock.advance(RECOVERY)
    for (const hits of [4, 5]) {
      const answers = await outcomes(Array.from({ length: 50 }, () => get()))
      assert.deepEqual([answers.filter((answer) => answer === 'up').length, upstream.hits], [1, hits])
    }
    assert.equal(breaker.state, 'closed')
    assert.deepEqual(new Set(await outcomes(Array.from({ length: 50 }, () => get()))), new Set(['up']))
    assert.deepEqual(breaker.metrics.stateChanges.map(({ reason }) => reason), ['failure_threshold', 'recovery_due', 'recovered'])
  })
})

describe('a server that breaks off, or is not there', LIMIT, () => {
  it('opens the circuit with the very error of fetch', async () => {
    upstream.mood = 'breaks off'
    const errors = []
    for (let n = 0; n < 3; n++) errors.push(await rejectionOf(get()))
    for (const error of errors) assert.ok(error instanceof TypeError, String(error))
    assert.equal((await rejectionOf(get())).cause, errors.at(-1))
  })

  it('opens the circuit when nobody listens', async () => {
    upstream.server.close()
    await once(upstream.server, 'close')
    for (let n = 0; n < 3; n++) assert.equal((await rejectionOf(get())).cause.code, 'ECONNREFUSED')
    assert.equal((await rejectionOf(get())).code, 'ERR_CIRCUIT_OPEN')
  })
})

describe('a server that hangs', LIMIT, () => {
  const hits = async (count) => {
    while (upstream.hits < count) await once(upstream.server, 'request')
  }

  it('when it is tested, blocks the others for the half-open time and no longer', async () => {
    breaker.trip()
    clock.advance(RECOVERY)
    upstream.mood = 'hangs'
    const hung = outcomes([get()])
    await hits(1)
    assert.deepEqual(await outcomes([get()]), ['ERR_CIRCUIT_OPEN'])
    clock.advance(10_000)
    assert.deepEqual(await outcomes([get()]), ['ERR_CIRCUIT_OPEN'])
    assert.equal(breaker.state, 'open')
    upstream.mood = 'up'
    clock.advance(RECOVERY)
    assert.equal(await get(), 'up')
    assert.equal(await get(), 'up')
    assert.equal(breaker.state, 'closed')

    // What the hung request answers in the end reaches its caller and nobody else.
    const before = breaker.metrics.toJSON()
    upstream.hanging[0].writeHead(503).end('at last')
    assert.deepEqual(await hung, ['503 at last'])
    assert.deepEqual(breaker.metrics.toJSON(), { ...before, staleCalls: 1, inFlight: 0, totalCalls: before.totalCalls + 1 })
    assert.deepEqual([breaker.state, breaker.failureCount], ['closed', 0])
  })

  it('while the circuit is closed, opens it when the callers give up', async () => {
    upstream.mood = 'hangs'
    const calls = outcomes([get(), get(), get(), get()])
    await hits(4)
    assert.equal(breaker.metrics.inFlight, 4)
    for (const controller of controllers) controller.abort(new Error('gave up'))
    assert.deepEqual(await calls, Array(4).fill('gave up'))
    assert.deepEqual([breaker.state, breaker.metrics.failedCalls, breaker.metrics.staleCalls], ['open', 3, 1])
  })
})

describe('two servers, a breaker each', LIMIT, () => {
  it('do not share their fate', async () => {
    const other = upstream
    const guarded = get
    upstream = await startUpstream()
    upstream.mood = 'down'
    const own = new CircuitBreaker({ clock, failureThreshold: 1 })
    await rejectionOf(own.call(async () => {
      const response = await fetch(upstream.url, { headers: { connection: 'close' } })
      throw new Error(await response.text())
    }))
    assert.equal(own.state, 'open')
    await new Promise((resolve) => upstream.server.close(resolve))
    upstream = other
    assert.equal(await guarded(), 'up')
    assert.equal(breaker.state, 'closed')
  })
})

describe('through callSync()', LIMIT, () => {
  it('a request counts once it is answered', async () => {
    upstream.mood = 'down'
    for (let n = 0; n < 3; n++) {
      const answer = breaker.callSync(async () => {
        const response = await fetch(upstream.url, { headers: { connection: 'close' } })
        throw new Error(await response.text())
      })
      assert.equal((await rejectionOf(answer)).message, 'down')
    }
    assert.equal(breaker.state, 'open')
  })
})
