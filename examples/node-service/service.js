// A service in front of an upstream: `UPSTREAM` is its URL, `PORT` where to listen (0 takes any, and is told on stdout).
import { createServer } from 'node:http'
import { guardFetch } from 'halfopen/fetch'

const { UPSTREAM = 'http://127.0.0.1:9000', PORT = '8080' } = process.env
const { origin } = new URL(UPSTREAM)

/** The last good answer of each URL, the one longest without a new answer first. */
const known = new Map()
/** The most answers that are kept: callers choose the paths, and could go on for ever. */
const MOST_KNOWN = 1000

function keep({ href }, body) {
  known.delete(href)
  known.set(href, body)
  if (known.size > MOST_KNOWN) known.delete(known.keys().next().value)
}

const guarded = guardFetch({
  failureThreshold: 3,
  recoveryTimeout: 5000,
  timeout: 1000,
  fallbackOn: 'failure',
  // Refused and failed requests alike: what was known last, or a 503.
  fallback({ url }) {
    const body = known.get(url.href)
    return body === undefined ? new Response('{"error":"unavailable"}', { status: 503 }) : new Response(body, { headers: { 'x-stale': '1' } })
  }
})
guarded.registry.addEventListener('statechange', ({ detail }) => console.log(`${detail.key}: ${detail.from} -> ${detail.to} (${detail.reason})`))

const server = createServer(async (request, response) => {
  if (request.url === '/health') {
    response.writeHead(200, { 'content-type': 'application/json' })
    return response.end(JSON.stringify(guarded.registry.status()))
  }
  // Proxies get whole URLs. This service is not a proxy.
  if (!request.url.startsWith('/')) return response.writeHead(400).end()
  // Appended, not resolved: resolved, `//elsewhere/path` would be another host.
  const url = new URL(origin + request.url)
  try {
    const upstream = await guarded(url)
    const body = await upstream.text()
    const isStale = upstream.headers.has('x-stale')
    if (upstream.ok && !isStale) keep(url, body)
    response.writeHead(upstream.status, { 'content-type': 'application/json', ...(isStale && { 'x-stale': '1' }) }).end(body)
  } catch (error) {
    response.writeHead(502).end(String(error))
  }
})
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`))
