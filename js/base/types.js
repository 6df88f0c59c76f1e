/**
 * The words of the public types.
 *
 * Must not know: anything that runs; there is no code in here.
 */

/** @import { BulkheadFullError, CircuitOpenError } from './errors.js' */
/** @import { AbortSignalLike, CircuitBreakerEvent, HostAbortSignal, HostEventTarget } from './host-types.js' */

/** @typedef {'closed' | 'open' | 'half_open'} State */

/** @typedef {'normal' | 'isolated' | 'disabled' | 'observing'} Mode */

/**
 * Why the state changed: `failure_threshold`, `failure_rate`, `slow_call_rate`, `asked` (a failure asked for it), `test_failed`,
 * `test_slow`, `test_expired`, `recovery_due`, `recovered`, by hand `trip`, `isolate`, `reset`, and `fleet` (its fleet held it open, or let
 * go).
 *
 * @typedef {'failure_threshold' | 'failure_rate' | 'slow_call_rate' | 'asked' | 'test_failed' | 'test_slow' | 'test_expired'
 *   | 'recovery_due' | 'recovered' | 'trip' | 'isolate' | 'reset' | 'fleet'} Reason
 */

/** @typedef {'success' | 'failure' | 'ignored'} Outcome */

/**
 * A response to be judged: a `Response`, or what has as much of one.
 *
 * @typedef {{ readonly status: number, readonly headers: { get(name: string): string | null } }} ResponseLike
 */

/**
 * What a `classify` function answers: an outcome, or a failure with what it asks for.
 *
 * @typedef {Outcome | { outcome: Outcome, retryAfter?: number | undefined, trip?: boolean | undefined, cause?: unknown }} Verdict
 */

/**
 * What the function of a call with options gets as its last argument.
 *
 * @typedef {object} CallContext
 * @property {HostAbortSignal} signal Aborts when the call is over before its function is.
 */

/**
 * Anything that tells the time in ms: `Date`, `performance`, a `ManualClock`.
 *
 * @typedef {object} Clock
 * @property {() => number} now The time in ms. Need not start at any particular zero.
 * @property {number | undefined} [timeOrigin] Where the clock's zero lies, in ms since the epoch, as `performance` has
 *   it; 0 when left out. Used to show times as ISO dates, and in snapshots.
 */

/**
 * The last calls that are judged: the last `size` of them, or those of the last `duration` ms, which moves on in
 * `buckets` steps (1 to 1000, default 10). A size is at most 1,000,000.
 *
 * @typedef {{ type: 'count', size: number } | { type: 'time', duration: number, buckets?: number | undefined }} CallWindow
 */

/**
 * Longer open times after failed recoveries: `recoveryTimeout` times `factor` (from 1, default 2) for each, up to `max` ms
 * (default ten recovery times), shortened by a random share of up to `jitter` (0 to 1, default 0), which comes on top of what a failure
 * asks for. A circuit that opens again before it stayed closed for as long as it had been open has not recovered; a pause that a failure asks for
 * is no failed recovery.
 *
 * @typedef {{ factor?: number | undefined, max?: number | undefined, jitter?: number | undefined }} RecoveryBackoff
 */

/**
 * Options of a circuit breaker. All durations in ms, all rates 0 to 1.
 *
 * @typedef {object} CircuitBreakerOptions
 * @property {string | undefined} [name] Shown in errors and events.
 * @property {number | undefined} [failureThreshold] N failures open the circuit: in a row without a `window` (default 5), inside it
 *   with one (default off). Whole, from 1.
 * @property {CallWindow | undefined} [window] The calls that are judged by `failureRate`, `slowCallRate` and `failureThreshold`.
 * @property {number | undefined} [failureRate] Opens at this share of failures in the window.
 * @property {number | undefined} [minimumCalls] Rates judge once this many calls are in the window. Default 10, or the window's size if smaller.
 * @property {number | undefined} [slowCallDuration] Calls that take this long are slow.
 * @property {number | undefined} [slowCallRate] Opens at this share of slow calls in the window; a slow test request is no recovery.
 * @property {number | undefined} [recoveryTimeout] How long an open circuit refuses, from 0. Default 60000.
 * @property {RecoveryBackoff | undefined} [recoveryBackoff] Longer after failed recoveries.
 * @property {number | undefined} [maxRetryAfter] The longest open time that a failure can ask for through `classify`. Default 300000.
 * @property {number | undefined} [successThreshold] N successful test requests close the circuit. Whole, from 1. Default 2.
 * @property {number | undefined} [halfOpenCalls] Test requests judged at most: the circuit closes at `successThreshold`
 *   successes and opens as soon as that can't be reached. At least `successThreshold`, which is the default.
 * @property {number | undefined} [halfOpenMaxConcurrent] Test requests in flight at once. Whole, from 1. Default 1.
 * @property {number | undefined} [halfOpenTimeout] A test request that has not settled by then counts as a failure,
 *   judged at the next call or `checkState()`. Default: the longest of `recoveryTimeout`, `timeout` and 60000.
 * @property {number | undefined} [timeout] How long a call may take before it rejects with a `CallTimeoutError` and counts as a failure.
 *   Up to 2147483647. Not for `callSync`. By `callWith`, functions get a signal that aborts then.
 * @property {number | undefined} [maxConcurrent] Calls in flight at once; more are refused with a `BulkheadFullError`. Whole, from 1. A call that
 *   hangs keeps its place: set a `timeout` too.
 * @property {((error: any, value: any) => Verdict | undefined) | undefined} [classify] Judges a call by its error (value undefined) or its
 *   value (error undefined), timeouts included. Default, and where it answers nothing: an error is a failure, a value a success, and a
 *   refusal by a breaker inside is ignored.
 * @property {((...argsAndError: any[]) => any) | undefined} [fallback] Answers instead of a refusal: gets the call's arguments and the error. The types of
 *   calls do not tell what it answers; `callWith` tells what a fallback of its own answers.
 * @property {'open' | 'failure' | undefined} [fallbackOn] Whether the fallback answers refusals only, or failed calls too. Default `'open'`.
 * @property {(() => unknown) | undefined} [probe] Tests the dependency in the background while the circuit is open and due, so that no
 *   caller has to, unless it does not come for one `halfOpenTimeout`; well when what it returns resolves.
 * @property {((ms: number) => Promise<unknown>) | undefined} [sleep] Waits between probes. Default: a timer that keeps no process alive.
 * @property {Clock | undefined} [clock] Tells the time. Default `Date`, looked up when needed, so that fake timers work.
 * @property {(() => number) | undefined} [random] A number from 0 to 1, for jitter. Default `Math.random`, looked up when needed.
 * @property {boolean | undefined} [latency] Whether to keep how long calls take, in 832 bytes. Default false.
 * @property {unknown} [snapshot] What `toJSON()` of an earlier breaker gave: carry on from there. Refused where its window would be misread.
 * @property {boolean | undefined} [stackTrace] Whether refusals capture a stack. Default false.
 */

/**
 * Options of a single call.
 *
 * @template [F=any] What its fallback answers.
 * @typedef {object} CallOptions
 * @property {AbortSignalLike | undefined} [signal] The caller's. Its abort rejects the call with the caller's reason. The breaker ignores it, unless the
 *   reason is a deadline that passed (a `TimeoutError`, a `CallTimeoutError`): that is a timeout.
 * @property {number | undefined} [timeout] Instead of the breaker's own.
 * @property {((...argsAndError: any[]) => F) | undefined} [fallback] Instead of the breaker's own.
 */

/**
 * What a fallback adds to the answers of a call: nothing where it answers `any`.
 *
 * @template F
 * @typedef {0 extends (1 & F) ? never : Awaited<F>} AnswerOf
 */

/**
 * What a `statechange` event tells.
 *
 * @typedef {object} StateChange
 * @property {State} from
 * @property {State} to
 * @property {Reason} reason
 * @property {number} at In ms of the breaker's clock.
 */

/**
 * What the event of a call tells; `elapsed` in ms, NaN where calls are not timed.
 *
 * @typedef {object} CallEvent
 * @property {number} elapsed
 * @property {any} [error]
 */

/**
 * The events of a breaker by their type.
 *
 * @typedef {object} CircuitBreakerEventMap
 * @property {CircuitBreakerEvent<StateChange>} statechange
 * @property {CircuitBreakerEvent<CallEvent>} success
 * @property {CircuitBreakerEvent<CallEvent>} failure
 * @property {CircuitBreakerEvent<CallEvent>} ignored
 * @property {CircuitBreakerEvent<CallEvent>} timeout
 * @property {CircuitBreakerEvent<{ error: CircuitOpenError | BulkheadFullError }>} reject
 * @property {CircuitBreakerEvent<{ error: unknown }>} fallback
 */

/**
 * What `addEventListener` takes after the listener.
 *
 * @typedef {object} ListenerOptions
 * @property {boolean | undefined} [capture]
 * @property {boolean | undefined} [once]
 * @property {boolean | undefined} [passive]
 * @property {AbortSignalLike | undefined} [signal] Its abort removes the listener.
 */

/**
 * The project's own `EventTarget`, with the types of these events.
 *
 * @template Events The events by their type.
 * @typedef {{
 *   removeEventListener<T extends keyof Events>(
 *     type: T,
 *     listener: ((this: any, event: Events[T]) => unknown) | { handleEvent(event: Events[T]): unknown } | null,
 *     options?: boolean | ListenerOptions
 *   ): void
 * } & HostEventTarget} TypedEventTarget
 */

export {}
