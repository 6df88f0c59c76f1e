/**
 * Which events a breaker has, and telling what went wrong with a user's function.
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

/**
 * Reports the error of a function that a user gave us and whose error has no caller to go to.
 *
 * @param {unknown} error
 */
export function report(error) {
  if (typeof globalThis.reportError === 'function') globalThis.reportError(error)
  else console.error(error)
}
