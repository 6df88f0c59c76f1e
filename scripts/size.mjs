// Weighs an entry of the package as its user's users download it: bundled, minified and gzipped, Wasm included.
// It must not know how the entry was made.
//   node scripts/size.mjs    prints the default entry's size and fails where it is over the limit

import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const ENTRY = fileURLToPath(new URL('../pkg/index.js', import.meta.url))

/** What the default entry is to weigh, minified and gzipped, Wasm included, in bytes: the aim. */
export const BUDGET = 28_000

/** What it must not exceed while the aim is not reached. */
export const LIMIT = 29_700

/** Weighs a module: its raw, minified and gzipped bytes. */
export async function weigh(entry = ENTRY) {
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, format: 'esm', platform: 'neutral', write: false })
  const minified = outputFiles[0].contents
  return { raw: statSync(entry).size, minified: minified.length, gzip: gzipSync(minified, { level: 9 }).length }
}

/** Says a size in one line, with the aim and the limit. */
export function sizeLine({ raw, minified, gzip }) {
  const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`
  return `${kb(raw)} raw, ${kb(minified)} minified, ${kb(gzip)} gzipped (aim ${kb(BUDGET)}, limit ${kb(LIMIT)}${gzip > LIMIT ? ': OVER' : ''})`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const size = await weigh()
  console.log(`index.js: ${sizeLine(size)}`)
  if (size.gzip > LIMIT) process.exitCode = 1
}
