/**
 * What becomes of a call's result: the outcome that `classify` names, or the default one.
 *
 * Must not know: breakers. A judge that fails is reported, and the call is judged as if there were no judge.
 */
import { FAILURE, IGNORED, SUCCESS } from '../engine/numbers.js'
import { misuse, show } from '../base/misuse.js'
import { report } from '../base/report.js'
import { hush } from './promises.js'

/** @import { Verdict } from '../base/types.js' */

/** The outcomes that a verdict may name. */
export const OUTCOMES = { success: SUCCESS, failure: FAILURE, ignored: IGNORED }

/**
 * How a call is judged.
 *
 * @typedef {object} Judgement
 * @property {number} outcome The core's number of it.
 * @property {number} retryAfter How long the failure asks to be left alone, in ms; NaN when it does not.
 * @property {boolean} trips Whether it asks to open the circuit at once.
 * @property {unknown} cause The failure.
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
  const judgement = { outcome: threw ? FAILURE : SUCCESS, retryAfter: NaN, trips: false, cause: threw ? payload : undefined }
  if (classify === undefined) return judgement
  try {
    const verdict = threw ? classify(payload, undefined) : classify(undefined, payload)
    if (verdict === undefined) return judgement
    const isObject = typeof verdict === 'object' && verdict !== null
    const named = isObject ? verdict.outcome : verdict
    if (!Object.hasOwn(OUTCOMES, named)) {
      hush(verdict)
      throw misuse(TypeError, `Expected \`classify\` to answer 'success', 'failure' or 'ignored', got ${show(named)}`)
    }
    judgement.outcome = OUTCOMES[named]
    if (isObject) {
      judgement.retryAfter = typeof verdict.retryAfter === 'number' ? verdict.retryAfter : NaN
      judgement.trips = verdict.trip === true
      if (!threw) judgement.cause = verdict.cause
    }
  } catch (error) {
    report(error)
  }
  return judgement
}
