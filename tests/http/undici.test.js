// undici with a guard inside, for each version that the guard is for. undici 8 does not run in Node 20: there, a Node 24 runs this file again.
// It must not know what is checked.

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as undici7 from 'undici'
import { nodes, run } from '../package/support.js'
import { LIMIT, unhandled } from './support.js'
import { describeUndici } from './undici.js'

after(() => assert.deepEqual(unhandled, []))

describeUndici('undici 7', undici7)

if (Number(process.versions.node.split('.')[0]) >= 24) {
  describeUndici('undici 8', await import('undici8'))
} else {
  describe('in Node 24', LIMIT, () => {
    it('all of that holds, with undici 7 and 8', async () => {
      const { stdout } = await run(nodes[24], ['--test', '--test-reporter=tap', fileURLToPath(import.meta.url)])
      assert.match(stdout, /# Subtest: undici 7/)
      assert.match(stdout, /# Subtest: undici 8/)
      assert.match(stdout, /\n# fail 0\n/)
    })
  })
}
