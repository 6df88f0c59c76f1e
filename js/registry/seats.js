/**
 * Which breaker of a registry goes when there is no room for another.
 *
 * Must not know: keys, options, what becomes of a breaker that goes.
 *
 * Each breaker sits in one of four rings: quiet, busy, open, or switched by hand. The first ring that has a breaker gives one up: there
 * the least is lost. Each ring has a hand that goes round. A breaker that was used since the hand last came by keeps its seat, and the
 * hand goes on. So the one that goes is roughly the least recently used. A call pays nothing for that, since the core counts calls
 * anyway. A breaker that opens, closes or is switched by hand changes its ring at once, so nobody searches for a closed one among open
 * ones. One that fails or has calls in flight changes its ring when the hand comes by: otherwise every call would have to tell the registry.
 *
 * To look at one breaker costs about 50 ns, and a hand never passes breakers of another ring. A new key costs this much CPU time, with
 * the breaker that goes for it: 5.6 µs where all are quiet (8 µs with 50,000 breakers), 11 µs where all are open (13 µs). Of the 11 µs,
 * 4 keep what is known of the breaker that goes. When the registry searched, it took 4.6 µs (11 µs) and 132 µs (8.3 ms).
 */
import { core } from '../engine/index.js'
import { NOT_CLOSED, SWITCHED } from '../engine/numbers.js'

/** The rings, by their number: what goes first comes first. */
const QUIET = 0
const BUSY = 1
const OPEN = 2
const BY_HAND = 3

/** The most looks at one ring for one seat. Past it the first seat seen goes, though it was used: no key pays for all the others. */
const MOST_LOOKS = 32

/**
 * The seat of one breaker, which keeps its slot as long as it sits.
 *
 * @template K
 */
export class Seat {
  /** Whether the registry was asked for it since the last look. */
  isUsed = false
  /** @type {number | undefined} */
  ring
  /** @type {Seat<K>} */
  before = this
  /** @type {Seat<K>} */
  after = this

  /**
   * @param {Seats<K>} seats
   * @param {K} key
   * @param {import('../breaker/circuit-breaker.js').CircuitBreaker} breaker
   * @param {import('../base/types.js').CircuitBreakerOptions | undefined} own What `configure` answered for it.
   */
  constructor(seats, key, breaker, own) {
    this.seats = seats
    this.key = key
    this.breaker = breaker
    this.own = own
    this.slot = breaker.takeSeat(this)
    /** The calls that had asked to pass at the last look. */
    this.asked = core.asked(this.slot)
    this.place()
  }

  /** Changes the ring where the breaker is of another kind by now. Whether a closed one is quiet is seen at the next look. */
  place() {
    const ring = ringOf(this.slot)
    if (this.ring === undefined || this.ring > BUSY || ring > BUSY) this.seats.place(this, ring)
  }

  leave() {
    this.breaker.takeSeat(undefined)
    this.seats.place(this, undefined)
  }
}

/**
 * @template K
 */
export class Seats {
  /** Where the hand of each ring points: at the seat that it looks at next. @type {(Seat<K> | undefined)[]} */
  #hands = [undefined, undefined, undefined, undefined]

  /**
   * Puts a seat into a ring, as the last that its hand comes to, or into none. It calls nothing, so that a call stack at its end
   * can't leave it half done.
   *
   * @param {Seat<K>} seat
   * @param {number | undefined} ring
   */
  place(seat, ring) {
    const hands = this.#hands
    const { ring: old, before, after } = seat
    if (ring === old) return
    if (old !== undefined) {
      if (hands[old] === seat) hands[old] = after === seat ? undefined : after
      before.after = after
      after.before = before
    }
    seat.ring = ring
    const hand = ring === undefined ? undefined : hands[ring]
    // Alone, or nowhere: nothing that was left behind is kept alive.
    seat.before = hand?.before ?? seat
    seat.after = hand ?? seat
    seat.before.after = seat
    seat.after.before = seat
    if (ring !== undefined && hand === undefined) hands[ring] = seat
  }

  /**
   * The seat that is to be given up: in the first ring that has one, the least recently used, roughly.
   *
   * @returns {Seat<K> | undefined} Undefined where nobody sits.
   */
  next() {
    const quiet = this.#pick(QUIET)
    if (quiet === undefined) return this.#pick(BUSY) ?? this.#pick(OPEN) ?? this.#pick(BY_HAND)
    // A busy one that is quiet again told nobody: it goes back where it may be picked.
    const busy = this.#hands[BUSY]
    if (busy !== undefined) {
      this.#hands[BUSY] = busy.after
      this.place(busy, ringOf(busy.slot))
    }
    return quiet
  }

  /**
   * @param {number} ring
   * @returns {Seat<K> | undefined}
   */
  #pick(ring) {
    let first
    for (let looks = 0; looks < MOST_LOOKS; looks++) {
      const seat = this.#hands[ring]
      if (seat === undefined) break
      const now = ringOf(seat.slot)
      const asked = core.asked(seat.slot)
      const isUsed = seat.isUsed || seat.asked !== asked
      seat.isUsed = false
      seat.asked = asked
      if (now <= ring) {
        if (!isUsed) return seat
        first ??= seat
      }
      this.#hands[ring] = seat.after
      this.place(seat, now)
    }
    return first
  }
}

/**
 * The ring that a breaker belongs into.
 *
 * @param {number} slot
 */
function ringOf(slot) {
  const standing = core.standing(slot)
  if (standing === 0) return QUIET
  if ((standing & SWITCHED) !== 0) return BY_HAND
  return (standing & NOT_CLOSED) !== 0 ? OPEN : BUSY
}
