// What the package reports for want of a caller, heard by the tests of one file. It must not know who reports.

import { afterEach, beforeEach } from 'node:test'

/** The errors that were reported since the current test began. The host's own `reportError` is back after each test. */
export function hearReports() {
  const reported = []
  const { reportError } = globalThis
  beforeEach(() => {
    reported.length = 0
    globalThis.reportError = (error) => reported.push(error)
  })
  afterEach(() => {
    if (reportError === undefined) delete globalThis.reportError
    else globalThis.reportError = reportError
  })
  return reported
}
