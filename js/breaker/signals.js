/**
 * The callers' signals: one listener on each, whatever the number of calls that wait for it.
 *
 * Must not know: calls. Node 20 warns of a leak at the eleventh listener of a signal, and eleven calls at once are none.
 */

/** Those who wait for one signal. */
class Watch {
  /** @type {Set<() => void>} */
  #callbacks = new Set()
  #signal

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.#signal = signal
  }

  /** @param {() => void} callback */
  add(callback) {
    if (this.#callbacks.size === 0) this.#signal.addEventListener('abort', this)
    this.#callbacks.add(callback)
  }

  /** @param {() => void} callback */
  delete(callback) {
    if (this.#callbacks.delete(callback) && this.#callbacks.size === 0) this.#signal.removeEventListener('abort', this)
  }

  /** The signal has aborted, which it does once. */
  handleEvent() {
    for (const callback of [...this.#callbacks]) {
      this.delete(callback)
      callback()
    }
  }
}

/** @type {WeakMap<AbortSignal, Watch>} */
const watches = new WeakMap()

/**
 * Has something called when the signal aborts, unless the answer is told to `delete` it again. The listener goes with the last.
 *
 * @param {AbortSignal} signal Not aborted yet.
 * @param {() => void} callback
 * @returns {Watch}
 */
export function watch(signal, callback) {
  let watch = watches.get(signal)
  if (watch === undefined) watches.set(signal, (watch = new Watch(signal)))
  watch.add(callback)
  return watch
}
