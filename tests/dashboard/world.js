// A stand-in for breakers in large numbers: rows behind a door, as the real ones have it, moved on by hand. It must not know who reads them.

const FACTS = [
  'totalCalls', 'successfulCalls', 'failedCalls', 'timedOutCalls', 'ignoredCalls', 'rejectedCalls', 'wouldRejectCalls', 'staleCalls', 'inFlight', 'stateChangeCount', 'windowCalls',
  'windowFailures', 'windowSlowCalls', 'minimumCalls', 'retryAfter', 'probeAfter', 'failedTests', 'testExpiresAfter', 'failedRecoveries', 'timedCalls', 'mean', 'p50', 'p90', 'p99', 'openTime',
  'state', 'mode', 'failureCount', 'successCount', 'rejectedOpen', 'rejectedHalfOpen', 'rejectedBulkhead', 'rejectedIsolated', 'stateAge'
]
const STATES = ['closed', 'open', 'half_open']
const MODES = ['normal', 'isolated', 'disabled', 'observing']
const HOSTS = ['payments', 'search', 'users', 'catalog', 'inventory', 'mail', 'geo', 'pricing', 'tax', 'fraud', 'media', 'ledger', 'reviews', 'sessions', 'shipping', 'webhooks', 'quotes', 'billing', 'images', 'events']

/** Chance that is the same each time. */
export function chance(seed = 1) {
  return () => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return seed / 0x7fffffff
  }
}

/**
 * A world of that many breakers. `sick` is the share of those whose dependency fails from the second `sickFrom` on.
 *
 * @param {{ count: number, sick?: number, sickFrom?: number, seed?: number, calls?: number }} options
 */
export function world({ count, sick = 0, sickFrom = 0, seed = 7, calls = 40 }) {
  const random = chance(seed)
  let now = 0
  const breakers = Array.from({ length: count }, (_, id) => {
    const host = HOSTS[id % HOSTS.length]
    const turn = Math.floor(id / HOSTS.length)
    const name = turn === 0 ? `https://${host}.example.com` : `https://${host}.shard-${String(turn).padStart(2, '0')}.example.com`
    const row = Object.fromEntries(FACTS.map((fact) => [fact, 0]))
    Object.assign(row, { windowCalls: NaN, windowFailures: NaN, windowSlowCalls: NaN, minimumCalls: NaN, testExpiresAfter: Infinity, retryAfter: 0, probeAfter: 0, stateAge: NaN, openTime: 30_000 })
    const hasLatency = id % 3 !== 2
    if (!hasLatency) Object.assign(row, { timedCalls: NaN, mean: NaN, p50: NaN, p90: NaN, p99: NaN })
    const traffic = calls * (0.1 + 2 * random() ** 3)
    return { id, name, row, traffic, isSick: (id * 7919) % 1000 < sick * 1000, latency: 5 + 80 * random(), hasLatency, since: NaN, due: NaN, changes: [] }
  })
  const turn = (one, to, reason) => {
    one.changes.push({ from: STATES[one.row.state], to: STATES[to], reason, timestamp: new Date(world.start + now).toISOString() })
    if (one.changes.length > 64) one.changes.shift()
    one.row.state = to
    one.row.stateChangeCount++
    one.since = now
    if (to === 1) one.due = now + 10_000 + random() * 20_000
    one.row.failureCount = to === 1 ? 5 : 0
    one.row.successCount = 0
  }
  function step(ms) {
    now += ms
    for (const one of breakers) {
      const { row } = one
      const wanted = one.traffic * (ms / 1000) * (0.7 + 0.6 * random())
      const calls = Math.floor(wanted + random())
      const isIll = one.isSick && now >= sickFrom * 1000
      for (let n = 0; n < calls; n++) {
        if (row.mode === 1 || (row.state === 1 && row.mode === 0 && now < one.due)) {
          row.rejectedCalls++
          row[row.mode === 1 ? 'rejectedIsolated' : 'rejectedOpen']++
        } else {
          if (row.state === 1 && row.mode !== 2) turn(one, 2, 'recovery_due')
          const fails = random() < (isIll ? 0.85 : one.id % 37 === 5 ? 0.03 : 0.0005)
          row[fails ? 'failedCalls' : 'successfulCalls']++
          if (fails && random() < 0.4) row.timedOutCalls++
          row.failureCount = fails ? row.failureCount + 1 : row.state === 0 ? 0 : row.failureCount
          if (row.state === 0 && row.failureCount >= 5) turn(one, 1, 'failure_threshold')
          else if (row.state === 2 && fails) turn(one, 1, 'test_failed')
          else if (row.state === 2) {
            row.successCount++
            if (row.successCount >= 2) turn(one, 0, 'recovered')
            // One test request at a time takes a while.
            else break
          }
        }
        row.totalCalls++
      }
      row.inFlight = Math.round(one.traffic * 0.05 * (isIll ? 4 : 1) * random())
      row.stateAge = now - one.since
      row.probeAfter = row.retryAfter = row.mode === 1 ? Infinity : row.state === 1 ? Math.max(0, one.due - now) : 0
      if (one.hasLatency) {
        row.timedCalls = row.successfulCalls + row.failedCalls
        row.p50 = one.latency * (isIll ? 12 : 1) * (0.98 + 0.04 * random())
        row.mean = row.p50 * 1.3
        row.p90 = row.p50 * 2.4
        row.p99 = row.p50 * 4.1
      }
    }
  }
  const breaker = (index) => {
    const one = breakers[index]
    const { row } = one
    return {
      metrics: { get stateChanges() { return one.changes.slice() } },
      explain: () => ({
        sentence: row.state === 1 ? `open: failure_threshold after 5 failures in a row, lets a test request through in ${Math.ceil(row.probeAfter)} ms`
          : row.state === 2 ? `half_open: ${row.successCount} of 2 successful test requests, 0 failed ones, a test request is in flight`
            : `closed: ${row.failureCount} failures in a row, opens at 5`
      }),
      trip: () => turn(one, 1, 'trip'), reset: () => turn(one, 0, 'reset'), isolate: () => void (row.mode = 1), release: () => void (row.mode = 0),
      observe: () => void (row.mode = 3), disable: () => void (row.mode = 2), enable: () => void (row.mode = 0)
    }
  }
  const source = {
    [Symbol.for('halfopen.read')]() {
      const rows = new Float64Array(count * FACTS.length)
      for (const [index, { row }] of breakers.entries()) for (const [at, fact] of FACTS.entries()) rows[index * FACTS.length + at] = row[fact]
      return { facts: FACTS, states: STATES, modes: MODES, rows, keys: breakers.map(({ name }) => name), names: breakers.map(({ name }) => name), ids: breakers.map(({ id }) => id), gone: undefined, breaker }
    },
    addEventListener() {}, removeEventListener() {}
  }
  return { source, step, breakers, turn, get now() { return now } }
}
world.start = 0
