// What docs/from-cockatiel.md says, each with a program that shows it in cockatiel and in halfopen. It must not use more of either than
// users do.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import * as halfopen from '../../../pkg/index.js'
import { caught, down, eventsOf, fail, hangs, lacksMembers, pageOf, turn } from './programs.js'

export const page = pageOf('docs/from-cockatiel.md')
const { shows } = page

const STATES = ['closed', 'open', 'half_open', 'isolated']
const stateOf = (policy) => STATES[policy.state]
/** One that opens at the first failure and closes at the first success. */
const OF_ONE = { failureThreshold: 1, successThreshold: 1, recoveryTimeout: 1000 }
const ofOne = (Peer, options, handled = Peer.handleAll) => Peer.circuitBreaker(handled, { halfOpenAfter: 1000, breaker: new Peer.ConsecutiveBreaker(1), ...options })
/** These take no arguments, since cockatiel hands over one of its own. */
const up = async () => 'up'
const bad = async () => 'bad'
const asText = (one) => JSON.parse(JSON.stringify(one))
const throws = (error) => async () => {
  throw error
}

/** A function whose calls are settled from outside. */
function settledByHand() {
  const calls = []
  const fn = () => new Promise((resolve, reject) => calls.push({ resolve, reject }))
  return { fn, calls }
}

// The shape

shows('For cockatiel 4: what you know, and what it is here. [Back to the README](../README.md). All options in full are in [Options](options.md).', ({ Peer, CircuitBreaker }) => {
  const { version } = JSON.parse(readFileSync(new URL('../../../node_modules/cockatiel/package.json', import.meta.url), 'utf8'))
  assert.match(version, /^4\./)
  assert.equal(stateOf(ofOne(Peer)), new CircuitBreaker().state)
})

shows('cockatiel composes policies; halfopen is one of them, with a timeout, a bulkhead and a fallback built in.', async ({ Peer, CircuitBreaker, tick }) => {
  const policy = Peer.wrap(Peer.fallback(Peer.handleAll, 'instead'), ofOne(Peer), Peer.bulkhead(1), Peer.timeout(10, Peer.TimeoutStrategy.Aggressive))
  const breaker = new CircuitBreaker({ ...OF_ONE, fallback: () => 'instead', fallbackOn: 'failure', maxConcurrent: 1, timeout: 10 })
  const answers = Promise.all([policy.execute(hangs), breaker.call(hangs)])
  await tick(10)
  assert.deepEqual(await answers, ['instead', 'instead'])
  assert.equal(breaker.state, 'open')
})

shows("cockatiel's `wrap(retry, breaker, timeout)` puts the breaker inside the retry. Keep cockatiel's retry around this breaker: `retryPolicy.execute(() => breaker.call(fetchUser, 42))`, with a retry that does not handle errors for which `isCircuitOpenError` is true.", async ({ Peer, CircuitBreaker, tick }) => {
  const run = async (execute) => {
    let attempts = 0
    const error = caught(execute(async () => (attempts++, down())))
    for (let left = 10; left > 0; left--) await tick(1)
    return [attempts, await error]
  }
  const twice = { halfOpenAfter: 1000, breaker: new Peer.ConsecutiveBreaker(2) }
  const patient = (handled) => Peer.retry(handled, { maxAttempts: 5 })
  const inside = Peer.wrap(patient(Peer.handleWhen((error) => !Peer.isBrokenCircuitError(error))), Peer.circuitBreaker(Peer.handleAll, twice))
  const [attempts, error] = await run((fn) => inside.execute(fn))
  assert.deepEqual([attempts, Peer.isBrokenCircuitError(error)], [2, true])

  const breaker = new CircuitBreaker({ failureThreshold: 2 })
  const retryPolicy = patient(Peer.handleWhen((one) => !halfopen.isCircuitOpenError(one)))
  const [ours, refusal] = await run((fn) => retryPolicy.execute(() => breaker.call(fn, 42)))
  assert.deepEqual([ours, halfopen.isCircuitOpenError(refusal), breaker.metrics.rejectedCalls], [2, true, 1])
})

// When it opens

shows('`new ConsecutiveBreaker(n)` | `failureThreshold: n` | Checked: 0 and NaN are refused. In cockatiel 0 opens at the first failure, NaN never.', async ({ Peer, CircuitBreaker }) => {
  const policy = (n) => Peer.circuitBreaker(Peer.handleAll, { halfOpenAfter: 1000, breaker: new Peer.ConsecutiveBreaker(n) })
  const [three, zero, never] = [3, 0, NaN].map(policy)
  const breaker = new CircuitBreaker({ failureThreshold: 3 })
  await fail(() => three.execute(down), 2)
  await fail(() => breaker.call(down), 2)
  assert.deepEqual([stateOf(three), breaker.state], ['closed', 'closed'])
  await fail(() => three.execute(down))
  await fail(() => breaker.call(down))
  assert.deepEqual([stateOf(three), breaker.state], ['open', 'open'])
  await fail(() => zero.execute(down))
  await fail(() => never.execute(down), 100)
  assert.deepEqual([stateOf(zero), stateOf(never)], ['open', 'closed'])
  for (const failureThreshold of [0, NaN]) assert.throws(() => new CircuitBreaker({ failureThreshold }), { code: 'ERR_INVALID_OPTION' })
})

shows("`new CountBreaker({ threshold, size, minimumNumberOfCalls })` | `window: { type: 'count', size }`, `failureRate`, `minimumCalls` | Opens *at* the rate; cockatiel opens above it. `minimumCalls` is 10 by default, or the size if that is smaller, not always the size.", async ({ Peer, CircuitBreaker }) => {
  const policy = (options) => Peer.circuitBreaker(Peer.handleAll, { halfOpenAfter: 1000, breaker: new Peer.CountBreaker(options) })
  const ours = (size, rate, options) => new CircuitBreaker({ window: { type: 'count', size }, failureRate: rate, ...options })
  const half = [policy({ threshold: 0.5, size: 4 }), ours(4, 0.5)]
  for (const fn of [up, up, down, down]) {
    await half[0].execute(fn).catch(() => {})
    await half[1].call(fn).catch(() => {})
  }
  assert.deepEqual([stateOf(half[0]), half[1].state], ['closed', 'open'])

  /** After how many failures each opens. */
  const opensAfter = async (call, isOpen) => {
    for (let failures = 1; ; failures++) {
      await fail(call)
      if (isOpen()) return failures
    }
  }
  for (const [size, theirs, here] of [[20, 20, 10], [4, 4, 4]]) {
    const [one, other] = [policy({ threshold: 0.5, size }), ours(size, 0.5)]
    assert.equal(await opensAfter(() => one.execute(down), () => stateOf(one) === 'open'), theirs)
    assert.equal(await opensAfter(() => other.call(down), () => other.state === 'open'), here)
  }
  const [one, other] = [policy({ threshold: 0.5, size: 20, minimumNumberOfCalls: 7 }), ours(20, 0.5, { minimumCalls: 7 })]
  assert.equal(await opensAfter(() => one.execute(down), () => stateOf(one) === 'open'), 7)
  assert.equal(await opensAfter(() => other.call(down), () => other.state === 'open'), 7)
})

shows("`new SamplingBreaker({ threshold, duration, minimumRps })` | `window: { type: 'time', duration }`, `failureRate`, `minimumCalls` | `minimumCalls` is calls in the window: `minimumRps * duration / 1000`. Without `minimumRps` cockatiel takes `5 / threshold` calls a second, 750 for 0.2 and 30 s; `minimumCalls` is 10 then. After an idle time the old calls are gone from the window; cockatiel keeps most of them.", async ({ Peer, CircuitBreaker, tick }) => {
  const policy = (options) => Peer.circuitBreaker(Peer.handleAll, { halfOpenAfter: 1000, breaker: new Peer.SamplingBreaker(options) })
  const ours = (duration, rate, options) => new CircuitBreaker({ window: { type: 'time', duration }, failureRate: rate, ...options })
  // 5 / 0.2 calls a second, over 30 s.
  for (const [one, failures] of [[policy({ threshold: 0.2, duration: 30_000 }), 750], [policy({ threshold: 0.2, duration: 30_000, minimumRps: 2 }), 60]]) {
    await fail(() => one.execute(down), failures - 1)
    assert.equal(stateOf(one), 'closed')
    await fail(() => one.execute(down))
    assert.equal(stateOf(one), 'open')
  }
  for (const [one, failures] of [[ours(30_000, 0.2), 10], [ours(30_000, 0.2, { minimumCalls: (2 * 30_000) / 1000 }), 60]]) {
    await fail(() => one.call(down), failures - 1)
    assert.equal(one.state, 'closed')
    await fail(() => one.call(down))
    assert.equal(one.state, 'open')
  }
  const idle = [policy({ threshold: 0.5, duration: 5000, minimumRps: 1 }), ours(5000, 0.5, { minimumCalls: 5 })]
  await fail(() => idle[0].execute(down), 4)
  await fail(() => idle[1].call(down), 4)
  await tick(1_000_000)
  await fail(() => idle[0].execute(down))
  await fail(() => idle[1].call(down))
  assert.deepEqual([stateOf(idle[0]), idle[1].state], ['open', 'closed'])
})

shows('an `IBreaker` of your own | `classify` with `trip: true`, or `recordFailure()`, `trip()` | There are no custom policies. `classify` can keep counts of its own.', async ({ Peer, CircuitBreaker }) => {
  // Opens at the second fatal error.
  const counting = () => {
    let fatal = 0
    return (error) => error?.message === 'fatal' && ++fatal === 2
  }
  const isEnough = counting()
  const own = { state: undefined, success: () => {}, failure: () => isEnough(policy.lastFailure.error) }
  const policy = Peer.circuitBreaker(Peer.handleAll, { halfOpenAfter: 1000, breaker: own })
  const isEnoughHere = counting()
  const breaker = new CircuitBreaker({ failureThreshold: 1000, classify: (error) => (error && isEnoughHere(error) ? { outcome: 'failure', trip: true } : undefined) })
  for (const message of ['fatal', 'down', 'down', 'fatal']) {
    assert.deepEqual([stateOf(policy), breaker.state], ['closed', 'closed'])
    await fail(() => policy.execute(throws(new Error(message))))
    await fail(() => breaker.call(throws(new Error(message))))
  }
  assert.deepEqual([stateOf(policy), breaker.state], ['open', 'open'])
  assert.throws(() => new CircuitBreaker({ breaker: own }), { code: 'ERR_INVALID_OPTION' })
  const [tripped, told] = [new CircuitBreaker(), new CircuitBreaker({ failureThreshold: 1 })]
  tripped.trip()
  told.recordFailure(new Error('seen elsewhere'))
  assert.deepEqual([tripped.state, told.state], ['open', 'open'])
})

// Options of circuitBreaker

shows('`breaker` | see above | ', ({ Peer, CircuitBreaker }) => {
  assert.throws(() => Peer.circuitBreaker(Peer.handleAll, { halfOpenAfter: 1000 }).toJSON(), TypeError)
  assert.throws(() => new CircuitBreaker({ breaker: new Peer.ConsecutiveBreaker(1) }), { code: 'ERR_INVALID_OPTION' })
})

shows('`halfOpenAfter: ms` | `recoveryTimeout: ms` | Without a timer in both: a call finds out that the time is up. Here `checkState()` does, too.', async ({ Peer, CircuitBreaker, tick, mock }) => {
  const { mock: timeouts } = mock.method(globalThis, 'setTimeout')
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  const asked = new CircuitBreaker(OF_ONE)
  await fail(() => policy.execute(down))
  for (const one of [breaker, asked]) await fail(() => one.call(down))
  await tick(999)
  await fail(() => policy.execute(up))
  await fail(() => breaker.call(up))
  await tick(1)
  assert.deepEqual([stateOf(policy), breaker.state, asked.checkState()], ['open', 'open', 'half_open'])
  assert.deepEqual([await policy.execute(up), await breaker.call(up)], ['up', 'up'])
  assert.deepEqual([stateOf(policy), breaker.state, timeouts.callCount()], ['closed', 'closed', 0])
})

/** The open times of a policy or a breaker whose recoveries all fail. */
async function waitsOf(one, times, tick) {
  const call = 'call' in one ? (fn) => one.call(fn) : (fn) => one.execute(fn)
  const isRefused = async () => {
    let wasCalled = false
    await call(async () => ((wasCalled = true), down())).catch(() => {})
    return !wasCalled
  }
  await fail(() => call(down))
  const waits = []
  for (let left = times; left > 0; left--) {
    let wait = 0
    while (await isRefused()) {
      await tick(1)
      wait++
    }
    waits.push(wait)
  }
  return waits
}

shows('`halfOpenAfter: new ExponentialBackoff({ initialDelay, exponent, maxDelay, generator })` | `recoveryTimeout`, `recoveryBackoff: { factor, max, jitter }` | Give all of them: cockatiel begins at 128 ms and ends at 30 s. `jitter` takes off a random share of the time: 0 is `noJitterGenerator`, which always doubles, 0.5 is `halfJitterGenerator`, 1 is `fullJitterGenerator`. The default, `decorrelatedJitterGenerator`, has no counterpart.', async ({ Peer, CircuitBreaker, tick, mock }) => {
  const policy = (options) => ofOne(Peer, { halfOpenAfter: new Peer.ExponentialBackoff(options) })
  const ours = (recoveryTimeout, recoveryBackoff, random = () => 0.5) => new CircuitBreaker({ ...OF_ONE, recoveryTimeout, recoveryBackoff, random })
  const given = { initialDelay: 10, maxDelay: 50, generator: Peer.noJitterGenerator }
  assert.deepEqual(await waitsOf(policy(given), 4, tick), [10, 20, 40, 50])
  assert.deepEqual(await waitsOf(policy({ ...given, exponent: 3 }), 3, tick), [10, 20, 40], 'always doubles')
  assert.deepEqual(await waitsOf(ours(10, { factor: 2, max: 50 }), 4, tick), [10, 20, 40, 50])
  assert.deepEqual(await waitsOf(ours(10, { factor: 3, max: 50 }), 3, tick), [10, 30, 50])
  assert.deepEqual(await waitsOf(policy({ generator: Peer.noJitterGenerator }), 1, tick), [128])
  assert.equal(new Peer.ExponentialBackoff({ generator: () => [0] }).options.maxDelay, 30_000)
  // Where chance falls in the range: half is taken from [delay / 2, delay], full from [0, delay].
  mock.method(Math, 'random', () => 0.5)
  assert.deepEqual(await waitsOf(policy({ ...given, initialDelay: 40, generator: Peer.halfJitterGenerator }), 1, tick), [30])
  assert.deepEqual(await waitsOf(policy({ ...given, initialDelay: 40, generator: Peer.fullJitterGenerator }), 1, tick), [20])
  assert.deepEqual(await waitsOf(ours(40, { jitter: 0.5 }), 1, tick), [30])
  assert.deepEqual(await waitsOf(ours(40, { jitter: 1 }), 1, tick), [20])
  const { options } = new Peer.ExponentialBackoff()
  assert.equal(options.generator, Peer.decorrelatedJitterGenerator)
})

shows('`halfOpenAfter: new ConstantBackoff(ms)` | `recoveryTimeout: ms` | ', async ({ Peer, CircuitBreaker, tick }) => {
  assert.deepEqual(await waitsOf(ofOne(Peer, { halfOpenAfter: new Peer.ConstantBackoff(10) }), 3, tick), [10, 10, 10])
  assert.deepEqual(await waitsOf(new CircuitBreaker({ ...OF_ONE, recoveryTimeout: 10 }), 3, tick), [10, 10, 10])
})

/** Writes `recoveryTimeout` whenever the circuit opens, as the page shows it. */
function openFor(breaker, next) {
  let attempt = 0
  let failure
  breaker.addEventListener('failure', ({ detail }) => (failure = detail.error))
  breaker.addEventListener('statechange', ({ detail: { to, reason } }) => {
    if (to !== 'open') return
    attempt = reason.startsWith('test_') ? attempt + 1 : 0
    breaker.recoveryTimeout = next(attempt, failure)
  })
  return breaker
}

const LIST = [1, 10, 5]
shows('`halfOpenAfter: new IterableBackoff(list)` | `recoveryTimeout`, written when the circuit opens | [As below](#a-list-of-open-times).', async ({ Peer, CircuitBreaker, tick }) => {
  assert.deepEqual(await waitsOf(ofOne(Peer, { halfOpenAfter: new Peer.IterableBackoff(LIST) }), 4, tick), [1, 10, 5, 5])
  assert.deepEqual(await waitsOf(openFor(new CircuitBreaker(OF_ONE), (attempt) => LIST[Math.min(attempt, 2)]), 4, tick), [1, 10, 5, 5])
})

shows('`halfOpenAfter: new DelegateBackoff(fn)` | `recoveryTimeout`, written when the circuit opens | The same. The `failure` event, which comes first, has the error. What a server asks for, such as a `Retry-After`, goes through `classify` with `retryAfter`.', async ({ Peer, CircuitBreaker, tick }) => {
  const wait = (error) => (error.message === 'down' ? 7 : 0)
  assert.deepEqual(await waitsOf(ofOne(Peer, { halfOpenAfter: new Peer.DelegateBackoff(({ result }) => wait(result.error)) }), 3, tick), [7, 7, 7])
  assert.deepEqual(await waitsOf(openFor(new CircuitBreaker(OF_ONE), (_, error) => wait(error)), 3, tick), [7, 7, 7])
  const asked = new CircuitBreaker({ ...OF_ONE, recoveryTimeout: 1, classify: (error) => (error ? { outcome: 'failure', retryAfter: 7 } : undefined) })
  assert.deepEqual(await waitsOf(asked, 3, tick), [7, 7, 7])
})

shows('`halfOpenSampling: { calls, threshold }` | `halfOpenCalls: calls`, `successThreshold`, `halfOpenMaxConcurrent: calls` | `successThreshold` is how many of them have to succeed: `calls - Math.floor(threshold * calls)`. The circuit closes with the last of these; cockatiel waits for all calls. Without `halfOpenMaxConcurrent` one runs at a time.', async ({ Peer, CircuitBreaker, tick }) => {
  const halfOpenSampling = { calls: 5, threshold: 0.4 }
  const needed = halfOpenSampling.calls - Math.floor(halfOpenSampling.threshold * halfOpenSampling.calls)
  assert.equal(needed, 3)
  const halfOpen = async () => {
    const policy = ofOne(Peer, { halfOpenSampling })
    const breaker = new CircuitBreaker({ ...OF_ONE, halfOpenCalls: 5, successThreshold: needed, halfOpenMaxConcurrent: 5 })
    await fail(() => policy.execute(down))
    await fail(() => breaker.call(down))
    await tick(1000)
    return { policy, breaker }
  }
  // All five run at once; a sixth waits there and is refused here.
  {
    const { policy, breaker } = await halfOpen()
    const [theirs, ours] = [settledByHand(), settledByHand()]
    const running = [1, 2, 3, 4, 5].flatMap(() => [policy.execute(theirs.fn), breaker.call(ours.fn)])
    let isWaiting = true
    policy.execute(up).finally(() => (isWaiting = false))
    await turn()
    assert.deepEqual([theirs.calls.length, ours.calls.length, isWaiting], [5, 5, true])
    assert.equal((await caught(breaker.call(up))).code, 'ERR_CIRCUIT_OPEN')
    for (const { calls } of [theirs, ours]) for (const { resolve } of calls.slice(0, 3)) resolve()
    await turn()
    assert.deepEqual([stateOf(policy), breaker.state], ['half_open', 'closed'], 'with the third success')
    for (const { calls } of [theirs, ours]) for (const { resolve } of calls.slice(3)) resolve()
    await Promise.all(running)
    await turn()
    assert.deepEqual([stateOf(policy), isWaiting], ['closed', false])
  }
  // Both open at the third failure.
  {
    const { policy, breaker } = await halfOpen()
    await fail(() => policy.execute(down), 2)
    await fail(() => breaker.call(down), 2)
    assert.deepEqual([stateOf(policy), breaker.state], ['half_open', 'half_open'])
    await fail(() => policy.execute(down))
    await fail(() => breaker.call(down))
    assert.deepEqual([stateOf(policy), breaker.state], ['open', 'open'])
  }
  const one = new CircuitBreaker({ ...OF_ONE, halfOpenCalls: 5, successThreshold: needed })
  one.trip()
  await tick(1000)
  one.call(hangs)
  assert.equal((await caught(one.call(up))).code, 'ERR_CIRCUIT_OPEN')
})

shows("`initialState` | `snapshot` | What `toJSON()` gave; neither library reads the other's. An open circuit waits for what is left of its time in both. An isolated breaker can be released after it; in cockatiel it stays isolated.", async ({ Peer, CircuitBreaker, tick }) => {
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  await tick(600)
  const after = ofOne(Peer, { initialState: asText(policy) })
  const later = new CircuitBreaker({ ...OF_ONE, snapshot: asText(breaker) })
  assert.deepEqual([stateOf(after), later.state, later.explain().retryAfter], ['open', 'open', 400])
  await tick(399)
  await fail(() => after.execute(up))
  await fail(() => later.call(up))
  await tick(1)
  assert.deepEqual([await after.execute(up), await later.call(up)], ['up', 'up'])

  assert.throws(() => new CircuitBreaker({ snapshot: asText(policy) }), { code: 'ERR_INVALID_SNAPSHOT' })
  assert.throws(() => stateOf(ofOne(Peer, { initialState: asText(breaker) })))

  policy.isolate()
  breaker.isolate()
  const isolated = [ofOne(Peer, { initialState: asText(policy) }), new CircuitBreaker({ ...OF_ONE, snapshot: asText(breaker) })]
  isolated[0].isolate().dispose()
  isolated[1].release()
  await tick(1000)
  assert.deepEqual([stateOf(isolated[0]), await isolated[1].call(up), isolated[1].state], ['isolated', 'up', 'closed'])
})

shows('`recoveryTimeout` can be written at any time, and counts for a circuit that is open:', async ({ Peer, CircuitBreaker, tick }) => {
  const breaker = new CircuitBreaker(OF_ONE)
  breaker.trip()
  breaker.recoveryTimeout = 10
  assert.equal(breaker.explain().retryAfter, 10)
  await tick(10)
  breaker.recoveryTimeout = 20
  assert.deepEqual([breaker.checkState(), breaker.explain().retryAfter], ['open', 10])
  assert.deepEqual(await waitsOf(ofOne(Peer, { halfOpenAfter: new Peer.IterableBackoff([2, 4, 3]) }), 4, tick), [2, 4, 3, 3], 'as the list of the block')
})

// What counts as a failure

/** How both judge calls while closed: those that each counts as failures. */
async function counted({ Peer, CircuitBreaker }, handled, classify, fns) {
  const failures = [[], []]
  for (const [name, fn] of Object.entries(fns)) {
    const policy = ofOne(Peer, {}, handled)
    const breaker = new CircuitBreaker({ ...OF_ONE, ...(classify && { classify }) })
    await policy.execute(fn).catch(() => {})
    await breaker.call(fn).catch(() => {})
    for (const [index, state] of [stateOf(policy), breaker.state].entries()) if (state === 'open') failures[index].push(name)
  }
  assert.deepEqual(failures[0], failures[1])
  return failures[0]
}
class Type extends Error {}
const ofType = (message) => Object.assign(new Type(message), {})
const ERRORS = { down, type: throws(ofType('down')), rare: throws(ofType('rare')), up }
const VALUES = { down, up, bad, type: async () => ofType('down'), rare: async () => ofType('rare') }
const isRare = ({ message }) => message === 'rare'

shows('`handleAll` | the default', async (world) => {
  assert.deepEqual(await counted(world, world.Peer.handleAll, undefined, ERRORS), ['down', 'type', 'rare'])
})
shows("`handleType(Type, filter)` | `classify: (error) => error && !(error instanceof Type && filter(error)) ? 'ignored' : undefined`", async (world) => {
  const filter = isRare
  const classify = (error) => error && !(error instanceof Type && filter(error)) ? 'ignored' : undefined
  assert.deepEqual(await counted(world, world.Peer.handleType(Type, filter), classify, ERRORS), ['rare'])
})
shows("`handleWhen(fn)` | `classify: (error) => error && !fn(error) ? 'ignored' : undefined`", async (world) => {
  const fn = isRare
  const classify = (error) => error && !fn(error) ? 'ignored' : undefined
  assert.deepEqual(await counted(world, world.Peer.handleWhen(fn), classify, ERRORS), ['rare'])
})
shows("`handleWhenResult(fn)` | `classify: (error, value) => error ? 'ignored' : fn(value) ? 'failure' : 'success'`", async (world) => {
  const fn = (value) => value === 'bad'
  const classify = (error, value) => error ? 'ignored' : fn(value) ? 'failure' : 'success'
  assert.deepEqual(await counted(world, world.Peer.handleWhenResult(fn), classify, VALUES), ['bad'])
})
shows("`handleResultType(Type, filter)` | `classify: (error, value) => error ? 'ignored' : value instanceof Type && filter(value) ? 'failure' : 'success'`", async (world) => {
  const filter = isRare
  const classify = (error, value) => error ? 'ignored' : value instanceof Type && filter(value) ? 'failure' : 'success'
  assert.deepEqual(await counted(world, world.Peer.handleResultType(Type, filter), classify, VALUES), ['rare'])
})
shows("`handleAll.orWhenResult(fn)` | `classify: (error, value) => error || fn(value) ? 'failure' : 'success'`", async (world) => {
  const fn = (value) => value === 'bad'
  const classify = (error, value) => error || fn(value) ? 'failure' : 'success'
  assert.deepEqual(await counted(world, world.Peer.handleAll.orWhenResult(fn), classify, VALUES), ['down', 'bad'])
})
shows('`.orType`, `.orWhen`, `.orWhenResult`, `.orResultType` of a `Policy` | more conditions in `classify`', async (world) => {
  const { Peer } = world
  assert.ok(Peer.handleAll instanceof Peer.Policy)
  const handled = Peer.handleType(RangeError).orType(Type).orWhen((error) => error.message === 'down').orWhenResult((value) => value === 'bad').orResultType(Type)
  const classify = (error, value) => (error ? (error instanceof RangeError || error instanceof Type || error.message === 'down' ? 'failure' : 'ignored') : value === 'bad' || value instanceof Type ? 'failure' : 'success')
  assert.deepEqual(await counted(world, handled, classify, { other: throws(new Error('other')), ...ERRORS }), ['down', 'type', 'rare'])
  assert.deepEqual(await counted(world, handled, classify, VALUES), ['down', 'bad', 'type', 'rare'])
})

shows("What cockatiel does not handle changes nothing while the circuit is closed, as what halfopen ignores. In half-open it counts as a success and closes the circuit; what halfopen ignores gives the test request's place back.", async ({ Peer, CircuitBreaker, tick }) => {
  const options = { halfOpenAfter: 1000, breaker: new Peer.ConsecutiveBreaker(2) }
  const policy = Peer.circuitBreaker(Peer.handleType(Type), options)
  const breaker = new CircuitBreaker({ ...OF_ONE, failureThreshold: 2, classify: (error) => (error && !(error instanceof Type) ? 'ignored' : undefined) })
  for (const fn of [throws(ofType('one')), down, throws(ofType('two'))]) {
    assert.deepEqual([stateOf(policy), breaker.state], ['closed', 'closed'])
    await fail(() => policy.execute(fn))
    await fail(() => breaker.call(fn))
  }
  assert.deepEqual([stateOf(policy), breaker.state], ['open', 'open'], 'what lay between did not count')
  await tick(1000)
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  assert.deepEqual([stateOf(policy), breaker.state], ['closed', 'half_open'])
  assert.equal(await breaker.call(up), 'up')
  assert.equal(breaker.state, 'closed')
})

// Methods, properties and events

shows("`execute(fn)`, `execute(fn, signal)` | `call(fn, ...args)`, `callWith({ signal }, fn, ...args)` | With `call`, `fn` gets the caller's arguments and nothing else; with `callWith`, `{ signal }` after them. When the caller's signal aborts, the call ends at once and is ignored; in cockatiel it is for `fn` to end, and with `handleAll` that is a failure. A signal that has aborted before calls nothing.", async ({ Peer, CircuitBreaker }) => {
  const got = []
  const note = async (...args) => void got.push(args)
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  await policy.execute(note)
  await breaker.call(note, 1, 2)
  await breaker.callWith({}, note, 1, 2)
  assert.deepEqual(got.map((args) => args.map((one) => one.signal instanceof AbortSignal || one)), [[true], [1, 2], [1, 2, true]])

  const gone = AbortSignal.abort(new Error('left'))
  await policy.execute(note, gone)
  assert.equal((await caught(breaker.callWith({ signal: gone }, note))).message, 'left')
  assert.equal(got.length, 4)

  const user = new AbortController()
  const { fn, calls } = settledByHand()
  let isOver = false
  const theirs = caught(policy.execute(fn, user.signal)).finally(() => (isOver = true))
  const ours = caught(breaker.callWith({ signal: user.signal }, hangs))
  user.abort(new Error('left'))
  assert.equal((await ours).message, 'left')
  await turn()
  assert.equal(isOver, false)
  calls[0].reject(user.signal.reason)
  await theirs
  assert.deepEqual([stateOf(policy), breaker.state, breaker.metrics.ignoredCalls], ['open', 'closed', 1])
})

shows("`state` (`CircuitState`) | `state` and `mode` | `'closed'`, `'open'`, `'half_open'` for 0, 1, 2; 3, isolated, is `mode === 'isolated'`.", async ({ Peer, CircuitBreaker, tick }) => {
  const { Closed, Open, HalfOpen, Isolated } = Peer.CircuitState
  assert.deepEqual([Closed, Open, HalfOpen, Isolated], [0, 1, 2, 3])
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  const both = (state) => assert.deepEqual([stateOf(policy), breaker.state, breaker.mode], [state, state, 'normal'])
  both('closed')
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  both('open')
  await tick(1000)
  policy.execute(hangs)
  breaker.call(hangs)
  both('half_open')
  policy.isolate()
  breaker.isolate()
  assert.deepEqual([policy.state, breaker.mode, breaker.state], [3, 'isolated', 'open'])
})

shows('`lastFailure` | `error.cause` of a refusal, `lastFailureTime` | For a value, `cause` is what `classify` answers as its `cause`.', async ({ Peer, CircuitBreaker }) => {
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  await fail(() => policy.execute(down))
  const failure = await caught(breaker.call(down))
  assert.equal(policy.lastFailure.error.message, 'down')
  assert.deepEqual([(await caught(breaker.call(up))).cause === failure, breaker.lastFailureTime], [true, 1_000_000])

  const isBad = (value) => value === 'bad'
  const byValue = ofOne(Peer, {}, Peer.handleWhenResult(isBad))
  await byValue.execute(bad)
  assert.deepEqual(byValue.lastFailure, { value: 'bad' })
  for (const [verdict, cause] of [['failure', undefined], [{ outcome: 'failure', cause: 'told' }, 'told']]) {
    const ours = new CircuitBreaker({ ...OF_ONE, classify: (_, value) => (isBad(value) ? verdict : undefined) })
    await ours.call(bad)
    assert.equal((await caught(ours.call(up))).cause, cause)
  }
})

shows("`isolate()`, then `dispose()` of its handle | `isolate()`, then `release()` | cockatiel's is over when every handle is disposed of. One `release()` ends it, however often `isolate()` was called. The next call is a test request; `reset()` closes at once, as cockatiel does.", async ({ Peer, CircuitBreaker }) => {
  const policy = ofOne(Peer)
  const [breaker, other] = [new CircuitBreaker(OF_ONE), new CircuitBreaker(OF_ONE)]
  const handles = [policy.isolate(), policy.isolate()]
  for (const one of [breaker, breaker, other, other]) one.isolate()
  assert.deepEqual([stateOf(policy), breaker.mode], ['isolated', 'isolated'])
  handles[0].dispose()
  assert.equal(stateOf(policy), 'isolated')
  handles[1].dispose()
  breaker.release()
  other.reset()
  assert.deepEqual([stateOf(policy), breaker.mode, breaker.state, other.state], ['closed', 'normal', 'open', 'closed'])
  const reasons = []
  breaker.addEventListener('statechange', ({ detail }) => reasons.push(detail.reason))
  await breaker.call(up)
  assert.deepEqual(reasons, ['recovery_due', 'recovered'])
})

shows('`toJSON()` | `toJSON()` | For `snapshot`.', async ({ Peer, CircuitBreaker }) => {
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  assert.equal(stateOf(ofOne(Peer, { initialState: asText(policy) })), 'open')
  assert.equal(new CircuitBreaker({ ...OF_ONE, snapshot: asText(breaker) }).state, 'open')
})

shows('`onBreak`, `onReset`, `onHalfOpen`, `onStateChange` | `statechange` | `detail: { from, to, reason, at }`', async ({ Peer, CircuitBreaker, tick }) => {
  const theirs = []
  const policy = ofOne(Peer)
  for (const name of ['onBreak', 'onReset', 'onHalfOpen']) policy[name](() => theirs.push(name))
  policy.onStateChange((state) => theirs.push(STATES[state]))
  const breaker = new CircuitBreaker(OF_ONE)
  const ours = []
  breaker.addEventListener('statechange', ({ detail }) => ours.push(detail))
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  await tick(1000)
  await policy.execute(up)
  await breaker.call(up)
  assert.deepEqual(theirs, ['onBreak', 'open', 'onHalfOpen', 'half_open', 'onReset', 'closed'])
  assert.deepEqual(ours, [
    { from: 'closed', to: 'open', reason: 'failure_threshold', at: 1_000_000 },
    { from: 'open', to: 'half_open', reason: 'recovery_due', at: 1_001_000 },
    { from: 'half_open', to: 'closed', reason: 'recovered', at: 1_001_000 },
  ])
})

shows('`onSuccess`, `onFailure` | `success`, `failure` | `detail.elapsed` needs `latency: true`. Failures that are not handled are `ignored` events.', async ({ Peer, CircuitBreaker }) => {
  const theirs = []
  const policy = ofOne(Peer, { breaker: new Peer.ConsecutiveBreaker(9) }, Peer.handleType(Type))
  policy.onSuccess(({ duration }) => theirs.push(['success', typeof duration]))
  policy.onFailure(({ duration, handled, reason }) => theirs.push([handled, typeof duration, reason.error.message]))
  const options = { classify: (error) => (error && !(error instanceof Type) ? 'ignored' : undefined) }
  const [breaker, untimed] = [new CircuitBreaker({ ...options, latency: true }), new CircuitBreaker(options)]
  const events = eventsOf(breaker)
  const times = []
  for (const one of [breaker, untimed]) one.addEventListener('success', ({ detail }) => times.push(Number.isNaN(detail.elapsed)))
  for (const fn of [up, throws(ofType('down')), throws(new Error('other'))]) {
    await policy.execute(fn).catch(() => {})
    await breaker.call(fn).catch(() => {})
    await untimed.call(fn).catch(() => {})
  }
  assert.deepEqual(theirs, [['success', 'number'], [true, 'number', 'down'], [false, 'number', 'other']])
  assert.deepEqual([events, times], [['success', 'failure', 'ignored'], [false, true]])
})

shows('`Event.once(policy.onBreak, listener)` | `addEventListener` with `{ once: true }` | ', async ({ Peer, CircuitBreaker }) => {
  const heard = []
  const policy = ofOne(Peer)
  Peer.Event.once(policy.onBreak, () => heard.push('onBreak'))
  const breaker = new CircuitBreaker()
  breaker.addEventListener('statechange', ({ detail }) => heard.push(detail.to), { once: true })
  for (let left = 2; left > 0; left--) {
    policy.isolate().dispose()
    breaker.trip()
    breaker.reset()
  }
  assert.deepEqual(heard, ['onBreak', 'open'])
})

shows("`Event.toPromise(policy.onReset, signal)` | `whenClosed({ signal })` | Resolves at once while the circuit is closed, and rejects with the signal's reason.", async ({ Peer, CircuitBreaker }) => {
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker()
  await breaker.whenClosed()
  const handle = policy.isolate()
  breaker.isolate()
  const over = []
  const user = new AbortController()
  const waiting = [
    Peer.Event.toPromise(policy.onReset).then(() => over.push('theirs')),
    breaker.whenClosed().then(() => over.push('ours')),
  ]
  const gone = [caught(Peer.Event.toPromise(policy.onReset, user.signal)), caught(breaker.whenClosed({ signal: user.signal }))]
  user.abort(new Error('left'))
  const [theirs, ours] = await Promise.all(gone)
  assert.deepEqual([Peer.isTaskCancelledError(theirs), ours.message, over], [true, 'left', []])
  handle.dispose()
  breaker.reset()
  await Promise.all(waiting)
  assert.deepEqual(over.sort(), ['ours', 'theirs'])
})

shows('`EventEmitter` | – | A breaker is an `EventTarget`.', ({ Peer, CircuitBreaker }) => {
  assert.equal(typeof new Peer.EventEmitter().addListener, 'function')
  assert.ok(new CircuitBreaker() instanceof EventTarget)
})

shows('`CircuitBreakerPolicy` | `CircuitBreaker` | The class, for `instanceof`.', ({ Peer, CircuitBreaker }) => {
  assert.ok(ofOne(Peer) instanceof Peer.CircuitBreakerPolicy)
  assert.ok(new CircuitBreaker() instanceof CircuitBreaker)
})

shows('Listeners: `policy.onBreak(fn)` gives a handle to dispose of; here it is `addEventListener` with `{ signal }` or `{ once: true }`. Calls come before the state in both: `onFailure`, `onBreak`, `onStateChange`; here `failure`, `statechange`.', async ({ Peer, CircuitBreaker }) => {
  const order = []
  const policy = ofOne(Peer)
  for (const name of ['onStateChange', 'onBreak', 'onFailure']) policy[name](() => order.push(name))
  const handle = policy.onBreak(() => order.push('disposed of'))
  handle.dispose()
  const breaker = new CircuitBreaker(OF_ONE)
  const ours = eventsOf(breaker)
  const listening = new AbortController()
  breaker.addEventListener('statechange', () => ours.push('disposed of'), { signal: listening.signal })
  listening.abort()
  breaker.addEventListener('statechange', () => ours.push('once'), { once: true })
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  assert.deepEqual(order, ['onFailure', 'onBreak', 'onStateChange'])
  assert.deepEqual(ours, ['failure', 'open: failure_threshold', 'once'])
  breaker.reset()
  assert.deepEqual(ours.slice(3), ['closed: reset'])
})

shows("A listener that throws can't change a call's result. In cockatiel one of `onSuccess` turns the call into a failure.", async ({ Peer, CircuitBreaker }) => {
  const listener = () => {
    throw new Error('of a listener')
  }
  const policy = ofOne(Peer)
  policy.onSuccess(listener)
  const breaker = new CircuitBreaker(OF_ONE)
  breaker.addEventListener('success', listener)
  const thrown = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException').on('uncaughtException', (error) => thrown.push(error.message))
  try {
    assert.equal((await caught(policy.execute(up))).message, 'of a listener')
    assert.equal(await breaker.call(up), 'up')
    for (let left = 10; left > 0; left--) await turn()
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const one of listeners) process.on('uncaughtException', one)
  }
  assert.deepEqual([stateOf(policy), breaker.state, thrown], ['open', 'closed', ['of a listener']])
})

// Errors

shows('`BrokenCircuitError`, `isBrokenCircuitError` | `CircuitOpenError`, `isCircuitOpenError`', async ({ Peer, CircuitBreaker }) => {
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  const [theirs, ours] = [await caught(policy.execute(up)), await caught(breaker.call(up))]
  assert.ok(theirs instanceof Peer.BrokenCircuitError && Peer.isBrokenCircuitError(theirs))
  assert.ok(ours instanceof halfopen.CircuitOpenError && halfopen.isCircuitOpenError(ours))
})

shows('`IsolatedCircuitError`, `isIsolatedCircuitError` | `CircuitOpenError` with `retryAfter === Infinity`', async ({ Peer, CircuitBreaker }) => {
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker()
  policy.isolate()
  breaker.isolate()
  const [theirs, ours] = [await caught(policy.execute(up)), await caught(breaker.call(up))]
  assert.ok(theirs instanceof Peer.IsolatedCircuitError && Peer.isIsolatedCircuitError(theirs))
  assert.ok(ours instanceof halfopen.CircuitOpenError && ours.retryAfter === Infinity)
})

shows('`BulkheadRejectedError`, `isBulkheadRejectedError` | `BulkheadFullError`, `isBulkheadFullError`', async ({ Peer, CircuitBreaker }) => {
  const policy = Peer.bulkhead(1)
  const breaker = new CircuitBreaker({ maxConcurrent: 1 })
  policy.execute(hangs)
  breaker.call(hangs)
  const [theirs, ours] = [await caught(policy.execute(up)), await caught(breaker.call(up))]
  assert.ok(theirs instanceof Peer.BulkheadRejectedError && Peer.isBulkheadRejectedError(theirs))
  assert.ok(ours instanceof halfopen.BulkheadFullError && halfopen.isBulkheadFullError(ours))
})

/** A call of each that timed out after 10 ms. */
async function timedOut({ Peer, CircuitBreaker, tick }) {
  const errors = Promise.all([caught(Peer.timeout(10, Peer.TimeoutStrategy.Aggressive).execute(hangs)), caught(new CircuitBreaker({ timeout: 10 }).call(hangs))])
  await tick(10)
  return errors
}

shows('`TaskCancelledError`, `isTaskCancelledError` of a timeout | `CallTimeoutError`, `isCallTimeoutError`', async (world) => {
  const [theirs, ours] = await timedOut(world)
  assert.ok(theirs instanceof world.Peer.TaskCancelledError && world.Peer.isTaskCancelledError(theirs))
  assert.ok(ours instanceof halfopen.CallTimeoutError && halfopen.isCallTimeoutError(ours))
})

shows("`TaskCancelledError` of an abort | the caller's own `signal.reason`", async ({ Peer, CircuitBreaker }) => {
  const user = new AbortController()
  const calls = [
    caught(Peer.timeout(10, Peer.TimeoutStrategy.Aggressive).execute(hangs, user.signal)),
    caught(new CircuitBreaker({ timeout: 10 }).callWith({ signal: user.signal }, hangs)),
  ]
  const left = new Error('left')
  user.abort(left)
  const [theirs, ours] = await Promise.all(calls)
  assert.ok(Peer.isTaskCancelledError(theirs))
  assert.equal(ours, left)
})

shows('`HydratingCircuitError`, `isHydratingCircuitError` as `lastFailure` after `initialState` | `cause` is undefined after a `snapshot`', async ({ Peer, CircuitBreaker }) => {
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  const { error } = ofOne(Peer, { initialState: asText(policy) }).lastFailure
  assert.ok(error instanceof Peer.HydratingCircuitError && Peer.isHydratingCircuitError(error))
  const refusal = await caught(new CircuitBreaker({ ...OF_ONE, snapshot: asText(breaker) }).call(up))
  assert.deepEqual([refusal.code, refusal.cause], ['ERR_CIRCUIT_OPEN', undefined])
})

shows('nothing, for a wrong `initialState` | `ERR_INVALID_SNAPSHOT`', ({ Peer, CircuitBreaker }) => {
  ofOne(Peer, { initialState: { ownState: { value: 'nonsense' } } })
  assert.throws(() => new CircuitBreaker({ snapshot: { ownState: { value: 'nonsense' } } }), { code: 'ERR_INVALID_SNAPSHOT' })
})

// Other policies

shows("`timeout(ms, TimeoutStrategy.Aggressive)` | `timeout: ms` | The caller gets the error at once, and the signal that `callWith` gives is aborted. A timeout counts as a failure, unless `classify` says otherwise; cockatiel's does only where it is inside the breaker.", async ({ Peer, CircuitBreaker, tick }) => {
  const limit = () => Peer.timeout(10, Peer.TimeoutStrategy.Aggressive)
  const [inside, outside] = [ofOne(Peer), ofOne(Peer)]
  const breaker = new CircuitBreaker({ ...OF_ONE, timeout: 10 })
  const signals = []
  const note = async ({ signal }) => (signals.push(signal), hangs())
  const late = [Peer.wrap(inside, limit()).execute(note), Peer.wrap(limit(), outside).execute(note), breaker.callWith({}, note)].map(caught)
  await tick(10)
  await Promise.all(late)
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, true, true])
  assert.deepEqual([stateOf(inside), stateOf(outside), breaker.state], ['open', 'closed', 'open'])
  const lenient = new CircuitBreaker({ ...OF_ONE, timeout: 10, classify: (error) => (halfopen.isCallTimeoutError(error) ? 'ignored' : undefined) })
  const ignored = caught(lenient.call(hangs))
  await tick(10)
  assert.deepEqual([(await ignored).code, lenient.state], ['ERR_CALL_TIMEOUT', 'closed'])
})

shows('`timeout(ms, { strategy, abortOnReturn })` | `callWith`, whose function gets `{ signal }` | As with `abortOnReturn: false`: the signal does not abort when the function returns in time.', async ({ Peer, CircuitBreaker }) => {
  const { Aggressive: strategy } = Peer.TimeoutStrategy
  const signals = []
  const note = async ({ signal }) => void signals.push(signal)
  await Peer.timeout(10, { strategy }).execute(note)
  await Peer.timeout(10, { strategy, abortOnReturn: false }).execute(note)
  await new CircuitBreaker({ timeout: 10 }).callWith({}, note)
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, false, false])
})

shows('`timeout(ms, TimeoutStrategy.Cooperative)` | – | Give your function a signal such as `AbortSignal.timeout(ms)`, as an argument and not to `callWith`. What it rejects with is a failure.', async ({ Peer, CircuitBreaker, tick, mock }) => {
  // The host's own has a timer that can't be moved by hand.
  mock.method(AbortSignal, 'timeout', (ms) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new DOMException('The time is up', 'TimeoutError')), ms)
    return controller.signal
  })
  const { fn: tidyUp, calls } = settledByHand()
  const cooperative = async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await tidyUp()
    throw signal.reason
  }
  const policy = Peer.timeout(10, Peer.TimeoutStrategy.Cooperative)
  const breaker = new CircuitBreaker(OF_ONE)
  const over = []
  const late = [policy.execute(cooperative), breaker.call(cooperative, { signal: AbortSignal.timeout(10) })].map((call, index) => caught(call).then((error) => (over.push(index), error)))
  await tick(10)
  assert.deepEqual([calls.length, over], [2, []])
  for (const { resolve } of calls) resolve()
  assert.equal((await Promise.all(late))[1].name, 'TimeoutError')
  assert.equal(breaker.state, 'open')
  // To callWith it ends the call at once.
  const ended = caught(new CircuitBreaker().callWith({ signal: AbortSignal.timeout(10) }, cooperative))
  await tick(10)
  assert.equal((await ended).name, 'TimeoutError')
})

shows('`onTimeout` | `timeout` | ', async ({ Peer, CircuitBreaker, tick }) => {
  const heard = []
  const policy = Peer.timeout(10, Peer.TimeoutStrategy.Aggressive)
  policy.onTimeout(() => heard.push('onTimeout'))
  const breaker = new CircuitBreaker({ timeout: 10 })
  breaker.addEventListener('timeout', () => heard.push('timeout'))
  const late = [caught(policy.execute(hangs)), caught(breaker.call(hangs))]
  await tick(10)
  await Promise.all(late)
  assert.deepEqual(heard.sort(), ['onTimeout', 'timeout'])
})

shows("`dangerouslyUnref()` of a timeout | – | The timer of a `timeout` keeps the process alive, as cockatiel's does.", async ({ Peer, CircuitBreaker, mock }) => {
  // Fake timers hold nothing: these are real, and are over before they fire.
  mock.timers.reset()
  const { mock: timers } = mock.method(globalThis, 'setTimeout')
  const { fn, calls } = settledByHand()
  const policy = Peer.timeout(60_000, Peer.TimeoutStrategy.Aggressive)
  const running = [policy.dangerouslyUnref().execute(fn), policy.execute(fn), new CircuitBreaker({ timeout: 60_000 }).call(fn)]
  assert.deepEqual(timers.calls.map(({ result }) => result.hasRef()), [false, true, true])
  for (const { resolve } of calls) resolve()
  await Promise.all(running)
})

shows('`bulkhead(limit, queue)` | `maxConcurrent: limit` | No queue.', async ({ Peer, CircuitBreaker }) => {
  const { fn, calls } = settledByHand()
  const policy = Peer.bulkhead(1, 1)
  const breaker = new CircuitBreaker({ maxConcurrent: 1 })
  const first = policy.execute(fn)
  const queued = policy.execute(up)
  breaker.call(hangs)
  assert.equal((await caught(breaker.call(up))).code, 'ERR_BULKHEAD_FULL')
  calls[0].resolve('first')
  assert.deepEqual([await first, await queued], ['first', 'up'])
})

shows('`executionSlots`, `queueSlots`, `onReject` | `metrics.inFlight`, –, `reject` | Free places are `maxConcurrent - metrics.inFlight`.', async ({ Peer, CircuitBreaker }) => {
  const heard = []
  const policy = Peer.bulkhead(3, 2)
  policy.onReject(() => heard.push('onReject'))
  const maxConcurrent = 3
  const breaker = new CircuitBreaker({ maxConcurrent })
  breaker.addEventListener('reject', () => heard.push('reject'))
  policy.execute(hangs)
  breaker.call(hangs)
  assert.deepEqual([policy.executionSlots, policy.queueSlots, maxConcurrent - breaker.metrics.inFlight], [2, 2, 2])
  for (let left = 4; left > 0; left--) policy.execute(hangs)
  for (let left = 2; left > 0; left--) breaker.call(hangs)
  await fail(() => policy.execute(up))
  await fail(() => breaker.call(up))
  assert.deepEqual(heard, ['onReject', 'reject'])
})

shows("`fallback(policy, value)` | `fallback: () => value`, `fallbackOn: 'failure'` | Always a function. `fallbackOn: 'open'`, the default, is for refusals only. A value that `classify` calls a failure is still the caller's; cockatiel's fallback replaces it.", async ({ Peer, CircuitBreaker }) => {
  const isBad = (value) => value === 'bad'
  const policy = Peer.fallback(Peer.handleAll.orWhenResult(isBad), 'instead')
  const classify = (error, value) => (error || isBad(value) ? 'failure' : 'success')
  const breaker = new CircuitBreaker({ failureThreshold: 9, classify, fallback: () => 'instead', fallbackOn: 'failure' })
  assert.deepEqual([await policy.execute(down), await breaker.call(down)], ['instead', 'instead'])
  assert.deepEqual([await policy.execute(bad), await breaker.call(bad)], ['instead', 'bad'])
  assert.throws(() => new CircuitBreaker({ fallback: 'instead' }), { code: 'ERR_INVALID_OPTION' })
  const onlyOpen = new CircuitBreaker({ fallback: () => 'instead' })
  assert.equal((await caught(onlyOpen.call(down))).message, 'down')
  onlyOpen.trip()
  assert.equal(await onlyOpen.call(up), 'instead')
})

shows("`retry(policy, { maxAttempts, backoff })`, `onRetry`, `onGiveUp` | – | Not here. Keep cockatiel's around the breaker.", async ({ Peer, CircuitBreaker, tick }) => {
  const heard = []
  const policy = Peer.retry(Peer.handleAll, { maxAttempts: 2, backoff: new Peer.ConstantBackoff(10) })
  policy.onRetry(() => heard.push('onRetry'))
  policy.onGiveUp(() => heard.push('onGiveUp'))
  const breaker = new CircuitBreaker()
  const error = caught(policy.execute(() => breaker.call(down)))
  for (let left = 5; left > 0; left--) await tick(10)
  await error
  assert.deepEqual([heard, breaker.failureCount], [['onRetry', 'onRetry', 'onGiveUp'], 3])
  await fail(() => breaker.call(down))
  assert.equal(breaker.metrics.totalCalls, 4, 'none was tried again')
})

shows('`noop` | `disable()` | ', async ({ Peer, CircuitBreaker }) => {
  const breaker = new CircuitBreaker(OF_ONE)
  breaker.disable()
  await fail(() => Peer.noop.execute(down), 3)
  await fail(() => breaker.call(down), 3)
  assert.deepEqual([await Peer.noop.execute(up), await breaker.call(up)], ['up', 'up'])
})

shows('`wrap(...policies)`, `usePolicy` | – | `breaker.wrap(fn)` is something else: it wraps a function.', async ({ Peer, CircuitBreaker }) => {
  assert.equal(await Peer.wrap(ofOne(Peer), Peer.noop).execute(up), 'up')
  const descriptor = { value: async (id) => id }
  Peer.usePolicy(ofOne(Peer))(undefined, 'get', descriptor)
  assert.equal(await descriptor.value(42), 42)
  assert.equal(await new CircuitBreaker().wrap(async (id) => id)(42), 42)
  assert.throws(() => new CircuitBreaker().wrap(ofOne(Peer)), { code: 'ERR_INVALID_ARGUMENT' })
  lacksMembers(CircuitBreaker, 'usePolicy')
})

// What is not here

shows('Retry; a queue before the bulkhead; callers that wait for the verdict of half-open; composing with `wrap` and `usePolicy`; breakers of your own; handles of isolation; `decorrelatedJitterGenerator`.', ({ Peer, CircuitBreaker }) => {
  const handle = ofOne(Peer).isolate()
  assert.equal(typeof handle.dispose, 'function')
  assert.equal(new CircuitBreaker().isolate(), undefined)
  lacksMembers(CircuitBreaker, 'retry', 'execute', 'queueSlots')
  for (const name of ['retry', 'usePolicy', 'wrap', 'decorrelatedJitterGenerator']) assert.ok(name in Peer && !(name in halfopen), name)
  assert.throws(() => new CircuitBreaker({ breaker: {} }), { code: 'ERR_INVALID_OPTION' })
})

// What will behave differently

shows('- **Recovery takes two successes** unless you set `successThreshold: 1`, as above.', async ({ Peer, CircuitBreaker, tick }) => {
  const policy = ofOne(Peer)
  const [two, one] = [new CircuitBreaker({ recoveryTimeout: 1000 }), new CircuitBreaker(OF_ONE)]
  await fail(() => policy.execute(down))
  two.trip()
  one.trip()
  await tick(1000)
  await Promise.all([policy.execute(up), two.call(up), one.call(up)])
  assert.deepEqual([stateOf(policy), two.state, one.state], ['closed', 'half_open', 'closed'])
  await two.call(up)
  assert.equal(two.state, 'closed')
})

shows('- **Extra callers in half-open are refused**, not queued behind the test request. If the test request never settles, nobody waits for it.', async ({ Peer, CircuitBreaker, tick }) => {
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  await tick(1000)
  policy.execute(hangs)
  breaker.call(hangs)
  let isOver = false
  policy.execute(up).finally(() => (isOver = true))
  assert.equal((await caught(breaker.call(up))).code, 'ERR_CIRCUIT_OPEN')
  await tick(10_000_000)
  assert.equal(isOver, false)
  // The test request that hung has expired, and the circuit opened.
  await fail(() => breaker.call(up))
  await tick(1000)
  assert.equal(await breaker.call(up), 'up')
})

shows('- **Late results change nothing.** In cockatiel a late failure opens a half-open circuit, and can count against the next closed period.', async ({ Peer, CircuitBreaker, tick }) => {
  const { fn, calls } = settledByHand()
  const policy = ofOne(Peer, { breaker: new Peer.ConsecutiveBreaker(2) })
  const breaker = new CircuitBreaker({ ...OF_ONE, failureThreshold: 2 })
  const slow = [policy.execute(fn), policy.execute(fn), breaker.call(fn), breaker.call(fn)].map(caught)
  await fail(() => policy.execute(down), 2)
  await fail(() => breaker.call(down), 2)
  await tick(1000)
  policy.execute(hangs)
  breaker.call(hangs)
  assert.deepEqual([stateOf(policy), breaker.state], ['half_open', 'half_open'])
  calls[0].reject(new Error('late'))
  calls[2].reject(new Error('late'))
  await turn()
  assert.deepEqual([stateOf(policy), breaker.state], ['open', 'half_open'])

  breaker.reset()
  await tick(1000)
  await policy.execute(up)
  assert.deepEqual([stateOf(policy), breaker.state], ['closed', 'closed'])
  calls[1].reject(new Error('late'))
  calls[3].reject(new Error('late'))
  await Promise.all(slow)
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  assert.deepEqual([stateOf(policy), breaker.state, breaker.metrics.staleCalls], ['open', 'closed', 2])
})

shows('- **A circuit that flaps waits longer**, with `recoveryBackoff`: one that opens again before it was closed for as long as it had been open. In cockatiel each recovery starts the backoff again.', async ({ Peer, CircuitBreaker, tick }) => {
  const policy = ofOne(Peer, { halfOpenAfter: new Peer.ExponentialBackoff({ initialDelay: 100, generator: Peer.noJitterGenerator }) })
  const breaker = new CircuitBreaker({ ...OF_ONE, recoveryTimeout: 100, recoveryBackoff: { factor: 2 } })
  const open = async () => {
    await fail(() => policy.execute(down))
    await fail(() => breaker.call(down))
    return breaker.explain().retryAfter
  }
  const recover = async (ms) => {
    await tick(ms)
    await Promise.all([policy.execute(up), breaker.call(up)])
    assert.deepEqual([stateOf(policy), breaker.state], ['closed', 'closed'])
  }
  assert.equal(await open(), 100)
  await recover(100)
  await tick(99)
  assert.equal(await open(), 200)
  await tick(100)
  assert.equal(await policy.execute(up), 'up')
  await fail(() => breaker.call(up))
  await tick(100)
  await breaker.call(up)
  await tick(200)
  assert.equal(await open(), 100)
})

shows('- **A clock that is set back** makes an open circuit wait at most one more recovery time, from the next call on. In cockatiel it waits until the clock is there again.', async ({ Peer, CircuitBreaker, mock, tick }) => {
  await tick(500_000)
  const policy = ofOne(Peer)
  const breaker = new CircuitBreaker(OF_ONE)
  await fail(() => policy.execute(down))
  await fail(() => breaker.call(down))
  mock.timers.reset()
  mock.timers.enable({ apis: ['Date'], now: 1_000_000 })
  await fail(() => policy.execute(up))
  await fail(() => breaker.call(up))
  await tick(1000)
  assert.equal(await breaker.call(up), 'up')
  await fail(() => policy.execute(up))
  await tick(499_999)
  await fail(() => policy.execute(up))
  await tick(1)
  assert.equal(await policy.execute(up), 'up')
})
