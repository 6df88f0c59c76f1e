// What is told from one reading to the next, against a plain list of all calls, through random lives of registries. It must not know in which
// format it is told.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { Ledger, nameOf, OTHER, OUTCOMES, STATE_CHANGES, STATES, WOULD_REFUSE } from '../../js/telemetry/ledger.js'
import { sourcesOf } from '../../js/telemetry/sources.js'
import { lives } from '../js/support.js'
import { Counts, StandInBreaker, StandInRegistry } from './stand-in.js'

const read = (ledger, ...sources) => new Map([...ledger.read([{ sources: () => sources, label: undefined }])].map(({ name, counts, states, active }) => (
  [name, { ...Object.fromEntries(OUTCOMES.map((outcome, index) => [outcome, counts[index]])), stateChanges: counts[STATE_CHANGES], wouldRefuse: counts[WOULD_REFUSE], states: [...states], active }]
)))
const COUNTED = [...OUTCOMES, 'stateChanges', 'wouldRefuse']
const sum = (told, count) => [...told.values()].reduce((all, series) => all + series[count], 0)

/** What may happen between two readings. Small numbers, so that names meet and breakers come back. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('call'), key: fc.nat(5), outcome: fc.constantFrom(...OUTCOMES), times: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('change'), key: fc.nat(5), state: fc.constantFrom(...STATES) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('evict'), key: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('begin again'), key: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('delete'), key: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('call one that left'), key: fc.nat(5), outcome: fc.constantFrom(...OUTCOMES) }) },
  { weight: 3, arbitrary: fc.constant({ what: 'read' }) }
)

/**
 * A registry whose breakers are named by the third of their key, so that names meet; with what is true of it: by name what its breakers counted,
 * and all that the registry can know of.
 */
class Life {
  registry = new StandInRegistry()
  held = new Map()
  /** What each name's breakers counted, told or not. */
  truth = new Map()
  /** All breakers that ever were. */
  all = []

  breaker(key) {
    const seated = this.registry.seated.get(key)
    if (seated !== undefined) return seated
    const held = this.held.get(key)
    this.held.delete(key)
    const breaker = held ?? new Counts(key, `name ${Math.floor(key / 3)}`)
    if (held === undefined) this.all.push(breaker)
    return this.registry.seat(breaker)
  }

  count(breaker, what, times) {
    breaker.ever ??= Object.fromEntries(COUNTED.map((count) => [count, 0]))
    breaker.ever[what] += times
    const truth = this.truth.get(breaker.name) ?? Object.fromEntries(COUNTED.map((count) => [count, 0]))
    truth[what] += times
    this.truth.set(breaker.name, truth)
  }

  do({ what, key, outcome, times = 1, state }) {
    if (what === 'call' || what === 'change') {
      const breaker = this.breaker(key)
      if (what === 'change') breaker.toState(state)
      else breaker.call(outcome, times)
      this.count(breaker, what === 'change' ? 'stateChanges' : outcome, times)
    } else if (what === 'call one that left') {
      const breaker = this.held.get(key)
      if (breaker === undefined) return
      breaker.call(outcome)
      this.count(breaker, outcome, 1)
    } else if (this.registry.seated.has(key)) {
      const breaker = this.registry.leave(key, what === 'begin again')
      // Who counts from 0 again is the same all the same.
      if (what !== 'delete') this.held.set(key, breaker)
    }
    // What a registry can tell: what its breakers had counted when they were last seated.
    for (const breaker of this.registry.seated.values()) breaker.known = { ...breaker.ever }
  }

  known(count) {
    return this.all.reduce((all, breaker) => all + (breaker.known?.[count] ?? 0), 0)
  }
}

describe('The ledger', () => {
  const maxNames = fc.constantFrom(1, 2, 3, 100)
  for (const sources of [1, 2]) {
    it(`tells all that was ever counted, each call once, and never less than before: ${sources} registries`, () => {
      let readings = 0
      let returns = 0
      fc.assert(
        fc.property(maxNames, fc.array(fc.tuple(fc.nat(sources - 1), step), { minLength: 20, maxLength: 100, size: 'max' }), (maxNames, steps) => {
          const all = Array.from({ length: sources }, () => new Life())
          const ledger = new Ledger(maxNames)
          let before = new Map()
          const look = () => {
            const told = read(ledger, ...all.map(({ registry }) => registry))
            readings++
            for (const count of COUNTED) {
              assert.equal(sum(told, count), all.reduce((sum, life) => sum + life.known(count), 0), `${count} of all`)
              for (const [name, series] of before) assert.ok(told.get(name)[count] >= series[count], `${count} of ${name} went down`)
              for (const [name, series] of told) {
                if (name === OTHER) continue
                const truth = all.reduce((sum, { truth }) => sum + (truth.get(name)?.[count] ?? 0), 0)
                assert.ok(series[count] <= truth, `${count} of ${name} is ${series[count]}, more than the ${truth} that there were`)
              }
            }
            const states = STATES.map((_, state) => [...told.values()].reduce((sum, series) => sum + series.states[state], 0))
            const seated = all.flatMap(({ registry }) => [...registry.seated.values()])
            assert.deepEqual(states, STATES.map((_, state) => seated.filter(({ facts }) => facts.state === state).length))
            assert.ok([...told.keys()].filter((name) => name !== OTHER).length <= maxNames)
            before = told
          }
          for (const [index, step] of steps) {
            if (step.what === 'read') look()
            else {
              const { held } = all[index]
              if (step.what === 'call' && held.has(step.key)) returns++
              all[index].do(step)
            }
          }
          look()
          look()
        }),
        lives(1000)
      )
      assert.ok(readings > 5000 && returns > 1000, `${readings} readings, ${returns} returns`)
    })
  }

  it('tells each name exactly what its breakers counted, as long as none leaves between a call and the next reading', () => {
    // One that leaves unseen and has counted from 0 to the very numbers again looks as if nothing had been.
    const UNSEEN = ['read', 'call one that left', 'begin again']
    fc.assert(
      fc.property(fc.array(step.filter(({ what }) => !UNSEEN.includes(what)), { maxLength: 40 }), (steps) => {
        const life = new Life()
        const ledger = new Ledger(100)
        const told = (reading) => Object.fromEntries([...reading].map(([name, series]) => [name, Object.fromEntries(COUNTED.map((count) => [count, series[count]]))]))
        for (const step of steps) {
          life.do(step)
          assert.deepEqual(told(read(ledger, life.registry)), Object.fromEntries(life.truth))
        }
      }),
      lives(1000)
    )
  })

  it('tells of one that was evicted what it had told, and the rest by `_other`', () => {
    const registry = new StandInRegistry()
    const ledger = new Ledger(10)
    const a = registry.seat(new Counts('a', 'a'))
    a.call('success', 5)
    assert.equal(read(ledger, registry).get('a').success, 5)
    a.call('success', 2)
    registry.leave('a')
    const told = read(ledger, registry)
    assert.deepEqual([told.get('a').success, told.get(OTHER).success], [5, 2])
    assert.deepEqual(told.get('a').states, [0, 0, 0])
    // It is back, and what `_other` told is not told again.
    registry.seat(a)
    a.call('success')
    const again = read(ledger, registry)
    assert.deepEqual([again.get('a').success, again.get(OTHER).success], [6, 2])
    a.call('success')
    assert.deepEqual(read(ledger, registry).get('a').success, 7)
  })

  it('gives what is new to a new breaker, ahead of one that is back', () => {
    const registry = new StandInRegistry()
    const ledger = new Ledger(10)
    const a = registry.seat(new Counts('a', 'a'))
    a.call('success', 5)
    read(ledger, registry)
    a.call('success', 2)
    registry.leave('a')
    read(ledger, registry)
    registry.seat(a).call('success')
    registry.seat(new Counts('new', 'new')).call('success', 3)
    const told = read(ledger, registry)
    assert.deepEqual([told.get('a').success, told.get('new').success, told.get(OTHER).success], [6, 3, 2])
  })

  it('tells calls in flight and states as they are, however often it is asked', () => {
    const breaker = new StandInBreaker('a')
    const ledger = new Ledger(10)
    breaker.own.facts.inFlight = 3
    for (let turn = 0; turn < 3; turn++) {
      const { active, states } = read(ledger, breaker).get('a')
      assert.deepEqual([active, states], [3, [1, 0, 0]])
    }
  })

  it('tells at its first reading what those counted that left before', () => {
    const registry = new StandInRegistry()
    registry.seat(new Counts('a', 'a')).call('failure', 3)
    const a = registry.leave('a')
    const ledger = new Ledger(10)
    assert.deepEqual([...read(ledger, registry).keys()], [OTHER])
    // `_other` takes no name's place.
    const small = new Ledger(2)
    read(small, registry)
    for (const key of ['x', 'y']) registry.seat(new Counts(key, key))
    assert.deepEqual([...read(small, registry).keys()], [OTHER, 'x', 'y'])
    for (const key of ['x', 'y']) registry.leave(key)
    // And does not tell it twice where that one comes back.
    registry.seat(new Counts('b', 'b'))
    read(ledger, registry)
    registry.seat(a).call('failure')
    const told = read(ledger, registry)
    assert.deepEqual([told.get('a').failure, told.get(OTHER).failure], [0, 4])
    a.call('failure')
    assert.equal(read(ledger, registry).get('a').failure, 1)
  })

  it('has names for those seen first, for good, and sums the others', () => {
    const registry = new StandInRegistry()
    const ledger = new Ledger(2)
    for (const key of ['a', 'b', 'c', 'd']) registry.seat(new Counts(key, key)).call('success')
    assert.deepEqual([...read(ledger, registry)].map(([name, { success }]) => [name, success]), [['a', 1], ['b', 1], [OTHER, 2]])
    registry.leave('a')
    registry.seat(new Counts('e', 'e')).call('success')
    assert.deepEqual([...read(ledger, registry)].map(([name, { success }]) => [name, success]), [['a', 1], ['b', 1], [OTHER, 3]])
  })

  it('counts a source once, however often it is handed in', () => {
    const registry = new StandInRegistry()
    registry.seat(new Counts('a', 'a')).call('success', 3)
    const ledger = new Ledger(10)
    const sources = sourcesOf([registry, () => [registry, registry], registry], 'sources')
    const all = [...ledger.read([{ sources }, { sources }])]
    assert.deepEqual(all.map(({ name, counts, states }) => [name, counts[0], states[0]]), [['a', 3, 1]])
  })

  it('goes on where a source was away, and where a function can answer again', () => {
    const breaker = new StandInBreaker('a')
    let answer = () => breaker
    const sources = sourcesOf(() => answer(), 'sources')
    const ledger = new Ledger(10)
    const success = () => [...ledger.read([{ sources }])].map(({ counts }) => counts[0])
    breaker.own.call('success', 3)
    assert.deepEqual(success(), [3])
    for (const bad of [() => { throw new Error('not now') }, () => undefined, () => null, () => [], () => 7, () => [{}, null], () => ({ [Symbol.for('halfopen.read')]() { throw new Error('shut') } })]) {
      answer = bad
      breaker.own.call('success')
      assert.deepEqual(success(), [3])
    }
    answer = () => [breaker]
    assert.deepEqual(success(), [10])
  })

  it('knows of an older breaker what that knows', () => {
    const breaker = new StandInBreaker('a')
    breaker.own.call('success', 3)
    const door = Symbol.for('halfopen.read')
    const older = new EventTarget()
    older[door] = () => ({ facts: ['successfulCalls'], states: ['closed'], rows: Float64Array.of(3), keys: ['a'], names: ['a'], ids: [0], gone: undefined })
    const [{ counts, states, active }] = new Ledger(10).read([{ sources: () => [older] }])
    assert.deepEqual([[...counts], [...states], active], [[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0], 0])
  })

  it('remembers no more of those that went than it needs, while 200,000 keys go by', () => {
    const registry = new StandInRegistry()
    const ledger = new Ledger(5)
    const size = 200
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc')
    let calls = 0
    const used = []
    const stays = registry.seat(new Counts('stays', 'stays'))
    for (let turn = 0; turn < 1000; turn++) {
      for (const key of [...registry.seated.keys()]) if (key !== 'stays') registry.leave(key)
      stays.call('success')
      for (let n = 0; n < size; n++) registry.seat(new Counts(turn * size + n, `${turn} ${n}`)).call('success')
      calls += size + 1
      const told = read(ledger, registry)
      assert.deepEqual([sum(told, 'success'), told.get('stays').success], [calls, turn + 1])
      if (turn % 100 === 99) {
        gc()
        used.push(process.memoryUsage().heapUsed)
      }
    }
    assert.ok(used.at(-1) - used[1] < 3_000_000, String(used))
  })
})

describe('The name of a breaker', () => {
  const key = { toString: () => 'its key' }
  it('is its own, else its key, unless somebody names it', () => {
    assert.equal(nameOf(undefined, 'own', 'key'), 'own')
    assert.equal(nameOf(undefined, undefined, key), 'its key')
    assert.equal(nameOf(undefined, undefined, Symbol('s')), 'Symbol(s)')
    assert.equal(nameOf(undefined, undefined, undefined), 'unnamed')
    assert.equal(nameOf((name, key) => `${name} of ${key}`, 'own', 'key'), 'own of key')
  })

  it('is not what is no text', () => {
    for (const label of [() => { throw new Error('no') }, () => undefined, () => 7, () => Promise.resolve('a'), () => ({})]) {
      assert.equal(nameOf(label, 'own', 'key'), 'own')
      assert.equal(nameOf(label, undefined, key), 'its key')
    }
    assert.equal(nameOf(() => '', 'own', 'key'), 'unnamed')
    assert.equal(nameOf(undefined, '', 'key'), 'unnamed')
    assert.equal(nameOf(undefined, undefined, { toString() { throw new Error('no') } }), 'unnamed')
    assert.equal(nameOf(undefined, undefined, Object.create(null)), 'unnamed')
  })

  it('is one that every exporter can write', () => {
    assert.equal(nameOf(undefined, 'x'.repeat(10_000), undefined), 'x'.repeat(128))
    assert.equal(nameOf(undefined, 'x'.repeat(128), undefined).length, 128)
    assert.equal(nameOf(undefined, 'a\ud800b\udc00c', undefined), 'a\ufffdb\ufffdc')
    assert.equal(nameOf(undefined, '😀 <b>"\\\n', undefined), '😀 <b>"\\\n')
    // A pair that is cut in two is none any more.
    assert.equal(nameOf(undefined, `${'x'.repeat(127)}😀`, undefined), `${'x'.repeat(127)}\ufffd`)
  })
})
