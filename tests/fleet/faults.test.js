/**
 * What goes wrong, with real processes and a real Redis: each fault that docs/fleet.md names.
 */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../ports.js'
import { startRedis } from './redis.js'

const PROCESSES = 8
const RATE = 5
const SETTINGS = { recoveryTimeout: 1500, longestRecovery: 1500, staleAfter: 3000, lease: 2000, spread: 1000, successes: 2 }

let redis, port, server, upstream
/** `well`, `ill`, or `mute`: it does not answer. */
let mode = 'well'
/** The requests: `{ at, pid }`. */
let hits = []
let open = new Set()
let fleet = []

before(async () => {
  port = await freePort()
  redis = await startRedis({ port })
  server = createServer((request, response) => {
    const hit = { at: performance.now(), pid: Number(request.url.slice(1)) }
    hits.push(hit)
    if (mode === 'mute') return void open.add(response)
    response.writeHead(mode === 'ill' ? 500 : 200).end('x')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  upstream = server.address().port
  for (let i = 0; i < PROCESSES; i++) start()
  await until('all know their fleet', () => fleet.every(({ last }) => last?.state !== undefined))
})
after(async () => {
  for (const { child } of fleet) child.kill('SIGKILL')
  server.closeAllConnections()
  server.close()
  await redis.end()
})

function start() {
  const child = fork(fileURLToPath(new URL('./process.js', import.meta.url)), [JSON.stringify({ url: `redis://127.0.0.1:${port}`, upstream, rate: RATE, settings: SETTINGS })])
  const one = { child, last: undefined, changes: [], slowest: 0 }
  child.on('message', (last) => {
    if (one.last?.circuit !== last.circuit) one.changes.push({ at: performance.now(), circuit: last.circuit })
    one.last = last
    one.slowest = Math.max(one.slowest, last.slowest)
  })
  fleet.push(one)
}

/** Waits for what is seen from outside; it is a failure where that takes longer than it may. */
async function until(what, is, ms = 20_000) {
  const began = performance.now()
  while (!is()) {
    assert.ok(performance.now() - began < ms, `not in ${ms} ms: ${what}: ${JSON.stringify(fleet.map(({ last }) => last))}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return performance.now() - began
}
const all = (is) => () => fleet.every(({ last }) => last !== undefined && is(last))
const isClosed = all(({ circuit, state }) => circuit === 'closed' && ['quiet', 'suspicion', 'closed'].includes(state))
const isOpen = all(({ isHeld, circuit }) => isHeld && circuit !== 'closed')

describe('a fleet of processes', { concurrency: 1 }, () => {
  beforeEach(async () => {
    mode = 'well'
    for (const response of open) response.destroy()
    open.clear()
    await until('all is well again', isClosed, 40_000)
    // As long as what was counted reaches back: each test begins with calls that were well.
    const { at } = hits.at(-1)
    await until('calls that are well', () => hits.at(-1).at > at + 2000)
    hits = []
    for (const one of fleet) one.changes = []
  })

  test('is of one mind within a second and a half after its first breaker tripped', async () => {
    mode = 'ill'
    await until('all are held', isOpen)
    const opened = fleet.map(({ changes }) => changes.find(({ circuit }) => circuit === 'open').at)
    console.log(`first trip to last: ${Math.round(Math.max(...opened) - Math.min(...opened))} ms`)
    assert.ok(Math.max(...opened) - Math.min(...opened) < 1500)
  })

  test('tests again, by one process, within a lease when the one that tested was killed', async () => {
    mode = 'ill'
    await until('all are held', isOpen)
    mode = 'mute'
    const before = hits.length
    await until('a test is under way', () => hits.length > before && open.size > 0)
    const first = hits.at(-1)
    const index = fleet.findIndex(({ child }) => child.pid === first.pid)
    fleet[index].child.kill('SIGKILL')
    fleet.splice(index, 1)
    const killed = hits.length
    await until('the next test', () => hits.length > killed)
    const gap = hits.at(-1).at - first.at
    console.log(`killed to next test: ${Math.round(gap)} ms`)
    assert.ok(gap < SETTINGS.lease + 1500, `${gap} ms`)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    assert.equal(hits.length, killed + 1, 'and it is the only one')
    mode = 'well'
    for (const response of open) response.writeHead(200).end('x')
    start()
  })

  test('calls go on as ever while the store is stopped', async () => {
    redis.stop()
    for (const one of fleet) one.slowest = 0
    const before = hits.length
    await until('3 s of calls', () => hits.length > before && hits.at(-1).at > hits[before].at + 3000)
    const count = hits.length - before
    assert.ok(count > PROCESSES * RATE * 3 * 0.5, `${count} calls`)
    assert.ok(Math.max(...fleet.map(({ slowest }) => slowest)) < 500, `${Math.max(...fleet.map(({ slowest }) => slowest))} ms`)
    assert.ok(fleet.every(({ last }) => last.circuit === 'closed'))
    redis.go()
  })

  test('keeps its verdict when the store dies, then each process decides for itself, and one mind comes back with the store', async () => {
    mode = 'ill'
    await until('all are held', isOpen)
    await redis.end()
    const died = performance.now()
    const before = hits.length
    await until('each process to itself', all(({ isLocal }) => isLocal))
    console.log(`store dead to the last process alone: ${Math.round(performance.now() - died)} ms, ${hits.length - before} hits meanwhile`)
    assert.ok(performance.now() - died > SETTINGS.staleAfter)
    mode = 'well'
    await until('all recovered alone', all(({ circuit }) => circuit === 'closed'))
    redis = await startRedis({ port })
    await until('all know their fleet again', isClosed, 40_000)
  })

  test('reopens nothing, and lets nobody through, when the store comes back empty', async () => {
    mode = 'ill'
    await until('all are held', isOpen)
    const { epoch } = fleet[0].last
    await redis.end()
    redis = await startRedis({ port })
    const before = hits.length
    await until('one epoch again', all((last) => last.isHeld && last.epoch === epoch && !last.isLocal))
    await new Promise((resolve) => setTimeout(resolve, 4000))
    // Tests, one at a time, as before.
    assert.ok(hits.length - before <= 5, `${hits.length - before} hits`)
    assert.ok(all(({ circuit, isHeld }) => isHeld && circuit !== 'closed')())
    mode = 'well'
    await until('all closed', isClosed)
  })
})
