/**
 * The core as a Wasm that the host has compiled and that is imported as a module: for hosts that compile none while they answer a request.
 *
 * Must not know: what the core does.
 */
import module from '../generated/module.js'
import { coreOf } from './bindgen-core.js'

/**
 * Instantiates the core, synchronously.
 *
 * @param {(error: unknown) => void} onTrap
 */
export const loadCore = (onTrap) => coreOf(() => module, onTrap)
