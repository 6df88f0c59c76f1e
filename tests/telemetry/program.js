// A program: a service that guards what falls ill, with an SDK of OpenTelemetry that exports by OTLP; prints what its load generator counted at each export. It
// must not know what is expected, nor read a breaker's own counts.
//   node program.js <major version of the SDK> <json|protobuf> <url of the collector>

import { CircuitBreakerRegistry, ManualClock } from '../../pkg/index.js'
import { instrument } from '../../pkg/otel.js'
import { sdk } from './sdk.js'

const [, , major, format, url] = process.argv
const { metrics, exporters } = sdk(major)
const Exporter = exporters[format]()
const reader = new metrics.PeriodicExportingMetricReader({ exporter: new Exporter({ url }), exportIntervalMillis: 3_600_000 })
const provider = new metrics.MeterProvider({ readers: [reader] })

const clock = new ManualClock()
/** By outcome, of all keys; and by key and outcome. */
const counted = {}
const byKey = {}
const durations = {}
const count = (key, outcome) => {
  counted[outcome] = (counted[outcome] ?? 0) + 1
  byKey[`${key} ${outcome}`] = (byKey[`${key} ${outcome}`] ?? 0) + 1
  return outcome
}

const makeRegistry = () => new CircuitBreakerRegistry({
  failureThreshold: 3, recoveryTimeout: 1000, successThreshold: 1, maxConcurrent: 4, maxBreakers: 5, latency: true, clock,
  classify: (error) => (error?.message === 'not theirs' ? 'ignored' : undefined)
})
let registry = makeRegistry()
instrument(provider.getMeter('program'), () => registry, { duration: true, maxNames: 12 })

const refusals = { open: 'refused_open', half_open: 'refused_half_open' }
/** Calls through the breaker of a key, and counts what came of it, as the caller sees it. */
async function call(key, fn, { isStale = false, ...options } = {}) {
  const outcome = await registry.callWith(key, options, fn).then(() => 'success', (error) => {
    if (error.code === 'ERR_BULKHEAD_FULL') return 'refused_bulkhead'
    if (error.code === 'ERR_CIRCUIT_OPEN') return error.retryAfter === Infinity ? 'refused_isolated' : refusals[error.state]
    return error.code === 'ERR_CALL_TIMEOUT' ? 'timeout' : error.message === 'not theirs' ? 'ignored' : 'failure'
  })
  const isTimed = ['success', 'failure', 'timeout'].includes(outcome)
  if (isTimed) durations[outcome] = (durations[outcome] ?? 0) + 1
  return count(key, isStale ? 'stale' : outcome)
}
const takes = (ms, message) => async () => {
  clock.advance(ms)
  if (message !== undefined) throw new Error(message)
}
const held = () => {
  let end
  const over = new Promise((resolve) => (end = resolve))
  return { fn: () => over, end }
}

const exports = []
async function tell() {
  await provider.forceFlush()
  exports.push({ counted: { ...counted }, byKey: { ...byKey }, durations: { ...durations }, sizes: registry.size })
}

// All is well.
for (let n = 0; n < 20; n++) for (const key of ['users', 'orders']) await call(key, takes(3))
await call('users', takes(1, 'not theirs'))
await tell()

// An outage of one of them: it opens, refuses, is tested in vain, and one result comes late.
const late = held()
const stale = call('users', late.fn, { isStale: true })
for (let n = 0; n < 5; n++) await call('users', takes(40, 'down'))
late.end()
await stale
for (let n = 0; n < 100; n++) await call('users', takes(3))
clock.advance(1000)
await call('users', takes(900, 'down'))
for (let n = 0; n < 10; n++) await call('users', takes(3))
clock.advance(1000)
const test = held()
const testing = call('users', test.fn)
for (let n = 0; n < 7; n++) await call('users', takes(3))
test.end()
await testing
await call('orders', () => new Promise(() => {}), { timeout: 5 })
const full = Array.from({ length: 4 }, held)
const calls = full.map(({ fn }) => call('orders', fn))
for (let n = 0; n < 3; n++) await call('orders', takes(3))
for (const { end } of full) end()
await Promise.all(calls)
registry.get('orders').isolate()
for (let n = 0; n < 6; n++) await call('orders', takes(3))
registry.get('orders').release()
registry.get('orders').reset()
await tell()

// More keys than there is room for, some of them back: breakers are evicted, between two exports and in the midst.
for (let turn = 0; turn < 6; turn++) {
  for (let n = 0; n < 8; n++) await call(`key ${turn} ${n}`, takes(2, n === 0 ? 'down' : undefined))
  for (let n = 0; n < 3; n++) await call('users', takes(2))
  if (turn % 2 === 0) await tell()
}
await tell()

// A registry of its own, as after a reload; what the one before had counted stays counted.
registry = makeRegistry()
// From the next collection on it is listened to for how long calls take.
await tell()
for (let n = 0; n < 9; n++) await call('users', takes(3))
await tell()
await provider.shutdown()
console.log(JSON.stringify(exports))
