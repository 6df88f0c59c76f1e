/**
 * From what was seen of an act to its figures, and from the figures of the acts to the table, to the sentences about them and to
 * the file that `--figures` names.
 *
 * Must not know: what the figures ought to be.
 */
import Table from 'cli-table3'
import { isError } from './observation.js'
import { LOAD, SERVICE_TIMEOUT, schedule } from './plan.js'

/** @typedef {import('./observation.js').Observation} Observation */

/** How long service has to be normal before it counts as normal, in ms: at the demo's rate about 60 requests. */
const STRETCH = 500

/** Normal is a p99 of at most this multiple of the p99 in the last second before the upstream fell sick … */
const NORMAL_FACTOR = 3

/** … or of at most this, in ms, if that is more. Below it a hiccup of a busy machine would decide. */
const NORMAL_LEAST = 100

/** The width of an interval in the file of figures, in ms: at the demo's rate about 30 requests. */
const INTERVAL = 250

/**
 * The smallest of the values that at least this share of them do not exceed (nearest rank).
 *
 * @param {number[]} values
 * @param {number} share 0 to 1
 * @returns {number} NaN for no values.
 */
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN
}

/**
 * @param {Observation} seen
 */
export function figuresOf({ act, answers, upstream, changes, fallbacks }) {
  const phases = schedule(act)
  const sick = phases.find((phase) => phase.sick) ?? phases[0]
  const wellAgain = sick.end
  const latencies = (/** @type {(answer: typeof answers[number]) => boolean} */ keep) =>
    answers.filter(keep).map(({ latency }) => latency)
  const all = latencies(() => true)
  const whileSick = latencies(({ at }) => at >= sick.begin && at < sick.end)
  const before = latencies(({ at }) => at >= sick.begin - 1000 && at < sick.begin)
  const normal = Math.max(NORMAL_FACTOR * quantile(before, 0.99), NORMAL_LEAST)
  const good = answers.filter(({ by }) => by === 'upstream').map(({ at, latency }) => at + latency - wellAgain)
  return {
    requests: answers.length,
    hitsWhileSick: upstream.hitsWhileSick,
    serverErrors: answers.filter(({ status }) => status >= 500).length,
    unanswered: answers.filter(({ status }) => status === 0).length,
    errors: answers.filter(isError).length,
    fallbacks,
    good: good.length,
    p50: quantile(all, 0.5),
    p99: quantile(all, 0.99),
    p50WhileSick: quantile(whileSick, 0.5),
    p99WhileSick: quantile(whileSick, 0.99),
    /** From the upstream being well again to the first good answer of it that reached a client, in ms. */
    firstGood: least(good.filter((moment) => moment >= 0)),
    /** From the upstream being well again to the first answer of the first normal stretch, in ms; NaN without one. */
    normalAgain: normalFrom(answers, wellAgain, phases[phases.length - 1].end, normal) - wellAgain,
    changes: changes.length,
    /** What opened the circuit first while the upstream was sick, and how long after it fell sick. */
    opened: changes
      .filter(({ to, at }) => to === 'open' && at >= sick.begin && at < wellAgain)
      .map(({ reason, at }) => ({ reason, after: at - sick.begin }))[0]
  }
}

/** @typedef {ReturnType<typeof figuresOf>} Figures */

/**
 * An act interval by interval: what the clients got whose requests were due in it, and their median latency.
 *
 * @param {Observation} seen
 */
export function intervalsOf({ act, answers }) {
  const length = schedule(act).at(-1)?.end ?? 0
  return Array.from({ length: Math.ceil(length / INTERVAL) }, (_, index) => {
    const from = index * INTERVAL
    const these = answers.filter(({ at }) => at >= from && at < from + INTERVAL)
    const by = (/** @type {string} */ who) => these.filter((answer) => answer.by === who).length
    return {
      from,
      upstream: by('upstream'),
      fallback: by('fallback'),
      errors: these.filter(isError).length,
      p50: tenths(quantile(these.map(({ latency }) => latency), 0.5))
    }
  })
}

/**
 * What `--figures` writes: the plan, and for each act its figures, its changes of state and its intervals. Durations and moments
 * are in ms, moments since the act began; what there was not is null.
 *
 * @param {{ key: string, title: string, figures: Figures, seen: Observation }[]} acts
 */
export function fileOf(acts) {
  const file = {
    rate: LOAD.rate,
    seed: LOAD.seed,
    timeout: SERVICE_TIMEOUT,
    interval: INTERVAL,
    acts: acts.map(({ key, title, figures, seen }) => ({
      key,
      title,
      phases: schedule(seen.act).map(({ name, sick, begin, end }) => ({ name, sick, begin, end })),
      figures,
      changes: seen.changes,
      intervals: intervalsOf(seen)
    }))
  }
  const text = JSON.stringify(file, (_, value) => (typeof value === 'number' ? tenths(value) : value), 2)
  // One line for each of the small things, so that a change of figures can be read.
  return `${text.replaceAll(/\{[^{}[\]]*\}/g, (small) => small.replaceAll(/\s+/g, ' '))}\n`
}

/** @param {number} value */
const tenths = (value) => Math.round(value * 10) / 10

/**
 * The moment at which service is normal again: from it on, for a whole stretch, every answer was the upstream's and the p99 was
 * normal. NaN if that never came.
 *
 * @param {Observation['answers']} answers
 * @param {number} from
 * @param {number} end
 * @param {number} normal
 */
function normalFrom(answers, from, end, normal) {
  const arrivals = answers
    .map((answer) => ({ ...answer, moment: answer.at + answer.latency }))
    .filter(({ moment }) => moment >= from)
    .sort((one, other) => one.moment - other.moment)
  for (const { moment } of arrivals) {
    if (moment + STRETCH > end) break
    const stretch = arrivals.filter((answer) => answer.moment >= moment && answer.moment < moment + STRETCH)
    if (stretch.some(({ by }) => by !== 'upstream')) continue
    if (quantile(stretch.map(({ latency }) => latency), 0.99) <= normal) return moment
  }
  return NaN
}

/**
 * The table: a row for each figure, a column for each act.
 *
 * @param {{ column: string, figures: Figures }[]} acts
 * @param {import('picocolors/types.js').Colors} colors
 */
export function tableOf(acts, colors) {
  const table = new Table({
    head: ['', ...acts.map(({ column }) => column)].map((text) => colors.bold(text)),
    colAligns: ['left', ...acts.map(() => /** @type {const} */ ('right'))],
    style: { head: [], border: [], compact: true }
  })
  /** @type {[string, (figures: Figures) => string][]} */
  const rows = [
    ['requests of the clients', ({ requests }) => String(requests)],
    ['requests that hit the sick upstream', ({ hitsWhileSick }) => String(hitsWhileSick)],
    ['errors seen by clients', ({ errors }) => String(errors)],
    ['  of them 5xx / no answer in time', ({ serverErrors, unanswered }) => `${serverErrors} / ${unanswered}`],
    ['answers by the fallback', ({ fallbacks }) => String(fallbacks)],
    ['answers by the upstream', ({ good }) => String(good)],
    ['p50', ({ p50 }) => ms(p50)],
    ['p99', ({ p99 }) => ms(p99)],
    ['p50 while it was sick', ({ p50WhileSick }) => ms(p50WhileSick)],
    ['p99 while it was sick', ({ p99WhileSick }) => ms(p99WhileSick)],
    ['sick → circuit open', ({ opened }) => ms(opened?.after ?? NaN)],
    ['well again → first good answer', ({ firstGood }) => ms(firstGood)],
    ['well again → normal service (*)', ({ normalAgain }) => ms(normalAgain)],
    ['state changes', ({ changes }) => String(changes)]
  ]
  for (const [label, figure] of rows) table.push([label, ...acts.map(({ figures }) => figure(figures))])
  return (
    `${table}\n(*) from then on, for ${STRETCH} ms at least, only the upstream answered, and p99 was\n` +
    `    at most ${NORMAL_FACTOR} times that of its last healthy second, or ${NORMAL_LEAST} ms if that is more`
  )
}

/**
 * What the figures say, in a sentence or two with a line for each of their parts.
 *
 * @param {Figures} without
 * @param {Figures} guarded
 * @param {Figures} [slow]
 */
export function readingOf(without, guarded, slow) {
  const fewer = (/** @type {'hitsWhileSick' | 'errors'} */ figure) => change(without[figure], guarded[figure])
  return [
    `With the breaker ${guarded.hitsWhileSick} requests hit the sick upstream instead of ${without.hitsWhileSick}${fewer('hitsWhileSick')},`,
    `clients saw ${guarded.errors} errors instead of ${without.errors}${fewer('errors')},`,
    `half of them had an answer within ${ms(guarded.p50WhileSick)} instead of ${ms(without.p50WhileSick)} while it was sick,`,
    `and once it was well, normal service took ${wait(guarded.normalAgain)} to return instead of ${wait(without.normalAgain)}.`,
    ...(slow?.opened
      ? [
          `Where it was slow and never failed, the circuit opened after ${ms(slow.opened.after)}`,
          `(${slow.opened.reason}), ${slow.errors} of ${slow.requests} clients saw an error,`,
          `and half of them had an answer within ${ms(slow.p50WhileSick)} while it was slow.`
        ]
      : [])
  ].join('\n')
}

/** @param {number} duration */
const wait = (duration) => (Number.isFinite(duration) ? ms(duration) : 'longer than the run')

/**
 * @param {number} from
 * @param {number} to
 */
function change(from, to) {
  if (from === 0 || from === to) return ''
  return ` (${Math.round((Math.abs(to - from) / from) * 100)} % ${to < from ? 'fewer' : 'more'})`
}

/** @param {number[]} values */
const least = (values) => values.reduce((least, value) => Math.min(least, value), Infinity)

/**
 * A duration to read; a dash where it is not finite.
 *
 * @param {number} duration
 */
export function ms(duration) {
  if (!Number.isFinite(duration)) return '–'
  return duration < 10 ? `${duration.toFixed(1)} ms` : `${Math.round(duration)} ms`
}
