// How users write it, in TypeScript. Compiled, never run: see types.test.js.
import { Agent, Pool, fetch as undiciFetch } from 'undici'
import type { CircuitBreakerRegistry } from 'halfopen'
import { guardFetch, type GuardFetchOptions } from 'halfopen/fetch'
import { guardDispatch } from 'halfopen/undici'

const options: GuardFetchOptions = {
  failureThreshold: 3,
  key: ({ url, method }) => `${method} ${url.origin}`,
  failOn: (response: Response) => response.status === 500,
  rateLimit: 'failure',
  retryAfter: { max: 1000 },
  settleOn: 'body',
  onRefused: 'respond',
  fallback: async ({ url }, error) => new Response(`${url.href} ${String(error)}`),
  fetch,
  maxBreakers: 10
}
const guarded = guardFetch(options)
const asFetch: typeof fetch = guarded
const registry: CircuitBreakerRegistry<string> = guarded.registry
const response: Promise<Response> = guarded('https://api.example.com', { method: 'POST', signal: new AbortController().signal })
guarded(new Request('https://api.example.com'))
guarded(new URL('https://api.example.com'))
// @ts-expect-error the judge is `failOn`
guardFetch({ classify: () => 'success' })
// @ts-expect-error a misspelt option
guardFetch({ settelOn: 'body' })
// @ts-expect-error one of three words
guardFetch({ rateLimit: 'wait' })

const guard = guardDispatch({ failOn: ({ status, headers }: { status: number; headers: { get(name: string): string | null } }) => status === 500 && headers.get('x') === null })
const dispatcher = new Agent().compose(guard)
new Pool('https://api.example.com').compose([guard])
undiciFetch('https://api.example.com', { dispatcher })
guardDispatch({ fallback: () => new Response('cached') })
guardDispatch({ fallback: async () => ({ status: 200, ok: true, headers: new Headers(), text: async () => 'cached', json: async () => ({}) }) })
// @ts-expect-error its headers can't be listed
guardDispatch({ fallback: () => ({ status: 200, ok: true, headers: { get: () => null }, text: async () => 'cached', json: async () => ({}) }) })
guardFetch({ fallback: () => ({ status: 200, ok: true, headers: { get: () => null }, text: async () => 'cached', json: async () => ({}) }) })
// @ts-expect-error it makes no requests itself
guardDispatch({ fetch })

export { asFetch, registry, response }
