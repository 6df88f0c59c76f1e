// The installed tarball in every Node version that is supported. It must not know how the package is built.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { EXPECTED, nodes, PROGRAM, project } from './support.js'

let user
before(async () => {
  user = await project({
    ...PROGRAM,
    'esm.mjs': `
      import * as halfopen from 'halfopen'
      import { program } from './program.mjs'
      console.log(JSON.stringify(await program(halfopen)))`,
    'cjs.cjs': `
      const { program } = require('./program.cjs')
      program(require('halfopen')).then((steps) => console.log(JSON.stringify(steps)))`,
    'both.mjs': `
      import { createRequire } from 'node:module'
      import * as esm from 'halfopen'
      import * as lexed from './node_modules/halfopen/index.cjs'
      import { program } from './program.mjs'
      const cjs = createRequire(import.meta.url)('halfopen')
      // Each build's own errors, as its breakers throw them, and which guards of the other take them.
      const thrownBy = async ({ CircuitBreaker }) => {
        const open = new CircuitBreaker(), full = new CircuitBreaker({ maxConcurrent: 1 }), slow = new CircuitBreaker({ timeout: 1 })
        open.trip()
        full.acquire()
        const errors = [open, full, slow].map((breaker) => breaker.call(() => new Promise(() => {})).catch((error) => error))
        return Promise.all(errors)
      }
      const takenBy = ({ isCircuitOpenError, isBulkheadFullError, isCallTimeoutError, findRefusal }, errors) => errors.map((error) => [
        isCircuitOpenError(error), isBulkheadFullError(error), isCallTimeoutError(error), findRefusal(new Error('outer', { cause: error })) === error
      ].map(Number).join(''))
      console.log(JSON.stringify({
        steps: await Promise.all([program(esm), program(cjs)]),
        names: [Object.keys(esm).sort(), Object.keys(cjs).sort()],
        unseen: Object.keys(esm).filter((name) => !(name in lexed)),
        sameClass: esm.CircuitBreaker === cjs.CircuitBreaker,
        recognised: [takenBy(esm, await thrownBy(cjs)), takenBy(cjs, await thrownBy(esm))]
      }))`,
    'require-both.cjs': `
      const { program } = require('./program.cjs')
      const cjs = require('halfopen')
      const esm = require('./node_modules/halfopen/index.js')
      Promise.all([program(cjs), program(esm)]).then((steps) => console.log(JSON.stringify(steps)))`,
    'manifest.cjs': `
      const { readFileSync } = require('node:fs')
      const core = new WebAssembly.Module(readFileSync(require.resolve('halfopen/core.wasm')))
      console.log(JSON.stringify({
        name: require('halfopen/package.json').name,
        exports: WebAssembly.Module.exports(core).some(({ kind }) => kind === 'memory')
      }))`,
  })
})
after(() => user?.remove())

for (const [major, node] of Object.entries(nodes)) {
  describe(`Node ${major}`, () => {
    it('is the version it is meant to be', async () => {
      await user.write({ 'version.cjs': 'console.log(JSON.stringify(process.version))' })
      assert.match(await user.node(node, 'version.cjs'), new RegExp(`^v${major}\\.`))
    })

    it('runs the program with import', async () => {
      assert.deepEqual(await user.node(node, 'esm.mjs'), EXPECTED)
    })

    it('runs the program with require', async () => {
      assert.deepEqual(await user.node(node, 'cjs.cjs'), EXPECTED)
    })

    it('runs both builds side by side in one process', async () => {
      const { steps, names, unseen, sameClass, recognised } = await user.node(node, 'both.mjs')
      assert.deepEqual(steps, [EXPECTED, EXPECTED])
      assert.deepEqual(names[0], names[1], 'both builds export the same names')
      assert.deepEqual(unseen, [], 'ES modules can import every name from the CommonJS build')
      assert.equal(sameClass, false, 'the CommonJS build is a full build of its own')
      const each = ['1001', '0101', '0010']
      assert.deepEqual(recognised, [each, each], 'the errors of one build are recognised by the other, each as what it is')
    })

    it('requires the ES module as well as the CommonJS build', async () => {
      assert.deepEqual(await user.node(node, 'require-both.cjs'), [EXPECTED, EXPECTED])
    })

    it('finds the Wasm and the manifest by their names', async () => {
      assert.deepEqual(await user.node(node, 'manifest.cjs'), { name: 'halfopen', exports: true })
    })
  })
}
