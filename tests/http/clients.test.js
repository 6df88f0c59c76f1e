// What clients do that is theirs alone: retries, streams, time limits. It must not know faults of the network.

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import axios from 'axios'
import ky from 'ky'
import OpenAI from 'openai'
import { Agent, interceptors, request } from 'undici'
import { isCircuitOpenError } from '../../pkg/index.js'
import { guardFetch } from '../../pkg/fetch.js'
import { guardDispatch } from '../../pkg/undici.js'
import { atEnd, LIMIT, outcomes, rejectionOf, startServer, stemsFrom, unhandled, until } from './support.js'

after(() => assert.deepEqual(unhandled, []))

/** A stub of chat completions: streams where it is asked to; `mood` is `up`, `down`, `breaks` or `hangs`. */
async function startCompletions() {
  const server = await startServer(async (request, response) => {
    const { stream } = JSON.parse(Buffer.concat(await request.toArray()))
    if (server.mood === 'hangs') return
    if (server.mood === 'down') return response.writeHead(503, { 'content-type': 'application/json' }).end('{"error":{"message":"down"}}')
    const piece = (text) => ({ id: '1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content: text }, finish_reason: null }] })
    if (!stream) {
      const message = { role: 'assistant', content: 'Hello there' }
      response.writeHead(200, { 'content-type': 'application/json' })
      return response.end(JSON.stringify({ id: '1', object: 'chat.completion', created: 1, model: 'm', choices: [{ index: 0, message, finish_reason: 'stop' }] }))
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const text of ['Hello', ' there']) response.write(`data: ${JSON.stringify(piece(text))}\n\n`)
    if (server.mood === 'breaks') setTimeout(() => response.socket.resetAndDestroy(), 20)
    else response.end('data: [DONE]\n\n')
  })
  server.mood = 'up'
  return server
}

const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] }

describe('the OpenAI SDK', LIMIT, () => {
  const start = async (options, sdk) => {
    const server = await startCompletions()
    const guarded = guardFetch({ failureThreshold: 3, ...options })
    const client = new OpenAI({ apiKey: 'key', baseURL: `${server.origin}/v1`, fetch: guarded, ...sdk })
    return { server, registry: guarded.registry, ask: () => client.chat.completions.create(QUESTION), stream: () => client.chat.completions.create({ ...QUESTION, stream: true }) }
  }
  const textOf = async (stream) => {
    let text = ''
    for await (const { choices } of stream) text += choices[0].delta.content
    return text
  }

  it('completes and streams', async () => {
    for (const settleOn of ['headers', 'body']) {
      const { ask, stream, registry } = await start({ settleOn })
      assert.equal((await ask()).choices[0].message.content, 'Hello there')
      assert.equal(await textOf(await stream()), 'Hello there')
      // It stops at [DONE], and so does not always read to the end.
      await until(() => outcomes(registry).inFlight === undefined)
      assert.equal(outcomes(registry).failure, undefined)
    }
  })
  it('has a stream that breaks off counted as a failure, settled by the body', async () => {
    const { server, stream, registry } = await start({ settleOn: 'body' })
    server.mood = 'breaks'
    const error = await rejectionOf(stream().then(textOf))
    assert.ok(error instanceof Error)
    await until(() => outcomes(registry).failure === 1)
  })
  it('has a stream that its user leaves after a piece counted as a success, settled by the body', async () => {
    const { stream, registry } = await start({ settleOn: 'body' })
    for await (const _ of await stream()) break
    await until(() => outcomes(registry).inFlight === undefined)
    assert.deepEqual(outcomes(registry), { success: 1 })
  })
  it('gets a fallback answer while the circuit is open', async () => {
    const answer = { choices: [{ message: { role: 'assistant', content: 'Later, please' } }] }
    const { server, ask } = await start({ failureThreshold: 1, fallback: () => Response.json(answer) }, { maxRetries: 0 })
    server.mood = 'down'
    assert.equal((await rejectionOf(ask())).status, 503)
    assert.equal((await ask()).choices[0].message.content, 'Later, please')
    assert.equal(server.hits, 1)
  })
  it('stops at once, retries and all, while the circuit is open', async () => {
    const { server, ask, registry } = await start({ failureThreshold: 2, onRefused: 'respond' }, { maxRetries: 5 })
    server.mood = 'down'
    const first = await rejectionOf(ask())
    assert.equal(first.status, 503)
    assert.equal(server.hits, 2, 'the third attempt was refused, and told not to be repeated')
    const started = performance.now()
    const second = await rejectionOf(ask())
    assert.deepEqual([second.status, second.headers.get('x-should-retry')], [503, 'false'])
    assert.equal(server.hits, 2)
    assert.equal(registry.summary().rejected, 2)
    assert.ok(performance.now() - started < 400, 'no pause between retries')
  })
  it('retries refusals that are thrown, and reaches no server with them', async () => {
    const { server, ask, registry } = await start({ failureThreshold: 1 }, { maxRetries: 1 })
    server.mood = 'down'
    const error = await rejectionOf(ask())
    assert.ok(isCircuitOpenError(error.cause))
    assert.equal(server.hits, 1)
    await rejectionOf(ask())
    assert.equal(server.hits, 1)
    assert.equal(registry.summary().rejected, 3)
  })
  it('that gives up by itself is ignored: give the guard the shorter timeout', async () => {
    for (const [ours, outcome] of [[undefined, 'ignored'], [50, 'failure']]) {
      const { server, ask, registry } = await start({ timeout: ours }, { maxRetries: 0, timeout: 200 })
      server.mood = 'hangs'
      await rejectionOf(ask())
      assert.deepEqual(outcomes(registry), { [outcome]: 1 })
    }
  })
})

describe('axios', LIMIT, () => {
  it('rejects with its own error for a status, which counts, and with a refusal as its cause', async () => {
    const server = await startServer((_, response) => response.writeHead(503).end())
    const guarded = guardFetch({ failureThreshold: 1 })
    const client = axios.create({ adapter: 'fetch', env: { fetch: guarded } })
    assert.equal((await rejectionOf(client.get(server.origin))).response.status, 503)
    const refusal = await rejectionOf(client.get(server.origin))
    assert.ok(isCircuitOpenError(refusal) || isCircuitOpenError(refusal.cause), String(refusal))
    assert.equal(server.hits, 1)
  })
  it('sends bodies and reads JSON', async () => {
    const server = await startServer(async (request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.concat(await request.toArray()))
    })
    for (const settleOn of ['headers', 'body']) {
      const client = axios.create({ adapter: 'fetch', env: { fetch: guardFetch({ settleOn }) } })
      assert.deepEqual((await client.post(server.origin, { a: 1 })).data, { a: 1 })
    }
  })
})

describe('ky', LIMIT, () => {
  it('repeats failures, which count one by one, and reaches no server once the circuit is open', async () => {
    const server = await startServer((_, response) => response.writeHead(503).end())
    const guarded = guardFetch({ failureThreshold: 2 })
    const client = ky.create({ fetch: guarded, retry: { limit: 3, delay: () => 1 } })
    const error = await rejectionOf(client.get(server.origin))
    assert.ok(stemsFrom(error, error) && (isCircuitOpenError(error) || isCircuitOpenError(error.cause)), String(error))
    assert.equal(server.hits, 2)
  })
  it('reads JSON', async () => {
    const server = await startServer()
    for (const settleOn of ['headers', 'body']) {
      assert.deepEqual(await ky.create({ fetch: guardFetch({ settleOn, timeout: 5000 }) }).get(server.origin).json(), {})
    }
  })
})

describe('undici', LIMIT, () => {
  it('has each attempt count where its retry is around the guard', async () => {
    const server = await startServer((_, response) => response.writeHead(503).end())
    const guard = guardDispatch({ failureThreshold: 2 })
    const agent = new Agent()
    atEnd(() => agent.destroy())
    const retry = interceptors.retry({ maxRetries: 5, minTimeout: 1, timeoutFactor: 1 })
    await rejectionOf(request(server.origin, { dispatcher: agent.compose(guard, retry) }))
    assert.deepEqual(outcomes(guard.registry), { failure: 2 })
    assert.equal(server.hits, 2)
  })
  it('follows redirects around the guard, each server with its own breaker', async () => {
    const [server, other] = [await startServer(), await startServer()]
    const guard = guardDispatch()
    const agent = new Agent()
    atEnd(() => agent.destroy())
    const dispatcher = agent.compose(guard, interceptors.redirect({ maxRedirections: 3 }))
    const { statusCode, body } = await request(`${server.origin}/redirect?to=${other.origin}/status?code=503`, { dispatcher })
    await body.dump()
    assert.equal(statusCode, 503)
    assert.deepEqual([guard.registry.get(server.origin).metrics.successfulCalls, guard.registry.get(other.origin).metrics.failedCalls], [1, 1])
  })
})
