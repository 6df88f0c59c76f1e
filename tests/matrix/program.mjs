// The conformance program: what a breaker does, in one list of checks that every runtime runs on the installed package. It must not know which runtime
// this is. It uses the language, the package that it is given and the host that it is given, so any tool can bundle it.

import { throughTheClass } from '../traces/class.js'
import { reasonNotTo, replay } from '../traces/replay.js'

/**
 * What a launcher hands in.
 *
 * @typedef {object} Host
 * @property {object} plan The plan of the traces.
 * @property {object[]} traces
 * @property {string} [origin] Of a server with patients, as `tests/browsers/servers.js` has it. Without one, `network` stands for it.
 * @property {string} name Of this run: no other has it, so that the runs share no patient.
 * @property {(input: string, init?: object) => Promise<object>} [fetch] Asked instead of the global one, by the guards and by the program.
 */

/** Parts of a host that a check asks for, where it can't do without. */
const PARTS = ['setTimeout', 'EventTarget', 'CustomEvent', 'AbortController', 'URL', 'fetch', 'Request', 'Response', 'Headers', 'ReadableStream', 'performance', 'FinalizationRegistry', 'WeakRef']

/** Of one check, in ms. */
const CHECK_LIMIT = 15_000

const OPEN = 'ERR_CIRCUIT_OPEN'
const START = 1_700_000_000_000

/** Compares plain data. */
function same(actual, expected, what = 'the answer') {
  const [is, due] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (is !== due) throw new Error(`Expected ${what} to be ${due}, got ${is}`)
}

/** What a function throws. That it throws nothing is a failure. */
function thrownBy(fn) {
  let value
  try {
    value = fn()
  } catch (error) {
    return error
  }
  throw new Error(`Expected a throw, got ${String(value)}`)
}

/** What a promise rejects with. */
const rejectionOf = (promise) => promise.then((value) => { throw new Error(`Expected a rejection, got ${String(value)}`) }, (error) => error)

/** What became of a call: its value, or the code or the words of its error. */
const outcome = (promise) => promise.then((value) => value, (error) => (typeof error.code === 'string' ? error.code : error.message))

const down = async () => { throw new Error('down') }
const up = async () => 'up'

/** Calls in flight: each with its promise, settled by hand. */
function inFlight(breaker) {
  const call = {}
  const promise = new Promise((resolve, reject) => Object.assign(call, { resolve, reject }))
  call.outcome = outcome(breaker.call(() => promise))
  return call
}

/** One patient of an ill server. */
function patientOf({ origin, fetch, name }, number) {
  let calls = 0
  const conditions = `${origin}/conditions/${name}-${number}`
  return {
    url: () => `${origin}/patients/${name}-${number}/api?call=${++calls}`,
    becomes: async (condition) => void (await fetch(conditions, { method: 'POST', body: JSON.stringify(condition) })),
    reached: async () => (await (await fetch(conditions)).json()).calls,
  }
}

/** Asks until the answer is truthy, for a number of rounds. */
async function until(ask, pause) {
  for (let round = 0; round < 2000; round++) {
    const answer = await ask()
    if (answer) return answer
    await pause()
  }
  throw new Error(`Waited in vain for ${ask}`)
}

/** Every check: what it shows, what it needs of the host, and the deed, which throws where the package does otherwise. */
export const CHECKS = [
  {
    title: 'opens at the failure that reaches the threshold and not before, and a success forgets failures',
    async run({ CircuitBreaker, ManualClock }) {
      const breaker = new CircuitBreaker({ clock: new ManualClock(START) })
      const read = ({ state, failureCount, successCount, lastFailureTime }) => [state, failureCount, successCount, lastFailureTime]
      same(read(breaker), ['closed', 0, 0, null])
      same([breaker.failureThreshold, breaker.recoveryTimeout, breaker.successThreshold], [5, 60_000, 2])
      for (let n = 0; n < 4; n++) same(await outcome(breaker.call(down)), 'down')
      same(read(breaker), ['closed', 4, 0, START])
      same(await breaker.call(up), 'up')
      same(read(breaker), ['closed', 0, 0, START])
      for (let n = 0; n < 4; n++) await outcome(breaker.call(down))
      same(breaker.state, 'closed')
      await outcome(breaker.call(down))
      same(read(breaker), ['open', 5, 0, START])
    },
  },
  {
    title: 'passes arguments, values and the very error of the function',
    async run({ CircuitBreaker }) {
      const breaker = new CircuitBreaker({ name: 'api' })
      const error = new Error('mine')
      same(await breaker.call(async (...all) => all, 1, 'two'), [1, 'two'])
      same(breaker.callSync((value) => value + 1, 6), 7)
      same(await breaker.wrap(async function (value) { return [this.me, value] }).call({ me: 'I' }, 5), ['I', 5])
      if ((await rejectionOf(breaker.call(async () => { throw error }))) !== error) throw new Error('Expected the very error')
      if (thrownBy(() => breaker.callSync(() => { throw error })) !== error) throw new Error('Expected the very error of a function that returns at once')
    },
  },
  {
    title: 'counts results by hand and switches by hand',
    async run({ CircuitBreaker, ManualClock }) {
      const clock = new ManualClock(START)
      const breaker = new CircuitBreaker({ clock, failureThreshold: 2, recoveryTimeout: 1000 })
      breaker.recordFailure(new Error('down'))
      breaker.recordFailure(new Error('down'))
      same(breaker.state, 'open')
      breaker.reset()
      same([breaker.state, breaker.failureCount], ['closed', 0])
      breaker.isolate()
      clock.advance(5000)
      same([breaker.mode, await outcome(breaker.call(up))], ['isolated', OPEN])
      breaker.release()
      same([breaker.mode, await breaker.call(up), breaker.state], ['normal', 'up', 'half_open'])
      breaker.trip({ for: 9000 })
      clock.advance(8999)
      same(breaker.checkState(), 'open')
      clock.advance(1)
      same(breaker.checkState(), 'half_open')
      breaker.disable()
      same([breaker.mode, await breaker.call(up)], ['disabled', 'up'])
      breaker.enable()
      breaker.observe()
      same(breaker.mode, 'observing')
      breaker.failureThreshold = 7
      same(breaker.failureThreshold, 7)
    },
  },
  {
    title: 'refuses for the recovery time to the millisecond, lets one test request through at a time and closes after enough successes',
    async run({ CircuitBreaker, ManualClock, isCircuitOpenError, findRefusal }) {
      const clock = new ManualClock(START)
      const breaker = new CircuitBreaker({ name: 'users', clock, failureThreshold: 1, recoveryTimeout: 1000, successThreshold: 2 })
      await outcome(breaker.call(down))
      clock.advance(999)
      const refusal = await rejectionOf(breaker.call(up))
      same([isCircuitOpenError(refusal), refusal.code, refusal.breaker, refusal.state, refusal.retryAfter, refusal.cause.message], [true, OPEN, 'users', 'open', 1, 'down'])
      same([refusal.name, refusal instanceof Error, findRefusal(new Error('mine', { cause: refusal })) === refusal], ['CircuitOpenError', true, true])
      clock.advance(1)
      const test = inFlight(breaker)
      same([breaker.state, await outcome(breaker.call(up))], ['half_open', OPEN])
      test.resolve('up')
      same([await test.outcome, breaker.state, breaker.successCount], ['up', 'half_open', 1])
      same([await breaker.call(up), breaker.state], ['up', 'closed'])
    },
  },
  {
    title: 'opens again when a test request fails, waits longer each time, and a late result changes nothing',
    async run({ CircuitBreaker, ManualClock }) {
      const clock = new ManualClock(START)
      const breaker = new CircuitBreaker({ clock, failureThreshold: 1, recoveryTimeout: 1000, successThreshold: 1, recoveryBackoff: { factor: 3, max: 5000 } })
      const late = inFlight(breaker)
      for (const wait of [1000, 3000, 5000, 5000]) {
        await outcome(breaker.call(down))
        same([breaker.state, breaker.explain().retryAfter], ['open', wait])
        late.resolve('late')
        same([await late.outcome, breaker.state], ['late', 'open'])
        clock.advance(wait)
      }
      same([await breaker.call(up), breaker.state, breaker.metrics.staleCalls > 0], ['up', 'closed', true])
    },
  },
  {
    title: 'judges a window of calls by its rates, slow calls included',
    async run({ CircuitBreaker, ManualClock }) {
      const clock = new ManualClock(START)
      const breaker = new CircuitBreaker({ clock, window: { type: 'count', size: 10 }, failureRate: 0.5, minimumCalls: 4, slowCallDuration: 100, slowCallRate: 0.75 })
      const slow = async () => void clock.advance(100)
      await outcome(breaker.call(down))
      for (let n = 0; n < 2; n++) await breaker.call(slow)
      same([breaker.state, breaker.explain().calls, breaker.explain().slowCalls], ['closed', 3, 2])
      await breaker.call(slow)
      same([breaker.state, breaker.explain().slowCalls], ['open', 3])
    },
  },
  {
    title: 'limits calls in flight, judges by classify and answers by a fallback',
    async run({ CircuitBreaker, isBulkheadFullError }) {
      const breaker = new CircuitBreaker({ maxConcurrent: 1, failureThreshold: 1, classify: (error, value) => (value === 'bad' ? 'failure' : error ? 'ignored' : 'success') })
      const first = inFlight(breaker)
      same(isBulkheadFullError(await rejectionOf(breaker.call(up))), true)
      first.reject(new Error('not found'))
      same([await first.outcome, breaker.state, breaker.metrics.ignoredCalls], ['not found', 'closed', 1])
      same([await breaker.call(async () => 'bad'), breaker.state], ['bad', 'open'])
      same(await breaker.callWith({ fallback: (value, { code }) => [value, code] }, up, 5), [5, OPEN])
    },
  },
  {
    title: 'ends a call that takes longer than its timeout and aborts its signal, and no call that does not',
    needs: ['setTimeout'],
    async run({ CircuitBreaker, isCallTimeoutError }, { lacks }) {
      const breaker = new CircuitBreaker({ failureThreshold: 1, timeout: 30 })
      same(await breaker.call(up), 'up')
      let signal
      const error = await rejectionOf(breaker.callWith({}, (context) => new Promise(() => void (signal = context.signal))))
      same([isCallTimeoutError(error), error.code, error.timeout, breaker.state, breaker.metrics.timedOutCalls], [true, 'ERR_CALL_TIMEOUT', 30, 'open', 1])
      if (!lacks('AbortController')) same([signal.aborted, signal.reason === error], [true, true], 'the signal')
    },
    async without({ CircuitBreaker }) {
      const refused = await outcome(new CircuitBreaker({ timeout: 30 }).call(up))
      if (refused === 'up') throw new Error('Expected a call with a timeout to be rejected where there are no timers')
    },
  },
  {
    title: "aborts with the caller's reason and ignores that",
    needs: ['AbortController'],
    async run({ CircuitBreaker }) {
      const breaker = new CircuitBreaker({ failureThreshold: 1 })
      const controller = new AbortController()
      const reason = { my: 'reason' }
      const call = rejectionOf(breaker.callWith({ signal: controller.signal }, () => new Promise(() => {})))
      controller.abort(reason)
      same([(await call) === reason, breaker.state, breaker.metrics.ignoredCalls], [true, 'closed', 1])
    },
    async without({ CircuitBreaker }) {
      same(await new CircuitBreaker().callWith({}, async (value, { signal }) => [value, typeof signal], 5), [5, 'undefined'])
    },
  },
  {
    title: 'probes in the background until the dependency is back, and no caller is spent on it',
    needs: ['setTimeout'],
    async run({ CircuitBreaker }, { alive }) {
      const answers = []
      const breaker = new CircuitBreaker({
        recoveryTimeout: 5, successThreshold: 2,
        probe: async () => {
          answers.push(answers.length > 0)
          if (answers.length === 1) throw new Error('still down')
        },
      })
      const changes = []
      breaker.addEventListener('statechange', ({ detail: { to, reason } }) => changes.push(`${to}: ${reason}`))
      breaker.trip()
      await alive(breaker.whenClosed())
      same(answers, [false, true, true])
      same(changes, ['open: trip', 'half_open: recovery_due', 'open: test_failed', 'half_open: recovery_due', 'closed: recovered'])
    },
    async without({ CircuitBreaker, ManualClock }) {
      const clock = new ManualClock(START)
      let probes = 0
      const breaker = new CircuitBreaker({ clock, recoveryTimeout: 10, successThreshold: 1, probe: async () => void probes++, sleep: async () => {} })
      breaker.trip()
      clock.advance(10)
      const closed = breaker.whenClosed()
      await outcome(breaker.call(up))
      await closed
      same(probes, 1)
    },
  },
  {
    title: 'tells listeners what happened, in order, and no more once they are gone',
    async run({ CircuitBreaker, ManualClock }) {
      const clock = new ManualClock(START)
      const breaker = new CircuitBreaker({ clock, failureThreshold: 1, recoveryTimeout: 1000, successThreshold: 1 })
      const seen = []
      const note = ({ type, target, detail }) => seen.push(`${type}${target === breaker ? '' : ' of another'} ${detail.reason ?? detail.error?.message ?? ''}`.trim())
      const TYPES = ['statechange', 'success', 'failure', 'ignored', 'reject', 'fallback']
      for (const type of TYPES) breaker.addEventListener(type, note)
      let once = 0
      breaker.addEventListener('success', () => once++, { once: true })
      await breaker.call(up)
      await outcome(breaker.call(down))
      await outcome(breaker.call(up))
      clock.advance(1000)
      await breaker.call(up)
      for (const type of TYPES) breaker.removeEventListener(type, note)
      await breaker.call(up)
      same(seen, ['success', 'failure down', 'statechange failure_threshold', 'reject Circuit open. Retry in 1s', 'statechange recovery_due', 'success', 'statechange recovered'])
      same(once, 1)
    },
  },
  {
    title: 'counts over its life and says why it is in its state',
    async run({ CircuitBreaker, ManualClock }) {
      const breaker = new CircuitBreaker({ name: 'users', clock: new ManualClock(START), failureThreshold: 2, latency: true })
      for (const fn of [up, down, down, up]) await outcome(breaker.call(fn))
      const { totalCalls, successfulCalls, failedCalls, rejectedCalls, inFlight: flying } = breaker.metrics
      same([totalCalls, successfulCalls, failedCalls, rejectedCalls, flying], [4, 1, 2, 1, 0])
      same(typeof breaker.explain().sentence, 'string')
      same(breaker.metrics.toJSON().rejectedCalls, 1)
      same([breaker.getSummary().state, breaker.getSummary().stateChanges], ['open', 1])
    },
  },
  {
    title: 'keeps a breaker for each key, tells of all of them and drops the one that is missed least',
    async run({ CircuitBreakerRegistry }) {
      const registry = new CircuitBreakerRegistry({ maxBreakers: 2, failureThreshold: 5, configure: (key) => (key === 'strict' ? { failureThreshold: 1 } : {}) })
      const seen = []
      registry.addEventListener('statechange', ({ detail: { key, to } }) => seen.push(`${key} ${to}`))
      for (const key of ['mild', 'strict']) await outcome(registry.call(key, down))
      same([seen, { ...registry.status() }, registry.size], [['strict open'], { mild: 'closed', strict: 'open' }, 2])
      same(registry.get('strict') === registry.get('strict'), true)
      registry.get('third')
      same([registry.has('mild'), registry.has('strict'), registry.delete('third'), [...registry.keys()]], [false, true, true, ['strict']])
    },
  },
  {
    title: 'gives permits that count once',
    async run({ CircuitBreaker, ManualClock }) {
      const breaker = new CircuitBreaker({ clock: new ManualClock(START), failureThreshold: 1, maxConcurrent: 2 })
      const [good, bad] = [breaker.acquire(), breaker.acquire()]
      same([breaker.metrics.inFlight, thrownBy(() => breaker.acquire()).code], [2, 'ERR_BULKHEAD_FULL'])
      good.success()
      good.failure(new Error('too late'))
      same([good.settled, breaker.metrics.successfulCalls, breaker.state], [true, 1, 'closed'])
      bad.failure(new Error('down'))
      same([breaker.state, thrownBy(() => breaker.acquire()).code], ['open', OPEN])
    },
  },
  {
    title: 'carries a snapshot through text to a later breaker, and takes none that is damaged',
    async run({ CircuitBreaker, ManualClock }) {
      const options = { failureThreshold: 2, recoveryTimeout: 1000, window: { type: 'count', size: 4 }, latency: true }
      const before = new CircuitBreaker({ ...options, clock: new ManualClock(START) })
      for (const fn of [up, down, down]) await outcome(before.call(fn))
      const text = JSON.stringify(before)
      const after = new CircuitBreaker({ ...options, clock: new ManualClock(START + 400), snapshot: JSON.parse(text) })
      same([after.state, after.explain().retryAfter, after.metrics.failedCalls, after.failureCount], ['open', 600, 2, 2])
      same(JSON.stringify(new CircuitBreaker({ ...options, clock: new ManualClock(START), snapshot: JSON.parse(text) })), text)
      same(thrownBy(() => new CircuitBreaker({ snapshot: { version: 'none' } })).code, 'ERR_INVALID_SNAPSHOT')
    },
  },
  {
    title: 'says what is wrong with an option or an argument',
    async run({ CircuitBreaker }) {
      const wrong = (options) => {
        const error = thrownBy(() => new CircuitBreaker(options))
        return [error.name, error.code, error.option, error.message]
      }
      same(wrong({ failureThreshold: NaN }), ['RangeError', 'ERR_INVALID_OPTION', 'failureThreshold', 'Expected `failureThreshold` to be a whole number from 1 to 4294967295, got NaN'])
      same(wrong({ failureTreshold: 5 }).slice(0, 3), ['TypeError', 'ERR_INVALID_OPTION', 'failureTreshold'])
      same(thrownBy(() => new CircuitBreaker().callSync(5)).code, 'ERR_INVALID_ARGUMENT')
    },
  },
  {
    title: 'judges responses by status and Retry-After',
    async run({ CircuitBreaker, ManualClock, classifyResponse }) {
      const clock = new ManualClock(START)
      const answer = (status, retryAfter) => async () => ({ status, headers: { get: (name) => (name === 'retry-after' ? retryAfter ?? null : null) } })
      const breaker = new CircuitBreaker({ clock, failureThreshold: 2, recoveryTimeout: 1000, classify: classifyResponse() })
      for (const status of [200, 404, 500, 301, 503, 502]) await breaker.call(answer(status))
      same([breaker.state, breaker.metrics.failedCalls], ['open', 3])
      breaker.reset()
      await breaker.call(answer(429, '7'))
      same([breaker.state, breaker.explain().retryAfter], ['open', 7000])
    },
  },
  {
    title: 'guards fetch by the headers: three 503, then no request, then a test request',
    needs: ['URL'],
    async run({ guardFetch, ManualClock }, { fetch, asked, patient }) {
      const clock = new ManualClock(Date.now())
      const guarded = guardFetch({ clock, failureThreshold: 3, successThreshold: 1, recoveryTimeout: 1000, ...asked })
      const { becomes, url, reached } = patient()
      const ask = () => outcome(guarded(url()).then(({ status }) => status))
      const all = []
      await becomes({})
      all.push(await ask())
      await becomes({ status: 503 })
      for (let n = 0; n < 4; n++) all.push(await ask())
      clock.advance(999)
      all.push(await ask())
      clock.advance(1)
      await becomes({})
      all.push(await ask())
      same([all, await reached()], [[200, 503, 503, 503, OPEN, OPEN, 200], 5])
      same(typeof fetch, 'function')
    },
    async without({ guardFetch }) {
      const guarded = guardFetch({ failureThreshold: 1, fetch: async () => ({ status: 503, headers: { get: () => null } }) })
      same([(await guarded('http://a.example/')).status, (await guarded('http://a.example/')).status], [503, 503], 'requests where none can be told from another')
    },
  },
  {
    title: 'guards fetch by the Retry-After of a 429, and answers with a response when asked to',
    needs: ['URL', 'Response'],
    async run({ guardFetch, ManualClock }, { asked, patient }) {
      const clock = new ManualClock(Date.now())
      const guarded = guardFetch({ clock, timeout: 60_000, onRefused: 'respond', ...asked })
      const { becomes, url } = patient()
      await becomes({ status: 429, headers: { 'retry-after': '7' } })
      same((await guarded(url())).status, 429)
      const refused = await guarded(url())
      same([refused.status, refused.headers.get('retry-after')], [503, '7'])
      await becomes({})
      clock.advance(6999)
      same((await guarded(url())).status, 503)
      clock.advance(1)
      same((await guarded(url())).status, 200)
    },
  },
  {
    title: 'guards fetch by the body: read to its end it is a success, not before',
    needs: ['URL', 'Response', 'ReadableStream', 'network'],
    async run({ guardFetch }, { asked, patient, origin, pause }) {
      const guarded = guardFetch({ failureThreshold: 1, settleOn: 'body', ...asked })
      const { becomes, url } = patient()
      const counts = () => {
        const { successfulCalls, failedCalls, ignoredCalls } = guarded.registry.get(origin).metrics
        return [successfulCalls, failedCalls, ignoredCalls]
      }
      await becomes({ streams: true })
      const response = await guarded(url())
      same(counts(), [0, 0, 0])
      await becomes({ body: 'short' })
      same((await response.text()).length, 65_536)
      await until(() => counts()[0] === 1, pause)
      same(await (await guarded(url())).text(), 'short')
      same(counts(), [2, 0, 0])
    },
    async without({ guardFetch }, { asked, patient, origin, lacks }) {
      if (lacks('URL') || lacks('Response')) return
      const guarded = guardFetch({ failureThreshold: 1, settleOn: 'body', ...asked })
      const { becomes, url } = patient()
      await becomes({ body: 'short' })
      same(await (await guarded(url())).text(), 'short')
      same(guarded.registry.get(origin).metrics.successfulCalls, 1, 'a call that ends at the headers')
    },
  },
  {
    title: 'counts a dropped connection as a failure, and a body that breaks off where fetch itself tells',
    needs: ['URL', 'Response', 'ReadableStream', 'network'],
    async run({ guardFetch }, { fetch, asked, patient, origin, pause }) {
      const guarded = guardFetch({ failureThreshold: 9, settleOn: 'body', ...asked })
      const { becomes, url } = patient()
      await becomes({ drops: true })
      const error = await rejectionOf(guarded(url()))
      same(typeof error.message, 'string')
      const counts = () => {
        const { successfulCalls, failedCalls } = guarded.registry.get(origin).metrics
        return [successfulCalls, failedCalls]
      }
      same(counts(), [0, 1])
      /** Whether reading a body that breaks off says so. */
      const tells = async (ask) => {
        // A kept connection: of one that is closed after the response, Node takes a reset for the end of the body.
        await becomes({ streams: true, headers: { connection: 'keep-alive' } })
        const reader = (await ask(url())).body.getReader()
        await reader.read()
        const told = (async () => { while (!(await reader.read()).done); })().then(() => false, () => true)
        await becomes({ breaks: true })
        return told
      }
      const told = await tells(fetch)
      same(await tells(guarded), told, 'what the guarded fetch tells')
      await until(() => counts()[told ? 1 : 0] === (told ? 2 : 1), pause)
      same(counts(), told ? [0, 2] : [1, 1])
    },
  },
]

/** The peers whose traces there are, each a check of its own. */
const peersOf = (traces) => [...new Set(traces.map(({ peer }) => peer))].sort()

const titleOf = (peer) => `goes as the traces of ${peer} say`

/** The titles of all checks, in order, as the answer of a run has them. */
export const titles = (traces) => [...CHECKS.map(({ title }) => title), ...peersOf(traces).map(titleOf)]

async function replayPeer(halfopen, { plan, traces }, peer) {
  const wrong = []
  let compared = 0
  for (const trace of traces.filter((one) => one.peer === peer && reasonNotTo(plan, one, 'class') === undefined)) {
    const answer = await replay(plan, trace, throughTheClass(halfopen))
    compared += answer.compared
    wrong.push(...answer.wrong.map((line) => `${trace.id}: ${line}`))
  }
  if (compared === 0) wrong.push('nothing was compared')
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
}

/** A server on nothing but promises, for hosts that have no network: what `tests/browsers/servers.js` answers, as far as the checks ask. */
function network() {
  const patients = {}
  const response = (status, headers, body) => {
    const whole = { status, ok: status < 400, headers: { get: (name) => headers[name] ?? null }, text: async () => body, json: async () => JSON.parse(body) }
    return whole
  }
  return async (input, init = {}) => {
    const [, room, name] = /^[a-z]+:\/\/[^/]+\/(patients|conditions)\/([^/?]+)/.exec(input)
    const it = (patients[name] ??= { condition: {}, calls: 0 })
    if (room === 'patients') {
      it.calls++
      return response(it.condition.status ?? 200, it.condition.headers ?? {}, it.condition.body ?? '')
    }
    if (init.method === 'POST') it.condition = JSON.parse(init.body)
    return response(200, {}, JSON.stringify({ calls: it.calls }))
  }
}

function makesStreams() {
  try {
    return new ReadableStream() !== undefined
  } catch {
    return false
  }
}

/**
 * Runs every check.
 *
 * @param {object} halfopen What the entries export, in one object.
 * @param {Host} given
 * @returns {Promise<{ lacks: string[], checks: { title: string, wrong?: string, without?: true }[] }>} What of `PARTS` the host lacks, and what
 *   each check came to; `without` where it had to show what happens without a part.
 */
export async function conform(halfopen, given) {
  const has = (part) => typeof globalThis[part] === 'function' || (part === 'performance' && typeof performance === 'object')
  const missing = PARTS.filter((part) => !has(part) && !(part === 'fetch' && given.fetch))
  if (given.origin === undefined) missing.push('network')
  // Of some old Workers it is a class whose objects nobody can make.
  if (has('ReadableStream') && !makesStreams()) missing.push('ReadableStream')
  const lacks = (part) => missing.includes(part)
  const isReal = given.origin !== undefined
  const fetch = isReal ? given.fetch ?? ((...args) => globalThis.fetch(...args)) : network()
  const origin = isReal ? given.origin : 'http://server.example'
  const pause = () => (lacks('setTimeout') ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, 5)))
  let patients = 0
  const host = {
    lacks, fetch, origin, pause,
    /** What guards are given besides: nothing, where the global `fetch` is to be guarded. */
    asked: isReal && given.fetch === undefined ? {} : { fetch },
    patient: () => patientOf({ origin, fetch, name: given.name }, ++patients),
    /** Keeps the process alive while something is awaited whose timers don't. */
    alive: (promise) => {
      const timer = setTimeout(() => {}, 30_000)
      return promise.then((value) => {
        clearTimeout(timer)
        return value
      })
    },
  }

  /** Ends the wait for what never comes, so that the answer says which check it was. */
  const inTime = (deed) => {
    if (lacks('setTimeout')) return deed()
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`It did not end within ${CHECK_LIMIT} ms`)), CHECK_LIMIT)
    })
    return Promise.race([deed(), late]).finally(() => clearTimeout(timer))
  }
  const checks = []
  const attempt = async (title, deed, more) => {
    let wrong
    try {
      await inTime(deed)
    } catch (error) {
      wrong = `${error?.name}: ${error?.message}\n${error?.stack ?? ''}`
    }
    checks.push({ title, ...(wrong !== undefined && { wrong }), ...more })
  }
  for (const { title, needs = [], run, without } of CHECKS) {
    if (!needs.some(lacks)) await attempt(title, () => run(halfopen, host))
    else await attempt(title, async () => without?.(halfopen, host), { without: true })
  }
  for (const peer of peersOf(given.traces)) await attempt(titleOf(peer), () => replayPeer(halfopen, given, peer))
  return { lacks: missing, checks }
}
