// What a call keeps alive: nothing, once it is over, though its function's promise may stay pending for ever. It must not know how a call
// ends early.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerOf } from './support.js'

/** Ways by which a call is over while its function's promise is pending, which somebody holds. */
const WAYS = {
  'its timeout': `breaker.call(...given())`,
  'its own timeout': `breaker.callWith({ timeout: 1 }, ...given())`,
  'its own timeout, with a signal': `breaker.callWith({ timeout: 1, signal: kept.signal }, ...given())`,
  'its timeout, with a fallback': `falling.call(...given())`,
  "its caller's abort while its fallback is pending": `(setTimeout(() => aborts.abort(), 1), refusing.callWith({ signal: aborts.signal }, ...given()))`,
  "its caller's abort while a fallback for failures is pending": `(setTimeout(() => aborts.abort(), 20), hanging.callWith({ signal: aborts.signal }, ...given()))`,
  "its caller's abort": `(setTimeout(() => aborts.abort(), 1), breaker.callWith({ timeout: 60000, signal: aborts.signal }, ...given()))`
}

describe('a call that is over by', () => {
  for (const [what, call] of Object.entries(WAYS)) {
    it(`${what} keeps neither its arguments nor its function, though the promise is pending`, async () => {
      const alive = await answerOf(`
        const { CircuitBreaker } = await import(ESM)
        const breaker = new CircuitBreaker({ timeout: 1, failureThreshold: 1000 })
        const falling = new CircuitBreaker({ timeout: 1, failureThreshold: 1000, fallback: () => 'elsewhere', fallbackOn: 'failure' })
        const hanging = new CircuitBreaker({ timeout: 1, failureThreshold: 1000, fallback: () => pending, fallbackOn: 'failure' })
        const refusing = new CircuitBreaker({ fallback: () => pending })
        refusing.trip()
        const kept = new AbortController(), aborts = new AbortController()
        const pending = new Promise(() => {})
        const references = []
        const given = () => {
          const big = { big: new Array(1000) }
          const fn = () => (void big, pending)
          const argument = { argument: true }
          references.push(...[fn, argument, big].map((one) => new WeakRef(one)))
          return [fn, argument]
        }
        const alive = setTimeout(() => {}, 60000)
        await (async () => { await ${call}.catch(() => {}) })()
        clearTimeout(alive)
        for (let round = 0; round < 100 && references.some((one) => one.deref()); round++) {
          await new Promise(setImmediate)
          gc()
        }
        console.log(JSON.stringify(references.map((one) => one.deref() !== undefined)))
        void pending, kept
        process.exit()`, '--expose-gc')
      assert.deepEqual(alive, [false, false, false])
    })
  }

  it('its value keeps that no longer than its caller does', async () => {
    const alive = await answerOf(`
      const { CircuitBreaker } = await import(ESM)
      const kept = new AbortController()
      const references = []
      for (const call of [
        (breaker, fn) => breaker.call(fn),
        (breaker, fn) => breaker.callWith({}, fn),
        (breaker, fn) => breaker.callWith({ timeout: 60000, signal: kept.signal }, fn)
      ]) {
        for (const options of [undefined, { timeout: 60000 }, { latency: true }]) {
          const breaker = new CircuitBreaker(options)
          await (async () => { references.push(new WeakRef(await call(breaker, async () => ({ value: new Array(1000) })))) })()
        }
      }
      for (let round = 0; round < 100 && references.some((one) => one.deref()); round++) {
        await new Promise(setImmediate)
        gc()
      }
      console.log(JSON.stringify(references.map((one) => one.deref() !== undefined)))
      void kept`, '--expose-gc')
    assert.deepEqual(alive, Array(9).fill(false))
  })
})
