/**
 * The stores by messages: in one process, between threads, between processes of a cluster and between tabs, the same as `register.js` in each.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MessageChannel, Worker } from 'node:worker_threads'
import { ManualClock } from '../../pkg/index.js'
import { memoryStore, portStore, tabStore } from '../../pkg/fleet.js'
import { DEFAULTS } from '../../js/fleet/settings.js'
import { conforms } from './conformance.js'

const SEEDS = [201, 202, 205]
const where = (more) => ({ namespace: 'x', names: ['a'], random: 0, settings: DEFAULTS, ...more })

// Stores keep no process from its end, and so not this one.
let alive
before(() => (alive = setInterval(() => {}, 1000)))
after(() => clearInterval(alive))

/** Locks as a browser has them: one has it, the others wait in line. */
function locksOf() {
  let last = Promise.resolve()
  return {
    request(_, { signal }, hold) {
      const before = last
      const own = before.then(() => signal?.aborted ? undefined : hold())
      last = own.catch(() => {})
      return own
    }
  }
}

describe('a store', () => {
  test('in this process does what register.js does', async () => {
    const clock = new ManualClock()
    const store = memoryStore({ clock })
    for (const seed of SEEDS) await conforms({ store, setTime: (now) => clock.set(now), seed, hasNews: true })
  })

  test('by a port does what register.js does', async () => {
    const clock = new ManualClock()
    const server = memoryStore({ clock })
    const { port1, port2 } = new MessageChannel()
    const end = server.serve(port1)
    const store = portStore(port2)
    for (const seed of SEEDS) await conforms({ store, setTime: (now) => clock.set(now), seed, hasNews: true, steps: 150 })
    const answer = store.run({ type: 'read' }, where())
    store.close()
    await assert.rejects(answer, /closed/)
    await assert.rejects(store.run({ type: 'read' }, where()), /closed/)
    end()
    port1.close()
  })

  test('of tabs does what register.js does, in the first and in the others, and another goes on when the first is closed', async () => {
    const clock = new ManualClock()
    const locks = locksOf()
    const [first, second, third] = [1, 2, 3].map(() => tabStore({ name: 'tabs', clock, locks }))
    await new Promise(setImmediate)
    const setTime = (now) => clock.set(now)
    await conforms({ store: first, setTime, seed: 301, hasNews: true, steps: 150 })
    await conforms({ store: second, setTime, seed: 302, hasNews: true, steps: 150 })
    await first.run({ type: 'switch', mode: 'isolated' }, where())
    assert.equal((await second.run({ type: 'read' }, where()))[0].mode, 'isolated')
    first.close()
    // Whoever has the lock now has an empty register, until it is told.
    let reply
    for (let i = 0; i < 100 && reply === undefined; i++) {
      reply = await Promise.race([second.run({ type: 'read' }, where()), new Promise((resolve) => setTimeout(resolve, 20))])
    }
    assert.equal(reply[0].epoch, 0)
    const heard = once2(third, 'x')
    await second.run({ type: 'assert', epoch: 1, revision: 1, state: 'quiet', mode: 'isolated', dueIn: 0, failedTests: 0, successes: 0, rate: 0, listeners: 0, grant: 0 }, where())
    assert.equal((await heard).mode, 'isolated')
    second.close()
    third.close()
  })

  test('answers whatever it is sent, and serves on', async () => {
    const server = memoryStore()
    const { port1, port2 } = new MessageChannel()
    server.serve(port1)
    const store = portStore(port2)
    for (const [command, more] of [
      [{ type: 'nothing' }, {}], [{ type: 'toString' }, {}], [undefined, {}], [{ type: 'read' }, { names: undefined }], [{ type: 'read' }, { settings: { quorum: -1 } }]
    ]) {
      await assert.rejects(store.run(command, where(more)))
    }
    for (const message of [undefined, null, 5, 'x', {}, { mark: 'halfopen:fleet:1' }, { mark: 'halfopen:fleet:1', type: 'run' }]) port2.postMessage(message)
    assert.equal((await store.run({ type: 'read' }, where({ random: NaN })))[0].state, 'quiet')
    store.close()
    port1.close()
  })

  test('what nobody can send messages to is refused', () => {
    assert.throws(() => portStore({}), { code: 'ERR_INVALID_ARGUMENT' })
    assert.throws(() => memoryStore().serve(undefined), { code: 'ERR_INVALID_ARGUMENT' })
    assert.throws(() => tabStore({ locks: {} }), { code: 'ERR_INVALID_ARGUMENT' })
  })
})

/** The next news of a namespace. */
const once2 = (store, namespace) => new Promise((resolve) => {
  const end = store.subscribe(namespace, (_, reply) => {
    end()
    resolve(reply)
  })
})

describe('real threads and processes', () => {
  test('threads share a verdict, and end when they have nothing else to do', async () => {
    const store = memoryStore()
    const workers = Array.from({ length: 4 }, () => new Worker(new URL('./thread.js', import.meta.url), { stderr: false }))
    for (const worker of workers) store.serve(worker)
    const ends = workers.map((worker) => once(worker, 'exit'))
    const saw = await Promise.all(workers.map(async (worker) => {
      for (;;) {
        const [message] = await once(worker, 'message')
        if (message.saw) return message.saw
      }
    }))
    assert.deepEqual(saw, workers.map(() => 'isolated'))
    for (const [code] of await Promise.all(ends)) assert.equal(code, 0)
  })

  test('the workers of a cluster share a verdict', async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./cluster.js', import.meta.url))], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (chunk) => (text += chunk))
    const [code] = await once(child, 'close')
    assert.deepEqual([code, text.trim().split('\n')], [0, ['isolated', 'isolated', 'isolated']])
  })

  test('a process with a fleet ends when it has nothing else to do', async () => {
    const program = `
      import { CircuitBreaker } from '${new URL('../../pkg/index.js', import.meta.url)}'
      import { fleet, memoryStore } from '${new URL('../../pkg/fleet.js', import.meta.url)}'
      const breaker = new CircuitBreaker({ name: 'x' })
      fleet({ store: memoryStore(), namespace: 'x' }).join(breaker)
      await breaker.call(async () => 1)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
    const began = performance.now()
    const [code] = await once(child, 'exit')
    assert.equal(code, 0)
    assert.ok(performance.now() - began < 5000)
  })
})
