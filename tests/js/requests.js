// Programs in which each request has a store of its own, by `AsyncLocalStorage`. Each prints what it saw as JSON, and is text, since Node runs it here and
// other runtimes in `tests/runners`: `ESM` and `CJS` name the package there. It must not know which runtime that is.

/** What each program begins with. In Node and Deno `gc` takes a flag. */
const REQUESTS = `
  import { AsyncLocalStorage } from 'node:async_hooks'
  const requests = new AsyncLocalStorage()
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  globalThis.gc ??= () => Bun.gc(true)`

/** Ways in which the package is loaded. */
export const LOADED = {
  'loaded at the start': 'const { CircuitBreaker, ManualClock } = await import(ESM)',
  'loaded by a request': `const { CircuitBreaker, ManualClock } = await requests.run('the first', () => import(ESM))`,
  'required by a request': `const { createRequire } = await import('node:module')
    const { CircuitBreaker, ManualClock } = requests.run('the first', () => createRequire(import.meta.url)(CJS))`
}

/** Three requests trip breakers whose background tasks say in whose context they run: how often each was heard, and where they slept. */
export const probesOf = (loaded) => `${REQUESTS}
  ${loaded}
  const seen = []
  const note = (what) => seen.push(what + ' ' + requests.getStore())
  const closed = []
  const clock = new ManualClock()
  // The task's own timers keep no process alive.
  const alive = setTimeout(() => {}, 60_000)
  for (const tenant of ['one', 'two', 'three']) {
    requests.run(tenant, () => {
      const breaker = new CircuitBreaker({
        clock, recoveryTimeout: 30, successThreshold: 1,
        sleep: async (ms) => { note('sleep'); clock.advance(ms) },
        probe: async () => { note('probe'); await null; note('later') }
      })
      breaker.addEventListener('statechange', ({ detail: { to } }) => to === 'closed' && note('told'))
      breaker.trip()
      breaker.call(() => 1).catch(() => {})
      closed.push(breaker.whenClosed().then(() => note('waiter')))
    })
  }
  await Promise.all(closed)
  clearTimeout(alive)
  const counted = {}
  for (const what of seen) if (!what.startsWith('sleep')) counted[what] = (counted[what] ?? 0) + 1
  const slept = new Set(seen.filter((what) => what.startsWith('sleep')))
  console.log(JSON.stringify([counted, [...slept]]))`

/** What it prints where the task runs in `context`. Whoever waits is called in a context of their own, of course. */
export const probesIn = (context) => [
  { [`probe ${context}`]: 3, [`later ${context}`]: 3, [`told ${context}`]: 3, 'waiter one': 1, 'waiter two': 1, 'waiter three': 1 },
  [`sleep ${context}`]
]

/** How many stores are alive of three requests whose breakers sleep, sleep by a timer, and probe. */
export const STORES_OF_PROBES = `${REQUESTS}
  const { CircuitBreaker } = await import(ESM)
  const breakers = []
  const stores = []
  // A function, since what is in variables here lives on.
  const request = (options) => {
    const breaker = new CircuitBreaker(options)
    breakers.push(breaker)
    const store = { large: true }
    stores.push(new WeakRef(store))
    requests.run(store, () => {
      breaker.trip()
      breaker.call(() => 1).catch(() => {})
    })
  }
  request({ probe: async () => {}, sleep: () => new Promise(() => {}) })
  request({ probe: async () => {} })
  request({ recoveryTimeout: 0, probe: () => new Promise(() => {}) })
  await turn()
  const alive = () => stores.filter((store) => store.deref() !== undefined).length
  // To look at one keeps it until the next turn.
  for (let round = 0; round < 200 && alive() > 0; round++) { await turn(); gc(); await turn() }
  console.log(JSON.stringify([alive(), breakers.map(({ state }) => state)]))`

/** In whose context three calls heard of their timeout, and whether the store of one that is over is alive. */
export const STORES_OF_CALLS = `${REQUESTS}
  const { CircuitBreaker } = await import(ESM)
  const breaker = new CircuitBreaker({ failureThreshold: 1000 })
  const heard = []
  const hang = (who) => ({ signal }) => new Promise(() => signal.addEventListener('abort', () => heard.push(who + requests.getStore())))
  const asked = ['A', 'B', 'C'].map((who) => requests.run(who, () => breaker.callWith({ timeout: 5 }, hang(who)).catch(() => {})))
  await Promise.all(asked)
  const store = await requests.run({ big: new Array(1000) }, async () => {
    await breaker.callWith({ timeout: 600_000 }, async () => 1)
    return new WeakRef(requests.getStore())
  })
  for (let round = 0; round < 100 && store.deref(); round++) {
    await new Promise(setImmediate)
    gc()
  }
  console.log(JSON.stringify({ heard, alive: store.deref() !== undefined }))`
