/**
 * What the errors of `fetch` and of undici say of the server, where they do not say that it failed: many are about what the caller asked
 * for, and some come after the server has answered.
 *
 * Must not know: breakers and responses.
 *
 * All of those are rejections like any other. What tells them from a failing network is how the runtimes put it: in a code, or in a text
 * that never changes. Browsers say nothing: there, a redirect that was refused looks like a server that is away.
 */
import { bodyOf, isMalformed, isRequest, isUnreadable, originOf } from './requests.js'

/** @import { FetchInit, FetchInput } from './types.js' */

/** The server answered, and its answer was not taken: a redirect, mostly, or not the bytes that were asked for. */
const LIVES = [
  // undici, and so Node.
  'unexpected redirect', 'redirect count exceeded', 'URL scheme must be a HTTP(S) scheme', 'integrity mismatch', 'max redirects',
  'UND_ERR_REDIRECT_MAX', 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  // Bun.
  'UnexpectedRedirect', 'TooManyRedirects', 'UnsupportedRedirectProtocol',
  // Deno.
  "Fetch failed: Encountered redirect while redirect mode is set to 'error'", 'Fetch failed: Maximum number of redirects (20) reached',
  'Fetch failed: Can not redirect to a non HTTP(s) url',
  // node-fetch.
  'no-redirect', 'max-redirect'
]

/** The request never reached the server: it is malformed, or the caller's own pool is closed or full. */
const NOBODYS_FAULT = [
  'UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_INVALID_RETURN_VALUE', 'UND_ERR_ABORTED', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'UND_ERR_MAX_ORIGINS_REACHED', 'UND_ERR_BPL_MISSING_UPSTREAM', 'bad port', 'unknown scheme'
]

/** With this Node refuses a Request that is not its own, for example undici's: it takes it for a text. */
const NO_URL = /^Failed to parse URL from /

/** With this text undici aborts a request that its proxy did not let through. */
const OF_PROXY = /^Proxy response/

/**
 * What an error says of the server by itself.
 *
 * @param {unknown} error
 * @returns {'success' | 'ignored' | undefined} Undefined where it is a failure like any other.
 */
export function verdictOn(error) {
  try {
    return verdictBySigns(/** @type {any} */ (error))
  } catch {
    // A hostile object, which is a failure like any other.
    return undefined
  }
}

/** @param {any} error */
function verdictBySigns(error) {
  const { code, type, message, cause } = Object(error)
  const signs = [code, type, message, cause?.code, cause?.message]
  if (signs.some((sign) => LIVES.includes(sign))) return 'success'
  if (NO_URL.test(message)) return 'ignored'
  return signs.some((sign) => NOBODYS_FAULT.includes(sign)) && !signs.some((sign) => OF_PROXY.test(sign)) ? 'ignored' : undefined
}

/**
 * What an error of `fetch` says of the server, by itself and by what was asked for.
 *
 * @param {unknown} error
 * @param {FetchInput} input
 * @param {FetchInit} init
 * @param {boolean} wasSpent Whether the body was read before.
 * @returns {'success' | 'ignored' | undefined} Undefined where it is a failure like any other.
 */
export function verdictOnFetch(error, input, init, wasSpent) {
  try {
    if (isUnreadable(input, init)) return 'ignored'
    const isMisuse = isTypeError(error) && (wasSpent || isMalformed(input, init) || isBlocked(/** @type {Error} */ (error), input, init))
    return isMisuse || brokeOff(bodyOf(input, init)) ? 'ignored' : verdictBySigns(error)
  } catch {
    return undefined
  }
}

/**
 * Whether it is a TypeError, also one of another realm: in Jest, `fetch` and its errors are the host's.
 *
 * @param {unknown} error
 */
function isTypeError(error) {
  return error instanceof TypeError || (Object.prototype.toString.call(error) === '[object Error]' && /** @type {Error} */ (error).name === 'TypeError')
}

/** By this Node and Bun know a stream that failed. */
const ERRORED = /* @__PURE__ */ Symbol.for('nodejs.stream.errored')

/**
 * Whether the body of a request failed by itself. One that `fetch` gave up, since the server broke off, is cancelled instead. Where no
 * stream says so, nobody can tell the two apart.
 *
 * @param {any} body
 */
function brokeOff(body) {
  return typeof body === 'object' && body !== null && body[ERRORED] === true
}

/** More bytes than that a browser takes from nobody, if the request is to outlive its page. */
const MOST_KEPT_ALIVE = 65_536

/**
 * Whether a browser sent no request at all: of another origin than its page, while it was to be of the same, or with too large a body for
 * `keepalive`. A browser says no more than that it failed.
 *
 * @param {Error & { code?: unknown }} error
 * @param {FetchInput} input
 * @param {FetchInit} init
 */
function isBlocked({ code, cause }, input, init) {
  const { location } = /** @type {{ location?: { origin: string } }} */ (globalThis)
  if (location === undefined || code !== undefined || cause !== undefined) return false
  const request = isRequest(input) ? input : undefined
  const { mode = request?.mode, keepalive = request?.keepalive, body } = /** @type {any} */ (init ?? {})
  if (mode === 'same-origin' && originOf(input) !== location.origin) return true
  return keepalive === true && (body?.size ?? body?.byteLength ?? body?.length) > MOST_KEPT_ALIVE
}
