// Hostile objects at every entry: whatever comes, there is an answer or an error, no permit is lost, nobody's promise is rejected unheard, and the
// breaker does its work afterwards. It must not know what each entry makes of them.

import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import {
  CircuitBreaker, CircuitBreakerRegistry, classifyResponse, CircuitOpenError, isBulkheadFullError, isCallTimeoutError, isCircuitOpenError, ManualClock
} from '../../pkg/index.js'
import { drained, lives } from './support.js'

const hostile = () => { throw new Error('hostile') }
/** A proxy all of whose traps throw, but those named. */
const throwing = (target, ...quiet) =>
  new Proxy(target, Object.fromEntries(Object.getOwnPropertyNames(Reflect).filter((name) => !quiet.includes(name)).map((name) => [name, hostile])))
const revoked = (target) => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}
const NAMES = ['signal', 'timeout', 'fallback', 'window', 'type', 'size', 'now', 'then', 'aborted', 'outcome', 'status', 'headers', 'code', 'cause', 'toString', 'handleEvent', 'once']
const getters = (holder = {}) => NAMES.reduce((object, name) => Object.defineProperty(object, name, { get: hostile, enumerable: true }), holder)

/** Each makes one anew. */
const HOSTILE = {
  'a proxy that throws': () => throwing({}),
  'a function proxy that throws': () => throwing(() => {}),
  'a function proxy that can only be called': () => throwing(() => {}, 'apply', 'get'),
  'a proxy of an array that throws': () => throwing([]),
  'a revoked proxy': () => revoked({}),
  'a revoked proxy of a function': () => revoked(() => {}),
  'a revoked proxy of an array': () => revoked([]),
  'a proxy of a promise': () => new Proxy(Promise.resolve(1), {}),
  'a proxy of a signal': () => new Proxy(new AbortController().signal, {}),
  'getters that throw': () => getters(),
  'getters that throw on a class': () => new (class { get signal() { return hostile() } get timeout() { return hostile() } get window() { return hostile() } })(),
  'getters that throw on a function': () => getters(() => {}),
  'an object without a prototype': () => Object.create(null),
  'a circle': () => { const circle = {}; return Object.assign(circle, { circle, cause: circle, window: circle, signal: circle }) },
  'a symbol': () => Symbol('hostile'),
  'a BigInt': () => 5n,
  'a symbol as its text': () => ({ toString: () => Symbol('x'), valueOf: () => Symbol('y') }),
  'a then that throws': () => ({ then: hostile }),
  'a then that settles twice': () => ({ then(resolve, reject) { resolve(1); reject(2); resolve(3) } }),
  'an endless list': () => ({ length: Infinity, [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: true }) }) }),
  'a rejected promise': () => { const promise = Promise.reject(new Error('hostile')); promise.catch(() => {}); return promise },
  'an error that throws': () => getters(new Error('x')),
  'a look-alike of a signal': () => ({ aborted: false, addEventListener: hostile, removeEventListener: hostile }),
  'a look-alike of a clock': () => ({ now: hostile, get timeOrigin() { return hostile() } }),
  'null': () => null,
  'a number': () => NaN,
  'a text': () => 'hostile'
}

const OPTIONS = [
  'name', 'failureThreshold', 'window', 'failureRate', 'recoveryTimeout', 'recoveryBackoff', 'successThreshold', 'timeout', 'maxConcurrent', 'classify', 'fallback',
  'fallbackOn', 'clock', 'random', 'snapshot', 'stackTrace', 'latency', 'probe', 'sleep', 'isolate'
]
const later = async () => 'up'
/** A breaker that is used once, with this option, and then left as nobody's. */
const used = async (options) => {
  const breaker = new CircuitBreaker(options)
  await breaker.call(later).catch(() => {})
  await breaker.call(() => { throw new Error('down') }).catch(() => {})
  breaker.trip()
  await breaker.call(later, 1).catch(() => {})
  breaker.checkState()
  breaker.toJSON()
  breaker.reset()
  await drained()
  assert.equal(breaker.metrics.inFlight, 0)
}

/** What can be given: each takes the breaker that is looked at afterwards and a maker of a hostile object. */
const ENTRIES = {
  'the options': (_, make) => used(make()),
  ...Object.fromEntries(OPTIONS.map((name) => [`the option ${name}`, (_, make) => used({ failureThreshold: 2, [name]: make() })])),
  'members of a window': (_, make) => used({ window: { type: 'count', size: make() }, failureRate: make() }),
  'members of a backoff': (_, make) => used({ recoveryBackoff: { factor: make(), jitter: make() } }),
  'what a clock says': (_, make) => used({ clock: { now: make } }),
  'what random says': (_, make) => used({ random: make, recoveryBackoff: { jitter: 1 } }),
  'a verdict': (_, make) => used({ classify: make }),
  'members of a verdict': (_, make) => used({ classify: () => ({ outcome: 'failure', retryAfter: make(), trip: make(), cause: make() }) }),
  'what a fallback gives': (_, make) => used({ fallback: make, fallbackOn: 'failure' }),
  'a snapshot': (_, make) => used({ snapshot: { ...new CircuitBreaker().toJSON(), window: make(), stateChanges: make() } }),
  'call(x)': (breaker, make) => breaker.call(make()),
  'call(() => x)': (breaker, make) => breaker.call(make),
  'call() that throws x': (breaker, make) => breaker.call(() => { throw make() }),
  'call() that rejects with x': (breaker, make) => breaker.call(() => Promise.reject(make())),
  'callSync(x)': (breaker, make) => breaker.callSync(make()),
  'callSync(() => x)': (breaker, make) => breaker.callSync(make),
  'callSync() that throws x': (breaker, make) => breaker.callSync(() => { throw make() }),
  'callWith(x)': (breaker, make) => breaker.callWith(make(), later),
  'callWith({}, x)': (breaker, make) => breaker.callWith({}, make()),
  'callWith({}, () => x)': (breaker, make) => breaker.callWith({}, make),
  'callWith({ signal: x })': (breaker, make) => breaker.callWith({ signal: make() }, later),
  'callWith({ timeout: x })': (breaker, make) => breaker.callWith({ timeout: make() }, later),
  'callWith({ fallback: x })': (breaker, make) => breaker.callWith({ fallback: make() }, later),
  'wrap(x)': (breaker, make) => breaker.wrap(make())(),
  'wrapWith(x)': (breaker, make) => breaker.wrapWith(make(), later)(),
  'wrapWith({}, x)': (breaker, make) => breaker.wrapWith({}, make())(),
  'whenClosed(x)': (breaker, make) => breaker.whenClosed(make()),
  'whenClosed({ signal: x }) of an open one': (breaker, make) => {
    breaker.trip()
    const closed = breaker.whenClosed({ signal: make() })
    breaker.reset()
    return closed
  },
  'recordFailure(x)': (breaker, make) => breaker.recordFailure(make()),
  'a permit that failed with x': (breaker, make) => {
    const permit = breaker.acquire()
    permit.failure(make())
  },
  'addEventListener(x)': (breaker, make) => breaker.addEventListener(make(), () => {}),
  'addEventListener(type, listener, x)': (breaker, make) => breaker.addEventListener('ignored', () => {}, make()),
  'removeEventListener(x)': (breaker, make) => breaker.removeEventListener('success', make(), make()),
  'dispatchEvent(x)': (breaker, make) => breaker.dispatchEvent(make()),
  'a written threshold': (breaker, make) => { breaker.failureThreshold = make() },
  'the options of a registry': (_, make) => new CircuitBreakerRegistry(make()).call('key', later),
  'maxBreakers': (_, make) => new CircuitBreakerRegistry({ maxBreakers: make() }),
  'configure': (_, make) => new CircuitBreakerRegistry({ configure: make() }).call('key', later),
  'what configure says': (_, make) => new CircuitBreakerRegistry({ configure: make }).call('key', later),
  'a key': async (_, make) => {
    const registry = new CircuitBreakerRegistry()
    await registry.call(make(), later)
    registry.summary()
    return [...registry.keys()].length
  },
  'classifyResponse(x)': (_, make) => classifyResponse(make()),
  'failOn': (_, make) => classifyResponse({ failOn: make(), rateLimit: make() }),
  'a response': (_, make) => classifyResponse()(undefined, make()),
  'ManualClock': (_, make) => new ManualClock(make()),
  'the guards': (_, make) => assert.ok([isCircuitOpenError, isBulkheadFullError, isCallTimeoutError].every((isOurs) => isOurs(make()) === false)),
  'the errors': (_, make) => new CircuitOpenError('x', make())
}
/** Those that promise a promise, and so never throw. */
const PROMISES = /^(call\(|callWith|whenClosed)/

/** Whether it is a failure of this test, of what may throw when it is looked at. */
const isAssertion = (error) => {
  try {
    return error.code === 'ERR_ASSERTION'
  } catch {
    return false
  }
}

let unhandled, said, restore
const note = (reason) => unhandled.push(reason)
beforeEach(() => {
  unhandled = []
  said = []
  const { error } = console
  console.error = (...all) => said.push(all[0])
  restore = () => (console.error = error)
  process.on('unhandledRejection', note)
})
afterEach(() => {
  restore()
  process.off('unhandledRejection', note)
})

/** Gives one hostile object to one entry, and looks at what is left. */
async function meet(entry, kind, breaker) {
  const name = `${entry}: ${kind}`
  let threw = false
  try {
    const answer = ENTRIES[entry](breaker, HOSTILE[kind])
    await Promise.resolve(answer).catch((error) => { if (isAssertion(error)) throw error })
  } catch (error) {
    if (isAssertion(error)) throw error
    threw = true
  }
  if (threw && PROMISES.test(entry)) {
    // Not the awaiting of a hostile answer: the entry itself must not throw.
    assert.doesNotThrow(() => { Promise.resolve(ENTRIES[entry](breaker, HOSTILE[kind])).catch(() => {}) }, name)
  }
  await drained()
  assert.equal(breaker.metrics.inFlight, 0, `${name}: no permit is lost`)
  breaker.failureThreshold = 5
  breaker.reset()
  assert.equal(await breaker.call(later), 'up', name)
  assert.deepEqual(unhandled, [], name)
  const failed = said.filter((error) => { try { return String(error?.message).includes('core has failed') } catch { return false } })
  assert.deepEqual(failed, [], name)
}

describe('a hostile object', () => {
  for (const entry of Object.keys(ENTRIES)) {
    it(`does no harm as ${entry}`, async () => {
      for (const kind of Object.keys(HOSTILE)) await meet(entry, kind, new CircuitBreaker({ maxConcurrent: 1 }))
    })
  }

  it('does no harm in any order, to one breaker', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...Object.keys(ENTRIES)), fc.constantFrom(...Object.keys(HOSTILE))), { minLength: 1, maxLength: 12 }),
        async (steps) => {
          const breaker = new CircuitBreaker({ maxConcurrent: 1, failureThreshold: 3 })
          for (const [entry, kind] of steps) await meet(entry, kind, breaker)
        }
      ),
      lives(60)
    )
  })
})
