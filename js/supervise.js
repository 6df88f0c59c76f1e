/**
 * One call that may end before its function does: by its timeout or by its caller's abort.
 *
 * Must not know: breakers. It tells how the call ended, exactly once.
 */
import { isNativePromise } from './promises.js'
import { watch } from './signals.js'

/** How a supervised call ended. */
export const ENDED = /** @type {const} */ ({ value: 0, error: 1, timeout: 2, abort: 3 })

/**
 * What the function gets as its last argument. The signal is made when it is first asked for: an AbortController costs more
 * than all the rest of a timed call.
 */
class Context {
  /** @type {AbortController | undefined} */
  #controller
  /** @type {{ reason: unknown } | undefined} */
  #aborted

  /** Aborts when the call is over before its function is. */
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
 * Calls `fn` with `{ signal }` as its last argument and sees to it that the call ends.
 *
 * @param {Function} fn
 * @param {unknown[]} args
 * @param {object} limits
 * @param {AbortSignal | undefined} limits.signal The caller's, not aborted yet. It is left as it was on every path.
 * @param {number | undefined} limits.timeout In ms.
 * @param {() => Error} limits.makeTimeoutError
 * @param {(how: number, payload: unknown) => void} ended Told exactly once, before the promise settles.
 * @returns {Promise<any>}
 */
export function supervise(fn, args, { signal, timeout, makeTimeoutError }, ended) {
  return new Promise((resolve, reject) => {
    const context = new Context()
    let over = false
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer

    /**
     * @param {number} how
     * @param {unknown} payload
     */
    const end = (how, payload) => {
      over = true
      if (timer !== undefined) clearTimeout(timer)
      watched?.delete(onAbort)
      ended(how, payload)
      if (how === ENDED.value) resolve(payload)
      else reject(payload)
    }
    const onAbort = () => {
      const reason = signal?.reason
      end(ENDED.abort, reason)
      context.abort(reason)
    }

    const watched = signal && watch(signal, onAbort)
    if (timeout !== undefined) {
      timer = setTimeout(() => {
        const error = makeTimeoutError()
        end(ENDED.timeout, error)
        context.abort(error)
      }, timeout)
    }
    let promise
    try {
      const result = fn(...args, context)
      // A native promise needs no other around it: 100 ns of 780, and the caller hears of it two rounds sooner.
      promise = isNativePromise(result) ? result : new Promise((settle) => settle(result))
    } catch (error) {
      if (!over) end(ENDED.error, error)
      return
    }
    // What comes after the end, rejections too, has been answered already.
    promise.then(
      (value) => {
        if (!over) end(ENDED.value, value)
      },
      (error) => {
        if (!over) end(ENDED.error, error)
      }
    )
  })
}
