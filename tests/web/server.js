// The server of this folder: each path is a way to answer, and everything that arrives is written down by the run it belongs to. It must
// not know who asks, or what should come of it.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'

const pieces = async (response, texts) => {
  for (const text of texts) await new Promise((resolve) => response.write(text, resolve))
}
const breakOff = (response) => setTimeout(() => response.socket?.resetAndDestroy(), 60)

/** What the paths do: `(request, response, { query, body })`. */
const PATHS = {
  '/text': (_, response) => response.writeHead(200, { 'content-type': 'text/plain;charset=utf-8', 'x-own': 'a, b' }).end('some text'),
  '/json': (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":[1,2]}'),
  '/broken-json': (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":'),
  '/form': (_, response) => response.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' }).end('a=1&b=%20&a=2'),
  '/cookies': (_, response) => response.writeHead(200, [['set-cookie', 'a=1'], ['set-cookie', 'b=2; path=/'], ['x-twice', '1'], ['x-twice', '2']].flat()).end('ok'),
  '/status': (_, response, { query }) => response.writeHead(Number(query.get('code')), { 'x-own': '1' }).end(query.has('empty') ? undefined : 'body'),
  '/empty': (_, response) => response.writeHead(200, { 'content-length': '0' }).end(),
  '/empty-chunked': (_, response) => (response.writeHead(200, { 'transfer-encoding': 'chunked' }), response.end()),
  '/pieces': async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    await pieces(response, ['one,', 'two,', 'three'])
    response.end()
  },
  '/large': (_, response) => response.end('x'.repeat(300_000)),
  '/gzip': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain' }).end(gzipSync('some text, packed')),
  '/broken-gzip': (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('this is not gzip'),
  '/hints': (_, response) => {
    response.writeEarlyHints({ link: '</a.css>; rel=preload' })
    response.writeHead(200).end('after hints')
  },
  '/processing': (_, response) => {
    response.writeProcessing()
    response.writeHead(200).end('processed')
  },
  '/break-before': ({ socket }) => socket.resetAndDestroy(),
  '/break-in-headers': ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nContent-Ty', () => socket.resetAndDestroy()),
  '/break-in-body': (_, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('some', () => breakOff(response))
  },
  '/break-in-chunks': (_, response) => {
    response.writeHead(200)
    response.write('some', () => breakOff(response))
  },
  '/end-too-early': (_, response) => {
    response.writeHead(200, { 'content-length': '1000', connection: 'close' })
    response.write('some', () => setTimeout(() => response.socket?.end(), 15))
  },
  '/garbage': ({ socket }) => socket.end('this is not HTTP\r\n\r\n'),
  '/head-overflow': (_, response) => response.writeHead(200, { 'x-large': 'x'.repeat(40_000) }).end('ok'),
  '/never': () => {},
  '/stall': (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('first')
  },
  '/redirect': (_, response, { query }) => response.writeHead(Number(query.get('code') ?? 302), { location: query.get('to') }).end('moved'),
  '/circle': (request, response) => response.writeHead(302, { location: request.url }).end(),
  '/no-location': (_, response) => response.writeHead(302).end('nowhere'),
  '/echo': (request, response, { body }) => response.writeHead(200, { 'content-type': 'text/plain' }).end(`${request.method} ${body}`),
  '/refuse-upload': (_, response) => response.writeHead(413, { connection: 'close' }).end('too large')
}

/** Answers of those paths do not wait for the whole of a request. */
const AT_ONCE = ['/never', '/break-before', '/refuse-upload', '/stall']

/**
 * Starts the server. `origin` is where, and `seen(run)` what arrived under `/run/`: method, path, headers, body, and whether the client went
 * away before it had its answer. `breakOff(run)` resets the connections on which that arrived.
 */
export async function startServer() {
  const seen = new Map()
  const sockets = new Set()
  const ofRun = new Map()
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://server')
    const [, run, ...rest] = url.pathname.split('/')
    const path = `/${rest.join('/')}`
    const entry = { method: request.method, path, query: url.search, headers: Object.fromEntries(Object.entries(request.headers).filter(([name]) => name !== 'host')), body: '' }
    if (!seen.has(run)) seen.set(run, [])
    seen.get(run).push(entry)
    ofRun.set(run, [...(ofRun.get(run) ?? []), request.socket])
    request.on('error', () => {})
    response.on('error', () => {})
    response.on('close', () => {
      entry.isLeft = !response.writableEnded
    })
    request.setEncoding('latin1').on('data', (text) => (entry.body += text))
    if (!AT_ONCE.includes(path)) {
      try {
        await once(request, 'end')
      } catch {
        return
      }
    }
    const answer = PATHS[path]
    if (answer === undefined) return response.writeHead(404).end(`no ${path}`)
    await answer(request, response, { query: url.searchParams, body: entry.body })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    seen: (run) => seen.get(run) ?? [],
    breakOff: (run) => ofRun.get(run)?.forEach((socket) => socket.resetAndDestroy()),
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    }
  }
}
