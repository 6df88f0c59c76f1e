// The processes of the load test: an upstream that falls sick when told, and a service in front of it, with or without a guard. Run by
// `measure.js`. They must not know what is measured, but for the time and the requests that they count.
//   processes.js upstream | processes.js service <role> <url>

import { once } from 'node:events'
import { createServer } from 'node:http'

/** How long the sick upstream takes to answer 503, in ms, and how long callers wait. */
export const SICK = 200

/** What each service asks its upstream by. The second bare one is there to tell how much two equal ones differ. */
const ASKERS = {
  bare: () => (url) => fetch(url),
  'bare again': () => (url) => fetch(url),
  async ours() {
    const { guardFetch } = await import('../../pkg/fetch.js')
    return guardFetch({ recoveryTimeout: 60_000 })
  },
  async opossum() {
    const { default: CircuitBreaker } = await import('opossum')
    const failing = async (url) => {
      const response = await fetch(url)
      if (response.status >= 500) throw new Error(String(response.status))
      return response
    }
    const breaker = new CircuitBreaker(failing, { timeout: false, resetTimeout: 60_000, volumeThreshold: 5 })
    return (url) => breaker.fire(url)
  }
}
export const ROLES = Object.keys(ASKERS)

const [, path, part, ...args] = process.argv
if (path === import.meta.filename) await { upstream, service }[part](...args)

async function upstream() {
  let isSick = false
  let hits = 0
  await serve((_, response) => {
    hits++
    if (isSick) setTimeout(() => response.writeHead(503).end('sick'), SICK)
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":42,"name":"somebody"}')
  })
  process.on('message', (message) => {
    if (message !== 'count') isSick = message === 'sick'
    process.send(hits)
  })
}

/** Counts the CPU time that it spent, in µs. */
async function service(role, url) {
  const ask = await ASKERS[role]()
  await serve(async (_, response) => {
    try {
      const answer = await ask(url)
      const body = await answer.text()
      response.writeHead(answer.status).end(body)
    } catch {
      response.writeHead(503).end('refused')
    }
  })
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send(user + system)
  })
}

async function serve(answer) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.on('disconnect', () => process.exit())
  process.send(`http://127.0.0.1:${server.address().port}`)
}
