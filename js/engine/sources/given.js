/**
 * The core as a Wasm that the user brings: for those who stream and cache it.
 *
 * Must not know: how the user came by it, and what the core does.
 */
import { CODES, misuse } from '../../base/misuse.js'
import { BOUNDARY } from '../generated/numbers.js'
import { coreOf } from './numbers-core.js'
import { unavailable } from './unavailable.js'

/** @type {WebAssembly.Module | undefined} */
let given

/**
 * Takes the module that all breakers are to live in, unless there is one.
 *
 * @param {WebAssembly.Module} module
 */
export function give(module) {
  given ??= module
}

/** Whether there is one. */
export const isGiven = () => given !== undefined

/** Gives back one that turned out to be useless. */
export function forget() {
  given = undefined
}

/**
 * Instantiates the core, synchronously.
 *
 * @param {(error: unknown) => void} onTrap
 */
export function loadCore(onTrap) {
  const module = given
  if (module === undefined) {
    throw misuse(Error, 'The core is not there yet: `await init(...)` or `initSync(...)` of halfopen/slim comes before the first breaker', CODES.engineUnavailable)
  }
  return coreOf((imports) => {
    try {
      const { exports } = new WebAssembly.Instance(module, imports)
      if (!(BOUNDARY in exports)) throw new TypeError('the Wasm is not the halfopen/slim.wasm of this very version')
      return /** @type {any} */ (exports)
    } catch (error) {
      throw unavailable(error)
    }
  }, onTrap)
}
