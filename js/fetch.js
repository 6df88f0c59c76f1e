/**
 * The public export list of `halfopen/fetch`, nothing else.
 *
 * Must not know: what the exports do.
 */
export { guardFetch } from './http/fetch.js'
/** @typedef {import('./http/types.js').AnswerLike} AnswerLike */
/** @typedef {import('./http/types.js').FetchInit} FetchInit */
/** @typedef {import('./http/types.js').FetchInput} FetchInput */
/** @typedef {import('./base/host-types.js').FetchLike} FetchLike */
/**
 * @template {import('./base/host-types.js').FetchLike} [F=import('./base/host-types.js').HostFetch]
 * @typedef {import('./http/types.js').GuardedFetch<F>} GuardedFetch
 */
/** @typedef {import('./http/types.js').GuardedRequest} GuardedRequest */
/** @typedef {import('./http/types.js').GuardFetchOptions} GuardFetchOptions */
/**
 * @template Request
 * @template {import('./http/types.js').AnswerLike} [Answer=import('./http/types.js').AnswerLike]
 * @typedef {import('./http/guard.js').GuardOptions<Request, Answer>} GuardOptions
 */
/** @typedef {import('./base/host-types.js').HostFetch} HostFetch */
/**
 * @template Request
 * @template {import('./http/types.js').AnswerLike} [Answer=import('./http/types.js').AnswerLike]
 * @typedef {import('./http/guard.js').OwnOptions<Request, Answer>} OwnOptions
 */
