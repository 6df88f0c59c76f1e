/**
 * What a breaker counted, in the documents' shapes.
 *
 * Must not know: how counting is done. It reads a report each time it is asked.
 */
import {
  FACT_FAILED_CALLS, FACT_IGNORED_CALLS, FACT_IN_FLIGHT, FACT_REJECTED_BULKHEAD, FACT_REJECTED_CALLS, FACT_REJECTED_HALF_OPEN, FACT_REJECTED_ISOLATED,
  FACT_REJECTED_OPEN, FACT_STALE_CALLS, FACT_STATE_CHANGE_COUNT, FACT_SUCCESSFUL_CALLS, FACT_TIMED_CALLS, FACT_TIMED_OUT_CALLS, FACT_TOTAL_CALLS,
  FACT_WOULD_REJECT_CALLS
} from '../engine/numbers.js'
import { showBy } from './inspect.js'

/** @import { State, Reason } from '../base/types.js' */

/**
 * How long calls took, in ms. The percentiles are off by at most 6.25 % of themselves; the mean is exact.
 *
 * @typedef {{ calls: number, mean: number, p50: number, p90: number, p99: number }} LatencySummary
 */

/**
 * A state change as the metrics list it.
 *
 * @typedef {{ from: State, to: State, reason: Reason, timestamp: string | null }} LoggedStateChange
 */

/**
 * All counts as a plain object, with those members of a {@link CircuitBreakerMetrics} that are data.
 *
 * @typedef {Pick<CircuitBreakerMetrics, 'totalCalls' | 'successfulCalls' | 'failedCalls' | 'timedOutCalls' | 'ignoredCalls' | 'rejectedCalls'
 *   | 'wouldRejectCalls' | 'staleCalls' | 'inFlight' | 'rejections' | 'successRate' | 'latency' | 'stateChanges'>} MetricsReport
 */

/**
 * Refused calls by why they were refused: the circuit was open, or half open without room for one more test request; the bulkhead was full; or the
 * circuit was isolated. They add up to `rejectedCalls`.
 *
 * @typedef {{ open: number, half_open: number, bulkhead: number, isolated: number }} Rejections
 */

/**
 * Live counts over a breaker's life. Each call that is over stands in exactly one of successful, failed, ignored,
 * rejected and stale; a test request that expired counted as failed then, and as stale once more when its answer comes.
 *
 * @example
 * breaker.metrics.successRate // 0.75
 * breaker.metrics.summary() // { totalCalls: 4, successful: 3, failed: 1, … }
 */
export class CircuitBreakerMetrics {
  /** @type {() => Float64Array} */
  #report
  /** @type {() => LoggedStateChange[]} */
  #changes

  /**
   * @internal
   * @param {() => Float64Array} report The row of the breaker: until the next one is asked for.
   * @param {() => LoggedStateChange[]} changes
   */
  constructor(report, changes) {
    this.#report = report
    this.#changes = changes
    showMetrics()
  }

  /** All calls that are over. */
  get totalCalls() {
    return this.#report()[FACT_TOTAL_CALLS]
  }

  /** Calls that settled as successes. */
  get successfulCalls() {
    return this.#report()[FACT_SUCCESSFUL_CALLS]
  }

  /** Calls that settled as failures, timed-out ones and test requests that ran out of time included. */
  get failedCalls() {
    return this.#report()[FACT_FAILED_CALLS]
  }

  /** Of the failed calls, those that timed out. */
  get timedOutCalls() {
    return this.#report()[FACT_TIMED_OUT_CALLS]
  }

  /** Calls that settled as ignored. */
  get ignoredCalls() {
    return this.#report()[FACT_IGNORED_CALLS]
  }

  /** Calls that were refused. */
  get rejectedCalls() {
    return this.#report()[FACT_REJECTED_CALLS]
  }

  /**
   * Refused calls by why they were refused, as a plain object of its own: they add up to `rejectedCalls`.
   *
   * @returns {Rejections}
   */
  get rejections() {
    return rejectionsIn(this.#report())
  }

  /** Calls that an observing breaker let pass and would have refused. */
  get wouldRejectCalls() {
    return this.#report()[FACT_WOULD_REJECT_CALLS]
  }

  /** Calls whose result came too late to count: the circuit had changed its state since they were admitted. */
  get staleCalls() {
    return this.#report()[FACT_STALE_CALLS]
  }

  /** Calls admitted that have not settled yet. */
  get inFlight() {
    return this.#report()[FACT_IN_FLIGHT]
  }

  /** Successes among successes and failures, 0 to 1; 1 before any of either. */
  get successRate() {
    return successRate(this.#report())
  }

  /**
   * How long calls took; `undefined` without the option `latency` and before the first call.
   *
   * @returns {LatencySummary | undefined}
   */
  get latency() {
    return latencyIn(this.#report())
  }

  /** The last 64 state changes, oldest first; `timestamp` in ISO 8601, or null when the clock had no time to tell. */
  get stateChanges() {
    return this.#changes()
  }

  /** The numbers at a glance. `stateChanges` counts all there ever were. */
  summary() {
    const report = this.#report()
    return {
      totalCalls: report[FACT_TOTAL_CALLS],
      successful: report[FACT_SUCCESSFUL_CALLS],
      failed: report[FACT_FAILED_CALLS],
      rejected: report[FACT_REJECTED_CALLS],
      successRate: percent(successRate(report)),
      stateChanges: report[FACT_STATE_CHANGE_COUNT]
    }
  }

  /**
   * All counts as a plain object.
   *
   * @returns {MetricsReport}
   */
  toJSON() {
    const report = this.#report()
    // Not spread, which takes longer than all the rest.
    const all = /** @type {any} */ (countsIn(report))
    all.latency = latencyIn(report)
    // Most have none, and to ask the core for a list takes long, too.
    all.stateChanges = report[FACT_STATE_CHANGE_COUNT] === 0 ? [] : this.stateChanges
    return all
  }
}

/**
 * The counts in a row, by their names.
 *
 * @internal
 * @param {Float64Array} rows
 * @param {number} [first] Where the row begins.
 */
export function countsIn(rows, first = 0) {
  return {
    totalCalls: rows[first + FACT_TOTAL_CALLS],
    successfulCalls: rows[first + FACT_SUCCESSFUL_CALLS],
    failedCalls: rows[first + FACT_FAILED_CALLS],
    timedOutCalls: rows[first + FACT_TIMED_OUT_CALLS],
    ignoredCalls: rows[first + FACT_IGNORED_CALLS],
    rejectedCalls: rows[first + FACT_REJECTED_CALLS],
    wouldRejectCalls: rows[first + FACT_WOULD_REJECT_CALLS],
    staleCalls: rows[first + FACT_STALE_CALLS],
    inFlight: rows[first + FACT_IN_FLIGHT],
    rejections: rejectionsIn(rows, first),
    successRate: successRate(rows, first)
  }
}

/**
 * @param {Float64Array} rows
 * @param {number} [first] Where the row begins.
 * @returns {Rejections}
 */
function rejectionsIn(rows, first = 0) {
  return {
    open: rows[first + FACT_REJECTED_OPEN],
    half_open: rows[first + FACT_REJECTED_HALF_OPEN],
    bulkhead: rows[first + FACT_REJECTED_BULKHEAD],
    isolated: rows[first + FACT_REJECTED_ISOLATED]
  }
}

/**
 * @param {Float64Array} row
 * @returns {LatencySummary | undefined}
 */
function latencyIn(row) {
  const [calls, mean, p50, p90, p99] = row.subarray(FACT_TIMED_CALLS)
  return Number.isNaN(calls) ? undefined : { calls, mean, p50, p90, p99 }
}

/** Has `console.log` show metrics. Apart, since a class that names itself is renamed by bundlers. */
const showMetrics = () => showBy(CircuitBreakerMetrics.prototype, (metrics) => metrics.toJSON())

/**
 * @internal
 * @param {Float64Array} rows
 * @param {number} [first] Where the row begins.
 */
export function successRate(rows, first = 0) {
  const successful = rows[first + FACT_SUCCESSFUL_CALLS]
  const judged = successful + rows[first + FACT_FAILED_CALLS]
  return judged === 0 ? 1 : successful / judged
}

/**
 * @internal
 * @param {number} rate 0 to 1
 * @returns {string} such as '66.7%'
 */
export function percent(rate) {
  return `${(rate * 100).toFixed(1)}%`
}
