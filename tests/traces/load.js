// Reads the traces of this folder and their plan. It must not know what either means.

import { readFileSync, readdirSync } from 'node:fs'

const folder = new URL('.', import.meta.url)
const read = (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))

/** The plan, and every trace of every peer. */
export function load() {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'plan.json').sort()
  return { plan: read('plan.json'), traces: files.flatMap(read) }
}
