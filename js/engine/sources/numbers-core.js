/**
 * The core whose boundary is numbers, as the functions that the engine promises: what `src/wasm` does with JavaScript's values is done here.
 *
 * Must not know: breakers, how the core came here, and any decision: the core says what the probe does next and what a response means.
 */
import { FAILURE, LONGEST_HEADER, SUCCESS } from '../generated/numbers.js'
import { headerOf, unlessThrown } from './headers.js'
import { numbersIn, reportIn } from './memory.js'

/**
 * The functions that the two cores have in common, as wasm-bindgen declares them.
 *
 * @typedef {Omit<import('../generated/glue.js').Exports, 'judgeResponse' | 'restore' | 'snapshot' | 'startProbe' | 'stateChanges'>} Common
 */

/**
 * Those that `src/numbers` has instead.
 *
 * @typedef {object} Own
 * @property {() => number} listLength
 * @property {(length: number) => number} listRoom
 * @property {(slot: number) => number} stateChanges
 * @property {(slot: number, origin: number, now: number) => number} snapshot
 * @property {(slot: number, origin: number, now: number) => number} restore
 * @property {(status: number, says: number, rateLimit: number, now: number) => number} judgeResponse
 * @property {(slot: number, now: number, random: number) => number} probeStep
 * @property {() => number} probePatience
 */

/**
 * What the core imports.
 *
 * @typedef {{ host: { header: (header: number, room: number) => number } }} Imports
 */

/**
 * @param {(imports: Imports) => Common & Own} instantiate
 * @param {(error: unknown) => void} onTrap Is told of what is thrown where nobody calls the core: in what its promises lead to.
 * @returns {ReturnType<typeof import('./bindgen-core.js').coreOf>}
 */
export function coreOf(instantiate, onTrap) {
  /** The one that is being judged. @type {import('../../base/types.js').ResponseLike} */
  let judged
  const core = instantiate({
    host: {
      header: (header, room) => {
        const text = headerOf(judged, header)
        if (text.length > LONGEST_HEADER) return text.length
        const bytes = new Uint8Array(core.memory.buffer, room, text.length)
        // No header that says something has a character beyond ASCII.
        for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index) < 128 ? text.charCodeAt(index) : 63
        return text.length
      }
    }
  })
  const numbers = numbersIn(core.memory)
  /** @param {number} place Where the list lies; 0 for none. */
  const list = (place) => {
    if (place === 0) return undefined
    const first = place / Float64Array.BYTES_PER_ELEMENT
    return Array.from(numbers().subarray(first, first + core.listLength()))
  }
  return /** @type {any} */ ({
    ...core,
    report: reportIn(numbers, core.report),
    /** @type {(slot: number) => number[] | undefined} */
    stateChanges: (slot) => list(core.stateChanges(slot)),
    /** @type {(slot: number, origin: number, now: number) => number[] | undefined} */
    snapshot: (slot, origin, now) => list(core.snapshot(slot, origin, now)),
    /** @type {(slot: number, saved: Float64Array, origin: number, now: number) => number} */
    restore: (slot, saved, origin, now) => {
      const first = core.listRoom(saved.length) / Float64Array.BYTES_PER_ELEMENT
      numbers().set(saved, first)
      return core.restore(slot, origin, now)
    },
    /** @type {(response: import('../../base/types.js').ResponseLike, says: number, rateLimit: number, now: number) => number} */
    judgeResponse: (response, says, rateLimit, now) => {
      const { status } = response
      // What reads a header may judge another.
      const outer = judged
      judged = response
      const answer = core.judgeResponse(status, says, rateLimit, now)
      judged = outer
      return unlessThrown(answer)
    },
    /** @type {(slot: number, host: ReturnType<typeof import('../../breaker/recovery.js').recoveryHost>) => void} */
    startProbe: (slot, host) => {
      probe(core, slot, host).catch(onTrap)
    }
  })
}

/**
 * Tests the dependency of that slot's breaker until its circuit is closed, isolated, disabled or gone: awaits what the core asks for, step by
 * step.
 *
 * @param {Common & Own} core
 * @param {number} slot
 * @param {ReturnType<typeof import('../../breaker/recovery.js').recoveryHost>} host
 */
async function probe(core, slot, host) {
  /** What is awaited; at first nothing: whoever starts it is in the midst of something. @type {unknown} */
  let awaited
  /** The permit of the test request under way; 0 for none. */
  let permit = 0
  for (;;) {
    let outcome = SUCCESS
    let failure
    try {
      await awaited
    } catch (error) {
      outcome = FAILURE
      failure = error
    }
    if (permit > 0) {
      if (!host.lives()) break
      const elapsed = host.elapsed()
      const now = host.now()
      core.settle(slot, permit, outcome, elapsed, now, host.random())
      host.tell(failure)
    } else if (outcome === FAILURE) {
      // It can't sleep any more.
      break
    }
    if (!host.lives()) break
    const now = host.now()
    const step = core.probeStep(slot, now, host.random())
    if (step === 0) break
    permit = Math.max(step, 0)
    if (step < 0) {
      awaited = host.sleep(-step)
    } else {
      const patience = core.probePatience()
      // Becoming half open is news.
      host.tell(undefined)
      awaited = host.probe(patience)
    }
  }
  host.ended()
}
