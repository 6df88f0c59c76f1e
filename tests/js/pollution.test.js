// What somebody added to `Object.prototype` changes nothing: own members alone count, in options as in all that the package makes itself. It must
// not know which names the package uses: it reads them off the built files. Each name is added in a process of many, before the import and after.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'acorn'
import { answerOf } from './support.js'

/** What the language itself or Node looks up on any object: with one of these added, neither works. */
const OF_THE_HOST = new Set(['then', 'constructor', 'prototype', 'length', 'name', 'message', 'stack', 'toString', 'valueOf', 'toJSON', 'hasOwnProperty', 'get', 'set', 'value'])

/** The names of members that the built files read or write. */
const NAMES = (() => {
  const names = new Set()
  const visit = (node) => {
    if (node === null || typeof node !== 'object') return
    if (Array.isArray(node)) return node.forEach(visit)
    if (node.type === 'MemberExpression' && !node.computed && node.property.type === 'Identifier') names.add(node.property.name)
    if (node.type === 'Property' && !node.computed && node.key.type === 'Identifier') names.add(node.key.name)
    Object.values(node).forEach(visit)
  }
  for (const path of ['index.js', 'errors.js']) visit(parse(readFileSync(new URL(`../../pkg/${path}`, import.meta.url), 'utf8'), { ecmaVersion: 2022, sourceType: 'module' }))
  return [...names].filter((name) => !(name in Object.prototype) && name.length > 1)
})()

/** What is asked of the package while the name is there. It prints nothing and gives all that it saw as a text. */
const SCENARIO = `async ({ CircuitBreaker, CircuitBreakerRegistry, ManualClock, isCircuitOpenError, classifyResponse }) => {
  const clock = new ManualClock(1e6)
  const seen = []
  // As found on it, not on what all objects have.
  const of = (object, name) => (object[name] === Object.prototype[name] ? undefined : object[name])
  const outcome = (promise) => promise.then((value) => seen.push(value), (error) =>
    seen.push([...['code', 'message', 'state', 'breaker'].map((name) => of(error, name)), Math.round(of(error, 'retryAfter') / 1000), of(error, 'cause') === down]))
  const down = new Error('down')
  const read = ({ state, mode, name, failureCount, successCount, lastFailureTime, failureThreshold, recoveryTimeout, successThreshold, metrics }) =>
    seen.push([state, mode, name, failureCount, successCount, lastFailureTime, failureThreshold, recoveryTimeout, successThreshold,
      metrics.totalCalls, metrics.failedCalls, metrics.rejectedCalls, metrics.inFlight, metrics.successRate, metrics.latency, metrics.stateChanges.length])
  const later = (value) => new Promise((resolve) => setImmediate(resolve, value))
  for (const options of [undefined, {}, { clock }, { clock, failureThreshold: 1, recoveryTimeout: 10, recoveryBackoff: {} },
    { clock, window: { type: 'count', size: 4 }, failureRate: 0.5, minimumCalls: 2 }, { clock, window: { type: 'time', duration: 100 }, failureThreshold: 2 },
    { clock, timeout: 1000, maxConcurrent: 1, slowCallDuration: 5, slowCallRate: 1, window: { type: 'count', size: 2 } }, { clock, classify: () => ({ outcome: 'failure' }), failureThreshold: 3 }]) {
    const breaker = new CircuitBreaker(options)
    const heard = []
    for (const type of ['statechange', 'success', 'failure', 'reject']) breaker.addEventListener(type, (event) => heard.push([event.type, event.cancelable, event.bubbles, of(event.detail, 'to')]))
    await outcome(breaker.call(later, 'up'))
    await outcome(breaker.callWith({}, later, 'with'))
    await outcome(breaker.callWith({}, async (value, { signal }) => [value, signal.aborted], 'signal'))
    await outcome(breaker.wrap(later)('wrapped'))
    await outcome(breaker.wrapWith({}, later)('wrapped with'))
    for (let n = 0; n < 6; n++) await outcome(breaker.call(() => later().then(() => { throw down })))
    if (options !== undefined && of(options, 'clock') !== undefined) read(breaker)
    clock.advance(60_000)
    await outcome(breaker.call(later, 'recovered'))
    breaker.reset()
    await outcome(breaker.whenClosed().then(() => 'closed'))
    await outcome(breaker.whenClosed({}).then(() => 'closed'))
    breaker.trip()
    await outcome(breaker.call(later, 'refused'))
    breaker.reset()
    const permit = breaker.acquire()
    permit.success()
    seen.push(permit.settled, heard.length, heard.at(-1), Object.keys(breaker.explain()).join())
    if (options !== undefined && of(options, 'clock') !== undefined) {
      const saved = JSON.parse(JSON.stringify(breaker))
      read(new CircuitBreaker({ ...options, snapshot: saved }))
    }
  }
  const registry = new CircuitBreakerRegistry({ clock, configure: (key) => (key === 'own' ? {} : undefined) })
  for (const key of ['a', 'b', 'own']) await outcome(registry.call(key, later, key))
  seen.push(registry.size, Object.entries(registry.status()).join(), Object.entries(registry.summary()).join())
  for (const wrong of [{ failureTreshold: 1 }, { window: { type: 'count' } }, { window: { size: 5 } }, { timeout: 'x' }]) {
    try { new CircuitBreaker(wrong); seen.push('made') } catch (error) { seen.push([error.code, error.option]) }
  }
  await outcome(new CircuitBreaker().callWith({ signal: {} }, later))
  const judged = classifyResponse()(undefined, { status: 503, headers: { get: (name) => (name === 'retry-after' ? '7' : null) } })
  seen.push(judged.outcome, judged.retryAfter, judged.trip)
  const probed = new CircuitBreaker({ clock, recoveryTimeout: 10, successThreshold: 1, probe: () => later(), sleep: () => new Promise(() => {}) })
  probed.trip()
  clock.advance(10)
  await probed.whenClosed()
  seen.push(probed.state)
  return JSON.stringify(seen)
}`

/** Runs the scenario once for each name and way to add it, in one process, and gives what came out otherwise than without. */
const run = (names, values) => answerOf(`
  const scenario = ${SCENARIO}
  const halfopen = await import(ESM)
  const alive = setTimeout(() => {}, 100_000)
  const plain = await scenario(halfopen)
  const wrong = []
  for (const name of ${JSON.stringify(names)}) {
    for (const [what, value] of Object.entries(${values})) {
      let came
      Object.defineProperty(Object.prototype, name, { __proto__: null, value, configurable: true, writable: true, enumerable: what !== 'hidden' })
      try { came = await scenario(halfopen) } catch (error) { came = String(error?.stack) } finally { delete Object.prototype[name] }
      // From where the two part.
      const parts = [...came].findIndex((letter, place) => letter !== plain[place])
      if (came !== plain) wrong.push([name, what, came.slice(Math.max(0, parts - 20), parts + 120)].join(': '))
    }
  }
  clearTimeout(alive)
  console.log(JSON.stringify([plain.length > 1000, wrong]))`)

describe('a polluted Object.prototype changes nothing', () => {
  it('in names enough', () => assert.ok(NAMES.length > 150, String(NAMES.length)))

  const names = NAMES.filter((name) => !OF_THE_HOST.has(name))
  const SIZE = 40
  for (let start = 0; start < names.length; start += SIZE) {
    const some = names.slice(start, start + SIZE)
    it(`from ${some[0]} to ${some.at(-1)}`, async () => {
      assert.deepEqual(await run(some, "{ number: 5, hidden: {}, function: () => 'evil' }"), [true, []])
    })
  }

  for (const [format, load] of [['module', 'await import(ESM)'], ['CommonJS', "(await import('node:module')).createRequire(import.meta.url)(CJS)"]]) {
    it(`in what is loaded and made afterwards: ${format}`, async () => {
      const answer = await answerOf(`
        const scenario = ${SCENARIO}
        const { createRequire } = await import('node:module')
        const log = console.log.bind(console)
        const added = ['timeout', 'fallback', 'window', 'type', 'size', 'clock', 'name', 'detail', 'bubbles', 'news', 'aside', 'probing', 'reason', 'enumerable', 'configurable']
        for (const name of added) Object.prototype[name] = 5
        const halfopen = ${load}
        for (const name of added) delete Object.prototype[name]
        log(JSON.stringify(await scenario(halfopen) === await scenario(await import(ESM))))`)
      assert.equal(answer, true)
    })
  }

  it('in the descriptors of members, whatever of one is added', async () => {
    const answer = await answerOf(`
      const { CircuitBreaker } = await import(ESM)
      const made = []
      for (const name of ['get', 'set', 'value', 'writable']) {
        Object.prototype[name] = name.length === 3 ? () => 'evil' : 5
        try {
          const breaker = new CircuitBreaker({ failureThreshold: 1 })
          const wrapped = breaker.wrap(function named(a) {})
          const permit = breaker.acquire()
          permit.success()
          made.push(breaker.state + wrapped.name + wrapped.length)
        } catch (error) {
          made.push(String(error))
        } finally {
          delete Object.prototype[name]
        }
      }
      console.log(JSON.stringify(made))`)
    assert.deepEqual(answer, Array(4).fill('closednamed1'))
  })
})
