// Loads a bare Node service, one guarded by ours and one guarded by opossum, in many short alternating rounds, while their upstream is
// well and while it is sick. A second bare one tells how far two equal services differ on this machine at this time. It must not know what
// is a good figure.

import autocannon from 'autocannon'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { ROLES } from './processes.js'

export const CONNECTIONS = 20
/** A turn of a service: a number of requests while the upstream is well, about 0.3 s; a number of seconds while it is sick. */
const TURN = { well: { amount: 1500 }, sick: { duration: 1 } }
/** Before the first: machine code is made, connections and circuits are opened. */
const WARM_UP = { well: { amount: 4000 }, sick: { duration: 0.5 } }
const ROUNDS = { well: 6, sick: 2 }

/**
 * What a service did in one turn.
 *
 * @typedef {object} Turn
 * @property {number} rate Answers a second, of whatever status.
 * @property {number} cpu CPU time of the service for each of them, in µs.
 * @property {number} hits Requests that reached the upstream.
 */

/**
 * Gives the turns of each service in a mood of the upstream, in the order of the rounds. The processes are new ones each time: two of the same
 * program differ by some percent for as long as they live.
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
      // How often it looks whether it is through, in ms.
      const { requests, errors, non2xx } = await autocannon({ url: service.url, connections: CONNECTIONS, sampleInt: 20, ...turn })
      const seconds = (performance.now() - began) / 1000
      const bad = mood === 'well' ? non2xx : requests.total - non2xx
      if (errors > 0 || bad > 0 || requests.total === 0) throw new Error(`Of ${requests.total} answers ${bad} had the wrong status, and there were ${errors} errors`)
      return { rate: requests.total / seconds, cpu: ((await ask(service, 'cpu')) - cpu) / requests.total, hits: (await ask(upstream, 'count')) - hits }
    }
    await ask(upstream, mood)
    for (const role of ROLES) await load(services[role], WARM_UP[mood])

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

export const mean = (values) => values.reduce((sum, value) => sum + value) / values.length
export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

/** The CPU time of a service for a request: the lower quartile of its turns, since whatever else the machine does only adds to it. */
export const cpuOf = (turns) => turns.map(({ cpu }) => cpu).toSorted((a, b) => a - b)[(turns.length - 1) >> 2]

/** What a service costs more than the two bare ones beside it, as a share. */
export const costOf = (turns, role) => cpuOf(turns[role]) / mean([cpuOf(turns.bare), cpuOf(turns['bare again'])]) - 1

/** How far these two are apart, as a share. */
export const noiseOf = (turns) => Math.abs(cpuOf(turns['bare again']) / cpuOf(turns.bare) - 1)

/** How many times the answers of a bare service a service gives: the median of the rounds. */
export const gainOf = (turns, role) => median(turns[role].map(({ rate }, round) => rate / mean([turns.bare[round].rate, turns['bare again'][round].rate])))
