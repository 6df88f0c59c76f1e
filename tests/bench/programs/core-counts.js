// Settles calls directly on the core, without a promise, and prints, as JSON, by how many its counts are off in the end.
// Needs the generated glue beside the engine, which `npm run build` makes. It must not know budgets.
//   node core-counts.js '{ "calls": 100000000 }'

import { startEngine } from '../../../js/engine/index.js'
import { FAILURE, SUCCESS } from '../../../js/engine/numbers.js'

const { calls } = JSON.parse(process.argv[2])
const core = startEngine()
core.draftBegin()
core.draftOption(core.fields.get('failureThreshold'), 1000)
const slot = core.create(0)

/** One call in a hundred fails. */
const failures = Math.floor(calls / 100)
for (let call = 1; call <= calls; call++) {
  const permit = core.admit(slot, 0)
  core.settle(slot, permit, call % 100 === 0 ? FAILURE : SUCCESS, NaN, call)
}
const counts = core.report(slot, calls)
const expected = { totalCalls: calls, successfulCalls: calls - failures, failedCalls: failures, inFlight: 0, staleCalls: 0 }
const off = Object.entries(expected).map(([name, count]) => Math.abs(counts[name] - count))
console.log(JSON.stringify(off.reduce((sum, count) => sum + count, 0)))
