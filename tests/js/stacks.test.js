// The caller's frames in the stack of what its function throws: they are there behind the breaker as they are without it, in every
// Node. It must not know how.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { nodes } from '../package/support.js'
import { ESM } from './support.js'

const exec = promisify(execFile)

/** Calls that end by themselves, through every way that may end a call early. */
const WAYS = {
  'call()': 'new CircuitBreaker().call(fails)',
  'call() with a timeout': 'new CircuitBreaker({ timeout: 10000 }).call(fails)',
  'call() of a breaker that measures latency': 'new CircuitBreaker({ latency: true }).call(fails)',
  'callWith() with a timeout': 'new CircuitBreaker().callWith({ timeout: 10000 }, fails)',
  'callWith() with a signal': 'new CircuitBreaker().callWith({ signal: new AbortController().signal }, fails)',
  'wrap() with a timeout': 'new CircuitBreaker({ timeout: 10000 }).wrap(fails)()',
  "a registry's callWith()": "new CircuitBreakerRegistry().callWith('key', { timeout: 10000 }, fails)"
}

const program = `
  import { CircuitBreaker, CircuitBreakerRegistry } from ${JSON.stringify(ESM)}
  Error.stackTraceLimit = 30
  async function fails() {
    await null
    throw new Error('down')
  }
  const stacks = {}
  ${Object.entries(WAYS).map(([what, call]) => `
    {
      async function handlerOfTheCaller() { await ${call} }
      async function routerOfTheCaller() { await handlerOfTheCaller() }
      await routerOfTheCaller().catch(({ stack }) => (stacks[${JSON.stringify(what)}] = stack))
    }`).join('')}
  console.log(JSON.stringify(stacks))`

for (const [major, binary] of Object.entries(nodes)) {
  describe(`in Node ${major} the stack of an error shows who called`, () => {
    const stacks = exec(binary, ['--input-type=module', '--eval', program]).then(({ stdout }) => JSON.parse(stdout))
    for (const what of Object.keys(WAYS)) {
      it(`through ${what}`, async () => {
        const names = [...(await stacks)[what].matchAll(/at (?:async )?(fails|handlerOfTheCaller|routerOfTheCaller)\b/g)].map(([, name]) => name)
        assert.deepEqual(names, ['fails', 'handlerOfTheCaller', 'routerOfTheCaller'])
      })
    }
  })
}
