/**
 * The core as Wasm that is inlined as hex: for everybody who can compile Wasm wherever the first breaker is made.
 *
 * Must not know: what the core does.
 */
import bytes from '../generated/bytes.js'
import { coreOf } from './bindgen-core.js'
import { decode } from './decode.js'

/**
 * Compiles and instantiates the core, synchronously.
 *
 * @param {(error: unknown) => void} onTrap
 */
export const loadCore = (onTrap) => coreOf(() => new WebAssembly.Module(decode(bytes)), onTrap)
