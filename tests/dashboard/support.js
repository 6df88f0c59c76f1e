// What tests of the dashboard have in common: servers and clients on this machine, and readers of its stream. It must not know what is answered.

import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'

/** Serves on a free port of this machine. `close()` ends every connection. */
export async function serve(answer, host = '127.0.0.1') {
  const server = createServer(answer)
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address()
  return {
    port,
    server,
    origin: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

/** Asks with headers exactly as given, and gives status, headers and text. */
export async function ask(port, path, { method = 'GET', headers = {}, body, ...more } = {}) {
  const sent = request({ port, host: '127.0.0.1', path, method, headers: { host: `127.0.0.1:${port}`, ...headers }, agent: false, ...more })
  sent.end(body)
  const [response] = await once(sent, 'response')
  let text = ''
  // The stream has no end: that it began is its answer.
  if (method !== 'HEAD' && /event-stream/.test(response.headers['content-type'])) sent.destroy()
  else for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { status: response.statusCode, headers: response.headers, text }
}

/** Sends bytes as they are, and gives all that comes back until the other end closes. */
export async function raw(port, bytes) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  socket.write(bytes)
  await once(socket, 'close')
  return text
}

/** Opens the stream. `next()` gives its next message; `messages` has those that came. */
export async function watch(port, path = '/events', headers = {}) {
  const sent = request({ port, host: '127.0.0.1', path, headers: { host: `127.0.0.1:${port}`, ...headers }, agent: false })
  sent.on('error', () => {})
  sent.end()
  const [response] = await once(sent, 'response')
  if (response.statusCode !== 200) {
    response.resume()
    return { status: response.statusCode, close: () => sent.destroy() }
  }
  return { status: 200, headers: response.headers, bytes: () => response.socket.bytesRead, response, ...reader(response), close: () => sent.destroy() }
}

/** Reads the messages of a stream of bytes or of texts. */
export function reader(stream) {
  const messages = []
  const waiting = []
  let rest = ''
  let isOver = false
  stream.setEncoding('utf8')
  stream.on('data', (chunk) => {
    rest += chunk
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const data = rest.slice(0, end).split('\n').find((line) => line.startsWith('data: '))
      rest = rest.slice(end + 2)
      if (data !== undefined) messages.push(JSON.parse(data.slice(6)))
    }
    for (const check of waiting.splice(0)) check()
  })
  for (const event of ['end', 'close', 'error']) {
    stream.on(event, () => {
      isOver = true
      for (const check of waiting.splice(0)) check()
    })
  }
  let taken = 0
  return {
    messages,
    isOver: () => isOver,
    async next() {
      while (messages.length <= taken) {
        if (isOver) return undefined
        await new Promise((resolve) => waiting.push(resolve))
      }
      return messages[taken++]
    },
    async end() {
      while (!isOver) await new Promise((resolve) => waiting.push(resolve))
    }
  }
}

/** Lets what is under way on sockets of this machine arrive. */
export async function settled(turns = 20) {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Asks, turn by turn, until the answer is truthy; fails after many. */
export async function until(what, answer, turns = 20_000) {
  for (let turn = 0; turn < turns; turn++) {
    const value = answer()
    if (value) return value
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`Waited in vain for ${what}`)
}
