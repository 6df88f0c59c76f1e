// Whose fault it is that a request came to nothing: errors that are none of the server's, through the fetch of every Node and both versions
// of undici. It must not know which texts and codes they are told by.

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as undici7 from 'undici'
import { guardFetch } from '../../pkg/fetch.js'
import { guardDispatch } from '../../pkg/undici.js'
import { nodes, run } from '../package/support.js'
import { atEnd, closedOrigin, LIMIT, outcomes, rejectionOf, startServer, unhandled, until } from './support.js'

after(() => assert.deepEqual(unhandled, []))

const major = Number(process.versions.node.split('.')[0])
const server = await startServer()
const { origin } = server
const FETCHES = { 'the fetch of Node': globalThis.fetch, 'the fetch of undici 7': undici7.fetch }
if (major >= 24) FETCHES['the fetch of undici 8'] = (await import('undici8')).fetch

const own = new Error('the file went away')
/** The digest of something else. */
const integrity = `sha256-${'A'.repeat(43)}=`

for (const [name, fetch] of Object.entries(FETCHES)) {
  describe(`${name}, a request that`, LIMIT, () => {
    /** What counts when such a request fails. */
    const outcomeOf = async (input, init, options) => {
      const guarded = guardFetch({ failureThreshold: 100, fetch, ...options })
      await rejectionOf(guarded(input, init))
      await until(() => outcomes(guarded.registry).inFlight === undefined)
      return outcomes(guarded.registry)
    }

    it('is answered by a redirect it refuses, proves that the server lives', async () => {
      assert.deepEqual(await outcomeOf(`${origin}/redirect?to=/`, { redirect: 'error' }), { success: 1 })
      assert.deepEqual(await outcomeOf(new Request(`${origin}/redirect?to=/`, { redirect: 'error' }), undefined, { fetch: globalThis.fetch }), { success: 1 })
      assert.deepEqual(await outcomeOf(`${origin}/redirect?to=/`, { redirect: 'error' }, { timeout: 5000 }), { success: 1 })
      assert.deepEqual(await outcomeOf(`${origin}/redirect?to=/`, { redirect: 'error' }, { settleOn: 'body' }), { success: 1 })
    })
    it('is led in a circle, or to where no fetch goes, proves that the server lives', async () => {
      const circle = await startServer((_, response) => response.writeHead(302, { location: '/' }).end())
      assert.deepEqual(await outcomeOf(circle.origin), { success: 1 })
      assert.deepEqual(await outcomeOf(`${origin}/redirect?to=ftp://127.0.0.1/`), { success: 1 })
    })
    it('gets other bytes than it asked for, proves that the server lives', async () => {
      assert.deepEqual(await outcomeOf(origin, { integrity }), { success: 1 })
    })
    it('may be redirected to nobody, and that is a failure', async () => {
      const to = await closedOrigin()
      assert.deepEqual(await outcomeOf(`${origin}/redirect?to=${to}`), { failure: 1 })
      assert.deepEqual(await outcomeOf(to, { redirect: 'error', integrity }), { failure: 1 })
      assert.deepEqual(await outcomeOf(`${origin}/reset`, { redirect: 'error', integrity }), { failure: 1 })
      assert.deepEqual(await outcomeOf('http://redirect.invalid/redirect', { redirect: 'error' }), { failure: 1 })
    })
    it('no server ever sees, is ignored', async () => {
      const { hits } = server
      const requests = [
        [origin, { headers: { 'x-own': 'a\nb' } }], [origin, { method: 'GET', body: 'x' }], [origin, { method: 'A B' }], ['http://127.0.0.1:1/'],
        [origin, { method: 'POST', body: 'x', headers: { expect: '100-continue' } }]
      ]
      for (const [input, init] of requests) assert.deepEqual(await outcomeOf(input, init), { ignored: 1 }, JSON.stringify([input, init]))
      assert.deepEqual(await outcomeOf('ftp://127.0.0.1/', undefined, { key: () => 'files' }), { ignored: 1 })
      assert.equal(server.hits, hits)
    })
    it('can’t be read, is ignored, and whoever made it hears why', async () => {
      const { hits } = server
      const throwing = (member) => Object.defineProperty({}, member, { get() { throw own }, enumerable: true })
      const inits = [...['method', 'headers', 'body', 'redirect'].map(throwing), { headers: throwing('x-own') }]
      for (const options of [{}, { timeout: 5000 }, { settleOn: 'body' }]) {
        const guarded = guardFetch({ failureThreshold: 1, fetch, ...options })
        for (const init of inits) assert.equal(await rejectionOf(guarded(origin, init)), await rejectionOf(fetch(origin, init)))
        let reads = 0
        const url = { toString: () => { if (reads++ > 0) throw own; return origin } }
        assert.equal(await rejectionOf(guarded(url)), own)
        assert.deepEqual(outcomes(guarded.registry), { ignored: inits.length + 1 })
      }
      assert.equal(server.hits, hits)
    })
    it('says another length than it has, is ignored', async () => {
      assert.deepEqual(await outcomeOf(`${origin}/never`, { method: 'POST', body: 'x', headers: { 'content-length': '9' } }), { ignored: 1 })
    })

    const BODIES = {
      'a stream': (start) => new ReadableStream({ start }),
      'a stream of Node': (start) => Readable.toWeb(Readable.from((async function* () {
        yield 'some'
        await new Promise((_, reject) => start({ enqueue() {}, error: reject }))
      })()))
    }
    for (const [kind, make] of Object.entries(BODIES)) {
      const begun = () => {
        let controller
        const body = make((one) => {
          controller = one
          controller.enqueue(new TextEncoder().encode('some'))
        })
        return { body, fail: async (error) => (await until(() => controller !== undefined), controller.error(error)) }
      }
      for (const [told, error] of [['an error', own], ['an abort', new DOMException('enough', 'AbortError')]]) {
        it(`has a body that breaks off by itself, is ignored: ${kind}, with ${told}`, async () => {
          const { body, fail } = begun()
          const { hits } = server
          const counted = outcomeOf(`${origin}/never`, { method: 'POST', duplex: 'half', body })
          await until(() => server.hits > hits)
          await fail(error)
          assert.deepEqual(await counted, { ignored: 1 })
        })
      }
      it(`has a body that breaks off by itself, is ignored: a Request with ${kind}`, async () => {
        const { body, fail } = begun()
        const { hits } = server
        const counted = outcomeOf(new Request(`${origin}/never`, { method: 'POST', duplex: 'half', body }), undefined, { fetch: globalThis.fetch })
        await until(() => server.hits > hits)
        await fail(own)
        assert.deepEqual(await counted, { ignored: 1 })
      })
      it(`has a body that the server breaks off, is a failure: ${kind}`, async () => {
        const { body } = begun()
        assert.deepEqual(await outcomeOf(`${origin}/reset`, { method: 'POST', duplex: 'half', body }), { failure: 1 })
      })
    }
  })
}

describe('the error of another fetch', LIMIT, () => {
  const outcomeOf = async (error, init, options) => {
    const guarded = guardFetch({ failureThreshold: 100, fetch: async () => { throw error }, ...options })
    assert.equal(await rejectionOf(guarded(origin, init)), error)
    return Object.keys(outcomes(guarded.registry)).join()
  }
  const withMembers = (message, members) => Object.assign(new TypeError(message), members)

  it('that refused a redirect proves that the server lives', async () => {
    const errors = [
      withMembers('UnexpectedRedirect fetching "http://127.0.0.1/"', { code: 'UnexpectedRedirect' }),
      withMembers('TooManyRedirects: The response redirected too many times.', { code: 'TooManyRedirects' }),
      new TypeError("Fetch failed: Encountered redirect while redirect mode is set to 'error'"),
      new TypeError('Fetch failed: Maximum number of redirects (20) reached'),
      withMembers('uri requested responds with a redirect, redirect mode is set to error: http://127.0.0.1/', { type: 'no-redirect' })
    ]
    for (const error of errors) assert.equal(await outcomeOf(error, { redirect: 'error' }), 'success', error.message)
  })
  it('is a failure where it says nothing', async () => {
    const hostile = new Proxy({}, {
      get(_, name) {
        if (name !== 'then') throw own
      }
    })
    for (const message of ['Failed to fetch', 'NetworkError when attempting to fetch resource.', 'Load failed']) {
      assert.equal(await outcomeOf(new TypeError(message), { redirect: 'error', integrity }), 'failure', message)
    }
    for (const error of [undefined, null, 'down', 7, Symbol('down'), {}, hostile, Object.assign(new Error('down'), { cause: null })]) {
      assert.equal(await outcomeOf(error), 'failure')
    }
  })
  it('is judged anew for each request, though it is the same', async () => {
    const error = new TypeError('down')
    const guarded = guardFetch({ failureThreshold: 100, fetch: async () => { throw error } })
    for (const init of [{ method: 'A B' }, {}, { method: 'A B' }]) await rejectionOf(guarded(origin, init))
    assert.deepEqual(outcomes(guarded.registry), { ignored: 2, failure: 1 })
  })
  it('is known as that of a malformed request though it is of another realm', async () => {
    const { runInNewContext } = await import('node:vm')
    assert.equal(await outcomeOf(runInNewContext('new TypeError("bad header")'), { headers: { 'x-own': 'a\nb' } }), 'ignored')
  })
  it('tells nothing of the server where a browser sent no request: of another origin, or too large to be kept alive', async () => {
    const down = new TypeError('Failed to fetch')
    const coded = withMembers('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) })
    const full = 'x'.repeat(65_536)
    const cases = [
      [down, { mode: 'same-origin' }, 'ignored'], [down, { mode: 'cors' }, 'failure'], [coded, { mode: 'same-origin' }, 'failure'],
      [down, { method: 'POST', keepalive: true, body: `${full}x` }, 'ignored'], [down, { method: 'POST', keepalive: true, body: full }, 'failure'],
      [down, { method: 'POST', keepalive: true, body: new Blob([full, 'x']) }, 'ignored'], [down, { method: 'POST', keepalive: true, body: new Uint8Array(65_537) }, 'ignored'],
      [down, { method: 'POST', body: `${full}x` }, 'failure'], [coded, { method: 'POST', keepalive: true, body: `${full}x` }, 'failure'],
      [down, { keepalive: true }, 'failure']
    ]
    // Nobody but a browser refuses those, and only a browser has a location.
    for (const [error, init] of cases) assert.equal(await outcomeOf(error, init), 'failure')
    globalThis.location = { origin: 'https://app.example', href: 'https://app.example/' }
    try {
      for (const [error, init, outcome] of cases) assert.equal(await outcomeOf(error, init), outcome, JSON.stringify(init).slice(0, 80))
      globalThis.location = { origin, href: origin }
      assert.equal(await outcomeOf(down, { mode: 'same-origin' }), 'failure')
    } finally {
      delete globalThis.location
    }
  })
})

describe('a pool of undici', LIMIT, () => {
  it('that its owner closed, or whose proxy does not let requests through', async () => {
    const closed = new undici7.Agent()
    await closed.close()
    const proxy = await startServer()
    proxy.on('connect', (_, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
    const proxied = new undici7.ProxyAgent({ uri: proxy.origin, proxyTunnel: true })
    atEnd(() => proxied.close())
    for (const [pool, outcome] of [[closed, 'ignored'], [proxied, 'failure']]) {
      const guarded = guardFetch({ fetch: (input, init) => undici7.fetch(input, { ...init, dispatcher: pool }) })
      await rejectionOf(guarded(origin))
      assert.deepEqual(outcomes(guarded.registry), { [outcome]: 1 })
      const guard = guardDispatch()
      await rejectionOf(undici7.request(origin, { dispatcher: pool.compose(guard) }))
      assert.deepEqual(outcomes(guard.registry), { [outcome]: 1 })
    }
  })
  it('that follows redirects, or limits what it takes, proves that the server lives', async () => {
    let hops = 0
    const endless = await startServer((_, response) => response.writeHead(302, { location: `/${hops++}` }).end())
    const large = await startServer((_, response) => response.end('x'.repeat(1000)))
    const agent = new undici7.Agent({ maxResponseSize: 100 })
    atEnd(() => agent.destroy())
    for (const [url, inside] of [[endless.origin, undici7.interceptors.redirect({ maxRedirections: 2 })], [large.origin, (dispatch) => dispatch]]) {
      const guard = guardDispatch({ settleOn: 'body' })
      const dispatcher = agent.compose(inside, guard)
      await rejectionOf(undici7.request(url, { dispatcher, throwOnMaxRedirect: true }).then(({ body }) => body.text()))
      await until(() => outcomes(guard.registry).inFlight === undefined)
      assert.deepEqual(outcomes(guard.registry), { success: 1 }, url)
    }
  })
})

if (major === 20) {
  describe('in other versions of Node', LIMIT, () => {
    for (const version of [22, 24, 26]) {
      it(`all of that holds: ${version}`, async () => {
        const { stdout } = await run(nodes[version], ['--test', '--test-reporter=tap', fileURLToPath(import.meta.url)])
        assert.match(stdout, /# Subtest: the fetch of Node/)
        assert.match(stdout, /\n# fail 0\n/)
      })
    }
  })
}
