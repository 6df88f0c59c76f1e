/**
 * Events in every host: its own `EventTarget` and its own events where the two work together, else small ones of ours with the same members.
 *
 * Must not know: breakers. Which it is, is tried once, on a target made for it. Hosts lack one of the two (edge runtimes, React Native), can't
 * extend it, or have the one of jsdom and the other of Node, which refuse each other.
 */
import { report } from './report.js'

/** @typedef {new (type: string, init: { detail: unknown }) => Event} EventMaker */

/**
 * Tells the listeners. What goes wrong in it is not the caller's.
 *
 * @param {EventTarget} target One that extends `Target`.
 * @param {string} type
 * @param {object} detail
 */
export function emit(target, type, detail) {
  try {
    // Without a prototype: the host reads what it finds.
    const init = /** @type {any} */ ({ __proto__: null, detail })
    target.dispatchEvent(/** @type {Event} */ (new (HostEvent ?? OwnEvent)(type, init)))
  } catch (error) {
    report(error)
  }
}

/** @returns {EventMaker | undefined} */
function workingEvent() {
  for (const typeOf of [() => CustomEvent, withDetail]) {
    try {
      const Type = /** @type {EventMaker} */ (typeOf())
      const target = new (class extends EventTarget {})()
      const event = /** @type {any} */ (new Type('x', { detail: target }))
      let heard
      target.dispatchEvent(event)
      // Most events tell that they went through. Asked first, since a first listener takes 0.3 ms in Node.
      if (event.target === target) heard = event.detail
      else {
        target.addEventListener('x', (/** @type {any} */ { detail }) => (heard = detail))
        target.dispatchEvent(event)
      }
      if (heard === target) return Type
    } catch {
      // The next, or ours.
    }
  }
  return undefined
}

/** The host's plain event with what it lacks of a `CustomEvent`. */
function withDetail() {
  return class extends Event {
    detail

    /**
     * @param {string} type
     * @param {{ detail: unknown }} init
     */
    constructor(type, { detail }) {
      super(type)
      this.detail = detail
    }
  }
}

/** As a `CustomEvent`, as far as listeners use one: nobody can cancel it, and it goes to its target alone. */
class OwnEvent {
  /** @type {EventTarget | null} */
  target = null
  /** @type {EventTarget | null} */
  currentTarget = null
  bubbles = false
  cancelable = false
  defaultPrevented = false
  timeStamp = Date.now()
  /** Whether a listener asked that no other hears it. */
  isStopped = false

  /**
   * @param {string} type
   * @param {{ detail: unknown }} init
   */
  constructor(type, { detail }) {
    this.type = type
    this.detail = detail
  }

  stopImmediatePropagation() {
    this.isStopped = true
  }

  stopPropagation() {}

  preventDefault() {}
}

/** As an `EventTarget` without parents. */
class OwnTarget {
  /** Replaced when it changes, never written to: a dispatch goes over those that were there when it began. @type {any[]} */
  #all = []

  /**
   * @param {string} type
   * @param {any} listener
   * @param {boolean | AddEventListenerOptions} [options]
   */
  addEventListener(type, listener, options) {
    const { capture, once, signal } = read(options)
    const others = this.#allBut(type, listener, capture)
    if (!listener || signal?.aborted || others.length < this.#all.length) return
    this.#all = [...others, { type, listener, capture: !!capture, once }]
    signal?.addEventListener('abort', () => this.removeEventListener(type, listener, capture))
  }

  /**
   * @param {string} type
   * @param {any} listener
   * @param {boolean | EventListenerOptions} [options]
   */
  removeEventListener(type, listener, options) {
    this.#all = this.#allBut(type, listener, read(options).capture)
  }

  /**
   * @param {any} event
   * @returns {boolean}
   */
  dispatchEvent(event) {
    // An event of the host's may not let itself be written to.
    Reflect.set(event, 'target', this)
    Reflect.set(event, 'currentTarget', this)
    for (const one of this.#all) {
      const { type, listener, capture, once } = one
      // One that was removed meanwhile hears no more.
      if (type !== event.type || event.isStopped || !this.#all.includes(one)) continue
      if (once) this.removeEventListener(type, listener, capture)
      try {
        if (typeof listener === 'function') listener.call(this, event)
        else listener.handleEvent(event)
      } catch (error) {
        report(error)
      }
    }
    Reflect.set(event, 'currentTarget', null)
    return !event.defaultPrevented
  }

  /**
   * @param {string} type
   * @param {unknown} listener
   * @param {unknown} capture
   */
  #allBut(type, listener, capture) {
    return this.#all.filter((one) => one.type !== type || one.listener !== listener || one.capture === !capture)
  }
}

/** The host's events; undefined where none goes through its `EventTarget`. @type {EventMaker | undefined} */
const HostEvent = /* @__PURE__ */ workingEvent()

/** What classes with events extend. @type {typeof EventTarget} */
export const Target = /* @__PURE__ */ (() => (HostEvent === undefined ? OwnTarget : EventTarget))()

/**
 * The own members of what `addEventListener` takes for options.
 *
 * @param {unknown} options
 * @returns {AddEventListenerOptions}
 */
function read(options) {
  return /** @type {any} */ ({ __proto__: null, .../** @type {object} */ (typeof options === 'object' ? options : { capture: options }) })
}
