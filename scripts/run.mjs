// Runs commands with the project's toolchain, for the scripts of the build. It must not know what they build.

import { spawnSync } from 'node:child_process'

/** Runs a command, its output shown. */
export function run(...command) {
  const { status } = start(command, 'inherit')
  if (status !== 0) fail(`\`${command.join(' ')}\` failed`)
}

/** Runs a command and answers with what it printed. */
export function shell(...command) {
  const { status, stdout } = start(command, 'pipe')
  if (status !== 0) fail(`\`${command.join(' ')}\` failed`)
  return stdout
}

function start(command, stdout) {
  return spawnSync('bash', ['-euo', 'pipefail', '-c', 'source scripts/toolchain.sh; require_wasm_target; "$@"', 'build', ...command], {
    stdio: ['ignore', stdout, 'inherit'], encoding: 'utf8', maxBuffer: 1e8,
  })
}

export function fail(message) {
  console.error(`error: ${message}`)
  process.exit(1)
}
