// The end of the call stack, which may meet a call at any frame: whatever was refused a frame, no permit is lost for ever, none is settled twice, and a
// normal call passes once the stack has unwound. It must not know at which frames it can happen.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import { isOverflow } from '../../js/breaker/unsettled.js'
import { run } from './support.js'

/** What is done with a breaker at the end of the stack. Each is one call at most. */
const USES = {
  'call() of an async function': 'breaker.call(async () => 1)',
  'call() of a plain function': 'breaker.call(() => 1)',
  'call() of a function that throws': 'breaker.call(() => { throw down })',
  'call() of a thenable': 'breaker.call(() => ({ then: (resolve) => resolve(1) }))',
  'callWith()': 'breaker.callWith({}, async () => 1)',
  'callWith() of a function that throws': 'breaker.callWith({}, () => { throw down })',
  'callWith() with a signal': 'breaker.callWith({ signal: controller.signal }, async () => 1)',
  'callWith() with a timeout': 'breaker.callWith({ timeout: 10_000 }, async (context) => context.signal)',
  'callSync()': 'breaker.callSync(() => 1)',
  'callSync() of a function that throws': 'breaker.callSync(() => { throw down })',
  'callSync() of an async function': 'breaker.callSync(async () => 1)',
  'a call that recurses to the end by itself': 'breaker.call(function again() { again() })',
  'wrap()': 'breaker.wrap(async () => 1)()',
  'a permit that is settled at once': '{ const permit = breaker.acquire(); owed.push(permit); permit.success() }'
}

/** Breakers that take other ways. Listeners are added after the options. */
const BREAKERS = {
  'of default options': '{}',
  'with a timeout': '{ timeout: 10_000 }',
  'with a judge': '{ classify: () => undefined }',
  'that measures latency': '{ latency: true }',
  'whose fallback answers failures': "{ fallback: () => 2, fallbackOn: 'failure' }",
  'with a window': "{ failureThreshold: undefined, window: { type: 'time', duration: 1000 }, failureRate: 1, minimumCalls: 1e6 }"
}

const PROGRAM = (options, isHalfOpen) => `
  const { CircuitBreaker, ManualClock } = await import(ESM)
  // What rejects there may have nobody who listens.
  process.on('uncaughtException', () => {})
  console.error = () => {}
  const clock = new ManualClock(1000)
  const down = new Error('down')
  const controller = new AbortController()
  const make = () => new CircuitBreaker({ clock, failureThreshold: 1e9, recoveryTimeout: 10, halfOpenTimeout: 10, successThreshold: 1e9, maxConcurrent: 1, ...${options} })
  const owed = []
  const turn = () => new Promise(setImmediate)
  let breaker
  const USES = { ${Object.entries(USES).map(([what, use]) => `${JSON.stringify(what)}: () => ${use}`).join(', ')} }
  const lost = {}
  for (const [what, use] of Object.entries(USES)) {
    const note = (how) => (lost[what + ': ' + how] = (lost[what + ': ' + how] ?? 0) + 1)
    breaker = make()
    if (what.length % 2) for (const type of ['success', 'failure', 'ignored', 'statechange']) breaker.addEventListener(type, () => {})
    // Where the core itself is refused a frame in the midst of an admission, a test request is lost until its time is up.
    const bring = () => {
      if (!${isHalfOpen}) return
      if (breaker.state === 'closed') breaker.trip()
      clock.advance(10)
      if (breaker.checkState() === 'half_open') return
      clock.advance(10)
      breaker.checkState()
    }
    const tryIt = () => {
      try { use()?.catch?.(() => {}) } catch {}
    }
    // The deepest frames alone are near the end.
    let left = 0
    const deep = () => {
      try { deep() } catch {}
      if (left-- > 0) tryIt()
    }
    const from = (...padding) => deep()
    // What was never run has yet to be compiled, which takes more of the stack than all the rest.
    for (let n = 0; n < 100; n++) {
      bring()
      tryIt()
      await turn()
      for (const permit of owed.splice(0)) permit.ignore()
    }
    for (let n = 0; n < 24; n++) {
      bring()
      left = 150
      from(...Array(n))
      await turn()
      for (const permit of owed.splice(0)) permit.ignore()
      if (breaker.metrics.inFlight !== 0) note('in flight ' + breaker.metrics.inFlight)
      bring()
      let permit
      try { breaker.callSync(() => 1) } catch (error) { note(error.message) }
      try { permit = breaker.acquire() } catch (error) { note(error.message) }
      try { breaker.acquire(); note('two at once') } catch {}
      permit?.ignore()
    }
  }
  console.log(JSON.stringify(lost))
  process.exit()`

describe('at the end of the call stack no permit is lost, and none is given twice', () => {
  for (const [which, options] of Object.entries(BREAKERS)) {
    for (const isHalfOpen of [false, true]) {
      it(`by a breaker ${which}${isHalfOpen ? ', in half-open' : ''}`, async () => {
        const { stdout } = await run(PROGRAM(options, isHalfOpen), '--stack-size=200')
        assert.deepEqual(JSON.parse(stdout), {})
      })
    }
  }
})

describe('an error that says so', () => {
  const overflow = 'try { (function deeper() { deeper() })() } catch (error) { error }'

  it('is told from others by its name, also in another realm, as under Jest, and in Firefox', () => {
    for (const error of [(0, eval)(overflow), runInNewContext(overflow), { name: 'InternalError' }]) assert.equal(isOverflow(error), true)
    for (const error of [new Error('x'), new WebAssembly.RuntimeError('x'), runInNewContext('new TypeError()'), undefined, null, 'RangeError']) {
      assert.equal(isOverflow(error), false)
    }
  })
})
