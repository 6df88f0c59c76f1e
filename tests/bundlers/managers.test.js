// The packed package installed by package managers other than npm, from disk and with no network, and a program that has it from there, by `import` and
// by `require`. It must not know what the package does.

import assert from 'node:assert/strict'
import { cpSync, existsSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { EXPECTED, PROGRAM } from '../package/support.js'
import { differences, record } from '../package/table.js'
import { installed, NODE, versionOf, workspace } from './support.js'

/** What is installed, and what runs it. */
const PROJECT = {
  'package.json': '{ "name": "user", "version": "1.0.0", "private": true, "dependencies": { "halfopen": "file:./halfopen.tgz" } }\n',
  ...PROGRAM,
  'esm.mjs': `
    import * as halfopen from 'halfopen'
    import { guardFetch } from 'halfopen/fetch'
    import { program } from './program.mjs'
    console.log(JSON.stringify({ steps: await program(halfopen), guard: typeof guardFetch }))`,
  'cjs.cjs': `
    const { program } = require('./program.cjs')
    const { guardFetch } = require('halfopen/fetch')
    program(require('halfopen')).then((steps) => console.log(JSON.stringify({ steps, guard: typeof guardFetch })))`,
}

/** Each: how it installs, how it runs a program, and what shows that it was this way of installing. */
const MANAGERS = [
  {
    name: 'pnpm', version: versionOf('pnpm'), how: 'by default: strict, linked from its store', files: {},
    install: (user, dir) => user.run(dir, installed('pnpm/pnpm'), 'install', '--offline', '--store-dir', join(user.env.HOME, 'store')),
    run: (user, dir, program) => user.run(dir, NODE, program),
    shows: (dir) => assert.ok(lstatSync(join(dir, 'node_modules/halfopen')).isSymbolicLink()),
  },
  {
    name: 'Yarn', version: versionOf('@yarnpkg/cli-dist'), how: "by default: Plug'n'Play, without node_modules",
    files: { '.yarnrc.yml': 'enableNetwork: false\nenableTelemetry: false\nenableGlobalCache: false\n', 'yarn.lock': '' },
    install: (user, dir) => user.tool(dir, '@yarnpkg/cli-dist/bin/yarn.js', 'install', '--no-immutable'),
    run: (user, dir, program) => user.tool(dir, '@yarnpkg/cli-dist/bin/yarn.js', 'node', program),
    shows: (dir) => assert.deepEqual(['.pnp.cjs', 'node_modules'].map((path) => existsSync(join(dir, path))), [true, false]),
  },
]

let user
before(async () => {
  user = await workspace()
})
after(() => user?.remove())

describe('the package, installed from disk', () => {
  for (const { name, version, how, files, install, run, shows } of MANAGERS) {
    it(`${name} ${version}, ${how}`, async () => {
      const started = performance.now()
      // Outside the workspace, so that nothing of it is found.
      const dir = join(user.env.HOME, name)
      await user.write(Object.fromEntries(Object.entries({ ...PROJECT, ...files }).map(([path, text]) => [join(dir, path), text])))
      cpSync(user.tarball, join(dir, 'halfopen.tgz'))
      await install(user, dir)
      shows(dir)
      for (const program of ['esm.mjs', 'cjs.cjs']) {
        assert.deepEqual(JSON.parse((await run(user, dir, program)).stdout), { steps: EXPECTED, guard: 'function' }, program)
      }
      record('Package managers', [`${name} ${version}`, how, 'passes'], (performance.now() - started) / 1000)
    })
  }

  it('is told in docs/bundlers.md as it was seen', () => {
    const { seen, page } = differences('Package managers')
    assert.equal(page, seen, 'The page says something else: `node tests/package/table.js` puts into it what was seen')
  })
})
