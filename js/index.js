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
} from './errors.js'
export { classifyResponse } from './http/response.js'
export { ManualClock } from './clock.js'
/** @typedef {import('./types.js').CallContext} CallContext */
/** @typedef {import('./types.js').CallOptions} CallOptions */
/** @typedef {import('./breaker/permit.js').CallPermit} CallPermit */
/** @typedef {import('./types.js').CircuitBreakerEventMap} CircuitBreakerEventMap */
/** @typedef {import('./types.js').CircuitBreakerOptions} CircuitBreakerOptions */
/** @typedef {import('./registry/registry.js').CircuitBreakerRegistryOptions} CircuitBreakerRegistryOptions */
/** @typedef {import('./types.js').Clock} Clock */
/** @typedef {import('./breaker/explain.js').Explanation} Explanation */
/** @typedef {import('./breaker/metrics.js').LatencySummary} LatencySummary */
/** @typedef {import('./types.js').Mode} Mode */
/** @typedef {import('./types.js').Outcome} Outcome */
/** @typedef {import('./types.js').Reason} Reason */
/** @typedef {import('./http/response.js').ResponseLike} ResponseLike */
/** @typedef {import('./http/response.js').ResponseOptions} ResponseOptions */
/** @typedef {import('./breaker/snapshot.js').Snapshot} Snapshot */
/** @typedef {import('./types.js').State} State */
/** @typedef {import('./types.js').StateChange} StateChange */
/** @typedef {import('./types.js').Verdict} Verdict */
