// Functions that take the context of their call as their last argument, beside functions that take none. Compiled, never run.

import { CircuitBreaker, CircuitBreakerRegistry } from 'halfopen'

const breaker = new CircuitBreaker({ timeout: 5000 })
const registry = new CircuitBreakerRegistry({ timeout: 5000 })
const url = 'https://example.org'

export const inferred: Promise<Response> = breaker.callWith({}, (url, { signal }) => fetch(url, { signal }), url)
export const annotated: Promise<Response> = breaker.callWith({}, (url: string, { signal }: { signal: AbortSignal }) => fetch(url, { signal }), url)
export const alone: Promise<Response> = breaker.callWith({}, ({ signal }) => fetch(url, { signal }))
export const none: Promise<number> = breaker.call((a: number, b: number) => a + b, 1, 2)
export const rest: Promise<number> = breaker.call((...all: string[]) => all.length, 'a', 'b')

export const inferredWith: Promise<Response> = breaker.callWith({ timeout: 5 }, (url, { signal }) => fetch(url, { signal }), url)
export const noneWith: Promise<number> = breaker.callWith({}, (a: number, b: number) => a + b, 1, 2)
export const closureWith: Promise<number> = breaker.callWith({}, async () => 5)
export const keyedWith: Promise<Response> = registry.callWith(url, {}, (url, { signal }) => fetch(url, { signal }), url)
export const wrappedWith: (url: string) => Promise<Response> = breaker.wrapWith({}, (url: string, { signal }: { signal: AbortSignal }) => fetch(url, { signal }))

// @ts-expect-error `call` hands over the caller's arguments and nothing else
breaker.call((url: string, { signal }: { signal: AbortSignal }) => fetch(url, { signal }), url)
// @ts-expect-error nor does a registry's
registry.call(url, ({ signal }: { signal: AbortSignal }) => fetch(url, { signal }))
// @ts-expect-error what `wrap` gives takes what the function takes
breaker.wrap((url: string, { signal }: { signal: AbortSignal }) => fetch(url, { signal }))(url)
// @ts-expect-error an argument of another type
breaker.callWith({}, (url: string, { signal }: { signal: AbortSignal }) => fetch(url, { signal }), 5)
// @ts-expect-error the context has no such thing
breaker.callWith({}, (url: string, { timeout }) => fetch(url, { timeout }), url)
