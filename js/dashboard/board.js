/**
 * All rows of a dashboard, its own and those of feeds, as messages.
 *
 * Must not know: who looks, how messages travel.
 */
import { Reader, changeOf } from './reader.js'
import { COLUMNS, DUE, SINCE } from './page/wire.js'

/** @import { Change, Details, Message, NewRow, SourceNote } from './page/wire.js' */
/** @import { Row } from './reader.js' */

/** A row is read again at most once in this time, in ms, however many ask. */
export const EVERY = 1000
/** A feed that gave nothing for this long is said to be silent, in ms. */
const SILENT_AFTER = 5000
/** Of one feed: the most rows, and the most labels of sources. */
const MOST_ROWS = 20_000
const MOST_SOURCES = 64
/** The longest text that is taken from a feed or an error. */
const LONGEST = 300

/**
 * Another process's rows: answers what its dashboard's `read(path)` gives, or what its handler answers under that path.
 *
 * @typedef {(path: string) => unknown} Feed
 */

/** A feed, and what is known of its rows. */
class Fed {
  /** By the ids that it gives. @type {Map<number, Row>} */
  rows = new Map()
  /** By its labels, the numbers of ours. @type {Map<string, number>} */
  sources = new Map()
  isAsked = false
  /** When it last gave something, by our clock. */
  heardAt
  /** @type {unknown} */
  error = undefined
  /** What came and is not taken in yet. @type {{ message: any, drift: number } | undefined} */
  came

  /**
   * @param {string} label
   * @param {Feed} ask
   * @param {number} now
   */
  constructor(label, ask, now) {
    this.label = label
    this.ask = ask
    this.heardAt = now
  }
}

/** The rows. */
export class Board {
  #reader
  #now
  #errors
  #feeds
  /** Of own sources first. @type {SourceNote[]} */
  #sources
  /** The rows of feeds. @type {Map<number, { row: Row, feed: Fed, key: number }>} */
  #fed = new Map()
  #lastId = 0
  #readAt = -Infinity
  /** @type {string | undefined} */
  #state
  #hello

  /**
   * @param {object} options
   * @param {{ label: string, get: () => unknown[] }[]} options.sources
   * @param {Record<string, Feed>} options.feeds
   * @param {((name: string | undefined, key: unknown) => string | undefined) | undefined} options.label
   * @param {() => number} options.now In ms since the epoch.
   * @param {{ epoch: string, title: string, control: boolean }} options.hello
   * @param {{ of(breaker: any): { message: string, at: number } | null, hear(door: any): void, leave(door: any): void } | undefined} options.errors
   */
  constructor({ sources, feeds, label, now, hello, errors }) {
    this.#reader = new Reader(sources, label, () => ++this.#lastId, (door) => errors?.hear(door), (door) => errors?.leave(door))
    this.#now = now
    this.#errors = errors
    this.#hello = hello
    this.#feeds = Object.keys(feeds).map((name) => new Fed(name.slice(0, LONGEST), feeds[name], now()))
    this.#sources = this.#reader.labels.map((label) => ({ label, own: true, trouble: null }))
  }

  /**
   * Reads all anew, and gives what changed, as JSON.
   *
   * @returns {string}
   */
  refresh() {
    const now = (this.#readAt = this.#now())
    this.#state = undefined
    const before = JSON.stringify(this.#sources)
    const { fresh, changed, gone } = this.#reader.read(now)
    for (const [index, trouble] of this.#reader.troubles.entries()) this.#sources[index].trouble = this.#tell(trouble, 'can not be read')
    for (const feed of this.#feeds) {
      try {
        this.#takeIn(feed, fresh, changed, gone)
      } catch (error) {
        feed.error = error ?? 'an unknown error'
      }
      this.#ask(feed)
      const isSilent = now - feed.heardAt > SILENT_AFTER
      const trouble = feed.error !== undefined ? this.#tell(feed.error, 'gave no rows') : isSilent ? 'does not answer' : null
      // One of which nothing was ever heard has a place to say so.
      if (trouble !== null && feed.sources.size === 0) this.#sourceOf(feed, '')
      for (const index of feed.sources.values()) this.#sources[index].trouble = trouble
    }
    /** @type {Message} */
    const message = { now }
    if (JSON.stringify(this.#sources) !== before) message.sources = this.#sources
    if (fresh.length > 0) message.fresh = fresh
    if (changed.length > 0) message.changed = changed
    if (gone.length > 0) message.gone = gone
    return JSON.stringify(message)
  }

  /**
   * All there is, as JSON, read at most a second ago unless `isLive`: then as of the last reading, from which changes go on.
   *
   * @param {boolean} isLive
   * @returns {string}
   */
  state(isLive) {
    if (!isLive && !(this.#now() - this.#readAt < EVERY && this.#now() >= this.#readAt)) this.refresh()
    if (this.#state === undefined) {
      const fed = Array.from(this.#fed.values(), ({ row }) => newRow(row))
      this.#state = JSON.stringify({ now: this.#readAt, hello: this.#hello, sources: this.#sources, fresh: [...this.#reader.all(), ...fed] })
    }
    return this.#state
  }

  /**
   * The rows of this process alone, for the dashboard of another.
   *
   * @param {boolean} isLive
   * @returns {Message}
   */
  own(isLive) {
    if (!isLive && !(this.#now() - this.#readAt < EVERY && this.#now() >= this.#readAt)) this.refresh()
    return { now: this.#readAt, hello: this.#hello, sources: this.#sources.filter(({ own }) => own), fresh: this.#reader.all() }
  }

  /**
   * What there is to say of one breaker; `undefined` where it is gone.
   *
   * @param {number} id
   * @param {boolean} ownOnly
   * @returns {Promise<Details | undefined>}
   */
  async details(id, ownOnly) {
    const place = this.#fed.get(id)
    if (place !== undefined) return ownOnly ? undefined : checkedDetails(await place.feed.ask(`breaker?id=${place.key}`))
    const found = this.#reader.find(id)
    if (found === undefined) return undefined
    const { breaker, facts } = found
    const changes = breaker.metrics.stateChanges
    return { sentence: breaker.explain().sentence, facts, changes, error: this.#errors?.of(breaker) ?? null }
  }

  /**
   * A breaker of this process, and what it is called.
   *
   * @param {number} id
   */
  find(id) {
    return this.#reader.find(id)
  }

  /**
   * @param {unknown} trouble
   * @param {string} otherwise What is said where messages are off.
   */
  #tell(trouble, otherwise) {
    if (trouble === null) return null
    return this.#errors === undefined ? otherwise : `${otherwise}: ${messageOf(trouble)}`
  }

  /** Asks a feed, unless it still owes an answer. @param {Fed} feed */
  #ask(feed) {
    if (feed.isAsked) return
    feed.isAsked = true
    Promise.resolve().then(() => feed.ask('rows')).then((message) => {
      const now = this.#now()
      if (!isMessage(message)) throw new TypeError('Expected a feed to answer what `read` gives')
      feed.came = { message, drift: now - message.now }
      feed.heardAt = now
      feed.error = undefined
    }).catch((error) => {
      feed.error = error ?? 'an unknown error'
    }).finally(() => {
      feed.isAsked = false
    })
  }

  /**
   * Takes in what a feed gave since the last reading.
   *
   * @param {Fed} feed
   * @param {NewRow[]} fresh
   * @param {Change[]} changed
   * @param {number[]} gone
   */
  #takeIn(feed, fresh, changed, gone) {
    if (feed.came === undefined) return
    const { message, drift } = feed.came
    feed.came = undefined
    const seen = new Set()
    for (const row of message.fresh.slice(0, MOST_ROWS)) {
      if (!Array.isArray(row) || !Number.isSafeInteger(row[0])) continue
      const [key, label, source, ...columns] = row
      const values = Float64Array.from({ length: COLUMNS }, (_, column) => (typeof columns[column] === 'number' ? columns[column] : NaN))
      for (const column of [SINCE, DUE]) values[column] += drift
      seen.add(key)
      let known = feed.rows.get(key)
      const text = typeof label === 'string' && label !== '' ? label.slice(0, LONGEST) : 'unnamed'
      // Another process may have begun since, whose numbers are of others.
      if (known !== undefined && known.label !== text) {
        this.#fed.delete(known.id)
        gone.push(known.id)
        known = undefined
      }
      if (known === undefined) {
        known = { id: ++this.#lastId, label: text, source: this.#sourceOf(feed, message.sources?.[source]?.label), values, turn: 0 }
        feed.rows.set(key, known)
        this.#fed.set(known.id, { row: known, feed, key })
        fresh.push(newRow(known))
      } else {
        const change = changeOf(known, values)
        if (change !== undefined) changed.push(change)
      }
    }
    for (const [key, row] of feed.rows) {
      if (seen.has(key)) continue
      feed.rows.delete(key)
      this.#fed.delete(row.id)
      gone.push(row.id)
    }
  }

  /**
   * The number of a source of a feed.
   *
   * @param {Fed} feed
   * @param {unknown} label
   */
  #sourceOf(feed, label) {
    const text = typeof label === 'string' && feed.sources.size < MOST_SOURCES ? label.slice(0, LONGEST) : ''
    let index = feed.sources.get(text)
    if (index === undefined) {
      index = this.#sources.push({ label: text === '' ? feed.label : `${feed.label} ${text}`, own: false, trouble: null }) - 1
      feed.sources.set(text, index)
    }
    return index
  }
}

/** @param {Row} row @returns {NewRow} */
const newRow = ({ id, label, source, values }) => [id, label, source, ...Array.from(values, finite)]

/** As JSON has it. @param {unknown} value @returns {number | null} */
const finite = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null)

/** @param {any} message @returns {message is Message & { fresh: NewRow[] }} */
const isMessage = (message) => typeof message === 'object' && message !== null && Number.isFinite(message.now) && Array.isArray(message.fresh)

/** @param {unknown} value */
const textOf = (value) => (typeof value === 'string' ? value.slice(0, LONGEST) : '')

/**
 * Details as another process gave them, with nothing in them but what belongs there.
 *
 * @param {any} details
 * @returns {Details | undefined}
 */
function checkedDetails(details) {
  if (typeof details !== 'object' || details === null) return undefined
  const { facts, changes, error } = details
  const names = typeof facts === 'object' && facts !== null ? Object.keys(facts).slice(0, 100) : []
  return {
    sentence: textOf(details.sentence),
    facts: Object.fromEntries(names.map((name) => [name, finite(facts[name])])),
    changes: (Array.isArray(changes) ? changes.slice(-64) : []).map((change) => ({
      from: textOf(change?.from), to: textOf(change?.to), reason: textOf(change?.reason), timestamp: textOf(change?.timestamp) || null
    })),
    error: typeof error?.message === 'string' && finite(error.at) !== null ? { message: textOf(error.message), at: error.at } : null
  }
}

/**
 * The text of an error, whatever somebody threw.
 *
 * @param {any} error
 */
export function messageOf(error) {
  try {
    return String(error?.message ?? error).slice(0, LONGEST)
  } catch {
    return 'an error without a text'
  }
}
