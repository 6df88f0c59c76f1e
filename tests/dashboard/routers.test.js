// The dashboard in the routers that people have: mounted under a prefix, beside middleware that reads bodies and compresses. It must not know what is shown.

import assert from 'node:assert/strict'
import { createServer as createServer2, connect as connect2 } from 'node:http2'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { describe, it } from 'node:test'
import { createGzip, createGunzip, constants } from 'node:zlib'
import compression from 'compression'
import express from 'express'
import { Hono } from 'hono'
import { CircuitBreakerRegistry } from '../../pkg/index.js'
import { dashboard } from '../../pkg/dashboard.js'
import { ask, reader, serve, watch } from './support.js'

const make = (options) => {
  const registry = new CircuitBreakerRegistry()
  registry.get('api')
  return { registry, board: dashboard({ registries: registry, ...options }) }
}

/** All that a page asks for, under a prefix. */
async function works(port, prefix) {
  assert.match((await ask(port, `${prefix}/`)).text, /^<!doctype html>/)
  const { fresh } = JSON.parse((await ask(port, `${prefix}/rows`)).text)
  assert.equal(fresh.length, 1)
  assert.equal((await ask(port, `${prefix}/breaker?id=${fresh[0][0]}`)).status, 200)
  const viewer = await watch(port, `${prefix}/events`)
  assert.equal((await viewer.next()).fresh.length, 1)
  assert.ok((await viewer.next()).now)
  viewer.close()
}

describe('the dashboard', () => {
  it('is a handler of node:http, under a prefix too', async (test) => {
    const { board } = make()
    const site = await serve((req, res) => (/^\/breakers(\/|$)/.test(req.url) ? board.node(req, res) : res.end('elsewhere')))
    test.after(() => site.close())
    await works(site.port, '/breakers')
    assert.equal((await ask(site.port, '/breakers')).headers.location, './breakers/')
    assert.equal((await ask(site.port, '/')).text, 'elsewhere')
  })

  it('is a handler of Express, with its parsers and a compressing middleware before it', async (test) => {
    const { board, registry } = make({ control: { authorize: () => true } })
    const app = express()
    app.use(compression({ threshold: 0 }))
    app.use(express.json())
    app.use('/admin/breakers', board.node)
    app.use((_, res) => res.status(418).end())
    const site = await serve(app)
    test.after(async () => {
      board.close()
      await site.close()
    })
    await works(site.port, '/admin/breakers')
    assert.match((await ask(site.port, '/admin/breakers')).text, /^<!doctype html>/)
    const compressed = await ask(site.port, '/admin/breakers/', { headers: { 'accept-encoding': 'gzip' } })
    assert.equal(compressed.headers['content-encoding'], 'gzip')
    const viewer = await watch(site.port, '/admin/breakers/events', { 'accept-encoding': 'gzip' })
    assert.equal((await viewer.next()).fresh.length, 1)
    viewer.close()
    const act = (body) => ask(site.port, '/admin/breakers/control', {
      method: 'POST', body, headers: { origin: site.origin, 'content-type': 'application/json', 'x-halfopen-control': '1' }
    })
    assert.equal((await act('{"id":1,"action":"trip"}')).status, 204)
    assert.equal(registry.get('api').state, 'open')
    assert.equal((await act(JSON.stringify({ id: 1, action: 'reset', more: 'x'.repeat(5000) }))).status, 413)
  })

  it('is a handler of Hono', async () => {
    const { board } = make({ authorize: (request) => request.headers.get('x-key') === 'k' })
    const app = new Hono()
    app.all('/admin/breakers/*', (context) => board.fetch(context.req.raw))
    const get = (path, headers = { 'x-key': 'k' }) => app.request(path, { headers })
    assert.match(await (await get('/admin/breakers/')).text(), /^<!doctype html>/)
    assert.equal((await get('/admin/breakers/', {})).status, 403)
    assert.equal((await (await get('/admin/breakers/rows')).json()).fresh.length, 1)
    const { body } = await get('/admin/breakers/events')
    const reader = body.getReader()
    assert.match(new TextDecoder().decode((await reader.read()).value), /"api"/)
    await reader.cancel()
  })

  it('is a handler of node:http2', async (test) => {
    const { board } = make()
    const server = createServer2(board.node).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect2(`http://127.0.0.1:${server.address().port}`)
    test.after(async () => {
      board.close()
      client.destroy()
      server.close()
      await once(server, 'close')
    })
    const get = async (path) => {
      const stream = client.request({ ':path': path })
      const [headers] = await once(stream, 'response')
      return { stream, status: headers[':status'] }
    }
    const page = await get('/')
    assert.equal(page.status, 200)
    page.stream.resume()
    const { stream, status } = await get('/events')
    assert.equal(status, 200)
    assert.ok((await reader(stream).next()).hello)
    stream.close()
    const foreign = client.request({ ':path': '/', ':authority': 'evil.example' })
    assert.equal((await once(foreign, 'response'))[0][':status'], 403)
    foreign.resume()
  })

  it('comes through a proxy that compresses, piece by piece, whoever asks it to flush', async (test) => {
    const { board } = make({ authorize: () => true })
    // As middleware does that takes no notice of `no-transform`: it keeps back what it is not asked for.
    const site = await serve((req, res) => {
      const gzip = createGzip()
      const { writeHead } = res
      const write = gzip.write.bind(gzip)
      res.writeHead = (status, headers) => {
        writeHead.call(res, status, { ...headers, 'content-encoding': 'gzip' })
        gzip.on('data', (chunk) => Object.getPrototypeOf(res).write.call(res, chunk))
        return res
      }
      res.write = write
      res.flush = () => gzip.flush(constants.Z_SYNC_FLUSH)
      board.node(req, res)
    })
    test.after(async () => {
      board.close()
      await site.close()
    })
    const sent = request({ port: site.port, host: '127.0.0.1', path: '/events', agent: false }).end()
    const [response] = await once(sent, 'response')
    const { next } = reader(response.pipe(createGunzip()))
    assert.ok((await next()).hello)
    assert.ok((await next()).now)
    sent.destroy()
  })

  it('keeps no server from closing once nobody looks', async () => {
    const { board } = make()
    const server = createServer(board.node).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const viewer = await watch(server.address().port)
    await viewer.next()
    viewer.close()
    server.close()
    await once(server, 'close')
  })
})
