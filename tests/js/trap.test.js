// Should the core ever fail: breakers begin anew or calls go through unguarded, and it is said once, aloud. It must not know how it could: the failures are
// put in place of its functions, or forced by a call stack that is at its end. Each test has a process of its own.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerOf, run } from './support.js'

/**
 * Makes chosen functions of the core trap, once `trapped.on` is set, and notes what is said on the console. Runs before the first
 * breaker. `trapping` takes the name of a function and answers whether it shall trap.
 */
const PRELUDE = `
  const trapped = { on: false, names: ['admit', 'settle'], count: 0 }
  const said = []
  console.error = (...all) => said.push(all)
  const { Instance } = WebAssembly
  WebAssembly.Instance = function (module, imports) {
    const exports = {}
    for (const [name, real] of Object.entries(new Instance(module, imports).exports)) {
      exports[name] = typeof real !== 'function' ? real : (...all) => {
        if (!trapped.on || !trapped.names.includes(name)) return real(...all)
        trapped.count++
        throw new WebAssembly.RuntimeError('unreachable')
      }
    }
    return { exports }
  }
  const { CircuitBreaker, ManualClock } = await import(ESM)
  const clock = new ManualClock()
  const down = new Error('down')
  const code = (error) => error.code ?? error.message`

describe('a core whose admit and settle trap', () => {
  it('lets all calls of a new breaker through, whatever they do, and says so once', async () => {
    const answer = await answerOf(`${PRELUDE}
      trapped.on = true
      const breaker = new CircuitBreaker({ clock, failureThreshold: 1 })
      const results = [
        await breaker.call(async (value) => value, 'async'),
        await breaker.call(() => 'plain'),
        breaker.callSync(() => 'sync'),
        await breaker.wrap(async () => 'wrapped')(),
        await breaker.call(() => Promise.reject(down)).catch(code),
        await breaker.call(() => { throw down }).catch(code),
        await breaker.call(async () => 'still through')
      ]
      try { breaker.callSync(() => { throw down }) } catch (error) { results.push(error === down) }
      results.push(await new CircuitBreaker({ clock }).call(() => 'another breaker'))
      console.log(JSON.stringify({ results, said: said.length, trapped: trapped.count > 8 }))`)
    assert.deepEqual(answer, {
      results: ['async', 'plain', 'sync', 'wrapped', 'down', 'down', 'still through', true, 'another breaker'],
      said: 1,
      trapped: true
    })
  })

  it('lets the calls of a breaker that was in use through, open or half open as it may be', async () => {
    const answer = await answerOf(`${PRELUDE}
      const breakers = Array.from({ length: 3 }, () => new CircuitBreaker({ clock }))
      for (const breaker of breakers) await breaker.call(() => 1)
      breakers[0].trip()
      breakers[1].trip()
      clock.advance(60000)
      breakers[1].checkState()
      const states = breakers.map(({ state }) => state)
      trapped.on = true
      const results = await Promise.all(breakers.flatMap((breaker) => [1, 2].map((n) => breaker.call(async () => n).catch(code))))
      console.log(JSON.stringify({ states, results, said: said.length }))`)
    assert.deepEqual(answer, { states: ['open', 'half_open', 'closed'], results: [1, 2, 1, 2, 1, 2], said: 1 })
  })

  it('settles the calls in flight with what they gave', async () => {
    const answer = await answerOf(`${PRELUDE}
      const breaker = new CircuitBreaker({ clock })
      let resolve, reject
      const calls = [breaker.call(() => new Promise((yes) => (resolve = yes))), breaker.call(() => new Promise((_, no) => (reject = no)))]
      trapped.on = true
      resolve('up')
      reject(down)
      const [one, other] = await Promise.allSettled(calls)
      console.log(JSON.stringify([one.value, other.reason === down, said.length]))`)
    assert.deepEqual(answer, ['up', true, 1])
  })

  it('says it as an Error that names the package, with the trap as its cause', async () => {
    const answer = await answerOf(`${PRELUDE}
      trapped.on = true
      await new CircuitBreaker().call(() => 1)
      const [[error, ...more]] = said
      console.log(JSON.stringify([error instanceof Error, error.message, error.cause instanceof WebAssembly.RuntimeError, more.length]))`)
    assert.deepEqual(answer, [true, 'halfopen: the core has failed; breakers begin anew, and calls go through unguarded where they can not', true, 0])
  })

  it('says it on stderr', async () => {
    const { stdout, stderr } = await run(`${PRELUDE.replace('console.error =', 'console.unused =')}
      trapped.on = true
      console.log(await new CircuitBreaker().call(() => 'through'))`)
    assert.equal(stdout, 'through\n')
    assert.match(stderr, /halfopen: the core has failed; breakers begin anew, and calls go through unguarded where they can not/)
  })
})

describe('a core whose functions all trap', () => {
  it('lets calls through, and throws from no call', async () => {
    const answer = await answerOf(`${PRELUDE}
      const breakers = Array.from({ length: 3 }, () => new CircuitBreaker({ clock, failureThreshold: 1 }))
      await breakers[0].call(() => 1)
      await breakers[1].call(() => 1)
      breakers[1].trip()
      trapped.on = true
      trapped.names = ['admit', 'settle', 'demand', 'takeTransition', 'transitionTime', 'retryAfter', 'check', 'state']
      const results = []
      for (const breaker of breakers) {
        for (const fn of [async () => 'up', () => { throw down }]) {
          try {
            results.push(await breaker.call(fn).catch(code))
          } catch (error) {
            results.push('call() threw ' + error.message)
          }
        }
        try { results.push(breaker.callSync(() => 'sync')) } catch (error) { results.push('callSync() threw ' + error.message) }
      }
      console.log(JSON.stringify({ results, said: said.length }))`)
    assert.deepEqual(answer, { results: Array(3).fill(['up', 'down', 'sync']).flat(), said: 1 })
  })
})

describe('a call stack that is at its end', () => {
  // Not a trap: the engine refuses one more frame with a RangeError, in the midst of the core if it so happens. The program runs into
  // the end of the stack from several heights, and uses a breaker at every depth on its way back. The use is practised before: what
  // was never run has yet to be compiled, which takes more of the stack than the core does.
  const USES = {
    'calls succeed': () => breaker.callSync(() => 1),
    'calls fail': () => breaker.callSync(() => { throw 1 }),
    'calls are refused': () => open.callSync(() => 1),
    'failures are recorded': () => breaker.recordFailure(),
    'breakers are tripped and reset': () => { breaker.trip(); breaker.reset() },
    'states are brought up to the time': () => breaker.checkState()
  }
  for (const [what, use] of Object.entries(USES)) {
    it(`leaves all breakers guarded: ${what} there`, async () => {
      const { stdout } = await run(`
        const { CircuitBreaker, ManualClock } = await import(ESM)
        const clock = new ManualClock()
        const [witness, open] = [new CircuitBreaker({ clock }), new CircuitBreaker({ clock })]
        witness.trip()
        open.trip()
        const breaker = new CircuitBreaker({ clock, failureThreshold: 1e9 })
        const use = ${use}
        const tryIt = () => {
          try { use() } catch {}
        }
        const deep = () => {
          try { deep() } catch {}
          tryIt()
        }
        const from = (...padding) => deep()
        for (let n = 0; n < 100; n++) tryIt()
        for (let n = 0; n < 8; n++) from(...Array(n))
        const fresh = new CircuitBreaker({ clock, failureThreshold: 1 })
        fresh.recordFailure()
        console.log(JSON.stringify([witness.state, await witness.call(() => 'let through').catch(({ code }) => code), fresh.state]))`)
      assert.deepEqual(JSON.parse(stdout), ['open', 'ERR_CIRCUIT_OPEN', 'open'])
    })
  }
})
