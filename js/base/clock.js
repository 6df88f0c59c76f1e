/**
 * Clocks: what a breaker takes for one, and one that tests move by hand.
 *
 * Must not know: breakers.
 */
import { misuse, show } from './misuse.js'

/**
 * A clock that stands still until it is moved: for tests of code that uses a breaker.
 *
 * @example
 * const clock = new ManualClock()
 * const breaker = new CircuitBreaker({ clock })
 * breaker.trip()
 * clock.advance(60000)
 * breaker.checkState() // 'half_open'
 */
export class ManualClock {
  /** @type {number} */
  #now

  /**
   * @param {number} [now] The time to start at, in ms. Default 0.
   * @throws {TypeError} `ERR_INVALID_ARGUMENT` when it is not a finite number.
   */
  constructor(now = 0) {
    this.#now = finite('now', now)
  }

  /** The time, in ms. */
  now() {
    return this.#now
  }

  /**
   * Moves the time forwards.
   *
   * @param {number} ms How far, 0 or more. To move it backwards, `set` it.
   * @returns {this}
   * @throws {TypeError | RangeError} `ERR_INVALID_ARGUMENT` when it is not a finite number of at least 0.
   */
  advance(ms) {
    if (finite('ms', ms) < 0) throw misuse(RangeError, `Expected \`ms\` to be 0 or more, got ${show(ms)}`)
    this.#now += ms
    return this
  }

  /**
   * Moves the time to where you say, backwards too.
   *
   * @param {number} now The time, in ms.
   * @returns {this}
   * @throws {TypeError} `ERR_INVALID_ARGUMENT` when it is not a finite number.
   */
  set(now) {
    this.#now = finite('now', now)
    return this
  }
}

/**
 * @param {string} name
 * @param {number} value
 */
function finite(name, value) {
  if (!Number.isFinite(value)) throw misuse(TypeError, `Expected \`${name}\` to be a finite number, got ${show(value)}`)
  return value
}
