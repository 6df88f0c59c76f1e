/**
 * A service with several upstreams, a breaker for each, and the dashboard that shows them.
 *
 * Must not know: when an upstream is sick, or that this is a demo: this is how a service uses the package.
 *
 *   node shop.js --upstreams '{ "prices": "http://127.0.0.1:8080/" }' [--port 8081]
 */
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { CircuitBreakerRegistry } from 'halfopen'
import { dashboard } from 'halfopen/dashboard'
import { beginning, listen, tell, untilTold } from './part.js'
import { LIVE, SERVICE_TIMEOUT } from './plan.js'

const { values } = parseArgs({ options: { upstreams: { type: 'string', default: '{}' }, port: { type: 'string', default: '0' } } })
const upstreams = new Map(Object.entries(JSON.parse(values.upstreams)))

const registry = new CircuitBreakerRegistry({ timeout: SERVICE_TIMEOUT, fallback: () => null, ...LIVE.breaker })
// There from the start, so that the page shows them before the first call.
for (const name of upstreams.keys()) registry.get(name)

/**
 * @param {string} url
 * @param {{ signal: AbortSignal }} context
 */
async function ask(url, { signal }) {
  const response = await fetch(url, { signal })
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`The upstream answered ${response.status}`)
  }
  return response.json()
}

const page = dashboard({ registries: registry })

const server = createServer(async (request, response) => {
  const path = request.url ?? '/'
  if (path === '/breakers' || path.startsWith('/breakers/')) return void page.node(request, response)
  request.resume()
  const name = path.slice(1)
  const url = upstreams.get(name)
  if (url === undefined) return void response.writeHead(path === '/health' ? 204 : 404).end()
  try {
    const found = await registry.callWith(name, {}, ask, url)
    response.writeHead(200, { 'content-type': 'application/json', 'x-answered-by': found === null ? 'fallback' : 'upstream' }).end(JSON.stringify(found))
  } catch (error) {
    response.writeHead(502, { 'content-type': 'application/json', 'x-answered-by': 'nobody' }).end(JSON.stringify({ error: String(error) }))
  }
})

registry.addEventListener('statechange', ({ detail: { key, from, to, reason } }) => tell({ change: { breaker: key, from, to, reason } }))

listen(server, Number(values.port))
untilTold(() => {
  page.close()
  server.close()
  server.closeAllConnections()
  return undefined
})
await beginning()
