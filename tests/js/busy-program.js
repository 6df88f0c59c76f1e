// A process that is busy, or stopped, while the answers to its requests arrive. It is given the origin of `busy-server.js`, how it is kept from reading
// them, for how many ms each time, and how often. It prints what each way of a call came to, by how often, as JSON.

import { get } from 'node:http'
import { stat } from 'node:fs'

const [origin, busy, duration, repetitions, pkg] = process.argv.slice(2)
const { CircuitBreaker } = await import(pkg + 'index.js')
const { guardFetch } = await import(pkg + 'fetch.js')

/** The calls begin, and 80 ms later the process is kept busy; the answers are written at 150, and the calls are due at 250. */
const [BUSY, ANSWER, TIMEOUT] = [80, 150, 250]
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const spin = (ms) => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const KEPT = {
  poll: (ms) => new Promise((resolve) => stat('.', () => resolve(spin(ms)))),
  timer: (ms) => new Promise((resolve) => setTimeout(() => resolve(spin(ms)), 1)),
  immediate: (ms) => new Promise((resolve) => setImmediate(() => resolve(spin(ms)))),
  microtask: async (ms) => spin(ms),
  stopped: async (ms) => fetch(`${origin}/stop?pid=${process.pid}&ms=${ms}`)
}

const text = async (url, init) => (await fetch(url, init)).text()
const viaHttp = (url) => new Promise((resolve, reject) => {
  get(url, (response) => {
    let body = ''
    response.on('data', (chunk) => (body += chunk)).on('end', () => resolve(body))
  }).on('error', reject)
})
const options = { timeout: TIMEOUT, failureThreshold: 1 }
const WAYS = {
  call: (url) => new CircuitBreaker(options).call(text, url),
  'call of node:http': (url) => new CircuitBreaker(options).call(viaHttp, url),
  'callWith': (url) => new CircuitBreaker({ failureThreshold: 1 }).callWith({ timeout: TIMEOUT }, (url, { signal }) => text(url, { signal }), url),
  guardFetch: async (url) => (await guardFetch(options)(url)).text(),
  "guardFetch until the body": async (url) => (await guardFetch({ ...options, settleOn: 'body' })(url)).text()
}
if (process.versions.bun === undefined) {
  const { Agent, request } = await import('undici')
  const { guardDispatch } = await import(pkg + 'undici.js')
  WAYS.guardDispatch = async (url) => {
    const dispatcher = new Agent().compose(guardDispatch(options))
    return (await request(url, { dispatcher })).body.text()
  }
}

const counts = {}
const note = (what, came) => {
  const of = (counts[what] ??= {})
  of[came] = (of[came] ?? 0) + 1
}
const cameTo = (promise) => promise.then((body) => (typeof body === 'string' ? 'answered' : String(body)), (error) => error.code ?? error.message)

// What runs for the first time is slow by itself.
for (let n = 0; n < 3; n++) await Promise.all(Object.values(WAYS).flatMap((call) => ['small', 'gzip', 'large'].map((body) => cameTo(call(`${origin}/after?body=${body}`)))))

for (let n = 0; n < repetitions; n++) {
  const ms = Number(duration) || 400 + ((n * 397) % 1600)
  const calls = Object.entries(WAYS).flatMap(([way, call]) => ['small', 'gzip', 'large'].map((body) =>
    cameTo(call(`${origin}/after?ms=${ANSWER}&body=${body}`)).then((came) => note(`${way}, ${body}`, came))))
  calls.push(cameTo(WAYS.call(`${origin}/never`)).then((came) => note('no answer', came)))
  await sleep(BUSY)
  await KEPT[busy](ms)
  await Promise.all(calls)
}
console.log(JSON.stringify(counts))
process.exit()
