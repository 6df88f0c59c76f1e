// What the Rust crate would be published with. That it can be built from that, the layer `rust` shows. It must not know what the crate does.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { root, run } from './support.js'

describe('the crate', () => {
  it('holds its sources and the pages beside them, and nothing else', async () => {
    const { stdout } = await run('bash', ['-c', 'source scripts/toolchain.sh && cargo package --list --locked --allow-dirty'], { cwd: root })
    const sources = readdirSync(join(root, 'src'), { recursive: true }).filter((path) => path.endsWith('.rs')).map((path) => `src/${path}`)
    const listed = stdout.trim().split('\n').filter((path) => path !== '.cargo_vcs_info.json')
    assert.deepEqual(listed.sort(), ['CHANGELOG.md', 'Cargo.lock', 'Cargo.toml', 'Cargo.toml.orig', 'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', ...sources].sort())
  })
})
