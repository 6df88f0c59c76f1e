/**
 * Finds the refusal inside what a client made of it.
 *
 * Must not know: which clients there are, only where errors keep others. It reads members and never writes; what can't be read is passed
 * over.
 */
import { BulkheadFullError, CircuitOpenError, isBulkheadFullError, isCircuitOpenError, openMessage, withoutStack } from './errors.js'
import { CODES } from './misuse.js'

/** Where errors keep what they were made of: an error, a response, or arrays of them. */
const MEMBERS = [
  'cause', 'errors', 'error', 'reason', 'networkError', 'graphQLErrors', 'originalError', 'detail', 'context', 'response', '$response', 'meta', 'raw'
]

/** Objects that are looked at: a chain of 10,000 causes and what hangs on it. Errors hold a handful, which takes 1 µs; this many take 10 ms. */
const MOST = 20_000

/** Members that may throw when they are read, which takes 10 to 20 µs each. */
const MOST_THROWN = 200

/**
 * The refusal inside an error, in `cause`, `errors`, `networkError`, `detail`, `context`, `originalError` and where else clients keep it; the
 * nearest, where there are several. Of a refusal that was a response (`onRefused: 'respond'`) one is made that tells what the headers do: its
 * `retryAfter` is in whole seconds, and it has no `cause`.
 *
 * Never throws, whatever it is given. Looks at 20,000 objects at most, and gives up after 200 members that throw when they are read.
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
  let thrown = 0
  const add = (/** @type {unknown} */ value) => {
    if (typeof value === 'object' && value !== null && links.size < MOST) links.add(value)
  }
  const look = (/** @type {any} */ object, /** @type {string | number} */ name) => {
    try {
      return object[name]
    } catch {
      thrown++
      return undefined
    }
  }
  add(error)
  // What is added meanwhile comes last: the nearest is found first, and a circle ends.
  for (const link of links) {
    if (thrown > MOST_THROWN) break
    if (isCircuitOpenError(link) || isBulkheadFullError(link)) return link
    const told = refusalOf(look(link, 'headers') ?? look(link, 'responseHeaders'), look(link, 'status') ?? look(link, 'statusCode'))
    if (told !== undefined) return told
    for (const name of MEMBERS) add(look(link, name))
    const length = look(link, 'length')
    if (typeof length === 'number') for (let index = 0; index < Math.min(length, MOST); index++) add(look(link, index))
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
    const details = { breaker: decodeURI(breaker), retryAfter: seconds >= 0 ? seconds * 1000 : Infinity }
    if (header('x-circuit-breaker-code') === CODES.bulkheadFull) return withoutStack(BulkheadFullError, 'Too many calls in flight', details)
    const state = header('x-should-retry') === 'false' ? 'open' : 'half_open'
    return withoutStack(CircuitOpenError, openMessage(details.retryAfter), { ...details, state })
  } catch {
    // Headers that can't be read, or a name that nobody encoded.
    return undefined
  }
}
