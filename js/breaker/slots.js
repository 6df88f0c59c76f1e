/**
 * The life of a breaker's slot in the core: made, given back by the garbage collector, put aside and made again.
 *
 * Must not know: calls and events.
 */
import { finalizer } from '../base/host.js'
import { core, retired } from '../engine/index.js'
import { NO_SLOT } from '../engine/numbers.js'
import { createFrom } from '../options/options.js'
import { badSnapshot, toNumbers } from './snapshot.js'
import { originOf, timeOf } from './sources.js'

/** @import { CircuitBreakerOptions } from '../base/types.js' */

/**
 * Frees the slots of breakers that were garbage collected. Absent in some runtimes, whose processes are short.
 *
 * @type {FinalizationRegistry<number | Counted> | undefined}
 */
let reclaim

/**
 * What wants to know the last counts of a slot's breaker before the slot is freed.
 *
 * @typedef {{ slot: number, rest(): void }} Counted
 */

/**
 * What remains of a breaker that was put aside, and makes it again: its options, and a snapshot from the core. The snapshot is undefined
 * where the core knew nothing of it.
 *
 * @typedef {{ options: CircuitBreakerOptions, kept: Float64Array | undefined }} Aside
 */

/**
 * Has a slot live as long as its breaker.
 *
 * @param {object} breaker
 * @param {number | Counted} held
 */
export function holdSlot(breaker, held) {
  // Of whichever core there is then.
  reclaim ??= finalizer((/** @type {number | Counted} */ held) => {
    if (typeof held === 'object') held.rest()
    core.freeSlot(typeof held === 'object' ? held.slot : held)
  })
  reclaim?.register(breaker, held, breaker)
}

/**
 * The same for one that is held already.
 *
 * @param {object} breaker
 * @param {number | Counted} held
 */
export function holdSlotFor(breaker, held) {
  reclaim?.unregister(breaker)
  holdSlot(breaker, held)
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
 * Makes the slot of a new breaker, which carries on from the snapshot if there is one.
 *
 * @internal
 * @param {CircuitBreakerOptions | undefined} options
 * @returns {ReturnType<typeof createFrom>} The slot, and the options that are not the core's.
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION`, or `ERR_INVALID_SNAPSHOT` when the snapshot is not one of such a breaker.
 *   Then there is no slot.
 */
export function makeSlot(options) {
  const made = createFrom(options)
  const { slot, others } = made
  // The default clock is looked up whenever it is read: fake timers replace the global.
  if (others.clock === Date) others.clock = undefined
  if (others.snapshot !== undefined) {
    const numbers = toNumbers(others.snapshot)
    const isRestored = numbers !== undefined && core.restore(slot, numbers, originOf(others.clock), timeOf(others.clock))
    // Where the core has trapped meanwhile, nothing is wrong with the snapshot.
    if (!isRestored && slot >= retired && slot !== NO_SLOT) {
      core.freeSlot(slot)
      throw badSnapshot()
    }
  }
  return made
}

/**
 * Refuses the options that a breaker's constructor would refuse, and makes no breaker: no probe runs, and nothing is left.
 *
 * @internal
 * @param {CircuitBreakerOptions} options
 * @throws {TypeError | RangeError} As {@link makeSlot}.
 */
export function checkOptions(options) {
  const { slot } = makeSlot(options)
  core.freeSlot(slot)
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
