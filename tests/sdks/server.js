// One server on this machine that answers as the APIs of the clients do, as far as they need. It must not know breakers.
//
// `mood` is `up`, `down` (a 503 that asks for nothing), `hangs`, `limits` (a 429 for 2 s, once) or, of GraphQL, `fails inside` and `forbids` (a 200
// with `errors`). `hits` counts requests; streams break off after their first piece where `breaksOff`.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { crc32 } from 'node:zlib'
import { createHTTPHandler } from '@trpc/server/adapters/standalone'
import { initTRPC } from '@trpc/server'

const t = initTRPC.create()
const router = t.router({
  greeting: t.procedure.query(() => 'hello'),
  words: t.procedure.query(async function* () {
    yield* ['one', 'two', 'three']
  })
})
const trpc = createHTTPHandler({ router, basePath: '/trpc/' })

const CHAT = { id: '1', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message: { role: 'assistant', content: 'one two three' }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 } }
const piece = (delta, finish_reason = null) => ({ id: '1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason }] })
const MESSAGE = { id: '1', type: 'message', role: 'assistant', model: 'm', content: [{ type: 'text', text: 'one two three' }], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 1, output_tokens: 3 } }
const WORDS = ['one', ' two', ' three']
const candidates = (text) => ({ candidates: [{ content: { role: 'model', parts: [{ text }] }, index: 0 }] })

/** Answers by path: `(body)` gives what is sent as `json` or `text`, or a list of `events`, sent as a stream. */
const PATHS = {
  '/openai/chat/completions': ({ stream }) => (stream ? { events: [...WORDS.map((content) => piece({ content })), piece({}, 'stop'), '[DONE]'] } : { json: CHAT }),
  '/anthropic/v1/messages': ({ stream }) =>
    stream
      ? {
          events: [
            { type: 'message_start', message: { ...MESSAGE, content: [], stop_reason: null } },
            { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
            ...WORDS.map((text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
            { type: 'content_block_stop', index: 0 },
            { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 3 } },
            { type: 'message_stop' }
          ]
        }
      : { json: MESSAGE },
  '/google/v1/models/m:generateContent': () => ({ json: candidates('one two three') }),
  '/google/v1/models/m:streamGenerateContent': () => ({ events: WORDS.map(candidates) }),
  '/github/users/ada': () => ({ json: { login: 'ada' } }),
  '/v1/customers/cus_1': () => ({ json: { id: 'cus_1', object: 'customer', name: 'Ada' } }),
  '/supabase/rest/v1/users': () => ({ json: [{ id: 42, name: 'Ada' }] }),
  '/supabase/functions/v1/greet': () => ({ json: { name: 'Ada' } }),
  '/graphql': () => ({ type: 'application/graphql-response+json', json: { data: { user: { __typename: 'User', id: '42', name: 'Ada' } } } }),
  '/dynamodb': () => ({ type: 'application/x-amz-json-1.0', json: { Item: { id: { S: '42' } } } }),
  '/s3/bucket/key': () => ({ type: 'text/plain', text: 'one two three' }),
  '/elastic/_search': () => ({ json: { took: 1, timed_out: false, hits: { total: { value: 1, relation: 'eq' }, hits: [{ _id: '42' }] } }, headers: { 'x-elastic-product': 'Elasticsearch' }, type: 'application/vnd.elasticsearch+json;compatible-with=9' }),
  '/users/42': () => ({ json: { id: 42, name: 'Ada' } })
}

/** Has a response break off after its first piece. */
function breakOff(response) {
  const write = response.write.bind(response)
  response.write = (...args) => {
    Object.assign(response, { write: () => true, end: () => response })
    return write(...args, () => setTimeout(() => response.socket?.resetAndDestroy(), 10))
  }
}

export async function startServer() {
  const server = createServer(async (request, response) => {
    stand.hits++
    const chunks = []
    const { pathname } = new URL(request.url, 'http://server')
    if (stand.mood === 'hangs') return
    if (stand.mood === 'down') return response.writeHead(503, { 'content-type': 'application/json' }).end('{"error":{"message":"down"}}')
    if (stand.mood === 'limits' && stand.hits === 1) return response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '2' }).end('{"error":{"message":"slowly"}}')
    const code = { 'fails inside': 'INTERNAL_SERVER_ERROR', forbids: 'FORBIDDEN' }[stand.mood]
    if (code !== undefined) return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: null, errors: [{ message: 'no', path: ['user'], extensions: { code } }] }))
    if (pathname.startsWith('/trpc/')) {
      if (stand.breaksOff) breakOff(response)
      return trpc(request, response)
    }
    for await (const chunk of request) chunks.push(chunk)
    const text = String(Buffer.concat(chunks))
    const found = Object.keys(PATHS).find((path) => pathname === path || pathname === `${path}/`)
    if (found === undefined) return response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ message: `no ${request.method} ${request.url}` }))
    const answer = PATHS[found](text.startsWith('{') ? JSON.parse(text) : {})
    if (answer.events !== undefined) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const event of answer.events) {
        const name = event.type === undefined ? '' : `event: ${event.type}\n`
        response.write(`${name}data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`)
        // Each a piece of its own.
        await new Promise((resolve) => setImmediate(resolve))
        if (stand.breaksOff && event !== answer.events[0]) return response.socket.resetAndDestroy()
      }
      return response.end()
    }
    const bytes = answer.text ?? JSON.stringify(answer.json)
    const headers = { 'content-type': answer.type ?? 'application/json', ...answer.headers }
    // What DynamoDB sends so that its client can tell a body that broke off.
    if (found === '/dynamodb') headers['x-amz-crc32'] = String(crc32(bytes))
    response.writeHead(200, headers).end(bytes)
  })
  const stand = { hits: 0, mood: 'up', breaksOff: false }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stand.origin = `http://127.0.0.1:${server.address().port}`
  stand.close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return stand
}
