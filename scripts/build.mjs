// Builds pkg/, ready for `npm pack`: Rust to Wasm, Wasm to two ES modules, js/ to bundles, JSDoc to declarations.
// It must not know what the crate or the classes do, only where they lie. Nothing is done when no input has changed.
//   node scripts/build.mjs [--release] [--force]
//     --release   a missing README.md or CHANGELOG.md is an error
//     --force     builds even where nothing has changed

import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail, run, shell } from './run.mjs'
import { GENERATED, GLUE, makeWasm } from './wasm.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
const release = process.argv.includes('--release')
const force = process.argv.includes('--force')

/**
 * The files of the package's code, one row each. A row `owns` the sources that the rows below with the same `core` import from its file at run
 * time, so all share one engine and one set of classes: of an entry, those are what it exports. The errors have a file of their own, which all
 * cores share, since webpack leaves out a file of which nothing is used, but not all of the rest of one. `core` is the file of js/engine/sources
 * that brings the core, and `wasm` what that imports as a module.
 */
const BOTH = ['esm', 'cjs']
const ENTRIES = [
  { name: 'errors', sources: ['js/base/errors.js', 'js/base/find-refusal.js', 'js/base/misuse.js'], formats: BOTH },
  { name: 'index', sources: ['js/index.js'], formats: BOTH, core: 'inline' },
  { name: 'fetch', sources: ['js/fetch.js'], formats: BOTH, core: 'inline' },
  { name: 'undici', sources: ['js/undici.js'], formats: BOTH, core: 'inline' },
  { name: 'fleet', sources: ['js/fleet.js'], formats: BOTH },
  { name: 'no-wasm', sources: ['js/index.js', 'js/fetch.js', 'js/undici.js'], formats: BOTH, core: 'script', minify: true },
  { name: 'react-native/index', sources: ['js/index.js'], formats: BOTH, core: 'script' },
  { name: 'react-native/fetch', sources: ['js/fetch.js'], formats: BOTH, core: 'script' },
  { name: 'react-native/undici', sources: ['js/undici.js'], formats: BOTH, core: 'script' },
  { name: 'slim', sources: ['js/index.js', 'js/fetch.js', 'js/undici.js', 'js/engine/slim.js'], formats: BOTH, core: 'given' },
  // Whoever bundles for these takes ES modules, the only ones that can import a Wasm.
  ...[['workerd', '../core.wasm'], ['edge-light', '../core.wasm?module']].flatMap(([condition, wasm]) => ['index', 'fetch', 'undici'].map((name) => (
    { name: `${condition}/${name}`, sources: [`js/${name}.js`], formats: ['esm'], core: 'module', wasm }
  ))),
]
const EXTENSION = { esm: '.js', cjs: '.cjs' }

/** The classic script, whole and minified, since whoever has no bundler has no minifier: what a page calls by one global name. */
const SCRIPT = { file: 'halfopen.min.js', globalName: 'halfopen', sources: ['js/index.js', 'js/fetch.js'] }

const INPUTS = [
  'Cargo.toml', 'Cargo.lock', 'src', 'js', 'pkg.json', 'tsconfig.json', 'package-lock.json', 'scripts/build.mjs', 'scripts/wasm.mjs',
  'scripts/wasm-sections.mjs', 'scripts/run.mjs', 'scripts/toolchain.sh',
  'README.md', 'CHANGELOG.md', 'docs', 'LICENSE-MIT', 'LICENSE-APACHE',
]
const STAMP = 'target/build.json'

/** The files below a path, in a fixed order. */
function files(path) {
  if (!existsSync(path)) return []
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path).sort().flatMap((name) => files(join(path, name)))
}

function digest(paths, ...more) {
  const hash = createHash('sha256').update(JSON.stringify(more))
  for (const path of paths) hash.update(`\0${path}\0`).update(readFileSync(path))
  return hash.digest('hex')
}

const outputs = () => digest([...files('pkg'), ...files(GENERATED)])

/** What esbuild's helpers for CommonJS say, and what is to stand there: own members alone, whatever somebody added to `Object.prototype`. */
const HELPERS = [
  ['for (var name in all)', 'for (var name of Object.keys(all))'],
  ['{ get: all[name], enumerable: true }', '{ __proto__: null, get: all[name], enumerable: true }'],
  ['{ get: () => from[key], enumerable:', '{ __proto__: null, get: () => from[key], enumerable:'],
  ['{ value: true }', '{ __proto__: null, value: true }'],
]

/** Puts that into a file. */
function harden(path) {
  let text = readFileSync(path, 'utf8')
  for (const [helper, hardened] of HELPERS) {
    if (!text.includes(helper)) fail(`${path} has no \`${helper}\`: has esbuild changed its helpers?`)
    text = text.replace(helper, hardened)
  }
  writeFileSync(path, text)
}

/** Bundles every entry in every format into pkg/. */
async function bundles(esbuild) {
  /** The rows that own a source, by the source's path. */
  const owners = new Map()
  const ownerOf = (path, { core, wasm }) => owners.get(path)?.find((owner) => owner.core === undefined || (owner.core === core && owner.wasm === wasm))
  for (const row of ENTRIES) {
    for (const format of row.formats) {
      const file = `pkg/${row.name}${EXTENSION[format]}`
      const ofAnother = {
        name: 'of-another',
        setup({ onResolve }) {
          onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
            const source = resolve(resolveDir, path)
            if (source === resolve('js/engine/source.js')) return { path: resolve(`js/engine/sources/${row.core}.js`) }
            if (source === resolve(GENERATED, 'module.js')) return { path: row.wasm, external: true, sideEffects: false }
            // Its own list, of which each export may be another's.
            if (row.sources.some((one) => resolve(one) === source)) return undefined
            const owner = ownerOf(source, row)
            const from = owner && relative(dirname(row.name), owner.name)
            return owner && { path: `${from.startsWith('.') ? '' : './'}${from}${EXTENSION[format]}`, external: true }
          })
        },
      }
      await esbuild.build({
        // Named, since esbuild names what it makes after the source, and one without a name, or `index`, after its folder.
        stdin: { contents: row.sources.map((path) => `export * from './${path}'`).join('\n'), resolveDir: '.', sourcefile: `entry-${row.name.replace('/', '-')}.js` },
        outfile: file, format,
        // ASCII: one character beyond it doubles what V8 keeps of the file, and its import takes 0.4 ms of 3.3 more.
        bundle: true, target: 'es2022', charset: 'ascii', legalComments: 'none', logLevel: 'warning', plugins: [ofAnother],
        // Neutral, so that an import of a Node module does not resolve; `node` for CommonJS only adds the list of names by which
        // Node lets ES modules import them from it.
        platform: format === 'cjs' ? 'node' : 'neutral',
        logOverride: { 'empty-import-meta': 'error' },
      }).catch(() => fail(`could not bundle ${row.name} as ${format}`))
      if (format === 'cjs') harden(file)
      if (row.minify) await minify(esbuild, file)
      if (row.name === 'index') wasmLast(file)
    }
    for (const source of row.sources) {
      const exported = readFileSync(source, 'utf8').matchAll(/^export \{[^}]+\} from '(.+)'$/gm)
      for (const path of [source, ...[...exported].map(([, path]) => join(dirname(source), path))]) {
        const known = owners.get(resolve(path)) ?? []
        if (!ownerOf(resolve(path), row)) owners.set(resolve(path), [...known, row])
      }
    }
  }
}

/** Makes the classic script: bundled as a module first, as there the Wasm can be moved. */
async function script(esbuild, { file, globalName, sources }) {
  const path = 'target/script.js'
  const contents = sources.map((path) => `export * from './${path}'`).join('\n')
  const options = { target: 'es2022', charset: 'ascii', legalComments: 'none', logLevel: 'warning' }
  await esbuild.build({ stdin: { contents, resolveDir: '.', sourcefile: 'entry-script.js' }, outfile: path, bundle: true, format: 'esm', platform: 'neutral', ...options })
    .catch(() => fail(`could not bundle ${file}`))
  wasmLast(path)
  const scripted = await esbuild.transform(readFileSync(path, 'utf8'), { format: 'iife', globalName, ...options })
  // Modules are strict by themselves, and a script says so.
  writeFileSync(path, scripted.code.replace('(() => {', '(() => {\n"use strict";'))
  harden(path)
  const { code } = await esbuild.transform(readFileSync(path, 'utf8'), { minify: true, ...options })
  writeFileSync(`pkg/${file}`, code)
}

/**
 * Leaves out the blanks and comments of a file, and no name: classes and functions are called what they are called. In short lines, since Node shows
 * the one in which an error was thrown that nobody caught.
 */
async function minify(esbuild, path) {
  const { code } = await esbuild.transform(readFileSync(path, 'utf8'), { minifyWhitespace: true, minifySyntax: true, lineLimit: 200, target: 'es2022', charset: 'ascii', legalComments: 'none' })
  // For Node, which learns by it what a CommonJS file exports; in a branch that never runs, and so left out.
  const [names = ''] = /^0 && \(module\.exports = \{[^}]+\}\);$/m.exec(readFileSync(path, 'utf8')) ?? []
  if (path.endsWith('.cjs') && names === '') fail(`${path} has no list of its names: has esbuild changed it?`)
  writeFileSync(path, `${code}${code.includes('0&&(module.exports') ? '' : names}`)
}

/**
 * Moves the text of the Wasm in a bundle behind all else. gzip looks back 32 KB: with 50 KB of Wasm in their midst, the code before
 * it and the code behind it share nothing, which is 0.5 KB. It is a `var` that nothing reads before the first breaker.
 */
function wasmLast(path) {
  const text = readFileSync(path, 'utf8')
  const [wasm] = /^\/\/ .*bytes\.js\nvar \w+ = "[0-9a-f]+";\n/m.exec(text) ?? []
  if (wasm === undefined) fail(`${path} has no Wasm in it: has its form changed?`)
  writeFileSync(path, `${text.replace(wasm, '')}\n${wasm}`)
}

/** A type that an entry only hands on. As an alias it would be another type's name, and TypeScript could not write down one that it inferred. */
const HANDED_ON = /^export type (\w+)(?:<.+>)? = import\('(.+)'\)\.(\w+)(?:<.+>)?;$/gm

/** Emits the declarations that the entries reach, and a CommonJS twin of each. */
function types() {
  const out = 'target/types'
  rmSync(out, { recursive: true, force: true })
  run('tsc', '--project', 'tsconfig.json', '--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', out)
  const specifier = /(\bfrom\s*|\bimport\s*\(?\s*)(['"])(\.{1,2}\/[^'"]+)\.js\2/g
  const { exports } = JSON.parse(readFileSync('pkg.json', 'utf8'))
  const reached = new Set(Object.values(exports).map((entry) => (entry.import ?? entry).types).filter(Boolean).map((path) => relative('types', path)))
  for (const name of reached) {
    const from = [join(out, name), join('js', name)].find((path) => existsSync(path)) ?? fail(`no declarations for ${name}`)
    const text = readFileSync(from, 'utf8').replace(HANDED_ON, "export type { $3 as $1 } from '$2';").replaceAll(/\{ (\w+) as \1 \}/g, '{ $1 }')
    for (const [, , , path] of text.matchAll(specifier)) reached.add(join(dirname(name), `${path}.d.ts`))
    const to = join('pkg/types', name)
    mkdirSync(dirname(to), { recursive: true })
    writeFileSync(to, text)
    writeFileSync(to.replace(/\.d\.ts$/, '.d.cts'), text.replace(specifier, '$1$2$3.cjs$2'))
  }
}

/** Puts the manifest, the Wasm itself and the texts beside the bundles. */
function texts() {
  const version = /^version *= *"([^"]+)"/m.exec(readFileSync('Cargo.toml', 'utf8'))?.[1] ?? fail('Cargo.toml has no version')
  const { name, ...rest } = JSON.parse(readFileSync('pkg.json', 'utf8'))
  writeFileSync('pkg/package.json', `${JSON.stringify({ name, version, ...rest }, null, 2)}\n`)
  for (const wasm of ['core.wasm', 'slim.wasm']) cpSync(join(GLUE, wasm), join('pkg', wasm))
  for (const path of ['LICENSE-MIT', 'LICENSE-APACHE', 'README.md', 'CHANGELOG.md']) {
    if (existsSync(path)) cpSync(path, join('pkg', basename(path)))
    else if (release) fail(`no ${path} to publish`)
    else console.warn(`build: no ${path} yet`)
  }
  // The README leads to these pages, and a user has no other copy of this version's.
  for (const path of files('docs').filter((path) => /\.(md|svg)$/.test(path))) cpSync(path, join('pkg', path))
}

if (!existsSync('node_modules/esbuild')) fail('npm dependencies are missing: run `npm run setup`')
const [esbuild, { default: binaryen }, { LIMIT, SLIM_LIMITS, sizeLine, weigh, weighSlim }] = await Promise.all([import('esbuild'), import('binaryen'), import('./size.mjs')])

const versions = shell('bash', '-c', 'rustc --version; wasm-bindgen --version; wasm-opt --version')
const inputs = digest(INPUTS.flatMap(files).filter((path) => !path.startsWith(GENERATED)), versions, release)
const stamp = existsSync(STAMP) ? JSON.parse(readFileSync(STAMP, 'utf8')) : {}

if (!force && stamp.inputs === inputs && stamp.outputs === outputs()) {
  console.log('build: pkg/ is up to date')
} else {
  rmSync('pkg', { recursive: true, force: true })
  mkdirSync('pkg')
  await makeWasm(esbuild, binaryen)
  await bundles(esbuild)
  await script(esbuild, SCRIPT)
  types()
  texts()
  writeFileSync(STAMP, JSON.stringify({ inputs, outputs: outputs() }))
}
for (const wasm of ['core.wasm', 'slim.wasm']) console.log(`build: ${wasm} ${statSync(`pkg/${wasm}`).size} B, SHA-256 ${createHash('sha256').update(readFileSync(`pkg/${wasm}`)).digest('hex')}`)
const size = await weigh()
console.log(`build: index.js ${sizeLine(size)}`)
if (size.gzip > LIMIT) fail('the default entry is over its limit: `node scripts/size.mjs` says what each part of it weighs')
const slim = await weighSlim()
console.log(`build: slim.js ${slim.js} B gzipped (limit ${SLIM_LIMITS.js} B), slim.wasm ${slim.wasm} B gzipped (limit ${SLIM_LIMITS.wasm} B)`)
for (const part of ['js', 'wasm']) if (slim[part] > SLIM_LIMITS[part]) fail(`slim.${part} is over its limit`)
