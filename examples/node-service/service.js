// A service in front of an upstream: `UPSTREAM` is its URL, `PORT` where to listen (0 takes any, and is told on stdout).
import { createServer } from 'node:http'
import { guardFetch } from 'halfopen/fetch'

const { UPSTREAM = 'http://127.0.0.1:9000', PORT = '8080' } = process.env

/** The last good answer of each path. */
const known = new Map()

const guarded = guardFetch({
  failureThreshold: 3,
  recoveryTimeout: 5000,
  timeout: 1000,
  fallbackOn: 'failure',
  // Refused and failed requests alike: what was known last, or a 503.
  fallback({ url }) {
    const body = known.get(url.pathname)
    return body === undefined ? new Response('{"error":"unavailable"}', { status: 503 }) : new Response(body, { headers: { 'x-stale': '1' } })
  }
})
guarded.registry.addEventListener('statechange', ({ detail }) => console.log(`${detail.key}: ${detail.from} -> ${detail.to} (${detail.reason})`))

const server = createServer(async (request, response) => {
  if (request.url === '/health') {
    response.writeHead(200, { 'content-type': 'application/json' })
    return response.end(JSON.stringify(guarded.registry.status()))
  }
  try {
    const upstream = await guarded(new URL(request.url, UPSTREAM))
    const body = await upstream.text()
    const isStale = upstream.headers.has('x-stale')
    if (upstream.ok && !isStale) known.set(request.url, body)
    response.writeHead(upstream.status, { 'content-type': 'application/json', ...(isStale && { 'x-stale': '1' }) }).end(body)
  } catch (error) {
    response.writeHead(502).end(String(error))
  }
})
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
