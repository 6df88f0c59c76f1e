/**
 * The place of a fleet in one breaker: what the fleet may do to it, what it is asked, and what it is told.
 *
 * Must not know: who the fleet is; the engine and the class, which lend what is needed through the door. So it is in no bundle but that of who has a
 * fleet, and whichever copy of the package the breaker is of. Only a call that would be refused asks; nothing here is on the way of any other.
 */
import { misuse, show } from '../base/misuse.js'
import { report } from '../base/report.js'

/** @import { CircuitBreaker } from '../breaker/circuit-breaker.js' */
/** @import { Lent } from '../breaker/fleet.js' */
/** @import { Reason, State } from '../base/types.js' */

/**
 * What of a fleet joins a breaker. What it throws is reported and changes nothing.
 *
 * @typedef {object} Member
 * @property {(isSync: boolean) => undefined | boolean | Promise<boolean>} onRefused Shall this call be the fleet's test? Asked where it would be refused
 *   otherwise, while the circuit is held and a test is due. `true`, or a promise of it where the call can wait for one, grants it, for as long as
 *   `grant` said or else the half-open timeout.
 * @property {(outcome: TestEnd) => void} [onOutcome] How a granted test ended: `ignored` where there was none.
 * @property {() => void} [onOpened] The circuit opened by the breaker's own evidence or by hand.
 * @property {() => void} [onClosed] The circuit closed likewise.
 */

/**
 * What a fleet may do to a breaker, once it has joined. After it left, nothing.
 *
 * @typedef {object} Hold
 * @property {(due: number, stale: number) => void} hold Holds the circuit open: no test for `due` ms from now, then by grant alone, and after `stale` ms
 *   the breaker goes on by itself. Throws `ERR_INVALID_ARGUMENT` unless 0 <= due <= stale.
 * @property {(lease: number) => boolean} grant Lets one test request pass that comes within `lease` ms and settles within as many. False where the
 *   circuit is not held, or was opened by hand.
 * @property {() => void} release Lets go: the circuit closes if it was open by the hold alone.
 * @property {Stage} state
 */

/** @typedef {'none' | 'held' | 'due' | 'stale'} Stage */
/** @typedef {'success' | 'failure' | 'ignored' | 'expired'} TestEnd */

/** The stages of a verdict, each at its number in the core. @type {readonly Stage[]} */
export const STAGES = ['none', 'held', 'due', 'stale']

/** The ends of a test, each at its number in the core. @type {readonly TestEnd[]} */
export const TEST_ENDS = ['success', 'failure', 'ignored', 'expired']

const DOOR = /* @__PURE__ */ Symbol.for('halfopen.fleet')

/**
 * Has a fleet join a breaker.
 *
 * @param {CircuitBreaker} breaker Of any copy of the package.
 * @param {Member} member
 * @returns {Hold}
 * @throws {TypeError} `ERR_INVALID_ARGUMENT` when it is no breaker or no member, or when another has joined the breaker.
 */
export function join(breaker, member) {
  const door = /** @type {any} */ (breaker)?.[DOOR]
  if (typeof door !== 'function') throw misuse(TypeError, `Expected \`breaker\` to be a CircuitBreaker that fleets can join, got ${show(breaker)}`)
  if (typeof (/** @type {any} */ (member)?.onRefused) !== 'function') {
    throw misuse(TypeError, `Expected \`member\` to be an object with the method \`onRefused\`, got ${show(member)}`)
  }
  const place = new Place(member)
  door.call(breaker, place)
  return place.hold
}

/**
 * Has the fleet leave a breaker: a circuit that it held open is due, and the breaker goes on by itself. Does nothing where none has joined.
 *
 * @param {CircuitBreaker} breaker
 */
export function leave(breaker) {
  ;/** @type {any} */ (breaker)[DOOR](undefined)
}

/** What the breaker asks and tells. */
class Place {
  /** Undefined once it has left. @type {Member | undefined} */
  #member
  /** @type {Lent} */
  #lent = /** @type {any} */ (undefined)
  /** Whether a granted test has just ended: then its fleet opens the circuit, and not the breaker by itself. */
  #isTestOver = false

  /** @param {Member} member */
  constructor(member) {
    this.#member = member
  }

  /** @param {Lent} lent */
  enter(lent) {
    this.#lent = lent
  }

  leave() {
    this.#member = undefined
  }

  /** @returns {Hold} */
  get hold() {
    const stage = () => this.#stage()
    return {
      hold: (due, stale) =>
        this.#unlessLeft(undefined, (core, slot, now) => {
          // Numbers alone may come to the core.
          const areNumbers = typeof due === 'number' && typeof stale === 'number'
          if (areNumbers && core.fleetHold(slot, due, stale, now) === 0) return undefined
          throw misuse(RangeError, `Expected \`due\` and \`stale\` to be ms with 0 <= due <= stale, got ${show(due)} and ${show(stale)}`)
        }),
      grant: (lease) => {
        if (typeof lease !== 'number' || !(lease > 0)) throw misuse(RangeError, `Expected \`lease\` to be a number of ms above 0, got ${show(lease)}`)
        return this.#unlessLeft(false, (core, slot, now, random) => core.fleetGrant(slot, lease, now, random()) === 1)
      },
      release: () => this.#unlessLeft(undefined, (core, slot, now) => core.fleetEnd(slot, 1, now)),
      get state() {
        return STAGES[stage()]
      }
    }
  }

  /**
   * Does something to the breaker, and has it tell what came of it.
   *
   * @template T
   * @param {T} absent
   * @param {(core: Lent['core'], slot: number, now: number, random: () => number) => T} work
   * @returns {T}
   */
  #unlessLeft(absent, work) {
    if (this.#member === undefined) return absent
    const { core, slot, now, random, tell } = this.#lent
    const answer = work(core, slot(), now(), random)
    tell()
    return answer
  }

  #stage() {
    const { core, slot, now } = this.#lent
    return this.#member === undefined ? 0 : core.fleetStage(slot(), now())
  }

  /**
   * Asks whether a call that can't wait shall be the test.
   *
   * @returns {boolean}
   */
  askAtOnce() {
    const answer = this.#ask(true)
    if (typeof answer === 'boolean') return answer
    answer.then((isGranted) => isGranted && this.#giveBack())
    return false
  }

  /**
   * Asks whether a call shall be the test, and waits for the answer as long as the call has time and its caller is there. What is granted later is
   * given back.
   *
   * @param {(isGranted: boolean, waited: number) => Promise<any>} goOn Makes the call or refuses it. `waited` ms of its time have passed.
   * @param {number | undefined} timeout In ms.
   * @param {AbortSignal | undefined} signal The caller's, not aborted yet.
   * @returns {Promise<any>} Rejects with the caller's reason where that left, and where nobody can heed the signal or the time.
   */
  ask(goOn, timeout, signal) {
    const answer = this.#ask(false)
    if (typeof answer === 'boolean') return goOn(answer, 0)
    const { now, setDeadline, clearDeadline, watch, reasonOf } = this.#lent
    const asked = now()
    return new Promise((/** @type {(isGranted: boolean) => void} */ resolve, reject) => {
      let isOver = false
      /** @type {ReturnType<typeof watch> | undefined} */
      let watched
      const end = (isGranted = false) => {
        isOver = true
        clearDeadline(waiter)
        watched?.delete(waiter)
        resolve(isGranted)
      }
      // The time is up, or the caller has left.
      const cut = () => end()
      const waiter = { earlier: undefined, later: undefined, deadline: undefined, scope: undefined, began: 0, onTimeout: cut, onAbort: cut }
      answer.then((isGranted) => {
        if (!isOver) end(isGranted)
        else if (isGranted) this.#giveBack()
      })
      try {
        if (timeout !== undefined) setDeadline(waiter, timeout)
        if (signal !== undefined) watched = watch(signal, waiter)
      } catch (error) {
        reject(error)
        end()
      }
    }).then((isGranted) => {
      if (!signal?.aborted) return goOn(isGranted, now() - asked)
      if (isGranted) this.#giveBack()
      throw reasonOf(signal)
    })
  }

  /**
   * Asks for the probe, which tests in the place of calls.
   *
   * @returns {Promise<void> | undefined} Undefined where there is nothing to wait for.
   */
  askForProbe() {
    if (STAGES[this.#stage()] !== 'due') return undefined
    // A grant that the probe does not use lapses.
    const go = (/** @type {boolean} */ isGranted) => void (isGranted && this.grant())
    const answer = this.#ask(false)
    return typeof answer === 'boolean' ? go(answer) : answer.then(go)
  }

  /**
   * Grants what was promised a call, if nobody did.
   *
   * @returns {() => void} To be called once the call has asked for its permit: what it did not use is given back.
   */
  grant() {
    const isGranted = this.#unlessLeft(false, (core, slot, now, random) => core.fleetGrant(slot, NaN, now, random()) === 1)
    return () => {
      const { core, slot } = this.#lent
      if (core.fleetTakeBack(slot()) === 1 || !isGranted) this.#call('onOutcome', 'ignored')
    }
  }

  /** Gives back what was granted and nobody waits for. */
  #giveBack() {
    this.grant()()
  }

  /**
   * Takes how a granted test ended, ahead of the news that it brings.
   *
   * @param {number} slot
   * @returns {() => void} To be called after the news.
   */
  note(slot) {
    const end = this.#lent.core.fleetTestEnd(slot)
    if (end !== 0) this.#isTestOver = true
    return () => {
      if (end === 0) return
      this.#isTestOver = false
      this.#call('onOutcome', TEST_ENDS[end - 1])
    }
  }

  /**
   * Tells the fleet of a state change, unless it brought that about.
   *
   * @param {{ from: State, to: State, reason: Reason }} change
   */
  tell({ from, to, reason }) {
    if (reason === 'fleet') return
    if (to === 'closed') this.#call('onClosed')
    else if (to === 'open' && !(from === 'half_open' && this.#isTestOver)) this.#call('onOpened')
  }

  /**
   * @param {boolean} isSync
   * @returns {boolean | Promise<boolean>} The promise does not reject.
   */
  #ask(isSync) {
    /** @type {any} */
    const answer = this.#call('onRefused', isSync)
    if (typeof answer !== 'object' || answer === null) return answer === true
    return Promise.resolve(answer).then(
      (isGranted) => isGranted === true,
      () => false
    )
  }

  /**
   * @param {keyof Member} name
   * @param {...unknown} args
   * @returns {unknown}
   */
  #call(name, ...args) {
    try {
      return /** @type {any} */ (this.#member)?.[name]?.(...args)
    } catch (error) {
      report(error)
      return undefined
    }
  }
}
