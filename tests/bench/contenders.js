// Who is measured: how each one is made, and how its user calls it. It must not know how anything is measured or what it may cost.
// A contender is imported by the process that measures it, and no other shares that process.

const HOUR = 3_600_000
/** More failures in a row than any measurement makes. */
const NEVER = 1_000_000_000
/** A timeout that no measured call reaches, in ms. */
const TIMEOUT = 10_000
const URL_OF_STUB = 'https://api.example.com/users/42'
/** Calls of each breaker whose counts are read. */
const CALLS_READ = 10
/** State changes that a breaker's metrics keep. */
const LOGGED = 64

const ours = () => import('../../pkg/index.js')
const isOk = (response) => response.status === 200

/** A breaker of ours that differs from the default. */
const breakerWith = (title, options) => ({
  title,
  call: (breaker, fn) => breaker.call(fn),
  make: async () => new (await ours()).CircuitBreaker({ recoveryTimeout: HOUR, ...options }),
})

const countWindow = (size) => ({ window: { type: 'count', size }, failureRate: 0.5 })
const TIME_WINDOW = { window: { type: 'time', duration: 10_000, buckets: 10 }, failureRate: 0.5 }

/** A breaker of ours with a listener. */
const listening = (type) => ({
  ...breakerWith(`${type} listener`),
  async make() {
    const breaker = new (await ours()).CircuitBreaker()
    breaker.addEventListener(type, () => {})
    return breaker
  },
})

/** A breaker of ours that is called with options of the call's own. */
const calledWith = (title, options) => ({
  title,
  call: ({ breaker, options }, fn) => breaker.callWith(options, fn),
  make: async () => ({ breaker: new (await ours()).CircuitBreaker(), options: options() }),
})

/** A registry of ours that keeps the breakers of `count` keys, all of them made. */
async function registryOf(count, options) {
  const { CircuitBreakerRegistry } = await ours()
  const registry = new CircuitBreakerRegistry({ maxBreakers: count, ...options })
  const keys = Array.from({ length: count }, (_, index) => `https://host-${index}.example`)
  for (const key of keys) registry.get(key)
  return { registry, keys }
}

/** A registry of ours whose keys are called in turn. */
const callingInTurn = (count) => ({
  title: `registry of ${count.toLocaleString('en')}`,
  call(guard, fn) {
    guard.turn = guard.turn + 1 < count ? guard.turn + 1 : 0
    return guard.registry.call(guard.keys[guard.turn], fn)
  },
  make: async () => ({ ...(await registryOf(count)), turn: 0 }),
})

/** A full registry of ours that is asked for ever new keys. */
const newKeys = (title, count, { areOpen = false, opens = false } = {}) => ({
  title,
  turn: 100,
  call: opens ? (guard) => guard.registry.get(`new ${guard.next++}`).trip() : (guard) => guard.registry.get(`new ${guard.next++}`),
  answers: (answer) => (opens ? answer === undefined : answer.state === 'closed'),
  async make() {
    const { registry } = await registryOf(count, { recoveryTimeout: HOUR })
    if (areOpen) for (const breaker of registry.values()) breaker.trip()
    return { registry, next: 0 }
  },
})

/** A registry of 1,000 that is read as a whole. */
const reading = (title, { call, answers, changes = 0 }) => ({
  title,
  turn: 1,
  call,
  answers,
  async make() {
    const { registry } = await registryOf(1000)
    for (const breaker of registry.values()) {
      for (let count = 0; count < CALLS_READ; count++) breaker.callSync(() => 1)
      for (let count = 0; count < changes; count += 2) {
        breaker.trip()
        breaker.reset()
      }
    }
    return registry
  },
})

function readMetricsOfEach(registry) {
  let calls = 0
  for (const breaker of registry.values()) calls += breaker.metrics.toJSON().totalCalls
  return calls
}

function readSummaryOfEach(registry) {
  let calls = 0
  for (const breaker of registry.values()) calls += breaker.metrics.summary().totalCalls
  return calls
}

/** A breaker of ours among `count` that live as long. */
const among = (count) => ({
  title: count === 1 ? 'alone' : `among ${count.toLocaleString('en')}`,
  call: ({ breaker }, fn) => breaker.call(fn),
  async make() {
    const { CircuitBreaker } = await ours()
    const crowd = Array.from({ length: count }, () => new CircuitBreaker())
    return { breaker: crowd[count >> 1], crowd }
  },
})

/** A `fetch` that answers at once, always with the same response: a new one would cost more than what is measured. */
function stub() {
  const response = new Response('', { status: 200 })
  return async () => response
}

/** `guardFetch` of ours over the stub. */
const guardedStub = (title, options) => ({
  title,
  call: (guarded) => guarded(URL_OF_STUB),
  answers: isOk,
  make: async () => (await import('../../pkg/fetch.js')).guardFetch({ fetch: stub(), ...options }),
})

/** Requests to a real server, whose bodies are read. `make` gets the server's URL. */
const requesting = (title, make) => ({
  title,
  turn: 100,
  call: async ({ ask, url }) => (await ask(url)).text(),
  answers: (body) => body.length > 0,
  make: async ({ url }) => ({ ask: await make(), url }),
})
const guardedFetch = async (options) => (await import('../../pkg/fetch.js')).guardFetch(options)

/**
 * The contenders by name.
 *
 * `make({ fn, neverOpens, url })` gives what `call(guard, fn)` gets as `guard`. It is made with the options its readme starts with,
 * except that an open circuit stays open for an hour and, with `neverOpens`, that failures don't open it. `answers(outcome)` says
 * whether a call came to what it should, where that is not what `fn` returned. `turn` is how many calls are made in one turn of the
 * event loop where 1,000 would take too long.
 */
export const CONTENDERS = {
  bare: {
    title: 'bare await',
    call: (_, fn) => fn(),
    make: async () => undefined,
  },
  ours: {
    title: 'halfopen',
    call: (breaker, fn) => breaker.call(fn),
    make: async ({ neverOpens }) => new (await ours()).CircuitBreaker({ recoveryTimeout: HOUR, ...(neverOpens && { failureThreshold: NEVER }) }),
  },
  textbook: {
    title: 'textbook class',
    call: (breaker, fn) => breaker.call(fn),
    async make({ neverOpens }) {
      const { CircuitBreaker } = await import('./textbook.js')
      return new CircuitBreaker({ recoveryTimeout: HOUR, ...(neverOpens && { failureThreshold: NEVER }) })
    },
  },
  limit: {
    title: 'the same without Wasm',
    call: (breaker, fn) => breaker.call(fn),
    async make({ neverOpens }) {
      const { PlainBreaker } = await import('./plain-limit.js')
      return new PlainBreaker({ recoveryTimeout: HOUR, ...(neverOpens && { failureThreshold: NEVER }) })
    },
  },
  cockatiel: {
    title: 'cockatiel',
    call: (policy, fn) => policy.execute(fn),
    async make({ neverOpens }) {
      const { circuitBreaker, ConsecutiveBreaker, handleAll } = await import('cockatiel')
      return circuitBreaker(handleAll, { halfOpenAfter: HOUR, breaker: new ConsecutiveBreaker(neverOpens ? NEVER : 5) })
    },
  },
  opossum: {
    title: 'opossum',
    call: (breaker) => breaker.fire(),
    async make({ fn, neverOpens }) {
      const { default: Opossum } = await import('opossum')
      return new Opossum(fn, { timeout: false, resetTimeout: HOUR, ...(neverOpens && { errorThresholdPercentage: 100 }) })
    },
  },

  // Ours with options, listeners and company.
  count10: breakerWith('window of 10 calls', countWindow(10)),
  count100: breakerWith('window of 100 calls', countWindow(100)),
  count1000: breakerWith('window of 1,000 calls', countWindow(1000)),
  count1000000: breakerWith('window of 1,000,000 calls', countWindow(1_000_000)),
  time: breakerWith('window of 10 s in 10 buckets', TIME_WINDOW),
  latency: breakerWith('latency', { latency: true }),
  slow: breakerWith('slow calls', { ...countWindow(100), slowCallDuration: 1000, slowCallRate: 0.5 }),
  classify: breakerWith('classify', { classify: (error) => (error === undefined ? 'success' : 'failure') }),
  hearsChanges: listening('statechange'),
  hearsSuccesses: listening('success'),
  timed: breakerWith('timeout', { timeout: TIMEOUT }),
  timedCall: calledWith('callWith({ timeout })', () => ({ timeout: TIMEOUT })),
  signal: calledWith('callWith({ signal })', () => ({ signal: new AbortController().signal })),
  registry1: callingInTurn(1),
  registry1000: callingInTurn(1000),
  among1: among(1),
  among1000000: among(1_000_000),
  made: {
    title: 'new breaker without one',
    call: (guard, fn) => ((guard.made = guard.make()), fn()),
    async make() {
      const { CircuitBreaker } = await ours()
      return { make: () => new CircuitBreaker(countWindow(100)) }
    },
  },
  restored: {
    title: 'snapshot as JSON and back',
    call: (guard, fn) => ((guard.made = guard.make()), fn()),
    async make() {
      const { CircuitBreaker } = await ours()
      const full = new CircuitBreaker(countWindow(100))
      for (let call = 0; call < 100; call++) full.callSync(() => 1)
      return { make: () => new CircuitBreaker({ ...countWindow(100), snapshot: JSON.parse(JSON.stringify(full)) }) }
    },
  },

  // Registries of ours that are full, and what is asked of them.
  newKeyQuiet1000: newKeys('1,000 quiet', 1000),
  newKeyQuiet10000: newKeys('10,000 quiet', 10_000),
  newKeyOutage1000: newKeys('1,000 open', 1000, { areOpen: true }),
  newKeyOutage10000: newKeys('10,000 open', 10_000, { areOpen: true }),
  newOpenKeyOutage1000: newKeys('1,000 open', 1000, { areOpen: true, opens: true }),
  newOpenKeyOutage10000: newKeys('10,000 open', 10_000, { areOpen: true, opens: true }),
  summary: reading('registry.summary()', {
    call: (registry) => registry.summary(),
    answers: ({ breakers, totalCalls }) => breakers === 1000 && totalCalls === 1000 * CALLS_READ,
  }),
  door: reading('the rows that exporters read', {
    call: (registry) => registry[Symbol.for('halfopen.read')](),
    answers: ({ rows, facts }) => rows.length === 1000 * facts.length && rows[0] === CALLS_READ,
  }),
  status: reading('registry.status()', { call: (registry) => registry.status(), answers: (status) => Object.keys(status).length === 1000 }),
  totals: reading('registry.metrics', { call: (registry) => registry.metrics, answers: ({ totalCalls }) => totalCalls === 1000 * CALLS_READ }),
  report: reading('registry.toJSON()', {
    call: (registry) => registry.toJSON(),
    answers: ({ metrics, breakers }) => metrics.totalCalls === 1000 * CALLS_READ && Object.keys(breakers).length === 1000,
  }),
  metricsSummary: reading('metrics.summary()', { call: readSummaryOfEach, answers: (calls) => calls === 1000 * CALLS_READ }),
  metrics: reading('metrics.toJSON()', { call: readMetricsOfEach, answers: (calls) => calls === 1000 * CALLS_READ }),
  metricsLogged: reading('metrics.toJSON(), full log', { call: readMetricsOfEach, answers: (calls) => calls === 1000 * CALLS_READ, changes: LOGGED }),

  // What people write by hand.
  listener: {
    title: 'a listener by hand',
    async call({ signal, abort }, fn) {
      signal.addEventListener('abort', abort)
      try {
        return await fn()
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
    make: async () => ({ signal: new AbortController().signal, abort() {} }),
  },
  abortable: {
    title: 'a promise that the signal rejects',
    call: ({ signal }, fn) =>
      new Promise((resolve, reject) => {
        const abort = () => reject(signal.reason)
        const done = () => signal.removeEventListener('abort', abort)
        signal.addEventListener('abort', abort)
        fn().then(
          (value) => (done(), resolve(value)),
          (error) => (done(), reject(error))
        )
      }),
    make: async () => ({ signal: new AbortController().signal }),
  },
  timedFetch: {
    title: 'controller and timer by hand',
    async call(fetch) {
      const controller = new AbortController()
      const timer = setTimeout(() => controller.abort(), TIMEOUT)
      try {
        return await fetch(URL_OF_STUB, { signal: controller.signal })
      } finally {
        clearTimeout(timer)
      }
    },
    answers: isOk,
    make: async () => stub(),
  },

  // `fetch`, over the stub and on a socket.
  guardedStub: guardedStub('guardFetch()'),
  guardedStubTimed: guardedStub('guardFetch({ timeout })', { timeout: TIMEOUT }),
  fetch: requesting('bare fetch', async () => fetch),
  fetchAgain: requesting('bare fetch once more', async () => fetch),
  guardedFetch: requesting('guardFetch()', () => guardedFetch()),
  guardedFetchTimed: requesting('guardFetch({ timeout })', () => guardedFetch({ timeout: TIMEOUT })),

  // Others with options.
  cockatielCount: {
    title: 'cockatiel, window of 100 calls',
    call: (policy, fn) => policy.execute(fn),
    async make() {
      const { circuitBreaker, CountBreaker, handleAll } = await import('cockatiel')
      return circuitBreaker(handleAll, { halfOpenAfter: HOUR, breaker: new CountBreaker({ threshold: 0.5, size: 100 }) })
    },
  },
  cockatielTime: {
    title: 'cockatiel, window of 10 s',
    call: (policy, fn) => policy.execute(fn),
    async make() {
      const { circuitBreaker, SamplingBreaker, handleAll } = await import('cockatiel')
      return circuitBreaker(handleAll, { halfOpenAfter: HOUR, breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000 }) })
    },
  },
  cockatielTimed: {
    title: 'cockatiel, breaker and timeout',
    call: (policy, fn) => policy.execute(fn),
    async make() {
      const { circuitBreaker, ConsecutiveBreaker, handleAll, timeout, TimeoutStrategy, wrap } = await import('cockatiel')
      const guard = circuitBreaker(handleAll, { halfOpenAfter: HOUR, breaker: new ConsecutiveBreaker(5) })
      return wrap(guard, timeout(TIMEOUT, TimeoutStrategy.Aggressive))
    },
  },
  opossumTimed: {
    title: 'opossum with its timeout',
    call: (breaker) => breaker.fire(),
    async make({ fn }) {
      const { default: Opossum } = await import('opossum')
      return new Opossum(fn, { timeout: TIMEOUT, resetTimeout: HOUR })
    },
  },
}
