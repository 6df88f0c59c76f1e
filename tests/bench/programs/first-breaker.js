// Prints the ms that the import of the package and its first breaker take in this fresh process. It must not know budgets.

const start = performance.now()
const { CircuitBreaker } = await import('../../../pkg/index.js')
new CircuitBreaker()
console.log(performance.now() - start)
