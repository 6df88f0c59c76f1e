/**
 * Permits that could not be settled since the call stack was at its end: they are settled where there is room again.
 *
 * Must not know: what a permit is. There is no frame for a call where one is noted, nor for a literal of an object (V8 asks for room to make one). So
 * whoever has it writes what settles it in plain words: `unsettled[unsettled.length] = () => …`.
 */

/** What settles them, of all breakers. Each throws where there is still no room; then nothing was settled. @type {(() => void)[]} */
export const unsettled = []

/** Settles what was noted, as far as there is room. */
export function settleNoted() {
  while (unsettled.length > 0) {
    const settle = unsettled[unsettled.length - 1]
    unsettled.length--
    try {
      settle()
    } catch (overflow) {
      unsettled[unsettled.length] = settle
      throw overflow
    }
  }
}

/**
 * Whether an error says that the call stack is at its end: a RangeError, or Firefox's own. By its name, since it may be of another realm.
 *
 * @param {any} error
 */
export function isOverflow(error) {
  const name = error?.name
  return name === 'RangeError' || name === 'InternalError'
}
