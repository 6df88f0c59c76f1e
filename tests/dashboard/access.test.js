// Who gets in and who does not, with real sockets. It must not know how the page looks.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, mock } from 'node:test'
import { CircuitBreakerRegistry } from '../../pkg/index.js'
import { dashboard } from '../../pkg/dashboard.js'
import { ask, raw, serve } from './support.js'

const registry = new CircuitBreakerRegistry()
registry.get('https://api.example.com')

/** A dashboard behind a server, closed after the test. */
async function mounted(test, options = {}) {
  const board = dashboard({ registries: registry, ...options })
  const site = await serve(board.node)
  test.after(async () => {
    board.close()
    await site.close()
  })
  return { ...site, board, ask: (path, more) => ask(site.port, path, more) }
}

describe('without `authorize`', () => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.8.9.10', '[::1]', 'localhost:8080', '[::1]:80']) {
    it(`lets this machine in that asks for ${host}`, async (test) => {
      const { ask } = await mounted(test)
      assert.equal((await ask('/', { headers: { host } })).status, 200)
    })
  }

  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'evil-localhost', 'localhost.', '127.0.0.1@evil.example', '[::1].evil.example', '2130706433', '0.0.0.0']) {
    it(`keeps out a page of ${host} that leads to this machine`, async (test) => {
      const { ask } = await mounted(test)
      for (const path of ['/', '/events', '/rows', '/breaker?id=1']) {
        const { status, text } = await ask(path, { headers: { host } })
        assert.equal(status, 403, path)
        assert.equal(text, 'Forbidden')
      }
    })
  }

  it('keeps out who names no host', async (test) => {
    const { port } = await mounted(test)
    assert.match(await raw(port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 403 /)
    assert.match(await raw(port, 'GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 403 /)
  })

  it('keeps out what nginx hands on by itself: a request of HTTP/1.0 for this machine, that says of nobody', async (test) => {
    const { port } = await mounted(test)
    const asked = (version) => raw(port, `GET /rows HTTP/${version}\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
    assert.match(await asked('1.0'), /^HTTP\/1.1 403 /)
    assert.match(await asked('1.1'), /^HTTP\/1.1 200 /)
  })

  for (const name of ['X-Forwarded-For', 'x-forwarded-host', 'X-Forwarded-Proto', 'X-Forwarded-Anything', 'Forwarded', 'Via', 'X-Real-IP', 'CF-Connecting-IP', 'True-Client-IP', 'Fastly-Client-IP', 'X-Cluster-Client-IP', 'X-Envoy-External-Address', 'X-Original-Forwarded-For', 'X-Original-Host', 'Forwarded-For', 'X-Azure-ClientIP', 'X-Remote-Addr', 'Fly-Forwarded-Port', 'Max-Forwards', 'CDN-Loop']) {
    it(`keeps out what was handed on, as ${name} says`, async (test) => {
      const { ask } = await mounted(test)
      for (const value of ['127.0.0.1', '']) assert.equal((await ask('/events', { headers: { [name]: value } })).status, 403)
    })
  }

  it('keeps out other machines, whatever they ask for', async (test) => {
    const { server, board } = await mounted(test)
    assert.ok(server.listening)
    const address = Object.values(networkInterfaces()).flat().find(({ internal, family }) => !internal && family === 'IPv4')?.address
    const peers = ['10.0.0.5', '::ffff:10.0.0.5', '1270.0.0.1', '128.0.0.1', '::2', undefined, ...(address ? [address] : [])]
    for (const remoteAddress of peers) {
      let status
      const res = { writeHead: (code) => (status = code), end() {}, on() {} }
      board.node({ method: 'GET', url: '/', headers: { host: 'localhost' }, socket: { remoteAddress }, complete: true }, res)
      for (let turn = 0; turn < 20 && status === undefined; turn++) await Promise.resolve()
      assert.equal(status, 403, remoteAddress)
    }
  })

  it('keeps out who comes by a Unix socket, behind which a proxy may stand', { skip: process.platform === 'win32' }, async (test) => {
    const folder = await mkdtemp(join(tmpdir(), 'halfopen-dashboard-'))
    const board = dashboard({ registries: registry })
    const server = createServer(board.node).listen(join(folder, 'socket'))
    await once(server, 'listening')
    test.after(async () => {
      server.close()
      await rm(folder, { recursive: true })
    })
    const sent = request({ socketPath: join(folder, 'socket'), path: '/', headers: { host: 'localhost' }, agent: false }).end()
    const [response] = await once(sent, 'response')
    response.resume()
    assert.equal(response.statusCode, 403)
  })

  it('is no handler of `Request`s, and says why at the first one', async () => {
    const { fetch } = dashboard({ registries: registry })
    await assert.rejects(fetch(new Request('http://localhost/')), (error) => {
      assert.ok(error instanceof TypeError)
      assert.equal(error.code, 'ERR_INVALID_OPTION')
      assert.equal(error.option, 'authorize')
      assert.match(error.message, /`authorize`/)
      return true
    })
  })
})

describe('with `authorize`', () => {
  it('lets in whoever it answers true for, from anywhere', async (test) => {
    const seen = []
    const { ask } = await mounted(test, { authorize: async (req) => seen.push(req.url) > 0 && req.headers.cookie === 'key=1' })
    const headers = { host: 'board.example.com', 'x-forwarded-for': '10.1.1.1' }
    assert.equal((await ask('/', { headers: { ...headers, cookie: 'key=1' } })).status, 200)
    assert.equal((await ask('/', { headers })).status, 403)
    assert.deepEqual(seen, ['/', '/'])
  })

  it('asks it for each path, known or not, before anything is told', async (test) => {
    let asked = 0
    const { ask } = await mounted(test, { authorize: () => (asked++, false), control: { authorize: () => assert.fail() } })
    for (const path of ['/', '/events', '/rows', '/breaker?id=1', '/control', '/nonsense', '/a/b.c']) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const { status, text } = await ask(path, { method })
        assert.equal(`${status} ${text}`, '403 Forbidden', path)
      }
    }
    assert.equal(asked, 21)
  })

  for (const [what, answer] of Object.entries({ nothing: undefined, 'an object': {}, 'a text': 'yes', one: 1, 'a promise of an object': Promise.resolve({ user: 'ada' }), null: null })) {
    it(`keeps out whom it answers ${what} for`, async (test) => {
      const { ask } = await mounted(test, { authorize: () => answer })
      assert.equal((await ask('/')).status, 403)
    })
  }

  for (const [what, authorize] of Object.entries({
    throws: () => { throw new Error('the secret of the house') },
    rejects: async () => { throw new Error('the secret of the house') },
    'throws nothing that can be read': () => { throw Object.create(null) }
  })) {
    it(`answers 500 and says nothing where it ${what}, and tells the host`, async (test) => {
      const told = mock.method(console, 'error', () => {})
      test.after(() => told.mock.restore())
      const { ask } = await mounted(test, { authorize })
      for (const path of ['/', '/events']) {
        const { status, text, headers } = await ask(path)
        assert.equal(`${status} ${text}`, '500 Internal error')
        assert.ok(!JSON.stringify(headers).includes('secret'))
      }
      assert.equal(told.mock.callCount(), 2)
    })
  }

  it('asks by `challenge` for what is missing', async (test) => {
    const { ask } = await mounted(test, { challenge: 'Basic realm="breakers"', authorize: ({ headers }) => headers.authorization === `Basic ${btoa('ada:lovelace')}` })
    const { status, headers } = await ask('/')
    assert.equal(status, 401)
    assert.equal(headers['www-authenticate'], 'Basic realm="breakers"')
    assert.equal((await ask('/', { headers: { authorization: `Basic ${btoa('ada:lovelace')}` } })).status, 200)
  })
})

describe('pages of other sites', () => {
  const foreign = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }
  it('read nothing, and take no place of a viewer', async (test) => {
    const { ask } = await mounted(test)
    for (const site of ['cross-site', 'same-site']) {
      for (const path of ['/', '/events', '/rows', '/breaker?id=1']) assert.equal((await ask(path, { headers: { ...foreign, 'sec-fetch-site': site } })).status, 403, path)
    }
  })

  it('take no place of a viewer either where the browser tells no more than an origin', async (test) => {
    const { ask, port } = await mounted(test)
    for (const origin of ['http://evil.example', 'null', `http://127.0.0.1:${port + 1}`, 'http://localhost.evil.example']) {
      for (const path of ['/', '/events', '/rows', '/breaker?id=1']) assert.equal((await ask(path, { headers: { origin } })).status, 403, `${path} ${origin}`)
    }
    assert.equal((await ask('/rows', { headers: { origin: `http://127.0.0.1:${port}` } })).status, 200)
  })

  it('may lead to the page, and frame it never', async (test) => {
    const { ask } = await mounted(test)
    const to = (dest) => ask('/', { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': dest } })
    assert.equal((await to('document')).status, 200)
    for (const dest of ['iframe', 'frame', 'embed', 'object']) assert.equal((await to(dest)).status, 403)
  })

  it('are given no leave by any answer', async (test) => {
    const { ask } = await mounted(test, { control: { authorize: () => true } })
    for (const path of ['/', '/rows', '/breaker?id=1', '/breaker?id=x', '/control', '/nonsense', '/no.thing']) {
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE']) {
        const { headers } = await ask(path, { method, headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' } })
        assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('access-control')), [], `${method} ${path}`)
      }
    }
  })
})

describe('methods and paths', () => {
  let site
  before(async () => {
    const board = dashboard({ registries: registry })
    site = await serve(board.node)
  })
  after(() => site.close())

  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
    it(`refuses ${method} and names what it takes`, async () => {
      for (const path of ['/', '/events', '/rows', '/breaker?id=1']) {
        const { status, headers } = await ask(site.port, path, { method })
        assert.equal(status, 405, path)
        assert.equal(headers.allow, 'GET, HEAD')
      }
    })
  }

  it('answers HEAD with the headers of GET, and no body; the stream too, at once', async () => {
    for (const path of ['/', '/rows', '/breaker?id=1', '/events']) {
      const { status, headers, text } = await ask(site.port, path, { method: 'HEAD' })
      assert.equal(status, 200, path)
      assert.equal(text, '')
      assert.match(headers['content-type'], /^(text\/html|application\/json|text\/event-stream); charset=utf-8$/)
    }
  })

  it('answers wherever it is mounted', async () => {
    for (const path of ['/', '/breakers/', '/a/b/c/', '/?q=1', '/breakers/?#/events']) assert.match((await ask(site.port, path)).text, /^<!doctype html>/, path)
    for (const path of ['/rows', '/breakers/rows', '/a/b/rows?x=/breaker']) assert.ok(JSON.parse((await ask(site.port, path)).text).fresh, path)
  })

  it('leads an address without its slash to the page, never to elsewhere', async () => {
    for (const path of ['/breakers', '/a/breakers', '//evil.example/breakers', '//evil']) {
      const { status, headers } = await ask(site.port, path)
      assert.equal(status, 308, path)
      assert.equal(headers.location, `./${path.split('/').pop()}/`)
    }
  })

  for (const path of ['/..', '/../.env', '/.env', '/x/..%2f..%2fetc%2fpasswd', '/%65vents', '/rows%00', '/a%0d%0aset-cookie:x=1', '/https:', '/evil.example', '/app.js', '/\\evil.example', '/rows;x', `/${'a'.repeat(65)}`]) {
    it(`finds nothing under ${path.slice(0, 40)}`, async () => {
      const { status, headers, text } = await ask(site.port, path)
      assert.equal(`${status} ${text}`, '404 Not found')
      assert.equal(headers.location, undefined)
    })
  }

  it('finds no breaker by what is no number of one', async () => {
    for (const query of ['', '?id=', '?id=0', '?id=999', '?id=-1', '?id=1e3', '?id=__proto__', '?id=1&id=2', '?id=9999999999999999999', '?ID=1', '?id=1%20']) {
      assert.equal((await ask(site.port, `/breaker${query}`)).status, 404, query)
    }
  })

  it('survives requests that are none', async () => {
    for (const bytes of ['GARBAGE\r\n\r\n', 'GET\r\n\r\n', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`]) assert.match(await raw(site.port, bytes), /^HTTP\/1.1 4\d\d |^$/)
    assert.match(await raw(site.port, 'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'), /^HTTP\/1.1 200 /)
    assert.equal((await ask(site.port, '/')).status, 200)
  })
})

describe('the page', () => {
  it('runs its own script and style alone, by letters that are others each time', async (test) => {
    const { ask } = await mounted(test)
    const seen = new Set()
    for (let n = 0; n < 20; n++) {
      const { headers, text } = await ask('/')
      const policy = headers['content-security-policy']
      const [, nonce] = /script-src 'nonce-([^']+)'/.exec(policy)
      assert.match(nonce, /^[0-9a-f]{32}$/)
      seen.add(nonce)
      assert.equal(policy, `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`)
      assert.deepEqual(text.match(/nonce="[^"]+"/g), [`nonce="${nonce}"`, `nonce="${nonce}"`])
      assert.equal(text.match(/<(script|style)\b/g).length, 2)
    }
    assert.equal(seen.size, 20)
  })

  it('needs nothing from anywhere, and knows no way to put HTML into itself', async (test) => {
    const { ask } = await mounted(test)
    const { text } = await ask('/')
    // The name of a kind of element is no address that is asked for.
    const addresses = text.match(/(https?:)?\/\/[\w.-]+\.\w+[^\s"'`]*/g)?.filter((one) => one !== 'http://www.w3.org/2000/svg') ?? []
    assert.deepEqual(addresses, [])
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML|\beval\b|new Function|@import|url\(/)
  })

  it('is guarded in each of its answers', async (test) => {
    const { ask } = await mounted(test)
    for (const path of ['/', '/rows', '/breaker?id=1', '/nonsense', '/no.thing', '/breaker?id=77']) {
      const { headers } = await ask(path)
      assert.match(headers['cache-control'], /^no-store/, path)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.equal(headers['referrer-policy'], 'no-referrer')
      assert.equal(headers['x-frame-options'], 'DENY')
      assert.equal(headers['cross-origin-resource-policy'], 'same-origin')
      assert.match(headers['content-security-policy'], /frame-ancestors 'none'/)
    }
  })

  it('has nothing of a breaker in its HTML, whatever its key', async (test) => {
    const evil = new CircuitBreakerRegistry()
    evil.get('</script><script>alert(1)</script>')
    const { ask } = await mounted(test, { registries: evil, title: '<img src=x onerror=alert(1)>' })
    assert.doesNotMatch((await ask('/')).text, /alert/)
    assert.match((await ask('/rows')).headers['content-type'], /^application\/json/)
  })
})

describe('a closed dashboard', () => {
  it('answers 503, and nothing else', async (test) => {
    const { ask, board } = await mounted(test)
    board.close()
    for (const path of ['/', '/events', '/rows']) assert.equal((await ask(path)).status, 503)
  })
})

describe('what it is given', () => {
  const refused = (options, expected) => assert.throws(() => dashboard(options), (error) => Object.entries(expected).every(([name, value]) => (value instanceof RegExp ? value.test(error[name]) : error[name] === value)) || assert.fail(`${error.code} ${error.message}`))
  for (const [what, registries] of Object.entries({ nothing: undefined, null: null, 'a text': 'x', 'an array with a number': [registry, 7], 'an object with none': { web: {} }, 'a map': new Map([['web', registry]]), 'a door that is none': { web: { [Symbol.for('halfopen.read')]: 1 } } })) {
    it(`is refused where \`registries\` is ${what}`, () => refused({ registries }, { code: 'ERR_INVALID_ARGUMENT', message: /`registries`/ }))
  }
  for (const [option, values] of Object.entries({
    authorize: [1, null, 'x'], 'control.authorize': [undefined, 1], challenge: [1, '', 'a\r\nb', 'ü'], maxViewers: [0, -1, 1.5, NaN, '7', Infinity], label: ['x'], errors: [1, 'true'], title: [1], feeds: [1, null], 'feeds.other': ['http://x']
  })) {
    it(`is refused where \`${option}\` is wrong`, () => {
      for (const value of values) {
        const [name, inner] = option.split('.')
        refused({ registries: registry, [name]: inner ? { [inner]: value } : value }, { code: 'ERR_INVALID_OPTION', option, message: new RegExp(`\`${option}\``) })
      }
    })
  }
  it('is refused where an option is unknown, with the nearest one', () => {
    refused({ registries: registry, authorise: () => true }, { code: 'ERR_INVALID_OPTION', message: /did you mean `authorize`/ })
    refused(undefined, { code: 'ERR_INVALID_ARGUMENT' })
  })
})
