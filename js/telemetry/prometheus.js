/**
 * Breakers in Prometheus: as text that it scrapes, or as metrics of prom-client.
 *
 * Must not know: prom-client, which is handed in; servers.
 */
import { optionError } from '../base/misuse.js'
import { Ledger } from './ledger.js'
import { BREAKER_NAME, METRICS } from './metrics.js'
import { isFunction, optionsOf } from './options.js'
import { sourcesOf } from './sources.js'

/** @import { Metric } from './metrics.js' */
/** @import { Sources } from './sources.js' */

/** Names by default. */
const MAX_NAMES = 300

/** The content type of the text that {@link metricsText} makes. */
export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * How labels are named: `breaker`, `outcome` and `state`, or as the Prometheus exporter of OpenTelemetry writes them: `halfopen_breaker_name`,
 * `halfopen_call_outcome` and `halfopen_breaker_state`.
 *
 * @typedef {'short' | 'otel'} LabelNames
 */

/**
 * Options of {@link metricsText}; `maxNames` is 300 by default.
 *
 * @typedef {import('./options.js').LabelOptions & { labels?: LabelNames | undefined }} MetricsTextOptions
 */

/**
 * What is used of prom-client.
 *
 * @typedef {object} PromClientLike
 * @property {new (configuration: any) => any} Counter
 * @property {new (configuration: any) => any} Gauge
 * @property {any} [register]
 */

/**
 * What is used of a registry of prom-client.
 *
 * @typedef {object} RegisterLike
 * @property {(metric: any) => void} registerMetric
 * @property {(name: string) => any} getSingleMetric
 * @property {(name: string) => void} removeSingleMetric
 */

/**
 * Options of {@link collect}; `maxNames` is 300 by default.
 *
 * @typedef {MetricsTextOptions & OwnCollectOptions} CollectOptions
 */

/**
 * Options of its own.
 *
 * @typedef {object} OwnCollectOptions
 * @property {PromClientLike} client What `prom-client` exports.
 * @property {RegisterLike | undefined} [register] Where the metrics are registered. Default: the client's own `register`.
 * @property {Sources} registries Breakers, registries, or functions that answer some.
 */

/**
 * What one list of sources is told by, so that counters of the same sources never go down from one scrape to the next; by their first, which has those
 * with the same first by their second, and so on. Nothing here keeps a source alive.
 *
 * @typedef {{ ledger: Ledger | undefined, next: WeakMap<object, Branch> | undefined }} Branch
 */

/** @type {Branch | undefined} */
let root

/** @returns {Branch} */
const branchOf = () => ({ ledger: undefined, next: undefined })

/**
 * What breakers have counted and how they are, in the text format of Prometheus, version 0.0.4.
 *
 * What evicted breakers counted stays where it is from one scrape to the next as long as the same sources are handed in, in the same order: where they change, hand in a
 * function, the same each time.
 *
 * @param {Sources} registries Breakers, registries, or functions that answer some. Name a breaker of a registry not beside its registry.
 * @param {MetricsTextOptions} [options]
 * @returns {string} To be served with {@link contentType}.
 * @throws {TypeError | RangeError} `ERR_INVALID_ARGUMENT` where a source can't be read, `ERR_INVALID_OPTION` for a wrong option.
 *
 * @example
 * createServer((request, response) => response.setHeader('content-type', contentType).end(metricsText(registry)))
 */
export function metricsText(registries, options) {
  const sources = sourcesOf(registries, 'registries')
  const { maxNames, label, labels } = optionsOf(options, LABELS, MAX_NAMES)
  let branch = (root ??= branchOf())
  for (const source of Array.isArray(registries) ? registries : [registries]) {
    const next = (branch.next ??= new WeakMap())
    let found = next.get(source)
    if (found === undefined) next.set(source, (found = branchOf()))
    branch = found
  }
  const ledger = (branch.ledger ??= new Ledger(maxNames))
  ledger.maxNames = maxNames
  const all = [...ledger.read([{ sources, label }])]
  const names = all.map(({ name }) => escaped(name))
  let text = ''
  for (const metric of METRICS) {
    const name = nameIn(metric)
    const [breaker, by] = labelsOf(metric, labels)
    text += `# HELP ${name} ${metric.help}\n# TYPE ${name} ${metric.counts ? 'counter' : 'gauge'}\n`
    for (const [index, series] of all.entries()) {
      for (const [at, value] of metric.values.entries()) {
        text += `${name}{${breaker}="${names[index]}"${by === undefined ? '' : `,${by}="${value}"`}} ${metric.of(series, at)}\n`
      }
    }
  }
  return text
}

/**
 * Registers breakers with prom-client, as metrics that are read when they are scraped; also under its `AggregatorRegistry`, which adds up the
 * processes of a cluster.
 *
 * @param {CollectOptions} options
 * @returns {() => void} Removes the metrics again; a second time does nothing.
 * @throws {TypeError | RangeError} `ERR_INVALID_ARGUMENT` where a source can't be read, `ERR_INVALID_OPTION` for a wrong option. Whatever prom-client
 *   throws, as where the names are taken: then none is registered.
 *
 * @example
 * import * as client from 'prom-client'
 * collect({ client, registries: registry })
 */
export function collect(options) {
  const { client, register = client?.register, registries, maxNames, label, labels } = optionsOf(options, OF_CLIENT, MAX_NAMES)
  if (client === undefined) throw optionError(TypeError, 'client', OF_CLIENT.client[0], client)
  const parties = [{ sources: sourcesOf(registries, 'registries'), label }]
  const ledger = new Ledger(maxNames)
  /** @type {[name: string, metric: unknown][]} */
  const made = []
  const stop = () => {
    for (const [name, metric] of made.splice(0)) if (register.getSingleMetric(name) === metric) register.removeSingleMetric(name)
  }
  try {
    for (const metric of METRICS) {
      const { counts, help, values, of } = metric
      const name = nameIn(metric)
      const labelNames = labelsOf(metric, labels)
      const [breaker, by] = labelNames
      made.push([name, new (counts ? client.Counter : client.Gauge)({
        name, help, labelNames, registers: [register], aggregator: 'sum',
        /** @this {any} */
        collect() {
          this.reset()
          for (const series of ledger.read(parties)) {
            for (const [at, value] of values.entries()) {
              const labels = by === undefined ? { [breaker]: series.name } : { [breaker]: series.name, [by]: value }
              this.inc(labels, of(series, at))
            }
          }
        }
      })])
    }
  } catch (error) {
    stop()
    throw error
  }
  return stop
}

/** @typedef {[expected: string, accepts: (value: any) => boolean]} Check */

const LABELS = {
  labels: /** @type {Check} */ (["'short' or 'otel'", (value) => value === 'short' || value === 'otel'])
}

const OF_CLIENT = {
  ...LABELS,
  client: /** @type {Check} */ (['what prom-client exports', (value) => isFunction(value?.Counter) && isFunction(value.Gauge)]),
  register: /** @type {Check} */ (['a registry of prom-client', (value) => isFunction(value?.registerMetric)]),
  registries: /** @type {Check} */ (['', () => true])
}

/** @param {Metric} metric The name that the Prometheus exporter of OpenTelemetry makes of it. */
const nameIn = ({ name, counts }) => `${name.replaceAll('.', '_')}${counts ? '_total' : ''}`

/**
 * The names of the labels of a metric.
 *
 * @param {Metric} metric
 * @param {LabelNames | undefined} labels
 */
function labelsOf({ by, label }, labels) {
  const names = labels === 'otel' ? [BREAKER_NAME, by] : ['breaker', label]
  return names.flatMap((name) => (name === undefined ? [] : [name.replaceAll('.', '_')]))
}

/** @param {string} value Of a label. */
const escaped = (value) => value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
