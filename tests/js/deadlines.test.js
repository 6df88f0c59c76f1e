// One timer for all calls with the same timeout: each call still ends at its own deadline. The host's timers and clock are simulated,
// as the package takes them at its import. It must not know what a timeout does to the breaker.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { STORES_OF_CALLS } from './requests.js'
import { answerOf } from './support.js'

/**
 * A host whose time is moved by `pass(ms)`: timers run in their order, a whole number of ms after they were set, and the clock goes on
 * alone by `stall(ms)`, as in a process that is busy.
 */
const HOST = `
  let now = 1000, serial = 0
  const timers = new Map()
  const { setImmediate: turn } = globalThis
  const turns = []
  globalThis.setImmediate = (callback) => {
    const handle = {}
    turns.push(callback)
    return handle
  }
  class Timer {
    constructor(callback, ms) { Object.assign(this, { id: ++serial, callback, due: now + Math.max(1, Math.trunc(ms)), isReferenced: true }); timers.set(this.id, this) }
    ref() { this.isReferenced = true }
    unref() { this.isReferenced = false }
  }
  globalThis.setTimeout = Object.assign(function setTimeout(callback, ms) { return new Timer(callback, ms) }, { [Symbol.for('nodejs.util.promisify.custom')]: true })
  globalThis.clearTimeout = (timer) => timers.delete(timer?.id)
  performance.now = () => now
  const run = () => {
    for (;;) {
      const [next] = [...timers.values()].filter(({ due }) => due <= now).sort((a, b) => a.due - b.due || a.id - b.id)
      if (next === undefined) return
      timers.delete(next.id)
      next.callback()
      while (turns.length > 0) turns.shift()()
    }
  }
  const stall = (ms) => { now += ms }
  const pass = (ms) => {
    const end = now + ms
    for (;;) {
      const [next] = [...timers.values()].map(({ due }) => due).filter((due) => due <= end).sort((a, b) => a - b)
      if (next === undefined) break
      now = Math.max(now, next)
      run()
    }
    now = end
  }
  const { CircuitBreaker } = await import(ESM)
  const make = (timeout, name) => new CircuitBreaker({ timeout, name, failureThreshold: 1e9 })
  const never = () => new Promise(() => {})
  const referenced = () => [...timers.values()].filter(({ isReferenced }) => isReferenced).length`

const answer = (program) => answerOf(`${HOST}\n${program}\nprocess.exit()`)

describe('calls with the same timeout', () => {
  it('share one timer, through whatever breaker they go, and have one each for another timeout', async () => {
    const counts = await answer(`
      const breakers = [make(100), make(100), make(200)]
      const counts = []
      for (const breaker of breakers) {
        for (let n = 0; n < 50; n++) breaker.call(never).catch(() => {})
        counts.push(timers.size)
      }
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [1, 1, 2])
  })

  it('end each at its own deadline, to the millisecond', async () => {
    const [before, at] = await answer(`
      const breaker = make(100)
      const before = [], at = []
      const starts = [0, 0, 1, 40, 99]
      let passed = 0
      for (const start of starts) {
        pass(start - passed)
        passed = start
        breaker.call(never).catch(() => {})
      }
      const seen = () => breaker.metrics.timedOutCalls
      for (const due of [100, 101, 140, 199]) {
        pass(due - 1 - passed)
        before.push(seen())
        pass(1)
        at.push(seen())
        passed = due
      }
      console.log(JSON.stringify([before, at]))`)
    assert.deepEqual(before, [0, 2, 3, 4])
    assert.deepEqual(at, [2, 3, 4, 5])
  })

  it('leave the deadline of others alone when they end before', async () => {
    const counts = await answer(`
      const breaker = make(100)
      const gates = []
      const gated = () => new Promise((resolve) => gates.push(resolve))
      for (const start of [0, 10, 20, 30]) {
        breaker.call(gated).catch(() => {})
        pass(10)
      }
      // The first, and one in the middle.
      gates[0](1)
      gates[2](1)
      await new Promise((resolve) => turn(resolve))
      const counts = []
      for (const ms of [69, 1, 19, 1]) {
        pass(ms)
        counts.push([breaker.metrics.successfulCalls, breaker.metrics.timedOutCalls])
      }
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [[2, 0], [2, 1], [2, 1], [2, 2]])
  })

  it('that a busy process kept waiting end together, and those that have time left do not', async () => {
    const counts = await answer(`
      const breaker = make(100)
      breaker.call(never).catch(() => {})
      pass(30)
      breaker.call(never).catch(() => {})
      pass(60)
      breaker.call(never).catch(() => {})
      stall(60)
      pass(0)
      const counts = [breaker.metrics.timedOutCalls]
      pass(39)
      counts.push(breaker.metrics.timedOutCalls)
      pass(1)
      counts.push(breaker.metrics.timedOutCalls)
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [2, 2, 3])
  })

  it('that begins while the only other one is told of its timeout has all its time', async () => {
    const counts = await answer(`
      const breaker = make(100)
      breaker.addEventListener('timeout', () => breaker.call(never).catch(() => {}), { once: true })
      breaker.call(never).catch(() => {})
      pass(100)
      const counts = [breaker.metrics.timedOutCalls, breaker.metrics.inFlight]
      pass(99)
      counts.push(breaker.metrics.timedOutCalls)
      pass(1)
      counts.push(breaker.metrics.timedOutCalls, breaker.metrics.inFlight)
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [1, 1, 1, 2, 0])
  })

  it('may begin while others are told of their timeout', async () => {
    const counts = await answer(`
      const breaker = make(100)
      breaker.addEventListener('timeout', () => breaker.call(never).catch(() => {}), { once: true })
      for (let n = 0; n < 2; n++) breaker.call(never).catch(() => {})
      pass(100)
      const counts = [breaker.metrics.timedOutCalls, timers.size]
      pass(99)
      counts.push(breaker.metrics.timedOutCalls)
      pass(1)
      counts.push(breaker.metrics.timedOutCalls, timers.size)
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [2, 1, 2, 3, 0])
  })

  it('keep the process alive while they are in flight, and no longer', async () => {
    const counts = await answer(`
      const breaker = make(100)
      const counts = []
      const gates = []
      const calls = [1, 2].map(() => breaker.call(() => new Promise((resolve) => gates.push(resolve))))
      counts.push(referenced())
      gates[0](1)
      await calls[0]
      counts.push(referenced())
      gates[1](1)
      await calls[1]
      counts.push(referenced())
      breaker.call(never).catch(() => {})
      counts.push(referenced(), timers.size)
      // Without a call that wants it, the timer goes once it has fired.
      const other = make(50)
      await other.call(async () => 1)
      pass(1000)
      counts.push(timers.size)
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [1, 1, 0, 1, 1, 0])
  })

  it('take timers of their own where every call has another timeout: no more than a hundred are shared', async () => {
    const counts = await answer(`
      const breaker = make(100)
      for (let n = 0; n < 500; n++) await breaker.callWith({ timeout: 1000 + n }, async () => n)
      const counts = [timers.size]
      pass(2000)
      counts.push(timers.size)
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [100, 0])
  })
})

describe('a timer that fires late', () => {
  it('is believed at its tick as long as it is at most 50 ms late, and later once what came meanwhile was read', async () => {
    const counts = await answer(`
      const counts = []
      for (const late of [0, 50, 51, 2000]) {
        const breaker = make(100)
        breaker.call(never).catch(() => {})
        stall(100 + late)
        pass(0)
        const of = [breaker.metrics.timedOutCalls]
        for (const ms of [49, 1]) {
          pass(ms)
          of.push(breaker.metrics.timedOutCalls)
        }
        counts.push(of)
      }
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [[1, 1, 1], [1, 1, 1], [0, 0, 1], [0, 0, 1]])
  })

  it('ends no call whose answer came meanwhile, and those that have none', async () => {
    const counts = await answer(`
      const breaker = make(100)
      const gates = []
      const calls = [1, 2, 3].map((n) => breaker.call(() => new Promise((resolve) => gates.push(() => resolve(n)))).catch(({ code }) => code))
      stall(1000)
      pass(0)
      gates[1]()
      await new Promise((resolve) => turn(resolve))
      pass(50)
      const { successfulCalls, timedOutCalls, inFlight } = breaker.metrics
      console.log(JSON.stringify([await Promise.all(calls), successfulCalls, timedOutCalls, inFlight, timers.size]))`)
    assert.deepEqual(counts, [['ERR_CALL_TIMEOUT', 2, 'ERR_CALL_TIMEOUT'], 1, 2, 0, 0])
  })

  it('is asked of a call that began later by its own deadline', async () => {
    const counts = await answer(`
      const breaker = make(100)
      breaker.call(never).catch(() => {})
      stall(1000)
      breaker.call(never).catch(() => {})
      pass(50)
      const counts = [breaker.metrics.timedOutCalls]
      pass(49)
      counts.push(breaker.metrics.timedOutCalls)
      pass(1)
      counts.push(breaker.metrics.timedOutCalls)
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [1, 1, 2])
  })

  it('is late also where the host has timers for each call alone, as browsers have', async () => {
    const counts = await answerOf(`${HOST.replace("[Symbol.for('nodejs.util.promisify.custom')]: true", '')}
      const breaker = make(100)
      const gates = []
      const calls = [1, 2].map((n) => breaker.call(() => new Promise((resolve) => gates.push(() => resolve(n)))).catch(({ code }) => code))
      const counts = [timers.size]
      stall(151)
      pass(0)
      counts.push(breaker.metrics.timedOutCalls)
      gates[0]()
      await new Promise((resolve) => turn(resolve))
      pass(50)
      counts.push(breaker.metrics.timedOutCalls, await Promise.all(calls))
      breaker.call(never).catch(() => {})
      pass(100)
      counts.push(breaker.metrics.timedOutCalls)
      console.log(JSON.stringify(counts))
      process.exit()`)
    assert.deepEqual(counts, [2, 0, 1, [1, 'ERR_CALL_TIMEOUT'], 2])
  })
})

describe('calls that are due at once, on real timers', () => {
  it('end in turns of their own: what the caller of the first does comes before the second', async () => {
    const counts = await answerOf(`
      const { CircuitBreaker } = await import(ESM)
      const breaker = new CircuitBreaker({ failureThreshold: 3 })
      const siblings = new AbortController()
      const call = () => breaker.callWith({ signal: siblings.signal, timeout: 5 }, () => new Promise(() => {}))
      await Promise.all([1, 2, 3].map(() => call().catch(() => siblings.abort())))
      const { timedOutCalls, ignoredCalls } = breaker.metrics
      console.log(JSON.stringify([timedOutCalls, ignoredCalls, breaker.state]))`)
    assert.deepEqual(counts, [1, 2, 'closed'])
  })

  it('tell of their timeout in the async context of their own caller, though a guard in another begins their time anew', async () => {
    const heard = await answerOf(`
      const { AsyncLocalStorage } = await import('node:async_hooks')
      const { CircuitBreaker } = await import(ESM)
      const requests = new AsyncLocalStorage()
      const heard = []
      const breaker = new CircuitBreaker({ timeout: 5 })
      breaker.addEventListener('timeout', () => heard.push(requests.getStore()))
      let lent
      const call = requests.run('caller', () => breaker.callWith({}, (context) => ((lent = context[Symbol.for('halfopen.call')]), new Promise(() => {}))))
      requests.run('guard', () => [true, false, true].forEach((waits) => lent.waits(waits)))
      await call.catch(() => {})
      console.log(JSON.stringify(heard))`)
    assert.deepEqual(heard, ['caller'])
  })
  it('tell of their timeout in the async context of their own caller, and keep no context alive when they are over', async () => {
    assert.deepEqual(await answerOf(STORES_OF_CALLS, '--expose-gc'), { heard: ['AA', 'BB', 'CC'], alive: false })
  })
})

describe('fake timers', () => {
  it('that came after the import are exact beside calls that wait for the real ones', async () => {
    const counts = await answer(`
      const breaker = make(100)
      breaker.call(never).catch(() => {})
      const host = globalThis.setTimeout
      const fakes = []
      globalThis.setTimeout = (callback, ms) => (fakes.push([callback, ms]), fakes.length)
      pass(50)
      breaker.call(never).catch(() => {})
      const counts = [fakes.length, fakes[0][1]]
      fakes[0][0]()
      counts.push(breaker.metrics.timedOutCalls)
      globalThis.setTimeout = host
      pass(49)
      counts.push(breaker.metrics.timedOutCalls)
      pass(1)
      counts.push(breaker.metrics.timedOutCalls)
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [1, 100, 1, 1, 2])
  })

  it('are believed at their tick, however much real time has passed', async () => {
    const counts = await answerOf(`
      const { mock } = await import('node:test')
      const { CircuitBreaker } = await import(ESM)
      const spin = (ms) => { for (const end = performance.now() + ms; performance.now() < end;); }
      const counts = []
      for (const apis of [['setTimeout'], ['setTimeout', 'Date'], ['setTimeout', 'setImmediate', 'Date']]) {
        mock.timers.enable({ apis })
        const breaker = new CircuitBreaker({ timeout: 10, failureThreshold: 1 })
        breaker.call(() => new Promise(() => {})).catch(() => {})
        spin(70)
        mock.timers.tick(9)
        counts.push(breaker.state)
        mock.timers.tick(1)
        counts.push(breaker.state)
        mock.timers.reset()
      }
      console.log(JSON.stringify(counts))`, '--no-warnings')
    assert.deepEqual(counts, ['closed', 'open', 'closed', 'open', 'closed', 'open'])
  })

  it('that mark themselves by a clock, as those of sinon, Jest and Vitest, are believed so, too, whether they came before the import or after', async () => {
    const program = (before, after) => `
      const host = globalThis.setTimeout
      const fakes = []
      const fake = () => (globalThis.setTimeout = Object.assign((callback, ms) => (fakes.push(callback), host(() => {}, 0)), { clock: {} }))
      ${before}
      const { CircuitBreaker } = await import(ESM)
      ${after}
      const breaker = new CircuitBreaker({ timeout: 10, failureThreshold: 1 })
      breaker.call(() => new Promise(() => {})).catch(() => {})
      for (const end = performance.now() + 70; performance.now() < end;);
      fakes[0]()
      console.log(JSON.stringify(breaker.state))`
    assert.deepEqual([await answerOf(program('fake()', '')), await answerOf(program('', 'fake()'))], ['open', 'open'])
  })

  it('that are the host\'s own function with a mark, as those of Bun, have a timer for each call', async () => {
    const counts = await answer(`
      const breaker = make(100)
      const call = () => breaker.call(never).catch(() => {})
      call()
      const counts = [timers.size]
      setTimeout.clock = true
      call()
      call()
      counts.push(timers.size)
      delete setTimeout.clock
      call()
      counts.push(timers.size)
      pass(100)
      counts.push(breaker.metrics.timedOutCalls)
      console.log(JSON.stringify(counts))`)
    assert.deepEqual(counts, [1, 3, 3, 4])
  })

  it('are told from wrappers of the real ones, which are asked whether the answer is there', async () => {
    const came = await answerOf(`
      const { CircuitBreaker } = await import(ESM)
      const host = globalThis.setTimeout
      globalThis.setTimeout = (...all) => host(...all)
      const breaker = new CircuitBreaker({ timeout: 10, failureThreshold: 1 })
      const call = breaker.call(() => new Promise((resolve) => host(resolve, 12, 'answer')))
      for (const end = performance.now() + 100; performance.now() < end;);
      console.log(JSON.stringify(await call.catch(({ code }) => code)))`)
    assert.equal(came, 'answer')
  })
})
