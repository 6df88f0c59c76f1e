// A service whose breakers are seen in every way: a page, metrics for Prometheus, and a log of each change of state. `UPSTREAM` is the URL of what it
// asks, `PORT` where it listens and `ADMIN_PORT` where whoever runs it looks (0 takes any; both are told in the log). `LOG` is `pino` or `console`. It must not
// know how anything is shown.
import { createServer } from 'node:http'
import { isCircuitOpenError } from 'halfopen'
import { dashboard } from 'halfopen/dashboard'
import { guardFetch } from 'halfopen/fetch'
import { contentType, metricsText } from 'halfopen/prometheus'
import { logStateChanges, openLog } from './log.js'

const { UPSTREAM = 'http://127.0.0.1:9000', PORT = '8080', ADMIN_PORT = '9464', LOG = 'pino' } = process.env
const { origin } = new URL(UPSTREAM)

const log = await openLog(LOG)
logStateChanges(log)

const guarded = guardFetch({ failureThreshold: 3, recoveryTimeout: 5000, timeout: 1000 })

/** For everybody: what the upstream answers. */
const service = createServer(async (request, response) => {
  // Proxies get whole URLs. This service is not a proxy.
  if (!request.url.startsWith('/')) return response.writeHead(400).end()
  try {
    const answer = await guarded(new URL(origin + request.url))
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
    response.end(new Uint8Array(await answer.arrayBuffer()))
  } catch (error) {
    if (response.headersSent) return response.destroy()
    const isRefused = isCircuitOpenError(error)
    response.writeHead(isRefused ? 503 : 502, isRefused ? { 'retry-after': Math.ceil(error.retryAfter / 1000) } : {})
    response.end(isRefused ? 'refused' : 'failed')
  }
})

/** For those who run it, on a port of its own: the page answers this machine alone, since it has no `authorize`. */
const page = dashboard({ registries: guarded.registry, title: 'The observed service' })
const admin = createServer((request, response) => {
  if (request.url === '/metrics') response.writeHead(200, { 'content-type': contentType }).end(metricsText(guarded.registry))
  else page.node(request, response)
})

const listen = (server, port) =>
  new Promise((resolve, reject) => {
    server.once('error', reject).listen(Number(port), '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`))
  })
log.info({ service: await listen(service, PORT), admin: await listen(admin, ADMIN_PORT) }, 'listening')

process.once('SIGTERM', () => {
  page.close()
  for (const server of [service, admin]) {
    server.close()
    server.closeIdleConnections()
  }
})
