/**
 * The clients: requests that arrive at random moments of a fixed rate, each timed and told.
 *
 * Must not know: what stands behind the address they call.
 *
 * The load is open: a client comes when it comes, however many still wait, and its latency counts from the moment it
 * was due. Tools with a fixed number of connections wait for an answer before they ask again, so a slow server
 * slows the load down and most of the waiting is never measured; that is why none of them is used here.
 *
 *   node load.js --target http://127.0.0.1:8081/ [--act with] [--paths prices,stock]
 *     --paths     asks for one of these at random, and goes on until it is ended
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { SAMPLE_EVERY, beginning, tell, untilTold } from './part.js'
import { LOAD, actOf, lengthOf, randomFrom } from './plan.js'

/**
 * One request as its client saw it.
 *
 * @typedef {object} Answer
 * @property {number} at When it was due, in ms since the act began.
 * @property {number} latency In ms.
 * @property {number} status The HTTP status, 0 when no answer came in time or at all.
 * @property {string} by `upstream`, `fallback` or `nobody`.
 */

const { values } = parseArgs({ options: { target: { type: 'string' }, act: { type: 'string', default: 'with' }, paths: { type: 'string' } } })
const target = values.target ?? 'http://127.0.0.1:8081/'
const paths = values.paths?.split(',')
const length = paths ? Infinity : lengthOf(actOf(values.act))
const random = randomFrom(LOAD.seed)

/** @type {Answer[]} */
let answers = []
const sampling = setInterval(tellAnswers, SAMPLE_EVERY)
untilTold(() => undefined)

// The first request of a process loads half of what Node has for it; that is not the service's latency.
await fetch(new URL('health', target))
const told = beginning()
tell({ ready: true })
const begin = await told
/** Those that are waited for at the end. @type {Set<Promise<void>>} */
const clients = new Set()
for (let at = interval(); at < length; at += interval()) {
  const early = begin + at - now()
  if (early > 0) await sleep(early)
  const one = client(at, paths ? paths[Math.floor(random() * paths.length)] : '')
  clients.add(one)
  one.then(() => clients.delete(one))
}
await Promise.all(clients)
clearInterval(sampling)
tellAnswers()
tell({ done: true })

/** The time to the next arrival: independent clients have exponentially distributed ones. */
function interval() {
  return (-Math.log(1 - random()) * 1000) / LOAD.rate
}

/**
 * @param {number} at
 * @param {string} path
 */
async function client(at, path) {
  let status = 0
  let by = 'nobody'
  try {
    const response = await fetch(new URL(path, target), { signal: AbortSignal.timeout(LOAD.timeout) })
    await response.arrayBuffer()
    status = response.status
    by = response.headers.get('x-answered-by') ?? by
  } catch {
    // Out of time, or no connection: for the client it is the same, no answer.
  }
  answers.push({ at, latency: now() - begin - at, status, by })
}

function tellAnswers() {
  if (answers.length > 0) tell({ answers })
  answers = []
}

/** In ms since the epoch, finer than `Date.now()`. */
function now() {
  return performance.timeOrigin + performance.now()
}
