// The pages for those who come from opossum or cockatiel, and what the README says of the two: each thing has a program that shows it in
// both libraries, in the versions that are installed. A page can't say what nobody runs: its words and those of the programs are compared.
//
// To say something new: write it on the page, and the same words with a program in migration/. Those of one page:
//   node --test --test-name-pattern=from-opossum tests/readme/migration.test.js

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as cockatiel from 'cockatiel'
import Opossum from 'opossum'
import { CircuitBreaker } from '../../pkg/index.js'
import { statementsOf, tablesOf } from './blocks.js'
import * as fromCockatiel from './migration/cockatiel.js'
import * as fromOpossum from './migration/opossum.js'
import * as readme from './migration/readme.js'
import { noted, turn } from './migration/programs.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What the README says of the two in words: the rows of four cells on how they differ, and the items that begin with a name. */
const compares = (text) => /^- (opossum|cockatiel)/.test(text) || text.split(' | ').length === 4
const inReadme = () => [...statementsOf(root, 'README.md').filter((text) => text.startsWith('- ')), ...(tablesOf(root, 'README.md').get('How it compares') ?? []).map((cells) => cells.join(' | '))]

for (const [{ file, programs }, peer, statements, fewest] of [
  [fromOpossum.page, Opossum, () => statementsOf(root, 'docs/from-opossum.md'), 80],
  [fromCockatiel.page, { ...cockatiel }, () => statementsOf(root, 'docs/from-cockatiel.md'), 60],
  [readme.page, { ...cockatiel, Opossum }, () => inReadme().filter(compares), 8],
]) {
  describe(file, () => {
    it('says what a program shows, and nothing else', () => {
      const said = statements()
      assert.ok(said.length >= fewest, String(said.length))
      const nobodyShows = said.filter((text) => !programs.has(text))
      const nobodySays = [...programs.keys()].filter((text) => !said.includes(text))
      assert.deepEqual({ nobodyShows, nobodySays }, { nobodyShows: [], nobodySays: [] })
    })

    for (const [text, program] of programs) {
      it(text, async (test) => {
        test.mock.timers.enable({ apis: ['Date', 'setTimeout', 'setInterval'], now: 1_000_000 })
        const tick = async (ms) => {
          await turn()
          test.mock.timers.tick(ms)
          await turn()
        }
        const used = new Set()
        await program({
          Peer: noted(peer, () => used.add('the other library')),
          CircuitBreaker: noted(CircuitBreaker, () => used.add('halfopen')),
          tick,
          mock: test.mock,
        })
        assert.deepEqual([...used].sort(), ['halfopen', 'the other library'])
      })
    }
  })
}
