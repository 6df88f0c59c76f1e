/**
 * undici through breakers: an interceptor for `Agent.compose`, with the meaning that `guardFetch` gives to everything.
 *
 * Must not know: states and policies, what a response means, or undici itself, whose handlers (`onRequestStart` and so on, undici 7
 * and newer) are all that it sees.
 */
import { CANCELLED } from '../cancelled.js'
import { verdictOn } from '../faults.js'
import { keyOf, readOptions } from '../guard.js'
import { Exchange, Head } from './exchange.js'
import { GuardedDispatch, NO_ORIGIN } from './request.js'

/** @import { CallContext } from '../../base/types.js' */
// From the public list: see `../types.js`.
/** @import { CircuitBreakerRegistry } from '../../index.js' */
/** @import { GuardOptions } from '../guard.js' */

/**
 * What undici dispatches a request with.
 *
 * @typedef {(options: any, handler: any) => boolean} Dispatch
 */

/**
 * Options of a guarding interceptor: those of breakers, of their registry, of judging responses, and those of guards.
 *
 * @typedef {GuardOptions<GuardedDispatch>} GuardDispatchOptions
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
    // A handler of undici 6 or older. undici 7 translates those before they come here; undici 8 says that it takes none. And an abort
    // beforehand is none of the server's.
    if (typeof handler?.onRequestStart !== 'function' || dispatched?.signal?.aborted === true) return dispatch(dispatched, handler)
    const request = new GuardedDispatch(dispatched)
    const breaker = registry.get(key === undefined ? originOf(dispatched.origin) : keyOf(key, request))
    const exchange = new Exchange(handler, request, settleOn === 'body')
    const sent = request.prepare()
    let hasRoom = true
    const send = (/** @type {CallContext | undefined} */ context) =>
      new Promise((resolve, reject) => {
        exchange.begin(resolve, reject)
        context?.signal.addEventListener('abort', () => exchange.giveUp(context.signal.reason))
        hasRoom = dispatch(sent, exchange)
      })
    const { signal } = request
    // The fallback gets the request. Only a call that may be cut off by its breaker needs a signal of its own: what the caller's ends, undici ends.
    const called =
      mayTimeOut || signal !== undefined
        ? breaker.callWith({ signal }, (_, context) => send(mayTimeOut ? context : undefined), request)
        : breaker.call((_) => send(undefined), request)
    const ended = called
      .then((/** @type {unknown} */ value) => (value === CANCELLED || value instanceof Head ? undefined : exchange.answer(/** @type {Response} */ (value))))
      .catch((/** @type {unknown} */ error) => exchange.end(error))
    if (request.upload !== undefined) ended.finally(() => request.upload?.release())
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
  if (origin !== latest) [latest, latestOrigin] = [origin, URL.canParse(origin) ? new URL(origin).origin : origin]
  return latestOrigin
}
