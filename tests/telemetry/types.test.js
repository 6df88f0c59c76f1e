// The types of the two entries with those of the packages that they are handed. It must not know what either does.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile, cp, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

let user
before(async () => {
  user = await mkdtemp(join(tmpdir(), 'halfopen-telemetry-'))
  for (const folder of ['@opentelemetry', '@types']) await mkdir(join(user, 'node_modules', folder), { recursive: true })
  await symlink(join(root, 'pkg'), join(user, 'node_modules/halfopen'))
  await symlink(join(root, 'node_modules/@types/node'), join(user, 'node_modules/@types/node'))
  await symlink(join(here, 'node_modules/prom-client'), join(user, 'node_modules/prom-client'))
  await cp(join(here, 'usage.ts'), join(user, 'usage.ts'))
  await writeFile(join(user, 'package.json'), '{ "type": "module" }')
})
after(() => rm(user, { recursive: true, force: true }))

describe('The types of the entries', () => {
  for (const place of ['.', 'newest']) {
    it(`go with those of OpenTelemetry's API and of prom-client: ${place === '.' ? 'SDK 2' : 'SDK 3'}`, async () => {
      const api = join(user, 'node_modules/@opentelemetry/api')
      await rm(api, { force: true })
      await symlink(join(here, place, 'node_modules/@opentelemetry/api'), api)
      const options = ['--strict', '--exactOptionalPropertyTypes', '--noEmit', '--ignoreConfig', '--skipLibCheck', '--target', 'es2022', '--module', 'nodenext', '--types', 'node', '--preserveSymlinks', 'usage.ts']
      const said = await new Promise((resolve) => execFile(join(root, 'node_modules/.bin/tsc'), options, { cwd: user }, (_, stdout, stderr) => resolve(stdout + stderr)))
      assert.equal(said, '')
    })
  }
})
