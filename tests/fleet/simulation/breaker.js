/**
 * The local breaker as a small model, for fleets of ten thousand: as much as a fleet meets of it, by the same two doors. `model.test.js` has it live the
 * same lives as the real one and compares the two. It has a window of time with a rate of failures, tests one call at a time, and every call but a
 * test is over at once.
 *
 * Must not know: fleets, the upstream.
 */
const FACTS = ['successfulCalls', 'failedCalls', 'ignoredCalls', 'rejectedCalls', 'state', 'mode']
const STATES = ['closed', 'open', 'half_open']
const MODES = ['normal']
const OPEN = 1
const HALF_OPEN = 2
const BUCKETS = 10
const ENDS = { success: 1, failure: 2, ignored: 3 }

/** What a breaker of the simulation is made with, the model and the real one: the defaults of the package, or a window. */
export const LOCALS = {
  row: { failureThreshold: 5, recoveryTimeout: 60_000, successThreshold: 2 },
  window: { window: { type: 'time', duration: 10_000 }, failureRate: 0.5, minimumCalls: 10, recoveryTimeout: 5000, successThreshold: 2 }
}

export class ModelBreaker {
  successes = 0
  failures = 0
  ignored = 0
  refused = 0
  number = 0
  #phase = 0
  /** Since when it is open, and for how long. */
  #since = 0
  #span = 0
  /** Of half open: how many tests succeeded, and the one under way. */
  #passed = 0
  #inTest = 0
  #hold
  #granted = NaN
  #lease = 0
  /** The fleet's test, and how the last one ended. */
  #fleetTest = 0
  #ended = 0
  #permits = 0
  #place
  #news = []
  #reading
  // The window.
  #calls = new Uint32Array(BUCKETS)
  #bad = new Uint32Array(BUCKETS)
  #allCalls = 0
  #allBad = 0
  #origin = NaN
  #tick = 0

  /**
   * @param {{ now: () => number }} clock
   * @param {string} name
   * @param {any} options One of {@link LOCALS}.
   */
  constructor(clock, name, options) {
    this.clock = clock
    this.name = name
    this.options = options
  }

  get state() {
    return STATES[this.#phase]
  }

  [Symbol.for('halfopen.read')]() {
    // One reading for all: who reads takes what it needs at once.
    const { rows } = (this.#reading ??= { facts: FACTS, states: STATES, modes: MODES, rows: new Float64Array(FACTS.length), keys: [this.name], names: [this.name], ids: [0], breaker: () => this })
    rows[0] = this.successes
    rows[1] = this.failures
    rows[2] = this.ignored
    rows[3] = this.refused
    rows[4] = this.#phase
    return this.#reading
  }

  [Symbol.for('halfopen.fleet')](place) {
    this.#place?.leave()
    this.#place = place
    if (place === undefined) {
      this.#hold = undefined
      this.#granted = NaN
      return
    }
    const core = {
      fleetHold: (slot, due, stale, now) => this.#takeHold(due, stale, now),
      fleetGrant: (slot, lease, now) => this.#grant(lease, now),
      fleetTakeBack: () => {
        const had = this.#granted === this.#granted
        this.#granted = NaN
        return had ? 1 : 0
      },
      fleetEnd: (slot, closes, now) => this.#letGo(now),
      fleetStage: (slot, now) => this.#stage(now),
      fleetTestEnd: () => this.#takeEnd()
    }
    const nothing = () => {}
    place.enter({ core, slot: () => 0, now: () => this.clock.now(), random: () => 0.5, tell: () => this.#tell(), setDeadline: nothing, clearDeadline: nothing, watch: nothing, reasonOf: nothing })
  }

  /**
   * One call. `upstream(isTest, done)` is asked if it passes; `over(isRefused)` is told if it does not.
   *
   * @returns {boolean} Whether it waits for its fleet.
   */
  call(upstream, over) {
    const permit = this.#admit(this.clock.now())
    this.#tell()
    if (permit !== UNDECIDED) return this.#goOn(permit, upstream, over)
    this.#place.ask(async (isGranted) => this.#goOn(this.#decide(isGranted), upstream, over), undefined, undefined)
    return true
  }

  #goOn(permit, upstream, over) {
    if (permit === REFUSED) {
      this.refused += 1
      over()
      return false
    }
    upstream(permit > 0, (isWell) => this.#settle(permit, isWell, this.clock.now()))
    return false
  }

  #decide(isGranted) {
    if (!isGranted) return REFUSED
    const giveBack = this.#place?.grant()
    const permit = this.#admit(this.clock.now())
    this.#tell()
    giveBack?.()
    return permit === UNDECIDED ? REFUSED : permit
  }

  /** A permit above 0 is of a test, 0 of a call like any other. */
  #admit(now) {
    this.#advance(now)
    if (this.#hold !== undefined) {
      if (this.#phase === HALF_OPEN && this.#inTest !== 0) return REFUSED
      const isGranted = now < this.#granted + this.#lease
      if (!isGranted) return this.#dueIn(now) > 0 ? REFUSED : this.#place === undefined ? REFUSED : UNDECIDED
      if (this.#phase === OPEN) this.#enter(HALF_OPEN, 'recovery_due', now)
      this.#granted = NaN
      // An earlier one belongs to the past by now, and has not ended.
      if (this.#fleetTest !== 0) this.#ended = ENDS.ignored
      return (this.#fleetTest = this.#inTest = ++this.#permits)
    }
    if (this.#phase === 0) return 0
    if (this.#phase === OPEN || this.#inTest !== 0) return REFUSED
    return (this.#inTest = ++this.#permits)
  }

  /** What time alone brings about. */
  #advance(now) {
    const hold = this.#hold
    if (hold !== undefined) {
      if (now < hold.since + hold.stale) return
      this.#forgetHold()
    }
    if (this.#phase === OPEN && now >= this.#since + this.#span) this.#enter(HALF_OPEN, 'recovery_due', now)
  }

  #settle(permit, isWell, now) {
    // A test that was under way when the circuit opened anew is stale. A call is never: it is over at once.
    if (permit === 0 || (this.#phase === HALF_OPEN && permit === this.#inTest)) {
      if (isWell) this.successes += 1
      else this.failures += 1
    }
    if (permit === 0) this.#judge(isWell, now)
    else {
      const isFleets = permit === this.#fleetTest
      if (isFleets) {
        this.#fleetTest = 0
        this.#ended = isWell ? ENDS.success : ENDS.failure
      }
      if (this.#phase === HALF_OPEN && permit === this.#inTest) {
        this.#inTest = 0
        if (!isWell) this.#open('recovery_failed', this.options.recoveryTimeout, now)
        else if (++this.#passed >= this.options.successThreshold && (this.#hold === undefined || now >= this.#hold.since + this.#hold.stale)) this.#enter(0, 'recovered', now)
      }
    }
    this.#tell()
  }

  #judge(isWell, now) {
    if (this.options.window === undefined) {
      this.#allBad = isWell ? 0 : this.#allBad + 1
      if (this.#allBad >= this.options.failureThreshold) this.#open('failure_threshold', this.options.recoveryTimeout, now)
      return
    }
    const passed = Math.floor((now - this.#origin) * BUCKETS / this.options.window.duration) - this.#tick
    if (!(passed === 0)) {
      if (!(passed > 0 && passed < BUCKETS)) {
        if (!(passed < 0)) this.#clear()
        this.#origin = now
        this.#tick = 0
      } else {
        for (let i = 0; i < passed; i++) {
          this.#tick += 1
          const place = this.#tick % BUCKETS
          this.#allCalls -= this.#calls[place]
          this.#allBad -= this.#bad[place]
          this.#calls[place] = this.#bad[place] = 0
        }
      }
    }
    const place = this.#tick % BUCKETS
    this.#calls[place] += 1
    this.#allCalls += 1
    if (isWell) return
    this.#bad[place] += 1
    this.#allBad += 1
    if (this.#allCalls >= this.options.minimumCalls && this.#allBad >= this.options.failureRate * this.#allCalls) this.#open('failure_rate', this.options.recoveryTimeout, now)
  }

  #clear() {
    this.#calls.fill(0)
    this.#bad.fill(0)
    this.#allCalls = this.#allBad = 0
    this.#origin = NaN
    this.#tick = 0
  }

  #enter(to, reason, now) {
    const from = this.#phase
    this.#phase = to
    this.#since = now
    this.#passed = 0
    this.#inTest = 0
    this.#clear()
    if (to === 0) this.#forgetHold()
    this.#news.push({ from: STATES[from], to: STATES[to], reason })
  }

  #open(reason, span, now) {
    if (this.#phase === OPEN) {
      this.#since = now
      this.#span = span
      return
    }
    this.#enter(OPEN, reason, now)
    this.#span = span
  }

  #forgetHold() {
    this.#granted = NaN
    this.#hold = undefined
  }

  #takeHold(due, stale, now) {
    const was = this.#hold !== undefined
    this.#hold = { since: now, due, stale }
    if (this.#phase === OPEN) this.#span = 0
    else if (!(this.#phase === HALF_OPEN && was && (due === 0 || this.#inTest !== 0))) this.#open('fleet', 0, now)
    return 0
  }

  #grant(lease, now) {
    this.#advance(now)
    if (this.#hold === undefined) return 0
    if (this.#inTest === 0 && (this.#granted !== this.#granted || lease >= 0)) {
      this.#granted = now
      this.#lease = lease >= 0 ? lease : 60_000
    }
    return 1
  }

  #letGo(now) {
    const had = this.#hold !== undefined
    this.#forgetHold()
    if (had && !(this.#phase === OPEN && now < this.#since + this.#span)) this.#enter(0, 'fleet', now)
  }

  #dueIn(now) {
    const { since, due } = this.#hold
    return Math.max(since + due - now, this.#phase === OPEN ? this.#since + this.#span - now : 0, 0)
  }

  #stage(now) {
    if (this.#hold === undefined) return 0
    if (now >= this.#hold.since + this.#hold.stale) return 3
    return this.#dueIn(now) > 0 ? 1 : 2
  }

  #takeEnd() {
    const ended = this.#ended
    this.#ended = 0
    return ended
  }

  #tell() {
    if (this.#news.length === 0 && this.#ended === 0) return
    const after = this.#ended === 0 ? undefined : this.#place?.note(0)
    this.#ended = 0
    for (const change of this.#news.splice(0)) this.#place?.tell(change)
    after?.()
  }
}

const REFUSED = -1
const UNDECIDED = -2

/** A real breaker, called as the model is. */
export class RealBreaker {
  /**
   * @param {any} made Of the class.
   */
  constructor(made) {
    this.made = made
  }

  get state() {
    return this.made.state
  }

  [Symbol.for('halfopen.read')]() {
    return this.made[Symbol.for('halfopen.read')]()
  }

  [Symbol.for('halfopen.fleet')](place) {
    return this.made[Symbol.for('halfopen.fleet')](place)
  }

  call(upstream, over) {
    const run = () => {
      const { promise, resolve, reject } = Promise.withResolvers?.() ?? withResolvers()
      upstream(this.made.state === 'half_open', (isWell) => isWell ? resolve() : reject(ILL))
      return promise
    }
    this.made.call(run).catch((error) => {
      if (error === ILL) return
      if (error.code !== 'ERR_CIRCUIT_OPEN') throw error
      over()
    })
    return true
  }
}

const ILL = new Error('The upstream is ill')

function withResolvers() {
  let resolve, reject
  const promise = new Promise((...both) => ([resolve, reject] = both))
  return { promise, resolve, reject }
}
