// Where a request leads: the origin is that of the URL standard, though it is mostly looked up and not parsed. It must not know breakers.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FetchRequest, originOf, withSignal } from '../../js/http/requests.js'
import { answerOf, lives } from '../js/support.js'

/** What the standard says, for servers alone. */
function expected(input) {
  try {
    const { origin, protocol } = new URL(input)
    return /^https?:$/.test(protocol) ? origin : undefined
  } catch {
    return undefined
  }
}

describe('the origin of a request', () => {
  const URLS = [
    'https://api.example.com', 'https://api.example.com/', 'https://api.example.com/a/b?c=d#e', 'https://api.example.com?a=/b', 'https://api.example.com#/a',
    'https://API.example.com/', 'HTTPS://api.example.com/', 'https://api.example.com:443/', 'http://api.example.com:443/', 'https://api.example.com:8443/',
    'https://user:secret@api.example.com/', 'https://api.example.com@evil.example/', 'https://api.example.com\\@evil.example/', 'https://api.example.com\t.evil.example/',
    'https://api.example.com:80:80/', 'https://api.example.com:99999/', 'https:///api.example.com/', 'https:api.example.com/', 'https://a/', 'http://a/b', 'https://',
    'https://1.2.3.4/', 'https://0x7f.1/', 'https://256.256.256.256/', 'https://[::1]:3000/a', 'https://münchen.example/', 'https://api..example.com/',
    ' https://api.example.com/', 'https://api.example.com /', 'data:text/plain,x', 'blob:https://api.example.com/1', 'ftp://api.example.com/', 'about:blank', '/relative', '', 'api'
  ]
  for (const url of URLS) {
    it(`is that of the standard, the first time and again: ${JSON.stringify(url)}`, () => {
      for (let time = 0; time < 2; time++) assert.equal(originOf(url), expected(url))
      for (let time = 0; time < 2; time++) assert.equal(originOf(`${url}/more`), expected(`${url}/more`))
    })
  }

  it('is that of the standard for whatever else', () => {
    const part = fc.constantFrom('https://', 'http://', 'a', 'b.example', ':', '/', '?', '#', '@', '\\', '.', '-', '8080', '443', '%2e', '\n', 'ä', '[', ']', 'X')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')), (url) => assert.equal(originOf(url), expected(url))),
      lives(20_000)
    )
  })

  it('is found of a URL, of a Request and of what gives a text', () => {
    for (const input of [new URL('https://api.example.com/a'), new Request('https://api.example.com/a'), { toString: () => 'https://api.example.com/a' }]) {
      assert.equal(originOf(input), 'https://api.example.com')
    }
  })

  it('is kept for no more than a thousand servers', () => {
    for (let n = 0; n < 5000; n++) assert.equal(originOf(`https://host-${n}.example/a`), `https://host-${n}.example`)
    assert.equal(originOf('https://host-1.example/b'), 'https://host-1.example')
  })

  it('is kept without the rest of its URL', async () => {
    const [grown] = await answerOf(`
      const { originOf } = await import(${JSON.stringify(new URL('../../js/http/requests.js', import.meta.url).href)})
      const heap = () => (gc(), process.memoryUsage().heapUsed)
      const before = heap()
      for (let n = 0; n < 900; n++) originOf(\`https://host-\${n}.example/?\${'a'.repeat(20_000)}\${n}\`.split(' ')[0])
      console.log(JSON.stringify([heap() - before]))`, '--expose-gc')
    assert.ok(grown < 3_000_000, `${grown} bytes more for 900 URLs of 20,000`)
  })
})

describe('a request as users see it', () => {
  it('has its URL, its method and what was given', () => {
    const init = { method: 'POST' }
    const { description } = new FetchRequest(['https://api.example.com/a', init])
    assert.deepEqual([description.url.href, description.method, description.input, description.init], ['https://api.example.com/a', 'POST', 'https://api.example.com/a', init])
    const request = new FetchRequest([new Request('https://api.example.com/a', { method: 'PUT' })])
    assert.equal(request.description.method, 'PUT')
    assert.equal(request.description, request.description)
    assert.equal(new FetchRequest(['nowhere']).description, undefined)
  })
})

describe('an init with another signal', () => {
  const { signal } = new AbortController()

  it('is a copy with all that was given', () => {
    const init = { method: 'POST', headers: { a: 'b' }, signal: AbortSignal.abort(), dispatcher: {} }
    assert.deepEqual(withSignal(init, signal), { ...init, signal })
    assert.equal(init.signal.aborted, true)
    for (const none of [undefined, null]) assert.deepEqual(withSignal(none, signal), { signal })
  })

  it('has the members of a Request, and of other objects whose members are inherited', () => {
    const request = new Request('https://api.example.com', { method: 'DELETE', headers: { a: 'b' }, redirect: 'manual' })
    const copy = withSignal(request, signal)
    assert.deepEqual([copy.method, copy.headers.get('a'), copy.redirect, copy.signal], ['DELETE', 'b', 'manual', signal])
    assert.equal(withSignal(Object.create({ method: 'PUT' }), signal).method, 'PUT')
  })
})

describe('a Request that is given another signal', () => {
  const { signal } = new AbortController()
  const url = 'https://api.example.com/a'
  /** What a fetch makes of it. */
  const sent = (...args) => new Request(...new FetchRequest(args).argsWith(signal))

  it('keeps who asked for it, which an init would have it forget', () => {
    for (const init of [{ referrerPolicy: 'no-referrer' }, { referrer: '', referrerPolicy: 'origin' }, { referrer: 'https://api.example.com/from' }, {}]) {
      for (const more of [[], [undefined], [null], [{}], [{ own: 1, signal: undefined }]]) {
        const expected = new Request(new Request(url, init), ...more)
        const { referrer, referrerPolicy } = sent(new Request(url, init), ...more)
        assert.equal(referrer, expected.referrer)
        // Node 24 forgets it by itself.
        assert.equal(referrerPolicy, init.referrerPolicy ?? '')
      }
    }
  })
  it('forgets it where the caller gives an init, as fetch does', () => {
    const { referrer, referrerPolicy } = sent(new Request(url, { referrer: '', referrerPolicy: 'origin' }), { cache: 'no-store' })
    assert.deepEqual([referrer, referrerPolicy], ['about:client', ''])
  })
  it('goes out as it is where no init can give what it has: a navigation of a browser', () => {
    for (const members of [{ mode: 'navigate' }, { isReloadNavigation: true }, { isHistoryNavigation: true }]) {
      const args = [{ url, referrer: 'about:client', referrerPolicy: '', mode: 'cors', ...members }]
      assert.equal(new FetchRequest(args).argsWith(signal), args)
    }
  })
  it('goes out as it is with a referrer of another origin than that of the page', () => {
    globalThis.location = { origin: 'https://page.example', href: 'https://page.example/' }
    try {
      const asking = (referrer) => [{ url, referrer, referrerPolicy: '', mode: 'cors' }]
      const foreign = asking('https://cdn.example/style.css')
      assert.equal(new FetchRequest(foreign).argsWith(signal), foreign)
      for (const referrer of ['', 'about:client', 'https://page.example/a']) assert.equal(new FetchRequest(asking(referrer)).argsWith(signal)[1].signal, signal)
    } finally {
      delete globalThis.location
    }
  })
})
