// Registers one test for each trace that a layer replays, and one that prints what it does not. It must not know the layer.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { load } from './load.js'
import { reasonNotTo, replay } from './replay.js'

/**
 * @param {string} layer Its name in the plan.
 * @param {(options: object, start: number, entry: object) => import('./replay.js').Adapter} makeAdapter
 */
export function replayAll(layer, makeAdapter) {
  const { plan, traces } = load()
  const standing = traces.map((trace) => ({ trace, reason: reasonNotTo(plan, trace, layer) }))
  let replayed = 0
  let expectations = 0

  describe(`traces of other circuit breakers, in the ${layer}`, () => {
    for (const { trace } of standing.filter(({ reason }) => reason === undefined)) {
      it(`${trace.id} goes as in ${trace.source}`, async () => {
        const { compared, wrong } = await replay(plan, trace, makeAdapter)
        assert.deepEqual(wrong, [])
        assert.ok(compared > 0, 'the trace expects nothing that was compared')
        replayed++
        expectations += compared
      })
    }

    it('every trace has a plan, and some were replayed', (t) => {
      for (const { trace, reason } of standing) {
        if (reason !== undefined) t.diagnostic(`not replayed: ${trace.id}: ${reason}`)
      }
      t.diagnostic(`traces replayed in the ${layer}: ${replayed}, with ${expectations} expectations`)
      assert.ok(replayed > 0, 'nothing was replayed')
    })
  })
}
