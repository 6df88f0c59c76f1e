// What is measured, and what it may cost: one entry a subject, in the order of the table. A new subject is an entry here.
// It must not know how anything is measured or printed.

import { BUDGET, LIMIT, weigh } from '../../scripts/size.mjs'
import { comparePairs, measure as measureContenders } from './comparison.js'
import { median } from './median.js'
import { benchNodes, majorOf, nodesOf } from './nodes.js'
import { runProgram } from './run-program.js'
import { withServer } from './server.js'

/** @import { Effort } from './comparison.js' */

/**
 * A line of the result.
 *
 * @typedef {object} Line
 * @property {string} what
 * @property {number} ours By CPU time, where it is a time.
 * @property {number} [oursWall] The same by the clock on the wall. It is shown, never judged.
 * @property {string} unit `ns`, `ms`, `B` or nothing for a plain count.
 * @property {string} [against] Who it is compared with.
 * @property {number} [theirs]
 * @property {number} [theirsWall]
 * @property {number} [ratio] Ours to theirs, where that is what the budget is about.
 * @property {number} [budget] What `ratio`, or else `ours`, may be at most. Without one the line is for information.
 * @property {number} [reached] Where the budget is not reached yet: the figure that is. A regression is measured against it.
 * @property {boolean} [exact] The figure has no noise: the slightest excess counts.
 * @property {number} [limit] What an exact figure must not exceed where its budget is not reached yet.
 */

/** @typedef {Pick<Line, 'budget' | 'reached'>} Limits */

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
/** Requests that a client has in flight at once. */
const LANES = 10
const BREAKERS = 100_000
const LIFE = 10_000_000
const MANY_KEYS = 1_000_000
const COUNTED = 100_000_000
const STARTS = 15

const WINDOW = { window: { type: 'count', size: 100 }, failureRate: 0.5 }
/** Idle breakers on Node 20, on 22 and on later ones. A bare EventTarget takes 424 to 430 B on Node 20 and on 22, 60 B after that. */
const IDLE = [
  { what: 'default', options: undefined, on20: { budget: 950 }, on22: { budget: 950 }, later: { budget: 600 } },
  { what: '100-call window', options: WINDOW, on20: { budget: 1150 }, on22: { budget: 900, reached: 1030 }, later: { budget: 900 } },
]

/** Calls are measured on these Node versions besides this one: their engines collect garbage at different costs. */
const NODES = [20, 24]

/** Fewer processes, for what takes long and differs by much. @param {Effort} effort @returns {Effort} */
const fewer = (effort) => ({ ...effort, processes: Math.max(3, (effort.processes + 1) >> 1) })

/** @type {Row[]} */
export const ROWS = [
  {
    name: 'success',
    title: 'Successful call, default options: ns above a bare `await fn()`',
    measure: (effort) =>
      onNodes((major) => [
        { what: 'call', pair: ['ours', 'textbook'], budget: 0.6, reached: 0.8 },
        { what: 'call', pair: ['ours', 'limit'], budget: 1.3, reached: 1.8 },
        { what: 'call', pair: ['ours', 'cockatiel'], ...(major >= 24 && { budget: 1 / 5, reached: 0.4 }) },
        { what: 'call', pair: ['ours', 'opossum'], budget: 1 / 10, reached: 0.12 },
      ], effort),
  },
  {
    name: 'refused',
    title: `Refused call, awaited in try/catch, ${DEEP} frames deep, as in a service: ns in all`,
    measure: (effort) =>
      lines(
        [
          { what: `${DEEP} frames deep`, pair: ['ours', 'textbook'], budget: 1 / 4 },
          { what: `${DEEP} frames deep`, pair: ['ours', 'cockatiel'], budget: 1 / 4 },
          { what: `${DEEP} frames deep`, pair: ['ours', 'opossum'], budget: 1 / 4 },
        ],
        fewer(effort),
        { scenario: 'refused', depth: DEEP, aboveBare: false }
      ),
  },
  {
    name: 'shallow',
    title: 'Refused call in no frame of its own: ns in all. For information: there is little stack to capture',
    fullOnly: true,
    measure: (effort) =>
      lines(
        ['textbook', 'cockatiel', 'opossum'].map((rival) => ({ what: 'shallow', pair: ['ours', rival] })),
        { ...fewer(effort), processes: 3 },
        { scenario: 'refused', aboveBare: false }
      ),
  },
  {
    name: 'failure',
    // opossum sorts the latencies of its whole window at every failure: its figure grows with the calls of the last ten seconds.
    title: 'Failing call: ns above a bare `await fn()` that rejects. For information',
    fullOnly: true,
    measure: (effort) =>
      lines(
        ['textbook', 'limit', 'cockatiel', 'opossum'].map((rival) => ({ what: 'failing call', pair: ['ours', rival] })),
        fewer(effort),
        { scenario: 'failure' }
      ),
  },
  {
    name: 'windows',
    title: 'Successful call with a window: ns above a bare `await fn()`',
    measure: (effort) =>
      lines(
        [
          { what: 'window of 100 calls', pair: ['count100', 'ours'], budget: 1.2, reached: 1.3 },
          // A success has to bring its time along, and `Date.now()` alone takes about as long as all the rest of the call.
          { what: 'window of 10 s in 10 buckets', pair: ['time', 'ours'], budget: 1.8, reached: 2.2 },
          { what: 'window of 100 calls', pair: ['count100', 'cockatielCount'] },
          { what: 'window of 10 s in 10 buckets', pair: ['time', 'cockatielTime'] },
          // The cost must not grow with the size; what is over 1 is noise.
          { what: 'window of 1,000 calls', pair: ['count1000', 'count10'], budget: 1.2 },
          { what: 'window of 1,000,000 calls', pair: ['count1000000', 'count10'], budget: 1.2 },
        ],
        effort
      ),
  },
  {
    name: 'options',
    title: 'Successful call with other options and with listeners: ns above a bare `await fn()`. For information',
    fullOnly: true,
    measure: (effort) =>
      lines(
        [
          { what: '`latency`', pair: ['latency', 'ours'] },
          { what: '`slowCallDuration`, window of 100 calls', pair: ['slow', 'ours'] },
          { what: '`classify`', pair: ['classify', 'ours'] },
          { what: 'a listener of statechange', pair: ['hearsChanges', 'ours'] },
          { what: 'a listener of success', pair: ['hearsSuccesses', 'ours'] },
        ],
        fewer(effort)
      ),
  },
  {
    name: 'timed',
    title: 'Successful call with a timeout of 10 s, the function ignoring the signal: ns above a bare `await fn()`',
    measure: (effort) =>
      onNodes(() => [
        { what: '`timeout`', pair: ['timed', 'opossumTimed'], budget: 1 / 2 },
        { what: '`timeout`', pair: ['timed', 'cockatielTimed'] },
        { what: '`callWith({ timeout }, fn)`', pair: ['timedCall', 'opossumTimed'] },
      ], fewer(effort)),
  },
  {
    name: 'signal',
    title: "Successful call with the caller's signal: ns above a bare `await fn()`",
    measure: (effort) =>
      lines(
        [
          { what: '`callWith({ signal }, fn)`', pair: ['signal', 'listener'], budget: 2, reached: 2.6 },
          { what: '`callWith({ signal }, fn)`', pair: ['signal', 'abortable'] },
        ],
        fewer(effort)
      ),
  },
  {
    name: 'guard',
    title: '`guardFetch` over a stub of `fetch`: ns in all',
    measure: (effort) =>
      lines(
        [
          { what: '`guardFetch()`', pair: ['guardedStub', 'timedFetch'], budget: 1.5 },
          { what: '`guardFetch({ timeout })`', pair: ['guardedStubTimed', 'timedFetch'], budget: 1.5 },
        ],
        fewer(effort),
        { aboveBare: false }
      ),
  },
  {
    name: 'http',
    title: `\`fetch\` of a server next door, ${LANES} requests at once: ns of the client's CPU time a request. For information`,
    fullOnly: true,
    measure: (effort) =>
      withServer((url) =>
        lines(
          [
            { what: '`guardFetch()`', pair: ['guardedFetch', 'fetch'] },
            { what: '`guardFetch({ timeout })`', pair: ['guardedFetchTimed', 'fetch'] },
            { what: 'noise: bare `fetch` once more', pair: ['fetchAgain', 'fetch'] },
          ],
          fewer(effort),
          { aboveBare: false, lanes: LANES, url }
        )
      ),
  },
  {
    name: 'registry',
    title: 'Successful call through a registry: ns above a bare `await fn()`. For information',
    fullOnly: true,
    measure: (effort) =>
      lines(
        [
          { what: '1 key', pair: ['registry1', 'ours'] },
          { what: '1,000 keys in turn', pair: ['registry1000', 'ours'] },
        ],
        fewer(effort)
      ),
  },
  {
    name: 'outage',
    title: 'A new key in a full registry: ns in all, the breaker that has to go included',
    measure: (effort) =>
      lines(
        [
          { what: 'all 1,000 circuits open', pair: ['newKeyOutage1000', 'newKeyQuiet1000'], budget: 2, reached: 2.2 },
          { what: 'all 10,000 circuits open', pair: ['newKeyOutage10000', 'newKeyQuiet10000'], budget: 2, reached: 2.2 },
          { what: 'all 1,000 open, each new one opened too', pair: ['newOpenKeyOutage1000', 'newKeyQuiet1000'], budget: 2, reached: 2.2 },
          { what: 'all 10,000 open, each new one opened too', pair: ['newOpenKeyOutage10000', 'newKeyQuiet10000'], budget: 2, reached: 2.2 },
        ],
        { ...fewer(effort), processes: 3 },
        { aboveBare: false }
      ),
  },
  {
    name: 'reading',
    title: 'Reading what 1,000 breakers counted: ms for all of them',
    async measure(effort) {
      const limits = {
        door: { what: 'the rows that exporters read', budget: 1 },
        status: { what: '`registry.status()`', budget: 1 },
        summary: { what: '`registry.summary()`', budget: 1 },
        totals: { what: '`registry.metrics`', budget: 1 },
        report: { what: '`registry.toJSON()`', budget: 1 },
        metricsSummary: { what: '`metrics.summary()` of each', budget: 1 },
        metrics: { what: '`metrics.toJSON()` of each', budget: 1 },
        metricsLogged: { what: '`metrics.toJSON()` of each, 64 state changes in it' },
      }
      const runs = await measureContenders(Object.keys(limits), { ...effort, processes: 3 })
      const ms = (name, figure) => median(runs[name].map((run) => run[figure])) / 1e6
      return Object.entries(limits).map(([name, line]) => ({ ...line, ours: ms(name, 'cpu'), oursWall: ms(name, 'wall'), unit: 'ms' }))
    },
  },
  {
    name: 'crowd',
    title: 'Successful call of one breaker among many live ones: ns above a bare `await fn()`',
    fullOnly: true,
    measure: (effort) => lines([{ what: 'among 1,000,000', pair: ['among1000000', 'among1'], budget: 1.2 }], fewer(effort)),
  },
  {
    name: 'snapshot',
    title: 'A full window of 100 calls through `JSON` into a new breaker: ns above a bare `await fn()`. For information',
    fullOnly: true,
    measure: (effort) => lines([{ what: 'snapshot and restore', pair: ['restored', 'made'] }], { ...effort, processes: 3 }),
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
      // Its user waits by the wall; where other programs hold it up, that is more than its CPU time, else threads beside make CPU time the more.
      const ours = median(starts.map(({ wall, cpu }) => Math.min(wall, cpu)))
      return [{ what: 'import + first breaker', ours, oursWall: median(starts.map(({ wall }) => wall)), unit: 'ms', budget: 5, reached: 8 }]
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
 * A line for each pair of contenders.
 *
 * @param {({ what: string, pair: [string, string] } & Limits)[]} wanted
 * @param {Effort} effort
 * @param {Parameters<typeof comparePairs>[2]} [how]
 * @returns {Promise<Line[]>}
 */
async function lines(wanted, effort, how) {
  const compared = await comparePairs(wanted.map(({ pair }) => pair), effort, how)
  return wanted.map(({ pair, ...line }, index) => ({ ...compared[index], ...line }))
}

/**
 * The same lines on several Node versions.
 *
 * @param {(major: number) => Parameters<typeof lines>[0]} wanted
 * @param {Effort} effort
 */
async function onNodes(wanted, effort) {
  const all = []
  for (const { major, binary } of nodesOf(NODES)) {
    const measured = await lines(wanted(major), effort, { run: { node: binary } })
    all.push(...measured.map((line) => ({ ...line, what: `Node ${major}, ${line.what}` })))
  }
  return all
}
