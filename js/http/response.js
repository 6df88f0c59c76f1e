/**
 * What an HTTP response says about the health of its server, as a `classify` function.
 *
 * Must not know: who made the request. Status and `Retry-After` are judged by the core; this file reads options.
 */
import { startEngine } from '../engine/index.js'
import { FAILURE, IGNORED, RATE_LIMITS, SAYS_FAILURE, SAYS_GOOD, SAYS_NOTHING, SUCCESS, TRIPS } from '../engine/numbers.js'
import { withoutStack } from '../base/errors.js'
import { misuse, optionError } from '../base/misuse.js'
import { report } from '../base/report.js'
import { hush, promiseOf } from '../breaker/promises.js'
import { read } from '../options/options.js'
import { unknownOption } from '../options/unknown.js'

/** @import { ResponseLike, Verdict } from '../base/types.js' */

/** The names of the core's outcomes. */
const OUTCOMES = /** @type {const} */ ({ [SUCCESS]: 'success', [FAILURE]: 'failure', [IGNORED]: 'ignored' })

/**
 * How responses are judged.
 *
 * @typedef {object} ResponseOptions
 * @property {number[] | ((response: any) => boolean) | undefined} [failOn] The statuses that are failures, or a function that says so
 *   of a response. Default: 500, 502, 503, 504 and 529. Of the others, 408 is ignored, 429 is what `rateLimit` says, and
 *   everything else proves that the server lives.
 * @property {'pause' | 'failure' | 'ignored' | undefined} [rateLimit] What a 429 means. `'pause'`, the default: with a `Retry-After` it opens
 *   the circuit for that long, without one it is ignored.
 */

/**
 * Makes a `classify` function for breakers whose calls give a `Response`. Errors are left to the breaker: a refusal of another breaker is
 * ignored, any other is a failure. A failure carries its `Retry-After` along (seconds, or a date in any of the three forms of HTTP, measured
 * against the response's own; `retry-after-ms` goes before it; anything else is as none), which lengthens the open time up to the
 * breaker's `maxRetryAfter`, and an error that names its status, to be the `cause` of refusals.
 *
 * @param {ResponseOptions} [options]
 * @returns {(error: unknown, response: ResponseLike) => Verdict | undefined}
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong.
 *
 * @example
 * const breaker = new CircuitBreaker({ classify: classifyResponse() })
 * const response = await breaker.call(fetch, 'https://api.example.com/users')
 */
export function classifyResponse(options = {}) {
  const { failOn, rateLimit = 'pause', ...unknown } = /** @type {ResponseOptions} */ (read('options', options))
  for (const name of Object.keys(unknown)) throw unknownOption(name, ['failOn', 'rateLimit'])
  if (typeof rateLimit !== 'string' || !Object.hasOwn(RATE_LIMITS, rateLimit)) throw optionError(TypeError, 'rateLimit', "'pause', 'failure' or 'ignored'", rateLimit)
  const fails = failing(failOn)
  const limit = RATE_LIMITS[rateLimit]
  // What the core said of statuses below 400, which depends on nothing else where no function is asked: 200 ns of a request.
  /** @type {Verdict[]} */
  const known = []
  const isKnown = typeof failOn !== 'function'
  return (error, response) => {
    // What the breaker makes of it without a judge.
    if (error !== undefined || response === undefined || response === null) return undefined
    const { status } = response
    if (isKnown && known[status] !== undefined) return known[status]
    const engine = startEngine()
    const failed = fails?.(response)
    const says = failed === undefined ? SAYS_NOTHING : failed ? SAYS_FAILURE : SAYS_GOOD
    const judged = engine.judgeResponse(response, says, limit, Date.now())
    const outcome = OUTCOMES[/** @type {keyof typeof OUTCOMES} */ (judged % TRIPS)]
    if (outcome !== 'failure') {
      if (isKnown && status < 400) known[status] = outcome
      return outcome
    }
    // The response itself would keep its body, and with it a connection, for as long as the circuit is open.
    const cause = withoutStack(Error, `HTTP status ${response.status}`, {})
    return { outcome, retryAfter: engine.judgedRetryAfter(), trip: judged >= TRIPS, cause }
  }
}

/**
 * @param {ResponseOptions['failOn']} failOn
 * @returns {((response: ResponseLike) => boolean | undefined) | undefined} Answers undefined where nothing is known.
 */
function failing(failOn) {
  if (failOn === undefined) return undefined
  if (typeof failOn === 'function') return (response) => ask(failOn, response)
  const isStatus = (/** @type {unknown} */ status) => Number.isInteger(status) && Number(status) >= 100 && Number(status) <= 999
  if (!Array.isArray(failOn) || !failOn.every(isStatus)) throw optionError(TypeError, 'failOn', 'an array of statuses or a function (response)', failOn)
  const statuses = new Set(failOn)
  return (response) => statuses.has(response.status)
}

/**
 * What the user's function says of a response. One that throws, or answers a promise, is reported and says nothing.
 *
 * @param {(response: any) => boolean} failOn
 * @param {ResponseLike} response
 * @returns {boolean | undefined}
 */
function ask(failOn, response) {
  try {
    const answer = failOn(response)
    if (promiseOf(answer) === undefined) return Boolean(answer)
    hush(answer)
    throw misuse(TypeError, 'Expected `failOn` to answer true or false, got a promise')
  } catch (error) {
    report(error)
    return undefined
  }
}
