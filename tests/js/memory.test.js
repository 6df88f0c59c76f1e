// Memory: what a breaker takes is given back, and calls take none. It must not know the core's layout: it sees the size of the Wasm
// memory and how many breakers live in it.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { IN_WASM, LIVE_BREAKERS, answerOf } from './support.js'

/** Gives the size of the Wasm memory, how many breakers live in it, and a way to see garbage collected. */
const PRELUDE = `
  ${LIVE_BREAKERS}
  const { CircuitBreaker, ManualClock } = await import(ESM)
  const clock = new ManualClock()
  new CircuitBreaker()
  const bytes = () => core.memory.buffer.byteLength
  const collect = async () => {
    gc()
    await new Promise((resolve) => setImmediate(resolve))
  }
  /** Collects garbage until no more than \`most\` breakers live; gives up after a number of rounds, not of seconds. */
  const collected = async (most) => {
    for (let round = 0; round < 500 && liveBreakers() > most; round++) await collect()
    return liveBreakers() <= most
  }`
const answer = (program) => answerOf(`${PRELUDE}\n${program}`, '--expose-gc')

describe('breakers', () => {
  it('give their place back when they are garbage: 20,000 and 20,000 more take no more than 20,000', IN_WASM, async () => {
    const { freed, sizes } = await answer(`
      const sizes = []
      const freed = []
      for (let round = 0; round < 3; round++) {
        const breakers = Array.from({ length: 20_000 }, () => new CircuitBreaker({ clock, name: 'n' }))
        for (const breaker of breakers) {
          breaker.addEventListener('statechange', () => {})
          breaker.metrics
          breaker.callSync(() => 1)
          breaker.trip()
        }
        sizes.push(bytes())
        breakers.length = 0
        freed.push(await collected(2))
      }
      console.log(JSON.stringify({ freed, sizes }))`)
    assert.deepEqual(freed, [true, true, true])
    // The list of free places takes a little once, and the memory grows by a sixteenth of itself.
    assert.equal(sizes[2], sizes[1], `the memory grew: ${sizes}`)
    assert.ok(sizes[1] <= (1 + 1 / 16) * sizes[0], `the memory grew: ${sizes}`)
  })

  it('make the memory grow by a share of itself: 40,000 see fewer than 80 growths, where page by page there are 163', IN_WASM, async () => {
    // V8 collects garbage at each growth, so page by page each breaker costs the more, the more there are.
    const { first, growths } = await answer(`
      const first = bytes()
      const breakers = []
      const sizes = new Set()
      while (breakers.length < 40_000) {
        breakers.push(new CircuitBreaker({ clock }))
        sizes.add(bytes())
      }
      console.log(JSON.stringify({ first, growths: sizes.size - 1 }))`)
    // The stack takes 1 MiB of it.
    assert.ok(first <= 18 << 16, `the first breaker takes ${first} bytes`)
    assert.ok(growths > 10 && growths < 80, `the memory grew ${growths} times`)
  })

  it('are not taken for garbage as long as a call, their metrics or a wrapped function needs them', IN_WASM, async () => {
    const result = await answer(`
      let settle
      const made = (use) => use(new CircuitBreaker({ clock, failureThreshold: 1 }))
      const metrics = made((breaker) => (breaker.trip(), breaker.metrics))
      const wrapped = made((breaker) => breaker.wrap(() => 'wrapped'))
      const heard = []
      const call = made((breaker) => {
        breaker.addEventListener('statechange', ({ detail }) => heard.push(detail.to))
        return breaker.call(() => new Promise((_, reject) => (settle = reject)))
      })
      // Any place given back by mistake is taken by one of these.
      const others = []
      for (let round = 0; round < 20; round++) {
        await collect()
        for (let n = 0; n < 50; n++) others.push(new CircuitBreaker({ clock }))
      }
      settle(new Error('down'))
      await call.catch(() => {})
      const touched = others.filter((breaker) => breaker.metrics.staleCalls > 0 || breaker.state !== 'closed').length
      console.log(JSON.stringify([metrics.stateChanges.length, await wrapped(), heard, touched]))`)
    assert.deepEqual(result, [1, 'wrapped', ['open'], 0])
  })
})

describe('a million calls', () => {
  const USES = {
    'that succeed': 'await breaker.call(() => promise)',
    'that return a plain value': 'breaker.callSync(() => 1)',
    'that fail and succeed in turn': 'if (n % 2) await breaker.call(() => promise); else await breaker.call(() => rejected).catch(() => {})',
    'that are refused': "if (n === 0) breaker.trip(); try { breaker.callSync(() => 1) } catch {}",
    'that open and close the circuit': "if (n % 4 === 0) { breaker.trip(); clock.advance(60000) } await breaker.call(() => promise)"
  }
  for (const [what, use] of Object.entries(USES)) {
    it(`${what} take no memory`, IN_WASM, async () => {
      const { grown, heap, total } = await answer(`
        const breaker = new CircuitBreaker({ clock, failureThreshold: 1e9 })
        const promise = Promise.resolve(1)
        const rejected = Promise.reject(new Error('down'))
        rejected.catch(() => {})
        const work = async (times) => {
          for (let n = 0; n < times; n++) { ${use} }
        }
        await work(10_000)
        gc()
        const before = [bytes(), process.memoryUsage().heapUsed]
        await work(1_000_000)
        await new Promise((resolve) => setImmediate(resolve))
        gc()
        console.log(JSON.stringify({ grown: bytes() - before[0], heap: process.memoryUsage().heapUsed - before[1], total: breaker.metrics.totalCalls }))`)
      assert.equal(total, 1_010_000)
      assert.equal(grown, 0)
      assert.ok(heap < 1 << 20, `the heap grew by ${heap} bytes`)
    })
  }
})
