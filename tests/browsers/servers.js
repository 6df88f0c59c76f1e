// The servers of the browser tests, on this machine: one with the pages, ones that fall ill on command, and the one that the examples bring.
// They must not know of breakers.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'

const TYPES = { '.html': 'text/html;charset=utf-8', '.js': 'text/javascript', '.json': 'application/json', '.svg': 'image/svg+xml' }

/** What pages of other origins may do and read: all, but for a `Retry-After` that a condition hides. */
const SHARED = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*', 'access-control-allow-methods': '*' }

/** Serves on a free port. `close()` ends all connections and waits until the port is given up. */
async function serve(answer) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.closeAllConnections()
      if (!server.listening) return
      server.close()
      await once(server, 'close')
    },
  }
}

/**
 * What a server does with a request.
 *
 * @typedef {object} Condition
 * @property {number} [status]
 * @property {Record<string, string>} [headers]
 * @property {string} [body]
 * @property {true} [hangs] It accepts and never answers.
 * @property {true} [drops] It ends the connection before a header is out.
 * @property {true} [streams] It sends a part of the body, and the rest once its condition changes.
 * @property {true} [breaks] For a server that streams: it breaks the open bodies off.
 * @property {true} [private] It lets no other origin read what it says.
 * @property {true} [hidden] It lets no other origin read its `Retry-After`.
 */

/** Long enough for every browser to hand on what came before the rest. */
const PART = 'x'.repeat(32 << 10)

/**
 * A server with patients: under `/patients/<name>/` it behaves as the condition of that patient is, and it counts their calls, each
 * told by its `?call=`, since a browser may send a request again by itself. A `POST` to `/conditions/<name>` changes the condition; a
 * `GET` tells what came. Everything else is a file of `folder`, if one is given, and then in the condition of the patient `site`.
 */
export async function startServer(folder) {
  const patients = new Map()
  const patient = (name) => {
    if (!patients.has(name)) patients.set(name, { condition: {}, calls: new Set(), open: new Set() })
    return patients.get(name)
  }
  const change = (name, condition) => {
    const it = patient(name)
    it.condition = condition
    for (const response of it.open) {
      if (!response.headersSent) continue
      if (condition.breaks) response.socket?.resetAndDestroy()
      else response.end(PART)
    }
  }
  const report = (name) => ({ calls: patient(name).calls.size, open: patient(name).open.size })

  const server = await serve(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1')
    const [, room, name, rest] = /^\/(patients|conditions)\/([^/]+)(\/.*)?$/.exec(pathname) ?? []
    if (room === 'conditions') {
      if (request.method === 'POST') change(name, JSON.parse(await text(request)))
      return response.writeHead(200, { ...SHARED, 'cache-control': 'no-store' }).end(JSON.stringify(report(name)))
    }
    if (request.method === 'OPTIONS') return response.writeHead(204, SHARED).end()
    if (pathname === '/favicon.ico') return response.writeHead(204).end()
    const it = patient(name ?? 'site')
    it.calls.add(searchParams.get('call') ?? `${it.calls.size}`)
    const { status = 200, headers, body, hangs, drops, streams, hidden, private: isPrivate } = it.condition
    const shared = isPrivate ? {} : { ...SHARED, 'access-control-expose-headers': hidden ? '' : 'retry-after' }
    // One connection a request: on a kept one, browsers try again by themselves when it is dropped.
    const all = { 'content-type': TYPES[extname(rest ?? '')] ?? 'text/plain', 'cache-control': 'no-store', connection: 'close', ...shared, ...headers }
    if (drops) return request.socket.destroy()
    it.open.add(response)
    response.once('close', () => it.open.delete(response))
    if (hangs) return
    if (streams) {
      response.writeHead(status, all)
      response.write(PART)
    } else if (room === undefined && status === 200) {
      file(folder, pathname, response)
    } else {
      response.writeHead(status, all).end(body ?? JSON.stringify({ method: request.method, sent: await text(request) }))
    }
  })
  return { ...server, change, report }
}

/** The site of the examples, as their README has it started, from wherever they were copied. */
export async function startExamples(folder) {
  const program = spawn(process.execPath, [join(folder, 'serve.js')], { env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [program.stdout, program.stderr]) stream.on('data', (chunk) => (said += chunk))
  const ended = once(program, 'exit')
  const close = async () => {
    program.kill()
    await ended
  }
  const [line] = await Promise.race([once(createInterface(program.stdout), 'line'), ended.then(() => [''])])
  const [, origin] = /^listening on (\S+)$/.exec(line) ?? []
  if (origin === undefined) throw new Error(`The examples' site did not start: ${said}`)
  const isSick = async () => (await (await fetch(`${origin}/sick`)).text()) === 'true'
  return { origin, isSick, close }
}

function file(folder, path, response) {
  try {
    const body = readFileSync(join(folder, path))
    response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream', 'cache-control': 'no-store' }).end(body)
  } catch {
    response.writeHead(404).end()
  }
}

async function text(request) {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  return body
}
