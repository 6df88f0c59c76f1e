// `npm run bench`: measures the built package and prints each figure beside its budget. Needs pkg/, which `npm run build` makes.
// It must not know what is measured (rows.js) or how.
//   node tests/bench/main.js               everything, in some ten minutes; what is over budget is said, not punished
//   node tests/bench/main.js --check       the short form of CI, in some two minutes: fails on a broken exact limit and on figures more
//                                          than 1.5 times their budget (or what was reached of it; times in ms 3), measured twice
//   node tests/bench/main.js --only name   one subject; may be given again
//   node tests/bench/main.js --json        the figures as JSON
// Another Node measures itself: `path/to/node tests/bench/main.js`.

import { existsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { better, isRegression, verdict } from './judge.js'
import { ROWS } from './rows.js'
import { table } from './table.js'

/** A million calls a process, or what goes into 1.5 s where a call takes longer than 1.5 µs. */
const FULL = { processes: 7, calls: 1_000_000, seconds: 1.5 }
const SHORT = { processes: 5, calls: 300_000, seconds: 0.3 }

const values = readArguments()
const effort = values.check ? SHORT : FULL
const results = []
for (const { name, title, measure, fullOnly } of ROWS) {
  if (values.only ? !values.only.includes(name) : values.check && fullOnly) continue
  console.error(`bench: ${name} …`)
  let lines = await measure(effort)
  if (values.check && lines.some(isRegression)) {
    console.error(`bench: ${name} once more, in case that was the machine …`)
    lines = better(lines, await measure(effort))
  }
  results.push({ name, title, lines })
}

const machine = {
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
  load: loadavg()[0].toFixed(1),
}
const lines = results.flatMap((result) => result.lines)
if (values.json) {
  const judged = results.map((result) => ({ ...result, lines: result.lines.map((line) => ({ ...line, verdict: verdict(line) })) }))
  console.log(JSON.stringify({ machine, effort, results: judged }, null, 2))
} else {
  console.log(`Node ${machine.node}, ${machine.platform}, ${machine.cpu}, load ${machine.load}; medians of CPU time (by the wall)`)
  console.log(table(results))
  const count = (wanted) => lines.filter((line) => verdict(line) === wanted).length
  console.log(`${count('OK')} within budget, ${count('over')} over, ${count('')} for information`)
}

const regressions = lines.filter(isRegression)
if (values.check && regressions.length > 0) {
  for (const { what, against } of regressions) console.error(`error: far over budget: ${what}${against ? ` against ${against}` : ''}`)
  process.exitCode = 1
}

function readArguments() {
  let values
  try {
    values = parseArgs({
      options: { check: { type: 'boolean' }, json: { type: 'boolean' }, only: { type: 'string', multiple: true } },
    }).values
  } catch ({ message }) {
    end(message)
  }
  const unknown = values.only?.find((name) => !ROWS.some((row) => row.name === name))
  if (unknown !== undefined) end(`no subject \`${unknown}\`. There are: ${ROWS.map(({ name }) => name).join(', ')}`)
  if (!existsSync(new URL('../../pkg/index.js', import.meta.url))) end('there is no pkg/ to measure: run `npm run build`')
  return values
}

function end(problem) {
  console.error(`error: ${problem}`)
  process.exit(2)
}
