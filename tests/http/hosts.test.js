// Guards in hosts that lack parts of the web, or have those of another make: each test is a realm of its own, as those of Jest are, with
// the fetch of Node and what else it is given. It must not know what a guard needs the parts for.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe, it } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import fc from 'fast-check'
import { lives } from '../js/support.js'
import { LIMIT, outcomes, rejectionOf, startServer, unhandled, until } from './support.js'

after(() => assert.deepEqual(unhandled, []))

const server = await startServer()
const { origin } = server

/** What every host has. */
const ALWAYS = ['URL', 'AbortController', 'AbortSignal', 'Event', 'EventTarget', 'setTimeout', 'clearTimeout', 'queueMicrotask', 'performance']
/** What a host may lack: parts of the web, and of the language. */
const WEB = ['Request', 'Response', 'Headers', 'ReadableStream', 'ReadableByteStreamController', 'CustomEvent', 'reportError', 'console']
const LANGUAGE = ['WeakRef', 'FinalizationRegistry']
const PARTS = [...WEB, ...LANGUAGE]

/** A host with its own global objects but for those parts, and the guard loaded there. */
function hostWithout(parts, others = {}) {
  const lent = [...ALWAYS, ...WEB].filter((name) => !parts.includes(name) && name in globalThis)
  const context = createContext({ ...Object.fromEntries(lent.map((name) => [name, globalThis[name]])), ...others })
  runInContext(`globalThis.CustomEvent ??= class CustomEvent extends Event {
    constructor(type, options) { super(type); this.detail = options?.detail }
  }`, context)
  for (const name of LANGUAGE) if (parts.includes(name)) runInContext(`delete globalThis.${name}`, context)
  const modules = new Map()
  const load = (name) => {
    if (!modules.has(name)) {
      const module = { exports: {} }
      modules.set(name, module)
      const text = readFileSync(new URL(`../../pkg/${name}`, import.meta.url), 'utf8')
      runInContext(`(function (module, exports, require) { ${text}\n})`, context)(module, module.exports, load)
    }
    return modules.get(name).exports
  }
  return load('./fetch.cjs')
}

const textOf = (response) => response.text()
const codeOrStatus = (promise) => promise.then(({ status }) => status, ({ code }) => code)

describe('a host without parts of the web', { timeout: LIMIT.timeout * lives(1).numRuns }, () => {
  async function works(parts, options) {
    const { guardFetch } = hostWithout(parts)
    const guarded = guardFetch({ fetch, failureThreshold: 100, ...options })
    assert.equal(await textOf(await guarded(origin, { method: 'POST', body: '{}' })), '{}')
    assert.equal((await guarded(`${origin}/status?code=503`)).status, 503)
    await rejectionOf(guarded(`${origin}/reset`, { method: 'POST', body: '{}' }))
    const before = new Error('before')
    assert.equal(await rejectionOf(guarded(origin, { signal: AbortSignal.abort(before) })), before)
    await until(() => outcomes(guarded.registry).inFlight === undefined)
    assert.deepEqual(outcomes(guarded.registry), { success: 1, failure: 2 })

    // What was asked for before still aborts the body after its headers came, whatever keeps the two together.
    const controller = new AbortController()
    const { body } = await guarded(`${origin}/slow-body`, { signal: controller.signal })
    const reader = body.getReader()
    await reader.read()
    const read = rejectionOf(reader.read())
    const own = new Error('enough')
    controller.abort(own)
    assert.equal(await read, own)

    const refusing = guardFetch({ fetch, onRefused: 'respond', ...options })
    refusing.registry.get(origin).trip()
    assert.equal(await codeOrStatus(refusing(origin)), parts.includes('Response') ? 'ERR_CIRCUIT_OPEN' : 503)
  }

  for (const options of [{}, { timeout: 10_000 }, { settleOn: 'body' }, { settleOn: 'body', timeout: 10_000 }]) {
    it(`has guards that work, whichever parts those are: ${JSON.stringify(options)}`, async () => {
      await works([], options)
      await works(PARTS, options)
      await fc.assert(fc.asyncProperty(fc.subarray(PARTS), (parts) => works(parts, options)), lives(25))
    })
  }
  it('finds a request that fails without `Request` a failure, since nobody can tell what is wrong with it', async () => {
    for (const parts of [['Request', 'ReadableStream'], ['Request']]) {
      const { guardFetch } = hostWithout(parts)
      const guarded = guardFetch({ fetch: async () => { throw new TypeError('down') }, failureThreshold: 1 })
      await rejectionOf(guarded(origin, { method: 'POST', body: '{}' }))
      assert.equal(guarded.registry.get(origin).state, 'open')
    }
  })
  it('knows a malformed request though the errors of its fetch are of another realm', async () => {
    const { guardFetch } = hostWithout([])
    const guarded = guardFetch({ fetch })
    for (const init of [{ headers: { 'x-own': 'a\nb' } }, { body: 'x' }]) await rejectionOf(guarded(origin, init))
    assert.deepEqual(outcomes(guarded.registry), { ignored: 2 })
  })
})

describe('a host with parts of another make', LIMIT, () => {
  /** A stream by its methods alone, as a polyfill has it: a Response of the host would write it out as a text. */
  class ForeignStream {
    #real
    constructor(...all) {
      this.#real = new ReadableStream(...all)
    }
    get locked() {
      return this.#real.locked
    }
    getReader(...all) {
      return this.#real.getReader(...all)
    }
    cancel(...all) {
      return this.#real.cancel(...all)
    }
  }

  it('has bodies that are no streams of its own passed on as they are', async () => {
    const { guardFetch } = hostWithout([], { ReadableStream: ForeignStream })
    const guarded = guardFetch({ settleOn: 'body', fetch })
    assert.equal(await textOf(await guarded(origin)), '{}')
    await until(() => outcomes(guarded.registry).success === 1)
    const foreign = { ok: true, status: 200, headers: new Map(), body: new ForeignStream({ start: (one) => (one.enqueue('a'), one.close()) }) }
    const other = guardFetch({ settleOn: 'body', fetch: async () => foreign })
    assert.equal(await other(origin), foreign)
    assert.equal((await foreign.body.getReader().read()).value, 'a')
    await until(() => outcomes(other.registry).success === 1)
  })
  it('has such bodies aborted by their caller all the same', async () => {
    const { guardFetch } = hostWithout([], { ReadableStream: ForeignStream })
    let heard
    const foreign = { ok: true, status: 200, headers: new Map(), body: new ForeignStream() }
    const controller = new AbortController()
    for (const settleOn of ['headers', 'body']) {
      const guarded = guardFetch({ settleOn, timeout: 10_000, fetch: async (_, { signal }) => ((heard = signal), foreign) })
      assert.equal(await guarded(origin, { signal: controller.signal }), foreign)
    }
    controller.abort(new Error('enough'))
    assert.equal(heard.reason, controller.signal.reason)
  })
  it('has bodies passed on as they are where nobody can make a stream, as in Workers with an old compatibility date', async () => {
    const ReadableStream = function () { throw new Error('To use the new ReadableStream() constructor, enable a flag') }
    const { guardFetch } = hostWithout([], { ReadableStream })
    for (const options of [{}, { timeout: 10_000 }]) {
      const guarded = guardFetch({ settleOn: 'body', fetch, ...options })
      assert.equal(await textOf(await guarded(origin, { method: 'POST', body: '{}' })), '{}')
      await until(() => outcomes(guarded.registry).success === 1)
    }
  })
  it('has bodies that are read to their end, though the object that is the body is gone before its reader, as in WebKit', async () => {
    /** Tells of streams at once, and of nothing else. */
    class HastyRegistry {
      #tell
      constructor(tell) {
        this.#tell = tell
      }
      register(target, held) {
        if (target instanceof ReadableStream) queueMicrotask(() => this.#tell(held))
      }
      unregister() {}
    }
    let upstream
    const { guardFetch } = hostWithout([], { FinalizationRegistry: HastyRegistry })
    const guarded = guardFetch({ settleOn: 'body', fetch: async () => new Response(new ReadableStream({ start: (controller) => void (upstream = controller) })) })
    const text = textOf(await guarded(origin))
    await new Promise(setImmediate)
    upstream.enqueue(new TextEncoder().encode('all of it'))
    upstream.close()
    assert.equal(await text, 'all of it')
    assert.deepEqual(outcomes(guarded.registry), { success: 1 })
  })
  it('has responses that know less than those of the standard', async () => {
    const { guardFetch } = hostWithout(['Response', 'Headers', 'Request'])
    // As node-fetch and the polyfills for old browsers: no streams of the web, and headers of their own.
    const respond = (status, headers = {}) => ({ status, ok: status < 300, headers: { get: (name) => headers[name.toLowerCase()] ?? null }, body: { pipe() {}, on() {} } })
    const RESPONSES = [
      [respond(200), 'closed'], [respond(404), 'closed'], [respond(503), 'open'], [respond(429, { 'retry-after': '7' }), 'open'], [{ status: 503 }, 'open'],
      [{ status: 200, ok: true }, 'closed']
    ]
    for (const [response, state] of RESPONSES) {
      for (const settleOn of ['headers', 'body']) {
        const guarded = guardFetch({ settleOn, failureThreshold: 1, fetch: async () => response })
        // Nobody could say when such a body was read.
        if (settleOn === 'body' && response.ok && response.body) assert.equal((await rejectionOf(guarded(origin))).code, 'ERR_INVALID_OPTION')
        else assert.equal(await guarded(origin), response)
        await until(() => outcomes(guarded.registry).inFlight === undefined)
        assert.equal(guarded.registry.get(origin).state, state)
      }
    }
  })
  it('has a Request by another name, with a signal or without', async () => {
    const { guardFetch } = hostWithout(['Request'])
    for (const signal of [undefined, null, new AbortController().signal]) {
      const guarded = guardFetch({ timeout: 1000, fetch: async ({ url }) => new Response(url) })
      assert.equal(await textOf(await guarded({ url: `${origin}/a`, method: 'GET', signal })), `${origin}/a`)
      assert.deepEqual(outcomes(guarded.registry), { success: 1 })
    }
  })
})
