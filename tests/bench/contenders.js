// Who is measured: how each one is made, and how its user calls it. It must not know how anything is measured.
// A contender is imported by the process that needs it and no other, so that one's types don't slow another down.

const HOUR = 3_600_000
/** More failures in a row than any measurement makes. */
const NEVER = 1_000_000_000
/** A timeout that no measured call reaches. */
const TIMEOUT = 10_000

/**
 * A breaker of ours that differs from the default. Its package is imported under a name of its own: V8 optimises code for all
 * that run it, and a process has its code to itself.
 *
 * @param {string} title
 * @param {object | ((pkg: any, fn: () => Promise<unknown>) => any)} options The breaker's, or a function that makes the guard.
 * @param {string} [call]
 */
const variant = (title, options, call = 'guard.call(fn)') => ({
  title,
  call,
  async make(fn) {
    const pkg = await import(`../../pkg/index.js?${encodeURIComponent(title)}`)
    return typeof options === 'function' ? options(pkg, fn) : new pkg.CircuitBreaker({ recoveryTimeout: HOUR, ...options })
  },
})

const countWindow = (size) => ({ window: { type: 'count', size }, failureRate: 0.5 })
const TIME_WINDOW = { window: { type: 'time', duration: 10_000, buckets: 10 }, failureRate: 0.5 }

/** A breaker of ours with a listener. */
const listening = (type) => ({ CircuitBreaker }) => {
  const guard = new CircuitBreaker()
  guard.addEventListener(type, () => {})
  return guard
}

/** A registry of ours with the breakers of so many keys, which its calls take in turn. */
const registryOf = (count) => ({ CircuitBreakerRegistry }) => {
  const registry = new CircuitBreakerRegistry({ maxBreakers: count })
  const keys = Array.from({ length: count }, (_, index) => `https://host-${index}.example`)
  for (const key of keys) registry.get(key)
  let turn = 0
  return { call: (fn) => registry.call(keys[(turn = turn + 1 < count ? turn + 1 : 0)], fn) }
}

/** A breaker of ours, and so many others that live as long. */
const among = (count) => ({ CircuitBreaker }) => {
  const crowd = Array.from({ length: count }, () => new CircuitBreaker())
  const guard = crowd[count >> 1]
  return { guard, crowd }
}

/**
 * The contenders by name. `make(fn, neverOpens)` gives what is called `guard` in the text of its `call`; it is made with the
 * options its readme starts with, except that an open circuit stays open for an hour and, with `neverOpens`, that failures
 * don't open it.
 */
export const CONTENDERS = {
  bare: {
    title: 'bare await',
    call: 'fn()',
    make: async () => undefined,
  },
  ours: {
    title: 'halfopen',
    call: 'guard.call(fn)',
    async make(fn, neverOpens) {
      const { CircuitBreaker } = await import('../../pkg/index.js')
      return new CircuitBreaker({ recoveryTimeout: HOUR, ...(neverOpens && { failureThreshold: NEVER }) })
    },
  },
  textbook: {
    title: 'textbook class',
    call: 'guard.call(fn)',
    async make(fn, neverOpens) {
      const { CircuitBreaker } = await import('./textbook.js')
      return new CircuitBreaker({ recoveryTimeout: HOUR, ...(neverOpens && { failureThreshold: NEVER }) })
    },
  },
  limit: {
    title: 'the same without Wasm',
    call: 'guard.call(fn)',
    async make(fn, neverOpens) {
      const { PlainBreaker } = await import('./plain-limit.js')
      return new PlainBreaker({ recoveryTimeout: HOUR, ...(neverOpens && { failureThreshold: NEVER }) })
    },
  },
  cockatiel: {
    title: 'cockatiel',
    call: 'guard.execute(fn)',
    async make(fn, neverOpens) {
      const { circuitBreaker, ConsecutiveBreaker, handleAll } = await import('cockatiel')
      return circuitBreaker(handleAll, { halfOpenAfter: HOUR, breaker: new ConsecutiveBreaker(neverOpens ? NEVER : 5) })
    },
  },
  opossum: {
    title: 'opossum',
    call: 'guard.fire()',
    async make(fn, neverOpens) {
      const { default: Opossum } = await import('opossum')
      return new Opossum(fn, { timeout: false, resetTimeout: HOUR, ...(neverOpens && { errorThresholdPercentage: 100 }) })
    },
  },

  // Ours with options, listeners and company.
  count10: variant('window of 10 calls', countWindow(10)),
  count100: variant('window of 100 calls', countWindow(100)),
  count1000: variant('window of 1,000 calls', countWindow(1000)),
  count1000000: variant('window of 1,000,000 calls', countWindow(1_000_000)),
  time: variant('window of 10 s in 10 buckets', TIME_WINDOW),
  latency: variant('latency', { latency: true }),
  slow: variant('slow calls', { ...countWindow(100), slowCallDuration: 1000, slowCallRate: 0.5 }),
  classify: variant('classify', { classify: (error) => (error === undefined ? 'success' : 'failure') }),
  hearsChanges: variant('statechange listener', listening('statechange')),
  hearsSuccesses: variant('success listener', listening('success')),
  timed: variant('timeout', { timeout: TIMEOUT }),
  signal: variant(
    'callWith({ signal })',
    ({ CircuitBreaker }) => ({ guard: new CircuitBreaker(), signal: new AbortController().signal }),
    'guard.guard.callWith({ signal: guard.signal }, fn)'
  ),
  registry1: variant('registry, 1 key', registryOf(1)),
  registry1000: variant('registry, 1,000 keys in turn', registryOf(1000)),
  among1: variant('alone', among(1), 'guard.guard.call(fn)'),
  among1000000: variant('among 1,000,000', among(1_000_000), 'guard.guard.call(fn)'),
  made: variant(
    'new breaker without one',
    ({ CircuitBreaker }) => ({ guard: new CircuitBreaker(), make: () => new CircuitBreaker(countWindow(100)) }),
    '(guard.made = guard.make(), guard.guard.call(fn))'
  ),
  restored: variant(
    'snapshot as JSON and back',
    ({ CircuitBreaker }) => {
      const full = new CircuitBreaker(countWindow(100))
      for (let call = 0; call < 100; call++) full.callSync(() => 1)
      const make = () => new CircuitBreaker({ ...countWindow(100), snapshot: JSON.parse(JSON.stringify(full)) })
      return { guard: new CircuitBreaker(), make }
    },
    '(guard.made = guard.make(), guard.guard.call(fn))'
  ),

  // Others with options.
  cockatielCount: {
    title: 'cockatiel, window of 100 calls',
    call: 'guard.execute(fn)',
    async make() {
      const { circuitBreaker, CountBreaker, handleAll } = await import('cockatiel')
      return circuitBreaker(handleAll, { halfOpenAfter: HOUR, breaker: new CountBreaker({ threshold: 0.5, size: 100 }) })
    },
  },
  cockatielTime: {
    title: 'cockatiel, window of 10 s',
    call: 'guard.execute(fn)',
    async make() {
      const { circuitBreaker, SamplingBreaker, handleAll } = await import('cockatiel')
      return circuitBreaker(handleAll, { halfOpenAfter: HOUR, breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000 }) })
    },
  },
  cockatielTimed: {
    title: 'cockatiel, breaker and timeout',
    call: 'guard.execute(fn)',
    async make() {
      const { circuitBreaker, ConsecutiveBreaker, handleAll, timeout, TimeoutStrategy, wrap } = await import('cockatiel')
      const guard = circuitBreaker(handleAll, { halfOpenAfter: HOUR, breaker: new ConsecutiveBreaker(5) })
      return wrap(guard, timeout(TIMEOUT, TimeoutStrategy.Aggressive))
    },
  },
  opossumTimed: {
    title: 'opossum with its timeout',
    call: 'guard.fire()',
    async make(fn) {
      const { default: Opossum } = await import('opossum')
      return new Opossum(fn, { timeout: TIMEOUT, resetTimeout: HOUR })
    },
  },
}
