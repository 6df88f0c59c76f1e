// Prints, as JSON, by how many bytes memory grew over the calls of a long life: successes, and in every thousand of them a
// failing dependency, an open circuit and a recovery. To be run with --expose-gc. It must not know budgets.
//   node --expose-gc long-life.js '{ "calls": 10000000 }'

import { memoryInUse, watchWasmMemory } from '../wasm-memory.js'

const { calls } = JSON.parse(process.argv[2])
const wasmBytes = watchWasmMemory()
const { CircuitBreaker, ManualClock } = await import('../../../pkg/index.js')

const clock = new ManualClock()
const breaker = new CircuitBreaker({ clock })
const DOWN = new Error('down')
const up = async () => 1
const down = async () => {
  throw DOWN
}

async function thousand() {
  for (let failure = 0; failure < 5; failure++) await breaker.call(down).catch(() => {})
  if (breaker.state !== 'open') throw new Error(`Expected an open circuit after 5 failures, got ${breaker.state}`)
  for (let refusal = 0; refusal < 10; refusal++) await breaker.call(up).catch(() => {})
  clock.advance(60_000)
  for (let success = 0; success < 985; success++) await breaker.call(up)
}

async function live(count) {
  for (let done = 0; done < count; done += 1000) await thousand()
}

await live(calls / 20)
const before = memoryInUse(wasmBytes)
await live(calls)
const after = memoryInUse(wasmBytes)
if (breaker.metrics.totalCalls < calls) throw new Error(`Expected ${calls} calls counted, got ${breaker.metrics.totalCalls}`)
console.log(JSON.stringify({ heap: after.heap - before.heap, wasm: after.wasm - before.wasm, other: after.other - before.other }))
