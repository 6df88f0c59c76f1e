/**
 * The core as wasm-bindgen builds it, as the functions that the engine promises. The only importer of the generated glue.
 *
 * Must not know: breakers, and how the Wasm came here.
 */
import { finalizer } from '../../base/host.js'
import { loadGlue } from '../generated/glue.js'
import { headerOf, unlessThrown } from './headers.js'
import { numbersIn, reportIn } from './memory.js'
import { unavailable } from './unavailable.js'

/**
 * @param {() => WebAssembly.Module} compile
 * @param {(error: unknown) => void} onTrap Is told of what is thrown where nobody calls the core: in what its promises lead to.
 * @throws {Error} `ERR_ENGINE_UNAVAILABLE` where WebAssembly is missing or forbidden.
 */
export function coreOf(compile, onTrap) {
  let exports
  try {
    exports = loadGlue(finalizer(() => {}) && FinalizationRegistry, onTrap)(compile())
  } catch (error) {
    throw unavailable(error)
  }
  const { memory, report, judgeResponse } = exports
  return {
    // They take and give numbers and references only, and so need no frame of the glue around them.
    ...exports,
    report: reportIn(numbersIn(memory), report),
    /**
     * The outcome of a response, plus `TRIPS` where it opens the circuit at once.
     *
     * @param {import('../../base/types.js').ResponseLike} response
     * @param {number} says One of those that begin with `SAYS_`.
     * @param {number} rateLimit One of `RATE_LIMITS`.
     * @param {number} now In ms since the epoch.
     */
    judgeResponse: (response, says, rateLimit, now) => unlessThrown(judgeResponse(response, READER, says, rateLimit, now)),
    stateChanges: apart(exports.stateChanges),
    snapshot: apart(exports.snapshot)
  }
}

/** What the core borrows to read headers. */
const READER = { get: headerOf }

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
