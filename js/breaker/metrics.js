/**
 * What a breaker counted, in the documents' shapes.
 *
 * Must not know: how counting is done. It reads a report each time it is asked.
 */
import { REPORT } from '../engine/numbers.js'
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
 *   | 'wouldRejectCalls' | 'staleCalls' | 'inFlight' | 'successRate' | 'latency' | 'stateChanges'>} MetricsReport
 */

/** The counts that a plain object of the metrics shows: those that a report begins with. */
const COUNTS = /* @__PURE__ */ REPORT.slice(0, /* @__PURE__ */ REPORT.indexOf('stateChangeCount'))

/**
 * Live counts over a breaker's life. Each call that is over stands in exactly one of successful, failed, ignored,
 * rejected and stale; a test request that expired counted as failed then, and as stale once more when its answer comes.
 *
 * @example
 * breaker.metrics.successRate // 0.75
 * breaker.metrics.summary() // { totalCalls: 4, successful: 3, failed: 1, … }
 */
export class CircuitBreakerMetrics {
  /** @type {() => Record<string, number>} */
  #report
  /** @type {() => LoggedStateChange[]} */
  #changes

  /**
   * @internal
   * @param {() => Record<string, number>} report
   * @param {() => LoggedStateChange[]} changes
   */
  constructor(report, changes) {
    this.#report = report
    this.#changes = changes
    showMetrics()
  }

  /** All calls that are over. */
  get totalCalls() {
    return this.#report().totalCalls
  }

  /** Calls that settled as successes. */
  get successfulCalls() {
    return this.#report().successfulCalls
  }

  /** Calls that settled as failures, timed-out ones and test requests that ran out of time included. */
  get failedCalls() {
    return this.#report().failedCalls
  }

  /** Of the failed calls, those that timed out. */
  get timedOutCalls() {
    return this.#report().timedOutCalls
  }

  /** Calls that settled as ignored. */
  get ignoredCalls() {
    return this.#report().ignoredCalls
  }

  /** Calls that were refused. */
  get rejectedCalls() {
    return this.#report().rejectedCalls
  }

  /** Calls that an observing breaker let pass and would have refused. */
  get wouldRejectCalls() {
    return this.#report().wouldRejectCalls
  }

  /** Calls whose result came too late to count: the circuit had changed its state since they were admitted. */
  get staleCalls() {
    return this.#report().staleCalls
  }

  /** Calls admitted that have not settled yet. */
  get inFlight() {
    return this.#report().inFlight
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
      totalCalls: report.totalCalls,
      successful: report.successfulCalls,
      failed: report.failedCalls,
      rejected: report.rejectedCalls,
      successRate: percent(successRate(report)),
      stateChanges: report.stateChangeCount
    }
  }

  /**
   * All counts as a plain object.
   *
   * @returns {MetricsReport}
   */
  toJSON() {
    const report = this.#report()
    const counts = /** @type {any} */ ({})
    for (const name of COUNTS) counts[name] = report[name]
    // Most have none, and to ask the core for a list takes longer than all the rest.
    const stateChanges = report.stateChangeCount === 0 ? [] : this.stateChanges
    return { ...counts, successRate: successRate(report), latency: latencyIn(report), stateChanges }
  }
}

/**
 * @param {Record<string, number>} report
 * @returns {LatencySummary | undefined}
 */
function latencyIn({ timedCalls: calls, mean, p50, p90, p99 }) {
  return Number.isNaN(calls) ? undefined : { calls, mean, p50, p90, p99 }
}

/** Has `console.log` show metrics. Apart, since a class that names itself is renamed by bundlers. */
const showMetrics = () => showBy(CircuitBreakerMetrics.prototype, (metrics) => metrics.toJSON())

/**
 * @internal
 * @param {Record<string, number>} report
 */
export function successRate({ successfulCalls, failedCalls }) {
  const judged = successfulCalls + failedCalls
  return judged === 0 ? 1 : successfulCalls / judged
}

/**
 * @internal
 * @param {number} rate 0 to 1
 * @returns {string} such as '66.7%'
 */
export function percent(rate) {
  return `${(rate * 100).toFixed(1)}%`
}
