/**
 * Breakers by key: one for each host, tenant or model.
 *
 * Must not know: what keys stand for, and which breaker goes when there is no room: `seats.js` says which.
 *
 * One key, one breaker: what is known of a breaker that went is kept with it as long as somebody holds it. It goes on from there, and its key
 * finds it again. To find it takes a WeakRef, which keeps its breaker until the end of the turn of the event loop: so only breakers that were handed
 * out get one.
 */
import { CircuitBreaker } from '../breaker/circuit-breaker.js'
import { NAMES, openDoor } from '../breaker/door.js'
import { EVENTS } from '../breaker/events.js'
import { countsIn, percent } from '../breaker/metrics.js'
import { checkOptions } from '../breaker/slots.js'
import { timeOf } from '../breaker/sources.js'
import { settleNoted, unsettled } from '../breaker/unsettled.js'
import { core } from '../engine/index.js'
import { FACT_MODE, FACT_STATE, FACT_STATE_CHANGE_COUNT, GROUPS, MODES, ROW, STATES } from '../engine/numbers.js'
import { finalizer, weakRef } from '../base/host.js'
import { CODES, misuse, optionError, show } from '../base/misuse.js'
import { emit, Target } from '../base/target.js'
import { read } from '../options/options.js'
import { Ledger } from './ledger.js'
import { Seat, Seats } from './seats.js'

/** @import { CircuitBreakerEvent, HostEvent } from '../base/host-types.js' */
/** @import { AnswerOf, CallContext, CallOptions, CircuitBreakerEventMap, CircuitBreakerOptions, ListenerOptions, State } from '../base/types.js' */

/**
 * Options of a registry: those of its breakers, and its own.
 *
 * @template [K=string]
 * @typedef {CircuitBreakerOptions & RegistryOptions<K>} CircuitBreakerRegistryOptions
 */

/**
 * A registry's own options.
 *
 * @template [K=string]
 * @typedef {object} RegistryOptions
 * @property {number | undefined} [maxBreakers] Breakers kept at most. Whole, from 1. Default 1000.
 * @property {((key: K) => CircuitBreakerOptions | undefined) | undefined} [configure] Options of the breaker of that key, over the registry's own.
 */

/**
 * What all breakers of a registry counted together, those that left it included; `stateChanges` is how many there were.
 *
 * @typedef {Omit<import('../breaker/metrics.js').MetricsReport, 'latency' | 'stateChanges'> & { stateChanges: number }} RegistryMetrics
 */

/**
 * A registry as data: the counts of each breaker that is there by its key, and what all counted together that it ever had.
 *
 * @typedef {{ metrics: RegistryMetrics, breakers: Record<string, { state: State, mode: import('../base/types.js').Mode } & RegistryMetrics> }} RegistryReport
 */

/**
 * An event of one of the breakers, as the registry hands it on.
 *
 * @template {keyof CircuitBreakerEventMap} T
 * @template K
 * @typedef {CircuitBreakerEvent<CircuitBreakerEventMap[T]['detail'] & { key: K, breaker: CircuitBreaker }>} RegistryEvent
 */

/**
 * Breakers by key, each made when it is first asked for.
 *
 * @template [K=string] What keys are.
 * @extends {Target<{ [T in keyof CircuitBreakerEventMap]: RegistryEvent<T, K> }>}
 */
export class CircuitBreakerRegistry extends Target {
  /** The seats, in the order in which they were taken. @type {Map<K, Seat<K>>} */
  #seated = new Map()
  /** Where breakers sat that went and may still be held by somebody. @type {Map<K, Seat<K>>} */
  #left = new Map()
  /** Forgets those that nobody holds any more. @type {FinalizationRegistry<Seat<K>> | undefined} */
  #forget
  /** @type {Seats<K>} */
  #seats = new Seats()
  #ledger = new Ledger()
  /** How many seats there ever were. */
  #made = 0
  #maxBreakers
  #configure
  #options
  /** That of the breaker asked for last. @type {Seat<K> | undefined} */
  #latest
  /** The events that somebody listens to here. @type {Set<string>} */
  #bubbling = new Set()

  /**
   * @param {CircuitBreakerRegistryOptions<K>} [options]
   * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong.
   *
   * @example
   * const registry = new CircuitBreakerRegistry({ failureThreshold: 3, maxBreakers: 500 })
   * await registry.call('https://api.example.com', fetchUser, 42)
   */
  constructor(options = {}) {
    super()
    const { maxBreakers = 1000, configure, ...breakerOptions } = /** @type {CircuitBreakerRegistryOptions<K>} */ (read('options', options))
    if (!Number.isInteger(maxBreakers) || maxBreakers < 1) {
      const Type = typeof maxBreakers === 'number' ? RangeError : TypeError
      throw optionError(Type, 'maxBreakers', 'a whole number from 1', maxBreakers)
    }
    if (configure !== undefined && typeof configure !== 'function') {
      throw optionError(TypeError, 'configure', 'a function', configure)
    }
    this.#maxBreakers = maxBreakers
    this.#configure = configure
    /** @type {CircuitBreakerOptions} */
    this.#options = copied(breakerOptions)
    // A wrong option is refused here, not at the first call.
    checkOptions(breakerOptions)
    openRegistries()
  }

  /** How many breakers there are. */
  get size() {
    return this.#seated.size
  }

  /**
   * The breaker of a key, made if there is none.
   *
   * @param {K} key Anything that a Map takes; equal strings are one key.
   * @returns {CircuitBreaker}
   * @throws Whatever `configure` throws, and `ERR_INVALID_OPTION` for wrong options it gave.
   */
  get(key) {
    const seat = this.#find(key)
    seat.isHandedOut = true
    return /** @type {CircuitBreaker} */ (seat.breaker)
  }

  /**
   * Calls `fn` with exactly these arguments through the breaker of a key.
   *
   * @template {unknown[]} A
   * @template R
   * @param {K} key
   * @param {(...args: A) => R} fn
   * @param {A} args
   * @returns {Promise<Awaited<R>>} Rejects with what `get` throws, and as the `call` of a breaker.
   */
  call(key, fn, ...args) {
    let seat
    try {
      seat = this.#find(key)
    } catch (error) {
      return Promise.reject(error)
    }
    return /** @type {CircuitBreaker} */ (seat.breaker).call(fn, ...args)
  }

  /**
   * As {@link CircuitBreakerRegistry.call}, with options of this call alone: `fn` gets `{ signal }` as its last argument.
   *
   * @template {unknown[]} A
   * @template R
   * @template [F=never]
   * @overload
   * @param {K} key
   * @param {CallOptions<F>} options
   * @param {(...args: [...A, CallContext]) => R} fn
   * @param {...A} args
   * @returns {Promise<Awaited<R> | AnswerOf<F>>} Rejects with what `get` throws, and as the `callWith` of a breaker.
   *
   * @example
   * await registry.callWith('users', { signal, timeout: 2000 }, (id, { signal }) => fetchUser(id, signal), 42)
   */
  /**
   * @template {unknown[]} A
   * @template R
   * @template [F=never]
   * @overload
   * @param {K} key
   * @param {CallOptions<F>} options
   * @param {(...args: A) => R} fn
   * @param {...A} args
   * @returns {Promise<Awaited<R> | AnswerOf<F>>}
   */
  /**
   * @param {K} key
   * @param {CallOptions} options
   * @param {any} fn
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  callWith(key, options, fn, ...args) {
    let seat
    try {
      seat = this.#find(key)
    } catch (error) {
      return Promise.reject(error)
    }
    return /** @type {CircuitBreaker} */ (seat.breaker).callWith(options, fn, ...args)
  }

  /**
   * Whether there is a breaker of that key. Asking does not count as use.
   *
   * @param {K} key
   */
  has(key) {
    return this.#seated.has(key)
  }

  /**
   * Forgets the breaker of a key. Who still holds it can go on using it; it speaks for the key no more.
   *
   * @param {K} key
   * @returns {boolean} Whether there was one.
   */
  delete(key) {
    const seat = this.#seated.get(key)
    this.#left.delete(key)
    if (seat === undefined) return false
    const { breaker } = seat
    this.#remove(seat)
    breaker?.stayAway()
    return true
  }

  /**
   * The state of each breaker by its key. The object has no prototype, so that keys such as `__proto__` are just keys. A key that is neither
   * a string nor a symbol is there as text; where two give the same text, or one gives none, its kind and a number tell them apart.
   *
   * @returns {Record<string, State>}
   */
  status() {
    return this.#byKey((rows, first) => STATES[rows[first + FACT_STATE]])
  }

  /**
   * All breakers at a glance: how many are in which state, and their calls together.
   */
  summary() {
    const states = { closed: 0, open: 0, half_open: 0 }
    const { seats, rows } = this.#rows()
    for (let first = 0; first < rows.length; first += ROW) states[STATES[rows[first + FACT_STATE]]]++
    const { totalCalls, successfulCalls: successful, failedCalls: failed, rejectedCalls: rejected, successRate } = countsIn(sumOf(rows))
    return { breakers: seats.length, ...states, totalCalls, successful, failed, rejected, successRate: percent(successRate) }
  }

  /**
   * What all breakers counted that the registry ever had, those that it evicted or deleted included, so that no count but `inFlight` ever goes down.
   * One that left and that somebody goes on using counts as before. A plain object, read anew each time.
   *
   * @returns {RegistryMetrics}
   */
  get metrics() {
    return this.#metricsOf(this.#rows().rows)
  }

  /**
   * The counts of each breaker by its key, with keys as {@link CircuitBreakerRegistry.status} has them, and those of all there ever were.
   *
   * @returns {RegistryReport}
   */
  toJSON() {
    const all = this.#rows()
    return {
      metrics: this.#metricsOf(all.rows),
      breakers: this.#byKey(
        (rows, first) => ({
          state: STATES[rows[first + FACT_STATE]],
          mode: MODES[rows[first + FACT_MODE]],
          ...countsIn(rows, first),
          stateChanges: rows[first + FACT_STATE_CHANGE_COUNT]
        }),
        all
      )
    }
  }

  /**
   * What {@link openDoor} has readers find under a symbol.
   *
   * @internal
   * @returns {import('../breaker/door.js').Reading}
   */
  reading() {
    // Each clock once, and before anything else is looked at: a clock may use the registry.
    const times = new Map()
    for (const seat of [...this.#seated.values()]) {
      const clock = this.#clockOf(seat)
      if (!times.has(clock)) times.set(clock, timeOf(clock))
    }
    const { seats, rows } = this.#rows(times)
    return {
      ...NAMES,
      rows,
      keys: seats.map(({ key }) => key),
      names: seats.map(({ breaker }) => breaker?.name),
      ids: seats.map(({ id }) => id),
      gone: this.#ledger.read(),
      breaker: (index) => {
        const seat = seats[index]
        seat.isHandedOut = true
        return seat.breaker ?? seat.ref?.deref()
      }
    }
  }

  /**
   * A row of each breaker that is there.
   *
   * @param {Map<unknown, number>} [times] What the clocks say, where the rows are to be of now. No count depends on that.
   */
  #rows(times) {
    if (unsettled.length > 0) settleNoted()
    const seats = [...this.#seated.values()]
    const asked = new Float64Array(2 * seats.length)
    seats.forEach((seat, index) => {
      asked[2 * index] = seat.slot
      asked[2 * index + 1] = times?.get(this.#clockOf(seat)) ?? NaN
    })
    return { seats, rows: core.report(asked) }
  }

  /**
   * @param {Float64Array} rows
   * @returns {RegistryMetrics}
   */
  #metricsOf(rows) {
    const total = sumOf(rows, this.#ledger.read())
    return { ...countsIn(total), stateChanges: total[FACT_STATE_CHANGE_COUNT] }
  }

  /**
   * What is said of each breaker, by its key.
   *
   * @template T
   * @param {(rows: Float64Array, first: number) => T} say Is told where the row of the breaker begins.
   * @returns {Record<string, T>}
   */
  #byKey(say, { seats, rows } = this.#rows()) {
    const all = Object.create(null)
    // Texts first: they are what they are.
    for (const isText of [true, false]) {
      seats.forEach(({ key }, row) => {
        if ((typeof key === 'string' || typeof key === 'symbol') !== isText) return
        all[isText ? /** @type {any} */ (key) : labelOf(key, all)] = say(rows, row * ROW)
      })
    }
    return all
  }

  /** @param {Seat<K>} seat */
  #clockOf({ own }) {
    return own !== undefined && Object.hasOwn(own, 'clock') ? own.clock : this.#options.clock
  }

  /**
   * The keys and breakers, in the order of {@link CircuitBreakerRegistry.keys}.
   *
   * @returns {IterableIterator<[K, CircuitBreaker]>}
   */
  [Symbol.iterator]() {
    return this.#handOut().values()
  }

  /**
   * The keys, the oldest breaker's first: roughly in the order in which they were first asked for. Use changes nothing in it. Iterated are those that
   * are there now: the registry may be used meanwhile.
   *
   * @returns {IterableIterator<K>}
   */
  keys() {
    return [...this.#seated.keys()].values()
  }

  /**
   * The breakers, in the order of {@link CircuitBreakerRegistry.keys}.
   *
   * @returns {IterableIterator<CircuitBreaker>}
   */
  values() {
    return this.#handOut().map(([, breaker]) => breaker).values()
  }

  /**
   * As `EventTarget` has it. Hears the events of all breakers; `detail` has the `key` and the `breaker` too.
   *
   * @template {keyof CircuitBreakerEventMap} T
   * @overload
   * @param {T} type
   * @param {((event: RegistryEvent<T, K>) => unknown) | { handleEvent(event: RegistryEvent<T, K>): unknown } | null} listener
   * @param {boolean | ListenerOptions} [options]
   * @returns {void}
   */
  /**
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
    if (Object.hasOwn(EVENTS, type) && !this.#bubbling.has(type)) {
      this.#bubbling.add(type)
      for (const seat of this.#seated.values()) this.#bubble(seat)
    }
    super.addEventListener(type, listener, /** @type {any} */ (options))
  }

  /**
   * Has the registry hear those events of a breaker that it does not hear yet.
   *
   * @param {Seat<K>} seat
   */
  #bubble(seat) {
    const { key, breaker, heard } = /** @type {Seat<K> & { breaker: CircuitBreaker }} */ (seat)
    seat.heard = this.#bubbling.size
    for (const type of [...this.#bubbling].slice(heard)) {
      breaker.addEventListener(type, (event) => {
        // One that was deleted speaks for its key no more.
        if (this.#seated.get(key) !== seat && this.#left.get(key) !== seat) return
        seat.isHandedOut = true
        const { detail } = /** @type {CustomEvent} */ (event)
        emit(this, type, { ...detail, key, breaker })
      })
    }
  }

  /**
   * All keys with their breakers, which somebody may hold from now on.
   *
   * @returns {[K, CircuitBreaker][]}
   */
  #handOut() {
    return Array.from(this.#seated, ([key, seat]) => {
      seat.isHandedOut = true
      return [key, /** @type {CircuitBreaker} */ (seat.breaker)]
    })
  }

  /**
   * The seat of a key, taken by its breaker if nobody sits there.
   *
   * @param {K} key
   * @returns {Seat<K>}
   */
  #find(key) {
    const latest = this.#latest
    if (latest !== undefined && latest.key === key) {
      latest.isUsed = true
      return latest
    }
    const seat = this.#seated.get(key)
    if (seat !== undefined) seat.isUsed = true
    return (this.#latest = seat ?? this.#take(key))
  }

  /**
   * Seats the breaker of a key: the one that went and that somebody holds, or a new one.
   *
   * @param {K} key
   * @returns {Seat<K>}
   */
  #take(key) {
    let seat = this.#left.get(key)
    let breaker = seat?.ref?.deref()
    if (seat === undefined || breaker === undefined) {
      const own = this.#ownOptions(key)
      // `configure` may have asked for the very key: a second breaker would start a second probe.
      const taken = this.#seated.get(key)
      if (taken !== undefined) return taken
      breaker = new CircuitBreaker(this.#optionsOf(key, own))
      seat = new Seat(this.#seats, key, own, this.#made++)
    }
    this.#makeRoom()
    // And so may a clock, which was read to make room.
    const taken = this.#seated.get(key)
    if (taken !== undefined) return taken
    this.#left.delete(key)
    this.#seated.set(key, seat)
    seat.take(breaker, this.#ledger)
    this.#bubble(seat)
    return seat
  }

  /**
   * What `configure` says, asked once for each breaker.
   *
   * @param {K} key
   */
  #ownOptions(key) {
    /** @type {any} */
    const own = this.#configure?.(key)
    if (own === undefined) return undefined
    if (typeof own !== 'object' || own === null || Array.isArray(own) || own instanceof Promise) {
      // Its rejection is nobody's: what is wrong is said here.
      if (own instanceof Promise) own.catch(() => {})
      throw misuse(TypeError, `Expected \`configure\` to answer an object of options, got ${show(own)}`, CODES.invalidOption, { option: 'configure' })
    }
    return copied(own)
  }

  /**
   * @param {K} key
   * @param {CircuitBreakerOptions | undefined} own
   * @returns {CircuitBreakerOptions}
   */
  #optionsOf(key, own) {
    const name = typeof key === 'string' ? key : undefined
    return /** @type {CircuitBreakerOptions} */ ({ name, ...this.#options, ...own })
  }

  /** Drops breakers until there is room for one, or none is to go. */
  #makeRoom() {
    while (this.#seated.size >= this.#maxBreakers) {
      const seat = this.#seats.next(timeOf(this.#options.clock))
      if (seat === undefined) return
      const { key, own, isHandedOut } = seat
      const breaker = /** @type {CircuitBreaker} */ (seat.breaker)
      this.#remove(seat)
      if (isHandedOut) this.#keepSight(seat, breaker)
      // One that has calls in flight is held by them.
      if (!breaker.setAside(() => this.#optionsOf(key, own), isHandedOut) && !isHandedOut) this.#keepSight(seat, breaker)
    }
  }

  /**
   * Has a breaker that went be found again as long as somebody holds it.
   *
   * @param {Seat<K>} seat
   * @param {CircuitBreaker} breaker
   */
  #keepSight(seat, breaker) {
    this.#forget ??= finalizer((seat) => {
      if (this.#left.get(seat.key) === seat) this.#left.delete(seat.key)
    })
    const ref = seat.ref ?? weakRef(breaker)
    if (this.#forget === undefined || ref === undefined) return
    this.#left.set(seat.key, seat)
    if (seat.ref !== undefined) return
    seat.ref = ref
    this.#forget.register(breaker, seat)
  }

  /** @param {Seat<K>} seat */
  #remove(seat) {
    if (this.#latest === seat) this.#latest = undefined
    this.#seated.delete(seat.key)
    seat.leave(this.#ledger)
  }
}

/** Has readers read registries. Apart, since a class that names itself is renamed by bundlers. */
const openRegistries = () => openDoor(CircuitBreakerRegistry.prototype)

/**
 * The sums of all rows, as a row.
 *
 * @param {Float64Array} rows
 * @param {Float64Array} [sum] What is there already.
 */
function sumOf(rows, sum = new Float64Array(ROW)) {
  for (let first = 0; first < rows.length; first += ROW) for (let index = 0; index < ROW; index++) sum[index] += rows[first + index]
  return sum
}

/**
 * The text of a key that is none, told apart from those that are taken.
 *
 * @param {unknown} key
 * @param {object} taken
 */
function labelOf(key, taken) {
  let text
  try {
    text = String(key)
  } catch {
    text = typeof key
  }
  let label = text
  for (let n = 2; label in taken; n++) label = `${text} (${n})`
  return label
}

/**
 * A copy that later changes of the options and of the objects in them do not reach.
 *
 * @param {CircuitBreakerOptions} options
 * @returns {CircuitBreakerOptions}
 */
function copied(options) {
  const copy = /** @type {Record<string, any>} */ ({ __proto__: null, ...options })
  for (const name of GROUPS) if (typeof copy[name] === 'object' && copy[name] !== null) copy[name] = { ...copy[name] }
  // Spread from here on, which takes longer of an object without a prototype.
  return { ...copy }
}
