/**
 * What the simulation is asked: an outage, errors that are always there, bad hosts, an upstream that comes back weak, a bad network, a store that is lost.
 * Each scene answers with its figures.
 *
 * Must not know: which figures are good.
 */
import { World } from './world.js'

/** Two polls long, so that the register knows how many listen. */
const WARM_UP = 31
const OUTAGE = 120

/** Times in seconds, to a tenth; NaN is null. */
const round = (value, digits = 1) => Number.isFinite(value) ? Number(value.toFixed(digits)) : null

const scriptsIn = (world, from, to) => world.seconds.slice(Math.ceil(from / 1000), Math.floor(to / 1000)).map((second) => second?.scripts ?? 0)
const most = (list) => list.reduce((one, other) => Math.max(one, other), 0)
const mean = (list) => list.length === 0 ? 0 : list.reduce((one, other) => one + other, 0) / list.length

/**
 * The upstream answers nothing for two minutes.
 *
 * @param {Partial<import('./world.js').Scene>} scene
 * @param {object} [options]
 * @param {(world: World) => void} [options.midway] Done after the first of the two minutes.
 * @param {(world: World) => void} [options.later] Done 20 s after that.
 */
export async function outage(scene, { midway, later } = {}) {
  const world = new World(/** @type {any} */ ({ replicas: 100, rate: 1, ...scene }))
  await world.pass(WARM_UP)
  const quiet = world.total.scripts
  const ill = world.queue.now
  const before = { ...world.total }
  world.capacity = 0
  if (midway === undefined) await world.pass(OUTAGE)
  else {
    await world.pass(OUTAGE / 2)
    midway(world)
    await world.pass(20)
    later?.(world)
    await world.pass(OUTAGE / 2 - 20)
  }
  const hits = world.total.hits - before.hits
  const tests = world.total.tests - before.tests
  const verdict = (world.verdictAt - ill) / 1000
  const open = 1 - world.closed()
  const well = world.queue.now
  world.capacity = undefined
  let allAt = NaN
  const isClosed = () => world.closed() >= 0.95
  // What never opened did not recover.
  if (!isClosed()) allAt = await world.pass(150, { until: isClosed })
  const recovery = isClosed() ? (allAt - well) / 1000 : NaN
  const scripts = scriptsIn(world, ill, well)
  // For the picture, from ten seconds before the outage to twenty after it.
  if (world.queue.now < well + 20_000 && world.scene.rate === 0.1) await world.pass((well + 20_000 - world.queue.now) / 1000)
  world.end()
  const series = scriptsIn(world, ill - 10_000, well + 20_000)
  const { replicas, rate, hasFleet } = world.scene
  return {
    replicas, rate, hasFleet, hits, verdict: round(verdict), open: round(open * 100), recovery: round(recovery),
    tests, mostInTest: world.mostInTest, quiet: round(quiet / WARM_UP), peak: most(scripts), inOutage: round(mean(scripts)), verdicts: world.total.verdicts, ...(hasFleet && rate === 0.1 ? { series } : {})
  }
}

/** The upstream is well, and a share of calls fails all the same. */
export async function background(scene, seconds = 300) {
  const world = new World(/** @type {any} */ ({ replicas: 100, rate: 1, ...scene }))
  await world.pass(seconds)
  world.end()
  const { replicas, rate, errors } = world.scene
  const scripts = scriptsIn(world, WARM_UP * 1000, seconds * 1000)
  return { replicas, rate, errors, seconds, calls: world.total.calls, verdicts: world.total.verdicts, refused: round(world.total.refused / world.total.calls * 100, 2), scripts: round(mean(scripts)), peak: most(scripts) }
}

/** Some processes get no answer from some moment on, though the upstream is well. */
export async function badHosts(scene, seconds = 180) {
  const world = new World(/** @type {any} */ ({ replicas: 20, rate: 2, ...scene }))
  await world.pass(WARM_UP)
  world.areBad = true
  world.healthy = { calls: 0, refused: 0 }
  await world.pass(seconds)
  world.end()
  const { replicas, rate, badHosts: bad, bursts } = world.scene
  return { replicas, rate, bad, share: round(bad / replicas * 100), bursts, verdicts: world.total.verdicts, refused: round(world.healthy.refused / world.healthy.calls * 100, 1) }
}

/** How long an upstream takes from its first answer to its whole capacity, in ms. */
const COLD = 10_000

/**
 * After an outage the upstream comes back at a fifth of its capacity, and has the rest within ten seconds of its first answer. Its whole capacity is one and
 * a half times what it is asked.
 */
export async function brownOut(scene) {
  const world = new World(/** @type {any} */ ({ replicas: 1000, rate: 1, ...scene }))
  await world.pass(WARM_UP)
  world.capacity = 0
  await world.pass(60)
  const whole = world.scene.replicas * world.scene.rate * 1.5
  const before = world.total.failed
  const back = world.queue.now
  world.capacity = whole * 0.2
  const answered = world.total.hits - world.total.failed
  let first = NaN
  const seconds = []
  let had = before
  for (let i = 0; i < 180; i++) {
    await world.pass(0.5)
    if (Number.isNaN(first) && world.total.hits - world.total.failed > answered) first = world.queue.now
    if (first > 0) world.capacity = whole * Math.min(1, 0.2 + 0.8 * (world.queue.now - first) / COLD)
    seconds.push({ failed: world.total.failed - had, closed: round(world.closed(), 3) })
    had = world.total.failed
  }
  world.end()
  const worst = most(seconds.map(({ failed }) => failed)) * 2
  const at = seconds.findLastIndex(({ closed }) => closed < 0.95) + 1
  return {
    replicas: world.scene.replicas, rate: world.scene.rate, hasFleet: world.scene.hasFleet, spread: world.scene.settings.spread ?? 5000, failed: world.total.failed - before, worst,
    verdicts: world.total.verdicts, recovery: at === seconds.length ? null : round(at / 2), seconds, back: round(back / 1000)
  }
}

/** What the store is asked by a fleet that is well, all of whose processes started within so long. */
export async function starts(scene) {
  const world = new World(/** @type {any} */ ({ replicas: 1000, rate: 0.1, ...scene }))
  await world.pass(76)
  world.end()
  const scripts = scriptsIn(world, 46_000, 76_000)
  return { replicas: world.scene.replicas, startWithin: world.scene.startWithin, scripts: round(mean(scripts)), peak: most(scripts) }
}

/** All that `npm run simulate` asks, by table. `log` is told of each answer. */
export async function all({ Breaker, log = () => {}, sizes = [10, 100, 1000, 10_000] }) {
  const tables = {}
  const table = async (name, scene, list) => {
    tables[name] = []
    for (const args of list) {
      const began = Date.now()
      const row = await scene(...args)
      tables[name].push(row)
      log(name, row, Date.now() - began)
    }
  }
  const real = (replicas) => replicas <= 100 ? Breaker : undefined
  await table('outage', outage, sizes.flatMap((replicas) => [0.01, 0.1, 1, 10].flatMap((rate) => [false, true].map((hasFleet) => [{ replicas, rate, hasFleet, Breaker: real(replicas) }]))))
  await table('background', background, [100, 1000].flatMap((replicas) => [0.1, 1].flatMap((rate) => [0.001, 0.01, 0.05, 0.1, 0.2].map((errors) => [{ replicas, rate, errors }, replicas === 100 ? 900 : 240]))))
  await table('badHosts', badHosts, [20, 100].flatMap((replicas) => [0.3, 2].flatMap((rate) => [0.05, 0.2, 0.4, 0.45, 0.5, 0.6, 0.75].map((share) => [{ replicas, rate, badHosts: Math.round(share * replicas) }]))))
  await table('brownOut', brownOut, [[{ hasFleet: false }], ...[0, 2500, 5000, 10_000].map((spread) => [{ settings: { spread } }])])
  await table('network', async (scene) => ({ ...pick(scene), ...(await outage(scene)) }), [
    {}, { newsLoss: 0.5 }, { newsLoss: 1 }, { loss: 0.05 }, { loss: 0.2, newsLoss: 0.2 }, { delay: [20, 80] }, { delay: [50, 400] }, { delay: [300, 400] }, { newsLoss: 1, settings: { loose: true } },
    { delay: [20, 80], settings: { loose: true } }, { churn: 2 }
  ].map((more) => [{ replicas: 100, rate: 1, ...more }]))
  await table('store', async (what, scene, options) => ({ what, ...(await outage(scene, options)) }), [
    ['well', {}, undefined],
    ['restarted empty', {}, { midway: (world) => world.loseStore() }],
    ['dead for 20 s', {}, { midway: (world) => (world.isStoreDead = true), later: (world) => (world.isStoreDead = false) }],
    ['dead to the end', {}, { midway: (world) => (world.isStoreDead = true) }],
    ['dead for 20 s, then empty', {}, {
      midway: (world) => (world.isStoreDead = true),
      later: (world) => {
        world.isStoreDead = false
        world.loseStore()
      }
    }],
    ['its clock an hour ahead', {}, { midway: (world) => (world.storeClock += 3_600_000) }],
    ['its clock an hour behind', {}, { midway: (world) => (world.storeClock -= 3_600_000) }]
  ])
  await table('starts', starts, sizes.slice(2).flatMap((replicas) => [1000, 15_000].map((startWithin) => [{ replicas, startWithin }])))
  return tables
}

const pick = ({ newsLoss = 0, loss = 0, delay = [0.5, 2], churn = 0, settings = {} }) => ({ newsLoss, loss, delay, churn, loose: settings.loose === true })
