// What users of OpenTelemetry and prom-client write, checked with the types of both. It must not run.

import { metrics, trace } from '@opentelemetry/api'
import { CircuitBreaker, CircuitBreakerRegistry } from 'halfopen'
import { instrument } from 'halfopen/otel'
import { CircuitBreakerRegistry as Slim } from 'halfopen/slim'
import { collect, contentType, metricsText } from 'halfopen/prometheus'
import * as client from 'prom-client'
import prom from 'prom-client'

const registry = new CircuitBreakerRegistry()
const byNumber = new CircuitBreakerRegistry<number>()
const breaker = new CircuitBreaker()
const meter = metrics.getMeter('my-service')

const stop: () => void = instrument(meter, registry)
instrument(meter, [registry, byNumber, breaker, new Slim(), () => breaker, () => [breaker, registry]] as const)
instrument(meter, () => (Math.random() < 0.5 ? registry : [breaker]), { maxNames: 10, label: (name, key) => name ?? String(key), duration: true, trace })
// @ts-expect-error a meter is needed
instrument(registry)
// @ts-expect-error options are known
instrument(meter, registry, { durations: true })
// @ts-expect-error nothing to read
instrument(meter, 'registry')

const text: string = metricsText([registry, breaker], { labels: 'otel' })
// @ts-expect-error labels are one of two
metricsText(registry, { labels: 'long' })
const type: 'text/plain; version=0.0.4; charset=utf-8' = contentType

collect({ client, registries: registry })
collect({ client: prom, register: new prom.Registry(), registries: [registry, byNumber], labels: 'short', maxNames: 5 })
// @ts-expect-error prom-client is needed
collect({ registries: registry })

export { stop, text, type }
