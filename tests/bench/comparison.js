// Compares contenders in processes that hold nobody else: median of the rounds, then of the processes.
// It must not know budgets.

import { CONTENDERS } from './contenders.js'
import { median } from './median.js'
import { runProgram } from './run-program.js'

/**
 * Measures pairs of contenders, all of them side by side in one process after the other.
 *
 * @param {object} what
 * @param {'success' | 'failure' | 'refused'} what.scenario
 * @param {[string, string][]} what.pairs Names in `CONTENDERS`: who is measured, and against whom.
 * @param {number} [what.depth] How many functions lie between the loop and the call.
 * @param {boolean} [what.aboveBare] Whether the time of a bare `await fn()` is taken off both.
 * @param {string[]} [what.flags] Flags for Node.
 * @param {{ processes: number, rounds: number }} effort
 * @returns For each pair the ns of both and how they relate.
 */
export async function comparePairs({ scenario, pairs, depth = 0, aboveBare = true, flags = [] }, { processes, rounds }) {
  const contenders = [...new Set([...(aboveBare ? ['bare'] : []), ...pairs.flat()])]
  const runs = []
  for (let run = 0; run < processes; run++) runs.push(await runProgram('compare.js', { scenario, contenders, depth, rounds }, { flags }))
  const figure = aboveBare ? 'above' : 'ns'
  return pairs.map(([one, other]) => ({
    ours: median(runs.map((run) => run[one][figure])),
    against: CONTENDERS[other].title,
    theirs: median(runs.map((run) => run[other][figure])),
    ratio: median(runs.map((run) => run[one][figure] / run[other][figure])),
    unit: 'ns',
  }))
}

/**
 * Measures the breaker with default options against a rival that shares its process with nobody else.
 *
 * @param {Omit<Parameters<typeof comparePairs>[0], 'pairs'> & { rival: string }} what
 * @param {Parameters<typeof comparePairs>[1]} effort
 */
export async function compare({ rival, ...what }, effort) {
  const [line] = await comparePairs({ ...what, pairs: [['ours', rival]] }, effort)
  return line
}
