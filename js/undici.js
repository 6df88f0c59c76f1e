/**
 * The public export list of `halfopen/undici`, nothing else.
 *
 * Must not know: what the exports do.
 */
export { guardDispatch } from './http/undici/interceptor.js'
/** @typedef {import('./http/types.js').AnswerLike} AnswerLike */
/** @typedef {import('./http/undici/interceptor.js').Dispatch} Dispatch */
/** @typedef {import('./http/undici/interceptor.js').GuardDispatchOptions} GuardDispatchOptions */
/** @typedef {import('./http/undici/request.js').GuardedDispatch} GuardedDispatch */
/** @typedef {import('./http/undici/interceptor.js').GuardingInterceptor} GuardingInterceptor */
/**
 * @template Request
 * @typedef {import('./http/guard.js').GuardOptions<Request>} GuardOptions
 */
/**
 * @template Request
 * @typedef {import('./http/guard.js').OwnOptions<Request>} OwnOptions
 */
