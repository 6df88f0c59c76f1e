/**
 * What lies in the memory of the core, as JavaScript reads it.
 *
 * Must not know: who wrote it there.
 */
import { REPORT } from '../generated/numbers.js'

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
 * The numbers of a report, by their names; NaN where there is nothing to say, and 0 where there is no such slot.
 *
 * @param {() => Float64Array} numbers The memory.
 * @param {(slot: number, now: number) => number} report Where the core wrote it.
 * @returns {(slot: number, now: number) => Record<string, number>}
 */
export function reportIn(numbers, report) {
  return (slot, now) => {
    const place = report(slot, now) / Float64Array.BYTES_PER_ELEMENT
    const all = numbers()
    /** @type {Record<string, number>} */
    const named = {}
    for (let index = 0; index < REPORT.length; index++) named[REPORT[index]] = place === 0 ? 0 : all[place + index]
    return named
  }
}
