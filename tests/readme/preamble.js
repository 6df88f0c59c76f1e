// The world in which the blocks of the documents run, loaded before each of them:
//   - `fetch` reaches https://api.example.com, which is a server on this machine: /users/:id is a user, /slow never
//     answers, /busy is a 503 with `retry-after: 120`, /missing a 404, /graphql a 200 with `errors`, anything else is `{}`. Nothing else can be
//     fetched.
//   - `documented` checks what a comment says; what it checked is written to the file that CHECKED names.
// All else that a block uses it imports or defines itself. It must not know the package.

import { deepStrictEqual } from 'node:assert'
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as setRealTimeout } from 'node:timers'

export const HOST = 'https://api.example.com'

/**
 * What the server answers to a path, or nothing, ever.
 *
 * @param {string} path
 */
export function answerTo(path) {
  const json = { 'content-type': 'application/json', 'access-control-allow-origin': '*' }
  const [, kind, id] = path.split('/')
  switch (kind) {
    case 'users':
      return { status: 200, headers: json, body: JSON.stringify({ id: Number(id), name: 'Ada' }) }
    case 'busy':
      return { status: 503, headers: { ...json, 'retry-after': '120', 'access-control-expose-headers': 'retry-after' }, body: '{}' }
    case 'missing':
      return { status: 404, headers: json, body: '{}' }
    case 'graphql':
      return { status: 200, headers: json, body: '{"data":null,"errors":[{"message":"down","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}' }
    case 'slow':
      return undefined
    default:
      return { status: 200, headers: json, body: '{}' }
  }
}

if (process.env.CHECKED) {
  const server = createServer((request, response) => {
    const answer = answerTo(request.url ?? '/')
    // A connection that is kept would keep the block's process.
    if (answer) response.writeHead(answer.status, { ...answer.headers, connection: 'close' }).end(answer.body)
  })
  server.listen(0, '127.0.0.1')
  server.unref()
  const realFetch = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
    const url = String(input)
    if (!url.startsWith(`${HOST}/`)) throw new Error(`The documents may only fetch from ${HOST}, not ${url}`)
    return realFetch(url.replace(HOST, `http://127.0.0.1:${server.address().port}`), init)
  }
  globalThis.documented = (line, actual, expected) => {
    deepStrictEqual(actual, expected, `line ${line} says otherwise`)
    appendFileSync(process.env.CHECKED, `${line}\n`)
    return actual
  }
  setRealTimeout(() => {
    console.error('The block does not end')
    process.exit(1)
  }, 20_000).unref()
}
