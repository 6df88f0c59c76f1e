// Random requests, as clients put them together: whatever they are made of, a guard has the server see the same, and gives the same. It must
// not know which of them are wrong.

import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { guardFetch } from '../../pkg/fetch.js'
import { lives } from '../js/support.js'
import { describeWhole, outcome } from './describe.js'
import { startServer } from './server.js'

const server = await startServer()
after(() => server.stop())

/** What guards are made with: mostly together. */
const OPTIONS = fc.record(
  { timeout: fc.constantFrom(30_000, 60_000), settleOn: fc.constantFrom('headers', 'body'), onRefused: fc.constantFrom('throw', 'respond'), maxConcurrent: fc.constant(100) },
  { requiredKeys: [] }
)

/** Bodies as functions, since each can be sent once. */
const BODY = fc.constantFrom(
  ...Object.entries({
    undefined: () => undefined, null: () => null, text: () => 'text', empty: () => '', buffer: () => new Uint8Array([1, 2, 3]), blob: () => new Blob(['blob'], { type: 'a/b' }),
    params: () => new URLSearchParams({ a: '1' }),
    stream: () => new ReadableStream({ start: (one) => (one.enqueue(new TextEncoder().encode('piece')), one.close()) }),
    object: () => ({})
  }).map(([name, make]) => Object.assign(make, { [fc.toStringMethod]: () => name }))
)

const INIT = fc.record(
  {
    method: fc.constantFrom('GET', 'post', 'PUT', 'HEAD', 'DELETE', 'patch', 'CONNECT', 'a b', 5),
    headers: fc.constantFrom({}, { 'x-own': '1' }, [['X-Own', 'a'], ['x-own', 'b']], { 'x-own': 'a\nb' }, { authorization: 'secret' }, null),
    body: BODY, duplex: fc.constantFrom('half', undefined),
    mode: fc.constantFrom('cors', 'no-cors', 'same-origin', 'navigate', undefined), credentials: fc.constantFrom('omit', 'include', 'none'),
    cache: fc.constantFrom('default', 'no-store', 'only-if-cached'), redirect: fc.constantFrom('follow', 'error', 'manual'),
    referrer: fc.constantFrom('', 'about:client', `${server.origin}/from`, undefined), referrerPolicy: fc.constantFrom('', 'no-referrer', 'origin', 'unsafe-url', undefined),
    integrity: fc.constantFrom('', `sha256-${'A'.repeat(43)}=`), keepalive: fc.boolean(), window: fc.constantFrom(null, undefined),
    signal: fc.constantFrom('none', null, 'aborted', 'waiting', 'wrong', undefined), own: fc.constant(1)
  },
  { requiredKeys: [] }
)

const SIGNALS = { none: () => undefined, aborted: () => AbortSignal.abort(new Error('mine')), waiting: () => new AbortController().signal, wrong: () => ({}) }
const made = ({ ...init }) => {
  if ('body' in init) init.body = init.body?.()
  if (typeof init.signal === 'string') init.signal = SIGNALS[init.signal]()
  return init
}

/** Requests by what they are made of: a URL, a Request, a Request that was made of another, each with an init or without. */
const PATH = fc.constantFrom('/text', '/echo', '/empty', '/empty-chunked', '/pieces', '/redirect?to=echo', '/redirect?code=307&to=echo', '/gzip', '/status?code=204&empty', '/status?code=503')
const REQUEST = fc.record({ path: PATH, kind: fc.constantFrom('text', 'URL', 'Request', 'Request of a Request', 'Request as an init'), first: INIT, second: fc.option(INIT, { nil: undefined }) })

/** What `fetch` is called with; an error where no Request can be made of it. */
function argsOf({ kind, first, second }, url) {
  const init = second === undefined ? [] : [made(second)]
  if (kind === 'text') return [url, ...init]
  if (kind === 'URL') return [new URL(url), ...init]
  const request = new Request(url, made(first))
  if (kind === 'Request') return [request, ...init]
  return kind === 'Request as an init' ? [url, request] : [new Request(request), ...init]
}

let runs = 0
async function seenWith(fetch, request) {
  const run = `run${runs++}x`
  let args
  try {
    args = argsOf(request, `${server.origin}/${run}${request.path}`)
  } catch {
    return undefined
  }
  const came = await outcome(fetch(...args), describeWhole)
  const seen = server.seen(run).map(({ isLeft, ...rest }) => rest)
  return JSON.stringify({ came, seen }).replaceAll(run, 'run')
}

describe('plain fetch and a guard', () => {
  it('agree on random requests', { timeout: 300_000 }, async () => {
    let sent = 0
    await fc.assert(
      fc.asyncProperty(REQUEST, OPTIONS, async (request, options) => {
        const plain = await seenWith(fetch, request)
        if (plain?.includes('"status":')) sent++
        assert.deepEqual(await seenWith(guardFetch({ failureThreshold: 1e6, ...options }), request), plain)
      }),
      lives(1500)
    )
    assert.ok(sent > 150, `${sent} had an answer`)
  })
})
