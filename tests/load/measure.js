// Loads a bare Node service, one guarded by ours and one guarded by opossum, in many short alternating rounds, while their upstream is
// well and while it is sick. A second bare one tells how far two equal services differ on this machine at this time. It must not know what
// is a good figure.

import autocannon from 'autocannon'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ROLES } from './processes.js'

export const CONNECTIONS = 20
/** A turn of a service: so many requests while the upstream is well, about 0.3 s; so many seconds while it is sick. */
const TURN = { well: { amount: 2000 }, sick: { duration: 1 } }
const ROUNDS = { well: 24, sick: 2 }

/**
 * What a service did in one turn.
 *
 * @typedef {object} Turn
 * @property {number} rate Answers a second, of whatever status.
 * @property {number} cpu CPU time of the service for each of them, in µs.
 * @property {number} hits Requests that reached the upstream.
 */

/**
 * Gives the turns of each service in a mood of the upstream, in the order of the rounds.
 *
 * @param {'well' | 'sick'} mood
 * @returns {Promise<Record<string, Turn[]>>}
 */
export async function measure(mood) {
  const children = []
  try {
    const begin = async (...args) => {
      const child = fork(fileURLToPath(new URL('processes.js', import.meta.url)), args, { execArgv: [] })
      children.push(child)
      const [url] = await once(child, 'message')
      return { child, url }
    }
    const ask = async ({ child }, message) => {
      const answer = once(child, 'message')
      child.send(message)
      return (await answer)[0]
    }
    const upstream = await begin('upstream')
    const services = {}
    for (const role of ROLES) services[role] = await begin('service', role, upstream.url)

    const load = async (service, turn) => {
      const [cpu, hits] = [await ask(service, 'cpu'), await ask(upstream, 'count')]
      const began = performance.now()
      // It looks whether it is through every so many ms.
      const { requests, errors, non2xx } = await autocannon({ url: service.url, connections: CONNECTIONS, sampleInt: 20, ...turn })
      const seconds = (performance.now() - began) / 1000
      const bad = mood === 'well' ? non2xx : requests.total - non2xx
      if (errors > 0 || bad > 0 || requests.total === 0) throw new Error(`Of ${requests.total} answers ${bad} had the wrong status, and there were ${errors} errors`)
      return { rate: requests.total / seconds, cpu: ((await ask(service, 'cpu')) - cpu) / requests.total, hits: (await ask(upstream, 'count')) - hits }
    }
    await ask(upstream, mood)
    // Machine code is made, connections and circuits are opened.
    for (const role of ROLES) await load(services[role], mood === 'well' ? { amount: 5000 } : TURN.sick)

    const turns = Object.fromEntries(ROLES.map((role) => [role, []]))
    for (let round = 0; round < ROUNDS[mood]; round++) {
      for (let n = 0; n < ROLES.length; n++) {
        const role = ROLES[(round + n) % ROLES.length]
        turns[role].push(await load(services[role], TURN[mood]))
      }
    }
    return turns
  } finally {
    for (const child of children) child.kill()
  }
}

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

/**
 * The median share of a service's figure in that of the bare ones in the same round: what else the machine does changes from round to round.
 *
 * @param {Record<string, Turn[]>} turns
 */
export const share = (turns, role, what) =>
  median(turns[role].map((turn, round) => turn[what] / ((turns.bare[round][what] + turns['bare again'][round][what]) / 2)))

/** How far the two bare services were apart in the same round, in the median of the rounds. */
export const spread = (turns, what) => median(turns.bare.map((turn, round) => Math.abs(turns['bare again'][round][what] / turn[what] - 1)))
