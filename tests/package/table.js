// Tables of `docs/` that tests write: a row is what one of them saw. They are compared with the pages. It must not know how anything was tried.
//   node tests/package/table.js    puts what the last run of each layer saw into the pages

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './support.js'

/** Where runs leave what they saw. */
const SEEN = join(root, 'target/tables')

/** By how much a size may differ from what the page says, in KB: another version of Rust makes another Wasm. */
const TOLERANCE = 1

const kb = (bytes) => (bytes === undefined ? '–' : `${(bytes / 1000).toFixed(1)} KB`)
const line = (cells) => `| ${cells.join(' | ')} |`

/** Each table by the heading that it stands below, its page, and its head. */
const TABLES = {
  Bundlers: { page: 'docs/bundlers.md', head: ['bundler', 'command', 'the result runs in', 'result', '`CircuitBreaker` adds', '`guardFetch` adds'] },
  'Package managers': { page: 'docs/bundlers.md', head: ['package manager', 'how', 'result'] },
  'Test runners': { page: 'docs/testing.md', head: ['test runner', 'how', 'in', 'result'] },
}
const rows = Object.fromEntries(Object.keys(TABLES).map((heading) => [heading, []]))
const pageOf = (heading) => join(root, TABLES[heading].page)

/** A row of a table, with what it took to see it, in seconds. */
export function record(heading, cells, seconds) {
  rows[heading].push(cells)
  if (seconds !== undefined) console.log(`tried: ${seconds.toFixed(1)} s, ${cells.join(', ')}`)
}
export const sizeCells = (sizes = []) => [kb(sizes[0]), kb(sizes[1])]

const textOf = (heading, cells) => [line(TABLES[heading].head), line(TABLES[heading].head.map(() => '---')), ...cells.map(line)].join('\n')

/** The table in the page, as its lines. */
function inPage(page, heading) {
  const [, text] = page.split(`## ${heading}\n`)
  return /(?:^\|.*\n)+/m.exec(text ?? '')?.[0].trimEnd() ?? ''
}

/** What a table says apart from sizes, and the sizes. */
const apart = (text) => ({ words: text.replaceAll(/\d+\.\d KB/g, 'KB'), sizes: [...text.matchAll(/(\d+\.\d) KB/g)].map(([, size]) => Number(size)) })

/** Writes what was seen below a heading, and says where the page differs from it. */
export function differences(heading) {
  const seen = textOf(heading, rows[heading])
  mkdirSync(SEEN, { recursive: true })
  writeFileSync(join(SEEN, `${heading}.md`), `${seen}\n`)
  const [now, page] = [apart(seen), apart(inPage(readFileSync(pageOf(heading), 'utf8'), heading))]
  const far = now.sizes.filter((size, index) => !(Math.abs(size - page.sizes[index]) <= TOLERANCE))
  return { seen: now.words, page: page.words, far }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const heading of Object.keys(TABLES).filter((heading) => existsSync(join(SEEN, `${heading}.md`)))) {
    const page = readFileSync(pageOf(heading), 'utf8')
    writeFileSync(pageOf(heading), page.replace(inPage(page, heading), () => readFileSync(join(SEEN, `${heading}.md`), 'utf8').trimEnd()))
  }
}
