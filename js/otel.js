/**
 * The public export list of `halfopen/otel`, nothing else.
 *
 * Must not know: what the exports do.
 */
export { instrument } from './telemetry/otel.js'
/** @typedef {import('./telemetry/sources.js').BreakerLike} BreakerLike */
/** @typedef {import('./telemetry/options.js').LabelOptions} LabelOptions */
/** @typedef {import('./telemetry/otel.js').InstrumentOptions} InstrumentOptions */
/** @typedef {import('./telemetry/otel.js').MeterLike} MeterLike */
/** @typedef {import('./telemetry/otel.js').OwnInstrumentOptions} OwnInstrumentOptions */
/** @typedef {import('./telemetry/sources.js').Sources} Sources */
/** @typedef {import('./telemetry/otel.js').TraceLike} TraceLike */
