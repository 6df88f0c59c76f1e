// A breaker that a fleet holds open: who is refused, who is asked for, who tests, and what the fleet hears. The fleet is a plain member here, which
// answers what the test says; no store, and no time but that of a clock moved by hand. It must not know how a fleet comes to its verdict.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { beforeEach, describe, it, mock } from 'node:test'
import { join, leave, STAGES, TEST_ENDS } from '../../js/fleet/place.js'
import { CircuitBreaker, CircuitBreakerRegistry, isCircuitOpenError, ManualClock } from '../../pkg/index.js'
import { guardFetch } from '../../pkg/fetch.js'
import { CircuitBreaker as OtherBreaker } from '../../pkg/no-wasm.js'
import { guardDispatch } from '../../pkg/undici.js'
import fc from 'fast-check'
import { deferred, drained, lives, rejectionOf, thrownBy } from './support.js'

const DUE = 1000
const STALE = 5000
const LEASE = 300
const DOOR = Symbol.for('halfopen.fleet')
const up = async () => 'up'
const down = async () => {
  throw new Error('down')
}

let clock, breaker, member, hold, changes, heard
/** A fleet's member whose answer is `member.answer`, and which notes what it hears. */
function newMember() {
  const noted = (heard = [])
  return {
    answer: undefined,
    onRefused(isSync) {
      noted.push(isSync ? 'asked at once' : 'asked')
      return typeof this.answer === 'function' ? this.answer() : this.answer
    },
    onOutcome: (outcome) => noted.push(outcome),
    onOpened: () => noted.push('opened'),
    onClosed: () => noted.push('closed')
  }
}
function make(options) {
  clock = new ManualClock(5)
  breaker = new CircuitBreaker({ clock, failureThreshold: 2, recoveryTimeout: 10_000, successThreshold: 2, name: 'users', ...options })
  changes = []
  const own = changes
  breaker.addEventListener('statechange', ({ detail: { from, to, reason } }) => own.push(`${from} to ${to}: ${reason}`))
  member = newMember()
  hold = join(breaker, member)
}
beforeEach(() => make())
/** Held, and a test is due. */
function due() {
  hold.hold(0, STALE)
  changes.length = heard.length = 0
}
const counts = () => {
  const { totalCalls, successfulCalls, failedCalls, ignoredCalls, rejectedCalls, staleCalls, inFlight, wouldRejectCalls } = breaker.metrics
  return { totalCalls, successfulCalls, failedCalls, ignoredCalls, rejectedCalls, staleCalls, inFlight, wouldRejectCalls }
}
const NONE = { totalCalls: 0, successfulCalls: 0, failedCalls: 0, ignoredCalls: 0, rejectedCalls: 0, staleCalls: 0, inFlight: 0, wouldRejectCalls: 0 }
const refusal = async (promise = breaker.call(up)) => {
  const error = await rejectionOf(promise)
  assert.ok(isCircuitOpenError(error), String(error))
  return error
}
const ready = () => [breaker.state, hold.state]

describe('the door', () => {
  it('lets a fleet join, and says of what is no breaker and no member what it expected', () => {
    assert.equal(hold.state, 'none')
    assert.equal(breaker.state, 'closed')
    for (const wrong of [undefined, null, {}, 7, 'breaker']) {
      assert.throws(() => join(wrong, newMember()), { name: 'TypeError', code: 'ERR_INVALID_ARGUMENT', message: /^Expected `breaker` to be a CircuitBreaker/ })
    }
    const other = new CircuitBreaker()
    for (const wrong of [undefined, null, {}, 7, { onRefused: true }]) {
      assert.throws(() => join(other, wrong), { name: 'TypeError', code: 'ERR_INVALID_ARGUMENT', message: /^Expected `member` to be an object with/ })
    }
  })

  it('lets one in at a time, and the next once that has left', () => {
    assert.throws(() => join(breaker, newMember()), { name: 'TypeError', code: 'ERR_INVALID_ARGUMENT' })
    leave(breaker)
    join(breaker, newMember()).hold(0, STALE)
    assert.equal(breaker.state, 'open')
    assert.equal(hold.state, 'none', 'the hold of one that has left is nobody’s')
  })

  it('is seen by nobody who lists the members, and is one for all copies of the package', () => {
    assert.equal(Object.hasOwn(breaker, DOOR), false)
    assert.equal(Object.getOwnPropertyDescriptor(CircuitBreaker.prototype, DOOR).enumerable, false)
    const other = new OtherBreaker({ clock })
    join(other, newMember()).hold(DUE, STALE)
    assert.equal(other.state, 'open')
  })

  it('has the names that the core has', async () => {
    const numbers = await import('../../js/engine/generated/numbers.js')
    assert.deepEqual([STAGES, TEST_ENDS], [numbers.STAGES, numbers.TEST_ENDS])
  })

  it('refuses spans that are none, and nothing has changed', () => {
    for (const [ms, stale] of [[-1, 5], [5, 4.5], [NaN, 5], [0, NaN], [0, Infinity], ['0', 5], [0n, 5], [undefined, undefined], [true, 5]]) {
      assert.throws(() => hold.hold(ms, stale), { name: 'RangeError', code: 'ERR_INVALID_ARGUMENT', message: /0 <= due <= stale/ })
    }
    for (const lease of [0, -1, NaN, '5', undefined, null]) assert.throws(() => hold.grant(lease), { name: 'RangeError', code: 'ERR_INVALID_ARGUMENT' })
    assert.deepEqual(ready(), ['closed', 'none'])
    hold.hold(0, 0)
    assert.deepEqual(ready(), ['open', 'stale'])
  })
})

describe('a held breaker', () => {
  it('opens with the reason `fleet`, which the fleet does not hear, and refuses with what is left until a test is due', async () => {
    await breaker.call(up)
    hold.hold(DUE, STALE)
    assert.deepEqual(changes, ['closed to open: fleet'])
    clock.advance(400)
    const error = await refusal()
    assert.deepEqual([error.retryAfter, error.breaker, error.state, error.cause], [600, 'users', 'open', undefined])
    assert.equal(thrownBy(() => breaker.callSync(up)).retryAfter, 600)
    assert.equal(thrownBy(() => breaker.acquire()).retryAfter, 600)
    assert.equal(breaker.explain().sentence, 'open: held open by its fleet, next test in 600 ms')
    assert.deepEqual([breaker.explain().retryAfter, breaker.explain().reason], [600, 'fleet'])
    assert.deepEqual(heard, [])
    assert.equal(breaker.metrics.rejectedCalls, 3)
  })

  it('asks nobody to the millisecond before a test is due, and from then on each who could be it', async () => {
    hold.hold(DUE, STALE)
    clock.advance(DUE - 0.5)
    assert.equal((await refusal()).retryAfter, 0.5)
    assert.deepEqual([heard, hold.state], [[], 'held'])
    clock.advance(0.5)
    assert.equal((await refusal()).retryAfter, 250)
    assert.deepEqual([heard, hold.state], [['asked'], 'due'])
    assert.equal(breaker.explain().sentence, 'open: held open by its fleet, which says who tests next')
    assert.deepEqual(counts(), { ...NONE, totalCalls: 2, rejectedCalls: 2 })
  })

  it('is told to wait less where its verdict is stale sooner, and never 0', async () => {
    due()
    clock.advance(STALE - 100)
    assert.equal((await refusal()).retryAfter, 100)
    clock.advance(99.5)
    assert.equal((await refusal()).retryAfter, 1)
  })

  it('goes on by itself once the verdict is stale, to the millisecond, with one test', async () => {
    hold.hold(DUE, STALE)
    clock.advance(STALE - 0.5)
    await refusal()
    clock.advance(0.5)
    assert.deepEqual(ready(), ['open', 'stale'])
    assert.equal(breaker.explain().retryAfter, 0)
    heard.length = changes.length = 0
    const test = deferred()
    const call = breaker.call(() => test.promise)
    await refusal()
    assert.deepEqual([ready(), heard], [['half_open', 'none'], []])
    test.resolve('up')
    assert.equal(await call, 'up')
    assert.equal(await breaker.call(up), 'up')
    assert.deepEqual(changes, ['open to half_open: recovery_due', 'half_open to closed: recovered'])
    assert.deepEqual(heard, ['closed'], 'by its own evidence')
  })

  it('closes with the reason `fleet` when the fleet lets go, and stays open for what was done by hand', async () => {
    hold.hold(DUE, STALE)
    hold.release()
    assert.deepEqual([changes, ready(), heard], [['closed to open: fleet', 'open to closed: fleet'], ['closed', 'none'], []])
    hold.hold(DUE, STALE)
    breaker.trip({ for: 2000 })
    hold.release()
    assert.deepEqual(ready(), ['open', 'none'])
    assert.equal((await refusal()).retryAfter, 2000)
    breaker.reset()
    hold.hold(DUE, STALE)
    breaker.trip()
    hold.hold(DUE, STALE)
    hold.release()
    assert.equal((await refusal()).retryAfter, 10_000, 'a recovery time at least')
  })

  it('takes over a circuit that had opened by itself: the fleet is told of that, and lets go of all', async () => {
    for (let call = 0; call < 2; call++) await rejectionOf(breaker.call(down))
    assert.deepEqual(heard, ['opened'])
    hold.hold(DUE, STALE)
    assert.equal((await refusal()).retryAfter, DUE)
    hold.release()
    assert.deepEqual(ready(), ['closed', 'none'])
  })

  it('renews a verdict, and a shorter one counts', async () => {
    hold.hold(DUE, STALE)
    clock.advance(DUE)
    hold.hold(DUE, STALE)
    assert.equal((await refusal()).retryAfter, DUE)
    hold.hold(10, 20)
    assert.equal((await refusal()).retryAfter, 10)
    assert.deepEqual(changes, ['closed to open: fleet'])
  })

  it('is due when its fleet leaves: nobody said that the dependency is well', async () => {
    hold.hold(DUE, STALE)
    leave(breaker)
    assert.deepEqual(ready(), ['open', 'none'])
    assert.equal(await breaker.call(up), 'up')
    assert.equal(breaker.state, 'half_open')
    leave(breaker)
  })

  it('is outranked by every switch, and changes none', async () => {
    hold.hold(DUE, STALE)
    breaker.isolate()
    assert.equal((await refusal()).retryAfter, Infinity)
    clock.advance(STALE)
    hold.hold(0, STALE)
    assert.equal(hold.grant(LEASE), false, 'nobody tests an isolated circuit')
    assert.equal((await refusal()).retryAfter, Infinity)
    hold.release()
    assert.deepEqual([breaker.state, breaker.mode], ['open', 'isolated'])
    breaker.reset()
    hold.hold(0, STALE)
    breaker.observe()
    assert.equal(await breaker.call(up), 'up')
    assert.equal(breaker.metrics.wouldRejectCalls, 1)
    breaker.disable()
    assert.equal(await breaker.call(up), 'up')
    breaker.enable()
    assert.deepEqual(ready(), ['open', 'due'])
    assert.deepEqual(heard, ['closed'])
    breaker.reset()
    assert.deepEqual([ready(), heard], [['closed', 'none'], ['closed', 'closed']])
    assert.equal(hold.grant(LEASE), false, 'there is no verdict')
  })
})

describe('the fleet’s test', () => {
  it('is the call for which it says so: it passes at once, as half open, and closes nothing by itself', async () => {
    due()
    member.answer = true
    for (const nth of [1, 2, 3]) assert.equal(await breaker.call(up), 'up', `the ${nth}.`)
    assert.deepEqual(changes, ['open to half_open: recovery_due'])
    assert.deepEqual(heard, ['asked', 'success', 'asked', 'success', 'asked', 'success'])
    assert.deepEqual(counts(), { ...NONE, totalCalls: 3, successfulCalls: 3 })
    hold.release()
    assert.deepEqual([changes.pop(), ready()], ['half_open to closed: fleet', ['closed', 'none']])
    await breaker.call(up)
    assert.equal(heard.length, 6, 'who has an answer from a closed circuit asks nobody')
  })

  it('is one at a time, whatever the options say; meanwhile nobody else is asked', async () => {
    make({ halfOpenMaxConcurrent: 3, halfOpenCalls: 5 })
    due()
    member.answer = true
    const test = deferred()
    const call = breaker.call(() => test.promise)
    const error = await refusal()
    assert.deepEqual([heard, error.state, error.retryAfter], [['asked'], 'half_open', 250])
    assert.equal(breaker.explain().sentence, 'half_open: held by its fleet until that lets go, a test request is in flight')
    test.resolve('up')
    await call
    assert.equal(breaker.explain().sentence, 'half_open: held by its fleet until that lets go, waits for a call to test with')
    assert.deepEqual(heard, ['asked', 'success'])
  })

  it('opens the circuit again when it fails, though others might follow; the fleet says what comes then', async () => {
    make({ halfOpenCalls: 5 })
    due()
    member.answer = true
    await rejectionOf(breaker.call(down))
    assert.deepEqual(changes, ['open to half_open: recovery_due', 'half_open to open: test_failed'])
    assert.deepEqual(heard, ['asked', 'failure'], 'and not that it opened by itself')
    assert.equal((await refusal()).retryAfter, 10_000, 'its own, until it is held again')
    hold.hold(DUE, STALE)
    assert.equal((await refusal()).retryAfter, DUE)
    assert.equal(changes.length, 2)
  })

  it('is a failure when it is slow or times out, and none where nobody learnt anything', async () => {
    make({ slowCallDuration: 100, slowCallRate: 1, minimumCalls: 1, window: { type: 'count', size: 5 } })
    for (const [expected, fn] of [
      ['failure', () => (clock.advance(100), 'slow')],
      ['ignored', () => { throw new DOMException('gone', 'AbortError') }]
    ]) {
      due()
      member.answer = true
      const permit = breaker.acquire()
      if (expected === 'ignored') permit.ignore()
      else {
        fn()
        permit.success()
      }
      assert.deepEqual(heard, ['asked at once', expected])
      hold.release()
      breaker.reset()
    }
  })

  it('expires with its lease, not with the half-open timeout, which is seen by the next who asks', async () => {
    due()
    member.answer = () => hold.grant(LEASE)
    const test = deferred()
    const call = breaker.call(() => test.promise)
    clock.advance(LEASE - 0.5)
    await refusal()
    assert.deepEqual(heard, ['asked'])
    clock.advance(0.5)
    breaker.checkState()
    assert.deepEqual([heard, changes.at(-1)], [['asked', 'expired'], 'half_open to open: test_expired'])
    test.resolve('late')
    assert.equal(await call, 'late')
    assert.deepEqual(heard, ['asked', 'expired'], 'its end is told once')
    assert.equal(breaker.metrics.staleCalls, 1)
  })

  it('has the half-open timeout where nobody gave a lease', async () => {
    make({ halfOpenTimeout: 700 })
    due()
    member.answer = true
    const call = breaker.call(() => new Promise(() => {}))
    clock.advance(699.5)
    breaker.checkState()
    assert.equal(heard.length, 1)
    clock.advance(0.5)
    breaker.checkState()
    assert.deepEqual(heard, ['asked', 'expired'])
    call.catch(() => {})
  })

  it('may be granted before it is due, and lapses with its lease where nobody comes', async () => {
    hold.hold(DUE, STALE)
    assert.equal(hold.grant(LEASE), true)
    assert.equal(breaker.state, 'open', 'until somebody comes')
    clock.advance(LEASE - 0.5)
    assert.equal(breaker.explain().retryAfter, 0)
    assert.equal(await breaker.call(up), 'up')
    assert.deepEqual(heard, ['success'])
    hold.hold(DUE, STALE)
    assert.equal(hold.grant(LEASE), true)
    clock.advance(LEASE)
    assert.equal((await refusal()).retryAfter, DUE - LEASE)
  })

  it('is told though its circuit was closed by hand meanwhile', async () => {
    due()
    member.answer = true
    const test = deferred()
    const call = breaker.call(() => test.promise)
    breaker.reset()
    test.resolve('up')
    await call
    assert.deepEqual(heard, ['asked', 'closed', 'success'])
  })

  it('goes on where the verdict is renewed meanwhile', async () => {
    due()
    member.answer = true
    const test = deferred()
    const call = breaker.call(() => test.promise)
    hold.hold(0, STALE)
    hold.hold(DUE, STALE)
    assert.equal(breaker.state, 'half_open')
    test.resolve('up')
    await call
    assert.deepEqual([heard, changes], [['asked', 'success'], ['open to half_open: recovery_due']])
    assert.equal((await refusal()).retryAfter, DUE)
    hold.hold(DUE, STALE)
    assert.equal(changes.at(-1), 'half_open to open: fleet')
  })

  it('takes no place in a full bulkhead, and what was granted for it is given back', async () => {
    make({ maxConcurrent: 1 })
    const first = deferred()
    const call = breaker.call(() => first.promise)
    due()
    const error = await rejectionOf(breaker.call(up))
    assert.equal(error.code, 'ERR_BULKHEAD_FULL')
    assert.deepEqual(heard, [], 'nobody is asked for whom there is no room')
    const claim = deferred()
    first.resolve('up')
    await call
    member.answer = () => claim.promise
    const second = breaker.call(up)
    breaker.disable()
    const other = breaker.call(() => first.promise.then(() => new Promise(() => {})))
    other.catch(() => {})
    breaker.enable()
    claim.resolve(true)
    assert.equal((await rejectionOf(second)).code, 'ERR_BULKHEAD_FULL')
    assert.deepEqual(heard, ['asked', 'ignored'])
  })
})

describe('a claim that is waited for', () => {
  let claim
  beforeEach(() => {
    due()
    claim = deferred()
    member.answer = () => claim.promise
  })

  it('makes its call the test, or has it refused, and stands in one count', async () => {
    const call = breaker.call(up)
    await drained()
    assert.deepEqual(counts(), NONE, 'it was neither let through nor refused')
    claim.resolve(true)
    assert.equal(await call, 'up')
    assert.deepEqual([heard, counts()], [['asked', 'success'], { ...NONE, totalCalls: 1, successfulCalls: 1 }])
    for (const answer of [false, undefined, 1, 'true']) {
      claim = deferred()
      const refused = refusal()
      claim.resolve(answer)
      assert.equal((await refused).state, 'half_open')
    }
    claim = deferred()
    const refused = refusal()
    claim.reject(new Error('the store is gone'))
    await refused
    assert.equal(breaker.metrics.rejectedCalls, 5)
    assert.ok(!heard.includes('ignored'))
  })

  it('grants one call, though several wait for it', async () => {
    const calls = [breaker.call(up), breaker.call(up), breaker.call(up)]
    claim.resolve(true)
    const answers = await Promise.allSettled(calls)
    assert.equal(answers.filter(({ status }) => status === 'fulfilled').length, 1)
    assert.deepEqual(heard, ['asked', 'asked', 'asked', 'success'])
    assert.deepEqual(counts(), { ...NONE, totalCalls: 3, successfulCalls: 1, rejectedCalls: 2 })
  })

  it('keeps arguments, receiver, context and fallback of its call', async () => {
    const seen = []
    const object = {
      method(...args) {
        seen.push(this === object, args)
        return 'done'
      }
    }
    object.wrapped = breaker.wrap(object.method)
    const wrapped = object.wrapped(1, 2)
    claim.resolve(true)
    assert.equal(await wrapped, 'done')
    assert.deepEqual(seen, [true, [1, 2]])

    claim = deferred()
    const withContext = breaker.callWith({}, (one, { signal }) => [one, signal.aborted], 'one')
    claim.resolve(true)
    assert.deepEqual(await withContext, ['one', false])

    claim = deferred()
    const answered = breaker.callWith({ fallback: (one, error) => [one, error.code] }, up, 'one')
    claim.resolve(false)
    assert.deepEqual(await answered, ['one', 'ERR_CIRCUIT_OPEN'])
  })

  it('has its caller gone at once with its own reason, and is given back when it comes', async () => {
    const controller = new AbortController()
    const reason = new Error('gone')
    let calls = 0
    const call = breaker.callWith({ signal: controller.signal }, () => calls++)
    assert.equal(getEventListeners(controller.signal, 'abort').length, 1)
    controller.abort(reason)
    assert.equal(await rejectionOf(call), reason)
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
    assert.deepEqual([heard, counts()], [['asked'], NONE])
    claim.resolve(true)
    await drained()
    assert.deepEqual([heard, calls, ready()], [['asked', 'ignored'], 0, ['open', 'due']])
    assert.equal((await refusalWith(false)).retryAfter, 250, 'no grant is left for another')
  })

  it('is given back by whom the grant was made, too, and not where another uses it', async () => {
    const controller = new AbortController()
    member.answer = () => claim.promise.then(() => hold.grant(LEASE))
    const call = breaker.callWith({ signal: controller.signal }, up)
    controller.abort(new Error('gone'))
    await rejectionOf(call)
    claim.resolve()
    await drained()
    assert.deepEqual(heard, ['asked', 'ignored'])
    assert.equal((await refusalWith(false)).retryAfter, 250)

    heard.length = 0
    claim = deferred()
    member.answer = () => claim.promise.then(() => (hold.grant(LEASE), breaker.acquire().success(), true))
    const later = breaker.callWith({ signal: new AbortController().signal }, up)
    claim.resolve()
    assert.equal(await later, 'up', 'one more of the fleet’s')
    assert.deepEqual(heard, ['asked', 'success', 'success'])
  })

  it('heeds an abort between the answer and the call', async () => {
    const controller = new AbortController()
    const call = breaker.callWith({ signal: controller.signal }, up)
    claim.promise.then(() => queueMicrotask(() => queueMicrotask(() => controller.abort(new Error('gone')))))
    claim.resolve(true)
    const error = await call.then(() => undefined, (error) => error)
    await drained()
    // Whichever came first: the test was made, or its grant was given back.
    assert.deepEqual(heard, error === undefined ? ['asked', 'success'] : ['asked', 'ignored'])
    assert.equal(breaker.metrics.inFlight, 0)
  })

  it('is no longer waited for than the call has time, of which it is a part', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const call = breaker.callWith({ timeout: 100 }, up)
      mock.timers.tick(99)
      await drained()
      assert.deepEqual(counts(), NONE)
      mock.timers.tick(1)
      await refusal(call)
      claim.resolve(true)
      await drained()
      assert.deepEqual(heard, ['asked', 'ignored'])

      claim = deferred()
      const late = breaker.callWith({ timeout: 100 }, () => new Promise(() => {}))
      clock.advance(60)
      mock.timers.tick(60)
      claim.resolve(true)
      await drained()
      assert.equal(breaker.metrics.inFlight, 1)
      mock.timers.tick(39)
      await drained()
      assert.equal(breaker.metrics.inFlight, 1)
      mock.timers.tick(1)
      const error = await rejectionOf(late)
      assert.deepEqual([error.code, error.timeout], ['ERR_CALL_TIMEOUT', 100])
      assert.deepEqual(heard, ['asked', 'ignored', 'asked', 'failure'])
    } finally {
      mock.timers.reset()
    }
  })

  it('that lasts until the circuit is closed, stale or left lets its call through or not, as that says', async () => {
    for (const [what, settled] of [
      [() => hold.release(), 'fulfilled'],
      [() => breaker.reset(), 'fulfilled'],
      [() => leave(breaker), 'fulfilled'],
      [() => clock.advance(STALE), 'fulfilled'],
      [() => breaker.isolate(), 'rejected']
    ]) {
      make()
      due()
      claim = deferred()
      member.answer = () => claim.promise
      const call = breaker.call(up)
      what()
      claim.resolve(true)
      const [answer] = await Promise.allSettled([call])
      assert.equal(answer.status, settled, String(what))
      const { totalCalls, inFlight } = breaker.metrics
      assert.deepEqual([totalCalls, inFlight], [1, 0], String(what))
    }
  })

  it('is of no use to a call that can’t wait, and is given back', async () => {
    assert.equal(thrownBy(() => breaker.callSync(up)).code, 'ERR_CIRCUIT_OPEN')
    assert.equal(thrownBy(() => breaker.acquire()).code, 'ERR_CIRCUIT_OPEN')
    claim.resolve(true)
    await drained()
    assert.deepEqual(heard, ['asked at once', 'asked at once', 'ignored', 'ignored'])
  })

  async function refusalWith(answer) {
    member.answer = answer
    return refusal()
  }
})

describe('every way to call', () => {
  it('asks the fleet: at once where it can’t wait', async () => {
    make({ fallback: () => 'fallback' })
    due()
    member.answer = true
    assert.equal(breaker.callSync(() => 'sync'), 'sync')
    breaker.acquire().success()
    assert.equal(await breaker.callWith({}, up), 'up')
    assert.equal(await breaker.wrap(up)(), 'up')
    assert.equal(await breaker.wrapWith({ timeout: 50 }, up)(), 'up')
    assert.deepEqual(heard, ['asked at once', 'success', 'asked at once', 'success', 'asked', 'success', 'asked', 'success', 'asked', 'success'])
    member.answer = false
    assert.equal(breaker.callSync(() => 'sync'), 'fallback')
    assert.equal(await breaker.call(up), 'fallback')
  })

  it('goes by the options that calls have: timed, measured, classified, with a fallback for failures', async () => {
    for (const options of [{ timeout: 50 }, { latency: true }, { classify: () => 'success' }, { fallback: () => 'fallback', fallbackOn: 'failure' }]) {
      make(options)
      due()
      for (const answer of [true, Promise.resolve(true)]) {
        member.answer = answer
        assert.equal(await breaker.call(up), 'up', JSON.stringify(options))
      }
      assert.deepEqual(heard, ['asked', 'success', 'asked', 'success'], JSON.stringify(options))
    }
  })

  it('guards of `fetch` and of undici wait with it', async () => {
    const guarded = guardFetch({ clock: new ManualClock(), fetch: async () => new Response('fetched') })
    await guarded('https://api.example.com/users')
    member = newMember()
    hold = join(guarded.registry.get('https://api.example.com'), member)
    due()
    const claim = deferred()
    member.answer = () => claim.promise
    const response = guarded('https://api.example.com/users', { signal: new AbortController().signal })
    claim.resolve(true)
    assert.equal(await (await response).text(), 'fetched')
    assert.deepEqual(heard, ['asked', 'success'])

    const sent = []
    const interceptor = guardDispatch({ clock: new ManualClock() })
    const dispatch = interceptor((options, handler) => {
      sent.push(options.path)
      queueMicrotask(() => {
        const controller = { abort() {}, pause() {}, resume() {} }
        handler.onRequestStart(controller, {})
        handler.onResponseStart(controller, 200, {}, 'OK')
        handler.onResponseEnd(controller, {})
      })
      return true
    })
    const ended = deferred()
    member = newMember()
    hold = join(interceptor.registry.get('https://api.example.com'), member)
    due()
    const other = deferred()
    member.answer = () => other.promise
    const handler = { onRequestStart() {}, onResponseStart() {}, onResponseEnd: () => ended.resolve('ended'), onResponseError: (_, error) => ended.reject(error) }
    assert.equal(dispatch({ origin: 'https://api.example.com', path: '/users', method: 'GET' }, handler), true)
    assert.deepEqual(sent, [], 'not before it is granted')
    other.resolve(true)
    assert.equal(await ended.promise, 'ended')
    await drained()
    assert.deepEqual([sent, heard], [['/users'], ['asked', 'success']])

    // What undici throws at a request that has waited is told to its handler.
    const wrong = new TypeError('wrong')
    const throwing = guardDispatch({ clock: new ManualClock(), key: () => 'throwing' })
    const dispatchLate = throwing(() => {
      throw wrong
    })
    const told = deferred()
    member = newMember()
    hold = join(throwing.registry.get('throwing'), member)
    due()
    member.answer = Promise.resolve(true)
    dispatchLate({ origin: 'https://api.example.com', path: '/', method: 'GET' }, { onRequestStart() {}, onResponseError: (_, error) => told.resolve(error) })
    assert.equal(await told.promise, wrong)
  })
})

describe('a fleet that misbehaves', () => {
  it('whose member throws or answers nonsense has its calls refused, and it is reported', async () => {
    due()
    const reported = []
    mock.method(console, 'error', (error) => reported.push(error.message))
    const { reportError } = globalThis
    globalThis.reportError = (error) => reported.push(error.message)
    try {
      member.answer = () => {
        throw new Error('of the member')
      }
      await refusal()
      for (const nonsense of [1, 'yes', {}, [], null]) {
        member.answer = nonsense
        await refusal()
      }
      member.answer = true
      member.onOutcome = member.onClosed = () => {
        throw new Error('of a listener')
      }
      assert.equal(await breaker.call(up), 'up')
      breaker.reset()
      assert.equal(breaker.state, 'closed')
    } finally {
      globalThis.reportError = reportError
      mock.restoreAll()
    }
    assert.deepEqual(reported, ['of the member', 'of a listener', 'of a listener'])
  })

  it('that calls back in from what it hears finds the breaker as it is', async () => {
    due()
    member.answer = true
    member.onOutcome = () => hold.release()
    assert.equal(await breaker.call(up), 'up')
    assert.deepEqual(ready(), ['closed', 'none'])
    due()
    member.onOutcome = () => hold.hold(DUE, STALE)
    await rejectionOf(breaker.call(down))
    assert.equal((await refusal()).retryAfter, DUE)
  })
})

describe('whatever happens', () => {
  const deeds = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('call', 'abortable call', 'timed call', 'callSync', 'acquire') },
      { weight: 4, arbitrary: fc.constantFrom('grant', 'grant', 'deny', 'fail') },
      { weight: 4, arbitrary: fc.constantFrom('succeed', 'fail a call', 'ignore', 'abort') },
      { weight: 6, arbitrary: fc.constantFrom('hold', 'hold', 'hold', 'advance', 'turn', 'turn') },
      { weight: 1, arbitrary: fc.constantFrom('release', 'reset', 'trip', 'trip for', 'isolate', 'end isolation', 'disable', 'observe', 'enable', 'check') }
    ),
    { minLength: 20, maxLength: 80 }
  )
  const NUMBER = { hold: [0, 0, 0, 5], advance: [1, 10, 100, 1000] }

  it('each test that a fleet granted is told of once, each call settles, and stands in one count', async () => {
    let all = 0
    await fc.assert(
      fc.asyncProperty(deeds, fc.nat(), async (steps, seed) => {
        make({ halfOpenTimeout: 200, maxConcurrent: 4, fallback: seed % 3 === 0 ? () => 'fallback' : undefined })
        // One claim at a time, as a process has one lease at most.
        let claim
        let [granted, told, asked] = [0, 0, 0]
        hold.hold(0, 5000)
        member.onRefused = (isSync) => {
          if (claim !== undefined || granted > told) return false
          if (isSync) {
            granted++
            return true
          }
          claim = deferred()
          return claim.promise
        }
        member.onOutcome = () => told++
        const say = (how, answer) => {
          const { [how]: settle } = claim ?? {}
          claim = undefined
          if (settle !== undefined && how === 'resolve' && answer) granted++
          settle?.(answer)
        }
        const open = []
        const permits = []
        const controllers = []
        const calls = { all: [], push: (call) => (call.catch(() => {}), calls.all.push(call)) }
        const fn = () => {
          const call = deferred()
          call.promise.catch(() => {})
          open.push(call)
          return call.promise
        }
        let place = seed
        const pick = (list) => list[(place = (place * 7 + 3) % 1009) % list.length]
        const DEEDS = {
          call: () => calls.push(breaker.call(fn)),
          'abortable call': () => {
            const controller = new AbortController()
            controllers.push(controller)
            calls.push(breaker.callWith({ signal: controller.signal }, fn))
          },
          'timed call': () => calls.push(breaker.callWith({ timeout: 1_000_000 }, fn)),
          callSync: () => {
            try {
              breaker.callSync(() => 'sync')
            } catch (error) {
              assert.match(error.code, /^ERR_/)
            }
          },
          acquire: () => {
            try {
              permits.push(breaker.acquire())
            } catch (error) {
              assert.match(error.code, /^ERR_/)
            }
          },
          grant: () => say('resolve', true),
          deny: () => say('resolve', false),
          fail: () => say('reject', new Error('no store')),
          succeed: () => (open.shift()?.resolve('up'), permits.shift()?.success()),
          'fail a call': () => (open.pop()?.reject(new Error('down')), permits.shift()?.failure()),
          ignore: () => permits.pop()?.ignore(),
          abort: () => controllers.shift()?.abort(new Error('gone')),
          hold: () => hold.hold(pick(NUMBER.hold), 500 + pick(NUMBER.advance)),
          release: () => hold.release(),
          advance: () => clock.advance(pick(NUMBER.advance)),
          turn: () => {},
          reset: () => breaker.reset(),
          trip: () => breaker.trip(),
          'trip for': () => breaker.trip({ for: 20 }),
          isolate: () => breaker.isolate(),
          'end isolation': () => breaker.release(),
          disable: () => breaker.disable(),
          observe: () => breaker.observe(),
          enable: () => breaker.enable(),
          check: () => breaker.checkState()
        }
        for (const step of steps) {
          if (/call|acquire/.test(step) && step !== 'fail a call') asked++
          DEEDS[step]()
          if (step === 'turn') await drained()
        }
        say('resolve', false)
        const settled = Promise.allSettled(calls.all)
        for (let round = 0; round < 5; round++) {
          await drained()
          say('resolve', false)
          for (const call of open) call.resolve('up')
          for (const permit of permits) permit.ignore()
        }
        const answers = await settled
        const left = answers.filter(({ reason }) => reason?.message === 'gone').length
        all += granted
        assert.equal(told, granted, `${told} of ${granted} were told`)
        const { totalCalls, inFlight, failedCalls } = breaker.metrics
        assert.equal(inFlight, 0)
        // Who left while the fleet was asked was not counted; a test request that expired is counted twice.
        assert.ok(totalCalls <= asked + failedCalls && totalCalls >= asked - left, `${totalCalls} of ${asked}, ${left} left`)
        leave(breaker)
      }),
      lives(400)
    )
    assert.ok(all > 300, `only ${all} tests were granted`)
  })
})

describe('with a probe', () => {
  it('the probe tests, by what the fleet grants, and callers do not', async () => {
    const sleeps = []
    const probes = []
    make({
      probe: () => {
        const probe = deferred()
        probes.push(probe)
        return probe.promise
      },
      sleep: (ms) => {
        const sleep = Object.assign(deferred(), { ms })
        sleeps.push(sleep)
        return sleep.promise
      }
    })
    const until = async (condition) => {
      for (let round = 0; round < 1000 && !condition(); round++) await drained()
      assert.ok(condition(), String(condition))
    }
    hold.hold(DUE, STALE)
    await until(() => sleeps.length === 1)
    assert.equal(sleeps[0].ms, DUE)
    clock.advance(DUE)
    sleeps[0].resolve()
    await until(() => sleeps.length === 2)
    assert.deepEqual([heard, sleeps[1].ms, probes.length], [['asked'], 250, 0])
    member.answer = Promise.resolve(true)
    clock.advance(100)
    await refusal()
    assert.deepEqual([heard, probes.length], [['asked'], 0], 'for a caller the fleet is not asked')
    clock.advance(150)
    sleeps[1].resolve()
    await until(() => probes.length === 1)
    assert.equal(breaker.state, 'half_open')
    probes[0].resolve()
    await until(() => heard.includes('success'))
    assert.equal(breaker.state, 'half_open', 'the fleet says when it closes')
    hold.release()
    assert.equal(breaker.state, 'closed')
  })
})

describe('what lasts', () => {
  it('of a hold is nothing in a snapshot: who carries on is an open circuit that is due', async () => {
    hold.hold(DUE, STALE)
    const heir = new CircuitBreaker({ clock, failureThreshold: 2, snapshot: JSON.parse(JSON.stringify(breaker)) })
    assert.equal(heir.state, 'open')
    assert.equal(heir.explain().retryAfter, 0)
    assert.equal(await heir.call(up), 'up')
    assert.equal(heir.state, 'half_open')
  })

  it('in a registry counts as open, and a joined breaker that goes keeps its hold and its key', async () => {
    const registry = new CircuitBreakerRegistry({ clock, maxBreakers: 2 })
    const first = registry.get('first')
    hold = join(first, newMember())
    hold.hold(DUE, STALE)
    assert.equal(registry.status().first, 'open')
    registry.get('second')
    registry.get('third')
    assert.deepEqual([registry.has('first'), registry.has('second')], [true, false], 'a quiet one goes first')
    registry.get('third').trip()
    registry.get('fourth').trip()
    registry.get('fifth').trip()
    assert.equal(registry.has('first'), false)
    assert.equal(hold.state, 'held')
    assert.equal((await refusal(first.call(up))).retryAfter, DUE)
    assert.equal(registry.get('first'), first)
    leave(first)
  })

  it('after the hold is over is nothing: no listener, no timer, nothing in its counts', async () => {
    due()
    member.answer = true
    await breaker.call(up)
    hold.release()
    const other = new CircuitBreaker({ clock })
    await other.call(up)
    const { failureCount, successCount, state, mode } = breaker
    assert.deepEqual([failureCount, successCount, state, mode], [0, 0, other.state, other.mode])
  })
})
