/**
 * Where readings come from: what a user hands in, checked once, and asked at each reading for the breakers and registries that it stands for.
 *
 * Must not know: the class, the engine, what is made of a reading. A breaker is whatever has the door, so that one of another copy or another
 * entry of the package is read like any other.
 */
import { misuse, show } from '../base/misuse.js'

/**
 * The name of the method by which breakers and registries are read. It changes nothing, counts as no use and hands out nothing.
 *
 * @internal
 */
export const DOOR = /* @__PURE__ */ Symbol.for('halfopen.read')

/**
 * All that a breaker, or each breaker of a registry, has counted, and how it is.
 *
 * @typedef {object} Reading
 * @property {readonly string[]} facts The names of the numbers of a row, in their order. One that is missing is not known.
 * @property {readonly string[]} states The names of the states, by their number.
 * @property {Float64Array} rows One row of numbers after another; NaN where there is nothing to say.
 * @property {readonly unknown[]} keys The key of each row.
 * @property {readonly (string | undefined)[]} names The name of each row's breaker.
 * @property {readonly number[]} ids Who it is: one that went and is found again keeps its own.
 * @property {Float64Array | undefined} gone Of a registry the counts of those that left it.
 */

/**
 * A circuit breaker or a registry of them, from any entry or copy of the package.
 *
 * @typedef {object} BreakerLike
 * @property {(type: any, listener: any, options?: any) => void} addEventListener
 * @property {(type: any, listener: any, options?: any) => void} removeEventListener
 */

/**
 * What is observed: circuit breakers and registries, one or an array of both; or a function that answers such a thing and is asked at each
 * reading. The same one twice counts once.
 *
 * @typedef {BreakerLike | readonly (BreakerLike | (() => BreakerLike | readonly BreakerLike[]))[] | (() => BreakerLike | readonly BreakerLike[])} Sources
 */

/**
 * One that has the door.
 *
 * @typedef {BreakerLike & { readonly name?: string }} Readable
 */

/**
 * Checks what was handed in.
 *
 * @internal
 * @param {unknown} given
 * @param {string} name Of the argument.
 * @returns {() => Readable[]} Those to read now, each once. What a function among them answers that can't be read is left out, and so is one that throws.
 * @throws {TypeError} `ERR_INVALID_ARGUMENT`.
 */
export function sourcesOf(given, name) {
  const list = listOf(given)
  for (const one of list) {
    if (typeof one === 'function' || isReadable(one)) continue
    throw misuse(TypeError, `Expected \`${name}\` to be a circuit breaker, a registry, an array of these, or a function that answers one, got ${show(one)}`)
  }
  return () => [...new Set(list.flatMap((one) => (typeof one === 'function' ? answerOf(one) : [one])))]
}

/**
 * Reads one.
 *
 * @internal
 * @param {Readable} source
 * @returns {Reading}
 */
export const readingOf = (source) => /** @type {any} */ (source)[DOOR]()

/** @param {unknown} value @returns {any[]} A copy. */
const listOf = (value) => (Array.isArray(value) ? [...value] : [value])

/** @param {Function} source */
function answerOf(source) {
  try {
    return listOf(source()).filter(isReadable)
  } catch {
    // Whoever scrapes gets what the others have.
    return []
  }
}

/** @param {any} value @returns {value is Readable} */
function isReadable(value) {
  try {
    return typeof value === 'object' && typeof value[DOOR] === 'function'
  } catch {
    // Null, or a proxy that nobody can look at.
    return false
  }
}
