/**
 * The type of `halfopen/core.wasm` and `halfopen/slim.wasm` for those who import them as modules. Bundlers that give an address or bytes for
 * such a file have a type of their own for what is asked for by `?url` and the like.
 *
 * Must not know: what is in them.
 */
import type { HostModule } from './base/host-types.js'
declare const module: HostModule
export default module
