/**
 * The errors of the package: one table of codes, and the classes that carry them.
 *
 * Must not know: breakers. Match on `code` or use the guards; they work across copies of the package, where
 * `instanceof` does not.
 */

import { CODES } from './misuse.js'

/** Marks our errors in every copy of the package; its value is the code. */
const BRAND = /* @__PURE__ */ Symbol.for('halfopen.error')

/**
 * What a refusal tells.
 *
 * @typedef {object} RefusalDetails
 * @property {string | undefined} [breaker] The breaker's name.
 * @property {import('./types.js').State | undefined} [state] The state that refused.
 * @property {number | undefined} [retryAfter] Ms until it is worth asking again.
 * @property {unknown} [cause] The failure that opened the circuit.
 */

/**
 * The circuit refused the call; the function was not called.
 *
 * Made without a stack unless the breaker has `stackTrace: true`: a refusal is an answer, and capturing a
 * stack costs two thirds of it.
 */
// The `lib` of ES2020 and ES2021 knows no `cause` of errors.
export class CircuitOpenError extends /** @type {new (message?: string, options?: any) => Error & { cause?: unknown }} */ (Error) {
  /** Always `'ERR_CIRCUIT_OPEN'`. */
  code = CODES.circuitOpen

  /**
   * @param {string} [message]
   * @param {RefusalDetails & { state?: 'open' | 'half_open' | undefined }} [details]
   */
  constructor(message, details) {
    brandCircuitOpenError()
    // The details go on as the options of Error, which takes the cause out of them.
    super(message, details?.cause === undefined ? undefined : details)
    /** The breaker's name, or `undefined` when it has none. */
    this.breaker = details?.breaker
    /** The state that refused: `'open'`, or `'half_open'` when all test requests were in flight. */
    this.state = details?.state ?? 'open'
    /**
     * Ms to wait before asking again, above 0: what is left of the open time; 1 to 1000 in `half_open`, where a verdict may come at any
     * moment; Infinity when it is isolated.
     */
    this.retryAfter = details?.retryAfter ?? 0
  }
}

/** `maxConcurrent` calls are in flight; the function was not called, and nothing was counted against its dependency. */
export class BulkheadFullError extends Error {
  /** Always `'ERR_BULKHEAD_FULL'`. */
  code = CODES.bulkheadFull

  /**
   * @param {string} [message]
   * @param {RefusalDetails} [details]
   */
  constructor(message, details) {
    brandBulkheadFullError()
    super(message)
    /** The breaker's name, or `undefined` when it has none. */
    this.breaker = details?.breaker
    /** The state of the circuit. */
    this.state = details?.state ?? 'closed'
    /** Always 0: a call in flight may end at any moment. */
    this.retryAfter = 0
  }
}

/** The call took longer than it may. Its function may still run; its own signal was aborted with this error. */
export class CallTimeoutError extends Error {
  /** Always `'ERR_CALL_TIMEOUT'`. */
  code = CODES.callTimeout

  /**
   * @param {string} [message]
   * @param {{ breaker?: string | undefined, timeout?: number | undefined }} [details]
   */
  constructor(message, details) {
    brandCallTimeoutError()
    super(message)
    /** The breaker's name, or `undefined` when it has none. */
    this.breaker = details?.breaker
    /** How long the call might take, in ms. */
    this.timeout = details?.timeout
  }
}

/**
 * Gives a class its name and its brand, before its first instance is made: at import, it would keep the class in the bundle of
 * everybody who uses only another. The functions below do it for each: a class that names itself is renamed by bundlers.
 *
 * @param {ErrorConstructor | Function} Type
 * @param {string} name
 * @param {string} code
 */
function brand(Type, name, code) {
  if (Object.hasOwn(Type.prototype, BRAND)) return
  Object.defineProperty(Type.prototype, 'name', /** @type {any} */ ({ __proto__: null, value: name, configurable: true, writable: true }))
  Object.defineProperty(Type.prototype, BRAND, /** @type {any} */ ({ __proto__: null, value: code }))
}

const brandCircuitOpenError = () => brand(CircuitOpenError, 'CircuitOpenError', CODES.circuitOpen)
const brandBulkheadFullError = () => brand(BulkheadFullError, 'BulkheadFullError', CODES.bulkheadFull)
const brandCallTimeoutError = () => brand(CallTimeoutError, 'CallTimeoutError', CODES.callTimeout)

/**
 * @param {unknown} error
 * @param {string} code
 */
function isBranded(error, code) {
  try {
    return typeof error === 'object' && error !== null && /** @type {any} */ (error)[BRAND] === code
  } catch {
    // A proxy that nobody can look at.
    return false
  }
}

/**
 * Whether a value is a refusal of an open circuit, from this or any other copy of the package.
 *
 * @param {unknown} error
 * @returns {error is CircuitOpenError}
 */
export function isCircuitOpenError(error) {
  return isBranded(error, CODES.circuitOpen)
}

/**
 * Whether a value is a refusal of a full bulkhead, from this or any other copy of the package.
 *
 * @param {unknown} error
 * @returns {error is BulkheadFullError}
 */
export function isBulkheadFullError(error) {
  return isBranded(error, CODES.bulkheadFull)
}

/**
 * Whether a value is a timed-out call's error, from this or any other copy of the package.
 *
 * @param {unknown} error
 * @returns {error is CallTimeoutError}
 */
export function isCallTimeoutError(error) {
  return isBranded(error, CODES.callTimeout)
}

/**
 * What a call ends with that took longer than it may.
 *
 * @internal
 * @param {number} timeout In ms.
 * @param {string | undefined} breaker
 */
export function timeoutError(timeout, breaker) {
  return new CallTimeoutError(saysWho(`The call took longer than ${timeout} ms`, breaker), { breaker, timeout })
}

/** The most characters of a breaker's name that a message shows: a name may be a key of any length. */
const LONGEST_NAME = 100

/**
 * A message with the breaker's name, if it has one: many logs and test runners show of an error its message alone.
 *
 * @internal
 * @param {string} message
 * @param {string | undefined} breaker
 */
export function saysWho(message, breaker) {
  return breaker ? `${message} (${breaker.slice(0, LONGEST_NAME)})` : message
}

/**
 * What the refusal of a circuit says.
 *
 * @internal
 * @param {number} retryAfter In ms.
 * @param {string | undefined} breaker
 */
export function openMessage(retryAfter, breaker) {
  return saysWho(retryAfter === Infinity ? 'Circuit open. Isolated until released' : `Circuit open. Retry in ${Math.ceil(retryAfter / 1000)}s`, breaker)
}

/**
 * A refusal without a stack, where the engine can do that (V8). Measured on Node 20: 1.2 µs awaited instead of 3 to
 * 7 µs, which grow with the depth of the stack; 0.9 µs of it are the rejected promise and its `catch`.
 *
 * @internal
 * @template T
 * @template {RefusalDetails} D
 * @param {new (message: string, details: D) => T} Type
 * @param {string} message
 * @param {D} details
 * @returns {T}
 */
export function withoutStack(Type, message, details) {
  const engine = /** @type {{ stackTraceLimit?: unknown }} */ (Error)
  const limit = engine.stackTraceLimit
  if (typeof limit !== 'number') return new Type(message, details)
  try {
    engine.stackTraceLimit = 0
  } catch {
    // Frozen intrinsics (`node --frozen-intrinsics`, SES) forbid the write.
    return new Type(message, details)
  }
  const refusal = new Type(message, details)
  engine.stackTraceLimit = limit
  return refusal
}
