/**
 * The breaker that users hold: it asks the core, makes the call, brings back the outcome, tells the news.
 *
 * Must not know: when to open or close. Every decision is the core's; this file awaits, reads the clock,
 * emits events and makes errors.
 *
 * The hot path is two calls into Wasm with numbers. The promise handlers are made once per generation, not
 * per call, since in `closed` all calls of a generation hold the same permit; and the clock is read only
 * when the core asked for it (`demand`).
 */
import { startEngine } from '../engine/index.js'
import {
  DEMANDS_ELAPSED as ELAPSED,
  DEMANDS_RANDOM as RANDOM,
  DEMANDS_TIME_OF_SUCCESS as TIME_OF_SUCCESS,
  DEMANDS_TIME_TO_ADMIT as TIME_TO_ADMIT,
  FAILURE,
  IGNORED,
  NO_SLOT,
  REFUSED_BULKHEAD_FULL,
  REFUSED_HALF_OPEN_FULL,
  SUCCESS,
  TIMED_OUT,
  transition,
  UNJUDGED
} from '../engine/numbers.js'
import { BulkheadFullError, CallTimeoutError, CircuitOpenError, withoutStack } from '../errors.js'
import { misuse, show } from '../misuse.js'
import { CALL_EVENTS, EVENTS, report } from './events.js'
import { explanation } from './explain.js'
import { CircuitBreakerMetrics, percent, successRate } from './metrics.js'
import { checkCallOptions, createFrom, setOption } from '../options/options.js'
import { CallPermit } from './permit.js'
import { attempt, follow, isNativePromise, launch, promiseOf, rejected } from './promises.js'
import { recoveryHost } from './recovery.js'
import { watch } from './signals.js'
import { badSnapshot, toNumbers, toObject } from './snapshot.js'
import { ENDED, supervise } from './supervise.js'

/** @import { Engine } from '../engine/index.js' */
/** @import { CallContext, CallOptions, CircuitBreakerEventMap, CircuitBreakerOptions, Mode, Reason, State } from '../types.js' */

/** The outcomes that a verdict may name. */
const OUTCOMES = { success: SUCCESS, failure: FAILURE, ignored: IGNORED }

/** @type {Engine} */
let core

/**
 * Frees the slots of breakers that were garbage collected. Absent in some runtimes, whose processes are short.
 *
 * @type {FinalizationRegistry<number> | undefined}
 */
let reclaim

/**
 * What only a few breakers have.
 *
 * @typedef {object} Rare
 * @property {boolean} [telling] Whether state changes are being told.
 * @property {boolean} [untold] Whether there is a state change that nobody began to tell.
 * @property {unknown} [culprit] The failure that brought it about.
 * @property {CircuitBreakerMetrics} [metrics]
 * @property {Set<() => void>} [waiters]
 * @property {ReturnType<typeof recoveryHost> | undefined} [probing] The host of the background task, as long as that runs.
 * @property {Record<string, number>} [written] Numeric options that were changed.
 */

/** A circuit breaker: calls a function as long as its dependency is healthy, and refuses at once when it is not. */
export class CircuitBreaker extends EventTarget {
  #slot
  /** The last answer to an admission, whose handlers are at hand if it was a permit. */
  #permit = NaN
  /** @type {(value: any) => any} */
  #onSuccess = identity
  /** @type {(error: unknown) => any} */
  #onFailure = identity
  #demand = 0
  /** The options that are not the core's. @type {import('../options/options.js').Others} */
  #options
  /** Whether calls go one by one, each with handlers of its own. */
  #isSupervised
  /** What people ever listened to, as bits of EVENTS. */
  #heard = 0
  /** The failure that opened the circuit. @type {unknown} */
  #cause
  /** What only a few breakers have. @type {Rare | undefined} */
  #rare

  /**
   * @param {CircuitBreakerOptions} [options]
   * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong, `ERR_INVALID_SNAPSHOT`
   *   when the snapshot is none of such a breaker.
   * @throws {Error} `ERR_ENGINE_UNAVAILABLE` where WebAssembly is missing or forbidden.
   *
   * @example
   * const breaker = new CircuitBreaker({ failureThreshold: 5, recoveryTimeout: 60000, successThreshold: 2 })
   */
  constructor(options) {
    super()
    core ??= startEngine()
    const { slot, others } = createFrom(core, options)
    this.#slot = slot
    this.#options = others
    // The default clock is looked up whenever it is read: fake timers replace the global.
    if (others.clock === Date) others.clock = undefined
    reclaim ??= globalThis.FinalizationRegistry && new FinalizationRegistry(core.freeSlot)
    reclaim?.register(this, slot, this)
    if (others.snapshot !== undefined) this.#restore(others.snapshot)
    this.#demand = core.demand(slot)
    this.#isSupervised =
      (this.#demand & ELAPSED) !== 0 || others.fallbackOn === 'failure' || others.timeout !== undefined
    if (others.probe !== undefined) this.#startProbe()
  }

  /** The breaker's name, or `undefined`. */
  get name() {
    return this.#options.name
  }

  /**
   * The state as it stands. Reading it changes nothing: an open circuit whose time is up stays `'open'` until
   * a call or `checkState()`.
   *
   * @returns {State}
   */
  get state() {
    return core.states[core.state(this.#live())]
  }

  /**
   * What the breaker does with its own verdicts: `'normal'`, `'isolated'`, `'disabled'` or `'observing'`.
   *
   * @returns {Mode}
   */
  get mode() {
    return core.modes[core.mode(this.#live())]
  }

  /** Failures in a row: a success zeroes it, in `half_open` only the one that closes the circuit. */
  get failureCount() {
    return core.failureCount(this.#live())
  }

  /** Successful test requests since the circuit became half open. */
  get successCount() {
    return core.successCount(this.#live())
  }

  /** When the last failure was, in ms of the breaker's clock; `null` before the first and once closed again. */
  get lastFailureTime() {
    const time = core.lastFailureTime(this.#live())
    return Number.isNaN(time) ? null : time
  }

  /**
   * So many failures open the circuit: in a row, or inside the window if there is one. Checked when written.
   *
   * @returns {number} Undefined with a window and without a threshold.
   */
  get failureThreshold() {
    return /** @type {number} */ (this.#option('failureThreshold'))
  }

  set failureThreshold(count) {
    this.#set('failureThreshold', count)
  }

  /** How long an open circuit refuses, in ms. Checked when written; counts for a circuit that is open, too. */
  get recoveryTimeout() {
    return /** @type {number} */ (this.#option('recoveryTimeout'))
  }

  set recoveryTimeout(ms) {
    this.#set('recoveryTimeout', ms)
  }

  /** So many successful test requests close the circuit. Checked when written. */
  get successThreshold() {
    return /** @type {number} */ (this.#option('successThreshold'))
  }

  set successThreshold(count) {
    this.#set('successThreshold', count)
  }

  /** Counts over the breaker's life. */
  get metrics() {
    const rare = (this.#rare ??= {})
    return (rare.metrics ??= new CircuitBreakerMetrics(
      () => this.#report(),
      () => this.#stateChanges()
    ))
  }

  /**
   * The breaker at a glance: `{ state, failures, successRate, totalCalls, rejected, stateChanges }`, with the
   * rate as a text such as `'66.7%'`.
   */
  getSummary() {
    const report = this.#report()
    return {
      state: this.state,
      failures: this.failureCount,
      successRate: percent(successRate(report)),
      totalCalls: report.totalCalls,
      rejected: report.rejectedCalls,
      stateChanges: report.stateChangeCount
    }
  }

  /**
   * Why the breaker is in its state and what it is waiting for, in one sentence and in numbers.
   *
   * @example
   * breaker.explain().sentence // 'closed: 3 failures of 5 calls, needs 10 calls before it judges'
   */
  explain() {
    const facts = {
      state: this.state,
      mode: this.mode,
      isProbed: this.#options.probe !== undefined,
      failureCount: this.failureCount,
      successCount: this.successCount,
      report: this.#report(),
      reason: this.#stateChanges().at(-1)?.reason
    }
    return explanation(facts, (name) => this.#option(name))
  }

  /**
   * Calls `fn` if the circuit lets it pass. The promise settles exactly as what `fn` gave: its value, or its
   * error as the same object. A function that throws at once fails; a plain value is a success.
   *
   * @template {unknown[]} A
   * @template R
   * @overload
   * @param {(...args: [...A, CallContext]) => R} fn Gets `{ signal }` after its arguments where the breaker has a `timeout`.
   * @param {...A} args
   * @returns {Promise<Awaited<R>>} Rejects with a {@link CircuitOpenError} or a {@link BulkheadFullError} when the call is
   *   refused, with a {@link CallTimeoutError} when it takes too long, and with a `TypeError` (`ERR_INVALID_ARGUMENT`) when
   *   `fn` is no function; then nothing was counted.
   *
   * @example
   * const user = await breaker.call(fetchUser, 42)
   */
  /**
   * @template {unknown[]} A
   * @template R
   * @overload
   * @param {(...args: A) => R} fn
   * @param {...A} args
   * @returns {Promise<Awaited<R>>}
   */
  /**
   * @param {Function} fn
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  call(fn, ...args) {
    if (typeof fn !== 'function') return Promise.reject(notCallable(fn))
    if (this.#isSupervised) return this.#callOneByOne(fn, args, undefined)
    // What #admit does stands here once more: called, it would be past what V8 inlines and cost 12 ns of 40.
    const now = this.#demand & TIME_TO_ADMIT ? this.#now() : 0
    let permit
    try {
      permit = core.admit(this.#slot, now)
    } catch (trap) {
      permit = letThrough(trap)
    }
    if (permit !== this.#permit) permit = this.#receive(permit, now)
    if (permit < 0) return this.#refuse(permit, now, args, this.#options.fallback)
    // Taken before fn runs, which may call back into the breaker. What follows is launch(), for the same reason as above.
    const onSuccess = this.#onSuccess
    const onFailure = this.#onFailure
    /** @type {any} */
    let result
    try {
      result = /** @type {Function} */ (fn)(...args)
      // A native promise needs no other around it. What throws here was made to look like one.
      // Called as a method, V8 inlines it: 6 ns of 42 less than `then.call(result, …)`.
      if (isNativePromise(result)) return result.then(onSuccess, onFailure)
    } catch (error) {
      return rejected(onFailure, error)
    }
    return follow(result, onSuccess, onFailure)
  }

  /**
   * As {@link CircuitBreaker.call}, with options of this call alone. `fn` gets `{ signal }` as its last argument, which
   * aborts when the call is over before `fn` is.
   *
   * @template {unknown[]} A
   * @template R
   * @overload
   * @param {CallOptions} options
   * @param {(...args: [...A, CallContext]) => R} fn
   * @param {...A} args
   * @returns {Promise<Awaited<R>>} Rejects with the caller's own reason when its `signal` aborts; a signal that has
   *   aborted already calls nothing and counts nothing. Rejects with `ERR_INVALID_OPTION` for a wrong option.
   *
   * @example
   * await breaker.callWith({ signal, timeout: 2000 }, (url, { signal }) => fetch(url, { signal }), url)
   */
  /**
   * @template {unknown[]} A
   * @template R
   * @overload
   * @param {CallOptions} options
   * @param {(...args: A) => R} fn
   * @param {...A} args
   * @returns {Promise<Awaited<R>>}
   */
  /**
   * @param {CallOptions} options
   * @param {Function} fn
   * @param {any[]} args
   * @returns {Promise<any>}
   */
  callWith(options, fn, ...args) {
    try {
      if (typeof fn !== 'function') throw notCallable(fn)
      return this.#callOneByOne(fn, args, checkCallOptions(core, options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Calls a function that returns at once, and returns what it returned. Should it return a promise, that
   * promise is handed through as it is and its outcome counts once it settles.
   *
   * @template {unknown[]} A
   * @template R
   * @param {(...args: A) => R} fn
   * @param {A} args
   * @returns {R}
   * @throws {CircuitOpenError | BulkheadFullError} When the call is refused and there is no fallback.
   * @throws {TypeError} `ERR_INVALID_ARGUMENT` when `fn` is no function; then nothing was counted.
   *
   * @example
   * const config = breaker.callSync(readConfig, 'app.json')
   */
  callSync(fn, ...args) {
    if (typeof fn !== 'function') throw notCallable(fn)
    const { fallback, fallbackOn } = this.#options
    const permit = this.#admit()
    if (permit < 0) {
      const refusal = this.#refusal(permit, this.#now())
      if (fallback === undefined) throw refusal
      return this.#fallBack(fallback, args, refusal)
    }
    const started = this.#demand & ELAPSED ? this.#now() : NaN
    let result
    try {
      result = fn(...args)
    } catch (error) {
      const outcome = this.#end(permit, true, error, started)
      if (fallback === undefined || fallbackOn !== 'failure' || outcome !== FAILURE) throw error
      return this.#fallBack(fallback, args, error)
    }
    const promise = promiseOf(result)
    if (promise !== undefined) {
      promise.then(
        (value) => this.#end(permit, false, value, started),
        (error) => this.#end(permit, true, error, started)
      )
    } else {
      this.#end(permit, false, result, started)
    }
    return result
  }

  /**
   * A function that does what `fn` does, through the breaker: same parameters, same `this`, same name.
   *
   * @template {unknown[]} A
   * @template R
   * @template T
   * @param {(this: T, ...args: A) => R} fn
   * @returns {(this: T, ...args: A) => Promise<Awaited<R>>}
   * @throws {TypeError} `ERR_INVALID_ARGUMENT` when `fn` is no function.
   *
   * @example
   * const guardedFetch = breaker.wrap(fetch)
   */
  wrap(fn) {
    if (typeof fn !== 'function') throw notCallable(fn)
    const breaker = this
    /** @type {(this: T, ...args: A) => Promise<Awaited<R>>} */
    const wrapped = function (...args) {
      return /** @type {any} */ (breaker).call((/** @type {any} */ ...all) => fn.apply(this, all), ...args)
    }
    for (const property of /** @type {const} */ (['name', 'length'])) {
      Object.defineProperty(wrapped, property, { value: fn[property], configurable: true })
    }
    return wrapped
  }

  /**
   * Asks for the right to make one call that no function can hold, such as a stream. The permit has to be settled.
   *
   * @returns {CallPermit & Disposable}
   * @throws {CircuitOpenError | BulkheadFullError} When the call is refused.
   */
  acquire() {
    const permit = this.#admit()
    if (permit < 0) throw this.#refusal(permit, this.#now())
    const started = this.#demand & ELAPSED ? this.#now() : NaN
    const settle = (/** @type {keyof typeof OUTCOMES} */ outcome, /** @type {unknown} */ error) => this.#settle(permit, OUTCOMES[outcome], started, error)
    return /** @type {CallPermit & Disposable} */ (new CallPermit(settle))
  }

  /**
   * Brings the state up to the time and answers it: an open circuit whose time is up becomes half open, and
   * test requests that did not settle in time count as failures.
   *
   * @returns {State}
   */
  checkState() {
    core.check(this.#live(), this.#now())
    this.#tell()
    return this.state
  }

  /** Records a success by hand, as if a call had succeeded in the state at hand. Not counted in the metrics. */
  recordSuccess() {
    core.record(this.#live(), SUCCESS, this.#now())
    this.#tell()
  }

  /**
   * Records a failure by hand, as if a call had failed in the state at hand. While open it starts the
   * recovery time again. Not counted in the metrics.
   *
   * @param {unknown} [error] The failure, to be the `cause` of refusals.
   */
  recordFailure(error) {
    core.record(this.#live(), FAILURE, this.#now())
    this.#tell(error)
  }

  /** Opens the circuit by hand for a whole recovery time from now. */
  trip() {
    core.trip(this.#live(), this.#now())
    this.#tell()
  }

  /** Closes the circuit by hand, forgets its failures and ends isolation. Results of calls in flight count no more. */
  reset() {
    core.reset(this.#live(), this.#now())
    this.#tell()
  }

  /** Opens the circuit by hand and holds it open, whatever the time, until `release()` or `reset()`. */
  isolate() {
    core.isolate(this.#live(), this.#now())
    this.#tell()
  }

  /** Ends isolation: the next call is a test request. Does nothing when the circuit is not isolated. */
  release() {
    core.release(this.#live(), this.#now())
    this.#tell()
  }

  /** Lets all calls pass, and counts them, until `enable()`. The state stays as it is. */
  disable() {
    core.disable(this.#live())
    this.#tell()
  }

  /**
   * Shadow mode, until `enable()`: the states go on as they would, but nobody is refused; `metrics.wouldRejectCalls` counts
   * those who would have been.
   */
  observe() {
    core.observe(this.#live())
    this.#tell()
  }

  /** Ends `disable()` and `observe()`. */
  enable() {
    core.enable(this.#live())
    this.#tell()
  }

  /**
   * Resolves when the circuit is closed, at once if it is. It watches and does not test: somebody has to call.
   *
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<void>} Rejects with the signal's reason when that aborts.
   */
  whenClosed({ signal } = {}) {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.state === 'closed') return Promise.resolve()
    const rare = (this.#rare ??= {})
    const waiters = (rare.waiters ??= new Set())
    return new Promise((resolve, reject) => {
      const onClosed = () => {
        watched?.delete(onAbort)
        resolve()
      }
      const onAbort = () => {
        waiters.delete(onClosed)
        reject(signal?.reason)
      }
      waiters.add(onClosed)
      const watched = signal && watch(signal, onAbort)
    })
  }

  /**
   * The breaker as data, for the option `snapshot` of a later one with the same options: its state, what is left of its open
   * time, its counts and its window. Calls in flight are not part of it.
   *
   * @returns {import('./snapshot.js').Snapshot}
   */
  toJSON() {
    return toObject(core, core.snapshot(this.#live(), this.#origin(), this.#now()))
  }

  /**
   * As `EventTarget` has it. A listener that throws or calls back into the breaker changes no call's result.
   *
   * @template {keyof CircuitBreakerEventMap} K
   * @overload
   * @param {K} type
   * @param {((this: CircuitBreaker, event: CircuitBreakerEventMap[K]) => unknown) | { handleEvent(event: CircuitBreakerEventMap[K]): unknown } | null} listener
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
    if (Object.hasOwn(EVENTS, type)) this.#heard |= EVENTS[/** @type {keyof typeof EVENTS} */ (type)]
    // The handlers at hand may be those that tell nobody.
    this.#permit = NaN
    super.addEventListener(type, listener, options)
  }

  /**
   * As `EventTarget` has it; here for its types.
   *
   * @template {keyof CircuitBreakerEventMap} K
   * @overload
   * @param {K} type
   * @param {((this: CircuitBreaker, event: CircuitBreakerEventMap[K]) => unknown) | { handleEvent(event: CircuitBreakerEventMap[K]): unknown } | null} listener
   * @param {boolean | EventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @overload
   * @param {string} type
   * @param {((event: Event) => unknown) | { handleEvent(event: Event): unknown } | null} listener
   * @param {boolean | EventListenerOptions} [options]
   * @returns {void}
   */
  /**
   * @param {string} type
   * @param {any} listener
   * @param {boolean | EventListenerOptions} [options]
   */
  removeEventListener(type, listener, options) {
    super.removeEventListener(type, listener, options)
  }

  /**
   * Puts the breaker aside: its slot is freed, and its next use makes a new one, with nothing lost but its counts, or nothing at
   * all when `keeping`. For registries, which can't wait for the garbage collector.
   *
   * @internal
   * @param {() => CircuitBreakerOptions} options What to make it of again.
   * @param {boolean} [keeping] Whether to put aside a breaker that is not quiet, too: what it knows is kept for its next use.
   * @returns {boolean} False, and nothing happened, when it is busy, or not quiet (open, failing or changed by hand).
   */
  setAside(options, keeping = false) {
    const { telling, untold, probing, written } = this.#rare ?? {}
    if (this.#slot === NO_SLOT || telling || untold || probing) return false
    let kept
    if (!core.isQuiet(this.#slot)) {
      if (!keeping || this.#report().inFlight > 0) return false
      kept = Float64Array.from(core.snapshot(this.#slot, this.#origin(), this.#now()))
    }
    const remadeFrom = { ...options(), ...written }
    reclaim?.unregister(this)
    core.freeSlot(this.#slot)
    this.#slot = NO_SLOT
    this.#permit = NaN
    this.#options = { ...this.#options, remadeFrom, kept }
    return true
  }

  /**
   * Asks the core for a permit, with the handlers that settle it made.
   *
   * @returns {number} A permit, or a refusal below 0.
   */
  #admit() {
    const now = this.#demand & TIME_TO_ADMIT ? this.#now() : 0
    let permit
    try {
      permit = core.admit(this.#slot, now)
    } catch (trap) {
      permit = letThrough(trap)
    }
    return permit === this.#permit ? permit : this.#receive(permit, now)
  }

  /**
   * Takes in an answer that is not that of the last admission: there may be news, and handlers to make.
   *
   * @param {number} permit
   * @param {number} now
   * @returns {number} The answer.
   */
  #receive(permit, now) {
    if (this.#slot === NO_SLOT) {
      this.#live()
      return this.#admit()
    }
    this.#tell()
    // Asked again for the same answer there is no news, but for one: calls that no state is judged by pass an observing
    // breaker while its states go on.
    this.#permit = permit === UNJUDGED ? NaN : permit
    if (permit < 0) return permit
    const slot = this.#slot
    const timed = (this.#demand & TIME_OF_SUCCESS) !== 0
    if (this.#options.classify !== undefined || (this.#heard & CALL_EVENTS) !== 0) {
      this.#onSuccess = (value) => {
        this.#end(permit, false, value, NaN)
        return value
      }
    } else {
      this.#onSuccess = (value) => {
        try {
          if (core.settle(slot, permit, SUCCESS, NaN, timed ? this.#now() : 0) !== 0) this.#tell()
        } catch (trap) {
          letThrough(trap)
        }
        return value
      }
    }
    this.#onFailure = (error) => {
      this.#end(permit, true, error, NaN)
      throw error
    }
    return permit
  }

  /**
   * The slot, made anew where the breaker was put aside.
   *
   * @returns {number}
   */
  #live() {
    if (this.#slot === NO_SLOT) {
      const { remadeFrom, kept, ...options } = this.#options
      this.#options = options
      this.#slot = createFrom(core, remadeFrom).slot
      if (kept !== undefined && !core.restore(this.#slot, kept, this.#origin(), this.#now())) {
        // Only a clock beyond all dates leads here. Better a breaker that begins anew than none.
        core.freeSlot(this.#slot)
        this.#slot = createFrom(core, remadeFrom).slot
      }
      reclaim?.register(this, this.#slot, this)
      this.#demand = core.demand(this.#slot)
    }
    return this.#slot
  }

  /**
   * A call that is timed, may time out or abort, or may fall back: with handlers of its own.
   *
   * @param {Function} fn
   * @param {unknown[]} args
   * @param {CallOptions | undefined} own
   * @returns {Promise<any>}
   */
  #callOneByOne(fn, args, own) {
    const { fallbackOn } = this.#options
    const answer = own?.fallback ?? this.#options.fallback
    const signal = own?.signal
    if (signal?.aborted) return Promise.reject(signal.reason)
    const timeout = own?.timeout ?? this.#options.timeout
    const permit = this.#admit()
    if (permit < 0) return this.#refuse(permit, this.#now(), args, answer)
    const started = this.#demand & ELAPSED ? this.#now() : NaN
    // A listener of the state change that the admission brought about may have aborted it.
    if (signal?.aborted) {
      this.#settle(permit, IGNORED, started, signal.reason)
      return Promise.reject(signal.reason)
    }
    let outcome = SUCCESS
    let promise
    if (own === undefined && timeout === undefined) {
      promise = launch(
        fn,
        args,
        (value) => {
          outcome = this.#end(permit, false, value, started)
          return value
        },
        (error) => {
          outcome = this.#end(permit, true, error, started)
          throw error
        }
      )
    } else {
      const makeTimeoutError = () =>
        new CallTimeoutError(`The call took longer than ${timeout} ms`, { breaker: this.#options.name, timeout: /** @type {number} */ (timeout) })
      promise = supervise(fn, args, { signal, timeout, makeTimeoutError }, (how, payload) => {
        if (how === ENDED.abort) outcome = this.#settle(permit, IGNORED, started, payload)
        else if (how === ENDED.timeout) outcome = this.#settle(permit, TIMED_OUT, started, payload)
        else outcome = this.#end(permit, how === ENDED.error, payload, started)
      })
    }
    if (answer === undefined || fallbackOn !== 'failure') return promise
    return promise.catch((/** @type {unknown} */ error) => {
      if (outcome === FAILURE || outcome === TIMED_OUT) return this.#fallBack(answer, args, error)
      throw error
    })
  }

  /**
   * Judges how a call ended and settles its permit.
   *
   * @param {number} permit
   * @param {boolean} threw
   * @param {unknown} payload What it threw, or its value.
   * @param {number} started NaN when it was not timed.
   * @returns {number} The outcome.
   */
  #end(permit, threw, payload, started) {
    const { classify } = this.#options
    if (classify === undefined) return this.#settle(permit, threw ? FAILURE : SUCCESS, started, threw ? payload : undefined)
    let outcome = threw ? FAILURE : SUCCESS
    let retryAfter = NaN
    let trips = false
    let cause = threw ? payload : undefined
    try {
      const verdict = threw ? classify(payload, undefined) : classify(undefined, payload)
      if (verdict !== undefined) {
        const named = typeof verdict === 'object' && verdict !== null ? verdict.outcome : verdict
        if (!Object.hasOwn(OUTCOMES, named)) {
          hush(verdict)
          throw misuse(TypeError, `Expected \`classify\` to answer 'success', 'failure' or 'ignored', got ${show(named)}`)
        }
        outcome = OUTCOMES[named]
        if (typeof verdict === 'object') {
          retryAfter = typeof verdict.retryAfter === 'number' ? verdict.retryAfter : NaN
          trips = verdict.trip === true
          if (!threw) cause = verdict.cause
        }
      }
    } catch (error) {
      // A judge that fails is told of it; the call is judged as if there were none.
      report(error)
    }
    return this.#settle(permit, outcome, started, cause, retryAfter, trips)
  }

  /**
   * Settles a permit and tells what came of it.
   *
   * @param {number} permit
   * @param {number} outcome
   * @param {number} started NaN when it was not timed.
   * @param {unknown} [error]
   * @param {number} [retryAfter]
   * @param {boolean} [trips]
   * @returns {number} The outcome.
   */
  #settle(permit, outcome, started, error, retryAfter = NaN, trips = false) {
    const now = outcome !== SUCCESS || (this.#demand & TIME_OF_SUCCESS) !== 0 || started === started ? this.#now() : 0
    const elapsed = now - started
    let news = 0
    try {
      if (trips || retryAfter === retryAfter) {
        news = core.settleAsking(this.#slot, permit, outcome, retryAfter, Number(trips), elapsed, now)
      } else {
        news = core.settle(this.#slot, permit, outcome, elapsed, now)
      }
    } catch (trap) {
      letThrough(trap)
      // The call stack is at its end: the permit is settled where there is a new one.
      if (trap instanceof RangeError) {
        ready.then(() => this.#settle(permit, outcome, started, error, retryAfter, trips))
        return outcome
      }
    }
    if (news !== 0) {
      // Listeners of the call itself come first, and may call back in: then the news is told with its failure all the same.
      const rare = (this.#rare ??= {})
      rare.untold = true
      rare.culprit = error ?? rare.culprit
    }
    if (outcome === TIMED_OUT) this.#emit('timeout', { elapsed, error })
    if (this.#heard & CALL_EVENTS) {
      if (outcome === SUCCESS) this.#emit('success', { elapsed })
      else if (outcome === IGNORED) this.#emit('ignored', { elapsed, error })
      else this.#emit('failure', { elapsed, error })
    }
    if (news !== 0) this.#tell(error)
    return outcome
  }

  /**
   * @param {number} refusal
   * @param {number} now
   * @param {unknown[]} args
   * @param {Function | undefined} fallback
   * @returns {Promise<any>}
   */
  #refuse(refusal, now, args, fallback) {
    const error = this.#refusal(refusal, now)
    if (fallback !== undefined) return attempt((/** @type {unknown[]} */ ...all) => this.#fallBack(fallback, all, error), args)
    // Rejected a moment later, when the caller listens already: a promise that is rejected before anybody listens costs
    // Node two more rounds of its bookkeeping, 0.4 µs of 1.2.
    return new Promise((_, reject) => {
      ready.then(() => reject(error))
    })
  }

  /**
   * @param {number} refusal
   * @param {number} now
   */
  #refusal(refusal, now) {
    const breaker = this.#options.name
    let error
    if (this.#options.probe !== undefined) this.#startProbe()
    if (refusal === REFUSED_BULKHEAD_FULL) {
      const message = `Too many calls in flight, at most ${this.#option('maxConcurrent')} at once`
      error = this.#makeRefusal(BulkheadFullError, message, { breaker, state: this.state })
    } else {
      const state = refusal === REFUSED_HALF_OPEN_FULL ? 'half_open' : 'open'
      const retryAfter = core.retryAfter(this.#slot, now)
      const message =
        retryAfter === Infinity ? 'Circuit open. Isolated until released' : `Circuit open. Retry in ${Math.ceil(retryAfter / 1000)}s`
      error = this.#makeRefusal(CircuitOpenError, message, { breaker, state, retryAfter, cause: this.#cause })
    }
    if (this.#heard & EVENTS.reject) this.#emit('reject', { error })
    return error
  }

  /**
   * @template T
   * @template {import('../errors.js').RefusalDetails} D
   * @param {new (message: string, details: D) => T} Type
   * @param {string} message
   * @param {D} details
   */
  #makeRefusal(Type, message, details) {
    return this.#options.stackTrace ? new Type(message, details) : withoutStack(Type, message, details)
  }

  /**
   * @param {Function} fallback
   * @param {unknown[]} args
   * @param {unknown} error
   */
  #fallBack(fallback, args, error) {
    if (this.#heard & EVENTS.fallback) this.#emit('fallback', { error })
    return fallback(...args, error)
  }

  /**
   * @param {keyof typeof EVENTS} type
   * @param {object} detail
   */
  #emit(type, detail) {
    if (this.#heard & EVENTS[type]) this.dispatchEvent(new CustomEvent(type, { detail }))
  }

  /**
   * Takes the news from the core and emits it, one event per state change and in their order: a listener that
   * causes more news leaves the telling to whoever is at it.
   *
   * @param {unknown} [error] The failure that brought the news about.
   */
  #tell(error) {
    const slot = this.#slot
    let news = 0
    try {
      this.#demand = core.demand(slot)
      if (this.#rare?.telling) {
        if (error !== undefined) this.#rare.culprit = error
        return
      }
      while ((news = core.takeTransition(slot)) !== 0) {
        const rare = (this.#rare ??= {})
        const { from, to, reason } = transition(news)
        const culprit = rare.culprit ?? error
        // A failure opens once; what its listeners bring about is not its doing.
        if (to === 'open') rare.culprit = error = undefined
        rare.telling = true
        try {
          this.#change(from, to, reason, culprit)
        } finally {
          rare.telling = false
        }
      }
    } catch (trap) {
      letThrough(trap)
    }
    if (this.#rare !== undefined) {
      this.#rare.culprit = undefined
      this.#rare.untold = false
      if (this.#options.probe !== undefined) this.#startProbe()
    }
  }

  /**
   * One state change: what hangs on it is brought in line, then listeners hear of it.
   *
   * @param {State} from
   * @param {State} to
   * @param {string} reason
   * @param {unknown} culprit
   */
  #change(from, to, reason, culprit) {
    const at = core.transitionTime()
    if (to === 'open') {
      // A refusal of its own, from a function that calls through its own breaker, says what is known: its cause.
      if (!(culprit instanceof CircuitOpenError && culprit.cause === this.#cause)) this.#cause = culprit
      if (this.#demand & RANDOM) core.spread(this.#slot, this.#random())
    } else if (to === 'closed') {
      this.#cause = undefined
      const waiters = this.#rare?.waiters
      if (waiters !== undefined) {
        for (const onClosed of waiters) onClosed()
        waiters.clear()
      }
    }
    this.#emit('statechange', { from, to, reason, at })
  }

  /**
   * Starts the background task that tests the dependency, unless there is nothing to test; and wakes it where it sleeps past
   * what it has to do.
   */
  #startProbe() {
    const rare = (this.#rare ??= {})
    const { probe, sleep, name } = this.#options
    const { state, mode } = this
    const hasWork = state !== 'closed' && mode !== 'isolated' && mode !== 'disabled'
    if (rare.probing) {
      rare.probing.wake(hasWork ? core.retryAfter(this.#slot, this.#now()) : 0)
      return
    }
    if (probe === undefined || !hasWork) return
    rare.probing = recoveryHost(this, {
      probe,
      sleep,
      name,
      now: (breaker) => breaker.#now(),
      tell: (breaker, failure) => breaker.#tell(failure),
      ended: (breaker) => {
        if (breaker.#rare !== undefined) breaker.#rare.probing = undefined
      }
    })
    core.startProbe(this.#slot, rare.probing)
  }

  /** @param {unknown} snapshot */
  #restore(snapshot) {
    const numbers = toNumbers(core, snapshot)
    if (numbers !== undefined && core.restore(this.#slot, numbers, this.#origin(), this.#now())) return
    reclaim?.unregister(this)
    core.freeSlot(this.#slot)
    throw badSnapshot()
  }

  /**
   * What the core reports, by name.
   *
   * @returns {Record<string, number>}
   */
  #report() {
    const numbers = core.report(this.#live(), this.#now()) ?? []
    return Object.fromEntries(core.reportNames.map((name, index) => [name, numbers[index] ?? 0]))
  }

  #stateChanges() {
    const numbers = core.stateChanges(this.#live()) ?? []
    const changes = []
    for (let index = 0; index < numbers.length; index += 4) {
      const [from, to, reason, at] = numbers.slice(index, index + 4)
      changes.push({
        from: core.states[from],
        to: core.states[to],
        reason: /** @type {Reason} */ (core.reasons[reason]),
        timestamp: toISO(this.#origin() + at)
      })
    }
    return changes
  }

  /**
   * The value in force of a numeric option; undefined where it is off.
   *
   * @param {string} name
   */
  #option(name) {
    const value = core.option(this.#live(), /** @type {number} */ (core.fields.get(name)))
    return Number.isNaN(value) ? undefined : value
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  #set(name, value) {
    setOption(core, this.#live(), name, value)
    const rare = (this.#rare ??= {})
    rare.written = { ...rare.written, [name]: /** @type {number} */ (value) }
    if (this.#options.probe !== undefined) this.#startProbe()
  }

  /** The time in ms; NaN when the clock throws or answers nonsense, which changes nothing in the core. */
  #now() {
    const { clock } = this.#options
    try {
      const now = clock === undefined ? Date.now() : clock.now()
      return typeof now === 'number' ? now : hush(now)
    } catch {
      return NaN
    }
  }

  /** Where the zero of the clock lies, in ms since the epoch. */
  #origin() {
    const origin = this.#options.clock?.timeOrigin
    return typeof origin === 'number' && Number.isFinite(origin) ? origin : 0
  }

  /** A number for jitter; NaN when the user's source throws or answers nonsense, which takes nothing off. */
  #random() {
    try {
      const random = (this.#options.random ?? Math.random)()
      return typeof random === 'number' ? random : hush(random)
    } catch (error) {
      report(error)
      return NaN
    }
  }
}

/** Resolved, for what is to happen a moment later. */
const ready = Promise.resolve()

/**
 * Takes the answer of a user's function that was to be no promise: if it is one that rejects, nobody else hears of it.
 *
 * @param {unknown} answer
 * @returns {number} NaN
 */
function hush(answer) {
  promiseOf(answer)?.catch(() => {})
  return NaN
}

/**
 * @template T
 * @param {T} value
 * @returns {T}
 */
function identity(value) {
  return value
}

/**
 * @param {number} time In ms since the epoch.
 */
function toISO(time) {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

/** @param {unknown} fn */
function notCallable(fn) {
  const hint = fn instanceof Promise ? ': pass the function itself, not the promise it returns' : ''
  return misuse(TypeError, `Expected \`fn\` to be a function, got ${show(fn)}${hint}`)
}

let trapped = false

/**
 * Lets a call through unguarded after the core trapped: a guard must not take the house down. The core can't
 * panic by design, so this is said once and aloud.
 *
 * @param {unknown} trap
 * @returns {number} The permit that no state is judged by.
 */
function letThrough(trap) {
  // A RangeError is the engine's: the caller's call stack is at its end, and the core is as it was.
  if (!trapped && !(trap instanceof RangeError)) {
    trapped = true
    console.error(new Error('halfopen: the core has failed; calls go through unguarded from here on', { cause: trap }))
  }
  return 0
}
