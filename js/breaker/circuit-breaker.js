/**
 * The breaker that users hold: its methods, and the way of a call.
 *
 * Must not know: when to open or close. Every decision is the core's; this file asks it, makes the call and brings back the outcome.
 *
 * The hot path is two calls into Wasm with numbers. The promise handlers are made once per generation, not
 * per call, since in `closed` all calls of a generation hold the same permit; and the clock is read only
 * when the core asked for it (`demand`).
 */
import { core, letThrough, retired } from '../engine/index.js'
import {
  DEMANDS_ELAPSED, DEMANDS_NEWS, DEMANDS_RANDOM, DEMANDS_TIME_OF_SUCCESS, DEMANDS_TIME_TO_ADMIT, FACT_REJECTED_CALLS,
  FACT_STATE_CHANGE_COUNT, FACT_TOTAL_CALLS, FAILURE, IGNORED, IN_FLIGHT, NO_SLOT, REPORT, ROW, STATE_CHANGED, SUCCESS, TIMED_OUT, UNDECIDED, UNJUDGED
} from '../engine/numbers.js'
import { misuse, show } from '../base/misuse.js'
import { emit, Target } from '../base/target.js'
import { checkCallOptions, onlySignal } from '../options/call-options.js'
import { createAgain, setOption } from '../options/options.js'
import { report } from '../base/report.js'
import { assertTripTime, tripTime } from '../options/trip-options.js'
import { openChannels, publish } from './channels.js'
import { NAMES, openDoor } from './door.js'
import { CALL_EVENTS, EVENTS } from './events.js'
import { explanation } from './explain.js'
import { lend, openFleetDoor } from './fleet.js'
import { showBy } from './inspect.js'
import { CircuitBreakerMetrics, percent, successRate } from './metrics.js'
import { News } from './news.js'
import { answerOf, ENDED, PendingCall } from './pending.js'
import { runOutside } from './outside.js'
import { CallPermit } from './permit.js'
import { attempt, follow, isNativePromise, launch, promiseOf } from './promises.js'
import { readOption, readStateChanges } from './readings.js'
import { recoveryHost } from './recovery.js'
import { refusalOf } from './refusals.js'
import { reasonOf } from './signals.js'
import { dropSlot, holdSlot, holdSlotFor, makeSlot, remake } from './slots.js'
import { toObject } from './snapshot.js'
import { chanceOf, elapsedSince, originOf, readingOf, timeOf } from './sources.js'
import { isOverflow, settleNoted, unsettled } from './unsettled.js'
import { fallsBack, judge, OUTCOMES, outcomeOf } from './verdicts.js'

/** @import { BulkheadFullError, CallTimeoutError, CircuitOpenError } from '../base/errors.js' */
/** @import { AbortSignalLike, DisposableLike, HostEvent } from '../base/host-types.js' */
/** @import { AnswerOf, CallContext, CallOptions, CircuitBreakerEventMap, CircuitBreakerOptions, ListenerOptions, Mode, State } from '../base/types.js' */

/** Where the row of one breaker is read: it takes longer to make such an array than to read it. @type {Float64Array | undefined} */
let row

/** What only a few breakers have. All of it is a member of its own, so that nothing of it is found on a prototype. */
class Rare {
  /** @type {News | undefined} */
  news = undefined
  /** @type {CircuitBreakerMetrics | undefined} */
  metrics = undefined
  /** Brings back the outcome of calls that may end before their functions. @type {import('./pending.js').Ended | undefined} */
  ended = undefined
  /** The host of the background task, as long as that runs. @type {ReturnType<typeof recoveryHost> | undefined} */
  probing = undefined
  /** Numeric options that were changed. @type {Record<string, number> | undefined} */
  written = undefined
  /** What it is made of again, where it was put aside. @type {import('./slots.js').Aside | undefined} */
  aside = undefined
  /** Its seat in a registry, to be told of what may change its place there. @type {{ slot: number, place(): void } | undefined} */
  seat = undefined
  /** Where it left a registry, what counts for that all the same. @type {import('../registry/ledger.js').Away | undefined} */
  away = undefined
  /** The place of the fleet that it has joined. @type {import('./fleet.js').FleetPlace | undefined} */
  fleet = undefined
}

/**
 * A circuit breaker: calls a function as long as its dependency is healthy, and refuses at once when it is not.
 *
 * @extends {Target<CircuitBreakerEventMap>}
 */
export class CircuitBreaker extends Target {
  #slot
  /** The permit that the two handlers below settle; NaN for none. */
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
  /** @type {Rare | undefined} */
  #rare

  /**
   * @param {CircuitBreakerOptions} [options]
   * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong, `ERR_INVALID_SNAPSHOT`
   *   when the snapshot is not one of such a breaker.
   * @throws {Error} `ERR_ENGINE_UNAVAILABLE` where WebAssembly is missing or forbidden.
   *
   * @example
   * const breaker = new CircuitBreaker({ failureThreshold: 5, recoveryTimeout: 60000, successThreshold: 2 })
   */
  constructor(options) {
    super()
    const { slot, others } = makeSlot(options)
    this.#slot = slot
    this.#options = others
    holdSlot(this, slot)
    this.#demand = core.demand(slot)
    this.#isSupervised =
      (this.#demand & DEMANDS_ELAPSED) !== 0 || others.fallbackOn === 'failure' || others.timeout !== undefined
    Object.defineProperty(this, 'state', OWN_STATE)
    showBreakers()
    openChannels()
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
   * N failures open the circuit: in a row, or inside the window if there is one. Checked when written.
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

  /** N successful test requests close the circuit. Checked when written. */
  get successThreshold() {
    return /** @type {number} */ (this.#option('successThreshold'))
  }

  set successThreshold(count) {
    this.#set('successThreshold', count)
  }

  /** Counts over the breaker's life. */
  get metrics() {
    const rare = (this.#rare ??= new Rare())
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
      totalCalls: report[FACT_TOTAL_CALLS],
      rejected: report[FACT_REJECTED_CALLS],
      stateChanges: report[FACT_STATE_CHANGE_COUNT]
    }
  }

  /**
   * Why the breaker is in its state and what it is waiting for, in one sentence and in numbers.
   *
   * @example
   * breaker.explain().sentence // 'closed: 3 failures of 5 calls, needs 10 calls before it judges'
   */
  explain() {
    // The clock is asked first: its own code may read metrics, and so write another row.
    const now = this.#now()
    const report = this.#report(now)
    const facts = {
      state: this.state,
      mode: this.mode,
      isProbed: this.#options.probe !== undefined,
      stage: core.fleetStage(this.#live(), now),
      failureCount: this.failureCount,
      successCount: this.successCount,
      report: Object.fromEntries(REPORT.map((name, index) => [name, report[index]])),
      reason: this.#stateChanges().slice(-1)[0]?.reason
    }
    return explanation(facts, (name) => this.#option(name))
  }

  /**
   * Calls `fn` with exactly these arguments if the circuit lets it pass. The promise settles exactly as what `fn` gave: its value,
   * or its error as the same object. A function that throws at once fails; a plain value is a success.
   *
   * @template {unknown[]} A
   * @template R
   * @param {(...args: A) => R} fn
   * @param {A} args
   * @returns {Promise<Awaited<R>>} Rejects with a {@link CircuitOpenError} or a {@link BulkheadFullError} when the call is
   *   refused, with a {@link CallTimeoutError} when it takes too long, and with a `TypeError` (`ERR_INVALID_ARGUMENT`) when
   *   `fn` is no function; then nothing was counted.
   *
   * @example
   * const user = await breaker.call(fetchUser, 42)
   */
  call(fn, ...args) {
    if (typeof fn !== 'function') return Promise.reject(notCallable(fn))
    if (this.#isSupervised) return this.#callOneByOne(fn, args)
    // What #admit does stands here once more: called, it would be past what V8 inlines and cost 12 ns of 40. And V8 inlines this into its
    // caller as long as it has no more than 460 bytes of bytecode: 416 now, where 493 cost 20 ns of 100 more.
    let now = 0
    let chance = NaN
    if (this.#demand & DEMANDS_TIME_TO_ADMIT) {
      now = this.#now()
      chance = this.#chance()
    }
    let permit
    try {
      permit = core.admit(this.#slot, now, chance)
    } catch (trap) {
      permit = letThrough(trap)
    }
    try {
      if (permit !== this.#permit) {
        permit = this.#receive(permit, now)
        if (permit < 0) return this.#refuse(permit, now, fn, args, this.#options.fallback)
      }
      // Taken before fn runs, which may call back into the breaker. What follows is launch(), for the same reason as above.
      const onSuccess = this.#onSuccess
      const onFailure = this.#onFailure
      const result = /** @type {any} */ (/** @type {Function} */ (fn)(...args))
      // A native promise needs no other around it. What throws here was made to look like one.
      // Called as a method, V8 inlines it: 6 ns of 42 less than `then.call(result, …)`.
      return isNativePromise(result) ? result.then(onSuccess, onFailure) : follow(result, onSuccess, onFailure)
    } catch (error) {
      // Refused, or not admitted at all: nothing is to be settled.
      if (!(permit >= 0)) throw error
      // Named here: what a closure takes from around this block, every call would pay for.
      const breaker = this
      const held = permit
      unsettled[unsettled.length] = () => breaker.#end(held, true, error, NaN)
      settleNoted()
      return Promise.reject(error)
    }
  }

  /**
   * As {@link CircuitBreaker.call}, with options of this call alone. `fn` gets `{ signal }` as its last argument, which
   * aborts when the call is over before `fn` is.
   *
   * @template {unknown[]} A
   * @template R
   * @template [F=never]
   * @overload
   * @param {CallOptions<F>} options
   * @param {(...args: [...A, CallContext]) => R} fn
   * @param {...A} args
   * @returns {Promise<Awaited<R> | AnswerOf<F>>} Rejects with the caller's own reason when its `signal` aborts; a signal that has
   *   aborted already calls nothing and counts nothing. Rejects with `ERR_INVALID_OPTION` for a wrong option.
   *
   * @example
   * await breaker.callWith({ signal, timeout: 2000 }, (url, { signal }) => fetch(url, { signal }), url)
   */
  /**
   * @template {unknown[]} A
   * @template R
   * @template [F=never]
   * @overload
   * @param {CallOptions<F>} options
   * @param {(...args: A) => R} fn
   * @param {...A} args
   * @returns {Promise<Awaited<R> | AnswerOf<F>>}
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
      return this.#callWithin(fn, args, checkCallOptions(options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Calls a function that returns at once, and returns what it returned. Should it return a promise, its outcome counts once that settles,
   * and the answer is a promise that settles alike.
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
    const ofFailures = fallbackOn === 'failure' && fallback
    const permit = this.#admitAtOnce()
    if (permit < 0) {
      const refusal = this.#refusal(permit, this.#now())
      if (fallback === undefined) throw refusal
      return this.#fallBack(fallback, args, refusal)
    }
    let held = permit
    try {
      const started = this.#started()
      let result
      try {
        result = fn(...args)
      } catch (error) {
        const outcome = this.#end(permit, true, error, started)
        held = NaN
        if (!ofFailures || !fallsBack(outcome, error)) throw error
        return this.#fallBack(ofFailures, args, error)
      }
      const promise = promiseOf(result)
      if (promise === undefined) {
        this.#end(permit, false, result, started)
        return result
      }
      // Of a proxy around one, `then` itself throws.
      /** @type {any} */
      const followed = Promise.resolve(promise).then(
        (value) => {
          this.#end(permit, false, value, started)
          return value
        },
        (error) => {
          const outcome = this.#end(permit, true, error, started)
          if (!ofFailures || !fallsBack(outcome, error)) throw error
          return this.#fallBack(ofFailures, args, error)
        }
      )
      return followed
    } catch (error) {
      if (held >= 0) {
        unsettled[unsettled.length] = () => this.#end(permit, true, error, NaN)
        settleNoted()
      }
      throw error
    }
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
    return wrapped(fn, (bound, args) => this.call(/** @type {any} */ (bound), ...args))
  }

  /**
   * As {@link CircuitBreaker.wrap}, with options for each of its calls, as {@link CircuitBreaker.callWith} takes them: `fn` gets
   * `{ signal }` after the arguments.
   *
   * @template {unknown[]} A
   * @template R
   * @template T
   * @template [F=never]
   * @overload
   * @param {CallOptions<F>} options
   * @param {(this: T, ...args: [...A, CallContext]) => R} fn
   * @returns {(this: T, ...args: A) => Promise<Awaited<R> | AnswerOf<F>>}
   * @throws {TypeError | RangeError} `ERR_INVALID_ARGUMENT` when `fn` is no function, `ERR_INVALID_OPTION` for a wrong option.
   *
   * @example
   * const load = breaker.wrapWith({ timeout: 2000 }, (url, { signal }) => fetch(url, { signal }))
   */
  /**
   * @template {unknown[]} A
   * @template R
   * @template T
   * @template [F=never]
   * @overload
   * @param {CallOptions<F>} options
   * @param {(this: T, ...args: A) => R} fn
   * @returns {(this: T, ...args: A) => Promise<Awaited<R> | AnswerOf<F>>}
   */
  /**
   * @param {CallOptions} options
   * @param {any} fn
   * @returns {any}
   */
  wrapWith(options, fn) {
    const own = checkCallOptions(options)
    return wrapped(fn, (bound, args) => this.#callWithin(bound, args, own))
  }

  /**
   * Asks for the right to make one call that no function can hold, such as a stream. The permit has to be settled.
   *
   * @returns {CallPermit & DisposableLike}
   * @throws {CircuitOpenError | BulkheadFullError} When the call is refused.
   */
  acquire() {
    const permit = this.#admitAtOnce()
    if (permit < 0) throw this.#refusal(permit, this.#now())
    try {
      const started = this.#started()
      const settle = (/** @type {keyof typeof OUTCOMES} */ outcome, /** @type {unknown} */ error) => this.#settle(permit, OUTCOMES[outcome], started, error)
      return /** @type {CallPermit & DisposableLike} */ (new CallPermit(settle))
    } catch (error) {
      unsettled[unsettled.length] = () => this.#settle(permit, IGNORED, NaN, error)
      throw error
    }
  }

  /**
   * Brings the state up to the time and answers it: an open circuit whose time is up becomes half open, and
   * test requests that did not settle in time count as failures.
   *
   * @returns {State}
   */
  checkState() {
    core.check(this.#live(), this.#now(), this.#chance())
    this.#tell()
    return this.state
  }

  /** Records a success by hand, as if a call had succeeded in the current state. Not counted in the metrics. */
  recordSuccess() {
    core.record(this.#live(), SUCCESS, this.#now(), NaN)
    this.#tell()
  }

  /**
   * Records a failure by hand, as if a call had failed in the current state. While open it starts the
   * recovery time again. Not counted in the metrics.
   *
   * @param {unknown} [error] The failure, to be the `cause` of refusals.
   */
  recordFailure(error) {
    core.record(this.#live(), FAILURE, this.#now(), this.#chance())
    this.#tell(error)
  }

  /**
   * Opens the circuit by hand for a whole recovery time from now, or `for` so many ms. That is the least then: no failure, later `trip()` or
   * written option makes it shorter, and the open times that come after are as they would have been.
   *
   * @param {{ for?: number | undefined }} [options]
   * @throws {TypeError | RangeError} `ERR_INVALID_OPTION`; then nothing changed.
   *
   * @example
   * breaker.trip({ for: 30 * 60_000 }) // an upkeep of half an hour
   */
  trip(options) {
    const ms = tripTime(options)
    const slot = this.#live()
    if (ms === undefined) core.trip(slot, this.#now())
    else assertTripTime(core.tripFor(slot, ms, this.#now()), ms)
    this.#tell()
  }

  /**
   * Closes the circuit by hand, forgets its failures and ends isolation. Results of calls in flight count no more. `disable()` and `observe()`
   * stay in force.
   */
  reset() {
    core.reset(this.#live(), this.#now())
    this.#tell()
  }

  /**
   * Opens the circuit by hand and holds it open, whatever the time, until `release()` or `reset()`. A switch of its own: it goes on beneath
   * `disable()`, which outranks it, and outranks `observe()`.
   */
  isolate() {
    core.isolate(this.#live(), this.#now())
    this.#tell()
  }

  /**
   * Ends isolation and nothing else: the next call is a test request, unless `trip({ for })` still holds. Does nothing when the circuit is not
   * isolated.
   */
  release() {
    core.release(this.#live(), this.#now())
    this.#tell()
  }

  /** Lets all calls pass, and counts them, until `enable()`, though the circuit be isolated. The state stays as it is. */
  disable() {
    core.disable(this.#live())
    this.#tell()
  }

  /**
   * Shadow mode, until `enable()`: the states go on as they would, but nobody is refused; `metrics.wouldRejectCalls` counts
   * those who would have been. An isolated circuit refuses all the same.
   */
  observe() {
    core.observe(this.#live())
    this.#tell()
  }

  /** Ends `disable()` and `observe()`, and no isolation. */
  enable() {
    core.enable(this.#live())
    this.#tell()
  }

  /**
   * Resolves when the circuit is closed, at once if it is. It watches and does not test: somebody has to call.
   *
   * @param {{ signal?: AbortSignalLike | undefined }} [options]
   * @returns {Promise<void>} Rejects with the signal's reason when that aborts, and with `ERR_INVALID_OPTION` when it is no signal.
   */
  async whenClosed(options = {}) {
    const signal = onlySignal(options)
    if (signal?.aborted) throw reasonOf(signal)
    if (this.state === 'closed') return
    const closed = this.#news().untilClosed(signal)
    this.#keepAwaited()
    try {
      await closed
    } finally {
      this.#keepAwaited()
    }
  }

  /**
   * The breaker as data, for the option `snapshot` of a later one: its state, what has passed of its open time, its counts and its
   * window. Calls in flight are not part of it.
   *
   * @returns {import('./snapshot.js').Snapshot}
   */
  toJSON() {
    return toObject(core.snapshot(this.#live(), originOf(this.#options.clock), this.#now()) ?? [])
  }

  /**
   * As `EventTarget` has it. A listener that throws or calls back into the breaker changes no call's result.
   *
   * @template {keyof CircuitBreakerEventMap} K
   * @overload
   * @param {K} type
   * @param {((this: CircuitBreaker, event: CircuitBreakerEventMap[K]) => unknown) | { handleEvent(event: CircuitBreakerEventMap[K]): unknown } | null} listener
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
    super.addEventListener(type, listener, /** @type {any} */ (options))
    if (Object.hasOwn(EVENTS, type)) this.#heard |= EVENTS[/** @type {keyof typeof EVENTS} */ (type)]
    // Its handlers may be those that tell nobody.
    this.#permit = NaN
  }

  /**
   * What {@link openDoor} has readers find under a symbol.
   *
   * @internal
   * @returns {import('./door.js').Reading}
   */
  reading() {
    if (unsettled.length > 0) settleNoted()
    const { name, clock } = this.#options
    const now = this.#now()
    const aside = this.#rare?.aside
    // One that was put aside is made again for as long as it is read.
    const slot = aside === undefined ? this.#slot : remake(aside, originOf(clock), now)
    const rows = core.report([slot, now])
    if (aside !== undefined) core.freeSlot(slot)
    return { ...NAMES, rows, keys: [name], names: [name], ids: [0], gone: undefined, breaker: () => this }
  }

  /**
   * What {@link openFleetDoor} has fleets find under a symbol: one takes its place in the breaker, or leaves it.
   *
   * @internal
   * @param {import('./fleet.js').FleetPlace | undefined} place Undefined to leave.
   * @throws {TypeError} `ERR_INVALID_ARGUMENT` when another has joined.
   */
  joinFleet(place) {
    const rare = (this.#rare ??= new Rare())
    if (place !== undefined) {
      if (rare.fleet !== undefined) throw misuse(TypeError, 'Expected a breaker that no fleet has joined')
      const lent = lend(() => this.#live(), () => this.#now(), () => this.#chance(), () => this.#tell())
      place.enter(lent)
    } else if (rare.fleet !== undefined) {
      rare.fleet.leave()
      core.fleetEnd(this.#live(), 0, NaN)
    }
    rare.fleet = place
    this.#tell()
  }

  /**
   * Takes a seat in a registry, or gives it up: the registry goes on counting what it does.
   *
   * @internal
   * @param {Rare['seat']} seat
   * @param {import('../registry/ledger.js').Ledger} ledger The registry's.
   * @returns {number} The slot, which stays the same until the breaker is put aside.
   */
  takeSeat(seat, ledger) {
    const slot = this.#live()
    const rare = (this.#rare ??= new Rare())
    if (rare.away !== undefined) {
      rare.away.comeBack()
      rare.away = undefined
      holdSlotFor(this, slot)
    }
    rare.seat = seat
    if (seat === undefined) rare.away = ledger.leave(slot)
    return slot
  }

  /**
   * Puts the breaker aside: its slot is freed, and its next use makes a new one, which goes on from there. For registries, which can't wait for the
   * garbage collector.
   *
   * @internal
   * @param {() => CircuitBreakerOptions} options What to make it of again.
   * @param {boolean} isHeld Whether somebody may hold it. If nobody does, nothing is kept.
   * @returns {boolean} False, and nothing happened, where calls are in flight or something else needs the slot.
   */
  setAside(options, isHeld) {
    const now = this.#now()
    const slot = this.#slot
    const { news, probing, seat, written, fleet } = this.#rare ?? new Rare()
    // A seat: the clock asked the registry for it. A fleet may hold it at any moment, which a snapshot would not know.
    if (slot === NO_SLOT || seat || fleet || news?.isTelling || probing || (core.demand(slot) & DEMANDS_NEWS) !== 0) return this.stayAway()
    const standing = core.standing(slot, now)
    if ((standing & IN_FLIGHT) !== 0) return this.stayAway()
    const hasPast = isHeld && (standing !== 0 || core.asked(slot) > 0)
    const kept = hasPast ? Float64Array.from(core.snapshot(slot, originOf(this.#options.clock), now) ?? []) : undefined
    const aside = { options: { ...options(), ...written }, kept }
    this.#rare?.away?.rest()
    dropSlot(this, slot)
    this.#slot = NO_SLOT
    this.#permit = NaN
    ;(this.#rare ??= new Rare()).aside = aside
    return true
  }

  /**
   * It left a registry, and goes on: its last counts are entered in the ledger before its slot is freed.
   *
   * @internal
   * @returns {false}
   */
  stayAway() {
    const away = this.#rare?.away
    if (away !== undefined) holdSlotFor(this, away)
    return false
  }

  /**
   * Asks the core for a permit, with the handlers that settle it made.
   *
   * @returns {number} A permit, or a refusal below 0.
   */
  #admit() {
    const now = this.#demand & DEMANDS_TIME_TO_ADMIT ? this.#now() : 0
    const chance = this.#demand & DEMANDS_TIME_TO_ADMIT ? this.#chance() : NaN
    let permit
    try {
      permit = core.admit(this.#slot, now, chance)
    } catch (trap) {
      permit = letThrough(trap)
    }
    if (permit === this.#permit) return permit
    try {
      return this.#receive(permit, now)
    } catch (error) {
      if (permit >= 0) unsettled[unsettled.length] = () => this.#settle(permit, IGNORED, NaN, error)
      throw error
    }
  }

  /**
   * As {@link CircuitBreaker.#admit}, for a call that can't wait for its fleet.
   *
   * @returns {number} A permit, or a refusal below 0.
   */
  #admitAtOnce() {
    const permit = this.#admit()
    return permit === UNDECIDED ? this.#decide(this.#rare?.fleet?.askAtOnce()) : permit
  }

  /**
   * Takes in what the fleet said to a call whose admission was undecided.
   *
   * @param {unknown} answer
   * @returns {number} A permit, or a refusal below 0.
   */
  #decide(answer) {
    if (answer === true) {
      const giveBack = this.#rare?.fleet?.grant()
      const permit = this.#admit()
      giveBack?.()
      if (permit !== UNDECIDED) return permit
    }
    return core.fleetRefuse(this.#slot)
  }

  /**
   * Has the fleet say whether a call shall be its test. One that is not is refused.
   *
   * @param {Function} fn
   * @param {unknown[]} args
   * @param {Function | undefined} fallback
   * @param {import('../options/call-options.js').CheckedCallOptions | undefined} own
   * @returns {Promise<any>}
   */
  #askFleet(fn, args, fallback, own) {
    const timeout = own?.timeout ?? this.#options.timeout
    const goOn = (/** @type {boolean} */ isGranted, /** @type {number} */ waited) => {
      const permit = this.#decide(isGranted)
      if (permit < 0) return this.#refuse(permit, this.#now(), fn, args, fallback, own)
      if (own === undefined && timeout === undefined) return this.#callOneByOne(fn, args, permit)
      return this.#callWithin(fn, args, own, permit, waited)
    }
    return this.#rare?.fleet?.ask(goOn, timeout, own?.signal) ?? goOn(false, 0)
  }

  /**
   * Takes in an answer that is not that of the last admission: there may be news, and handlers to make.
   *
   * @param {number} permit
   * @param {number} now
   * @returns {number} The answer.
   */
  #receive(permit, now) {
    if (permit !== permit) {
      // Nobody is in the slot.
      const slot = this.#slot
      if (this.#live() !== slot) return this.#admit()
      permit = UNJUDGED
    }
    // What could not be settled at the end of the call stack may be why.
    if (permit < 0 && unsettled.length > 0) {
      settleNoted()
      return this.#admit()
    }
    this.#tell()
    // The same permit again means that there is no news. A refusal may be the same in another state, and calls that no state is judged
    // by pass an observing breaker while its states go on: those are looked at each time.
    this.#permit = permit > UNJUDGED ? permit : NaN
    if (permit < 0) return permit
    const slot = this.#slot
    const timed = (this.#demand & DEMANDS_TIME_OF_SUCCESS) !== 0
    if (this.#options.classify !== undefined || (this.#heard & CALL_EVENTS) !== 0) {
      this.#onSuccess = (value) => {
        this.#end(permit, false, value, NaN)
        return value
      }
    } else {
      this.#onSuccess = (value) => {
        let isSettled = false
        try {
          const news = core.settle(slot, permit, SUCCESS, NaN, timed ? this.#now() : 0, NaN)
          isSettled = true
          if (news !== 0) this.#tell()
        } catch (trap) {
          if (!isSettled && isOverflow(trap)) throw trap
          try {
            letThrough(trap)
          } catch {
            // The call stack is at its end.
          }
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
   * The slot, made anew where the breaker was put aside, or lost it with a core that trapped.
   *
   * @returns {number}
   */
  #live() {
    const aside = this.#rare?.aside
    if (aside === undefined && this.#slot >= retired) return this.#slot
    const rare = (this.#rare ??= new Rare())
    rare.aside = undefined
    if (aside !== undefined) {
      this.#slot = remake(aside, originOf(this.#options.clock), this.#now())
    } else {
      dropSlot(this, this.#slot)
      this.#slot = createAgain(this.#options, rare.written ?? {})
      this.#permit = NaN
      // It begins anew, closed: who tests it has nothing to do any more, and who waits for it has what they waited for.
      rare.probing?.wake(0)
      rare.probing = undefined
      rare.news?.close()
      if (rare.seat !== undefined) rare.seat.slot = this.#slot
    }
    rare.away?.goOn(this.#slot)
    holdSlot(this, rare.away ?? this.#slot)
    this.#demand = core.demand(this.#slot)
    return this.#slot
  }

  /**
   * A call that is measured, or may fall back: with handlers of its own.
   *
   * @param {Function} fn
   * @param {unknown[]} args
   * @param {number} [given] A permit that it has already.
   * @returns {Promise<any>}
   */
  #callOneByOne(fn, args, given) {
    const { timeout, fallback, fallbackOn } = this.#options
    if (timeout !== undefined) return this.#callWithin(fn, args, undefined)
    const permit = given ?? this.#admit()
    if (permit < 0) return this.#refuse(permit, this.#now(), fn, args, fallback)
    let outcome = NaN
    let held = permit
    try {
      const started = this.#started()
      const promise = launch(
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
      held = NaN
      if (fallback === undefined || fallbackOn !== 'failure') return promise
      return promise.catch((/** @type {unknown} */ error) => {
        if (fallsBack(outcome, error)) return this.#fallBack(fallback, args, error)
        throw error
      })
    } catch (error) {
      // The call stack is at its end. Settled already, or not yet?
      if (held === held && outcome !== outcome) unsettled[unsettled.length] = () => this.#settle(permit, IGNORED, NaN, error)
      throw error
    }
  }

  /**
   * A call that may end before its function does.
   *
   * @param {Function} fn
   * @param {unknown[]} args
   * @param {import('../options/call-options.js').CheckedCallOptions | undefined} own Where there are, the function gets the call's context after its arguments.
   * @param {number} [given] A permit that it has already.
   * @param {number} [waited] What has passed of its time, in ms.
   * @returns {Promise<any>}
   */
  #callWithin(fn, args, own, given = NaN, waited = 0) {
    const options = this.#options
    const fallback = own?.fallback ?? options.fallback
    const signal = own?.signal
    let held = given
    /** @type {PendingCall | undefined} */
    let call
    try {
      if (held !== held) {
        if (signal?.aborted) return Promise.reject(reasonOf(signal))
        held = this.#admit()
      }
      const permit = held
      if (permit < 0) return this.#refuse(permit, this.#now(), fn, args, fallback, own)
      const started = this.#started()
      // A listener of the state change that the admission brought about may have aborted it.
      if (signal?.aborted) throw reasonOf(signal)
      call = new PendingCall(this.#ended(), permit, started)
      const timeout = own?.timeout ?? options.timeout
      if (timeout !== undefined) call.limit(timeout, options.name, waited)
      if (signal !== undefined) call.heed(signal)
      call.fallback = options.fallbackOn === 'failure' && fallback
      const promise = call.run(fn, args, own !== undefined)
      held = NaN
      if (!call.fallback) return promise
      return promise.catch((/** @type {unknown} */ error) => {
        if (fallsBack(/** @type {PendingCall} */ (call).outcome, error)) return this.#answer(/** @type {Function} */ (fallback), args, error, signal)
        throw error
      })
    } catch (error) {
      // Nothing was called: a signal that takes no listener, a timer that can't be set. Or the call stack is at its end.
      if (held >= 0) {
        const permit = held
        unsettled[unsettled.length] = () => this.#settle(permit, IGNORED, NaN, error)
        settleNoted()
        call?.drop()
      }
      return Promise.reject(error)
    }
  }

  /** What calls that may end before their functions tell of their end: the same function for all of them. */
  #ended() {
    const rare = (this.#rare ??= new Rare())
    return (rare.ended ??= (permit, started, how, payload) => {
      if (how === ENDED.abort) return this.#settle(permit, IGNORED, started, payload)
      return this.#end(permit, how !== ENDED.value, payload, started, how === ENDED.timeout)
    })
  }

  /** When a call begins; NaN where nobody wants to know how long it takes. */
  #started() {
    return this.#demand & DEMANDS_ELAPSED ? readingOf(this.#options.clock) : NaN
  }

  /**
   * Judges how a call ended and settles its permit. It throws only where the call stack is at its end, and nothing was settled.
   *
   * @param {number} permit
   * @param {boolean} threw
   * @param {unknown} payload What it threw, or its value.
   * @param {number} started NaN when it was not timed.
   * @param {boolean} [isLate] Whether its time was up.
   * @returns {number} The outcome.
   */
  #end(permit, threw, payload, started, isLate = false) {
    const { classify } = this.#options
    const failure = isLate ? TIMED_OUT : FAILURE
    if (classify === undefined) {
      const outcome = !threw ? SUCCESS : isLate || outcomeOf(payload) === FAILURE ? failure : IGNORED
      return this.#settle(permit, outcome, started, threw ? payload : undefined)
    }
    const { outcome, cause, told, retryAfter, trips } = judge(classify, threw, payload)
    return this.#settle(permit, outcome === FAILURE ? failure : outcome, started, cause, retryAfter, trips, told)
  }

  /**
   * Settles a permit and tells what came of it. As with `#end`, it throws only where nothing was settled.
   *
   * @param {number} permit
   * @param {number} outcome
   * @param {number} started NaN when it was not timed.
   * @param {unknown} [error]
   * @param {number} [retryAfter]
   * @param {boolean} [trips]
   * @param {(error: unknown) => unknown} [telling] Makes of the error what refusals tell.
   * @returns {number} The outcome.
   */
  #settle(permit, outcome, started, error, retryAfter = NaN, trips = false, telling = identity) {
    const now = outcome !== SUCCESS || (this.#demand & DEMANDS_TIME_OF_SUCCESS) !== 0 || started === started ? this.#now() : 0
    const elapsed = started === started ? elapsedSince(this.#options.clock, started) : NaN
    const chance = outcome !== SUCCESS || started === started ? this.#chance() : NaN
    let news = 0
    try {
      if (trips || retryAfter === retryAfter) {
        news = core.settleAsking(this.#slot, permit, outcome, retryAfter, Number(trips), elapsed, now, chance)
      } else {
        news = core.settle(this.#slot, permit, outcome, elapsed, now, chance)
      }
    } catch (trap) {
      if (isOverflow(trap)) throw trap
      letThrough(trap)
    }
    try {
      const told = news === 0 ? undefined : telling(error)
      if (news & STATE_CHANGED) this.#news().blame(told)
      if (outcome === TIMED_OUT) this.#emit('timeout', { elapsed, error })
      if (this.#heard & CALL_EVENTS) {
        if (outcome === SUCCESS) this.#emit('success', { elapsed })
        else if (outcome === IGNORED) this.#emit('ignored', { elapsed, error })
        else this.#emit('failure', { elapsed, error })
      }
      if (news !== 0) this.#tell(told)
      else if (outcome !== SUCCESS) this.#rare?.seat?.place()
    } catch (trouble) {
      try {
        if (!isOverflow(trouble)) report(trouble)
      } catch {
        // It is settled, and that is all there is room for.
      }
    }
    return outcome
  }

  /**
   * @param {number} refusal
   * @param {number} now
   * @param {Function} fn
   * @param {unknown[]} args
   * @param {Function | undefined} fallback
   * @param {import('../options/call-options.js').CheckedCallOptions} [own]
   * @returns {Promise<any>}
   */
  #refuse(refusal, now, fn, args, fallback, own) {
    if (refusal === UNDECIDED) return this.#askFleet(fn, args, fallback, own)
    const signal = own?.signal
    const error = this.#refusal(refusal, now)
    if (fallback !== undefined && signal !== undefined) return this.#answer(fallback, args, error, signal)
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
    if (this.#options.probe !== undefined) this.#startProbe()
    const error = refusalOf(refusal, this.#slot, now, this.#options, this.#rare?.news?.cause)
    if (this.#heard & EVENTS.reject) this.#emit('reject', { error })
    publish('reject', this, { error })
    return error
  }

  /**
   * Has the fallback answer a caller that may leave before.
   *
   * @param {Function} fallback
   * @param {unknown[]} args
   * @param {unknown} error
   * @param {AbortSignal | undefined} signal The caller's.
   */
  #answer(fallback, args, error, signal) {
    const ask = (/** @type {unknown[]} */ ...all) => this.#fallBack(fallback, all, error)
    return signal === undefined ? ask(...args) : answerOf(ask, args, error, signal, fallback)
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
    if (this.#heard & EVENTS[type]) emit(this, type, detail)
  }

  #news() {
    const rare = (this.#rare ??= new Rare())
    return (rare.news ??= new News((detail) => {
      this.#emit('statechange', detail)
      publish('statechange', this, detail)
      rare.fleet?.tell(detail)
    }))
  }

  /**
   * Tells the news, if there is any.
   *
   * @param {unknown} [error] The failure that brought it about.
   */
  #tell(error) {
    try {
      this.#demand = core.demand(this.#slot)
      this.#rare?.seat?.place()
      const tellOutcome = this.#rare?.fleet?.note(this.#slot)
      if (this.#demand & DEMANDS_NEWS) this.#news().tell(this.#slot, error)
      tellOutcome?.()
    } catch (trap) {
      letThrough(trap)
    }
    if (this.#options.probe !== undefined) this.#startProbe()
  }

  /**
   * Starts the background task that tests the dependency, unless there is nothing to test; and wakes it where it sleeps past
   * what it has to do.
   */
  #startProbe() {
    const rare = (this.#rare ??= new Rare())
    const { probe, sleep, name } = this.#options
    const slot = this.#live()
    const { state, mode } = this
    const { probing } = rare
    if (probe === undefined || state === 'closed' || mode === 'isolated' || mode === 'disabled') {
      if (probing === undefined) return
      rare.probing = undefined
      probing.isStopped = true
      return probing.wake(0)
    }
    if (probing !== undefined) return probing.wake(core.probeAfter(slot, this.#now()))
    /** @type {Rare['probing']} */
    let host
    try {
      host = recoveryHost(this, {
        probe,
        sleep,
        name,
        isHeld: (breaker) => breaker.#slot === slot,
        asks: (breaker) => breaker.#rare?.fleet?.askForProbe(),
        now: (breaker) => breaker.#now(),
        random: (breaker) => breaker.#chance(),
        started: (breaker) => breaker.#started(),
        elapsed: (breaker, started) => elapsedSince(breaker.#options.clock, started),
        tell: (breaker, failure) => {
          breaker.#tell(failure)
          return core.states[core.state(slot)] === 'open'
        },
        ended: (breaker) => {
          if (breaker.#rare !== undefined && breaker.#rare.probing === host) breaker.#rare.probing = undefined
        }
      })
      startTask(slot, host)
      rare.probing = host
      this.#keepAwaited()
    } catch {
      // The call stack is at its end: the next who is refused starts another.
      if (host !== undefined) host.isStopped = true
    }
  }

  /** Has the background task keep the breaker alive as long as somebody waits for it. */
  #keepAwaited() {
    const { probing, news } = /** @type {Rare} */ (this.#rare)
    if (probing !== undefined) probing.awaited = news?.isAwaited ? this : undefined
  }

  /**
   * The row of the breaker, until the next one is asked for.
   *
   * @param {number} [now] None of its counts depends on the time.
   */
  #report(now = NaN) {
    if (unsettled.length > 0) settleNoted()
    return core.report([this.#live(), now], (row ??= new Float64Array(ROW)))
  }

  #stateChanges() {
    return readStateChanges(this.#live(), originOf(this.#options.clock))
  }

  /**
   * The value in force of a numeric option; undefined where it is off.
   *
   * @param {string} name
   */
  #option(name) {
    return readOption(this.#live(), name)
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  #set(name, value) {
    setOption(this.#live(), name, value)
    const rare = (this.#rare ??= new Rare())
    rare.written = { ...rare.written, [name]: /** @type {number} */ (value) }
    if (this.#options.probe !== undefined) this.#startProbe()
  }

  #now() {
    return timeOf(this.#options.clock)
  }

  /** A number for jitter where the core asked for one, else NaN. */
  #chance() {
    return this.#demand & DEMANDS_RANDOM ? chanceOf(this.#options.random) : NaN
  }
}

/**
 * The state as an own member as well, though no breaker pays for it: two breakers in different states are then not deeply equal to
 * those who compare members (`node:assert`, Jest, Chai). It answers what the prototypes say: those of a subclass, or of a spy.
 */
const OWN_STATE = /* @__PURE__ */ (() => {
  // A class, since React Native's engine takes `super` in no other object.
  class Holder extends CircuitBreaker {
    get state() {
      let prototype = Object.getPrototypeOf(this)
      // Mostly so, and then it takes 10 ns and not 80.
      if (prototype === CircuitBreaker.prototype) return super.state
      while (Object.getOwnPropertyDescriptor(prototype, 'state')?.get === own.get) prototype = Object.getPrototypeOf(prototype)
      return Reflect.get(prototype, 'state', this)
    }
  }
  const own = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(Holder.prototype, 'state'))
  own.enumerable = true
  // Its members alone count, whatever somebody adds to the prototype of all objects.
  return Object.setPrototypeOf(own, null)
})()

/**
 * Has `console.log` show breakers, readers read them, and fleets find their door. Apart, since a class that names itself is renamed by bundlers.
 */
const showBreakers = () => {
  showBy(CircuitBreaker.prototype, factsOf)
  openDoor(CircuitBreaker.prototype)
  openFleetDoor(CircuitBreaker.prototype)
}

/**
 * What `console.log` shows.
 *
 * @param {CircuitBreaker} breaker
 */
function factsOf({ name, state, mode, failureCount, metrics }) {
  const { totalCalls, successfulCalls, failedCalls, rejectedCalls, inFlight } = metrics
  return { name, state, mode, failureCount, totalCalls, successfulCalls, failedCalls, rejectedCalls, inFlight }
}

/** Resolved, for what is to happen a moment later. */
const ready = /* @__PURE__ */ Promise.resolve()

/**
 * Starts a background task, in the midst of no call and in the async context of none.
 *
 * @param {number} slot
 * @param {ReturnType<typeof recoveryHost>} host
 */
function startTask(slot, host) {
  ready.then(() => {
    try {
      runOutside(() => core.startProbe(slot, host))
    } catch (trap) {
      letThrough(trap)
    }
  })
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
 * A function with the name and the length of another that has it called.
 *
 * @param {any} fn
 * @param {(bound: Function, args: any[]) => Promise<any>} call
 * @returns {any}
 * @throws {TypeError} `ERR_INVALID_ARGUMENT` when it is no function.
 */
function wrapped(fn, call) {
  if (typeof fn !== 'function') throw notCallable(fn)
  /** @this {any} */
  const wrapped = function (/** @type {any[]} */ ...args) {
    return call((/** @type {any[]} */ ...all) => fn.apply(this, all), args)
  }
  for (const property of /** @type {const} */ (['name', 'length'])) {
    Object.defineProperty(wrapped, property, /** @type {any} */ ({ __proto__: null, value: fn[property], configurable: true }))
  }
  return wrapped
}

/** @param {unknown} fn */
function notCallable(fn) {
  const hint = show(fn) === 'a promise' ? ': pass the function itself, not the promise it returns' : ''
  return misuse(TypeError, `Expected \`fn\` to be a function, got ${show(fn)}${hint}`)
}
