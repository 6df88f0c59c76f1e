/**
 * Which events a breaker has.
 *
 * Must not know: breakers.
 */

/** @import { CircuitBreakerEventMap } from '../base/types.js' */

/** A bit for each event, so that nothing is built for one that nobody listens to. */
export const EVENTS = /** @satisfies {Record<keyof CircuitBreakerEventMap, number>} */ (/** @type {const} */ ({
  statechange: 1,
  success: 2,
  failure: 4,
  ignored: 8,
  timeout: 16,
  reject: 32,
  fallback: 64
}))

/** The events that every call has one of. */
export const CALL_EVENTS = EVENTS.success | EVENTS.failure | EVENTS.ignored
