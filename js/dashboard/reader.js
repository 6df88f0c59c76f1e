/**
 * Reads breakers through their door, and finds out what changed since the last reading.
 *
 * Must not know: who looks, how rows travel. It changes nothing of a breaker, and reaches it by the door alone, so that any copy of the package will do.
 */
import { misuse, show } from '../base/misuse.js'
import { nameOf } from '../telemetry/ledger.js'
import { DOOR } from '../telemetry/sources.js'
import {
  CHANGES, COLUMNS, DUE, FAILED, IN_A_ROW, IN_FLIGHT, MODE, MODES, OTHER, P50, P99, PASSED, REFUSED, SINCE, STATE, STATES, SUCCEEDED, WOULD_REFUSE
} from './page/wire.js'

/** @import { Change, NewRow } from './page/wire.js' */

/**
 * What is read through a door.
 *
 * @internal
 * @typedef {object} Reading
 * @property {readonly string[]} facts The names of the numbers of a row.
 * @property {readonly string[]} states
 * @property {readonly string[]} modes
 * @property {Float64Array} rows
 * @property {readonly unknown[]} keys
 * @property {readonly (string | undefined)[]} names
 * @property {readonly number[]} ids
 * @property {(index: number) => any} breaker
 */

/** Columns that are facts as they are. */
const PLAIN = /** @type {const} */ ([
  [SUCCEEDED, 'successfulCalls'], [FAILED, 'failedCalls'], [REFUSED, 'rejectedCalls'], [WOULD_REFUSE, 'wouldRejectCalls'], [IN_FLIGHT, 'inFlight'],
  [CHANGES, 'stateChangeCount'], [IN_A_ROW, 'failureCount'], [PASSED, 'successCount']
])
/** A time that was worked out anew is the one that it was where it is off by less than this, in ms. */
const WAVERS = 750
/** The longest label. */
const LONGEST = 128

/**
 * A row, for as long as its breaker is there.
 *
 * @internal
 * @typedef {{ id: number, label: string, source: number, values: Float64Array, turn: number }} Row
 */

/**
 * What changed between two readings.
 *
 * @typedef {{ fresh: NewRow[], changed: Change[], gone: number[] }} News
 */

/** Whether something has a door. @param {any} one */
export const hasDoor = (one) => typeof one?.[DOOR] === 'function'

/**
 * Takes sources in each of their forms, and gives their labels and how to get at what each stands for.
 *
 * @param {string} option How the argument is called.
 * @param {any} given
 * @returns {{ label: string, get: () => unknown[] }[]}
 * @throws {TypeError} `ERR_INVALID_ARGUMENT` for what is none.
 */
export function sourcesOf(option, given) {
  const expected = `\`${option}\` to be a breaker, a registry, a function that answers one, an array of these, or an object with these by their labels`
  const check = (/** @type {unknown} */ one) => {
    if (hasDoor(one) || typeof one === 'function') return one
    throw misuse(TypeError, `Expected ${expected}, got ${show(one)}${Array.isArray(given) ? ' in it' : ''}`)
  }
  const listOf = (/** @type {unknown} */ one) => {
    const list = (Array.isArray(one) ? one : [one]).map(check)
    return () => list.flatMap((each) => (hasDoor(each) ? [each] : asked(/** @type {() => unknown} */ (each))))
  }
  if (Array.isArray(given) || hasDoor(given) || typeof given === 'function') return [{ label: '', get: listOf(given) }]
  // A map or a set has no members by which it would be shown.
  if (typeof given !== 'object' || given === null || Symbol.iterator in given) check(given)
  return Object.keys(given).map((label) => ({ label: label.slice(0, LONGEST), get: listOf(given[label]) }))
}

/** @param {() => unknown} source */
function asked(source) {
  const answer = source()
  const list = Array.isArray(answer) ? answer : [answer]
  for (const one of list) if (!hasDoor(one)) throw misuse(TypeError, `Expected a source to answer a breaker or a registry, got ${show(one)}`)
  return list
}

/** Reads sources again and again. */
export class Reader {
  #sources
  #label
  /** The rows of each door, by the ids that it gives. @type {Map<any, { rows: Map<number, Row>, source: number, facts: readonly string[] | undefined, at: Record<string, number> }>} */
  #doors = new Map()
  /** @type {Map<number, { row: Row, door: any, key: number }>} */
  #byId = new Map()
  #nextId
  #meet
  #part
  #turn = 0
  #scratch = new Float64Array(COLUMNS)
  /** What kept each source from being read, by its number. @type {(unknown | null)[]} */
  troubles

  /**
   * @param {{ label: string, get: () => unknown[] }[]} sources
   * @param {((name: string | undefined, key: unknown) => string | undefined) | undefined} label
   * @param {() => number} nextId
   * @param {(door: any) => void} [meet] Is told of each breaker and registry that is read for the first time.
   * @param {(door: any) => void} [part] Is told of one that no source gives any more.
   */
  constructor(sources, label, nextId, meet, part) {
    this.#sources = sources
    this.#label = label
    this.#nextId = nextId
    this.#meet = meet
    this.#part = part
    this.troubles = sources.map(() => null)
  }

  get labels() {
    return this.#sources.map(({ label }) => label)
  }

  /**
   * Reads all there is. A source that can't be read keeps its rows as they were.
   *
   * @param {number} now In ms since the epoch.
   * @returns {News}
   */
  read(now) {
    const turn = ++this.#turn
    /** @type {News} */
    const news = { fresh: [], changed: [], gone: [] }
    const read = new Set()
    for (const [index, source] of this.#sources.entries()) {
      this.troubles[index] = null
      try {
        for (const door of source.get()) {
          // The same one twice counts once.
          if (read.has(door)) continue
          this.#readDoor(door, index, now, news)
          read.add(door)
        }
      } catch (error) {
        this.troubles[index] = error ?? 'an unknown error'
      }
    }
    for (const [door, { rows, source }] of this.#doors) {
      if (!read.has(door)) {
        if (this.troubles[source] !== null) continue
        this.#doors.delete(door)
        this.#part?.(door)
      }
      for (const [key, row] of rows) {
        if (read.has(door) && row.turn === turn) continue
        rows.delete(key)
        this.#byId.delete(row.id)
        news.gone.push(row.id)
      }
    }
    return news
  }

  /** All rows as new ones. @returns {NewRow[]} */
  all() {
    return Array.from(this.#byId.values(), ({ row }) => asNew(row))
  }

  /**
   * The breaker of a row, and its facts as they are now; `undefined` where it is gone.
   *
   * @param {number} id
   * @returns {{ breaker: any, facts: Record<string, number | null>, label: string, source: string } | undefined}
   */
  find(id) {
    const place = this.#byId.get(id)
    if (place === undefined) return undefined
    /** @type {Reading} */
    const reading = place.door[DOOR]()
    const index = reading.ids.indexOf(place.key)
    if (index < 0) return undefined
    const breaker = reading.breaker(index)
    if (breaker === undefined) return undefined
    const { facts, rows } = reading
    const named = Object.fromEntries(facts.map((name, fact) => [name, finite(rows[index * facts.length + fact])]))
    return { breaker, facts: named, label: place.row.label, source: this.#sources[place.row.source].label }
  }

  /**
   * @param {any} door
   * @param {number} source
   * @param {number} now
   * @param {News} news
   */
  #readDoor(door, source, now, news) {
    /** @type {Reading} */
    const reading = door[DOOR]()
    let known = this.#doors.get(door)
    if (known === undefined) {
      this.#doors.set(door, (known = { rows: new Map(), source, facts: undefined, at: {} }))
      this.#meet?.(door)
    }
    const { facts, ids, keys, names } = reading
    if (known.facts !== facts) {
      known.facts = facts
      known.at = Object.fromEntries(facts.map((name, index) => [name, index]))
    }
    for (let index = 0; index < ids.length; index++) {
      const values = this.#columns(reading, index, known.at, now)
      const key = ids[index]
      const row = known.rows.get(key)
      if (row === undefined) {
        const made = { id: this.#nextId(), label: nameOf(this.#label, names[index], keys[index]), source, values: values.slice(), turn: this.#turn }
        known.rows.set(key, made)
        this.#byId.set(made.id, { row: made, door, key })
        news.fresh.push(asNew(made))
      } else {
        row.turn = this.#turn
        const change = changeOf(row, values)
        if (change !== undefined) news.changed.push(change)
      }
    }
  }

  /**
   * The columns of a row, in a place that the next one takes too.
   *
   * @param {Reading} reading
   * @param {number} index
   * @param {Record<string, number>} at
   * @param {number} now
   */
  #columns({ facts, rows, states, modes }, index, at, now) {
    const start = index * facts.length
    const fact = (/** @type {string} */ name) => {
      const place = at[name]
      return place === undefined ? NaN : rows[start + place]
    }
    const values = this.#scratch
    for (const [column, name] of PLAIN) values[column] = fact(name)
    values[STATE] = Math.max(0, STATES.indexOf(/** @type {any} */ (states[fact('state')])))
    values[MODE] = Math.max(0, MODES.indexOf(/** @type {any} */ (modes[fact('mode')])))
    values[SINCE] = Math.round(now - fact('stateAge'))
    const wait = values[STATE] === 1 ? fact('probeAfter') : NaN
    values[DUE] = Number.isFinite(wait) ? Math.round(now + wait) : NaN
    values[OTHER] = fact('ignoredCalls') + fact('staleCalls')
    values[P50] = roughly(fact('p50'))
    values[P99] = roughly(fact('p99'))
    return values
  }
}

/**
 * What changed in a row, which takes it over; `undefined` where nothing did.
 *
 * @param {Row} row
 * @param {Float64Array} values
 */
export function changeOf({ id, values: known }, values) {
  /** @type {Change | undefined} */
  let change
  for (let column = 0; column < COLUMNS; column++) {
    const value = values[column]
    const last = known[column]
    if (value === last || (value !== value && last !== last)) continue
    if ((column === SINCE || column === DUE) && Math.abs(value - last) < WAVERS) continue
    known[column] = value
    change ??= [id]
    change.push(column, finite(value))
  }
  return change
}

/** @param {Row} row @returns {NewRow} */
const asNew = ({ id, label, source, values }) => [id, label, source, ...Array.from(values, finite)]

/** As JSON has it. @param {number} value */
const finite = (value) => (Number.isFinite(value) ? value : null)

/** To three digits, so that what nobody sees is no change. @param {number} value */
const roughly = (value) => (value > 0 ? Number(value.toPrecision(3)) : value)
