/**
 * A request to undici, as `key` and `fallback` see it.
 *
 * Must not know: breakers, responses.
 */
import { isSignal } from '../../options/call-options.js'
import { Upload } from './upload.js'

/** @import { HostURL } from '../../base/host-types.js' */

/**
 * The key of requests without an origin. A pool has only one, so its requests need not name it.
 *
 * @internal
 */
export const NO_ORIGIN = 'upstream'

/** What a handler needs apart from `onRequestStart`: for a connection to take over, and for a response to read. */
const TO_TAKE_OVER = ['onResponseError', 'onRequestUpgrade']
const TO_READ = ['onResponseError', 'onResponseStart', 'onResponseData', 'onResponseEnd']

/** A request as `key` and `fallback` see it. */
export class GuardedDispatch {
  /**
   * Whether the caller has its response.
   *
   * @internal
   */
  isAnswered = false

  /**
   * The body, if there is one that can fail.
   *
   * @internal
   * @type {Upload | undefined}
   */
  upload

  /** @param {any} options What was given to `dispatch`. */
  constructor(options) {
    /** What was given to undici. */
    this.options = options
  }

  /**
   * Watches the body, and gives what undici is to send.
   *
   * @internal
   */
  prepare() {
    const { body } = this.options
    if (typeof body !== 'object' || body === null) return this.options
    this.upload = new Upload(body)
    return this.upload.body === body ? this.options : { ...this.options, body: this.upload.body }
  }

  /**
   * What undici 8 demands of the handler, apart from `onRequestStart`.
   *
   * @internal
   * @returns {string[]}
   */
  get needs() {
    const { method, upgrade } = this.options
    return upgrade || method === 'CONNECT' ? TO_TAKE_OVER : TO_READ
  }

  /**
   * The caller's signal, as breakers take one. undici takes event emitters as well.
   *
   * @internal
   * @returns {AbortSignal | undefined}
   */
  get signal() {
    const { signal } = this.options
    return isSignal(signal) ? signal : undefined
  }

  /**
   * The abort by the caller's signal, if that ended the request.
   *
   * undici 8 aborts what waits for a connection without a word to the controller. Of signals that are event emitters only the reason says
   * whether they aborted, if they have one; for those without, undici's own error does.
   *
   * @internal
   * @param {unknown} error What it ended with.
   * @returns {{ reason?: unknown } | undefined}
   */
  abortedWith(error) {
    const { signal } = this.options
    return signal?.aborted === true || (signal?.reason !== undefined && signal.reason === error) ? signal : undefined
  }

  /**
   * Whether the caller asked for what can't be sent, or its body broke off.
   *
   * @internal
   * @param {unknown} error What it ended with.
   * @returns {boolean}
   */
  isOfCaller(error) {
    const { path, query } = this.options
    // undici says with a plain error that it can't put a query behind another.
    return this.upload?.brokeOffWith(error) === true || (Boolean(query) && /[?#]/.test(path))
  }

  /** @returns {string} */
  get method() {
    return this.options.method ?? 'GET'
  }

  /**
   * The URL with its query; of a request that names no origin, that of `http://upstream`.
   *
   * @returns {HostURL}
   */
  get url() {
    const { origin, path = '/', query } = this.options
    const base = new URL(origin ?? `http://${NO_ORIGIN}`)
    const text = query ? stringify(query) : ''
    const target = text === '' ? path : `${path}?${text}`
    // A path that starts with two slashes is one, and no other host.
    return target[0] === '/' ? new URL(base.origin + target) : new URL(target, base)
  }
}

/**
 * Writes a query as undici does, which uses `node:querystring`. An array gives its name once for each of its values. A value that is no
 * primitive becomes an empty text.
 *
 * @param {Record<string, unknown>} query
 */
function stringify(query) {
  const text = (/** @type {any} */ value) => {
    const isText = typeof value === 'number' ? Number.isFinite(value) : ['string', 'bigint', 'boolean'].includes(typeof value)
    return isText ? encodeURIComponent(value) : ''
  }
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => `${text(name)}=${text(one)}`))
  return pairs.join('&')
}
