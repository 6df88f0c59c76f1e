/**
 * The service: it asks the upstream on behalf of its clients, through a circuit breaker or, without `--breaker`, directly.
 *
 * Must not know: when the upstream is sick, or that this is a demo: this is how a service uses the package.
 *
 *   node service.js --upstream http://127.0.0.1:8080/ [--breaker '{ "failureThreshold": 5 }'] [--port 8081]
 */
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { CallTimeoutError, CircuitBreaker } from 'halfopen'
import { SAMPLE_EVERY, beginning, listen, tell, untilTold } from './part.js'
import { SERVICE_TIMEOUT } from './plan.js'

const { values } = parseArgs({
  options: { upstream: { type: 'string' }, breaker: { type: 'string' }, port: { type: 'string', default: '0' } }
})
const upstream = values.upstream ?? 'http://127.0.0.1:8080/'

/** What clients get while the upstream is left alone: a price that may be out of date. */
const LAST_KNOWN = { price: 41, stale: true }

const breaker =
  values.breaker === undefined
    ? undefined
    : new CircuitBreaker({ timeout: SERVICE_TIMEOUT, fallback: () => LAST_KNOWN, ...JSON.parse(values.breaker) })

/**
 * Asks the upstream. An answer other than a success is thrown, since only what is thrown counts as a failure.
 *
 * @param {{ signal: AbortSignal }} context The breaker's, whose signal aborts when the call's time is up.
 */
async function askUpstream({ signal }) {
  const response = await fetch(upstream, { signal })
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`The upstream answered ${response.status}`)
  }
  return response.json()
}

/** The service's own counts, for a run without a breaker. */
const direct = { totalCalls: 0, failedCalls: 0, rejectedCalls: 0, staleCalls: 0, inFlight: 0 }

async function askDirectly() {
  direct.inFlight++
  try {
    return await askUpstream({ signal: AbortSignal.timeout(SERVICE_TIMEOUT) })
  } catch (error) {
    direct.failedCalls++
    throw error
  } finally {
    direct.inFlight--
    direct.totalCalls++
  }
}

const server = createServer(async (request, response) => {
  request.resume()
  if (request.url === '/health') return void response.writeHead(204).end()
  try {
    const price = breaker ? await breaker.callWith({}, askUpstream) : await askDirectly()
    answer(response, 200, price === LAST_KNOWN ? 'fallback' : 'upstream', price)
  } catch (error) {
    answer(response, isTimeout(error) ? 504 : 502, 'nobody', { error: String(error) })
  }
})

/** @param {unknown} error */
const isTimeout = (error) => error instanceof CallTimeoutError || (error instanceof Error && error.name === 'TimeoutError')

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {string} by
 * @param {unknown} body
 */
function answer(response, status, by, body) {
  response.writeHead(status, { 'content-type': 'application/json', 'x-answered-by': by })
  response.end(JSON.stringify(body))
}

function sample() {
  const { totalCalls, failedCalls, rejectedCalls, staleCalls, inFlight } = breaker?.metrics ?? direct
  return { service: { state: breaker?.state, totalCalls, failedCalls, rejectedCalls, staleCalls, inFlight } }
}

const begin = beginning()
breaker?.addEventListener('statechange', async ({ detail }) => {
  const { from, to, reason, at } = detail
  tell({ change: { from, to, reason, at: at - (await begin) } })
})

listen(server, Number(values.port))
const sampling = setInterval(() => tell(sample()), SAMPLE_EVERY)
untilTold(() => {
  clearInterval(sampling)
  server.close()
  server.closeAllConnections()
  return sample()
})
