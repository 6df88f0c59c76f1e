// Runs a bundle in the edge runtime that Next and Vercel build on. It must not know what the program checks.

import { EdgeVM } from '@edge-runtime/vm'
import { asModule, installed, versionOf, wasmModules } from '../user.js'

export async function open({ user, hostOf }) {
  const version = versionOf(installed('@edge-runtime/vm'))
  return {
    async run(row) {
      // As Next has it: a file that is imported with `?module` is compiled when the app is built, and is there as a global.
      const wasm = new Map()
      const bring = (specifier) => ({ lines: `import wasm from '${specifier}?module'`, value: 'wasm' })
      const named = wasmModules(wasm, (name) => ({ path: name, namespace: 'wasm' }))
      const asGlobals = {
        name: 'wasm-globals',
        setup: ({ onLoad }) => onLoad({ filter: /.*/, namespace: 'wasm' }, ({ path }) => ({ contents: `export default globalThis[${JSON.stringify(path)}]` })),
      }
      const text = await user.bundle(asModule(row, hostOf(row), { bring }), { conditions: ['edge-light', 'worker', 'browser'], plugins: [named, asGlobals] })
      const modules = Object.fromEntries([...wasm].map(([name, bytes]) => [name, new WebAssembly.Module(bytes)]))
      const vm = new EdgeVM({ codeGeneration: { strings: false, wasm: false }, extend: (context) => Object.assign(context, modules) })
      vm.evaluate(text)
      return { version, ...JSON.parse(await vm.evaluate('main.run().then(JSON.stringify)')) }
    },
    close() {},
  }
}
