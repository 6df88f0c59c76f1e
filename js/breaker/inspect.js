/**
 * What `console.log` shows of a breaker, in Node, Bun and Deno.
 *
 * Must not know: breakers. It is given what is to be seen.
 */

/** By which Node and Bun, and Deno, ask. */
export const NODE_INSPECT = Symbol.for('nodejs.util.inspect.custom')
export const DENO_INSPECT = Symbol.for('Deno.customInspect')

/**
 * @param {string} name Of the class.
 * @param {object} facts
 * @param {any} inspect The host's function.
 * @param {object} options Its options.
 * @returns {unknown}
 */
export function inspected(name, facts, inspect, options) {
  return typeof inspect === 'function' ? `${name} ${inspect(facts, options)}` : facts
}
