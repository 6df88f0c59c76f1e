/**
 * What lies in the memory of the core, as JavaScript reads it.
 *
 * Must not know: who wrote it there.
 */
import { ROW as width, ROWS } from '../generated/numbers.js'

/**
 * The memory as numbers, looked at anew where it has grown.
 *
 * @param {{ readonly buffer: ArrayBuffer }} memory
 */
export function numbersIn(memory) {
  let numbers = new Float64Array(memory.buffer)
  return () => {
    if (numbers.buffer !== memory.buffer) numbers = new Float64Array(memory.buffer)
    return numbers
  }
}

/**
 * What breakers counted and why they are in their states: a row of the numbers that `REPORT` names for each, one row after another. NaN where there
 * is nothing to say, and 0 where there is no such slot.
 *
 * @param {() => Float64Array} numbers The memory.
 * @param {(count: number) => number} report Writes the first rows, and answers where they lie.
 */
export function reportIn(numbers, report) {
  /** Where the rows lie, once that is known: the same place for good. */
  let place = NaN
  /**
   * @param {ArrayLike<number>} asked A slot and the time for its breaker, for each row.
   * @param {Float64Array} [rows] Where to write them; else they are an array of their own.
   * @returns {Float64Array}
   */
  return (asked, rows = new Float64Array((asked.length / 2) * width)) => {
    if (place !== place) place = report(0) / Float64Array.BYTES_PER_ELEMENT
    for (let first = 0; first < asked.length; first += 2 * ROWS) {
      const all = numbers()
      const count = Math.min(ROWS, (asked.length - first) / 2)
      for (let row = 0; row < count; row++) {
        all[place + row * width] = asked[first + 2 * row]
        all[place + row * width + 1] = asked[first + 2 * row + 1]
      }
      report(count)
      for (let index = 0; index < count * width; index++) rows[(first / 2) * width + index] = all[place + index]
    }
    return rows
  }
}
