/**
 * The demo of a fleet: processes that share one verdict by one Redis, and the same processes each by itself, in the same outage.
 *
 * Must not know: how a part works, or what the outcome will be.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Cast } from './cast.js'
import { fleetTableOf } from './fleet-figures.js'
import { FLEET, SIDES } from './fleet-plan.js'
import { lengthOf } from './plan.js'

/** From the order to begin to the beginning, in ms: so many parts take longer to have the order. */
const LEAD = 300

/**
 * Plays the outage and prints what it came to.
 *
 * @param {Promise<never>} interrupted
 * @param {import('picocolors/types.js').Colors} colors
 */
export async function playFleet(interrupted, colors) {
  const length = lengthOf(/** @type {any} */ (FLEET))
  console.log(`${FLEET.processes} processes, ${FLEET.rate} call/s each, made twice: by a breaker that is alone, and by one that shares its fleet's verdict in one Redis. ${length / 1000} s\n`)
  linkClient()
  /** @type {import('./fleet-figures.js').Seen} */
  const seen = { hits: {}, counts: [], changes: [] }
  const states = Object.fromEntries(SIDES.map((side) => [side, new Map()]))
  let phase = 'healthy'
  const cast = new Cast((news) => {
    if (news.phase) phase = news.phase.name
    if (news.hits) seen.hits = news.hits
    if (news.counts) seen.counts.push(news.counts)
    if (!news.change) return
    seen.changes.push(news.change)
    states[news.change.side].set(news.change.index, news.change.to)
  })
  const ending = [cast.failure, interrupted]
  let redis, printing
  try {
    redis = await Promise.race([startRedis(), ...ending])
    const upstream = await Promise.race([cast.start('fleet-upstream.js', []), ...ending])
    const starts = Array.from({ length: FLEET.processes }, (_, index) => cast.start('fleet-member.js', ['--upstream', upstream, '--redis', redis.url, '--index', String(index)]))
    await Promise.race([Promise.all(starts), ...ending])
    const begin = cast.begin(LEAD)
    const open = (/** @type {string} */ side) => String([...states[side].values()].filter((state) => state !== 'closed').length).padStart(2)
    printing = setInterval(() => {
      console.log(`${((Date.now() - begin) / 1000).toFixed(0).padStart(3)} s  ${`upstream ${phase}`.padEnd(20)}circuits not closed: ${SIDES.map((side) => `${side} ${open(side)}`).join('   ')}`)
    }, 1000)
    await Promise.race([sleep(LEAD + length), ...ending])
  } finally {
    clearInterval(printing)
    await cast.end()
    await redis?.end()
  }
  console.log(`\n${fleetTableOf(seen, colors)}`)
}

/** Lets the parts import a client of Redis by its name: that of the fleet's tests. */
function linkClient() {
  const folder = new URL('./node_modules/', import.meta.url)
  const link = new URL('redis', folder)
  mkdirSync(folder, { recursive: true })
  rmSync(link, { recursive: true, force: true })
  symlinkSync(fileURLToPath(new URL('../../tests/fleet/node_modules/redis', import.meta.url)), link, 'junction')
}

/** Starts a Redis of its own, which keeps nothing. */
async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'halfopen-demo-redis-'))
  const port = await freePort()
  const settings = { bind: '127.0.0.1', port, dir: folder, save: '', appendonly: 'no', daemonize: 'no' }
  const child = spawn(process.env.REDIS_SERVER ?? 'redis-server', Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]), { stdio: 'ignore' })
  const gone = new Promise((resolve) => {
    child.on('exit', resolve)
    child.on('error', resolve)
  })
  const atExit = () => child.kill('SIGKILL')
  process.on('exit', atExit)
  const end = async () => {
    child.kill('SIGKILL')
    await gone
    process.off('exit', atExit)
    rmSync(folder, { recursive: true, force: true })
  }
  let isGone = false
  gone.then(() => (isGone = true))
  while (!(await canConnect(port))) {
    if (isGone) {
      await end()
      throw new Error('No redis-server could be started. Try: apt-get install redis-server, or name one by REDIS_SERVER')
    }
    await sleep(20)
  }
  return { url: `redis://127.0.0.1:${port}`, end }
}

/** @param {number} port */
function canConnect(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}
