// What the README says of how halfopen differs from opossum and cockatiel, each with a program that shows it in all three. It must not
// use more of any of them than users do.

import assert from 'node:assert/strict'
import { caught, down, fail, hangs, pageOf, turn } from './programs.js'

export const page = pageOf('README.md')
const { shows } = page

/** These take no arguments, since cockatiel hands over one of its own. */
const up = async () => 'up'
const OF_ONE = { failureThreshold: 1, successThreshold: 1, recoveryTimeout: 1000 }

/** All three, as functions that call and tell the state; each opens at the first failure and is due after 1 s. */
function three({ Peer, CircuitBreaker }, { ours = {}, ofOpossum = {} } = {}) {
  const breaker = new CircuitBreaker({ ...OF_ONE, ...ours })
  const opossum = new Peer.Opossum((fn) => fn(), { resetTimeout: 1000, timeout: false, ...ofOpossum })
  const policy = Peer.circuitBreaker(Peer.handleAll, { halfOpenAfter: 1000, breaker: new Peer.ConsecutiveBreaker(1) })
  const calls = { halfopen: (fn) => breaker.call(fn), opossum: (fn) => opossum.fire(fn), cockatiel: (fn) => policy.execute(fn) }
  const states = () => ({
    halfopen: breaker.state,
    opossum: opossum.opened ? 'open' : opossum.halfOpen ? 'half_open' : 'closed',
    cockatiel: ['closed', 'open', 'half_open'][policy.state],
  })
  return { breaker, opossum, policy, calls, states, all: Object.values(calls) }
}
const allOf = (state) => ({ halfopen: state, opossum: state, cockatiel: state })

/** A function whose calls are settled from outside. */
function settledByHand() {
  const running = []
  return { fn: () => new Promise((resolve, reject) => running.push({ resolve, reject })), running }
}

/** Opens all three, waits, and has a test request that hangs in each. */
async function halfOpen(world, options) {
  const made = three(world, options)
  for (const call of made.all) await fail(() => call(down))
  await world.tick(1000)
  for (const call of made.all) call(hangs).catch(() => {})
  await turn()
  assert.deepEqual(made.states(), allOf('half_open'))
  return made
}

shows("- opossum's failing call sorts the latencies of its whole window, so its figure grows with the calls of the last ten seconds.", async (world) => {
  const sorted = []
  const { sort } = Array.prototype
  Array.prototype.sort = function (...args) {
    sorted.push(this.length)
    return sort.apply(this, args)
  }
  try {
    const { all } = three(world, { ofOpossum: { errorThresholdPercentage: 100 } })
    for (const call of all) for (let left = 5; left > 0; left--) await call(up)
    for (const call of all) await fail(() => call(down))
    assert.deepEqual(sorted.splice(0), [6])
    // Each snapshot, which nobody may have asked for, sorts as well.
    await world.tick(10_000)
    sorted.length = 0
    for (const call of all) await fail(() => call(down))
    assert.deepEqual(sorted, [1])
  } finally {
    Array.prototype.sort = sort
  }
})

shows('a late result from before the state changed | changes nothing | can close or open a half-open circuit | a late failure opens a half-open circuit', async (world) => {
  for (const [settle, opossum, cockatiel] of [['resolve', 'closed', 'half_open'], ['reject', 'open', 'open']]) {
    const made = three(world, { ofOpossum: { errorThresholdPercentage: 40 } })
    const { fn, running } = settledByHand()
    const slow = made.all.map((call) => call(fn))
    for (const call of made.all) await fail(() => call(down))
    await world.tick(1000)
    for (const call of made.all) call(hangs)
    await turn()
    assert.deepEqual(made.states(), allOf('half_open'))
    for (const one of running) one[settle](new Error('late'))
    await Promise.allSettled(slow)
    assert.deepEqual(made.states(), { halfopen: 'half_open', opossum, cockatiel })
  }
})

shows('a test request that never settles | counts as a failure in the end | half open for ever with `timeout: false` | all callers wait with it', async (world) => {
  const { breaker, calls, states } = await halfOpen(world)
  let isOver = false
  calls.cockatiel(up).finally(() => (isOver = true))
  await world.tick(10_000_000)
  assert.equal(breaker.checkState(), 'open')
  assert.deepEqual([states(), isOver], [{ ...allOf('half_open'), halfopen: 'open' }, false])
  assert.equal((await caught(calls.opossum(up))).code, 'EOPENBREAKER')
})

shows('more calls in half-open | refused | refused | wait for the verdict', async (world) => {
  const { calls } = await halfOpen(world)
  assert.equal((await caught(calls.halfopen(up))).code, 'ERR_CIRCUIT_OPEN')
  assert.equal((await caught(calls.opossum(up))).code, 'EOPENBREAKER')

  const policy = world.Peer.circuitBreaker(world.Peer.handleAll, { halfOpenAfter: 1000, breaker: new world.Peer.ConsecutiveBreaker(1) })
  await fail(() => policy.execute(down))
  await world.tick(1000)
  const { fn, running } = settledByHand()
  policy.execute(fn)
  let answer
  policy.execute(up).then((value) => (answer = value))
  await turn()
  assert.equal(answer, undefined)
  running[0].resolve()
  await turn()
  assert.equal(answer, 'up')
})

shows('a full bulkhead | refuses, counts as nothing | counts as a failure | a policy of its own', async (world) => {
  const { breaker, calls, states } = three(world, { ours: { maxConcurrent: 1 }, ofOpossum: { capacity: 1, errorThresholdPercentage: 40 } })
  const bulkhead = world.Peer.bulkhead(1)
  for (const call of [calls.halfopen, calls.opossum, (fn) => bulkhead.execute(fn)]) {
    call(hangs)
    await fail(() => call(up))
  }
  assert.deepEqual([states(), breaker.failureCount], [{ ...allOf('closed'), opossum: 'open' }, 0])
})

shows('a listener that throws | changes no call; an uncaught exception | can leave the call pending | can turn a success into a failure', async (world) => {
  const { breaker, opossum, policy, calls } = three(world)
  const listener = () => {
    throw new Error('of a listener')
  }
  breaker.addEventListener('success', listener)
  opossum.on('failure', listener)
  policy.onSuccess(listener)
  const thrown = []
  const types = ['uncaughtException', 'unhandledRejection']
  const before = types.map((type) => process.listeners(type))
  for (const type of types) process.removeAllListeners(type).on(type, () => thrown.push(type))
  try {
    assert.equal(await calls.halfopen(up), 'up')
    assert.equal((await caught(calls.cockatiel(up))).message, 'of a listener')
    let isOver = false
    calls.opossum(down).catch(() => {}).finally(() => (isOver = true))
    for (let left = 10; left > 0; left--) await turn()
    assert.deepEqual([isOver, thrown], [false, ['uncaughtException', 'unhandledRejection']])
  } finally {
    for (const [index, type] of types.entries()) {
      process.removeAllListeners(type)
      for (const one of before[index]) process.on(type, one)
    }
  }
})

shows("a call that its caller aborted | ignored; a timeout, if the caller's deadline passed | a failure | a failure with `handleAll`", async (world) => {
  const { breaker, calls, states } = three(world)
  for (const reason of [new DOMException('left', 'AbortError'), new DOMException('late', 'TimeoutError')]) {
    const user = new AbortController()
    const request = () => new Promise((_, reject) => user.signal.addEventListener('abort', () => reject(user.signal.reason)))
    const running = [breaker.callWith({ signal: user.signal }, request), calls.opossum(request), calls.cockatiel(request)].map(caught)
    user.abort(reason)
    await Promise.all(running)
    if (reason.name === 'AbortError') assert.deepEqual([states(), breaker.metrics.ignoredCalls], [{ ...allOf('open'), halfopen: 'closed' }, 1])
  }
  assert.deepEqual([breaker.state, breaker.metrics.timedOutCalls], ['open', 1])
})

shows('retry, cache, coalescing | no | cache, coalescing | retry', async (world) => {
  const { breaker, opossum } = three(world)
  for (const option of ['cache', 'coalesce', 'retry']) assert.throws(() => new world.CircuitBreaker({ [option]: true }), { code: 'ERR_INVALID_OPTION' })
  let runs = 0
  const run = async () => ++runs
  const cached = new world.Peer.Opossum(run, { cache: true })
  const coalesced = new world.Peer.Opossum(run, { coalesce: true })
  await Promise.all([await cached.fire(), await cached.fire(), coalesced.fire(), coalesced.fire()])
  assert.equal(runs, 2)
  assert.ok(!('retry' in opossum) && !('retry' in breaker))
  assert.equal(typeof world.Peer.retry, 'function')
  assert.ok(!Object.keys(world.Peer).some((name) => /cache|coalesce/i.test(name)))
})
