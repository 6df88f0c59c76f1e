// A server that answers every request at once with a small JSON body; it tells its parent its URL. It must not know who asks, or why.

import { once } from 'node:events'
import { createServer } from 'node:http'

const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":42,"name":"somebody"}'))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.on('disconnect', () => process.exit())
process.send(`http://127.0.0.1:${server.address().port}/users/42`)
