/**
 * The register under every schedule of three members, in small. `npm run simulate -- --check 1000000` looks further.
 *
 * Must not know: how a register decides.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { STATES } from '../../../js/fleet/register.js'
import { BOUNDS, check } from './checker.js'

describe('whatever three members send, and whenever', () => {
  for (const [name, bound] of Object.entries(BOUNDS)) {
    test(`${name}: one test at a time, epochs that go up, a verdict by evidence, and nobody needed to close it`, (t) => {
      const { states, steps, isWhole, seen, faults } = check(bound)
      assert.deepEqual(faults, [])
      if (bound.most === undefined) assert.ok(isWhole, 'not every state was seen')
      // Each state was there, or those after an opening.
      const expected = bound.reports ? STATES : STATES.filter((state) => !['suspicion', 'hearing'].includes(state))
      assert.deepEqual(expected.filter((state) => !seen.has(state) && isWhole), [])
      assert.ok(states > 500 && steps > states)
      t.diagnostic(`${states} states, ${steps} steps${isWhole ? ', all there are' : ''}`)
    })
  }
})
