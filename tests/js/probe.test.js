// Background recovery: with a probe the breaker tests its dependency itself. It must not know how the task is written; sleeps are
// promises settled by hand, and no time passes but that of a clock moved by hand.

import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, CircuitBreakerRegistry, isCallTimeoutError, isCircuitOpenError, ManualClock } from '../../pkg/index.js'
import { LOADED, probesIn, probesOf, STORES_OF_PROBES } from './requests.js'
import { IN_WASM, LIVE_BREAKERS, answerOf, deferred, drained, rejectionOf, run, thrownBy } from './support.js'

const RECOVERY = 1000
const down = new Error('down')

let clock, breaker, sleeps, probes, changes
/**
 * A breaker whose sleeps and probes are in lists, each to be settled by the test. The lists are its own: one of an earlier test may go on, since its
 * probe expires by a timer of the host.
 */
function fresh(options) {
  clock = new ManualClock(5)
  const [ownSleeps, ownProbes, ownChanges] = ([sleeps, probes, changes] = [[], [], []])
  breaker = new CircuitBreaker({
    clock,
    failureThreshold: 1,
    recoveryTimeout: RECOVERY,
    sleep: (ms) => {
      const sleep = Object.assign(deferred(), { ms })
      ownSleeps.push(sleep)
      return sleep.promise
    },
    probe: () => {
      const probe = deferred()
      ownProbes.push(probe)
      return probe.promise
    },
    ...options
  })
  breaker.addEventListener('statechange', ({ detail: { to, reason } }) => ownChanges.push(`${to}: ${reason}`))
}
/** Goes on until a condition holds, for a number of rounds, not of seconds. */
async function until(condition) {
  for (let round = 0; round < 200_000 && !condition(); round++) await drained()
  assert.ok(condition(), `in vain: ${condition}`)
}
/** Rounds enough for anything that is going on by itself to be seen. */
async function aWhile() {
  for (let round = 0; round < 1000; round++) await drained()
}
/** Lets the current sleep be over as it would be. */
async function sleepThrough() {
  await until(() => sleeps.length > 0)
  const { ms, resolve } = sleeps.pop()
  clock.advance(ms)
  resolve()
}
const up = () => 'up'
const refused = () => assert.ok(isCircuitOpenError(thrownBy(() => breaker.callSync(up))))

const unhandled = []
const note = (reason) => unhandled.push(reason)
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
  fresh()
})
afterEach(async () => {
  await drained()
  process.off('unhandledRejection', note)
  assert.deepEqual(unhandled, [])
})

describe('a breaker with a probe', () => {
  it('does not probe while it is closed', async () => {
    await breaker.call(up)
    await aWhile()
    assert.deepEqual([sleeps.length, probes.length], [0, 0])
  })

  it('sleeps through the open time, probes, and closes after successThreshold probes', async () => {
    breaker.trip()
    await until(() => sleeps.length === 1)
    assert.equal(sleeps[0].ms, RECOVERY)
    await sleepThrough()
    await until(() => probes.length === 1)
    assert.equal(breaker.state, 'half_open')
    probes[0].resolve()
    await until(() => probes.length === 2)
    probes[1].resolve()
    await until(() => breaker.state === 'closed')
    await aWhile()
    assert.deepEqual([sleeps.length, probes.length], [0, 2])
    assert.deepEqual(changes, ['open: trip', 'half_open: recovery_due', 'closed: recovered'])
  })

  it('spends no user’s call as a test request: they are refused until it is closed', async () => {
    breaker.trip()
    clock.advance(RECOVERY)
    refused()
    await until(() => probes.length === 1)
    for (let n = 0; n < 20; n++) refused()
    const refusal = await rejectionOf(breaker.call(up))
    assert.equal(refusal.state, 'half_open')
    probes[0].resolve()
    await until(() => probes.length === 2)
    refused()
    probes[1].resolve()
    await until(() => breaker.state === 'closed')
    assert.equal(await breaker.call(up), 'up')
  })

  it('opens again for a whole recovery time at a probe that fails, with its error as the cause', async () => {
    breaker.trip()
    await sleepThrough()
    await until(() => probes.length === 1)
    probes[0].reject(down)
    await until(() => breaker.state === 'open' && sleeps.length === 1)
    assert.equal(sleeps[0].ms, RECOVERY)
    assert.equal((await rejectionOf(breaker.call(up))).cause, down)
    await sleepThrough()
    await until(() => probes.length === 2)
  })

  it('recovers after any number of failed probes', async () => {
    breaker.trip()
    for (let n = 0; n < 50; n++) {
      await sleepThrough()
      await until(() => probes.length === n + 1)
      probes[n].reject(down)
      await until(() => breaker.state === 'open')
    }
    await sleepThrough()
    for (let n = 50; n < 52; n++) {
      await until(() => probes.length === n + 1)
      probes[n].resolve()
    }
    await until(() => breaker.state === 'closed')
  })

  it('sleeps the longer times of recoveryBackoff', async () => {
    fresh({ recoveryBackoff: { factor: 2, max: 4000 } })
    breaker.callSync(up)
    thrownBy(() => breaker.callSync(() => { throw down }))
    const slept = []
    for (let n = 0; n < 4; n++) {
      await until(() => sleeps.length === 1)
      slept.push(sleeps[0].ms)
      await sleepThrough()
      await until(() => probes.length === n + 1)
      probes[n].reject(down)
      await until(() => breaker.state === 'open')
    }
    assert.deepEqual(slept, [1000, 2000, 4000, 4000])
  })

  it('starts with one that is restored open', async () => {
    const other = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY })
    other.trip()
    const snapshot = other.toJSON()
    fresh({ snapshot })
    assert.equal(breaker.state, 'open')
    await until(() => sleeps.length === 1)
    assert.equal(sleeps[0].ms, RECOVERY)
  })

  it('has one task, whatever happens', async () => {
    for (let n = 0; n < 20; n++) {
      breaker.trip()
      breaker.recordFailure()
      breaker.isolate()
      breaker.release()
      breaker.reset()
      breaker.trip()
    }
    await aWhile()
    assert.equal(sleeps.length, 1)
    await sleepThrough()
    await until(() => probes.length === 1)
    breaker.checkState()
    refused()
    await aWhile()
    assert.equal(probes.length, 1)
  })
})

describe('a probe that', () => {
  for (const [what, probe] of Object.entries({
    'throws at once': () => {
      throw down
    },
    'gives a promise that rejects': async () => {
      throw down
    },
    'gives a thenable that throws': () => ({
      then() {
        throw down
      }
    })
  })) {
    it(`${what} is a failed test, and no unhandled rejection`, async () => {
      fresh({ probe })
      breaker.trip()
      for (let n = 0; n < 3; n++) {
        await sleepThrough()
        await until(() => sleeps.length === 1)
        assert.equal(breaker.state, 'open')
      }
      assert.equal(breaker.metrics.failedCalls, 3)
    })
  }

  for (const [what, probe] of Object.entries({ 'gives no promise': () => true, 'gives nothing': () => {}, 'gives false': () => false })) {
    it(`${what} is a test that succeeded: only what rejects or throws fails`, async () => {
      fresh({ probe })
      breaker.trip()
      await sleepThrough()
      await until(() => breaker.state === 'closed')
    })
  }

  it('never settles is given up after halfOpenTimeout, and asked again a recovery time later', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    fresh({ halfOpenTimeout: 300 })
    breaker.trip()
    for (let n = 0; n < 3; n++) {
      await until(() => sleeps.length === 1)
      t.mock.timers.tick(1)
      await sleepThrough()
      await until(() => probes.length === n + 1)
      t.mock.timers.tick(299)
      await aWhile()
      assert.equal(breaker.state, 'half_open')
      t.mock.timers.tick(1)
      await until(() => breaker.state === 'open')
      assert.ok(isCallTimeoutError((await rejectionOf(breaker.call(up))).cause))
    }
    // What they answer at last is nobody's.
    for (const [n, probe] of probes.entries()) n % 2 ? probe.resolve() : probe.reject(down)
    await aWhile()
    assert.equal(breaker.state, 'open')
  })

  it('never settles can not keep checkState() from ending its test request', async () => {
    fresh({ halfOpenTimeout: 300 })
    breaker.trip()
    await sleepThrough()
    await until(() => probes.length === 1)
    clock.advance(300)
    assert.equal(breaker.checkState(), 'open')
    probes[0].resolve()
    await until(() => sleeps.length === 1)
    assert.deepEqual([breaker.state, breaker.metrics.staleCalls, breaker.metrics.inFlight], ['open', 1, 0])
  })

  it('is slow without an open time between is asked again and again, and leaves room for everything else', async () => {
    let asked = 0
    fresh({
      recoveryTimeout: 0, window: { type: 'count', size: 5 }, minimumCalls: 1, slowCallDuration: 10, slowCallRate: 1,
      probe: async () => { asked++; clock.advance(10) }
    })
    breaker.trip()
    await until(() => asked > 3)
    assert.ok(asked < 1000, `asked ${asked} times`)
    breaker.reset()
  })

  it('fails at once without an open time between is asked again and again, and leaves room for everything else', async () => {
    let asked = 0
    fresh({ recoveryTimeout: 0, probe: async () => { asked++; throw down } })
    breaker.trip()
    await until(() => asked > 3)
    assert.ok(asked < 1000, `asked ${asked} times`)
    breaker.reset()
    await aWhile()
    const before = asked
    await aWhile()
    assert.equal(asked, before)
  })
})

describe('the task', () => {
  it('ends when the circuit is closed by hand while it sleeps', async () => {
    breaker.trip()
    await until(() => sleeps.length === 1)
    breaker.reset()
    await sleepThrough()
    await aWhile()
    assert.deepEqual([sleeps.length, probes.length], [0, 0])
  })

  it('ends when the circuit is closed by hand while it probes, and what the probe answers is stale', async () => {
    breaker.trip()
    await sleepThrough()
    await until(() => probes.length === 1)
    breaker.reset()
    probes[0].reject(down)
    await aWhile()
    assert.deepEqual([breaker.state, breaker.failureCount, breaker.metrics.staleCalls, sleeps.length], ['closed', 0, 1, 0])
  })

  it('makes a circuit that opens anew after that sleep its whole time', async () => {
    breaker.trip()
    await until(() => sleeps.length === 1)
    clock.advance(600)
    breaker.reset()
    await aWhile()
    breaker.trip()
    await until(() => sleeps.length === 2)
    assert.equal(sleeps[1].ms, RECOVERY)
    sleeps[0].resolve()
    await aWhile()
    assert.deepEqual([breaker.state, probes.length], ['open', 0])
  })

  for (const [off, on] of [['isolate', 'release'], ['disable', 'enable']]) {
    it(`rests from ${off}() on, and goes on at ${on}()`, async () => {
      breaker.trip()
      await until(() => sleeps.length === 1)
      breaker[off]()
      await sleepThrough()
      clock.advance(10 * RECOVERY)
      await aWhile()
      assert.deepEqual([sleeps.length, probes.length], [0, 0])
      breaker[on]()
      await until(() => probes.length === 1)
      assert.equal(breaker.state, 'half_open')
    })

    it(`goes on at ${on}() though it was asleep when ${off}() came, and still is`, async () => {
      breaker.trip()
      await until(() => sleeps.length === 1)
      breaker[off]()
      clock.advance(RECOVERY)
      breaker[on]()
      await until(() => probes.length === 1)
    })

    it(`rests from ${off}() on that comes while it probes`, async () => {
      breaker.trip()
      await sleepThrough()
      await until(() => probes.length === 1)
      breaker[off]()
      probes[0].reject(down)
      await aWhile()
      assert.deepEqual([sleeps.length, probes.length], [0, 1])
      breaker[on]()
      await until(() => sleeps.length + probes.length === 2)
    })
  }

  it('goes on in a breaker that observes: calls pass, and it is the probe that closes the circuit', async () => {
    breaker.observe()
    breaker.trip()
    assert.equal(breaker.callSync(up), 'up')
    await sleepThrough()
    for (let n = 0; n < 2; n++) {
      await until(() => probes.length === n + 1)
      assert.equal(breaker.callSync(up), 'up')
      assert.equal(breaker.state, 'half_open')
      probes[n].resolve()
    }
    await until(() => breaker.state === 'closed')
  })

  it('wakes at once when the recovery time is cut short', async () => {
    breaker.trip()
    await until(() => sleeps.length === 1)
    breaker.recoveryTimeout = 100
    await until(() => sleeps.length === 2)
    assert.equal(sleeps[1].ms, 100)
  })

  it('sleeps on when an open time begins again', async () => {
    breaker.trip()
    clock.advance(400)
    breaker.recordFailure()
    await until(() => sleeps.length === 1)
    clock.advance(600)
    sleeps.pop().resolve()
    await until(() => sleeps.length === 1)
    assert.deepEqual([sleeps[0].ms, probes.length], [400, 0])
    await sleepThrough()
    await until(() => probes.length === 1)
  })

  it('is not led astray by a breaker that a registry dropped and made again', async () => {
    fresh()
    const registry = new CircuitBreakerRegistry({
      clock, maxBreakers: 1, recoveryTimeout: RECOVERY,
      sleep: (ms) => {
        const sleep = Object.assign(deferred(), { ms })
        sleeps.push(sleep)
        return sleep.promise
      },
      probe: () => {
        const probe = deferred()
        probes.push(probe)
        return probe.promise
      }
    })
    const held = registry.get('held')
    held.trip()
    await until(() => sleeps.length === 1)
    held.reset()
    const other = registry.get('other')
    assert.equal(registry.has('held'), false)
    other.trip()
    await until(() => sleeps.length === 2)
    clock.advance(RECOVERY)
    for (const { resolve } of sleeps) resolve()
    await until(() => probes.length === 1)
    probes[0].resolve()
    await until(() => probes.length === 2)
    probes[1].resolve()
    await until(() => other.state === 'closed')
    assert.deepEqual([held.state, held.metrics.totalCalls, probes.length], ['closed', 0, 2])
  })
})

describe('who is refused while the probe is to test', () => {
  const hintOf = () => {
    const { state, retryAfter, message } = thrownBy(() => breaker.callSync(up))
    assert.equal(message, `Circuit open. Retry in ${Math.ceil(retryAfter / 1000)}s`)
    return [state, retryAfter]
  }

  it('is told what is left of the open time, then to come back when the probe must have acted, a second later at most', async () => {
    fresh({ halfOpenTimeout: 1500 })
    breaker.trip()
    await until(() => sleeps.length === 1)
    clock.advance(RECOVERY - 0.5)
    assert.deepEqual(hintOf(), ['open', 0.5])
    clock.advance(0.5)
    assert.deepEqual([breaker.state, breaker.explain().retryAfter], ['open', 1000])
    assert.match(breaker.explain().sentence, /, the next probe is a test request$/)
    clock.advance(700)
    assert.equal(breaker.explain().retryAfter, 800)
    assert.deepEqual(hintOf(), ['half_open', 800])
    await until(() => probes.length === 1)
    clock.advance(1400)
    assert.deepEqual(hintOf(), ['half_open', 100])
    clock.advance(99.75)
    assert.deepEqual(hintOf(), ['half_open', 1])
  })
})

describe('a probe that is lost', () => {
  /** As where a host ends timers with the request that made them, and promises too: the probe is never asked. */
  const lost = (options) => {
    fresh({ halfOpenTimeout: 300, successThreshold: 2, ...options })
    breaker.trip()
  }
  const refusedAt = (ms) => {
    clock.set(5 + ms)
    refused()
  }

  it('keeps callers from testing for one halfOpenTimeout after the circuit was due, and no longer', async () => {
    lost()
    refusedAt(RECOVERY)
    refusedAt(RECOVERY + 299)
    clock.advance(1)
    assert.equal(breaker.callSync(up), 'up')
    assert.equal(breaker.callSync(up), 'up')
    assert.equal(breaker.state, 'closed')
  })

  it('counts from when the circuit was due, though nobody asked then', () => {
    lost()
    clock.advance(RECOVERY + 300)
    assert.equal(breaker.callSync(up), 'up')
  })

  it('keeps callers for 100 ms at the next recovery, once they had to test in its place', () => {
    lost()
    clock.advance(RECOVERY + 300)
    thrownBy(() => breaker.callSync(() => { throw down }))
    clock.advance(RECOVERY + 99)
    refused()
    clock.advance(1)
    assert.equal(breaker.callSync(up), 'up')
  })

  it('in the midst of its test request costs that lease and one recovery time', async () => {
    lost()
    await sleepThrough()
    await until(() => probes.length === 1)
    clock.advance(300)
    refused()
    assert.equal(breaker.state, 'open')
    clock.advance(RECOVERY + 99)
    refused()
    clock.advance(1)
    assert.equal(breaker.callSync(up), 'up')
  })

  it('has its right back when it tests again', async () => {
    lost()
    await sleepThrough()
    await until(() => probes.length === 1)
    clock.advance(300)
    breaker.checkState()
    clock.advance(RECOVERY)
    refused()
    probes[0].resolve()
    await until(() => probes.length === 2)
    clock.advance(299)
    refused()
    probes[1].resolve()
    await until(() => probes.length === 3)
    probes[2].resolve()
    await until(() => breaker.state === 'closed')
  })

  it('is waited for while the clock is broken, and no longer than ever once that is mended', () => {
    let broken = true
    lost({ clock: { now: () => (broken ? NaN : clock.now()) } })
    for (let n = 0; n < 3; n++) refused()
    broken = false
    refused()
    clock.advance(RECOVERY + 300)
    assert.equal(breaker.callSync(up), 'up')
  })
})

describe('a sleep that', () => {
  for (const [what, sleep] of Object.entries({
    'rejects': async () => {
      throw down
    },
    'throws at once': () => {
      throw down
    },
    'never resolves': () => new Promise(() => {})
  })) {
    it(`${what} puts the task off until somebody asks: the circuit recovers`, async () => {
      fresh({ sleep })
      breaker.trip()
      await aWhile()
      refused()
      assert.equal(probes.length, 0)
      clock.advance(RECOVERY)
      refused()
      await until(() => probes.length === 1)
      probes[0].reject(down)
      await until(() => breaker.state === 'open')
      refused()
      await aWhile()
      clock.advance(RECOVERY)
      breaker.checkState()
      for (let n = 1; n < 3; n++) {
        await until(() => probes.length === n + 1)
        probes[n].resolve()
      }
      await until(() => breaker.state === 'closed')
    })
  }

  for (const [what, sleep] of Object.entries({ 'is over at once': async () => {}, 'gives no promise': () => {} })) {
    it(`${what} leaves room for everything else, and the circuit recovers in its time`, async () => {
      let slept = 0
      fresh({ sleep: () => (slept++, sleep()) })
      breaker.trip()
      await until(() => slept > 3)
      assert.ok(slept < 1000, `slept ${slept} times`)
      assert.equal(probes.length, 0)
      clock.advance(RECOVERY)
      await until(() => probes.length === 1)
    })
  }

  it('moves the clock itself leaves room for everything else, though the probe always fails', async () => {
    let asked = 0
    fresh({ sleep: async (ms) => void clock.advance(ms), probe: () => { asked++; throw down } })
    breaker.trip()
    await until(() => asked > 3)
    assert.ok(asked < 1000, `asked ${asked} times`)
    breaker.reset()
  })

  it('is asked for a whole number of ms that a timer can hold', async () => {
    fresh({ recoveryTimeout: 2 ** 32 })
    breaker.trip()
    await until(() => sleeps.length === 1)
    assert.equal(sleeps[0].ms, 2 ** 31 - 1)
    await sleepThrough()
    await until(() => sleeps.length === 1)
    assert.equal(probes.length, 0)
  })
})

describe('a clock that answers NaN', () => {
  it('leaves the task asleep, and awake once it is mended', async () => {
    let broken = false
    const source = new ManualClock(5)
    fresh({ clock: { now: () => (broken ? NaN : source.now()) } })
    breaker.trip()
    await until(() => sleeps.length === 1)
    broken = true
    sleeps.pop().resolve()
    await until(() => sleeps.length === 1)
    assert.equal(probes.length, 0)
    broken = false
    source.advance(RECOVERY)
    sleeps.pop().resolve()
    await until(() => probes.length === 1)
  })
})

describe('the task of one breaker', () => {
  for (const [what, loaded] of Object.entries(LOADED)) {
    it(`runs in no request's async context, whoever trips, asks or waits: the package is ${what}`, async () => {
      assert.deepEqual(await answerOf(probesOf(loaded)), probesIn(undefined))
    })
  }

  it('keeps no store of the request alive that tripped, asleep or probing', async () => {
    assert.deepEqual(await answerOf(STORES_OF_PROBES, '--expose-gc'), [0, ['open', 'open', 'half_open']])
  })

  it('is started by the next refusal where the call stack was at its end, and stops nobody else', async () => {
    const answer = await answerOf(`
      const { CircuitBreaker, ManualClock } = await import(ESM)
      const clock = new ManualClock()
      const said = []
      console.error = (error) => said.push(error.message)
      let closed = 0, thrown = new Set()
      const make = () => new CircuitBreaker({ clock, recoveryTimeout: 10, successThreshold: 1, probe: async () => {}, sleep: () => new Promise(() => {}) })
      // A warm path needs less of the stack than a cold one.
      for (let n = 0; n < 200; n++) make().trip()
      const breakers = []
      for (let above = 0; above < 300; above++) {
        const breaker = make()
        breakers.push(breaker)
        // To the end of the stack, and a few frames back.
        let left = above
        const down = () => {
          try { down() } catch {}
          if (left-- === 0) try { breaker.trip() } catch (error) { thrown.add(error.constructor.name) }
        }
        down()
        breaker.trip()
      }
      const plain = make()
      plain.trip()
      clock.advance(10)
      for (const breaker of [...breakers, plain]) breaker.call(() => 1).catch(() => {})
      for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve))
      console.log(JSON.stringify([[...breakers, plain].filter(({ state }) => state !== 'closed').length, said]))`)
    assert.deepEqual(answer, [0, []])
  })

  it('that is lost in a probe is followed by a new one once the circuit has been closed', async () => {
    breaker.trip()
    await sleepThrough()
    await until(() => probes.length === 1)
    breaker.reset()
    breaker.trip()
    await sleepThrough()
    await until(() => probes.length === 2)
    probes[1].resolve()
    await until(() => probes.length === 3)
    // The lost one answers at last: it is stale, and it does not go on beside the new one.
    probes[0].resolve()
    await aWhile()
    assert.deepEqual([breaker.state, breaker.metrics.staleCalls, probes.length, sleeps.length], ['half_open', 1, 3, 0])
    probes[2].resolve()
    await until(() => breaker.state === 'closed')
    assert.equal(breaker.metrics.inFlight, 0)
  })

  it('that sleeps past its time, since its timer was lost, is woken by who is refused', async () => {
    breaker.trip()
    await until(() => sleeps.length === 1)
    clock.advance(RECOVERY + 500)
    refused()
    await until(() => probes.length === 1)
  })
})

describe('a process', () => {
  it('ends though a breaker with a probe is open, asleep or probing', async () => {
    const { stdout } = await run(`
      const { CircuitBreaker } = await import(ESM)
      const asleep = new CircuitBreaker({ probe: async () => {} })
      asleep.trip()
      const probing = new CircuitBreaker({ recoveryTimeout: 0, probe: () => new Promise(() => console.log('probing')) })
      probing.trip()
      const failing = new CircuitBreaker({ recoveryTimeout: 0, probe: async () => { throw new Error('down') } })
      failing.trip()
      await Promise.resolve()`)
    assert.equal(stdout, 'probing\n')
  })

  for (const [what, use] of Object.entries({
    'nobody read anything of': '',
    'somebody read the metrics of, listened to and wrote to': `
      breaker.metrics.totalCalls
      breaker.addEventListener('statechange', () => {})
      breaker.failureThreshold = 3`
  })) {
    it(`forgets an open breaker that ${what}: its task ends without another probe`, IN_WASM, async () => {
      const { live, ended, probed } = await answerOf(
        `${LIVE_BREAKERS}
        const { CircuitBreaker, ManualClock } = await import(ESM)
        const clock = new ManualClock()
        const kept = new CircuitBreaker({ clock })
        const wakes = []
        let probed = 0
        const tasks = 20
        const make = () => {
          const breaker = new CircuitBreaker({ clock, recoveryTimeout: 5, sleep: () => new Promise((resolve) => wakes.push(resolve)), probe: async () => { probed++ } })
          breaker.trip()
          ${use}
        }
        for (let n = 0; n < tasks; n++) make()
        const collect = async () => { gc(); await new Promise((resolve) => setImmediate(resolve)) }
        for (let round = 0; round < 500 && (liveBreakers() > 1 || wakes.length < tasks); round++) await collect()
        const live = liveBreakers()
        clock.advance(5)
        for (const wake of wakes) wake()
        for (let round = 0; round < 50; round++) await collect()
        console.log(JSON.stringify({ live, ended: wakes.length === tasks, probed }))`,
        '--expose-gc'
      )
      assert.deepEqual({ live, ended, probed }, { live: 1, ended: true, probed: 0 })
    })
  }
})

describe('a breaker that is held by nobody but its probe’s task', () => {
  /** What becomes of such a breaker while its task sleeps and garbage is collected. */
  const program = (use) => answerOf(
    `${LIVE_BREAKERS}
    const { CircuitBreaker, ManualClock } = await import(ESM)
    const clock = new ManualClock()
    const sleeps = []
    const controller = new AbortController()
    const open = () => {
      const breaker = new CircuitBreaker({ clock, recoveryTimeout: 1000, successThreshold: 1, probe: async () => {}, sleep: () => new Promise((resolve) => sleeps.push(resolve)) })
      breaker.trip()
      return breaker
    }
    const turns = async () => {
      for (let n = 0; n < 5; n++) {
        await new Promise((resolve) => setImmediate(resolve))
        gc()
      }
    }
    let heard = 'nothing'
    ${use}
    await turns()
    const live = liveBreakers()
    clock.advance(1000)
    sleeps.forEach((resolve) => resolve())
    await turns()
    console.log(JSON.stringify({ live, heard, after: liveBreakers() }))`,
    '--expose-gc'
  )

  it('lives as long as somebody waits for its circuit to close, and is told', IN_WASM, async () => {
    const waits = "void (async () => { await open().whenClosed(); heard = 'closed' })()"
    assert.deepEqual(await program(waits), { live: 1, heard: 'closed', after: 0 })
    // The task may begin after the wait does.
    const waitsIsolated =
      "void (async () => { const breaker = open(); breaker.isolate(); const closed = breaker.whenClosed(); breaker.release(); breaker.trip(); await closed; heard = 'closed' })()"
    assert.deepEqual(await program(waitsIsolated), { live: 1, heard: 'closed', after: 0 })
  })

  it('is forgotten, and its task ends, where nobody waits or nobody waits any more', IN_WASM, async () => {
    assert.deepEqual(await program('open()'), { live: 0, heard: 'nothing', after: 0 })
    const aborts = "open().whenClosed({ signal: controller.signal }).catch(() => (heard = 'aborted')); await turns(); controller.abort()"
    assert.deepEqual(await program(aborts), { live: 0, heard: 'aborted', after: 0 })
  })
})
