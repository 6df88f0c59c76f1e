/**
 * How the Wasm gets into memory: inlined bytes, instantiated synchronously by the first breaker.
 *
 * Must not know: breakers. The only importer of the generated glue. Nothing runs at import. One instance
 * serves all breakers of a process.
 */
import { CODES, misuse } from '../misuse.js'
import bytes from './generated/bytes.js'
import { loadGlue } from './generated/glue.js'
import { decode } from './decode.js'

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
  const glue = loadGlue()
  let exports
  try {
    exports = glue.initSync({ module: decode(bytes) })
  } catch (error) {
    throw misuse(
      Error,
      "WebAssembly can't be instantiated here. Under a Content-Security-Policy, allow 'wasm-unsafe-eval' in script-src.",
      CODES.engineUnavailable,
      { cause: error }
    )
  }
  const [, options, states, modes, reasons, reportNames, snapshotNames] = glue
    .names()
    .split(';')
    .map((list) => list.split(','))
  return {
    // Most take and give numbers only: without a frame of the glue around them.
    ...exports,
    ...glue,
    report: apart(exports.report),
    stateChanges: apart(exports.stateChanges),
    snapshot: apart(exports.snapshot),
    /** Number of each numeric option by its name. */
    fields: new Map(options.map((name, number) => [name, number])),
    /** Names of the states by their number. */
    states: /** @type {import('../types.js').State[]} */ (states),
    /** Names of the modes by their number. */
    modes: /** @type {import('../types.js').Mode[]} */ (modes),
    /** Names of the reasons by their number. */
    reasons: /** @type {import('../types.js').Reason[]} */ (reasons),
    /** Names of the numbers of a report. */
    reportNames,
    /** Names of the single numbers that a snapshot begins with. */
    snapshotNames
  }
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
