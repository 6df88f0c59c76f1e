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
/** @typedef {import('./base/host-types.js').AbortSignalLike} AbortSignalLike */
/**
 * @template F
 * @typedef {import('./base/types.js').AnswerOf<F>} AnswerOf
 */
/** @typedef {import('./base/types.js').CallContext} CallContext */
/** @typedef {import('./base/types.js').CallEvent} CallEvent */
/**
 * @template [F=any]
 * @typedef {import('./base/types.js').CallOptions<F>} CallOptions
 */
/** @typedef {import('./breaker/permit.js').CallPermit} CallPermit */
/** @typedef {import('./base/types.js').CallWindow} CallWindow */
/**
 * @template Detail
 * @typedef {import('./base/host-types.js').CircuitBreakerEvent<Detail>} CircuitBreakerEvent
 */
/** @typedef {import('./base/types.js').CircuitBreakerEventMap} CircuitBreakerEventMap */
/** @typedef {import('./base/types.js').CircuitBreakerOptions} CircuitBreakerOptions */
/**
 * @template [K=string]
 * @typedef {import('./registry/registry.js').CircuitBreakerRegistryOptions<K>} CircuitBreakerRegistryOptions
 */
/** @typedef {import('./base/types.js').Clock} Clock */
/** @typedef {import('./base/host-types.js').DisposableLike} DisposableLike */
/** @typedef {import('./base/host-types.js').EventLike} EventLike */
/** @typedef {import('./base/host-types.js').EventTargetLike} EventTargetLike */
/** @typedef {import('./breaker/explain.js').Explanation} Explanation */
/** @typedef {import('./base/host-types.js').HostAbortSignal} HostAbortSignal */
/** @typedef {import('./base/host-types.js').HostEvent} HostEvent */
/** @typedef {import('./base/host-types.js').HostEventTarget} HostEventTarget */
/** @typedef {import('./base/host-types.js').HostURL} HostURL */
/** @typedef {import('./breaker/metrics.js').LatencySummary} LatencySummary */
/** @typedef {import('./base/types.js').ListenerOptions} ListenerOptions */
/** @typedef {import('./breaker/metrics.js').LoggedStateChange} LoggedStateChange */
/** @typedef {import('./breaker/metrics.js').MetricsReport} MetricsReport */
/** @typedef {import('./base/types.js').Mode} Mode */
/** @typedef {import('./base/types.js').Outcome} Outcome */
/** @typedef {import('./base/types.js').Reason} Reason */
/** @typedef {import('./base/types.js').RecoveryBackoff} RecoveryBackoff */
/** @typedef {import('./base/errors.js').RefusalDetails} RefusalDetails */
/**
 * @template {keyof import('./base/types.js').CircuitBreakerEventMap} T
 * @template K
 * @typedef {import('./registry/registry.js').RegistryEvent<T, K>} RegistryEvent
 */
/** @typedef {import('./registry/registry.js').RegistryMetrics} RegistryMetrics */
/**
 * @template [K=string]
 * @typedef {import('./registry/registry.js').RegistryOptions<K>} RegistryOptions
 */
/** @typedef {import('./registry/registry.js').RegistryReport} RegistryReport */
/** @typedef {import('./breaker/metrics.js').Rejections} Rejections */
/** @typedef {import('./base/types.js').ResponseLike} ResponseLike */
/** @typedef {import('./http/response.js').ResponseOptions} ResponseOptions */
/** @typedef {import('./breaker/snapshot.js').Snapshot} Snapshot */
/** @typedef {import('./base/types.js').State} State */
/** @typedef {import('./base/types.js').StateChange} StateChange */
/**
 * @template Events
 * @typedef {import('./base/types.js').TypedEventTarget<Events>} TypedEventTarget
 */
/** @typedef {import('./base/host-types.js').URLLike} URLLike */
/** @typedef {import('./base/types.js').Verdict} Verdict */
