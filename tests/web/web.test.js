// A guard that never trips is not noticed: whatever the fetch standard has its clients see, they see the same with a guard and without,
// in each Node. It must not know the situations.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { nodes, run } from '../package/support.js'
import { compareAll } from './compare.js'

const program = fileURLToPath(new URL('compare.js', import.meta.url))
const major = (version) => Number(version.split('.')[0])

/** Where a guard keeps to the standard and Node does not: with the versions of Node, the guards and what they give. */
const KNOWN = {
  // The Node does not name the reason of an abort, and does not call the body used.
  'aborted before anything of the body was read': { majors: [20, 22], guard: /^until the body/, isStandard: ({ came }) => came.value.text.error.message === 'mine' && came.value.bodyUsed }
}

/** What is left of the differences in a Node. */
const unknown = (differences, version) =>
  differences.filter(({ situation, guard, guarded }) => {
    const known = Object.hasOwn(KNOWN, situation) ? KNOWN[situation] : undefined
    return !(known?.majors.includes(version) && known.guard.test(guard) && known.isStandard(guarded))
  })

const here = major(process.versions.node)
const told = new Map()
const { situations, compared, hung, unhandled } = await compareAll((found, situation) => told.set(situation, found))

describe(`plain fetch and guards in this Node`, () => {
  it('were compared in each situation', () => {
    assert.ok(situations > 250, String(situations))
    assert.equal(compared, situations * 2 * 5)
  })
  it('leave no rejection to nobody', () => assert.deepEqual(unhandled, []))
  it('end', () => assert.deepEqual(hung, []))
  for (const [situation, differences] of told) it(`agree: ${situation}`, () => assert.deepEqual(unknown(differences, here), []))
})

describe('plain fetch and guards in', () => {
  for (const [version, node] of Object.entries(nodes)) {
    if (Number(version) === here) continue
    it(`Node ${version} agree in each situation`, { timeout: 300_000 }, async () => {
      const { stdout } = await run(node, [program])
      const came = JSON.parse(stdout)
      assert.equal(came.compared, compared)
      assert.deepEqual([unknown(came.differences, Number(version)), came.hung, came.unhandled], [[], [], []])
    })
  }
})
