// Where the programs of Prometheus are, and how they are run. It must not know what is asked of them.

import { execFile, execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const exec = promisify(execFile)

/**
 * The path of a program that set-up has brought.
 *
 * @param {string} name
 */
export const find = (name) => execFileSync('bash', ['-c', `source scripts/toolchain.sh && type -P ${name} || die '${name} is missing: run npm run setup'`], { cwd: root, encoding: 'utf8' }).trim()

/**
 * Runs promtool; gives what it says. It fails with all that it said.
 *
 * @param {...string} args
 */
export async function promtool(...args) {
  try {
    return (await exec(find('promtool'), args)).stdout
  } catch (error) {
    throw new Error(`promtool ${args.join(' ')}\n${error.stdout}${error.stderr}`, { cause: error })
  }
}
