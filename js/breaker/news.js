/**
 * State changes on their way from the core to those who want to hear of them: whose failure it was, who waits for the circuit to close.
 *
 * Must not know: when a state changes. One event per state change, in their order, and never two at a time.
 */
import { core } from '../engine/index.js'
import { transition as namesOf } from '../engine/numbers.js'
import { CircuitOpenError } from '../base/errors.js'
import { reasonOf, watch } from './signals.js'

/** @import { Reason, State, StateChange } from '../base/types.js' */

/** The news of one breaker: made for its first state change, or for the first who waits. */
export class News {
  /** The failure that opened the circuit. @type {unknown} */
  cause
  /** Whether a state change is being told. */
  isTelling = false
  /** The failure that brought the untold state change about. @type {unknown} */
  #culprit
  /** Those who wait for the circuit to close. @type {Set<() => void> | undefined} */
  #waiters
  #emit

  /** @param {(detail: StateChange) => void} emit Tells the listeners. */
  constructor(emit) {
    this.#emit = emit
  }

  /**
   * Notes whose failure it was, ahead of the events of the call itself: their listeners may call back in, and then the state change is
   * told with its failure all the same.
   *
   * @param {unknown} error
   */
  blame(error) {
    this.#culprit = error ?? this.#culprit
  }

  /**
   * Takes the state changes from the core and tells them. A listener that causes more leaves the telling to whoever is at it.
   *
   * @param {number} slot
   * @param {unknown} error The failure that brought them about, if it was one.
   */
  tell(slot, error) {
    if (this.isTelling) return this.blame(error)
    this.#culprit ??= error
    let transition
    while ((transition = core.takeTransition(slot)) !== 0) {
      const { from, to, reason } = namesOf(transition)
      const culprit = this.#culprit
      // A failure opens once; what its listeners bring about is not its doing.
      if (to === 'open') this.#culprit = undefined
      this.isTelling = true
      try {
        this.#change(from, to, reason, culprit)
      } finally {
        this.isTelling = false
      }
    }
    this.#culprit = undefined
  }

  /**
   * One state change: what hangs on it is brought in line, then listeners hear of it.
   *
   * @param {State} from
   * @param {State} to
   * @param {Reason} reason
   * @param {unknown} culprit
   */
  #change(from, to, reason, culprit) {
    const at = core.transitionTime()
    if (to === 'open') {
      // A refusal of its own, from a function that calls through its own breaker, says what is known: its cause.
      if (!(culprit instanceof CircuitOpenError && culprit.cause === this.cause)) this.cause = culprit
    } else if (to === 'closed') {
      this.close()
    }
    this.#emit({ from, to, reason, at })
  }

  /** It is closed: those who waited for it hear of it. */
  close() {
    this.cause = undefined
    const waiters = this.#waiters
    this.#waiters = undefined
    if (waiters !== undefined) for (const onClosed of waiters) onClosed()
  }

  /** Whether somebody waits for the circuit to close. */
  get isAwaited() {
    return this.#waiters !== undefined && this.#waiters.size > 0
  }

  /**
   * Resolves at the next change to closed.
   *
   * @param {AbortSignal | undefined} signal Not aborted yet.
   * @returns {Promise<void>} Rejects with the signal's reason when that aborts.
   */
  untilClosed(signal) {
    const waiters = (this.#waiters ??= new Set())
    return new Promise((resolve, reject) => {
      const waiter = {
        onAbort() {
          waiters.delete(onClosed)
          reject(reasonOf(/** @type {AbortSignal} */ (signal)))
        }
      }
      const watched = signal && watch(signal, waiter)
      const onClosed = () => {
        resolve()
        try {
          watched?.delete(waiter)
        } catch {
          // The signal's own affair: the others who wait are told, and the listeners.
        }
      }
      waiters.add(onClosed)
    })
  }
}
