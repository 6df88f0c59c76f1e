/**
 * What is told of breakers from one reading to the next: a series of counts for each name, none of which ever goes down, of at most so many names.
 *
 * Must not know: who asks, in which format it is told, any clock.
 *
 * Breakers come and go: one is evicted, deleted, found again. What its name has counted stays with its name. What it counted after the last
 * reading it was seen in is known only as a part of what all those that went counted together: that goes to the name `_other`, and stays
 * there. So the sum over all names is what all breakers have ever counted, at each reading.
 */
import { readingOf } from './sources.js'

/** @import { Readable, Reading } from './sources.js' */

/** How a call ended: each is in exactly one of these. */
export const OUTCOMES = /** @type {const} */ ([
  'success', 'failure', 'timeout', 'ignored', 'refused_open', 'refused_half_open', 'refused_bulkhead', 'refused_isolated', 'stale'
])

/** The states, in the order in which a series has its breakers. */
export const STATES = /** @type {const} */ (['closed', 'open', 'half_open'])

/** Where a series has its state changes, after its outcomes. */
export const STATE_CHANGES = 9
/** Where it has what an observing breaker would have refused. */
export const WOULD_REFUSE = 10
const COUNTS = 11

/** The fact of each count. Timeouts are failures to a breaker, and no failures here. */
const FACTS = [
  'successfulCalls', 'failedCalls', 'timedOutCalls', 'ignoredCalls', 'rejectedOpen', 'rejectedHalfOpen', 'rejectedBulkhead', 'rejectedIsolated', 'staleCalls',
  'stateChangeCount', 'wouldRejectCalls', 'inFlight', 'state'
]
const FAILURE = 1
const TIMEOUT = 2
const IN_FLIGHT = 11
const STATE = 12

/** The name of what has none of its own. */
export const OTHER = '_other'

/** A name is cut after as many characters. */
const LONGEST = 128

/** How many breakers of a source are remembered that went, beside as many as there are. Of one that is forgotten and comes back, what it counted until then is told by `_other`. */
const REMEMBERED = 1000

/**
 * What is told of one name.
 *
 * @typedef {object} Series
 * @property {string} name
 * @property {Float64Array} counts The calls by OUTCOMES, the state changes, and what would have been refused. They only grow.
 * @property {Float64Array} states How many of its breakers are in each of STATES.
 * @property {number} active Its calls in flight.
 */

/**
 * What is known of one breaker.
 *
 * @typedef {object} Life
 * @property {Series} series
 * @property {Float64Array} counts As it was last seen.
 * @property {number} turn When it was last seen.
 */

/**
 * What is known of one source.
 *
 * @typedef {object} Book
 * @property {Map<number, Life>} lives
 * @property {Float64Array} total All that it had counted at the last reading.
 * @property {number} highest The highest id at the last reading: they are given in order.
 * @property {number} turn Of the last reading.
 */

/**
 * Answers with a name instead of a breaker's own; anything but a text is no answer.
 *
 * @typedef {(name: string | undefined, key: any) => string | undefined} LabelOf
 */

export class Ledger {
  /** How many names there may be beside `_other`. */
  maxNames
  /** Those seen first, for good. @type {Map<string, Series>} */
  #series = new Map()
  /** @type {WeakMap<Readable, Book>} */
  #books = new WeakMap()

  /** @param {number} maxNames */
  constructor(maxNames) {
    this.maxNames = maxNames
  }

  /**
   * Reads all sources.
   *
   * @param {Iterable<{ sources: () => Readable[], label: LabelOf | undefined }>} parties
   * @returns {Iterable<Series>} The ledger's own: good until the next reading.
   */
  read(parties) {
    for (const series of this.#series.values()) {
      series.states.fill(0)
      series.active = 0
    }
    const read = new Set()
    for (const { sources, label } of parties) {
      for (const source of sources()) {
        if (read.has(source)) continue
        read.add(source)
        try {
          this.#enter(source, readingOf(source), label)
        } catch {
          // What one source can't tell now, it tells next time; the others do it now.
        }
      }
    }
    return this.#series.values()
  }

  /**
   * The series of a name, made if there is room for one, else that of all others.
   *
   * @param {string} name
   * @returns {Series}
   */
  seriesOf(name) {
    const known = this.#series.get(name)
    if (known !== undefined) return known
    const names = this.#series.size - Number(this.#series.has(OTHER))
    if (name !== OTHER && names >= this.maxNames) return this.seriesOf(OTHER)
    const series = { name, counts: new Float64Array(COUNTS), states: new Float64Array(STATES.length), active: 0 }
    this.#series.set(name, series)
    return series
  }

  /**
   * @param {Readable} source
   * @param {Reading} reading
   * @param {LabelOf | undefined} label
   */
  #enter(source, { facts, states, rows, keys, names, ids, gone }, label) {
    const places = FACTS.map((name) => facts.indexOf(name))
    const stateOf = states.map((name) => STATES.indexOf(/** @type {any} */ (name)))
    const book = this.#books.get(source) ?? { lives: new Map(), total: new Float64Array(COUNTS), highest: -Infinity, turn: 0 }
    this.#books.set(source, book)
    const { lives } = book
    const turn = book.turn + 1
    let { highest } = book
    const total = new Float64Array(COUNTS)
    // What is left to tell: all that was counted since the last reading, less what has been told by a name.
    const left = new Float64Array(COUNTS)
    /** What those counted that were not there at the last reading: first those that are new, then those that are back. @type {[Series, Float64Array][][]} */
    const came = [[], []]

    /** What one has counted, and then what of it is new. */
    const now = new Float64Array(COUNTS)
    if (gone !== undefined) count(gone, 0, places, total)
    for (let row = 0; row < ids.length; row++) {
      const id = ids[row]
      const start = row * facts.length
      count(rows, start, places, now)
      /** @type {Life | undefined} */
      let life = lives.get(id)
      const isBack = life !== undefined || id <= book.highest
      if (life === undefined) {
        // Of one that was there before anybody looked, nobody knows how much of it has been told by `_other`.
        life = { series: this.seriesOf(nameOf(label, names[row], keys[row])), counts: isBack ? now.slice() : new Float64Array(COUNTS), turn: NaN }
        lives.set(id, life)
      }
      const { series, counts } = /** @type {Life} */ (life)
      // One that counts from 0 again leads another life.
      if (isLess(now, counts)) counts.fill(0)
      add(total, now)
      add(now, counts, -1)
      add(counts, now)
      if (life.turn === book.turn) {
        add(series.counts, now)
        add(left, now, -1)
      } else {
        came[Number(isBack)].push([series, now.slice()])
      }
      life.turn = turn
      if (id > highest) highest = id
      series.active += numberAt(rows, start, places[IN_FLIGHT])
      const state = stateOf[numberAt(rows, start, places[STATE], -1)]
      if (state >= 0) series.states[state]++
    }

    add(left, total)
    add(left, book.total, -1)
    // What one counted between the last reading and its leaving was told by `_other` when it left: there is no more to give than what is new.
    for (const [series, steps] of came.flat()) {
      const given = steps.map((step, index) => Math.max(0, Math.min(step, left[index])))
      add(series.counts, given)
      add(left, given, -1)
    }
    if (left.some((number) => number > 0)) add(this.seriesOf(OTHER).counts, left.map((number) => Math.max(0, number)))
    book.total = total
    book.highest = highest
    book.turn = turn
    if (lives.size > 2 * (ids.length + REMEMBERED)) forget(lives, turn, ids.length + REMEMBERED)
  }
}

/**
 * Forgets those that went, the eldest first.
 *
 * @param {Map<number, Life>} lives
 * @param {number} turn The current.
 * @param {number} most How many are kept.
 */
function forget(lives, turn, most) {
  for (const [id, life] of lives) {
    if (lives.size <= most) return
    if (life.turn !== turn) lives.delete(id)
  }
}

/**
 * Whether any of the numbers is below its like.
 *
 * @param {Float64Array} numbers
 * @param {Float64Array} others
 */
function isLess(numbers, others) {
  for (let index = 0; index < COUNTS; index++) if (numbers[index] < others[index]) return true
  return false
}

/**
 * @param {Float64Array} sum
 * @param {Float64Array} numbers
 * @param {number} [sign]
 */
function add(sum, numbers, sign = 1) {
  for (let index = 0; index < COUNTS; index++) sum[index] += sign * numbers[index]
}

/**
 * Puts the counts of a row into `counts`.
 *
 * @param {Float64Array} rows
 * @param {number} start
 * @param {number[]} places
 * @param {Float64Array} counts
 */
function count(rows, start, places, counts) {
  for (let index = 0; index < COUNTS; index++) counts[index] = numberAt(rows, start, places[index])
  counts[FAILURE] -= counts[TIMEOUT]
}

/**
 * @param {Float64Array} rows
 * @param {number} start
 * @param {number} place -1 for a fact that this breaker does not know.
 * @param {number} [otherwise] Where there is nothing to say.
 */
function numberAt(rows, start, place, otherwise = 0) {
  const number = place < 0 ? NaN : rows[start + place]
  return number === number ? number : otherwise
}

/**
 * The name by which a breaker is told: what `label` answers, or the breaker's own, or its key.
 *
 * @param {LabelOf | undefined} label
 * @param {string | undefined} name
 * @param {unknown} key
 * @returns {string} Never empty, at most 128 characters, with U+FFFD for halves of surrogate pairs, which no text in UTF-8 can have.
 */
export function nameOf(label, name, key) {
  const text = textOf(() => label?.(name, key)) ?? textOf(() => name ?? (key === undefined ? '' : String(key))) ?? ''
  return text.slice(0, LONGEST).replace(/[\ud800-\udfff]/gu, '\ufffd') || 'unnamed'
}

/**
 * A text of a user's, if it is one.
 *
 * @param {() => unknown} ask
 */
function textOf(ask) {
  try {
    const text = ask()
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}
