// The package as a page without a bundler imports it: by the path of the installed file.
export { guardFetch } from '/node_modules/halfopen/fetch.js'
export { CircuitBreaker, ManualClock } from '/node_modules/halfopen/index.js'
