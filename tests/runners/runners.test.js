// The installed package under the fake timers of each test runner, as its users have it there. The situations are the same for all. It must not
// know what they are, only how many.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { transform } from 'esbuild'
import { env, nodes, run } from '../package/support.js'
import { differences, record } from '../package/table.js'
import { situations as leavings } from './leavings.js'
import { situations } from './situations.js'
import { bun, deno, installed, userOfRunners, versionOf } from './support.js'

const NODE = nodes[26]
const FILES = ['situations.js', 'programs/ava.js', 'programs/jest.js', 'programs/vitest.js', 'programs/sinon.js', 'programs/node.js', 'programs/bun.js']

/** How many situations there are for a runner: a few are for hosts that have `fetch`. */
function countOf(runner, list = situations) {
  let count = 0
  list({}, { tickAsync() {}, hasFetch: true, ...runner, it: () => count++ })
  return count
}
const ALL = countOf()
const WITHOUT_FETCH = countOf({ hasFetch: false })
const LEFT = countOf({}, leavings)

let user, ran = 0
before(async () => {
  const files = {
    'esm/package.json': '{ "type": "module", "ava": { "failWithoutAssertions": false, "files": ["ava.js", "first/ava.js"] } }',
    'babel/babel.config.json': JSON.stringify({ presets: [[installed('@babel/preset-env/lib/index.js'), { targets: { node: 'current' } }]] })
  }
  const add = async (name, text) => {
    files[`esm/${name}`] = text
    // A module as it is written, which Babel makes CommonJS of; and one that is CommonJS already.
    if (/(situations|jest)/.test(name)) files[`babel/${name}`] = text
    if (/(situations|jest)/.test(name)) files[`cjs/${name}`] = (await transform(text, { format: 'cjs' })).code
  }
  for (const path of FILES) {
    const name = path.replace('programs/', '')
    const text = await readFile(new URL(path, import.meta.url), 'utf8')
    await add(name, text)
    // The same program with what a file leaves behind, to be run before it.
    await add(`first/${name}`, name === 'situations.js' ? await readFile(new URL('leavings.js', import.meta.url), 'utf8') : text)
  }
  user = await userOfRunners(files)
})
after(async () => {
  console.log(`runners: ${ran} checks ran`)
  await user?.remove()
})

/** For a runner to end by itself, in ms: it is far more than a busy machine takes. */
const LIMIT = 300_000

/** Runs a runner in the project and checks that it ends, having passed so many. `passed` finds the number in what it printed. */
async function passes(expected, passed, binary, args, options = {}) {
  const { stdout, stderr } = await run(binary, args, { cwd: join(user.dir, 'esm'), timeout: LIMIT, ...options })
  const count = Number(passed(stdout, stderr))
  assert.equal(count, expected, `It passed ${count} of ${expected}\n${stdout}\n${stderr}`)
  ran += count
}
/** The rows of the table in the docs, in their order, and those that have passed. */
const rows = [], good = new Set()
/** A test that is one of them: which runner, how it runs, and in what. */
function row(runner, how, where, run) {
  const cells = [runner, how, where]
  rows.push(cells)
  it(`${how}, in ${where}`, async () => {
    await run()
    good.add(cells)
  })
}
/** What can't be had where the tests run. */
const NOT_TRIED = [['AVA 8.1', '–', '–', 'not tried: a package that it needs can\'t be had']]

const fromJson = (out) => JSON.parse(out).numPassedTests
const fromNode = (out) => /^ℹ pass (\d+)$/m.exec(out)?.[1]
const fromBun = (_, out) => /^\s*(\d+) pass$/m.exec(out)?.[1]
const fromDeno = (out) => /^ok \| (\d+) passed \| 0 failed/m.exec(out)?.[1]
const withEnv = (more) => ({ env: { ...env, ...more } })

/** How the last of each runner's rows runs. */
const AFTER = 'in one process with a file that leaves all sorts behind'

/** The parts of a Jest that configurations name, and where npm has put them. */
const JESTS = {
  jest: { node: 'jest-environment-node', jsdom: 'jest-environment-jsdom', sequencer: '@jest/test-sequencer' },
  jest29: { node: 'jest29/node_modules/jest-environment-node', jsdom: 'jest29-environment-jsdom', sequencer: 'jest29/node_modules/@jest/test-sequencer' }
}
for (const [jest, parts] of Object.entries(JESTS)) {
  const name = `Jest ${versionOf(jest)}`
  describe(name, () => {
    const project = (folder, environment, more) => ({
      displayName: `${folder}, ${environment}${more ? `, ${Object.keys(more)}` : ''}`,
      rootDir: join(user.dir, folder), testMatch: ['<rootDir>/jest.js'], testEnvironment: installed(parts[environment]),
      // As it is by default, Babel transforms.
      ...(folder === 'babel' ? {} : { transform: {} }), ...more
    })
    const run = (flags, config, more, expected) => passes(expected, (out) => {
      assert.deepEqual(JSON.parse(out).openHandles, [])
      return fromJson(out)
    }, NODE, [...flags, installed(`${jest}/bin/jest.js`), '--config', JSON.stringify(config), '--json', '--detectOpenHandles', '--ci', ...more])

    const KINDS = [['CommonJS', 'cjs', []], ['ES modules', 'esm', ['--experimental-vm-modules', '--no-warnings']], ['what Babel makes of ES modules', 'babel', []]]
    for (const [what, folder, flags] of KINDS) {
      row(name, what, 'Node 26, jsdom, and with timers that are faked at import', async () => {
        const projects = [project(folder, 'node'), project(folder, 'jsdom'), project(folder, 'node', { fakeTimers: { enableGlobally: true } })]
        await run(flags, { projects }, ['--no-cache'], 2 * ALL + WITHOUT_FETCH)
      })
    }

    row(name, AFTER, 'Node 26', async () => {
      // By itself it begins with what takes longest.
      const sequencer = join(user.dir, 'esm/sequencer.cjs')
      await user.write({ 'esm/sequencer.cjs': `module.exports = class extends require(${JSON.stringify(installed(parts.sequencer))}).default {
        sort = (tests) => [...tests].sort((one, other) => Number(other.path.includes('first')) - Number(one.path.includes('first')))
      }` })
      const testMatch = ['<rootDir>/first/jest.js', '<rootDir>/jest.js']
      await run([], { ...project('cjs', 'node', { testMatch }), testSequencer: sequencer }, ['--no-cache', '--runInBand'], LEFT + ALL)
    })
  })
}

const VITEST = `Vitest ${versionOf('vitest')}`
describe(VITEST, () => {
  const EVERY = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'Date', 'performance', 'queueMicrotask']
  const ENVIRONMENTS = ['jsdom', 'happy-dom']
  const RUNS = {
    'what it fakes by default': {},
    'all that it can fake': { env: { FAKED: JSON.stringify(EVERY) } },
    'timeouts and the clock alone': { env: { FAKED: '["setTimeout","clearTimeout","Date"]' } },
    jsdom: { environment: 'jsdom' },
    'happy-dom': { environment: 'happy-dom' },
    'the package inlined': { server: { deps: { inline: ['halfopen'] } } },
    ...Object.fromEntries(['threads', 'forks', 'vmThreads', 'vmForks'].map((pool) => [`the pool ${pool}`, { pool }]))
  }
  row(VITEST, Object.keys(RUNS).filter((what) => !ENVIRONMENTS.includes(what)).join(', '), ['Node 26', ...ENVIRONMENTS].join(', '), async () => {
    const projects = Object.entries(RUNS).map(([name, test]) => ({ test: { name, include: ['vitest.js'], ...test } }))
    await user.write({ 'esm/vitest.config.js': `export default ${JSON.stringify({ test: { projects } })}` })
    const report = join(user.dir, 'vitest.json')
    const args = [installed('vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    await passes((projects.length - 1) * ALL + WITHOUT_FETCH, () => fromJson(readFileSync(report, 'utf8')), NODE, args)
  })

  row(VITEST, `${AFTER}, not isolated`, 'Node 26', async () => {
    await user.write({
      'esm/shared.config.js': `import { BaseSequencer } from 'vitest/node'
        class FirstFirst extends BaseSequencer {
          sort = async (files) => [...files].sort((one, other) => Number(other.moduleId.includes('first')) - Number(one.moduleId.includes('first')))
        }
        export default { test: { include: ['first/vitest.js', 'vitest.js'], isolate: false, fileParallelism: false, sequence: { sequencer: FirstFirst } } }`
    })
    const report = join(user.dir, 'shared.json')
    const args = [installed('vitest/vitest.mjs'), 'run', '--config', 'shared.config.js', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    await passes(LEFT + ALL, () => fromJson(readFileSync(report, 'utf8')), NODE, args)
  })
})

const SINON = `sinon ${versionOf('sinon')}`
const AVA = `AVA ${versionOf('ava')}`, MOCHA = `Mocha ${versionOf('mocha')}`, BUN = `Bun ${versionOf('bun')}`, DENO = `Deno ${versionOf('deno')}`
const fromMocha = (out) => JSON.parse(out).stats.passes

describe(AVA, () => {
  const fromAva = (out) => /^# pass (\d+)$/m.exec(out)?.[1]
  row(AVA, `with ${SINON}, and beside a file that leaves all sorts behind`, 'Node 26', () => passes(LEFT + ALL, fromAva, NODE, [installed('ava/entrypoints/cli.js'), '--tap']))
})

describe('all in one process, and it ends by itself', { concurrency: 3 }, () => {
  row(MOCHA, AFTER, 'Node 26', () => passes(LEFT + ALL, fromMocha, NODE, [installed('mocha/bin/mocha.js'), '--reporter', 'json', 'first/sinon.js', 'sinon.js']))
  row('node:test', AFTER, 'Node 26', () => passes(LEFT + ALL, fromNode, NODE, ['--test', '--test-isolation=none', '--no-warnings', '--test-reporter=spec', 'first/node.js', 'node.js']))
  row(BUN, AFTER, 'Bun', () => passes(LEFT + ALL, fromBun, bun, ['test', './first/bun.js', './bun.js']))
})

describe(SINON, { concurrency: 3 }, () => {
  for (const [major, binary] of Object.entries(nodes)) {
    row('node:test', `with ${SINON}`, `Node ${major}`, () => passes(ALL, fromNode, binary, ['--test-reporter=spec', 'sinon.js']))
  }
  row(MOCHA, `with ${SINON}`, 'Node 26', () => passes(ALL, fromMocha, NODE, [installed('mocha/bin/mocha.js'), '--reporter', 'json', 'sinon.js']))
  row(BUN, `with ${SINON}`, 'Bun', () => passes(ALL, fromBun, bun, ['test', './sinon.js']))
  row(DENO, `with ${SINON}`, 'Deno', () => passes(ALL, fromDeno, deno, ['test', '--allow-all', '--no-check', 'sinon.js'], withEnv({ DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' })))
})

describe('the fake timers of node:test', { concurrency: 3 }, () => {
  for (const [major, binary] of Object.entries(nodes)) {
    for (const [what, env] of Object.entries({ 'all that it can fake': {}, 'timeouts and the clock alone': { FAKED: '["setTimeout","Date"]' } })) {
      row('node:test', what, `Node ${major}`, () => passes(ALL, fromNode, binary, ['--no-warnings', '--test-reporter=spec', 'node.js'], withEnv(env)))
    }
  }
})

describe(BUN, () => {
  row(BUN, 'with fake timers of its own', 'Bun', () => passes(ALL, fromBun, bun, ['test', './bun.js']))
})

describe('the table of test runners', () => {
  it('is told in docs/testing.md as it was seen', () => {
    const tables = [...rows.map((cells) => [...cells, good.has(cells) ? 'passes' : 'fails']), ...NOT_TRIED]
    for (const cells of tables.sort(([one], [other]) => (one < other ? -1 : Number(one > other)))) record('Test runners', cells)
    const { seen, page } = differences('Test runners')
    assert.equal(page, seen, 'The page says something else: `node tests/package/table.js` puts into it what was seen')
  })
})
