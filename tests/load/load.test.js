// What a guard costs a Node service under load, and what it saves while the upstream is sick, beside bare fetch and opossum in the same run. The
// cost is judged by the service's CPU time for each request: on a core that is busy with nothing else the rate is its reciprocal, and on a
// machine that has other work the rate is mostly that. It must not know how the services work.

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { CONNECTIONS, costOf, cpuOf, gainOf, mean, measure, median, noiseOf } from './measure.js'
import { ROLES, SICK } from './processes.js'

const LIMIT = { timeout: 300_000 }
/** CPU time for a request that the guard is to cost at most, and answers that it must give while open, against bare fetch. */
const AIM = 0.02
/**
 * What is a regression and not the machine: on a shared one the aim itself can't be told from noise. Five runs of this test said −6.5, −0.4, 1.7, 1.8
 * and 7.7 %: one pair of processes differs from the next by more than the guard costs.
 */
const MOST_COST = 0.075
const LEAST_GAIN = 10

/** How many times all services are started anew, for the cost: two processes of one program differ by some percent. */
const SETS = 3
/** When it seems to cost too much, as much again is measured, this many times at most, and all of it is judged. */
const ATTEMPTS = 4

const percent = (share) => `${(share * 100).toFixed(1)} %`
const rateOf = (sets, role) => `${median(sets.flatMap((turns) => turns[role].map(({ rate }) => rate))).toFixed(0).padStart(6)} answers/s`

describe('a service under load', LIMIT, () => {
  it(`costs at most ${percent(MOST_COST)} more CPU time guarded than bare, and what two bare ones differ by`, LIMIT, async () => {
    const sets = []
    for (let attempt = 1; ; attempt++) {
      for (let n = 0; n < SETS; n++) sets.push(await measure('well'))
      const costs = (role) => sets.map((turns) => costOf(turns, role))
      for (const role of ROLES) {
        const cpu = mean(sets.map((turns) => cpuOf(turns[role])))
        console.log(`load: well, ${role.padEnd(10)} ${rateOf(sets, role)}, CPU ${cpu.toFixed(0)} µs each, ${percent(median(costs(role)))} above bare (${costs(role).map(percent).join(', ')})`)
      }
      const cost = median(costs('ours'))
      const noise = mean(sets.map(noiseOf))
      const told = `ours costs ${percent(cost)} CPU, aim ${percent(AIM)}; it may cost ${percent(MOST_COST)} and what two bare services differ by, ${percent(noise)} (${sets.map(noiseOf).map(percent).join(', ')})`
      console.log(`load: ${told}`)
      if (cost <= MOST_COST + noise) return
      if (attempt === ATTEMPTS) assert.fail(told)
    }
  })

  describe('while its upstream is sick', () => {
    let turns
    before(async () => {
      turns = await measure('sick')
      for (const role of ROLES) console.log(`load: sick, ${role.padEnd(10)} ${rateOf([turns], role)}, ${gainOf(turns, role).toFixed(1)} times bare`)
      console.log(`load: ours gives ${gainOf(turns, 'ours').toFixed(0)} times the answers while open, at least ${LEAST_GAIN} are due; bare ones take ${SICK} ms each`)
    }, LIMIT)

    it(`gives at least ${LEAST_GAIN} times as many answers with an open circuit, none of them the upstream's`, () => {
      assert.ok(gainOf(turns, 'ours') >= LEAST_GAIN)
      assert.deepEqual(turns.ours.map(({ hits }) => hits), turns.ours.map(() => 0))
    })
    it('would give no more than it gets without a breaker, which is what that compares with', () => {
      const most = (CONNECTIONS * 1000) / SICK
      for (const role of ['bare', 'bare again']) {
        for (const { rate, hits } of turns[role]) {
          assert.ok(rate <= most, `${role} gives ${rate} answers/s`)
          assert.ok(hits > 0)
        }
        assert.ok(gainOf(turns, role) < LEAST_GAIN)
      }
    })
  })
})
