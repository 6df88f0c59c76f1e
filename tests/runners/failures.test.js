// What each test runner prints of a test that a refusal has failed: which error it is, which breaker refused, when to retry, and the failure that opened the circuit. It must not
// know how the package makes errors.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { env, nodes, run } from '../package/support.js'
import { bun, deno, installed, userOfRunners, versionOf } from './support.js'

const NODE = nodes[26]

/** The body of a test that fails by a refusal. */
const BODY = `async () => {
  const breaker = new CircuitBreaker({ name: 'users', failureThreshold: 1 })
  await breaker.call(async () => { throw new Error('connection refused') }).catch(() => {})
  await breaker.call(async () => 'up')
}`
const IMPORT = "import { CircuitBreaker } from 'halfopen'\n"

/** Each runner: its file, and how it is run. */
const RUNNERS = [
  { name: 'node:test', file: 'node.mjs', text: `import { test } from 'node:test'\n${IMPORT}test('t', ${BODY})\n`, binary: NODE, args: ['--test', 'node.mjs'] },
  { name: 'Mocha', version: versionOf('mocha'), file: 'mocha.mjs', text: `${IMPORT}it('t', ${BODY})\n`, binary: NODE, args: [installed('mocha/bin/mocha.js'), 'mocha.mjs'] },
  {
    name: 'Vitest', version: versionOf('vitest'), file: 'vitest.test.js', text: `import { test } from 'vitest'\n${IMPORT}test('t', ${BODY})\n`,
    binary: NODE, args: [installed('vitest/vitest.mjs'), 'run', 'vitest.test.js'],
  },
  { name: 'AVA', version: versionOf('ava'), file: 'ava.mjs', text: `import test from 'ava'\n${IMPORT}test('t', ${BODY})\n`, binary: NODE, args: [installed('ava/entrypoints/cli.js'), 'ava.mjs'], noCause: true },
  ...['jest', 'jest29'].map((jest) => ({
    name: 'Jest', version: versionOf(jest), file: `${jest}.cjs`, text: `const { CircuitBreaker } = require('halfopen')\ntest('t', ${BODY})\n`, binary: NODE,
    args: [installed(`${jest}/bin/jest.js`), '--config', JSON.stringify({ testMatch: [`<rootDir>/${jest}.cjs`], transform: {} })],
  })),
  { name: 'Bun', version: versionOf('bun'), file: 'bun.test.js', text: `import { test } from 'bun:test'\n${IMPORT}test('t', ${BODY})\n`, binary: bun, args: ['test', './bun.test.js'] },
  { name: 'Deno', version: versionOf('deno'), file: 'deno.mjs', text: `${IMPORT}Deno.test('t', ${BODY})\n`, binary: deno, args: ['test', '--allow-all', '--no-check', 'deno.mjs'] },
]

let user
before(async () => {
  user = await userOfRunners(Object.fromEntries(RUNNERS.map(({ file, text }) => [file, text])))
})
after(() => user?.remove())

describe('a test that a refusal has failed', { concurrency: 2 }, () => {
  for (const { name, version = '', binary, args, noCause } of RUNNERS) {
    it(`is told readably by ${name} ${version}`.trim(), async () => {
      const options = { cwd: user.dir, env: { ...env, NO_COLOR: '1', CI: '1', DENO_NO_UPDATE_CHECK: '1' } }
      const told = await run(binary, args, options).then(({ stdout }) => assert.fail(`It did not fail: ${stdout}`), ({ cause, message }) => {
        assert.equal(cause.killed, false, message)
        return `${cause.stdout}\n${cause.stderr}`
      })
      assert.match(told, /CircuitOpenError\]?: Circuit open\. Retry in 60s \(users\)/)
      if (!noCause) assert.match(told, /connection refused/)
      // The package has no part in a failure: nothing of what it does inside is told.
      assert.doesNotMatch(told, /node_modules\/halfopen\/[^\n]*refus/i)
    })
  }
})
