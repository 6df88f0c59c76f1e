/**
 * Deadlines of calls: one timer for all that have the same timeout, whichever breaker they go through.
 *
 * Must not know: breakers. Calls with the same timeout are due in the order in which they began, so a queue and a timer for its
 * first are enough. `setTimeout` and `clearTimeout` for each call take 450 ns, the queue 85 (Node 20), of which 55 keep the
 * caller's async context.
 *
 * Fake timers stay exact: the queue belongs to the host's own `setTimeout`. Whatever else stands in its place (a test's fake, a
 * wrapper) gets a timer for each call and is believed at its tick.
 */
import { ifAny } from '../base/host.js'
import { Queue } from './queue.js'

/** Queues at most. A timeout that differs from call to call gets timers of its own beyond that. */
const MOST_QUEUES = 100

/**
 * A call that has to end in time. `deadline` is what ends it: the queue in which it waits, its own timer, or its turn once it is due.
 *
 * @typedef {import('./queue.js').Link & { began: number, deadline: unknown, scope: Scope | undefined, onTimeout(): void }} Timed
 */

/** An async context that code can be run in, as `AsyncResource` of `node:async_hooks`. @typedef {{ runInAsyncScope(fn: Function, self: unknown, ...args: unknown[]): any }} Scope */

/**
 * What the host lends: its own timers, the clock they go by, and async contexts. Undefined where a queue can't be trusted with calls: where
 * something else stands in the place of Node's timers, where contexts can't be had, and in workerd, which ends timers with the request
 * that set them.
 */
const host = /* @__PURE__ */ ifAny(takeHost)

/**
 * @typedef {object} Host
 * @property {(callback: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {(callback: () => void) => any} setImmediate
 * @property {() => number} now
 * @property {new (name: string) => Scope} AsyncResource
 * @property {Scope} outside The context in which the package was imported: a timer for all calls belongs to none of them.
 */

/** @returns {Host | undefined} */
function takeHost() {
  const { setTimeout, clearTimeout, setImmediate, performance, process, navigator } = /** @type {any} */ (globalThis)
  // Node, Bun and Deno mark their own `setTimeout` so. In browsers a timer costs less, and its fakes can't be told from it.
  const isOwn = typeof setTimeout === 'function' && Symbol.for('nodejs.util.promisify.custom') in setTimeout && !('clock' in setTimeout)
  const { AsyncResource } = process?.getBuiltinModule?.('node:async_hooks') ?? {}
  if (!isOwn || !AsyncResource || !setImmediate || typeof performance?.now !== 'function' || navigator?.userAgent === 'Cloudflare-Workers') return undefined
  return { setTimeout, clearTimeout, setImmediate, now: performance.now.bind(performance), AsyncResource, outside: new AsyncResource('halfopen') }
}

/** By their timeout. @type {Map<number, Deadlines> | undefined} */
let queues

/** The calls in flight that have the same timeout. */
class Deadlines {
  /** @type {Queue<Timed>} */
  #calls = new Queue()
  #timeout
  #host
  /** @type {any} */
  #timer
  /** When the call began that the timer was set for. */
  #setFor = NaN

  /**
   * @param {number} timeout In ms.
   * @param {Host} host
   */
  constructor(timeout, host) {
    this.#timeout = timeout
    this.#host = host
  }

  /** @param {Timed} call */
  add(call) {
    call.began = this.#host.now()
    // In which listeners hear of the timeout. The timer itself has no caller's.
    call.scope = new this.#host.AsyncResource('halfopen.call')
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
    this.#timer = this.#host.outside.runInAsyncScope(this.#host.setTimeout, undefined, () => this.#fire(), Math.max(1, Math.ceil(left)))
  }

  /**
   * The call that the timer was set for is due, whatever a clock says. Of those that began later the clock says it. Each ends in a turn
   * of its own, as with timers of their own: what the caller of one does then, such as an abort, comes before the next.
   */
  #fire() {
    const setFor = this.#setFor
    this.#timer = undefined
    const due = []
    let call
    while ((call = this.#calls.first) !== undefined && (call.began <= setFor || this.#host.now() - call.began >= this.#timeout)) {
      this.#calls.delete(call)
      due.push(call)
    }
    if (this.#calls.first === undefined) this.#drop()
    else this.#set()
    for (const call of due.slice(1)) {
      const turn = this.#host.setImmediate(() => {
        if (call.deadline === turn) timeOut(call)
      })
      call.deadline = turn
    }
    if (due.length > 0) timeOut(due[0])
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
  scope?.runInAsyncScope(call.onTimeout, call)
}

/**
 * Has `call.onTimeout` called after `timeout` ms, unless `clearDeadline` comes before.
 *
 * @param {Timed} call
 * @param {number} timeout In ms, as the option has it.
 */
export function setDeadline(call, timeout) {
  if (host !== undefined && /** @type {any} */ (globalThis.setTimeout) === host.setTimeout) {
    queues ??= new Map()
    let deadlines = queues.get(timeout)
    if (deadlines === undefined && queues.size < MOST_QUEUES) queues.set(timeout, (deadlines = new Deadlines(timeout, host)))
    if (deadlines !== undefined) {
      deadlines.add(call)
      call.deadline = deadlines
      return
    }
  }
  call.deadline = setTimeout(() => {
    call.deadline = undefined
    call.onTimeout()
  }, timeout)
}

/** @param {Timed} call One whose deadline was set. */
export function clearDeadline(call) {
  const { deadline } = call
  if (deadline === undefined) return
  call.deadline = call.scope = undefined
  // A turn that comes for nothing is no harm.
  if (deadline instanceof Deadlines) deadline.delete(call)
  else clearTimeout(/** @type {any} */ (deadline))
}
