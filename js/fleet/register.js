/**
 * The register: what a fleet knows of one circuit, and every step that it can take. `step(state, command, now, random, settings)` gives the next state and
 * the reply, and changes nothing that it was given. `lua/register.js` is the same in Redis, step by step; `tests/fleet` compares the two.
 *
 * Must not know: stores, clocks, chance, breakers. `now` is the store's time in whole ms, `random` a number from 0 up to 1, both given.
 *
 * Invariants, for all sequences of commands, whatever members send and however the store's clock jumps:
 *
 *  1. `epoch` never goes down, and (`epoch`, `revision`) goes up with each change of `state` or `mode`.
 *  2. A new epoch is a new verdict: hearing → open, open, due or testing → closed, a switch by hand, or what an `assert` brought.
 *  3. At most one member holds the test, and only while `state` is `testing`. No grant is given twice.
 *  4. A member whose lease ran out, or whose grant is not the current one, decides nothing by `settle` and keeps nothing by `renew`.
 *  5. `sums` is the sum over `members`, each clipped; a member counts once, by its highest `seq`, and drops out with the window.
 *  6. It opens only from a hearing, by at least `quorum` bad members, after at least one `interval`, with at least half of those asked heard.
 *  7. It closes only by `successes` tests, one after another, or by more than half of those who listen, and `quorum` of them, that report being well.
 *  8. No state but quiet and due lasts for ever (due waits for a call): open ends within `longestRecovery`, testing within `lease` of the last renewal,
 *     hearing within `longestHearing`, closed within `spread`, suspicion within `window` of the last sick report.
 *  9. `assert` never lowers (`epoch`, `revision`), and the same `assert` twice is the same as once.
 */
import { DEFAULTS } from './settings.js'

/** @import { FleetSettings } from './settings.js' */

/** The version of keys, arguments and replies. A store answers to none but its own. */
export const PROTOCOL = 1

/** The states of a register, in the order of their numbers. */
export const STATES = /** @type {const} */ (['quiet', 'suspicion', 'hearing', 'open', 'due', 'testing', 'closed'])

/** What is done by hand to all breakers of a fleet. */
export const MODES = /** @type {const} */ (['none', 'isolated', 'observing'])

/** How a test may end: `expired` where its process gave it up. */
export const OUTCOMES = /** @type {const} */ (['success', 'failure', 'ignored', 'expired'])

/** @typedef {typeof STATES[number]} FleetState */
/** @typedef {typeof MODES[number]} FleetMode */
/** @typedef {typeof OUTCOMES[number]} TestOutcome */

/**
 * @typedef {object} Member What one process reported last.
 * @property {number} seq The number of its report.
 * @property {number} at When, by the store.
 * @property {number} calls Clipped.
 * @property {number} failures Clipped likewise: the same share, rounded.
 * @property {number} attempts All its calls in the window, refused ones too, not clipped.
 * @property {number} some 1 if it made a call.
 * @property {number} sick 1 if at least half of `failureRate` failed.
 * @property {number} bad 1 if at least `failureRate` failed, or its circuit is open.
 */

/**
 * @typedef {object} Sums Over all members.
 * @property {number} heard
 * @property {number} some
 * @property {number} sick
 * @property {number} bad
 * @property {number} calls
 * @property {number} failures
 * @property {number} attempts
 */

/**
 * @typedef {object} Register
 * @property {number} origin Drawn when it was made, from 1: one that was lost and made again has another.
 * @property {number} epoch
 * @property {number} revision
 * @property {FleetState} state
 * @property {FleetMode} mode
 * @property {number} since When `state` began.
 * @property {number} until When `state` ends by itself: of hearing, open, testing and closed. Of due: since when a test may be.
 * @property {number} interval What reporters leave between two reports.
 * @property {number} next When that doubles, in suspicion.
 * @property {number} round The revision at which the last hearing began: who is drawn for it is drawn once.
 * @property {number} before How many were sick when it began.
 * @property {number} pause How long the current pause between hearings is.
 * @property {number} paused Until when it is.
 * @property {number} failedTests Since it opened.
 * @property {number} successes Of tests, since it opened or since the last failed one.
 * @property {string} holder Who tests.
 * @property {number} grant The number of the last test.
 * @property {number} rate Calls of the whole fleet in 1,000 s, when it opened.
 * @property {number} bucket Which `poll` of time the two counts are of.
 * @property {number} polls In that bucket.
 * @property {number} pollsBefore In the one before.
 * @property {number} latest When the last report was.
 * @property {Sums} sums
 * @property {ReadonlyMap<string, Member>} members In the order of their last reports.
 */

/**
 * @typedef {object} Reply Numbers are whole; times are ms from now, by the store, and 0 where they are over.
 * @property {number} origin
 * @property {number} epoch
 * @property {number} revision
 * @property {FleetState} state
 * @property {FleetMode} mode
 * @property {number} dueIn Until a test may be, of an open circuit; until the lease ends, of one in test.
 * @property {number} dueFor How long that is over, of a due one.
 * @property {number} staleIn Until an open, due or testing verdict is nobody's if nothing more is heard.
 * @property {number} spreadIn What is left of the time to let go of a closed circuit.
 * @property {number} interval Between two reports; 0: none are wanted.
 * @property {number} ask How many of a million who listen are asked to report, the healthy too.
 * @property {number} round Which hearing asks.
 * @property {number} endsIn What is left of a hearing.
 * @property {number} failedTests
 * @property {number} successes
 * @property {number} rate Calls of the fleet in 1,000 s.
 * @property {number} listeners How many listen, as far as it knows.
 * @property {number} granted 1 if the place is the asker's: of `claim`, `renew`; of `settle` if it counted; of `assert` if it was taken.
 * @property {number} grant The number of the current or last test.
 */

/**
 * What may be asked of a register.
 *
 * - `read`: nothing. `poll`: the same, and the asker is counted among those who listen: once each `settings.poll`.
 * - `report`: absolute counts of the window of `id`, the `seq`th: by who is sick, whom a hearing asks, and who is well in spite of an open verdict. `attempts`: calls and refused ones. `open`: its circuit is open by its own evidence.
 * - `claim`: the place for the one test. `renew`: for another `lease`. `settle`: how it ended.
 * - `assert`: what `id` knows, for a store that lost it. `switch`: by hand. `leave`: `id` goes.
 *
 * @typedef {(
 *   { type: 'read' } |
 *   { type: 'poll' } |
 *   { type: 'report', id: string, seq: number, calls: number, failures: number, attempts: number, open: boolean } |
 *   { type: 'claim', id: string } |
 *   { type: 'renew', id: string, grant: number } |
 *   { type: 'settle', id: string, grant: number, outcome: TestOutcome } |
 *   { type: 'assert', epoch: number, revision: number, state: FleetState, mode: FleetMode, dueIn: number, failedTests: number, successes: number, rate: number, listeners: number, grant: number } |
 *   { type: 'switch', mode: FleetMode } |
 *   { type: 'leave', id: string }
 * )} Command
 */

/**
 * Whether it is a verdict that holds circuits open.
 *
 * @param {FleetState} state
 */
export const isOpen = (state) => state === 'open' || state === 'due' || state === 'testing'

/** Names of the numbers of `sums`. */
export const SUMS = /** @type {const} */ (['heard', 'some', 'sick', 'bad', 'calls', 'failures', 'attempts'])

/** What a register is before anybody asked. A store that has none under a name takes this. */
export const EMPTY = /** @type {Readonly<Register>} */ (/* @__PURE__ */ Object.freeze({
  origin: 0,
  epoch: 0,
  revision: 0,
  state: 'quiet',
  mode: 'none',
  since: 0,
  until: 0,
  interval: 0,
  next: 0,
  round: 0,
  before: 0,
  pause: 0,
  paused: 0,
  failedTests: 0,
  successes: 0,
  holder: '',
  grant: 0,
  rate: 0,
  bucket: 0,
  polls: 0,
  pollsBefore: 0,
  latest: 0,
  sums: /* @__PURE__ */ Object.freeze({ heard: 0, some: 0, sick: 0, bad: 0, calls: 0, failures: 0, attempts: 0 }),
  members: /* @__PURE__ */ new Map()
}))

/** No count is larger, so that all sums and products are exact in both languages. */
const MOST = 1_000_000_000

/**
 * One step: what time alone changed, then the command.
 *
 * @param {Readonly<Register>} state
 * @param {Readonly<Command>} command
 * @param {number} now The store's time, whole ms.
 * @param {number} random From 0 up to 1. It goes into the time to the next test, and into the `origin` of a new register.
 * @param {Readonly<FleetSettings>} [settings]
 * @returns {{ state: Readonly<Register>, reply: Reply, news: boolean }} `news`: the reply is worth telling all who listen, `granted` aside.
 */
export function step(state, command, now, random, settings = DEFAULTS) {
  const draft = new Draft(state, now, random, settings)
  draft.pass()
  const granted = draft.take(command)
  return { state: draft.done(), reply: replyOf(draft.r, now, settings, granted), news: draft.news }
}

/** A state at work: a copy, made as little as can be. */
class Draft {
  /**
   * @param {Readonly<Register>} state
   * @param {number} now
   * @param {number} random
   * @param {Readonly<FleetSettings>} settings
   */
  constructor(state, now, random, settings) {
    /** @type {Register} */
    this.r = { ...state, sums: { ...state.sums } }
    /** @type {Map<string, Member> | undefined} */
    this.changed = undefined
    this.now = now
    this.random = random
    this.settings = settings
    this.news = false
    if (this.r.origin === 0) this.r.origin = 1 + Math.floor(random * MOST)
  }

  /** The members, to be changed. */
  get members() {
    return this.changed ??= new Map(this.r.members)
  }

  done() {
    if (this.changed !== undefined) this.r.members = this.changed
    return this.r
  }

  /**
   * @param {FleetState} state
   * @param {number} until
   * @param {boolean} isVerdict It is a new epoch.
   * @param {boolean} isNews
   */
  enter(state, until, isVerdict, isNews) {
    const { r } = this
    r.state = state
    r.since = this.now
    r.until = until
    r.revision += 1
    if (isVerdict) r.epoch += 1
    if (isNews) this.news = true
  }

  /** Forgets all members. */
  wipe() {
    this.changed = new Map()
    for (const name of SUMS) this.r.sums[name] = 0
  }

  /** @param {string} id */
  drop(id) {
    const member = (this.changed ?? this.r.members).get(id)
    if (member === undefined) return
    this.members.delete(id)
    this.add(member, -1)
  }

  /**
   * @param {Member} member
   * @param {number} sign
   */
  add(member, sign) {
    const { sums } = this.r
    sums.heard += sign
    sums.some += sign * member.some
    sums.sick += sign * member.sick
    sums.bad += sign * member.bad
    sums.calls += sign * member.calls
    sums.failures += sign * member.failures
    sums.attempts += sign * member.attempts
  }

  /** What time alone changes. */
  pass() {
    const { r, now, settings } = this
    // A clock that stepped back holds nobody for longer than the rule would.
    if (r.since > now) r.since = now
    const longest = { quiet: 0, suspicion: 0, hearing: settings.hearing, open: settings.longestRecovery, due: 0, testing: settings.lease, closed: settings.spread }[r.state]
    if (r.until > now + longest) r.until = now + longest
    if (r.paused > now + r.pause) r.paused = now + r.pause
    if (r.next > now + r.interval) r.next = now + r.interval

    // They are in the order of their reports: the oldest first, and those from a time that is yet to come (the clock stepped back) last.
    for (const [id, { at }] of r.members) {
      const isFresh = at > now - settings.window
      if (isFresh && r.latest <= now) break
      if (!isFresh || at > now) this.drop(id)
    }
    if (r.latest > now) r.latest = now
    if (r.state === 'hearing') {
      if (now >= r.until && (this.hasQuorumOfAnswers() || now >= r.since + settings.longestHearing)) this.endHearing()
    }
    if (r.state === 'suspicion' && r.sums.sick === 0) {
      this.wipe()
      r.interval = 0
      this.enter('quiet', 0, false, false)
    } else if (r.state === 'open' && now >= r.until) {
      this.enter('due', r.until, false, false)
    } else if (r.state === 'testing' && now >= r.until) {
      const { until } = r
      r.holder = ''
      this.enter('due', until, false, false)
    } else if (r.state === 'closed' && now >= r.until) {
      this.enter('quiet', 0, false, false)
    }
    if (r.state === 'quiet' && r.pause > 0 && now >= r.paused + r.pause) {
      r.pause = 0
      r.paused = 0
      r.before = 0
    }
  }

  /** Whether half of those asked were heard. What a few said who happened to hear the question would be the word of the sick alone. */
  hasQuorumOfAnswers() {
    return this.r.sums.heard * 2 >= Math.min(this.settings.sample, listenersOf(this.r, this.now, this.settings))
  }

  /** A hearing that found nothing. */
  endHearing() {
    const { r, now, settings } = this
    r.pause = Math.min(settings.longestPause, r.pause === 0 ? settings.hearing * 2 : r.pause * 2)
    r.paused = now + r.pause
    r.interval = Math.max(settings.interval, Math.floor(settings.window / 2))
    r.next = now + r.interval
    this.enter('suspicion', 0, false, true)
  }

  /**
   * @param {Readonly<Command>} command
   * @returns {number} `granted` of the reply.
   */
  take(command) {
    const { r, now, settings } = this
    switch (command.type) {
      case 'poll':
        this.listen()
        return 0
      case 'report':
        this.report(command)
        return 0
      case 'claim':
        // Who holds it may ask again: the answer to its first claim was lost.
        if (r.state === 'testing' && r.holder === command.id) {
          r.until = now + settings.lease
          return 1
        }
        if (r.state !== 'due') return 0
        r.holder = command.id
        r.grant += 1
        this.enter('testing', now + settings.lease, false, true)
        return 1
      case 'renew':
        if (!this.holds(command)) return 0
        r.until = now + settings.lease
        // A sign of life: who waits need not ask.
        this.news = true
        return 1
      case 'settle':
        if (!this.holds(command)) return 0
        this.settle(command.outcome)
        return 1
      case 'assert':
        return this.assert(command)
      case 'switch':
        if (r.mode !== command.mode) {
          r.mode = command.mode
          r.epoch += 1
          r.revision += 1
          this.news = true
        }
        return 0
      case 'leave':
        this.drop(command.id)
        if (r.state === 'testing' && r.holder === command.id) this.giveBack()
        return 0
      default:
        return 0
    }
  }

  /** @param {{ id: string, grant: number }} command */
  holds({ id, grant }) {
    return this.r.state === 'testing' && this.r.holder === id && this.r.grant === grant
  }

  giveBack() {
    this.r.holder = ''
    this.enter('due', this.now, false, true)
  }

  /** Counts one who listens. */
  listen() {
    const { r } = this
    const bucket = Math.floor(this.now / this.settings.poll)
    if (r.bucket !== bucket) {
      r.pollsBefore = r.bucket === bucket - 1 ? r.polls : 0
      r.polls = 0
      r.bucket = bucket
    }
    r.polls += 1
  }

  /** @param {Extract<Command, { type: 'report' }>} command */
  report(command) {
    const { r, now, settings } = this
    if (r.state === 'closed') return
    const known = (this.changed ?? r.members).get(command.id)
    if (known !== undefined && known.seq >= command.seq) return
    const member = memberOf(command, now, settings)
    this.drop(command.id)
    // But for a hearing, only what speaks against the state is worth a place.
    if (isOpen(r.state) ? member.sick === 1 || member.some === 0 : r.state !== 'hearing' && member.sick === 0) return
    this.members.set(command.id, member)
    r.latest = now
    this.add(member, 1)

    if (r.state === 'quiet') {
      r.interval = settings.interval
      r.next = now + r.interval
      this.enter('suspicion', 0, false, false)
    }
    if (r.state === 'suspicion') {
      while (r.next <= now && r.interval * 4 <= settings.window) {
        r.next += r.interval
        r.interval *= 2
      }
      if (r.sums.sick >= settings.quorum && (now >= r.paused || r.sums.sick >= 2 * r.before)) this.hear()
    } else if (r.state === 'hearing') {
      if (this.isSick()) this.open()
    } else if (r.sums.heard >= settings.quorum && r.sums.heard * 2 > Math.min(settings.sample, listenersOf(r, now, settings))) {
      // Most processes know better. Who is never refused never tests, so without this nobody would close it.
      this.close()
    }
  }

  close() {
    const { r, now, settings } = this
    r.holder = ''
    r.failedTests = 0
    r.successes = 0
    r.rate = 0
    this.wipe()
    this.enter('closed', now + settings.spread, true, true)
  }

  /** Begins a hearing: what was said before it is forgotten, since only the sick said something. */
  hear() {
    const { r, now, settings } = this
    r.before = r.sums.sick
    this.wipe()
    r.interval = settings.interval
    this.enter('hearing', now + settings.hearing, false, true)
    r.round = r.revision
  }

  /** Whether what was heard is a verdict. */
  isSick() {
    const { r: { sums, since }, now, settings } = this
    return now >= since + settings.interval &&
      this.hasQuorumOfAnswers() &&
      sums.calls >= settings.minimumCalls &&
      sums.failures >= settings.failureRate * sums.calls &&
      sums.bad >= settings.quorum &&
      sums.bad >= settings.quorumRate * sums.some
  }

  open() {
    const { r, now, settings } = this
    // Of those heard in the window, for all who listen.
    const all = Math.max(r.sums.heard, listenersOf(r, now, settings))
    r.rate = Math.min(MOST, Math.floor(r.sums.attempts * 1_000_000 / settings.window * all / r.sums.heard))
    r.failedTests = 0
    r.successes = 0
    r.interval = 0
    r.pause = 0
    r.paused = 0
    r.before = 0
    this.wipe()
    this.enter('open', now + this.recovery(), true, true)
  }

  /** How long it is open: what a failed test multiplies, up to a limit, and a share of it off at random. */
  recovery() {
    const { r, settings } = this
    let time = settings.recoveryTimeout
    for (let failed = 0; failed < r.failedTests && time < settings.longestRecovery; failed++) time *= settings.recoveryFactor
    time = Math.min(time, settings.longestRecovery)
    return Math.max(1, Math.floor(time * (1 - settings.recoveryJitter * this.random)))
  }

  /** @param {TestOutcome} outcome */
  settle(outcome) {
    const { r, now, settings } = this
    if (outcome === 'failure') {
      r.holder = ''
      r.successes = 0
      // The time is as long as it can be long before.
      r.failedTests = Math.min(r.failedTests + 1, 1000)
      this.enter('open', now + this.recovery(), false, true)
      return
    }
    if (outcome === 'success') {
      r.successes += 1
      if (r.successes >= settings.successes) {
        this.close()
        return
      }
    }
    this.giveBack()
  }

  /**
   * Takes what a member knows, if it is more.
   *
   * @param {Extract<Command, { type: 'assert' }>} known
   */
  assert(known) {
    const { r, now, settings } = this
    if (known.epoch < r.epoch || (known.epoch === r.epoch && known.revision <= r.revision)) return 0
    if (known.epoch === r.epoch && !isOpen(known.state)) {
      // No verdict was lost. A hearing that is under way goes on, and nothing that it says is taken for older than what members know.
      r.revision = known.revision
      if (r.state === 'hearing') r.round = r.revision
      this.news = true
      return 1
    }
    this.wipe()
    r.mode = known.mode
    r.holder = ''
    r.interval = 0
    r.failedTests = known.failedTests
    r.successes = known.successes
    r.rate = known.rate
    r.grant = Math.max(r.grant, known.grant)
    if (listenersOf(r, now, settings) < known.listeners) {
      r.bucket = Math.floor(now / settings.poll)
      r.polls = Math.max(r.polls, 1)
      r.pollsBefore = known.listeners
    }
    switch (known.state) {
      case 'open':
        this.enter('open', now + Math.min(known.dueIn, settings.longestRecovery), false, true)
        break
      // The place went with the store.
      case 'testing':
      case 'due':
        this.enter('due', now, false, true)
        break
      case 'closed':
        this.enter('closed', now + settings.spread, false, true)
        break
      // Evidence is reported anew.
      default:
        this.enter('quiet', 0, false, true)
    }
    r.epoch = known.epoch
    r.revision = known.revision
    return 1
  }
}

/**
 * @param {Extract<Command, { type: 'report' }>} command
 * @param {number} now
 * @param {Readonly<FleetSettings>} settings
 * @returns {Member}
 */
function memberOf({ seq, calls, failures, attempts, open }, now, { clip, failureRate }) {
  const bad = open || (failures > 0 && failures >= failureRate * calls) ? 1 : 0
  const sick = bad === 1 || (failures > 0 && failures >= failureRate / 2 * calls) ? 1 : 0
  if (open) return { seq, at: now, calls: clip, failures: clip, attempts, some: 1, sick, bad }
  if (calls <= clip) return { seq, at: now, calls, failures, attempts, some: calls > 0 ? 1 : 0, sick, bad }
  return { seq, at: now, calls: clip, failures: Math.floor(failures * clip / calls + 0.5), attempts, some: 1, sick, bad }
}

/**
 * How many listen: those who asked in the last whole `poll` of time, or in the current one.
 *
 * @param {Readonly<Register>} r
 * @param {number} now
 * @param {Readonly<FleetSettings>} settings
 */
function listenersOf(r, now, settings) {
  const bucket = Math.floor(now / settings.poll)
  if (r.bucket === bucket) return Math.max(r.polls, r.pollsBefore)
  return r.bucket === bucket - 1 ? r.polls : 0
}

/**
 * @param {Readonly<Register>} r
 * @param {number} now
 * @param {Readonly<FleetSettings>} settings
 * @param {number} granted
 * @returns {Reply}
 */
function replyOf(r, now, settings, granted) {
  const left = Math.max(0, r.until - now)
  const listeners = listenersOf(r, now, settings)
  const dueIn = r.state === 'open' || r.state === 'testing' ? left : 0
  return {
    origin: r.origin,
    epoch: r.epoch,
    revision: r.revision,
    state: r.state,
    mode: r.mode,
    dueIn,
    dueFor: r.state === 'due' ? Math.max(0, now - r.until) : 0,
    staleIn: isOpen(r.state) ? dueIn + settings.staleAfter : 0,
    spreadIn: r.state === 'closed' ? left : 0,
    interval: r.state === 'suspicion' || r.state === 'hearing' ? r.interval : 0,
    ask: r.state === 'hearing' ? Math.floor(1_000_000 * Math.min(1, settings.sample / Math.max(1, listeners))) : 0,
    round: r.round,
    endsIn: r.state === 'hearing' ? left : 0,
    failedTests: r.failedTests,
    successes: r.successes,
    rate: r.rate,
    listeners,
    granted,
    grant: r.grant
  }
}

/** Names of the parts of a reply, in the order in which they travel. */
export const REPLY = /** @type {const} */ ([
  'origin', 'epoch', 'revision', 'state', 'mode', 'dueIn', 'dueFor', 'staleIn', 'spreadIn', 'interval', 'ask', 'round', 'endsIn', 'failedTests', 'successes',
  'rate', 'listeners', 'granted', 'grant'
])

/**
 * Whether a store answered a reply. What it is made of may be another program.
 *
 * @param {any} value
 * @returns {value is Reply}
 */
export function isReply(value) {
  return REPLY.every((name) => {
    const one = value?.[name]
    if (name === 'state') return STATES.includes(one)
    if (name === 'mode') return MODES.includes(one)
    return Number.isFinite(one) && one >= 0
  })
}

/**
 * A command with its arguments as the register takes them, or the error: whole numbers from 0 up to a billion, nothing else.
 *
 * @param {string} type
 * @param {Record<string, unknown>} args
 * @returns {Command}
 */
export function commandOf(type, args = {}) {
  const shape = COMMANDS[/** @type {keyof typeof COMMANDS} */ (type)]
  if (shape === undefined) throw new TypeError(`No command \`${type}\` of a register`)
  /** @type {Record<string, unknown>} */
  const command = { type }
  for (const [name, kind] of Object.entries(shape)) command[name] = READ[kind](args[name])
  return /** @type {any} */ (command)
}

/** What each command takes, in the order in which it travels. */
export const COMMANDS = /** @type {const} */ ({
  read: {},
  poll: {},
  report: { id: 'text', seq: 'count', calls: 'count', failures: 'count', attempts: 'count', open: 'flag' },
  claim: { id: 'text' },
  renew: { id: 'text', grant: 'count' },
  settle: { id: 'text', grant: 'count', outcome: 'outcome' },
  assert: {
    epoch: 'count', revision: 'count', state: 'state', mode: 'mode', dueIn: 'count', failedTests: 'count', successes: 'count', rate: 'count', listeners: 'count',
    grant: 'count'
  },
  switch: { mode: 'mode' },
  leave: { id: 'text' }
})

/**
 * @template T
 * @param {readonly T[]} list
 * @returns {(value: unknown) => T}
 */
const oneOf = (list) => (value) => list.includes(/** @type {any} */ (value)) ? /** @type {T} */ (value) : list[0]

/** @type {Record<string, (value: unknown) => unknown>} */
const READ = {
  text: String,
  flag: Boolean,
  /** @param {unknown} value */
  count: (value) => Math.min(MOST, Math.max(0, Math.floor(Number(value) || 0))),
  state: /* @__PURE__ */ oneOf(STATES),
  mode: /* @__PURE__ */ oneOf(MODES),
  // What says nothing gives the place back.
  outcome: (value) => OUTCOMES.includes(/** @type {any} */ (value)) ? value : 'expired'
}
