/**
 * What the caller's handler steers its request with.
 *
 * Must not know: breakers, and what the caller does with it.
 */

/**
 * What is steered.
 *
 * @typedef {object} Steered
 * @property {(isPaused: boolean) => void} onPause The handler wants no more for now, or it does again.
 * @property {(reason: unknown) => void} onAbort The handler has aborted.
 */

/** What the caller's handler steers the request with, whoever answers that. */
export class Controller {
  /** undici's own, or that of an answer in its place; none before there is one. @type {any} */
  #real
  #steered
  #isCancelled = false
  /** @type {unknown} */
  #reason = null

  /** @param {Steered} steered Told of all that. */
  constructor(steered) {
    this.#steered = steered
  }

  /** @param {any} real What it steers from now on. */
  attach(real) {
    this.#real = real
  }

  /** @param {unknown} reason */
  abort(reason) {
    if (!this.#isCancelled) {
      this.#isCancelled = true
      this.#reason = reason
    }
    this.#real?.abort(reason)
    this.#steered.onAbort(reason)
  }

  /** Takes an abort back: of a deadline that a fallback answers, the handler is told the answer. */
  forgive() {
    this.#isCancelled = false
  }

  pause() {
    this.#real?.pause()
    this.#steered.onPause(true)
  }

  resume() {
    // Before the real one, which may have a piece at once.
    this.#steered.onPause(false)
    this.#real?.resume()
  }

  get paused() {
    return this.#real?.paused ?? false
  }

  get aborted() {
    return this.#isCancelled || (this.#real?.aborted ?? false)
  }

  get reason() {
    return this.#isCancelled ? this.#reason : (this.#real?.reason ?? null)
  }

  get rawHeaders() {
    return this.#real === undefined ? null : this.#real.rawHeaders
  }

  // Interceptors of undici's own replace them, for example that which decompresses.
  set rawHeaders(value) {
    if (this.#real !== undefined) this.#real.rawHeaders = value
  }

  get rawTrailers() {
    return this.#real === undefined ? null : this.#real.rawTrailers
  }

  set rawTrailers(value) {
    if (this.#real !== undefined) this.#real.rawTrailers = value
  }

  /** Whether it was the caller who aborted. */
  get isCancelled() {
    return this.#isCancelled
  }
}
