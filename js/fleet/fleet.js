/**
 * A fleet as one process sees it: which breakers joined it, its one timer, and its store at arm's length.
 *
 * Must not know: what a verdict is made of, any store, any class of breakers.
 */
import { misuse, optionError, show } from '../base/misuse.js'
import { emit, Target } from '../base/target.js'
import { countsOf, readingOf } from './evidence.js'
import { Member } from './member.js'
import { isReply } from './register.js'
import { settingsOf } from './settings.js'

/** @import { Clock, ListenerOptions } from '../base/types.js' */
/** @import { CircuitBreakerEvent, HostEvent } from '../base/host-types.js' */
/** @import { Command, FleetMode, FleetState, Reply } from './register.js' */
/** @import { FleetSettings } from './settings.js' */
/** @import { FleetStore } from './stores/store.js' */
/** @import { Part } from './member.js' */

/**
 * @typedef {object} FleetTimers Timers of a host, or of a test.
 * @property {(fn: () => void, ms: number, keepsProcess: boolean) => unknown} set Calls `fn` after so many ms, once. `keepsProcess`: a call waits for it, for
 *   `claimTimeout` at most, or who switches by hand; else a process may end meanwhile.
 * @property {(timer: any) => void} clear
 */

/**
 * @typedef {object} FleetOwnOptions
 * @property {FleetStore} store Where the register is: `redisStore(…)`, `memoryStore(…)`.
 * @property {string} namespace Which fleet it is: 1 to 100 letters, digits, `.`, `_`, `-` and `:`. The same in all its processes.
 * @property {string | undefined} [id] What this process is called in the register, another one in each: 1 to 100 characters. Default: random.
 * @property {boolean | undefined} [loose] Whether a call that may be the fleet's test starts at once, and does not wait until it is known to be the
 *   only one. Default false. `callSync` and `acquire` never wait.
 * @property {number | undefined} [claimTimeout] So long at most such a call waits, 1 to 60000 ms. Default 250.
 * @property {number | undefined} [testTimeout] A test that takes longer gives its place up, 1 to 86400000 ms. Default 30000.
 * @property {Clock | undefined} [clock] Default: `performance`.
 * @property {(() => number) | undefined} [random] Numbers from 0 up to 1. Default: `Math.random`.
 * @property {FleetTimers | undefined} [timers] Default: the host's.
 */

/** @typedef {FleetOwnOptions & { [K in keyof FleetSettings]?: number | undefined }} FleetOptions What a fleet is made with. The numbers of its rule are to be the same in all processes. */

/**
 * @typedef {object} JoinOptions
 * @property {((breaker: any, key: unknown) => string | undefined) | undefined} [name] Under which name a breaker is known to the fleet. Default: its own
 *   name, or else the text of its key. What answers no text, or an empty one, leaves it out. At most 500 characters; more are cut.
 */

/**
 * @typedef {object} FleetVerdict
 * @property {string} name
 * @property {FleetState} state `closed` and before: nobody is held. `open`, `due`, `testing`: all are.
 * @property {FleetState | undefined} from What it was; undefined where nothing was known.
 * @property {FleetMode} mode What is switched by hand.
 * @property {number} epoch The number of the verdict.
 */

/**
 * @typedef {object} FleetStatus
 * @property {string} name
 * @property {FleetState | undefined} state Of the register, as it was heard last; undefined before that.
 * @property {FleetMode} mode
 * @property {number} epoch
 * @property {number} breakers How many joined under this name.
 * @property {boolean} isHeld Whether they are held open.
 * @property {boolean} isDissenting Whether this process knows better than an open verdict.
 * @property {boolean} isLocal Whether the verdict is stale, and each process decides for itself.
 * @property {number} age How long ago the register was heard, in ms; NaN where it never was.
 * @property {number} listeners Of how many processes the register knows.
 */

/**
 * @typedef {object} FleetEventMap
 * @property {CircuitBreakerEvent<FleetVerdict>} verdict The register is in another state, mode or epoch.
 * @property {CircuitBreakerEvent<{ isReachable: boolean, error: unknown }>} store It can't be reached any more, or can again.
 */

/** Between two looks at the counts, in ms. */
const TICK = 1000

/** How many circuits are asked about at once. */
const BATCH = 50

/** States in which who has no calls has nothing to ask: nobody is held. Asking would count it among those who are drawn at a hearing. @type {readonly FleetState[]} */
const IDLE = ['quiet', 'suspicion', 'hearing']

/** What the store has not answered after so long is no answer, in ms; it may still come. */
const PATIENCE = 2000

/** How many commands may be without an answer. What a client keeps for a store that is gone must not grow for ever. */
const MOST_PENDING = 64

/** What no client ever answered is forgotten after so long, in ms. */
const LOST = 60_000

const NAMESPACE = /^[\w.:-]{1,100}$/

/** @type {FleetTimers} */
const HOST_TIMERS = {
  set(fn, ms, keepsProcess) {
    const timer = setTimeout(fn, ms)
    if (!keepsProcess) /** @type {any} */ (timer)?.unref?.()
    return timer
  },
  clear: (timer) => clearTimeout(timer)
}

/** One that joined: a breaker, or a registry with what was found in it. */
class Source {
  /** By the registry's ids. @type {Map<number, { part: Part, member: Member } | undefined>} */
  found = new Map()

  /**
   * @param {any} of
   * @param {JoinOptions['name']} nameOf
   */
  constructor(of, nameOf) {
    this.of = of
    this.nameOf = nameOf
  }
}

/**
 * A fleet of processes that share one verdict about each circuit. Made by {@link fleet}.
 *
 * Nothing of it is on the way of a call that passes, nor of one that is refused before a test is due; a store that is dead, slow or wrong leaves each
 * breaker to itself.
 *
 * @extends {Target<FleetEventMap>}
 */
export class Fleet extends Target {
  #options
  #settings
  /** @type {Map<string, Member>} */
  #members = new Map()
  /** Those that have something to do at a moment of their own. @type {Set<Member>} */
  #awake = new Set()
  /** @type {Map<unknown, Source>} */
  #sources = new Map()
  /** @type {unknown} */
  #timer
  #timerAt = Infinity
  #tickAt = Infinity
  #pollAt = Infinity
  /** Whether it polls at moments of its own. */
  #isSpread = false
  /** When it is asked out of turn, since the store could not be reached; the pause before that. */
  #retryAt = Infinity
  #retryPause = 0
  /** @type {(() => void) | undefined} */
  #unsubscribe
  /** When each command was sent that has no answer. @type {Set<{ at: number }>} */
  #pending = new Set()
  #isReachable = true

  /** @param {FleetOptions} options */
  constructor(options) {
    super()
    const {
      store, namespace, id, loose = false, claimTimeout = 250, testTimeout = 30_000, clock = globalThis.performance ?? Date, random = Math.random, timers = HOST_TIMERS,
      ...rest
    } = options ?? {}
    if (typeof store?.run !== 'function' || typeof store.subscribe !== 'function') throw optionError(TypeError, 'store', 'a store, such as `redisStore()`', store)
    if (typeof namespace !== 'string') throw optionError(TypeError, 'namespace', 'a string', namespace)
    if (!NAMESPACE.test(namespace)) throw optionError(RangeError, 'namespace', '1 to 100 letters, digits, `.`, `_`, `-` and `:`', namespace)
    if (id !== undefined && typeof id !== 'string') throw optionError(TypeError, 'id', 'a string', id)
    if (id !== undefined && !(id.length > 0 && id.length <= 100)) throw optionError(RangeError, 'id', 'of 1 to 100 characters', id)
    if (typeof loose !== 'boolean') throw optionError(TypeError, 'loose', 'true or false', loose)
    span('claimTimeout', claimTimeout, 60_000)
    span('testTimeout', testTimeout, 86_400_000)
    if (typeof clock?.now !== 'function') throw optionError(TypeError, 'clock', 'an object with a method `now`', clock)
    if (typeof random !== 'function') throw optionError(TypeError, 'random', 'a function', random)
    if (typeof timers?.set !== 'function' || typeof timers.clear !== 'function') throw optionError(TypeError, 'timers', 'an object with the methods `set` and `clear`', timers)
    this.#settings = settingsOf(rest)
    const unknown = Object.keys(rest).find((name) => !(name in this.#settings))
    if (unknown !== undefined) throw misuse(TypeError, `A fleet has no option \`${unknown}\``, 'ERR_INVALID_OPTION', { option: unknown })
    this.#options = { store, namespace, id: id ?? textOf(random), loose, claimTimeout, testTimeout, clock, random, timers }
    /** @type {import('./member.js').Home} */
    this.#home = {
      id: this.#options.id,
      settings: this.#settings,
      isLoose: loose,
      claimTimeout,
      testTimeout,
      now: () => clock.now(),
      random,
      run: async (command, member) => (await this.#run(command, [member]))[0],
      after: (fn, ms) => {
        const timer = timers.set(fn, ms, true)
        return () => timers.clear(timer)
      },
      wake: (member) => {
        if (member.wakeAt < Infinity) this.#awake.add(member)
        this.#arm()
      },
      heard: (member, reply, before) => this.#tell(member, reply, before)
    }
  }

  #home

  /** What this process is called in the register. */
  get id() {
    return this.#options.id
  }

  /** Which fleet it is. */
  get namespace() {
    return this.#options.namespace
  }

  /** The numbers of its rule. */
  get settings() {
    return this.#settings
  }

  /**
   * Has a breaker share its fleet's verdict, or all breakers of a registry: those that are there, and those that come within a second.
   *
   * @param {unknown} source A `CircuitBreaker` or a `CircuitBreakerRegistry`, of any copy of the package.
   * @param {JoinOptions} [options]
   * @returns {this}
   * @throws {TypeError} `ERR_INVALID_ARGUMENT` when it is neither, when a breaker has no name, or when a fleet has joined it already.
   */
  join(source, { name } = {}) {
    const reading = readingOf(source)
    if (reading === undefined) throw misuse(TypeError, `Expected a CircuitBreaker or a CircuitBreakerRegistry, got ${show(source)}`)
    if (this.#sources.has(source)) throw misuse(TypeError, 'Expected what has not joined this fleet yet, got what has')
    const one = new Source(source, name)
    const isBreaker = isJoinable(source)
    if (isBreaker && nameIn(one, source, reading.keys[0], reading.names[0]) === undefined) {
      throw misuse(TypeError, 'Expected a breaker with a name, since its fleet knows it by that; or give the option `name`')
    }
    // A breaker that does not let itself be joined says so; of a registry such are left out.
    if (isBreaker) this.#admit(one, reading, 0)
    this.#sources.set(source, one)
    if (!isBreaker) this.#look(one, reading)
    this.#begin()
    return this
  }

  /**
   * Has what joined go on by itself: one, or all of it. Circuits that are held open are due then. What was switched by hand for the whole fleet is
   * undone. A fleet that nobody is in any more has no timer, hears nothing and sends nothing; one may join it again.
   *
   * @param {unknown} [source]
   * @returns {this}
   */
  leave(source) {
    for (const one of source === undefined ? [...this.#sources.values()] : [this.#sources.get(source)]) {
      if (one === undefined) continue
      this.#sources.delete(one.of)
      for (const id of [...one.found.keys()]) this.#drop(one, id)
    }
    if (this.#sources.size === 0) this.#end()
    return this
  }

  /**
   * What is known of each circuit, or of one.
   *
   * @overload
   * @returns {FleetStatus[]}
   */
  /**
   * @overload
   * @param {string} name
   * @returns {FleetStatus | undefined} Undefined where none of this name joined.
   */
  /** @param {string} [name] */
  status(name) {
    if (name === undefined) return [...this.#members.values()].map((member) => this.#statusOf(member))
    const member = this.#members.get(name)
    return member && this.#statusOf(member)
  }

  /**
   * Isolates a circuit in the whole fleet, in what joins later too, until `release`.
   *
   * @param {string} name
   * @returns {Promise<FleetVerdict>} Rejects where the store can't be reached. Processes follow at once, or with their next poll.
   */
  isolate(name) {
    return this.#switch(name, 'isolated')
  }

  /**
   * Has the whole fleet observe a circuit: nobody is refused, and what would have been refused is counted, until `release`.
   *
   * @param {string} name
   * @returns {Promise<FleetVerdict>}
   */
  observe(name) {
    return this.#switch(name, 'observing')
  }

  /**
   * Ends `isolate` and `observe`.
   *
   * @param {string} name
   * @returns {Promise<FleetVerdict>}
   */
  release(name) {
    return this.#switch(name, 'none')
  }

  /**
   * Listens to an event.
   *
   * @template {keyof FleetEventMap} K
   * @overload
   * @param {K} type
   * @param {((this: Fleet, event: FleetEventMap[K]) => unknown) | { handleEvent(event: FleetEventMap[K]): unknown } | null} listener
   * @param {boolean | ListenerOptions} [options]
   * @returns {void}
   */
  /**
   * As `EventTarget` has it. What a listener throws changes nothing.
   *
   * @overload
   * @param {string} type
   * @param {((event: HostEvent) => unknown) | { handleEvent(event: HostEvent): unknown } | null} listener
   * @param {boolean | ListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @param {string} type
   * @param {any} listener
   * @param {boolean | ListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, /** @type {any} */ (options))
  }

  /**
   * @param {string} name
   * @param {FleetMode} mode
   */
  async #switch(name, mode) {
    if (typeof name !== 'string' || name === '') throw misuse(TypeError, `Expected the name of a circuit, got ${show(name)}`)
    const member = this.#members.get(name)
    const [reply] = await this.#run({ type: 'switch', mode }, [member ?? new Member(name, this.#home)])
    return { name, state: reply.state, from: undefined, mode: reply.mode, epoch: reply.epoch }
  }

  /** @param {Member} member @returns {FleetStatus} */
  #statusOf({ name, known, at, mode, parts, isHeld, dissent, isLocal }) {
    return {
      name,
      state: known?.state,
      mode,
      epoch: known?.epoch ?? 0,
      breakers: parts.size,
      isHeld,
      isDissenting: known !== undefined && dissent === known.epoch,
      isLocal,
      age: known === undefined ? NaN : this.#now() - at,
      listeners: known?.listeners ?? 0
    }
  }

  #now() {
    return this.#options.clock.now()
  }

  /** Starts with the first that joins. */
  #begin() {
    const { store, namespace, random } = this.#options
    const now = this.#now()
    if (this.#tickAt === Infinity) {
      this.#tickAt = now + TICK
      // What it missed it learns at once, and then at moments that are spread over the fleet.
      this.#pollAt = now + random() * TICK
      this.#isSpread = false
      try {
        this.#unsubscribe = store.subscribe(namespace, (name, reply) => {
          if (isReply(reply)) this.#members.get(name)?.take(reply, false)
        })
      } catch (error) {
        this.#reach(false, error)
      }
    } else {
      this.#pollSoon()
    }
    this.#arm()
  }

  #end() {
    this.#tickAt = this.#pollAt = this.#retryAt = Infinity
    this.#arm()
    try {
      this.#unsubscribe?.()
    } catch {
      // It hears what nobody listens to.
    }
    this.#unsubscribe = undefined
  }

  /** Sets the one timer to what is due first. */
  #arm() {
    const { timers } = this.#options
    let at = Math.min(this.#tickAt, this.#pollAt, this.#retryAt)
    for (const member of this.#awake) {
      const { wakeAt } = member
      if (wakeAt < at) at = wakeAt
      if (wakeAt === Infinity) this.#awake.delete(member)
    }
    if (at === this.#timerAt) return
    if (this.#timerAt < Infinity) timers.clear(this.#timer)
    this.#timerAt = at
    if (at < Infinity) this.#timer = timers.set(() => this.#wake(), Math.max(1, Math.ceil(at - this.#now())), false)
  }

  #wake() {
    this.#timerAt = Infinity
    try {
      const now = this.#now()
      if (now >= this.#tickAt) {
        this.#tickAt = now + TICK
        this.#tick(now)
      }
      for (const member of [...this.#awake]) if (member.wakeAt <= now) member.act()
      if (now >= this.#pollAt) {
        // After what was asked out of turn, such as at the start, the next is at a moment of its own: processes that start together shall not poll together.
        this.#pollAt = now + this.#settings.poll * (this.#isSpread ? 1 : this.#options.random())
        this.#isSpread = true
        this.#ask('poll')
      }
      if (now >= this.#retryAt) {
        this.#retryAt = Infinity
        this.#ask('read')
      }
    } finally {
      // Whatever a breaker or a clock threw, the next second comes.
      this.#arm()
    }
  }

  /** For what is new, and not known yet. */
  #pollSoon() {
    const at = this.#now() + this.#options.random() * TICK
    if (at >= this.#pollAt) return
    this.#pollAt = at
    this.#isSpread = false
  }

  /** @param {number} now */
  #tick(now) {
    for (const one of this.#pending) if (one.at < now - LOST) this.#pending.delete(one)
    for (const source of this.#sources.values()) {
      try {
        const reading = readingOf(source.of)
        if (reading !== undefined) this.#look(source, reading)
      } catch {
        // One that can't be read says nothing.
      }
    }
    const woken = []
    for (const member of this.#members.values()) {
      // Nobody called it for long, so it was not asked about.
      if (member.isUsed && member.known !== undefined && now - member.at > 1.5 * this.#settings.poll && this.#isReachable) woken.push(member)
      member.tick()
    }
    if (woken.length > 0) this.#askAbout('read', woken)
  }

  /**
   * Takes in what was read of a source: who is new, who is gone, and the counts.
   *
   * @param {Source} source
   * @param {import('./evidence.js').Reading} reading
   */
  #look(source, reading) {
    const { ids } = reading
    const gone = new Set(source.found.keys())
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index]
      gone.delete(id)
      if (!source.found.has(id)) {
        try {
          this.#admit(source, reading, index)
        } catch {
          // Another fleet has joined it, or it is no breaker of ours.
          source.found.set(id, undefined)
        }
      }
      const found = source.found.get(id)
      if (found !== undefined) found.member.note(found.part, countsOf(reading, index))
    }
    for (const id of gone) this.#drop(source, id)
  }

  /**
   * @param {Source} source
   * @param {import('./evidence.js').Reading} reading
   * @param {number} index
   */
  #admit(source, reading, index) {
    const breaker = isJoinable(source.of) ? source.of : reading.breaker(index)
    if (breaker === undefined) return
    const name = nameIn(source, breaker, reading.keys[index], reading.names[index])
    if (name === undefined) return void source.found.set(reading.ids[index], undefined)
    const isNew = !this.#members.has(name)
    const member = this.#members.get(name) ?? new Member(name, this.#home)
    const part = member.join(breaker)
    member.note(part, countsOf(reading, index))
    this.#members.set(name, member)
    source.found.set(reading.ids[index], { part, member })
    if (isNew && this.#tickAt < Infinity) this.#pollSoon()
  }

  /**
   * @param {Source} source
   * @param {number} id
   */
  #drop(source, id) {
    const found = source.found.get(id)
    source.found.delete(id)
    if (found === undefined) return
    const { part, member } = found
    if (member.parts.size > 1) return member.drop(part)
    this.#members.delete(member.name)
    member.leave()
    this.#awake.delete(member)
  }

  /**
   * Asks about all circuits that anybody called of late, or that may be held.
   *
   * @param {'poll' | 'read'} type
   */
  #ask(type) {
    const members = [...this.#members.values()].filter(({ isUsed, known }) => isUsed || known === undefined || !IDLE.includes(known.state) || known.mode !== 'none')
    this.#askAbout(type, members)
  }

  /**
   * @param {'poll' | 'read'} type
   * @param {Member[]} members
   */
  async #askAbout(type, members) {
    // One after another: a process with thousands of circuits must not flood the store, nor use up what may stand open.
    for (let first = 0; first < members.length; first += BATCH) {
      const batch = members.slice(first, first + BATCH)
      for (const member of batch) {
        member.isUsed = false
        if (type === 'poll') member.polledAt = this.#now()
      }
      try {
        await this.#run({ type }, batch)
      } catch {
        // Who was not asked about is, next time.
        for (const member of members.slice(first)) member.isUsed = true
        return
      }
    }
  }

  /**
   * Runs a command, for one member or, where it only asks, for several. What comes back is theirs, late or not.
   *
   * @param {Command} command
   * @param {Member[]} members
   * @returns {Promise<Reply[]>} Rejects where there is no answer in time.
   */
  #run(command, members) {
    const { store, namespace, random, timers } = this.#options
    if (this.#pending.size >= MOST_PENDING) return Promise.reject(misuse(Error, 'The store has not answered yet'))
    const names = members.map(({ name }) => name)
    const before = members.map(({ known }) => known)
    const one = { at: this.#now() }
    this.#pending.add(one)
    return new Promise((resolve, reject) => {
      let isOver = false
      const timer = timers.set(() => {
        isOver = true
        const error = misuse(Error, `The store did not answer within ${PATIENCE} ms`)
        this.#reach(false, error)
        reject(error)
        // What somebody waits for who switches by hand.
      }, PATIENCE, command.type === 'switch')
      // A store that throws at once is as one that rejects.
      new Promise((answer) => answer(store.run(command, { namespace, names, random: random(), settings: this.#settings }))).then((/** @type {any} */ replies) => {
        if (!Array.isArray(replies) || replies.length !== names.length || !replies.every(isReply)) throw misuse(Error, 'The store answered what is no reply')
        this.#reach(true, undefined)
        for (const [index, member] of members.entries()) {
          if (this.#members.get(member.name) === member) member.take(replies[index], true, before[index])
        }
        if (isOver && command.type === 'claim' && replies[0].granted === 1) members[0].giveBack(replies[0].grant)
        resolve(replies)
      }).catch((error) => {
        this.#reach(false, error)
        reject(error)
      }).finally(() => {
        this.#pending.delete(one)
        timers.clear(timer)
      })
    })
  }

  /**
   * @param {boolean} isReachable
   * @param {unknown} error
   */
  #reach(isReachable, error) {
    const { random } = this.#options
    if (!isReachable && this.#tickAt < Infinity && this.#retryAt === Infinity) {
      this.#retryPause = Math.min(this.#settings.poll, Math.max(TICK, this.#retryPause * 2))
      this.#retryAt = this.#now() + this.#retryPause * (0.5 + random() / 2)
      this.#arm()
    }
    if (isReachable) {
      this.#retryAt = Infinity
      this.#retryPause = 0
    }
    if (this.#isReachable === isReachable) return
    this.#isReachable = isReachable
    emit(/** @type {any} */ (this), 'store', { isReachable, error })
  }

  /**
   * @param {Member} member
   * @param {Reply} reply
   * @param {Reply | undefined} before
   */
  #tell({ name }, { state, mode, epoch }, before) {
    emit(/** @type {any} */ (this), 'verdict', { name, state, from: before?.state, mode, epoch })
  }
}

const JOINABLE = /* @__PURE__ */ Symbol.for('halfopen.fleet')

/** @param {any} source */
const isJoinable = (source) => typeof source?.[JOINABLE] === 'function'

/**
 * Under which name a breaker is known to its fleet.
 *
 * @param {Source} source
 * @param {unknown} breaker
 * @param {unknown} key
 * @param {string | undefined} own
 */
function nameIn({ nameOf }, breaker, key, own) {
  let name
  try {
    name = nameOf === undefined ? own || (key === undefined ? undefined : String(key)) : nameOf(breaker, key)
  } catch {
    // A key without a text, or a function that throws.
  }
  return typeof name === 'string' && name !== '' ? name.slice(0, 500) : undefined
}

/**
 * @param {string} option
 * @param {unknown} value
 * @param {number} most
 */
function span(option, value, most) {
  const expected = `a number from 1 to ${most}`
  if (typeof value !== 'number') throw optionError(TypeError, option, expected, value)
  if (!(value >= 1 && value <= most)) throw optionError(RangeError, option, expected, value)
}

/**
 * Sixteen digits by chance.
 *
 * @param {() => number} random
 */
function textOf(random) {
  let text = ''
  while (text.length < 16) text += Math.floor(random() * 16).toString(16)
  return text
}

/**
 * A fleet of processes that share one verdict about each circuit.
 *
 * @example
 * const shared = fleet({ store: redisStore(nodeRedis(client, subscriber)), namespace: 'shop' })
 * shared.join(registry)
 *
 * @param {import('./fleet.js').FleetOptions} options
 * @returns {Fleet}
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION`.
 */
export function fleet(options) {
  return new Fleet(options)
}
