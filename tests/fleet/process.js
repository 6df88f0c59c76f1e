// One process of a fleet: calls the upstream, tells its parent of each state change, and how long its calls took at most. Run by faults.test.js.
import { createClient } from 'redis'
import { CircuitBreaker } from '../../pkg/index.js'
import { fleet, nodeRedis, redisStore } from '../../pkg/fleet.js'

const { url, upstream, rate, settings } = JSON.parse(process.argv[2])
const breaker = new CircuitBreaker({ name: 'api', failureThreshold: 5, recoveryTimeout: 3000, successThreshold: 1 })
const client = createClient({ url, socket: { reconnectStrategy: 200 } })
const subscriber = client.duplicate()
for (const one of [client, subscriber]) one.on('error', () => {})
await Promise.all([client.connect(), subscriber.connect()])
const shared = fleet({ store: redisStore(nodeRedis(client, subscriber)), namespace: 'faults', ...settings }).join(breaker)

let slowest = 0
let done = 0
const tell = () => {
  const { isHeld, epoch, state, isLocal } = shared.status('api')
  process.send({ circuit: breaker.state, isHeld, epoch, state, isLocal, slowest, done })
  slowest = 0
}
breaker.addEventListener('statechange', tell)
shared.addEventListener('verdict', tell)
setInterval(tell, 250)
const next = () => {
  const began = performance.now()
  breaker.call(async () => {
    const response = await fetch(`http://127.0.0.1:${upstream}/${process.pid}`)
    await response.text()
    if (!response.ok) throw new Error('ill')
  }).then(() => {
    done += 1
    slowest = Math.max(slowest, performance.now() - began)
  }, () => {})
  setTimeout(next, -Math.log(1 - Math.random()) / rate * 1000)
}
next()
process.on('disconnect', () => process.exit())
