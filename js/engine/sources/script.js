/**
 * The core turned to JavaScript: for hosts without Wasm, or where it is forbidden.
 *
 * Must not know: what the core does.
 */
import { loadScript } from '../generated/script.js'
import { coreOf } from './numbers-core.js'

/**
 * Makes the core.
 *
 * @param {(error: unknown) => void} onTrap
 */
export const loadCore = (onTrap) => coreOf(loadScript, onTrap)
