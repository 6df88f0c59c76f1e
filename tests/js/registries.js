// What the tests of registries share: a clock for each test, registries on it, breakers that failed. It must not know what a registry does.

import { beforeEach } from 'node:test'
import { CircuitBreakerRegistry, ManualClock } from '../../pkg/index.js'
import { rejectionOf } from './support.js'

export const RECOVERY = 1000
export const error = new Error('down')
export const fails = () => Promise.reject(error)

export let clock
beforeEach(() => {
  clock = new ManualClock()
})
export const registryOf = (options) => new CircuitBreakerRegistry({ clock, failureThreshold: 2, recoveryTimeout: RECOVERY, ...options })
export const keysOf = (registry) => [...registry.keys()]
/** A registry that holds the breakers of these keys, used in this order. */
export function filled(keys, options) {
  const registry = registryOf({ maxBreakers: keys.length, ...options })
  for (const key of keys) registry.get(key)
  return registry
}
export const failOnce = (breaker) => rejectionOf(breaker.call(fails))
