// Code that is generic itself: what it is given goes through breakers, and comes out with the same types. It names nothing of a host.

import { CircuitBreaker, CircuitBreakerRegistry } from 'halfopen'
import type {
  CallContext, CallOptions, CircuitBreakerEventMap, CircuitBreakerOptions, CircuitBreakerRegistryOptions, Clock, Mode, Outcome, Reason, RegistryEvent, State,
  StateChange, Verdict
} from 'halfopen'

/** A function of one's own around the package's. */
export function guard<A extends unknown[], R>(fn: (...args: A) => R, options?: CircuitBreakerOptions) {
  const breaker = new CircuitBreaker(options)
  return Object.assign((...args: A) => breaker.call(fn, ...args), { breaker })
}
export const parsed = guard(async (text: string, radix?: number) => parseInt(text, radix))
export const number: Promise<number> = parsed('7', 10)
// @ts-expect-error an argument of another type
parsed(7)

/** One with options of the call and a fallback's answer. */
export function guardOr<A extends unknown[], R, F>(fn: (...args: A) => Promise<R>, answer: F) {
  const breaker = new CircuitBreaker()
  return (...args: A) => breaker.callWith({ fallback: () => answer }, fn, ...args)
}

/** Options that are handed on. What their fallback answers is not known. */
export const later = <R>(options: CallOptions, fn: (context: CallContext) => Promise<R>): Promise<Awaited<R>> => new CircuitBreaker().callWith(options, fn)
export const laterOr = <R, F extends string | number>(options: CallOptions<F>, fn: () => Promise<R>) => new CircuitBreaker().callWith(options, fn)

/** A class with keys of a type of its own. */
export class Pool<K extends string | number, V> {
  readonly registry: CircuitBreakerRegistry<K>
  readonly changes: StateChange[] = []
  constructor(options: CircuitBreakerRegistryOptions<K>, readonly load: (key: K) => Promise<V>) {
    this.registry = new CircuitBreakerRegistry(options)
    this.registry.addEventListener('statechange', (event) => this.told(event))
  }
  told({ detail }: RegistryEvent<'statechange', K>): K {
    this.changes.push(detail)
    return detail.key
  }
  get(key: K) {
    return this.registry.call(key, this.load, key)
  }
}
export const pool = new Pool({ configure: (key: 'a' | 'b') => ({ name: key }) }, async (key) => key.length)
export const length: Promise<number> = pool.get('a')
// @ts-expect-error no such key
pool.get('c')

/** A subclass, with events of its own beside those of the package. */
export class Loud extends CircuitBreaker {
  said = 0
  constructor(options: CircuitBreakerOptions = {}) {
    super({ ...options, name: options.name ?? 'loud' })
    this.addEventListener('statechange', ({ detail }) => this.say(detail.to))
  }
  say(_state: State): void {
    this.said++
  }
}
export const loud = new Loud().call((state: State): State => state, 'open')

/** One handler of each event. */
export type Handlers = { [T in keyof CircuitBreakerEventMap]?: (detail: CircuitBreakerEventMap[T]['detail']) => void }
export function listen<T extends keyof CircuitBreakerEventMap>(breaker: CircuitBreaker, type: T, handler: (event: CircuitBreakerEventMap[T]) => void) {
  breaker.addEventListener(type, handler)
  return () => breaker.removeEventListener(type, handler)
}
export const silence = listen(new CircuitBreaker(), 'reject', ({ detail }) => detail.error.retryAfter)

export const words: { state: State; mode: Mode; reason: Reason; outcome: Outcome; verdict: Verdict; clock: Clock } = {
  state: 'half_open', mode: 'observing', reason: 'recovered', outcome: 'ignored', verdict: { outcome: 'failure', trip: true }, clock: { now: () => 0 }
}
