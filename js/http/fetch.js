/**
 * `fetch` through breakers, one for each origin.
 *
 * Must not know: states and policies, or what a response means. It makes requests, finds their breaker and says when a call
 * is over.
 *
 * A signal of the caller's outlives many calls, so none of ours may stay on it. Where no call can time out, `fetch` gets the
 * caller's signal itself. Where one can, it gets the call's own, which follows the caller's for as long as there is a body
 * to abort.
 */
import { canBeWatched, discard, watched } from './body.js'
import { verdictOnFetch } from './faults.js'
import { abortWith } from './followers.js'
import { check, isFunctionOrUndefined, keyOf, readOptions } from './guard.js'
import { read } from '../options/options.js'
import { FetchRequest, isSpent, originOf, withSignal } from './requests.js'

/** @import { CircuitBreaker } from '../breaker/circuit-breaker.js' */
/** @import { CallContext } from '../base/types.js' */
/** @import { Send } from './requests.js' */
/** @import { FetchLike, HostFetch } from '../base/host-types.js' */
/** @import { GuardedFetch, GuardedRequest, GuardFetchOptions } from './types.js' */

/** What is known of errors that are no failures. @type {WeakMap<object, 'success' | 'ignored'>} */
const verdicts = /* @__PURE__ */ new WeakMap()

/**
 * A drop-in `fetch` that asks a breaker first.
 *
 * Failures are network errors, timeouts, deadlines of the caller's signal and the statuses that `failOn` says. Any other abort of the
 * caller's is ignored and keeps its reason, and so is a request that `fetch` finds malformed.
 *
 * @template {FetchLike} [F=HostFetch] The type of the `fetch` that is asked for: where nothing says so, the global one's.
 * @param {GuardFetchOptions} [options]
 * @returns {GuardedFetch<F>}
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong.
 *
 * @example
 * const guarded = guardFetch({ failureThreshold: 3, timeout: 2000 })
 * const response = await guarded('https://api.example.com/users')
 */
export function guardFetch(options = {}) {
  const { fetch, ...others } = /** @type {any} */ (read('options', options))
  check('fetch', fetch, 'a function', isFunctionOrUndefined)
  const { key, settleOn, registry, mayTimeOut } = readOptions(others, {
    verdictOn: (error) => verdicts.get(/** @type {object} */ (error)),
    isAnswered: (/** @type {FetchRequest} */ request) => request.isAnswered,
    seen: (/** @type {FetchRequest} */ request) => /** @type {GuardedRequest} */ (request.description)
  })

  /** @type {Send} */
  const send = async (request, init = request.init) => {
    const { input, init: given } = request
    const spent = isSpent(input, given)
    try {
      return await (fetch ?? globalThis.fetch)(input, init)
    } catch (error) {
      const verdict = verdictOnFetch(error, input, given, spent)
      // The same error may come for another request. Of what is no object nothing can be noted.
      if (typeof error === 'object' && error !== null) verdict === undefined ? verdicts.delete(error) : verdicts.set(error, verdict)
      throw error
    }
  }
  /** @type {Send} */
  const unguarded = async ({ input, init }) => (fetch ?? globalThis.fetch)(input, init)
  const guard = settleOn === 'body' ? untilBody : mayTimeOut ? untilHeadersInTime : untilHeaders

  /** @type {typeof globalThis.fetch} */
  const guarded = (input, init) => {
    const request = new FetchRequest(input, init)
    try {
      // An abort beforehand is none of the server's: fetch deals with it, and with the body that goes with it.
      if (request.signal?.aborted) return unguarded(request)
      let name
      if (key === undefined) name = originOf(input)
      else if (request.description !== undefined) name = keyOf(key, request.description)
      // Where there is nothing to guard, fetch itself says what is wrong, if anything is.
      return name === undefined ? unguarded(request) : guard(registry.get(name), send, request)
    } catch (error) {
      return Promise.reject(error)
    }
  }
  return Object.defineProperty(/** @type {any} */ (guarded), 'registry', /** @type {any} */ ({ __proto__: null, value: registry, enumerable: true }))
}

/**
 * The call lasts until the headers are there, or until its caller goes.
 *
 * @param {CircuitBreaker} breaker
 * @param {Send} send
 * @param {FetchRequest} request
 * @returns {Promise<Response>}
 */
function untilHeaders(breaker, send, request) {
  const { signal } = request
  return signal === undefined ? breaker.call(send, request) : breaker.callWith({ signal }, (request) => send(request), request)
}

/**
 * The call lasts until the headers are there, or its time is up.
 *
 * @param {CircuitBreaker} breaker
 * @param {Send} send
 * @param {FetchRequest} request
 * @returns {Promise<Response>}
 */
function untilHeadersInTime(breaker, send, request) {
  const { signal } = request
  return breaker.callWith({ signal }, (request, context) => sendInTime(send, request, context, signal), request)
}

/**
 * @param {Send} send
 * @param {FetchRequest} request
 * @param {CallContext} context
 * @param {AbortSignal | undefined} signal The caller's.
 * @returns {Promise<Response>}
 */
function sendInTime(send, request, context, signal) {
  const own = context.signal
  return send(request, withSignal(request.init, own)).then((response) => {
    if (own.aborted) discard(response)
    if (signal !== undefined) abortWith(signal, context, response)
    return response
  })
}

/**
 * The call lasts until the body was read; the caller gets the response as soon as it is there.
 *
 * @param {CircuitBreaker} breaker
 * @param {Send} send
 * @param {FetchRequest} request
 * @returns {Promise<Response>}
 */
function untilBody(breaker, send, request) {
  return new Promise((resolve, reject) => {
    // Let go once the response is handed out: through it, the call would keep a response that its caller forgot.
    /** @type {{ resolve: (response: any) => void, reject: (error: unknown) => void } | undefined} */
    let caller = { resolve, reject }
    const { signal } = request
    /** @type {(request: FetchRequest, context: CallContext) => Promise<any>} */
    const sendAndWait = async ({ init }, context) => {
      const response = await send(request, withSignal(init, context.signal))
      if (context.signal.aborted) discard(response)
      if (!response.ok || !canBeWatched(response)) {
        if (signal !== undefined) abortWith(signal, context, response)
        return response
      }
      request.isAnswered = true
      return new Promise((done, fail) => {
        caller?.resolve(watched(response, done, fail))
        caller = undefined
      })
    }
    breaker.callWith({ signal }, sendAndWait, request).then(
      (value) => caller?.resolve(value),
      (error) => caller?.reject(error)
    )
  })
}
