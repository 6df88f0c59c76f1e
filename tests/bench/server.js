// Runs a server in a process of its own while something is measured against it. It must not know what is measured.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * @template T
 * @param {(url: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withServer(use) {
  const child = fork(fileURLToPath(new URL('programs/server.js', import.meta.url)), { execArgv: [] })
  try {
    const [url] = await once(child, 'message')
    return await use(url)
  } finally {
    child.kill()
  }
}
