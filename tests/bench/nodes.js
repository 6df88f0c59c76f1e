// The Node versions that memory is measured on. It must not know what is measured.

import { existsSync } from 'node:fs'
import { nodes } from '../package/support.js'

export const majorOf = (version) => Number.parseInt(version, 10)

/** This Node, and those of other major versions that set-up has installed for the tests of the package. */
export function benchNodes() {
  const others = Object.entries(nodes)
    .filter(([major, binary]) => Number(major) !== majorOf(process.versions.node) && existsSync(binary))
    .map(([major, binary]) => ({ major: Number(major), binary }))
  return [{ major: majorOf(process.versions.node), binary: process.execPath }, ...others]
}
