/**
 * The error where Wasm can't be used: what failed, and what would help.
 *
 * Must not know: which Wasm it is.
 */
import { CODES, misuse } from '../../base/misuse.js'

/**
 * @param {unknown} error What was thrown.
 */
export function unavailable(error) {
  const message = `WebAssembly can't be used here: ${whatFailed(error)}. halfopen/no-wasm needs none`
  return misuse(Error, message, CODES.engineUnavailable, { cause: error })
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
