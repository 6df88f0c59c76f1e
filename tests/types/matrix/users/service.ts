// A service as its author writes it: every class, function, option and event of the package, with no type written down that TypeScript can find
// by itself. So the declarations that are made of this file have to name the package's types. It names nothing of a host.

import {
  BulkheadFullError, CallTimeoutError, CircuitBreaker, CircuitBreakerMetrics, CircuitBreakerRegistry, CircuitOpenError, ManualClock, classifyResponse,
  findRefusal, isBulkheadFullError, isCallTimeoutError, isCircuitOpenError
} from 'halfopen'
import type { CallPermit, CircuitBreakerEventMap, CircuitBreakerOptions, RegistryEvent } from 'halfopen'
import { dashboard } from 'halfopen/dashboard'
import type { Act, Dashboard } from 'halfopen/dashboard'
import { guardFetch } from 'halfopen/fetch'
import { init, initSync } from 'halfopen/slim'
import { CircuitBreaker as WithoutWasm } from 'halfopen/no-wasm'
import { fleet, ioredis, memoryStore, nodeRedis, portStore, redisStore, tabStore } from 'halfopen/fleet'
import type { Fleet, FleetStore, IORedisClient, NodeRedisClient } from 'halfopen/fleet'
import { instrument } from 'halfopen/otel'
import type { MeterLike } from 'halfopen/otel'
import { definePanel } from 'halfopen/panel'
import type { PanelOptions } from 'halfopen/panel'
import { collect, contentType, metricsText } from 'halfopen/prometheus'
import type { PromClientLike } from 'halfopen/prometheus'
import { guardDispatch } from 'halfopen/undici'
import type { GuardedDispatch } from 'halfopen/undici'

interface User {
  id: number
  name: string
}
const load = async (id: number): Promise<User> => ({ id, name: 'x' })

export const clock = new ManualClock(5).advance(5).set(0)
export const time = clock.now()

// Settings of a deployment, which may be left out there and are undefined here.
export const settings: { threshold?: number | undefined; name?: string | undefined } = {}
export const breaker = new CircuitBreaker({
  name: settings.name,
  failureThreshold: settings.threshold,
  window: { type: 'time', duration: 10_000, buckets: undefined },
  failureRate: 0.5,
  minimumCalls: undefined,
  slowCallDuration: undefined,
  slowCallRate: undefined,
  recoveryTimeout: undefined,
  recoveryBackoff: { factor: 2, max: undefined, jitter: undefined },
  maxRetryAfter: undefined,
  successThreshold: undefined,
  halfOpenCalls: undefined,
  halfOpenMaxConcurrent: undefined,
  halfOpenTimeout: undefined,
  timeout: undefined,
  maxConcurrent: undefined,
  classify: (error, value) => (value === undefined ? { outcome: 'failure', retryAfter: undefined, trip: undefined, cause: error } : undefined),
  fallback: undefined,
  fallbackOn: undefined,
  probe: undefined,
  sleep: undefined,
  clock: { now: () => 0, timeOrigin: undefined },
  random: undefined,
  latency: undefined,
  snapshot: undefined,
  stackTrace: undefined
})
export const options: CircuitBreakerOptions = { failureThreshold: settings.threshold }
export const byMillisecond = new CircuitBreaker({ clock: Date })

// ── Calls ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const loaded = breaker.call(load, 42)
export const loadedUser: Promise<User> = loaded
export const loadedWith = breaker.callWith({ timeout: 5, signal: undefined }, (id, { signal }) => [id, signal.aborted, signal] as const, 42)
export const orNothing = breaker.callWith({ fallback: () => null }, load, 42)
export const orNothingUser: Promise<User | null> = orNothing
// @ts-expect-error the fallback may have answered
export const withoutNothing: Promise<User> = orNothing
export const orOther = breaker.callWith({ fallback: async () => ({ id: 0 }), timeout: undefined }, load, 42).then(({ id }) => id)
export const untold: Promise<User> = breaker.callWith({ fallback: (_id, error) => error }, load, 42)
export const guarded = breaker.wrap(load)
export const guardedWith = breaker.wrapWith({ fallback: () => 'none' as const }, load)
export const guardedAnswer: Promise<User | 'none'> = guardedWith(42)
export const atOnce = breaker.callSync((path: string) => path.length, 'app.json')
export const permit = breaker.acquire()
permit.success()
permit.failure(new Error('down'))
permit.ignore()
export const settled = permit.settled
export const giveBack = (permit: CallPermit) => permit.ignore()
export const whenClosed = breaker.whenClosed({ signal: undefined })

// ── Reading and switching by hand ────────────────────────────────────────────────────────────────────────────────────────────────

export const { state, mode, name, failureCount, successCount, lastFailureTime, failureThreshold, recoveryTimeout, successThreshold } = breaker
export const checked = breaker.checkState()
export const why = breaker.explain()
export const glance = breaker.getSummary()
export const snapshot = breaker.toJSON()
export const restored = new CircuitBreaker({ snapshot })
export const metrics = breaker.metrics
export const { totalCalls, successfulCalls, failedCalls, timedOutCalls, ignoredCalls, rejectedCalls, wouldRejectCalls, staleCalls, inFlight, successRate } = metrics
export const latency = metrics.latency
export const changes = metrics.stateChanges
export const summary = metrics.summary()
export const report = metrics.toJSON()
export const counts: readonly number[] = [
  report.totalCalls, report.successfulCalls, report.failedCalls, report.timedOutCalls, report.ignoredCalls, report.rejectedCalls, report.wouldRejectCalls,
  report.staleCalls, report.inFlight, report.successRate
]
// @ts-expect-error no such count
report.total
export const shown = (all: CircuitBreakerMetrics) => all.toJSON()
export const upkeep = () => {
  breaker.failureThreshold = 3
  breaker.recordSuccess()
  breaker.recordFailure()
  breaker.trip({ for: undefined })
  breaker.reset()
  breaker.isolate()
  breaker.release()
  breaker.disable()
  breaker.observe()
  breaker.enable()
}

// ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const told: string[] = []
breaker.addEventListener('statechange', ({ detail }) => told.push(detail.from, detail.to, detail.reason, detail.at.toFixed()))
breaker.addEventListener('success', ({ detail }) => told.push(detail.elapsed.toFixed()))
breaker.addEventListener('failure', ({ detail }) => told.push(detail.elapsed.toFixed(), String(detail.error)))
breaker.addEventListener('ignored', ({ detail }) => told.push(String(detail.error)))
breaker.addEventListener('timeout', ({ detail }) => told.push(String(detail.error)))
breaker.addEventListener('reject', ({ detail }) => told.push(detail.error.code, detail.error.retryAfter.toFixed()))
breaker.addEventListener('fallback', ({ detail }) => told.push(String(detail.error)), { once: true, capture: undefined, passive: undefined, signal: undefined })
breaker.addEventListener('statechange', { handleEvent: (event) => told.push(event.detail.to) })
breaker.addEventListener('of a subclass', (event) => told.push(event.type))
// @ts-expect-error the detail has no such thing
breaker.addEventListener('statechange', ({ detail }) => detail.when)
// @ts-expect-error there is no such detail of a success
breaker.addEventListener('success', ({ detail }) => detail.reason)
export const onState = ({ detail }: CircuitBreakerEventMap['statechange']) => detail.to
breaker.addEventListener('statechange', onState, true)
breaker.removeEventListener('statechange', onState, true)
breaker.removeEventListener('statechange', null)

// ── Errors ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const describe = (error: unknown) => {
  if (isCircuitOpenError(error)) return { code: error.code, breaker: error.breaker, state: error.state, retryAfter: error.retryAfter, cause: error.cause, error }
  if (isBulkheadFullError(error)) return { code: error.code, state: error.state, retryAfter: error.retryAfter }
  if (isCallTimeoutError(error)) return { code: error.code, timeout: error.timeout, message: error.message }
  return undefined
}
export const made = [
  new CircuitOpenError('open', { breaker: undefined, state: undefined, retryAfter: undefined, cause: undefined }),
  new BulkheadFullError('full', { state: 'closed' }),
  new CallTimeoutError('late', { breaker: undefined, timeout: undefined })
]
export const asError: Error[] = made
export const refusal = findRefusal(new Error('of a client'))
export const wait = refusal?.retryAfter

// ── Many breakers ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const registry = new CircuitBreakerRegistry({ failureThreshold: 3, maxBreakers: undefined, configure: (key) => (key.startsWith('x') ? { name: key } : undefined) })
export const ofKey = registry.get('users')
export const keyed = registry.call('users', load, 42)
export const keyedWith = registry.callWith('users', { timeout: 5 }, (id, { signal }) => [id, signal] as const, 42)
export const keyedOr = registry.callWith('users', { fallback: () => undefined }, load, 42)
export const keyedOrUser: Promise<User | undefined> = keyedOr
export const { size } = registry
export const known = [registry.has('users'), registry.delete('users')]
export const states = registry.status()
export const all = registry.summary()
export const pairs = [...registry]
export const keys = [...registry.keys()]
export const breakers = [...registry.values()]
registry.addEventListener('statechange', ({ detail }) => told.push(detail.key, detail.to, detail.breaker.state))
registry.addEventListener('reject', ({ detail }) => told.push(detail.key, detail.error.code))
export const onKey = ({ detail }: RegistryEvent<'statechange', string>) => detail.key.length
registry.addEventListener('statechange', onKey)
registry.removeEventListener('statechange', onKey)

export const byNumber = new CircuitBreakerRegistry({ configure: (tenant: number) => ({ name: tenant.toFixed() }) })
export const ofTenant = byNumber.get(5)
byNumber.addEventListener('failure', ({ detail }) => told.push(detail.key.toFixed(), detail.elapsed.toFixed()))
// @ts-expect-error a key of another type
byNumber.get('5')
// @ts-expect-error nor does `configure` get one
export const wrongKey = new CircuitBreakerRegistry<string>({ configure: (key: number) => ({ name: key.toFixed() }) })

// ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const judge = classifyResponse({ failOn: [500], rateLimit: undefined })
export const verdict = judge(undefined, { status: 503, headers: { get: () => null } })
export const get = guardFetch({
  failureThreshold: settings.threshold,
  maxBreakers: undefined,
  configure: (origin) => ({ name: origin }),
  fetch: undefined,
  failOn: (response) => response.status > 499,
  key: (request) => request.url.origin + request.method,
  retryAfter: { max: undefined },
  settleOn: undefined,
  onRefused: 'respond',
  fallback: undefined
})
export const ofOrigin = get.registry.get('https://example.org')
const keyOf = ({ url, method, options }: GuardedDispatch): string => url.origin + method + options.path
export const interceptor = guardDispatch({ key: keyOf, onRefused: undefined })
export const ofDispatch = interceptor.registry.get('https://example.org')

// The Wasm as the author brings it.
export const ready = init('/assets/slim.wasm').then(() => init(Promise.resolve(new ArrayBuffer(8))))
initSync(new Uint8Array(8))
export const withoutWasm = new WithoutWasm({ failureThreshold: 3 })

declare const meter: MeterLike
export const stopTelling = instrument(meter, [breaker, registry, () => breaker], { maxNames: undefined, label: (name, key) => name ?? `${key}`, duration: true, trace: undefined })
instrument(meter, () => [breaker, registry])
export const page = { type: contentType, text: metricsText([registry, breaker], { labels: 'otel', maxNames: 10 }) }
declare const client: PromClientLike
export const stopCollecting = collect({ client, register: undefined, registries: registry, label: undefined })

const acts: Act[] = []
export const live: Dashboard = dashboard({
  registries: { main: registry, others: [breaker, () => [breaker, registry]] }, authorize: async ({ headers }) => headers.cookie === 'key=1', control: { authorize: (_, act) => acts.push(act) > 0 },
  feeds: { other: async (path) => path }, maxViewers: undefined, label: (name, key) => name ?? `${key}`
})
export const answered: Promise<unknown> = live.fetch(0)
dashboard({ registries: breaker })
dashboard({ registries: [registry, breaker] })
// @ts-expect-error nothing is shown of a number
dashboard({ registries: 7 })
// @ts-expect-error whoever acts has to be let
dashboard({ registries: registry, control: {} })
const folded: PanelOptions = { open: undefined, name: 'my-panel' }
export const Panel = definePanel(() => registry, folded)

// Processes that share one verdict, over clients that the author has.
declare const nodeRedisClient: NodeRedisClient
declare const ioredisClient: IORedisClient
const stores: FleetStore[] = [
  redisStore(nodeRedis(nodeRedisClient), { shards: undefined }), redisStore(ioredis(ioredisClient), { shards: 16 }), memoryStore(), portStore({}), tabStore(),
]
export const shared: Fleet = fleet({ store: stores[0]!, namespace: 'shop', quorum: undefined })
shared.join(registry)
shared.addEventListener('verdict', () => {})
export const seenBy = shared.status()
