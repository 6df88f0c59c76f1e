// The declarations of `halfopen/fetch` and `halfopen/undici` beside those of the platform and of undici. It must not know what they say.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { atEnd, LIMIT } from './support.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

function complaints(compilerOptions) {
  const dir = mkdtempSync(join(tmpdir(), 'halfopen-types-'))
  atEnd(() => rmSync(dir, { recursive: true }))
  const at = (name) => [join(root, `pkg/types/${name}.d.ts`)]
  const config = {
    compilerOptions: {
      strict: true, exactOptionalPropertyTypes: true, noEmit: true, target: 'es2023', lib: ['es2023'], module: 'nodenext', moduleResolution: 'nodenext', skipLibCheck: true,
      paths: { halfopen: at('index'), 'halfopen/fetch': at('fetch'), 'halfopen/undici': at('undici') },
      typeRoots: [join(root, 'node_modules/@types')], types: ['node'], rootDir: '/',
      ...compilerOptions
    },
    files: [join(root, 'tests/http/usage.ts')]
  }
  writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config))
  return new Promise((resolve) => {
    execFile(join(root, 'node_modules/.bin/tsc'), ['--project', dir, '--pretty', 'false'], (error, stdout, stderr) => resolve(stdout + stderr + (error && stdout === '' ? error.message : '')))
  })
}

describe('the types of guards', LIMIT, () => {
  it('fit those of Node and of undici, without the DOM', async () => assert.equal(await complaints({}), ''))
  it('fit with the DOM, too', async () => assert.equal(await complaints({ lib: ['es2023', 'dom'] }), ''))
})
