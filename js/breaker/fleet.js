/**
 * The door by which a fleet joins a breaker, and what is lent to it there.
 *
 * Must not know: what a fleet does. That is in `js/fleet`, which nobody loads who has none; it comes in by the door.
 */
import { core } from '../engine/index.js'
import { clearDeadline, setDeadline } from './deadlines.js'
import { define } from './inspect.js'
import { reasonOf, watch } from './signals.js'

/**
 * A place of a fleet in a breaker: see `js/fleet/place.js`.
 *
 * @internal
 * @typedef {object} FleetPlace
 * @property {(lent: Lent) => void} enter
 * @property {() => void} leave
 * @property {() => boolean} askAtOnce
 * @property {(goOn: (isGranted: boolean, waited: number) => Promise<any>, timeout: number | undefined, signal: AbortSignal | undefined) => Promise<any>} ask
 * @property {() => Promise<void> | undefined} askForProbe
 * @property {() => () => void} grant
 * @property {(slot: number) => () => void} note
 * @property {(change: import('../base/types.js').StateChange) => void} tell
 */

/** @typedef {ReturnType<typeof lend>} Lent */

const DOOR = /* @__PURE__ */ Symbol.for('halfopen.fleet')

/**
 * Opens the door of the class. To be called by its constructor: a class whose body names a symbol of its own stays in the bundle of everybody.
 *
 * @param {{ joinFleet(place: FleetPlace | undefined): void }} prototype
 */
export function openFleetDoor(prototype) {
  if (!Object.hasOwn(prototype, DOOR)) define(prototype, DOOR, prototype.joinFleet)
}

/**
 * What a fleet is lent by its breaker.
 *
 * @param {() => number} slot
 * @param {() => number} now
 * @param {() => number} random
 * @param {() => void} tell Has the breaker tell what is new.
 */
export function lend(slot, now, random, tell) {
  return {
    slot,
    now,
    random,
    tell,
    setDeadline,
    clearDeadline,
    watch,
    reasonOf,
    // Whichever there is then.
    get core() {
      return core
    }
  }
}
