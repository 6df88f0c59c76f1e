/**
 * The public export list of `halfopen/prometheus`, nothing else.
 *
 * Must not know: what the exports do.
 */
export { collect, contentType, metricsText } from './telemetry/prometheus.js'
/** @typedef {import('./telemetry/sources.js').BreakerLike} BreakerLike */
/** @typedef {import('./telemetry/prometheus.js').CollectOptions} CollectOptions */
/** @typedef {import('./telemetry/options.js').LabelOptions} LabelOptions */
/** @typedef {import('./telemetry/prometheus.js').LabelNames} LabelNames */
/** @typedef {import('./telemetry/prometheus.js').MetricsTextOptions} MetricsTextOptions */
/** @typedef {import('./telemetry/prometheus.js').OwnCollectOptions} OwnCollectOptions */
/** @typedef {import('./telemetry/prometheus.js').PromClientLike} PromClientLike */
/** @typedef {import('./telemetry/prometheus.js').RegisterLike} RegisterLike */
/** @typedef {import('./telemetry/sources.js').Sources} Sources */
