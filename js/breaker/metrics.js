/**
 * What a breaker counted, in the documents' shapes.
 *
 * Must not know: how counting is done. It reads a report each time it is asked.
 */
import { factIn, REPORT } from '../engine/numbers.js'
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
    return factIn(this.#report(), 'totalCalls')
  }

  /** Calls that settled as successes. */
  get successfulCalls() {
    return factIn(this.#report(), 'successfulCalls')
  }

  /** Calls that settled as failures, timed-out ones and test requests that ran out of time included. */
  get failedCalls() {
    return factIn(this.#report(), 'failedCalls')
  }

  /** Of the failed calls, those that timed out. */
  get timedOutCalls() {
    return factIn(this.#report(), 'timedOutCalls')
  }

  /** Calls that settled as ignored. */
  get ignoredCalls() {
    return factIn(this.#report(), 'ignoredCalls')
  }

  /** Calls that were refused. */
  get rejectedCalls() {
    return factIn(this.#report(), 'rejectedCalls')
  }

  /** Refused calls by why they were refused, as a plain object of its own. @returns {Rejections} */
  get rejections() {
    return rejectionsIn(this.#report())
  }

  /** Calls that an observing breaker let pass and would have refused. */
  get wouldRejectCalls() {
    return factIn(this.#report(), 'wouldRejectCalls')
  }

  /** Calls whose result came too late to count: the circuit had changed its state since they were admitted. */
  get staleCalls() {
    return factIn(this.#report(), 'staleCalls')
  }

  /** Calls admitted that have not settled yet. */
  get inFlight() {
    return factIn(this.#report(), 'inFlight')
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
      totalCalls: factIn(report, 'totalCalls'),
      successful: factIn(report, 'successfulCalls'),
      failed: factIn(report, 'failedCalls'),
      rejected: factIn(report, 'rejectedCalls'),
      successRate: percent(successRate(report)),
      stateChanges: factIn(report, 'stateChangeCount')
    }
  }

  /**
   * All counts as a plain object.
   *
   * @returns {MetricsReport}
   */
  toJSON() {
    const report = this.#report()
    const counts = { ...countsIn(report), latency: latencyIn(report) }
    // Most have none, and to ask the core for a list takes longer than all the rest.
    const stateChanges = factIn(report, 'stateChangeCount') === 0 ? [] : this.stateChanges
    return { ...counts, stateChanges }
  }
}

/**
 * The counts in a row, by their names.
 *
 * @internal
 * @param {Float64Array} rows
 * @param {number} [row]
 */
export function countsIn(rows, row) {
  return {
    totalCalls: factIn(rows, 'totalCalls', row),
    successfulCalls: factIn(rows, 'successfulCalls', row),
    failedCalls: factIn(rows, 'failedCalls', row),
    timedOutCalls: factIn(rows, 'timedOutCalls', row),
    ignoredCalls: factIn(rows, 'ignoredCalls', row),
    rejectedCalls: factIn(rows, 'rejectedCalls', row),
    wouldRejectCalls: factIn(rows, 'wouldRejectCalls', row),
    staleCalls: factIn(rows, 'staleCalls', row),
    inFlight: factIn(rows, 'inFlight', row),
    rejections: rejectionsIn(rows, row),
    successRate: successRate(rows, row)
  }
}

/**
 * @param {Float64Array} rows
 * @param {number} [row]
 * @returns {Rejections}
 */
function rejectionsIn(rows, row) {
  return {
    open: factIn(rows, 'rejectedOpen', row),
    half_open: factIn(rows, 'rejectedHalfOpen', row),
    bulkhead: factIn(rows, 'rejectedBulkhead', row),
    isolated: factIn(rows, 'rejectedIsolated', row)
  }
}

/**
 * @param {Float64Array} row
 * @returns {LatencySummary | undefined}
 */
function latencyIn(row) {
  const [calls, mean, p50, p90, p99] = row.subarray(REPORT.indexOf('timedCalls'))
  return Number.isNaN(calls) ? undefined : { calls, mean, p50, p90, p99 }
}

/** Has `console.log` show metrics. Apart, since a class that names itself is renamed by bundlers. */
const showMetrics = () => showBy(CircuitBreakerMetrics.prototype, (metrics) => metrics.toJSON())

/**
 * @internal
 * @param {Float64Array} rows
 * @param {number} [row]
 */
export function successRate(rows, row) {
  const successful = factIn(rows, 'successfulCalls', row)
  const judged = successful + factIn(rows, 'failedCalls', row)
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
