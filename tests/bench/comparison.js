// Measures contenders by sustained loops, one contender a process, so that each pays for its own garbage. The processes take turns
// (A B C, B C A, …), so that a machine that gets slower or busier meets all of them alike. It must not know budgets.
//
// A figure is the median of a contender's processes. A ratio is the median of the ratios of each round, whose processes ran one after
// the other: on a busy machine that varies by half as much as the ratio of the medians does (seen over 30 rounds of the fastest calls).

import { CONTENDERS } from './contenders.js'
import { median } from './median.js'
import { runProgram } from './run-program.js'

/**
 * How much work to put in.
 *
 * @typedef {object} Effort
 * @property {number} processes Processes of each contender.
 * @property {number} calls Calls in a process.
 * @property {number} seconds How long a process calls at most: what is slow makes fewer calls.
 */

/**
 * A comparison of two contenders, by CPU time; `oursWall` and `theirsWall` are the same by the clock on the wall.
 *
 * @typedef {{ ours: number, oursWall: number, against: string, theirs: number, theirsWall: number, ratio: number, unit: 'ns' }} Comparison
 */

/**
 * Measures each pair of contenders, all in one series of processes.
 *
 * @param {[string, string][]} pairs Names in `CONTENDERS`: who is measured, and against whom.
 * @param {Effort} effort
 * @param {object} [how]
 * @param {'success' | 'failure' | 'refused'} [how.scenario]
 * @param {number} [how.depth] How many functions lie between the loop and the call.
 * @param {number} [how.lanes] How many calls are in flight at once.
 * @param {boolean} [how.aboveBare] Whether the time of a bare `await fn()` is taken off both.
 * @param {string} [how.url] The server for those that make requests.
 * @param {{ node?: string, flags?: string[] }} [how.run] The Node, and flags for it.
 * @returns {Promise<Comparison[]>} In the order of the pairs.
 */
export async function comparePairs(pairs, effort, { aboveBare = true, ...how } = {}) {
  const names = [...new Set([...(aboveBare ? ['bare'] : []), ...pairs.flat()])]
  const runs = await measure(names, effort, how)
  const above = (name, figure) => runs[name].map((run, round) => run[figure] - (aboveBare ? runs.bare[round][figure] : 0))
  return pairs.map(([one, other]) => {
    const theirs = above(other, 'cpu')
    return {
      ours: median(above(one, 'cpu')),
      oursWall: median(above(one, 'wall')),
      against: CONTENDERS[other].title,
      theirs: median(theirs),
      theirsWall: median(above(other, 'wall')),
      ratio: median(above(one, 'cpu').map((ns, round) => ns / theirs[round])),
      unit: 'ns',
    }
  })
}

/**
 * The ns per call of each contender, by CPU time and by the clock on the wall, round by round.
 *
 * @param {string[]} names In `CONTENDERS`.
 * @param {Effort} effort
 * @param {Omit<NonNullable<Parameters<typeof comparePairs>[2]>, 'aboveBare'>} [how]
 * @returns {Promise<Record<string, { cpu: number, wall: number }[]>>}
 */
export async function measure(names, { processes, calls, seconds }, { scenario = 'success', depth = 0, lanes = 1, url, run } = {}) {
  const runs = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 0; round < processes; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const contender = names[(round + turn) % names.length]
      runs[contender].push(await runProgram('contender.js', { contender, scenario, depth, lanes, url, calls, seconds }, run))
    }
  }
  return runs
}
