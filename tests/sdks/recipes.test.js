// What docs/with-sdks.md advises beyond handing in a guard: errors inside a 200, rate limits, responses that nobody can read. It must not know
// how clients are made.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Agent, fetch as undiciFetch, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import { awake } from './waits.js'
import { findRefusal, ManualClock } from '../../pkg/index.js'
import { guardFetch } from '../../pkg/fetch.js'
import { guardDispatch } from '../../pkg/undici.js'
import { guardOf } from './guards.js'
import { startServer } from './server.js'

const { CLIENTS } = await import('./clients.js')
const LIMIT = { timeout: 30_000 }

let server
before(async () => (server = await startServer()))
after(() => server.close())

const rejectionOf = (promise) => promise.then((value) => assert.fail(`Expected a rejection, got ${String(value)}`), (error) => error)

describe('Errors inside a 200', LIMIT, () => {
  /** As the page has it. */
  const guarding = () => {
    const failed = new WeakSet()
    return guardFetch({
      failureThreshold: 2,
      async fetch(input, init) {
        const response = await fetch(input, init)
        const body = await response.clone().json().catch(() => undefined)
        const errors = Array.isArray(body?.errors) ? body.errors : []
        if (errors.some((error) => error?.extensions?.code === 'INTERNAL_SERVER_ERROR')) failed.add(response)
        return response
      },
      failOn: (response) => failed.has(response) || [500, 502, 503, 504, 529].includes(response.status)
    })
  }
  for (const name of ['Apollo', 'urql', 'graphql-request']) {
    it(`open the circuit, and ${name} gives its user what it gives without a guard`, async () => {
      const guarded = guarding()
      const breaker = guarded.registry.get(server.origin)
      const client = CLIENTS[name].make({ fetch: guarded, origin: server.origin })
      server.mood = 'up'
      assert.equal(await client.call(), 'Ada')
      server.mood = 'forbids'
      const forbidden = await rejectionOf(client.call())
      assert.equal(findRefusal(forbidden), undefined)
      assert.equal(breaker.metrics.failedCalls, 0, 'what is the fault of its caller is none of the server')
      server.mood = 'fails inside'
      const bare = await rejectionOf(CLIENTS[name].make({ fetch, origin: server.origin }).call())
      for (let n = 0; n < 2; n++) {
        const error = await rejectionOf(client.call())
        assert.deepEqual([error.constructor, error.message], [bare.constructor, bare.message])
      }
      assert.equal(breaker.state, 'open')
      assert.equal(findRefusal(await rejectionOf(client.call())).breaker, server.origin)
    })
  }
  it('do so whatever the body is, and so does a status', async () => {
    const guarded = guarding()
    server.mood = 'down'
    for (let n = 0; n < 2; n++) assert.equal((await guarded(`${server.origin}/graphql`, { method: 'POST', body: '{}' })).status, 503)
    assert.equal(guarded.registry.get(server.origin).state, 'open')
    const text = guardFetch({ fetch: async () => new Response('no JSON') })
    assert.equal(await (await text('http://127.0.0.1:9/')).text(), 'no JSON')
  })
})

describe('A 429 that the client waits for', LIMIT, () => {
  for (const name of ['OpenAI', 'Anthropic']) {
    it(`is between ${name} and the server with \`rateLimit: 'ignored'\`, and opens the circuit for all without it`, async () => {
      for (const [rateLimit, state] of [['ignored', 'closed'], ['pause', 'half_open']]) {
        Object.assign(server, { mood: 'limits', hits: 0 })
        const guard = guardOf('fetch', { rateLimit, isBuffered: true })
        const client = CLIENTS[name].make({ ...guard.hand, origin: server.origin })
        const { value, slept } = await awake(() => client.call(), { isBusy: guard.isBusy, onAdvance: (ms) => guard.clock.advance(ms) })
        assert.deepEqual([value, slept, server.hits], ['one two three', 2000, 2])
        assert.equal(guard.breakerOf(server.origin).state, state)
      }
    })
  }
})

describe('The dispatcher of all', LIMIT, () => {
  it('guards the `fetch` of Node and that of undici alike', async () => {
    const before = getGlobalDispatcher()
    const guard = guardDispatch()
    const agent = new Agent()
    setGlobalDispatcher(agent.compose(guard))
    try {
      server.mood = 'up'
      const breaker = guard.registry.get(server.origin)
      for (const one of [fetch, undiciFetch]) assert.equal((await (await one(`${server.origin}/users/42`)).json()).name, 'Ada')
      assert.equal(breaker.metrics.successfulCalls, 2)
      breaker.trip()
      for (const one of [fetch, undiciFetch]) assert.equal(findRefusal(await rejectionOf(one(`${server.origin}/users/42`))).breaker, server.origin)
    } finally {
      setGlobalDispatcher(before)
      await agent.destroy()
    }
  })
})

describe('A refusal while a test request is in flight', LIMIT, () => {
  for (const name of ['OpenAI', 'Anthropic']) {
    it(`is worth a retry: ${name} sleeps a second and has its answer`, async () => {
      const guard = guardOf('fetch', { onRefused: 'respond', isBuffered: true, recoveryTimeout: 0, successThreshold: 1 })
      const breaker = guard.breakerOf(server.origin)
      breaker.trip()
      const test = breaker.acquire()
      assert.equal(breaker.state, 'half_open')
      server.mood = 'up'
      const client = CLIENTS[name].make({ ...guard.hand, origin: server.origin })
      // The test request ends well meanwhile.
      const ended = await awake(() => client.call(), { isBusy: guard.isBusy, onAdvance: () => test.success() })
      assert.deepEqual([ended.value, ended.slept, guard.asked], ['one two three', 1000, 2])
    })
  }
})

describe('A refusal as a response', LIMIT, () => {
  for (const [name, says] of [['AWS S3', /XML parse error/], ['tRPC, batch', /Unable to transform response/], ['tRPC, batch stream', /Unknown error/]]) {
    it(`is none that ${name} can read, and is found all the same`, async () => {
      server.mood = 'up'
      const guard = guardOf('fetch', { onRefused: 'respond', clock: new ManualClock() })
      guard.breakerOf(server.origin).trip()
      const client = CLIENTS[name].make({ ...guard.hand, origin: server.origin })
      const { error } = await awake(() => client.call(), { isBusy: guard.isBusy, onAdvance: () => {} })
      assert.match(error.message, says)
      assert.equal(findRefusal(error).retryAfter, 60_000)
    })
  }
})
