/**
 * Explicit permits: for calls that a function can't hold, such as streams, generators and two-step use.
 *
 * Must not know: how a permit is settled.
 */

/**
 * The right to make one call. It has to be settled; settling it again does nothing, as does a permit that is
 * disposed of or garbage collected unsettled: that call is ignored.
 *
 * @example
 * using permit = breaker.acquire()
 * for await (const chunk of stream) handle(chunk)
 * permit.success()
 */
export class CallPermit {
  /** @type {((outcome: import('../base/types.js').Outcome, error?: unknown) => void) | undefined} */
  #settle

  /**
   * @internal
   * @param {(outcome: import('../base/types.js').Outcome, error?: unknown) => void} settle
   */
  constructor(settle) {
    this.#settle = settle
    if (Symbol.dispose && !(Symbol.dispose in this)) disposePermits()
    lost ??= globalThis.FinalizationRegistry && new FinalizationRegistry((settle) => settle('ignored'))
    lost?.register(this, settle, this)
  }

  /** Whether the permit has been settled. */
  get settled() {
    return this.#settle === undefined
  }

  /** The call succeeded. */
  success() {
    this.#end('success')
  }

  /**
   * The call failed.
   *
   * @param {unknown} [error] The failure, to be the `cause` of refusals.
   */
  failure(error) {
    this.#end('failure', error)
  }

  /** Nobody learnt anything from the call. */
  ignore() {
    this.#end('ignored')
  }

  /**
   * @param {import('../base/types.js').Outcome} outcome
   * @param {unknown} [error]
   */
  #end(outcome, error) {
    const settle = this.#settle
    if (settle === undefined) return
    this.#settle = undefined
    try {
      settle(outcome, error)
    } catch (overflow) {
      // The call stack is at its end, and nothing was settled: it can be settled again.
      this.#settle = settle
      throw overflow
    }
    lost?.unregister(this)
  }
}

/** Has `using` ignore permits. Not at import, where it would keep the class in every bundle. Hosts that do not know the symbol go without. */
const disposePermits = () =>
  Object.defineProperty(CallPermit.prototype, Symbol.dispose, { value: CallPermit.prototype.ignore, configurable: true, writable: true })

/**
 * Gives back what was lost with a permit.
 *
 * @type {FinalizationRegistry<(outcome: import('../base/types.js').Outcome) => void> | undefined}
 */
let lost
