// Runs a bundle in the edge runtime that Next and Vercel build on. It must not know what the program checks.

import { EdgeVM } from '@edge-runtime/vm'
import { asModule, ATTEMPT, installed, versionOf } from '../user.js'

export async function open({ user, hostOf }) {
  const version = versionOf(installed('@edge-runtime/vm'))
  return {
    async run(row) {
      const text = await user.bundle(asModule(row, hostOf(row)), { conditions: ['edge-light', 'worker', 'browser'] })
      // As where it is deployed: no code from strings, and no WebAssembly from bytes.
      const vm = new EdgeVM({ codeGeneration: { strings: false, wasm: row.setting === 'Wasm from bytes allowed' } })
      vm.evaluate(text)
      const answered = vm.evaluate(row.unavailable ? `{ const { halfopen } = main; Promise.resolve(${ATTEMPT}).then(JSON.stringify) }` : 'main.run().then(JSON.stringify)')
      return { version, ...JSON.parse(await answered) }
    },
    close() {},
  }
}
