/**
 * The codes of all errors, and the one maker of errors about what the package was given.
 *
 * Must not know: options, breakers.
 */

/** Stable codes. A code never changes its meaning. */
export const CODES = /** @type {const} */ ({
  circuitOpen: 'ERR_CIRCUIT_OPEN',
  bulkheadFull: 'ERR_BULKHEAD_FULL',
  callTimeout: 'ERR_CALL_TIMEOUT',
  invalidOption: 'ERR_INVALID_OPTION',
  invalidSnapshot: 'ERR_INVALID_SNAPSHOT',
  invalidArgument: 'ERR_INVALID_ARGUMENT',
  engineUnavailable: 'ERR_ENGINE_UNAVAILABLE'
})

/**
 * A coded error for an argument that the package can't work with.
 *
 * @internal
 * @template {TypeErrorConstructor | RangeErrorConstructor | ErrorConstructor} T
 * @param {T} Type
 * @param {string} message
 * @param {string} [code]
 * @param {Record<string, unknown>} [details]
 */
export function misuse(Type, message, code = CODES.invalidArgument, details) {
  return Object.assign(new Type(message), { code }, details)
}

/**
 * The error for an option that does not take its value.
 *
 * @internal
 * @param {TypeErrorConstructor | RangeErrorConstructor} Type
 * @param {string} option
 * @param {string} expected As it continues "Expected `option` to be …".
 * @param {unknown} value
 */
export function optionError(Type, option, expected, value) {
  return misuse(Type, `Expected \`${option}\` to be ${expected}, got ${show(value)}`, CODES.invalidOption, { option })
}

/**
 * How an error message shows what came.
 *
 * @internal
 * @param {unknown} value
 * @returns {string}
 */
export function show(value) {
  switch (typeof value) {
    case 'string':
      return value.length > 40 ? `'${value.slice(0, 40)}…'` : `'${value}'`
    case 'bigint':
      return `${value}n`
    case 'function':
      return 'a function'
    case 'object':
      if (value === null) return 'null'
      try {
        return Array.isArray(value) ? 'an array' : value instanceof Promise ? 'a promise' : 'an object'
      } catch {
        // A proxy that nobody can look at.
        return 'an object'
      }
    default:
      return Object.is(value, -0) ? '-0' : String(value)
  }
}
