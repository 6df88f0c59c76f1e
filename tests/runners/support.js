// The runtimes and tools of this folder's own lock file, and a throw-away project that has them. It must not know what is tested with them.

import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { project } from '../package/support.js'

const folder = fileURLToPath(new URL('.', import.meta.url))
const modules = join(folder, 'node_modules')

/** The path of something that is installed in this folder. */
export const installed = (path) => join(modules, path)
/** As installed. */
export const versionOf = (name) => JSON.parse(readFileSync(installed(`${name}/package.json`), 'utf8')).version

export const bun = installed('bun/bin/bun')
export const deno = installed('deno/deno')

/** What programs of the project import, besides the package. */
const IMPORTED = ['vitest', 'sinon', 'ava']

/** A throw-away project that has the packed package and the runners. */
export async function userOfRunners(files) {
  const user = await project(files)
  for (const name of IMPORTED) symlinkSync(installed(name), join(user.dir, 'node_modules', name))
  return user
}
