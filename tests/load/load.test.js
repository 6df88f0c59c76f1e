// What a guard costs a Node service under load, and what it saves while the upstream is sick, beside bare fetch and opossum in the same run. The
// cost is judged by the service's CPU time for each request: on a core that is busy with nothing else the rate is its reciprocal, and on a
// machine that has other work the rate is mostly that. It must not know how the services work.

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { CONNECTIONS, measure, median, share, spread } from './measure.js'
import { ROLES, SICK } from './processes.js'

const LIMIT = { timeout: 180_000 }
/** CPU time for a request that the guard may cost, and answers that it must give while open, against bare fetch. */
const MOST_COST = 0.03
const LEAST_GAIN = 10

const percent = (share) => `${(share * 100).toFixed(1)} %`

function print(when, turns) {
  for (const role of ROLES) {
    const [rate, cpu] = ['rate', 'cpu'].map((what) => median(turns[role].map((turn) => turn[what])))
    const shares = ['rate', 'cpu'].map((what) => share(turns, role, what))
    console.log(
      `load: ${when.padEnd(5)} ${role.padEnd(10)} ${rate.toFixed(0).padStart(6)} answers/s, ${shares[0].toFixed(2)} of bare; CPU ${cpu.toFixed(0)} µs each, ${shares[1].toFixed(3)} of bare`
    )
  }
}

describe('a service under load', LIMIT, () => {
  it(`costs at most ${percent(MOST_COST)} more CPU time guarded than bare, and what two bare ones differ by`, LIMIT, async () => {
    // A second time if need be: once in a while the machine has something else to do through most of the rounds.
    for (const isLast of [false, true]) {
      const turns = await measure('well')
      print('well', turns)
      const cost = share(turns, 'ours', 'cpu') - 1
      const noise = spread(turns, 'cpu')
      const what = `${percent(cost)} CPU by ours, ${percent(share(turns, 'opossum', 'cpu') - 1)} by opossum; two bare services differ by ${percent(noise)}`
      console.log(`load: well  costs ${what}. Ours may cost ${percent(MOST_COST)} and that difference`)
      if (cost <= MOST_COST + noise) return
      if (isLast) assert.fail(`it costs ${what}`)
    }
  })

  describe('while its upstream is sick', () => {
    let turns
    before(async () => {
      turns = await measure('sick')
      print('sick', turns)
      console.log(`load: sick  gives ${share(turns, 'ours', 'rate').toFixed(0)} times the answers by ours, at least ${LEAST_GAIN} are due; a bare one waits ${SICK} ms for each`)
    }, LIMIT)

    it(`gives at least ${LEAST_GAIN} times as many answers with an open circuit, none of them the upstream's`, () => {
      assert.ok(share(turns, 'ours', 'rate') >= LEAST_GAIN)
      assert.deepEqual(turns.ours.map(({ hits }) => hits), turns.ours.map(() => 0))
    })
    it('would give no more than it gets, unguarded: the ground of that comparison', () => {
      const most = (CONNECTIONS * 1000) / SICK
      for (const role of ['bare', 'bare again']) {
        for (const { rate, hits } of turns[role]) {
          assert.ok(rate > most / 2 && rate <= most, `${role} gives ${rate} answers/s`)
          assert.ok(hits > 0)
        }
        assert.ok(share(turns, role, 'rate') < 2)
      }
    })
  })
})
