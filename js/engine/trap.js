/**
 * What a trap of the core leads to: calls go through unguarded. A guard must not take the house down.
 *
 * Must not know: breakers. The core can't panic by design, so this is said once and aloud.
 */
import { ifAny } from '../base/host.js'
import { UNJUDGED } from './numbers.js'

let trapped = false

/**
 * Whether what a function of the core threw is a trap of the core itself. Everything else is the engine's, which is at the end of the
 * caller's call stack (a `RangeError`, or an `InternalError`): the core is as it was. Told by its name: where `WebAssembly` is another
 * realm's, as in Jest, so are its errors.
 *
 * @param {unknown} thrown
 */
function isTrap(thrown) {
  return /** @type {Partial<Error> | undefined} */ (thrown)?.name === 'RuntimeError'
}

/**
 * Lets a call through unguarded that the core could not be asked about.
 *
 * @param {unknown} thrown
 * @returns {number} The permit that no state is judged by.
 */
export function letThrough(thrown) {
  if (!trapped && isTrap(thrown)) {
    trapped = true
    ifAny(() => console.error(new Error('halfopen: the core has failed; calls go through unguarded from here on', { cause: thrown })))
  }
  return UNJUDGED
}
