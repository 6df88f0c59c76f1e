/**
 * The breakers that are shown: their numbers, what they were in the last minutes, and how bad each is.
 *
 * Must not know: how any of it looks, and how messages come.
 */
import { CHANGES, COLUMNS, FAILED, IN_A_ROW, MODE, MODES, OTHER, REFUSED, SINCE, STATE, STATES, SUCCEEDED, WOULD_REFUSE } from './wire.js'

/** @import { Message, SourceNote } from './wire.js' */

/** A bar of the history, in ms. */
export const BAR = 5000
/** Bars that are kept: five minutes. */
export const BARS = 60
/** What is counted in each bar. */
export const GOOD = 0
export const BAD = 1
export const TURNED_AWAY = 2
const KINDS = 3
/** In the history of states: nothing is known of that time. */
export const UNKNOWN = 255
/** One that failed stays with those that fail for this long, so that nothing jumps, in ms. */
const CALMS_AFTER = 15_000

/** Without a message for this long, in ms, nobody knows when it was that calls came. */
const LOST_AFTER = 15_000

/** From the worst to the calm. */
export const TIERS = /** @type {const} */ (['open', 'half_open', 'isolated', 'failing', 'switched', 'closed'])

/** For how long the counts of this bar and the last one were gathered: readings do not come on its edges. */
class Pace {
  #bar = 0
  #covered = [0, 0]

  /**
   * @param {number} now
   * @param {number} ms Since the last reading.
   */
  gather(now, ms) {
    const bar = Math.floor(now / BAR)
    if (bar !== this.#bar) this.#covered = [0, bar === this.#bar + 1 ? this.#covered[0] : 0]
    this.#bar = bar
    this.#covered[0] += ms
  }

  /**
   * @param {number} ago In bars, 0 or 1.
   * @param {number} now
   */
  covered(ago, now) {
    const since = Math.max(0, Math.floor(now / BAR) - this.#bar)
    // A bar in which no reading was made yet had no call yet either.
    return ago >= since ? this.#covered[ago - since] : ago === 0 ? now % BAR : BAR
  }
}

/** One breaker. */
export class Item {
  /** What is drawn of it; the view's own. @type {any} */
  drawn
  /** The last bar that was written, as its number since the epoch. */
  #bar
  #counts = new Float32Array(BARS * KINDS)
  #states = new Uint8Array(BARS).fill(UNKNOWN)
  #troubledUntil = -Infinity

  /**
   * @param {number} id
   * @param {string} label
   * @param {SourceNote} source
   * @param {number[]} values
   * @param {Pace} pace
   * @param {number} now
   */
  constructor(id, label, source, values, pace, now) {
    this.pace = pace
    this.id = id
    this.label = label
    this.source = source
    this.values = values
    this.sought = `${label}\n${source.label}`.toLowerCase()
    this.seenSince = now
    this.tier = 0
    this.#bar = Math.floor(now / BAR)
    // Since when it is in its state is known from the beginning.
    const since = Math.floor(values[SINCE] / BAR)
    for (let bar = Math.max(since, this.#bar - BARS + 1); bar <= this.#bar; bar++) this.#states[bar % BARS] = values[STATE]
    this.judge(now)
  }

  get state() {
    return STATES[this.values[STATE]] ?? 'closed'
  }

  get mode() {
    return MODES[this.values[MODE]] ?? 'normal'
  }

  /** Moves on to the bar of a time; those between have had no call. @param {number} now */
  #moveTo(now) {
    const bar = Math.floor(now / BAR)
    if (bar <= this.#bar) return this.#bar
    for (let next = Math.max(this.#bar + 1, bar - BARS + 1); next <= bar; next++) {
      this.#states[next % BARS] = this.values[STATE]
      for (let kind = 0; kind < KINDS; kind++) this.#counts[(next % BARS) * KINDS + kind] = 0
    }
    return (this.#bar = bar)
  }

  /**
   * Takes what changed.
   *
   * @param {(number | null)[]} change A column and its value, another column and its value and so on
   * @param {number} now
   * @param {boolean} [counts] Whether what counts have grown by is of now.
   */
  take(change, now, counts = true) {
    const at = this.#moveTo(now) % BARS
    for (let index = 0; index + 1 < change.length; index += 2) {
      const column = Number(change[index])
      const value = change[index + 1] ?? NaN
      if (!(column >= 0 && column < COLUMNS)) continue
      const grown = value - this.values[column]
      this.values[column] = value
      const kind = column === SUCCEEDED ? GOOD : column === FAILED ? BAD : column === REFUSED || column === WOULD_REFUSE ? TURNED_AWAY : -1
      if (counts && kind >= 0 && grown > 0) this.#counts[at * KINDS + kind] += grown
      // The worst of a bar is what is seen of it: what was open for a second was open.
      if (column === STATE) this.#states[at] = this.#states[at] === 1 && value !== 1 ? 1 : value
    }
  }

  /**
   * Counts of a kind in a bar, the latest one being 0, the one before it 1.
   *
   * @param {number} kind
   * @param {number} ago In bars.
   * @param {number} now
   */
  counted(kind, ago, now) {
    const bar = this.#barAt(ago, now)
    return bar > this.#bar || bar <= this.#bar - BARS ? 0 : this.#counts[(bar % BARS) * KINDS + kind]
  }

  /**
   * The number of its state in a bar, or {@link UNKNOWN}.
   *
   * @param {number} ago In bars.
   * @param {number} now
   */
  stateAt(ago, now) {
    const bar = this.#barAt(ago, now)
    if (bar > this.#bar) return this.values[STATE]
    return bar <= this.#bar - BARS ? UNKNOWN : this.#states[bar % BARS]
  }

  /**
   * @param {number} ago
   * @param {number} now
   */
  #barAt(ago, now) {
    return Math.max(Math.floor(now / BAR), this.#bar) - ago
  }

  /**
   * What happened in the last seconds, at least in this and the last bar as far as they were seen.
   *
   * @param {number} now
   */
  recently(now) {
    const seconds = Math.min(this.pace.covered(0, now) + this.pace.covered(1, now), now - this.seenSince) / 1000
    const both = (/** @type {number} */ kind) => this.counted(kind, 0, now) + this.counted(kind, 1, now)
    const [good, bad, refused] = [both(GOOD), both(BAD), both(TURNED_AWAY)]
    const isKnown = seconds >= 0.5
    return {
      /** Calls a second, the refused ones too; NaN before there are two readings. */
      calls: isKnown ? (good + bad + (this.mode === 'observing' ? 0 : refused)) / seconds : NaN,
      /** The share of failures among calls that were let through; NaN without any. */
      failed: good + bad > 0 ? bad / (good + bad) : NaN,
      bad,
      refused: isKnown ? refused / seconds : NaN
    }
  }

  /** Calls that are over, in its whole life. */
  get total() {
    return this.values[SUCCEEDED] + this.values[FAILED] + this.values[REFUSED] + this.values[OTHER]
  }

  /**
   * Finds out how bad it is, and gives whether that is news.
   *
   * @param {number} now
   */
  judge(now) {
    const tier = TIERS.indexOf(this.#tierAt(now))
    const isNews = tier !== this.tier
    this.tier = tier
    return isNews
  }

  /** @param {number} now @returns {typeof TIERS[number]} */
  #tierAt(now) {
    const { state, mode } = this
    if (mode === 'isolated') return 'isolated'
    if (mode !== 'normal') return 'switched'
    if (state !== 'closed') return state
    const { bad, failed, refused } = this.recently(now)
    // One failure among many calls is nothing to look at.
    if (refused > 0 || (bad > 1 && failed >= 0.02) || failed >= 0.2 || this.values[IN_A_ROW] >= 2) this.#troubledUntil = now + CALMS_AFTER
    return now < this.#troubledUntil ? 'failing' : 'closed'
  }
}

/** All breakers. */
export class Model {
  /** @type {Map<number, Item>} */
  items = new Map()
  /** @type {SourceNote[]} */
  sources = []
  title = ''
  control = false
  /** By the reader's clock, at the last message. */
  now = 0
  #pace = new Pace()
  #epoch = ''

  /**
   * Takes a message, and gives what the view has to do something about.
   *
   * @param {Message} message
   */
  take(message) {
    const { now, hello, sources, fresh = [], changed = [], gone = [] } = message
    /** @type {{ fresh: Item[], gone: Item[], touched: Set<Item>, turned: { item: Item, from: string }[], relabelled: boolean }} */
    const news = { fresh: [], gone: [], touched: new Set(), turned: [], relabelled: sources !== undefined }
    // In place, since items know theirs.
    if (sources !== undefined) this.sources = sources.map((source, index) => Object.assign(this.sources[index] ?? {}, source))
    // What came while nobody looked is no peak of now.
    const counts = now - this.now < LOST_AFTER
    if (counts) this.#pace.gather(now, Math.max(0, now - this.now))
    this.now = now
    const kept = new Set()
    if (hello !== undefined) {
      // Another process answers: its numbers are of others.
      if (hello.epoch !== this.#epoch) for (const id of [...this.items.keys()]) this.#drop(id, news)
      this.#epoch = hello.epoch
      this.title = hello.title
      this.control = hello.control
    }
    for (const [id, label, source, ...columns] of fresh) {
      kept.add(id)
      const known = this.items.get(id)
      if (known !== undefined) {
        known.source = this.sources[source]
        this.#change(known, columns.flatMap((value, column) => (same(value ?? NaN, known.values[column]) ? [] : [column, value])), counts, news)
        continue
      }
      const values = Array.from({ length: COLUMNS }, (_, column) => columns[column] ?? NaN)
      const item = new Item(id, label, this.sources[source] ?? { label: '', own: true, trouble: null }, values, this.#pace, now)
      this.items.set(id, item)
      news.fresh.push(item)
    }
    if (hello !== undefined) for (const id of [...this.items.keys()]) if (!kept.has(id)) this.#drop(id, news)
    for (const [id, ...change] of changed) {
      const item = this.items.get(Number(id))
      if (item !== undefined) this.#change(item, change, counts, news)
    }
    for (const id of gone) this.#drop(id, news)
    return news
  }

  /**
   * @param {Item} item
   * @param {(number | null)[]} change
   * @param {boolean} counts
   * @param {{ touched: Set<Item>, turned: { item: Item, from: string }[] }} news
   */
  #change(item, change, counts, news) {
    const from = item.state
    const changes = item.values[CHANGES]
    item.take(change, this.now, counts)
    news.touched.add(item)
    if (item.state !== from || item.values[CHANGES] !== changes) news.turned.push({ item, from })
  }

  /**
   * @param {number} id
   * @param {{ gone: Item[] }} news
   */
  #drop(id, news) {
    const item = this.items.get(id)
    if (item === undefined) return
    this.items.delete(id)
    news.gone.push(item)
  }
}

/**
 * @param {number} one
 * @param {number} other
 */
const same = (one, other) => one === other || (Number.isNaN(one) && Number.isNaN(other))
