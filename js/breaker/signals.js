/**
 * The callers' signals: why they aborted, and one listener on each, whatever the number of those who wait for it.
 *
 * Must not know: calls. Node 20 warns of a leak at the eleventh listener of a signal, and eleven calls at once are no leak.
 */

import { CODES } from '../base/misuse.js'
import { report } from '../base/report.js'

/** Somebody who is told of an abort. @typedef {{ onAbort(): void }} Waiter */

/** Those who wait for one signal. Mostly that is one: a Set for it would cost each call 50 ns. */
export class Watch {
  /** @type {Waiter | undefined} */
  #first
  /** All the others. @type {Set<Waiter> | undefined} */
  #later
  #signal
  // A function: of an object with `handleEvent`, Node binds that method anew each time it is added.
  #listener = () => this.#tell()

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.#signal = signal
  }

  /** @param {Waiter} waiter */
  add(waiter) {
    if (this.#first !== undefined) {
      ;(this.#later ??= new Set()).add(waiter)
      return
    }
    this.#signal.addEventListener('abort', this.#listener)
    this.#first = waiter
  }

  /** @param {Waiter} waiter One that was told already, or that does not wait, is no harm. */
  delete(waiter) {
    if (waiter !== this.#first) {
      this.#later?.delete(waiter)
      return
    }
    this.#first = undefined
    if (this.#later !== undefined) {
      for (const next of this.#later) {
        this.#later.delete(next)
        this.#first = next
        return
      }
    }
    try {
      this.#signal.removeEventListener('abort', this.#listener)
    } catch (error) {
      // A signal that can't let go of its listener is no reason to fail.
      report(error)
    }
  }

  /** The signal has aborted, which it does once. Whoever is told may end the wait of others. */
  #tell() {
    let waiter
    while ((waiter = this.#first) !== undefined) {
      this.delete(waiter)
      waiter.onAbort()
    }
  }
}

/** @type {WeakMap<AbortSignal, Watch> | undefined} */
let watches

/**
 * Tells a waiter when the signal aborts, unless it is deleted from the answer before. The listener goes with the last who waits.
 *
 * @param {AbortSignal} signal Not aborted yet.
 * @param {Waiter} waiter
 * @returns {Watch}
 */
export function watch(signal, waiter) {
  watches ??= new WeakMap()
  let watch = watches.get(signal)
  if (watch === undefined) watches.set(signal, (watch = new Watch(signal)))
  watch.add(waiter)
  return watch
}

/**
 * Why a signal aborted; an `AbortError` where it does not say, as those of some polyfills.
 *
 * @param {AbortSignal} signal
 * @returns {unknown}
 */
export function reasonOf(signal) {
  let reason
  try {
    reason = signal.reason
  } catch {
    // As none.
  }
  return reason === undefined ? Object.assign(new Error('The call was aborted'), { name: 'AbortError' }) : reason
}

/**
 * Whether a signal has aborted. One that throws when it is asked has not.
 *
 * @param {AbortSignal} signal
 */
export function hasAborted(signal) {
  try {
    return signal.aborted === true
  } catch {
    return false
  }
}

/**
 * Whether the reason of an abort is that somebody's time was up: the caller's deadline, or the time limit of a breaker around this one.
 * Of any realm and any copy of the package.
 *
 * @param {any} reason
 * @returns {boolean}
 */
export function isDeadline(reason) {
  try {
    return typeof reason === 'object' && reason !== null && (reason.name === 'TimeoutError' || reason.code === CODES.callTimeout)
  } catch {
    return false
  }
}
