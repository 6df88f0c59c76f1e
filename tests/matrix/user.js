// A throw-away project with the installed tarball and the conformance program, as text for whatever a runtime takes: a module, a CommonJS module, a script.
// It must not know the runtimes.

import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { project } from '../package/support.js'
import { load } from '../traces/load.js'
import { ENTRIES } from './rows.js'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Where something that this folder has installed lies. */
export const installed = (path) => join(here, 'node_modules', path)
export const versionOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version

/** The program with its traces as one file. */
async function programAs(format) {
  const { outputFiles } = await build({
    stdin: { contents: `export { conform } from './program.mjs'\nexport const data = ${JSON.stringify(load())}`, resolveDir: here },
    bundle: true, format, target: 'es2022', write: false, logLevel: 'silent',
  })
  return outputFiles[0].text
}

/** A project of a user of the package, with `program.mjs` and `program.cjs` in it. */
export async function userOfMatrix() {
  const user = await project({ 'program.mjs': await programAs('esm'), 'program.cjs': await programAs('cjs') })
  const { exports } = JSON.parse(String(await user.read('package.json')))
  return {
    ...user,
    /** A file of the project. */
    text: (path) => readFile(join(user.dir, path), 'utf8'),
    /** The file of the package that a specifier leads to, under these conditions. */
    fileOf(specifier, conditions = ['import']) {
      const find = (target) => {
        if (typeof target === 'string') return target
        for (const [condition, inner] of Object.entries(target)) {
          const found = [...conditions, 'default'].includes(condition) ? find(inner) : undefined
          if (found !== undefined) return found
        }
      }
      return find(exports[specifier.replace(/^halfopen/, '.')]).slice(2)
    },
    /** Bundles a module of the project into one text, as its user would. */
    async bundle(contents, options = {}) {
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: user.dir }, bundle: true, format: 'iife', globalName: 'main', write: false, logLevel: 'silent', ...options,
      })
      return outputFiles[0].text
    },
  }
}

/**
 * The source of a module that exports `run()`, which answers what the program came to.
 *
 * @param {{ entry: string }} row
 * @param {object} host What the program is told: see `Host` in `program.mjs`.
 * @param {object} [means]
 * @param {(specifier: string) => string} [means.find] Where the package is, by other names than its own.
 * @param {(specifier: string) => { lines?: string, value: string }} [means.bring] How the Wasm of an entry that takes one comes about: lines for the
 *   head of the module, and what `init` is given.
 */
export const asModule = ({ entry }, host, { find = (specifier) => specifier, bring = readByNode } = {}) => {
  const { imports, wasm } = ENTRIES[entry]
  const names = imports.map((_, index) => `entry${index}`)
  const { lines = '', value } = wasm === undefined ? {} : bring(wasm)
  return [
    ...imports.map((specifier, index) => `import * as ${names[index]} from ${JSON.stringify(find(specifier))}`),
    `import { conform, data } from ${JSON.stringify(find('./program.mjs'))}`,
    lines,
    `export const halfopen = { ${names.map((name) => `...${name}`).join(', ')} }`,
    'export const run = async () => {',
    value === undefined ? '' : `await halfopen.init(${value})`,
    `return conform(halfopen, { ...data, ...${JSON.stringify(host)} })`,
    '}',
  ].filter(Boolean).join('\n')
}

/** Reads the Wasm from its file. */
const readByNode = (specifier) => ({
  lines: "import { readFileSync } from 'node:fs'",
  value: `readFileSync(new URL('./node_modules/${specifier}', import.meta.url))`,
})

/** The same as a CommonJS module. */
export const asCommonJs = ({ entry }, host) => {
  const { imports, wasm } = ENTRIES[entry]
  return [
    "const { conform, data } = require('./program.cjs')",
    `const halfopen = { ${imports.map((specifier) => `...require(${JSON.stringify(specifier)})`).join(', ')} }`,
    wasm === undefined ? '' : `halfopen.initSync(require('node:fs').readFileSync(require.resolve('${wasm}')))`,
    `const run = () => conform(halfopen, { ...data, ...${JSON.stringify(host)} })`,
    'module.exports = { halfopen, run }',
  ].filter(Boolean).join('\n')
}

/**
 * For esbuild: a file that is imported as a WebAssembly module stays one, as tools for such runtimes have it. `wasm` has the bytes afterwards, by the
 * name that `importFrom` gave.
 *
 * @param {Map<string, Buffer>} wasm
 * @param {(name: string) => { path: string, external?: boolean, namespace?: string }} importFrom
 */
export const wasmModules = (wasm, importFrom) => ({
  name: 'wasm-modules',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /\.wasm(\?module)?$/ }, async ({ path, pluginData, ...rest }) => {
      if (pluginData === 'found') return
      const found = await resolve(path.replace('?module', ''), { ...rest, pluginData: 'found' })
      if (found.errors.length > 0) return found
      wasm.set(basename(found.path), await readFile(found.path))
      return importFrom(basename(found.path))
    })
  },
})

/** Code that makes a breaker where none can be made, and answers the error. */
export const ATTEMPT = `(() => {
  try {
    new halfopen.CircuitBreaker()
  } catch ({ name, code, message }) {
    return { error: { name, code, message } }
  }
  return { error: undefined }
})()`
