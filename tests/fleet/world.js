/**
 * A fleet whose processes are in one: real breakers, a real register, and a clock, timers, chance and a way to the store that the test has in hand.
 *
 * Must not know: what is tested.
 */
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { fleet, memoryStore } from '../../pkg/fleet.js'
import { numbers } from './commands.js'

/** Lets promises go on. */
const rest = () => new Promise((resolve) => setImmediate(resolve))

export class World {
  /**
   * @param {object} [options]
   * @param {number} [options.processes]
   * @param {object} [options.breaker] Options of each process's breaker.
   * @param {object} [options.fleet] Options of each process's fleet.
   * @param {number} [options.seed]
   */
  constructor({ processes = 0, breaker = {}, fleet: options = {}, seed = 1 } = {}) {
    this.clock = new ManualClock(1_000_000)
    this.random = numbers(seed)
    this.options = { breaker, fleet: options }
    /** @type {{ at: number, fn: () => void }[]} */
    this.timers = []
    /** What the store does: `well`, `dead` (rejects), `deaf` (never answers), and whether news arrive. */
    this.store = 'well'
    this.hasNews = true
    this.server = memoryStore({ clock: this.clock })
    this.sent = []
    /** What the upstream got. */
    this.hits = 0
    this.failed = 0
    this.inTest = 0
    this.mostInTest = 0
    this.isIll = false
    this.processes = []
    for (let i = 0; i < processes; i++) this.start()
  }

  timersOf() {
    return {
      set: (fn, ms) => {
        const timer = { at: this.clock.now() + ms, fn }
        this.timers.push(timer)
        return timer
      },
      clear: (timer) => {
        this.timers = this.timers.filter((one) => one !== timer)
      }
    }
  }

  /** What a process sees of the store. */
  storeOf() {
    return {
      run: async (command, where) => {
        this.sent.push(command.type)
        if (this.store === 'dead') throw new Error('ECONNREFUSED')
        if (this.store === 'deaf') await new Promise(() => {})
        return this.server.run(command, where)
      },
      subscribe: (namespace, listener) => {
        const tell = (name, reply) => this.hasNews && this.store === 'well' && listener(name, reply)
        let end = this.server.subscribe(namespace, tell)
        const again = () => {
          end()
          end = this.server.subscribe(namespace, tell)
        }
        this.resubscribe.add(again)
        return () => {
          this.resubscribe.delete(again)
          end()
        }
      }
    }
  }

  resubscribe = new Set()

  /** The store is gone, and another one there, which knows nothing. */
  loseStore() {
    this.server = memoryStore({ clock: this.clock })
    for (const again of this.resubscribe) again()
  }

  fleetOf(more = {}) {
    return fleet({
      store: this.storeOf(), namespace: 'world', clock: this.clock, random: this.random, timers: this.timersOf(), id: `p${this.processes.length}`, ...this.options.fleet, ...more
    })
  }

  /** One more process. */
  start(more = {}) {
    const breaker = new CircuitBreaker({ name: 'api', clock: this.clock, failureThreshold: 1000, ...this.options.breaker, ...more.breaker })
    const process = { breaker, fleet: this.fleetOf(more.fleet), isIll: undefined, refused: 0, done: 0 }
    process.fleet.join(breaker)
    this.processes.push(process)
    return process
  }

  /** One call of a process. */
  async call(process, { takes = 0 } = {}) {
    try {
      await process.breaker.call(async () => {
        this.hits += 1
        const isTest = process.breaker.state === 'half_open'
        if (isTest) this.mostInTest = Math.max(this.mostInTest, ++this.inTest)
        if (takes > 0) await new Promise((resolve) => this.timers.push({ at: this.clock.now() + takes, fn: resolve }))
        if (isTest) this.inTest -= 1
        if (process.isIll ?? this.isIll) {
          this.failed += 1
          throw new Error('ill')
        }
      })
      process.done += 1
    } catch (error) {
      if (error.code === 'ERR_CIRCUIT_OPEN') process.refused += 1
      else if (error.message !== 'ill') throw error
    }
  }

  /**
   * Has time pass, timer by timer. Each process calls so many times a second, by chance.
   *
   * @param {number} ms
   * @param {number} [rate]
   * @param {object} [options] Of the calls.
   */
  async pass(ms, rate = 0, options) {
    const end = this.clock.now() + ms
    const calls = []
    for (const process of this.processes) {
      for (let at = this.clock.now(); rate > 0;) {
        at += -Math.log(1 - this.random()) / rate * 1000
        if (at > end) break
        calls.push({ at, fn: () => void this.call(process, options) })
      }
    }
    this.timers.push(...calls)
    for (;;) {
      await rest()
      this.timers.sort((a, b) => a.at - b.at)
      if (this.timers.length === 0 || this.timers[0].at > end) break
      const { at, fn } = this.timers.shift()
      this.clock.set(Math.max(at, this.clock.now()))
      fn()
    }
    this.clock.set(end)
    await rest()
  }

  /** How many breakers are in each state. */
  states() {
    const counts = {}
    for (const { breaker } of this.processes) counts[breaker.state] = (counts[breaker.state] ?? 0) + 1
    return counts
  }
}
