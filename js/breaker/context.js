/**
 * What the function of a call with options gets as its last argument: the call's own signal.
 *
 * Must not know: calls, and why one ends.
 */
import { ifAny } from '../base/host.js'

/** By this a guard has the call itself. */
const CALL = /* @__PURE__ */ Symbol.for('halfopen.call')

/** By this Node asks, past the proxy, what `console.log` is to show. */
const INSPECT = /* @__PURE__ */ Symbol.for('nodejs.util.inspect.custom')

/**
 * The call, as a guard sees it.
 *
 * @typedef {object} LentCall
 * @property {(waits: boolean) => number} waits Begins its time anew, or stops it while nobody waits. Answers the time limit in ms, NaN where there is none.
 * @property {(how: number, payload: unknown) => boolean | undefined} settle Ends it in the tick in which the guard learns how. Answers whether a
 *   fallback answers in the place of what ended it.
 * @property {(reason: unknown) => void} abort Aborts its signal, though the call be over: a body may outlive it.
 */

/**
 * The signal of one call. It is made when it is first asked for: on Node 20 an AbortController costs more than all the rest of a call.
 * That goes by a proxy, which costs a call 30 ns, where a getter as an own member would cost 150: here are its traps.
 *
 * @implements {ProxyHandler<any>}
 * @implements {LentCall}
 */
export class OwnSignal {
  /** @type {AbortController | undefined} */
  #controller = undefined
  /** @type {{ reason: unknown } | undefined} */
  #aborted = undefined
  #isShown = false
  #call

  /** @param {Omit<LentCall, 'abort'>} call Whose signal it is. */
  constructor(call) {
    this.#call = call
  }

  /** @param {unknown} reason */
  abort(reason) {
    this.#aborted = { reason }
    this.#controller?.abort(reason)
  }

  /** @param {boolean} waits */
  waits(waits) {
    return this.#call.waits(waits)
  }

  /**
   * @param {number} how
   * @param {unknown} payload
   */
  settle(how, payload) {
    return this.#call.settle(how, payload)
  }

  /**
   * The object behind the proxy. Whatever is asked of it first makes it a plain object with the signal as its one member.
   *
   * @param {any} target
   */
  shown(target) {
    if (!this.#isShown) {
      this.#isShown = true
      // A host without signals has none to give.
      this.#controller = ifAny(() => new AbortController())
      if (this.#aborted !== undefined) this.#controller?.abort(this.#aborted.reason)
      Object.setPrototypeOf(target, Object.prototype)
      target.signal = this.#controller?.signal
    }
    return target
  }

  /** @type {NonNullable<ProxyHandler<any>['get']>} */
  get(target, name, receiver) {
    return name === CALL ? this : Reflect.get(this.shown(target), name, receiver)
  }
}

/**
 * The other traps, each of which first shows the signal, and what `console.log` is to show. Added when first needed: bundlers keep a
 * class that is written to as it loads.
 */
function addTraps() {
  /** @type {any} */ (Unasked.prototype)[INSPECT] = /** @this {object} The proxy. */ function () {
    return { ...this }
  }
  const traps = /** @type {any} */ (OwnSignal.prototype)
  const reflect = /** @type {any} */ (Reflect)
  for (const name of Object.getOwnPropertyNames(Reflect)) {
    if (!Object.hasOwn(traps, name)) traps[name] = /** @this {OwnSignal} */ function (/** @type {any} */ target, /** @type {any[]} */ ...rest) {
      return reflect[name](this.shown(target), ...rest)
    }
  }
}

/** What is behind the proxy until something is asked of it. */
class Unasked {}

/**
 * @param {OwnSignal} own
 * @returns {import('../base/types.js').CallContext}
 */
export function contextOf(own) {
  if (!Object.hasOwn(OwnSignal.prototype, 'has')) addTraps()
  return /** @type {any} */ (new Proxy(new Unasked(), own))
}
