/**
 * A call that may end before its function does: by its timeout or by its caller's abort. The answer of a fallback is waited for in the same way.
 *
 * Must not know: breakers. It tells how the call ended, exactly once.
 *
 * The promise that the caller gets is settled by the engine's own functions (`then(resolve, reject)`), behind a single `then` of
 * ours: through those V8 finds the caller's frames for async stack traces, through a closure that calls `resolve` it does not.
 */
import { timeoutError } from '../base/errors.js'
import { ifAny } from '../base/host.js'
import { contextOf, OwnSignal } from './context.js'
import { clearDeadline, setDeadline } from './deadlines.js'
import { isNativePromise } from './promises.js'
import { hasAborted, isDeadline, reasonOf, watch } from './signals.js'
import { fallsBack } from './verdicts.js'

/** @import { Timed } from './deadlines.js' */
/** @import { Waiter } from './signals.js' */

/** How a call ended. */
export const ENDED = /** @type {const} */ ({ value: 0, error: 1, timeout: 2, abort: 3 })

/** By this the fallback of a guard has what becomes of a value that comes once nobody waits for it: a response has a connection to give back. */
const LATE = /* @__PURE__ */ Symbol.for('halfopen.late')

/** The functions that settle the promise that is being made. @type {any} */
let resolveLast
/** @type {any} */
let rejectLast

/**
 * The executor of every promise: one closure a call less.
 *
 * @param {(value: any) => void} resolve
 * @param {(reason: unknown) => void} reject
 */
function keep(resolve, reject) {
  resolveLast = resolve
  rejectLast = reject
}

/**
 * What is told of a call's end: what it was begun with, how it ended, and its value or error. Answers the outcome. It throws only where
 * nothing was settled.
 *
 * @typedef {(permit: number, started: number, how: number, payload: unknown) => number} Ended
 */

/**
 * One call in flight. Once it is over it holds nothing any more, since what its function promised may stay pending for ever
 * and holds the call.
 *
 * @implements {Timed}
 * @implements {Waiter}
 */
export class PendingCall {
  /** @type {PendingCall | undefined} */
  earlier = undefined
  /** @type {PendingCall | undefined} */
  later = undefined
  /** @type {Timed['deadline']} */
  deadline = undefined
  /** @type {Timed['scope']} */
  scope = undefined
  began = 0
  /** What `ended` answered. */
  outcome = NaN
  /** Answers where the call fails. @type {Function | false | undefined} */
  fallback = undefined
  /** Absent once the call is over. @type {Ended | undefined} */
  #ended
  /** @type {((reason: unknown) => void) | undefined} */
  #reject = undefined
  #permit
  #started
  #timeout = NaN
  /** In which the call began, once its time begins anew. @type {Timed['scope']} */
  #scope = undefined
  /** @type {string | undefined} */
  #breaker = undefined
  /** @type {AbortSignal | undefined} */
  #signal = undefined
  /** @type {import('./signals.js').Watch | undefined} */
  #watch = undefined
  /** @type {OwnSignal | undefined} */
  #own = undefined

  /**
   * @param {Ended} ended
   * @param {number} permit
   * @param {number} started
   */
  constructor(ended, permit, started) {
    this.#ended = ended
    this.#permit = permit
    this.#started = started
  }

  /**
   * Gives the call a time limit.
   *
   * @param {number} timeout In ms.
   * @param {string | undefined} breaker Whose name the error bears.
   * @param {number} waited How much of it has passed already, in ms.
   */
  limit(timeout, breaker, waited) {
    this.#timeout = timeout
    this.#breaker = breaker
    setDeadline(this, waited > 0 ? Math.max(1, timeout - waited) : timeout)
  }

  /**
   * Begins the time limit anew, if there is one, or stops it: the server is to blame only for the time in which somebody waits for it.
   *
   * @param {boolean} waits
   * @returns {number} The time limit, in ms; NaN where there is none.
   */
  waits(waits) {
    // Its listeners hear of the timeout in the context of the caller, whoever says that the time begins anew.
    const scope = (this.#scope ??= this.scope)
    clearDeadline(this)
    if (waits && this.#ended && this.#timeout === this.#timeout) {
      setDeadline(this, this.#timeout)
      this.scope = scope
    }
    return this.#timeout
  }

  /**
   * Ends the call when the caller's signal aborts. The signal is left as it was on every path.
   *
   * @param {AbortSignal} signal Not aborted yet.
   */
  heed(signal) {
    this.#signal = signal
    this.#watch = watch(signal, this)
  }

  onAbort() {
    const reason = reasonOf(/** @type {AbortSignal} */ (this.#signal))
    this.cut(endOf(reason), reason)
  }

  /**
   * Calls the function, with the call's context as its last argument where it is to have one.
   *
   * @param {Function} fn
   * @param {unknown[]} args
   * @param {boolean} hasContext
   * @returns {Promise<any>}
   */
  run(fn, args, hasContext) {
    const promise = new Promise(keep)
    const resolve = resolveLast
    const reject = (this.#reject = rejectLast)
    // They would keep the promise, and with it the value.
    resolveLast = rejectLast = undefined
    try {
      endBy(this, hasContext ? withContext(fn, args, this.#context()) : fn(...args)).then(resolve, reject)
    } catch (error) {
      // Unless it has ended already.
      reject(this.fail(error))
    }
    return promise
  }

  /**
   * The function failed. Where the caller's signal has aborted by then, that is why.
   *
   * @param {unknown} error
   * @returns {unknown} What the caller gets.
   */
  fail(error) {
    const signal = this.#signal
    if (signal === undefined || !hasAborted(signal)) {
      this.end(ENDED.error, error)
      return error
    }
    const reason = reasonOf(signal)
    this.end(endOf(reason), reason)
    return reason
  }

  #context() {
    return contextOf((this.#own = new OwnSignal(this)))
  }

  onTimeout() {
    this.cut(ENDED.timeout, timeoutError(this.#timeout, this.#breaker))
  }

  /**
   * Ends the call before its function does, unless it is over.
   *
   * @param {number} how
   * @param {unknown} reason
   */
  cut(how, reason) {
    if (this.#ended === undefined) return
    const reject = this.#reject
    const own = this.#own
    this.end(how, reason)
    reject?.(reason)
    own?.abort(reason)
  }

  /**
   * Ends the call, unless it is over. Where the call stack is at its end it throws, and the call is not over.
   *
   * @param {number} how
   * @param {unknown} payload
   */
  end(how, payload) {
    const ended = this.#ended
    if (ended === undefined) {
      if (how === ENDED.value) /** @type {any} */ (this.fallback)?.[LATE]?.(payload)
      return
    }
    this.#ended = undefined
    try {
      this.outcome = ended(this.#permit, this.#started, how, payload)
    } catch (overflow) {
      this.#ended = ended
      throw overflow
    }
    this.drop()
  }

  /**
   * As `end`, for a guard that has its answer before a promise tells. The promise is to settle alike.
   *
   * @param {number} how
   * @param {unknown} payload
   * @returns {boolean | undefined} Whether a fallback answers in the place of what ended the call, now or before.
   */
  settle(how, payload) {
    this.end(how, payload)
    return this.fallback && fallsBack(this.outcome, payload)
  }

  /** Lets go of everything: nothing ends the call any more. */
  drop() {
    const watch = this.#watch
    this.#ended = this.#reject = this.#signal = this.#watch = this.#own = this.#scope = undefined
    clearDeadline(this)
    watch?.delete(this)
  }
}

/** What is told of a call's end where that is counted nowhere. @type {Ended} */
const uncounted = () => NaN

/**
 * Asks a fallback, in a call of its own that is counted nowhere, since what it answers was settled before. It ends when the caller's signal aborts.
 *
 * @param {Function} ask
 * @param {unknown[]} args
 * @param {unknown} error What is to be answered.
 * @param {AbortSignal} signal The caller's.
 * @param {Function} fallback Who is asked.
 * @returns {Promise<any>}
 * @throws Why the caller left, where it did before the fallback was asked.
 */
export function answerOf(ask, args, error, signal, fallback) {
  const call = new PendingCall(uncounted, NaN, NaN)
  // Its caller left a moment ago. Or it is the caller's deadline that is to be answered: then nothing ends the wait any more.
  const isPast = hasAborted(signal)
  if (isPast && reasonOf(signal) !== error) throw reasonOf(signal)
  call.fallback = fallback
  const asked = () => {
    /** @type {any} */
    let answer
    try {
      return (answer = ask(...args))
    } finally {
      if (!isPast) {
        // The fallback may have aborted it.
        if (hasAborted(signal)) call.cut(ENDED.abort, reasonOf(signal))
        // One that answers at once, as most do, is spared the listener: 0.5 µs of 2. A signal that takes none ends no wait, and an answer that
        // throws when it is looked at is handed on.
        else ifAny(() => 'then' in Object(answer) && call.heed(signal))
      }
    }
  }
  return call.run(asked, [], false)
}

/**
 * How a call ends by its caller's signal: a caller that gave up is ignored, a caller's deadline that passed is a timeout.
 *
 * @param {unknown} reason
 */
function endOf(reason) {
  return isDeadline(reason) ? ENDED.timeout : ENDED.abort
}

/**
 * Has a call end with what its function gave. Apart from `run`, whose arguments the handlers would keep otherwise.
 *
 * @param {PendingCall} call
 * @param {any} result
 * @returns {Promise<any>}
 */
function endBy(call, result) {
  const promise = isNativePromise(result) ? result : new Promise((settle) => settle(result))
  return promise.then(
    (value) => {
      call.end(ENDED.value, value)
      return value
    },
    (error) => {
      throw call.fail(error)
    }
  )
}

/**
 * Few arguments are handed over one by one: an array for them would cost a call 30 ns.
 *
 * @param {Function} fn
 * @param {unknown[]} args
 * @param {unknown} context
 */
function withContext(fn, args, context) {
  if (args.length === 0) return fn(context)
  return args.length === 1 ? fn(args[0], context) : fn(...args, context)
}
