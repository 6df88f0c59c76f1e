/**
 * How users of `halfopen/slim` bring the Wasm of the core.
 *
 * Must not know: breakers.
 */
import { CODES, misuse, show } from '../base/misuse.js'
import { startEngine } from './index.js'
import { forget, give, isGiven } from './sources/given.js'
import { unavailable } from './sources/unavailable.js'

/**
 * What the Wasm may come as: its bytes, the compiled module, the response that has it, or its address.
 *
 * @typedef {import('../base/host-types.js').HostBytes | import('../base/host-types.js').HostModule | import('../base/host-types.js').HostResponse | import('../base/host-types.js').HostURL | string} SlimInput
 */

/**
 * Takes the Wasm of the core, `halfopen/slim.wasm`, and starts it. To be awaited before the first breaker is made. Where the core has been
 * started before, it does nothing more.
 *
 * @param {SlimInput | PromiseLike<SlimInput>} input The bytes, the module, a `Response` (compiled while it comes in, where it is served as
 *   `application/wasm`), an address to fetch it from, or a promise of one of these.
 * @returns {Promise<void>} Rejects with a `TypeError` (`ERR_INVALID_ARGUMENT`) for anything else, with an `Error` (`ERR_ENGINE_UNAVAILABLE`)
 *   where the Wasm can't be had or used, and as the promise given and as `fetch`.
 *
 * @example
 * await init(fetch('/assets/slim.wasm'))
 */
export async function init(input) {
  const given = await input
  if (isGiven()) return
  start(await moduleOf(isAddress(given) ? await /** @type {any} */ (globalThis).fetch(given) : given))
}

/**
 * As {@link init}, at once: for bytes that are there, or a module that is compiled.
 *
 * @param {import('../base/host-types.js').HostBytes | import('../base/host-types.js').HostModule} input
 * @throws {TypeError} `ERR_INVALID_ARGUMENT` for anything else.
 * @throws {Error} `ERR_ENGINE_UNAVAILABLE` where the Wasm can't be used.
 *
 * @example
 * initSync(readFileSync(fileURLToPath(import.meta.resolve('halfopen/slim.wasm'))))
 */
export function initSync(input) {
  if (isGiven()) return
  if (!isModule(input) && !isBytes(input)) throw notWasm('bytes or a WebAssembly.Module', input)
  start(isModule(input) ? input : usable(() => new WebAssembly.Module(plain(input))))
}

/** @param {WebAssembly.Module} module */
function start(module) {
  // Another may have come first, while this one was compiled.
  if (isGiven()) return
  give(module)
  try {
    startEngine()
  } catch (error) {
    forget()
    throw error
  }
}

/**
 * @param {any} given
 * @returns {Promise<WebAssembly.Module>}
 */
async function moduleOf(given) {
  if (isModule(given)) return given
  if (typeof given?.arrayBuffer === 'function') {
    if (given.ok === false) throw unavailable(new Error(`HTTP status ${given.status}`))
    const isStream = /^application\/wasm$/i.test(given.headers?.get?.('content-type') ?? '') && typeof WebAssembly.compileStreaming === 'function'
    return isStream ? await compiled(() => WebAssembly.compileStreaming(given)) : await compiled(async () => WebAssembly.compile(await given.arrayBuffer()))
  }
  if (!isBytes(given)) throw notWasm('bytes, a WebAssembly.Module, a Response, an address, or a promise of one of these', given)
  return compiled(() => WebAssembly.compile(plain(given)))
}

/** @param {() => Promise<WebAssembly.Module>} compile */
async function compiled(compile) {
  try {
    return await compile()
  } catch (error) {
    throw unavailable(error)
  }
}

/**
 * @template T
 * @param {() => T} use
 */
function usable(use) {
  try {
    return use()
  } catch (error) {
    throw unavailable(error)
  }
}

// By what they say they are: those of another realm, as in Jest, are of other classes.
/** @param {unknown} given */
const kindOf = (given) => Object.prototype.toString.call(given).slice(8, -1)

/**
 * @param {unknown} given
 * @returns {given is WebAssembly.Module}
 */
const isModule = (given) => kindOf(given) === 'WebAssembly.Module'

/** @param {unknown} given */
const isBytes = (given) => ArrayBuffer.isView(given) || /^(?:Shared)?ArrayBuffer$/.test(kindOf(given))

/**
 * Bytes as every engine takes them: some take no DataView.
 *
 * @param {any} bytes
 * @returns {BufferSource}
 */
const plain = (bytes) => (ArrayBuffer.isView(bytes) ? new Uint8Array(/** @type {any} */ (bytes.buffer), bytes.byteOffset, bytes.byteLength) : bytes)

/** @param {unknown} given */
const isAddress = (given) => typeof given === 'string' || kindOf(given) === 'URL'

/**
 * @param {string} expected
 * @param {unknown} given
 */
const notWasm = (expected, given) => misuse(TypeError, `Expected the Wasm of halfopen/slim as ${expected}, got ${show(given)}`, CODES.invalidArgument)
