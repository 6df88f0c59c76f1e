// Weighs the package as its users download it: bundled, minified and gzipped, Wasm included; and says what each part of it weighs.
// It must not know how the parts were made.
//   node scripts/size.mjs    prints the table of parts, and fails where the default entry is over the limit

import { existsSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { functionsOf, sectionsOf } from './wasm-sections.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const ENTRY = `${root}pkg/index.js`

/** What the default entry is to weigh, minified and gzipped, Wasm included, in bytes: the aim. */
export const BUDGET = 28_000

/** What it must not exceed while the aim is not reached. The build fails above it. */
export const LIMIT = 38_200

/**
 * What `halfopen/slim` must not exceed, gzipped, in bytes: the JavaScript of who uses the class alone, minified, and the Wasm. The aim for the
 * JavaScript is 14,000, for the Wasm 12,000.
 */
export const SLIM_LIMITS = { js: 17_500, wasm: 13_800 }

/** What the entries must not exceed that need no core, minified and gzipped, in bytes: each alone, as whoever adds it to the default entry downloads it. */
export const OTHER_LIMITS = { otel: 3_900, prometheus: 3_700, dashboard: 21_800, panel: 17_500, fleet: 18_600 }

/** The rooms of the JavaScript, by what the paths of their files begin with. The first that fits counts. */
const ROOMS = [
  ['the Wasm, inlined', 'js/engine/generated/bytes.js'],
  ['glue of the Wasm', 'js/engine/generated/glue.js'],
  ['numbers, names and texts', 'js/engine/generated/numbers.js'],
  ['engine', 'js/engine/'],
  ['class', 'js/breaker/'],
  ['registry', 'js/registry/'],
  ['options', 'js/options/'],
  ['http', 'js/http/'],
  ['errors', 'js/base/errors.js', 'js/base/find-refusal.js', 'js/base/misuse.js'],
  ['the rest', 'js/', '<stdin>'],
]

const gzipped = (text) => gzipSync(text, { level: 9 }).length

async function bundle(options) {
  const { outputFiles, metafile } = await build({
    bundle: true, minify: true, format: 'esm', platform: 'neutral', write: false, metafile: true, absWorkingDir: root, ...options,
  })
  return { minified: outputFiles[0].contents, metafile }
}

/** Weighs a module: its raw, minified and gzipped bytes. */
export async function weigh(entry = ENTRY) {
  const { minified } = await bundle({ entryPoints: [entry] })
  return { raw: statSync(entry).size, minified: minified.length, gzip: gzipped(minified) }
}

/** Weighs what a user of `halfopen/slim` downloads, gzipped: its JavaScript without what that user leaves out, and its Wasm. */
export async function weighSlim() {
  const stdin = { contents: "export { CircuitBreaker, init } from './pkg/slim.js'", resolveDir: root }
  const [breaker, all] = [await bundle({ stdin }), await bundle({ entryPoints: [`${root}pkg/slim.js`] })]
  return { js: gzipped(breaker.minified), all: gzipped(all.minified), wasm: gzipped(readFileSync(`${root}pkg/slim.wasm`)) }
}

/** Weighs the entries that need no core: gzipped bytes by name. */
export async function weighOthers() {
  return Promise.all(Object.keys(OTHER_LIMITS).map(async (name) => [name, (await weigh(`${root}pkg/${name}.js`)).gzip]))
}

const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`

/** Says a size in one line, with the aim and the limit. */
export function sizeLine({ raw, minified, gzip }) {
  return `${kb(raw)} raw, ${kb(minified)} minified, ${kb(gzip)} gzipped (aim ${kb(BUDGET)}, limit ${kb(LIMIT)}${gzip > LIMIT ? ': OVER' : ''})`
}

/**
 * What each room weighs: minified, and what the gzipped whole would weigh less without its minified text. The sum is a little below the
 * whole, since rooms that look alike make each other cheap.
 */
async function weighRooms() {
  const named = await bundle({ entryPoints: ['js/index.js'] })
  const [{ inputs }] = Object.values(named.metafile.outputs)
  const room = (path) => ROOMS.find(([, ...starts]) => starts.some((start) => path.startsWith(start)))?.[0] ?? 'the rest'
  const sizes = new Map(ROOMS.map(([name]) => [name, { minified: 0, gzip: 0 }]))
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) sizes.get(room(path)).minified += bytesInOutput
  const whole = gzipped(named.minified)
  for (const [name, size] of sizes) {
    const without = await bundle({
      entryPoints: ['js/index.js'],
      plugins: [{
        name: 'without',
        setup: ({ onLoad }) => onLoad({ filter: /\.js$/ }, ({ path }) => (room(path.slice(root.length)) === name ? { contents: hollow(path) } : undefined)),
      }],
    })
    size.gzip = whole - gzipped(without.minified)
  }
  return sizes
}

/** A module with the exports of one and nothing in them, that still needs all that the one imports. */
function hollow(path) {
  const text = readFileSync(path, 'utf8')
  const names = [...text.matchAll(/^export (?:async )?(?:function\*?|class|const|let) (\w+)/gm)].map(([, name]) => name)
  const forwarded = [...text.matchAll(/^export (?:\{[^}]+\}|\*) from .*$/gm)].map(([line]) => line)
  const imports = [...text.matchAll(/^import (\{[^}]+\}|\w+) from .*$/gm)]
  const imported = imports.flatMap(([, list]) => list.match(/\w+(?=\s*[,}]|$)/g))
  const fallback = /^export default /m.test(text) ? 'export default 0' : ''
  const used = imported.length > 0 ? `globalThis.used = [${imported}]` : ''
  return [...imports.map(([line]) => line), ...forwarded, used, ...names.map((name) => `export const ${name} = class {}`), fallback].join('\n')
}

/** What the functions of the Wasm weigh, by the file of Rust that they come from as far as their names tell, raw. */
function weighWasm() {
  const wasm = readFileSync(`${root}target/glue/named.wasm`)
  const sizes = new Map()
  const add = (name, bytes) => sizes.set(name, (sizes.get(name) ?? 0) + bytes)
  for (const { name, bytes } of functionsOf(wasm)) add(fileOf(name), bytes)
  for (const { name, bytes } of sectionsOf(readFileSync(`${root}target/glue/core.wasm`))) if (name !== 'code') add(`section ${name}`, bytes)
  return [...sizes].sort(([, one], [, other]) => other - one)
}

function fileOf(name) {
  const path = /halfopen::(?:(?!::h[0-9a-f]{16}$)[\w:])+/.exec(name)?.[0].replace('halfopen', 'src').split('::') ?? []
  for (; path.length > 0; path.pop()) {
    for (const file of [`${path.join('/')}.rs`, `${path.join('/')}/mod.rs`]) if (existsSync(root + file)) return file
  }
  if (/js_sys|wasm_bindgen|externref|JsFuture|__wbindgen/.test(name) && !/shim$/.test(name)) return 'wasm-bindgen and its futures'
  if (/GlobalAlloc|^__rust_|alloc::/.test(name)) return 'allocator, vectors, counted pointers'
  if (/^core::|core\[|drop_in_place|FnOnce/.test(name)) return 'standard library'
  return 'boundary (exports, with what is inlined in them)'
}

function table(head, rows) {
  const width = Math.max(...rows.map(([name]) => name.length), head[0].length)
  for (const [name, ...numbers] of [head, ...rows]) console.log(name.padEnd(width), ...numbers.map((number) => String(number).padStart(9)))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const size = await weigh()
  const rooms = [...(await weighRooms())].map(([name, { minified, gzip }]) => [name, minified, gzip])
  table(['index.js, in bytes', 'minified', 'gzipped'], [...rooms, ['the whole', size.minified, size.gzip]])
  if (existsSync(`${root}target/glue/named.wasm`)) {
    console.log()
    table(['core.wasm, in bytes', 'raw'], weighWasm())
  }
  console.log()
  table(['entries that need no core', 'gzipped', 'limit'], (await weighOthers()).map(([name, gzip]) => [name, gzip, OTHER_LIMITS[name]]))
  console.log(`\nindex.js: ${sizeLine(size)}`)
  if (size.gzip > LIMIT) process.exitCode = 1
}
