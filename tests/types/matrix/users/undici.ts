// A user of undici, whose types are not those of the host. Compiled with undici 7 and with undici 8 in the place of `undici`.

import { CircuitBreaker } from 'halfopen'
import { guardFetch } from 'halfopen/fetch'
import { guardDispatch } from 'halfopen/undici'
import * as undici from 'undici'

export const agent = new undici.Agent().compose(guardDispatch({ failureThreshold: 3 }), undici.interceptors.retry())
export const cached = new undici.Agent().compose(guardDispatch({ fallback: () => new undici.Response('cached') }))
export const asInterceptor: undici.Dispatcher.DispatcherComposeInterceptor = guardDispatch()
export const sent = undici.request('https://example.org', { dispatcher: agent })

export const guarded = guardFetch<typeof undici.fetch>({ fetch: undici.fetch, fallback: () => new undici.Response('') })
export const asFetch: typeof undici.fetch = guardFetch({ fetch: undici.fetch })
export const bodyUsed: Promise<boolean> = guarded(new undici.Request('https://example.org')).then((response: undici.Response) => response.bodyUsed)
export const fetched: Promise<undici.Response> = new CircuitBreaker().callWith({}, (url, { signal }) => undici.fetch(url, { signal }), 'https://example.org')
