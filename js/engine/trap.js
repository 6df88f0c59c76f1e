/**
 * What a trap of the core leads to: calls go through unguarded. A guard must not take the house down.
 *
 * Must not know: breakers. The core can't panic by design, so this is said once and aloud.
 */
import { UNJUDGED } from './numbers.js'

let trapped = false

/**
 * Lets a call through unguarded after the core trapped.
 *
 * @param {unknown} trap
 * @returns {number} The permit that no state is judged by.
 */
export function letThrough(trap) {
  // A RangeError is the engine's: the caller's call stack is at its end, and the core is as it was.
  if (!trapped && !(trap instanceof RangeError)) {
    trapped = true
    console.error(new Error('halfopen: the core has failed; calls go through unguarded from here on', { cause: trap }))
  }
  return UNJUDGED
}
