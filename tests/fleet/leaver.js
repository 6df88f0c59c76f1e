// A process that joins and leaves a fleet again and again, while its store is well, stopped or dead, and then has nothing more to do. It has to end by itself,
// with nothing left behind. Run by faults-process.test.js.
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from 'redis'
import { CircuitBreaker, CircuitBreakerRegistry } from '../../pkg/index.js'
import { fleet, nodeRedis, redisStore } from '../../pkg/fleet.js'

const { port } = JSON.parse(process.argv[2])
const clients = [0, 1].map(() => createClient({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: 100, connectTimeout: 1000 } }).on('error', () => {}))
await Promise.all(clients.map((client) => client.connect()))
const breaker = new CircuitBreaker({ name: 'api', failureThreshold: 2, recoveryTimeout: 50 })
const registry = new CircuitBreakerRegistry({ failureThreshold: 2 })
const shared = fleet({ store: redisStore(nodeRedis(...clients)), namespace: 'leaver', poll: 100, claimTimeout: 50, recoveryTimeout: 20, longestRecovery: 20, staleAfter: 100 })

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
const listeners = () => clients.reduce((sum, client) => sum + client.eventNames().reduce((all, name) => all + client.listenerCount(name), 0), 0)
const round = async () => {
  shared.join(breaker).join(registry)
  for (const one of [breaker, registry.get('other')]) {
    for (let i = 0; i < 3; i++) await one.call(() => Promise.reject(new Error('ill'))).catch(() => {})
  }
  await pause(5)
  shared.leave()
}
const rounds = async (count) => {
  for (let i = 0; i < count; i++) await round()
}
await rounds(5)
const told = new Promise((resolve) => process.once('message', resolve))
process.send({ ready: process.pid })
await told
const before = { timers: timers(), listeners: listeners() }
await rounds(60)
// As long as a command may be without an answer.
await pause(2500)
process.send({ before, after: { timers: timers(), listeners: listeners() } })
// It stays in the fleet: that keeps no process.
shared.join(breaker)
await pause(50)
for (const client of clients) client.destroy()
process.disconnect()
