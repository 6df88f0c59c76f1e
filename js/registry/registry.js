/**
 * Breakers by key: one for each host, tenant or model.
 *
 * Must not know: what keys stand for, and which breaker goes when there is no room: `seats.js` says which. What is known of a breaker that
 * went, but its counts, is kept with it as long as somebody holds it, and it goes on from there.
 */
import { CircuitBreaker } from '../breaker/circuit-breaker.js'
import { EVENTS } from '../breaker/events.js'
import { percent, successRate } from '../breaker/metrics.js'
import { checkOptions } from '../breaker/slots.js'
import { core } from '../engine/index.js'
import { GROUPS } from '../engine/numbers.js'
import { CODES, misuse, optionError, show } from '../base/misuse.js'
import { emit, Target } from '../base/target.js'
import { objectOf } from '../options/options.js'
import { Seat, Seats } from './seats.js'

/** @import { CallContext, CallOptions, CircuitBreakerEventMap, CircuitBreakerOptions, State } from '../base/types.js' */

/**
 * Options of a registry: those of its breakers, and its own.
 *
 * @typedef {CircuitBreakerOptions & RegistryOptions} CircuitBreakerRegistryOptions
 */

/**
 * @typedef {object} RegistryOptions
 * @property {number} [maxBreakers] Breakers kept at most. Whole, from 1. Default 1000.
 * @property {(key: any) => CircuitBreakerOptions | undefined} [configure] Options of the breaker of that key, over the registry's own.
 */

/**
 * An event of one of the breakers, as the registry hands it on.
 *
 * @template {keyof CircuitBreakerEventMap} T
 * @template K
 * @typedef {CustomEvent<CircuitBreakerEventMap[T]['detail'] & { key: K, breaker: CircuitBreaker }>} RegistryEvent
 */

/**
 * @template [K=string]
 */
export class CircuitBreakerRegistry extends Target {
  /** The breakers with their seats, in the order in which they were made. @type {Map<K, Seat<K>>} */
  #breakers = new Map()
  /** @type {Seats<K>} */
  #seats = new Seats()
  #maxBreakers
  #configure
  #options
  /** That of the breaker asked for last. @type {Seat<K> | undefined} */
  #latest
  /** The events that somebody listens to here. @type {Set<string>} */
  #bubbling = new Set()

  /**
   * @param {CircuitBreakerRegistryOptions} [options]
   * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong.
   *
   * @example
   * const registry = new CircuitBreakerRegistry({ failureThreshold: 3, maxBreakers: 500 })
   * await registry.call('https://api.example.com', fetchUser, 42)
   */
  constructor(options = {}) {
    super()
    const { maxBreakers = 1000, configure, ...breakerOptions } = objectOf('options', options)
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
  }

  /** How many breakers there are. */
  get size() {
    return this.#breakers.size
  }

  /**
   * The breaker of a key, made if there is none.
   *
   * @param {K} key Anything that a Map takes; equal strings are one key.
   * @returns {CircuitBreaker}
   * @throws Whatever `configure` throws, and `ERR_INVALID_OPTION` for wrong options it gave.
   */
  get(key) {
    const latest = this.#latest
    if (latest === undefined || latest.key !== key) return this.#find(key)
    latest.isUsed = true
    return latest.breaker
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
    let breaker
    try {
      breaker = this.get(key)
    } catch (error) {
      return Promise.reject(error)
    }
    return breaker.call(fn, ...args)
  }

  /**
   * As {@link CircuitBreakerRegistry.call}, with options of this call alone: `fn` gets `{ signal }` as its last argument.
   *
   * @template {unknown[]} A
   * @template R
   * @overload
   * @param {K} key
   * @param {CallOptions} options
   * @param {(...args: [...A, CallContext]) => R} fn
   * @param {...A} args
   * @returns {Promise<Awaited<R>>} Rejects with what `get` throws, and as the `callWith` of a breaker.
   *
   * @example
   * await registry.callWith('users', { signal, timeout: 2000 }, (id, { signal }) => fetchUser(id, signal), 42)
   */
  /**
   * @template {unknown[]} A
   * @template R
   * @overload
   * @param {K} key
   * @param {CallOptions} options
   * @param {(...args: A) => R} fn
   * @param {...A} args
   * @returns {Promise<Awaited<R>>}
   */
  /**
   * @param {K} key
   * @param {CallOptions} options
   * @param {any} fn
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  callWith(key, options, fn, ...args) {
    let breaker
    try {
      breaker = this.get(key)
    } catch (error) {
      return Promise.reject(error)
    }
    return breaker.callWith(options, fn, ...args)
  }

  /**
   * Whether there is a breaker of that key. Asking does not count as use.
   *
   * @param {K} key
   */
  has(key) {
    return this.#breakers.has(key)
  }

  /**
   * Forgets the breaker of a key. Who still holds it can go on using it.
   *
   * @param {K} key
   * @returns {boolean} Whether there was one.
   */
  delete(key) {
    const seat = this.#breakers.get(key)
    if (seat === undefined) return false
    this.#remove(seat)
    return true
  }

  /**
   * The state of each breaker by its key. The object has no prototype, so that keys such as `__proto__` are just keys.
   *
   * @returns {Record<string, State>}
   */
  status() {
    const status = Object.create(null)
    for (const [key, { breaker }] of this.#breakers) status[/** @type {any} */ (key)] = breaker.state
    return status
  }

  /**
   * All breakers at a glance: how many are in which state, and their calls together.
   */
  summary() {
    const states = { closed: 0, open: 0, half_open: 0 }
    const calls = { totalCalls: 0, successfulCalls: 0, failedCalls: 0, rejectedCalls: 0 }
    for (const { slot } of this.#breakers.values()) {
      states[core.states[core.state(slot)]]++
      // None of these counts depends on the time.
      const counts = core.report(slot, NaN)
      for (const name of /** @type {(keyof typeof calls)[]} */ (Object.keys(calls))) calls[name] += counts[name]
    }
    const { totalCalls, successfulCalls: successful, failedCalls: failed, rejectedCalls: rejected } = calls
    return { breakers: this.size, ...states, totalCalls, successful, failed, rejected, successRate: percent(successRate(calls)) }
  }

  /**
   * The keys and breakers, in the order of {@link CircuitBreakerRegistry.keys}.
   *
   * @returns {Generator<[K, CircuitBreaker], void, unknown>}
   */
  *[Symbol.iterator]() {
    for (const [key, { breaker }] of this.#breakers) yield [key, breaker]
  }

  /** The keys, the oldest breaker's first: roughly in the order in which they were first asked for. Use changes nothing in it. */
  keys() {
    return this.#breakers.keys()
  }

  /**
   * The breakers, in the order of {@link CircuitBreakerRegistry.keys}.
   *
   * @returns {Generator<CircuitBreaker, void, unknown>}
   */
  *values() {
    for (const { breaker } of this.#breakers.values()) yield breaker
  }

  /**
   * As `EventTarget` has it. Hears the events of all breakers; `detail` has the `key` and the `breaker` too.
   *
   * @template {keyof CircuitBreakerEventMap} T
   * @overload
   * @param {T} type
   * @param {((event: RegistryEvent<T, K>) => unknown) | { handleEvent(event: RegistryEvent<T, K>): unknown } | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @overload
   * @param {string} type
   * @param {((event: Event) => unknown) | { handleEvent(event: Event): unknown } | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @param {string} type
   * @param {any} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    if (Object.hasOwn(EVENTS, type) && !this.#bubbling.has(type)) {
      this.#bubbling.add(type)
      for (const [key, { breaker }] of this.#breakers) this.#bubble(breaker, key, type)
    }
    super.addEventListener(type, listener, options)
  }

  /**
   * @param {CircuitBreaker} breaker
   * @param {K} key
   * @param {string} type
   */
  #bubble(breaker, key, type) {
    breaker.addEventListener(type, (event) => {
      const { detail } = /** @type {CustomEvent<object>} */ (event)
      emit(this, type, { ...detail, key, breaker })
    })
  }

  /**
   * The breaker of a key that is not the latest.
   *
   * @param {K} key
   */
  #find(key) {
    const seat = this.#breakers.get(key)
    if (seat === undefined) return this.#make(key)
    this.#latest = seat
    seat.isUsed = true
    return seat.breaker
  }

  /**
   * Makes the breaker of a key that has none.
   *
   * @param {K} key
   * @returns {CircuitBreaker}
   */
  #make(key) {
    const own = this.#ownOptions(key)
    // `configure` may have asked for the very key: a second breaker would start a second probe.
    const made = this.#breakers.get(key)
    if (made !== undefined) return made.breaker
    const breaker = new CircuitBreaker(this.#optionsOf(key, own))
    for (const type of this.#bubbling) this.#bubble(breaker, key, type)
    if (this.#breakers.size >= this.#maxBreakers) this.#makeRoom()
    const seat = new Seat(this.#seats, key, breaker, own)
    this.#breakers.set(key, seat)
    this.#latest = seat
    return breaker
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

  /** Drops one breaker. */
  #makeRoom() {
    const seat = this.#seats.next()
    if (seat === undefined) return
    this.#remove(seat)
    const { key, breaker, own } = seat
    breaker.setAside(() => this.#optionsOf(key, own))
  }

  /** @param {Seat<K>} seat */
  #remove(seat) {
    if (this.#latest === seat) this.#latest = undefined
    this.#breakers.delete(seat.key)
    seat.leave()
  }
}

/**
 * A copy that later changes of the options and of the objects in them do not reach.
 *
 * @param {CircuitBreakerOptions} options
 * @returns {CircuitBreakerOptions}
 */
function copied({ ...options }) {
  const groups = /** @type {Record<string, any>} */ (options)
  for (const name of GROUPS) if (typeof groups[name] === 'object' && groups[name] !== null) groups[name] = { ...groups[name] }
  return options
}
