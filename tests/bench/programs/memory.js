// Prints, as JSON, what live idle breakers take in bytes each, what stays of them once they are dropped, and what it adds to
// make and drop as many once more. To be run with --expose-gc. It must not know budgets.
//   node --expose-gc memory.js '{ "count": 100000, "options": { "failureThreshold": 5 } }'

import { setTimeout } from 'node:timers/promises'
import { memoryInUse, watchWasmMemory } from '../wasm-memory.js'

const { count, options } = JSON.parse(process.argv[2])
const wasmBytes = watchWasmMemory()
const { CircuitBreaker } = await import('../../../pkg/index.js')

/** On the global object, where the optimising compiler can't see that nobody looks at it any more. */
globalThis.breakers = new Array(count).fill(null)

function fill() {
  for (let index = 0; index < count; index++) globalThis.breakers[index] = new CircuitBreaker(options)
}

async function drop() {
  globalThis.breakers.fill(null)
  // Finalizers run in tasks of their own after a collection, and their bookkeeping is collected by the next.
  for (let wait = 0; wait < 10; wait++) {
    globalThis.gc()
    await setTimeout(20)
  }
}

/** The first breaker brings the engine along; the collector settles down with the second round. */
globalThis.breakers[0] = new CircuitBreaker(options)
await drop()

const before = memoryInUse(wasmBytes)
fill()
const alive = memoryInUse(wasmBytes)
await drop()
const dropped = memoryInUse(wasmBytes)
fill()
await drop()
const droppedAgain = memoryInUse(wasmBytes)

const each = (bytes) => bytes / count
console.log(JSON.stringify({
  node: process.versions.node,
  heap: each(alive.heap - before.heap),
  wasm: each(alive.wasm - before.wasm),
  other: each(alive.other - before.other),
  heapLeft: each(dropped.heap - before.heap),
  wasmLeft: each(dropped.wasm - alive.wasm),
  heapLeftAgain: each(droppedAgain.heap - dropped.heap),
  wasmLeftAgain: each(droppedAgain.wasm - dropped.wasm),
}))
