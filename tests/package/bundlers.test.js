// What those pay who import a piece of the package, in each of the bundlers; and that no file needs more of a parser than React
// Native's default or an older bundler has. It must not know what the pieces do.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { parse } from 'acorn'
import { build } from 'esbuild'
import { rollup } from 'rollup'
import { minify } from 'terser'
import webpack from 'webpack'
import { project } from './support.js'

/** What an error class or a guard alone may weigh, minified and gzipped, in bytes. */
const PIECE = 1500

const PIECES = ['CircuitOpenError', 'BulkheadFullError', 'CallTimeoutError', 'isCircuitOpenError', 'isBulkheadFullError', 'isCallTimeoutError', 'findRefusal']

let user
before(async () => {
  user = await project(Object.fromEntries(PIECES.map((name) => [`${name}.mjs`, `import { ${name} } from 'halfopen'\nconsole.log(${name})\n`])))
})
after(() => user?.remove())

/** Each bundles and minifies a module of the project as it does for its users, and answers with the text. */
const BUNDLERS = {
  async esbuild(entry) {
    const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: 'esm', write: false, logLevel: 'silent' })
    return outputFiles[0].text
  },
  async rollup(entry) {
    const installed = join(user.installed, 'index.js')
    const bundle = await rollup({
      input: entry,
      plugins: [{
        name: 'installed',
        // As rollup's plugin for packages of node_modules says it, from the manifest.
        resolveId: (id) => (id === 'halfopen' ? { id: installed, moduleSideEffects: false } : null),
      }],
    })
    const { output } = await bundle.generate({ format: 'es' })
    await bundle.close()
    const { code } = await minify(output[0].code, { module: true })
    return code
  },
  async webpack(entry) {
    const name = 'bundled.js'
    const compiler = webpack({ mode: 'production', entry, context: user.dir, output: { path: join(user.dir, 'webpack'), filename: name }, target: 'web' })
    const stats = await new Promise((resolve, reject) => compiler.run((error, stats) => (error ? reject(error) : resolve(stats))))
    await new Promise((resolve) => compiler.close(resolve))
    assert.equal(stats.hasErrors(), false, stats.toString())
    return String(await user.read(join('..', '..', 'webpack', name)))
  },
}

describe('a piece of the package alone', () => {
  for (const [bundler, bundle] of Object.entries(BUNDLERS)) {
    for (const name of PIECES) {
      it(`weighs little: ${name}, by ${bundler}`, async () => {
        const text = await bundle(join(user.dir, `${name}.mjs`))
        const { length } = gzipSync(text, { level: 9 })
        assert.ok(length <= PIECE, `Expected at most ${PIECE} B, got ${length} B`)
        assert.ok(text.includes(/^[A-Z]/.test(name) ? name : 'halfopen.error'), 'the piece is in the bundle')
      })
    }
  }
})

/** Nodes of a parsed file with what they are in, the outermost first. */
function visit(node, note, around = []) {
  if (typeof node !== 'object' || node === null) return
  if (node.type) note(node, around)
  for (const value of Object.values(node)) visit(value, note, node.type ? [...around, node] : around)
}

describe('the syntax of the package', () => {
  for (const path of ['errors.js', 'errors.cjs', 'index.js', 'index.cjs', 'fetch.js', 'fetch.cjs', 'undici.js', 'undici.cjs', 'no-wasm.js', 'no-wasm.cjs', 'slim.js', 'slim.cjs']) {
    it(`has no static block, and no super outside of classes: ${path}`, async () => {
      const found = []
      visit(parse(String(await user.read(path)), { ecmaVersion: 2022, sourceType: path.endsWith('.cjs') ? 'script' : 'module' }), ({ type, start }, around) => {
        if (type === 'StaticBlock') found.push(`a static block at ${start}`)
        const holder = around.findLast((node) => node.type === 'ObjectExpression' || node.type === 'ClassBody')
        if (type === 'Super' && holder?.type !== 'ClassBody') found.push(`super in an object at ${start}`)
      })
      assert.deepEqual(found, [])
    })
  }
})
