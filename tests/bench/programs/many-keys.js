// Prints, as JSON, by how many bytes memory grew over calls with ever new keys through a registry that keeps a thousand breakers.
// To be run with --expose-gc. It must not know budgets.
//   node --expose-gc many-keys.js '{ "keys": 1000000 }'

import { setTimeout } from 'node:timers/promises'
import { memoryInUse, watchWasmMemory } from '../wasm-memory.js'

const { keys } = JSON.parse(process.argv[2])
const wasmBytes = watchWasmMemory()
const { CircuitBreakerRegistry } = await import('../../../pkg/index.js')

const registry = new CircuitBreakerRegistry({ maxBreakers: 1000 })
const up = async () => 1
let next = 0

async function call(count) {
  for (const end = next + count; next < end; next++) {
    await registry.call(`key ${next}`, up)
    // Finalizers run in tasks of their own, which a loop of awaits alone keeps waiting.
    if (next % 1000 === 0) await setTimeout()
  }
}

async function settled() {
  for (let wait = 0; wait < 5; wait++) {
    globalThis.gc()
    await setTimeout(20)
  }
  return memoryInUse(wasmBytes)
}

await call(keys / 20)
const before = await settled()
const start = performance.now()
await call(keys)
const each = ((performance.now() - start) * 1e6) / keys
const after = await settled()
if (registry.size !== 1000) throw new Error(`Expected 1000 breakers kept, got ${registry.size}`)
console.log(JSON.stringify({ heap: after.heap - before.heap, wasm: after.wasm - before.wasm, other: after.other - before.other, each }))
