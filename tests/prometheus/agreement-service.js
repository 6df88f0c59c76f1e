// A service whose registry has room for fewer breakers than it has keys, seen in three ways: at /breakers, /metrics and /metrics/otel. It must not
// know what is measured. It runs in a project of a user, who has installed the tarball.
//   agreement-service.js <upstream>       says by IPC where it listens

import { once } from 'node:events'
import { createServer } from 'node:http'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { CircuitBreakerRegistry, isCircuitOpenError } from 'halfopen'
import { dashboard } from 'halfopen/dashboard'
import { instrument } from 'halfopen/otel'
import { contentType, metricsText } from 'halfopen/prometheus'

const [, , upstream] = process.argv
// An hour: a circuit stays open until it is told.
const registry = new CircuitBreakerRegistry({ maxBreakers: 3, failureThreshold: 3, recoveryTimeout: 3_600_000, successThreshold: 1 })
const exporter = new PrometheusExporter({ preventServerStart: true })
instrument(new MeterProvider({ readers: [exporter] }).getMeter('service'), registry)
const page = dashboard({ registries: registry })

const server = createServer(async (request, response) => {
  const { url, method } = request
  const { pathname } = new URL(url, 'http://service')
  const [, what, key, hand] = pathname.split('/')
  if (what === 'breakers') return page.node(request, response)
  if (pathname === '/metrics') return response.writeHead(200, { 'content-type': contentType }).end(metricsText(registry))
  if (pathname === '/metrics/otel') return exporter.getMetricsRequestHandler(request, response)
  if (method === 'POST') return response.writeHead(200).end(String(registry.get(key)[hand]() ?? ''))
  try {
    await registry.call(key, async () => {
      const answer = await fetch(`${upstream}/${key}`)
      await answer.text()
      if (!answer.ok) throw new Error(String(answer.status))
    })
    response.writeHead(200).end('success')
  } catch (error) {
    response.writeHead(503).end(isCircuitOpenError(error) ? 'refused_open' : 'failure')
  }
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.on('disconnect', () => process.exit())
process.send(`http://127.0.0.1:${server.address().port}`)
