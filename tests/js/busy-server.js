// A server in a process of its own, for programs that are busy or stopped while it answers. It prints its port. `/after?ms=150&body=small` answers so
// long after the request came, `/never` never does, and `/stop?pid=7&ms=600` stops a process for so long.

import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'

const LARGE = 'large '.repeat(40_000)
const BODIES = {
  small: [{}, 'small'],
  gzip: [{ 'content-encoding': 'gzip' }, gzipSync(LARGE.slice(0, 20_000))],
  large: [{}, LARGE]
}

const server = createServer(({ url }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1')
  const ms = Number(searchParams.get('ms'))
  response.setHeader('access-control-allow-origin', '*')
  if (pathname === '/after') {
    const [headers, body] = BODIES[searchParams.get('body') ?? 'small']
    setTimeout(() => response.writeHead(200, headers).end(body), ms)
  } else if (pathname === '/stop') {
    const pid = Number(searchParams.get('pid'))
    response.end()
    setTimeout(() => process.kill(pid, 'SIGSTOP'), 20)
    setTimeout(() => process.kill(pid, 'SIGCONT'), 20 + ms)
  }
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
// It ends with whoever started it.
process.stdin.resume().on('end', () => process.exit())
