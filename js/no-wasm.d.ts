/**
 * The types of `halfopen/no-wasm`: those of all entries.
 *
 * Must not know: what they are.
 */
export * from './index.js'
export * from './fetch.js'
export * from './undici.js'
// In both lists, which are of one mind.
export type { AnswerLike, GuardOptions, OwnOptions } from './fetch.js'
