// The Node versions that are measured. It must not know what is measured.

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

/** This Node, and those of these major versions that are installed. It says which is missing. @param {number[]} majors */
export function nodesOf(majors) {
  const all = benchNodes()
  for (const major of majors) {
    if (!all.some((node) => node.major === major)) console.error(`bench: no Node ${major} here; \`npm run setup\` installs it`)
  }
  return all.filter(({ major }, index) => index === 0 || majors.includes(major))
}
