/**
 * What the core's background task borrows of JavaScript to test a dependency: time, timers, the probe itself.
 *
 * Must not know: when to test. It holds the breaker weakly, so that a forgotten breaker ends its task, unless somebody waits for its circuit to close:
 * who waits may hold nothing but the promise.
 *
 * A host may end timers with the request that made them, or have none: what waits for one then waits for ever. A refused call wakes the
 * task that sleeps, and one that is lost is stopped when the circuit closes, so that the next outage has a new one.
 */
import { LONGEST_TIMER } from '../engine/numbers.js'
import { CallTimeoutError } from '../base/errors.js'
import { ifAny, weaklyHeld } from '../base/host.js'

/**
 * @template {object} B
 * @param {B} breaker
 * @param {object} tools
 * @param {() => unknown} tools.probe
 * @param {((ms: number) => Promise<unknown>) | undefined} tools.sleep
 * @param {string | undefined} tools.name
 * @param {(breaker: B) => boolean} tools.isHeld Whether the task's slot is still the breaker's.
 * @param {(breaker: B) => Promise<void> | undefined} tools.asks Has the fleet grant the next test, where it is the one to do that.
 * @param {(breaker: B) => number} tools.now
 * @param {(breaker: B) => number} tools.random
 * @param {(breaker: B) => number} tools.started A reading for `elapsed`.
 * @param {(breaker: B, started: number) => number} tools.elapsed
 * @param {(breaker: B, failure: unknown) => boolean} tools.tell Answers whether the circuit is open.
 * @param {(breaker: B) => void} tools.ended
 */
export function recoveryHost(breaker, { probe, sleep = defaultSleep, name, isHeld, asks, now, random, started, elapsed, tell, ended }) {
  const reference = weaklyHeld(breaker)
  /** Ends the current pause. @type {(() => void) | undefined} */
  let wake
  /** When the current pause is to be over. */
  let until = NaN
  /** Whether there was a pause since a probe last left the circuit open. */
  let rested = true
  /** Whether a probe is out: its answer is told, and its permit settled, though the task was stopped meanwhile. */
  let isProbing = false
  /** When the last probe began. */
  let began = NaN
  /**
   * An error that went through the task would end it.
   *
   * @template T
   * @param {(breaker: B) => T} work
   */
  const withBreaker = (work) => {
    const alive = reference.deref()
    return alive === undefined ? undefined : ifAny(() => work(alive))
  }
  const host = {
    /** Whether the task is to end, after the answer of a probe that is out. */
    isStopped: false,
    /** The breaker, as long as somebody waits for its circuit to close. @type {B | undefined} */
    awaited: undefined,
    lives: () => (isProbing || !host.isStopped) && withBreaker(isHeld) === true,
    now: () => withBreaker(now) ?? NaN,
    random: () => withBreaker(random) ?? NaN,
    elapsed: () => withBreaker((alive) => elapsed(alive, began)) ?? NaN,
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
      const asked = withBreaker(asks)
      if (asked !== undefined) await asked
    },
    /**
     * Ends the current pause if there is something to do after this many ms and the pause is longer; at 0 in any case.
     *
     * @param {number} ms
     */
    wake: (ms) => {
      const at = withBreaker(now) ?? NaN
      // One that should be over by now was lost.
      if (wake !== undefined && (ms === 0 || at + ms < until || at >= until)) wake()
    },
    /** @param {number} patience */
    probe: async (patience) => {
      isProbing = true
      // Without an open time there is no pause between failed probes.
      if (!rested) await turn()
      rested = false
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer
      const expired = new Promise((_, reject) => {
        const error = new CallTimeoutError(`The probe has not answered within ${patience} ms`, { breaker: name, timeout: patience })
        timer = timerFor(reject, Math.min(patience, LONGEST_TIMER), error)
      })
      began = withBreaker(started) ?? NaN
      try {
        await Promise.race([probe(), expired])
        rested = true
      } finally {
        ifAny(() => clearTimeout(timer))
      }
    },
    tell: (/** @type {unknown} */ failure) => {
      isProbing = false
      // A probe that was slow has opened it though it succeeded.
      if (withBreaker((alive) => tell(alive, failure))) rested = false
    },
    ended: () => withBreaker(ended)
  }
  return host
}

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
function defaultSleep(ms) {
  return new Promise((resolve) => timerFor(resolve, ms))
}

/** Lets everything else that is ready run first. */
const turn = () => defaultSleep(0)

/**
 * A timer that keeps no process alive, where the runtime can do that; undefined where there are no timers.
 *
 * @param {(value: any) => void} fn
 * @param {number} ms
 * @param {unknown} [value]
 */
function timerFor(fn, ms, value) {
  return ifAny(() => {
    /** @type {any} */
    const timer = setTimeout(fn, ms, value)
    timer.unref?.()
    return timer
  })
}
