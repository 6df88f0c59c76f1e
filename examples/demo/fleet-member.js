/**
 * One process of the fleet: it makes each call twice, by a breaker that is alone and by one that shares its fleet's verdict: the file to read for how
 * the package is used.
 *
 * Must not know: when the upstream is sick, or how many processes there are.
 *
 *   node fleet-member.js --upstream http://127.0.0.1:8080/ --redis redis://127.0.0.1:6379 [--index 0]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { CircuitBreaker } from 'halfopen'
import { fleet, nodeRedis, redisStore } from 'halfopen/fleet'
import { createClient } from 'redis'
import { FLEET, SIDES } from './fleet-plan.js'
import { beginning, tell, untilTold } from './part.js'
import { randomFrom } from './plan.js'

const { values } = parseArgs({ options: { upstream: { type: 'string' }, redis: { type: 'string' }, index: { type: 'string', default: '0' } } })
const upstream = values.upstream ?? 'http://127.0.0.1:8080/'
const index = Number(values.index)

const client = createClient({ url: values.redis })
const subscriber = client.duplicate()
for (const one of [client, subscriber]) one.on('error', () => {})
await Promise.all([client.connect(), subscriber.connect()])

const breakers = { local: new CircuitBreaker({ name: 'upstream', ...FLEET.breaker }), fleet: new CircuitBreaker({ name: 'upstream', ...FLEET.breaker }) }
const shared = fleet({ store: redisStore(nodeRedis(client, subscriber)), namespace: 'demo' }).join(breakers.fleet)

/** @type {Record<string, { tests: number, refused: number, failed: number, good: number }>} */
const counts = Object.fromEntries(SIDES.map((side) => [side, { tests: 0, refused: 0, failed: 0, good: 0 }]))

/** @param {'local' | 'fleet'} side */
async function call(side) {
  const breaker = breakers[side]
  try {
    await breaker.callWith({}, async ({ signal }) => {
      if (breaker.state === 'half_open') counts[side].tests++
      const response = await fetch(new URL(side, upstream), { signal })
      await response.arrayBuffer()
      if (!response.ok) throw new Error(`The upstream answered ${response.status}`)
    })
    counts[side].good++
  } catch (error) {
    if (/** @type {any} */ (error).code === 'ERR_CIRCUIT_OPEN') counts[side].refused++
    else counts[side].failed++
  }
}

let isOver = false
untilTold(() => {
  isOver = true
  shared.leave()
  for (const one of [client, subscriber]) one.destroy()
  return { counts }
})
await fetch(new URL('health', upstream)).then((response) => response.arrayBuffer())
const told = beginning()
tell({ ready: true })
const begin = await told
for (const side of SIDES) {
  breakers[side].addEventListener('statechange', ({ detail: { from, to, reason, at } }) => tell({ change: { side, index, from, to, reason, at: at - begin } }))
}
const random = randomFrom(FLEET.seed + index)
for (let at = 0; !isOver; ) {
  at += (-Math.log(1 - random()) * 1000) / FLEET.rate
  await sleep(Math.max(0, begin + at - Date.now()), undefined, { ref: false })
  if (!isOver) for (const side of SIDES) call(side)
}
