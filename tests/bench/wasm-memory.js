// Gets hold of the Wasm memory of whatever is instantiated later, to see it grow: Node's own figures count it as external memory
// up to Node 24 and not at all in Node 26. It must not know the package, which keeps its memory to itself.

/** To be called before the first breaker is made. Gives a function that tells the bytes of all Wasm memories made since. */
export function watchWasmMemory() {
  const memories = new Set()
  const { Instance } = WebAssembly
  WebAssembly.Instance = class extends Instance {
    constructor(...args) {
      super(...args)
      for (const value of Object.values(this.exports)) if (value instanceof WebAssembly.Memory) memories.add(value)
    }
  }
  return () => [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0)
}

/**
 * The memory in use: the JavaScript heap, Wasm, and what else is outside the heap.
 *
 * @param {() => number} wasmBytes From {@link watchWasmMemory}.
 */
export function memoryInUse(wasmBytes) {
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  const wasm = wasmBytes()
  if (wasm === 0) throw new Error('Expected a Wasm memory to watch, found none')
  return { heap: heapUsed, wasm, other: external >= wasm ? external - wasm : external }
}
