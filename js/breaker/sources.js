/**
 * The clock and the source of random numbers that a user may bring along. Both are asked late, so that fakes of the global ones work.
 *
 * Must not know: breakers. What throws or answers nonsense changes nothing in the core: it counts as NaN.
 */
import { report } from './events.js'
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

/**
 * Where the zero of the clock lies, in ms since the epoch.
 *
 * @param {Clock | undefined} clock
 */
export function originOf(clock) {
  const origin = clock?.timeOrigin
  return typeof origin === 'number' && Number.isFinite(origin) ? origin : 0
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
