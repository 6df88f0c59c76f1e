/**
 * What can be read of a breaker in the core: its counts, its state changes, its options in force.
 *
 * Must not know: who reads, and how the counts came about. Reading changes nothing.
 */
import { core } from '../engine/index.js'
import { PER_CHANGE } from '../engine/numbers.js'

/** @import { LoggedStateChange } from './metrics.js' */

/**
 * The last state changes, oldest first.
 *
 * @param {number} slot
 * @param {number} origin Where the zero of the clock lies, in ms since the epoch.
 * @returns {LoggedStateChange[]}
 */
export function readStateChanges(slot, origin) {
  const numbers = core.stateChanges(slot) ?? []
  const changes = []
  for (let index = 0; index < numbers.length; index += PER_CHANGE) {
    const [from, to, reason, at] = numbers.slice(index, index + PER_CHANGE)
    changes.push({
      from: core.states[from],
      to: core.states[to],
      reason: core.reasons[reason],
      timestamp: toISO(origin + at)
    })
  }
  return changes
}

/**
 * The value in force of a numeric option; undefined where it is off.
 *
 * @param {number} slot
 * @param {string} name
 */
export function readOption(slot, name) {
  const value = core.option(slot, /** @type {number} */ (core.fields.get(name)))
  return Number.isNaN(value) ? undefined : value
}

/** @param {number} time In ms since the epoch. */
function toISO(time) {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}
