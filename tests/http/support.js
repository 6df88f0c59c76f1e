// What the tests of this folder share: servers on this machine that fail in every way, clients that know nothing of breakers, and
// outcomes read from the counts. It must not know what should come of a fault.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { createSecureServer as createHttp2Server } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'

/** Tests wait for real sockets: this ends one that hangs. */
export const LIMIT = { timeout: 60_000 }

const cleanups = []
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** Has something done once the file's tests are through. */
export const atEnd = (cleanup) => cleanups.push(cleanup)

/** What no promise's owner heard of, over the whole file. */
export const unhandled = []
process.on('unhandledRejection', (error) => unhandled.push(error))

/** What the paths of a server do. */
const PATHS = {
  '/status': (_, response, query) => {
    const headers = Object.fromEntries([...query].filter(([name]) => name !== 'code'))
    response.writeHead(Number(query.get('code')), headers).end('body')
  },
  '/never': () => {},
  '/reset': ({ socket }) => socket.resetAndDestroy(),
  '/reset-in-headers': ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nContent-Ty', () => socket.resetAndDestroy()),
  '/reset-in-body': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
    response.write('{"some": "', () => setTimeout(() => response.socket?.resetAndDestroy(), 20))
  },
  '/slow-body': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write('{"some": "')
  },
  '/redirect': (_, response, query) => response.writeHead(302, { location: query.get('to') }).end(),
  '/chunks': (_, response) => {
    response.writeHead(200)
    for (let n = 0; n < 3; n++) response.write(`chunk ${n}\n`)
    response.end()
  }
}

/** The answer to a request: by its path, `{}` if there is none of that name. */
function respond(server, request, response) {
  server.hits++
  const { pathname, searchParams } = new URL(request.url, 'http://server')
  const answer = server.answer ?? PATHS[pathname]
  if (answer !== undefined) return answer(request, response, searchParams)
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
}

async function listening(server, scheme) {
  server.hits = 0
  server.sockets = new Set()
  server.on(scheme === 'https' ? 'secureConnection' : 'connection', (socket) => {
    server.sockets.add(socket)
    socket.on('error', () => {}).on('close', () => server.sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.origin = `${scheme}://127.0.0.1:${server.address().port}`
  server.stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of server.sockets) socket.destroy()
    await closed
  }
  atEnd(server.stop)
  return server
}

/** A server that counts what reaches it (`hits`). `answer`, given or set later, answers everything. */
export async function startServer(answer) {
  const server = createServer((request, response) => respond(server, request, response))
  server.answer = answer
  return listening(server, 'http')
}

/** A server whose certificate nobody trusts. */
export async function startUntrusted() {
  const server = createSecureServer(certificate(), (request, response) => respond(server, request, response))
  return listening(server, 'https')
}

/** The same over HTTP/2. */
export async function startHttp2() {
  const server = createHttp2Server(certificate(), (request, response) => respond(server, request, response))
  return listening(server, 'https')
}

let made
function certificate() {
  if (made !== undefined) return made
  const dir = mkdtempSync(join(tmpdir(), 'halfopen-http-'))
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(dir, name))
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' })
  made = { key: readFileSync(key), cert: readFileSync(cert) }
  rmSync(dir, { recursive: true })
  return made
}

/** An origin where nobody listens. */
export async function closedOrigin() {
  const server = await startServer()
  await server.stop()
  return server.origin
}

/** The outcomes counted so far, by their words; `inFlight` where a call is not over. */
export function outcomes(registry) {
  const words = { successfulCalls: 'success', failedCalls: 'failure', ignoredCalls: 'ignored', inFlight: 'inFlight', staleCalls: 'stale' }
  const counts = {}
  for (const breaker of registry.values()) {
    const { metrics } = breaker
    for (const [name, word] of Object.entries(words)) if (metrics[name] > 0) counts[word] = (counts[word] ?? 0) + metrics[name]
  }
  return counts
}

/** Waits, in real time since sockets have no other, until something holds. */
export async function until(holds, what = holds.toString()) {
  const deadline = Date.now() + 10_000
  while (!holds()) {
    if (Date.now() > deadline) assert.fail(`Waited in vain for ${what}`)
    await wait(5)
  }
}

/** What a promise rejects with. That it fulfils is a failure. */
export const rejectionOf = (promise) =>
  promise.then((value) => assert.fail(`Expected a rejection, got ${String(value)}`), (error) => error)

/** Whether an error is another or was made because of it. */
export function stemsFrom(error, origin) {
  for (let depth = 0; error != null && depth < 10; depth++, error = error.cause) if (error === origin) return true
  return false
}

/** Collects what nobody holds, in a Node that was started with --expose-gc or not. */
export async function collect() {
  const { setFlagsFromString } = await import('node:v8')
  const { runInNewContext } = await import('node:vm')
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc')
  for (let n = 0; n < 5; n++) {
    gc()
    await turn()
    await wait(5)
  }
}
