// A dashboard in whatever runtime starts it: by its own server, or by `node:http` where it is asked for. It must not know who asks.

import { CircuitBreakerRegistry } from '../../pkg/index.js'
import { dashboard } from '../../pkg/dashboard.js'

const [how] = globalThis.Deno?.args ?? process.argv.slice(2)
const registry = new CircuitBreakerRegistry()
registry.get('api')
setInterval(() => registry.call('api', async () => 'pong'), 100)
const board = dashboard({ registries: registry, maxViewers: 1, ...(how !== 'node:http' && { authorize: () => true }) })

if (how === 'node:http') {
  const { createServer } = await import('node:http')
  const server = createServer(board.node)
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
} else if (globalThis.Deno) {
  Deno.serve({ port: 0, hostname: '127.0.0.1', onListen: ({ port }) => console.log(port) }, board.fetch)
} else {
  console.log(Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: board.fetch }).port)
}
