/**
 * Outside of every request: an async context that has nobody's stores, where what serves all requests runs.
 *
 * Must not know: what that is. Hosts without `node:async_hooks` have nothing to leave.
 */
import { ifAny } from '../base/host.js'

/**
 * Undefined where there is none, `false` as long as nobody asked for one. Made at import, so that where it can't be emptied it is no request's as
 * a rule; in Node, where it can be, only when it is needed: it takes 0.3 ms of the start.
 *
 * @type {{ runInAsyncScope(fn: Function): any } | undefined | false}
 */
let outside = /* @__PURE__ */ ifAny(() => !isNode() && emptyContext())

/** Whether this is Node and nothing like it. Node 20 has no `navigator`. */
function isNode() {
  return /^(Node|undefined)/.test(/** @type {any} */ (globalThis).navigator?.userAgent)
}

function emptyContext() {
  const { AsyncResource } = /** @type {any} */ (globalThis).process.getBuiltinModule('node:async_hooks')
  const context = new AsyncResource('halfopen')
  // Whoever loads the package in the midst of a request gives it that request's stores: Node keeps them under symbols, beside its two ids. In Bun and
  // Deno they are out of reach.
  for (const symbol of Object.getOwnPropertySymbols(context)) if (!/async_id/.test(String(symbol))) context[symbol] = undefined
  // It is used all the same. What is not destroyed, `--detectOpenHandles` of Jest takes for something that keeps the process alive.
  context.emitDestroy?.()
  return context
}

/**
 * Runs a function, and all that it begins, in no caller's async context.
 *
 * @template T
 * @param {() => T} fn
 * @returns {T}
 */
export function runOutside(fn) {
  const context = outside === false ? (outside = ifAny(emptyContext)) : outside
  return context === undefined ? fn() : context.runInAsyncScope(fn)
}
