/**
 * What the function of a call with options gets as its last argument: the call's own signal.
 *
 * Must not know: calls, and why one ends.
 */

/** By this a guard aborts the signal of a call that is over, for example with a body that outlives the call. */
const ABORT = Symbol.for('halfopen.abort')

/** The context of one call. */
export class Context {
  /** @type {AbortController | undefined} */
  #controller
  /** @type {{ reason: unknown } | undefined} */
  #aborted

  constructor() {
    Object.defineProperty(this, 'signal', OWN_SIGNAL)
  }

  /** Made when it is first asked for: on Node 20 an AbortController costs more than all the rest of a call. */
  get signal() {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  /** @param {unknown} reason */
  [ABORT](reason) {
    this.#aborted = { reason }
    this.#controller?.abort(reason)
  }

  /** @param {unknown} reason */
  abort(reason) {
    this[ABORT](reason)
  }
}

/**
 * The getter as an own member, so that it goes along when the options of a request are spread. One getter for all: one a context
 * would give each a hidden class of its own, which makes a call eight times as expensive.
 */
const OWN_SIGNAL = /* @__PURE__ */ (() => ({ get: Object.getOwnPropertyDescriptor(Context.prototype, 'signal')?.get, enumerable: true, configurable: true }))()
