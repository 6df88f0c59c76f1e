/**
 * The headers of a response, read for the core while it judges.
 *
 * Must not know: what they mean, and how their text gets to the core.
 *
 * What a header's reader throws waits until the core has answered: it would leave the core in the midst of its work, and what that has of
 * its stack would be lost.
 */
import { HEADERS } from '../generated/numbers.js'

/** @import { ResponseLike } from '../../base/types.js' */

/** What was thrown while the core was at work. @type {{ error: unknown } | undefined} */
let thrown

/**
 * The text of a header; empty where there is none.
 *
 * @param {ResponseLike} response
 * @param {number} header Its place among `HEADERS`.
 */
export function headerOf({ headers }, header) {
  try {
    return `${headers?.get?.(HEADERS[header]) ?? ''}`.trim()
  } catch (error) {
    thrown ??= { error }
    return ''
  }
}

/**
 * The answer of the core, once it has read all that it wants.
 *
 * @param {number} answer
 * @throws What the reader of a header threw.
 */
export function unlessThrown(answer) {
  if (thrown === undefined) return answer
  const { error } = thrown
  thrown = undefined
  throw error
}
