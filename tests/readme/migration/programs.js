// What the programs share that show on both sides what a page for those who come from another library says. It must not know what any
// of them shows.

import assert from 'node:assert/strict'
import * as halfopen from '../../../pkg/index.js'

/**
 * The programs of a page, by what it says: a paragraph, an item of a list, or the cells of a row with ` | ` between them.
 *
 * @typedef {object} World
 * @property {any} Peer The other library.
 * @property {typeof halfopen.CircuitBreaker} CircuitBreaker
 * @property {(ms: number) => Promise<void>} tick Moves the clock that both libraries see, and lets all that is due run.
 * @property {import('node:test').TestContext['mock']} mock
 */
export function pageOf(file) {
  /** @type {Map<string, (world: World) => unknown>} */
  const programs = new Map()
  const shows = (text, program) => {
    assert.ok(!programs.has(text), `two programs show: ${text}`)
    programs.set(text, program)
  }
  return { file, programs, shows }
}

/**
 * A class or an object that notes when it is used.
 *
 * @template {object} T
 * @param {T} thing
 * @param {() => void} onUse
 * @returns {T}
 */
export function noted(thing, onUse) {
  const proxy = new Proxy(thing, {
    get: (target, name) => (onUse(), Reflect.get(target, name)),
    construct: (target, args, newTarget) => (onUse(), Reflect.construct(/** @type {any} */ (target), args, newTarget === proxy ? target : newTarget)),
  })
  return proxy
}

export const up = async (value = 'up') => value
export const down = async () => {
  throw new Error('down')
}
export const hangs = () => new Promise(() => {})

/** Lets all promises go on that can. Its timers are never faked. */
export const turn = () => new Promise((resolve) => setImmediate(resolve))

/** What a promise rejects with. */
export const caught = (promise) => Promise.resolve(promise).then((value) => assert.fail(`Expected a rejection, got ${String(value)}`), (error) => error)

/** The options, each refused as one that there is not. */
export const lacks = (CircuitBreaker, ...options) => {
  for (const option of options) assert.throws(() => new CircuitBreaker({ [option]: true }), { code: 'ERR_INVALID_OPTION', message: new RegExp(`^Unknown option '${option}'`) })
}

/** The members, none of which a breaker has. */
export const lacksMembers = (CircuitBreaker, ...names) => {
  for (const name of names) assert.ok(!(name in new CircuitBreaker()), name)
}

/** The types of the events of a breaker as they come; of state changes, where they lead and why. */
export function eventsOf(breaker) {
  const log = []
  for (const type of ['statechange', 'success', 'failure', 'ignored', 'timeout', 'reject', 'fallback']) {
    breaker.addEventListener(type, ({ detail }) => log.push(type === 'statechange' ? `${detail.to}: ${detail.reason}` : type))
  }
  return log
}

/** Makes that many calls that fail. */
export async function fail(call, times = 1) {
  for (let left = times; left > 0; left--) await caught(call())
}
