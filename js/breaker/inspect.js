/**
 * What `console.log` shows of an object, in Node, Bun and Deno.
 *
 * Must not know: breakers. It is told what is to be seen.
 */

/**
 * Has `console.log` show the instances of a class by what `facts` gives of one. To be called by the constructor: methods with such
 * names in the class itself would keep it in the bundle of everybody who uses only an error.
 *
 * @param {object} prototype
 * @param {(instance: any) => object} facts
 */
export function showBy(prototype, facts) {
  if (Object.hasOwn(prototype, NODE_INSPECT)) return
  /**
   * @this {object}
   * @param {unknown} inspect
   * @param {object} options
   */
  const shown = function (inspect, options) {
    let shown = {}
    try {
      shown = facts(this)
    } catch {
      // A proxy around one, or what inherits from one, has no facts: its class alone is shown.
    }
    return typeof inspect === 'function' ? `${this.constructor.name} ${inspect(shown, options)}` : shown
  }
  define(prototype, NODE_INSPECT, /** @this {object} */ function (/** @type {number} */ _, /** @type {object} */ options, /** @type {unknown} */ inspect) {
    return shown.call(this, inspect, options)
  })
  define(prototype, DENO_INSPECT, shown)
}

/** By which Node and Bun ask, and Deno. */
const NODE_INSPECT = /* @__PURE__ */ Symbol.for('nodejs.util.inspect.custom')
const DENO_INSPECT = /* @__PURE__ */ Symbol.for('Deno.customInspect')

/**
 * Gives a class a method that nobody sees who lists its members.
 *
 * @param {object} prototype
 * @param {symbol} name
 * @param {Function} value
 */
export function define(prototype, name, value) {
  Object.defineProperty(prototype, name, /** @type {any} */ ({ __proto__: null, value, configurable: true, writable: true }))
}
