/**
 * Breakers by key: one for each host, tenant or model.
 *
 * Must not know: what keys stand for. Memory is bounded: at `maxBreakers` the least recently used breaker goes that is closed,
 * quiet (nothing in flight, no failure since the last success) and not changed by hand. Only where none of them is does the
 * least recently used one go that is closed, and only where all are open or half open does the least recently used of
 * those.
 */
import { CircuitBreaker } from '../breaker/circuit-breaker.js'
import { checkOptions } from '../breaker/slots.js'
import { CODES, misuse, optionError, show } from '../misuse.js'
import { EVENTS } from '../breaker/events.js'
import { percent, successRate } from '../breaker/metrics.js'

/** @import { CallContext, CallOptions, CircuitBreakerEventMap, CircuitBreakerOptions, State } from '../types.js' */

/** Breakers looked at for one to drop, before any closed one will do: what a flood of keys may cost one of them. */
const LOOKED_AT = 32

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
export class CircuitBreakerRegistry extends EventTarget {
  /** Least recently used first. @type {Map<K, CircuitBreaker>} */
  #breakers = new Map()
  #maxBreakers
  #configure
  #options
  /** What `configure` answered for the breakers there are. @type {Map<K, CircuitBreakerOptions>} */
  #configured = new Map()
  /** The breaker asked for last, which is the most recently used. @type {CircuitBreaker | undefined} */
  #latest
  /** @type {K | undefined} */
  #latestKey
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
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw misuse(TypeError, `Expected options to be an object, got ${show(options)}`, CODES.invalidOption)
    }
    const { maxBreakers = 1000, configure, ...breakerOptions } = options
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
    if (this.#latest !== undefined && Object.is(this.#latestKey, key)) return this.#latest
    let breaker = this.#breakers.get(key)
    if (breaker === undefined) {
      const own = this.#ownOptions(key)
      breaker = new CircuitBreaker(this.#optionsOf(key, own))
      for (const type of this.#bubbling) this.#bubble(breaker, key, type)
      if (this.#breakers.size >= this.#maxBreakers) this.#makeRoom()
      if (own !== undefined) this.#configured.set(key, own)
    } else {
      this.#breakers.delete(key)
    }
    this.#breakers.set(key, breaker)
    this.#latest = breaker
    this.#latestKey = key
    return breaker
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
    // By what the Map finds, to which 0 and -0 are one key.
    if (this.#breakers.get(key) === this.#latest) this.#latest = undefined
    this.#configured.delete(key)
    return this.#breakers.delete(key)
  }

  /**
   * The state of each breaker by its key. The object has no prototype, so that keys such as `__proto__` are just keys.
   *
   * @returns {Record<string, State>}
   */
  status() {
    const status = Object.create(null)
    for (const [key, breaker] of this.#breakers) status[/** @type {any} */ (key)] = breaker.state
    return status
  }

  /**
   * All breakers at a glance: how many are in which state, and their calls together.
   */
  summary() {
    const states = { closed: 0, open: 0, half_open: 0 }
    const calls = { totalCalls: 0, successfulCalls: 0, failedCalls: 0, rejectedCalls: 0 }
    for (const breaker of this.#breakers.values()) {
      states[breaker.state]++
      const counts = /** @type {Record<string, any>} */ (breaker.metrics.toJSON())
      for (const name of /** @type {(keyof typeof calls)[]} */ (Object.keys(calls))) calls[name] += counts[name]
    }
    const { totalCalls, successfulCalls: successful, failedCalls: failed, rejectedCalls: rejected } = calls
    return { breakers: this.size, ...states, totalCalls, successful, failed, rejected, successRate: percent(successRate(calls)) }
  }

  /** The keys and breakers, the least recently used first. */
  [Symbol.iterator]() {
    return this.#breakers.entries()
  }

  /** The keys, the least recently used first. */
  keys() {
    return this.#breakers.keys()
  }

  /** The breakers, the least recently used first. */
  values() {
    return this.#breakers.values()
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
      for (const [key, breaker] of this.#breakers) this.#bubble(breaker, key, type)
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
      this.dispatchEvent(new CustomEvent(type, { detail: { ...detail, key, breaker } }))
    })
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
    let looked = 0
    /** @type {[K, CircuitBreaker] | undefined} */
    let closed
    for (const [key, breaker] of this.#breakers) {
      if (this.#setAside(key, breaker, false)) {
        this.delete(key)
        return
      }
      if (breaker.state === 'closed') closed ??= [key, breaker]
      if (++looked >= LOOKED_AT && closed !== undefined) break
    }
    const [oldest] = this.#breakers
    const [key, breaker] = closed ?? oldest
    this.#setAside(key, breaker, true)
    this.delete(key)
  }

  /**
   * @param {K} key
   * @param {CircuitBreaker} breaker
   * @param {boolean} keeping
   */
  #setAside(key, breaker, keeping) {
    return breaker.setAside(() => this.#optionsOf(key, this.#configured.get(key)), keeping)
  }
}

/**
 * A copy that later changes of the options and of the objects in them do not reach.
 *
 * @param {CircuitBreakerOptions} options
 * @returns {CircuitBreakerOptions}
 */
function copied({ ...options }) {
  for (const name of /** @type {const} */ (['window', 'recoveryBackoff'])) {
    if (typeof options[name] === 'object' && options[name] !== null) options[name] = /** @type {any} */ ({ ...options[name] })
  }
  return options
}
