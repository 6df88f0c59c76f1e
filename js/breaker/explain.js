/**
 * Why a breaker is in its state and what it is waiting for, in one sentence and in numbers.
 *
 * Must not know: how the numbers came about.
 */
import { STAGE_DUE, STAGE_HELD } from '../engine/numbers.js'
import { percent } from './metrics.js'

/**
 * Why a breaker is in its state, in one sentence and in numbers.
 *
 * @typedef {object} Explanation
 * @property {string} sentence Such as "closed: 3 failures of 5 calls, needs 10 calls before it judges".
 * @property {import('../base/types.js').State} state
 * @property {import('../base/types.js').Mode} mode
 * @property {number} failures In a row, or in the window if there is one.
 * @property {number | undefined} calls In the window.
 * @property {number | undefined} slowCalls In the window.
 * @property {number} retryAfter What a refusal would tell: the ms until an open circuit lets a test request through, or, where one is in
 *   flight or the probe's next, until it is worth asking again, 1000 at most. 0 where a call would be let through.
 * @property {import('../base/types.js').Reason | undefined} reason Of the last state change.
 */

/**
 * @internal
 * @param {object} facts
 * @param {import('../base/types.js').State} facts.state
 * @param {import('../base/types.js').Mode} facts.mode
 * @param {boolean} facts.isProbed Whether a probe makes the test requests.
 * @param {number} facts.stage Where the verdict of its fleet stands.
 * @param {number} facts.failureCount
 * @param {number} facts.successCount
 * @param {Record<string, number>} facts.report
 * @param {import('../base/types.js').Reason | undefined} facts.reason
 * @param {(name: string) => number | undefined} option
 * @returns {Explanation}
 */
export function explanation({ state, mode, isProbed, stage, failureCount, successCount, report, reason }, option) {
  const isHeld = stage === STAGE_HELD || stage === STAGE_DUE
  const hasWindow = !Number.isNaN(report.windowCalls)
  const failures = hasWindow ? report.windowFailures : failureCount
  const why = { closed: whyClosed, open: whyOpen, half_open: whyHalfOpen }[state]()
  return {
    sentence: mode === 'normal' || mode === 'isolated' ? `${state}: ${why}` : `${state}, ${mode}: ${why}; all calls pass`,
    state,
    mode,
    failures,
    calls: hasWindow ? report.windowCalls : undefined,
    slowCalls: hasWindow ? report.windowSlowCalls : undefined,
    retryAfter: report.retryAfter,
    reason
  }

  function whyClosed() {
    if (!hasWindow) return `${count(failureCount, 'failure')} in a row, opens at ${option('failureThreshold')}`
    const { windowCalls: calls, windowSlowCalls: slow, minimumCalls } = report
    const threshold = option('failureThreshold')
    const failureRate = option('failureRate')
    const slowCallRate = option('slowCallRate')
    const rules = [
      threshold !== undefined && `opens at ${threshold} failures`,
      failureRate !== undefined && `opens at ${percent(failureRate)} failures`,
      slowCallRate !== undefined && `opens at ${percent(slowCallRate)} slow calls`
    ]
    const waits = calls < minimumCalls ? [`needs ${minimumCalls} calls before it judges`] : []
    const seen = `${count(failures, 'failure')}${slowCallRate === undefined ? '' : ` and ${count(slow, 'slow call')}`} of ${count(calls, 'call')}`
    // A number of failures opens it at any time; only rates wait for calls.
    return [seen, ...(waits.length > 0 ? [rules[0], ...waits] : rules).filter(Boolean)].join(', ')
  }

  function whyOpen() {
    // Disabled or not.
    if (report.retryAfter === Infinity) return 'held open by hand until it is released'
    if (isHeld) return `held open by its fleet, ${stage === STAGE_HELD ? `next test in ${Math.ceil(report.probeAfter)} ms` : 'which says who tests next'}`
    const since = `${reason ?? 'restored'} after ${count(failureCount, 'failure')} in a row`
    const tester = isProbed ? 'probe' : 'test request'
    const wait = report.probeAfter > 0 ? `lets a ${tester} through in ${Math.ceil(report.probeAfter)} ms` : `the next ${isProbed ? 'probe' : 'call'} is a test request`
    return `${since}, ${wait}`
  }

  function whyHalfOpen() {
    const flight = report.testExpiresAfter === Infinity ? `waits for a ${isProbed ? 'probe' : 'call'} to test with` : 'a test request is in flight'
    if (isHeld) return `held by its fleet until that lets go, ${flight}`
    const needed = /** @type {number} */ (option('successThreshold'))
    return `${successCount} of ${count(needed, 'successful test request')}, ${count(report.failedTests, 'failed one')}, ${flight}`
  }
}

/**
 * @param {number} number
 * @param {string} noun
 */
function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
