// A primary of node:cluster with three workers that share a verdict: each prints what it sees. Run by stores.test.js.
import cluster from 'node:cluster'
import { CircuitBreaker } from '../../pkg/index.js'
import { fleet, memoryStore, portStore } from '../../pkg/fleet.js'

if (cluster.isPrimary) {
  const store = memoryStore()
  cluster.on('fork', (worker) => store.serve(worker))
  for (let i = 0; i < 3; i++) cluster.fork()
} else {
  const breaker = new CircuitBreaker({ name: 'api' })
  const shared = fleet({ store: portStore(process), namespace: 'cluster' })
  shared.join(breaker)
  shared.addEventListener('verdict', ({ detail }) => {
    if (detail.mode !== 'isolated') return
    process.stdout.write(`${breaker.mode}\n`, () => cluster.worker.disconnect())
  })
  if (cluster.worker.id === 3) await shared.isolate('api')
}
