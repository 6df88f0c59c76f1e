/**
 * What the core's background task borrows of JavaScript to test a dependency: time, timers, the probe itself.
 *
 * Must not know: when to test. It holds the breaker weakly, so that a forgotten breaker ends its task.
 */
import { LONGEST_TIMER } from '../engine/numbers.js'
import { CallTimeoutError } from '../base/errors.js'

/**
 * @template {object} B
 * @param {B} breaker
 * @param {object} tools
 * @param {() => unknown} tools.probe
 * @param {((ms: number) => Promise<unknown>) | undefined} tools.sleep
 * @param {string | undefined} tools.name
 * @param {(breaker: B) => number} tools.now
 * @param {(breaker: B) => number} tools.random
 * @param {(breaker: B, failure: unknown) => void} tools.tell
 * @param {(breaker: B) => void} tools.ended
 */
export function recoveryHost(breaker, { probe, sleep = defaultSleep, name, now, random, tell, ended }) {
  const reference = new WeakRef(breaker)
  /** Ends the current pause. @type {(() => void) | undefined} */
  let wake
  /** When the current pause is to be over. */
  let until = NaN
  /** Whether there was a pause since the last failed probe. */
  let rested = true
  /**
   * @template T
   * @param {(breaker: B) => T} work
   */
  const withBreaker = (work) => {
    const alive = reference.deref()
    return alive === undefined ? undefined : work(alive)
  }
  return {
    lives: () => reference.deref() !== undefined,
    now: () => withBreaker(now) ?? NaN,
    random: () => withBreaker(random) ?? NaN,
    /** @param {number} ms */
    sleep: async (ms) => {
      until = (withBreaker(now) ?? NaN) + ms
      const woken = new Promise((resolve) => {
        wake = () => resolve(undefined)
      })
      // A sleep that is over at once, as one that moves a clock by hand may be, must not keep everything else from running.
      const slept = (async () => Promise.all([sleep(Math.min(ms, LONGEST_TIMER)), turn()]))()
      try {
        await Promise.race([woken, slept])
      } finally {
        wake = undefined
        rested = true
      }
    },
    /**
     * Ends the current pause if there is something to do after this many ms and the pause is longer; at 0 in any case.
     *
     * @param {number} ms
     */
    wake: (ms) => {
      if (wake !== undefined && (ms === 0 || (withBreaker(now) ?? NaN) + ms < until)) wake()
    },
    /** @param {number} patience */
    probe: async (patience) => {
      // Without an open time there is no pause between failed probes.
      if (!rested) await turn()
      rested = false
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer
      const expired = new Promise((_, reject) => {
        const error = new CallTimeoutError(`The probe has not answered within ${patience} ms`, { breaker: name, timeout: patience })
        timer = unref(setTimeout(reject, Math.min(patience, LONGEST_TIMER), error))
      })
      try {
        await Promise.race([probe(), expired])
        rested = true
      } finally {
        clearTimeout(timer)
      }
    },
    tell: (/** @type {unknown} */ failure) => withBreaker((alive) => tell(alive, failure)),
    ended: () => withBreaker(ended)
  }
}

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
function defaultSleep(ms) {
  return new Promise((resolve) => unref(setTimeout(resolve, ms)))
}

/** Lets everything else that is ready run first. */
const turn = () => defaultSleep(0)

/**
 * A timer that keeps no process alive, where the runtime can do that.
 *
 * @template T
 * @param {T} timer
 * @returns {T}
 */
function unref(timer) {
  /** @type {any} */ (timer).unref?.()
  return timer
}
