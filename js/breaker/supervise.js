/**
 * One call that may end before its function does: by its timeout or by its caller's abort.
 *
 * Must not know: breakers. It tells how the call ended, exactly once.
 */
import { isNativePromise } from './promises.js'
import { watch } from './signals.js'

/** How a supervised call ended. */
export const ENDED = /** @type {const} */ ({ value: 0, error: 1, timeout: 2, abort: 3 })

/** By which whoever made a call's signal aborts it after the call, with a body that outlives it for one. */
const CONTROLLER = Symbol.for('halfopen.controller')

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
    /** @type {AbortController | undefined} */
    let controller
    /** @type {{ reason: unknown } | undefined} */
    let aborted
    const context = {
      // An own member, so that it goes along when the options of a request are spread. Made when it is first asked for: an
      // AbortController costs more than all the rest of a timed call.
      get signal() {
        if (controller === undefined) {
          controller = new AbortController()
          Object.defineProperty(controller.signal, CONTROLLER, { value: controller })
          if (aborted !== undefined) controller.abort(aborted.reason)
        }
        return controller.signal
      }
    }
    const abort = (/** @type {unknown} */ reason) => {
      aborted = { reason }
      controller?.abort(reason)
    }
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
      abort(reason)
    }

    const watched = signal && watch(signal, onAbort)
    if (timeout !== undefined) {
      timer = setTimeout(() => {
        const error = makeTimeoutError()
        end(ENDED.timeout, error)
        abort(error)
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
