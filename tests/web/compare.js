// Runs every situation with plain `fetch` and with each guard, and says where the two differ. A program too: it prints the differences as
// JSON, so that each Node can run it. It must not know what a situation is about.
//   node tests/web/compare.js

import { fileURLToPath } from 'node:url'
import { guardFetch } from '../../pkg/fetch.js'
import { outcome } from './describe.js'
import { startServer } from './server.js'
import { SITUATIONS, UNSEEN } from './situations.js'

/** More failures than any run makes: these guards never trip. */
const NEVER = { failureThreshold: 1e6 }

/** What the guards are made with. */
export const GUARDS = {
  'no options': {},
  'a timeout': { timeout: 60_000 },
  'until the body': { settleOn: 'body' },
  'until the body, a timeout': { settleOn: 'body', timeout: 60_000 },
  'a key, a fallback and answers': {
    key: () => 'one', onRefused: 'respond', maxConcurrent: 1000,
    fallback() {
      throw new Error('nobody asked for it')
    }
  }
}

/** Situations at once: each waits for sockets most of its time. */
const AT_ONCE = 24

/** An init with one more signal, where it has none and is as plain as inits mostly are. */
function withSignal(args) {
  // A Request has one already, which another would take away.
  if (args.length === 0 || args[0] instanceof Request) return args
  const [input, init = {}] = args
  if (Object.getPrototypeOf(Object(init)) !== Object.prototype || init === null || typeof init !== 'object' || 'signal' in init) return args
  if (Object.values(Object.getOwnPropertyDescriptors(init)).some(({ get }) => get !== undefined)) return args
  return [input, { ...init, signal: new AbortController().signal }]
}

/** What is seen of a situation that does not end: none may, with plain `fetch` neither. */
const HANGS = 'it hangs'
const hanging = () => new Promise((resolve) => setTimeout(() => resolve(HANGS), 10_000).unref())

let runs = 0

/** What came of one situation, and what the servers saw of it, without what differs from run to run. */
async function describe(situation, fetch, servers, isUnseen) {
  const run = `run${runs++}x`
  const seen = () => servers.flatMap((server) => server.seen(run))
  const until = async (holds) => {
    for (let waited = 0; !holds(); waited += 2) {
      if (waited > 10_000) throw new Error('Waited in vain')
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
  const [at, elsewhere] = servers.map(({ origin }) => (path) => `${origin}/${run}${path}`)
  const came = await Promise.race([outcome(situation({ fetch, at, elsewhere, away: servers.away, until, seen, breakOff: () => servers.forEach((server) => server.breakOff(run)) })), hanging()])
  // What the servers hear of a caller that left comes a little later.
  for (let waited = 0; waited < 500 && seen().some(({ isLeft }) => isLeft === undefined); waited += 5) await new Promise((resolve) => setTimeout(resolve, 5))
  const text = JSON.stringify({ came, seen: isUnseen ? [] : seen() }, (_, value) => (value === undefined ? '(undefined)' : value))
  const [here, there] = servers.map(({ origin }) => origin)
  return JSON.parse(
    text.replaceAll(run, 'run').replaceAll(here, 'http://here').replaceAll(there, 'http://there').replaceAll(servers.away, 'http://away')
      // Which of two errors a connection that is reset has first is a matter of luck.
      .replace(/"(?:read )?ECONNRESET"/g, '"(reset)"').replace(/"UND_ERR_SOCKET"|"other side closed"/g, '"(reset)"').replace(/"name":"SocketError"/g, '"name":"Error"')
      .replace(/127\.0\.0\.1:\d{4,}/g, 'address').replace(/-{2,}formdata-[\w-]+|formdata-[\w-]+/g, 'boundary')
  )
}

/**
 * @param {(differences: { situation: string, guard: string, plain: unknown, guarded: unknown }[], situation: string) => void} [tell] Told of each situation.
 * @returns {Promise<{ situations: number, compared: number, differences: object[], hung: string[], unhandled: string[] }>}
 */
export async function compareAll(tell = () => {}) {
  const unhandled = []
  const onUnhandled = (error) => unhandled.push(String(error))
  process.on('unhandledRejection', onUnhandled)
  const servers = [await startServer(), await startServer()]
  const gone = await startServer()
  await gone.stop()
  servers.away = gone.origin
  const plain = globalThis.fetch
  const differences = []
  const hung = []
  let compared = 0
  const waiting = Object.entries(SITUATIONS)
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let next; (next = waiting.shift()) !== undefined; ) {
      const [situation, see] = next
      const found = []
      for (const changed of [(args) => args, withSignal]) {
        const expected = await describe(see, (...args) => plain(...changed(args)), servers, UNSEEN.includes(situation))
        if (expected.came === HANGS) hung.push(situation)
        for (const [guard, options] of Object.entries(GUARDS)) {
          const guarded = guardFetch({ ...NEVER, ...options })
          const came = await describe(see, (...args) => guarded(...changed(args)), servers, UNSEEN.includes(situation))
          compared++
          if (JSON.stringify(came) !== JSON.stringify(expected)) found.push({ situation, guard: changed === withSignal ? `${guard}, a signal` : guard, plain: expected, guarded: came })
        }
      }
      differences.push(...found)
      tell(found, situation)
    }
  }))
  for (const server of servers) await server.stop()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', onUnhandled)
  return { situations: Object.keys(SITUATIONS).length, compared, differences, hung, unhandled }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await compareAll()))
  process.exit()
}
