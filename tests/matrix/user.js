// A throw-away project with the installed tarball and the conformance program, as text for whatever a runtime takes: a module, a CommonJS module, a script.
// It must not know the runtimes.

import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
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
 * @param {(specifier: string) => string} [find] Where the package is, by other names than its own.
 */
export const asModule = ({ entry }, host, find = (specifier) => specifier) => {
  const names = ENTRIES[entry].map((_, index) => `entry${index}`)
  return [
    ...ENTRIES[entry].map((specifier, index) => `import * as ${names[index]} from ${JSON.stringify(find(specifier))}`),
    `import { conform, data } from ${JSON.stringify(find('./program.mjs'))}`,
    `export const halfopen = { ${names.map((name) => `...${name}`).join(', ')} }`,
    `export const run = () => conform(halfopen, { ...data, ...${JSON.stringify(host)} })`,
  ].join('\n')
}

/** The same as a CommonJS module. */
export const asCommonJs = ({ entry }, host) => [
  "const { conform, data } = require('./program.cjs')",
  `const halfopen = { ${ENTRIES[entry].map((specifier) => `...require(${JSON.stringify(specifier)})`).join(', ')} }`,
  `module.exports = { halfopen, run: () => conform(halfopen, { ...data, ...${JSON.stringify(host)} }) }`,
].join('\n')

/** Code that makes a breaker where none can be made, and answers the error. */
export const ATTEMPT = `(() => {
  try {
    new halfopen.CircuitBreaker()
  } catch ({ name, code, message }) {
    return { error: { name, code, message } }
  }
  return { error: undefined }
})()`
