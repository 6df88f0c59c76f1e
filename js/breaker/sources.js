/**
 * The clock and the source of random numbers that a user may bring along. Both are asked late, so that fakes of the global ones work.
 *
 * Must not know: breakers. What throws or answers nonsense changes nothing in the core: it counts as NaN.
 */
import { report } from '../base/report.js'
import { noNumber } from './promises.js'

/** @import { Clock } from '../base/types.js' */

/**
 * The time in ms.
 *
 * @param {Clock | undefined} clock Undefined for `Date`.
 */
export function timeOf(clock) {
  try {
    const now = clock === undefined ? Date.now() : clock.now()
    return typeof now === 'number' ? now : noNumber('clock.now', now)
  } catch {
    return NaN
  }
}

/** `Date` and its `now` as they were at import. Where others stand in their place, somebody fakes time. */
const seen = /* @__PURE__ */ (() => ({ Date, now: Date.now }))()

/**
 * A reading for `elapsedSince`. Of the default clock it is one of `performance`, which nobody sets, and lies below 0 to be told from those
 * of `Date`; of `Date` where time is faked, or the host has nothing else.
 *
 * @param {Clock | undefined} clock Undefined for the default one.
 */
export function readingOf(clock) {
  if (clock === undefined && Date === seen.Date && Date.now === seen.now) {
    try {
      const now = performance.now()
      if (now >= 0) return -1 - now
    } catch {
      // The host has none.
    }
  }
  return timeOf(clock)
}

/**
 * How long something took, in ms. NaN where time began or ceased to be faked meanwhile.
 *
 * @param {Clock | undefined} clock
 * @param {number} started A reading of the same clock.
 */
export function elapsedSince(clock, started) {
  const now = readingOf(clock)
  if (clock !== undefined) return now - started
  if (now < 0 !== started < 0) return NaN
  return now < 0 ? started - now : now - started
}

/**
 * Where the zero of the clock lies, in ms since the epoch.
 *
 * @param {Clock | undefined} clock
 */
export function originOf(clock) {
  const origin = clock?.timeOrigin
  // What all objects have is nobody's own.
  return Number.isFinite(origin) && origin !== /** @type {any} */ (Object.prototype).timeOrigin ? /** @type {number} */ (origin) : 0
}

/** Whether a function `random` of a user's is running. */
let isDrawing = false

/**
 * A number from 0 to 1, for jitter; NaN, which takes nothing off, where the source fails.
 *
 * @param {(() => number) | undefined} random Undefined for `Math.random`.
 */
export function chanceOf(random) {
  // A source that calls back into a breaker would be asked again and again.
  if (isDrawing) return NaN
  isDrawing = true
  try {
    const chance = (random ?? Math.random)()
    return typeof chance === 'number' ? chance : noNumber('random', chance)
  } catch (error) {
    report(error)
    return NaN
  } finally {
    isDrawing = false
  }
}
