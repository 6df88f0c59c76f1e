// What docs/from-opossum.md says, each with a program that shows it in opossum and in halfopen. It must not use more of either than users do.

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { caught, down, eventsOf, fail, hangs, lacks, lacksMembers, pageOf, turn, up } from './programs.js'

export const page = pageOf('docs/from-opossum.md')
const { shows } = page

/** One that opens at the first failure and closes at the first success, as opossum does. */
const LIKE_OPOSSUM = { failureThreshold: 1, successThreshold: 1, recoveryTimeout: 30_000 }
const installed = (path) => readFileSync(new URL(`../../../node_modules/opossum/${path}`, import.meta.url), 'utf8')
const stateOf = (peer) => (peer.opened ? 'open' : peer.halfOpen ? 'half_open' : peer.closed ? 'closed' : 'shut down')

/** An action whose calls are settled from outside. */
function settledByHand() {
  const calls = []
  const action = () => new Promise((resolve, reject) => calls.push({ resolve, reject }))
  return { action, calls }
}

// The shape

shows('For opossum 10: what you know, and what it is here. [Back to the README](../README.md). All options in full are in [Options](options.md).', ({ Peer, CircuitBreaker }) => {
  assert.match(JSON.parse(installed('package.json')).version, /^10\./)
  assert.equal(stateOf(new Peer(up)), new CircuitBreaker().state)
})

shows("opossum's breaker belongs to one function. Here a breaker belongs to a dependency and calls any function. `wrap` makes a guarded function of one function.", async ({ Peer, CircuitBreaker }) => {
  assert.throws(() => new Peer(undefined), TypeError)
  assert.equal(await new Peer(up).fire('one'), 'one')
  const breaker = new CircuitBreaker()
  assert.deepEqual([await breaker.call(up, 'one'), await breaker.call(async (n) => n + 1, 1), await breaker.wrap(up)('two')], ['one', 2, 'two'])
})

shows('Defaults differ. Without options opossum times out after 10 s and opens when more than 50 % of the last 10 s failed, from the first call on. halfopen has no timeout, and opens after five failures in a row.', async ({ Peer, CircuitBreaker, tick }) => {
  const late = caught(new Peer(hangs).fire())
  await tick(10_000)
  assert.equal((await late).code, 'ETIMEDOUT')
  const first = new Peer(down)
  await fail(() => first.fire())
  assert.ok(first.opened)
  let isDown = false
  const half = new Peer(async () => (isDown ? down() : 'up'))
  await half.fire()
  isDown = true
  await fail(() => half.fire())
  assert.ok(half.closed, '50 % is not more than 50 %')
  // The failure is older than 10 s, and the next one is one of three.
  await tick(10_000)
  isDown = false
  await half.fire()
  await half.fire()
  isDown = true
  await fail(() => half.fire())
  assert.ok(half.closed)

  const breaker = new CircuitBreaker()
  let isOver = false
  breaker.call(hangs).finally(() => (isOver = true))
  await tick(2 ** 31 - 1)
  assert.equal(isOver, false)
  await fail(() => breaker.call(down), 4)
  assert.equal(breaker.state, 'closed')
  await fail(() => breaker.call(down))
  assert.equal(breaker.state, 'open')
})

shows('opossum passes over an option that it does not know, and takes most values as they come. Here a wrong or misspelt option is refused in the constructor.', async ({ Peer, CircuitBreaker }) => {
  assert.equal(await new Peer(up, { tiemout: 1, capacity: 'many', volumeThreshold: NaN, resetTimeout: -1 }).fire(), 'up')
  for (const wrong of [{ tiemout: 1 }, { maxConcurrent: 'many' }, { minimumCalls: NaN }, { recoveryTimeout: -1 }]) {
    assert.throws(() => new CircuitBreaker(wrong), { code: 'ERR_INVALID_OPTION' })
  }
})

// Options

shows('`timeout` (10000, `false` is off) | `timeout` (off) | To have none, leave it out: `false` and 0 are refused. The function learns of it by a signal, if it is called by `callWith` or `wrapWith`: it gets `{ signal }` as its last argument.', async ({ Peer, CircuitBreaker, tick }) => {
  const got = []
  const action = (...args) => (got.push(args), hangs())
  const peer = new Peer(action, { timeout: 10 })
  const off = new Peer(action, { timeout: false })
  const late = caught(peer.fire('of opossum'))
  off.fire('of opossum, off')
  await tick(10)
  assert.equal((await late).code, 'ETIMEDOUT')
  await tick(20_000)
  assert.equal(off.stats.timeouts, 0)

  for (const timeout of [false, 0]) assert.throws(() => new CircuitBreaker({ timeout }), { code: 'ERR_INVALID_OPTION', option: 'timeout' })
  const breaker = new CircuitBreaker({ timeout: 10 })
  const calls = [breaker.call(action, 'call'), breaker.wrap(action)('wrap'), breaker.callWith({}, action, 'callWith'), breaker.wrapWith({}, action)('wrapWith')]
  const errors = Promise.all(calls.map(caught))
  await tick(10)
  for (const { code } of await errors) assert.equal(code, 'ERR_CALL_TIMEOUT')
  assert.deepEqual(got.slice(0, 4), [['of opossum'], ['of opossum, off'], ['call'], ['wrap']])
  for (const [name, context] of got.slice(4)) assert.ok(context.signal.aborted, name)
})

shows('`maxFailures` (deprecated) | `failureThreshold` | In opossum it does nothing but print a warning. Here N failures in a row open the circuit, or N inside a `window`.', async ({ Peer, CircuitBreaker, mock }) => {
  const { mock: printed } = mock.method(console, 'error', () => {})
  const peers = [new Peer(down, { maxFailures: 3 }), new Peer(down, { maxFailures: 3, volumeThreshold: 5 })]
  assert.match(printed.calls[0].arguments[0], /maxFailures is deprecated/)
  await fail(() => peers[0].fire())
  assert.ok(peers[0].opened, 'after one')
  await fail(() => peers[1].fire(), 4)
  assert.ok(peers[1].closed, 'after four')

  for (const [options, successes] of [[{}, 0], [{ window: { type: 'count', size: 10 } }, 1]]) {
    const breaker = new CircuitBreaker({ failureThreshold: 3, ...options })
    await fail(() => breaker.call(down), 2)
    for (let left = successes; left > 0; left--) await breaker.call(up)
    assert.equal(breaker.state, 'closed')
    await fail(() => breaker.call(down))
    assert.equal(breaker.state, 'open')
  }
})

shows('`resetTimeout` (30000) | `recoveryTimeout` (60000) | No timer: the next call, or `checkState()`, finds out that the time is up.', async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(down)
  const breaker = new CircuitBreaker({ failureThreshold: 1 })
  await fail(() => peer.fire())
  await fail(() => breaker.call(down))
  await tick(29_999)
  assert.ok(peer.opened)
  await tick(1)
  assert.ok(peer.halfOpen, 'by its timer')
  await tick(29_999)
  assert.equal(breaker.checkState(), 'open')
  await tick(1)
  assert.equal(breaker.state, 'open')
  assert.equal(breaker.checkState(), 'half_open')
})

shows("`rollingCountTimeout` (10000) | `window: { type: 'time', duration }` | No timer moves it, and closing empties it.", async ({ Peer, CircuitBreaker, tick, mock }) => {
  const options = { volumeThreshold: 3, rollingCountTimeout: 5000, enableSnapshots: false }
  const { mock: intervals } = mock.method(globalThis, 'setInterval')
  const peer = new Peer(down, options)
  const timers = intervals.callCount()
  assert.equal(timers, 1)
  const breaker = new CircuitBreaker({ window: { type: 'time', duration: 5000 }, failureRate: 0.5, minimumCalls: 3, successThreshold: 1 })
  assert.equal(intervals.callCount(), timers)
  for (const call of [() => peer.fire(), () => breaker.call(down)]) await fail(call, 2)
  await tick(5000)
  assert.equal(peer.stats.failures, 0)
  assert.equal(breaker.explain().calls, 0)
  for (const call of [() => peer.fire(), () => breaker.call(down)]) await fail(call, 3)
  assert.deepEqual([stateOf(peer), breaker.state], ['open', 'open'])
  peer.close()
  assert.equal(peer.stats.failures, 3)
  await tick(60_000)
  await breaker.call(up)
  assert.equal(breaker.explain().failures, 0)
})

shows("`rollingCountBuckets` (10) | `window: { type: 'time', duration, buckets }` | ", async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(up, { rollingCountTimeout: 4000, rollingCountBuckets: 4 })
  const breaker = new CircuitBreaker({ window: { type: 'time', duration: 4000, buckets: 4 }, failureRate: 0.5 })
  const seen = () => [peer.stats.successes, breaker.explain().calls]
  for (let second = 0; second < 4; second++) {
    await Promise.all([peer.fire(), breaker.call(up)])
    assert.deepEqual(seen(), [second + 1, second + 1])
    if (second < 3) await tick(1000)
  }
  // One bucket after the other goes.
  for (let left = 3; left >= 0; left--) {
    await tick(1000)
    assert.deepEqual(seen(), [left, left])
  }
  assert.equal(new Peer(up).status.window.length, 10)
})

shows('`errorThresholdPercentage` (50) | `failureRate: 0.5` | Opens at this rate, not above it. Of calls that settled: opossum divides by all that were fired, with refused ones, those in flight and hits of the cache.', async ({ Peer, CircuitBreaker }) => {
  const half = async (succeed, failing) => {
    await succeed()
    await fail(failing)
  }
  let isDown = false
  const peer = new Peer(async () => (isDown ? down() : 'up'))
  const breaker = new CircuitBreaker({ window: { type: 'time', duration: 10_000 }, failureRate: 0.5, minimumCalls: 2 })
  await half(() => peer.fire(), () => ((isDown = true), peer.fire()))
  await half(() => breaker.call(up), () => breaker.call(down))
  assert.deepEqual([stateOf(peer), breaker.state], ['closed', 'open'])

  // Two in flight or refused, and one that failed: a third for opossum, all for halfopen.
  const { action, calls } = settledByHand()
  const other = new Peer(action)
  const others = [other.fire(), other.fire(), caught(other.fire())]
  calls[2].reject(new Error('down'))
  await others[2]
  assert.ok(other.closed)
  const ours = new CircuitBreaker({ window: { type: 'time', duration: 10_000 }, failureRate: 0.6, minimumCalls: 1 })
  ours.call(hangs)
  ours.call(hangs)
  await fail(() => ours.call(down))
  assert.equal(ours.state, 'open')

  const refusing = new Peer(up)
  refusing.open()
  await fail(() => refusing.fire(), 2)
  const caching = new Peer(up, { cache: true })
  await caching.fire()
  await caching.fire()
  assert.deepEqual([refusing.stats.fires, caching.stats.fires, caching.stats.successes], [2, 2, 1])
})

shows("`volumeThreshold` (0) | `minimumCalls` (10) | Counts calls that settled as successes or failures, not all that were fired. For opossum's default take 1.", async ({ Peer, CircuitBreaker }) => {
  const { action, calls } = settledByHand()
  const peer = new Peer(action, { volumeThreshold: 3 })
  peer.fire()
  const failures = [caught(peer.fire()), caught(peer.fire())]
  calls[1].reject(new Error('down'))
  calls[2].reject(new Error('down'))
  await Promise.all(failures)
  assert.ok(peer.opened, 'two settled, one in flight')

  const window = { type: 'time', duration: 10_000 }
  const breaker = new CircuitBreaker({ window, failureRate: 0.5, minimumCalls: 3 })
  breaker.call(hangs)
  await fail(() => breaker.call(down), 2)
  assert.equal(breaker.state, 'closed')
  await fail(() => breaker.call(down))
  assert.equal(breaker.state, 'open')

  const first = [new Peer(down), new CircuitBreaker({ window, failureRate: 0.5, minimumCalls: 1 }), new CircuitBreaker({ window, failureRate: 0.5 })]
  await fail(() => first[0].fire())
  await fail(() => first[1].call(down))
  await fail(() => first[2].call(down), 9)
  assert.deepEqual([stateOf(first[0]), first[1].state, first[2].state], ['open', 'open', 'closed'])
  await fail(() => first[2].call(down))
  assert.equal(first[2].state, 'open')
})

shows('`capacity` | `maxConcurrent` | In opossum a call too many is a failure, which can open the circuit. Here it counts as nothing.', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(hangs, { capacity: 1, errorThresholdPercentage: 40 })
  const breaker = new CircuitBreaker({ maxConcurrent: 1, failureThreshold: 1 })
  peer.fire()
  breaker.call(hangs)
  assert.equal((await caught(peer.fire())).code, 'ESEMLOCKED')
  assert.equal((await caught(breaker.call(up))).code, 'ERR_BULKHEAD_FULL')
  assert.deepEqual([peer.stats.failures, stateOf(peer)], [1, 'open'])
  assert.deepEqual([breaker.failureCount, breaker.metrics.failedCalls, breaker.state], [0, 0, 'closed'])
})

shows("`errorFilter` | `classify` | `(error) => (error && myFilter(error) ? 'success' : undefined)` does what opossum does, and leaves calls that gave a value to the default. Often `'ignored'` is meant instead of `'success'`. Both are asked about timeouts: a filter for `ETIMEDOUT` has to look for `ERR_CALL_TIMEOUT`, too. `classify` is not asked about a full bulkhead, can judge values, and does not get the call's arguments.", async ({ Peer, CircuitBreaker, tick }) => {
  const asked = { peer: [], ours: [] }
  const myFilter = (error) => ['ETIMEDOUT', 'ERR_CALL_TIMEOUT', 404].includes(error.code)
  const notFound = async () => {
    throw Object.assign(new Error('not found'), { code: 404 })
  }
  const actions = { notFound, hangs, down, up }
  const peer = new Peer((name) => actions[name](), { timeout: 10, capacity: 1, errorFilter: (error, ...args) => (asked.peer.push([error.code, ...args]), myFilter(error)) })
  const classify = (error) => (error && myFilter(error) ? 'success' : undefined)
  const breaker = new CircuitBreaker({ ...LIKE_OPOSSUM, timeout: 10, maxConcurrent: 1, classify: (error, ...all) => (asked.ours.push([error?.code, ...all]), classify(error)) })

  assert.deepEqual([(await caught(peer.fire('notFound'))).code, (await caught(breaker.call(notFound))).code], [404, 404])
  const late = [caught(peer.fire('hangs')), caught(breaker.call(hangs))]
  const full = [caught(peer.fire('up')), caught(breaker.call(up))]
  await Promise.all(full)
  peer.close()
  await tick(10)
  await Promise.all(late)
  assert.equal(await breaker.call(up), 'up')
  assert.deepEqual(asked.peer, [[404, 'notFound'], ['ESEMLOCKED', 'up'], ['ETIMEDOUT', 'hangs']])
  assert.deepEqual(asked.ours, [[404, undefined], ['ERR_CALL_TIMEOUT', undefined], [undefined, 'up']])
  assert.deepEqual([peer.stats.successes, breaker.metrics.successfulCalls, breaker.metrics.failedCalls], [2, 3, 0])

  const onlyOpossums = new CircuitBreaker({ ...LIKE_OPOSSUM, timeout: 10, classify: (error) => (error?.code === 'ETIMEDOUT' ? 'success' : undefined) })
  const counted = caught(onlyOpossums.call(hangs))
  await tick(10)
  await counted
  assert.equal(onlyOpossums.state, 'open')
  // What gave a value, and what is not filtered, is left to the default.
  const byValue = new CircuitBreaker({ ...LIKE_OPOSSUM, classify: (_, value) => (value === 'bad' ? 'failure' : undefined) })
  assert.equal(await byValue.call(up, 'bad'), 'bad')
  assert.equal(byValue.state, 'open')
  await fail(() => breaker.call(down))
  await fail(() => peer.fire('down'))
  assert.equal(breaker.state, 'open')
  assert.equal(peer.stats.failures, 2)
})

shows('`allowWarmUp` | `minimumCalls` | In opossum it is a time: no failure opens in the first `rollingCountTimeout` ms. Here it is a number of calls. For a time, call `disable()` first and `enable()` later: what failed meanwhile is in no window.', async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(down, { allowWarmUp: true, rollingCountTimeout: 5000 })
  await fail(() => peer.fire(), 50)
  assert.ok(peer.closed, 'however many')
  await tick(4999)
  await fail(() => peer.fire())
  assert.ok(peer.closed)
  await tick(1)
  await fail(() => peer.fire())
  assert.ok(peer.opened, 'after that time')

  const window = { type: 'time', duration: 5000 }
  const byCalls = new CircuitBreaker({ window, failureRate: 0.5, minimumCalls: 50 })
  await fail(() => byCalls.call(down), 49)
  assert.equal(byCalls.state, 'closed')
  await fail(() => byCalls.call(down))
  assert.equal(byCalls.state, 'open', 'after that many')

  const byTime = new CircuitBreaker({ window, failureRate: 0.5, minimumCalls: 2 })
  byTime.disable()
  await fail(() => byTime.call(down), 50)
  byTime.enable()
  assert.deepEqual([byTime.state, byTime.explain().calls, byTime.failureCount], ['closed', 0, 0])
  await fail(() => byTime.call(down), 2)
  assert.equal(byTime.state, 'open')
})

shows('`name` | `name` | Not taken from the function: one breaker calls many.', ({ Peer, CircuitBreaker }) => {
  assert.equal(new Peer(function fetchUser() {}).name, 'fetchUser')
  assert.equal(new Peer(up, { name: 'users' }).name, 'users')
  assert.equal(new CircuitBreaker({ name: 'users' }).name, 'users')
  assert.equal(new CircuitBreaker().name, undefined)
})

shows('`group` | – | Keep it beside the breaker.', ({ Peer, CircuitBreaker }) => {
  assert.equal(new Peer(up, { group: 'api' }).group, 'api')
  lacks(CircuitBreaker, 'group')
})

shows('`enabled` (`true`) | `disable()` after construction | ', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(down, { enabled: false })
  const breaker = new CircuitBreaker({ failureThreshold: 1 })
  breaker.disable()
  await fail(() => peer.fire(), 2)
  await fail(() => breaker.call(down), 2)
  assert.deepEqual([stateOf(peer), breaker.state, new Peer(up).enabled, new CircuitBreaker().mode], ['closed', 'closed', true, 'normal'])
  lacks(CircuitBreaker, 'enabled')
})

shows("`state`, `status` | `snapshot` | One option, what `toJSON()` gave; neither library reads the other's. An open circuit waits for what is left of its time. In opossum it waits for all of it again, or not at all where the breaker had been made longer ago than `resetTimeout`. opossum's can be written by hand; here call `trip()` or `disable()` after construction, and a window begins empty.", async ({ Peer, CircuitBreaker, tick }) => {
  const asText = (one) => JSON.parse(JSON.stringify(one))
  const young = new Peer(up)
  const before = new CircuitBreaker({ recoveryTimeout: 30_000 })
  young.open()
  before.trip()
  await tick(20_000)
  const after = new Peer(up, asText(young))
  const later = new CircuitBreaker({ recoveryTimeout: 30_000, snapshot: asText(before) })
  assert.deepEqual([stateOf(after), later.state, later.explain().retryAfter], ['open', 'open', 10_000])
  await tick(29_999)
  assert.ok(after.opened, 'all of it again')
  await tick(1)
  assert.ok(after.halfOpen)
  assert.equal(later.checkState(), 'half_open')

  const old = new Peer(down)
  await tick(30_001)
  await fail(() => old.fire())
  assert.ok(old.opened)
  assert.ok(new Peer(down, asText(old)).halfOpen, 'at once')
  assert.equal(new Peer(down, asText(old)).stats.failures, 1)

  assert.throws(() => new CircuitBreaker({ snapshot: asText(old) }), { code: 'ERR_INVALID_SNAPSHOT' })
  assert.ok(new Peer(up, asText(before)).closed)

  assert.ok(new Peer(up, { state: { closed: false } }).opened)
  assert.equal(new Peer(up, { state: { enabled: false }, status: { failures: 7 } }).stats.failures, 7)
  assert.throws(() => new CircuitBreaker({ snapshot: { state: 'open' } }), { code: 'ERR_INVALID_SNAPSHOT' })
  assert.equal(new CircuitBreaker({ window: { type: 'time', duration: 1000 }, failureRate: 0.5 }).explain().calls, 0)
})

shows("`rollingPercentilesEnabled` (`true`) | `latency: true` (`false`) | `metrics.latency` over the breaker's life, in a fixed amount of memory: mean, p50, p90 and p99. opossum's nine are the minimum, p25, p50, p75, p90, p95, p99, p99.5 and the maximum of the window.", async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(up)
  const breaker = new CircuitBreaker({ latency: true })
  await peer.fire()
  await breaker.call(up)
  assert.deepEqual(Object.keys(peer.stats.percentiles).map(Number).sort((a, b) => a - b), [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 1])
  assert.deepEqual(Object.keys(breaker.metrics.latency), ['calls', 'mean', 'p50', 'p90', 'p99'])
  assert.equal(new CircuitBreaker().metrics.latency, undefined)
  assert.equal(new Peer(up, { rollingPercentilesEnabled: false }).stats.percentiles[0.5], -1)
  await tick(60_000)
  assert.equal(peer.stats.latencyTimes.length, 0)
  assert.equal(breaker.metrics.latency.calls, 1)
})

shows("`abortController`, `autoRenewAbortController` | `callWith({}, fn, ...args)` | opossum's is one for all calls: the first that times out aborts all, and it stays aborted until it is renewed. Here each call has its own signal, which its function gets as `{ signal }`. The option `signal` of `callWith` is something else: the caller's own, which ends the call.", async ({ Peer, CircuitBreaker, tick }) => {
  const { action, calls } = settledByHand()
  const abortController = new AbortController()
  const peer = new Peer(action, { timeout: 10, abortController, volumeThreshold: 100 })
  const late = caught(peer.fire())
  await tick(5)
  const other = peer.fire()
  await tick(5)
  await late
  assert.ok(abortController.signal.aborted, 'for the other call, too')
  calls[1].resolve('in time')
  assert.equal(await other, 'in time')
  assert.ok(peer.getSignal().aborted)
  const renewing = new Peer(async () => hangs(), { timeout: 10, resetTimeout: 100, autoRenewAbortController: true })
  const first = renewing.getSignal()
  const again = caught(renewing.fire())
  await tick(10)
  await again
  assert.ok(first.aborted && renewing.getSignal() === first)
  await tick(100)
  assert.ok(renewing.halfOpen && !renewing.getSignal().aborted)
  // It is no caller's: to abort it ends no call.
  const byHand = new AbortController()
  const going = new Peer(action, { abortController: byHand }).fire()
  byHand.abort()
  calls[2].resolve('all the same')
  assert.equal(await going, 'all the same')

  const breaker = new CircuitBreaker({ timeout: 10 })
  const signals = []
  const call = () => breaker.callWith({}, async (_, { signal }) => (signals.push(signal), hangs()), 'argument')
  const ours = caught(call())
  await tick(5)
  const second = caught(call())
  await tick(5)
  await ours
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, false])
  await tick(5)
  await second
  const user = new AbortController()
  const ended = caught(breaker.callWith({ signal: user.signal }, hangs))
  user.abort(new Error('left'))
  assert.equal((await ended).message, 'left')
})

shows('`enableSnapshots`, `rotateBucketController` | – | No window runs on a timer here. Read `metrics` when you want to.', async ({ Peer, CircuitBreaker, tick, mock }) => {
  const { mock: timeouts } = mock.method(globalThis, 'setTimeout')
  const { mock: intervals } = mock.method(globalThis, 'setInterval')
  const peer = new Peer(up)
  const snapshots = []
  peer.status.on('snapshot', (stats) => snapshots.push(stats))
  assert.equal(intervals.callCount(), 2)
  await tick(1000)
  assert.equal(snapshots.length, 1)
  lacks(CircuitBreaker, 'enableSnapshots', 'rotateBucketController')
  const breaker = new CircuitBreaker({ window: { type: 'time', duration: 10_000 }, failureRate: 0.5 })
  await breaker.call(up)
  assert.deepEqual([breaker.metrics.totalCalls, timeouts.callCount(), intervals.callCount()], [1, 0, 2], 'both are of opossum')
  const shared = new Peer(up, { rotateBucketController: new EventEmitter(), enableSnapshots: false })
  assert.equal(intervals.callCount(), 2)
  await shared.fire()
  shared.options.rotateBucketController.emit('rotate')
  assert.deepEqual(shared.status.window.slice(0, 2).map(({ successes }) => successes), [0, 1])
})

shows('`cache`, `cacheTTL`, `cacheSize`, `cacheGetKey`, `cacheTransport` | – | Not here. Put a cache before the breaker: as in opossum, it then answers while the circuit is open. Its hits are no calls; opossum counts them among its `fires`, which makes the share of failures smaller.', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up, { cache: true })
  await peer.fire(1)
  peer.open()
  assert.equal(await peer.fire(1), 1)
  assert.deepEqual([peer.stats.cacheHits, peer.stats.successes, peer.stats.fires], [1, 1, 2])

  lacks(CircuitBreaker, 'cache', 'cacheTTL', 'cacheSize', 'cacheGetKey', 'cacheTransport')
  const breaker = new CircuitBreaker()
  const cache = new Map()
  const cached = async (id) => {
    if (!cache.has(id)) cache.set(id, await breaker.call(up, id))
    return cache.get(id)
  }
  await cached(1)
  breaker.trip()
  assert.equal(await cached(1), 1)
  assert.equal(breaker.metrics.totalCalls, 1)
})

shows('`coalesce`, `coalesceTTL`, `coalesceSize`, `coalesceResetOn` | – | Not here. Coalesce before the breaker.', async ({ Peer, CircuitBreaker }) => {
  const runs = { peer: 0, ours: 0, coalesced: 0 }
  const peer = new Peer(async () => ++runs.peer, { coalesce: true })
  await Promise.all([peer.fire(1), peer.fire(1)])
  lacks(CircuitBreaker, 'coalesce', 'coalesceTTL', 'coalesceSize', 'coalesceResetOn')
  const breaker = new CircuitBreaker()
  await Promise.all([breaker.call(async () => ++runs.ours), breaker.call(async () => ++runs.ours)])
  const running = new Map()
  const coalesced = (id) => {
    if (!running.has(id)) running.set(id, breaker.call(async () => ++runs.coalesced).finally(() => running.delete(id)))
    return running.get(id)
  }
  await Promise.all([coalesced(1), coalesced(1)])
  assert.deepEqual(runs, { peer: 1, ours: 2, coalesced: 1 })
})

// Methods and properties

shows('`fire(...args)`, `call(thisArg, ...args)` | `call(fn, ...args)`, or the function that `wrap(fn)` gives | A wrapped function passes its `this` on. A function may return a plain value; in opossum one that returns `undefined` at once has failed. A value in the place of the function is refused.', async ({ Peer, CircuitBreaker }) => {
  const breaker = new CircuitBreaker({ failureThreshold: 1 })
  const user = { id: 42, get() { return this.id } }
  assert.equal(await new Peer(user.get).call(user), 42)
  user.guarded = breaker.wrap(user.get)
  assert.equal(await user.guarded(), 42)
  const nothing = () => undefined
  const peer = new Peer(nothing)
  assert.ok(await caught(peer.fire()) instanceof TypeError)
  assert.deepEqual([peer.stats.failures, await new Peer(() => 1).fire()], [1, 1])
  assert.deepEqual([await breaker.call(nothing), await breaker.call(() => 1), breaker.failureCount], [undefined, 1, 0])
  assert.equal(await new Peer('a value').fire(), 'a value')
  assert.equal((await caught(breaker.call('a value'))).code, 'ERR_INVALID_ARGUMENT')
  assert.throws(() => breaker.wrap('a value'), { code: 'ERR_INVALID_ARGUMENT' })
})

shows("`fallback(fn)` | option `fallback`, `callWith({ fallback }, …)` | opossum's answers for failures and timeouts, too: set `fallbackOn: 'failure'`. Gets the call's arguments and the error, as in opossum. It can't be set later. In the place of another breaker put `(...args) => other.call(fn, ...args)`.", async ({ Peer, CircuitBreaker, tick }) => {
  const answer = (item, error) => `${item}, ${error.code ?? error.message}`
  const actions = { down, hangs }
  const peer = new Peer((name) => actions[name](), { timeout: 10, volumeThreshold: 100 }).fallback(answer)
  const onlyOpen = new CircuitBreaker({ timeout: 10, fallback: answer })
  const breaker = new CircuitBreaker({ timeout: 10, fallback: answer, fallbackOn: 'failure' })
  const run = (name) => actions[name]()
  const late = Promise.all([peer.fire('hangs'), breaker.call(run, 'hangs'), caught(onlyOpen.call(run, 'hangs'))])
  await tick(10)
  assert.deepEqual((await late).slice(0, 2), ['hangs, ETIMEDOUT', 'hangs, ERR_CALL_TIMEOUT'])
  assert.deepEqual([await peer.fire('down'), await breaker.call(run, 'down')], ['down, down', 'down, down'])
  assert.equal((await caught(onlyOpen.call(run, 'down'))).message, 'down')
  for (const one of [onlyOpen, breaker]) one.trip()
  peer.open()
  assert.deepEqual([await peer.fire('down'), await breaker.call(run, 'down'), await onlyOpen.call(run, 'down')], ['down, EOPENBREAKER', 'down, ERR_CIRCUIT_OPEN', 'down, ERR_CIRCUIT_OPEN'])
  assert.equal(await onlyOpen.callWith({ fallback: () => 'of this call' }, up), 'of this call')
  lacksMembers(CircuitBreaker, 'fallback')

  const second = new Peer(async (item) => `second ${item}`)
  assert.equal(await new Peer(down).fallback(second).fire('tea'), 'second tea')
  const other = new CircuitBreaker()
  const first = new CircuitBreaker({ fallbackOn: 'failure', fallback: (...args) => other.call(async (item) => `second ${item}`, ...args) })
  assert.equal(await first.call((item) => down(), 'tea'), 'second tea')
})

shows("`open()` | `trip()` | For one recovery time, as in opossum. While the circuit is open, opossum's does nothing and this one starts the wait again. `isolate()` holds it open until `release()`.", async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(up)
  const breaker = new CircuitBreaker(LIKE_OPOSSUM)
  peer.open()
  breaker.trip()
  await tick(20_000)
  peer.open()
  breaker.trip()
  await tick(10_000)
  assert.deepEqual([stateOf(peer), breaker.checkState()], ['half_open', 'open'])
  await tick(20_000)
  assert.equal(breaker.checkState(), 'half_open')
  breaker.isolate()
  await tick(1_000_000)
  assert.equal(breaker.checkState(), 'open')
  breaker.release()
  assert.equal(await breaker.call(up), 'up')
})

shows('`close()` | `reset()` | Forgets the window as well.', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(down, { volumeThreshold: 3 })
  const breaker = new CircuitBreaker({ window: { type: 'count', size: 10 }, failureRate: 0.5, minimumCalls: 3 })
  await fail(() => peer.fire(), 3)
  await fail(() => breaker.call(down), 3)
  peer.close()
  breaker.reset()
  assert.deepEqual([stateOf(peer), breaker.state], ['closed', 'closed'])
  await fail(() => peer.fire())
  await fail(() => breaker.call(down), 2)
  assert.deepEqual([stateOf(peer), breaker.state], ['open', 'closed'])
})

shows("`enable()`, `disable()` | `enable()`, `disable()` | opossum's takes away the timeout and the fallback as well. Here both stay, and calls are still counted in the metrics. `observe()` is in between: it judges and refuses nobody.", async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer((fn) => fn(), { timeout: 10 }).fallback(() => 'instead')
  const breaker = new CircuitBreaker({ ...LIKE_OPOSSUM, timeout: 10, fallback: () => 'instead', fallbackOn: 'failure' })
  peer.disable()
  breaker.disable()
  assert.equal((await caught(peer.fire(down))).message, 'down')
  assert.equal(await breaker.call(down), 'instead')
  let isOver = false
  peer.fire(hangs).finally(() => (isOver = true))
  const late = breaker.call(hangs)
  await tick(10)
  assert.equal(await late, 'instead')
  await tick(100_000)
  assert.equal(isOver, false)
  assert.deepEqual([peer.stats.failures, breaker.metrics.failedCalls, breaker.metrics.timedOutCalls], [0, 2, 1])
  assert.deepEqual([stateOf(peer), breaker.state], ['closed', 'closed'])
  peer.enable()
  breaker.enable()
  assert.deepEqual([await peer.fire(down), await breaker.call(down)], ['instead', 'instead'])
  assert.deepEqual([stateOf(peer), breaker.state], ['open', 'open'])
  breaker.reset()
  breaker.observe()
  await breaker.call(down)
  assert.deepEqual([breaker.state, await breaker.call(up)], ['open', 'up'])
})

shows('`shutdown()`, `isShutdown` | – | Nothing to shut down: an idle breaker sets no timers and keeps no process alive. To refuse for ever, call `isolate()`; other than in opossum, the fallback then answers.', async ({ Peer, CircuitBreaker, tick, mock }) => {
  const peer = new Peer(up).fallback(() => 'instead')
  peer.shutdown()
  assert.ok(peer.isShutdown)
  assert.equal((await caught(peer.fire())).code, 'ESHUTDOWN')
  lacksMembers(CircuitBreaker, 'shutdown', 'isShutdown')
  const { mock: timeouts } = mock.method(globalThis, 'setTimeout')
  const breaker = new CircuitBreaker({ timeout: 10, fallback: () => 'instead', window: { type: 'time', duration: 1000 }, failureRate: 0.5 })
  await breaker.call(up)
  breaker.trip()
  const before = timeouts.callCount()
  await tick(100_000)
  assert.equal(timeouts.callCount(), before)
  breaker.isolate()
  await tick(2 ** 40)
  assert.equal(await breaker.call(up), 'instead')
  // Fake timers hold nothing: this one is real.
  mock.timers.reset()
  const { mock: real } = mock.method(globalThis, 'setTimeout')
  const { mock: cleared } = mock.method(globalThis, 'clearTimeout')
  const { action, calls } = settledByHand()
  const running = new CircuitBreaker({ timeout: 50_000 }).call(action)
  const [{ result: timer }] = real.calls
  assert.ok(timer.hasRef())
  calls[0].resolve()
  await running
  assert.deepEqual(cleared.calls.map(({ arguments: [one] }) => one === timer), [true])
})

shows("`opened`, `closed`, `halfOpen` | `state` | `'open'`, `'closed'`, `'half_open'`. The state moves when somebody calls or asks with `checkState()`.", async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(down)
  const breaker = new CircuitBreaker(LIKE_OPOSSUM)
  const both = () => [peer.closed ? 'closed' : peer.opened ? 'open' : peer.halfOpen && 'half_open', breaker.state]
  assert.deepEqual(both(), ['closed', 'closed'])
  await fail(() => peer.fire())
  await fail(() => breaker.call(down))
  assert.deepEqual(both(), ['open', 'open'])
  await tick(30_000)
  assert.deepEqual(both(), ['half_open', 'open'])
  breaker.checkState()
  assert.deepEqual(both(), ['half_open', 'half_open'])
})

shows('`pendingClose` | `explain().retryAfter` | 0 while the circuit would let a test request through, and while it is closed.', async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(hangs, { timeout: false })
  const breaker = new CircuitBreaker(LIKE_OPOSSUM)
  assert.deepEqual([peer.pendingClose, breaker.explain().retryAfter], [false, 0])
  peer.open()
  breaker.trip()
  assert.deepEqual([peer.pendingClose, breaker.explain().retryAfter], [false, 30_000])
  await tick(30_000)
  assert.deepEqual([peer.pendingClose, breaker.explain().retryAfter], [true, 0])
  peer.fire()
  breaker.call(hangs)
  assert.equal(peer.pendingClose, false)
  assert.ok(breaker.explain().retryAfter > 0)
})

shows("`enabled` | `mode` | `'disabled'`", ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up)
  const breaker = new CircuitBreaker()
  assert.deepEqual([peer.enabled, breaker.mode], [true, 'normal'])
  peer.disable()
  breaker.disable()
  assert.deepEqual([peer.enabled, breaker.mode], [false, 'disabled'])
})

shows('`warmUp`, `volumeThreshold` | `explain()` | The sentence says how many calls it needs before it judges.', ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up, { allowWarmUp: true, volumeThreshold: 7 })
  assert.deepEqual([peer.warmUp, peer.volumeThreshold], [true, 7])
  const breaker = new CircuitBreaker({ window: { type: 'time', duration: 1000 }, failureRate: 0.5, minimumCalls: 7 })
  assert.match(breaker.explain().sentence, /needs 7 calls before it judges/)
})

shows("`stats`, `status` | `metrics`, `getSummary()`, `explain()` | Counts over the breaker's life, see [Statistics](#statistics). `explain()` has the calls and failures of the window.", async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(up)
  const breaker = new CircuitBreaker({ window: { type: 'time', duration: 10_000 }, failureRate: 0.5 })
  await peer.fire()
  await breaker.call(up)
  await fail(() => breaker.call(down))
  assert.equal(peer.status.stats.successes, 1)
  assert.deepEqual([breaker.explain().calls, breaker.explain().failures], [2, 1])
  await tick(10_000)
  assert.deepEqual([peer.stats.successes, breaker.metrics.successfulCalls, breaker.getSummary().totalCalls, breaker.explain().calls], [0, 1, 2, 0])
})

shows('`name`, `group` | `name`, – | ', ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up, { name: 'users', group: 'api' })
  assert.deepEqual([peer.name, peer.group, new CircuitBreaker({ name: 'users' }).name], ['users', 'api', 'users'])
  lacksMembers(CircuitBreaker, 'group')
})

shows('`options` | `failureThreshold`, `recoveryTimeout`, `successThreshold` | These three can be written; all else is copied once. opossum keeps your object, and adds its defaults to it.', async ({ Peer, CircuitBreaker }) => {
  const given = { timeout: 10 }
  const peer = new Peer(down, given)
  assert.ok(peer.options === given && given.resetTimeout === 30_000)
  given.errorThresholdPercentage = 100
  await fail(() => peer.fire())
  assert.ok(peer.closed)
  const options = { failureThreshold: 5 }
  const breaker = new CircuitBreaker(options)
  options.failureThreshold = 1
  assert.deepEqual([Object.keys(options), breaker.failureThreshold], [['failureThreshold'], 5])
  Object.assign(breaker, { failureThreshold: 1, recoveryTimeout: 7, successThreshold: 3 })
  await fail(() => breaker.call(down))
  assert.deepEqual([breaker.state, breaker.explain().retryAfter, breaker.successThreshold], ['open', 7, 3])
  lacksMembers(CircuitBreaker, 'options')
})

shows('`action`, `semaphore` | – | `metrics.inFlight` is how many places are taken.', ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(hangs, { capacity: 3 })
  const breaker = new CircuitBreaker({ maxConcurrent: 3 })
  peer.fire()
  breaker.call(hangs)
  assert.deepEqual([peer.action, peer.semaphore.count, breaker.metrics.inFlight], [hangs, 2, 1])
  lacksMembers(CircuitBreaker, 'action', 'semaphore')
})

shows('`toJSON()` | `toJSON()` | For `snapshot`.', ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up)
  const breaker = new CircuitBreaker()
  peer.open()
  breaker.trip()
  assert.ok(new Peer(up, JSON.parse(JSON.stringify(peer))).opened)
  assert.equal(new CircuitBreaker({ snapshot: JSON.parse(JSON.stringify(breaker)) }).state, 'open')
})

shows("`healthCheck(fn, interval)` | option `probe` | Runs only while the circuit is open and due, and **closes** it; opossum's runs all the time, opens it and never closes. For that, call `trip()` from an interval of your own.", async ({ Peer, CircuitBreaker, tick }) => {
  let isWell = true
  const asked = { peer: 0, ours: 0 }
  const peer = new Peer(up, { resetTimeout: 100_000 })
  peer.healthCheck(async () => {
    asked.peer++
    if (!isWell) throw new Error('unwell')
  }, 1000)
  const breaker = new CircuitBreaker({
    ...LIKE_OPOSSUM,
    probe: async () => {
      asked.ours++
      if (!isWell) throw new Error('unwell')
    },
  })
  await tick(1000)
  assert.deepEqual(asked, { peer: 2, ours: 0 })
  isWell = false
  await tick(1000)
  assert.deepEqual([stateOf(peer), breaker.state], ['open', 'closed'])
  isWell = true
  breaker.trip()
  await tick(1)
  assert.equal(asked.ours, 0, 'not due')
  for (let ms = 0; ms < 40_000; ms += 1000) await tick(1000)
  assert.deepEqual([stateOf(peer), breaker.state, asked.ours], ['open', 'closed', 1])

  const byHand = new CircuitBreaker()
  const timer = setInterval(() => down().catch(() => byHand.trip()), 1000)
  await tick(1000)
  clearInterval(timer)
  assert.equal(byHand.state, 'open')
})

shows('`clearCache()` | – | No cache.', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up, { cache: true })
  await peer.fire()
  peer.clearCache()
  await peer.fire()
  assert.equal(peer.stats.cacheHits, 0)
  lacksMembers(CircuitBreaker, 'clearCache')
})

shows('`getSignal()`, `getAbortController()` | `callWith`, whose function gets `{ signal }` | ', async ({ Peer, CircuitBreaker }) => {
  const abortController = new AbortController()
  const peer = new Peer(up, { abortController })
  assert.ok(peer.getSignal() === abortController.signal && peer.getAbortController() === abortController)
  lacksMembers(CircuitBreaker, 'getSignal', 'getAbortController')
  assert.ok(await new CircuitBreaker().callWith({}, async ({ signal }) => signal) instanceof AbortSignal)
})

shows('`CircuitBreaker.isOurError(e)` | `isCircuitOpenError(e)`, `isBulkheadFullError(e)`, `isCallTimeoutError(e)` | ', async ({ Peer, CircuitBreaker, tick }) => {
  const { isBulkheadFullError, isCallTimeoutError, isCircuitOpenError } = await import('../../../pkg/index.js')
  const peer = new Peer((fn) => fn(), { timeout: 10, capacity: 1, volumeThreshold: 100 })
  const breaker = new CircuitBreaker({ timeout: 10, maxConcurrent: 1 })
  const late = [caught(peer.fire(hangs)), caught(breaker.call(hangs))]
  const full = [await caught(peer.fire(up)), await caught(breaker.call(up))]
  await tick(10)
  const timedOut = await Promise.all(late)
  peer.open()
  breaker.trip()
  const open = [await caught(peer.fire(up)), await caught(breaker.call(up))]
  for (const [theirs] of [full, timedOut, open]) assert.ok(Peer.isOurError(theirs))
  assert.ok(isBulkheadFullError(full[1]) && isCallTimeoutError(timedOut[1]) && isCircuitOpenError(open[1]))
  const own = new Error('down')
  for (const guard of [(e) => Peer.isOurError(e), isBulkheadFullError, isCallTimeoutError, isCircuitOpenError]) assert.equal(guard(own), false)
})

shows('`CircuitBreaker.newStatus()` | – | ', ({ Peer, CircuitBreaker }) => {
  const status = Peer.newStatus({ stats: { failures: 3 } })
  assert.equal(new Peer(up, { status }).stats.failures, 3)
  assert.equal(CircuitBreaker.newStatus, undefined)
})

// Events

shows("A breaker is an `EventTarget`: `on(type, listener)` becomes `addEventListener(type, listener)`, `once` is its option `{ once: true }`, and a listener gets one event with a `detail`. The call's value and its arguments are not in it.", async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up)
  const breaker = new CircuitBreaker({ latency: true })
  const heard = { on: 0, once: 0, listener: 0, onceHere: 0 }
  const details = []
  peer.on('success', () => heard.on++)
  peer.once('success', () => heard.once++)
  breaker.addEventListener('success', ({ detail }) => details.push(heard.listener++ && Object.keys(detail)))
  breaker.addEventListener('success', () => heard.onceHere++, { once: true })
  for (let left = 2; left > 0; left--) await Promise.all([peer.fire(1), breaker.call(up, 1)])
  assert.deepEqual(heard, { on: 2, once: 1, listener: 2, onceHere: 1 })
  assert.deepEqual(details.at(-1), ['elapsed'])
  assert.ok(new CircuitBreaker() instanceof EventTarget)
  lacksMembers(CircuitBreaker, 'on', 'once', 'emit')
})

shows("A listener that throws can't change a call's result. In opossum one for `success` turns the call into a failure, and one for `failure` leaves it pending.", async ({ Peer, CircuitBreaker }) => {
  const thrown = []
  const listeners = process.listeners('uncaughtException')
  const rejections = process.listeners('unhandledRejection')
  for (const type of ['uncaughtException', 'unhandledRejection']) process.removeAllListeners(type).on(type, (error) => thrown.push(error.message))
  const listener = () => {
    throw new Error('of a listener')
  }
  try {
    const peer = new Peer(up).on('success', listener)
    assert.equal((await caught(peer.fire())).message, 'of a listener')
    assert.equal(peer.stats.failures, 1)
    let isOver = false
    const failing = new Peer(down).on('failure', listener)
    const pending = failing.fire()
    pending.finally(() => (isOver = true)).catch(() => {})
    const breaker = new CircuitBreaker()
    breaker.addEventListener('success', listener)
    breaker.addEventListener('failure', listener)
    assert.equal(await breaker.call(up), 'up')
    assert.equal((await caught(breaker.call(down))).message, 'down')
    assert.deepEqual([breaker.metrics.successfulCalls, breaker.metrics.failedCalls], [1, 1])
    for (let left = 10; left > 0; left--) await turn()
    assert.equal(isOver, false)
    assert.deepEqual(thrown, ['of a listener', 'of a listener', 'of a listener'])
  } finally {
    for (const [type, own] of [['uncaughtException', listeners], ['unhandledRejection', rejections]]) {
      process.removeAllListeners(type)
      for (const one of own) process.on(type, one)
    }
  }
})

shows('On the way open the order is the same: `timeout`, `failure`, the state, `fallback`. On the way closed opossum tells the state first, halfopen the `success`.', async ({ Peer, CircuitBreaker, tick }) => {
  let action = hangs
  const peer = new Peer(() => action(), { timeout: 10 }).fallback(() => 'instead')
  const theirs = []
  for (const type of ['timeout', 'success', 'failure', 'open', 'halfOpen', 'close', 'fallback', 'reject']) peer.on(type, () => theirs.push(type))
  const breaker = new CircuitBreaker({ ...LIKE_OPOSSUM, timeout: 10, fallback: () => 'instead', fallbackOn: 'failure' })
  const ours = eventsOf(breaker)
  const late = Promise.all([peer.fire(), breaker.call(hangs)])
  await tick(10)
  assert.deepEqual(await late, ['instead', 'instead'])
  assert.deepEqual(theirs.splice(0), ['timeout', 'failure', 'open', 'fallback'])
  assert.deepEqual(ours.splice(0), ['timeout', 'failure', 'open: failure_threshold', 'fallback'])
  await tick(30_000)
  action = up
  await Promise.all([peer.fire(), breaker.call(up)])
  assert.deepEqual(theirs, ['halfOpen', 'close', 'success'])
  assert.deepEqual(ours, ['half_open: recovery_due', 'success', 'closed: recovered'])
})

shows('`fire` | – | `metrics.totalCalls + metrics.inFlight`', async ({ Peer, CircuitBreaker }) => {
  const fired = []
  const peer = new Peer(up).on('fire', (args) => fired.push(args))
  await peer.fire(1, 2)
  assert.deepEqual(fired, [[1, 2]])
  const breaker = new CircuitBreaker()
  await breaker.call(up)
  breaker.call(hangs)
  assert.equal(breaker.metrics.totalCalls + breaker.metrics.inFlight, 2)
})

shows('`success` | `success` | `detail.elapsed` needs `latency: true`. The value is not in it.', async ({ Peer, CircuitBreaker, tick }) => {
  const theirs = []
  const peer = new Peer(up).on('success', (value, latency) => theirs.push(value, latency))
  await peer.fire('value')
  assert.deepEqual(theirs, ['value', 0])
  const details = []
  for (const options of [{ latency: true }, {}]) {
    const breaker = new CircuitBreaker(options)
    breaker.addEventListener('success', ({ detail }) => details.push(detail))
    await breaker.call(up, 'value')
  }
  assert.deepEqual(details.map((detail) => Object.keys(detail)), [['elapsed'], ['elapsed']])
  assert.deepEqual(details.map(({ elapsed }) => Number.isNaN(elapsed)), [false, true])
})

shows("`failure` | `failure` | `detail: { elapsed, error }`, without the call's arguments. Not for a full bulkhead.", async ({ Peer, CircuitBreaker }) => {
  const theirs = []
  const peer = new Peer((fn) => fn(), { capacity: 1, volumeThreshold: 100 }).on('failure', (error, latency, args) => theirs.push([error.message, latency, args.length]))
  const breaker = new CircuitBreaker({ maxConcurrent: 1 })
  const ours = []
  breaker.addEventListener('failure', ({ detail }) => ours.push([Object.keys(detail), detail.error.message]))
  await fail(() => peer.fire(down))
  await fail(() => breaker.call(down))
  peer.fire(hangs)
  breaker.call(hangs)
  await fail(() => peer.fire(up))
  await fail(() => breaker.call(up))
  peer.open()
  breaker.trip()
  await fail(() => peer.fire(up))
  await fail(() => breaker.call(up))
  assert.deepEqual(theirs, [['down', 0, 1], ['Semaphore locked', 0, 1]])
  assert.deepEqual(ours, [[['elapsed', 'error'], 'down']])
})

shows('`timeout` | `timeout` | Followed by a `failure`. Neither comes where `classify` says that it was no failure.', async ({ Peer, CircuitBreaker, tick }) => {
  const theirs = []
  const peer = new Peer(hangs, { timeout: 10, errorFilter: () => true })
  for (const type of ['timeout', 'failure', 'success']) peer.on(type, () => theirs.push(type))
  const ours = ['failure', 'success', 'ignored'].map((verdict) => {
    const breaker = new CircuitBreaker({ timeout: 10, classify: () => verdict })
    return [breaker, eventsOf(breaker)]
  })
  const late = [caught(peer.fire()), ...ours.map(([breaker]) => caught(breaker.call(hangs)))]
  await tick(10)
  await Promise.all(late)
  assert.deepEqual(theirs, ['timeout', 'success'])
  assert.deepEqual(ours.map(([, events]) => events), [['timeout', 'failure'], ['success'], ['ignored']])
})

shows('`reject` | `reject` | `detail.error` is the refusal.', async ({ Peer, CircuitBreaker }) => {
  const heard = []
  const peer = new Peer(up).on('reject', (error) => heard.push(error))
  const breaker = new CircuitBreaker()
  breaker.addEventListener('reject', ({ detail }) => heard.push(detail.error))
  peer.open()
  breaker.trip()
  assert.deepEqual([await caught(peer.fire()), await caught(breaker.call(up))], heard)
})

shows('`semaphoreLocked` | `reject` | `isBulkheadFullError(detail.error)`', async ({ Peer, CircuitBreaker }) => {
  const { isBulkheadFullError } = await import('../../../pkg/index.js')
  const heard = []
  const peer = new Peer(hangs, { capacity: 1 }).on('semaphoreLocked', (error) => heard.push(error.code)).on('reject', () => heard.push('reject'))
  const breaker = new CircuitBreaker({ maxConcurrent: 1 })
  breaker.addEventListener('reject', ({ detail }) => heard.push(isBulkheadFullError(detail.error)))
  peer.fire()
  breaker.call(hangs)
  await fail(() => peer.fire())
  await fail(() => breaker.call(up))
  assert.deepEqual(heard, ['ESEMLOCKED', true])
})

shows('`open`, `close`, `halfOpen` | `statechange` | `detail: { from, to, reason, at }`', async ({ Peer, CircuitBreaker, tick }) => {
  const theirs = []
  const peer = new Peer(up)
  for (const type of ['open', 'close', 'halfOpen']) peer.on(type, (...args) => theirs.push([type, ...args]))
  const breaker = new CircuitBreaker(LIKE_OPOSSUM)
  const ours = []
  breaker.addEventListener('statechange', ({ detail }) => ours.push(detail))
  peer.open()
  breaker.trip()
  await tick(30_000)
  await peer.fire()
  await breaker.call(up)
  assert.deepEqual(theirs, [['open'], ['halfOpen', 30_000], ['close']])
  assert.deepEqual(ours, [
    { from: 'closed', to: 'open', reason: 'trip', at: 1_000_000 },
    { from: 'open', to: 'half_open', reason: 'recovery_due', at: 1_030_000 },
    { from: 'half_open', to: 'closed', reason: 'recovered', at: 1_030_000 },
  ])
})

shows("`fallback` | `fallback` | Before it answers, with the error. opossum's comes after, with the answer.", async ({ Peer, CircuitBreaker }) => {
  const log = []
  const peer = new Peer(down).fallback(() => (log.push('answer'), 'instead')).on('fallback', (answer, error) => log.push([answer, error.message]))
  const breaker = new CircuitBreaker({ fallback: () => (log.push('answer'), 'instead'), fallbackOn: 'failure' })
  breaker.addEventListener('fallback', ({ detail }) => log.push([Object.keys(detail), detail.error.message]))
  await peer.fire()
  await breaker.call(down)
  assert.deepEqual(log, ['answer', ['instead', 'down'], [['error'], 'down'], 'answer'])
})

shows('`healthCheckFailed` | – | `explain()` and `statechange` with the reason `test_failed`.', async ({ Peer, CircuitBreaker, tick }) => {
  const heard = []
  const peer = new Peer(up).on('healthCheckFailed', (error) => heard.push(error.message))
  peer.healthCheck(down, 1000)
  await turn()
  assert.deepEqual(heard, ['down'])
  const breaker = new CircuitBreaker({ ...LIKE_OPOSSUM, probe: down })
  const ours = eventsOf(breaker)
  breaker.trip()
  for (let ms = 0; ms < 31_000; ms += 1000) await tick(1000)
  assert.deepEqual(ours, ['open: trip', 'half_open: recovery_due', 'open: test_failed'])
  assert.equal(breaker.explain().reason, 'test_failed')
})

/** Listens here for what is only there. */
function unheard(breaker, ...types) {
  const heard = []
  for (const type of types) breaker.addEventListener(type, () => heard.push(type))
  return heard
}

shows('`snapshot`, `shutdown` | – | ', async ({ Peer, CircuitBreaker, tick }) => {
  const heard = []
  const peer = new Peer(up).on('shutdown', () => heard.push('shutdown'))
  peer.status.on('snapshot', () => heard.push('snapshot'))
  const breaker = new CircuitBreaker()
  const here = unheard(breaker, 'snapshot', 'shutdown')
  await breaker.call(up)
  breaker.isolate()
  await tick(1000)
  peer.shutdown()
  assert.deepEqual([heard, here], [['snapshot', 'shutdown'], []])
})

shows('`cacheHit`, `cacheMiss`, `coalesceCacheHit`, `coalesceCacheMiss` | – | ', async ({ Peer, CircuitBreaker }) => {
  const heard = []
  const types = ['cacheHit', 'cacheMiss', 'coalesceCacheHit', 'coalesceCacheMiss']
  const peer = new Peer(up, { cache: true, coalesce: true })
  for (const type of types) peer.on(type, () => heard.push(type))
  await Promise.all([peer.fire(), peer.fire()])
  await peer.fire()
  assert.deepEqual([...new Set(heard)].sort(), types)
  const breaker = new CircuitBreaker()
  const here = unheard(breaker, ...types)
  await breaker.call(up)
  assert.deepEqual(here, [])
})

// Statistics

shows("What `breaker.stats` has over the rolling window, `breaker.metrics` has over the breaker's life. For a span of time, subtract two readings. `opossum-prometheus` and `opossum-hystrix` read what is not here.", async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(up)
  const breaker = new CircuitBreaker()
  await Promise.all([peer.fire(), breaker.call(up)])
  await tick(10_000)
  const before = breaker.metrics.successfulCalls
  await Promise.all([peer.fire(), breaker.call(up)])
  assert.deepEqual([peer.stats.successes, breaker.metrics.successfulCalls, breaker.metrics.successfulCalls - before], [1, 2, 1])
  for (const name of ['opossum-prometheus', 'opossum-hystrix']) assert.ok(installed('README.md').includes(`\`${name}\``), name)
  lacksMembers(CircuitBreaker, 'stats', 'status', 'on')
})

shows('`fires` | `totalCalls`, `inFlight` | Their sum.', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer((fn) => fn())
  const breaker = new CircuitBreaker()
  for (const fn of [up, hangs]) {
    peer.fire(fn)
    breaker.call(fn)
  }
  await turn()
  peer.open()
  breaker.trip()
  await fail(() => peer.fire(up))
  await fail(() => breaker.call(up))
  const { totalCalls, inFlight } = breaker.metrics
  assert.deepEqual([peer.stats.fires, totalCalls, inFlight], [3, 2, 1])
})

shows('`successes` | `successfulCalls` | ', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up)
  const breaker = new CircuitBreaker()
  await Promise.all([peer.fire(), breaker.call(up)])
  assert.deepEqual([peer.stats.successes, breaker.metrics.successfulCalls], [1, 1])
})

shows('`failures` | `failedCalls` | Without those that found the bulkhead full.', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer((fn) => fn(), { capacity: 1, volumeThreshold: 100 })
  const breaker = new CircuitBreaker({ maxConcurrent: 1 })
  await fail(() => peer.fire(down))
  await fail(() => breaker.call(down))
  peer.fire(hangs)
  breaker.call(hangs)
  await fail(() => peer.fire(up))
  await fail(() => breaker.call(up))
  assert.deepEqual([peer.stats.failures, breaker.metrics.failedCalls], [2, 1])
})

shows('`rejects`, `semaphoreRejections` | `rejectedCalls` | Together. To tell them apart, count `reject` events.', async ({ Peer, CircuitBreaker }) => {
  const { isBulkheadFullError } = await import('../../../pkg/index.js')
  const peer = new Peer((fn) => fn(), { capacity: 1, volumeThreshold: 100 })
  const breaker = new CircuitBreaker({ maxConcurrent: 1 })
  let full = 0
  breaker.addEventListener('reject', ({ detail }) => (full += Number(isBulkheadFullError(detail.error))))
  peer.fire(hangs)
  breaker.call(hangs)
  await fail(() => peer.fire(up), 2)
  await fail(() => breaker.call(up), 2)
  peer.open()
  breaker.trip()
  await fail(() => peer.fire(up))
  await fail(() => breaker.call(up))
  assert.deepEqual([peer.stats.rejects, peer.stats.semaphoreRejections, breaker.metrics.rejectedCalls, full], [1, 2, 3, 2])
})

shows('`timeouts` | `timedOutCalls` | ', async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(hangs, { timeout: 10 })
  const breaker = new CircuitBreaker({ timeout: 10 })
  const late = [caught(peer.fire()), caught(breaker.call(hangs))]
  await tick(10)
  await Promise.all(late)
  assert.deepEqual([peer.stats.timeouts, breaker.metrics.timedOutCalls], [1, 1])
})

shows('`fallbacks` | – | Count `fallback` events.', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up).fallback(() => 'instead')
  const breaker = new CircuitBreaker({ fallback: () => 'instead' })
  let fallbacks = 0
  breaker.addEventListener('fallback', () => fallbacks++)
  peer.open()
  breaker.trip()
  await Promise.all([peer.fire(), breaker.call(up)])
  assert.deepEqual([peer.stats.fallbacks, fallbacks], [1, 1])
  assert.ok(!Object.keys(breaker.metrics.toJSON()).some((name) => /fallback/i.test(name)))
})

shows('`cacheHits`, `cacheMisses`, `coalesceCacheHits`, `coalesceCacheMisses` | – | ', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up, { cache: true, coalesce: true })
  await peer.fire()
  await peer.fire()
  const { cacheHits, cacheMisses, coalesceCacheHits, coalesceCacheMisses } = peer.stats
  assert.deepEqual([cacheHits, cacheMisses, coalesceCacheHits, coalesceCacheMisses], [1, 1, 0, 1])
  assert.ok(!Object.keys(new CircuitBreaker().metrics.toJSON()).some((name) => /cache|coalesce/i.test(name)))
})

/** Two calls of 10 and 30 ms. */
async function twoCalls({ Peer, CircuitBreaker, tick }) {
  const { action, calls } = settledByHand()
  const peer = new Peer(action)
  const breaker = new CircuitBreaker({ latency: true })
  const running = [peer.fire(), peer.fire(), breaker.call(action), breaker.call(action)]
  await tick(10)
  calls[0].resolve()
  calls[2].resolve()
  await tick(20)
  calls[1].resolve()
  calls[3].resolve()
  await Promise.all(running)
  return { peer, breaker }
}
const isWithin = (actual, expected) => assert.ok(Math.abs(actual - expected) <= 0.0625 * expected, `${actual} is not ${expected}`)

shows('`latencyMean` | `latency.mean` | ', async (world) => {
  const { peer, breaker } = await twoCalls(world)
  assert.equal(peer.stats.latencyMean, 20)
  isWithin(breaker.metrics.latency.mean, 20)
})

shows('`percentiles` | `latency.p50`, `latency.p90`, `latency.p99` | ', async (world) => {
  const { peer, breaker } = await twoCalls(world)
  const { 0.5: p50, 0.9: p90, 0.99: p99 } = peer.stats.percentiles
  assert.deepEqual([p50, p90, p99], [10, 30, 30])
  for (const [ours, theirs] of [[breaker.metrics.latency.p50, p50], [breaker.metrics.latency.p90, p90], [breaker.metrics.latency.p99, p99]]) isWithin(ours, theirs)
})

shows('`latencyTimes` | – | ', async (world) => {
  const { peer, breaker } = await twoCalls(world)
  assert.deepEqual(peer.stats.latencyTimes, [10, 30])
  assert.deepEqual(Object.values(breaker.metrics.latency).map((value) => typeof value), ['number', 'number', 'number', 'number', 'number'])
})

// Errors

shows('`EOPENBREAKER` | `ERR_CIRCUIT_OPEN`, with `state`, `retryAfter`, `cause`', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(down)
  const breaker = new CircuitBreaker(LIKE_OPOSSUM)
  await fail(() => peer.fire())
  const cause = await caught(breaker.call(down))
  assert.equal((await caught(peer.fire())).code, 'EOPENBREAKER')
  const { code, state, retryAfter, cause: told } = await caught(breaker.call(up))
  assert.deepEqual([code, state, retryAfter, told === cause], ['ERR_CIRCUIT_OPEN', 'open', 30_000, true])
})

shows('`ETIMEDOUT` | `ERR_CALL_TIMEOUT`', async ({ Peer, CircuitBreaker, tick }) => {
  const late = [caught(new Peer(hangs, { timeout: 10 }).fire()), caught(new CircuitBreaker({ timeout: 10 }).call(hangs))]
  await tick(10)
  assert.deepEqual((await Promise.all(late)).map(({ code }) => code), ['ETIMEDOUT', 'ERR_CALL_TIMEOUT'])
})

shows('`ESEMLOCKED` | `ERR_BULKHEAD_FULL`', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(hangs, { capacity: 1 })
  const breaker = new CircuitBreaker({ maxConcurrent: 1 })
  peer.fire()
  breaker.call(hangs)
  assert.deepEqual([(await caught(peer.fire())).code, (await caught(breaker.call(up))).code], ['ESEMLOCKED', 'ERR_BULKHEAD_FULL'])
})

shows('`ESHUTDOWN` | –', async ({ Peer, CircuitBreaker }) => {
  const peer = new Peer(up)
  peer.shutdown()
  assert.equal((await caught(peer.fire())).code, 'ESHUTDOWN')
  lacksMembers(CircuitBreaker, 'shutdown')
})

// What is not here

shows('Cache and coalescing; statistics of a rolling window, and the percentiles besides p50, p90 and p99; values and arguments in events; `group`; a health check in an interval; a shutdown; a fallback that is set later; what `opossum-prometheus` and `opossum-hystrix` read.', async ({ Peer, CircuitBreaker }) => {
  lacks(CircuitBreaker, 'cache', 'coalesce', 'group')
  lacksMembers(CircuitBreaker, 'stats', 'status', 'group', 'healthCheck', 'shutdown', 'fallback')
  for (const name of ['stats', 'status', 'group', 'healthCheck', 'shutdown', 'fallback']) assert.ok(name in new Peer(up), name)
  const breaker = new CircuitBreaker({ latency: true })
  const details = []
  breaker.addEventListener('success', ({ detail }) => details.push(Object.keys(detail)))
  await breaker.call(up, 'argument')
  assert.deepEqual(details, [['elapsed']])
  assert.deepEqual(Object.keys(breaker.metrics.latency).filter((name) => name.startsWith('p')), ['p50', 'p90', 'p99'])
})

// What will behave differently

shows('- **Recovery takes two successes** unless you set `successThreshold: 1`, as above.', async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(up)
  const [two, one] = [new CircuitBreaker(), new CircuitBreaker({ successThreshold: 1 })]
  peer.open()
  two.trip()
  one.trip()
  await tick(60_000)
  await Promise.all([peer.fire(), two.call(up), one.call(up)])
  assert.deepEqual([stateOf(peer), two.state, one.state], ['closed', 'half_open', 'closed'])
  await two.call(up)
  assert.equal(two.state, 'closed')
})

shows('- **Late results change nothing.** In opossum a slow call from before the circuit opened can close or open it while it is half open.', async ({ Peer, CircuitBreaker, tick }) => {
  for (const [settle, theirs] of [['resolve', 'closed'], ['reject', 'open']]) {
    const { action, calls } = settledByHand()
    const peer = new Peer(action, { timeout: false })
    const breaker = new CircuitBreaker(LIKE_OPOSSUM)
    const slow = [peer.fire(), breaker.call(action)]
    peer.open()
    breaker.trip()
    await tick(30_000)
    breaker.call(hangs)
    assert.deepEqual([stateOf(peer), breaker.state], ['half_open', 'half_open'])
    for (const call of calls) call[settle](new Error('late'))
    await Promise.allSettled(slow)
    assert.deepEqual([stateOf(peer), breaker.state], [theirs, 'half_open'])
  }
})

shows('- **After closing, the window is empty.** In opossum old failures are still in it, and one more may open the circuit again.', async ({ Peer, CircuitBreaker, tick }) => {
  let isDown = true
  const peer = new Peer(async () => (isDown ? down() : 'up'), { resetTimeout: 1000 })
  const breaker = new CircuitBreaker({ window: { type: 'time', duration: 10_000 }, failureRate: 0.5, minimumCalls: 3, recoveryTimeout: 1000, successThreshold: 1 })
  await fail(() => peer.fire())
  await fail(() => breaker.call(down), 3)
  await tick(1000)
  isDown = false
  await Promise.all([peer.fire(), breaker.call(up)])
  assert.deepEqual([stateOf(peer), breaker.state], ['closed', 'closed'])
  isDown = true
  await fail(() => peer.fire())
  await fail(() => breaker.call(down))
  assert.deepEqual([stateOf(peer), breaker.state], ['open', 'closed'])
})

shows('- **A test request that never settles** counts as a failure after `halfOpenTimeout`; with `timeout: false`, opossum stays half open.', async ({ Peer, CircuitBreaker, tick }) => {
  const peer = new Peer(hangs, { timeout: false })
  const breaker = new CircuitBreaker({ ...LIKE_OPOSSUM, halfOpenTimeout: 5000 })
  peer.open()
  breaker.trip()
  await tick(30_000)
  peer.fire()
  breaker.call(hangs)
  await tick(4999)
  assert.equal(breaker.checkState(), 'half_open')
  await tick(1)
  assert.equal(breaker.checkState(), 'open')
  await tick(10_000_000)
  assert.ok(peer.halfOpen)
  assert.equal((await caught(peer.fire())).code, 'EOPENBREAKER')
})

shows('- **Each failure costs the same.** opossum sorts the latencies of its window at each failure, so the more calls there were, the more a failure costs.', async ({ Peer, CircuitBreaker }) => {
  const sorted = []
  const { sort } = Array.prototype
  Array.prototype.sort = function (...args) {
    sorted.push(this.length)
    return sort.apply(this, args)
  }
  try {
    const peer = new Peer(down, { errorThresholdPercentage: 100 })
    let isDown = false
    peer.action = async () => (isDown ? down() : 'up')
    for (let left = 3; left > 0; left--) await peer.fire()
    isDown = true
    await fail(() => peer.fire(), 2)
    assert.deepEqual(sorted.splice(0), [4, 5])
    const breaker = new CircuitBreaker({ window: { type: 'time', duration: 10_000 }, failureThreshold: 100, latency: true })
    for (let left = 3; left > 0; left--) await breaker.call(up)
    await fail(() => breaker.call(down), 2)
    assert.deepEqual(sorted, [])
  } finally {
    Array.prototype.sort = sort
  }
})

shows('- **A refusal that the function meets inside is ignored**, of another breaker or of this one. In opossum it is a failure.', async ({ Peer, CircuitBreaker }) => {
  const inner = [new Peer(up), new CircuitBreaker()]
  inner[0].open()
  inner[1].trip()
  const peer = new Peer(() => inner[0].fire())
  const breaker = new CircuitBreaker(LIKE_OPOSSUM)
  await fail(() => peer.fire())
  await fail(() => breaker.call(() => inner[1].call(up)))
  assert.deepEqual([stateOf(peer), breaker.state, breaker.metrics.ignoredCalls], ['open', 'closed', 1])
  const itself = new CircuitBreaker({ ...LIKE_OPOSSUM, maxConcurrent: 1 })
  await fail(() => itself.call(() => itself.call(up)))
  assert.deepEqual([itself.state, itself.metrics.ignoredCalls], ['closed', 1])
})

shows('- **A call whose caller aborts is ignored**, if `callWith` has its signal. opossum knows no caller, and counts the failure.', async ({ Peer, CircuitBreaker }) => {
  const user = new AbortController()
  const request = ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const peer = new Peer(request)
  const breaker = new CircuitBreaker(LIKE_OPOSSUM)
  const calls = [caught(peer.fire(user)), caught(breaker.callWith({ signal: user.signal }, request))]
  user.abort()
  await Promise.all(calls)
  assert.deepEqual([stateOf(peer), breaker.state, breaker.metrics.ignoredCalls], ['open', 'closed', 1])
})
