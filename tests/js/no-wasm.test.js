// `halfopen/no-wasm` where there is no Wasm: under --jitless, and in a realm that may compile none. It must not know what breakers do: that the
// other tests of this folder hold for it too is what the layer `entries` is for.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { run } from './support.js'

const PROGRAM = `
  const { CircuitBreaker, ManualClock, classifyResponse, guardFetch } = await load()
  const clock = new ManualClock()
  const down = new Error('down')
  const sleep = async (ms) => { clock.advance(ms) }
  let isWell = false
  const breaker = new CircuitBreaker({ clock, sleep, failureThreshold: 2, recoveryTimeout: 100, successThreshold: 1, probe: async () => { if (!isWell) { isWell = true; throw down } } })
  const heard = []
  breaker.addEventListener('statechange', ({ detail: { from, to, reason } }) => heard.push([from, to, reason].join()))
  for (let n = 0; n < 3; n++) await breaker.call(async () => { throw down }).catch(({ code, message }) => heard.push(code ?? message))
  // The default timer of a probe keeps no process alive, nor does this one.
  const alive = setTimeout(() => {}, 60_000)
  await breaker.whenClosed()
  clearTimeout(alive)
  const headers = new Map([['retry-after', 'Wed, 21 Oct 2026 07:28:07 GMT'], ['date', 'Wed, 21 Oct 2026 07:28:00 GMT']])
  const { outcome, retryAfter } = classifyResponse()(undefined, { status: 503, headers })
  const again = new CircuitBreaker({ clock, failureThreshold: 2, snapshot: JSON.parse(JSON.stringify(breaker)) })
  const guarded = guardFetch({ fetch: async () => ({ status: 200, headers: new Map(), ok: true, body: null }) })
  console.log(JSON.stringify({ heard, judged: [outcome, retryAfter], calls: again.metrics.totalCalls, status: (await guarded('http://a.example/')).status }))`

const ANSWER = {
  heard: [
    'down', 'closed,open,failure_threshold', 'down', 'open,half_open,recovery_due', 'ERR_CIRCUIT_OPEN', 'half_open,open,test_failed', 'open,half_open,recovery_due',
    'half_open,closed,recovered'
  ],
  judged: ['failure', 7000],
  calls: 5,
  status: 200
}

describe('a breaker of halfopen/no-wasm', () => {
  for (const [format, load] of [['module', "() => import(new URL('./no-wasm.js', ESM))"], ['CommonJS', "async () => (await import('node:module')).createRequire(ESM)('./no-wasm.cjs')"]]) {
    it(`opens, probes, recovers, judges and is carried on, with neither Wasm nor a compiler: ${format}`, async () => {
      const { stdout } = await run(`const load = ${load}\n${PROGRAM}`, '--jitless')
      assert.deepEqual(JSON.parse(stdout), ANSWER)
    })
  }

  it('does so where code that is made of texts and Wasm are forbidden', async () => {
    const { stdout } = await run(`delete globalThis.WebAssembly\nconst load = () => import(new URL('./no-wasm.js', ESM))\n${PROGRAM}`, '--disallow-code-generation-from-strings')
    assert.deepEqual(JSON.parse(stdout), ANSWER)
  })
})

describe('the file of halfopen/no-wasm', () => {
  const text = readFileSync(new URL('../../pkg/no-wasm.js', import.meta.url), 'utf8')

  it('names no Wasm, and nothing that engines without a compiler lack', () => {
    for (const word of ['WebAssembly.', 'BigInt', 'import.meta', 'Atomics', 'eval(', 'new Function']) assert.ok(!text.includes(word), word)
    assert.doesNotMatch(text, /\b\d+n\b/)
  })

  it('has lines that can be shown where an error is', () => {
    assert.ok(Math.max(...text.split('\n').map(({ length }) => length)) < 1000)
  })
})
