/**
 * What a function gave back, whatever it is: a value, a promise, something thenable, an error.
 *
 * Must not know: breakers.
 */

import { misuse } from '../base/misuse.js'
import { report } from '../base/report.js'

const { then } = Promise.prototype

/**
 * Calls a function as an async function would be called: what it throws becomes a rejection.
 *
 * @param {Function} fn
 * @param {unknown[]} args
 * @returns {Promise<any>}
 */
export function attempt(fn, args) {
  return new Promise((resolve) => resolve(fn(...args)))
}

/**
 * Calls a function and sees to it that one of the handlers runs.
 *
 * @param {Function} fn
 * @param {unknown[]} args
 * @param {(value: any) => any} onSuccess
 * @param {(error: unknown) => any} onFailure
 * @returns {Promise<any>}
 */
export function launch(fn, args, onSuccess, onFailure) {
  let result
  try {
    result = fn(...args)
    if (isNativePromise(result)) return result.then(onSuccess, onFailure)
  } catch (error) {
    return rejected(onFailure, error)
  }
  return follow(result, onSuccess, onFailure)
}

/**
 * What comes of a function that threw.
 *
 * @param {(error: unknown) => any} onFailure Throws the error. What else comes out of it is the end of the call stack, and it did not run.
 * @param {unknown} error
 * @returns {Promise<any>}
 */
function rejected(onFailure, error) {
  try {
    onFailure(error)
  } catch (thrown) {
    if (thrown !== error) throw thrown
  }
  return Promise.reject(error)
}

/**
 * Settles with a result that is not a native promise. An object may be thenable: a subclass with a `then` of its
 * own, a promise of another realm, a hostile one. It is resolved as `await` would do it, which sees to it that it
 * settles once.
 *
 * @param {any} result
 * @param {(value: any) => any} onSuccess
 * @param {(error: unknown) => any} onFailure
 * @returns {Promise<any>}
 */
export function follow(result, onSuccess, onFailure) {
  if (!isPrimitive(result)) return new Promise((resolve) => resolve(result)).then(onSuccess, onFailure)
  // Made before: what throws at the end of the call stack throws where nothing was settled.
  const promise = Promise.resolve(result)
  onSuccess(result)
  return promise
}

/**
 * A promise whose `then` is the language's own: everything known about how it settles.
 *
 * @param {any} value
 * @returns {value is Promise<any>}
 */
export function isNativePromise(value) {
  return value instanceof Promise && value.constructor === Promise && value.then === then
}

/**
 * The value itself if it is a promise, also one of another realm or of a subclass; else undefined. An object that only has a `then` is
 * no promise: a lazy query would run once more if its `then` were called. A value that throws when it is looked at is no promise either.
 *
 * @param {any} value
 * @returns {Promise<any> | undefined}
 */
export function promiseOf(value) {
  if (isPrimitive(value)) return undefined
  try {
    if (isNativePromise(value)) return value
    if (value instanceof Promise || Object.prototype.toString.call(value) === '[object Promise]') return Promise.resolve().then(() => value)
  } catch {
    // A hostile object, whose own affair it is.
  }
  return undefined
}

/**
 * Takes the answer of a user's function that was to be no promise: if it is one that rejects, nobody else hears of it.
 *
 * @param {unknown} answer
 * @returns {boolean} Whether it is a promise.
 */
export function hush(answer) {
  const promise = promiseOf(answer)
  promise?.catch(() => {})
  return promise !== undefined
}

/**
 * What stands for the answer of a user's function that was to be a number at once: none. A promise is reported, being a mistake that shows nowhere else.
 *
 * @param {string} name The option's.
 * @param {unknown} answer
 * @returns {number} NaN
 */
export function noNumber(name, answer) {
  if (hush(answer)) report(misuse(TypeError, `Expected \`${name}\` to answer a number, got a promise`))
  return NaN
}

/** @param {unknown} value */
export function isPrimitive(value) {
  return (typeof value !== 'object' && typeof value !== 'function') || value === null
}
