// What a guard costs a Node service under load, and what it saves while the upstream is sick: bare fetch, ours, and opossum around
// fetch, in many short alternating rounds. The cost is judged by the service's CPU time per request: on a core that is busy with nothing else
// the rate is its reciprocal, and on a machine that has other work the rate is mostly that. It must not know how they work.
// `node tests/http/load.js [rounds] [seconds]`; fails where a target is missed.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'

const ROLES = ['bare', 'ours', 'opossum']
/** How long the sick upstream takes to answer 503, in ms, and how long callers wait. */
const SICK = 200
const CONNECTIONS = 20
/** CPU time per request that the guard may cost, and answers while open that it must give, against bare fetch. */
const MOST_COST = 0.03
const LEAST_GAIN = 10

const self = fileURLToPath(import.meta.url)
const [, , ...args] = process.argv

if (args[0] === '--upstream') await upstream()
else if (args[0] === '--service') await service(args[1], args[2])
else await measure(Number(args[0] ?? 15), Number(args[1] ?? 1))

async function upstream() {
  let isSick = false
  process.on('message', (message) => (isSick = message === 'sick'))
  await serve((_, response) => {
    if (isSick) setTimeout(() => response.writeHead(503).end('sick'), SICK)
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":42,"name":"somebody"}')
  })
}

async function service(role, url) {
  process.on('message', () => process.send(process.cpuUsage()))
  const ask = await asker(role)
  await serve(async (_, response) => {
    try {
      const answer = await ask(url)
      const body = await answer.text()
      response.writeHead(answer.status).end(body)
    } catch {
      response.writeHead(503).end('refused')
    }
  })
}

async function asker(role) {
  if (role === 'bare') return (url) => fetch(url)
  if (role === 'ours') {
    const { guardFetch } = await import('../../pkg/fetch.js')
    return guardFetch({ recoveryTimeout: 60_000 })
  }
  const { default: CircuitBreaker } = await import('opossum')
  const failing = async (url) => {
    const response = await fetch(url)
    if (response.status >= 500) throw new Error(String(response.status))
    return response
  }
  const breaker = new CircuitBreaker(failing, { timeout: false, resetTimeout: 60_000, volumeThreshold: 5 })
  return (url) => breaker.fire(url)
}

async function serve(answer) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send(`http://127.0.0.1:${server.address().port}`)
  process.on('disconnect', () => process.exit())
}

async function start(...args) {
  const child = fork(self, args)
  const [url] = await once(child, 'message')
  return { child, url }
}

async function measure(rounds, seconds) {
  const { default: autocannon } = await import('autocannon')
  const { child: source, url } = await start('--upstream')
  const services = {}
  for (const role of ROLES) services[role] = await start('--service', role, url)
  const load = async (role, duration) => {
    const { child, url } = services[role]
    const cpu = async () => {
      child.send('cpu')
      const [{ user, system }] = await once(child, 'message')
      return user + system
    }
    const before = await cpu()
    const { requests, duration: took } = await autocannon({ url, connections: CONNECTIONS, duration })
    return { rate: requests.total / took, cpu: ((await cpu()) - before) / requests.total }
  }
  const rates = {}
  for (const mood of ['well', 'sick']) {
    source.send(mood)
    for (const role of ROLES) await load(role, 2)
    rates[mood] = Object.fromEntries(ROLES.map((role) => [role, []]))
    const most = mood === 'well' ? rounds : Math.min(rounds, 3)
    for (let round = 0; round < most; round++) {
      for (let n = 0; n < ROLES.length; n++) {
        const role = ROLES[(round + n) % ROLES.length]
        rates[mood][role].push(await load(role, seconds))
      }
    }
  }
  for (const { child } of [{ child: source }, ...Object.values(services)]) child.disconnect()

  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]
  // Each round against the bare one of the same round: what else the machine does changes from round to round.
  const against = (mood, role, what) => median(rates[mood][role].map((one, round) => one[what] / rates[mood].bare[round][what]))
  for (const mood of Object.keys(rates)) {
    for (const role of ROLES) {
      const [rate, cpu] = ['rate', 'cpu'].map((what) => median(rates[mood][role].map((one) => one[what])))
      const shares = `${against(mood, role, 'rate').toFixed(2)} of bare, CPU ${cpu.toFixed(0)} µs, ${against(mood, role, 'cpu').toFixed(3)} of bare`
      console.log(`${mood.padEnd(5)} ${role.padEnd(8)} ${Math.round(rate).toString().padStart(6)} requests/s, ${shares}`)
    }
  }
  const cost = against('well', 'ours', 'cpu') - 1
  const gain = against('sick', 'ours', 'rate')
  console.log(`cost ${(cost * 100).toFixed(1)} % CPU (at most ${MOST_COST * 100} %), ${gain.toFixed(0)} times the answers while open (at least ${LEAST_GAIN})`)
  if (cost > MOST_COST || gain < LEAST_GAIN) process.exitCode = 1
}
