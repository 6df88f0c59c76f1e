/**
 * Breakers in OpenTelemetry: their counts as observable instruments, and, where that is asked for, how long calls took and what was refused on
 * the active span.
 *
 * Must not know: OpenTelemetry. Its API is handed in and never imported: a copy of our own would be another than the app's, and then
 * nothing that we count would arrive anywhere.
 */
import { misuse, show } from '../base/misuse.js'
import { Ledger, nameOf } from './ledger.js'
import { BREAKER_NAME, DURATION, METRICS, OUTCOME, STATE } from './metrics.js'
import { isFunction, optionsOf } from './options.js'
import { sourcesOf } from './sources.js'

/** @import { LabelOf } from './ledger.js' */
/** @import { Readable, Sources } from './sources.js' */

/**
 * Names by default. An instrument of OpenTelemetry's SDK keeps 1,999 series for good and merges all others into one, which for counters
 * that are observed loses them. With nine outcomes each, 221 names and `_other` would fit.
 */
const MAX_NAMES = 200

/**
 * What is used of a `Meter`.
 *
 * @typedef {object} MeterLike
 * @property {(name: string, options?: any) => any} createObservableCounter
 * @property {(name: string, options?: any) => any} createObservableUpDownCounter
 * @property {(name: string, options?: any) => any} createHistogram
 * @property {(callback: (result: any) => any, observables: any[]) => void} addBatchObservableCallback
 * @property {(callback: (result: any) => any, observables: any[]) => void} removeBatchObservableCallback
 */

/**
 * What is used of the `trace` of `@opentelemetry/api`.
 *
 * @typedef {{ getActiveSpan(): { setAttributes(attributes: any): any } | undefined }} TraceLike
 */

/**
 * Options of {@link instrument}; `maxNames` is 200 by default, and above 221 it needs a view with a higher `aggregationCardinalityLimit`.
 *
 * @typedef {import('./options.js').LabelOptions & OwnInstrumentOptions} InstrumentOptions
 */

/**
 * Options of its own.
 *
 * @typedef {object} OwnInstrumentOptions
 * @property {boolean | undefined} [duration] Whether to record how long calls took, as the histogram `halfopen.call.duration` in seconds. Only breakers that
 *   time their calls know it: those with `latency` or `slowCallDuration`. Default false, since every call then has an event.
 * @property {TraceLike | undefined} [trace] The `trace` of the app's own `@opentelemetry/api`: a refusal then sets `halfopen.breaker.name`,
 *   `halfopen.breaker.state` and `halfopen.call.outcome` on the active span.
 */

/**
 * What all have in common that is told by one meter: a name that two of them have is one series.
 *
 * @typedef {object} Joint
 * @property {Ledger} ledger Kept for as long as the meter, whose own counters are too.
 * @property {Set<{ sources: () => Readable[], label: LabelOf | undefined, listen: (sources: Readable[]) => void }>} parties
 * @property {any[]} observables
 * @property {(result: any) => void} observe
 */

/** By their meters. @type {WeakMap<object, Joint> | undefined} */
let joints

/**
 * Has a meter of OpenTelemetry observe breakers, whenever somebody collects from it. Nothing is done in between: calls pay nothing.
 *
 * @param {MeterLike} meter Of the app's own `@opentelemetry/api`, taken once its SDK has been set up.
 * @param {Sources} sources Breakers, registries, or functions that answer some. Name a breaker of a registry not beside its registry.
 * @param {InstrumentOptions} [options]
 * @returns {() => void} Ends it; a second time does nothing.
 * @throws {TypeError | RangeError} `ERR_INVALID_ARGUMENT` where the meter is none or a source can't be read, `ERR_INVALID_OPTION` for a wrong option. Whatever
 *   the meter throws.
 *
 * @example
 * const stop = instrument(metrics.getMeter('my-service'), registry)
 */
export function instrument(meter, sources, options) {
  const given = sourcesOf(sources, 'sources')
  const { maxNames, label, duration, trace } = optionsOf(options, OPTIONS, MAX_NAMES)
  for (const method of METHODS) {
    if (isFunction(/** @type {any} */ (meter)?.[method])) continue
    throw misuse(TypeError, `Expected \`meter\` to be a meter of OpenTelemetry, got ${show(meter)} without \`${method}\``)
  }
  joints ??= new WeakMap()
  const joint = joints.get(meter) ?? jointOf(meter)
  const histogram = duration
    ? meter.createHistogram(DURATION.name, { unit: DURATION.unit, description: DURATION.help, advice: { explicitBucketBoundaries: DURATION.buckets } })
    : undefined
  if (joint.parties.size === 0) meter.addBatchObservableCallback(joint.observe, joint.observables)
  joints.set(meter, joint)
  joint.ledger.maxNames = Math.max(joint.ledger.maxNames, maxNames)
  const span = () => /** @type {TraceLike} */ (trace).getActiveSpan()
  const listen = listener({
    ...(histogram && durations((seconds, outcome, breaker, key) => {
      const { name } = joint.ledger.seriesOf(nameOf(label, breaker.name, key))
      histogram.record(seconds, { [BREAKER_NAME]: name, [OUTCOME]: outcome })
    })),
    ...(trace && {
      reject({ error }, breaker, key) {
        span()?.setAttributes({ [BREAKER_NAME]: nameOf(label, breaker.name, key), [STATE]: error.state, [OUTCOME]: refusalOf(error) })
      }
    })
  })
  const party = { sources: given, label, listen }
  joint.parties.add(party)
  listen(given())
  return () => {
    if (!joint.parties.delete(party)) return
    listen([])
    // What it still observed would be true.
    if (joint.parties.size === 0) attempt(() => meter.removeBatchObservableCallback(joint.observe, joint.observables))
  }
}

const METHODS = /** @type {const} */ ([
  'createObservableCounter', 'createObservableUpDownCounter', 'createHistogram', 'addBatchObservableCallback', 'removeBatchObservableCallback'
])

const OPTIONS = {
  duration: /** @type {[string, (value: unknown) => boolean]} */ (['a boolean', (value) => typeof value === 'boolean']),
  trace: /** @type {[string, (value: any) => boolean]} */ (['the `trace` of `@opentelemetry/api`', (value) => isFunction(value?.getActiveSpan)])
}

/**
 * @param {MeterLike} meter
 * @returns {Joint}
 */
function jointOf(meter) {
  const ledger = new Ledger(0)
  /** @type {Joint['parties']} */
  const parties = new Set()
  const observables = METRICS.map(({ name, unit, help, counts }) => {
    const options = { unit, description: help }
    return counts ? meter.createObservableCounter(name, options) : meter.createObservableUpDownCounter(name, options)
  })
  return {
    ledger, parties, observables,
    observe(result) {
      attempt(() => {
        for (const { sources, listen } of parties) listen(sources())
        for (const series of ledger.read(parties)) {
          for (const [index, { by, values, of }] of METRICS.entries()) {
            for (const [at, value] of values.entries()) {
              const attributes = by === undefined ? { [BREAKER_NAME]: series.name } : { [BREAKER_NAME]: series.name, [by]: value }
              result.observe(observables[index], of(series, at), attributes)
            }
          }
        }
      })
    }
  }
}

/** @typedef {Record<string, (detail: any, breaker: Readable, key: unknown) => void>} Handlers */

/**
 * Listens to those that are to be heard, and to no others any more.
 *
 * @param {Handlers} handlers By the type of the event.
 * @returns {(sources: Readable[]) => void}
 */
function listener(handlers) {
  /** @type {Map<Readable, (event: any) => void>} */
  const heard = new Map()
  const types = Object.keys(handlers)
  return (sources) => {
    if (types.length === 0) return
    for (const [source, listen] of heard) {
      if (sources.includes(source)) continue
      heard.delete(source)
      for (const type of types) source.removeEventListener(type, listen)
    }
    for (const source of sources) {
      if (heard.has(source)) continue
      /** @param {{ type: string, detail: any }} event A registry's tells the breaker and its key. */
      const listen = ({ type, detail }) => attempt(() => (Object.hasOwn(detail, 'breaker') ? handlers[type](detail, detail.breaker, detail.key) : handlers[type](detail, source, undefined)))
      heard.set(source, listen)
      for (const type of types) source.addEventListener(type, listen)
    }
  }
}

/**
 * What is heard of how long calls took.
 *
 * @param {(seconds: number, outcome: string, breaker: Readable, key: unknown) => void} record
 * @returns {Handlers}
 */
function durations(record) {
  /** The timeout that was told last: the failure that it is follows at once. @type {{ breaker: Readable, error: unknown } | undefined} */
  let late
  /** @type {(outcome: string) => Handlers[string]} */
  const told = (outcome) => ({ elapsed, error }, breaker, key) => {
    const isLate = late !== undefined && late.breaker === breaker && Object.is(late.error, error)
    if (isLate) late = undefined
    // NaN where the breaker times no calls.
    if (elapsed >= 0) record(elapsed / 1000, isLate ? 'timeout' : outcome, breaker, key)
  }
  return {
    success: told('success'),
    failure: told('failure'),
    timeout({ error }, breaker) {
      late = { breaker, error }
    }
  }
}

/** @param {{ code?: string, state?: string, retryAfter?: number }} error A refusal. */
function refusalOf({ code, state, retryAfter }) {
  if (code === 'ERR_BULKHEAD_FULL') return 'refused_bulkhead'
  return state === 'half_open' ? 'refused_half_open' : retryAfter === Infinity ? 'refused_isolated' : 'refused_open'
}

/**
 * Does what is no breaker's business: what goes wrong in it reaches no call.
 *
 * @param {() => void} action
 */
function attempt(action) {
  try {
    action()
  } catch {
    // Whoever collects gets the rest.
  }
}
