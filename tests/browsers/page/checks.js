// The program that every browser runs: what a guarded fetch comes to before a server that falls ill. Each check gives what it observed;
// the test compares that with `expected`. It is read in Node too, for the titles, so it may use nothing of a page when it is imported.

const OPEN = 'ERR_CIRCUIT_OPEN'

/** Talks to one patient of an ill server; see `servers.js`. */
export function patientOf(origin, name) {
  let calls = 0
  const conditions = `${origin}/conditions/${name}`
  return {
    url: (rest = 'api') => `${origin}/patients/${name}/${rest}?call=${++calls}`,
    becomes: async (condition) => void (await fetch(conditions, { method: 'POST', body: JSON.stringify(condition) })),
    /** `calls`: how many came. `open`: how many have no full answer yet. */
    report: () => fetch(conditions).then((response) => response.json()),
  }
}

/** What became of a request: its status, or the name of its error. */
const outcome = (promise) => promise.then(({ status }) => status, ({ code, name }) => code?.startsWith?.('ERR_') ? code : name)

const thrown = (promise) => promise.then(() => { throw new Error('Expected a rejection, got a value') }, (error) => error)

/** Asks until the answer is truthy. The limit of the script ends what never comes. */
async function until(ask) {
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function times(count, fn) {
  const results = []
  for (let i = 0; i < count; i++) results.push(await fn(i))
  return results
}

/** What a breaker counted, in few words. */
function counts(guarded, origin) {
  const { successfulCalls, failedCalls, timedOutCalls, ignoredCalls, rejectedCalls } = guarded.registry.get(origin).metrics
  return { ok: successfulCalls, failed: failedCalls, timedOut: timedOutCalls, ignored: ignoredCalls, refused: rejectedCalls }
}

export const CHECKS = [
  {
    title: "passes requests and responses on untouched, the platform's own",
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch()
      const { url } = patient()
      const asked = new Request(url(), { method: 'POST', body: 'hello', headers: { 'x-mine': '1' } })
      const response = await guarded(asked)
      const { method, sent } = await response.json()
      return {
        method, sent, isResponse: response instanceof Response, type: response.type, sameUrl: response.url === asked.url,
        counts: counts(guarded, upstream), keys: [...guarded.registry.keys()].length,
      }
    },
    expected: {
      method: 'POST', sent: 'hello', isResponse: true, type: 'cors', sameUrl: true,
      counts: { ok: 1, failed: 0, timedOut: 0, ignored: 0, refused: 0 }, keys: 1,
    },
  },
  {
    title: "takes a relative URL, under the page's own origin",
    run: async ({ guardFetch }) => {
      const guarded = guardFetch()
      const { status } = await guarded('./index.html')
      return { status, own: guarded.registry.has(location.origin) }
    },
    expected: { status: 200, own: true },
  },
  {
    title: 'opens after three 503, refuses without a request, and closes once the server has recovered',
    run: async ({ guardFetch, ManualClock, upstream, patient }) => {
      const clock = new ManualClock()
      const guarded = guardFetch({ clock, failureThreshold: 3, successThreshold: 2, recoveryTimeout: 30_000 })
      const { becomes, url, report } = patient()
      const ask = () => outcome(guarded(url()))
      const state = () => guarded.registry.get(upstream).state
      await becomes({ status: 503 })
      const ill = await times(5, ask)
      const open = { state: state(), reached: (await report()).calls }
      clock.advance(30_000)
      const stillIll = [await ask(), state()]
      await becomes({})
      clock.advance(30_000)
      const well = await times(2, async () => [await ask(), state()])
      return { ill, open, stillIll, well, reached: (await report()).calls }
    },
    expected: {
      ill: [503, 503, 503, OPEN, OPEN], open: { state: 'open', reached: 3 }, stillIll: [503, 'open'],
      well: [[200, 'half_open'], [200, 'closed']], reached: 6,
    },
  },
  {
    title: 'recovers by the clock of the browser too',
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1, successThreshold: 1, recoveryTimeout: 300 })
      const { becomes, url } = patient()
      await becomes({ status: 500 })
      const began = performance.now()
      const first = await outcome(guarded(url()))
      await becomes({})
      await until(async () => (await outcome(guarded(url()))) === 200)
      // A clock of the browser may be coarse by some ms.
      return { first, early: performance.now() - began < 290, state: guarded.registry.get(upstream).state }
    },
    expected: { first: 500, early: false, state: 'closed' },
  },
  {
    title: 'ends a request that hangs by the timeout, closes its connection and counts a failure',
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1, timeout: 300 })
      const { becomes, url, report } = patient()
      await becomes({ hangs: true })
      const outcomes = await times(2, () => outcome(guarded(url())))
      await until(async () => (await report()).open === 0)
      return { outcomes, reached: (await report()).calls, counts: counts(guarded, upstream) }
    },
    expected: { outcomes: ['ERR_CALL_TIMEOUT', OPEN], reached: 1, counts: { ok: 0, failed: 1, timedOut: 1, ignored: 0, refused: 1 } },
  },
  {
    title: "counts a dropped connection as a failure and passes the browser's own error on",
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 2 })
      const { becomes, url } = patient()
      await becomes({ drops: true })
      const own = (await thrown(guarded(url()))) instanceof TypeError
      const outcomes = await times(2, () => outcome(guarded(url())))
      return { own, outcomes, counts: counts(guarded, upstream) }
    },
    expected: { own: true, outcomes: ['TypeError', OPEN], counts: { ok: 0, failed: 2, timedOut: 0, ignored: 0, refused: 1 } },
  },
  {
    title: 'counts a refused connection as a failure',
    run: async ({ guardFetch, nobody }) => {
      const guarded = guardFetch({ failureThreshold: 2 })
      const outcomes = await times(3, () => outcome(guarded(`${nobody}/`)))
      return { outcomes, counts: counts(guarded, nobody) }
    },
    expected: { outcomes: ['TypeError', 'TypeError', OPEN], counts: { ok: 0, failed: 2, timedOut: 0, ignored: 0, refused: 1 } },
  },
  {
    title: 'counts a response that the page may not read as a failure, as fetch tells no more than that',
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1 })
      const { becomes, url } = patient()
      await becomes({ private: true })
      return { outcomes: await times(2, () => outcome(guarded(url()))), counts: counts(guarded, upstream) }
    },
    expected: { outcomes: ['TypeError', OPEN], counts: { ok: 0, failed: 1, timedOut: 0, ignored: 0, refused: 1 } },
  },
  {
    title: 'takes an opaque response, whose status nobody may see, for a success',
    run: async ({ guardFetch, upstream, patient }) => {
      const { becomes, url } = patient()
      await becomes({ private: true, status: 503 })
      const seen = []
      for (const settleOn of ['headers', 'body']) {
        const guarded = guardFetch({ failureThreshold: 1, settleOn })
        const { type, status } = await guarded(url(), { mode: 'no-cors' })
        seen.push({ type, status, counts: counts(guarded, upstream) })
      }
      return seen
    },
    expected: Array(2).fill({ type: 'opaque', status: 0, counts: { ok: 1, failed: 0, timedOut: 0, ignored: 0, refused: 0 } }),
  },
  {
    title: 'takes 404 for a success: the server lives',
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1 })
      const { becomes, url } = patient()
      await becomes({ status: 404 })
      return { outcomes: await times(2, () => outcome(guarded(url()))), counts: counts(guarded, upstream) }
    },
    expected: { outcomes: [404, 404], counts: { ok: 2, failed: 0, timedOut: 0, ignored: 0, refused: 0 } },
  },
  {
    title: 'pauses after a 429 for the seconds of its Retry-After, no shorter and no longer',
    run: async ({ guardFetch, ManualClock, patient }) => {
      const clock = new ManualClock()
      const guarded = guardFetch({ clock, failureThreshold: 5, recoveryTimeout: 60_000 })
      const { becomes, url, report } = patient()
      await becomes({ status: 429, headers: { 'retry-after': '7' } })
      const first = await outcome(guarded(url()))
      const { code, retryAfter } = await thrown(guarded(url()))
      await becomes({})
      clock.advance(6_999)
      const before = await outcome(guarded(url()))
      clock.advance(1)
      return { first, code, retryAfter, before, after: await outcome(guarded(url())), reached: (await report()).calls }
    },
    expected: { first: 429, code: OPEN, retryAfter: 7000, before: OPEN, after: 200, reached: 2 },
  },
  {
    title: 'reads a Retry-After that is a date',
    run: async ({ guardFetch, ManualClock, patient }) => {
      const guarded = guardFetch({ clock: new ManualClock() })
      const { becomes, url } = patient()
      await becomes({ status: 429, headers: { 'retry-after': new Date(Date.now() + 100_000).toUTCString() } })
      const first = await outcome(guarded(url()))
      const { code, retryAfter } = await thrown(guarded(url()))
      // The date has whole seconds, and the request took its time.
      return { first, code, near: retryAfter > 75_000 && retryAfter <= 100_000 }
    },
    expected: { first: 429, code: OPEN, near: true },
  },
  {
    title: 'ignores a 429 whose Retry-After another origin hides from the page',
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1 })
      const { becomes, url } = patient()
      await becomes({ status: 429, hidden: true, headers: { 'retry-after': '7' } })
      const outcomes = await times(2, () => outcome(guarded(url())))
      return { outcomes, counts: counts(guarded, upstream), state: guarded.registry.get(upstream).state }
    },
    expected: { outcomes: [429, 429], counts: { ok: 0, failed: 0, timedOut: 0, ignored: 2, refused: 0 }, state: 'closed' },
  },
  {
    title: 'stays open for the longer of recoveryTimeout and the Retry-After of a 503, up to retryAfter.max',
    run: async ({ guardFetch, ManualClock, patient }) => {
      const { becomes, url } = patient()
      const wait = async (seconds) => {
        const guarded = guardFetch({ clock: new ManualClock(), failureThreshold: 1, recoveryTimeout: 5000, retryAfter: { max: 20_000 } })
        await becomes({ status: 503, headers: { 'retry-after': seconds } })
        await guarded(url())
        return (await thrown(guarded(url()))).retryAfter
      }
      return [await wait('2'), await wait('9'), await wait('3600'), await wait('-1'), await wait('soon')]
    },
    expected: [5000, 9000, 20_000, 5000, 5000],
  },
  {
    title: 'counts a stream that breaks half-way as a failure when it settles on the body',
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1, settleOn: 'body' })
      const { becomes, url } = patient()
      await becomes({ streams: true })
      const response = await guarded(url())
      const reader = response.body.getReader()
      const { value } = await reader.read()
      const midway = { status: response.status, some: value.length > 0, counts: counts(guarded, upstream) }
      await becomes({ breaks: true })
      const error = await thrown((async () => { while (!(await reader.read()).done); })())
      return { midway, error: error.name, after: await outcome(guarded(url())), counts: counts(guarded, upstream) }
    },
    expected: {
      midway: { status: 200, some: true, counts: { ok: 0, failed: 0, timedOut: 0, ignored: 0, refused: 0 } },
      error: 'TypeError', after: OPEN, counts: { ok: 0, failed: 1, timedOut: 0, ignored: 0, refused: 1 },
    },
  },
  {
    title: 'counts a stream that was read to its end as a success when it settles on the body',
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1, settleOn: 'body' })
      const { becomes, url } = patient()
      await becomes({ streams: true })
      const asked = url()
      const response = await guarded(asked)
      const midway = counts(guarded, upstream).ok
      await becomes({})
      const { length } = await response.text()
      const { ok } = await until(() => counts(guarded, upstream).ok && counts(guarded, upstream))
      return { midway, length, ok, type: response.type, sameUrl: response.url === asked }
    },
    expected: { midway: 0, length: 65_536, ok: 1, type: 'cors', sameUrl: true },
  },
  {
    title: 'ignores a stream that its reader cancels',
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1, settleOn: 'body' })
      const { becomes, url } = patient()
      await becomes({ streams: true })
      const response = await guarded(url())
      await response.body.cancel()
      await until(() => counts(guarded, upstream).ignored)
      // Whether the connection ends is not asked: Firefox keeps it, with a bare fetch too, once a part of the body has come.
      await becomes({})
      return counts(guarded, upstream)
    },
    expected: { ok: 0, failed: 0, timedOut: 0, ignored: 1, refused: 0 },
  },
  {
    title: 'ignores a request that its caller aborts, and keeps the reason',
    run: async ({ guardFetch, upstream, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1 })
      const { becomes, url, report } = patient()
      await becomes({ hangs: true })
      const reason = { my: 'reason' }
      const controller = new AbortController()
      const call = thrown(guarded(url(), { signal: controller.signal }))
      await until(async () => (await report()).open === 1)
      controller.abort(reason)
      const same = (await call) === reason
      await until(async () => (await report()).open === 0)
      return { same, counts: counts(guarded, upstream) }
    },
    expected: { same: true, counts: { ok: 0, failed: 0, timedOut: 0, ignored: 1, refused: 0 } },
  },
  {
    title: 'answers a refused request with a 503 that says when to come back, when asked to respond',
    run: async ({ guardFetch, ManualClock, upstream, patient }) => {
      const guarded = guardFetch({ clock: new ManualClock(), failureThreshold: 1, recoveryTimeout: 30_000, onRefused: 'respond' })
      const { becomes, url, report } = patient()
      await becomes({ status: 502 })
      const first = await outcome(guarded(url()))
      const { status, headers } = await guarded(url())
      return { first, status, retryAfter: headers.get('retry-after'), names: headers.get('x-circuit-breaker') === upstream, reached: (await report()).calls }
    },
    expected: { first: 502, status: 503, retryAfter: '30', names: true, reached: 1 },
  },
  {
    title: 'answers refused requests by the fallback, which sees the request and the error',
    run: async ({ guardFetch, patient }) => {
      const guarded = guardFetch({
        failureThreshold: 1,
        fallback: ({ url, method }, { code }) => new Response(`${method} ${url.pathname.split('/').at(-1)} ${code}`),
      })
      const { becomes, url } = patient()
      await becomes({ status: 503 })
      const first = await outcome(guarded(url('news')))
      return { first, then: await (await guarded(url('news'), { method: 'PUT', body: 'x' })).text() }
    },
    expected: { first: 503, then: `PUT news ${OPEN}` },
  },
  {
    title: 'counts a redirect to another origin for the one that was asked',
    run: async ({ guardFetch, upstream, other, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1 })
      const [from, to] = [patient(), patient(other)]
      await from.becomes({ status: 307, headers: { location: to.url() } })
      await to.becomes({ status: 503 })
      const { status, redirected } = await guarded(from.url())
      return { status, redirected, asked: guarded.registry.get(upstream).state, answered: guarded.registry.has(other) }
    },
    expected: { status: 503, redirected: true, asked: 'open', answered: false },
  },
  {
    title: 'keeps a healthy origin going while the circuit of a sick one is open',
    run: async ({ guardFetch, upstream, other, patient }) => {
      const guarded = guardFetch({ failureThreshold: 1 })
      const [sick, healthy] = [patient(), patient(other)]
      await sick.becomes({ status: 503 })
      const outcomes = [await outcome(guarded(sick.url())), await outcome(guarded(sick.url())), await outcome(guarded(healthy.url()))]
      return { outcomes, states: [guarded.registry.get(upstream).state, guarded.registry.get(other).state] }
    },
    expected: { outcomes: [503, OPEN, 200], states: ['open', 'closed'] },
  },
]
