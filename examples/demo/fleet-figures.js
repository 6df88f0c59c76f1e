/**
 * From what the processes of a fleet told to the table of `--fleet`.
 *
 * Must not know: what the figures ought to be.
 */
import Table from 'cli-table3'
import { ms } from './figures.js'
import { FLEET, SIDES } from './fleet-plan.js'
import { schedule } from './plan.js'

/**
 * @typedef {object} Seen
 * @property {Record<string, { all: number, whileSick: number }>} hits
 * @property {Record<string, { tests: number, refused: number, failed: number }>[]} counts One a process.
 * @property {{ side: string, index: number, from: string, to: string, reason: string, at: number }[]} changes
 */

/**
 * @param {Seen} seen
 * @param {string} side
 */
export function fleetFiguresOf({ hits, counts, changes }, side) {
  const phases = schedule(/** @type {any} */ (FLEET))
  const sick = phases.find((phase) => phase.sick) ?? phases[0]
  const own = changes.filter((change) => change.side === side).sort((one, other) => one.at - other.at)
  const sum = (/** @type {'tests' | 'refused' | 'failed'} */ name) => counts.reduce((all, one) => all + one[side][name], 0)
  const first = (/** @type {string} */ to) => new Map(own.filter((change) => change.to === to && change.at >= sick.begin).reverse().map(({ index, at }) => [index, at]))
  const opened = [...first('open').values()].filter((at) => at < sick.end).sort((one, other) => one - other)
  // The last change of each: those that never opened recovered at once, and are of no weight.
  const closed = [...new Map(own.map(({ index, to, at }) => [index, { to, at }])).values()].filter(({ at }) => at >= sick.end)
  const isOver = closed.every(({ to }) => to === 'closed')
  const times = closed.map(({ at }) => at).sort((one, other) => one - other)
  return {
    hits: hits[side].whileSick,
    tests: sum('tests'),
    failed: sum('failed'),
    refused: sum('refused'),
    opened: opened.length,
    firstOpen: (opened[0] ?? NaN) - sick.begin,
    lastOpen: opened.length === FLEET.processes ? opened[opened.length - 1] - sick.begin : NaN,
    firstClosed: (times[0] ?? NaN) - sick.end,
    lastClosed: isOver ? (times[times.length - 1] ?? NaN) - sick.end : NaN
  }
}

/**
 * @param {Seen} seen
 * @param {import('picocolors/types.js').Colors} colors
 */
export function fleetTableOf(seen, colors) {
  const all = SIDES.map((side) => fleetFiguresOf(seen, side))
  const table = new Table({
    head: ['', 'each by itself', 'a fleet'].map((text) => colors.bold(text)),
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [], compact: true }
  })
  /** @type {[string, (figures: typeof all[number]) => string][]} */
  const rows = [
    ['requests that hit the sick upstream', ({ hits }) => String(hits)],
    ['test requests', ({ tests }) => String(tests)],
    ['calls that failed', ({ failed }) => String(failed)],
    ['calls refused', ({ refused }) => String(refused)],
    ['processes that opened', ({ opened }) => `${opened} of ${FLEET.processes}`],
    ['sick → first circuit open', ({ firstOpen }) => ms(firstOpen)],
    ['sick → all circuits open', ({ lastOpen }) => ms(lastOpen)],
    ['well again → first circuit closed', ({ firstClosed }) => ms(firstClosed)],
    ['well again → all circuits closed', ({ lastClosed }) => ms(lastClosed)]
  ]
  for (const [label, figure] of rows) table.push([label, ...all.map(figure)])
  return String(table)
}
