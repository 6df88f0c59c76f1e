// The installed package under the fake timers of each test runner, as its users have it there. The situations are the same for all. It must not
// know what they are, only how many.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { transform } from 'esbuild'
import { env, nodes, run } from '../package/support.js'
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
const fromJson = (out) => JSON.parse(out).numPassedTests
const fromNode = (out) => /^ℹ pass (\d+)$/m.exec(out)?.[1]
const fromBun = (_, out) => /^\s*(\d+) pass$/m.exec(out)?.[1]
const fromDeno = (out) => /^ok \| (\d+) passed \| 0 failed/m.exec(out)?.[1]
const withEnv = (more) => ({ env: { ...env, ...more } })

/** The parts of a Jest that configurations name, and where npm has put them. */
const JESTS = {
  jest: { node: 'jest-environment-node', jsdom: 'jest-environment-jsdom', sequencer: '@jest/test-sequencer' },
  jest29: { node: 'jest29/node_modules/jest-environment-node', jsdom: 'jest29-environment-jsdom', sequencer: 'jest29/node_modules/@jest/test-sequencer' }
}
for (const [jest, parts] of Object.entries(JESTS)) {
  describe(`Jest ${versionOf(jest)}`, () => {
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
      it(`as ${what}, in Node and jsdom, and with timers that are faked at import`, async () => {
        const projects = [project(folder, 'node'), project(folder, 'jsdom'), project(folder, 'node', { fakeTimers: { enableGlobally: true } })]
        await run(flags, { projects }, ['--no-cache'], 2 * ALL + WITHOUT_FETCH)
      })
    }

    it('after another file in the same process, which leaves all sorts behind', async () => {
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

describe(`Vitest ${versionOf('vitest')}`, () => {
  const EVERY = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'Date', 'performance', 'queueMicrotask']
  const RUNS = {
    'what it fakes by default': {},
    'all that it can fake': { env: { FAKED: JSON.stringify(EVERY) } },
    'timeouts and the clock alone': { env: { FAKED: '["setTimeout","clearTimeout","Date"]' } },
    jsdom: { environment: 'jsdom' },
    'happy-dom': { environment: 'happy-dom' },
    'the package inlined': { server: { deps: { inline: ['halfopen'] } } },
    ...Object.fromEntries(['threads', 'forks', 'vmThreads', 'vmForks'].map((pool) => [`the pool ${pool}`, { pool }]))
  }
  it(`with ${Object.keys(RUNS).join(', ')}`, async () => {
    const projects = Object.entries(RUNS).map(([name, test]) => ({ test: { name, include: ['vitest.js'], ...test } }))
    await user.write({ 'esm/vitest.config.js': `export default ${JSON.stringify({ test: { projects } })}` })
    const report = join(user.dir, 'vitest.json')
    const args = [installed('vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    await passes((projects.length - 1) * ALL + WITHOUT_FETCH, () => fromJson(readFileSync(report, 'utf8')), NODE, args)
  })

  it('after another file in the same process and the same modules, which leaves all sorts behind', async () => {
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

describe(`AVA ${versionOf('ava')}`, () => {
  const fromAva = (out) => /^# pass (\d+)$/m.exec(out)?.[1]
  it("with sinon's fake timers, and beside another file, which leaves all sorts behind", () => (
    passes(LEFT + ALL, fromAva, NODE, [installed('ava/entrypoints/cli.js'), '--tap'])
  ))
})

describe('all in one process, after another file that leaves all sorts behind, and it ends by itself', { concurrency: 3 }, () => {
  const FIRST_SINON = ['first/sinon.js', 'sinon.js']
  it(`Mocha ${versionOf('mocha')}`, async () => {
    await passes(LEFT + ALL, (out) => JSON.parse(out).stats.passes, NODE, [installed('mocha/bin/mocha.js'), '--reporter', 'json', ...FIRST_SINON])
  })
  it('node:test with no isolation', () => passes(LEFT + ALL, fromNode, NODE, ['--test', '--test-isolation=none', '--no-warnings', '--test-reporter=spec', 'first/node.js', 'node.js']))
  it(`Bun ${versionOf('bun')}`, () => passes(LEFT + ALL, fromBun, bun, ['test', './first/bun.js', './bun.js']))
})

describe(`sinon ${versionOf('sinon')}`, { concurrency: 3 }, () => {
  for (const [major, binary] of Object.entries(nodes)) {
    it(`in node:test of Node ${major}`, () => passes(ALL, fromNode, binary, ['--test-reporter=spec', 'sinon.js']))
  }
  it(`in Mocha ${versionOf('mocha')}`, async () => {
    await passes(ALL, (out) => JSON.parse(out).stats.passes, NODE, [installed('mocha/bin/mocha.js'), '--reporter', 'json', 'sinon.js'])
  })
  it(`in Bun ${versionOf('bun')}`, () => passes(ALL, fromBun, bun, ['test', './sinon.js']))
  it(`in Deno ${versionOf('deno')}`, () => passes(ALL, fromDeno, deno, ['test', '--allow-all', '--no-check', 'sinon.js'], withEnv({ DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' })))
})

describe('the fake timers of node:test', { concurrency: 3 }, () => {
  for (const [major, binary] of Object.entries(nodes)) {
    for (const [what, env] of Object.entries({ 'all that it can fake': {}, 'timeouts and the clock alone': { FAKED: '["setTimeout","Date"]' } })) {
      it(`in Node ${major}, ${what}`, () => passes(ALL, fromNode, binary, ['--no-warnings', '--test-reporter=spec', 'node.js'], withEnv(env)))
    }
  }
})

describe(`Bun ${versionOf('bun')}`, () => {
  it('with fake timers of its own', () => passes(ALL, fromBun, bun, ['test', './bun.js']))
})
