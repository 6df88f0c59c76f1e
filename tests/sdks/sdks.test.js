// Unmodified clients before a server on this machine: what a guard changes for their users while it lets pass, and while it refuses. What they
// make of a refusal is a table, written to target/sdk-table.md, which docs/with-sdks.md has word for word. It must not know how the clients
// do it. Needs Node 22, which many of them do.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
// The first, so that no client keeps the timers that it replaces.
import { awake } from './waits.js'
import { CircuitOpenError, findRefusal } from '../../pkg/index.js'
import { tableBelow } from '../readme/blocks.js'
import { guardOf } from './guards.js'
import { startServer } from './server.js'

const { CLIENTS } = await import('./clients.js')
const root = fileURLToPath(new URL('../..', import.meta.url))
const versionOf = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
/** Tests wait for real sockets: this ends one that hangs. */
const LIMIT = { timeout: 30_000 }

const unhandled = []
process.on('unhandledRejection', (error) => unhandled.push(error))

let server
before(async () => (server = await startServer()))
after(async () => {
  await server.close()
  assert.deepEqual(unhandled, [])
})
const mood = (mood, breaksOff = false) => Object.assign(server, { mood, breaksOff, hits: 0 })

const rejectionOf = (promise) => promise.then((value) => assert.fail(`Expected a rejection, got ${String(value)}`), (error) => error)
const until = async (holds) => {
  for (const deadline = Date.now() + 10_000; !holds(); ) {
    if (Date.now() > deadline) assert.fail(`Waited in vain for ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
/** How the calls of a breaker ended. */
const outcomesOf = ({ metrics }) => {
  const counts = { success: metrics.successfulCalls, failure: metrics.failedCalls, ignored: metrics.ignoredCalls, inFlight: metrics.inFlight }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}

/** What becomes of one call while the circuit is open for the next 60 s and the server is well. */
async function refused({ takes = 'fetch', make }, onRefused, kind = 'call') {
  mood('up')
  const guard = guardOf(takes, { onRefused, isBuffered: true })
  const { origin } = server
  guard.breakerOf(origin).trip()
  const client = make({ ...guard.hand, origin })
  const { value, error, slept } = await awake(() => client[kind](), { isBusy: guard.isBusy, onAdvance: (ms) => guard.clock.advance(ms) })
  return { value, error, slept, asked: guard.asked, hits: server.hits }
}

/** The same in words, as the table has them. */
function inWords({ error, slept, asked }) {
  const when = asked === 1 && slept === 0 ? 'at once' : `after ${asked} attempts${slept === 0 ? '' : ` and ${Number((slept / 1000).toFixed(1))} s`}`
  if (error === undefined) return `the answer, ${when}`
  const found = findRefusal(error)
  if (found === error) return `the refusal itself, ${when}`
  const name = error.constructor === Object ? 'an object' : `\`${error.constructor.name}\``
  return `${name}, ${when}; ${found === undefined ? 'not found' : 'found'}`
}

/** What is better for a client: not to sleep, to be told of the refusal, to ask less often. */
function better(ifThrown, ifResponded) {
  const rank = ({ error, slept, asked }) => [slept, findRefusal(error) === undefined ? 1 : 0, asked]
  const [one, other] = [rank(ifThrown), rank(ifResponded)]
  const index = one.findIndex((value, index) => value !== other[index])
  return index < 0 ? 'either' : one[index] < other[index] ? "`'throw'`" : "`'respond'`"
}

/** The rows of the table, as the tests below measure them. */
const table = []

describe('The clients', () => {
  it('run in a Node that they support', () => assert.ok(Number(process.versions.node.split('.')[0]) >= 22, process.version))
})

for (const [name, row] of Object.entries(CLIENTS)) {
  const { takes = 'fetch', from, handIn, make } = row
  const kinds = ['call', 'stream'].filter((kind) => kind in make({ origin: 'http://127.0.0.1:9', compose: (dispatcher) => dispatcher, fetch }))
  const { hasNoSignal } = make({ origin: 'http://127.0.0.1:9', compose: (dispatcher) => dispatcher, fetch })
  const start = (options) => {
    const guard = guardOf(takes, options)
    return { ...guard, breaker: guard.breakerOf(server.origin), client: make({ ...guard.hand, origin: server.origin }) }
  }

  describe(name, LIMIT, () => {
    it('is handed a guard as the page says', () => {
      const text = String(make)
      let at = 0
      for (const part of handIn.split('…').map((part) => part.replace(/^, |, $/g, ''))) {
        at = text.indexOf(part, at)
        assert.ok(at >= 0, `${part} in ${text}`)
      }
    })

    for (const kind of kinds) {
      it(`gives what it gives without a guard: ${kind}`, async () => {
        mood('up')
        const bare = await make({ fetch, compose: (dispatcher) => dispatcher, origin: server.origin })[kind]()
        assert.equal(typeof bare, 'string')
        for (const options of [{}, { timeout: 10_000 }, { settleOn: 'body' }, { settleOn: 'body', timeout: 10_000 }, { onRefused: 'respond' }]) {
          const { client, breaker } = start(options)
          assert.equal(await client[kind](), bare)
          await until(() => outcomesOf(breaker).inFlight === undefined)
          assert.deepEqual(outcomesOf(breaker), { success: 1 })
        }
      })
    }

    it('makes of a refusal what the page says', async () => {
      const ifThrown = await refused(row, 'throw')
      const ifResponded = takes === 'breaker' ? undefined : await refused(row, 'respond')
      for (const { error, hits } of [ifThrown, ifResponded ?? ifThrown]) assert.equal(hits, error === undefined ? 1 : 0, 'a refused request reaches no server')
      for (const kind of kinds.slice(1)) {
        assert.equal(inWords(await refused(row, 'throw', kind)), inWords(ifThrown), 'streams are refused alike')
        assert.equal(inWords(await refused(row, 'respond', kind)), inWords(ifResponded), 'streams are refused alike')
      }
      const found = findRefusal(ifThrown.error)
      if (found !== undefined) assert.ok(found instanceof CircuitOpenError && found.breaker === (takes === 'breaker' ? undefined : server.origin))
      const told = findRefusal(ifResponded?.error)
      if (told !== undefined) assert.deepEqual([told.breaker, told.state, told.retryAfter % 1000], [server.origin, 'open', 0])
      const cells = ifResponded === undefined ? ['–', '–'] : [inWords(ifResponded), better(ifThrown, ifResponded)]
      table.push([name, `${from} ${versionOf(from)}`, `\`${handIn}\``, inWords(ifThrown), ...cells])
    })

    it('opens the circuit by failures, leaves the server alone, and is back when the server is', async () => {
      for (const onRefused of ['throw', 'respond']) {
        mood('down')
        const guard = guardOf(takes, { onRefused, isBuffered: true, failureThreshold: 1, successThreshold: 1, recoveryTimeout: 3600_000, ...(takes === 'breaker' && { classify: undefined }) })
        const breaker = guard.breakerOf(server.origin)
        const client = make({ ...guard.hand, origin: server.origin })
        const run = () => awake(() => client.call(), { isBusy: guard.isBusy, onAdvance: () => {} })
        assert.notEqual((await run()).error, undefined)
        assert.equal(breaker.state, 'open')
        const { hits } = server
        assert.notEqual((await run()).error, undefined)
        assert.equal(server.hits, hits)
        mood('up')
        guard.clock.advance(3600_000)
        const { value, error } = await run()
        assert.equal(error, undefined)
        assert.equal(typeof value, 'string')
        assert.equal(breaker.state, 'closed')
      }
    })

    if (!hasNoSignal) {
      it('has an abort by its user ignored', async () => {
        for (const options of [{}, { timeout: 10_000 }, { settleOn: 'body' }]) {
          mood('hangs')
          const { client, breaker } = start(options)
          const controller = new AbortController()
          const ended = rejectionOf(client.call(controller.signal))
          await until(() => server.hits > 0)
          controller.abort()
          await ended
          await until(() => outcomesOf(breaker).inFlight === undefined)
          assert.deepEqual(outcomesOf(breaker), { ignored: 1 })
        }
      })
    }

    if (kinds.includes('stream')) {
      it('has a stream that breaks off counted as a failure, settled by the body', async () => {
        mood('up', true)
        const { client, breaker } = start({ settleOn: 'body' })
        await client.stream().catch(() => {})
        await until(() => outcomesOf(breaker).inFlight === undefined)
        assert.deepEqual(outcomesOf(breaker), { failure: 1 })
      })
      it('closes a half-open circuit by a stream that its user leaves, settled by the body', async () => {
        mood('up')
        const { client, breaker } = start({ settleOn: 'body', recoveryTimeout: 0, successThreshold: 1 })
        breaker.trip()
        await client.leave()
        await until(() => outcomesOf(breaker).inFlight === undefined)
        assert.equal(breaker.state, 'closed')
      })
    }
  })
}

for (const name of ['OpenAI', 'Anthropic']) {
  describe(`${name}, refused after timeouts`, LIMIT, () => {
    it('tells of the refusal, and of no timeout', async () => {
      mood('hangs')
      const guard = guardOf('fetch', { timeout: 20, failureThreshold: 1 })
      const client = CLIENTS[name].make({ ...guard.hand, origin: server.origin, maxRetries: 0 })
      const late = await rejectionOf(client.call())
      assert.equal(late.constructor.name, 'APIConnectionTimeoutError')
      const refused = await rejectionOf(client.call())
      assert.equal(refused.constructor.name, 'APIConnectionError')
      assert.ok(findRefusal(refused) instanceof CircuitOpenError)
      assert.equal(server.hits, 1)
    })
  })
}

describe('The table', () => {
  const HEAD = ['client', 'version', 'hand it in', "with `'throw'` its user gets", "with `'respond'`", 'better']

  it('has every client, and is written to target/sdk-table.md', () => {
    assert.deepEqual(table.map(([name]) => name), Object.keys(CLIENTS))
    const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
    mkdirSync(new URL('../../target', import.meta.url), { recursive: true })
    writeFileSync(new URL('../../target/sdk-table.md', import.meta.url), [line(HEAD), line(HEAD.map(() => '---')), ...table.map(line), ''].join('\n'))
  })
  it('is of as many clients as the README and the changelog say', () => {
    const count = new Set(Object.values(CLIENTS).map(({ from }) => from)).size
    for (const file of ['README.md', 'CHANGELOG.md', 'tests/README.md']) assert.match(readFileSync(root + file, 'utf8'), new RegExp(`\\b${count} clients`), file)
  })
  it('is what docs/with-sdks.md says', () => {
    assert.deepEqual(tableBelow(root, 'docs/with-sdks.md', 'What clients make of a refusal'), table, 'target/sdk-table.md is how it is now')
  })
})
