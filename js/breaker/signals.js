/**
 * The callers' signals: one listener on each, whatever the number of calls that wait for it.
 *
 * Must not know: calls. Node 20 warns of a leak at the eleventh listener of a signal, and eleven calls at once are no leak.
 */
import { Queue } from './queue.js'

/** @typedef {import('./queue.js').Link & { onAbort(): void }} Waiter */

/** Those who wait for one signal. */
export class Watch {
  /** @type {Queue<Waiter>} */
  #waiters = new Queue()
  #signal
  // A function: of an object with `handleEvent`, Node binds that method anew each time it is added.
  #listener = () => this.#tell()

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.#signal = signal
  }

  /** @param {Waiter} waiter */
  add(waiter) {
    if (this.#waiters.first === undefined) this.#signal.addEventListener('abort', this.#listener)
    this.#waiters.add(waiter)
  }

  /** @param {Waiter} waiter One that waits. */
  delete(waiter) {
    this.#waiters.delete(waiter)
    if (this.#waiters.first === undefined) this.#signal.removeEventListener('abort', this.#listener)
  }

  /** The signal has aborted, which it does once. Whoever is told may end the wait of others. */
  #tell() {
    let waiter
    while ((waiter = this.#waiters.first) !== undefined) {
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
