// The installed package under the fake timers of each test runner, as its users have it there. The situations are the same for all. It must not
// know what they are, only how many.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { transform } from 'esbuild'
import { env, nodes, run } from '../package/support.js'
import { situations } from './situations.js'
import { bun, deno, installed, userOfRunners, versionOf } from './support.js'

const NODE = nodes[26]
const FILES = ['situations.js', 'programs/jest.js', 'programs/vitest.js', 'programs/sinon.js', 'programs/node.js', 'programs/bun.js']

/** How many situations there are for a runner: a few are for hosts that have `fetch`. */
function countOf(runner) {
  let count = 0
  situations({}, { tickAsync() {}, hasFetch: true, ...runner, it: () => count++ })
  return count
}
const ALL = countOf()
const WITHOUT_FETCH = countOf({ hasFetch: false })

let user, ran = 0
before(async () => {
  const files = { 'esm/package.json': '{ "type": "module" }' }
  for (const path of FILES) {
    const name = path.replace('programs/', '')
    const text = await readFile(new URL(path, import.meta.url), 'utf8')
    files[`esm/${name}`] = text
    if (/^(situations|jest)/.test(name)) files[`cjs/${name}`] = (await transform(text, { format: 'cjs' })).code
  }
  user = await userOfRunners(files)
})
after(async () => {
  console.log(`runners: ${ran} checks ran`)
  await user?.remove()
})

/** Runs a runner in the project and checks that it passed so many. `passed` finds the number in what it printed. */
async function passes(expected, passed, binary, args, options = {}) {
  const { stdout, stderr } = await run(binary, args, { cwd: join(user.dir, 'esm'), ...options })
  const count = Number(passed(stdout, stderr))
  assert.equal(count, expected, `It passed ${count} of ${expected}\n${stdout}\n${stderr}`)
  ran += count
}
const fromJson = (out) => JSON.parse(out).numPassedTests
const fromNode = (out) => /^ℹ pass (\d+)$/m.exec(out)?.[1]
const fromBun = (_, out) => /^\s*(\d+) pass$/m.exec(out)?.[1]
const fromDeno = (out) => /^ok \| (\d+) passed \| 0 failed/m.exec(out)?.[1]
const withEnv = (more) => ({ env: { ...env, ...more } })

describe(`Jest ${versionOf('jest')}`, () => {
  const project = (folder, environment, more) => ({
    displayName: `${folder}, ${environment}${more ? ', faked at import' : ''}`,
    rootDir: join(user.dir, folder), testMatch: ['<rootDir>/jest.js'], transform: {},
    testEnvironment: installed(`jest-environment-${environment}`), ...more
  })
  for (const [what, folder, flags] of [['CommonJS', 'cjs', []], ['ES modules', 'esm', ['--experimental-vm-modules', '--no-warnings']]]) {
    it(`as ${what}, in Node and jsdom, and with timers that are faked at import`, async () => {
      const projects = [project(folder, 'node'), project(folder, 'jsdom'), project(folder, 'node', { fakeTimers: { enableGlobally: true } })]
      const args = [...flags, installed('jest/bin/jest.js'), '--config', JSON.stringify({ projects }), '--json', '--detectOpenHandles', '--ci', '--no-cache']
      await passes(2 * ALL + WITHOUT_FETCH, (out) => {
        assert.deepEqual(JSON.parse(out).openHandles, [])
        return fromJson(out)
      }, NODE, args)
    })
  }
})

describe(`Vitest ${versionOf('vitest')}`, () => {
  const EVERY = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'Date', 'performance', 'queueMicrotask']
  const RUNS = {
    'what it fakes by default': {},
    'all that it can fake': { env: { FAKED: JSON.stringify(EVERY) } },
    'timeouts and the clock alone': { env: { FAKED: '["setTimeout","clearTimeout","Date"]' } },
    jsdom: { environment: 'jsdom' },
    'happy-dom': { environment: 'happy-dom' },
    'the package inlined': { server: { deps: { inline: ['halfopen'] } } }
  }
  it(`with ${Object.keys(RUNS).join(', ')}`, async () => {
    const projects = Object.entries(RUNS).map(([name, test]) => ({ test: { name, include: ['vitest.js'], ...test } }))
    await user.write({ 'esm/vitest.config.js': `export default ${JSON.stringify({ test: { projects } })}` })
    const report = join(user.dir, 'vitest.json')
    const args = [installed('vitest/vitest.mjs'), 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    await passes((projects.length - 1) * ALL + WITHOUT_FETCH, () => fromJson(readFileSync(report, 'utf8')), NODE, args)
  })
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
