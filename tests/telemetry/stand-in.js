// A registry and a breaker that have nothing but the door: what they counted is written down as it is told them, so that a test knows what is true. It
// must not know who reads.

/** The facts of a row, in an order of its own. */
export const FACTS = [
  'totalCalls', 'successfulCalls', 'failedCalls', 'timedOutCalls', 'ignoredCalls', 'rejectedCalls', 'wouldRejectCalls', 'staleCalls', 'inFlight', 'stateChangeCount',
  'retryAfter', 'state', 'mode', 'rejectedOpen', 'rejectedHalfOpen', 'rejectedBulkhead', 'rejectedIsolated', 'stateAge'
]
const STATES = ['closed', 'open', 'half_open']

/** The facts that a call of each outcome adds one to. */
export const COUNTED = {
  success: ['successfulCalls'], failure: ['failedCalls'], timeout: ['failedCalls', 'timedOutCalls'], ignored: ['ignoredCalls'],
  refused_open: ['rejectedCalls', 'rejectedOpen'], refused_half_open: ['rejectedCalls', 'rejectedHalfOpen'], refused_bulkhead: ['rejectedCalls', 'rejectedBulkhead'],
  refused_isolated: ['rejectedCalls', 'rejectedIsolated'], stale: ['staleCalls']
}

/** What a breaker counted. */
export class Counts {
  facts = Object.fromEntries(FACTS.map((name) => [name, 0]))
  id = -1

  constructor(key, name) {
    this.key = key
    this.name = name
    Object.assign(this.facts, { retryAfter: NaN, stateAge: NaN })
  }

  call(outcome, times = 1) {
    for (const fact of COUNTED[outcome]) this.facts[fact] += times
    this.facts.totalCalls += times
  }

  toState(state) {
    this.facts.state = STATES.indexOf(state)
    this.facts.stateChangeCount++
  }

  /** What only grows. */
  get counts() {
    return Object.fromEntries(FACTS.map((name) => [name, /Calls$|^rejected|Count$/.test(name) ? this.facts[name] : 0]))
  }
}

export class StandInBreaker extends EventTarget {
  own

  constructor(name) {
    super()
    this.own = new Counts(name, name)
  }

  get name() {
    return this.own.name
  }

  [Symbol.for('halfopen.read')]() {
    const { own } = this
    return { ...reading([own]), keys: [own.name], ids: [0], gone: undefined }
  }
}

export class StandInRegistry extends EventTarget {
  seated = new Map()
  gone = Object.fromEntries(FACTS.map((name) => [name, 0]))
  #next = 0

  /** Seats a breaker: a new one, or one that went and is held by somebody. */
  seat(breaker) {
    if (breaker.id < 0) breaker.id = this.#next++
    // What it counted before is no more in what is gone.
    if (breaker.left !== undefined) this.#add(breaker.left, -1)
    breaker.left = undefined
    this.seated.set(breaker.key, breaker)
    return breaker
  }

  /** Has a breaker go. One that is put aside for good begins a life of new counts, should it come back. */
  leave(key, isForgotten = false) {
    const breaker = this.seated.get(key)
    this.seated.delete(key)
    this.#add(breaker.counts, 1)
    if (isForgotten) breaker.facts = new Counts().facts
    else breaker.left = breaker.counts
    return breaker
  }

  #add(counts, sign) {
    for (const name of FACTS) this.gone[name] += sign * counts[name]
  }

  [Symbol.for('halfopen.read')]() {
    return { ...reading([...this.seated.values()]), gone: Float64Array.from(FACTS, (name) => this.gone[name]) }
  }
}

function reading(breakers) {
  return {
    facts: FACTS, states: STATES, modes: ['normal'],
    rows: Float64Array.from(breakers.flatMap(({ facts }) => FACTS.map((name) => facts[name]))),
    keys: breakers.map(({ key }) => key), names: breakers.map(({ name }) => name), ids: breakers.map(({ id }) => id),
    breaker: () => {
      throw new Error('A reading that is told hands nobody out')
    }
  }
}
