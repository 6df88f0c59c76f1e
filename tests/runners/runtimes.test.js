// The installed package in each Node, Bun and Deno: the small program that every runtime runs, and in whose async context what runs in the background. It must
// not know how the package does either.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { LOADED, probesIn, probesOf, STORES_OF_CALLS, STORES_OF_PROBES } from '../js/requests.js'
import { env, EXPECTED, nodes, PROGRAM, project, root, run } from '../package/support.js'
import { bun, deno, versionOf } from './support.js'

const PROGRAMS = {
  'es.mjs': `import * as halfopen from 'halfopen'
    import { program } from './program.mjs'
    console.log(JSON.stringify(await program(halfopen)))`,
  'cjs.cjs': `const { program } = require('./program.cjs')
    program(require('halfopen')).then((steps) => console.log(JSON.stringify(steps)))`,
  'channels.mjs': `import { channel } from 'node:diagnostics_channel'
    import { CircuitBreaker } from 'halfopen'
    const heard = []
    channel('halfopen:statechange').subscribe(({ breaker, from, to, reason }) => heard.push([breaker.name, from, to, reason].join()))
    channel('halfopen:reject').subscribe(({ breaker, error }) => heard.push([breaker.name, error.code].join()))
    const breaker = new CircuitBreaker({ name: 'users' })
    breaker.trip()
    await breaker.call(async () => 1).catch(() => {})
    console.log(JSON.stringify([heard, breaker[Symbol.for('halfopen.read')]().keys]))`,
  'stores-of-probes.mjs': STORES_OF_PROBES,
  'stores-of-calls.mjs': STORES_OF_CALLS,
  ...Object.fromEntries(Object.entries(LOADED).map(([what, loaded]) => [`${what}.mjs`, probesOf(loaded)]))
}

let user
before(async () => {
  const programs = Object.entries(PROGRAMS).map(([name, text]) => [name, `const ESM = 'halfopen', CJS = 'halfopen'\n${text}`])
  user = await project({ ...PROGRAM, ...Object.fromEntries(programs) })
})
after(() => user?.remove())

const RUNTIMES = [
  ...Object.entries(nodes).map(([major, binary]) => ({ name: `Node ${major}`, binary, flags: ['--expose-gc'], inherited: [] })),
  { name: 'Bun', version: versionOf('bun'), binary: bun, flags: [], inherited: ['required by a request'] },
  {
    // With no permission, but for a `require`, which reads its file.
    name: 'Deno', version: versionOf('deno'), binary: deno, flags: ['run', '--no-prompt', '--quiet', '--v8-flags=--expose-gc'],
    inherited: ['loaded by a request', 'required by a request'], reads: /cjs$|required/
  }
]

for (const { name, version, binary, flags, inherited, reads } of RUNTIMES) {
  const answer = async (program) => {
    const leave = reads?.test(program.replace('.mjs', '')) ? ['--allow-read'] : []
    const { stdout, stderr } = await run(binary, [...flags, ...leave, program], { cwd: user.dir, env: { ...env, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' } })
    assert.equal(stderr, '')
    return JSON.parse(stdout)
  }

  describe(version === undefined ? name : `${name} ${version}`, () => {
    if (version !== undefined) it('is named in the README and in the docs, by this version', () => {
      const [, short] = /^(\d+\.\d+)\./.exec(version)
      for (const page of ['README.md', 'docs/runtimes.md']) assert.match(readFileSync(join(root, page), 'utf8'), new RegExp(`Tested with .*${name} ${short}\\b`))
    })

    it('runs the package as an ES module', async () => {
      assert.deepEqual(await answer('es.mjs'), EXPECTED)
    })

    it('has channels that tell of every breaker, and breakers that can be read', async () => {
      assert.deepEqual(await answer('channels.mjs'), [['users,closed,open,trip', 'users,ERR_CIRCUIT_OPEN'], ['users']])
    })

    it('runs it as a CommonJS module', async () => {
      assert.deepEqual(await answer('cjs.cjs'), EXPECTED)
    })

    for (const what of Object.keys(LOADED)) {
      // There a context can't be emptied: what is made in the midst of a request is that request's.
      const context = inherited.includes(what) ? 'the first' : undefined
      const whose = context === undefined ? `no request's async context` : `the async context of the request that loaded it, and of no other`
      it(`runs a background probe in ${whose}: the package is ${what}`, async () => {
        assert.deepEqual(await answer(`${what}.mjs`), probesIn(context))
      })
    }

    it('keeps no store of a request alive that tripped, asleep or probing', async () => {
      assert.deepEqual(await answer('stores-of-probes.mjs'), [0, ['open', 'open', 'half_open']])
    })

    it('tells of a timeout in the async context of its caller, and keeps none alive when the call is over', async () => {
      assert.deepEqual(await answer('stores-of-calls.mjs'), { heard: ['AA', 'BB', 'CC'], alive: false })
    })
  })
}
