// A user of a host with `fetch`, `AbortController` and `URL`: Node, a browser, a worker. The types of the host fit those of the package, both ways.

import { CircuitBreaker, classifyResponse } from 'halfopen'
import { guardFetch } from 'halfopen/fetch'

const controller = new AbortController()
const breaker = new CircuitBreaker({ classify: classifyResponse(), clock: performance })
const url = 'https://example.org'

// ── Signals ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const fetched = breaker.callWith({ signal: controller.signal }, (url, { signal }) => fetch(url, { signal }), url)
export const response: Promise<Response> = fetched
export const signalled = breaker.callWith({}, ({ signal }: { signal: AbortSignal }) => signal.aborted)
export const wrapped: (url: string) => Promise<Response> = breaker.wrapWith({ timeout: 5 }, (url: string, { signal }: { signal: AbortSignal }) => fetch(url, { signal }))
export const closed = breaker.whenClosed({ signal: controller.signal })
// @ts-expect-error the signal itself, not its controller
breaker.callWith({ signal: controller }, () => 1)

// ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const target: EventTarget = breaker
export const seen: string[] = []
breaker.addEventListener('statechange', (event) => seen.push(event.type, event.detail.to, String(event.timeStamp)))
breaker.addEventListener('statechange', () => seen.push('once'), { once: true, signal: controller.signal })
const listener = (event: Event): unknown => seen.push(event.type)
breaker.addEventListener('statechange', listener)
breaker.removeEventListener('statechange', listener, { capture: true })
breaker.removeEventListener('of a subclass', listener)
breaker.dispatchEvent(new Event('of a subclass'))
// @ts-expect-error a listener is a function or has handleEvent
breaker.removeEventListener('statechange', 'listener')

// ── fetch ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const guarded = guardFetch({ fetch: globalThis.fetch, fallback: () => new Response('', { status: 503 }), failOn: (response: Response) => !response.ok })
export const stubbed = guardFetch({ fetch: async () => new Response('') })
export const asFetch: typeof fetch = guarded
export const asFetchAtOnce: typeof fetch = guardFetch()
export const asFetchOfAClient: { fetch?: typeof fetch | undefined } = { fetch: guardFetch({ timeout: 5 }) }
export const asFetchOfMyOwn: (input: string, init?: { method?: string }) => Promise<Response> = guardFetch()
export const body: Promise<unknown> = guarded(new URL(url), { method: 'POST', signal: controller.signal }).then((response) => response.json())
export const text = guarded(url).then((response) => response.text())
export const state = guarded.registry.get(url).state
guardFetch({ key: ({ url, init, input }) => `${url.searchParams.get('tenant')} ${init?.method} ${typeof input}` })
// @ts-expect-error no request
guarded(5)
// @ts-expect-error no response
guardFetch({ fallback: () => 'none' })
