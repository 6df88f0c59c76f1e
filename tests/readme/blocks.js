// Reads Markdown: which files there are, their fenced blocks, their tables and their sentences. It must not know what any of them say.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A fenced block.
 *
 * @typedef {{ file: string, line: number, language: string, text: string }} Block
 */

/**
 * The pages below docs/, sorted.
 *
 * @param {string} root
 */
export const pagesOf = (root) =>
  readdirSync(join(root, 'docs'), { recursive: true }).map(String).filter((name) => name.endsWith('.md')).sort().map((name) => `docs/${name}`)

/**
 * All fenced blocks of a file. A fence that is never closed is an error.
 *
 * @param {string} root
 * @param {string} file
 * @returns {Block[]}
 */
export function blocksOf(root, file) {
  const blocks = []
  let open
  for (const [index, line] of readFileSync(join(root, file), 'utf8').split('\n').entries()) {
    const fence = /^\s*(```+|~~~+)\s*(\S*)/.exec(line)
    if (open === undefined) {
      if (fence) open = { file, line: index + 1, language: fence[2], fence: fence[1], lines: [] }
    } else if (fence?.[1] === open.fence && fence[2] === '') {
      const { lines, fence: _, ...block } = open
      blocks.push({ ...block, text: `${lines.join('\n')}\n` })
      open = undefined
    } else {
      open.lines.push(line)
    }
  }
  if (open !== undefined) throw new Error(`${file}:${open.line}: this block is never closed`)
  return blocks
}

/**
 * All tables of a file by the heading they stand below: lists of rows, a list of cells each, without the heads. Tables of one heading
 * are one.
 *
 * @param {string} root
 * @param {string} file
 * @returns {Map<string, string[][]>}
 */
export function tablesOf(root, file) {
  const tables = new Map()
  let heading = ''
  let isCode = false
  for (const line of readFileSync(join(root, file), 'utf8').split('\n')) {
    if (/^\s*(```|~~~)/.test(line)) isCode = !isCode
    if (isCode) continue
    heading = /^#+ (.+)$/.exec(line)?.[1] ?? heading
    if (!line.startsWith('|')) continue
    const rows = tables.get(heading) ?? []
    tables.set(heading, rows)
    // The line of dashes says that the row before it was the head.
    if (/^\|[\s|:-]+\|$/.test(line)) rows.pop()
    else rows.push(line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')))
  }
  return tables
}

/**
 * The rows of all tables below a heading, up to the next heading of any level.
 *
 * @param {string} root
 * @param {string} file
 * @param {string} heading
 */
export function tableBelow(root, file, heading) {
  const rows = tablesOf(root, file).get(heading)
  if (rows === undefined) throw new Error(`${file} has no table below a heading \`${heading}\``)
  return rows
}

/**
 * All that a file says outside of its blocks and headings: each paragraph and each item of a list on one line, each row of a table as its
 * cells with ` | ` between them.
 *
 * @param {string} root
 * @param {string} file
 * @returns {string[]}
 */
export function statementsOf(root, file) {
  const prose = readFileSync(join(root, file), 'utf8').replaceAll(/^\s*(```+|~~~+).*\n[^]*?^\s*\1$/gm, '').replaceAll(/^[#|].*$/gm, '')
  const paragraphs = prose.split(/\n\s*\n|\n(?=\s*- )/).map((one) => one.trim().replaceAll(/\s*\n\s*/g, ' '))
  const rows = [...tablesOf(root, file).values()].flat().map((cells) => cells.join(' | '))
  return [...paragraphs.filter(Boolean), ...rows]
}

/**
 * The names in a cell that are set as code, without what they take: `call(fn, ...args)` is `call`.
 *
 * @param {string} cell
 */
export function namesIn(cell) {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code.replace(/\(.*$/, ''))
}
