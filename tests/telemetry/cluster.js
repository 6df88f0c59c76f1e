// A program: a cluster of three processes, each with a registry of its own that meets an outage or does not; prints what prom-client adds up, and what each
// counted. It must not know what is expected.

import cluster from 'node:cluster'
import * as client from 'prom-client'
import { CircuitBreakerRegistry } from '../../pkg/index.js'
import { collect } from '../../pkg/prometheus.js'

const register = new client.Registry()
if (cluster.isPrimary) {
  const aggregator = new client.AggregatorRegistry()
  const workers = [2, 5, 9].map((calls) => cluster.fork({ CALLS: String(calls) }))
  const counted = await Promise.all(workers.map((worker) => new Promise((resolve, reject) => {
    worker.on('message', (message) => message.counted && resolve(message.counted))
    worker.on('exit', (code) => reject(new Error(`a worker ended with ${code}`)))
  })))
  const text = await aggregator.clusterMetrics()
  console.log(JSON.stringify({ text, counted }))
  for (const worker of workers) {
    worker.removeAllListeners('exit')
    worker.kill()
  }
} else {
  // It answers the primary's aggregator.
  new client.AggregatorRegistry()
  client.AggregatorRegistry.setRegistries(register)
  const registry = new CircuitBreakerRegistry({ failureThreshold: 3 })
  collect({ client, register, registries: registry })
  const counted = { success: 0, failure: 0, refused_open: 0 }
  const call = (fn) => registry.call('users', fn).then(() => counted.success++, ({ code }) => (code === 'ERR_CIRCUIT_OPEN' ? counted.refused_open++ : counted.failure++))
  for (let n = 0; n < Number(process.env.CALLS); n++) await call(async () => n)
  for (let n = 0; n < Number(process.env.CALLS); n++) await call(async () => { throw new Error('down') })
  process.send({ counted })
}
