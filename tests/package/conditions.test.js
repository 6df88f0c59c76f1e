// What the conditions of hosts lead to: a bundle for each, with a loader of Wasm modules as those hosts' tools have one. It must not know what a
// breaker does, but that it opens.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { build } from 'esbuild'
import { project } from './support.js'

const PROGRAM = `
  import { CircuitBreaker, CircuitBreakerRegistry } from 'halfopen'
  import { guardFetch } from 'halfopen/fetch'
  import { guardDispatch } from 'halfopen/undici'
  // Nothing may be compiled any more where a breaker is made.
  globalThis.WebAssembly.Module = () => { throw new Error('compiled') }
  const breaker = new CircuitBreaker({ failureThreshold: 1 })
  breaker.recordFailure()
  const { registry } = guardFetch({ fetch: async () => {} })
  console.log(JSON.stringify([breaker.state, registry instanceof CircuitBreakerRegistry, registry.get('a') instanceof CircuitBreaker, typeof guardDispatch]))`

let user
before(async () => {
  user = await project({ 'program.mjs': PROGRAM })
})
after(() => user?.remove())

/** Bundles a module of the project for hosts of a condition, and answers with the names of the Wasm files that it imports as modules. */
async function bundled(condition) {
  const imported = []
  await build({
    entryPoints: [join(user.dir, 'program.mjs')], outfile: join(user.dir, `${condition}.mjs`), bundle: true, format: 'esm', platform: 'neutral', conditions: [condition],
    plugins: [{
      name: 'modules',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /\.wasm/ }, ({ path, resolveDir }) => {
          imported.push(path)
          return { path: join(resolveDir, path.replace('?module', '')), namespace: 'module' }
        })
        onLoad({ filter: /./, namespace: 'module' }, ({ path }) => ({ contents: `export default new WebAssembly.Module(Buffer.from('${readFileSync(path).toString('hex')}', 'hex'))` }))
      }
    }]
  })
  return imported
}

describe('a bundle for hosts of the condition', () => {
  for (const [condition, wasm] of [['workerd', ['../core.wasm']], ['edge-light', ['../core.wasm?module']], ['react-native', []]]) {
    it(`${condition} has one engine and one set of classes, and compiles nothing where a breaker is made`, async () => {
      assert.deepEqual(await bundled(condition), wasm)
      assert.deepEqual(await user.node(process.execPath, `${condition}.mjs`), ['open', true, true, 'function'])
    })
  }

  it('react-native has none of the Wasm in it', async () => {
    await bundled('react-native')
    assert.ok(!String(readFileSync(join(user.dir, 'react-native.mjs'))).includes('0061736d'))
  })
})
