// Reads Markdown: its fenced blocks and its tables. It must not know what any of them say.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A fenced block.
 *
 * @typedef {{ file: string, line: number, language: string, text: string }} Block
 */

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
 * The rows of all tables below a heading, up to the next heading of any level: a list of cells each, without the head.
 *
 * @param {string} root
 * @param {string} file
 * @param {string} heading
 * @returns {string[][]}
 */
export function tableBelow(root, file, heading) {
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  const start = lines.findIndex((line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'))
  if (start === -1) throw new Error(`${file} has no heading \`${heading}\``)
  const rows = []
  for (let index = start + 1; index < lines.length && !/^#+ /.test(lines[index]); index++) {
    if (!lines[index].startsWith('|')) continue
    // The line of dashes says that the row before it was the head.
    if (/^\|[\s|:-]+\|$/.test(lines[index])) rows.pop()
    else rows.push(lines[index].slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|')))
  }
  if (rows.length === 0) throw new Error(`${file} has no table below \`${heading}\``)
  return rows
}

/**
 * The names in a cell that are set as code, without what they take: `call(fn, ...args)` is `call`.
 *
 * @param {string} cell
 */
export function namesIn(cell) {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code.replace(/\(.*$/, ''))
}
