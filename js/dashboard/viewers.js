/**
 * Those who look: each gets all there is, and what changed once a second. The timer ends with the last of them.
 *
 * Must not know: what is in a message, what carries it. A viewer who does not read is sent nothing: it gets all there is once it reads again, and is
 * let go where it never does.
 */
import { report } from '../base/report.js'

/** Between two readings, in ms. */
const EVERY = 1000
/** A viewer who reads nothing for so many turns is let go. */
const PATIENCE = 30
/** After so many turns a viewer has to come again, and to be let in again: ten minutes. */
const LONGEST = 600

/**
 * One who looks.
 *
 * @internal
 * @typedef {object} Viewer
 * @property {(chunk: Uint8Array) => void} send
 * @property {() => boolean} isReady Whether what was sent is read.
 * @property {() => void} end
 */

/** All viewers. */
export class Viewers {
  /** @type {Map<Viewer, { hasMissed: boolean, stuck: number, turns: number }>} */
  #viewers = new Map()
  /** @type {any} */
  #timer
  #news
  #state
  #most
  #encoder = new TextEncoder()
  /** All there is, as it is sent, until the next turn. @type {Uint8Array | undefined} */
  #whole

  /**
   * @param {() => string} news Reads anew, and gives what changed.
   * @param {(isLive: boolean) => string} state Gives all there is.
   * @param {number} most How many there may be.
   */
  constructor(news, state, most) {
    this.#news = news
    this.#state = state
    this.#most = most
  }

  get isFull() {
    return this.size >= this.#most
  }

  get size() {
    return this.#viewers.size
  }

  /** @param {Viewer} viewer */
  add(viewer) {
    // Read anew for the first, and for all others as the last turn found it.
    if (this.size === 0) this.#whole = undefined
    const whole = this.#all(this.size > 0)
    this.#viewers.set(viewer, { hasMissed: false, stuck: 0, turns: 0 })
    viewer.send(whole)
    this.#wait()
  }

  /** @param {Viewer} viewer */
  remove(viewer) {
    this.#viewers.delete(viewer)
    if (this.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Lets all go. */
  end() {
    for (const viewer of [...this.#viewers.keys()]) this.#letGo(viewer)
  }

  #wait() {
    if (this.size === 0 || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      try {
        this.#turn()
      } catch (error) {
        // Nobody awaits a timer: this would end the process.
        report(error)
      }
      this.#wait()
    }, EVERY)
    // The connections keep the process, if anything does.
    this.#timer?.unref?.()
  }

  #turn() {
    const chunk = this.#encoder.encode(`data: ${this.#news()}\n\n`)
    this.#whole = undefined
    for (const [viewer, seat] of this.#viewers) {
      try {
        if (++seat.turns > LONGEST || seat.stuck >= PATIENCE) this.#letGo(viewer)
        else if (!viewer.isReady()) {
          seat.hasMissed = true
          seat.stuck++
        } else {
          viewer.send(seat.hasMissed ? this.#all(true) : chunk)
          seat.hasMissed = false
          seat.stuck = 0
        }
      } catch {
        // What carries it broke; the others are sent theirs.
        this.#letGo(viewer)
      }
    }
  }

  /** @param {boolean} isLive */
  #all(isLive) {
    return (this.#whole ??= this.#encoder.encode(`retry: 1000\ndata: ${this.#state(isLive)}\n\n`))
  }

  /** @param {Viewer} viewer */
  #letGo(viewer) {
    this.remove(viewer)
    try {
      viewer.end()
    } catch {
      // It is gone, one way or another.
    }
  }
}
