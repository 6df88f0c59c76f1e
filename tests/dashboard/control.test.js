// Acting by hand: who may not, and that what is done is done to the breaker that was meant. It must not know how the page asks.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { CircuitBreakerRegistry } from '../../pkg/index.js'
import { dashboard } from '../../pkg/dashboard.js'
import { ask, raw, serve, settled } from './support.js'

/** A dashboard with one breaker whose acts are let pass, and what asks it as its page does. */
async function mounted(test, options = {}) {
  const registry = new CircuitBreakerRegistry()
  const breaker = registry.get('api')
  const acts = []
  const board = dashboard({ registries: { web: registry }, control: { authorize: (request, act) => acts.push(act) > 0 }, ...options })
  const site = await serve(board.node)
  test.after(async () => {
    board.close()
    await site.close()
  })
  // Numbers of rows are known to who has looked.
  board.read('rows')
  const page = { origin: site.origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json', 'x-halfopen-control': '1' }
  const act = (body, headers = page, more = {}) => ask(site.port, '/control', { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body), ...more })
  return { ...site, registry, breaker, acts, board, page, act }
}
const without = (headers, ...names) => Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))

describe('acting by hand', () => {
  it('does what is asked for, in each of its ways', async (test) => {
    const { act, breaker } = await mounted(test)
    const seen = []
    for (const action of ['trip', 'reset', 'isolate', 'release', 'observe', 'enable', 'disable', 'enable']) {
      const { status, text } = await act({ id: 1, action })
      assert.equal(`${status}${text}`, '204', action)
      seen.push(`${breaker.state} ${breaker.mode}`)
    }
    assert.deepEqual(seen, ['open normal', 'closed normal', 'open isolated', 'open normal', 'open observing', 'open normal', 'open disabled', 'open normal'])
  })

  it('trips for as long as it is told', async (test) => {
    const { act, breaker } = await mounted(test)
    assert.equal((await act({ id: 1, action: 'trip', for: 1_800_000 })).status, 204)
    assert.ok(breaker.explain().retryAfter > 1_700_000)
    const { status, text } = await act({ id: 1, action: 'trip', for: -1 })
    assert.equal(status, 400)
    assert.match(text, /`for`/)
  })

  it('is asked for leave with what it is about to do to whom', async (test) => {
    const { act, acts } = await mounted(test)
    await act({ id: 1, action: 'trip', for: 1000 })
    assert.deepEqual(acts, [{ action: 'trip', breaker: 'api', source: 'web', for: 1000 }])
  })

  it('is there for nobody unless `control` is given', async (test) => {
    const { act, breaker } = await mounted(test, { control: undefined })
    assert.equal((await act({ id: 1, action: 'trip' })).status, 404)
    assert.equal(breaker.state, 'closed')
  })

  const REFUSED = {
    'another origin': { origin: 'https://evil.example' },
    'another origin of this site': { 'sec-fetch-site': 'same-site' },
    'a page of another site': { 'sec-fetch-site': 'cross-site' },
    'nobody knows which page': { 'sec-fetch-site': 'none' },
    'no word of the page': { 'x-halfopen-control': undefined },
    'another word than the page says': { 'x-halfopen-control': 'true' },
  }
  for (const [what, headers] of Object.entries(REFUSED)) {
    it(`is refused with ${what}`, async (test) => {
      const { act, breaker, page, acts } = await mounted(test)
      // An origin counts where the browser says nothing of the site.
      const base = 'origin' in headers ? without(page, 'sec-fetch-site') : page
      const all = Object.fromEntries(Object.entries({ ...base, ...headers }).filter(([, value]) => value !== undefined))
      const { status, text } = await act({ id: 1, action: 'trip' }, all)
      assert.equal(`${status} ${text}`, '403 Forbidden')
      assert.equal(breaker.state, 'closed')
      assert.deepEqual(acts, [])
    })
  }

  for (const origin of ['null', 'http://127.0.0.1', 'file://', 'http://127.0.0.1:1', '', 'http://evil.example/http://127.0.0.1']) {
    it(`is refused from the origin \`${origin}\` where the browser tells no more`, async (test) => {
      const { act, breaker, page } = await mounted(test)
      assert.equal((await act({ id: 1, action: 'trip' }, { ...without(page, 'sec-fetch-site'), origin })).status, 403)
      assert.equal((await act({ id: 1, action: 'trip' }, without(page, 'sec-fetch-site', 'origin'))).status, 403)
      assert.equal(breaker.state, 'closed')
      assert.equal((await act({ id: 1, action: 'trip' }, without(page, 'sec-fetch-site'))).status, 204)
    })
  }

  it('is refused to a page whose name leads here, also where it may look', async (test) => {
    const { act, breaker, page } = await mounted(test)
    assert.equal((await act({ id: 1, action: 'trip' }, { ...page, host: 'evil.example', origin: 'http://evil.example' })).status, 403)
    assert.equal(breaker.state, 'closed')
  })

  it('is refused as a form sends it', async (test) => {
    const { act, breaker, page } = await mounted(test)
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', 'application/jsonp', '']) {
      assert.equal((await act('{"id":1,"action":"trip"}', { ...page, 'content-type': type })).status, 415, type)
    }
    assert.equal(breaker.state, 'closed')
  })

  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    it(`is refused by ${method}`, async (test) => {
      const { act, breaker, page } = await mounted(test)
      const { status, headers } = await act('', page, { method })
      assert.equal(status, 405)
      assert.equal(headers.allow, 'POST')
      assert.equal(breaker.state, 'closed')
    })
  }

  for (const answer of [false, undefined, 1, {}, 'yes', Promise.resolve({})]) {
    it(`is refused where its \`authorize\` answers ${JSON.stringify(answer)}`, async (test) => {
      const { act, breaker } = await mounted(test, { control: { authorize: () => answer } })
      // Also of what is there for nobody: who may not act learns nothing.
      for (const id of [1, 99]) assert.equal((await act({ id, action: 'trip' })).status, 403)
      assert.equal(breaker.state, 'closed')
    })
  }

  it('is refused to who may not look, before anything is read', async (test) => {
    const { act, acts } = await mounted(test, { authorize: () => false })
    assert.equal((await act({ id: 1, action: 'trip' })).status, 403)
    assert.deepEqual(acts, [])
  })

  for (const body of ['', '{', 'null', '[]', '1', '"trip"', '{}', '{"id":1}', '{"action":"trip"}', '{"id":"1","action":"trip"}', '{"id":1.5,"action":"trip"}', '{"id":1,"action":"trip","for":"1"}',
    ...['constructor', '__proto__', 'call', 'toString', 'toJSON', 'addEventListener', 'Trip', 'recordFailure', ''].map((action) => JSON.stringify({ id: 1, action })), '{"id":1,"action":["trip"]}', '{"__proto__":{"id":1,"action":"trip"}}']) {
    it(`takes nothing like ${body || 'an empty body'}`, async (test) => {
      const { act, breaker, acts } = await mounted(test)
      assert.equal((await act(body)).status, 400)
      assert.equal(`${breaker.state} ${breaker.mode}`, 'closed normal')
      assert.deepEqual(acts, [])
    })
  }

  it('finds no breaker that is none', async (test) => {
    const { act } = await mounted(test)
    for (const id of [0, 2, -1, 2 ** 52]) assert.equal((await act({ id, action: 'trip' })).status, 404)
  })

  it('reads no huge body, announced or not, and keeps no connection for it', async (test) => {
    const { port, page, breaker } = await mounted(test)
    const head = Object.entries({ host: `127.0.0.1:${port}`, ...page }).map(([name, value]) => `${name}: ${value}\r\n`).join('')
    assert.match(await raw(port, `POST /control HTTP/1.1\r\n${head}content-length: 10000000000\r\n\r\n${'x'.repeat(1000)}`), /^HTTP\/1.1 413 /)
    const piece = `${(5000).toString(16)}\r\n${' '.repeat(5000)}\r\n`
    assert.match(await raw(port, `POST /control HTTP/1.1\r\n${head}transfer-encoding: chunked\r\n\r\n${piece.repeat(20)}`), /^HTTP\/1.1 413 /)
    // Nor one that nobody asked for.
    assert.match(await raw(port, `POST /events HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-length: 10000000000\r\n\r\n${'x'.repeat(1000)}`), /^HTTP\/1.1 405 /)
    assert.equal(breaker.state, 'closed')
  })

  it('says nothing of who breaks off within a body, and answers on', async (test) => {
    const { port, page, act, breaker } = await mounted(test)
    const told = test.mock.method(console, 'error', () => {})
    const head = Object.entries({ host: `127.0.0.1:${port}`, ...page }).map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const gone = connect(port, '127.0.0.1')
    await new Promise((resolve) => gone.write(`POST /control HTTP/1.1\r\n${head}content-length: 100\r\n\r\n{"id"`, resolve))
    await settled()
    gone.destroy()
    await once(gone, 'close')
    await settled()
    assert.equal(told.mock.callCount(), 0)
    assert.equal((await act({ id: 1, action: 'trip' })).status, 204)
    assert.equal(breaker.state, 'open')
  })

  it('takes a body up to its limit, and a byte more is too much', async (test) => {
    const { act, breaker } = await mounted(test)
    const body = JSON.stringify({ id: 1, action: 'trip' })
    assert.equal((await act(body.padEnd(4097))).status, 413)
    assert.equal(breaker.state, 'closed')
    assert.equal((await act(body.padEnd(4096))).status, 204)
    assert.equal(breaker.state, 'open')
  })

  it('does nothing where its body was read before and not kept', async (test) => {
    const { board, page } = await mounted(test)
    let answer
    const req = { method: 'POST', url: '/control', headers: { ...page, host: 'localhost', origin: 'http://localhost' }, socket: { remoteAddress: '::1' }, complete: true, readableEnded: true, on() {} }
    board.node(req, { writeHead: (status) => (answer = status), end() {} })
    for (let turn = 0; turn < 50 && answer === undefined; turn++) await Promise.resolve()
    assert.equal(answer, 400)
  })

  it('answers a `Request` alike', async () => {
    const registry = new CircuitBreakerRegistry()
    const breaker = registry.get('api')
    const { fetch, read } = dashboard({ registries: registry, authorize: () => true, control: { authorize: () => true } })
    read('rows')
    const page = { origin: 'http://board.example', 'content-type': 'application/json', 'x-halfopen-control': '1' }
    const act = (body, headers = page) => fetch(new Request('http://board.example/breakers/control', { method: 'POST', headers, body, duplex: 'half' }))
    assert.equal((await act('{"id":1,"action":"trip"}', { ...page, origin: 'http://evil.example' })).status, 403)
    assert.equal((await act(`{"id":1,"action":"trip"}${' '.repeat(5000)}`)).status, 413)
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1000)) })
    assert.equal((await act(endless)).status, 413)
    assert.equal(breaker.state, 'closed')
    const { status, body } = await act('{"id":1,"action":"trip"}')
    assert.equal(status, 204)
    assert.equal(body, null)
    assert.equal(breaker.state, 'open')
  })
})
