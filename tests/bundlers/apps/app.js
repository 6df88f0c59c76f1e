// The small app that each bundler builds: breaker, probe, registry, guarded requests and what is found of a refusal. Gives what happened, as text. It must
// not know who bundles it, nor where it runs.

import { CircuitBreaker, CircuitBreakerRegistry, findRefusal, isCircuitOpenError, ManualClock } from 'halfopen'
import { guardFetch } from 'halfopen/fetch'

const down = async () => {
  throw new Error('down')
}
const up = async () => 'up'
const outcome = (promise) => promise.catch((error) => error.code ?? error.message)

/** Opens, refuses, recovers and is read. */
async function breaker() {
  const clock = new ManualClock()
  const breaker = new CircuitBreaker({ name: 'users', failureThreshold: 2, recoveryTimeout: 1000, successThreshold: 1, clock })
  const steps = []
  breaker.addEventListener('statechange', ({ detail: { from, to } }) => steps.push(`${from} to ${to}`))
  steps.push(await outcome(breaker.call(down)), await outcome(breaker.call(down)), await outcome(breaker.call(up)))
  clock.advance(1000)
  steps.push(await breaker.call(up))
  const { successfulCalls, failedCalls, rejectedCalls } = breaker.metrics
  return [...steps, `${successfulCalls} succeeded, ${failedCalls} failed, ${rejectedCalls} refused`]
}

/** Is closed again by a probe in the background. */
async function probe() {
  let probes = 0
  const breaker = new CircuitBreaker({ recoveryTimeout: 1, successThreshold: 2, probe: async () => void probes++ })
  breaker.trip()
  // The timers of a probe keep no process alive, and some run this in one that has nothing else to do.
  const alive = setTimeout(() => {}, 60_000)
  await breaker.whenClosed()
  clearTimeout(alive)
  return [`${breaker.state} after ${probes} probes`]
}

/** Has a breaker for each key. */
async function registry() {
  const registry = new CircuitBreakerRegistry({ failureThreshold: 1 })
  await outcome(registry.get('one').call(down))
  return [`${registry.get('one').state}, ${registry.get('two').state}`]
}

/** Opens by the answers of an upstream; what a client makes of the refusal is seen through. */
async function guarded() {
  const fetch = guardFetch({ failureThreshold: 2, fetch: async () => new Response('', { status: 503 }) })
  const ask = () => fetch('https://users.example.com/7').then(({ status }) => status)
  const steps = [await ask(), await ask()]
  const refusal = findRefusal(await ask().catch((error) => new Error('The client failed', { cause: error })))
  return [...steps.map(String), `${isCircuitOpenError(refusal)}: ${refusal.breaker}`]
}

/** What happened, in order. */
export async function app() {
  return [...await breaker(), ...await probe(), ...await registry(), ...await guarded()]
}
