// Eviction: which breaker goes when there is no room, what that costs, and what an evicted one still does. It must not know how a breaker
// decides; memory and looks are measured in processes of their own.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CircuitBreakerRegistry, isCircuitOpenError, ManualClock } from '../../pkg/index.js'
import { clock, error, failOnce, fails, filled, keysOf, RECOVERY, registryOf } from './registries.js'
import { answerOf, deferred, IN_WASM, LIVE_BREAKERS, rejectionOf } from './support.js'

describe('a registry that is full', () => {
  it('drops the least recently used breaker, and holds maxBreakers and no more', () => {
    const registry = filled(['a', 'b', 'c'])
    registry.get('a')
    registry.get('d')
    assert.deepEqual(keysOf(registry), ['a', 'c', 'd'])
    for (let n = 0; n < 100; n++) {
      registry.get(n)
      assert.equal(registry.size, 3)
    }
    assert.deepEqual(keysOf(registry), [97, 98, 99])
  })

  it('may hold one only', () => {
    const registry = registryOf({ maxBreakers: 1 })
    const [a, b] = [registry.get('a'), registry.get('b')]
    assert.deepEqual([...registry.values()], [b])
    assert.notEqual(a, b)
  })

  it('holds a thousand by default', () => {
    const registry = new CircuitBreakerRegistry()
    for (let n = 0; n < 1500; n++) registry.get(`k${n}`)
    assert.equal(registry.size, 1000)
    assert.equal(registry.has('k499'), false)
    assert.equal(registry.has('k500'), true)
  })

  it('never drops an open breaker, or one that is half open, before a closed and quiet one', () => {
    const registry = filled(['open', 'half open', 'isolated', 'quiet'])
    registry.get('half open').trip()
    clock.advance(RECOVERY)
    registry.get('half open').checkState()
    registry.get('open').trip()
    registry.get('isolated').isolate()
    registry.get('quiet')
    for (let n = 0; n < 1000; n++) registry.get(n)
    assert.deepEqual(keysOf(registry), ['open', 'half open', 'isolated', 999])
  })

  const BUSY = {
    'one that failed since its last success': failOnce,
    'one that has a call in flight': (breaker) => void breaker.call(() => new Promise(() => {})),
    'one that has a permit out': (breaker) => (breaker.permit = breaker.acquire())
  }
  const BY_HAND = {
    'one that is isolated': (breaker) => breaker.isolate(),
    'one that is disabled': (breaker) => breaker.disable(),
    'one that observes': (breaker) => breaker.observe()
  }
  for (const [what, change] of Object.entries({ ...BUSY, ...BY_HAND })) {
    it(`drops a quiet breaker before ${what}, though that was used longer ago`, async () => {
      const registry = filled(['busy', 'quiet'])
      await change(registry.get('busy'))
      registry.get('quiet')
      registry.get('new')
      assert.deepEqual(keysOf(registry), ['busy', 'new'])
    })
  }
  for (const [what, change] of Object.entries(BUSY)) {
    it(`drops ${what} before an open one, where no breaker is quiet`, async () => {
      const registry = filled(['open', 'busy'])
      registry.get('open').trip()
      await change(registry.get('busy'))
      registry.get('new')
      assert.deepEqual(keysOf(registry), ['open', 'new'])
    })
  }
  for (const [what, change] of Object.entries(BY_HAND)) {
    it(`never drops ${what}: rather it holds more, and drops what is too many once it may`, () => {
      const registry = filled(['by hand', 'open'])
      change(registry.get('by hand'))
      registry.get('open').trip()
      registry.get('new').trip()
      assert.deepEqual(keysOf(registry), ['by hand', 'new'])
      change(registry.get('new'))
      for (const key of ['third', 'fourth']) change(registry.get(key))
      assert.deepEqual(keysOf(registry), ['by hand', 'new', 'third', 'fourth'])
      registry.get('new').enable()
      registry.get('new').release()
      registry.get('new').reset()
      registry.get('fourth').enable()
      registry.get('fourth').reset()
      registry.get('last')
      assert.deepEqual(keysOf(registry), ['by hand', 'third', 'last'])
    })
  }

  for (const [what, there, back, kept = ['back']] of [
    ['closed by hand', (breaker) => breaker.trip(), (breaker) => breaker.reset()],
    ['released and closed', (breaker) => breaker.isolate(), (breaker) => (breaker.release(), breaker.reset()), ['other', 'back']],
    ['enabled after it was disabled', (breaker) => breaker.disable(), (breaker) => breaker.enable(), ['other', 'back']],
    ['enabled after it observed', (breaker) => breaker.observe(), (breaker) => breaker.enable(), ['other', 'back']],
    ['healthy after a failure', failOnce, (breaker) => breaker.recordSuccess()],
    ['closed by its test requests', (breaker) => breaker.trip(), async (breaker) => {
      clock.advance(RECOVERY)
      for (let n = 0; n < 2; n++) await breaker.call(() => 'up')
    }]
  ]) {
    it(`drops a breaker that is ${what} before one that is not, though it was used later`, async () => {
      for (const isBack of [true, false]) {
        const registry = filled(['other', 'back'])
        for (const breaker of registry.values()) await there(breaker)
        if (isBack) await back(registry.get('back'))
        registry.get('new')
        assert.deepEqual(keysOf(registry), [...(isBack ? ['other'] : kept), 'new'])
      }
    })
  }

  it('drops the least recently used one where all are open', () => {
    const registry = filled(['a', 'b'])
    for (const breaker of registry.values()) breaker.trip()
    registry.get('c').trip()
    assert.deepEqual(keysOf(registry), ['b', 'c'])
  })

  const leave = () => {}
  for (const [what, use, prepare = leave] of [
    ['a call', (breaker) => breaker.call(() => 1)],
    ['a call that is refused', (breaker) => rejectionOf(breaker.call(() => 1)), (breaker) => breaker.trip()],
    ['callSync()', (breaker) => breaker.callSync(() => 1)],
    ['a permit', (breaker) => breaker.acquire().success()]
  ]) {
    it(`takes ${what} through a breaker that somebody holds for use of its key`, async () => {
      for (const [isUsed, dropped] of [[true, 'other'], [false, 'held']]) {
        const registry = filled(['held', 'other'])
        const [held, other] = registry.values()
        prepare(held)
        prepare(other)
        if (isUsed) await use(held)
        registry.get('new')
        assert.equal(registry.has(dropped), false, `${dropped} stayed`)
        assert.equal(registry.size, 2)
      }
    })
  }

  it('takes get() for use, of the key asked for last as well', () => {
    const registry = filled(['a', 'b', 'c'], { maxBreakers: 4 })
    registry.get('d')
    registry.get('d')
    for (const key of ['e', 'f', 'g']) registry.get(key)
    assert.deepEqual(keysOf(registry), ['d', 'e', 'f', 'g'])
    registry.get('h')
    assert.deepEqual(keysOf(registry), ['d', 'f', 'g', 'h'])
    registry.get('i')
    assert.equal(registry.has('d'), true, 'what was used since the hand came by was dropped')
  })

  it('takes a breaker in although all others have been used: the one seen first goes', () => {
    const registry = filled([...Array(100).keys()])
    for (const breaker of registry.values()) breaker.callSync(() => 1)
    registry.get('new')
    assert.equal(registry.has(0), false)
    assert.equal(registry.size, 100)
  })

  it('does not let a breaker that failed once and recovered outlast those in use', async () => {
    const registry = filled(['failed', 'a', 'b'])
    await failOnce(registry.get('failed'))
    for (let n = 0; n < 5; n++) registry.get(n)
    assert.equal(registry.has('failed'), true)
    registry.get('failed').recordSuccess()
    let keys = 0
    for (; registry.has('failed'); keys++) registry.get(`new ${keys}`)
    assert.ok(keys <= 6, `it took ${keys} keys`)
  })

  it('takes reading for no use', () => {
    const registry = filled(['read', 'other'])
    const [read] = registry.values()
    void [read.state, read.mode, read.metrics.totalCalls, read.failureThreshold, read.explain(), read.toJSON()]
    registry.get('new')
    assert.deepEqual(keysOf(registry), ['other', 'new'])
  })

  it('finds a closed breaker behind any number of open ones', () => {
    const registry = filled([...Array(200).keys(), 'closed'])
    for (const [key, breaker] of registry) if (key !== 'closed') breaker.trip()
    registry.get('new')
    assert.equal(registry.has('closed'), false)
    assert.equal(registry.size, 201)
    assert.equal([...registry.values()].filter(({ state }) => state === 'open').length, 200)
  })

  it('lets a listener that makes room drop the very breaker it hears of', async () => {
    const registry = registryOf({ maxBreakers: 1, successThreshold: 1 })
    const breaker = registry.get('a')
    const heard = []
    breaker.addEventListener('success', () => registry.get('b'))
    breaker.addEventListener('statechange', ({ detail: { to } }) => (heard.push(to), to === 'closed' && registry.get('c')))
    breaker.trip()
    clock.advance(RECOVERY)
    const closed = breaker.whenClosed()
    assert.equal(await breaker.call(() => 'up'), 'up')
    await closed
    assert.deepEqual(heard, ['open', 'half_open', 'closed'])
    assert.equal(breaker.state, 'closed')
    assert.deepEqual(keysOf(registry), ['c'])
    assert.equal(registry.get('c').metrics.totalCalls, 0)
  })
})

describe('what is quiet', () => {
  const window = (options) => registryOf({ failureThreshold: undefined, failureRate: 1, ...options })

  it('is no breaker that fails: none of them goes while there is another, however many they are', async () => {
    for (const fail of [failOnce, (breaker) => breaker.recordFailure(), (breaker) => void breaker.acquire().failure(error)]) {
      const registry = filled([...Array(490).keys(), ...Array.from({ length: 10 }, (_, n) => `quiet ${n}`)])
      for (const [key, breaker] of registry) await (typeof key === 'number' ? fail(breaker) : breaker.call(() => 1))
      for (let n = 0; n < 10; n++) registry.get(`new ${n}`)
      assert.equal(keysOf(registry).filter((key) => typeof key === 'number').length, 490)
    }
  })

  it('is no breaker with a failure or a slow call in its window, though its last call was good', async () => {
    for (const [fail, options] of [
      [failOnce, { window: { type: 'count', size: 10 } }],
      [failOnce, { window: { type: 'time', duration: 10_000 } }],
      [async (breaker) => breaker.callSync(() => clock.advance(50)), { window: { type: 'count', size: 10 }, slowCallDuration: 50, slowCallRate: 1 }]
    ]) {
      const registry = window({ ...options, maxBreakers: 2 })
      const failing = registry.get('failing')
      await fail(failing)
      failing.callSync(() => 1)
      registry.get('good').callSync(() => 1)
      registry.get('good').callSync(() => 1)
      for (const key of ['c', 'd', 'e']) registry.get(key)
      assert.deepEqual(keysOf(registry), ['failing', 'e'])
    }
  })

  it('is a breaker before one with good calls in its window, and that before one that fails', async () => {
    const registry = window({ window: { type: 'count', size: 10 }, maxBreakers: 3 })
    await failOnce(registry.get('failing'))
    registry.get('good').callSync(() => 1)
    registry.get('quiet')
    registry.get('quiet')
    registry.get('good').callSync(() => 1)
    registry.get('c').recordFailure()
    assert.deepEqual(keysOf(registry), ['failing', 'good', 'c'])
    registry.get('d').recordFailure()
    assert.deepEqual(keysOf(registry), ['failing', 'c', 'd'])
  })

  it('is a breaker whose window has passed', async () => {
    for (const [ms, gone] of [[9_000, 'later'], [10_001, 'failed']]) {
      const registry = window({ window: { type: 'time', duration: 10_000, buckets: 10 }, maxBreakers: 2 })
      const failed = registry.get('failed')
      await failOnce(failed)
      failed.callSync(() => 1)
      clock.advance(ms)
      registry.get('later').callSync(() => 1)
      registry.get('new')
      assert.equal(registry.has(gone), false, `after ${ms} ms`)
    }
  })
})

describe('the key of a breaker that was evicted', () => {
  it('finds it again as long as somebody holds it, with its state, its window, its counts and its options', async () => {
    const registry = registryOf({ maxBreakers: 1, failureThreshold: undefined, window: { type: 'count', size: 4 }, failureRate: 0.5, minimumCalls: 4 })
    const held = registry.get('held')
    held.recoveryTimeout = 77
    for (let n = 0; n < 2; n++) held.callSync(() => 1)
    await failOnce(held)
    for (let n = 0; n < 20; n++) registry.get(n)
    assert.equal(registry.has('held'), false)
    assert.equal(registry.get('held'), held)
    assert.deepEqual(keysOf(registry), ['held'])
    const { totalCalls, successfulCalls, failedCalls } = held.metrics
    assert.deepEqual([totalCalls, successfulCalls, failedCalls, held.recoveryTimeout], [3, 2, 1, 77])
    await failOnce(held)
    assert.equal(held.state, 'open')
  })

  for (const [way, find] of [
    ['get()', (registry) => registry.get('held')],
    ['iteration', (registry) => [...registry][0][1]],
    ['values()', (registry) => [...registry.values()][0]],
    ['an event', async (registry) => {
      let found
      registry.addEventListener('success', ({ detail }) => (found = detail.breaker))
      await registry.call('held', () => 1)
      return found
    }]
  ]) {
    it(`finds one that somebody has by ${way}`, async () => {
      const registry = registryOf({ maxBreakers: 1 })
      await registry.call('held', () => 1)
      const held = await find(registry)
      registry.get('other')
      assert.equal(registry.get('held'), held)
    })
  }

  it('finds the one that has calls in flight, though nobody asked for it: what it may hold counts for all', async () => {
    const registry = registryOf({ maxBreakers: 1, maxConcurrent: 1 })
    const call = deferred()
    const pending = registry.call('busy', () => call.promise)
    registry.get('other')
    assert.equal((await rejectionOf(registry.call('busy', () => 2))).code, 'ERR_BULKHEAD_FULL')
    call.resolve(1)
    assert.equal(await pending, 1)
    assert.equal(await registry.call('busy', () => 2), 2)
  })

  it('asks configure no second time, and nothing goes twice through it', () => {
    const asked = []
    const registry = registryOf({ maxBreakers: 1, configure: (key) => void asked.push(key) })
    const held = registry.get('held')
    for (let n = 0; n < 3; n++) {
      registry.get('other')
      assert.equal(registry.get('held'), held)
    }
    assert.deepEqual(asked, ['held', 'other'])
  })

  it('has one breaker, though a clock that is read to make room asks for the very key', () => {
    let ask
    const now = () => (ask?.(), 0)
    const registry = new CircuitBreakerRegistry({ maxBreakers: 1, clock: { now } })
    const first = registry.get('first')
    ask = () => {
      ask = undefined
      registry.get('new')
      ask = () => {
        ask = undefined
        registry.get('first')
      }
    }
    const made = registry.get('new')
    assert.equal(registry.get('new'), made)
    assert.equal(registry.get('first'), first)
    assert.equal(registry.size, 1)
    assert.equal(first.callSync(() => 1), 1)
  })

  it('makes a new one once nobody holds it', IN_WASM, async () => {
    const { calls, live } = await answerOf(
      `${LIVE_BREAKERS}
      const { CircuitBreakerRegistry } = await import(ESM)
      const registry = new CircuitBreakerRegistry({ maxBreakers: 1 })
      registry.get('a').callSync(() => 1)
      registry.get('b')
      for (let n = 0; n < 3; n++) {
        await new Promise((resolve) => setImmediate(resolve))
        gc()
      }
      console.log(JSON.stringify({ calls: registry.get('a').metrics.totalCalls, live: liveBreakers() }))`,
      '--expose-gc'
    )
    assert.deepEqual({ calls, live }, { calls: 0, live: 1 })
  })
})

describe('a breaker that was evicted while somebody holds it', () => {
  /** A breaker whose place was taken, and whose slot others have by now. */
  async function evicted(options, prepare = () => {}) {
    const registry = registryOf({ maxBreakers: 1, ...options })
    const breaker = registry.get('held')
    await prepare(breaker)
    const others = []
    for (let n = 0; n < 20; n++) others.push(registry.get(n))
    assert.equal(registry.has('held'), false)
    const untouched = () => others.every(({ state, failureCount, metrics }) => state === 'closed' && failureCount === 0 && metrics.totalCalls === 0)
    return { registry, breaker, untouched }
  }

  it('goes on calling, opening, refusing and closing, and touches no other', async () => {
    const { breaker, untouched } = await evicted()
    assert.equal(await breaker.call((a) => a, 'value'), 'value')
    for (let n = 0; n < 2; n++) await failOnce(breaker)
    assert.ok(isCircuitOpenError(await rejectionOf(breaker.call(() => 1))))
    clock.advance(RECOVERY)
    for (let n = 0; n < 2; n++) assert.equal(await breaker.call(() => 'up'), 'up')
    assert.equal(breaker.state, 'closed')
    assert.ok(untouched())
  })

  for (const [what, use, expected] of [
    ['callSync', (breaker) => breaker.callSync(() => 7), 7],
    ['acquire', (breaker) => breaker.acquire().success(), undefined],
    ['trip', (breaker) => (breaker.trip(), breaker.state), 'open'],
    ['isolate', (breaker) => (breaker.isolate(), breaker.mode), 'isolated'],
    ['disable', (breaker) => (breaker.disable(), breaker.mode), 'disabled'],
    ['observe', (breaker) => (breaker.observe(), breaker.mode), 'observing'],
    ['recordFailure', (breaker) => (breaker.recordFailure(), breaker.failureCount), 1],
    ['checkState', (breaker) => breaker.checkState(), 'closed'],
    ['reset', (breaker) => (breaker.reset(), breaker.state), 'closed'],
    ['reading the state', (breaker) => [breaker.state, breaker.mode, breaker.failureCount, breaker.successCount, breaker.lastFailureTime], ['closed', 'normal', 0, 0, null]],
    ['reading the options', (breaker) => [breaker.failureThreshold, breaker.recoveryTimeout, breaker.successThreshold], [2, RECOVERY, 2]],
    ['writing an option', (breaker) => ((breaker.failureThreshold = 9), breaker.failureThreshold), 9],
    ['metrics', (breaker) => breaker.metrics.totalCalls, 0],
    ['explain', (breaker) => breaker.explain().sentence, 'closed: 0 failures in a row, opens at 2'],
    ['a snapshot', (breaker) => breaker.toJSON().state, 'closed']
  ]) {
    it(`answers ${what} as ever`, async () => {
      const { breaker, untouched } = await evicted()
      assert.deepEqual(use(breaker), expected)
      assert.ok(untouched())
    })
  }

  it('keeps options that were written', async () => {
    const { breaker } = await evicted({}, (breaker) => {
      breaker.failureThreshold = 7
      breaker.recoveryTimeout = 5
    })
    assert.deepEqual([breaker.failureThreshold, breaker.recoveryTimeout, breaker.successThreshold], [7, 5, 2])
  })

  it('keeps its failures', async () => {
    const { breaker } = await evicted({}, failOnce)
    assert.equal(breaker.failureCount, 1)
    await failOnce(breaker)
    assert.equal(breaker.state, 'open')
  })

  it('stays open as long as it would have, even if all there is room for are open', async () => {
    const { breaker } = await evicted({}, (breaker) => {
      breaker.trip()
      clock.advance(400)
    })
    assert.equal(breaker.state, 'open')
    assert.equal(breaker.explain().retryAfter, 600)
    const refusal = await rejectionOf(breaker.call(() => 1))
    assert.equal(refusal.retryAfter, 600)
    clock.advance(600)
    assert.equal(await breaker.call(() => 'up'), 'up')
    assert.equal(breaker.state, 'half_open')
  })

  it('brings the call home that was in flight', async () => {
    const call = deferred()
    let outcome
    const { breaker, untouched } = await evicted({}, (breaker) => {
      outcome = breaker.call(() => call.promise)
    })
    assert.equal(breaker.metrics.inFlight, 1)
    call.reject(error)
    assert.equal(await rejectionOf(outcome), error)
    assert.deepEqual([breaker.failureCount, breaker.metrics.inFlight], [1, 0])
    assert.ok(untouched())
  })

  it('tells its listeners still', async () => {
    const heard = []
    const { breaker } = await evicted({}, (breaker) => breaker.addEventListener('statechange', ({ detail }) => heard.push(detail.to)))
    breaker.trip()
    assert.deepEqual(heard, ['open'])
  })

  it('has the options that configure gave its key, which is not asked again', async () => {
    const asked = []
    const { breaker } = await evicted({
      configure: (key) => {
        assert.ok(!asked.includes(key), `${key} was asked for twice`)
        asked.push(key)
        return { failureThreshold: key === 'held' ? 1 : 5 }
      }
    })
    await failOnce(breaker)
    assert.equal(breaker.state, 'open')
    assert.equal(asked.length, 21)
  })
})

describe('keys without end', () => {
  const USES = [
    ['that are looked up', '', 200_000],
    ['that are called', 'breaker.callSync(() => 1)', 200_000],
    ['of which one in ten fails', 'try { breaker.callSync(() => { if (n % 10 === 0) throw down }) } catch {}', 200_000],
    ['that all fail', 'try { breaker.callSync(() => { throw down }) } catch {}', 100_000],
    ['that are all opened', 'breaker.trip()', 20_000],
    ['with options of their own', 'breaker.failureThreshold = 3; breaker.recordFailure()', 100_000]
  ]
  for (const [what, use, keys] of USES) {
    it(`${what}, ${keys} of them: the memory stays as it is`, IN_WASM, async () => {
      const { grown, heap, live, size } = await answerOf(
        `${LIVE_BREAKERS}
        const { CircuitBreakerRegistry, ManualClock } = await import(ESM)
        const registry = new CircuitBreakerRegistry({ maxBreakers: 500, clock: new ManualClock(), configure: (key) => key % 2 ? { successThreshold: 1 } : undefined })
        const down = new Error('down')
        // What is looked up is held until the end of the turn.
        const work = async (from, to) => {
          for (let n = from; n < to; n++) {
            const breaker = registry.get(n); ${use}
            if (n % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
          }
        }
        await work(0, ${Math.min(keys, 20_000)})
        gc()
        const before = [core.memory.buffer.byteLength, process.memoryUsage().heapUsed]
        await work(20_000, ${20_000 + keys})
        const live = liveBreakers()
        gc()
        // What waits for finalisers is given back by them, one turn later.
        await new Promise((resolve) => setImmediate(resolve))
        await new Promise((resolve) => setImmediate(resolve))
        gc()
        console.log(JSON.stringify({ grown: core.memory.buffer.byteLength - before[0], heap: process.memoryUsage().heapUsed - before[1], live, size: registry.size }))`,
        '--expose-gc'
      )
      assert.equal(size, 500)
      assert.ok(live <= 600, `${live} breakers live in the core`)
      assert.equal(grown, 0, `the Wasm memory grew by ${grown} bytes`)
      assert.ok(heap < 2 << 20, `the heap grew by ${heap} bytes`)
    })
  }
})

describe('the price of a new key', () => {
  /** What a thousand new keys ask of the core in a registry that keeps `kept` breakers, all of them in this state: the most for one key, and the sum. */
  const askedOfCore = (kept, use, after = '') => answerOf(`
    let calls = 0
    const { Instance } = WebAssembly
    WebAssembly.Instance = function (...all) {
      const { exports } = new Instance(...all)
      const counted = ([name, value]) => [name, typeof value === 'function' ? (...args) => (calls++, value(...args)) : value]
      return { exports: Object.fromEntries(Object.entries(exports).map(counted)) }
    }
    const { CircuitBreakerRegistry, ManualClock } = await import(ESM)
    const clock = new ManualClock()
    const registry = new CircuitBreakerRegistry({ maxBreakers: ${kept}, clock })
    const use = (breaker, n) => { ${use} }
    for (let n = 0; n < ${kept}; n++) use(registry.get(n), n)
    for (const breaker of registry.values()) { ${after} }
    let [most, total] = [0, 0]
    for (let n = 0; n < 1000; n++) {
      calls = 0
      const breaker = registry.get('new ' + n)
      most = Math.max(most, calls)
      total += calls
      use(breaker, n + 1)
    }
    console.log(JSON.stringify({ most, average: total / 1000, size: registry.size }))`)

  const isByHand = /isolated|observing/
  for (const [what, ...program] of [
    ['quiet', ''],
    ['called', 'breaker.callSync(() => 1)'],
    ['failing', 'breaker.recordFailure()'],
    ['failing calls', "try { breaker.callSync(() => { throw new Error('down') }) } catch {}"],
    ['open', 'breaker.trip()'],
    ['open and refusing', 'breaker.trip(); try { breaker.callSync(() => 1) } catch {}'],
    ['open, one in a hundred aside', 'if (n % 100 !== 0) breaker.trip()'],
    ['half open', 'breaker.trip()', 'clock.advance(60_000); breaker.checkState()'],
    ['isolated', 'breaker.isolate()'],
    ['observing', 'breaker.observe(); breaker.callSync(() => 1)'],
    ['closed again after an outage', 'breaker.trip()', 'breaker.reset()']
  ]) {
    it(`does not grow with the breakers kept, where all are ${what}`, IN_WASM, async () => {
      for (const kept of [200, 5000]) {
        const { most, average, size } = await askedOfCore(kept, ...program)
        assert.equal(size, isByHand.test(what) ? kept + 1000 : kept)
        // Two questions a look, 32 looks a ring and two rings at most where every breaker was used; the rest makes the breaker and its seat.
        assert.ok(most <= 160, `${most} questions for one key, with ${kept} kept`)
        assert.ok(average <= 30, `${average} questions a key, with ${kept} kept`)
      }
    })
  }
})
