/**
 * What the caller's handler steers its request with.
 *
 * Must not know: breakers, and what the caller does with it.
 */

/** What the caller's handler steers the request with. What it aborts, nobody is to blame for. */
export class Controller {
  /** undici's own, if there is one. @type {any} */
  #real
  /** Where undici has none. @type {Uint8Array[] | null} */
  #rawHeaders = null
  #aborted = false
  /** @type {unknown} */
  #reason = null

  /**
   * Has it steer nothing any more: the response does not come from undici.
   *
   * @param {Uint8Array[]} rawHeaders
   */
  detach(rawHeaders) {
    this.#real = undefined
    this.#rawHeaders = rawHeaders
  }

  /** @param {any} real */
  attach(real) {
    this.#real = real
  }

  /** @param {unknown} reason */
  abort(reason) {
    this.#aborted = true
    this.#reason = reason
    this.#real?.abort(reason)
  }

  pause() {
    this.#real?.pause()
  }

  resume() {
    this.#real?.resume()
  }

  get paused() {
    return this.#real?.paused ?? false
  }

  get aborted() {
    return this.#aborted || (this.#real?.aborted ?? false)
  }

  get reason() {
    return this.#aborted ? this.#reason : (this.#real?.reason ?? null)
  }

  get rawHeaders() {
    return this.#real === undefined ? this.#rawHeaders : (this.#real.rawHeaders ?? null)
  }

  // Interceptors of undici's own replace them, for example that which decompresses.
  set rawHeaders(value) {
    if (this.#real === undefined) this.#rawHeaders = value
    else this.#real.rawHeaders = value
  }

  get rawTrailers() {
    return this.#real?.rawTrailers ?? null
  }

  set rawTrailers(value) {
    if (this.#real !== undefined) this.#real.rawTrailers = value
  }

  /** Whether it was the caller who aborted. */
  get isCancelled() {
    return this.#aborted
  }
}
