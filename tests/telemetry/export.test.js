// What arrives at a collector, by OTLP, of a service that goes through an outage, evictions and a new registry, in several versions of Node and of the SDK:
// against what its load generator counted. It must not know how any of it is counted.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { nodes } from '../package/support.js'
import { startCollector } from './otlp.js'
import { SDKS } from './sdk.js'

const OUTCOMES = ['success', 'failure', 'timeout', 'ignored', 'refused_open', 'refused_half_open', 'refused_bulkhead', 'refused_isolated', 'stale']

/** Which Node runs which SDK: version 3 needs 22.15. */
const RUNS = [[20, 2], [22, 3], [24, 2], [24, 3], [26, 3]]

let collector
before(async () => (collector = await startCollector()))
after(() => collector?.close())

/** Runs the service to its end; gives what its load generator counted at each export, and what arrived. */
async function run(node, major, format) {
  collector.received.length = 0
  collector.types.clear()
  const { stdout } = await promisify(execFile)(nodes[node], [fileURLToPath(new URL('program.js', import.meta.url)), String(major), format, collector.url], { timeout: 30_000 })
  const counted = JSON.parse(stdout)
  // And one more where it shut down, in which nothing is new.
  const received = collector.received.slice(0, counted.length)
  return counted.map((one, index) => ({ ...one, told: new Map(received[index].map((metric) => [metric.name, metric])) }))
}

const callsOf = ({ told }) => told.get('halfopen.breaker.calls').points.map(({ attributes, value }) => ({ name: attributes['halfopen.breaker.name'], outcome: attributes['halfopen.call.outcome'], value }))

describe('What arrives at a collector', () => {
  it('is of every SDK that there is', () => assert.deepEqual(new Set(RUNS.map(([, major]) => String(major))), new Set(Object.keys(SDKS))))

  for (const [node, major] of RUNS) {
    for (const format of ['json', 'protobuf']) {
      it(`is what the load generator counted: Node ${node}, SDK ${major}, ${format}`, { timeout: 40_000 }, async () => {
        const exports = await run(node, major, format)
        assert.deepEqual([...collector.types], [format === 'json' ? 'application/json' : 'application/x-protobuf'])
        assert.ok(exports.length >= 6)
        let before = new Map()
        for (const [index, one] of exports.entries()) {
          const calls = callsOf(one)
          for (const outcome of OUTCOMES) {
            const all = calls.filter((point) => point.outcome === outcome).reduce((sum, { value }) => sum + value, 0)
            assert.equal(all, one.counted[outcome] ?? 0, `${outcome} at export ${index}`)
          }
          for (const { name, outcome, value } of calls) {
            const key = `${name} ${outcome}`
            assert.ok(value >= (before.get(key) ?? 0), `${key} went down at export ${index}`)
            if (name !== '_other') assert.ok(value <= (one.byKey[key] ?? 0), `${key} at export ${index}`)
          }
          before = new Map(calls.map(({ name, outcome, value }) => [`${name} ${outcome}`, value]))
          const { points } = one.told.get('halfopen.call.duration')
          const durations = {}
          for (const { attributes, count } of points) durations[attributes['halfopen.call.outcome']] = (durations[attributes['halfopen.call.outcome']] ?? 0) + count
          // A result that came late is heard of as one that took long.
          assert.deepEqual(durations, one.durations)
        }
        // Before the first eviction each number is its breaker's own.
        for (const one of exports.slice(0, 2)) {
          const named = Object.fromEntries(callsOf(one).filter(({ value }) => value > 0).map(({ name, outcome, value }) => [`${name} ${outcome}`, value]))
          assert.deepEqual(named, one.byKey)
        }
        assert.deepEqual(new Set(callsOf(exports[1]).filter(({ value }) => value > 0).map(({ outcome }) => outcome)), new Set(OUTCOMES), 'the load meets every outcome')
        const names = new Set(callsOf(exports.at(-1)).map(({ name }) => name))
        assert.ok(names.has('_other') && names.size === 13, `${names.size} names`)
        // As many breakers as there are, each in one state.
        const states = exports.map(({ told }) => told.get('halfopen.breaker.state').points.reduce((sum, { value }) => sum + value, 0))
        assert.deepEqual(states, exports.map(({ sizes }) => sizes))
        const [units] = [...exports.at(-1).told.values()].map(({ name, unit, kind, isMonotonic }) => [name, unit, kind, isMonotonic]).filter(([name]) => name === 'halfopen.breaker.calls')
        assert.deepEqual(units, ['halfopen.breaker.calls', '{call}', 'sum', true])
      })
    }
  }

  it('begins anew where a process does', { timeout: 60_000 }, async () => {
    const totals = []
    for (let n = 0; n < 2; n++) totals.push((await run(20, 2, 'json')).map((one) => callsOf(one).reduce((sum, { value }) => sum + value, 0)))
    assert.deepEqual(totals[1], totals[0])
    assert.ok(totals[0][0] > 0 && totals[0].every((total, index) => index === 0 || total >= totals[0][index - 1]), String(totals[0]))
  })
})
