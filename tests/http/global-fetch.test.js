// Guards and the global fetch: a guard may be it, be under it or be around it, and asks the real one once. It must not know how a guard
// finds that out.

import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { guardFetch } from '../../pkg/fetch.js'
import { guardFetch as guardFetchOfCopy } from '../../pkg/fetch.js?copy'
import { answerOf } from '../js/support.js'
import { LIMIT, outcomes, rejectionOf, startServer } from './support.js'

const server = await startServer()
const { origin } = server
const real = globalThis.fetch
afterEach(() => void (globalThis.fetch = real))

const textOf = async (promise) => (await promise).text()

/** Asks the global fetch, and how many requests that came to. */
async function hitsOf(ask) {
  const { hits } = server
  assert.equal(await textOf(ask()), '{}')
  return server.hits - hits
}

describe('a guard as the global fetch', LIMIT, () => {
  for (const [what, make] of Object.entries({ 'of the package': guardFetch, 'of another copy of it': guardFetchOfCopy })) {
    it(`asks the one that was there before: one ${what}`, async () => {
      globalThis.fetch = make()
      assert.equal(await hitsOf(() => fetch(origin)), 1)
      assert.deepEqual(outcomes(fetch.registry), { success: 1 })
    })
    it(`skips those under it: one ${what}`, async () => {
      const first = (globalThis.fetch = make())
      const second = (globalThis.fetch = guardFetch())
      assert.equal(await hitsOf(() => fetch(origin)), 1)
      assert.deepEqual([outcomes(first.registry), outcomes(second.registry)], [{}, { success: 1 }])
      // Asked when a third is the global one, which was made later.
      globalThis.fetch = make()
      assert.equal(await hitsOf(() => second(origin)), 1)
    })
  }
  it('under which there is a fetch of its own, has that asked', async () => {
    globalThis.fetch = guardFetch({ fetch: async () => new Response('own') })
    assert.equal(await textOf(guardFetch()(origin)), 'own')
  })
  it('asks a mock that replaces it later, with what it was given', async () => {
    const guarded = (globalThis.fetch = guardFetch())
    const given = []
    globalThis.fetch = async (...all) => (given.push(all), new Response('mock'))
    for (const all of [[origin], [origin, undefined], [origin, { method: 'PUT' }]]) assert.equal(await textOf(guarded(...all)), 'mock')
    assert.deepEqual(given, [[origin], [origin, undefined], [origin, { method: 'PUT' }]])
    const many = await Promise.all(Array.from({ length: 300 }, () => textOf(guarded(origin))))
    assert.ok(many.every((text) => text === 'mock'))
    globalThis.fetch = real
    assert.equal(await textOf(guarded(origin)), '{}')
  })
})

const WRAPPERS = {
  'a tracer': (inner) => (...all) => inner(...all),
  'one that waits': (inner) => async (...all) => (await new Promise((resolve) => setImmediate(resolve)), inner(...all)),
  'one that makes Requests': (inner) => async (...all) => (await undefined, inner(new Request(...all)))
}

describe('a wrapper around a guard as the global fetch', LIMIT, () => {
  for (const [what, wrap] of Object.entries(WRAPPERS)) {
    it(`has each request sent once, and counted once: ${what}`, async () => {
      const guarded = guardFetch({ timeout: 10_000 })
      let traced = 0
      const wrapper = wrap((...all) => (traced++, guarded(...all)))
      globalThis.fetch = wrapper
      for (let n = 1; n <= 3; n++) {
        assert.equal(await hitsOf(() => fetch(origin)), 1)
        assert.deepEqual(outcomes(guarded.registry), { success: n })
      }
      // Once more where it was found out.
      assert.equal(traced, 4)
      assert.equal(await hitsOf(() => guarded(origin)), 1)
      globalThis.fetch = async () => new Response('mock')
      assert.equal(await textOf(guarded(origin)), 'mock')
    })
    it(`is found out in a host that can't tell what belongs to which request: ${what}`, async () => {
      const [texts, most, counted] = await answerOf(`
        delete process.getBuiltinModule
        Object.defineProperty(process, 'getBuiltinModule', { value: undefined })
        const { guardFetch } = await import(${JSON.stringify(new URL('../../pkg/fetch.js', import.meta.url).href)})
        let asked = 0
        globalThis.fetch = async () => (asked++, new Response('real'))
        const guarded = guardFetch()
        globalThis.fetch = (${wrap})(guarded)
        const texts = []
        for (let n = 0; n < 3; n++) texts.push(await (await fetch('http://127.0.0.1:9/')).text())
        const { totalCalls } = guarded.registry.get('http://127.0.0.1:9').metrics
        console.log(JSON.stringify([texts, asked, totalCalls]))`)
      assert.deepEqual([texts, most], [['real', 'real', 'real'], 3])
      // Where a wrapper waits, its first request goes in circles until there are too many of the same at once. No other does.
      assert.ok(counted <= 105, `${counted} were counted`)
    })
  }
})

describe('a global fetch that makes a guarded request of its own', LIMIT, () => {
  it('is no wrapper: it is asked each time', async () => {
    const real = globalThis.fetch
    const guarded = guardFetch()
    globalThis.fetch = async (url, init) => {
      const token = String(url).endsWith('/token') ? undefined : await (await guarded(`${origin}/token`)).text()
      return token === undefined ? real(url, init) : new Response(`with a token of ${token.length > 0}`)
    }
    for (let n = 0; n < 3; n++) assert.equal(await textOf(guarded(origin)), 'with a token of true')
  })
})

describe('a guarded fetch', LIMIT, () => {
  it('has the name and the length of fetch', () => {
    for (const guarded of [guardFetch(), guardFetch({ fetch: async () => new Response() })]) assert.deepEqual([guarded.name, guarded.length], ['fetch', fetch.length])
  })
  it('has the functions that its fetch has as members, but for what every function has', async () => {
    const real = globalThis.fetch
    const preconnect = (url) => `connected to ${url}`
    const given = Object.assign(async () => new Response('given'), { preconnect, call: () => 'past the guard', polyfill: true })
    given.default = given
    try {
      globalThis.fetch = given
      for (const guarded of [guardFetch({ fetch: given }), guardFetch(), guardFetch({ fetch: guardFetch() })]) {
        assert.equal(guarded.preconnect, preconnect)
        assert.equal(guarded.default, guarded)
        assert.deepEqual([guarded.call, guarded.polyfill], [Function.prototype.call, undefined])
        assert.equal(await textOf(guarded(origin)), 'given')
      }
    } finally {
      globalThis.fetch = real
    }
  })
  it('is made of a fetch that has a registry of its own, or does not say what it has', async () => {
    const given = async () => new Response('given')
    const none = () => { throw new Error('not told') }
    for (const fetch of [Object.defineProperty(() => given(), 'registry', { value: none }), new Proxy(given, { ownKeys: none })]) {
      const guarded = guardFetch({ fetch })
      assert.equal(await textOf(guarded(origin)), 'given')
      assert.equal(guarded.registry.get(new URL(origin).origin).metrics.totalCalls, 1)
    }
  })
  it('says what fetch says where it is given nothing', async () => {
    const { message } = await rejectionOf(fetch())
    assert.equal((await rejectionOf(guardFetch()())).message, message)
  })
})
