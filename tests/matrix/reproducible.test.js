// Two builds of the same sources give the same tarball, byte by byte: the one that is there, and one in a folder with another name. It must not
// know what is in it.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { root, run } from '../package/support.js'

let elsewhere
before(async () => {
  elsewhere = join(await mkdtemp(join(tmpdir(), 'halfopen-build-')), 'a folder of another name')
  await mkdir(elsewhere)
})
after(() => rm(dirname(elsewhere), { recursive: true, force: true }))

/** The tarball of a clone: its bytes, and the name of each file in it with its SHA-256. */
async function pack(clone) {
  const { stdout } = await run('npm', ['pack', join(clone, 'pkg'), '--json', '--pack-destination', elsewhere], { cwd: elsewhere })
  const [{ filename, files }] = Object.values(JSON.parse(stdout))
  const sum = (bytes) => createHash('sha256').update(bytes).digest('hex')
  const tarball = sum(await readFile(join(elsewhere, filename)))
  return { tarball, files: await Promise.all(files.map(async ({ path }) => `${path} ${sum(await readFile(join(clone, 'pkg', path)))}`)) }
}

describe('two builds', () => {
  it('of the same sources, in folders of different names, give the same tarball, and say the SHA-256 of the Wasm in it', async () => {
    const { stdout: sources } = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
    for (const path of sources.trim().split('\n')) await cp(join(root, path), join(elsewhere, path), { force: true }).catch(() => {})
    await symlink(join(root, 'node_modules'), join(elsewhere, 'node_modules'))
    const here = await pack(root)
    const { stdout } = await run(process.execPath, ['scripts/build.mjs', '--force'], { cwd: elsewhere })
    const there = await pack(elsewhere)
    assert.deepEqual(there.files, here.files)
    assert.equal(there.tarball, here.tarball)
    for (const wasm of ['core.wasm', 'slim.wasm']) {
      const [, said] = new RegExp(`${wasm} \\d+ B, SHA-256 ([0-9a-f]{64})`).exec(stdout)
      assert.ok(here.files.includes(`${wasm} ${said}`), wasm)
    }
  })
})
