// The statechange events: one for each change, in order, with whatever its listeners do. It must not know why states change.

import assert from 'node:assert/strict'
import { getEventListeners, on, once } from 'node:events'
import { beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { EVENTS } from '../../js/breaker/events.js'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { answerOf, drained, lives, rejectionOf } from './support.js'

const RECOVERY = 1000

let clock, breaker
beforeEach(() => {
  clock = new ManualClock(5000)
  breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, failureThreshold: 2 })
})

const failure = new Error('down')
const fail = () => breaker.call(() => Promise.reject(failure)).catch(() => {})
/** Writes what a breaker tells into the list it gives: `closed → open`. */
function heardOf(breaker, options) {
  const heard = []
  breaker.addEventListener('statechange', ({ detail: { from, to } }) => heard.push(`${from} → ${to}`), options)
  return heard
}

describe('each event of the list', () => {
  it('is told once what it is for happens', async (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] })
    breaker = new CircuitBreaker({ clock, timeout: 50, fallback: () => 'instead', classify: (error) => (error === failure ? 'ignored' : undefined) })
    const heard = new Set()
    for (const type of Object.keys(EVENTS)) breaker.addEventListener(type, () => heard.add(type))
    await breaker.call(() => 'up')
    await fail()
    await breaker.call(() => Promise.reject(new Error('broken'))).catch(() => {})
    const late = rejectionOf(breaker.call(() => new Promise(() => {})))
    await drained()
    clock.advance(50)
    test.mock.timers.tick(50)
    await late
    breaker.trip()
    assert.equal(await breaker.call(() => 'up'), 'instead')
    assert.deepEqual([...heard].sort(), Object.keys(EVENTS).sort())
  })
})

describe('a statechange event', () => {
  it('tells from, to, why and when', async () => {
    const details = []
    breaker.addEventListener('statechange', ({ detail }) => details.push(detail))
    await fail()
    await fail()
    clock.advance(RECOVERY)
    await fail()
    clock.advance(RECOVERY)
    breaker.checkState()
    breaker.recordSuccess()
    clock.advance(5)
    await breaker.call(() => 'up')
    breaker.trip()
    breaker.reset()
    assert.deepEqual(details, [
      { from: 'closed', to: 'open', reason: 'failure_threshold', at: 5000 },
      { from: 'open', to: 'half_open', reason: 'recovery_due', at: 6000 },
      { from: 'half_open', to: 'open', reason: 'test_failed', at: 6000 },
      { from: 'open', to: 'half_open', reason: 'recovery_due', at: 7000 },
      { from: 'half_open', to: 'closed', reason: 'recovered', at: 7005 },
      { from: 'closed', to: 'open', reason: 'trip', at: 7005 },
      { from: 'open', to: 'closed', reason: 'reset', at: 7005 }
    ])
  })

  it('tells of a test request that never came back', () => {
    breaker.trip()
    clock.advance(RECOVERY)
    breaker.call(() => new Promise(() => {}))
    clock.advance(60_000)
    const details = []
    breaker.addEventListener('statechange', ({ detail }) => details.push(detail))
    breaker.checkState()
    assert.deepEqual(details, [{ from: 'half_open', to: 'open', reason: 'test_expired', at: 66_000 }])
  })

  it('is a CustomEvent of the breaker', () => {
    let event
    breaker.addEventListener('statechange', function (given) { event = [given, this] })
    breaker.trip()
    const [given, self] = event
    assert.ok(breaker instanceof EventTarget)
    assert.ok(given instanceof CustomEvent)
    assert.deepEqual([given.type, given.target, self, given.cancelable], ['statechange', breaker, breaker, false])
  })

  it('has a NaN for its time when the clock had none to tell', () => {
    const broken = new CircuitBreaker({ clock: { now: () => NaN } })
    let at
    broken.addEventListener('statechange', ({ detail }) => ({ at } = detail))
    broken.trip()
    assert.ok(Number.isNaN(at))
  })

  it('finds the breaker in the state it tells of', () => {
    const states = []
    breaker.addEventListener('statechange', ({ detail: { to } }) => states.push([to, breaker.state]))
    breaker.trip()
    clock.advance(RECOVERY)
    breaker.checkState()
    breaker.reset()
    assert.ok(states.length === 3 && states.every(([to, state]) => to === state))
  })

  it('is dispatched before the call that caused it settles, and before trip() and its like return', async () => {
    const heard = heardOf(breaker)
    breaker.trip()
    assert.deepEqual(heard, ['closed → open'])
    clock.advance(RECOVERY)
    breaker.call(() => assert.deepEqual(heard, ['closed → open', 'open → half_open']))
    await breaker.call(() => 1).catch(() => {})
    breaker.reset()
    heard.length = 0
    await fail()
    await rejectionOf(breaker.call(() => Promise.reject(failure)))
    assert.deepEqual(heard, ['closed → open'])
  })
})

describe('there is no event', () => {
  it('for what changes no state', async () => {
    const heard = heardOf(breaker)
    await breaker.call(() => 1)
    breaker.checkState()
    breaker.recordFailure()
    breaker.recordSuccess()
    breaker.reset()
    breaker.failureThreshold = 1
    assert.deepEqual(heard, [])
    breaker.trip()
    heard.length = 0
    breaker.trip()
    breaker.recordFailure()
    breaker.checkState()
    await rejectionOf(breaker.call(() => 1))
    assert.deepEqual(heard, [])
    clock.advance(RECOVERY)
    breaker.checkState()
    heard.length = 0
    breaker.checkState()
    breaker.recordSuccess()
    assert.deepEqual(heard, [])
  })

  it('for a change that was before its listener', () => {
    breaker.trip()
    clock.advance(RECOVERY)
    const heard = heardOf(breaker)
    breaker.checkState()
    assert.deepEqual(heard, ['open → half_open'])
  })

  it('built when nobody ever listened', async () => {
    const answer = await answerOf(`
      const counted = { built: 0, told: 0 }
      const { dispatchEvent } = EventTarget.prototype
      EventTarget.prototype.dispatchEvent = function (event) { counted.told++; return dispatchEvent.call(this, event) }
      const Original = globalThis.CustomEvent
      globalThis.CustomEvent = class extends Original { constructor(...all) { super(...all); counted.built++ } }
      const { CircuitBreaker } = await import(ESM)
      // Whether the two work together is tried at import.
      const tried = { ...counted }
      const breaker = new CircuitBreaker()
      breaker.addEventListener('something else', () => {})
      for (let n = 0; n < 10; n++) {
        breaker.trip()
        breaker.reset()
      }
      const unheard = { ...counted }
      breaker.addEventListener('statechange', () => {})
      breaker.trip()
      console.log(JSON.stringify([tried, unheard, counted]))`)
    assert.deepEqual(answer, [{ built: 1, told: 1 }, { built: 1, told: 1 }, { built: 2, told: 2 }])
  })
})

describe('listeners', () => {
  it('are called in the order they came', () => {
    const order = []
    for (const n of [1, 2, 3]) breaker.addEventListener('statechange', () => order.push(n))
    breaker.trip()
    assert.deepEqual(order, [1, 2, 3])
  })

  it('may be objects with handleEvent', () => {
    let heard
    breaker.addEventListener('statechange', { handleEvent: ({ detail }) => (heard = detail.to) })
    breaker.trip()
    assert.equal(heard, 'open')
  })

  it('hear one event with once, and none after their signal is aborted', () => {
    const first = heardOf(breaker, { once: true })
    const controller = new AbortController()
    const second = heardOf(breaker, { signal: controller.signal })
    const never = heardOf(breaker, { signal: AbortSignal.abort() })
    breaker.trip()
    controller.abort()
    breaker.reset()
    assert.deepEqual([first, second, never], [['closed → open'], ['closed → open'], []])
  })

  it('can be removed', () => {
    const heard = []
    const listener = ({ detail }) => heard.push(detail.to)
    breaker.addEventListener('statechange', listener)
    breaker.addEventListener('statechange', listener)
    breaker.trip()
    assert.deepEqual(heard, ['open'])
    breaker.removeEventListener('statechange', listener)
    breaker.reset()
    assert.deepEqual(heard, ['open'])
    assert.equal(getEventListeners(breaker, 'statechange').length, 0)
  })

  it('of one breaker do not hear another', () => {
    const heard = heardOf(new CircuitBreaker({ clock }))
    breaker.trip()
    assert.deepEqual(heard, [])
  })

  it('may be those of node:events', async () => {
    const next = once(breaker, 'statechange')
    breaker.trip()
    assert.equal((await next)[0].detail.to, 'open')
    const controller = new AbortController()
    const all = on(breaker, 'statechange', { signal: controller.signal })
    breaker.reset()
    assert.equal((await all.next()).value[0].detail.to, 'closed')
    controller.abort()
  })

  it('may be those of a subclass', () => {
    const heard = []
    class Guard extends CircuitBreaker {
      constructor(options) {
        super(options)
        this.addEventListener('statechange', ({ detail }) => heard.push(detail.to))
      }
    }
    new Guard().trip()
    assert.deepEqual(heard, ['open'])
  })
})

describe('a listener that throws', () => {
  // What a listener throws becomes an uncaught exception, as for every EventTarget: so these run in a process of their own.
  it('changes no call’s result, no state and no other listener', async () => {
    const answer = await answerOf(`
      const { CircuitBreaker, ManualClock } = await import(ESM)
      const uncaught = []
      process.on('uncaughtException', ({ message }) => uncaught.push(message))
      const clock = new ManualClock()
      const breaker = new CircuitBreaker({ clock, failureThreshold: 1, successThreshold: 1 })
      const heard = []
      breaker.addEventListener('statechange', ({ detail }) => { throw new Error('listener at ' + detail.to) })
      breaker.addEventListener('statechange', ({ detail }) => heard.push(detail.to))
      const results = []
      const down = new Error('down')
      results.push(await breaker.call(() => Promise.reject(down)).catch((error) => error === down))
      results.push(await breaker.call(() => 1).catch((error) => error.message))
      clock.advance(60000)
      results.push(await breaker.call(() => 'up'))
      breaker.trip()
      breaker.reset()
      try { breaker.callSync(() => { throw down }) } catch (error) { results.push(error === down) }
      clock.advance(60000)
      results.push(breaker.callSync(() => 'up'))
      await new Promise((resolve) => setImmediate(resolve))
      console.log(JSON.stringify({ results, heard, uncaught, state: breaker.state }))`)
    const to = ['open', 'half_open', 'closed', 'open', 'closed', 'open', 'half_open', 'closed']
    assert.deepEqual(answer, {
      results: [true, 'Circuit open. Retry in 60s', 'up', true, 'up'],
      heard: to,
      uncaught: to.map((state) => `listener at ${state}`),
      state: 'closed'
    })
  })
})

describe('a listener that calls back into the breaker', () => {
  it('finds its changes told after the current one, to all listeners in the same order', () => {
    const first = []
    const second = []
    breaker.addEventListener('statechange', ({ detail: { to } }) => {
      first.push(to)
      if (first.length === 1) {
        breaker.reset()
        breaker.trip()
        clock.advance(RECOVERY)
        breaker.checkState()
      }
    })
    breaker.addEventListener('statechange', ({ detail: { to } }) => second.push(to))
    breaker.trip()
    assert.deepEqual([first, second], [['open', 'closed', 'open', 'half_open'], ['open', 'closed', 'open', 'half_open']])
  })

  it('may reset() at once: nothing stays open', async () => {
    breaker.addEventListener('statechange', ({ detail: { to } }) => to === 'open' && breaker.reset())
    await fail()
    assert.equal(await rejectionOf(breaker.call(() => Promise.reject(failure))), failure)
    assert.equal(breaker.state, 'closed')
    assert.equal(await breaker.call(() => 'up'), 'up')
    assert.equal(breaker.metrics.summary().stateChanges, 2)
  })

  it('may trip() at once: nothing stays closed', async () => {
    breaker.addEventListener('statechange', ({ detail: { to } }) => to === 'half_open' && breaker.trip())
    breaker.trip()
    clock.advance(RECOVERY)
    assert.equal(await breaker.call(() => 'up'), 'up')
    assert.deepEqual([breaker.state, breaker.metrics.staleCalls], ['open', 1])
    clock.advance(RECOVERY)
    assert.equal(breaker.checkState(), 'open')
  })

  it('may call(): it is a call like others', async () => {
    const results = []
    breaker.addEventListener('statechange', () => results.push(breaker.call(() => 'from the listener').catch(({ code }) => code)))
    breaker.trip()
    clock.advance(RECOVERY)
    assert.equal(await breaker.call(() => 'up'), 'up')
    assert.equal(await breaker.call(() => 'up'), 'up')
    assert.deepEqual(await Promise.all(results), ['ERR_CIRCUIT_OPEN', 'ERR_CIRCUIT_OPEN', 'from the listener'])
    assert.deepEqual([breaker.state, breaker.metrics.inFlight], ['closed', 0])
  })

  it('may callSync() and settle at once, in the midst of another call’s admission', async () => {
    const heard = heardOf(breaker)
    breaker.addEventListener('statechange', ({ detail: { to } }) => {
      if (to !== 'half_open') return
      breaker.recordSuccess()
      breaker.recordSuccess()
      assert.equal(breaker.callSync(() => 'closed'), 'closed')
    })
    breaker.trip()
    clock.advance(RECOVERY)
    assert.equal(await breaker.call(() => 'up'), 'up')
    assert.deepEqual(heard, ['closed → open', 'open → half_open', 'half_open → closed'])
    assert.deepEqual([breaker.metrics.successfulCalls, breaker.metrics.staleCalls, breaker.metrics.inFlight], [1, 1, 0])
  })

  it('may recordFailure(): it counts in the current state', () => {
    breaker.addEventListener('statechange', ({ detail: { to } }) => to === 'closed' && breaker.recordFailure())
    breaker.trip()
    breaker.reset()
    assert.equal(breaker.failureCount, 1)
    breaker.recordFailure()
    assert.equal(breaker.state, 'open')
  })

  it('may write thresholds', () => {
    breaker.addEventListener('statechange', ({ detail: { to } }) => to === 'open' && (breaker.recoveryTimeout = 5))
    breaker.trip()
    clock.advance(5)
    assert.equal(breaker.checkState(), 'half_open')
  })

  it('may read everything', () => {
    const seen = []
    breaker.addEventListener('statechange', () => seen.push([breaker.getSummary().state, breaker.metrics.stateChanges.length, breaker.failureCount]))
    breaker.trip()
    breaker.reset()
    assert.deepEqual(seen, [['open', 1, 0], ['closed', 2, 0]])
  })

  it('may add and remove listeners', () => {
    const late = []
    const listener = ({ detail: { to } }) => late.push(to)
    breaker.addEventListener('statechange', () => breaker.addEventListener('statechange', listener), { once: true })
    breaker.trip()
    breaker.reset()
    assert.deepEqual(late, ['closed'])
  })

  // The changes not told yet wait in the list of the last 64, so that a listener in a loop takes no memory.
  it('hears of each of 64 changes that it makes in one go', () => {
    const heard = []
    breaker.addEventListener('statechange', ({ detail: { to } }) => {
      heard.push(to)
      if (heard.length > 1) return
      for (let n = 0; n < 32; n++) {
        breaker.reset()
        breaker.trip()
      }
    })
    breaker.trip()
    assert.deepEqual(heard, ['open', ...Array(32).fill(['closed', 'open']).flat()])
  })
})

describe('under any use', () => {
  const step = fc.constantFrom('trip', 'reset', 'recordFailure', 'recordSuccess', 'checkState', 'call', 'fail', 'wait')

  it('there is one event per change and each starts where the last one ended, listeners calling back or not', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 10 }), async (steps, callbacks) => {
        clock = new ManualClock()
        breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY, failureThreshold: 2 })
        const details = []
        const waiting = [...callbacks]
        const act = (what) => {
          if (what === 'call') return breaker.call(() => 1).catch(() => {})
          if (what === 'fail') return fail()
          if (what === 'wait') return void clock.advance(RECOVERY)
          return void breaker[what]()
        }
        breaker.addEventListener('statechange', ({ detail }) => {
          details.push(detail)
          const what = waiting.pop()
          if (what) act(what)
        })
        for (const what of steps) await act(what)
        await drained()
        let state = 'closed'
        for (const { from, to } of details) {
          assert.equal(from, state)
          assert.notEqual(to, from)
          state = to
        }
        assert.equal(breaker.state, state)
        assert.equal(breaker.metrics.summary().stateChanges, details.length)
        const kept = breaker.metrics.stateChanges.map(({ from, to, reason }) => ({ from, to, reason }))
        assert.deepEqual(kept, details.slice(-64).map(({ from, to, reason }) => ({ from, to, reason })))
      }),
      lives(500)
    ))
})

describe('the events of calls', () => {
  const TYPES = ['success', 'failure', 'ignored', 'timeout', 'reject', 'fallback', 'statechange']
  const heardBy = (breaker, types = TYPES) => {
    const heard = []
    for (const type of types) breaker.addEventListener(type, ({ type, detail }) => heard.push([type, detail]))
    return heard
  }

  it('tell of each call once: success, failure, ignored', async () => {
    breaker = new CircuitBreaker({ clock, classify: (error) => (error === 'no matter' ? 'ignored' : undefined) })
    const heard = heardBy(breaker)
    await breaker.call(() => 'up')
    await fail()
    await breaker.call(() => Promise.reject('no matter')).catch(() => {})
    assert.deepEqual(heard, [
      ['success', { elapsed: NaN }],
      ['failure', { elapsed: NaN, error: failure }],
      ['ignored', { elapsed: NaN, error: 'no matter' }]
    ])
  })

  it('come before the change that the call brings about, and before its caller hears', async () => {
    const heard = heardBy(breaker)
    await fail()
    await fail().then(() => heard.push(['caller']))
    assert.deepEqual(heard.map(([type]) => type), ['failure', 'failure', 'statechange', 'caller'])
  })

  it('tell of refusals with the very error, and of the fallback that answers them', async () => {
    breaker.trip()
    const heard = heardBy(breaker)
    const refusal = await rejectionOf(breaker.call(() => 1))
    assert.deepEqual(heard, [['reject', { error: refusal }]])
    const other = new CircuitBreaker({ clock, fallback: (error) => error })
    other.trip()
    const heardOther = heardBy(other)
    const told = await other.call(() => 1)
    assert.deepEqual(heardOther, [['reject', { error: told }], ['fallback', { error: told }]])
  })

  it('tell how long calls took where that is known', async () => {
    breaker = new CircuitBreaker({ clock, latency: true })
    const heard = heardBy(breaker)
    await breaker.call(async () => void clock.advance(12))
    assert.deepEqual(heard, [['success', { elapsed: 12 }]])
  })

  it('come for calls of every kind', async () => {
    const heard = heardBy(breaker, ['success'])
    await breaker.call(() => 1)
    await breaker.call(async () => 1)
    breaker.callSync(() => 1)
    await breaker.callWith({}, () => 1)
    await breaker.wrap(() => 1)()
    breaker.acquire().success()
    assert.equal(heard.length, 6)
  })

  it('come for late results, too: the call ended, though it counts as stale', async () => {
    let end
    const call = breaker.call(() => new Promise((resolve) => (end = resolve)))
    const heard = heardBy(breaker, ['success', 'failure'])
    breaker.reset()
    await breaker.call(() => 1)
    end()
    await call
    assert.ok(heard.length >= 1)
    assert.equal(breaker.metrics.staleCalls, 1)
  })

  it('are not built when nobody ever listened to them, whoever listens to others', async (t) => {
    const built = t.mock.method(breaker, 'dispatchEvent')
    breaker.addEventListener('success', () => {})
    await fail()
    await fail()
    await rejectionOf(breaker.call(() => 1))
    assert.equal(built.mock.callCount(), 0)
    breaker.reset()
    await breaker.call(() => 1)
    assert.equal(built.mock.callCount(), 1)
  })

  it('reach a listener that came after the first calls, from the next call on', async () => {
    for (let n = 0; n < 3; n++) await breaker.call(() => n)
    const heard = heardBy(breaker, ['success'])
    await breaker.call(() => 1)
    assert.equal(heard.length, 1)
  })

  it('change no result when a listener calls back into the breaker', async () => {
    breaker.addEventListener('success', () => breaker.trip())
    breaker.addEventListener('failure', () => breaker.reset())
    assert.equal(await breaker.call(() => 'up'), 'up')
    assert.equal(breaker.state, 'open')
    breaker.reset()
    assert.equal(await rejectionOf(breaker.call(() => Promise.reject(failure))), failure)
    assert.equal(breaker.state, 'closed')
  })

  it('leave the cause of later refusals to the failure that opened, not to one that a listener answered with trip()', async () => {
    breaker.addEventListener('statechange', ({ detail }) => {
      if (detail.reason !== 'failure_threshold') return
      breaker.reset()
      breaker.trip()
    })
    await fail()
    await fail()
    assert.equal(breaker.state, 'open')
    assert.equal((await rejectionOf(breaker.call(() => 1))).cause, undefined)
  })
})
