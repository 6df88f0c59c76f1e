// Every fault of a network, through every client: what is counted, which breaker counts it, and what the client's user gets. The table
// that it leaves, `target/fault-table.md`, is what was seen. It must not know how the clients are made.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { after, describe, it } from 'node:test'
import { CLIENTS, HTTP2_CLIENTS } from './clients.js'
import { closedOrigin, LIMIT, outcomes, startHttp2, startServer, startUntrusted, stemsFrom, unhandled, until } from './support.js'

const server = await startServer()
const other = await startServer()
const untrusted = await startUntrusted()
const http2 = await startHttp2()
const refused = await closedOrigin()
const { origin } = server

/**
 * A fault: where it is met, the options, the outcome, and what the user gets: a status, `error` for that of the fetch below (as the same
 * object, or in the causes of the client's own), or a code.
 */
const FAULTS = {
  'connection refused': { url: refused, outcome: 'failure', gets: 'error' },
  'name unknown (DNS)': { url: 'http://nothing.invalid', outcome: 'failure', gets: 'error' },
  'certificate not trusted (TLS)': { url: untrusted.origin, outcome: 'failure', gets: 'error' },
  'reset before headers': { url: `${origin}/reset`, outcome: 'failure', gets: 'error' },
  'reset in headers': { url: `${origin}/reset-in-headers`, outcome: 'failure', gets: 'error' },
  'reset in body, settled by headers': { url: `${origin}/reset-in-body`, outcome: 'success', gets: 'own error' },
  'reset in body, settled by body': { url: `${origin}/reset-in-body`, options: { settleOn: 'body' }, outcome: 'failure', gets: 'own error' },
  'never answers': { url: `${origin}/never`, options: { timeout: 100 }, outcome: 'failure', gets: 'ERR_CALL_TIMEOUT' },
  'slow body, settled by body': { url: `${origin}/slow-body`, options: { settleOn: 'body', timeout: 100 }, outcome: 'failure', gets: 'ERR_CALL_TIMEOUT' },
  'never answers, caller aborts': { url: `${origin}/never`, aborts: true, outcome: 'ignored', gets: 'abort' },
  503: { url: `${origin}/status?code=503`, outcome: 'failure', gets: 503 },
  '429 without Retry-After': { url: `${origin}/status?code=429`, outcome: 'ignored', gets: 429 },
  '429 with Retry-After': { url: `${origin}/status?code=429&retry-after=9`, outcome: 'failure', gets: 429, state: 'open' },
  404: { url: `${origin}/status?code=404`, outcome: 'success', gets: 404 },
  'redirect to a 503 elsewhere': { url: `${origin}/redirect?to=${encodeURIComponent(`${other.origin}/status?code=503`)}`, outcome: 'failure', gets: 503 },
  'redirect to a refused connection elsewhere': { url: `${origin}/redirect?to=${refused}`, outcome: 'failure', gets: 'error' }
}

const HTTP2_FAULTS = {
  none: { outcome: 'success', gets: 200 },
  503: { answer: (_, response) => response.writeHead(503).end(), outcome: 'failure', gets: 503 },
  'stream reset before headers': { answer: (_, response) => response.stream.close(2), outcome: 'failure', gets: 'error' },
  'session destroyed before headers': { answer: (_, response) => response.stream.session.destroy(), outcome: 'failure', gets: 'error' },
  'stream reset in body, settled by body': {
    answer(_, response) {
      response.writeHead(200)
      response.write('some')
      setTimeout(() => response.stream.close(2), 20)
    },
    options: { settleOn: 'body' },
    outcome: 'failure',
    gets: 'own error'
  },
  'never answers': { answer: () => {}, options: { timeout: 100 }, outcome: 'failure', gets: 'ERR_CALL_TIMEOUT' }
}

/** Rows of the table, those of one fault together. */
const seen = new Map()
const note = (fault, ...row) => seen.set(fault, [...(seen.get(fault) ?? []), [fault, ...row]])

async function meet(make, client, fault, { url, options, aborts, outcome, gets, state = 'closed' }) {
  const { get, registry, errors } = make({ failureThreshold: 3, ...options })
  // undici follows no redirects by itself: its user gets the 302, and a server that redirects lives.
  const staysHere = client.startsWith('undici request') && fault.startsWith('redirect')
  const expected = staysHere ? { outcome: 'success', gets: 302 } : { outcome, gets }
  const controller = new AbortController()
  const reason = new Error('the caller aborts')
  const { hits } = server
  const call = get(url, aborts ? { signal: controller.signal } : undefined).then((status) => status, (error) => error)
  if (aborts) {
    await until(() => server.hits > hits)
    controller.abort(reason)
  }
  const got = await call
  await until(() => outcomes(registry).inFlight === undefined)
  assert.deepEqual(outcomes(registry), { [expected.outcome]: 1 })
  assert.deepEqual([...registry.keys()], [new URL(url).origin], 'the key is the origin that was asked')
  const breaker = registry.get(new URL(url).origin)
  assert.equal(breaker.state, state)

  let told = String(got)
  if (typeof expected.gets === 'number') {
    assert.equal(got, expected.gets)
  } else {
    assert.ok(got instanceof Error, told)
    told = `${got.name}${got.code ? ` ${got.code}` : ''}`
    // A client's own error for it, which need not say why.
    const wraps = client === 'axios' || client === 'openai'
    const cause = { error: errors?.at(-1), abort: reason, ERR_CALL_TIMEOUT: undefined }[expected.gets]
    if (cause !== undefined && !wraps) assert.equal(got, cause)
    if (cause !== undefined && expected.gets === 'error' && wraps) assert.ok(stemsFrom(got, cause) || got.cause === cause.cause, 'the cause is lost')
    if (expected.gets === 'ERR_CALL_TIMEOUT') {
      let error = got
      while (error !== undefined && error.code !== 'ERR_CALL_TIMEOUT') error = error.cause
      if (!wraps) assert.equal(error, got)
      if (error !== undefined) told = error === got ? error.code : `${got.name} caused by ${error.code}`
    }
  }
  note(fault, client, expected.outcome, told)
}

for (const [client, make] of Object.entries(CLIENTS)) {
  describe(`through ${client}`, LIMIT, () => {
    for (const [fault, what] of Object.entries(FAULTS)) {
      it(`${fault} counts as it should`, () => meet(make, client, fault, what))
    }
    it('opens at the threshold of failures, and recovers', async () => {
      const flaky = await startServer()
      const { get, registry } = make({ failureThreshold: 3, recoveryTimeout: 100, successThreshold: 1 })
      flaky.answer = (_, response) => response.writeHead(503).end()
      for (let n = 0; n < 3; n++) assert.equal(await get(flaky.origin), 503)
      const { hits } = flaky
      const refusal = await get(flaky.origin).then(() => assert.fail('it was not refused'), (error) => error)
      assert.ok(['ERR_CIRCUIT_OPEN'].includes(refusal.code) || refusal.cause !== undefined, String(refusal))
      assert.equal(flaky.hits, hits)
      flaky.answer = undefined
      const breaker = registry.get(flaky.origin)
      await until(() => breaker.checkState() === 'half_open')
      assert.equal(await get(flaky.origin), 200)
      assert.equal(breaker.state, 'closed')
    })
  })
}

for (const [client, make] of Object.entries(HTTP2_CLIENTS)) {
  describe(`through ${client}`, LIMIT, () => {
    for (const [fault, { answer, ...what }] of Object.entries(HTTP2_FAULTS)) {
      it(`${fault} counts as it should`, () => {
        http2.answer = answer
        return meet(make, client, `HTTP/2: ${fault}`, { url: `${http2.origin}/`, ...what })
      })
    }
  })
}

after(() => {
  const rows = [...seen.values()].flat()
  const table = [['fault', 'client', 'counts as', 'the user gets'], ['---', '---', '---', '---'], ...rows].map((row) => `| ${row.join(' | ')} |\n`)
  mkdirSync(new URL('../../target', import.meta.url), { recursive: true })
  writeFileSync(new URL('../../target/fault-table.md', import.meta.url), table.join(''))
  console.log(`faults: ${rows.length} rows of what was seen, fault by client, in target/fault-table.md`)
})

describe('all of that', LIMIT, () => {
  it('leaves no socket behind at the server', async () => {
    // Connections that are kept alive are the clients' and go with them; hung ones were aborted.
    for (const { sockets } of [server, other]) {
      await until(() => [...sockets].every((socket) => socket._httpMessage == null), 'every response to be over')
    }
  })
  it('leaves no rejection unhandled', () => assert.deepEqual(unhandled, []))
})
