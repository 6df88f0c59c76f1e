/**
 * What the function of a call with options gets as its last argument: the call's own signal.
 *
 * Must not know: calls, and why one ends.
 */

/** By this a guard aborts the signal of a call that is over, for example with a body that outlives the call. */
const ABORT = /* @__PURE__ */ Symbol.for('halfopen.abort')

/** The signal of one call. It is made when it is first asked for: on Node 20 an AbortController costs more than all the rest of a call. */
export class OwnSignal {
  /** @type {AbortController | undefined} */
  #controller = undefined
  /** @type {{ reason: unknown } | undefined} */
  #aborted = undefined

  get signal() {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  /** @param {unknown} reason */
  abort(reason) {
    this.#aborted = { reason }
    this.#controller?.abort(reason)
  }
}

/**
 * Shows a signal as an object with one own member, `signal`, that goes along when the options of a request are spread. A getter of
 * its own would cost each such object 150 ns, an object literal with a getter 2,000; a proxy costs 20.
 *
 * @type {ProxyHandler<OwnSignal>}
 */
const SHOWN = {
  get: (own, name) => (name === 'signal' ? own.signal : name === ABORT ? (/** @type {unknown} */ reason) => own.abort(reason) : undefined),
  has: (_, name) => name === 'signal',
  ownKeys: () => ['signal'],
  getOwnPropertyDescriptor: (own, name) => (name === 'signal' ? { value: own.signal, enumerable: true, configurable: true } : undefined)
}

/**
 * @param {OwnSignal} own
 * @returns {import('../types.js').CallContext}
 */
export function contextOf(own) {
  return /** @type {any} */ (new Proxy(own, SHOWN))
}
