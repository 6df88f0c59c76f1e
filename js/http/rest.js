/**
 * Whether anybody waits for the next piece of a body whose call lasts until the body is over. The time of the call runs only then, and where
 * nobody waits for too long, the call is over before the body is.
 *
 * Must not know: where the pieces come from, and what a call that is over comes to.
 */
import { timeoutError } from '../base/errors.js'

/** How long a body may lie unread before its call is over, in ms, where the call has no time limit. */
const PATIENCE = 1000

/**
 * What a body has of its call, and what it is told.
 *
 * @typedef {object} RestingCall
 * @property {(waits: boolean) => number} waits Begins the time of the call anew, or stops it. Answers the time limit in ms, NaN where there is none.
 * @property {string | undefined} breaker Whose name a timeout bears that comes after the call.
 * @property {() => void} onUnread Told where nobody waited for a piece for too long: the call is over, the body is not.
 * @property {(error: unknown) => void} onStall Told where, after that, somebody waited for a piece for too long. No call hears of it any more.
 */

/** The wait for one body. */
export class Rest {
  /** Whether a piece has come. */
  hasPiece = false
  /** Whether nobody waits for the next piece. */
  isResting = false
  /** Whether the call is over. The body may go on. */
  isOver = false
  #call
  #timeout
  /** @type {any} */
  #timer

  /**
   * Somebody waits for the first piece.
   *
   * @param {RestingCall} call
   */
  constructor(call) {
    this.#call = call
    this.#timeout = call.waits(true)
  }

  /** A piece is there: who waits now waits for the next. */
  piece() {
    this.hasPiece = true
    if (!this.isResting) this.#wait()
  }

  /** @param {boolean} isResting Whether nobody waits for the next piece. */
  rest(isResting) {
    if (this.isResting === isResting) return
    this.isResting = isResting
    if (!isResting) return this.#wait()
    this.#clear()
    if (this.isOver) return
    this.#call.waits(false)
    this.#set(() => {
      this.isOver = true
      this.#call.onUnread()
    }, this.#timeout || PATIENCE)
    // That nobody reads keeps no process alive.
    this.#timer.unref?.()
  }

  /** Nothing more comes. */
  end() {
    this.isOver = true
    this.#timeout = NaN
    this.#clear()
  }

  #wait() {
    this.#clear()
    if (!this.isOver) this.#call.waits(true)
    else if (this.#timeout) this.#set(() => this.#call.onStall(timeoutError(this.#timeout, this.#call.breaker)), this.#timeout)
  }

  /**
   * What came while the process was busy is read first.
   *
   * @param {() => void} due
   * @param {number} ms
   */
  #set(due, ms) {
    const { setImmediate = (/** @type {() => void} */ turn) => turn() } = /** @type {any} */ (globalThis)
    /** @type {any} */
    const timer = setTimeout(() => setImmediate(() => this.#timer === timer && due()), ms)
    this.#timer = timer
  }

  #clear() {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
