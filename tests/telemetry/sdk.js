// OpenTelemetry's SDKs as an app has them: each of a place of its own, with the API that it wants. It must not know what is counted.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** The places, by the major version that each has. */
export const SDKS = { 2: new URL('./', import.meta.url), 3: new URL('./newest/', import.meta.url) }

/** The packages of a place. */
export function sdk(major) {
  const require = createRequire(SDKS[major])
  const name = (one) => `@opentelemetry/${one}`
  return {
    version: JSON.parse(readFileSync(fileURLToPath(new URL('node_modules/@opentelemetry/sdk-metrics/package.json', SDKS[major])), 'utf8')).version,
    api: require(name('api')),
    metrics: require(name('sdk-metrics')),
    exporters: {
      json: () => require(name('exporter-metrics-otlp-http')).OTLPMetricExporter,
      protobuf: () => require(name('exporter-metrics-otlp-proto')).OTLPMetricExporter,
      prometheus: () => require(name('exporter-prometheus'))
    }
  }
}

/**
 * A meter of that SDK, and what arrives where it is collected: by the metric's name a list of points, as `{ attributes, value }`, with the metric's
 * description.
 */
export function meterOf(major, options = {}) {
  const { metrics } = sdk(major)
  const reader = new (class extends metrics.MetricReader {
    async onForceFlush() {}
    async onShutdown() {}
  })(options.reader)
  const provider = new metrics.MeterProvider({ readers: [reader], ...options.provider })
  return {
    meter: provider.getMeter('of a test'),
    provider,
    async collect() {
      const { resourceMetrics, errors } = await reader.collect()
      const all = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
      return { errors, metrics: new Map(all.map(({ descriptor, dataPoints, dataPointType, isMonotonic }) => [descriptor.name, { descriptor, dataPointType, isMonotonic, points: dataPoints }])) }
    }
  }
}
