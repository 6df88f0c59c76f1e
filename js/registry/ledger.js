/**
 * What the breakers counted that left a registry: the sum of these counts and of those that are there never goes down, and no call is in it twice.
 *
 * Must not know: why a breaker leaves or comes back, and what it does meanwhile. A breaker that was put aside counts nothing; one that goes on is
 * looked at when somebody reads, and before its slot is freed. The numbers before those of the window are counts over a breaker's life, but for those
 * in flight.
 */
import { core } from '../engine/index.js'
import { FACT_IN_FLIGHT, FACT_WINDOW_CALLS as COUNTS, ROW } from '../engine/numbers.js'

/** The ledger of a registry. */
export class Ledger {
  /** What was counted by those that left, up to the last look at each. */
  gone = new Float64Array(ROW)
  /** Those that left and go on counting. @type {Set<Away>} */
  away = new Set()

  /**
   * Enters a breaker that leaves.
   *
   * @param {number} slot
   */
  leave(slot) {
    return new Away(this, slot)
  }

  /** What all that left have counted by now: a row of its own, with counts alone. */
  read() {
    for (const away of this.away) away.look()
    return this.gone.slice()
  }
}

/** Where a row is read: it takes longer to make such an array than to read it. @type {Float64Array | undefined} */
let row

/** @param {number} slot */
const rowOf = (slot) => core.report([slot, NaN], (row ??= new Float64Array(ROW)))

/** A breaker that left, as the ledger knows it. */
export class Away {
  #ledger
  /** What is in the ledger of the counts of that slot; at first nothing. @type {ArrayLike<number> | undefined} */
  #noted

  /**
   * @param {Ledger} ledger
   * @param {number} slot
   */
  constructor(ledger, slot) {
    this.#ledger = ledger
    this.slot = slot
    ledger.away.add(this)
  }

  /** Enters what it counted since the last look. */
  look() {
    this.#enter()
    this.#noted = rowOf(this.slot).slice(0, COUNTS)
  }

  /** It is put aside, or nobody holds it any more. */
  rest() {
    this.#enter()
    this.#ledger.away.delete(this)
  }

  /**
   * It was made again, in that slot: what it counts already is in the ledger.
   *
   * @param {number} slot
   */
  goOn(slot) {
    this.slot = slot
    this.#noted = rowOf(slot).slice(0, COUNTS)
    this.#ledger.away.add(this)
  }

  /** It is back: all that it counted is among those that are there. */
  comeBack() {
    this.rest()
    const { gone } = this.#ledger
    const row = rowOf(this.slot)
    for (let index = 0; index < COUNTS; index++) if (index !== FACT_IN_FLIGHT) gone[index] -= row[index]
  }

  #enter() {
    const { gone } = this.#ledger
    const row = rowOf(this.slot)
    for (let index = 0; index < COUNTS; index++) {
      const noted = this.#noted?.[index] ?? 0
      // One that counts less than it did has begun anew, since the core failed.
      if (index !== FACT_IN_FLIGHT) gone[index] += row[index] - (row[index] < noted ? 0 : noted)
    }
  }
}
