/**
 * The public export list of `halfopen`, nothing else.
 *
 * Must not know: what the exports do. Importing this file does nothing: the Wasm core is instantiated by the first `new CircuitBreaker()`.
 */
export { CircuitBreaker } from './breaker/circuit-breaker.js'
export { CircuitBreakerRegistry } from './registry/registry.js'
export { CircuitBreakerMetrics } from './breaker/metrics.js'
export {
  BulkheadFullError,
  CallTimeoutError,
  CircuitOpenError,
  isBulkheadFullError,
  isCallTimeoutError,
  isCircuitOpenError
} from './base/errors.js'
export { findRefusal } from './base/find-refusal.js'
export { classifyResponse } from './http/response.js'
export { ManualClock } from './base/clock.js'
/** @typedef {import('./base/types.js').CallContext} CallContext */
/** @typedef {import('./base/types.js').CallOptions} CallOptions */
/** @typedef {import('./breaker/permit.js').CallPermit} CallPermit */
/** @typedef {import('./base/types.js').CircuitBreakerEventMap} CircuitBreakerEventMap */
/** @typedef {import('./base/types.js').CircuitBreakerOptions} CircuitBreakerOptions */
/** @typedef {import('./registry/registry.js').CircuitBreakerRegistryOptions} CircuitBreakerRegistryOptions */
/** @typedef {import('./base/types.js').Clock} Clock */
/** @typedef {import('./breaker/explain.js').Explanation} Explanation */
/** @typedef {import('./breaker/metrics.js').LatencySummary} LatencySummary */
/** @typedef {import('./base/types.js').Mode} Mode */
/** @typedef {import('./base/types.js').Outcome} Outcome */
/** @typedef {import('./base/types.js').Reason} Reason */
/** @typedef {import('./base/types.js').ResponseLike} ResponseLike */
/** @typedef {import('./http/response.js').ResponseOptions} ResponseOptions */
/** @typedef {import('./breaker/snapshot.js').Snapshot} Snapshot */
/** @typedef {import('./base/types.js').State} State */
/** @typedef {import('./base/types.js').StateChange} StateChange */
/** @typedef {import('./base/types.js').Verdict} Verdict */
