/**
 * Deadlines of calls: one timer for all that have the same timeout, whichever breaker they go through.
 *
 * Must not know: breakers. Calls with the same timeout are due in the order in which they began, so a queue and a timer for its
 * first are enough. `setTimeout` and `clearTimeout` for each call take 450 ns, the queue 30 (Node 20).
 *
 * Fake timers stay exact: the queue belongs to the host's own `setTimeout`. Whatever else stands in its place (a test's fake, a
 * wrapper) gets a timer for each call and is believed at its tick.
 */
import { Queue } from './queue.js'

/** Queues at most. A timeout that differs from call to call gets timers of its own beyond that. */
const MOST_QUEUES = 100

/**
 * A call that has to end in time. `queue` is where it waits, `timer` its own timer where it has one.
 *
 * @typedef {import('./queue.js').Link & { began: number, deadline: Deadlines | ReturnType<typeof setTimeout> | undefined, onTimeout(): void }} Timed
 */

/**
 * The host's own timers and the clock they go by; undefined where a queue can't be trusted with calls: where something else stands in
 * the place of Node's timers, and in workerd, which ends timers with the request that set them.
 */
const host = /* @__PURE__ */ takeHost()

/**
 * @typedef {{ setTimeout: (callback: () => void, ms: number) => any, clearTimeout: (timer: any) => void, now: () => number }} Host
 */

/** @returns {Host | undefined} */
function takeHost() {
  const { setTimeout, clearTimeout, performance, navigator } = /** @type {any} */ (globalThis)
  // Node, Bun and Deno mark their own `setTimeout` so. In browsers a timer costs less, and its fakes can't be told from it.
  const isOwn = typeof setTimeout === 'function' && Symbol.for('nodejs.util.promisify.custom') in setTimeout && !('clock' in setTimeout)
  if (!isOwn || typeof performance?.now !== 'function' || navigator?.userAgent === 'Cloudflare-Workers') return undefined
  return { setTimeout, clearTimeout, now: performance.now.bind(performance) }
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
    this.#timer = this.#host.setTimeout(() => this.#fire(), Math.max(1, Math.ceil(left)))
  }

  /** The call that the timer was set for is due, whatever a clock says. Of those that began later the clock says it. */
  #fire() {
    this.#timer = undefined
    try {
      let call
      while ((call = this.#calls.first) !== undefined && (call.began <= this.#setFor || this.#host.now() - call.began >= this.#timeout)) {
        this.#calls.delete(call)
        call.deadline = undefined
        call.onTimeout()
      }
    } finally {
      // Whoever was told may have made calls.
      if (this.#timer === undefined) {
        if (this.#calls.first === undefined) this.#drop()
        else this.#set()
      }
    }
  }

  /** Without a call and without a timer, there is nothing to keep. */
  #drop() {
    if (this.#timer !== undefined) this.#host.clearTimeout(this.#timer)
    this.#timer = undefined
    if (queues?.get(this.#timeout) === this) queues.delete(this.#timeout)
  }
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
  call.deadline = undefined
  if (deadline instanceof Deadlines) deadline.delete(call)
  else clearTimeout(deadline)
}
