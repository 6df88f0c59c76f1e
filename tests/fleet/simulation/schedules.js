/**
 * A fleet under a random schedule of faults, with its own code: the network loses, delays and reorders, the store dies, comes back, forgets all, its clock
 * jumps, processes die in their tests. Then all is well again, and so must the fleet be.
 *
 * Must not know: what a fleet does about it.
 */
import { numbers } from '../commands.js'
import { World } from './world.js'

/** Longer than any verdict is held without news, and a local breaker open. */
const HEALING = 150

/**
 * @param {number} seed
 * @param {any} [code]
 * @returns {Promise<string | undefined>} What is wrong.
 */
export async function live(seed, code) {
  const random = numbers(seed)
  const below = (n) => Math.floor(random() * n)
  const replicas = 3 + below(12)
  const world = new World({ code, seed, replicas, rate: [0.5, 1, 3, 10][below(4)], local: random() < 0.5 ? 'row' : 'window', latency: [20, 200, 4000][below(3)], badHosts: below(replicas) })
  const plan = []
  await world.pass(16 + below(20))
  for (let i = 0; i < 12; i++) {
    const [what, act] = [
      ['ill', () => (world.capacity = 0)],
      ['ill', () => (world.capacity = 0)],
      ['well', () => (world.capacity = undefined)],
      ['loss', () => (world.scene.loss = random() * 0.5)],
      ['news lost', () => (world.scene.newsLoss = random() < 0.5 ? 1 : random())],
      ['slow', () => (world.scene.delay = [1, 1 + below(800)])],
      ['dead', () => (world.isStoreDead = true)],
      ['alive', () => (world.isStoreDead = false)],
      ['forgets', () => world.loseStore()],
      ['clock', () => (world.storeClock += (random() - 0.5) * 200_000)],
      ['killed', () => {
        // Who tests, by choice.
        const place = Math.max(below(replicas), world.processes.findIndex(({ id }) => id === world.register.holder))
        world.kill(world.processes[place])
        world.start(place, 0)
      }],
      ['a host is bad', () => (world.areBad = !world.areBad)]
    ][below(12)]
    plan.push(what)
    act()
    await world.pass(random() ** 2 * 30)
  }
  Object.assign(world.scene, { loss: 0, newsLoss: 0, delay: [0.5, 2] })
  Object.assign(world, { capacity: undefined, isStoreDead: false, areBad: false })
  const tests = world.total.tests
  await world.pass(HEALING)
  const closed = world.closed()
  const known = new Set(world.processes.map(({ fleet }) => fleet.status('api').epoch))
  world.end()
  const wrongs = []
  if (closed < 1) wrongs.push(`${Math.round((1 - closed) * replicas)} of ${replicas} are not closed, ${world.total.tests - tests} tests, the register is ${world.register.state}`)
  if (!['quiet', 'closed', 'suspicion'].includes(world.register.state)) wrongs.push(`the register is ${world.register.state}`)
  if (known.size > 1) wrongs.push(`epochs ${[...known]}, the register has ${world.register.epoch}`)
  return wrongs.length === 0 ? undefined : `${wrongs.join('; ')} (seed ${seed}: ${plan.join(', ')})`
}
