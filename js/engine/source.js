/**
 * How the core gets into memory, by default: the file to which the build resolves this one is a row of `ENTRIES` in scripts/build.mjs.
 *
 * Must not know: the others.
 */
export { loadCore } from './sources/inline.js'
