/**
 * What a host may lack, or have broken: asked for such that it is missed by nobody.
 *
 * Must not know: what it is for.
 */

/**
 * @template T
 * @param {() => T} ask
 * @returns {T | undefined} Undefined where asking throws.
 */
export function ifAny(ask) {
  try {
    return ask()
  } catch {
    return undefined
  }
}

/**
 * Tells of objects that the garbage collector took. Undefined in some hosts, whose processes are short.
 *
 * @template T
 * @param {(held: T) => void} tell
 */
export function finalizer(tell) {
  return ifAny(() => new FinalizationRegistry(tell))
}

/**
 * Undefined in hosts without such references.
 *
 * @template {object} T
 * @param {T} object
 */
export function weakRef(object) {
  return ifAny(() => new WeakRef(object))
}

/**
 * A reference that keeps nothing alive; in hosts without such, one that does. Apart from whoever asks, since functions that are made together keep
 * all that one of them uses.
 *
 * @template {object} T
 * @param {T} object
 * @returns {{ deref(): T | undefined }}
 */
export function weaklyHeld(object) {
  return weakRef(object) ?? { deref: () => object }
}
