// The page: what a person sees of a guarded fetch, and the checks, run one by one. It must not know which browser this is.

import { guardFetch, ManualClock, CircuitBreaker } from '/page/halfopen.js'
import { CHECKS, patientOf } from '/page/checks.js'

/** What nobody handled, for the last check. */
const unhandled = []
addEventListener('unhandledrejection', ({ reason }) => unhandled.push(String(reason)))
addEventListener('error', ({ message }) => unhandled.push(message))

let patients = 0
globalThis.unhandled = unhandled
globalThis.run = (title, context) => {
  const { run } = CHECKS.find((check) => check.title === title)
  return run({ guardFetch, ManualClock, CircuitBreaker, ...context, patient: (origin = context.upstream) => patientOf(origin, `${context.browser}-${++patients}`) })
}

/** Loads the news five times from a server that fails: what is on the page then is what a person sees while the circuit is open. */
globalThis.show = async ({ browser, upstream }) => {
  const news = patientOf(upstream, `${browser}-news`)
  const guarded = guardFetch({
    failureThreshold: 3,
    fallback: (_, { name }) => new Response(`Yesterday’s news, from the cache, since the server is ill (${name}).`),
  })
  const state = document.getElementById('state')
  const load = async () => {
    const response = await guarded(news.url())
    document.getElementById('news').textContent = await response.text()
    const line = document.createElement('li')
    line.textContent = `${response.status} ${response.url ? 'from the server' : 'from the fallback'}`
    document.getElementById('log').append(line)
    state.textContent = guarded.registry.get(upstream).state
    state.className = state.textContent
  }
  await news.becomes({ body: 'Today’s news, from the server.' })
  await load()
  await news.becomes({ status: 503, body: 'Service Unavailable' })
  for (let i = 0; i < 4; i++) await load()
  return { state: state.textContent, news: document.getElementById('news').textContent }
}
globalThis.ready = true
