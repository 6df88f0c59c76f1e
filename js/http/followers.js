/**
 * Callers' signals as their calls see them, and as they abort bodies after their calls: one listener on each, whatever the number of bodies.
 *
 * Must not know: breakers. `AbortSignal.any` would do that too, but Node 20 keeps a record of each on the caller's signal for ever.
 */
import { weaklyHeld } from '../base/host.js'
import { hasAborted, reasonOf, watch } from '../breaker/signals.js'
import { bodyIn, dropped } from './body.js'

/** @import { LentCall } from '../breaker/context.js' */

/** Keeps what can abort a body as long as the body. @type {WeakMap<ReadableStream, LentCall>} */
const aborters = /* @__PURE__ */ new WeakMap()

/** What follows a caller's signal: one listener on each, whatever the number of bodies. @type {WeakMap<AbortSignal, Followers>} */
const followed = /* @__PURE__ */ new WeakMap()

/** @typedef {{ calls: Set<{ deref(): LentCall | undefined }>, onAbort: () => void }} Followers */

/**
 * Has the caller's signal abort a body that outlives its call. The listener goes with the last body.
 *
 * @param {AbortSignal} signal
 * @param {LentCall} call
 * @param {Response} response
 */
export function abortWith(signal, call, response) {
  const body = bodyIn(response)
  if (typeof body !== 'object' || body === null) return
  const { calls, onAbort } = followed.get(signal) ?? firstFollower(signal)
  // In hosts without weak references the signal keeps all that followed it.
  const own = weaklyHeld(call)
  calls.add(own)
  aborters.set(body, call)
  dropped?.register(body, () => {
    if (!calls.delete(own) || calls.size > 0) return
    signal.removeEventListener('abort', onAbort)
    followed.delete(signal)
  })
}

/** @param {AbortSignal} signal */
function firstFollower(signal) {
  /** @type {Followers['calls']} */
  const calls = new Set()
  const onAbort = () => {
    const reason = reasonOf(signal)
    for (const call of calls) call.deref()?.abort(reason)
  }
  const followers = { calls, onAbort }
  followed.set(signal, followers)
  signal.addEventListener('abort', onAbort, { once: true })
  return followers
}

/**
 * The caller's signal as a call sees it whose caller may have had enough: an abort that says no more than that is not told. It has what a
 * breaker asks a signal for.
 */
export class HeededSignal {
  #signal
  /** @type {ReturnType<typeof watch> | undefined} */
  #watch
  /** The call's own listener. @type {(() => void) | undefined} */
  #tell
  /** Asked first: true where the call is not to hear of it. @type {((reason: unknown) => boolean) | undefined} */
  hasLeft = undefined

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.#signal = signal
  }

  get aborted() {
    return hasAborted(this.#signal)
  }

  get reason() {
    return reasonOf(this.#signal)
  }

  /**
   * @param {string} _
   * @param {() => void} tell
   */
  addEventListener(_, tell) {
    this.#tell = tell
    // The call may have listened before whose fallback is asked now.
    this.#watch ??= watch(this.#signal, this)
  }

  /** The call is over. Its fallback may listen after it, and what it leaves behind may still be aborted, until `stop()`. */
  removeEventListener() {
    this.#tell = undefined
  }

  stop() {
    this.#watch?.delete(this)
    this.#tell = this.hasLeft = this.#watch = undefined
  }

  onAbort() {
    if (!this.hasLeft?.(this.reason)) this.#tell?.()
  }
}
