// Hostile objects at every entry of a call, at random: whatever a function gives or throws, and whatever is passed for a signal or for options, the call is
// over, its place is free, and nothing that it threw went astray. It must not know what such a call comes to.

import fc from 'fast-check'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CircuitBreaker, CircuitBreakerRegistry } from '../../pkg/index.js'
import { drained, lives } from './support.js'

const mistake = new Error('hostile')
const fails = () => { throw mistake }
const revoked = (target) => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}
/** Throws at the n-th thing that is asked of it. */
const throwsAt = (target, n) => {
  let asked = 0
  const trap = (name) => (...all) => (asked++ >= n ? fails() : Reflect[name](...all))
  return new Proxy(target, Object.fromEntries(['get', 'has', 'getPrototypeOf', 'getOwnPropertyDescriptor', 'ownKeys'].map((name) => [name, trap(name)])))
}
const settled = (promise) => (promise.catch(() => {}), promise)

/** What a function may give. */
const RESULTS = {
  'a value': () => 1,
  'a promise': () => Promise.resolve(1),
  'a rejection': () => settled(Promise.reject(mistake)),
  'one that never settles': () => new Promise(() => {}),
  'a proxy of a promise': () => new Proxy(Promise.resolve(1), {}),
  'a revoked promise': () => revoked(Promise.resolve(1)),
  'a revoked object': () => revoked({}),
  'a promise with another then': () => Object.assign(Promise.resolve(1), { then: (resolve) => resolve(2) }),
  'a promise whose then throws': () => Object.assign(Promise.resolve(1), { then: fails }),
  'a promise whose then can’t be read': () => Object.defineProperty(Promise.resolve(1), 'then', { get: fails }),
  'a promise whose constructor can’t be read': () => Object.defineProperty(Promise.resolve(1), 'constructor', { get: fails }),
  'a promise of a hostile species': () => Object.defineProperty(Promise.resolve(1), 'constructor', { value: { [Symbol.species]: fails } }),
  'what says that it is a promise': () => ({ [Symbol.toStringTag]: 'Promise' }),
  'what throws when asked whether it is a promise': () => Object.defineProperty({}, Symbol.toStringTag, { get: fails }),
  'a prototype of promises': () => Object.create(Promise.prototype),
  'a thenable': () => ({ then: (resolve) => resolve(1) }),
  'a thenable that rejects': () => ({ then: (_, reject) => reject(mistake) }),
  'a thenable that does both, twice': () => ({ then: (resolve, reject) => { resolve(1); reject(mistake); resolve(2); fails() } }),
  'a thenable that never does': () => ({ then() {} }),
  'a thenable that throws': () => ({ then: fails }),
  'a thenable that can’t be read': () => Object.defineProperty({}, 'then', { get: fails }),
  'a thenable of thenables': () => ({ then: (resolve) => resolve({ then: (_, reject) => reject(mistake) }) }),
  'itself': () => { const self = { then: (resolve) => resolve(self) }; let left = 3; return { then: (resolve) => (left-- > 0 ? resolve(self === 0) : resolve(1)) } },
  'a function': () => fails,
  'nothing': () => undefined
}
/** What it may throw. */
const ERRORS = {
  'an error': () => mistake,
  'undefined': () => undefined,
  'null': () => null,
  'a revoked proxy': () => revoked(new Error('x')),
  'an error whose cause can’t be read': () => Object.defineProperty(new Error('x'), 'cause', { get: fails }),
  'an error that is its own cause': () => { const circle = new Error('x'); return Object.assign(circle, { cause: circle }) },
  'an error whose every member can’t be read': () => throwsAt(new Error('x'), 0),
  'a rejected promise': () => settled(Promise.reject(mistake)),
  'a thenable': () => ({ then: fails })
}
const signalOf = (members) => Object.assign(new EventTarget(), { aborted: false, reason: undefined }, members)
/** What may be passed for a signal. */
const SIGNALS = {
  'none': () => undefined,
  'a good one': () => new AbortController().signal,
  'one that has aborted': () => AbortSignal.abort(),
  'one that aborts while it is listened to': () => {
    const signal = signalOf({ addEventListener: (_, listener) => { signal.aborted = true; listener() } })
    return signal
  },
  'one that aborts in the midst': () => { const controller = new AbortController(); queueMicrotask(() => controller.abort(revoked({}))); return controller.signal },
  'one that takes no listener': () => signalOf({ addEventListener: fails }),
  'one that lets go of none': () => signalOf({ removeEventListener: fails }),
  'one whose reason can’t be read': () => Object.defineProperty(signalOf({ addEventListener: (_, listener) => queueMicrotask(listener) }), 'reason', { get: fails }),
  'one whose state is no state': () => signalOf({ aborted: 'yes' }),
  'a revoked one': () => revoked(new AbortController().signal),
  'a proxy of one': () => new Proxy(new AbortController().signal, {}),
  'a controller': () => new AbortController(),
  'null': () => null
}
const optionsOf = (n) => (options) => throwsAt(options, n)
/** What may be passed for options. */
const OPTIONS = { 'as they are': (options) => options, 'revoked': revoked, ...Object.fromEntries([0, 1, 2, 3, 4, 5].map((n) => [`that throw at ${n}`, optionsOf(n)])) }
const BREAKERS = {
  'of default options': {},
  'with a judge': { classify: (error) => (error === mistake ? 'ignored' : undefined) },
  'with a judge that answers a promise': { classify: () => Promise.reject(mistake) },
  'that measures': { latency: true },
  'with a fallback': { fallback: () => 'elsewhere', fallbackOn: 'failure' },
  'with a timeout': { timeout: 50 }
}
const WAYS = {
  call: (breaker, fn) => breaker.call(fn),
  callWith: (breaker, fn, options) => breaker.callWith(options, fn),
  callSync: (breaker, fn) => breaker.callSync(fn),
  wrap: (breaker, fn) => breaker.wrap(fn)(),
  wrapWith: (breaker, fn, options) => breaker.wrapWith(options, fn)()
}
const oneOf = (table) => fc.constantFrom(...Object.keys(table))

describe('hostile objects', () => {
  it('take no place for good, wherever they come from', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const unhandled = []
    const note = (reason) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    const { reportError } = globalThis
    globalThis.reportError = () => {}
    t.after(() => {
      process.off('unhandledRejection', note)
      globalThis.reportError = reportError
    })
    const life = fc.record({
      which: oneOf(BREAKERS), way: oneOf(WAYS), result: oneOf(RESULTS), thrown: oneOf(ERRORS), how: fc.constantFrom('returns', 'throws', 'rejects'),
      signal: oneOf(SIGNALS), options: oneOf(OPTIONS), isHalfOpen: fc.boolean()
    })
    await fc.assert(fc.asyncProperty(life, async ({ which, way, result, thrown, how, signal, options, isHalfOpen }) => {
      const breaker = new CircuitBreaker({ maxConcurrent: 1, failureThreshold: 1000, recoveryTimeout: 0, successThreshold: 1000, ...BREAKERS[which] })
      if (isHalfOpen) breaker.trip()
      const fn = () => {
        if (how === 'returns') return RESULTS[result]()
        if (how === 'throws') throw ERRORS[thrown]()
        return settled(Promise.reject(ERRORS[thrown]()))
      }
      try {
        const call = WAYS[way](breaker, fn, OPTIONS[options]({ signal: SIGNALS[signal](), timeout: 50 }))
        if (call instanceof Promise) call.then(() => {}, () => {})
      } catch {
        // Its own affair, as long as it gave the place back.
      }
      await drained()
      t.mock.timers.tick(50)
      await drained()
      // What never settles, in a call that has no time limit, is in flight rightly.
      const hangs = how === 'returns' && ['one that never settles', 'a thenable that never does'].includes(result) && (way === 'callSync' || (!which.includes('timeout') && !way.endsWith('With')))
      const lost = breaker.metrics.inFlight
      assert.ok(lost === 0 || (lost === 1 && hangs), `${lost} in flight`)
      if (!hangs) assert.equal(await breaker.call(() => 'in').catch(({ code, message }) => code ?? message), 'in')
      assert.deepEqual(unhandled, [])
    }), lives(1500))
  })

  it('as answers of what has to answer at once are reported, and as if there were none: promises', async (t) => {
    const reported = []
    const { reportError } = globalThis
    globalThis.reportError = ({ message }) => reported.push(message)
    t.after(() => { globalThis.reportError = reportError })
    const later = () => Promise.reject(mistake)
    const breaker = new CircuitBreaker({ clock: { now: later }, random: later, failureThreshold: 1, recoveryBackoff: { jitter: 1 }, classify: later })
    await breaker.call(fails).catch(() => {})
    assert.equal(breaker.state, 'open')
    assert.deepEqual([...new Set(reported)].sort(), [
      "Expected `classify` to answer 'success', 'failure' or 'ignored', got a promise",
      'Expected `clock.now` to answer a number, got a promise',
      'Expected `random` to answer a number, got a promise'
    ])
    assert.throws(() => new CircuitBreakerRegistry({ configure: later }).get('key'), { code: 'ERR_INVALID_OPTION' })
    await drained()
  })
})
