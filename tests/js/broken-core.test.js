// The package on a core that is broken on purpose, function by function: no method throws a trap, every call gives what its function gave, and it
// is said once. It must not know how a core could fail.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { join, leave } from '../../js/fleet/place.js'
import { broken, functionsOf } from './broken.js'
import { drained } from './support.js'

const read = (name) => readFileSync(new URL(`../../pkg/${name}.wasm`, import.meta.url))
const wasm = read('core')
const { Module } = WebAssembly
const { error: say } = console
const said = []
const lost = []
const note = (error) => lost.push(error)

before(() => {
  console.error = (...all) => said.push(all)
  process.on('unhandledRejection', note)
})
after(() => {
  WebAssembly.Module = Module
  console.error = say
  process.off('unhandledRejection', note)
})

let copies = 0

/** A copy of the package of its own, whose core traps in that function once it was called so often, and so does each that takes its place. */
async function packageWith(name, calls) {
  const bytes = broken(wasm, name, calls)
  WebAssembly.Module = function () {
    return new Module(bytes)
  }
  said.length = 0
  lost.length = 0
  return import(`../../pkg/index.js?${copies++}`)
}

/** The same of `halfopen/slim`, whose boundary is the other one. */
async function slimWith(name, calls) {
  WebAssembly.Module = Module
  said.length = 0
  lost.length = 0
  const halfopen = await import(`../../pkg/slim.js?${copies++}`)
  halfopen.initSync(broken(read('slim'), name, calls))
  return halfopen
}

const down = new Error('down')
const DOOR = Symbol.for('halfopen.read')
const REFUSED = /^ERR_(CIRCUIT_OPEN|BULKHEAD_FULL)$/

/** What a method is allowed to throw: the refusals of the package, and what a function of the user's threw. */
const isFine = (error) => error === down || REFUSED.test(error?.code)

/** Uses all there is of the package, and answers what was wrong. */
async function useAll({ CircuitBreaker, CircuitBreakerRegistry, ManualClock, classifyResponse }) {
  const wrong = []
  const tried = async (what, fn) => {
    try {
      return await fn()
    } catch (error) {
      if (!isFine(error)) wrong.push(`${what}: ${error?.stack ?? error}`)
      return undefined
    }
  }
  /** A call's value and its error have to be the function's own, or it was refused. */
  const called = async (what, call) => {
    const value = await tried(what, () => call(async () => 'up'))
    if (value !== 'up' && value !== undefined) wrong.push(`${what} gave ${value}`)
    await tried(what, async () => {
      const answer = await call(async () => { throw down })
      wrong.push(`${what} lost an error and gave ${answer}`)
    })
  }
  const clock = new ManualClock(1000)
  const sleep = async (ms) => void clock.advance(ms)
  const OPTIONS = [
    undefined,
    { clock, failureThreshold: 2, name: 'x', latency: true },
    { clock, window: { type: 'count', size: 4 }, failureRate: 0.5, minimumCalls: 2, timeout: 1000, maxConcurrent: 3, recoveryBackoff: { factor: 2 } },
    { clock, failureThreshold: 1, successThreshold: 1, recoveryTimeout: 5, sleep, probe: async () => {} },
    { clock, classify: (error) => (error === undefined ? undefined : { outcome: 'failure', retryAfter: 5, trip: true }) }
  ]
  const registry = new CircuitBreakerRegistry({ clock, maxBreakers: 2, failureThreshold: 2 })
  const judge = classifyResponse()
  for (let round = 0; round < 3; round++) {
    for (const [index, options] of OPTIONS.entries()) {
      const breaker = await tried('new', () => new CircuitBreaker(options))
      if (breaker === undefined) continue
      breaker.addEventListener('statechange', () => {})
      const use = async (what, fn) => tried(`${what} of ${index}`, () => fn(breaker))
      await called('call', (fn) => breaker.call(fn))
      await called('callWith', (fn) => breaker.callWith({ signal: new AbortController().signal }, fn))
      await called('callSync', (fn) => breaker.callSync(fn))
      await called('wrap', (fn) => breaker.wrap(fn)())
      await use('acquire', () => breaker.acquire().success())
      await use('acquire', () => breaker.acquire().failure(down))
      for (const name of ['state', 'mode', 'failureCount', 'successCount', 'lastFailureTime', 'failureThreshold', 'recoveryTimeout', 'successThreshold']) await use(name, () => breaker[name])
      for (const name of ['checkState', 'getSummary', 'explain', 'toJSON', 'recordFailure', 'recordSuccess', 'trip', 'checkState', 'isolate', 'release', 'disable', 'enable', 'observe', 'enable', 'reset']) {
        await use(name, () => breaker[name]())
      }
      await use('trip({ for })', () => breaker.trip({ for: 10 }))
      await use('a refusal', () => breaker.call(async () => 1))
      clock.advance(120_000)
      await use('a test request', () => breaker.call(async () => 1))
      await use('successThreshold', () => { breaker.successThreshold = 1 })
      await use('metrics', () => [breaker.metrics.summary(), breaker.metrics.toJSON(), breaker.metrics.stateChanges, breaker.metrics.inFlight, breaker.metrics.rejections])
      await use('the door', () => breaker[DOOR]().rows.length)
      await use('reset', () => breaker.reset())
      await called('call once more', (fn) => breaker.call(fn))
      await use('reset', () => breaker.reset())
      let isGranted = true
      const hold = await use('a fleet', () => join(breaker, { onRefused: () => isGranted }))
      await use('hold', () => hold.hold(0, 5000))
      await use('grant', () => [hold.grant(100), hold.state])
      await called('a held call', (fn) => breaker.call(fn))
      await use('hold', () => hold.hold(0, 5000))
      isGranted = false
      await called('a call that the fleet refuses', (fn) => breaker.call(fn))
      await use('release of a fleet', () => hold.release())
      await use('leave', () => leave(breaker))
      await use('reset', () => breaker.reset())
      await use('a carried on breaker', () => new CircuitBreaker({ ...options, snapshot: undefined }))
      const snapshot = await use('toJSON', () => breaker.toJSON())
      if (snapshot?.version > 0) await use('snapshot', () => new CircuitBreaker({ ...options, snapshot }).state)
      await drained()
    }
    for (const key of ['a', 'b', 'c', 'a']) await called('registry.call', (fn) => registry.call(key, fn))
    const held = await tried('registry.get', () => registry.get('held'))
    for (const key of ['d', 'e', 'f']) await tried('registry.get', () => registry.get(key).call(async () => 1))
    await tried('a breaker that was evicted', () => held?.call(async () => 1))
    await tried('registry', () => [registry.status(), registry.summary(), registry.metrics, registry.toJSON(), [...registry], registry.delete('d')])
    await tried('the door of one that was evicted', () => held?.[DOOR]())
    await tried('the door of a registry', () => {
      const { rows, gone, facts, keys } = registry[DOOR]()
      if (rows.length !== facts.length * keys.length || gone.length !== facts.length) wrong.push('the door gave half a row')
    })
    for (const status of [200, 429, 503]) {
      await tried('classifyResponse', () => judge(undefined, { status, headers: new Map([['retry-after', '7']]) }))
    }
    await drained()
  }
  return wrong
}

describe('a core in which one function traps', () => {
  const names = functionsOf(wasm)

  it('has functions at all', () => assert.ok(names.length > 30, names.join()))

  for (const name of names) {
    for (const calls of [0, 3]) {
      it(`fails nobody and is told of once: ${name} after ${calls} calls`, async () => {
        const halfopen = await packageWith(name, calls)
        assert.deepEqual(await useAll(halfopen), [])
        assert.deepEqual(lost, [])
        // That of an instance which takes another's place is called once.
        if (!['freeSlot', 'retireSlots'].includes(name)) assert.equal(said.length, 1)
      })
    }
  }
})

describe('a core of numbers in which one function traps', () => {
  for (const name of functionsOf(read('slim'))) {
    it(`fails nobody and is told of once: ${name}`, async () => {
      const halfopen = await slimWith(name, 0)
      assert.deepEqual(await useAll(halfopen), [])
      assert.deepEqual(lost, [])
      if (!['freeSlot', 'retireSlots'].includes(name)) assert.equal(said.length, 1)
    })
  }
})

describe('a breaker whose core trapped', () => {
  it('begins anew with the options that it had, guards again, and so does another', async () => {
    const { CircuitBreaker, ManualClock } = await packageWith('isolate', 0)
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ clock, failureThreshold: 3, recoveryTimeout: 77 })
    const other = new CircuitBreaker({ clock, failureThreshold: 2 })
    breaker.recoveryTimeout = 50
    other.trip()
    breaker.isolate()
    assert.equal(said.length, 1)
    const { failureThreshold, recoveryTimeout, state } = breaker
    assert.deepEqual({ failureThreshold, recoveryTimeout, state }, { failureThreshold: 3, recoveryTimeout: 50, state: 'closed' })
    for (let n = 0; n < 3; n++) await breaker.call(async () => { throw down }).catch(() => {})
    await assert.rejects(breaker.call(async () => 1), { code: 'ERR_CIRCUIT_OPEN' })
    assert.equal(await other.call(async () => 'begun anew'), 'begun anew')
    for (let n = 0; n < 2; n++) await other.call(async () => { throw down }).catch(() => {})
    await assert.rejects(other.call(async () => 1), { code: 'ERR_CIRCUIT_OPEN' })
    clock.advance(50)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('shares its new slot with none that is made then', async () => {
    const { CircuitBreaker } = await packageWith('isolate', 0)
    const old = Array.from({ length: 5 }, () => new CircuitBreaker({ failureThreshold: 1 }))
    old[0].isolate()
    const made = Array.from({ length: 5 }, () => new CircuitBreaker({ failureThreshold: 1 }))
    made[2].recordFailure()
    old[3].recordFailure()
    assert.deepEqual([...old, ...made].map(({ state }) => (state === 'open' ? 1 : 0)), [0, 0, 0, 1, 0, 0, 0, 1, 0, 0])
  })

  it('tells those who wait for it to close', async () => {
    const { CircuitBreaker } = await packageWith('disable', 0)
    const breaker = new CircuitBreaker()
    breaker.trip()
    const closed = breaker.whenClosed()
    breaker.disable()
    assert.equal(breaker.state, 'closed')
    await closed
  })

  it('gives the calls in flight what their functions give', async () => {
    const { CircuitBreaker } = await packageWith('reset', 0)
    const breaker = new CircuitBreaker({ failureThreshold: 1 })
    let resolve, reject
    const calls = [breaker.call(() => new Promise((yes) => (resolve = yes))), breaker.call(() => new Promise((_, no) => (reject = no)))]
    breaker.reset()
    resolve('up')
    reject(down)
    const [one, two] = await Promise.allSettled(calls)
    assert.deepEqual([one.value, two.reason], ['up', down])
  })

  it('costs no more than three new cores, however often it traps', async () => {
    const { CircuitBreaker } = await packageWith('settle', 0)
    let made = 0
    const { Module: Counted } = WebAssembly
    WebAssembly.Module = function () {
      made++
      return new Counted()
    }
    const breaker = new CircuitBreaker()
    for (let n = 0; n < 50; n++) assert.equal(await breaker.call(async () => n), n)
    assert.equal(made, 4)
  })
})
