/**
 * The global `fetch` as guards call it: looked up at each request, so that a mock that replaces it later works, and past every guard.
 *
 * Must not know: breakers, or what a request is.
 *
 * A guard may be the global `fetch` itself, and then somebody may put a wrapper around it, for example a tracer. Nobody can see that by
 * looking at the wrapper: it is found out when the guard calls it and is called from inside that call. Then the `fetch` that was there when
 * the guard was made answers, and from then on instead of the wrapper.
 */
import { ifAny } from '../base/host.js'
import { urlOf } from './requests.js'

/** By this a guard of any copy of the package says which `fetch` is under it. */
const UNDER = /* @__PURE__ */ Symbol.for('halfopen.fetch')

/** Calls at once through one unknown `fetch` that are taken for one going in circles, where nothing tells the two apart. */
const MOST_AT_ONCE = 100

/** @typedef {typeof globalThis.fetch} Fetch */

/** A call of an unknown `fetch`, and that in which it was made. @typedef {{ of: GlobalFetch, fetch: Fetch, url: string, outer: Way | undefined, isOver: boolean }} Way */

/** Says in which call of an unknown `fetch` we are, also after it has waited for something. @type {{ run(way: Way, fn: Function): any, getStore(): Way | undefined } | undefined} */
let storage

/** The same in hosts without such a thing, where it is known only until the `fetch` waits for the first time. @type {Way | undefined} */
let inside

/** Whether any unknown `fetch` was ever called: mostly there is none, and nothing to look for. */
let isAnyUnknown = false

/**
 * @param {object} guarded
 * @param {Fetch | undefined} under
 */
export function markAsGuard(guarded, under) {
  Object.defineProperty(guarded, UNDER, /** @type {any} */ ({ __proto__: null, value: under }))
}

/** The global `fetch`, for one guard. */
export class GlobalFetch {
  /** The one that was there when the guard was made. @type {Fetch | undefined} */
  first = globalFetch()
  /** Those that are around the guard. @type {WeakSet<Fetch> | undefined} */
  #wrappers
  /** The calls of unknown ones that are not over. @type {Set<Way>} */
  #ways = new Set()

  /**
   * @param {any} args
   * @returns {Promise<Response>}
   */
  call(args) {
    const { first } = this
    const { fetch } = globalThis
    if (fetch === first) return fetch(.../** @type {[any]} */ (args))
    const found = /** @type {any} */ (globalFetch())
    if (first !== undefined && (found === first || this.#wrappers?.has(found))) return first(.../** @type {[any]} */ (args))
    return this.#callUnknown(found, args)
  }

  /**
   * Whether the guard is called from inside a `fetch` that it has called itself. One that makes a request of its own there, for example
   * for a token, is no wrapper: it is asked the next time, too.
   *
   * @param {any} args
   * @returns {boolean}
   */
  isCalledByItself(args) {
    if (!isAnyUnknown) return false
    for (let way = storage === undefined ? inside : storage.getStore(); way !== undefined; way = way.outer) {
      if (way.of === this && !way.isOver) return this.#isInside(way, addressOf(args))
    }
    if (storage !== undefined || this.#ways.size <= MOST_AT_ONCE) return false
    const url = addressOf(args)
    const same = [...this.#ways].filter((way) => way.url === url)
    return same.length > MOST_AT_ONCE && this.#isInside(same[0], url)
  }

  /**
   * @param {Way} way
   * @param {string} url
   */
  #isInside({ fetch, url: asked }, url) {
    if (url === asked) (this.#wrappers ??= new WeakSet()).add(fetch)
    return true
  }

  /**
   * @param {Fetch} fetch
   * @param {any} args
   */
  async #callUnknown(fetch, args) {
    if (!isAnyUnknown) {
      isAnyUnknown = true
      storage = ifAny(() => new (/** @type {any} */ (globalThis).process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)())
    }
    const outer = storage === undefined ? inside : storage.getStore()
    /** @type {Way} */
    const way = { of: this, fetch, url: addressOf(args), outer, isOver: false }
    inside = way
    this.#ways.add(way)
    try {
      let called
      try {
        called = storage === undefined ? fetch(.../** @type {[any]} */ (args)) : storage.run(way, () => fetch(.../** @type {[any]} */ (args)))
      } finally {
        inside = outer
      }
      return await called
    } finally {
      way.isOver = true
      this.#ways.delete(way)
    }
  }
}

/** The global `fetch`, or what is under it where it is a guard. @returns {Fetch | undefined} */
function globalFetch() {
  let { fetch } = /** @type {any} */ (globalThis)
  while (typeof fetch === 'function' && Object.hasOwn(fetch, UNDER)) fetch = fetch[UNDER]
  return fetch
}

/**
 * What is asked for, as far as it tells a request from another.
 *
 * @param {any} args
 * @returns {string}
 */
function addressOf([input]) {
  return ifAny(() => String(urlOf(input) ?? input)) ?? ''
}
