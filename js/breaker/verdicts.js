/**
 * What becomes of a call's result: the outcome that `classify` names, or the default one.
 *
 * Must not know: breakers. A judge that fails is reported, and the call is judged as if there were no judge.
 */
import { FAILURE, IGNORED, SUCCESS, TIMED_OUT } from '../engine/numbers.js'
import { isBulkheadFullError, isCircuitOpenError } from '../base/errors.js'
import { misuse, show } from '../base/misuse.js'
import { report } from '../base/report.js'
import { hush } from './promises.js'

/** @import { Verdict } from '../base/types.js' */

/** The outcomes that a verdict may name. */
export const OUTCOMES = { success: SUCCESS, failure: FAILURE, ignored: IGNORED }

/** Links of a chain of causes that are looked at: it may be a circle. */
const MOST_CAUSES = 16

/**
 * Whether an error is a refusal, or was caused by one: of any breaker, also of another copy of the package. Then no request was made.
 *
 * @param {any} error
 */
export function isRefusal(error) {
  try {
    for (let link = error, left = MOST_CAUSES; left > 0 && typeof link === 'object' && link !== null; left--) {
      if (isCircuitOpenError(link) || isBulkheadFullError(link)) return true
      link = link.cause
    }
  } catch {
    // An error that can't be looked at is none of ours.
  }
  return false
}

/**
 * The outcome of a call that threw, where nobody judges it.
 *
 * @param {unknown} error
 */
export function outcomeOf(error) {
  return isRefusal(error) ? IGNORED : FAILURE
}

/**
 * Whether a call that was admitted ended in such a way that a fallback for failures answers.
 *
 * @param {number} outcome
 * @param {unknown} error
 */
export function fallsBack(outcome, error) {
  return outcome === FAILURE || outcome === TIMED_OUT || isRefusal(error)
}

/** By this the judge of a guard has what refusals tell instead of an error that it has nothing to say of. Listeners hear of the error all the same. */
const TOLD = /* @__PURE__ */ Symbol.for('halfopen.told')

/**
 * How a call is judged.
 *
 * @typedef {object} Judgement
 * @property {number} outcome The core's number of it.
 * @property {number} retryAfter How long the failure asks to be left alone, in ms; NaN when it does not.
 * @property {boolean} trips Whether it asks to open the circuit at once.
 * @property {unknown} cause The failure, as listeners and refusals are told it.
 * @property {((cause: any) => unknown) | undefined} told Answers what refusals tell instead: asked only where there is something to tell.
 */

/**
 * Judges how a call ended, by `classify` if there is one.
 *
 * @param {((error: any, value: any) => Verdict | undefined) | undefined} classify
 * @param {boolean} threw
 * @param {unknown} payload What it threw, or its value.
 * @returns {Judgement}
 */
export function judge(classify, threw, payload) {
  /** @type {Judgement} */
  const judgement = { outcome: threw ? outcomeOf(payload) : SUCCESS, retryAfter: NaN, trips: false, cause: threw ? payload : undefined, told: undefined }
  if (classify === undefined) return judgement
  try {
    const verdict = threw ? classify(payload, undefined) : classify(undefined, payload)
    if (verdict === undefined) {
      judgement.told = /** @type {any} */ (classify)[TOLD]
      return judgement
    }
    if (typeof verdict === 'string' && Object.hasOwn(OUTCOMES, verdict)) {
      // Mostly so, and then without the object below, which costs a call 0.3 µs.
      judgement.outcome = OUTCOMES[verdict]
      return judgement
    }
    // Own members: what a polluted prototype has is no part of a verdict.
    /** @type {Record<string, any>} */
    const own = typeof verdict === 'object' && verdict !== null ? { __proto__: null, ...verdict } : { __proto__: null, outcome: verdict }
    const { outcome, retryAfter, trip, cause } = own
    if (!Object.hasOwn(OUTCOMES, outcome)) {
      throw misuse(TypeError, `Expected \`classify\` to answer 'success', 'failure' or 'ignored', got ${show(hush(verdict) ? verdict : outcome)}`)
    }
    judgement.outcome = OUTCOMES[/** @type {keyof typeof OUTCOMES} */ (outcome)]
    judgement.retryAfter = typeof retryAfter === 'number' ? retryAfter : NaN
    judgement.trips = trip === true
    // What a thrown error is replaced by is mostly to keep it out of refusals.
    if (cause !== undefined) judgement.cause = cause
  } catch (error) {
    report(error)
  }
  return judgement
}
