// The traces of other circuit breakers, replayed straight through the Wasm core, with the numbers that cross the boundary. What the
// traces mean stands in tests/traces.

import assert from 'node:assert/strict'
import { startEngine } from '../../js/engine/index.js'
import { FACT_MINIMUM_CALLS, FACT_RETRY_AFTER, FACT_TEST_EXPIRES_AFTER, FACT_WINDOW_CALLS, FAILURE, IGNORED, REFUSED_HALF_OPEN_FULL, REFUSED_ISOLATED, REFUSED_OPEN, SUCCESS } from '../../js/engine/numbers.js'
import { replayAll } from '../traces/suite.js'

const OUTCOMES = { success: SUCCESS, failure: FAILURE, ignored: IGNORED }
const REFUSALS = { [REFUSED_OPEN]: 'open', [REFUSED_HALF_OPEN_FULL]: 'half_open', [REFUSED_ISOLATED]: 'isolated' }

const core = startEngine()

replayAll('wasm', (options, start) => {
  let now = start
  core.draftBegin()
  for (const [name, value] of numbers(options)) assert.equal(core.draftOption(core.fields.get(name), value), 0, name)
  const slot = core.create(0)
  assert.ok(slot >= 0, 'the options make a breaker')
  assert.notEqual(core.report([slot, now])[FACT_TEST_EXPIRES_AFTER], 0, 'the slot has a breaker')
  /** Permits of calls in flight. */
  const held = new Map()
  const controls = {
    trip: () => core.trip(slot, now),
    reset: () => core.reset(slot, now),
    check: () => core.check(slot, now),
    isolate: () => core.isolate(slot, now),
    disable: () => core.disable(slot),
    observe: () => core.observe(slot),
    enable: () => core.enable(slot),
    tripFor: (ms) => assert.equal(core.tripFor(slot, ms, now), 0)
  }

  return {
    advance: (ms) => { now += ms },
    admit(id) {
      const permit = core.admit(slot, now)
      if (permit < 0) return { admitted: false, by: REFUSALS[permit], retryAfter: core.retryAfter(slot, now) }
      held.set(id, permit)
      return { admitted: true }
    },
    settle(id, outcome, { duration = NaN, retryAfter }) {
      if (retryAfter === undefined) core.settle(slot, held.get(id), OUTCOMES[outcome], duration, now)
      else core.settleAsking(slot, held.get(id), OUTCOMES[outcome], retryAfter, true, duration, now)
      held.delete(id)
    },
    record: (outcome) => core.record(slot, OUTCOMES[outcome], now),
    check() {
      core.check(slot, now)
      return core.states[core.state(slot)]
    },
    state: () => core.states[core.state(slot)],
    mode: () => core.modes[core.mode(slot)],
    control: (deed, value) => controls[deed](value),
    counts() {
      const row = core.report([slot, now])
      const [calls, failures, slowCalls] = row.subarray(FACT_WINDOW_CALLS)
      return {
        failureCount: core.failureCount(slot),
        successCount: core.successCount(slot),
        stateChanges: stateChanges(core.stateChanges(slot)),
        retryAfter: row[FACT_RETRY_AFTER],
        window: Number.isNaN(calls) ? undefined : { calls, failures, slowCalls, minimumCalls: row[FACT_MINIMUM_CALLS] || 0 }
      }
    }
  }
})

/** The options as the core takes them: the numbers of a group are its members. */
function numbers(options) {
  return Object.entries(options).flatMap(([name, value]) => {
    if (typeof value !== 'object') return [[name, value]]
    return Object.entries(value).filter(([member]) => member !== 'type').map(([member, number]) => [`${name}.${member}`, number])
  })
}

/** Four numbers a state change. */
function stateChanges(list) {
  return Array.from({ length: list.length / 4 }, (_, index) => {
    const [from, to] = list.slice(index * 4)
    return { from: core.states[from], to: core.states[to] }
  })
}
