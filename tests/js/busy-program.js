// A process that is kept from reading the answers to its requests, busy or stopped, until after its calls are due. It is given the origin of
// `busy-server.js`, where the package is, and how often; it prints what each way of a call came to, and how often, as JSON. It runs in a browser, too: there
// it is called with all that as arguments.

const BODIES = ['small', 'large', 'gzip']
/** The answers are written in this many ms, while the process is busy; the calls are due in that many. */
const [ANSWER, TIMEOUT] = [150, 400]
/** An answer that was written this many ms before the process is free again is there by then. On a machine that has much else to do it may come later. */
const THERE = 50

export async function keepBusy({ origin, repetitions, kept, ways, isBrowser = false, CircuitBreaker, guardFetch }) {
  const text = async (url, init) => (await fetch(url, init)).text()
  const options = { timeout: TIMEOUT, failureThreshold: 1 }
  const all = {
    call: (url) => new CircuitBreaker(options).call(text, url),
    callWith: (url) => new CircuitBreaker({ failureThreshold: 1 }).callWith({ timeout: TIMEOUT }, (url, { signal }) => text(url, { signal }), url),
    guardFetch: async (url) => (await guardFetch(options)(url)).text(),
    'guardFetch until the body': async (url) => (await guardFetch({ ...options, settleOn: 'body' })(url)).text(),
    ...ways?.(options)
  }
  // A browser has six connections to a server, and one is for `/received`; of two requests for one URL it makes one after the other.
  let serial = 0
  const calls = (ms, n) => Object.entries(all).flatMap(([way, call]) =>
    (isBrowser ? [BODIES[n % BODIES.length]] : BODIES).map((body) => [`${way}, ${body}`, call(`${origin}/after?ms=${ms}&body=${body}&serial=${serial++}`).then(() => 'answered', ({ code }) => code)]))

  // What runs for the first time is slow by itself.
  for (let n = 0; n < 3; n++) await Promise.all(calls(0, n).map(([, call]) => call))

  const counts = {}
  const names = Object.keys(kept)
  for (let n = 0, tries = 0; n < repetitions; tries++) {
    if (tries > 5 * repetitions) throw new Error('The answers come later than they should: this machine has too much else to do')
    const before = Number(await text(`${origin}/received`))
    const due = performance.now() + TIMEOUT
    const made = [...calls(ANSWER, n), ['no answer', all.callWith(`${origin}/never?serial=${serial++}`).then(() => 'answered', ({ code }) => code)]]
    while (Number(await text(`${origin}/received`)) < before + made.length);
    await kept[names[n % names.length]](due - performance.now() + 100 + ((n * 397) % 1600))
    const freeAgain = Date.now()
    const outcomes = []
    for (const [what, call] of made) outcomes.push([what, await call])
    if (Number(await text(`${origin}/written?serial=${serial++}`)) > freeAgain - THERE) continue
    n++
    for (const [what, came] of outcomes) {
      counts[what] ??= {}
      counts[what][came] = (counts[what][came] ?? 0) + 1
    }
  }
  return counts
}

export const spin = (ms) => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

if (globalThis.process?.argv[2] !== undefined) {
  const [origin, repetitions, pkg] = process.argv.slice(2)
  const { CircuitBreaker } = await import(`${pkg}index.js`)
  const { guardFetch } = await import(`${pkg}fetch.js`)
  const { get } = await import('node:http')
  const { stat } = await import('node:fs')
  const viaHttp = (url) => new Promise((resolve, reject) => {
    get(url, (response) => response.resume().on('end', resolve)).on('error', reject)
  })
  const kept = {
    poll: (ms) => new Promise((resolve) => stat('.', () => resolve(spin(ms)))),
    // It is stopped a moment after it was answered.
    async stopped(ms) {
      await fetch(`${origin}/stop?pid=${process.pid}&ms=${Math.ceil(ms)}`)
      await new Promise((resolve) => setTimeout(resolve, ms))
    },
    timer: (ms) => new Promise((resolve) => setTimeout(() => resolve(spin(ms)), 1)),
    immediate: (ms) => new Promise((resolve) => setImmediate(() => resolve(spin(ms)))),
    microtask: async (ms) => spin(ms)
  }
  const isBun = process.versions.bun !== undefined
  const { Agent, request } = isBun ? {} : await import('undici')
  const { guardDispatch } = isBun ? {} : await import(`${pkg}undici.js`)
  const ways = (options) => ({
    'call of node:http': (url) => new CircuitBreaker(options).call(viaHttp, url),
    ...(!isBun && {
      guardDispatch: async (url) => (await request(url, { dispatcher: new Agent().compose(guardDispatch(options)) })).body.text()
    })
  })
  console.log(JSON.stringify(await keepBusy({ origin, repetitions: Number(repetitions), kept, ways, CircuitBreaker, guardFetch })))
  process.exit()
}
