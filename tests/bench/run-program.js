// Runs a program of `programs/` in a process of its own, so that no measurement sees what an earlier one left behind.
// It must not know what the programs measure.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const exec = promisify(execFile)

/**
 * @param {string} name The program's file name in `programs/`.
 * @param {object} [job] What it is to do; it gets it as JSON.
 * @param {object} [options]
 * @param {string} [options.node] The Node to run it in. Default: this one.
 * @param {string[]} [options.flags] Flags for Node.
 * @returns {Promise<any>} What it printed, which is JSON.
 */
export async function runProgram(name, job = {}, { node = process.execPath, flags = [] } = {}) {
  const path = fileURLToPath(new URL(`programs/${name}`, import.meta.url))
  const { stdout } = await exec(node, [...flags, path, JSON.stringify(job)])
  return JSON.parse(stdout)
}
