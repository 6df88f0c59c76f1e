/**
 * The options of whoever tells of breakers, checked.
 *
 * Must not know: what they do.
 */
import { optionError } from '../base/misuse.js'
import { unknownOption } from '../options/unknown.js'

/**
 * Options that all who tell of breakers have.
 *
 * @typedef {object} LabelOptions
 * @property {number | undefined} [maxNames] How many names are told at most, those seen first; all others are summed as `_other`. Whole, from 1.
 * @property {((name: string | undefined, key: any) => string | undefined) | undefined} [label] The name by which a breaker is told, by its own name and by its
 *   key in the registry. Default, and where it throws or answers no text: the breaker's name, else its key as text, else `unnamed`. Breakers with the same
 *   name are summed. Cut after 128 characters.
 */

/**
 * Checks options that were handed in.
 *
 * @internal
 * @param {unknown} given
 * @param {Record<string, [expected: string, accepts: (value: any) => boolean]>} known Beside `maxNames` and `label`.
 * @param {number} maxNames The default.
 * @returns {any} A copy, without what was undefined.
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION`.
 */
export function optionsOf(given, known, maxNames) {
  // Without a prototype, so that nothing is found that nobody gave.
  const options = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ ({ __proto__: null, maxNames }))
  if (given === undefined) return options
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw optionError(TypeError, 'options', 'an object', given)
  const all = /** @type {typeof known} */ (/** @type {unknown} */ ({
    __proto__: null,
    maxNames: ['a whole number from 1', (/** @type {unknown} */ value) => Number.isInteger(value) && /** @type {number} */ (value) >= 1],
    label: ['a function', isFunction],
    ...known
  }))
  for (const [option, value] of Object.entries(given)) {
    if (!(option in all)) throw unknownOption(option, Object.keys(all))
    if (value === undefined) continue
    const [expected, accepts] = all[option]
    if (!accepts(value)) throw optionError(typeof value === 'number' ? RangeError : TypeError, option, expected, value)
    options[option] = value
  }
  return options
}

/** @param {unknown} value */
export const isFunction = (value) => typeof value === 'function'
