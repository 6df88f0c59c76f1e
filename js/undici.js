/**
 * The public export list of `halfopen/undici`, nothing else.
 *
 * Must not know: what the exports do.
 */
export { guardDispatch } from './http/undici/interceptor.js'
/** @typedef {import('./http/types.js').AnswerLike} AnswerLike */
/** @typedef {import('./http/undici/interceptor.js').Dispatch} Dispatch */
/** @typedef {import('./http/types.js').DispatchAnswer} DispatchAnswer */
/** @typedef {import('./http/undici/interceptor.js').GuardDispatchOptions} GuardDispatchOptions */
/** @typedef {import('./http/undici/request.js').GuardedDispatch} GuardedDispatch */
/** @typedef {import('./http/undici/interceptor.js').GuardingInterceptor} GuardingInterceptor */
/**
 * @template Request
 * @template {import('./http/types.js').AnswerLike} [Answer=import('./http/types.js').AnswerLike]
 * @typedef {import('./http/guard.js').GuardOptions<Request, Answer>} GuardOptions
 */
/**
 * @template Request
 * @template {import('./http/types.js').AnswerLike} [Answer=import('./http/types.js').AnswerLike]
 * @typedef {import('./http/guard.js').OwnOptions<Request, Answer>} OwnOptions
 */
