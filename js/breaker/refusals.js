/**
 * The errors of refused calls.
 *
 * Must not know: why a call is refused. The core says it by a number.
 */
import { core } from '../engine/index.js'
import { REFUSED_BULKHEAD_FULL, REFUSED_HALF_OPEN_FULL } from '../engine/numbers.js'
import { BulkheadFullError, CircuitOpenError, openMessage, saysWho, withoutStack } from '../base/errors.js'
import { readOption } from './readings.js'

/**
 * @param {number} refusal The core's number.
 * @param {number} slot
 * @param {number} now
 * @param {{ name?: string | undefined, stackTrace?: boolean | undefined }} options
 * @param {unknown} cause The failure that opened the circuit.
 */
export function refusalOf(refusal, slot, now, { name: breaker, stackTrace }, cause) {
  const make = stackTrace ? withStack : withoutStack
  if (refusal === REFUSED_BULKHEAD_FULL) {
    const message = saysWho(`Too many calls in flight, at most ${readOption(slot, 'maxConcurrent')} at once`, breaker)
    return make(BulkheadFullError, message, { breaker, state: core.states[core.state(slot)] })
  }
  const retryAfter = core.retryAfter(slot, now)
  return make(CircuitOpenError, openMessage(retryAfter, breaker), { breaker, state: refusal === REFUSED_HALF_OPEN_FULL ? 'half_open' : 'open', retryAfter, cause })
}

/** @type {typeof withoutStack} */
const withStack = (Type, message, details) => new Type(message, details)
