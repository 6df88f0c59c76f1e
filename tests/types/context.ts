// Functions that take the context of their call as their last argument, beside functions that take none. Compiled, never run.

import { CircuitBreaker } from 'halfopen'

const breaker = new CircuitBreaker({ timeout: 5000 })
const url = 'https://example.org'

export const inferred: Promise<Response> = breaker.call((url, { signal }) => fetch(url, { signal }), url)
export const annotated: Promise<Response> = breaker.call((url: string, { signal }: { signal: AbortSignal }) => fetch(url, { signal }), url)
export const alone: Promise<Response> = breaker.call(({ signal }) => fetch(url, { signal }))
export const none: Promise<number> = breaker.call((a: number, b: number) => a + b, 1, 2)
export const rest: Promise<number> = breaker.call((...all: string[]) => all.length, 'a', 'b')

export const inferredWith: Promise<Response> = breaker.callWith({ timeout: 5 }, (url, { signal }) => fetch(url, { signal }), url)
export const noneWith: Promise<number> = breaker.callWith({}, (a: number, b: number) => a + b, 1, 2)
export const closureWith: Promise<number> = breaker.callWith({}, async () => 5)

// @ts-expect-error an argument of another type
breaker.call((url: string, { signal }: { signal: AbortSignal }) => fetch(url, { signal }), 5)
// @ts-expect-error the context has no such thing
breaker.call((url: string, { timeout }) => fetch(url, { timeout }), url)
