/**
 * undici through breakers: an interceptor for `Agent.compose`, with the meaning that `guardFetch` gives to everything.
 *
 * Must not know: states and policies, what a response means, or undici itself, whose handlers (`onRequestStart` and so on, undici 7
 * and newer) are all that it sees.
 */
import { ifAny } from '../../base/host.js'
import { CANCELLED } from '../cancelled.js'
import { verdictOn } from '../faults.js'
import { isObject, keyOf, readOptions } from '../guard.js'
import { Exchange, Head } from './exchange.js'
import { GuardedDispatch, NO_ORIGIN } from './request.js'

/** @import { CallContext } from '../../base/types.js' */
// From the public list: see `../types.js`.
/** @import { CircuitBreakerRegistry } from '../../index.js' */
/** @import { GuardOptions } from '../guard.js' */
/** @import { DispatchAnswer } from '../types.js' */

/**
 * What undici dispatches a request with.
 *
 * @typedef {(options: any, handler: any) => boolean} Dispatch
 */

/**
 * Options of a guarding interceptor: those of breakers, of their registry, of judging responses, and those of guards.
 *
 * @typedef {GuardOptions<GuardedDispatch, DispatchAnswer>} GuardDispatchOptions
 */

/**
 * An interceptor for `Agent.compose`, with its breakers.
 *
 * @typedef {((dispatch: Dispatch) => Dispatch) & { readonly registry: CircuitBreakerRegistry<string> }} GuardingInterceptor
 */

/**
 * An interceptor that asks a breaker before each request.
 *
 * Interceptors that come after it in `compose` are around it: a `retry` there has each attempt count.
 *
 * @param {GuardDispatchOptions} [options] As those of `guardFetch`, without `fetch`. `failOn` gets `{ status, headers }`.
 * @returns {GuardingInterceptor}
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong.
 *
 * @example
 * const agent = new Agent().compose(guardDispatch({ failureThreshold: 3, timeout: 2000 }))
 * const { statusCode, body } = await request('https://api.example.com/users', { dispatcher: agent })
 */
export function guardDispatch(options = {}) {
  const { key, settleOn, registry, mayTimeOut } = readOptions(options, {
    verdictOn,
    responseOf,
    isAnswered: (/** @type {GuardedDispatch} */ request) => request.isAnswered,
    seen: (request) => request
  })
  /** @type {(dispatch: Dispatch) => Dispatch} */
  const interceptor = (dispatch) => (dispatched, handler) => {
    // What undici refuses it refuses unguarded. So it does with a handler of undici 6 or older, which undici 7 translates before it comes
    // here and undici 8 takes none of. And an abort beforehand is none of the server's.
    if (typeof handler?.onRequestStart !== 'function' || !isObject(dispatched) || dispatched.signal?.aborted === true) return dispatch(dispatched, handler)
    const request = new GuardedDispatch(dispatched)
    const breaker = registry.get(key === undefined ? originOf(dispatched.origin) : keyOf(key, request))
    const exchange = new Exchange(handler, request, breaker.name, settleOn === 'body')
    const sent = request.prepare()
    let hasRoom = true
    let isLate = false
    /** @type {{ error: unknown } | undefined} */
    let thrown
    const send = (/** @type {GuardedDispatch} */ { signal }, /** @type {CallContext} */ context) =>
      new Promise((resolve, reject) => {
        exchange.begin(context, resolve, reject)
        // What the caller's signal ends, undici ends.
        if (mayTimeOut) context.signal.addEventListener('abort', () => signal?.aborted || exchange.giveUp(context.signal.reason))
        try {
          hasRoom = exchange.send(dispatch, sent)
        } catch (error) {
          // One that waited for the fleet of its breaker has nobody to throw to.
          if (isLate) reject(error)
          else if (exchange.refuse(error)) thrown = { error }
        }
      })
    const ended = breaker.callWith({ signal: request.signal }, send, request).then(
      (value) => (value === CANCELLED || value instanceof Head ? undefined : exchange.answer(value)),
      (error) => exchange.end(error)
    )
    if (request.upload !== undefined) ended.finally(() => request.upload?.release())
    if (thrown !== undefined) throw thrown.error
    isLate = true
    return hasRoom
  }
  return Object.defineProperty(/** @type {any} */ (interceptor), 'registry', /** @type {any} */ ({ __proto__: null, value: registry, enumerable: true }))
}

/**
 * The response that undici's interceptor `responseError` made an error of, where that is inside the guard.
 *
 * @param {any} error
 */
function responseOf(error) {
  return error?.code === 'UND_ERR_RESPONSE' ? new Head(error.statusCode, error.headers) : undefined
}

/** The origin parsed last, which is mostly the one that is asked for again. */
let [latest, latestOrigin] = ['', '']

/**
 * @param {string | URL | undefined} origin
 * @returns {string}
 */
function originOf(origin) {
  if (origin === undefined || origin === null) return NO_ORIGIN
  if (typeof origin !== 'string') return origin.origin
  if (origin !== latest) {
    latest = origin
    // Not every host has `URL.canParse`: the jsdom of Jest 29 lacks it.
    latestOrigin = ifAny(() => new URL(origin).origin) ?? origin
  }
  return latestOrigin
}
