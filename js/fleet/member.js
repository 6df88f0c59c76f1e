/**
 * What one process does for one circuit: tells the register what it saw, asks it, and holds its breakers open or lets them go by what it answers.
 *
 * Must not know: how a store is reached, how long it takes, any class of breakers. What fails here leaves a breaker to itself.
 */
import { Evidence, countsOf, readingOf } from './evidence.js'
import { join, leave } from './place.js'
import { isOpen } from './register.js'

/** @import { Command, FleetMode, Reply, TestOutcome } from './register.js' */
/** @import { FleetSettings } from './settings.js' */

/**
 * What a member needs of its fleet.
 *
 * @typedef {object} Home
 * @property {string} id Of the process.
 * @property {Readonly<FleetSettings>} settings
 * @property {boolean} isLoose Calls do not wait for their claim either.
 * @property {number} claimTimeout So long at most a call waits for it, in ms.
 * @property {number} testTimeout So long at most a test may take, in ms.
 * @property {() => number} now
 * @property {() => number} random
 * @property {(command: Command, member: Member) => Promise<Reply>} run
 * @property {(fn: () => void, ms: number) => () => void} after Calls a function later, whatever else the process has to do; gives back what keeps it from that.
 * @property {(member: Member) => void} wake Its `wakeAt` may be another.
 * @property {(member: Member, reply: Reply, before: Reply | undefined) => void} heard The register is in another state than was known.
 */

/** So many claims in a row that were not answered say that the store gives no place to anybody. */
const UNCLAIMED = 3

/** Calls that a process has to have made of late, and most of them well, to know better than its fleet. As few as tell a half from none, mostly. */
const ENOUGH = 5

/** From one draw for a test to the next, in ms: who is not drawn has twice the chance then. */
const DRAW = 250

/** One breaker of a circuit. */
export class Part {
  evidence = /* @__PURE__ */ new Evidence()

  /**
   * @param {any} breaker
   * @param {Member} member
   * @throws {TypeError} `ERR_INVALID_ARGUMENT` when another fleet has joined it.
   */
  constructor(breaker, member) {
    this.breaker = breaker
    this.hold = join(breaker, {
      onRefused: (/** @type {boolean} */ isSync) => member.onRefused(this, isSync),
      onOutcome: (/** @type {TestOutcome} */ outcome) => member.onOutcome(this, outcome),
      onOpened: () => member.onOpened(),
      onClosed: () => member.onClosed()
    })
  }

  /** Lets the breaker go on by itself. */
  end() {
    attempt(() => leave(this.breaker))
  }
}

/** The test that this process has, or has asked for. */
class Test {
  /** The number of its grant, once it is known. */
  grant = 0
  /** Until when the place is its own for sure. */
  until = 0
  /** How it ended, if that came first. @type {TestOutcome | undefined} */
  outcome
  /** Whether the call that asked is gone: the grant, which is there or will be, is for the next one. */
  isKept = false
  /** Until when it is kept. */
  keptUntil = Infinity

  /** @param {Part} part */
  constructor(part) {
    this.part = part
  }
}

export class Member {
  /** @type {Set<Part>} */
  parts = new Set()
  /** The newest that is known of the register, and when it came. @type {Reply | undefined} */
  known
  at = 0
  /** What was switched by hand on the breakers on behalf of the fleet. @type {FleetMode} */
  mode = 'none'
  /** Whether the breakers are held open. */
  isHeld = false
  /** The epoch that this process does not follow, since it knows better; NaN for none. */
  dissent = NaN
  /** Whether the store was not heard of for so long that breakers go on by themselves. */
  isLocal = false
  /** Whether there were calls since it last asked. */
  isUsed = true
  /** When it last polled, by which the register counts it among those who listen. */
  polledAt = -Infinity

  /** When something is to be done; Infinity for nothing. */
  reportAt = Infinity
  releaseAt = Infinity
  renewAt = Infinity

  /** @type {Test | undefined} */
  #test
  /** No loose test begins before: the answer to the last one did not come. */
  #looseAt = -Infinity
  #seq = 0
  /** Since when no claim was answered, though others may be: a full store answers those who only ask. */
  #unclaimedAt = Infinity
  /** How many claims in a row were not answered: of one or two the network may be to blame. */
  #unclaimed = 0
  /** The hearing for which it was drawn, or not. */
  #round = NaN
  #isAsked = false
  #isSilent = true
  #reported = -Infinity
  #isAsserting = false
  /** What was drawn for a verdict that it does not follow. */
  #drawn = { epoch: NaN, at: 0 }

  /**
   * @param {string} name
   * @param {Home} home
   */
  constructor(name, home) {
    this.name = name
    this.home = home
  }

  get wakeAt() {
    return Math.min(this.reportAt, this.releaseAt, this.renewAt)
  }

  /**
   * Takes a breaker in.
   *
   * @param {unknown} breaker
   */
  join(breaker) {
    const part = new Part(breaker, this)
    this.parts.add(part)
    const { known } = this
    if (known === undefined) return part
    if (this.mode !== 'none') this.#switchOne(part, this.mode)
    if (this.isHeld) this.#holdOne(part)
    return part
  }

  /**
   * Lets a breaker go, which goes on by itself.
   *
   * @param {Part} part
   */
  drop(part) {
    this.parts.delete(part)
    part.end()
    if (this.mode !== 'none') this.#switchOne(part, this.mode, true)
    if (this.#test?.part === part) this.onOutcome(part, 'ignored')
  }

  /** Says goodbye, where anybody knows of it. */
  leave() {
    for (const part of [...this.parts]) this.drop(part)
    this.reportAt = this.releaseAt = this.renewAt = Infinity
    if (!this.#isSilent) this.#run({ type: 'leave', id: this.home.id })
  }

  /**
   * A look at the counts of a breaker, once a second.
   *
   * @param {Part} part
   * @param {import('./evidence.js').Counts} counts
   */
  note(part, counts) {
    if (part.evidence.note(counts, this.home.now(), this.home.settings.window)) this.isUsed = true
  }

  /** What follows from the last looks. */
  tick() {
    const { known, home } = this
    const now = home.now()
    if (known !== undefined && isOpen(known.state)) {
      if (this.dissent !== known.epoch) return
      const recent = this.#recent()
      if (this.#isSick(recent)) {
        this.dissent = NaN
        this.#hold()
      } else if (recent.calls >= ENOUGH && now - this.#reported >= home.settings.window / 2 && this.#isOfTheSample(known)) {
        // If most know better, the verdict is over: nobody of them will ever be refused, and test.
        this.#report()
      }
      return
    }
    if (known?.state === 'closed' || (known?.state === 'hearing' && this.#isAsked) || this.#isLeftOut()) return
    const isSick = this.#isSick(this.#sum())
    const wasSick = !this.#isSilent && now - this.#reported < home.settings.window
    if (!isSick && !wasSick) return
    const pause = known?.interval || home.settings.interval
    if (now - this.#reported >= pause && this.reportAt === Infinity) this.#report()
  }

  /** Does what is due. */
  act() {
    const now = this.home.now()
    if (this.renewAt <= now) {
      const test = this.#test
      if (test?.isKept && now >= test.keptUntil) this.#dropKept(test, true)
      else this.#renew(now)
    }
    if (this.releaseAt <= now) this.#release()
    if (this.reportAt <= now) {
      const { known } = this
      this.reportAt = known?.state === 'hearing' && this.#isAsked ? now + known.interval : Infinity
      if (this.#isLeftOut()) return
      // News of a breaker that opened may come before the second's look at it.
      this.#look()
      this.#report()
    }
  }

  /**
   * Whether it is one of those that say, in a large fleet, that they know better: drawn once for each verdict.
   *
   * @param {Reply} known
   */
  #isOfTheSample({ epoch, listeners }) {
    if (this.#drawn.epoch !== epoch) this.#drawn = { epoch, at: this.home.random() }
    return this.#drawn.at * listeners < this.home.settings.sample
  }

  /** Whether a hearing goes on that did not ask this process. It says nothing then, though it be sick: the share of the sick would be too high. */
  #isLeftOut() {
    const { known } = this
    return known?.state === 'hearing' && known.ask < 1_000_000 && !this.#isAsked
  }

  /**
   * Takes in what the register said.
   *
   * @param {Reply} reply
   * @param {boolean} isAnswer Not news by somebody else, which may be old.
   * @param {Reply} [before] What was known when it was asked.
   */
  take(reply, isAnswer, before) {
    const { known, home } = this
    if (known !== undefined && isOlder(reply, known)) {
      // It is older than what was known before it was asked: the store has lost something.
      if (isAnswer && before !== undefined && isOlder(reply, before)) this.#assert()
      return
    }
    this.known = reply
    this.at = home.now()
    // Where nobody can have the place of a test, the verdict stays nobody's, though it is heard; now and then that is tried anew.
    const isUnclaimable = this.isLocal && isOpen(reply.state) && known?.epoch === reply.epoch && this.#unclaimedAt < Infinity && this.at < this.#unclaimedAt + home.settings.staleAfter + home.settings.poll
    if (isUnclaimable) return
    if (this.isLocal) this.#unclaimedAt = Infinity
    this.isLocal = false
    if (reply.mode !== this.mode) this.#switch(reply.mode)
    const test = this.#test
    // What was kept is lost: its lease is over, or somebody else has closed the circuit.
    if (test?.isKept && test.grant !== 0 && !(reply.state === 'testing' && reply.grant === test.grant)) this.#dropKept(test, false)
    if (isOpen(reply.state)) {
      this.releaseAt = Infinity
      this.reportAt = Infinity
      if (this.dissent !== reply.epoch) {
        if (!this.isHeld && this.#knowsBetter()) this.dissent = reply.epoch
        else this.#hold()
      }
    } else {
      this.#letGo(reply)
      this.#listen(reply)
    }
    if (known === undefined || known.state !== reply.state || known.mode !== reply.mode || known.epoch !== reply.epoch) home.heard(this, reply, known)
    home.wake(this)
  }

  /** The store does not answer. What is known holds until it is stale. */
  lose() {
    const { known, home } = this
    if (this.isLocal || known === undefined || !isOpen(known.state)) return
    const claimedUntil = this.#unclaimed < UNCLAIMED ? Infinity : this.#unclaimedAt + home.settings.staleAfter
    if (home.now() < Math.min(this.at + known.staleIn, claimedUntil)) return
    this.isLocal = true
    if (this.isHeld) {
      this.isHeld = false
      for (const { hold } of this.parts) attempt(() => hold.hold(0, 0))
    }
  }

  /**
   * Gives the place of a test back that nobody can use.
   *
   * @param {number} grant
   */
  giveBack(grant) {
    this.#run({ type: 'settle', id: this.home.id, grant, outcome: 'ignored' })
  }

  /**
   * Shall a call that would be refused be the fleet's test?
   *
   * @param {Part} part
   * @param {boolean} isSync
   * @returns {boolean | Promise<boolean>}
   */
  onRefused(part, isSync) {
    const { known, home } = this
    if (known === undefined || !this.isHeld || !isOpen(known.state)) return false
    if (this.#test !== undefined) return this.#useKept(this.#test, part)
    const now = home.now()
    // Since when the place is free, as far as is known.
    const since = known.state === 'due' ? this.at - known.dueFor : this.at + known.dueIn
    if (now < since) return false
    const calls = known.rate / 1000 * (DRAW / 1000)
    if (calls > 1 && home.random() * calls >= 2 ** Math.floor((now - since) / DRAW)) return false
    const isLoose = home.isLoose || isSync
    if (isLoose && now < this.#looseAt) return false
    const test = (this.#test = new Test(part))
    const granted = this.#claim(test)
    if (!isLoose) return this.#within(granted, test)
    this.#looseAt = now + home.settings.lease
    attempt(() => part.hold.grant(home.testTimeout))
    return true
  }

  /**
   * @param {Part} part
   * @param {TestOutcome} outcome
   */
  onOutcome(part, outcome) {
    const test = this.#test
    if (test === undefined || test.part !== part) return
    test.outcome ??= outcome
    if (test.grant !== 0) this.#settle(test)
  }

  onOpened() {
    if (this.known !== undefined && isOpen(this.known.state)) return
    // Not at once: it is in the midst of a call.
    this.reportAt = Math.min(this.reportAt, this.home.now())
    this.home.wake(this)
  }

  /** By its own evidence, or by hand: both outrank the fleet's verdict, until a failure. */
  onClosed() {
    const { known } = this
    for (const { evidence } of this.parts) evidence.cut()
    if (known === undefined || !isOpen(known.state)) return
    this.dissent = known.epoch
    this.isHeld = false
    this.releaseAt = Infinity
  }

  /** @param {Command} command */
  #run(command) {
    // What goes wrong is told by whoever runs it.
    return this.home.run(command, this).catch(() => undefined)
  }

  /**
   * Asks for the place of a test.
   *
   * @param {Test} test
   * @returns {Promise<boolean>} Never rejects.
   */
  async #claim(test) {
    const { home } = this
    this.#isSilent = false
    const asked = home.now()
    const reply = await this.#run({ type: 'claim', id: home.id })
    this.#unclaimed = reply === undefined ? this.#unclaimed + 1 : 0
    this.#unclaimedAt = reply === undefined ? Math.min(this.#unclaimedAt, asked) : Infinity
    if (this.#test !== test || reply === undefined || reply.granted === 0) {
      if (this.#test === test) this.#test = undefined
      // It was granted to a call that waits no more.
      else if (reply?.granted === 1) this.giveBack(reply.grant)
      if (reply === undefined) this.lose()
      return false
    }
    const now = home.now()
    test.until = asked + home.settings.lease
    if (now >= test.until && !home.isLoose && test.outcome === undefined) {
      // So late that the place may be another's by now.
      this.#test = undefined
      this.giveBack(reply.grant)
      return false
    }
    this.#looseAt = -Infinity
    test.grant = reply.grant
    if (test.isKept) {
      // The way to the store takes longer than a call waits. The next call need not ask again, or none would ever test.
      test.keptUntil = now + home.settings.lease
      for (const part of this.parts) this.#holdOne(part)
      this.#renew(now)
    }
    this.renewAt = now + home.settings.lease / 3
    home.wake(this)
    if (test.outcome !== undefined) this.#settle(test)
    return true
  }

  /**
   * Waits for a claim, not too long.
   *
   * @param {Promise<boolean>} granted
   * @param {Test} test
   * @returns {Promise<boolean>}
   */
  #within(granted, test) {
    const { home } = this
    return new Promise((resolve) => {
      let isOver = false
      const stop = home.after(() => {
        isOver = true
        if (this.#test === test && test.grant === 0) test.isKept = true
        this.lose()
        resolve(false)
      }, home.claimTimeout)
      granted.then((isGranted) => {
        stop()
        if (isOver) return
        if (isGranted && attempt(() => test.part.hold.grant(home.testTimeout)) === false) {
          // It was opened by hand meanwhile, or closed.
          this.onOutcome(test.part, 'ignored')
          isGranted = false
        }
        resolve(isGranted)
      })
    })
  }

  /**
   * Uses for a call what was granted when the call that asked was gone.
   *
   * @param {Test} test
   * @param {Part} part
   * @returns {boolean}
   */
  #useKept(test, part) {
    if (!test.isKept) return false
    if (test.grant === 0) {
      // No answer yet. If none comes, this tells when the verdict is stale.
      this.lose()
      return false
    }
    if (this.home.now() >= test.until) return false
    test.isKept = false
    test.part = part
    if (attempt(() => part.hold.grant(this.home.testTimeout)) === true) return true
    this.onOutcome(part, 'ignored')
    return false
  }

  /**
   * @param {Test} test
   * @param {boolean} isOurs Whether the place is still to be given back.
   */
  #dropKept(test, isOurs) {
    this.#test = undefined
    this.renewAt = Infinity
    if (isOurs) this.giveBack(test.grant)
  }

  /** @param {number} now */
  async #renew(now) {
    const { home } = this
    const test = this.#test
    this.renewAt = now + home.settings.lease / 3
    if (test === undefined) return
    const reply = await this.#run({ type: 'renew', id: home.id, grant: test.grant })
    if (reply?.granted === 1) test.until = now + home.settings.lease
  }

  /** @param {Test} test */
  async #settle(test) {
    const { home } = this
    this.renewAt = Infinity
    await this.#run({ type: 'settle', id: home.id, grant: test.grant, outcome: test.outcome ?? 'ignored' })
    if (this.#test === test) this.#test = undefined
  }

  #report() {
    const sum = this.#sum()
    const { calls, failures, attempts, isOpen: open } = sum
    this.#reported = this.home.now()
    this.#seq += 1
    this.#isSilent = !this.#isSick(sum)
    this.#run({ type: 'report', id: this.home.id, seq: this.#seq, calls, failures, attempts, open })
  }

  /**
   * Reports if a hearing asks it to: it draws once a hearing, and says something before its first interval is over.
   *
   * @param {Reply} reply
   */
  #listen({ state, round, ask, interval }) {
    if (state !== 'hearing') {
      if (this.#isAsked) this.reportAt = Infinity
      this.#isAsked = false
      return
    }
    if (round === this.#round) return
    this.#round = round
    // The share is of those who poll: idle processes, which don't, are not among those who are drawn.
    const isCounted = this.home.now() - this.polledAt <= 2 * this.home.settings.poll || this.#sum().attempts > 0
    this.#isAsked = isCounted && this.home.random() * 1_000_000 < ask
    if (this.#isAsked) this.reportAt = this.home.now() + this.home.random() * 0.7 * interval
  }

  #hold() {
    this.isHeld = true
    for (const part of this.parts) this.#holdOne(part)
  }

  /** @param {Part} part */
  #holdOne(part) {
    const { known, home, at } = this
    if (known === undefined) return
    const test = known.state === 'testing' && this.#test?.grant === known.grant ? this.#test : undefined
    // Its own test goes on.
    if (test?.part === part && !test.isKept) return
    const now = home.now()
    const due = test?.isKept ? 0 : Math.max(0, at + known.dueIn - now)
    // Whether the verdict is stale shows when a call asks for the place and gets no answer. Where nobody calls, nobody asks, and the breaker must not
    // take that for silence of the store. So this is only for the case that the fleet itself is no more.
    const stale = Math.max(due, at + known.staleIn - now) + 4 * home.settings.poll
    attempt(() => part.hold.hold(due, stale))
  }

  /**
   * The verdict is over, or there is none: each process lets go at a moment of its own.
   *
   * @param {Reply} reply
   */
  #letGo(reply) {
    this.dissent = NaN
    if (!this.isHeld) return
    if (reply.state !== 'closed') this.#release()
    else if (this.releaseAt === Infinity) this.releaseAt = this.home.now() + this.home.random() * reply.spreadIn
  }

  #release() {
    this.releaseAt = Infinity
    this.isHeld = false
    this.#look()
    for (const { hold, evidence } of this.parts) {
      attempt(() => hold.release())
      evidence.cut()
    }
  }

  /** @param {FleetMode} mode */
  #switch(mode) {
    const was = this.mode
    this.mode = mode
    for (const part of this.parts) {
      if (was !== 'none') this.#switchOne(part, was, true)
      if (mode !== 'none') this.#switchOne(part, mode)
    }
  }

  /**
   * @param {Part} part
   * @param {FleetMode} mode
   * @param {boolean} [isOver]
   */
  #switchOne({ breaker }, mode, isOver = false) {
    attempt(() => {
      if (mode === 'isolated') isOver ? breaker.release() : breaker.isolate()
      else isOver ? breaker.enable() : breaker.observe()
    })
  }

  /** Tells a store what it has lost. */
  async #assert() {
    const { known, at, home } = this
    if (known === undefined || this.#isAsserting) return
    this.#isAsserting = true
    const dueIn = Math.floor(Math.max(0, at + known.dueIn - home.now()))
    const { epoch, revision, state, mode, failedTests, successes, rate, listeners, grant } = known
    await this.#run({ type: 'assert', epoch, revision, state, mode, dueIn, failedTests, successes, rate, listeners, grant })
    this.#isAsserting = false
  }

  /** Looks at the counts out of turn. */
  #look() {
    for (const part of this.parts) {
      const reading = attempt(() => readingOf(part.breaker))
      if (reading !== undefined) this.note(part, countsOf(reading, 0))
    }
  }

  #sum() {
    return total([...this.parts].map(({ evidence }) => evidence.sum()))
  }

  #recent() {
    return total([...this.parts].map(({ evidence }) => evidence.recent(ENOUGH)))
  }

  /** @param {import('./evidence.js').Counts} counts */
  #isSick({ calls, failures, isOpen }) {
    return isOpen || (failures > 0 && failures >= this.home.settings.failureRate / 2 * calls)
  }

  /** Whether what this process saw of late speaks against a verdict: it has another zone, another way. */
  #knowsBetter() {
    this.#look()
    const recent = this.#recent()
    return recent.calls >= ENOUGH && !this.#isSick(recent)
  }
}

/** @param {import('./evidence.js').Counts[]} all */
function total(all) {
  const sum = { calls: 0, failures: 0, attempts: 0, isOpen: false }
  for (const one of all) {
    sum.calls += one.calls
    sum.failures += one.failures
    sum.attempts += one.attempts
    sum.isOpen ||= one.isOpen
  }
  return sum
}

/**
 * @param {Reply} one
 * @param {Reply} other
 */
const isOlder = (one, other) => one.epoch < other.epoch || (one.epoch === other.epoch && one.revision < other.revision)

/**
 * A breaker that fails in what a fleet asks of it leaves the fleet as it is.
 *
 * @template T
 * @param {() => T} ask
 */
function attempt(ask) {
  try {
    return ask()
  } catch {
    return undefined
  }
}
