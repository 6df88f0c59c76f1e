// What users write, as TypeScript should take it and, below each `@ts-expect-error`, refuse it. Compiled, never run; tests/js runs the
// behaviour. It must not know the declarations by any other name than the package's.

import { CircuitBreaker, CircuitBreakerMetrics, CircuitOpenError, isCircuitOpenError, ManualClock } from 'halfopen'
import type { RegistryMetrics, RegistryReport, Rejections } from 'halfopen'

/** Whether two types are the same, `any` being the same as nothing but itself. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Compiles if the type is `true`. */
declare function check<T extends true>(): T
type State = 'closed' | 'open' | 'half_open'
interface User {
  id: number
  name: string
}
declare function fetchUser(id: number, options?: { deep: boolean }): Promise<User>
declare function readConfig(path: string): { port: number }

// ── The constructor and its options ──────────────────────────────────────────────────────────────────────────────────────────────

const breaker = new CircuitBreaker()
new CircuitBreaker({})
new CircuitBreaker(undefined)
new CircuitBreaker({
  name: 'users',
  failureThreshold: 5,
  recoveryTimeout: 60_000,
  successThreshold: 2,
  halfOpenCalls: 3,
  halfOpenMaxConcurrent: 1,
  halfOpenTimeout: 10_000,
  clock: Date,
  stackTrace: true
})
new CircuitBreaker({ clock: performance })
new CircuitBreaker({ clock: new ManualClock() })
new CircuitBreaker({ clock: { now: () => 0 } })
const frozen = Object.freeze({ failureThreshold: 3, name: 'frozen' } as const)
new CircuitBreaker(frozen)
type Options = NonNullable<ConstructorParameters<typeof CircuitBreaker>[0]>
const options: Options = { failureThreshold: 1 }
new CircuitBreaker(options)

// @ts-expect-error a threshold is a number
new CircuitBreaker({ failureThreshold: '5' })
// @ts-expect-error nor a bigint
new CircuitBreaker({ failureThreshold: 5n })
// @ts-expect-error null is no default
new CircuitBreaker({ recoveryTimeout: null })
// @ts-expect-error a misspelt option
new CircuitBreaker({ failureTreshold: 5 })
// @ts-expect-error an option of the documents' Python
new CircuitBreaker({ failure_threshold: 5 })
// @ts-expect-error a clock is an object with now()
new CircuitBreaker({ clock: () => Date.now() })
// @ts-expect-error that tells a number
new CircuitBreaker({ clock: { now: () => new Date() } })
// @ts-expect-error a name is a string
new CircuitBreaker({ name: 5 })
// @ts-expect-error a flag is a boolean
new CircuitBreaker({ stackTrace: 'yes' })
// @ts-expect-error options are an object
new CircuitBreaker(5)
// @ts-expect-error null is not one
new CircuitBreaker(null)
// @ts-expect-error a breaker is made with new
CircuitBreaker()

// ── Reading and writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────

check<Same<typeof breaker.state, State>>()
check<Same<ReturnType<typeof breaker.checkState>, State>>()
check<Same<typeof breaker.name, string | undefined>>()
check<Same<typeof breaker.failureCount, number>>()
check<Same<typeof breaker.successCount, number>>()
check<Same<typeof breaker.lastFailureTime, number | null>>()
check<Same<typeof breaker.failureThreshold, number>>()
breaker.failureThreshold = 3
breaker.recoveryTimeout = 0.5
breaker.successThreshold = 1
// @ts-expect-error a threshold is a number
breaker.failureThreshold = '3'
// @ts-expect-error the state is read only
breaker.state = 'open'
// @ts-expect-error so is the count
breaker.failureCount = 0
// @ts-expect-error so is the name
breaker.name = 'other'
// @ts-expect-error a state that there is not
if (breaker.state === 'half-open') breaker.reset()

breaker.recordSuccess()
breaker.recordFailure()
breaker.recordFailure(new Error('down'))
breaker.recordFailure('anything')
breaker.trip()
breaker.trip({ for: 1_800_000 })
breaker.trip({})
// @ts-expect-error
breaker.trip({ until: 5 })
// @ts-expect-error
breaker.trip(5)
breaker.reset()

// ── call() ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const user = breaker.call(fetchUser, 42)
check<Same<typeof user, Promise<User>>>()
const deepUser = breaker.call(fetchUser, 42, { deep: true })
check<Same<typeof deepUser, Promise<User>>>()
const closure = breaker.call(() => fetchUser(42))
check<Same<typeof closure, Promise<User>>>()
const asynchronous = breaker.call(async (n: number) => `${n}`, 1)
check<Same<typeof asynchronous, Promise<string>>>()
const plain = breaker.call((a: number, b: number) => a + b, 1, 2)
check<Same<typeof plain, Promise<number>>>()
const nothing = breaker.call(() => {})
check<Same<typeof nothing, Promise<void>>>()
const either = breaker.call((): string | Promise<number> => 'x')
check<Same<typeof either, Promise<string | number>>>()
const nested = breaker.call(async () => Promise.resolve(Promise.resolve(true)))
check<Same<typeof nested, Promise<boolean>>>()
const never = breaker.call(() => {
  throw new Error('always')
})
check<Same<typeof never, Promise<never>>>()
const literal = breaker.call((kind: 'a' | 'b') => kind, 'a')
check<Same<typeof literal, Promise<'a' | 'b'>>>()
const spread = breaker.call((...all: string[]) => all.length, 'a', 'b', 'c')
check<Same<typeof spread, Promise<number>>>()
const response = breaker.call(fetch, 'https://example.org', { method: 'POST' })
check<Same<typeof response, Promise<Response>>>()
const thenable = breaker.call((): PromiseLike<User> => fetchUser(1))
check<Same<typeof thenable, Promise<User>>>()

// @ts-expect-error an argument of another type
breaker.call(fetchUser, '42')
// @ts-expect-error an argument is missing
breaker.call(fetchUser)
// @ts-expect-error an argument too many
breaker.call(readConfig, 'app.json', 'utf8')
// @ts-expect-error a promise in place of the function
breaker.call(fetchUser(42))
// @ts-expect-error nothing at all
breaker.call()
// @ts-expect-error the value is a promise
const early: User = breaker.call(fetchUser, 42)

// ── callSync() ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const config = breaker.callSync(readConfig, 'app.json')
check<Same<typeof config, { port: number }>>()
const promise = breaker.callSync(fetchUser, 42)
check<Same<typeof promise, Promise<User>>>()
// @ts-expect-error an argument of another type
breaker.callSync(readConfig, 5)
// @ts-expect-error no function
breaker.callSync('readConfig')

// ── wrap() ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const guardedFetch = breaker.wrap(fetchUser)
const wrappedUser = guardedFetch(42, { deep: false })
check<Same<typeof wrappedUser, Promise<User>>>()
guardedFetch(42)
const guardedConfig = breaker.wrap(readConfig)
check<Same<ReturnType<typeof guardedConfig>, Promise<{ port: number }>>>()
check<Same<Parameters<typeof guardedConfig>, [path: string]>>()
// @ts-expect-error an argument of another type
guardedFetch('42')
// @ts-expect-error an argument is missing
guardedFetch()
// @ts-expect-error no function
breaker.wrap(fetchUser(42))

class Client {
  base = 'https://example.org'
  get(path: string): Promise<string> {
    return Promise.resolve(this.base + path)
  }
  guarded = breaker.wrap(this.get)
}
const got = new Client().guarded('/users')
check<Same<typeof got, Promise<string>>>()
const method = breaker.wrap(function (this: Client, path: string) {
  return this.get(path)
})
method.call(new Client(), '/users')
// @ts-expect-error the function needs its this
method('/users')
const asFetch: (input: string) => Promise<Response> = breaker.wrap(fetch)
void asFetch

// ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

breaker.addEventListener('statechange', (event) => {
  check<Same<typeof event.detail.from, State>>()
  check<Same<typeof event.detail.to, State>>()
  check<Same<typeof event.detail.at, number>>()
  const reason: string = event.detail.reason
  void reason
  // @ts-expect-error the detail has no such thing
  void event.detail.when
})
breaker.addEventListener('statechange', { handleEvent: ({ detail }) => detail.to.length })
breaker.addEventListener('statechange', () => {}, { once: true, signal: new AbortController().signal })
breaker.addEventListener('statechange', null)
breaker.addEventListener('something of a subclass', (event: Event) => event.type)
const target: EventTarget = breaker
void target
// @ts-expect-error a listener is a function or has handleEvent
breaker.addEventListener('statechange', 'listener')

// ── Metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

check<Same<typeof breaker.metrics, CircuitBreakerMetrics>>()
const { totalCalls, successRate, stateChanges } = breaker.metrics
check<Same<typeof totalCalls, number>>()
check<Same<typeof successRate, number>>()
const [change] = stateChanges
if (change) {
  check<Same<typeof change.to, State>>()
  check<Same<typeof change.timestamp, string | null>>()
}
const summary = breaker.metrics.summary()
check<Same<typeof summary.successRate, string>>()
check<Same<typeof summary.stateChanges, number>>()
const glance = breaker.getSummary()
check<Same<typeof glance.state, State>>()
check<Same<typeof glance.failures, number>>()
const { rejections } = breaker.metrics
check<Same<typeof rejections, Rejections>>()
check<Same<typeof rejections.half_open, number>>()
check<Same<ReturnType<typeof breaker.metrics.toJSON>['rejections'], Rejections>>()
// @ts-expect-error counts are read only
breaker.metrics.totalCalls = 0
// @ts-expect-error no such count
void breaker.metrics.total

// ── Errors ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

declare const caught: unknown
if (isCircuitOpenError(caught)) {
  check<Same<typeof caught, CircuitOpenError>>()
  check<Same<typeof caught.code, 'ERR_CIRCUIT_OPEN'>>()
  check<Same<typeof caught.retryAfter, number>>()
  check<Same<typeof caught.breaker, string | undefined>>()
  check<Same<typeof caught.state, 'open' | 'half_open'>>()
  const error: Error = caught
  void error.cause
}
new CircuitOpenError()
new CircuitOpenError('for a test', { breaker: 'b', state: 'half_open', retryAfter: 5, cause: new Error('down') })
// @ts-expect-error a state that does not refuse
new CircuitOpenError('for a test', { state: 'closed' })
// @ts-expect-error unknown has no code
void caught.code

// ── ManualClock ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const clock = new ManualClock(5).advance(5).set(0)
check<Same<typeof clock, ManualClock>>()
check<Same<ReturnType<typeof clock.now>, number>>()
// @ts-expect-error ms are a number
clock.advance('5')

// ── Subclasses ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

class Guard extends CircuitBreaker {
  constructor() {
    super({ name: 'guard' })
    this.addEventListener('statechange', ({ detail }) => this.told(detail.to))
  }
  told(_state: State): void {}
}
new Guard().call(fetchUser, 1)

// ── Calls that can be timed out or aborted ───────────────────────────────────────────────────────────────────────────────────────

import { BulkheadFullError, CallTimeoutError, CircuitBreakerRegistry, findRefusal, isBulkheadFullError, isCallTimeoutError } from 'halfopen'

const withContext = breaker.callWith({}, (id: number, { signal }) => fetchUser(id, { deep: signal.aborted }), 42)
check<Same<typeof withContext, Promise<User>>>()
const contextOnly = breaker.callWith({}, async ({ signal }: { signal: AbortSignal }) => signal.aborted)
check<Same<typeof contextOnly, Promise<boolean>>>()
const wrappedWith = breaker.wrapWith({ timeout: 5 }, (id: number, { signal }: { signal: AbortSignal }) => [id, signal.aborted] as const)
check<Same<typeof wrappedWith, (this: unknown, id: number) => Promise<readonly [number, boolean]>>>()
const wrappedWithNone = breaker.wrapWith({}, (id: number) => id)
wrappedWithNone(42).then((id) => id.toFixed())
// @ts-expect-error a misspelt option
breaker.wrapWith({ timout: 5 }, fetchUser)
const inferred = breaker.callWith({ timeout: 5, signal: new AbortController().signal }, (url, { signal }) => [url, signal] as const, 'https://example.org')
check<Same<typeof inferred, Promise<readonly [string, AbortSignal]>>>()
const fewer = breaker.callWith({}, () => fetchUser(1), 'unused')
check<Same<typeof fewer, Promise<User>>>()
const fellBack = breaker.callWith({ fallback: (id: number) => String(id) }, async (id: number) => id, 42)
check<Same<typeof fellBack, Promise<number | string>>>()
const fellBackLater = breaker.callWith({ fallback: async () => null }, async (id: number) => id, 42)
check<Same<typeof fellBackLater, Promise<number | null>>>()
const fellBackToAnything = breaker.callWith({ fallback: (_id, error) => error }, async (id: number) => id, 42)
check<Same<typeof fellBackToAnything, Promise<number>>>()
const annotatedWith = breaker.callWith({ timeout: 5 }, (a: number, b: number) => a + b, 1, 2)
check<Same<typeof annotatedWith, Promise<number>>>()
// @ts-expect-error an argument of another type
breaker.callWith({}, (id: number) => id, '42')
// @ts-expect-error an argument is missing
breaker.callWith({}, (id: number, name: string) => [id, name], 42)
// @ts-expect-error a misspelt option
breaker.callWith({ timout: 5 }, fetchUser, 42, { deep: true })
// @ts-expect-error an option of the breaker, not of a call
breaker.callWith({ failureThreshold: 5 }, () => 1)
// @ts-expect-error the signal itself, not its controller
breaker.callWith({ signal: new AbortController() }, () => 1)
// @ts-expect-error options come first
breaker.callWith(() => 1)

// ── The options of a whole breaker ───────────────────────────────────────────────────────────────────────────────────────────────

new CircuitBreaker({
  window: { type: 'time', duration: 10_000, buckets: 5 },
  failureRate: 0.5,
  minimumCalls: 10,
  slowCallDuration: 500,
  slowCallRate: 0.5,
  recoveryBackoff: { factor: 2, max: 60_000, jitter: 0.2 },
  maxRetryAfter: 60_000,
  timeout: 1000,
  maxConcurrent: 10,
  classify: (error, value) => (error instanceof TypeError ? 'ignored' : value?.ok === false ? { outcome: 'failure', retryAfter: 5, trip: true } : undefined),
  fallback: (...argsAndError) => argsAndError.length,
  fallbackOn: 'failure',
  probe: async () => 'well',
  sleep: (ms) => new Promise((resolve) => resolve(ms)),
  random: () => 0.5,
  latency: true,
  snapshot: breaker.toJSON()
})
new CircuitBreaker({ window: { type: 'count', size: 10 }, failureThreshold: 3 })
// @ts-expect-error a window of calls has a size
new CircuitBreaker({ window: { type: 'count' }, failureRate: 0.5 })
// @ts-expect-error a window of time has a duration
new CircuitBreaker({ window: { type: 'time', size: 10 }, failureRate: 0.5 })
// @ts-expect-error a type that there is not
new CircuitBreaker({ window: { type: 'rolling', size: 10 }, failureRate: 0.5 })
// @ts-expect-error a misspelt member
new CircuitBreaker({ recoveryBackoff: { facter: 2 } })
// @ts-expect-error refusals or failures
new CircuitBreaker({ fallbackOn: 'timeout' })
// @ts-expect-error a verdict that there is not
new CircuitBreaker({ classify: () => 'fail' })
// @ts-expect-error a number is to be random
new CircuitBreaker({ random: () => 'dice' })
// @ts-expect-error a flag is a boolean
new CircuitBreaker({ latency: 1 })

// ── Permits, modes, waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────

const permit = breaker.acquire()
permit.success()
permit.failure(new Error('down'))
permit.ignore()
check<Same<typeof permit.settled, boolean>>()
{
  using disposed = breaker.acquire()
  disposed.success()
}
check<Same<typeof breaker.mode, 'normal' | 'isolated' | 'disabled' | 'observing'>>()
const closed = breaker.whenClosed({ signal: new AbortController().signal })
check<Same<typeof closed, Promise<void>>>()
const { sentence, retryAfter } = breaker.explain()
check<Same<typeof sentence, string>>()
check<Same<typeof retryAfter, number>>()
check<Same<NonNullable<typeof breaker.metrics.latency>['p99'], number>>()
breaker.addEventListener('failure', ({ detail }) => {
  check<Same<typeof detail.elapsed, number>>()
})
breaker.addEventListener('reject', ({ detail }) => {
  check<Same<typeof detail.error, CircuitOpenError | BulkheadFullError>>()
})
// @ts-expect-error an outcome is no method
permit.failed()

if (isBulkheadFullError(caught)) check<Same<typeof caught, BulkheadFullError>>()
if (isCallTimeoutError(caught)) {
  check<Same<typeof caught, CallTimeoutError>>()
  check<Same<typeof caught.timeout, number | undefined>>()
}
const found = findRefusal(caught)
check<Same<typeof found, CircuitOpenError | BulkheadFullError | undefined>>()
if (found?.code === 'ERR_CIRCUIT_OPEN') check<Same<typeof found.state, 'open' | 'half_open'>>()
check<Same<typeof found extends { retryAfter: infer T } | undefined ? T : never, number>>()
// @ts-expect-error there may be none
void findRefusal(caught).retryAfter

// ── The registry ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const registry = new CircuitBreakerRegistry({ failureThreshold: 3, maxBreakers: 10, configure: (key: string) => ({ name: key }) })
const ofKey = registry.get('users')
check<Same<typeof ofKey, CircuitBreaker>>()
const keyed = registry.call('users', fetchUser, 42)
check<Same<typeof keyed, Promise<User>>>()
const keyedDeep = registry.call('users', fetchUser, 42, { deep: true })
check<Same<typeof keyedDeep, Promise<User>>>()
const keyedContext = registry.callWith('users', { timeout: 5 }, (id: number, { signal }) => [id, signal.aborted] as const, 42)
check<Same<typeof keyedContext, Promise<readonly [number, boolean]>>>()
registry.addEventListener('statechange', ({ detail }) => {
  check<Same<typeof detail.key, string>>()
  check<Same<typeof detail.breaker, CircuitBreaker>>()
  check<Same<typeof detail.to, 'closed' | 'open' | 'half_open'>>()
})
registry.addEventListener('reject', { handleEvent: (event) => check<Same<typeof event.detail.error.retryAfter, number>>() })
registry.addEventListener('of another', (event) => check<Same<typeof event, Event>>())
check<Same<typeof registry.metrics, RegistryMetrics>>()
check<Same<typeof registry.metrics.stateChanges, number>>()
check<Same<typeof registry.metrics.rejections, Rejections>>()
// @ts-expect-error of many breakers there is no latency
void registry.metrics.latency
const registryReport: RegistryReport = registry.toJSON()
check<Same<RegistryReport['breakers'][string]['state'], State>>()
void registryReport.breakers['users']?.totalCalls
// @ts-expect-error an argument of another type
registry.call('users', fetchUser, '42')
// @ts-expect-error a key of another type
registry.get(5)
// @ts-expect-error a misspelt option
new CircuitBreakerRegistry({ maxBreaker: 10 })
