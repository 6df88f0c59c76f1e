// A server in a process of its own, for programs that are busy or stopped while it answers; it prints its port. `/after?ms=150&body=small` answers that
// long after the request came, `/never` never does, `/received` says how many such requests came, `/written` when the last answer was given to the network, and `/stop?pid=7&ms=600` stops a process for so
// long. It must not know what is asked for.

import { createServer } from 'node:http'
import { gzipSync } from 'node:zlib'

const LARGE = 'large '.repeat(40_000)
const BODIES = {
  small: [{}, 'small'],
  large: [{}, LARGE],
  gzip: [{ 'content-encoding': 'gzip' }, gzipSync(LARGE.slice(0, 20_000))]
}

let received = 0
let written = 0
const server = createServer(({ url }, response) => {
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1')
  const ms = Number(searchParams.get('ms'))
  response.setHeader('access-control-allow-origin', '*')
  if (pathname === '/after') {
    received++
    const [headers, body] = BODIES[searchParams.get('body')]
    setTimeout(() => response.writeHead(200, headers).end(body, () => (written = Date.now())), ms)
  } else if (pathname === '/never') {
    received++
  } else if (pathname === '/received') {
    response.end(String(received))
  } else if (pathname === '/written') {
    response.end(String(written))
  } else {
    const pid = Number(searchParams.get('pid'))
    response.end()
    setTimeout(() => process.kill(pid, 'SIGSTOP'), 20)
    setTimeout(() => process.kill(pid, 'SIGCONT'), 20 + ms)
  }
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
// It ends with whoever started it.
process.stdin.resume().on('end', () => process.exit())
