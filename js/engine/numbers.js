/**
 * The numbers of the boundary, and the names and texts behind them: what `src/boundary/number.rs` and the core's lists say.
 *
 * Must not know: breakers. Each fact stands once, in Rust; the build writes these constants.
 */
import { REASONS, STATES, TRANSITION_FROM, TRANSITION_REASON, TRANSITION_TO } from './generated/numbers.js'

export * from './generated/numbers.js'

/**
 * The names behind the number of a state change.
 *
 * @internal
 * @param {number} news What `takeTransition` answered, above 0.
 */
export function transition(news) {
  const digit = (/** @type {number} */ factor) => Math.floor((news - 1) / factor)
  return {
    from: STATES[digit(TRANSITION_FROM) % (TRANSITION_TO / TRANSITION_FROM)],
    to: STATES[digit(TRANSITION_TO) % (TRANSITION_REASON / TRANSITION_TO)],
    reason: REASONS[digit(TRANSITION_REASON)]
  }
}
