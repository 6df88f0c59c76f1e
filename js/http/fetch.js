/**
 * `fetch` through breakers, one for each origin.
 *
 * Must not know: states and policies, or what a response means. It makes requests, finds their breaker and says when a call
 * is over.
 *
 * A signal of the caller's outlives many calls, so none of ours may stay on it. Where no call can time out, `fetch` gets the
 * caller's signal itself. Where one can, it gets the call's own, which follows the caller's for as long as there is a body
 * to abort. Which `fetch` that is, the global one or another, is known next door.
 */
import { ifAny } from '../base/host.js'
import { CODES, misuse } from '../base/misuse.js'
import { isSignal } from '../options/call-options.js'
import { bodyIn, canBeWatched, discard, foreignBody, watched } from './body.js'
import { verdictOnFetch } from './faults.js'
import { abortWith, HeededSignal } from './followers.js'
import { GlobalFetch, markAsGuard } from './global-fetch.js'
import { check, isFunctionOrUndefined, keyOf, readOptions } from './guard.js'
import { read } from '../options/options.js'
import { FetchRequest, isSpent, isWrongSignal, originOf } from './requests.js'

/** @import { CircuitBreaker } from '../breaker/circuit-breaker.js' */
/** @import { LentCall } from '../breaker/context.js' */
/** @import { CallContext } from '../base/types.js' */
/** @import { Send } from './requests.js' */
/** @import { FetchLike, HostFetch } from '../base/host-types.js' */
/** @import { GuardedFetch, GuardedRequest, GuardFetchOptions } from './types.js' */

/** By this the breaker lends a call: to abort a body that outlives it, and to have its time run only while somebody waits for the server. */
const CALL = /* @__PURE__ */ Symbol.for('halfopen.call')

/** What is known of errors that are no failures. @type {WeakMap<object, 'success' | 'ignored'>} */
const verdicts = /* @__PURE__ */ new WeakMap()

/**
 * A drop-in `fetch` that asks a breaker first.
 *
 * Failures are network errors, timeouts, deadlines of the caller's signal and the statuses that `failOn` says. Any other abort of the
 * caller's is ignored and keeps its reason, and so is a request that `fetch` finds malformed. A guard that never trips is not noticed: its
 * name and length are those of `fetch`, it hands on what it was given, and it gives the response that `fetch` gave, or with
 * `settleOn: 'body'` one that looks the same.
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

  const global = fetch === undefined ? new GlobalFetch() : undefined
  /** @type {(args: any) => Promise<Response>} */
  const real = global === undefined ? (args) => fetch(...args) : (args) => global.call(args)
  /** @type {Send} */
  const send = async (request, signal) => {
    const { input, init } = request
    let spent = false
    request.isSent = true
    try {
      spent = isSpent(input, init)
      return await real(signal === undefined ? request.args : request.argsWith(signal))
    } catch (error) {
      const verdict = verdictOnFetch(error, input, init, spent)
      // The same error may come for another request. Of what is no object nothing can be noted.
      if (typeof error === 'object' && error !== null) verdict === undefined ? verdicts.delete(error) : verdicts.set(error, verdict)
      throw error
    }
  }
  /** @type {(args: any) => Promise<Response>} */
  const unguarded = async (args) => real(args)
  const guard = settleOn === 'body' ? untilBody : mayTimeOut ? untilHeadersInTime : untilHeaders
  const replacesSignal = guard !== untilHeaders

  /** @type {(...args: any) => Promise<Response>} */
  const guarded = (...args) => {
    try {
      if (global?.isCalledByItself(args)) return callFirst(global, args)
      const request = new FetchRequest(args)
      const { input, signal } = request
      // An abort beforehand is none of the server's: fetch deals with it, and with the body that goes with it. And fetch itself says what is
      // wrong with what is no request at all, or with a signal that it would not take.
      if (args.length === 0 || (signal !== undefined && !isWatchable(signal))) return unguarded(args)
      let name
      if (key === undefined) name = originOf(input)
      else if (request.description !== undefined) name = keyOf(key, request.description)
      // Where there is nothing to guard, fetch itself says what is wrong, if anything is.
      if (name === undefined) return unguarded(args)
      const called = guard(registry.get(name), send, request)
      if (request.isSent || !signal?.aborted) return called
      // It aborted while the call was about to begin: still nothing to guard.
      called.catch(() => {})
      return unguarded(args)
    } catch (error) {
      return Promise.reject(error)
    }
  }
  const under = fetch ?? global?.first
  markAsGuard(guarded, under)
  const members = { name: 'fetch', length: 1 }
  for (const [name, value] of Object.entries(members)) Object.defineProperty(guarded, name, /** @type {any} */ ({ __proto__: null, value, configurable: true }))
  Object.defineProperty(/** @type {any} */ (guarded), 'registry', /** @type {any} */ ({ __proto__: null, value: registry, enumerable: true }))
  // What it has of its own to be called, such as Bun's `preconnect`. Where that is the fetch itself, as its `default` in some packages, it is the guard.
  for (const [name, property] of Object.entries(ifAny(() => Object.getOwnPropertyDescriptors(under)) ?? {})) {
    const { value } = property
    if (typeof value !== 'function' || name in guarded) continue
    if (value === under) property.value = guarded
    Object.defineProperty(guarded, name, Object.setPrototypeOf(property, null))
  }
  return /** @type {any} */ (guarded)

  /**
   * Whether a guard can heed a signal, and fetch would. Where fetch gets the signal itself, it says so itself.
   *
   * @param {AbortSignal} signal
   */
  function isWatchable(signal) {
    return isSignal(signal) && !signal.aborted && !(replacesSignal && global !== undefined && isWrongSignal(signal))
  }
}

/**
 * The `fetch` that was there before: no breaker is asked twice for one request.
 *
 * @param {GlobalFetch} global
 * @param {any} args
 */
async function callFirst({ first }, args) {
  return /** @type {any} */ (first)(...args)
}

/**
 * @param {CallContext} context
 * @returns {LentCall}
 */
const callOf = (context) => /** @type {any} */ (context)[CALL]

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
  return send(request, own).then((response) => {
    if (own.aborted) discard(response)
    if (signal !== undefined) abortWith(signal, callOf(context), response)
    return response
  })
}

/**
 * The call lasts until the body was read, or nobody reads it; the caller gets the response as soon as it is there.
 *
 * @param {CircuitBreaker} breaker
 * @param {Send} send
 * @param {FetchRequest} request
 * @returns {Promise<Response>}
 */
function untilBody(breaker, send, request) {
  /** @type {Promise<{ response: any }>} */
  const handed = new Promise((resolve, reject) => {
    /** @type {ReturnType<typeof watched>['reading']} */
    let reading
    const { signal } = request
    const heeded = signal === undefined ? undefined : new HeededSignal(signal)
    /** @type {(request: FetchRequest, context: CallContext) => Promise<any>} */
    const sendAndWait = async (request, context) => {
      const response = await send(request, context.signal)
      if (context.signal.aborted) {
        discard(response)
        return response
      }
      // Whatever some fetch gives is handed on, though it is no response at all.
      const isGood = ifAny(() => response.ok)
      if (isGood) refuseForeign(response)
      if (!isGood || !canBeWatched(response) || isEmpty(response)) {
        if (signal !== undefined) abortWith(signal, callOf(context), response)
        return response
      }
      request.isAnswered = true
      const call = callOf(context)
      return new Promise((done, fail) => {
        const { ours, reading: begun } = watched(response, {
          done,
          fail,
          waits: (waits) => call.waits(waits),
          abort: (reason) => call.abort(reason),
          end: () => heeded?.stop(),
          breaker: breaker.name
        })
        reading = begun
        if (reading === undefined) {
          if (signal !== undefined) abortWith(signal, call, ours)
          return done(ours)
        }
        if (heeded !== undefined) heeded.hasLeft = (reason) => reading?.leave(reason) === true
        resolve({ response: ours })
      })
    }
    breaker
      .callWith({ signal: /** @type {any} */ (heeded) }, sendAndWait, request)
      .then(
        (response) => {
          if (reading === undefined) heeded?.stop()
          return { response }
        },
        (error) => {
          if (reading === undefined) heeded?.stop()
          else reading.cut(error)
          throw error
        }
      )
      // By the promise's own functions, since an error's stack leads to the caller through no others.
      .then(resolve, reject)
  })
  return handed.then((box) => {
    const { response } = box
    // Through it, the call would keep a response that its caller forgot.
    box.response = undefined
    return response
  })
}

/**
 * Whether a response says that its body is empty: the call is over at once.
 *
 * @param {Response} response
 */
function isEmpty(response) {
  return ifAny(() => response.headers.get('content-length') === '0')
}

/**
 * Of the body of some other `fetch` nobody could say when it was read.
 *
 * @param {Response} response
 * @throws {TypeError} `ERR_INVALID_OPTION`.
 */
function refuseForeign(response) {
  const found = foreignBody(bodyIn(response))
  if (found === undefined) return
  discard(response)
  const message = `Expected \`fetch\` to give bodies that are streams of the web with \`settleOn: 'body'\`, got ${found}`
  const error = misuse(TypeError, message, CODES.invalidOption, { option: 'fetch' })
  verdicts.set(error, 'success')
  throw error
}
