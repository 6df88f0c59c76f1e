// What lies in the tarball, and whether the tools that resolve it agree. It must not know what the package does.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { project, root, run, tool } from './support.js'

let user
before(async () => {
  user = await project()
})
after(() => user?.remove())

describe('the tarball', () => {
  it('holds exactly the files it should', () => {
    const docs = readdirSync(join(root, 'docs')).filter((name) => /\.(md|svg)$/.test(name)).map((name) => `docs/${name}`)
    assert.ok(docs.length > 10)
    assert.deepEqual(
      user.paths.filter((path) => !path.startsWith('types/')),
      [
        'CHANGELOG.md', 'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'core.wasm', ...docs.sort(), 'edge-light/fetch.js', 'edge-light/index.js', 'edge-light/undici.js',
        'errors.cjs', 'errors.js', 'fetch.cjs', 'fetch.js', 'fleet.cjs', 'fleet.js', 'halfopen.min.js', 'index.cjs', 'index.js', 'no-wasm.cjs', 'no-wasm.js', 'package.json',
        'react-native/fetch.cjs', 'react-native/fetch.js', 'react-native/index.cjs', 'react-native/index.js', 'react-native/undici.cjs', 'react-native/undici.js',
        'slim.cjs', 'slim.js', 'slim.wasm', 'undici.cjs', 'undici.js', 'workerd/fetch.js', 'workerd/index.js', 'workerd/undici.js'
      ]
    )
  })

  it('has declarations of our own modules only, each with its CommonJS twin', () => {
    const types = user.paths.filter((path) => path.startsWith('types/'))
    const modules = types.filter((path) => path.endsWith('.d.ts')).map((path) => path.slice('types/'.length, -'.d.ts'.length))
    assert.ok(modules.includes('index'))
    assert.deepEqual(types, modules.flatMap((name) => [`types/${name}.d.cts`, `types/${name}.d.ts`]).sort())
    for (const name of modules) assert.ok(['.js', '.d.ts'].some((end) => existsSync(join(root, `js/${name}${end}`))), `types/${name}.d.ts has no source in js/`)
  })

  it('carries nothing of the machine it was built on', async () => {
    const clone = root.replace(/\/$/, '')
    for (const path of user.paths) {
      const text = (await user.read(path)).toString('latin1')
      // A standard library that was built on this machine may name the home in its texts, inside the Wasm. Ours may not.
      const telling = path.endsWith('.wasm') ? [clone] : [clone, `${homedir()}/`, '/home/', '/.cargo/']
      for (const word of telling) assert.ok(!text.includes(word), `${path} contains ${word}`)
    }
    const bytes = (await user.read('core.wasm')).toString('hex')
    assert.ok((await user.read('index.js')).includes(bytes), 'index.js inlines core.wasm as it is')
    assert.ok((await user.read('index.cjs')).includes(bytes), 'index.cjs inlines core.wasm as it is')
  })

  it('has code in ASCII alone, which engines keep in half the memory', async () => {
    for (const path of user.paths.filter((path) => /\.c?js$/.test(path))) {
      const beyond = (await user.read(path)).findIndex((byte) => byte > 127)
      assert.equal(beyond, -1, `${path} at ${beyond}`)
    }
  })

  it('has the manifest of pkg.json with the version of the crate', async () => {
    const { version, ...manifest } = JSON.parse(await user.read('package.json'))
    assert.deepEqual(manifest, JSON.parse(readFileSync(join(root, 'pkg.json'), 'utf8')))
    const crate = /^version *= *"([^"]+)"/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))
    assert.equal(version, crate[1])
  })

  it('names types first and the default last wherever a tool chooses, and only files that are there', async () => {
    const { exports, main, module, types, unpkg, jsdelivr, typesVersions, engines, sideEffects } = JSON.parse(await user.read('package.json'))
    const files = [main, module, types, unpkg, jsdelivr, ...Object.values(typesVersions['*']).flat()]
    const look = (choice, path) => {
      if (typeof choice === 'string') return files.push(choice)
      const conditions = Object.keys(choice)
      if (conditions.includes('types')) assert.equal(conditions[0], 'types', path)
      assert.equal(conditions.at(-1), 'default', path)
      for (const condition of conditions) look(choice[condition], `${path} ${condition}`)
    }
    for (const [entry, choice] of Object.entries(exports)) look(choice, entry)
    for (const file of files) assert.ok(user.paths.includes(file.replace('./', '')), file)
    assert.deepEqual({ engines, sideEffects }, { engines: { node: '>=20' }, sideEffects: false })
  })

  it('depends on nothing and runs no script', async () => {
    const manifest = JSON.parse(await user.read('package.json'))
    for (const field of ['dependencies', 'peerDependencies', 'optionalDependencies', 'bundleDependencies', 'devDependencies', 'scripts']) {
      assert.equal(manifest[field], undefined, field)
    }
  })
})

describe('resolving the package', () => {
  it('leaves publint nothing to say', async () => {
    const { stdout, stderr } = await run(tool('publint'), ['run', user.tarball, '--strict'], { cwd: user.dir })
    assert.match(stdout, /All good!/)
    assert.equal(stderr, '')
  })

  it('leaves "are the types wrong" nothing to say', async () => {
    // The Wasm files are no JavaScript: whoever imports them has a host or a bundler that can.
    const { stdout } = await run(tool('attw'), [user.tarball, '--exclude-entrypoints', './core.wasm', './slim.wasm', '--format', 'json'], { cwd: user.dir })
    const { analysis } = JSON.parse(stdout)
    assert.deepEqual(analysis.problems, [])
    const entries = Object.keys(JSON.parse(await user.read('package.json')).exports).filter((entry) => /^\.(\/[\w-]+)?$/.test(entry))
    assert.ok(entries.length > 2)
    for (const entry of entries) assert.ok(Object.keys(analysis.entrypoints).includes(entry), entry)
  })

  const USE = `
    import { CircuitBreaker, CircuitOpenError, ManualClock, isCircuitOpenError } from 'halfopen'
    const clock = new ManualClock()
    const breaker: EventTarget = new CircuitBreaker({ failureThreshold: 2, recoveryTimeout: 1000, clock })
    const answer: Promise<number> = new CircuitBreaker().call(async () => 1)
    const state: 'closed' | 'open' | 'half_open' = new CircuitBreaker().checkState()
    const seconds = (error: unknown): number => isCircuitOpenError(error) ? error.retryAfter / 1000 : 0
    // @ts-expect-error unknown options are refused
    new CircuitBreaker({ failureTreshold: 2 })
    export { CircuitOpenError, answer, breaker, seconds, state }`

  for (const [name, module, moduleResolution] of [
    ['use.mts', 'nodenext', 'nodenext'],
    ['use.cts', 'nodenext', 'nodenext'],
    ['use.ts', 'esnext', 'bundler'],
  ]) {
    it(`type-checks a strict user's ${name} (${moduleResolution}), the declarations themselves too`, async () => {
      await user.write({ [name]: USE })
      await run(tool('tsc'), [
        '--strict', '--noEmit', '--ignoreConfig', '--skipLibCheck', 'false', '--target', 'es2022', '--lib', 'es2022,dom', '--types', '',
        '--module', module, '--moduleResolution', moduleResolution, '--exactOptionalPropertyTypes', name,
      ], { cwd: user.dir })
    })
  }
})
