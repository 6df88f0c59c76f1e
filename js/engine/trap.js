/**
 * What a trap of the core is, and how it is said.
 *
 * Must not know: breakers, and what is done about it. The core can't panic by design, so this is said once and aloud.
 */
import { ifAny } from '../base/host.js'

let isSaid = false

/**
 * Whether what a function of the core threw is a trap of the core itself. Everything else is the engine's, which is at the end of the
 * caller's call stack (a `RangeError`, or an `InternalError`): the core is as it was. Told by its name: where `WebAssembly` is another
 * realm's, as in Jest, so are its errors.
 *
 * @param {unknown} thrown
 */
export function isTrap(thrown) {
  return /** @type {Partial<Error> | undefined} */ (thrown)?.name === 'RuntimeError'
}

/** @param {unknown} trap */
export function sayOnce(trap) {
  if (isSaid) return
  isSaid = true
  ifAny(() => console.error(new Error('halfopen: the core has failed; breakers begin anew, and calls go through unguarded where they can not', { cause: trap })))
}
