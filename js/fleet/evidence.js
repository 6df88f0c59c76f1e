/**
 * What one breaker's counts say of the last while: read by its door, kept as a few readings, compared.
 *
 * Must not know: the class, fleets' rules about members.
 */

const DOOR = /* @__PURE__ */ Symbol.for('halfopen.read')

/**
 * As much of what the door answers as is used here.
 *
 * @typedef {object} Reading
 * @property {readonly string[]} facts
 * @property {readonly string[]} states
 * @property {readonly string[]} modes
 * @property {Float64Array} rows
 * @property {readonly unknown[]} keys
 * @property {readonly (string | undefined)[]} names
 * @property {readonly number[]} ids
 * @property {(index: number) => unknown} breaker
 */

/**
 * Counts since a breaker was made.
 *
 * @typedef {object} Counts
 * @property {number} calls Judged: successes and failures.
 * @property {number} failures
 * @property {number} attempts And ignored and refused ones.
 * @property {boolean} isOpen Its circuit is not closed, and nobody isolated it.
 */

/**
 * Reads by the door; undefined where there is none.
 *
 * @param {any} source
 * @returns {Reading | undefined}
 */
export function readingOf(source) {
  return typeof source?.[DOOR] === 'function' ? source[DOOR]() : undefined
}

/** What is read of a row. */
const NAMES = /** @type {const} */ (['successfulCalls', 'failedCalls', 'ignoredCalls', 'rejectedCalls', 'state', 'mode'])

/** Of which facts these are the places: of all readings of one copy of the package. @type {readonly string[] | undefined} */
let known
/** @type {number[]} */
let places = []

/**
 * @param {Reading} reading
 * @param {number} index The row.
 * @returns {Counts}
 */
export function countsOf({ facts, states, modes, rows }, index) {
  if (facts !== known) {
    known = facts
    places = NAMES.map((name) => facts.indexOf(name))
  }
  const first = index * facts.length
  // What a breaker of another version does not tell is 0.
  const [successes, failures, ignored, refused, state, mode] = places.map((place) => (place < 0 ? 0 : rows[first + place] || 0))
  return {
    calls: successes + failures,
    failures,
    attempts: successes + failures + ignored + refused,
    isOpen: states[state] !== 'closed' && modes[mode] !== 'isolated'
  }
}

/** Readings of one breaker, as far back as the window of a fleet. */
export class Evidence {
  /** The oldest first; the first is at or before the beginning of the window. @type {{ at: number, counts: Counts }[]} */
  #readings = []

  /**
   * Takes a reading in.
   *
   * @param {Counts} counts
   * @param {number} now
   * @param {number} window
   * @returns {boolean} Whether there were attempts since the last one.
   */
  note(counts, now, window) {
    const readings = this.#readings
    const last = readings[readings.length - 1]
    readings.push({ at: now, counts })
    while (readings.length > 1 && readings[1].at <= now - window) readings.shift()
    const has = last !== undefined && counts.attempts > last.counts.attempts
    // Nothing for a whole window: one reading says it.
    if (readings.length > 1 && counts.attempts === readings[0].counts.attempts) readings.splice(0, readings.length - 1)
    return has
  }

  /** Forgets what was, up to the last reading. */
  cut() {
    this.#readings.splice(0, this.#readings.length - 1)
  }

  /** Of the whole window. @returns {Counts} */
  sum() {
    return this.#since(0)
  }

  /**
   * Of the last readings, as few as have so many calls; of the window where it has fewer.
   *
   * @param {number} calls
   */
  recent(calls) {
    for (let index = this.#readings.length - 2; index > 0; index--) {
      const sum = this.#since(index)
      if (sum.calls >= calls) return sum
    }
    return this.#since(0)
  }

  /**
   * @param {number} index
   * @returns {Counts}
   */
  #since(index) {
    const readings = this.#readings
    const last = readings[readings.length - 1]?.counts
    const first = readings[index]?.counts
    if (last === undefined || first === undefined) return { calls: 0, failures: 0, attempts: 0, isOpen: false }
    return { calls: last.calls - first.calls, failures: last.failures - first.failures, attempts: last.attempts - first.attempts, isOpen: last.isOpen }
  }
}
