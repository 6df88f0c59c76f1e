/**
 * The reading of a body whose call lasts until it is over: the time of the call runs only while somebody waits for the next piece.
 *
 * Must not know: breakers, handlers, and what a response means.
 */

/** How long a body may lie unread before its call is over, in ms, where there is no time limit. */
const UNREAD = 1000

/** The reading of one body. */
export class Reading {
  /** Whether a piece of it has come. */
  hasPiece = false
  /** Whether nobody waits for the next piece. */
  isPaused = false
  /** Whether the call was over before the body. */
  #isOutlived = false
  #isOver = false
  #timeout
  #waits
  #onUnread
  #onStall
  /** @type {any} */
  #timer

  /**
   * @param {object} call
   * @param {(waits: boolean) => number} call.waits Begins the time of the call anew, or stops it. Answers the time limit in ms, NaN where there is none.
   * @param {() => void} call.onUnread Told where nobody asked for a piece for too long: the call is over, the body is not.
   * @param {(timeout: number) => void} call.onStall Told where, after that, somebody waited for a piece for too long.
   */
  constructor({ waits, onUnread, onStall }) {
    this.#waits = waits
    this.#onUnread = onUnread
    this.#onStall = onStall
    this.#timeout = waits(true)
  }

  /** A piece is there. */
  piece() {
    this.hasPiece = true
    if (!this.isPaused) this.#await()
  }

  /** @param {boolean} isPaused */
  pause(isPaused) {
    if (this.isPaused === isPaused || this.#isOver) return
    this.isPaused = isPaused
    if (!isPaused) return this.#await()
    this.#clear()
    if (this.#isOutlived) return
    this.#waits(false)
    this.#set(() => {
      this.#isOutlived = true
      this.#onUnread()
    }, Number.isNaN(this.#timeout) ? UNREAD : this.#timeout)
  }

  /** Nothing more comes. */
  end() {
    this.#isOver = true
    this.#clear()
  }

  /** Somebody waits for the next piece. */
  #await() {
    this.#clear()
    if (!this.#isOutlived) this.#waits(true)
    else if (!Number.isNaN(this.#timeout)) this.#set(() => this.#onStall(this.#timeout), this.#timeout)
  }

  /**
   * Sets a timer that keeps no process alive. What came while the process was busy is read first.
   *
   * @param {() => void} due
   * @param {number} ms
   */
  #set(due, ms) {
    const { setImmediate } = /** @type {any} */ (globalThis)
    /** @type {any} */
    const timer = setTimeout(() => setImmediate(() => this.#timer === timer && due()), ms)
    timer.unref?.()
    this.#timer = timer
  }

  #clear() {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
