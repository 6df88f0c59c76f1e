// Ports for servers that take no 0. It must not know who listens.

import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port of 127.0.0.1 that nobody has, which a server may take at once.
 *
 * @param {number} [most] The highest that will do.
 */
export async function freePort(most = 65_535) {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    server.close()
    await once(server, 'close')
    if (port <= most) return port
  }
}
