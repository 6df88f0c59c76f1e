/**
 * The types of `halfopen/slim`: those of all entries, and how the Wasm is brought.
 *
 * Must not know: what they are.
 */
export * from './index.js'
export * from './fetch.js'
export * from './undici.js'
// In both lists, which are of one mind.
export type { AnswerLike, GuardOptions, OwnOptions } from './fetch.js'
export { init, initSync, SlimInput } from './engine/slim.js'
export type { HostBytes, HostModule, HostResponse, ResponseWithBytes } from './base/host-types.js'
