// What the two entries are made of. It must not know what they tell.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'

describe('The entries', () => {
  for (const entry of ['otel', 'prometheus']) {
    for (const [file, imported] of [[`${entry}.js`, ['./errors.js']], [`${entry}.cjs`, ['./errors.cjs']]]) {
      it(`have no engine and no class, and need no module of a host or of anybody else: ${file}`, () => {
        const code = readFileSync(new URL(`../../pkg/${file}`, import.meta.url), 'utf8').replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '')
        const found = [...code.matchAll(/(?:from |import |import\(|require\()"([^"]+)"/g)].map(([, path]) => path)
        assert.deepEqual([...new Set(found)], imported)
        assert.ok(!/WebAssembly|class CircuitBreaker|import\.meta|getBuiltinModule/.test(code))
      })
    }
  }

  it('are the same from both formats', async () => {
    for (const entry of ['otel', 'prometheus']) {
      const [esm, cjs] = await Promise.all(['js', 'cjs'].map((end) => import(`../../pkg/${entry}.${end}`)))
      const names = (module) => Object.keys(module).filter((name) => name !== 'default' && name !== 'module.exports').sort()
      assert.deepEqual(names(cjs), names(esm))
      assert.ok(names(esm).length > 0)
    }
  })
})
