/**
 * How the Wasm gets into memory: inlined bytes, instantiated synchronously by the first breaker.
 *
 * Must not know: breakers. The only importer of the generated glue. Nothing runs at import. One instance
 * serves all breakers of a process.
 */
import { finalizer } from '../base/host.js'
import { CODES, misuse } from '../base/misuse.js'
import { decode } from './decode.js'
import bytes from './generated/bytes.js'
import { loadGlue } from './generated/glue.js'
import { CONFLICTS, EXPECTED, EXPECTED_AT_FIRST, FIRST_CONFLICT, FIRST_FIXED, HEADERS, MODES, OPTIONS, REASONS, REPORT, SNAPSHOT, STATES } from './numbers.js'

/**
 * The functions of the Wasm core, as `src/wasm` documents them.
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
 * @throws {Error} `ERR_ENGINE_UNAVAILABLE` where WebAssembly is missing or forbidden.
 */
export function startEngine() {
  return (core ??= start())
}

function start() {
  let exports
  try {
    exports = loadGlue(finalizer(() => {}) && FinalizationRegistry)(new WebAssembly.Module(decode(bytes)))
  } catch (error) {
    throw misuse(Error, `WebAssembly can't be used here: ${whatFailed(error)}`, CODES.engineUnavailable, { cause: error })
  }
  const { memory, report, judgeResponse } = exports
  // The memory as numbers, until it grows.
  let numbers = new Float64Array(memory.buffer)
  return {
    // They take and give numbers and references only, and so need no frame of the glue around them.
    ...exports,
    /**
     * The numbers of a report, by their names; NaN where there is nothing to say, and 0 where there is no such slot.
     *
     * @param {number} slot
     * @param {number} now
     * @returns {Record<string, number>}
     */
    report: (slot, now) => {
      const place = report(slot, now) / Float64Array.BYTES_PER_ELEMENT
      if (numbers.buffer !== memory.buffer) numbers = new Float64Array(memory.buffer)
      /** @type {Record<string, number>} */
      const named = {}
      for (let index = 0; index < REPORT.length; index++) named[REPORT[index]] = place === 0 ? 0 : numbers[place + index]
      return named
    },
    /**
     * The outcome of a response, plus `TRIPS` where it opens the circuit at once.
     *
     * @param {import('../base/types.js').ResponseLike} response
     * @param {number} says One of those that begin with `SAYS_`.
     * @param {number} rateLimit One of `RATE_LIMITS`.
     * @param {number} now In ms since the epoch.
     */
    judgeResponse: (response, says, rateLimit, now) => judgeResponse(response, READER, says, rateLimit, now),
    stateChanges: apart(exports.stateChanges),
    snapshot: apart(exports.snapshot),
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
 * What failed, and what would help. The engine's own words say which it is: a policy and an end of memory come as errors of any class.
 *
 * @param {any} error
 */
function whatFailed(error) {
  if (typeof WebAssembly !== 'object') return 'it is missing, or switched off as by --jitless'
  const said = `${error?.name}: ${error?.message}`
  // As V8, Firefox and Safari say it. Outside pages it is the embedder who disallows it.
  if (/disallow|refuse|block|policy/i.test(said)) return `${said}. A Content-Security-Policy has to allow 'wasm-unsafe-eval' in script-src`
  if (/memory/i.test(said)) return `${said}. It needs more address space, or --disable-wasm-trap-handler for Node`
  return said
}

/** What the core borrows to read headers. */
const READER = {
  /**
   * @param {import('../base/types.js').ResponseLike} response
   * @param {number} header
   */
  get: ({ headers }, header) => `${headers?.get?.(HEADERS[header]) ?? ''}`.trim()
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

/**
 * A function of the Wasm that answers an object, such that V8 can't compile its call into the caller. Where it does, and a garbage
 * collection during the call discards the caller's compiled code, Node 20 ends the process ("unreachable code"): its V8 does not know
 * how to go on with an object.
 *
 * @template {any[]} A
 * @template R
 * @param {(...args: A) => R} fn
 * @returns {(...args: A) => R}
 */
function apart(fn) {
  // Out of an array, and by `apply`: of neither does V8 remember which function it was.
  const holder = [fn]
  return (...args) => Reflect.apply(holder[0], undefined, args)
}
