/**
 * A fleet under random schedules of faults: whatever happened, it heals. `HALFOPEN_SEED` and `HALFOPEN_LIVES` say which and how many, as for other random
 * tests.
 *
 * Must not know: what a fleet does about a fault.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { live } from './schedules.js'

const SEED = Number(process.env.HALFOPEN_SEED ?? 1)
const LIVES = 100 * Number(process.env.HALFOPEN_LIVES ?? 1)

test('whatever the network, the store, the upstream and hosts did, all circuits are closed again once all is well', async () => {
  for (let seed = SEED; seed < SEED + LIVES; seed++) assert.equal(await live(seed), undefined)
})
