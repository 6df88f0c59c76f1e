/**
 * The simulation in small: what a fleet has to gain and must not cost, and that docs/fleet.json has what is simulated. `npm run simulate` does all of it.
 *
 * Must not know: how a fleet comes to a verdict.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CircuitBreaker } from '../../../pkg/index.js'
import { background, badHosts, brownOut, outage } from './scenes.js'
import { FIGURES, PAGE, withTables } from './tables.js'
import { World } from './world.js'

const read = (path) => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8')
const figures = JSON.parse(read(FIGURES))

/** Between two numbers. */
const within = (value, least, most, what) => assert.ok(value >= least && value <= most, `${what}: ${value}`)

describe('a fleet', () => {
  test('of a thousand that call once in ten seconds each spares a sick upstream nine of ten requests', async () => {
    const alone = await outage({ replicas: 1000, rate: 0.1, hasFleet: false })
    const together = await outage({ replicas: 1000, rate: 0.1 })
    within(alone.hits, 4500, 7000, 'hits of each alone')
    within(together.hits, 300, 800, 'hits of the fleet')
    within(together.verdict, 2, 8, 'seconds to the verdict')
    within(together.recovery, 1, 20, 'seconds to all closed')
    assert.ok(alone.recovery > 2 * together.recovery)
    assert.equal(together.mostInTest, 1)
    within(together.tests, 5, 30, 'tests')
    assert.ok(alone.tests > 200)
    // 500 of a sample each 750 ms, and polls.
    within(together.peak, 100, 1200, 'scripts in a second')
    assert.equal(together.verdicts, 1)
  })

  test('that calls often trips as soon as its processes alone', async () => {
    const row = await outage({ replicas: 100, rate: 10 })
    within(row.verdict, 0, 2, 'seconds to the verdict')
    within(row.hits, 0, 650, 'hits')
  })

  test('opens nothing for failures that are always there', async () => {
    for (const errors of [0.001, 0.05, 0.2]) for (const rate of [0.1, 1]) assert.equal((await background({ replicas: 100, rate, errors }, 240)).verdicts, 0, `${errors} at ${rate}`)
  })

  test('opens nothing for four bad hosts in ten, and keeps nobody from calls who knows better', async () => {
    const few = await badHosts({ badHosts: 8 })
    assert.deepEqual([few.verdicts, few.refused], [0, 0])
    const many = await badHosts({ badHosts: 12 })
    assert.ok(many.verdicts > 0)
    within(many.refused, 0, 1, '% refused')
  })

  test('that lets go bit by bit does not overrun an upstream that is weak', async () => {
    const [none, five, ten] = await Promise.all([0, 5000, 10_000].map((spread) => brownOut({ replicas: 300, settings: { spread } })))
    assert.ok(none.failed > 1.5 * five.failed && none.failed > 100, `${none.failed}, ${five.failed}`)
    within(ten.failed, 0, none.failed / 10, 'failed calls at 10 s')
  })

  test('stands a bad network, and a store that is lost, dead, or has another time', async () => {
    for (const more of [{ newsLoss: 1 }, { loss: 0.2, newsLoss: 0.2 }, { delay: [20, 80] }, { churn: 2 }]) {
      const row = await outage({ replicas: 100, rate: 1, ...more })
      within(row.verdict, 0, 10, `seconds to the verdict with ${JSON.stringify(more)}`)
      within(row.recovery, 0, more.loss > 0 ? 45 : 20, `seconds to all closed with ${JSON.stringify(more)}`)
      assert.equal(row.mostInTest, 1)
    }
    for (const midway of [(world) => world.loseStore(), (world) => (world.storeClock += 3_600_000), (world) => (world.storeClock -= 3_600_000)]) {
      const row = await outage({ replicas: 100, rate: 1 }, { midway })
      within(row.recovery, 0, 25, 'seconds to all closed')
      assert.equal(row.verdicts, 1)
      assert.equal(row.mostInTest, 1)
    }
  })
})

describe('the simulation', () => {
  test('gives the same with the real breaker and with its model', async () => {
    const [real, model] = await Promise.all([CircuitBreaker, undefined].map((Breaker) => outage({ replicas: 50, rate: 1, Breaker })))
    assert.deepEqual(real, model)
  })

  test('gives the same twice, and something else with another seed', async () => {
    const run = async (seed) => {
      const world = new World({ replicas: 20, rate: 1, seed })
      await world.pass(20)
      world.capacity = 0
      await world.pass(20)
      world.end()
      return [world.total, world.states]
    }
    assert.deepEqual(await run(1), await run(1))
    assert.notDeepEqual(await run(1), await run(2))
  })

  test('gives what docs/fleet.json has: else run `npm run simulate`', async () => {
    for (const row of figures.outage.filter(({ replicas, rate }) => replicas <= 100 && rate <= 1)) {
      const { replicas, rate, hasFleet } = row
      assert.deepEqual(await outage({ replicas, rate, hasFleet }), row)
    }
    for (const row of figures.badHosts.filter(({ replicas }) => replicas === 20)) assert.deepEqual(await badHosts({ replicas: 20, rate: row.rate, badHosts: row.bad }), row)
  })

  test('is in the tables of its page', () => {
    const page = read(PAGE)
    assert.equal(withTables(page, figures), page)
    assert.notEqual(withTables(page, { ...figures, starts: [] }), page)
  })
})
