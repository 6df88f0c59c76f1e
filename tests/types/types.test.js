// The declarations of the built package, as TypeScript sees them from a user's file: compiles the files of this folder in the settings
// users have. A `@ts-expect-error` with no error below it is an error itself. It must not know what the types are.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { WINDOWS } from '../../js/engine/numbers.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const types = (name) => [join(root, 'pkg/types', name)]

/** Compiles files of this folder, with the settings of its tsconfig.json but for those given, and gives what TypeScript said. */
async function complaints(files, compilerOptions = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'halfopen-types-'))
  try {
    const config = {
      extends: join(here, 'tsconfig.json'),
      compilerOptions: { paths: { halfopen: types('index.d.ts') }, typeRoots: [join(root, 'node_modules/@types')], ...compilerOptions },
      files: files.map((file) => resolve(here, file))
    }
    await writeFile(join(dir, 'tsconfig.json'), JSON.stringify(config))
    return await new Promise((fulfil, reject) => {
      execFile(join(root, 'node_modules/.bin/tsc'), ['--project', dir, '--pretty', 'false'], { cwd: here }, (error, stdout, stderr) => {
        if (error && stdout === '') reject(new Error(`tsc failed: ${stderr}`, { cause: error }))
        else fulfil(stdout.trim())
      })
    })
  } finally {
    await rm(dir, { recursive: true })
  }
}

/** The same of a program that is in no file of this folder, for CommonJS. */
async function complaintsAbout(name, program) {
  const dir = await mkdtemp(join(tmpdir(), 'halfopen-types-'))
  try {
    await writeFile(join(dir, name), program)
    return await complaints([join(dir, name)], { paths: { halfopen: types('index.d.cts') } })
  } finally {
    await rm(dir, { recursive: true })
  }
}

describe('the types of the package', () => {
  it('take what users write and refuse what is wrong: in a browser project', async () => {
    assert.equal(await complaints(['usage.ts']), '')
  })

  it('do so in a Node project without the DOM', async () => {
    assert.equal(await complaints(['usage.ts'], { lib: ['es2023'], types: ['node'] }), '')
  })

  it('do so in a project with the types of both', async () => {
    assert.equal(await complaints(['usage.ts'], { types: ['node'] }), '')
  })

  it('do so for a bundler', async () => {
    assert.equal(await complaints(['usage.ts'], { module: 'esnext', moduleResolution: 'bundler' }), '')
  })

  it('do so for CommonJS', async () => {
    assert.equal(await complaints(['usage.cts'], { paths: { halfopen: types('index.d.cts') } }), '')
  })

  it('let a listener be removed as it was added', async () => {
    assert.equal(await complaints(['listeners.ts']), '')
  })

  it('let a function take the context of its call, or leave it', async () => {
    assert.equal(await complaints(['context.ts']), '')
  })

  it('have names that users can import', async () => {
    assert.equal(await complaints(['names.ts']), '')
  })

  it('take a window of each type that the core knows with the member that it needs, and no other', async () => {
    const types = WINDOWS.filter((name) => !name.includes('.'))
    const members = WINDOWS.filter((name) => name.includes('.')).map((name) => name.split('.')[1])
    const lines = types.flatMap((type, index) => [
      `new CircuitBreaker({ window: { type: '${type}', ${members[index]}: 1 }, failureRate: 0.5 })`,
      `// @ts-expect-error its member is missing`,
      `new CircuitBreaker({ window: { type: '${type}' }, failureRate: 0.5 })`,
      ...members.filter((_, other) => other !== index).flatMap((other) => [
        `// @ts-expect-error a member of another type`,
        `new CircuitBreaker({ window: { type: '${type}', ${members[index]}: 1, ${other}: 1 }, failureRate: 0.5 })`
      ])
    ])
    assert.ok(types.length > 1)
    assert.equal(await complaintsAbout('windows.cts', `import { CircuitBreaker } from 'halfopen'\n${lines.join('\n')}\n`), '')
  })

  it('are really looked at: a case that is not refused any more is found', async () => {
    const source = await readFile(join(here, 'usage.cts'), 'utf8')
    const wrong = source.replace("'4'", '4')
    assert.notEqual(wrong, source)
    assert.match(await complaintsAbout('wrong.cts', wrong), /TS2578: Unused '@ts-expect-error' directive/)
  })
})
