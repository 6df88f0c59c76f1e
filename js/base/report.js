/**
 * Tells what has no caller to go to: the error of a function that a user gave us.
 *
 * Must not know: whose function it was. Whatever the host lacks, or has instead: telling never throws.
 */

/** @param {unknown} error */
export function report(error) {
  for (const tell of [() => globalThis.reportError(error), () => console.error(error)]) {
    try {
      return tell()
    } catch {
      // The next way; a host that has neither can't be told.
    }
  }
}
