/**
 * A fleet of many processes in one: the fleet's own code, a register, breakers, and a clock, chance, a network and an upstream that are simulated. Nothing
 * waits: an outage of two minutes of ten thousand processes takes some seconds.
 *
 * Must not know: what ought to come of it.
 */
import * as registerCode from '../../../js/fleet/register.js'
import * as fleetCode from '../../../js/fleet/fleet.js'
import { numbers } from '../commands.js'
import { LOCALS, ModelBreaker, RealBreaker } from './breaker.js'
import { Queue } from './queue.js'

/** Lets promises go on. */
const rest = () => new Promise((resolve) => setImmediate(resolve))

/** The protocol's own code. A mutant is another one. */
export const OWN = { register: registerCode, fleet: fleetCode }

/**
 * @typedef {object} Scene
 * @property {number} replicas
 * @property {number} rate Calls of each in a second.
 * @property {number} [seed]
 * @property {boolean} [hasFleet] Default true.
 * @property {'row' | 'window'} [local] What the breakers are made with. Default `row`: with nothing, as the package has it.
 * @property {object} [settings] Of the fleet.
 * @property {any} [Breaker] The real class, with `ManualClock`; default: the model.
 * @property {any} [code] Default: {@link OWN}.
 * @property {number} [errors] Share of calls that fail though the upstream is well.
 * @property {number} [badHosts] How many processes get no answer while `areBad`, whatever the upstream is like.
 * @property {number} [bursts] So many calls does each bad host make, for each of a good one. Default 1.
 * @property {[number, number]} [delay] From a process to its store, and back: from, to, in ms. Default 0.5 to 2.
 * @property {number} [loss] Share of commands and of replies that are lost.
 * @property {number} [newsLoss] Share of news that is lost.
 * @property {number} [skew] Clocks of processes differ by up to so much, in ms; and they start anywhere. Default a day.
 * @property {number} [startWithin] Processes start within so long, in ms. Default one `poll`.
 * @property {number} [latency] How long a test takes, in ms. Default 50. Calls of closed circuits are over at once.
 * @property {number} [churn] So many processes a second die and are replaced.
 */

export class World {
  /** @param {Scene} scene */
  constructor(scene) {
    this.scene = { seed: 1, hasFleet: true, local: 'row', settings: {}, errors: 0, badHosts: 0, bursts: 1, delay: [0.5, 2], loss: 0, newsLoss: 0, skew: 86_400_000, startWithin: 15_000, churn: 0, latency: 50, ...scene, code: scene.code ?? OWN }
    this.queue = new Queue()
    this.random = numbers(this.scene.seed)
    this.processes = []
    this.listeners = new Set()
    this.isDirty = false
    /** The store: its state, whether it answers, and by how much its clock is off. */
    this.register = this.scene.code.register.EMPTY
    this.isStoreDead = false
    this.storeClock = 1_700_000_000_000
    /** What the upstream does with a call: undefined for well, 0 for nothing, or so many calls a second. @type {number | undefined} */
    this.capacity = undefined
    /** Whether the bad hosts are bad. */
    this.areBad = false
    this.slot = -1
    this.inSlot = 0
    this.seconds = []
    this.total = { calls: 0, hits: 0, failed: 0, refused: 0, scripts: 0, tests: 0, verdicts: 0, news: 0 }
    this.verdictAt = NaN
    this.inTest = 0
    this.mostInTest = 0
    this.healthy = { calls: 0, refused: 0 }
    /** Each state of the register that was seen: `[at, state]`. */
    this.states = []
    for (let i = 0; i < this.scene.replicas; i++) this.start(i, this.random() * this.scene.startWithin)
    if (this.scene.churn > 0) this.churn()
  }

  start(place, after) {
    const { queue, scene } = this
    const offset = this.random() * scene.skew
    const clock = { now: () => queue.now + offset }
    const breaker = scene.Breaker === undefined
      ? new ModelBreaker(clock, 'api', LOCALS[scene.local])
      : new RealBreaker(new scene.Breaker({ name: 'api', clock, random: this.random, ...LOCALS[scene.local] }))
    const process = { id: `p${place}-${Math.floor(this.random() * 1e6)}`, place, breaker, fleet: undefined, isBad: place < scene.badHosts, isDead: false }
    this.processes[place] = process
    if (scene.hasFleet) queue.after(after, () => this.#join(process, clock))
    return process
  }

  #join(process, clock) {
    if (process.isDead) return
    const { queue } = this
    process.fleet = this.scene.code.fleet.fleet({
      id: process.id,
      store: this.#storeOf(process),
      namespace: 'n',
      clock,
      random: this.random,
      timers: {
        set: (fn, ms, keepsProcess) => queue.after(ms, () => {
          // A call that waits, or a store that did not answer: promises go on.
          if (keepsProcess || ms === 2000) this.isDirty = true
          if (!process.isDead) fn()
        }),
        clear: (timer) => {
          if (timer !== undefined) timer.fn = undefined
        }
      },
      ...this.scene.settings
    })
    process.fleet.join(process.breaker)
  }

  /** As by `kill -9`. */
  kill(process) {
    process.isDead = true
    this.listeners.delete(process.listener)
  }

  churn() {
    this.queue.after(-Math.log(1 - this.random()) / this.scene.churn * 1000, () => {
      const place = Math.floor(this.random() * this.processes.length)
      this.kill(this.processes[place])
      this.start(place, 0)
      this.churn()
    })
  }

  /** The store's time. */
  get storeNow() {
    return Math.floor(this.storeClock + this.queue.now)
  }

  #way() {
    const [from, to] = this.scene.delay
    return from + (to - from) * this.random()
  }

  #storeOf(process) {
    return {
      run: (command, where) => {
        this.isDirty = true
        return new Promise((resolve, reject) => {
          if (process.isDead) return
          const late = (fn) => this.queue.after(this.#way(), () => {
            this.isDirty = true
            fn()
          })
          if (this.random() < this.scene.loss) return
          late(() => {
            if (this.isStoreDead) return late(() => reject(new Error('ECONNREFUSED')))
            const reply = this.run(command, where)
            if (this.random() < this.scene.loss) return
            late(() => process.isDead || resolve(where.names.map(() => reply)))
          })
        })
      },
      subscribe: (namespace, listener) => {
        const one = (process.listener = { process, listener })
        this.listeners.add(one)
        return () => this.listeners.delete(one)
      }
    }
  }

  /** One script of the store. */
  run(command, where) {
    const { code } = this.scene
    const before = this.register
    const { state, reply, news } = code.register.step(before, command, this.storeNow, where.random, where.settings)
    this.onStep?.(before, command, state, reply)
    this.register = state
    this.total.scripts += 1
    this.second().scripts += 1
    if (state.state !== before.state) {
      this.states.push([this.queue.now, state.state])
      if (state.state === 'open' && before.state === 'hearing') {
        this.total.verdicts += 1
        this.verdictAt = this.queue.now
      }
    }
    if (news) {
      const told = { ...reply, granted: 0 }
      this.total.news += 1
      for (const { process, listener } of this.listeners) {
        if (this.random() < this.scene.newsLoss) continue
        this.queue.after(this.#way(), () => {
          if (!process.isDead && !this.isStoreDead) listener('api', told)
        })
      }
    }
    return reply
  }

  /** It is there again, and knows nothing. */
  loseStore() {
    this.register = this.scene.code.register.EMPTY
  }

  second() {
    const at = Math.floor(this.queue.now / 1000)
    return (this.seconds[at] ??= { at, hits: 0, failed: 0, refused: 0, scripts: 0, closed: NaN })
  }

  /** Whether the upstream answers well. */
  #answers(process) {
    if (process.isBad && this.areBad) return false
    if (this.capacity === undefined) return this.scene.errors === 0 || this.random() >= this.scene.errors
    if (this.capacity === 0) return false
    // In tenths of seconds.
    const slot = Math.floor(this.queue.now / 100)
    if (slot !== this.slot) {
      this.slot = slot
      this.inSlot = 0
    }
    return ++this.inSlot <= this.capacity / 10
  }

  call(process) {
    const second = this.second()
    this.total.calls += 1
    if (!process.isBad) this.healthy.calls += 1
    const waits = process.breaker.call((isTest, done) => {
      this.total.hits += 1
      const now = this.second()
      now.hits += 1
      const isWell = this.#answers(process)
      if (!isWell) {
        this.total.failed += 1
        now.failed += 1
      }
      if (!isTest) return done(isWell)
      this.total.tests += 1
      if (!process.isDead) this.mostInTest = Math.max(this.mostInTest, ++this.inTest)
      this.queue.after(this.scene.latency, () => {
        this.isDirty = true
        this.inTest -= 1
        if (!process.isDead) done(isWell)
      })
    }, () => {
      this.total.refused += 1
      if (!process.isBad) this.healthy.refused += 1
      this.second().refused += 1
    })
    if (waits) this.isDirty = true
    return second
  }

  /** Share of the processes whose circuit is closed. */
  closed() {
    let closed = 0
    for (const { breaker } of this.processes) if (breaker.state === 'closed') closed += 1
    return closed / this.processes.length
  }

  /**
   * Has time pass.
   *
   * @param {number} seconds
   * @param {object} [options]
   * @param {() => boolean} [options.until] Asked each quarter of a second; ends it.
   */
  async pass(seconds, { until } = {}) {
    const { queue, scene, processes } = this
    const end = queue.now + seconds * 1000
    // Calls of all come as those of one that calls as often, each by anybody: the same, and no timer for each.
    const weights = processes.length + scene.badHosts * (scene.bursts - 1)
    const pause = 1000 / (weights * scene.rate)
    const next = () => queue.now - Math.log(1 - this.random()) * pause
    let callAt = next()
    let lookAt = queue.now
    for (;;) {
      const at = Math.min(queue.next, callAt, lookAt)
      if (at > end) break
      if (at === lookAt) {
        queue.now = at
        lookAt += 250
        const closed = this.closed()
        this.second().closed = closed
        if (until?.()) return queue.now
      } else if (at === callAt) {
        queue.now = at
        const draw = Math.floor(this.random() * weights)
        this.call(processes[draw < processes.length ? draw : (draw - processes.length) % scene.badHosts])
        callAt = next()
      } else {
        queue.step()
      }
      if (this.isDirty) {
        this.isDirty = false
        await rest()
      }
    }
    queue.now = end
    return queue.now
  }

  /** No more than this scene; what it left goes. */
  end() {
    for (const process of this.processes) this.kill(process)
  }
}
