// Cores that are broken on purpose: the Wasm as it is built, in which one function traps once it was called so often. It must not know what the
// functions are for.

import binaryen from 'binaryen'

/** What the Wasm uses: with all, binaryen writes what engines can't read yet. */
const FEATURES = ['BulkMemory', 'Multivalue', 'MutableGlobals', 'NontrappingFPToInt', 'ReferenceTypes', 'SignExt']

/** The names of the functions that a Wasm exports. */
export const functionsOf = (wasm) => WebAssembly.Module.exports(new WebAssembly.Module(wasm)).filter(({ kind, name }) => kind === 'function' && !name.startsWith('_')).map(({ name }) => name)

/** The Wasm in which each call of that export from the one after the first `calls` on executes `unreachable`. */
export function broken(wasm, name, calls) {
  const module = binaryen.readBinary(wasm)
  module.setFeatures(FEATURES.reduce((all, name) => all | binaryen.Features[name], 0))
  const exports = Array.from({ length: module.getNumExports() }, (_, index) => binaryen.getExportInfo(module.getExportByIndex(index)))
  const { value } = exports.find((one) => one.name === name)
  const { params, results } = binaryen.getFunctionInfo(module.getFunction(value))
  const own = (params === binaryen.none ? [] : binaryen.expandType(params)).map((type, place) => module.local.get(place, type))
  module.addGlobal('left', binaryen.i32, true, module.i32.const(calls))
  const left = () => module.global.get('left', binaryen.i32)
  const traps = module.if(module.i32.eqz(left()), module.unreachable())
  const counts = module.global.set('left', module.i32.sub(left(), module.i32.const(1)))
  module.addFunction('broken', params, results, [], module.block(null, [traps, counts, module.call(value, own, results)], results))
  module.removeExport(name)
  module.addFunctionExport('broken', name)
  const bytes = module.emitBinary()
  module.dispose()
  return bytes
}
