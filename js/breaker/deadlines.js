/**
 * Deadlines of calls: one timer for all that have the same timeout, whichever breaker they go through.
 *
 * Must not know: breakers. Calls with the same timeout are due in the order in which they began, so a queue and a timer for its
 * first are enough. `setTimeout` and `clearTimeout` for each call take 450 ns, the queue 85 (Node 20), of which 55 keep the
 * caller's async context.
 *
 * A timer that fires late is no evidence: our own process was busy or frozen, and the answer may be there, unread. What came meanwhile is
 * read first, and a call that it ends does not time out. A timer in time is believed at its tick.
 *
 * Fake timers stay exact: the queue belongs to the host's own `setTimeout`. Whatever else stands in its place (a test's fake, a
 * wrapper) gets a timer for each call, and a fake is believed at its tick.
 */
import { ifAny } from '../base/host.js'
import { runOutside } from './outside.js'
import { Queue } from './queue.js'

/** Queues at most. A timeout that differs from call to call gets timers of its own beyond that. */
const MOST_QUEUES = 100

/** A timer that fires more than this late, in ms, waits for what came meanwhile. An idle process is late by 1 or 2. */
const LATE = 50

/**
 * How long a late call waits for what came meanwhile, in ms. One turn of the loop reads plain answers; those that are decompressed, in threads of
 * their own, take some ms more, and browsers get theirs from another process.
 */
const PATIENCE = 50

/** And how many turns of the loop: a process that gets little time of its machine has few of them in 50 ms, and an answer takes some to be read. */
const TURNS = 10

/**
 * A call that has to end in time. `deadline` is what ends it: the queue in which it waits, its own timer, or its turn (a function) once it is due.
 *
 * @typedef {import('./queue.js').Link & { began: number, deadline: unknown, scope: Scope | undefined, onTimeout(): void }} Timed
 */

/** An async context that code can be run in, as `AsyncResource` of `node:async_hooks`. @typedef {{ runInAsyncScope(fn: Function, self: unknown, ...args: unknown[]): any }} Scope */

/** What the host lends: its own timers, and the clock they go by. Undefined where its timers were faked before the import. */
const host = /* @__PURE__ */ ifAny(takeHost)

/**
 * @typedef {object} Host
 * @property {(callback: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {(callback: () => void) => any} setImmediate Undefined where there is none, as in browsers.
 * @property {() => number} now
 * @property {(new (name: string) => Scope) | undefined} AsyncResource Undefined where a queue can't be trusted with calls: where contexts can't be had, and
 *   in workerd, which ends timers with the request that set them.
 */

/** @returns {Host | undefined} */
function takeHost() {
  const { setTimeout, clearTimeout, setImmediate, performance, process, navigator } = /** @type {any} */ (globalThis)
  if (isMarked(setTimeout)) return undefined
  // Node, Bun and Deno mark their own so. In browsers a timer costs less, and its fakes can't be told from it.
  const isOwn = Symbol.for('nodejs.util.promisify.custom') in setTimeout
  const hasContexts = isOwn && setImmediate && navigator?.userAgent !== 'Cloudflare-Workers'
  const AsyncResource = hasContexts ? process?.getBuiltinModule?.('node:async_hooks')?.AsyncResource : undefined
  return { setTimeout, clearTimeout, setImmediate: isOwn ? setImmediate : undefined, now: performance.now.bind(performance), AsyncResource }
}

/** By their timeout. @type {Map<number, Deadlines> | undefined} */
let queues

/** The calls in flight that have the same timeout. */
class Deadlines {
  /** @type {Queue<Timed>} */
  #calls = new Queue()
  #timeout
  #host
  #AsyncResource
  /** @type {any} */
  #timer
  /** When the call began that the timer was set for. */
  #setFor = NaN

  /**
   * @param {number} timeout In ms.
   * @param {Host} host
   * @param {new (name: string) => Scope} AsyncResource
   */
  constructor(timeout, host, AsyncResource) {
    this.#timeout = timeout
    this.#host = host
    this.#AsyncResource = AsyncResource
  }

  /** @param {Timed} call */
  add(call) {
    call.began = this.#host.now()
    // In which listeners hear of the timeout. The timer itself has no caller's.
    call.scope = new this.#AsyncResource('halfopen.call')
    const isFirst = this.#calls.first === undefined
    this.#calls.add(call)
    if (!isFirst) return
    if (this.#timer === undefined) this.#set()
    else this.#timer.ref()
  }

  /**
   * Takes a call out. Without any the timer goes on, since the next call will want it, but keeps no process alive.
   *
   * @param {Timed} call One that is in flight.
   */
  delete(call) {
    this.#calls.delete(call)
    const timer = this.#timer
    if (this.#calls.first !== undefined || timer === undefined) return
    if (typeof timer.unref === 'function') timer.unref()
    else this.#drop()
  }

  /** Sets the timer for the first call. */
  #set() {
    const { began } = /** @type {Timed} */ (this.#calls.first)
    const left = this.#timeout - (this.#host.now() - began)
    this.#setFor = began
    // It is of all calls, and of no caller's async context.
    this.#timer = runOutside(() => this.#host.setTimeout(() => this.#fire(), Math.max(1, Math.ceil(left))))
  }

  /**
   * The call that the timer was set for is due, whatever a clock says. Of those that began later the clock says it. Each ends in a turn
   * of its own, as with timers of their own: what the caller of one does then, such as an abort, comes before the next.
   */
  #fire() {
    const setFor = this.#setFor
    const isLate = this.#host.now() - setFor - this.#timeout > LATE
    this.#timer = undefined
    const due = []
    let call
    while ((call = this.#calls.first) !== undefined && (call.began <= setFor || this.#host.now() - call.began >= this.#timeout)) {
      this.#calls.delete(call)
      due.push(call)
    }
    if (this.#calls.first === undefined) this.#drop()
    else this.#set()
    const first = isLate ? undefined : due.shift()
    for (const call of due) wait(call, this.#host, isLate)
    if (first !== undefined) timeOut(first)
  }

  /** Without a call and without a timer, there is nothing to keep. */
  #drop() {
    if (this.#timer !== undefined) this.#host.clearTimeout(this.#timer)
    this.#timer = undefined
    if (queues?.get(this.#timeout) === this) queues.delete(this.#timeout)
  }
}

/** @param {Timed} call */
function timeOut(call) {
  const { scope } = call
  call.deadline = call.scope = undefined
  if (scope === undefined) call.onTimeout()
  else scope.runInAsyncScope(call.onTimeout, call)
}

/**
 * Has a call that is due wait for its turn. Whatever ends it before ends the wait.
 *
 * @param {Timed} call
 * @param {Host} host
 * @param {boolean} isLate Whether what came meanwhile is to be read first.
 */
function wait(call, host, isLate) {
  const { setTimeout, setImmediate = (/** @type {() => void} */ turn) => turn() } = host
  let turns = isLate ? TURNS : 1
  const turn = () => {
    if (call.deadline !== turn) return
    if (turns-- > 0) setImmediate(turn)
    else timeOut(call)
  }
  call.deadline = turn
  if (isLate) setTimeout(turn, PATIENCE)
  else turn()
}

/**
 * Has `call.onTimeout` called after `timeout` ms, unless `clearDeadline` comes before.
 *
 * @param {Timed} call
 * @param {number} timeout In ms, as the option has it.
 */
export function setDeadline(call, timeout) {
  const { setTimeout } = globalThis
  const isHosts = host !== undefined && /** @type {any} */ (setTimeout) === host.setTimeout && !isMarked(setTimeout)
  if (isHosts && host.AsyncResource !== undefined) {
    queues ??= new Map()
    let deadlines = queues.get(timeout)
    if (deadlines === undefined && queues.size < MOST_QUEUES) queues.set(timeout, (deadlines = new Deadlines(timeout, host, host.AsyncResource)))
    if (deadlines !== undefined) {
      deadlines.add(call)
      call.deadline = deadlines
      return
    }
  }
  const due = host === undefined ? NaN : host.now() + timeout
  /** @type {any} */
  const timer = setTimeout(() => {
    if (host !== undefined && host.now() - due > LATE && (isHosts || isReal(setTimeout, timer, host))) wait(call, host, true)
    else timeOut(call)
  }, timeout)
  call.deadline = timer
}

/**
 * Whether a timer is one of the host's, had through a wrapper, and no fake.
 *
 * @param {Function} setter What set it.
 * @param {any} timer
 * @param {Host} host
 */
function isReal(setter, timer, { setTimeout, clearTimeout }) {
  const own = setTimeout(() => {}, 0)
  clearTimeout(own)
  return !isMarked(setter) && timer.constructor === own.constructor
}

/**
 * Whether a `setTimeout` says of itself that it is a fake. That of Bun is the host's own function before, while and after it is one.
 *
 * @param {Function} setTimeout
 */
function isMarked(setTimeout) {
  return 'clock' in setTimeout
}

/** @param {Timed} call One whose deadline was set. */
export function clearDeadline(call) {
  const { deadline } = call
  if (deadline === undefined) return
  call.deadline = call.scope = undefined
  if (deadline instanceof Deadlines) deadline.delete(call)
  // A turn that comes for nothing is no harm.
  else if (typeof deadline !== 'function') clearTimeout(/** @type {any} */ (deadline))
}
