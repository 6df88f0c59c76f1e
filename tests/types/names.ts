// The types that users need to name, for parameters and fields of their own. Compiled, never run.

import type { CircuitBreakerEventMap, CircuitBreakerOptions, Clock, State, StateChange } from 'halfopen'
import { CircuitBreaker } from 'halfopen'

export function make(options: CircuitBreakerOptions, clock: Clock): CircuitBreaker {
  return new CircuitBreaker({ ...options, clock })
}
export const onChange = (event: CircuitBreakerEventMap['statechange']): StateChange => event.detail
export const isUp = (state: State): boolean => state === 'closed'
