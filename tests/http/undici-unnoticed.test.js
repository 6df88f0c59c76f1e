// A guard that never trips, in each of its modes and with each undici, is not noticed. undici 8 does not run in Node 20: there, a Node 24 runs
// that half of this file. It must not know what the situations are.

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as undici7 from 'undici'
import { nodes, run } from '../package/support.js'
import { unhandled } from './support.js'
import { describeUnnoticed } from './undici-unnoticed.js'

after(() => assert.deepEqual(unhandled, []))

const isNew = Number(process.versions.node.split('.')[0]) >= 24

if (process.argv[2] !== 'undici8') describeUnnoticed('undici 7', undici7)

if (isNew) {
  describeUnnoticed('undici 8', await import('undici8'))
} else {
  describe('in Node 24', { timeout: 300_000 }, () => {
    it('all of that holds, with undici 8', async () => {
      const { stdout } = await run(nodes[24], ['--test-reporter=tap', fileURLToPath(import.meta.url), 'undici8'])
      assert.match(stdout, /# Subtest: undici 8/)
      assert.match(stdout, /\n# fail 0\n/)
    })
  })
}
