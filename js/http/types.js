/**
 * The words of `guardFetch`'s types.
 *
 * Must not know: anything that runs; there is no code in here.
 */

// From the public list, so that it is known to whoever imports one of the guards alone: TypeScript names what it infers only by lists that it has read.
/** @import { CircuitBreakerRegistry } from '../index.js' */
/** @import { FetchLike, HostFetch, HostURL } from '../base/host-types.js' */
/** @import { ResponseLike } from '../base/types.js' */
/** @import { GuardOptions } from './guard.js' */

/** @typedef {Parameters<HostFetch>[0]} FetchInput What `fetch` takes first. */
/** @typedef {Parameters<HostFetch>[1]} FetchInit What `fetch` takes second. */

/**
 * A response of any host or library, such as a fallback answers.
 *
 * @typedef {ResponseLike & { readonly ok: boolean, text(): Promise<string>, json(): Promise<any> }} AnswerLike
 */

/**
 * What a fallback of `guardDispatch` answers, whose handlers are told all headers and every piece of the body. Without a `body` that is its text.
 *
 * @typedef {AnswerLike & { readonly headers: { forEach(tell: (value: string, name: string) => void): void }, readonly body?: any }} DispatchAnswer
 */

/**
 * A request as `key` and `fallback` see it.
 *
 * @typedef {object} GuardedRequest
 * @property {HostURL} url
 * @property {string} method
 * @property {FetchInput} input What was given to the guarded fetch.
 * @property {FetchInit} init
 */

/**
 * Options of a guarded fetch: those of breakers, of their registry, of judging responses, and its own. In `settleOn: 'body'` a
 * good response is one of ours around the same body.
 *
 * @typedef {GuardOptions<GuardedRequest> & {
 *   fetch?: FetchLike | undefined
 * }} GuardFetchOptions `fetch` makes the requests. Default: the global one, looked up at each request, past every guard: a guard may be the
 *   global one itself. With `settleOn: 'body'` it has to give bodies that are streams of the web.
 */

/**
 * A `fetch` with its breakers. It has the type of the `fetch` that it is asked for as: a client's of its own, undici's, or the global one's. The
 * functions that the `fetch` below has as members when the guard is made, such as Bun's `preconnect`, are members here too, and ask no breaker.
 *
 * @template {FetchLike} [F=HostFetch]
 * @typedef {F & { readonly registry: CircuitBreakerRegistry<string> }} GuardedFetch
 */

export {}
