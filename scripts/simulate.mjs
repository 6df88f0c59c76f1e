// Simulates fleets of up to ten thousand processes with the protocol's own code, and checks its register: the figures of docs/fleet-figures.md and of its
// pictures. Seeds are fixed, so each run gives the same. It must not know what ought to come of it.
//   npm run simulate                      all scenes, about 6 minutes: writes docs/fleet.json, the tables of the page, and the pictures
//   npm run simulate -- --small           without the fleets of 10,000, and writes nothing
//   npm run simulate -- --check 1000000   looks at so many states of the register instead
//   npm run simulate -- --tables          writes the tables and pictures from the figures that there are

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CircuitBreaker } from '../pkg/index.js'
import { BOUNDS, check } from '../tests/fleet/simulation/checker.js'
import { all } from '../tests/fleet/simulation/scenes.js'
import { FIGURES, PAGE, withTables } from '../tests/fleet/simulation/tables.js'
import { pictures } from './pictures.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values } = parseArgs({ options: { small: { type: 'boolean' }, check: { type: 'string' }, tables: { type: 'boolean' } } })

if (values.check !== undefined) {
  let faults = 0
  for (const [name, bound] of Object.entries(BOUNDS)) {
    const began = Date.now()
    const found = check({ ...bound, most: Number(values.check) })
    console.log(`${name}: ${found.states} states${found.isWhole ? ', all there are' : ''}, ${found.steps} steps, ${found.faults.length} faults, ${Math.round((Date.now() - began) / 1000)} s`)
    for (const { rule, what, trace } of found.faults) console.log(`  ${rule}: ${what}\n    ${trace.join('\n    ')}`)
    faults += found.faults.length
  }
  process.exit(faults === 0 ? 0 : 1)
}

if (!values.tables) {
  const began = Date.now()
  const log = (/** @type {string} */ table, /** @type {any} */ { series, seconds, ...row }, /** @type {number} */ ms) => console.log(table, JSON.stringify(row), `${ms} ms`)
  const figures = await all({ Breaker: CircuitBreaker, log, ...(values.small ? { sizes: [10, 100, 1000] } : {}) })
  console.log(`simulate: ${Math.round((Date.now() - began) / 1000)} s`)
  if (values.small) process.exit(0)
  const rows = Object.entries(figures).map(([name, list]) => `  ${JSON.stringify(name)}: [\n${list.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`)
  writeFileSync(join(root, FIGURES), `{\n${rows.join(',\n')}\n}\n`)
}
writeFileSync(join(root, PAGE), withTables(readFileSync(join(root, PAGE), 'utf8'), JSON.parse(readFileSync(join(root, FIGURES), 'utf8'))))
for (const [path, svg] of Object.entries(pictures())) if (path.includes('/fleet-')) writeFileSync(join(root, path), svg)
