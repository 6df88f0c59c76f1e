// The upstream of the tests' services: each part of it has a mood of its own. It must not know who asks.

import { once } from 'node:events'
import { createServer } from 'node:http'

/**
 * A part is well (200) unless `moods` says `sick` (503) or `hangs` (it answers once `release` is called).
 */
export async function startUpstream() {
  /** @type {Record<string, 'sick' | 'hangs' | undefined>} */
  const moods = {}
  /** Those that hang, by part. */
  const held = new Map()
  const server = createServer(({ url }, response) => {
    const part = url.slice(1)
    if (moods[part] === 'hangs') held.set(part, [...(held.get(part) ?? []), response])
    else response.writeHead(moods[part] === 'sick' ? 503 : 200).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    moods,
    /** How many requests to a part hang. */
    holds: (part) => (held.get(part) ?? []).filter((response) => !response.destroyed).length,
    release(part) {
      moods[part] = undefined
      for (const response of held.get(part) ?? []) response.writeHead(200).end()
      held.delete(part)
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
