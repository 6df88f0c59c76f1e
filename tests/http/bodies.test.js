// When the call of a body is over: when it was read, when its reader has left, when nobody reads it, when the server keeps somebody waiting.
// Servers are streams that are moved by hand, and so are timers. It must not know how a body is followed.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, afterEach, beforeEach, describe, it, mock } from 'node:test'
import { Response as UndiciResponse } from 'undici'
import { guardFetch } from '../../pkg/fetch.js'
import { answerOf, drained } from '../js/support.js'
import { collect, LIMIT, outcomes, rejectionOf, unhandled } from './support.js'

after(() => assert.deepEqual(unhandled, []))
beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
afterEach(() => mock.timers.reset())

const URL_OF_STUB = 'http://127.0.0.1:9/'
const TIMEOUT = 100
const text = (piece) => new TextDecoder().decode(piece)

/** Has so much time pass, and whatever comes of it. */
async function pass(ms) {
  await drained()
  mock.timers.tick(ms)
  await drained()
}

/** A guard of a server that is moved by hand: `push`, `end`, `fail`; `cancelled` and `signal` say what the server hears. */
function guardOf(options, { heeds = true } = {}) {
  const server = { cancelled: undefined, signal: undefined }
  const fetch = async (_, init) => {
    server.signal = init?.signal
    const body = new ReadableStream({
      type: 'bytes',
      start(controller) {
        server.push = (piece) => controller.enqueue(new TextEncoder().encode(piece))
        server.end = () => controller.close()
        server.fail = (error) => controller.error(error)
        if (heeds) init?.signal?.addEventListener('abort', () => controller.error(init.signal.reason))
      },
      cancel: (reason) => void (server.cancelled = { reason })
    })
    return new Response(body, { status: 201 })
  }
  const guarded = guardFetch({ settleOn: 'body', failureThreshold: 100, fetch, ...options })
  return { guarded, server, counts: () => outcomes(guarded.registry), ask: (init) => guarded(URL_OF_STUB, init) }
}

describe('the call of a body that nobody reads', LIMIT, () => {
  it('is over at once where there is none', async () => {
    const { ask, server, counts } = guardOf({ timeout: TIMEOUT })
    const response = await ask()
    server.end()
    await drained()
    assert.deepEqual(counts(), { success: 1 })
    assert.equal(await response.text(), '')
  })
  it('is over at once where its length says so', async () => {
    const given = new Response(new ReadableStream(), { headers: { 'content-length': '0' } })
    const guarded = guardFetch({ settleOn: 'body', fetch: async () => given })
    assert.equal(await guarded(URL_OF_STUB), given)
    assert.deepEqual(outcomes(guarded.registry), { success: 1 })
  })
  for (const [options, patience] of [[{ timeout: TIMEOUT }, TIMEOUT], [{}, 1000], [{ configure: () => ({ timeout: 70 }) }, 70]]) {
    it(`is over after that time, as a success where a piece is there: ${patience} ms`, async () => {
      const { ask, server, counts } = guardOf(options)
      const response = await ask()
      server.push('one')
      await pass(patience - 1)
      assert.deepEqual(counts(), { inFlight: 1 })
      await pass(1)
      assert.deepEqual(counts(), { success: 1 })
      // The body itself goes on.
      const rest = response.text()
      server.push(', two')
      server.end()
      assert.equal(await rest, 'one, two')
      assert.deepEqual(counts(), { success: 1 })
    })
    it(`is over after that time, ignored where nothing came: ${patience} ms`, async () => {
      const { ask, server, counts } = guardOf(options)
      const response = await ask()
      await pass(patience - 1)
      assert.deepEqual(counts(), { inFlight: 1 })
      await pass(1)
      assert.deepEqual(counts(), { ignored: 1 })
      server.push('late')
      server.end()
      assert.equal(await response.text(), 'late')
    })
  }
  for (const [what, piece, outcome] of [['a success where a piece is there', 'one', { success: 1 }], ['ignored where nothing came', undefined, { ignored: 1 }]]) {
    it(`comes to the same where the response is dropped and collected before: ${what}`, async () => {
      mock.timers.reset()
      const { ask, server, counts } = guardOf({ timeout: 60_000 })
      await ask()
      if (piece !== undefined) server.push(piece)
      await drained()
      await collect()
      assert.deepEqual(counts(), outcome)
      assert.notEqual(server.cancelled, undefined)
    })
  }
  it('holds no place for longer', async () => {
    const { ask, server } = guardOf({ maxConcurrent: 1, timeout: TIMEOUT })
    for (let n = 0; n < 3; n++) {
      await ask()
      assert.equal((await rejectionOf(ask())).code, 'ERR_BULKHEAD_FULL')
      server.push('one')
      await pass(TIMEOUT)
    }
  })
  it('counts as a failure where the body breaks off, and its reader hears of it at once', async () => {
    const { ask, server, counts } = guardOf({})
    const { body } = await ask()
    const { closed } = body.getReader()
    const broken = new Error('broken')
    server.fail(broken)
    assert.equal(await rejectionOf(closed), broken)
    assert.deepEqual(counts(), { failure: 1 })
  })
  it('keeps no process alive', async () => {
    const took = await answerOf(`
      const { guardFetch } = await import(${JSON.stringify(new URL('../../pkg/fetch.js', import.meta.url).href)})
      for (const options of [{}, { timeout: 600_000 }]) {
        const guarded = guardFetch({ settleOn: 'body', fetch: async () => new Response(new ReadableStream({ start: (one) => one.enqueue(new Uint8Array(1)) })), ...options })
        globalThis['kept' + options.timeout] = await guarded('http://127.0.0.1:9/')
      }
      const ended = performance.now()
      process.on('exit', () => console.log(JSON.stringify(performance.now() - ended)))`)
    assert.ok(took < 900, `${took} ms`)
  })
})

describe('the call of a body whose reader leaves', LIMIT, () => {
  const WAYS = {
    'by cancel()': async ({ reader }) => reader.cancel(new Error('enough')),
    'by an abort': async ({ controller }) => controller.abort(new Error('enough'))
  }
  for (const [way, leave] of Object.entries(WAYS)) {
    for (const options of [{}, { timeout: TIMEOUT }]) {
      const begun = async () => {
        const guard = guardOf(options)
        const controller = new AbortController()
        const reader = (await guard.ask({ signal: controller.signal })).body.getReader()
        return { ...guard, controller, reader }
      }
      it(`is a success after the first piece, ${way}: ${JSON.stringify(options)}`, async () => {
        const one = await begun()
        one.server.push('one')
        assert.equal(text((await one.reader.read()).value), 'one')
        await leave(one)
        await drained()
        assert.deepEqual(one.counts(), { success: 1 })
        const heard = way === 'by an abort' ? one.server.signal.reason : one.server.cancelled.reason
        assert.equal(heard.message, 'enough')
        if (way === 'by an abort') assert.equal(await rejectionOf(one.reader.read()), heard)
      })
      it(`is ignored before that, ${way}: ${JSON.stringify(options)}`, async () => {
        const one = await begun()
        one.server.push('one')
        await drained()
        await leave(one)
        await drained()
        assert.deepEqual(one.counts(), { ignored: 1 })
      })
      it(`changes nothing when it is over, and the server hears of it, ${way}: ${JSON.stringify(options)}`, async () => {
        const one = await begun()
        one.server.push('one')
        await one.reader.read()
        await pass(1000)
        assert.deepEqual(one.counts(), { success: 1 })
        await leave(one)
        await drained()
        assert.deepEqual(one.counts(), { success: 1 })
        assert.equal((way === 'by an abort' ? one.server.signal : one.server.cancelled).reason.message, 'enough')
      })
    }
  }
  it('is a timeout where the deadline of its caller passes, pieces or not', async () => {
    const { guarded, ask, server, counts } = guardOf({})
    const controller = new AbortController()
    const reader = (await ask({ signal: controller.signal })).body.getReader()
    server.push('one')
    await reader.read()
    const late = new DOMException('late', 'TimeoutError')
    controller.abort(late)
    assert.equal(await rejectionOf(reader.read()), late)
    assert.deepEqual(counts(), { failure: 1 })
    assert.equal([...guarded.registry.values()][0].metrics.timedOutCalls, 1)
  })
  it('is aborted by a signal that says no reason, or takes functions alone for listeners', async () => {
    const listeners = new Set()
    const signal = {
      aborted: false,
      addEventListener: (_, listener) => (assert.equal(typeof listener, 'function'), listeners.add(listener)),
      removeEventListener: (_, listener) => listeners.delete(listener)
    }
    const { ask, counts } = guardOf({ timeout: TIMEOUT })
    const response = await ask({ signal })
    signal.aborted = true
    for (const listener of [...listeners]) listener()
    assert.equal((await rejectionOf(response.text())).name, 'AbortError')
    assert.deepEqual(counts(), { ignored: 1 })
    assert.equal(listeners.size, 0)
  })
})

describe('the time of a body', LIMIT, () => {
  it('does not run while nobody waits: a slow reader is nobody’s fault', async () => {
    const { ask, server, counts } = guardOf({ timeout: TIMEOUT })
    const reader = (await ask()).body.getReader()
    server.push('one')
    await reader.read()
    server.push('two')
    for (let n = 0; n < 20; n++) await pass(TIMEOUT)
    assert.equal(text((await reader.read()).value), 'two')
    const end = reader.read()
    server.end()
    assert.equal((await end).done, true)
    await drained()
    assert.deepEqual(counts(), { success: 1 })
  })
  it('begins anew with each piece: a long steady stream is no timeout', async () => {
    const { ask, server, counts } = guardOf({ timeout: TIMEOUT })
    const reader = (await ask()).body.getReader()
    for (let n = 0; n < 20; n++) {
      const piece = reader.read()
      await pass(TIMEOUT - 1)
      server.push(String(n))
      assert.equal(text((await piece).value), String(n))
    }
    server.end()
    assert.equal((await reader.read()).done, true)
    await drained()
    assert.deepEqual(counts(), { success: 1 })
  })
  for (const heeds of [true, false]) {
    it(`is up when a server keeps a reader waiting${heeds ? '' : ', also of a fetch that heeds no signal'}`, async () => {
      const { ask, server, counts } = guardOf({ timeout: TIMEOUT }, { heeds })
      const reader = (await ask()).body.getReader()
      server.push('one')
      await reader.read()
      const stalled = rejectionOf(reader.read())
      await pass(TIMEOUT - 1)
      assert.deepEqual(counts(), { inFlight: 1 })
      await pass(1)
      const error = await stalled
      assert.deepEqual([error.code, error.timeout], ['ERR_CALL_TIMEOUT', TIMEOUT])
      assert.equal(server.signal.reason, error)
      assert.deepEqual(counts(), { failure: 1 })
      if (!heeds) assert.equal(server.cancelled.reason, error)
    })
    it(`is up for a reader who comes back after the call, which counts no more${heeds ? '' : ', also of a fetch that heeds no signal'}`, async () => {
      const { ask, server, counts } = guardOf({ timeout: TIMEOUT }, { heeds })
      const reader = (await ask()).body.getReader()
      server.push('one')
      await pass(TIMEOUT)
      assert.deepEqual(counts(), { success: 1 })
      await reader.read()
      const stalled = rejectionOf(reader.read())
      await pass(TIMEOUT - 1)
      assert.equal(server.signal.aborted, false)
      await pass(1)
      const error = await stalled
      assert.deepEqual([error.code, error.timeout, error.breaker], ['ERR_CALL_TIMEOUT', TIMEOUT, 'http://127.0.0.1:9'])
      assert.equal(server.signal.reason, error)
      assert.deepEqual(counts(), { success: 1 })
    })
  }
})

describe('the response of another fetch', LIMIT, () => {
  const settledBy = (response) => guardFetch({ settleOn: 'body', fetch: async () => response })
  it('stays of its class, with what was added to it', async () => {
    const given = Object.assign(new UndiciResponse('x', { status: 201, headers: { a: 'b' } }), { requestId: 7 })
    const response = await settledBy(given)(URL_OF_STUB)
    assert.ok(response instanceof UndiciResponse)
    assert.deepEqual([response.requestId, response.clone().requestId, response.headers.get('a'), await response.text()], [7, 7, 'b', 'x'])
  })
  it('keeps what was put in the place of what it says, and is handed on as it came where it has a reader of its own', async () => {
    const given = Object.defineProperty(new Response('x'), 'statusText', { value: 'Fine' })
    const response = await settledBy(given)(URL_OF_STUB)
    assert.notEqual(response, given)
    assert.deepEqual([response.statusText, response.clone().statusText, response.bodyUsed, await response.text()], ['Fine', 'Fine', false, 'x'])
    const json = async () => 'own'
    for (const own of [Object.assign(new Response('{}'), { json }), { ok: true, status: 200, headers: new Headers(), body: new Response('{}').body, json }]) {
      const guarded = settledBy(own)
      assert.equal(await guarded(URL_OF_STUB), own)
      assert.deepEqual(outcomes(guarded.registry), { success: 1 })
    }
  })
  it('is followed though what was put in the place of what it says can\'t be changed any more', async () => {
    const members = { url: { value: 'http://elsewhere/' }, redirected: { get: () => true }, type: { value: 'cors' }, clone: { value: () => 'theirs' } }
    const given = Object.defineProperties(new Response('x'), members)
    const guarded = settledBy(given)
    const response = await guarded(URL_OF_STUB)
    assert.notEqual(response, given)
    assert.deepEqual(outcomes(guarded.registry), { inFlight: 1 })
    for (const { url, redirected, type } of [response, response.clone()]) assert.deepEqual([url, redirected, type], ['http://elsewhere/', true, 'cors'])
    assert.equal(await response.text(), 'x')
    await drained()
    assert.deepEqual(outcomes(guarded.registry), { success: 1 })
  })
  it('can have a clone of somebody\'s own, but nothing else of where it came from', async () => {
    const response = await settledBy(new Response('x'))(URL_OF_STUB)
    response.clone = () => 'mine'
    assert.equal(response.clone(), 'mine')
    for (const name of ['url', 'redirected', 'type', 'headers']) assert.throws(() => (response[name] = 'mine'), TypeError, name)
  })
  it('has clones with headers of their own, where headers can be changed', async () => {
    const response = await settledBy(new Response('x', { headers: { a: 'b' } }))(URL_OF_STUB)
    response.headers.set('c', 'd')
    const twin = response.clone()
    twin.headers.set('a', 'other')
    response.headers.set('c', 'other')
    assert.deepEqual([response, twin, twin.clone()].map(({ headers }) => [headers.get('a'), headers.get('c')]), [['b', 'other'], ['other', 'd'], ['other', 'd']])
  })
  it('goes through two guards as through one', async () => {
    const inner = settledBy(Object.assign(new Response('x', { headers: { a: 'b' } }), { requestId: 7 }))
    const response = await guardFetch({ settleOn: 'body', fetch: inner })(URL_OF_STUB)
    const twin = response.clone()
    assert.deepEqual([await twin.text(), await response.text(), twin.requestId, twin.headers.get('a')], ['x', 'x', 7, 'b'])
    await drained()
    assert.deepEqual(outcomes(inner.registry), { success: 1 })
  })
  it('is handed on as it came where it is no response, or does not say what it has, whenever the call is over', async () => {
    const none = () => { throw new Error('not told') }
    const hostile = (name) => Object.defineProperty({ ok: true, status: 200, headers: new Headers(), body: null }, name, { get: none })
    const { signal } = new AbortController()
    class Nowhere extends Response {
      get url() {
        return none()
      }
    }
    const nowhere = new Nowhere('x')
    const OTHERS = [hostile('body'), hostile('ok'), hostile('headers'), { ok: true, status: 200, headers: { get: none }, body: null }, nowhere]
    for (const given of [undefined, null, 'text', ...OTHERS]) {
      for (const settleOn of ['headers', 'body']) {
        for (const timeout of [undefined, TIMEOUT]) {
          const guarded = guardFetch({ settleOn, timeout, fetch: async () => given })
          assert.equal(await guarded(URL_OF_STUB, { signal }), given)
          assert.deepEqual(outcomes(guarded.registry), { success: 1 })
        }
      }
    }
    assert.equal(await nowhere.text(), 'x')
  })
  it('is refused by name where its body is no stream of the web', async () => {
    const stream = new Readable({ read() {} })
    for (const [body, name] of [[stream, 'a stream of Node'], [(async function* () {})(), 'an async iterable']]) {
      const guarded = settledBy({ ok: true, status: 200, headers: new Headers(), body })
      const error = await rejectionOf(guarded(URL_OF_STUB))
      assert.deepEqual([error.code, error.option], ['ERR_INVALID_OPTION', 'fetch'])
      assert.match(error.message, new RegExp(`got ${name}$`))
      assert.deepEqual(outcomes(guarded.registry), { success: 1 })
    }
    assert.equal(stream.destroyed, true)
    const failing = { ok: false, status: 503, headers: new Headers(), body: stream }
    assert.equal(await settledBy(failing)(URL_OF_STUB), failing)
  })
})
