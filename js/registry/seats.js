/**
 * Which breaker of a registry goes when there is no room for another.
 *
 * Must not know: keys, options, what becomes of a breaker that goes.
 *
 * Each breaker sits in one of five rings: quiet, with successes in its window, busy, open, or switched by hand. The first ring that has a
 * breaker gives one up: there the least is lost. Who switched a breaker by hand relies on it: that ring gives none up. Each ring has a hand that goes
 * round. A breaker that was used since the hand last came by keeps its seat, and the hand goes on. So the one that goes is roughly the least
 * recently used. A call that succeeds pays nothing for that, since the core counts calls anyway. A breaker that fails, opens, closes or is switched
 * by hand changes its ring at once, so nobody searches for a quiet one among failing ones. One that has calls in flight, or is quiet again, changes
 * its ring when it is looked at: otherwise every call would have to tell the registry.
 *
 * To look at one breaker costs about 50 ns, and a hand never passes breakers of another ring. A new key costs this much CPU time, with
 * the breaker that goes for it: 9 to 10 µs where all are quiet or all are open, and 15 to 18 µs where each new one opens too. When the registry
 * searched, it took 132 µs where all were open, and 8.3 ms with 50,000 of them.
 */
import { core } from '../engine/index.js'
import { FILLED, IN_FLIGHT, NO_SLOT, NOT_CLOSED, SWITCHED } from '../engine/numbers.js'

/** The rings, by their number: what goes first comes first. */
const QUIET = 0
/** Quiet but for the successes in its window. */
const SUCCEEDING = 1
const BUSY = 2
const OPEN = 3
const BY_HAND = 4

/** The most looks at the used seats of one ring. Past it the first seat seen goes, though it was used: no key pays for all the others. */
const MOST_LOOKS = 32
/** How many of a ring are looked at again for one seat, where none is known to be quiet. */
const MOST_REVIEWS = 8

/**
 * The place of one breaker in a registry. Its breaker has left it where another took the room.
 *
 * @template K
 */
export class Seat {
  /** @type {import('../breaker/circuit-breaker.js').CircuitBreaker | undefined} */
  breaker
  /** Finds the breaker again once it has left. @type {WeakRef<import('../breaker/circuit-breaker.js').CircuitBreaker> | undefined} */
  ref
  /** Whether somebody may hold the breaker. */
  isHandedOut = false
  /** How many types of events the registry hears of it. */
  heard = 0
  /** Where its breaker is, as long as it sits. */
  slot = NO_SLOT
  /** The calls that had asked to pass at the last look. */
  asked = 0
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
   * @param {import('../base/types.js').CircuitBreakerOptions | undefined} own What `configure` answered for it.
   * @param {number} id Which of all that the registry ever had.
   */
  constructor(seats, key, own, id) {
    this.seats = seats
    this.key = key
    this.own = own
    this.id = id
  }

  /**
   * Seats a breaker, which keeps its slot as long as it sits.
   *
   * @param {import('../breaker/circuit-breaker.js').CircuitBreaker} breaker
   * @param {import('./ledger.js').Ledger} ledger
   */
  take(breaker, ledger) {
    this.breaker = breaker
    this.slot = breaker.takeSeat(this, ledger)
    this.asked = core.asked(this.slot)
    this.isUsed = false
    this.place()
  }

  /** Changes the ring where the breaker is of another kind by now. A call that has just begun makes none busy: nobody tells when it ends. */
  place() {
    this.seats.place(this, ringOf(this, NaN, ~IN_FLIGHT))
  }

  /** @param {import('./ledger.js').Ledger} ledger */
  leave(ledger) {
    this.breaker?.takeSeat(undefined, ledger)
    this.breaker = undefined
    this.slot = NO_SLOT
    this.seats.place(this, undefined)
  }
}

/**
 * @template K
 */
export class Seats {
  /** Where the hand of each ring points: at the seat that it looks at next. @type {(Seat<K> | undefined)[]} */
  #hands = [undefined, undefined, undefined, undefined, undefined]

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
   * @param {number} now What the registry's clock says; NaN for none.
   * @returns {Seat<K> | undefined} Undefined where nobody is to go.
   */
  next(now) {
    const quiet = this.#pick(QUIET, now)
    this.#review(now, quiet === undefined ? MOST_REVIEWS : 1)
    return quiet ?? this.#pick(QUIET, now) ?? this.#pick(SUCCEEDING, now) ?? this.#pick(BUSY, now) ?? this.#pick(OPEN, now)
  }

  /**
   * Looks again at some that were busy: one that is quiet again told nobody, and goes back where it may be picked.
   *
   * @param {number} now
   * @param {number} most How many of a ring.
   */
  #review(now, most) {
    for (const ring of [SUCCEEDING, BUSY]) {
      for (let looks = 0, seat; looks < most && (seat = this.#hands[ring]) !== undefined; looks++) {
        this.#hands[ring] = seat.after
        this.place(seat, ringOf(seat, now))
      }
    }
  }

  /**
   * @param {number} ring
   * @param {number} now
   * @returns {Seat<K> | undefined}
   */
  #pick(ring, now) {
    let first
    let seat
    for (let looks = 0; looks < MOST_LOOKS && (seat = this.#hands[ring]) !== undefined; ) {
      const asked = core.asked(seat.slot)
      const isUsed = seat.isUsed || seat.asked !== asked
      seat.isUsed = false
      seat.asked = asked
      const found = ringOf(seat, now)
      this.#hands[ring] = seat.after
      // No look counts that finds another ring: the call that made the breaker leave this one paid for it.
      if (found > ring) {
        this.place(seat, found)
        continue
      }
      if (!isUsed) return seat
      first ??= seat
      looks++
    }
    return first
  }
}

/**
 * The ring that a breaker belongs into.
 *
 * @param {Seat<any>} seat
 * @param {number} now By the registry's clock. Of a breaker with a clock of its own nobody knows what has left its window.
 * @param {number} [mask] What counts of its standing.
 */
function ringOf({ slot, own }, now, mask = ~0) {
  const standing = core.standing(slot, own?.clock === undefined ? now : NaN) & mask
  if (standing === 0) return QUIET
  if ((standing & SWITCHED) !== 0) return BY_HAND
  if ((standing & NOT_CLOSED) !== 0) return OPEN
  return standing === FILLED ? SUCCEEDING : BUSY
}
