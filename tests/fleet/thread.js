// A thread of a fleet: the one that comes first in the order of chance isolates the circuit, and all say what they see. Run by stores.test.js.
import { parentPort, threadId } from 'node:worker_threads'
import { CircuitBreaker } from '../../pkg/index.js'
import { fleet, portStore } from '../../pkg/fleet.js'

const breaker = new CircuitBreaker({ name: 'api' })
const shared = fleet({ store: portStore(parentPort), namespace: 'threads' })
shared.join(breaker)
shared.addEventListener('verdict', ({ detail }) => {
  if (detail.mode !== 'isolated') return
  parentPort.postMessage({ saw: breaker.mode })
  clearTimeout(waiting)
})
// As much as a thread may wait for; its fleet keeps it from no end.
const waiting = setTimeout(() => {}, 20_000)
await shared.isolate('api').catch((error) => parentPort.postMessage({ saw: `${threadId}: ${error}` }))
