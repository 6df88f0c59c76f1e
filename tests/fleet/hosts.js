/**
 * Fleets whose members share a process, for faults that need none of their own: real breakers, real clients, real time, an HTTP upstream, and a proxy that
 * a test has in hand.
 *
 * Must not know: what is tested.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHTTPServer } from 'node:http'
import { connect, createServer } from 'node:net'
import IORedis from 'ioredis'
import { createClient } from 'redis'
import { CircuitBreaker } from '../../pkg/index.js'
import { fleet, ioredis, nodeRedis, redisStore } from '../../pkg/fleet.js'

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Times of a fleet whose outages take seconds. A busy machine may answer late, so a call waits long. */
export const SHORT = {
  window: 4000, interval: 200, hearing: 700, longestHearing: 3000, longestPause: 2000, recoveryTimeout: 500, longestRecovery: 500, lease: 1500, successes: 1,
  spread: 200, staleAfter: 1500, poll: 1500, claimTimeout: 2000
}

/** Waits for what is seen from outside; it is a failure where that takes longer than it may. */
export async function until(what, is, { ms = 30_000, says = () => '' } = {}) {
  const began = performance.now()
  while (!is()) {
    if (performance.now() - began > ms) assert.fail(`not in ${ms} ms: ${what}: ${JSON.stringify(says())}`)
    await pause(10)
  }
  return performance.now() - began
}

/** An upstream whose circuits and callers are ill by name. Paths are `/circuit/caller`. */
export async function startUpstream({ takes = 5 } = {}) {
  const upstream = { ill: new Set(), takes, hits: 0, inside: new Map() }
  const server = createHTTPServer((request, response) => {
    const [, circuit, caller] = request.url.split('/')
    upstream.hits += 1
    upstream.inside.set(circuit, (upstream.inside.get(circuit) ?? 0) + 1)
    setTimeout(() => {
      upstream.inside.set(circuit, upstream.inside.get(circuit) - 1)
      response.writeHead(upstream.ill.has(circuit) || upstream.ill.has(caller) ? 500 : 200).end('x')
    }, upstream.takes)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  upstream.port = server.address().port
  upstream.end = () => {
    server.closeAllConnections()
    server.close()
  }
  return upstream
}

/** A way to a port of 127.0.0.1 that a test may cut, still or slow down. */
export async function startProxy(to) {
  const proxy = {
    /** `well`; `still`: connections stay, and nothing comes through, either way; `deaf`: nothing comes back; `cut`: there are no connections. */
    way: 'well',
    /** How long what is sent is under way, either way, in ms. */
    delay: 0,
    /** Pieces that did not come through. */
    lost: 0,
    set(way) {
      proxy.way = way
      if (way === 'cut') for (const socket of sockets) socket.destroy()
    }
  }
  const sockets = new Set()
  const server = createServer((near) => {
    if (proxy.way === 'cut') return near.destroy()
    const far = connect(to, '127.0.0.1')
    for (const [from, into, isBack] of [[near, far, false], [far, near, true]]) {
      sockets.add(from)
      from.setNoDelay(true)
      let isHoled = false
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        into.destroy()
      })
      from.on('data', (chunk) => {
        // What misses a piece has lost its place: nothing more comes by this connection, as where packets are dropped until it is given up.
        isHoled ||= proxy.way === 'still' || (proxy.way === 'deaf' && isBack)
        if (isHoled) return void (proxy.lost += 1)
        if (proxy.delay === 0) into.write(chunk)
        else setTimeout(() => into.writable && into.write(chunk), proxy.delay)
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.port = server.address().port
  proxy.end = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return proxy
}

/** Connections of a host by node-redis: one that sends, and one that hears, by another port if there is one, or none. */
export const byNodeRedis = ({ port, hears = port, ...login }) => async () => {
  const clients = [port, ...hears ? [hears] : []].map((one) => createClient({ url: `redis://127.0.0.1:${one}`, socket: { reconnectStrategy: 100 }, ...login }))
  for (const client of clients) client.on('error', () => {})
  await Promise.all(clients.map((client) => client.connect()))
  return { connection: nodeRedis(...clients), end: () => clients.forEach((client) => client.destroy()) }
}

export const byIORedis = ({ port, hears = port, ...login }) => async () => {
  const clients = [port, ...hears ? [hears] : []].map((one) => new IORedis({ port: one, host: '127.0.0.1', retryStrategy: () => 100, ...login }))
  for (const client of clients) client.on('error', () => {})
  return { connection: ioredis(...clients), end: () => clients.forEach((client) => client.disconnect()) }
}

/** A fleet of hosts, each with a breaker a circuit. */
export class Hosts {
  /** All hosts. @type {Host[]} */
  all = []
  /** What was granted or taken as a test: `{ circuit, host, at }`. */
  tests = []

  /**
   * @param {object} given
   * @param {Awaited<ReturnType<typeof startUpstream>>} given.upstream
   * @param {string[]} [given.circuits]
   * @param {number} [given.rate] Calls a second of each host to each circuit.
   * @param {object} [given.settings] Of the fleet.
   * @param {object} [given.breaker]
   */
  constructor({ upstream, circuits = ['api'], rate = 8, settings, breaker }) {
    this.upstream = upstream
    this.circuits = circuits
    this.rate = rate
    this.settings = { ...SHORT, ...settings }
    this.breaker = { failureThreshold: 3, recoveryTimeout: 1000, successThreshold: 1, ...breaker }
  }

  /**
   * @param {number} count
   * @param {() => Promise<{ connection: any, end: () => void }>} connect
   * @param {object} [from] What makes a fleet, if it is another copy of the package.
   */
  async start(count, connect, from = { fleet, redisStore }) {
    const ways = await Promise.all(Array.from({ length: count }, connect))
    for (const way of ways) this.all.push(new Host(this, `h${this.all.length}`, way, from))
  }

  end() {
    for (const host of this.all) host.end()
  }

  /** Whether something is so of all hosts, or of some, in all circuits. */
  every(is, hosts = this.all) {
    return hosts.every((host) => this.circuits.every((circuit) => is(host.see(circuit), host)))
  }

  says = () => this.all.map((host) => this.circuits.map((circuit) => Object.values(host.see(circuit)).join(' ')).join(', '))

  until(what, is, { hosts, ms } = {}) {
    return until(what, () => this.every(is, hosts), { ms, says: this.says })
  }

  /** Waits for a moment in which no call and no test is under way, all circuits being open. */
  still = () => until('nobody is inside', () => this.circuits.every((circuit) => !this.upstream.inside.get(circuit)) && this.every(({ circuit }) => circuit === 'open'), { says: this.says })
  held = (hosts) => this.until('all are held', isHeld, { hosts })
  closed = (hosts) => this.until('all are closed', isClosed, { hosts })
}

export const isHeld = ({ isHeld, circuit }) => isHeld && circuit !== 'closed'
export const isClosed = ({ circuit, state, isHeld, isLocal }) => circuit === 'closed' && !isHeld && !isLocal && ['quiet', 'suspicion', 'hearing', 'closed'].includes(state)

class Host {
  done = 0
  refused = 0
  failed = 0
  /** What its fleet told. */
  verdicts = []
  stores = []
  breakers = new Map()

  constructor(hosts, name, { connection, end }, from) {
    this.hosts = hosts
    this.name = name
    this.connection = connection
    this.close = end
    this.fleet = from.fleet({ store: from.redisStore(connection), namespace: 'faults', id: name, ...hosts.settings })
    this.fleet.addEventListener('verdict', ({ detail }) => this.verdicts.push({ at: performance.now(), ...detail }))
    this.fleet.addEventListener('store', ({ detail }) => this.stores.push(detail))
    for (const circuit of hosts.circuits) {
      const breaker = new CircuitBreaker({ name: circuit, ...hosts.breaker })
      this.breakers.set(circuit, breaker)
      this.fleet.join(breaker)
      const next = () => {
        this.call(circuit)
        this.#timers.set(circuit, setTimeout(next, -Math.log(1 - Math.random()) / hosts.rate * 1000))
      }
      this.#timers.set(circuit, setTimeout(next, Math.random() * 1000 / hosts.rate))
    }
  }

  #timers = new Map()

  async call(circuit) {
    const { upstream, tests } = this.hosts
    const breaker = this.breakers.get(circuit)
    try {
      await breaker.call(async () => {
        if (breaker.state === 'half_open') tests.push({ circuit, host: this.name, at: performance.now() })
        const response = await fetch(`http://127.0.0.1:${upstream.port}/${circuit}/${this.name}`)
        await response.text()
        if (!response.ok) throw new Error('ill')
      })
      this.done += 1
    } catch (error) {
      if (error.code === 'ERR_CIRCUIT_OPEN') this.refused += 1
      else this.failed += 1
    }
  }

  see(circuit) {
    const { state, isHeld, isLocal, epoch, isDissenting, age } = this.fleet.status(circuit)
    return { host: this.name, circuit: this.breakers.get(circuit).state, state, isHeld, isLocal, epoch, isDissenting, age: Math.round(age) }
  }

  end() {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.fleet.leave()
    this.close()
  }
}
