// What is measured, and what it may cost: one entry a subject, in the order of the table. A new subject is an entry here.
// It must not know how anything is measured or printed.

import { BUDGET, LIMIT, weigh } from '../../scripts/size.mjs'
import { compare, comparePairs } from './comparison.js'
import { median } from './median.js'
import { benchNodes, majorOf } from './nodes.js'
import { runProgram } from './run-program.js'

/**
 * A line of the result.
 *
 * @typedef {object} Line
 * @property {string} what
 * @property {number} ours
 * @property {string} unit `ns`, `ms`, `B` or nothing for a plain count.
 * @property {string} [against] Who it is compared with.
 * @property {number} [theirs]
 * @property {number} [ratio] Ours / theirs, where that is what the budget is about.
 * @property {number} [budget] What `ratio`, or else `ours`, may be at most. Without one the line is for information.
 * @property {number} [reached] Where the budget was not reached yet: the figure that was. A regression is measured against it.
 * @property {number} [least] The least that was measured, where a busy machine moves the median: a regression shows in it, too.
 * @property {boolean} [exact] The figure has no noise: the slightest excess counts.
 * @property {number} [limit] What an exact figure must not exceed where its budget was not reached yet.
 */

/**
 * How much work to put in.
 *
 * @typedef {object} Effort
 * @property {number} processes Processes a comparison.
 * @property {number} rounds Rounds a process.
 */

/**
 * A subject: its `name` for `--only`, and whether the short form leaves it out.
 *
 * @typedef {object} Row
 * @property {string} name
 * @property {string} title
 * @property {boolean} [fullOnly]
 * @property {(effort: Effort) => Promise<Line[]>} measure
 */

/** Frames between a caller and its guarded call in a service: router, middleware, handler, client, retry, … */
const DEEP = 12
const BREAKERS = 100_000
const LIFE = 10_000_000
const MANY_KEYS = 1_000_000
const COUNTED = 100_000_000
const STARTS = 15

const WINDOW = { window: { type: 'count', size: 100 }, failureRate: 0.5 }
/** Idle breakers on Node 20, and on later ones. A bare EventTarget takes 424 to 430 B on Node 20 and on 22, 60 B after that. */
const IDLE = [
  { what: 'default', options: undefined, on20: { budget: 950 }, on22: { budget: 700, reached: 925 }, later: { budget: 700 } },
  { what: '100-call window', options: WINDOW, on20: { budget: 1150 }, on22: { budget: 900, reached: 1030 }, later: { budget: 900 } },
]

/** @type {Row[]} */
export const ROWS = [
  {
    name: 'success',
    title: 'Successful call, default options: ns above a bare `await fn()`',
    measure(effort) {
      const rivals = {
        textbook: { budget: 0.75 },
        limit: { budget: 1.5 },
        // Not to be had: the limit itself, plain JavaScript, is at 0.24.
        cockatiel: { budget: 1 / 5, reached: 0.35 },
        opossum: { budget: 1 / 10, reached: 0.12 },
      }
      return against(rivals, (rival) => compare({ scenario: 'success', rival }, effort))
    },
  },
  {
    name: 'refused',
    title: `Refused call, awaited in try/catch: ns in all. Judged ${DEEP} frames deep, as in a service; the shallow one is for information`,
    async measure(effort) {
      const refused = (depth) => (rival) => compare({ scenario: 'refused', rival, depth, aboveBare: false }, effort)
      const third = { budget: 1 / 3 }
      return [
        ...(await against({ textbook: {}, cockatiel: {}, opossum: {} }, refused(0), 'shallow')),
        ...(await against({ textbook: third, cockatiel: third, opossum: third }, refused(DEEP), `${DEEP} frames deep`)),
      ]
    },
  },
  {
    name: 'failure',
    // opossum sorts the latencies of its whole window at every failure: its figure grows with the failures of the last ten seconds.
    title: 'Failing call: ns above a bare `await fn()` that rejects. For information',
    fullOnly: true,
    measure: (effort) =>
      against({ textbook: {}, limit: {}, cockatiel: {}, opossum: {} }, (rival) => compare({ scenario: 'failure', rival }, effort)),
  },
  {
    name: 'windows',
    title: 'Successful call with a window: ns above a bare `await fn()`',
    measure: (effort) =>
      pairs(effort, [
        { what: 'window of 100 calls', pair: ['count100', 'ours'], budget: 1.3 },
        // A success has to bring its time along, and `Date.now()` alone takes about as long as all the rest of the call.
        { what: 'window of 10 s in 10 buckets', pair: ['time', 'ours'], budget: 1.3, reached: 2.1 },
        { what: 'window of 100 calls', pair: ['count100', 'cockatielCount'] },
        { what: 'window of 10 s in 10 buckets', pair: ['time', 'cockatielTime'] },
        // The cost must not grow with the size; what is over 1 is noise.
        { what: 'window of 1,000 calls', pair: ['count1000', 'count10'], budget: 1.2 },
        { what: 'window of 1,000,000 calls', pair: ['count1000000', 'count10'], budget: 1.2 },
      ]),
  },
  {
    name: 'options',
    title: 'Successful call with other options and with listeners: ns above a bare `await fn()`. For information',
    fullOnly: true,
    measure: (effort) =>
      pairs(effort, [
        { what: '`latency`', pair: ['latency', 'ours'] },
        { what: '`slowCallDuration`, window of 100 calls', pair: ['slow', 'ours'] },
        { what: '`classify`', pair: ['classify', 'ours'] },
        { what: 'a listener of statechange', pair: ['hearsChanges', 'ours'] },
        { what: 'a listener of success', pair: ['hearsSuccesses', 'ours'] },
        { what: '`callWith({ signal }, fn)`', pair: ['signal', 'ours'] },
      ]),
  },
  {
    name: 'timed',
    title: 'Successful call with `timeout: 10000`, the function ignoring the signal: ns above a bare `await fn()`',
    measure: (effort) =>
      pairs(effort, [
        // Nearly all of it is setTimeout and clearTimeout, which opossum calls as well.
        { what: '`timeout`', pair: ['timed', 'opossumTimed'], budget: 1 / 2, reached: 0.85 },
        { what: '`timeout`', pair: ['timed', 'cockatielTimed'] },
      ]),
  },
  {
    name: 'registry',
    title: 'Successful call through a registry: ns above a bare `await fn()`. For information',
    fullOnly: true,
    measure: (effort) =>
      pairs(effort, [
        { what: '1 key', pair: ['registry1', 'ours'] },
        { what: '1,000 keys in turn', pair: ['registry1000', 'ours'] },
      ]),
  },
  {
    name: 'crowd',
    title: 'Successful call of one breaker among many live ones: ns above a bare `await fn()`',
    fullOnly: true,
    // A million breakers take seconds to make and half a gigabyte to keep.
    measure: (effort) =>
      pairs({ ...effort, processes: 3 }, [{ what: 'among 1,000,000', pair: ['among1000000', 'among1'], budget: 1.2 }], {
        flags: ['--max-old-space-size=4096'],
      }),
  },
  {
    name: 'snapshot',
    title: 'A full window of 100 calls through `JSON` into a new breaker, and a call: ns in all. For information',
    fullOnly: true,
    measure: (effort) => pairs(effort, [{ what: 'snapshot and restore', pair: ['restored', 'made'] }], { aboveBare: false }),
  },
  {
    name: 'memory',
    title: `Memory: ${BREAKERS.toLocaleString('en')} live breakers, B each`,
    async measure() {
      const lines = []
      for (const node of benchNodes()) {
        for (const { what, options, on20, on22, later } of IDLE) {
          const job = { count: BREAKERS, options }
          const each = await runProgram('memory.js', job, { node: node.binary, flags: ['--expose-gc'] })
          const limits = { 20: on20, 22: on22 }[majorOf(each.node)] ?? later
          const lineOf = (figure, ours, limits) => ({ what: `Node ${majorOf(each.node)}, ${what}: ${figure}`, ours, unit: 'B', ...limits })
          lines.push(
            lineOf(
              `idle (${each.heap.toFixed(0)} heap, ${each.wasm.toFixed(0)} Wasm)`,
              each.heap + each.wasm + each.other,
              limits
            )
          )
          if (options !== undefined) continue
          // The engine's table of registered breakers keeps the size it once had, and so does our list of free slots. What
          // grows with every round would be a leak.
          lines.push(
            lineOf('tables kept after dropping them', each.heapLeft + each.wasmLeft),
            lineOf('added by as many once more', each.heapLeftAgain + each.wasmLeftAgain, { budget: 10 })
          )
        }
      }
      return lines
    },
  },
  {
    name: 'start',
    title: `Start: \`import\` and the first breaker in a fresh process, median of ${STARTS}`,
    async measure() {
      const starts = []
      for (let start = 0; start < STARTS; start++) starts.push(await runProgram('first-breaker.js'))
      return [{ what: 'import + first breaker', ours: median(starts), unit: 'ms', budget: 5, reached: 6, least: Math.min(...starts) }]
    },
  },
  {
    name: 'size',
    title: 'Size of the default entry, Wasm included',
    async measure() {
      const { minified, gzip } = await weigh()
      return [
        { what: 'minified', ours: minified, unit: 'B' },
        { what: `minified and gzipped (limit ${LIMIT.toLocaleString('en')})`, ours: gzip, unit: 'B', budget: BUDGET, limit: LIMIT, exact: true },
      ]
    },
  },
  {
    name: 'life',
    title: `Length of life: what ${LIFE.toLocaleString('en')} calls add to memory, failures, refusals and recoveries among them`,
    fullOnly: true,
    async measure() {
      const grown = await runProgram('long-life.js', { calls: LIFE }, { flags: ['--expose-gc'] })
      return [{ what: 'heap + Wasm + other', ours: grown.heap + grown.wasm + grown.other, unit: 'B', budget: 1_000_000 }]
    },
  },
  {
    name: 'keys',
    title: `Registry: what calls with ${MANY_KEYS.toLocaleString('en')} keys add to memory, 1,000 breakers kept`,
    fullOnly: true,
    async measure() {
      const grown = await runProgram('many-keys.js', { keys: MANY_KEYS }, { flags: ['--expose-gc'] })
      return [
        { what: 'heap + Wasm + other', ours: grown.heap + grown.wasm + grown.other, unit: 'B', budget: 1_000_000 },
        { what: 'a call with a new key', ours: grown.each, unit: 'ns' },
      ]
    },
  },
  {
    name: 'counts',
    title: `Counts of the core after ${COUNTED.toLocaleString('en')} settled calls`,
    fullOnly: true,
    async measure() {
      return [{ what: 'off by', ours: await runProgram('core-counts.js', { calls: COUNTED }), budget: 0, exact: true }]
    },
  },
]

/**
 * A line for each pair of contenders. Each pair has its processes to itself: code that several arms share, such as the machine
 * code of the functions they pass, is laid out differently with every arm more, and that alone moves a call by a fifth.
 *
 * @param {Effort} effort
 * @param {({ what: string, pair: [string, string] } & Pick<Line, 'budget' | 'reached'>)[]} wanted
 * @param {{ aboveBare?: boolean, flags?: string[] }} [how]
 * @returns {Promise<Line[]>}
 */
async function pairs(effort, wanted, how = {}) {
  const lines = []
  for (const { pair, what, ...limits } of wanted) {
    const [line] = await comparePairs({ scenario: 'success', pairs: [pair], ...how }, effort)
    lines.push({ what, ...line, ...limits })
  }
  return lines
}

/**
 * A line for each rival.
 *
 * @param {Record<string, Pick<Line, 'budget' | 'reached'>>} rivals
 * @param {(rival: string) => ReturnType<typeof compare>} measure
 * @param {string} what
 * @returns {Promise<Line[]>}
 */
async function against(rivals, measure, what = 'call') {
  const lines = []
  for (const [rival, limits] of Object.entries(rivals)) lines.push({ what, ...(await measure(rival)), ...limits })
  return lines
}
