/**
 * Options: read once, checked, copied.
 *
 * Must not know: what an option does. Numeric ones are checked by the core, which also owns their names
 * and the texts of what it expects; the others are checked here.
 */
import { core, startEngine } from '../engine/index.js'
import { GROUPS, HAS_PROBE, TRACKS_LATENCY, WINDOWS } from '../engine/numbers.js'
import { CODES, misuse, optionError, show } from '../base/misuse.js'
import { unknownOption } from './unknown.js'

/** @import { CircuitBreakerOptions } from '../base/types.js' */

/** What the options that are not numbers take: a check, and what it expects. */
export const OTHERS = {
  name: { accepts: /* @__PURE__ */ is('string'), expected: 'a string' },
  clock: { accepts: isClock, expected: 'an object with a now() method that tells the time in ms' },
  random: { accepts: /* @__PURE__ */ is('function'), expected: 'a function that returns a number from 0 to 1' },
  classify: { accepts: /* @__PURE__ */ is('function'), expected: 'a function (error, value) that returns a verdict' },
  fallback: { accepts: /* @__PURE__ */ is('function'), expected: 'a function (...args, error)' },
  fallbackOn: { accepts: /* @__PURE__ */ oneOf('open', 'failure'), expected: "'open' or 'failure'" },
  probe: { accepts: /* @__PURE__ */ is('function'), expected: 'a function that returns a promise' },
  sleep: { accepts: /* @__PURE__ */ is('function'), expected: 'a function (ms) that returns a promise' },
  latency: { accepts: /* @__PURE__ */ is('boolean'), expected: 'a boolean' },
  stackTrace: { accepts: /* @__PURE__ */ is('boolean'), expected: 'a boolean' },
  snapshot: { accepts: /* @__PURE__ */ is('object'), expected: 'what toJSON() of a breaker gave' }
}

/**
 * @internal
 * @typedef {Pick<CircuitBreakerOptions, keyof typeof OTHERS> & { clock?: import('../base/types.js').Clock | undefined, timeout?: number, numbers?: Numbers }} Others
 */

/**
 * Numeric options, each as its number and its value.
 *
 * @internal
 * @typedef {[number, number][]} Numbers
 */

/** Those of the breaker made last, which others that are made of the same share. @type {Numbers} */
let latest = []

/** Those of a breaker without any, shared; and the prototype of all others, so that what is not given is found nowhere. @type {Others} */
const NONE = /* @__PURE__ */ Object.freeze(/* @__PURE__ */ Object.create(null))

/**
 * Reads and checks options and makes a breaker of them. Every option is read exactly once, all of them before the
 * first is used.
 *
 * @internal
 * @param {CircuitBreakerOptions | undefined} options
 * @returns {{ slot: number, others: Others }} The slot of a new breaker
 *   made of the numeric options, and the other options.
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION`; then no breaker was made.
 */
export function createFrom(options) {
  startEngine()
  if (options === undefined) {
    return { slot: slotOf([], NONE), others: NONE }
  }
  const given = flattened(objectOf('options', options))
  /** @type {Record<string, any>} */
  const others = Object.create(NONE)
  /** @type {Numbers} */
  const numbers = []
  for (const [name, value] of given) {
    const field = core.fields.get(name)
    if (field !== undefined) {
      numbers.push([field, checkedNumber(name, field, value)])
    } else if (Object.hasOwn(OTHERS, name)) {
      const { accepts, expected } = OTHERS[/** @type {keyof typeof OTHERS} */ (name)]
      if (!accepts(value)) throw optionError(TypeError, name, expected, value)
      others[name] = value
    } else {
      throw unknownOption(name, [...core.fields.keys(), ...Object.keys(OTHERS), ...GROUPS])
    }
  }
  // Each call asks for it.
  if (given.has('timeout')) others.timeout = given.get('timeout')
  others.numbers = isLatest(numbers) ? latest : (latest = numbers)
  // No code of the user's runs from here on, where the core gathers the numbers of one breaker.
  const slot = slotOf(numbers, others)
  if (slot < 0) {
    const { option } = problemOf(-slot)
    throw problemError(-slot, GROUPS.includes(/** @type {any} */ (option)) ? {} : given.get(option))
  }
  return { slot, others }
}

/**
 * A slot with a breaker of these options, which are right each by itself.
 *
 * @param {Numbers} numbers
 * @param {Others} others
 * @returns {number} Or the negative number of a problem between two of them.
 */
function slotOf(numbers, others) {
  const engine = core
  core.draftBegin()
  for (const [field, value] of numbers) {
    const problem = core.draftOption(field, value)
    if (problem !== 0) throw problemError(problem, value)
  }
  const slot = core.create((others.latency ? TRACKS_LATENCY : 0) | (others.probe ? HAS_PROBE : 0))
  // The core has begun anew meanwhile, and knows of none of the options.
  return core === engine ? slot : slotOf(numbers, others)
}

/** @param {Numbers} numbers */
const isLatest = (numbers) => numbers.length === latest.length && numbers.every(([field, value], place) => latest[place][0] === field && latest[place][1] === value)

/**
 * The slot of a breaker that lost its own, made of what is known of its options.
 *
 * @internal
 * @param {Others} others
 * @param {Record<string, number>} written Those that were changed since.
 * @returns {number}
 */
export function createAgain(others, written) {
  const changed = Object.entries(written).map(([name, value]) => /** @type {[number, number]} */ ([core.fields.get(name), value]))
  return slotOf([...(others.numbers ?? []), ...changed], others)
}

/**
 * The own options, each read once, with the members of objects of numbers as options of their own, named `window.size`. What is undefined is
 * not given.
 *
 * @param {object} options
 */
function flattened(options) {
  /** @type {Map<string, unknown>} */
  const given = new Map()
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    // A dotted name is a member's, and would win silently over the object that has it.
    if (name.includes('.')) {
      throw misuse(TypeError, `Unknown option ${show(name)}; members go into an object, as in \`window: { size }\``, CODES.invalidOption, { option: name })
    }
    if (!GROUPS.includes(/** @type {any} */ (name))) {
      given.set(name, value)
      continue
    }
    const members = read(`\`${name}\``, value)
    if (name === 'window') checkWindow(members)
    // An object without members asks for a backoff with its defaults: this one tells the core that there is one.
    if (name === 'recoveryBackoff' && members.jitter === undefined) members.jitter = 0
    for (const [member, number] of Object.entries(members)) {
      if (number !== undefined && !(name === 'window' && member === 'type')) given.set(`${name}.${member}`, number)
    }
  }
  return given
}

/** @param {Record<string, unknown>} window */
function checkWindow(window) {
  const { type } = window
  // In pairs: each type stands at an even place, and what is not in the list at -1.
  const place = WINDOWS.indexOf(/** @type {any} */ (type))
  if (place % 2 !== 0) throw optionError(TypeError, 'window.type', `'${WINDOWS.filter((name) => !name.includes('.')).join("' or '")}'`, type)
  const needed = WINDOWS[place + 1]
  if (window[needed.split('.')[1]] === undefined) throw optionError(TypeError, needed, `given for a window of type '${type}'`, undefined)
}

/**
 * The own members of an object, each read once. What its prototype has is no option: neither what somebody added to that of all objects, nor
 * the getters of a class.
 *
 * @param {string} name
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
export function read(name, value) {
  return { __proto__: null, ...objectOf(name, value) }
}

/**
 * The same value, once it has turned out to be an object.
 *
 * @template T
 * @param {string} name
 * @param {T} value
 * @returns {T & object}
 * @throws {TypeError} `ERR_INVALID_OPTION` when it is none.
 */
export function objectOf(name, value) {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw misuse(TypeError, `Expected ${name} to be an object, got ${show(value)}`, CODES.invalidOption)
}

/**
 * Changes a numeric option of a running breaker.
 *
 * @internal
 * @param {number} slot
 * @param {string} name
 * @param {unknown} value
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION`; then nothing changed.
 */
export function setOption(slot, name, value) {
  const field = /** @type {number} */ (core.fields.get(name))
  const problem = core.setOption(slot, field, checkedNumber(name, field, value))
  if (problem === 0) return
  const { option, expected } = problemOf(problem)
  if (option === name) throw optionError(RangeError, name, expected, value)
  // The value is fine by itself and contradicts another option, which the core names.
  const other = core.option(slot, /** @type {number} */ (core.fields.get(option)))
  throw optionError(RangeError, name, `such that \`${option}\` (${other}) is ${expected}`, value)
}

/**
 * @param {string} name
 * @param {number} field
 * @param {unknown} value
 */
export function checkedNumber(name, field, value) {
  if (typeof value === 'number') return value
  // Asks the core about NaN, which no option takes, for its text of what it expects.
  throw optionError(TypeError, name, problemOf(core.draftOption(field, NaN)).expected, value)
}

/**
 * @param {number} problem
 */
function problemOf(problem) {
  return core.problem(problem)
}

/**
 * @param {number} problem
 * @param {unknown} value
 */
export function problemError(problem, value) {
  const { option, expected } = problemOf(problem)
  return optionError(RangeError, option, expected, value)
}

/**
 * @param {string} type
 * @returns {(value: unknown) => boolean}
 */
function is(type) {
  return (value) => typeof value === type
}

/**
 * @param {...unknown} values
 * @returns {(value: unknown) => boolean}
 */
function oneOf(...values) {
  return (value) => values.includes(value)
}

/** @param {unknown} value */
function isClock(value) {
  const holder = /** @type {{ now?: unknown } | null} */ (value)
  return (typeof value === 'object' || typeof value === 'function') && typeof holder?.now === 'function'
}
