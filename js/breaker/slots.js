/**
 * The life of a breaker's slot in the core: made, given back by the garbage collector, put aside and made again.
 *
 * Must not know: calls and events.
 */
import { core } from '../engine/index.js'
import { createFrom } from '../options/options.js'
import { badSnapshot, toNumbers } from './snapshot.js'

/** @import { CircuitBreakerOptions } from '../types.js' */

/**
 * Frees the slots of breakers that were garbage collected. Absent in some runtimes, whose processes are short.
 *
 * @type {FinalizationRegistry<number> | undefined}
 */
let reclaim

/**
 * What a breaker that was put aside is made of again: its options, and what the core knew where that is more than nothing.
 *
 * @typedef {{ options: CircuitBreakerOptions, kept: Float64Array | undefined }} Aside
 */

/**
 * Has a slot live as long as its breaker.
 *
 * @param {object} breaker
 * @param {number} slot
 */
export function holdSlot(breaker, slot) {
  reclaim ??= globalThis.FinalizationRegistry && new FinalizationRegistry(core.freeSlot)
  reclaim?.register(breaker, slot, breaker)
}

/**
 * @param {object} breaker
 * @param {number} slot
 */
export function dropSlot(breaker, slot) {
  reclaim?.unregister(breaker)
  core.freeSlot(slot)
}

/**
 * Has a new slot carry on from a snapshot.
 *
 * @param {number} slot
 * @param {unknown} snapshot
 * @param {number} origin
 * @param {number} now
 * @throws {TypeError} `ERR_INVALID_SNAPSHOT` when it is no snapshot of such a breaker. The slot is of no more use then.
 */
export function carryOn(slot, snapshot, origin, now) {
  const numbers = toNumbers(snapshot)
  if (numbers === undefined || !core.restore(slot, numbers, origin, now)) throw badSnapshot()
}

/**
 * Makes the slot of a breaker that was put aside.
 *
 * @param {Aside} aside
 * @param {number} origin
 * @param {number} now
 * @returns {number}
 */
export function remake({ options, kept }, origin, now) {
  const { slot } = createFrom(options)
  if (kept === undefined || core.restore(slot, kept, origin, now)) return slot
  // Only a clock beyond all dates leads here. Better a breaker that begins anew than none.
  core.freeSlot(slot)
  return createFrom(options).slot
}
