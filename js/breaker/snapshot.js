/**
 * Snapshots: the core's numbers as a plain object that JSON can carry, and back.
 *
 * Must not know: what makes a snapshot a good one; the core says. JSON has null for NaN.
 */
import { core } from '../engine/index.js'
import { LARGEST_WINDOW, PER_CHANGE } from '../engine/numbers.js'
import { CODES, misuse } from '../base/misuse.js'

/**
 * A breaker as data. What its members mean is the package's own affair; they are plain numbers, names and lists of numbers.
 *
 * @typedef {{ version: number, state: string, mode: string, modeBelow: string, window: number[], stateChanges: (number | null)[], [name: string]: unknown }} Snapshot
 */

/**
 * The members that are names, each of which the core has by its number.
 *
 * @param {string} name
 * @returns {readonly string[] | undefined}
 */
const namesOf = (name) => (name === 'state' ? core.states : name.startsWith('mode') ? core.modes : undefined)

/**
 * @internal
 * @param {number[]} numbers
 * @returns {Snapshot}
 */
export function toObject(numbers) {
  const single = core.snapshotNames.length
  /** @type {Record<string, unknown>} */
  const snapshot = Object.fromEntries(core.snapshotNames.map((name, index) => [name, namesOf(name)?.[numbers[index]] ?? orNull(numbers[index])]))
  const calls = numbers[single]
  snapshot.window = numbers.slice(single + 1, single + 1 + calls)
  snapshot.stateChanges = numbers.slice(single + 2 + calls).map(orNull)
  return /** @type {Snapshot} */ (snapshot)
}

/**
 * The numbers of a snapshot, each read once.
 *
 * @internal
 * @param {unknown} value
 * @returns {Float64Array | undefined} Undefined when it is not of a snapshot's form.
 */
export function toNumbers(value) {
  try {
    const own = (/** @type {string} */ name) => (Object.hasOwn(/** @type {object} */ (value), name) ? /** @type {any} */ (value)[name] : undefined)
    const window = own('window')
    const stateChanges = own('stateChanges')
    if (!Array.isArray(window) || !Array.isArray(stateChanges)) return undefined
    const [calls, changes] = [window.length, stateChanges.length]
    // No list of a snapshot is longer than a full window; of a proxy, a length may be anything.
    if (!(calls >= 0 && calls <= LARGEST_WINDOW && changes >= 0 && changes <= LARGEST_WINDOW) || changes % PER_CHANGE !== 0) return undefined
    // By their numbers: a list may have an iterator of its own that never ends.
    const numbers = [
      ...core.snapshotNames.map((name) => {
        // What 0.1.0 did not write is null to the core, which says what has to be there; below its mode there was none. Before refusals were told apart,
        // most met an open circuit.
        const member = own(name) ?? (name === 'modeBelow' ? core.modes[0] : /^rejected[BHI]/.test(name) ? 0 : null)
        return namesOf(name)?.indexOf(member) ?? member
      }),
      calls,
      ...Array.from({ length: calls }, (_, index) => window[index]),
      changes / PER_CHANGE,
      ...Array.from({ length: changes }, (_, index) => stateChanges[index])
    ]
    if (!numbers.every((number) => number === null || typeof number === 'number')) return undefined
    return Float64Array.from(numbers, (number) => /** @type {number | null} */ (number) ?? NaN)
  } catch {
    // A hostile object: a getter that throws, a list that only looks like one.
    return undefined
  }
}

/**
 * The error for a snapshot that is refused.
 *
 * @internal
 */
export function badSnapshot() {
  return misuse(TypeError, 'Expected `snapshot` to be what toJSON() of a breaker with such options gave', CODES.invalidSnapshot)
}

/** @param {number} number */
function orNull(number) {
  return Number.isNaN(number) ? null : number
}
