/**
 * The engine of this process: the functions of the core, and the names of its numbers.
 *
 * Must not know: breakers, and how the core gets into memory, which is `source.js`. Nothing runs at import. One instance
 * serves all breakers of a process.
 *
 * A core that traps is given up: a guard must not take the house down. A new one takes its place, in which there are no breakers; whoever finds none in
 * its slot makes its own again. Where that traps too, all is as in a slot without a breaker, and calls go through.
 */
import {
  CONFLICTS, DEMANDS_TIME_OF_SUCCESS, DEMANDS_TIME_TO_ADMIT, EXPECTED, EXPECTED_AT_FIRST, FIRST_CONFLICT, FIRST_FIXED, IGNORED, MODES, NO_SLOT, OPTIONS, REASONS, ROW,
  SNAPSHOT, STATES, UNJUDGED
} from './numbers.js'
import { loadCore } from './source.js'
import { isTrap, sayOnce } from './trap.js'

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

/** The slots below had their breakers in a core that trapped. */
export let retired = 0

/** How many slots there ever were. */
let used = 0

/** How often a core that trapped may be replaced: one that always traps is not worth its start. */
let spare = 3

/** What a function answers where even a new core traps, unless it is 0: as of a slot without a breaker. @type {Record<string, any>} */
const ABSENT = {
  __proto__: null,
  create: NO_SLOT,
  demand: DEMANDS_TIME_TO_ADMIT | DEMANDS_TIME_OF_SUCCESS,
  judgeResponse: IGNORED,
  judgedRetryAfter: NaN,
  lastFailureTime: NaN,
  option: NaN,
  restore: 1,
  snapshot: undefined,
  stateChanges: undefined,
  transitionTime: NaN
}

/** Those whose callers see to their traps: the hot path has no room for another frame. */
const BARE = ['admit', 'settle', 'settleAsking', 'retireSlots']

/**
 * Lets a call through unguarded that the core could not be asked about.
 *
 * @param {unknown} thrown
 * @returns {number} The permit that no state is judged by.
 */
export function letThrough(thrown) {
  if (isTrap(thrown)) replace(core, thrown)
  return UNJUDGED
}

/**
 * Puts a new core in the place of one that trapped, unless that was done.
 *
 * @param {unknown} trapped
 * @param {unknown} trap
 */
function replace(trapped, trap) {
  sayOnce(trap)
  if (trapped !== core || spare === 0) return
  spare--
  try {
    const fresh = start()
    fresh.retireSlots(used)
    retired = used
    core = fresh
  } catch {
    // There is no other.
  }
}

/**
 * The functions of a core such that none throws a trap.
 *
 * @template {Record<string, any>} T
 * @param {T} functions
 * @returns {T}
 */
function safe(functions) {
  /** @type {any} */
  const all = { ...functions }
  for (const name of Object.keys(all)) {
    const fn = all[name]
    if (typeof fn !== 'function' || BARE.includes(name)) continue
    all[name] = (/** @type {any[]} */ ...args) => {
      try {
        return fn(...args)
      } catch (error) {
        if (!isTrap(error)) throw error
        replace(all, error)
        if (all !== core && core !== undefined) return /** @type {any} */ (core)[name](...args)
        return name === 'report' ? (args[1] ?? new Float64Array((args[0].length / 2) * ROW)).fill(0) : name in ABSENT ? ABSENT[name] : 0
      }
    }
  }
  return all
}

function start() {
  /** @type {{ engine?: unknown }} */
  const self = {}
  const engine = (self.engine = safe({
    ...loadCore((error) => {
      if (isTrap(error)) replace(self.engine, error)
    }),
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
  }))
  const { create } = engine
  engine.create = (flags) => {
    const slot = create(flags)
    if (slot < NO_SLOT && slot >= used) used = slot + 1
    return slot
  }
  return engine
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
