/**
 * The view for a terminal: one picture, drawn again as things change, with time running from left to right.
 *
 * Must not know: how anything is measured.
 */
import { createLogUpdate } from 'log-update'
import { ms, quantile } from './figures.js'
import { isError } from './observation.js'
import { ACTS, LOAD, lengthOf, phaseAt, schedule } from './plan.js'

/** @typedef {import('./observation.js').Observation} Observation */

/** Changes of state shown at once, the latest ones, so that the picture fits a terminal of 24 lines. */
const CHANGES_SHOWN = 8

const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/**
 * @param {NodeJS.WriteStream} stream
 * @param {import('picocolors/types.js').Colors} colors
 */
export function screenView(stream, colors) {
  const draw = createLogUpdate(stream)
  const paint = {
    healthy: colors.green,
    sick: colors.red,
    closed: colors.green,
    half_open: colors.yellow,
    open: colors.red
  }
  const glyph = { healthy: '─', sick: '█', closed: '─', half_open: '▒', open: '█' }

  /** @param {Observation} seen */
  function picture(seen) {
    const { act, upstream, service, elapsed } = seen
    const phases = schedule(act)
    const { name, sick } = phaseAt(phases, elapsed)
    const { recent } = seen
    const columns = Math.max(20, Math.min(60, (stream.columns ?? 80) - 12))
    const width = lengthOf(act) / columns
    const now = Math.min(columns, Math.floor(elapsed / width) + 1)
    const over = Array.from({ length: now }, (_, column) => ({ from: column * width, to: (column + 1) * width }))

    /** @type {(key: keyof typeof glyph) => string} */
    const mark = (key) => paint[key](glyph[key])
    const answers = over.map(({ from, to }) => seen.answers.filter(({ at }) => at >= from && at < to))
    const most = Math.max(1, (LOAD.rate * width) / 1000)
    const rows = {
      upstream: over.map(({ from }) => mark(phaseAt(phases, from).sick ? 'sick' : 'healthy')),
      breaker: act.breaker ? over.map(({ from, to }) => mark(stateDuring(seen, from, to))) : [colors.dim('none')],
      slowest: answers.map((these) => levelOfLatency(Math.max(0, ...these.map(({ latency }) => latency)))),
      errors: answers.map((these) => colors.red(level(these.filter(isError).length / most))),
      fallback: answers.map((these) => colors.cyan(level(these.filter(({ by }) => by === 'fallback').length / most)))
    }
    const state = seen.state
    const number = (/** @type {unknown} */ value) => colors.bold(String(value))
    return [
      `${colors.bold(act.title)}  ${colors.dim(`act ${ACTS.indexOf(act) + 1} of ${ACTS.length}, ${LOAD.rate} requests/s, seed ${LOAD.seed}`)}  ${(elapsed / 1000).toFixed(1)} s`,
      '',
      `upstream  ${paint[sick ? 'sick' : 'healthy'](name.padEnd(9))}  hit while sick ${number(upstream.hitsWhileSick)}  working on ${number(upstream.working)}  waiting ${number(upstream.waiting)}`,
      `breaker   ${state ? paint[/** @type {keyof typeof paint} */ (state)](state.padEnd(9)) : colors.dim('none     ')}  calls ${number(service.totalCalls)}  failed ${number(service.failedCalls)}  refused ${number(service.rejectedCalls)}  late ${number(service.staleCalls)}  in flight ${number(service.inFlight)}`,
      `clients   ${colors.dim('last s   ')}  p50 ${number(ms(quantile(recent, 0.5)))}  p99 ${number(ms(quantile(recent, 0.99)))}  errors ${number(seen.errors)}  fallbacks ${number(seen.fallbacks)}`,
      '',
      ...Object.entries(rows).map(([label, marks]) => `${colors.dim(label.padEnd(8))}  ${marks.join('')}`),
      '',
      ...seen.changes.slice(-CHANGES_SHOWN).map(({ from, to, reason, at }) => {
        const target = paint[/** @type {keyof typeof paint} */ (to)](to)
        return `${colors.dim(`${(at / 1000).toFixed(2).padStart(6)} s`)}  ${from} → ${target}  ${colors.dim(reason)}`
      })
    ].join('\n')
  }

  /** The bar for the slowest answer of a column, on a logarithmic scale: 1 ms is low, 2 s is high. */
  function levelOfLatency(/** @type {number} */ latency) {
    const share = Math.log(Math.max(1, latency)) / Math.log(LOAD.timeout)
    return latency === 0 ? ' ' : (share > 0.8 ? colors.red : share > 0.5 ? colors.yellow : colors.green)(level(share))
  }

  return {
    begin() {},
    /** @param {Observation} seen */
    news(seen) {
      draw(picture(seen))
    },
    /** @param {Observation} seen */
    tick(seen) {
      draw(picture(seen))
    },
    /** @param {Observation} seen */
    end(seen) {
      draw(picture(seen))
      draw.done()
      stream.write('\n')
    },
    close() {
      draw.done()
    }
  }
}

/**
 * The most telling state the breaker had in a stretch of time: a test request may take less than a column.
 *
 * @param {Observation} seen
 * @param {number} from
 * @param {number} to
 */
function stateDuring({ changes }, from, to) {
  const states = new Set([changes.findLast(({ at }) => at <= from)?.to ?? 'closed'])
  for (const change of changes) if (change.at > from && change.at < to) states.add(change.to)
  return /** @type {const} */ (['half_open', 'open', 'closed']).find((state) => states.has(state)) ?? 'closed'
}

/** @param {number} share 0 to 1 */
function level(share) {
  return share <= 0 ? ' ' : LEVELS[Math.min(LEVELS.length - 1, Math.floor(share * LEVELS.length))]
}
