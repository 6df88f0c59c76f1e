// Prints results as a table. It must not know how they came about.

import Table from 'cli-table3'
import { isRegression, verdict } from './judge.js'

const FORMATS = {
  ns: (value) => `${value < 1000 ? value.toFixed(1) : Math.round(value).toLocaleString('en')} ns`,
  ms: (value) => `${value.toFixed(2)} ms`,
  B: (value) => `${Math.abs(value) < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en')} B`,
}

/**
 * @param {{ title: string, lines: import('./rows.js').Line[] }[]} results
 * @returns {string}
 */
export function table(results) {
  const right = 'right'
  const grid = new Table({
    head: ['', 'halfopen', '(wall)', 'against', '', '(wall)', 'ratio', 'budget', ''],
    colAligns: ['left', right, right, 'left', right, right, right, right, 'left'],
    style: { head: [], border: [], compact: true },
  })
  for (const { title, lines } of results) {
    grid.push([{ content: title, colSpan: 9 }])
    for (const line of lines) grid.push(cells(line))
  }
  return grid.toString()
}

/** @param {import('./rows.js').Line} line */
function cells(line) {
  const { what, ours, oursWall, unit, against = '', theirs, theirsWall, ratio, budget } = line
  const format = FORMATS[unit] ?? ((value) => value.toLocaleString('en'))
  const wall = (value) => (value === undefined ? '' : `(${format(value)})`)
  return [
    `  ${what}`,
    format(ours),
    wall(oursWall),
    against,
    theirs === undefined ? '' : format(theirs),
    wall(theirsWall),
    ratio === undefined ? '' : ratio.toFixed(2),
    budget === undefined ? '' : `≤ ${ratio === undefined ? format(budget) : budget.toFixed(2)}`,
    isRegression(line) ? 'far over' : verdict(line),
  ]
}
