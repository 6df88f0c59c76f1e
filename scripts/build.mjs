// Builds pkg/, ready for `npm pack`: Rust to Wasm, Wasm to two ES modules, js/ to bundles, JSDoc to declarations.
// It must not know what the crate or the classes do, only where they lie. Nothing is done when no input has changed.
//   node scripts/build.mjs [--release] [--force]
//     --release   a missing README.md or CHANGELOG.md is an error
//     --force     builds even where nothing has changed

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)
const release = process.argv.includes('--release')
const force = process.argv.includes('--force')

/**
 * The entries of the package, one row each. What the first exports, the others import from its file at run time, so all
 * entries share one engine and one set of classes. `esbuild` holds options of this row only.
 */
const ENTRIES = [
  { name: 'index', source: 'js/index.js', formats: ['esm', 'cjs'], esbuild: {} },
  { name: 'fetch', source: 'js/http/fetch.js', formats: ['esm', 'cjs'], esbuild: {} },
  { name: 'undici', source: 'js/http/undici/interceptor.js', formats: ['esm', 'cjs'], esbuild: {} },
]
const EXTENSION = { esm: '.js', cjs: '.cjs' }

/** What wasm-opt may use is what rustc's wasm32 target uses by default, no more: it is the floor of the engines we support. */
const WASM_OPT = [
  '-O3',
  '--strip-debug', '--strip-producers', '--strip-target-features',
  '--enable-bulk-memory', '--enable-multivalue', '--enable-mutable-globals', '--enable-nontrapping-float-to-int',
  '--enable-reference-types', '--enable-sign-ext',
]

/** The functions of the crate that take or give more than numbers and references, and so need the glue around them. */
const GLUED = ['initSync', 'judgeResponse', 'judgeStatus', 'names', 'problem', 'restore']

const TARGET = 'wasm32-unknown-unknown'
const GLUE = 'target/glue'
const GENERATED = 'js/engine/generated'
const INPUTS = [
  'Cargo.toml', 'Cargo.lock', 'src', 'js', 'pkg.json', 'tsconfig.json', 'package-lock.json', 'scripts/build.mjs', 'scripts/toolchain.sh',
  'README.md', 'CHANGELOG.md', 'docs', 'LICENSE-MIT', 'LICENSE-APACHE',
]
const STAMP = 'target/build.json'

/** Runs a command with the project's toolchain, its output shown. */
function run(...command) {
  const { status } = shell(command, ['ignore', 'inherit', 'inherit'])
  if (status !== 0) fail(`\`${command.join(' ')}\` failed`)
}

function shell(command, stdio) {
  return spawnSync('bash', ['-euo', 'pipefail', '-c', 'source scripts/toolchain.sh; require_wasm_target; "$@"', 'build', ...command], { stdio, encoding: 'utf8' })
}

function fail(message) {
  console.error(`error: ${message}`)
  process.exit(1)
}

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

/** Compiles the crate and leaves the optimised Wasm and its glue in target/glue. */
function wasm() {
  run('cargo', 'build', '--quiet', '--release', '--lib', '--locked', '--target', TARGET)
  const { stdout, status } = shell(['cargo', 'metadata', '--no-deps', '--format-version', '1'], ['ignore', 'pipe', 'inherit'])
  if (status !== 0) fail('`cargo metadata` failed')
  const { target_directory: target } = JSON.parse(stdout)
  rmSync(GLUE, { recursive: true, force: true })
  run('wasm-bindgen', '--target', 'web', '--omit-default-module-path', '--out-dir', GLUE, '--out-name', 'core', join(target, TARGET, 'release/halfopen.wasm'))
  snip(`${GLUE}/core_bg.wasm`, `${GLUE}/core_snipped.wasm`)
  run('wasm-opt', ...WASM_OPT, `${GLUE}/core_snipped.wasm`, '-o', `${GLUE}/core.wasm`)
}

/**
 * Takes out what only writes the text of a panic: on this target nobody can read it, and it is 4 KB of Wasm. A panic traps as
 * before. Functions are told by the names in the name section, which wasm-opt strips afterwards.
 */
function snip(from, to) {
  const module = binaryen.readBinary(readFileSync(from))
  const { Features } = binaryen
  const { BulkMemory, Multivalue, MutableGlobals, NontrappingFPToInt, ReferenceTypes, SignExt } = Features
  module.setFeatures(BulkMemory | Multivalue | MutableGlobals | NontrappingFPToInt | ReferenceTypes | SignExt)
  const writesPanics = /panicking|panic_|rust_panic|fmt::Formatter|::fmt$|as core\[?[^>]*fmt::Write|PanicPayload|unwrap_failed|expect_failed|do_count_chars|alloc_error/
  const found = []
  for (let index = 0; index < module.getNumFunctions(); index++) {
    const info = binaryen.getFunctionInfo(module.getFunctionByIndex(index))
    if (info.base === '' && writesPanics.test(info.name) && !info.name.startsWith('halfopen::')) found.push(info)
  }
  if (found.length === 0) fail('found none of the functions that write panics: have their names changed?')
  for (const { name, params, results } of found) {
    module.removeFunction(name)
    module.addFunction(name, params, results, [], module.unreachable())
  }
  writeFileSync(to, module.emitBinary())
  module.dispose()
}

/**
 * Writes the two modules that the engine imports: the bytes as a string, and the glue inside a function, since as it comes
 * it runs `new TextDecoder()` and more when it is imported. The stub leaves out the default export, the loader that
 * fetches, and all that only hands numbers on, and so the bundler drops them.
 */
async function generated(esbuild) {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: `export { ${GLUED} } from './core.js'`, resolveDir: resolve(GLUE) },
    bundle: true, format: 'iife', globalName: 'glue', target: 'es2022', platform: 'neutral', legalComments: 'none', write: false,
  })
  const body = outputFiles[0].text.trim()
  mkdirSync(GENERATED, { recursive: true })
  const note = '// Generated by scripts/build.mjs from the compiled crate.\n'
  writeFileSync(`${GENERATED}/glue.js`, `${note}export function loadGlue() {\n${body}\nreturn glue;\n}\n`)
  writeFileSync(`${GENERATED}/glue.d.ts`, `${note}export function loadGlue(): Pick<typeof import('./core.js'), ${GLUED.map((name) => `'${name}'`).join(' | ')}>\n`)
  cpSync(`${GLUE}/core.d.ts`, `${GENERATED}/core.d.ts`)
  writeFileSync(`${GENERATED}/bytes.js`, `${note}export default '${readFileSync(`${GLUE}/core.wasm`).toString('hex')}'\n`)
  writeFileSync(`${GENERATED}/bytes.d.ts`, `${note}declare const bytes: string\nexport default bytes\n`)
}

/** Bundles every entry in every format into pkg/. */
async function bundles(esbuild) {
  const [index, ...others] = ENTRIES
  const shared = readFileSync(index.source, 'utf8').matchAll(/^export \{[^}]+\} from '(.+)'$/gm)
  const ofIndex = new Set([...shared].map(([, path]) => resolve(dirname(index.source), path)))
  for (const row of ENTRIES) {
    for (const format of row.formats) {
      const ofIndexOnly = {
        name: 'of-index',
        setup({ onResolve }) {
          onResolve({ filter: /^\./ }, ({ path, resolveDir }) =>
            others.includes(row) && ofIndex.has(resolve(resolveDir, path)) ? { path: `./${index.name}${EXTENSION[format]}`, external: true } : undefined
          )
        },
      }
      await esbuild.build({
        entryPoints: [row.source], outfile: `pkg/${row.name}${EXTENSION[format]}`, format,
        // ASCII: one character beyond it doubles what V8 keeps of the file, and its import takes 0.4 ms of 3.3 more.
        bundle: true, target: 'es2022', charset: 'ascii', legalComments: 'none', logLevel: 'warning', plugins: [ofIndexOnly],
        // Neutral, so that an import of a Node module does not resolve; `node` for CommonJS only adds the list of names by which
        // Node lets ES modules import them from it.
        platform: format === 'cjs' ? 'node' : 'neutral',
        logOverride: { 'empty-import-meta': 'error' }, ...row.esbuild,
      }).catch(() => fail(`could not bundle ${row.source} as ${format}`))
    }
  }
}

/** Emits the declarations that the entries reach, and a CommonJS twin of each. */
function types() {
  const out = 'target/types'
  rmSync(out, { recursive: true, force: true })
  run('tsc', '--project', 'tsconfig.json', '--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', out)
  const specifier = /(\bfrom\s*|\bimport\s*\(?\s*)(['"])(\.{1,2}\/[^'"]+)\.js\2/g
  const waiting = ENTRIES.map((row) => relative('js', row.source).replace(/\.js$/, '.d.ts'))
  const reached = new Set(waiting)
  for (const name of reached) {
    const from = [join(out, name), join('js', name)].find((path) => existsSync(path)) ?? fail(`no declarations for ${name}`)
    let text = readFileSync(from, 'utf8')
    // Known to TypeScript since 5.2, but not to each `lib` that its users choose.
    if (/\bDisposable\b/.test(text)) text = `/// <reference lib="esnext.disposable" />\n${text}`
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
  cpSync(`${GLUE}/core.wasm`, 'pkg/core.wasm')
  for (const path of ['LICENSE-MIT', 'LICENSE-APACHE', 'README.md', 'CHANGELOG.md']) {
    if (existsSync(path)) cpSync(path, join('pkg', basename(path)))
    else if (release) fail(`no ${path} to publish`)
    else console.warn(`build: no ${path} yet`)
  }
  // The README leads to these pages, and a user has no other copy of this version's.
  for (const path of files('docs').filter((path) => /\.(md|svg)$/.test(path))) cpSync(path, join('pkg', path))
}

if (!existsSync('node_modules/esbuild')) fail('npm dependencies are missing: run `npm run setup`')
const [esbuild, { default: binaryen }, { weigh, sizeLine }] = await Promise.all([import('esbuild'), import('binaryen'), import('./size.mjs')])

const versions = shell(['bash', '-c', 'rustc --version; wasm-bindgen --version; wasm-opt --version'], ['ignore', 'pipe', 'inherit'])
if (versions.status !== 0) fail('the tools are incomplete: run `npm run setup`')
const inputs = digest(INPUTS.flatMap(files).filter((path) => !path.startsWith(GENERATED)), versions.stdout, release)
const stamp = existsSync(STAMP) ? JSON.parse(readFileSync(STAMP, 'utf8')) : {}

if (!force && stamp.inputs === inputs && stamp.outputs === outputs()) {
  console.log('build: pkg/ is up to date')
} else {
  rmSync('pkg', { recursive: true, force: true })
  mkdirSync('pkg')
  wasm()
  await generated(esbuild)
  await bundles(esbuild)
  types()
  texts()
  writeFileSync(STAMP, JSON.stringify({ inputs, outputs: outputs() }))
}
console.log(`build: core.wasm ${statSync('pkg/core.wasm').size} B`)
console.log(`build: index.js ${sizeLine(await weigh())}`)
