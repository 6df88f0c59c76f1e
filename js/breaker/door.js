/**
 * The door for those who show or export what breakers counted: a method under a symbol that all copies of the package have in common, so that no
 * reader needs a copy of the core, or the same one.
 *
 * Must not know: who reads.
 */
import { MODES, REPORT, STATES } from '../engine/numbers.js'
import { define } from './inspect.js'

/**
 * What was read of a breaker, or of all breakers of a registry. Reading changes nothing and is no use of them.
 *
 * @internal
 * @typedef {object} Reading
 * @property {readonly string[]} facts The names of the numbers of a row, in their order. Readers look a place up by its name: another version has
 *   others.
 * @property {readonly string[]} states The names of the states, each at its number.
 * @property {readonly string[]} modes The names of the modes, each at its number.
 * @property {Float64Array} rows One row after another; NaN where there is nothing to say. The reader's own.
 * @property {readonly unknown[]} keys The key of each row; of a breaker its name.
 * @property {readonly (string | undefined)[]} names The breakers' names.
 * @property {readonly number[]} ids Which breaker it is: no two of a registry ever have the same, and one that left and is found again keeps its own.
 * @property {Float64Array | undefined} gone Of a registry, what those counted that left it; only counts, and 0 elsewhere. With the rows it adds up to
 *   sums that never go down.
 * @property {(index: number) => import('./circuit-breaker.js').CircuitBreaker | undefined} breaker Hands out the breaker of a row; undefined where
 *   it left meanwhile and nobody holds it.
 */

/** The names behind the numbers of each reading. */
export const NAMES = { facts: REPORT, states: STATES, modes: MODES }

const DOOR = /* @__PURE__ */ Symbol.for('halfopen.read')

/**
 * Opens the door of a class. To be called by its constructor: a class whose body names a symbol of its own stays in the bundle of everybody.
 *
 * @param {{ reading(): Reading }} prototype
 */
export function openDoor(prototype) {
  if (!Object.hasOwn(prototype, DOOR)) define(prototype, DOOR, prototype.reading)
}
