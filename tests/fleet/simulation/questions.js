/**
 * Small simulations with an answer: what a fleet must do, and what is wrong if it does not. Each takes about a second.
 *
 * Must not know: why it is so.
 */
import { live } from './schedules.js'
import { World } from './world.js'

/** @typedef {(code: any) => Promise<string | undefined>} Question Answers what is wrong. */

/** What is wrong, of a list of what has to be. */
const wrong = (/** @type {Record<string, boolean>} */ list) => Object.keys(list).filter((what) => !list[what]).join('; ') || undefined

/** Two polls, so that the register knows how many listen. */
async function warm(scene) {
  const world = new World(scene)
  await world.pass(31)
  return world
}

const isClosed = (world) => () => world.closed() === 1

/** The upstream is ill for a minute. */
async function ill(scene, { midway, seconds = 60 } = {}) {
  const world = await warm(scene)
  const hits = world.total.hits
  const began = world.queue.now
  world.capacity = 0
  await world.pass(seconds / 2)
  midway?.(world)
  await world.pass(seconds / 2)
  world.capacity = undefined
  const well = world.queue.now
  const hitsInOutage = world.total.hits - hits
  const recovered = await world.pass(120, { until: isClosed(world) })
  world.end()
  return { world, hits: hitsInOutage, verdict: (world.verdictAt - began) / 1000, recovery: world.closed() === 1 ? (recovered - well) / 1000 : NaN }
}

/** @type {Record<string, Question>} */
export const QUESTIONS = {
  /** All see it within ten seconds, a test at a time is made, and it is over for all. */
  outage: async (code) => {
    const { world, hits, verdict, recovery } = await ill({ code, replicas: 20, rate: 1 })
    return wrong({ [`verdict after ${verdict} s`]: verdict < 10, [`${hits} hits`]: hits < 200, [`closed after ${recovery} s`]: recovery < 18, 'two tests at once': world.mostInTest === 1 })
  },
  /** A fifth of the hosts is bad and makes fifty times as many calls as the others. */
  'loud hosts': async (code) => {
    const world = await warm({ code, replicas: 20, rate: 0.1, badHosts: 4, bursts: 50 })
    world.areBad = true
    await world.pass(120)
    world.end()
    return wrong({ 'one fifth opened the circuit of all': world.total.verdicts === 0 })
  },
  /** A fifth of the hosts is bad, and no question reaches anybody but with answers. */
  'bad hosts': async (code) => {
    const world = await warm({ code, replicas: 20, rate: 2, badHosts: 4, newsLoss: 1 })
    world.areBad = true
    await world.pass(120)
    world.end()
    return wrong({ 'one fifth opened the circuit of all': world.total.verdicts === 0 })
  },
  /** More than half of the hosts are bad, the others see that they are not. */
  'another zone': async (code) => {
    const world = await warm({ code, replicas: 20, rate: 2, badHosts: 12 })
    world.areBad = true
    world.healthy = { calls: 0, refused: 0 }
    await world.pass(60)
    world.end()
    return wrong({ [`${world.healthy.refused} calls of healthy hosts refused`]: world.healthy.refused < world.healthy.calls / 100, 'no verdict': world.total.verdicts > 0 })
  },
  /** What comes back weak is not overrun. */
  'brown-out': async (code) => {
    const world = await warm({ code, replicas: 300, rate: 1 })
    world.capacity = 0
    await world.pass(20)
    const { failed, hits } = world.total
    const well = hits - failed
    world.capacity = 90
    for (let since = 0; since < 20; since += 0.5) {
      await world.pass(0.5)
      if (world.total.hits - world.total.failed === well) since = -0.5
      else world.capacity = 450 * Math.min(1, 0.2 + 0.08 * since)
      if (world.queue.now > 120_000) break
    }
    world.end()
    return wrong({ [`${world.total.failed - failed} failed`]: world.total.failed - failed < 100 })
  },
  /** Messages that overtake each other take nobody back. */
  network: async (code) => {
    const world = await warm({ code, replicas: 30, rate: 2, delay: [1, 110] })
    let back = 0
    for (const { fleet } of world.processes) {
      let last = 0
      fleet.addEventListener('verdict', ({ detail: { epoch } }) => {
        if (epoch < last) back += 1
        last = epoch
      })
    }
    for (let i = 0; i < 4; i++) {
      world.capacity = 0
      await world.pass(15)
      world.capacity = undefined
      await world.pass(40)
    }
    world.end()
    return wrong({ [`${back} times an epoch went back`]: back === 0, 'not closed': world.closed() === 1 })
  },
  /** A store that lost all hears what it was. */
  'lost store': async (code) => {
    const { world, recovery } = await ill({ code, replicas: 4, rate: 2 }, {
      midway: (one) => {
        // Again and again, until each process has had its turn.
        for (let i = 0; i < 8; i++) one.queue.after(i * 3500, () => one.loseStore())
      }
    })
    const epochs = new Set(world.processes.map(({ fleet }) => fleet.status('api').epoch))
    return wrong({ 'another verdict': world.total.verdicts === 1, [`closed after ${recovery} s`]: recovery < 25, [`epochs ${[...epochs]}`]: epochs.size === 1 && epochs.has(world.register.epoch) })
  },
  /** However long a message takes, one call at a time tests. */
  'one test': async (code) => {
    const { world } = await ill({ code, replicas: 50, rate: 5, delay: [20, 80] })
    return wrong({ [`${world.mostInTest} tests at once`]: world.mostInTest === 1, 'no test': world.total.tests > 3 })
  },
  /** A test that takes longer than its lease keeps it. */
  'long test': async (code) => {
    const { world, recovery } = await ill({ code, replicas: 50, rate: 5, latency: 5000 })
    return wrong({ [`${world.mostInTest} tests at once`]: world.mostInTest === 1, [`closed after ${recovery} s`]: recovery < 60 })
  },
  /** Few ask for the test. */
  load: async (code) => {
    const world = await warm({ code, replicas: 300, rate: 3, delay: [20, 80] })
    let claims = 0
    let granted = 0
    world.onStep = (before, command, after, reply) => {
      if (command.type !== 'claim') return
      claims += 1
      granted += reply.granted
    }
    world.capacity = 0
    await world.pass(60)
    world.end()
    return wrong({ [`${claims} asked for ${granted} tests`]: claims <= 4 * granted && granted > 2 })
  },
  /** After any faults whatever, all is well again once all is well. */
  schedules: async (code) => {
    for (let seed = 1; seed <= 20; seed++) {
      const what = await live(seed, code)
      if (what !== undefined) return what
    }
    return undefined
  },
  /** A store that is no more holds nobody. */
  'dead store': async (code) => {
    const { recovery } = await ill({ code, replicas: 20, rate: 1, local: 'window' }, { midway: (one) => (one.isStoreDead = true) })
    return wrong({ [`closed after ${recovery} s`]: recovery < 30 })
  }
}
