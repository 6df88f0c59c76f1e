// What importing the installed package does: nothing, until a breaker is made; and what it costs those who import little.

import assert from 'node:assert/strict'
import { extname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { build, transform } from 'esbuild'
import { LIMIT, weigh } from '../../scripts/size.mjs'
import { EXPECTED, nodes, PROGRAM, project } from './support.js'

/** Counts every use of what an import must leave alone. Runs before the package is loaded. */
const SPY = `
  const used = globalThis.used = []
  const spy = (holder, name) => {
    const original = holder[name]
    const note = () => used.push(name)
    holder[name] = typeof original === 'function' && original.prototype
      ? new Proxy(original, { construct(...all) { note(); return Reflect.construct(...all) }, apply(...all) { note(); return Reflect.apply(...all) } })
      : function (...all) { note(); return original.apply(this, all) }
  }
  for (const name of ['Module', 'Instance', 'Memory', 'Table', 'compile', 'instantiate', 'validate']) spy(WebAssembly, name)
  spy(Buffer, 'from')
  for (const name of ['TextDecoder', 'TextEncoder', 'FinalizationRegistry', 'atob', 'setTimeout', 'setInterval', 'queueMicrotask', 'fetch']) spy(globalThis, name)`

let user
before(async () => {
  user = await project({
    ...PROGRAM,
    'spy.cjs': SPY,
    'esm.mjs': `
      import './spy.cjs'
      const globals = Object.getOwnPropertyNames(globalThis).length
      const { CircuitBreaker, ManualClock, CircuitOpenError } = await import('halfopen')
      new ManualClock(), new CircuitOpenError()
      const atImport = [...used], added = Object.getOwnPropertyNames(globalThis).length - globals
      new CircuitBreaker()
      const modules = () => used.filter((name) => name === 'Module').length
      const first = modules()
      new CircuitBreaker()
      console.log(JSON.stringify({ atImport, added, first, second: modules() }))`,
    'cjs.cjs': `
      require('./spy.cjs')
      const { CircuitBreaker } = require('halfopen')
      const atImport = [...used]
      new CircuitBreaker()
      console.log(JSON.stringify({ atImport, first: used.filter((name) => name === 'Module').length }))`,
    'rest.mjs': `
      import { CircuitBreaker } from 'halfopen'
      const breaker = new CircuitBreaker()
      breaker.trip()
      console.log(JSON.stringify(process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FS|CloseReq/.test(name))))`,
  })
})
after(() => user?.remove())

/** Bundles a module of the project as its user would, minified. */
async function bundle(contents, options = {}) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: user.dir }, bundle: true, minify: true, format: 'esm', write: false, logLevel: 'silent', ...options,
  })
  return outputFiles[0].text
}

describe('importing the package', () => {
  for (const [major, node] of Object.entries(nodes)) {
    it(`compiles no Wasm and touches no global before the first breaker, and one module for all of them (Node ${major})`, async () => {
      assert.deepEqual(await user.node(node, 'esm.mjs'), { atImport: [], added: 0, first: 1, second: 1 })
      assert.deepEqual(await user.node(node, 'cjs.cjs'), { atImport: [], first: 1 })
    })

    it(`leaves nothing behind that keeps a process alive (Node ${major})`, async () => {
      assert.deepEqual(await user.node(node, 'rest.mjs'), [])
    })
  }

  it('leaves no trace in a bundle when nothing of it is used', async () => {
    assert.equal((await bundle("import 'halfopen'; import { CircuitBreaker } from 'halfopen'; console.log(1)")).trim(), 'console.log(1);')
  })

  it('brings little and no Wasm where only the error class is used', async () => {
    const text = await bundle("import { CircuitOpenError } from 'halfopen'; console.log(CircuitOpenError)")
    assert.ok(!text.includes('0061736d'), 'the bytes of the Wasm are not in the bundle')
    assert.ok(text.length < 5000, `Expected less than 5000 B, got ${text.length} B`)
  })

  it('has no top-level await, no import.meta, and imports nothing but its own file of errors', async () => {
    for (const path of ['index.js', 'index.cjs', 'errors.js', 'errors.cjs']) {
      // Without its comments, and into CommonJS, which has no top-level await.
      const { code, warnings } = await transform(String(await user.read(path)), { minifyWhitespace: true, format: 'cjs' })
      assert.doesNotMatch(code, /\bimport\.meta\b|__dirname|\bimport\s*[({'"]/, path)
      const required = [...code.matchAll(/\brequire\((.*?)\)/g)].map(([, what]) => what)
      assert.deepEqual(new Set(required), new Set(path.startsWith('index') ? [`"./errors${extname(path)}"`] : []), path)
      assert.deepEqual(warnings, [], path)
    }
  })

  it('runs the program when bundled and minified, as ES module and as CommonJS', async () => {
    for (const [format, platform] of [['esm', 'browser'], ['esm', 'node'], ['cjs', 'node']]) {
      const name = `bundled-${platform}.${format === 'esm' ? 'mjs' : 'cjs'}`
      await user.write({
        [name]: await bundle(
          "import * as halfopen from 'halfopen'; import { program } from './program.mjs'; program(halfopen).then((steps) => console.log(JSON.stringify(steps)))",
          { format, platform }
        ),
      })
      assert.deepEqual(await user.node(process.execPath, name), EXPECTED, name)
    }
  })

  it('weighs no more than its budget, minified and gzipped, Wasm included', async () => {
    const { gzip } = await weigh(join(user.installed, 'index.js'))
    assert.ok(gzip <= LIMIT, `Expected at most ${LIMIT} B, got ${gzip} B`)
  })
})
