/**
 * What `guardFetch` and `guardDispatch` share: their options, and the answer to a refused request.
 *
 * Must not know: how a request is made or when it is over.
 */
import { isBulkheadFullError, isCallTimeoutError, isCircuitOpenError, withoutStack } from '../base/errors.js'
import { CODES, optionError } from '../base/misuse.js'
import { hush } from '../breaker/promises.js'
import { isRefusal } from '../breaker/verdicts.js'
import { read } from '../options/options.js'
import { CircuitBreakerRegistry } from '../registry/registry.js'
import { discard } from './body.js'
import { CANCELLED } from './cancelled.js'
import { classifyResponse } from './response.js'

/** @import { CircuitBreakerRegistryOptions } from '../registry/registry.js' */
/** @import { CircuitBreakerOptions, Outcome, ResponseLike } from '../base/types.js' */
/** @import { ResponseOptions } from './response.js' */
/** @import { AnswerLike } from './types.js' */

/**
 * Options of guarded requests: those of breakers, of their registry, of judging responses, and these.
 *
 * @template Request
 * @template {AnswerLike} [Answer=AnswerLike]
 * @typedef {Omit<CircuitBreakerOptions, 'classify' | 'fallback' | 'snapshot' | 'maxRetryAfter'>
 *   & Pick<CircuitBreakerRegistryOptions, 'maxBreakers' | 'configure'> & ResponseOptions & OwnOptions<Request, Answer>} GuardOptions
 */

/**
 * The options that guards have of their own.
 *
 * @template Request
 * @template {AnswerLike} [Answer=AnswerLike]
 * @typedef {object} OwnOptions
 * @property {((request: Request) => string) | undefined} [key] Which breaker a request goes through. Default: the origin of its URL, as it
 *   was asked for: a redirect to elsewhere counts for the server that was asked. Never the path.
 * @property {{ max?: number | undefined } | undefined} [retryAfter] The longest open time that a `Retry-After` can ask for, in ms. Default 300000.
 * @property {'headers' | 'body' | undefined} [settleOn] When a call is over: once its headers are there, the default, or once the body of a good response
 *   was read, where an error in the midst of it is a failure. `timeout` is then the longest time in which the server gives nothing: until the
 *   headers, and while somebody waits for the next piece; a slow reader is nobody's fault. A reader that leaves after its first piece was
 *   served, which is a success; one that leaves before is ignored. A body that nobody reads for one `timeout`, or 1000 ms without one, ends its
 *   call: as a success where a piece is there, else ignored.
 * @property {'throw' | 'respond' | undefined} [onRefused] What a refused request gets: the error, the default, or a 503 whose body is
 *   `{ "error": { "message", "code" } }`, with `Retry-After`, `x-circuit-breaker` (the breaker's name), `x-circuit-breaker-code`, and, while the
 *   circuit is open, `x-should-retry: false`.
 * @property {((request: Request, error: unknown) => Answer | Promise<Answer>) | undefined} [fallback] Answers refused requests; with
 *   `fallbackOn: 'failure'` those too that failed without a response.
 */

/** Options of breakers that mean nothing here, and what to use. */
const REPLACED = { classify: 'failOn', maxRetryAfter: 'retryAfter: { max }', snapshot: 'configure' }

/**
 * Checks the options and makes the registry.
 *
 * @internal
 * @template Request What `key` and `fallback` see.
 * @template {{ readonly method: string }} Own What the breaker's calls are made with.
 * @param {GuardOptions<Request>} options
 * @param {object} judges
 * @param {(error: unknown) => Outcome | undefined} judges.verdictOn What an error says of the server, where it is not that it failed.
 * @param {(error: unknown) => ResponseLike | undefined} [judges.responseOf] The response that an error was made of.
 * @param {(request: Own) => boolean} judges.isAnswered Whether a request has its response already.
 * @param {(request: Own) => Request} judges.seen The request as `fallback` sees it.
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong.
 */
export function readOptions(options, { verdictOn, responseOf, isAnswered, seen }) {
  const own = /** @type {any} */ (read('options', options))
  const { key, failOn, rateLimit, retryAfter = {}, settleOn = 'headers', onRefused = 'throw', fallback, ...rest } = own
  check('key', key, 'a function', isFunctionOrUndefined)
  check('fallback', fallback, 'a function', isFunctionOrUndefined)
  check('settleOn', settleOn, "'headers' or 'body'", (value) => value === 'headers' || value === 'body')
  check('onRefused', onRefused, "'throw' or 'respond'", (value) => value === 'throw' || value === 'respond')
  check('retryAfter', retryAfter, 'an object { max }', (value) => isObject(value) && Object.keys(retryAfter).every((name) => name === 'max'))
  for (const [name, instead] of Object.entries(REPLACED)) {
    const value = /** @type {Record<string, unknown>} */ (own)[name]
    if (value !== undefined) throw optionError(TypeError, name, `left out: use \`${instead}\``, value)
  }
  const classify = classifyResponse({ failOn, rateLimit })
  const { configure, timeout } = own
  /** @type {CircuitBreakerRegistry<string>} */
  const registry = new CircuitBreakerRegistry(
    /** @type {any} */ ({
      __proto__: null,
      ...rest,
      maxRetryAfter: read('options', retryAfter).max,
      classify: judging(classify),
      fallback: fallback !== undefined || onRefused === 'respond' ? answering(fallback) : undefined,
      configure: typeof configure === 'function' ? (/** @type {string} */ name) => adapted(configure(name)) : configure
    })
  )
  return { key, settleOn, registry, mayTimeOut: timeout !== undefined || configure !== undefined }

  /**
   * A judge that is not asked where nobody learnt anything of the server.
   *
   * @param {Function} classify
   */
  function judging(classify) {
    const judge = (/** @type {unknown} */ error, /** @type {unknown} */ value) => {
      if (value === CANCELLED) return 'ignored'
      if (error === undefined) return classify(error, value)
      const response = responseOf?.(error)
      return response === undefined ? verdictOn(error) ?? classify(error, value) : classify(undefined, response)
    }
    return Object.assign(judge, { [TOLD]: toldOf })
  }

  /**
   * @param {OwnOptions<Request>['fallback']} fallback
   * @returns {(request: Own, error: unknown) => AnswerLike | Promise<AnswerLike>}
   */
  function answering(fallback) {
    const answer = (/** @type {Own} */ request, /** @type {unknown} */ error) => {
      const isRefusal = isCircuitOpenError(error) || isBulkheadFullError(error)
      // A body that breaks off has been answered by its response.
      if (fallback !== undefined && (isRefusal || !isAnswered(request))) return fallback(seen(request), error)
      if (isRefusal && onRefused === 'respond' && typeof Response === 'function') return refusalResponse(error, /^head$/i.test(request.method))
      throw error
    }
    return Object.assign(answer, { [LATE]: discard })
  }

  /**
   * What `configure` answers for one breaker, its functions taken as the guard's own are.
   *
   * @param {any} answer
   */
  function adapted(answer) {
    const { classify, fallback } = answer ?? {}
    if (typeof classify !== 'function' && typeof fallback !== 'function') return answer
    const options = /** @type {any} */ (read('options', answer))
    if (typeof options.classify === 'function') options.classify = judging(options.classify)
    if (typeof options.fallback === 'function') options.fallback = answering(options.fallback)
    return options
  }
}

/** By this a fallback has what becomes of an answer that nobody waits for any more, as the breaker has it. */
const LATE = /* @__PURE__ */ Symbol.for('halfopen.late')

/** By this a judge has what refusals tell instead of an error that it has nothing to say of, as the breaker has it. */
const TOLD = /* @__PURE__ */ Symbol.for('halfopen.told')

/**
 * A failure as refusals tell it: one whose text does not say that it timed out. The SDKs of OpenAI and Anthropic look for "timed out" in the text of
 * an error's cause, and tell their users that a request timed out, which was not even made, with no word of the refusal.
 *
 * @param {any} error
 * @returns {unknown}
 */
function toldOf(error) {
  try {
    if (!/timed? ?out/i.test(String(error)) || isRefusal(error)) return error
    const within = isCallTimeoutError(error) ? `within ${error.timeout} ms` : 'in time'
    return withoutStack(Error, `No answer ${within}`, { cause: error })
  } catch {
    // What has no text says nothing of a timeout.
    return error
  }
}

/**
 * Which breaker a request goes through, by what the option `key` says.
 *
 * @internal
 * @template Request
 * @param {(request: Request) => string} key
 * @param {Request} request
 * @throws {TypeError} `ERR_INVALID_OPTION` when it answers what is no text: a promise or an object would be another key each time.
 */
export function keyOf(key, request) {
  const answer = key(request)
  hush(answer)
  check('key', answer, 'a function that answers a text', (value) => typeof value === 'string')
  return answer
}

/**
 * A 503 that says when to come back, to people and to machines: clients parse what errors say as JSON, and `x-should-retry: false` is what
 * the SDKs of some APIs heed. Only an open circuit has it: a test request or a place among those in flight may come free at any moment.
 *
 * @param {{ message: string, code: string, state: string, retryAfter: number, breaker?: string | undefined }} error
 * @param {boolean} isToHead Whether it answers a HEAD, and so has no body.
 */
function refusalResponse({ message, code, state, retryAfter, breaker = 'open' }, isToHead) {
  /** @type {Record<string, string>} */
  const headers = {
    'content-type': 'application/json',
    // Half a surrogate pair is what encodeURI does not take.
    'x-circuit-breaker': encodeURI(breaker.replaceAll(/\p{Surrogate}/gu, '?')),
    'x-circuit-breaker-code': code
  }
  if (code === CODES.circuitOpen && state === 'open') headers['x-should-retry'] = 'false'
  // Nobody knows when an isolated circuit is released. 0 would have clients ask again without a pause.
  if (retryAfter !== Infinity) headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfter / 1000)))
  const own = (/** @type {object} */ members) => /** @type {any} */ ({ __proto__: null, ...members })
  const body = isToHead ? null : JSON.stringify(own({ error: own({ message, code }) }))
  return new Response(body, { status: 503, statusText: 'Service Unavailable', headers })
}

/**
 * @internal
 * @param {unknown} value
 */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * @internal
 * @param {unknown} value
 */
export function isFunctionOrUndefined(value) {
  return value === undefined || typeof value === 'function'
}

/**
 * @internal
 * @param {string} option
 * @param {unknown} value
 * @param {string} expected
 * @param {(value: unknown) => boolean} accepts
 */
export function check(option, value, expected, accepts) {
  if (!accepts(value)) throw optionError(TypeError, option, expected, value)
}
