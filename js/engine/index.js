/**
 * The engine of this process: the functions of the core, and the names of its numbers.
 *
 * Must not know: breakers, and how the core gets into memory, which is `source.js`. Nothing runs at import. One instance
 * serves all breakers of a process.
 */
import { CONFLICTS, EXPECTED, EXPECTED_AT_FIRST, FIRST_CONFLICT, FIRST_FIXED, MODES, OPTIONS, REASONS, SNAPSHOT, STATES } from './numbers.js'
import { loadCore } from './source.js'

/**
 * The functions of the core, as `src/boundary` and `src/wasm` document them.
 *
 * @internal
 * @typedef {ReturnType<typeof start>} Engine
 */

/** The engine of this process, once it was started. @type {Engine} */
export let core

/**
 * Starts the engine of this process on first use.
 *
 * @returns {Engine}
 * @throws {Error} `ERR_ENGINE_UNAVAILABLE` where the core can't be had.
 */
export function startEngine() {
  return (core ??= start())
}

function start() {
  return {
    ...loadCore(),
    problem,
    /** Number of each numeric option by its name. @type {Map<string, number>} */
    fields: new Map(OPTIONS.map((name, number) => [name, number])),
    /** Names of the states by their number. */
    states: STATES,
    /** Names of the modes by their number. */
    modes: MODES,
    /** Names of the reasons by their number. */
    reasons: REASONS,
    /** Names of the single numbers that a snapshot begins with. */
    snapshotNames: SNAPSHOT
  }
}

/**
 * What the problem of that number is about.
 *
 * @param {number} number
 * @returns {{ option: string, expected: string }} The option to be corrected, and what it should have been, as it continues
 *   "Expected `option` to be …".
 */
function problem(number) {
  if (number < FIRST_CONFLICT) return { option: OPTIONS[number - 1], expected: EXPECTED[number - 1] }
  if (number >= FIRST_FIXED) return { option: OPTIONS[number - FIRST_FIXED], expected: EXPECTED_AT_FIRST }
  const place = 2 * (number - FIRST_CONFLICT)
  return { option: CONFLICTS[place], expected: CONFLICTS[place + 1] }
}
