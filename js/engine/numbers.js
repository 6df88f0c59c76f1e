/**
 * The numbers of the boundary by their names, as `src/wasm` has them.
 *
 * Must not know: what the numbers are for.
 */

/** Outcomes that a user can name. */
export const OUTCOMES = { success: 0, failure: 1, ignored: 2 }
export const { success: SUCCESS, failure: FAILURE, ignored: IGNORED } = OUTCOMES
export const TIMED_OUT = 3

/** The permit of calls that no state is judged by. */
export const UNJUDGED = 0

/** Refusals are below 0. */
export const REFUSED_HALF_OPEN_FULL = -2
export const REFUSED_BULKHEAD_FULL = -4

/** Bits of `demand`. */
export const TIME_TO_ADMIT = 1
export const TIME_OF_SUCCESS = 2
export const ELAPSED = 4
export const RANDOM = 8
export const NEWS = 16

/** Bits of `standing`. */
export const IN_FLIGHT = 1
export const NOT_CLOSED = 4
export const SWITCHED = 8
