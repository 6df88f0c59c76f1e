/**
 * The option of `trip()`.
 *
 * Must not know: what comes of it. Its range is that of `recoveryTimeout`, in the place of which it stands for once.
 */
import { core } from '../engine/index.js'
import { optionError } from '../base/misuse.js'
import { checkedNumber, read } from './options.js'
import { unknownOption } from './unknown.js'

/**
 * @internal
 * @param {{ for?: number } | undefined} options
 * @returns {number | undefined} For how many ms the circuit is to open; undefined where it is not said.
 * @throws {TypeError} `ERR_INVALID_OPTION`.
 */
export function tripTime(options) {
  if (options === undefined) return undefined
  const { for: ms, ...others } = read('options', options)
  for (const name of Object.keys(others)) throw unknownOption(name, ['for'])
  return ms === undefined ? ms : checkedNumber('for', /** @type {number} */ (core.fields.get('recoveryTimeout')), ms)
}

/**
 * Says what the core has against a time.
 *
 * @internal
 * @param {number} problem What it answered: 0 for nothing.
 * @param {number} ms
 * @throws {RangeError} `ERR_INVALID_OPTION`.
 */
export function assertTripTime(problem, ms) {
  if (problem !== 0) throw optionError(RangeError, 'for', core.problem(problem).expected, ms)
}
