// Prints, as JSON, the ms that the import of the package and its first breaker take in this fresh process: by the clock on the wall, and in
// CPU time of all its threads. It must not know budgets.

const used = process.cpuUsage()
const start = performance.now()
const { CircuitBreaker } = await import('../../../pkg/index.js')
new CircuitBreaker()
const wall = performance.now() - start
const { user, system } = process.cpuUsage(used)
console.log(JSON.stringify({ wall, cpu: (user + system) / 1000 }))
