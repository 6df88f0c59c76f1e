// A service of the tests of this folder: it guards what it asks its upstream for with a breaker for each part of it, and tells of them
// at /metrics, and by OpenTelemetry at /metrics/otel. It must not know what is measured.
//   service.js <upstream>       says by IPC where it listens

import { once } from 'node:events'
import { createServer } from 'node:http'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { CircuitBreakerRegistry, isBulkheadFullError, isCallTimeoutError, isCircuitOpenError } from '../../pkg/index.js'
import { instrument } from '../../pkg/otel.js'
import { contentType, metricsText } from '../../pkg/prometheus.js'

const [, , upstream] = process.argv

/** Long enough that a circuit stays open until it is told. */
const LONG = 3_600_000
/** Each part of the upstream, with its options. */
const PARTS = {
  users: { recoveryTimeout: LONG },
  orders: {},
  search: { timeout: 100, failureThreshold: 1000 },
  mail: { classify: (error) => (error === undefined ? 'success' : 'ignored') },
  files: { maxConcurrent: 2 },
  reports: {},
  stock: { recoveryTimeout: 0, successThreshold: 1, halfOpenTimeout: LONG },
  shadow: { recoveryTimeout: LONG },
  late: { recoveryTimeout: LONG },
  flaps: { recoveryTimeout: LONG },
}
const registry = new CircuitBreakerRegistry({ configure: (key) => PARTS[key] })
for (const part of Object.keys(PARTS)) registry.get(part)
registry.get('shadow').observe()

/** OpenTelemetry's own: what it makes of the names is what the second pair of files is for. */
const exporter = new PrometheusExporter({ preventServerStart: true })
instrument(new MeterProvider({ readers: [exporter] }).getMeter('service'), registry)

/** What came of a call, as its caller sees it. */
function outcomeOf(error, breaker) {
  if (isBulkheadFullError(error)) return 'refused_bulkhead'
  if (isCircuitOpenError(error)) return breaker.mode === 'isolated' ? 'refused_isolated' : `refused_${error.state}`
  return isCallTimeoutError(error) ? 'timeout' : 'failure'
}

const server = createServer(async (request, response) => {
  const { url, method } = request
  const [, what, part, hand] = new URL(url, 'http://service').pathname.split('/')
  if (what === 'metrics') return part === 'otel' ? exporter.getMetricsRequestHandler(request, response) : response.writeHead(200, { 'content-type': contentType }).end(metricsText(registry))
  const breaker = registry.get(part)
  // POST /by-hand/users/trip
  if (method === 'POST' && what === 'by-hand') return response.writeHead(200).end(String(breaker[hand]() ?? ''))
  // GET /calls/users
  try {
    await registry.callWith(part, {}, async ({ signal }) => {
      const answer = await fetch(`${upstream}/${part}`, { signal })
      await answer.text()
      if (!answer.ok) throw new Error(String(answer.status))
    })
    response.writeHead(200).end('success')
  } catch (error) {
    response.writeHead(503).end(outcomeOf(error, breaker))
  }
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.on('disconnect', () => process.exit())
process.send(`http://127.0.0.1:${server.address().port}`)
