/**
 * Finds the refusal inside what a client made of it.
 *
 * Must not know: which clients there are, only where errors keep others. It reads members and never writes; what can't be read is passed
 * over.
 */
import { BulkheadFullError, CircuitOpenError, isBulkheadFullError, isCircuitOpenError, openMessage, saysWho, withoutStack } from './errors.js'
import { CODES } from './misuse.js'

/** Where errors keep what they were made of: an error, a response, or arrays of them. */
const MEMBERS = [
  'cause', 'errors', 'error', 'reason', 'networkError', 'graphQLErrors', 'originalError', 'detail', 'context', 'response', '$response', 'meta', 'raw'
]

/** Members that are read: enough for a chain of 10,000 causes and what hangs on it. Errors hold a few dozen, which takes 1 µs; this many take 30 ms. */
const MOST = 400_000

/** One that throws when it is read takes 10 to 20 µs, and counts as this many. */
const THROWN = 2000

/**
 * The refusal inside an error, in `cause`, `errors`, `networkError`, `detail`, `context`, `originalError` and where else clients keep it; the
 * nearest, where there are several. Of a refusal that was a response (`onRefused: 'respond'`) one is made that tells what the headers do: its
 * `retryAfter` is in whole seconds, and it has no `cause`.
 *
 * Never throws, whatever it is given. Reads 400,000 members at most, of which one that throws counts as 2,000.
 *
 * @param {unknown} error What a client threw or answered: an error, a response, or an object that holds one.
 * @returns {CircuitOpenError | BulkheadFullError | undefined} Undefined where there is none, or where the client kept nothing of it.
 *
 * @example
 * try {
 *   await client.chat.completions.create(question)
 * } catch (error) {
 *   const refusal = findRefusal(error)
 *   if (refusal === undefined) throw error
 *   console.log(`resting for ${refusal.retryAfter} ms`)
 * }
 */
export function findRefusal(error) {
  const links = new Set()
  let left = MOST
  const add = (/** @type {unknown} */ value) => {
    if (typeof value === 'object' && value !== null) links.add(value)
  }
  const look = (/** @type {any} */ object, /** @type {string | number} */ name) => {
    left--
    try {
      return object[name]
    } catch {
      left -= THROWN
      return undefined
    }
  }
  add(error)
  // What is added meanwhile comes last: the nearest is found first, and a circle ends.
  for (const link of links) {
    if (left <= 0) break
    if (isCircuitOpenError(link) || isBulkheadFullError(link)) return link
    const told = refusalOf(look(link, 'headers') ?? look(link, 'responseHeaders'), look(link, 'status') ?? look(link, 'statusCode'))
    if (told !== undefined) return told
    for (const name of MEMBERS) add(look(link, name))
    const length = look(link, 'length')
    if (typeof length === 'number') for (let index = 0; index < length && left > 0; index++) add(look(link, index))
  }
  return undefined
}

/**
 * The refusal that a response tells of, by the headers that guards give it.
 *
 * @param {any} headers
 * @param {unknown} status
 */
function refusalOf(headers, status = 503) {
  if (status !== 503 || typeof headers !== 'object' || headers === null) return undefined
  try {
    const header = (/** @type {string} */ name) => (typeof headers.get === 'function' ? headers.get(name) : headers[name])
    const breaker = header('x-circuit-breaker')
    if (typeof breaker !== 'string') return undefined
    const seconds = Number(header('retry-after') ?? Infinity)
    const name = decodeURI(breaker)
    const details = { breaker: name, retryAfter: seconds >= 0 ? seconds * 1000 : Infinity }
    if (header('x-circuit-breaker-code') === CODES.bulkheadFull) return withoutStack(BulkheadFullError, saysWho('Too many calls in flight', name), details)
    const state = header('x-should-retry') === 'false' ? 'open' : 'half_open'
    return withoutStack(CircuitOpenError, openMessage(details.retryAfter, name), { ...details, state })
  } catch {
    // Headers that can't be read, or a name that nobody encoded.
    return undefined
  }
}
