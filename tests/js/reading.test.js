// Reading breakers as a whole: the door by which exporters read, and what a registry counts together, those that left it included. It must not know
// how rows get out of the core, and who reads them. Random lives are compared with a plain ledger of what was called.

import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { REPORT } from '../../js/engine/numbers.js'
import { CircuitBreaker, CircuitBreakerRegistry, ManualClock } from '../../pkg/index.js'
import { clock, error, failOnce, fails, filled, RECOVERY, registryOf } from './registries.js'
import { answerOf, deferred, IN_WASM, lives, rejectionOf } from './support.js'

const DOOR = Symbol.for('halfopen.read')
const up = async () => 'up'
const read = (source) => source[DOOR]()

/** A number of a row. */
const fact = ({ facts, rows }, name, row = 0) => rows[row * facts.length + facts.indexOf(name)]
/** The sum of a count over all rows, and over those that left. */
const total = (reading, name) => {
  let sum = reading.gone?.[reading.facts.indexOf(name)] ?? 0
  for (let row = 0; row < reading.keys.length; row++) sum += fact(reading, name, row)
  return sum
}
const COUNTS = [
  'totalCalls', 'successfulCalls', 'failedCalls', 'timedOutCalls', 'ignoredCalls', 'rejectedCalls', 'wouldRejectCalls', 'staleCalls', 'stateChangeCount',
  'rejectedOpen', 'rejectedHalfOpen', 'rejectedBulkhead', 'rejectedIsolated'
]

describe('the door of a breaker', () => {
  it('gives a row of the numbers that it names, beside the names of states and modes', async () => {
    const breaker = new CircuitBreaker({ name: 'users', clock, failureThreshold: 1, recoveryTimeout: RECOVERY })
    await breaker.call(up)
    await failOnce(breaker)
    await rejectionOf(breaker.call(up))
    clock.advance(250)
    const reading = read(breaker)
    assert.deepEqual(Object.keys(reading), ['facts', 'states', 'modes', 'rows', 'keys', 'names', 'ids', 'gone', 'breaker'])
    const { facts, states, modes, rows, keys, names, ids, gone } = reading
    assert.deepEqual([facts, rows.length, rows.constructor], [REPORT, REPORT.length, Float64Array])
    assert.deepEqual([states, modes], [['closed', 'open', 'half_open'], ['normal', 'isolated', 'disabled', 'observing']])
    assert.deepEqual([keys, names, ids, gone, reading.breaker(0)], [['users'], ['users'], [0], undefined, breaker])
    const expected = { totalCalls: 3, successfulCalls: 1, failedCalls: 1, rejectedCalls: 1, rejectedOpen: 1, state: 1, mode: 0, failureCount: 1, retryAfter: 750, stateAge: 250, windowCalls: NaN }
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, fact(reading, name)])), expected)
  })

  it('is found by nobody who lists members, and in subclasses too', () => {
    class Mine extends CircuitBreaker {}
    const breaker = new Mine({ name: 'mine' })
    assert.deepEqual([Object.keys(breaker), JSON.stringify(Object.keys(CircuitBreaker.prototype))], [['state'], '[]'])
    assert.deepEqual(read(breaker).names, ['mine'])
    for (const Class of [CircuitBreaker, CircuitBreakerRegistry]) {
      new Class()
      assert.deepEqual(Object.getOwnPropertyDescriptor(Class.prototype, DOOR).enumerable, false)
    }
  })

  it('gives rows of the reader’s own: what is done to them, or counted later, changes neither', async () => {
    const breaker = new CircuitBreaker({ clock })
    await breaker.call(up)
    const reading = read(breaker)
    await breaker.call(up)
    assert.equal(fact(reading, 'totalCalls'), 1)
    reading.rows.fill(7)
    assert.equal(fact(read(breaker), 'totalCalls'), 2)
  })

  it('tells the mode, and which kind of refusal: observing, disabled and isolated breakers too', async () => {
    const breaker = new CircuitBreaker({ clock, failureThreshold: 1, maxConcurrent: 2 })
    const modeOf = () => read(breaker).modes[fact(read(breaker), 'mode')]
    const kinds = () => ['rejectedOpen', 'rejectedHalfOpen', 'rejectedBulkhead', 'rejectedIsolated', 'rejectedCalls', 'wouldRejectCalls'].map((name) => fact(read(breaker), name))
    const slow = [breaker.acquire(), breaker.acquire()]
    await rejectionOf(breaker.call(up))
    for (const permit of slow) permit.failure(error)
    await rejectionOf(breaker.call(up))
    breaker.isolate()
    await rejectionOf(breaker.call(up))
    assert.deepEqual([modeOf(), kinds()], ['isolated', [1, 0, 1, 1, 3, 0]])
    breaker.release()
    const test = breaker.acquire()
    await rejectionOf(breaker.call(up))
    assert.deepEqual([modeOf(), kinds()], ['normal', [1, 1, 1, 1, 4, 0]])
    assert.deepEqual(breaker.metrics.rejections, { open: 1, half_open: 1, bulkhead: 1, isolated: 1 })
    breaker.observe()
    await breaker.call(up)
    assert.deepEqual([modeOf(), kinds()], ['observing', [1, 1, 1, 1, 4, 1]])
    breaker.disable()
    await breaker.call(up)
    assert.deepEqual([modeOf(), kinds()], ['disabled', [1, 1, 1, 1, 4, 1]])
    test.ignore()
  })

  it('reads one that was put aside as it would go on, and leaves it where it is', async () => {
    const registry = registryOf({ maxBreakers: 1 })
    const breaker = registry.get('a')
    await failOnce(breaker)
    await breaker.call(up)
    await failOnce(breaker)
    registry.get('b')
    clock.advance(100)
    for (let times = 0; times < 3; times++) {
      const reading = read(breaker)
      assert.deepEqual([fact(reading, 'totalCalls'), fact(reading, 'failedCalls'), fact(reading, 'failureCount'), reading.names], [3, 2, 1, ['a']])
    }
    assert.equal(breaker.metrics.totalCalls, 3)
  })

  it('takes a clock that throws for one that has no time to tell', () => {
    const breaker = new CircuitBreaker({ clock: { now() { throw error } } })
    breaker.trip()
    const reading = read(breaker)
    assert.deepEqual([fact(reading, 'state'), fact(reading, 'stateAge')], [1, NaN])
  })

  it('tells how long ago the state changed last: NaN before the first, never below 0, and carried on by a snapshot', () => {
    const options = { clock, recoveryTimeout: RECOVERY }
    const breaker = new CircuitBreaker(options)
    assert.equal(fact(read(breaker), 'stateAge'), NaN)
    breaker.trip()
    clock.advance(30)
    assert.equal(fact(read(breaker), 'stateAge'), 30)
    breaker.trip()
    assert.equal(fact(read(breaker), 'stateAge'), 30)
    assert.equal(fact(read(new CircuitBreaker({ ...options, snapshot: breaker.toJSON() })), 'stateAge'), 30)
    clock.set(clock.now() - 100)
    assert.equal(fact(read(breaker), 'stateAge'), 0)
  })
})

describe('the door of a registry', () => {
  it('gives a row for each breaker that is there, in the order of its keys, at more than fit into one look', async () => {
    const keys = Array.from({ length: 150 }, (_, index) => `k${index}`)
    const registry = filled(keys)
    for (const [index, key] of keys.entries()) for (let n = 0; n < index % 7; n++) await registry.call(key, up)
    const reading = read(registry)
    assert.deepEqual([reading.keys, reading.names, reading.rows.length], [keys, keys, 150 * REPORT.length])
    assert.deepEqual(keys.map((_, row) => fact(reading, 'totalCalls', row)), keys.map((_, index) => index % 7))
    assert.deepEqual([...reading.gone], REPORT.map(() => 0))
  })

  it('gives nothing of an empty one but names', () => {
    const { rows, keys, names, ids, facts } = read(registryOf())
    assert.deepEqual([rows.length, keys, names, ids, facts], [0, [], [], [], REPORT])
  })

  it('is no use of a breaker: the one that goes is the one that would have gone', () => {
    const registry = filled(['a', 'b', 'c'])
    for (const key of ['a', 'b']) registry.get(key)
    for (let times = 0; times < 5; times++) read(registry)
    registry.get('d')
    assert.deepEqual([...registry.keys()], ['a', 'b', 'd'])
  })

  it('holds no breaker, and makes no reference to one that could be held: one that was only read goes without a trace', async () => {
    const { references, live } = await answerOf(`
      let references = 0
      const { WeakRef } = globalThis
      globalThis.WeakRef = class extends WeakRef {
        constructor(target) {
          super(target)
          references++
        }
      }
      const { CircuitBreakerRegistry } = await import(ESM)
      const registry = new CircuitBreakerRegistry({ maxBreakers: 10 })
      for (let n = 0; n < 100; n++) {
        await registry.call(n, async () => 1)
        registry[Symbol.for('halfopen.read')]()
      }
      const [live] = registry[Symbol.for('halfopen.read')]().gone
      console.log(JSON.stringify({ references, live }))`)
    assert.deepEqual({ references, live }, { references: 0, live: 90 })
  })

  it('hands a breaker out where it is asked to, and finds one that left meanwhile as long as somebody holds it', () => {
    const registry = filled(['a', 'b'])
    const reading = read(registry)
    const a = reading.breaker(0)
    assert.equal(a, registry.get('a'))
    registry.get('b')
    registry.get('c')
    assert.equal(registry.has('a'), false)
    assert.equal(reading.breaker(0), a)
    assert.equal(registry.get('a'), a)
  })

  it('gives ids that no two breakers share, and that stay with one that left and is found again', () => {
    const registry = filled(['a', 'b'])
    const a = registry.get('a')
    assert.deepEqual(read(registry).ids, [0, 1])
    registry.get('b')
    registry.get('c')
    assert.deepEqual([read(registry).keys, read(registry).ids], [['b', 'c'], [1, 2]])
    assert.equal(registry.get('a'), a)
    assert.equal(read(registry).ids[read(registry).keys.indexOf('a')], 0)
    registry.delete('a')
    assert.notEqual(registry.get('a'), a)
    assert.equal(read(registry).ids[read(registry).keys.indexOf('a')], 3)
  })

  it('reads each clock once, and each breaker by its own', () => {
    let reads = 0
    const shared = { now: () => (reads++, 5000) }
    const own = new ManualClock(100)
    const registry = new CircuitBreakerRegistry({
      clock: shared, recoveryTimeout: RECOVERY, configure: (key) => (key === 'own' ? { clock: own } : key === 'throws' ? { clock: { now() { throw error } } } : undefined)
    })
    for (const key of ['a', 'own', 'b', 'c', 'throws']) registry.get(key).trip()
    own.advance(400)
    reads = 0
    const reading = read(registry)
    assert.equal(reads, 1)
    assert.deepEqual(reading.keys.map((_, row) => [fact(reading, 'retryAfter', row), fact(reading, 'stateAge', row)]), [
      [RECOVERY, 0], [RECOVERY - 400, 400], [RECOVERY, 0], [RECOVERY, 0], [RECOVERY, NaN]
    ])
  })

  it('counts each breaker once where a clock uses the registry meanwhile', async () => {
    let isHostile = false
    const hostile = {
      now() {
        if (isHostile) {
          isHostile = false
          registry.get('new')
          registry.delete('a')
        }
        return 0
      }
    }
    const registry = new CircuitBreakerRegistry({ clock: hostile, maxBreakers: 2 })
    for (const key of ['a', 'a', 'b', 'b', 'b']) await registry.call(key, up)
    isHostile = true
    assert.equal(total(read(registry), 'totalCalls'), 5)
  })

  it('has nothing to say of a breaker whose core failed, and throws nothing', IN_WASM, async () => {
    const rows = await answerOf(`
      const { Instance } = WebAssembly
      let cores = 0
      WebAssembly.Instance = function (...all) {
        const instance = new Instance(...all)
        const exports = { ...instance.exports }
        if (cores++ === 0) exports.admit = () => { throw new WebAssembly.RuntimeError('unreachable') }
        return { exports }
      }
      console.error = () => {}
      const { CircuitBreakerRegistry } = await import(ESM)
      const registry = new CircuitBreakerRegistry()
      const held = registry.get('a')
      held.trip()
      await registry.call('b', async () => 1)
      const { rows, gone, facts, keys } = registry[Symbol.for('halfopen.read')]()
      console.log(JSON.stringify([rows.length / facts.length, keys, gone.every((count) => count === 0), registry.metrics.totalCalls, held[Symbol.for('halfopen.read')]().rows.length > 0]))`)
    assert.deepEqual(rows, [2, ['a', 'b'], true, 0, true])
  })
})

describe('the totals of a registry', () => {
  it('are of all counts: what a row has before the numbers of the window, but for the calls in flight', () => {
    assert.deepEqual(REPORT.slice(0, REPORT.indexOf('windowCalls')).filter((name) => name !== 'inFlight').sort(), [...COUNTS].sort())
  })

  it('are the counts of all that are there and of all that left', async () => {
    const registry = registryOf({ maxBreakers: 2 })
    for (const key of ['a', 'b', 'c', 'd', 'a']) await registry.call(key, up)
    await failOnce(registry.get('a'))
    registry.delete('a')
    assert.deepEqual(registry.metrics, {
      totalCalls: 6, successfulCalls: 5, failedCalls: 1, timedOutCalls: 0, ignoredCalls: 0, rejectedCalls: 0, wouldRejectCalls: 0, staleCalls: 0, inFlight: 0,
      rejections: { open: 0, half_open: 0, bulkhead: 0, isolated: 0 }, successRate: 5 / 6, stateChanges: 0
    })
    assert.equal(registry.summary().totalCalls, 1)
  })

  it('take in what one that was evicted or deleted does while somebody holds it, once, also when its key finds it again', async () => {
    const registry = registryOf({ maxBreakers: 1 })
    const [a] = [registry.get('a'), registry.get('b')]
    const b = registry.get('b')
    const { metrics } = registry
    assert.equal(metrics.totalCalls, 0)
    await a.call(up)
    assert.equal(registry.metrics.totalCalls, 1)
    await a.call(up)
    assert.equal(registry.get('a'), a)
    assert.equal(registry.metrics.totalCalls, 2)
    await a.call(up)
    registry.delete('a')
    await a.call(up)
    await b.call(up)
    assert.equal(registry.metrics.totalCalls, 5)
    assert.equal(metrics.totalCalls, 0, 'they are read anew each time')
  })

  it('take in calls that were in flight when their breaker left, though nobody else holds it', async () => {
    const registry = registryOf({ maxBreakers: 1 })
    const call = deferred()
    const answer = registry.call('a', () => call.promise)
    registry.get('b')
    assert.deepEqual([registry.size, registry.metrics.totalCalls], [1, 0])
    call.resolve('late')
    assert.equal(await answer, 'late')
    assert.equal(registry.metrics.totalCalls, 1)
  })

  it('take in the last calls of one that is collected before anybody reads', async () => {
    const { before, after, isGone } = await answerOf(`
      const { CircuitBreakerRegistry } = await import(ESM)
      const registry = new CircuitBreakerRegistry({ maxBreakers: 1 })
      let reference
      await (async () => {
        let end
        const answer = registry.call('a', () => new Promise((resolve) => (end = resolve)))
        const held = registry.get('a')
        reference = new WeakRef(held)
        registry.get('b')
        end()
        await answer
        await held.call(async () => 1)
      })()
      const before = registry[Symbol.for('halfopen.read')]().rows.length
      for (let round = 0; round < 200 && reference.deref(); round++) {
        await new Promise(setImmediate)
        gc()
      }
      for (let round = 0; round < 20; round++) await new Promise(setImmediate)
      for (let n = 0; n < 50; n++) await registry.call('b', async () => 1)
      console.log(JSON.stringify({ before, isGone: reference.deref() === undefined, after: registry.metrics.totalCalls }))`, '--expose-gc')
    assert.ok(before > 0 && isGone)
    assert.equal(after, 52)
  })

  it('keep what was counted by one that left, though its core failed and it began anew', IN_WASM, async () => {
    const totals = await answerOf(`
      const { Instance } = WebAssembly
      let fails = false
      WebAssembly.Instance = function (...all) {
        const instance = new Instance(...all)
        const { record } = instance.exports
        const mine = (...all) => { if (fails) { fails = false; throw new WebAssembly.RuntimeError('unreachable') } return record(...all) }
        return { exports: { ...instance.exports, record: mine } }
      }
      console.error = () => {}
      const { CircuitBreakerRegistry } = await import(ESM)
      const registry = new CircuitBreakerRegistry({ maxBreakers: 1 })
      const up = async () => 1
      const held = registry.get('a')
      for (let n = 0; n < 5; n++) await held.call(up)
      registry.get('b')
      await held.call(up)
      const totals = [registry.metrics.totalCalls]
      fails = true
      held.recordSuccess()
      totals.push(registry.metrics.totalCalls)
      await held.call(up)
      totals.push(held.metrics.totalCalls, registry.metrics.totalCalls)
      registry.get('a')
      totals.push(registry.metrics.totalCalls)
      await registry.call('a', up)
      totals.push(registry.metrics.totalCalls)
      console.log(JSON.stringify(totals))`)
    assert.deepEqual(totals, [6, 6, 1, 7, 7, 8])
  })

  it('are as JSON beside the counts of each breaker by its key', async () => {
    const registry = new CircuitBreakerRegistry({ clock, failureThreshold: 1 })
    await registry.call('__proto__', up)
    await failOnce(registry.get(7))
    registry.get('7').observe()
    const report = registry.toJSON()
    assert.deepEqual(Object.keys(report), ['metrics', 'breakers'])
    assert.deepEqual(report.metrics, registry.metrics)
    assert.deepEqual(Object.keys(report.breakers), ['7', '__proto__', '7 (2)'])
    const none = { totalCalls: 0, successfulCalls: 0, failedCalls: 0, timedOutCalls: 0, ignoredCalls: 0, rejectedCalls: 0, wouldRejectCalls: 0, staleCalls: 0, inFlight: 0, rejections: { open: 0, half_open: 0, bulkhead: 0, isolated: 0 }, successRate: 1, stateChanges: 0 }
    assert.deepEqual(report.breakers, {
      __proto__: null,
      7: { state: 'closed', mode: 'observing', ...none },
      ['__proto__']: { state: 'closed', mode: 'normal', ...none, totalCalls: 1, successfulCalls: 1 },
      '7 (2)': { state: 'open', mode: 'normal', ...none, totalCalls: 1, failedCalls: 1, successRate: 0, stateChanges: 1 }
    })
    assert.deepEqual(JSON.parse(JSON.stringify({ deep: registry })).deep.metrics, report.metrics)
  })

  const KEYS = ['a', 'b', 'c', 'd', 'e']
  const key = fc.constantFrom(...KEYS)
  const step = fc.oneof(
    fc.record({ call: key, fails: fc.boolean() }),
    fc.record({ begin: key }),
    fc.record({ hold: key }),
    fc.record({ heldCall: fc.nat(9), fails: fc.boolean() }),
    fc.record({ heldBegin: fc.nat(9) }),
    fc.record({ drop: fc.nat(9) }),
    fc.record({ end: fc.nat(9), fails: fc.boolean() }),
    fc.record({ remove: key }),
    fc.record({ hand: fc.nat(9), deed: fc.constantFrom('trip', 'reset', 'isolate', 'release', 'observe', 'enable', 'checkState') }),
    fc.record({ wait: fc.constantFrom(1, RECOVERY, 10 * RECOVERY) }),
    fc.record({ look: fc.constant(true) })
  )

  it('are those of a plain ledger, whatever becomes of the breakers, and never go down', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 80 }), async (maxBreakers, steps) => {
        const time = new ManualClock(1000)
        const registry = new CircuitBreakerRegistry({ clock: time, maxBreakers, failureThreshold: 2, recoveryTimeout: RECOVERY, maxConcurrent: 3, halfOpenTimeout: 1e9 })
        const ledger = { ended: 0, changes: 0, rejections: { open: 0, half_open: 0, bulkhead: 0, isolated: 0 } }
        const held = []
        const open = []
        // By channels, which need nobody to hold a breaker.
        const onChange = ({ breaker }) => { if (breaker.name !== undefined) ledger.changes++ }
        const onRefusal = ({ error: { code, retryAfter, state } }) => {
          ledger.rejections[code === 'ERR_BULKHEAD_FULL' ? 'bulkhead' : retryAfter === Infinity ? 'isolated' : state]++
        }
        channel('halfopen:statechange').subscribe(onChange)
        channel('halfopen:reject').subscribe(onRefusal)
        const begin = (call) => {
          const pending = deferred()
          // Of a call that is refused nobody hears how it ends.
          pending.promise.catch(() => {})
          const answer = call(() => pending.promise).then(
            () => ledger.ended++,
            (reason) => { if (reason === error) ledger.ended++ }
          )
          open.push({ ...pending, answer })
        }
        const done = async (call, isFailure) => {
          const reason = await call(isFailure ? fails : up).then(() => undefined, (reason) => reason)
          if (reason === undefined || reason === error) ledger.ended++
        }
        let last = new Float64Array(COUNTS.length)
        const look = () => {
          const reading = read(registry)
          const now = Float64Array.from(COUNTS, (name) => total(reading, name))
          for (const [index, count] of now.entries()) assert.ok(count >= last[index], `${COUNTS[index]} went from ${last[index]} to ${count}`)
          last = now
          const { totalCalls, successfulCalls, failedCalls, ignoredCalls, staleCalls, rejectedCalls, rejections, stateChanges } = registry.metrics
          assert.deepEqual({ ended: successfulCalls + failedCalls + ignoredCalls + staleCalls, rejections, changes: stateChanges }, ledger)
          assert.deepEqual([totalCalls, rejectedCalls], [total(reading, 'totalCalls'), total(reading, 'rejectedCalls')])
          assert.equal(totalCalls, ledger.ended + rejectedCalls)
          assert.equal(new Set(reading.ids).size, reading.ids.length)
        }
        try {
          for (const one of steps) {
            const breaker = held[(one.heldCall ?? one.heldBegin ?? one.drop ?? one.hand) % held.length]
            if (one.call) await done((fn) => registry.call(one.call, fn), one.fails)
            else if (one.begin) begin((fn) => registry.call(one.begin, fn))
            else if (one.hold) held.push(registry.get(one.hold))
            else if (one.remove) registry.delete(one.remove)
            else if (one.wait) time.advance(one.wait)
            else if (one.look) look()
            else if (one.end !== undefined) {
              const [call] = open.splice(one.end % (open.length || 1), 1)
              if (one.fails) call?.reject(error)
              else call?.resolve()
              await call?.answer
            } else if (breaker === undefined) continue
            else if (one.heldCall !== undefined) await done((fn) => breaker.call(fn), one.fails)
            else if (one.heldBegin !== undefined) begin((fn) => breaker.call(fn))
            else if (one.drop !== undefined) held.splice(held.indexOf(breaker), 1)
            else breaker[one.deed]()
          }
          for (const call of open) call.resolve()
          await Promise.all(open.map(({ answer }) => answer))
          look()
          assert.equal(registry.metrics.inFlight, 0)
        } finally {
          channel('halfopen:statechange').unsubscribe(onChange)
          channel('halfopen:reject').unsubscribe(onRefusal)
        }
      }),
      lives(500)
    ))
})
