/**
 * Looks at every state that a register can come to, with three members who send anything at any moment: breadth-first, each state once.
 *
 * A message that is late, doubled or lost is one that is sent at another moment, twice or not at all; a member that dies is one that sends nothing more and
 * knows nothing. So members here need no rules: whatever they could send in the worst case, they do. What they know of the register is what it once told
 * them, and that is what they assert to a store that lost it.
 *
 * States that differ in nothing that matters are one: times count from now, members have no names, and of epochs, revisions and grants only the order and
 * the next neighbours matter.
 *
 * Asked in each step:
 *
 *  - `lease`: while one member has the test by the register's word, no other is given it, and no grant is given to two.
 *  - `decides`: who does not have it decides nothing by `settle`, and keeps nothing by `renew`.
 *  - `order`: epochs never go down, nor (`epoch`, `revision`).
 *  - `names`: a revision names one state and one mode: another state has a higher one.
 *  - `evidence`: it opens only by as many bad members as the quorum wants, who said so in this hearing, within the window, and not before it is an interval
 *    old; and no member weighs more than any other may.
 *  - `closing`: it closes only by as many tests as it takes that succeed one after another, or by a quorum of members who said within the window that they
 *    are well.
 *  - `assert`: what is asserted is taken if it is more and left if it is not.
 *  - `person`: from each state, with one member left alive whose tests succeed, the circuit is closed in the end. Nobody need do it by hand.
 *
 * Must not know: how a register decides.
 */
import * as own from '../../../js/fleet/register.js'

/** As small as they can be and leave each rule its room. Times are whole units. */
export const SETTINGS = {
  window: 3, interval: 1, hearing: 2, longestHearing: 3, longestPause: 4, sample: 3, clip: 2, minimumCalls: 3, failureRate: 0.5, quorum: 2, quorumRate: 0.5, recoveryTimeout: 1,
  recoveryFactor: 2, longestRecovery: 2, recoveryJitter: 0, lease: 2, successes: 2, spread: 1, staleAfter: 1, poll: 2
}

/** What is asked in each step, by name. */
export const RULES = ['lease', 'decides', 'order', 'names', 'evidence', 'closing', 'assert', 'person']

/**
 * How far it looks: a life without faults of the store, whole; a store that is lost, with one member who knows what was, whole; switches, whole; and more of
 * the second and of all together, as far as there is time.
 *
 * @type {Record<string, Bound>}
 */
export const BOUNDS = {
  'a life': { reports: true },
  'a lost store': { start: 'open', knowledge: true, knowers: 1, losses: 1 },
  switches: { start: 'open', switches: 2 },
  'a lost store that two know': { start: 'open', knowledge: true, knowers: 2, losses: 1, most: 8000 },
  everything: { reports: true, polls: true, knowledge: true, losses: 1, switches: 1, most: 8000 }
}

const BEFORE = 8
const COUNT = 3
const IDS = ['a', 'b', 'c']
/** Where what is said counts: a hearing, an open circuit. */
const part = (state) => state === 'hearing' ? 1 : isOpen(state) ? 2 : 0

const isOpen = (state) => state === 'open' || state === 'due' || state === 'testing'

/**
 * @typedef {object} World
 * @property {any} r The register.
 * @property {number} now
 * @property {{ known: any, lease: { until: number, grant: number } | undefined, said: { at: number, isBad: boolean } | undefined }[]} members What each
 *   knows; which test it has by the register's word; what it said in the current hearing.
 * @property {number} passed Tests that succeeded one after another.
 * @property {number} losses How often the store may still be lost.
 * @property {number} switches How often somebody may still switch by hand.
 */

/**
 * @typedef {object} Bound What may happen.
 * @property {boolean} [reports]
 * @property {boolean} [polls]
 * @property {'open'} [start] Begins with a circuit that is open, as all know. Default: with nothing.
 * @property {boolean} [knowledge] Members hear what the register says, and assert it.
 * @property {number} [knowers] How many of them at once, at most. Default all.
 * @property {number} [losses]
 * @property {number} [switches]
 * @property {number} [most] States, at most.
 * @property {Partial<typeof SETTINGS>} [settings]
 */

/**
 * @param {Bound} bound
 * @param {object} [code] The register's own code; a mutant is another one.
 * @returns {{ states: number, steps: number, isWhole: boolean, seen: Set<string>, faults: { rule: string, what: string, trace: string[] }[] }}
 */
export function check(bound, code = own) {
  const settings = { ...SETTINGS, ...bound.settings }
  const seen = new Map()
  const faults = []
  const kinds = new Set()
  /** @type {World} */
  const first = {
    r: code.EMPTY, now: BEFORE * settings.poll, passed: 0, losses: bound.losses ?? 0, switches: bound.switches ?? 0,
    members: Array.from({ length: COUNT }, () => ({ known: undefined, lease: undefined, said: undefined }))
  }
  const healed = new Set()
  /** @type {{ world: World, parent: any, label: string }[]} */
  let front = [{ world: first, parent: undefined, label: '' }]
  let steps = 0
  const traceOf = (node) => node.parent === undefined ? [] : [...traceOf(node.parent), node.label]
  const fault = (rule, what, node, label) => {
    if (!faults.some((one) => one.rule === rule)) faults.push({ rule, what, trace: [...traceOf(node), label] })
  }
  if (bound.start === 'open') front[0].world = plain(opened(first, settings, code, bound.knowers ?? COUNT), settings).world
  seen.set(plain(front[0].world, settings).key, true)
  const most = bound.most ?? Infinity
  search: while (front.length > 0 && faults.length === 0) {
    const next = []
    for (const node of front) {
      kinds.add(node.world.r.state)
      const wrong = heal(node.world, settings, code, healed)
      if (wrong !== undefined) fault('person', wrong, node, 'and then nobody can close it but by hand')
      // What only time did. Much of what members send does no more.
      const idle = run(node.world, undefined, { type: 'read' }, settings, code, () => {})
      for (const [label, act] of actions(node.world, bound, settings, code)) {
        steps += 1
        const world = act((rule, what) => fault(rule, what, node, textOf(label)))
        if (isSame(world, idle) && steps > 1) {
          if (idle.isSeen) continue
          idle.isSeen = true
        }
        const { key, world: small } = plain(world, settings)
        if (seen.has(key)) continue
        if (seen.size >= most) break search
        seen.set(key, true)
        next.push({ world: small, parent: node, label: textOf(label) })
      }
    }
    front = next
  }
  return { states: seen.size, steps, isWhole: front.length === 0, seen: kinds, faults }
}

/** A world whose circuit was opened, as all know. */
function opened(world, settings, code, knowers) {
  let { r, now } = world
  const open = (index, seq) => {
    const { state, reply } = code.step(r, { type: 'report', id: IDS[index], seq, calls: 0, failures: 0, attempts: 0, open: true }, now, 0.5, settings)
    r = state
    return reply
  }
  let reply
  for (let seq = 1; seq < 10 && reply?.state !== 'open'; seq++) {
    for (let index = 0; index < COUNT; index++) reply = open(index, seq)
    if (reply.state !== 'open') now += 1
  }
  return { ...world, r, now, members: world.members.map((one, index) => ({ ...one, known: index < knowers ? reply : undefined })) }
}

/**
 * Each thing that may happen next.
 *
 * @returns {Generator<[string, (fault: (rule: string, what: string) => void) => World]>}
 */
function* actions(world, bound, settings, code) {
  const { r, members } = world
  yield ['time passes', () => ({ ...world, now: world.now + 1 })]
  if (world.losses > 0) {
    // Who was testing may find another beside it: that much a store that is lost may do.
    yield ['the store is lost', () => ({ ...world, r: code.EMPTY, losses: world.losses - 1, members: members.map(({ known }) => ({ known, lease: undefined, said: undefined })) })]
  }
  const send = (index, command) => [
    command,
    (fault) => run(world, index, command, settings, code, fault)
  ]
  for (let index = 0; index < COUNT; index++) {
    const id = IDS[index]
    const member = members[index]
    if (bound.reports) {
      const seq = r.members.get(id)?.seq ?? 0
      // A loud one, which made many calls. One that is in the place of a newer one comes too late and changes nothing.
      for (const [calls, failures, open] of [[9, 9, false], [2, 0, false], [0, 0, true]]) yield send(index, { type: 'report', id, seq: seq + 1, calls, failures, attempts: 0, open })
      if (seq > 0) yield send(index, { type: 'report', id, seq, calls: 2, failures: 2, attempts: 0, open: false })
    }
    yield send(index, { type: 'claim', id })
    for (const grant of grantsOf(r)) {
      yield send(index, { type: 'renew', id, grant })
      for (const outcome of ['success', 'failure', 'expired']) yield send(index, { type: 'settle', id, grant, outcome })
    }
    yield send(index, { type: 'leave', id })
    if (bound.knowledge) {
      const { known } = member
      const others = members.filter((one) => one !== member && one.known !== undefined).length
      if (others < (bound.knowers ?? COUNT) && (known === undefined || known.epoch !== r.epoch || known.revision !== r.revision || known.state !== r.state)) {
        yield [`${id} hears`, (fault) => {
          const heard = run(world, undefined, { type: 'read' }, settings, code, fault, true)
          return { ...heard.world, members: heard.world.members.map((one, at) => at === index && !isOlder(heard.reply, known) ? { ...one, known: heard.reply } : one) }
        }]
      }
      if (known !== undefined) {
        yield [`${id} dies, and is there again`, () => ({ ...world, members: members.map((one, at) => at === index ? { ...one, known: undefined } : one) })]
        // Also what it no longer knows to be true: the message was under way.
        const { epoch, revision, state, mode, failedTests, successes, rate, listeners, grant } = known
        yield send(index, { type: 'assert', epoch, revision, state, mode, dueIn: Math.min(known.dueIn, 1), failedTests, successes, rate, listeners, grant })
      }
    }
  }
  if (bound.polls) yield send(undefined, { type: 'poll' })
  yield send(undefined, { type: 'read' })
  if (world.switches > 0) for (const mode of ['isolated', 'observing', 'none']) yield send(undefined, { type: 'switch', mode })
}

const textOf = (label) => typeof label === 'string' ? label : Object.entries(label).map(([name, value]) => name === 'type' || name === 'id' ? value : `${name} ${value}`).join(' ')

/** Whether two worlds came of one and differ in nothing. */
function isSame(one, other) {
  if (one.now !== other.now || one.members !== other.members || one.losses !== other.losses || one.switches !== other.switches || one.passed !== other.passed) return false
  const { r } = one
  for (const name in r) {
    if (name === 'sums') {
      for (const sum in r.sums) if (r.sums[sum] !== other.r.sums[sum]) return false
    } else if (name === 'members') {
      if (r.members !== other.r.members && (r.members.size > 0 || other.r.members.size > 0)) return false
    } else if (r[name] !== other.r[name]) return false
  }
  return true
}

/** The current one and one of the past. */
const grantsOf = (r) => r.grant > 1 ? [r.grant, r.grant - 1] : r.grant > 0 ? [r.grant] : []

const isOlder = (one, other) => other !== undefined && (one.epoch < other.epoch || (one.epoch === other.epoch && one.revision < other.revision))

/** One step, and what is asked of it. */
function run(world, index, command, settings, code, fault, wantsReply = false) {
  const { now } = world
  const before = world.r
  const { state: r, reply } = code.step(before, command, now, 0.5, settings)
  let members = world.members
  const change = (at, more) => (members = members.map((one, place) => place === at ? { ...one, ...more } : one))
  const has = index === undefined ? undefined : members[index].lease
  const live = (one) => one.lease !== undefined && one.lease.until > now

  if (r.epoch < before.epoch || (r.epoch === before.epoch && r.revision < before.revision)) fault('order', `from ${before.epoch}.${before.revision} to ${r.epoch}.${r.revision}`)
  if ((r.state !== before.state || r.mode !== before.mode) && r.epoch === before.epoch && r.revision === before.revision) fault('names', `${before.state} and ${r.state} are both ${r.epoch}.${r.revision}`)
  if (r.epoch !== reply.epoch || r.revision !== reply.revision || r.state !== reply.state) fault('names', 'the reply is of another state')
  if (!(reply.dueIn <= Math.max(settings.longestRecovery, settings.lease))) fault('person', `due in ${reply.dueIn}`)

  if (command.type === 'claim' && reply.granted === 1) {
    for (const [at, one] of members.entries()) {
      if (at !== index && live(one)) fault('lease', `${command.id} is given the test that ${IDS[at]} has for ${one.lease.until - now} more`)
      if (at !== index && one.lease?.grant === reply.grant) fault('lease', `grant ${reply.grant} is given twice`)
    }
    if (!(has !== undefined && live(members[index])) && reply.grant <= before.grant) fault('lease', `grant ${reply.grant} is given again`)
    if (!isOpen(before.state)) fault('lease', `a test of a circuit that is ${before.state}`)
    change(index, { lease: { until: now + settings.lease, grant: reply.grant } })
  }
  if ((command.type === 'renew' || command.type === 'settle') && reply.granted === 1) {
    if (has === undefined || !live(members[index]) || has.grant !== command.grant) fault('decides', `${command.id} decides by grant ${command.grant}, and ${has === undefined ? 'has none' : `has ${has.grant} for ${has.until - now}`}`)
    change(index, { lease: command.type === 'renew' ? { until: now + settings.lease, grant: command.grant } : undefined })
  }
  if (command.type === 'leave') change(index, { lease: undefined, said: undefined })

  if (command.type === 'assert') {
    const isMore = command.epoch > before.epoch || (command.epoch === before.epoch && command.revision > before.revision)
    if (isMore && (r.epoch !== command.epoch || r.revision !== command.revision)) fault('assert', `${command.epoch}.${command.revision} was not taken by ${before.epoch}.${before.revision}`)
    if (command.epoch > before.epoch && isOpen(command.state) !== isOpen(r.state)) fault('assert', `${command.state} became ${r.state}`)
    if (reply.granted === 1) members = members.map((one) => ({ ...one, lease: isOpen(r.state) && r.state === 'testing' ? one.lease : undefined, said: undefined }))
  }

  let { passed } = world
  if (command.type === 'settle' && reply.granted === 1) passed = command.outcome === 'success' ? passed + 1 : command.outcome === 'failure' ? 0 : passed
  if (command.type === 'assert' && reply.granted === 1) passed = isOpen(r.state) ? command.successes : 0
  if (r.state === 'hearing' && before.state !== 'hearing') members = members.map((one) => ({ ...one, said: undefined }))
  if (command.type === 'report' && (before.state === 'hearing' || isOpen(before.state)) && command.seq > (before.members.get(command.id)?.seq ?? -1)) {
    change(index, { said: { at: now, isBad: command.open || (command.failures > 0 && command.failures >= settings.failureRate * command.calls), isWell: !command.open && command.failures === 0 && command.calls > 0 } })
  }
  if (r.state === 'open' && before.state === 'hearing') {
    const bad = members.filter(({ said }) => said?.isBad && said.at > now - settings.window).length
    if (bad < settings.quorum) fault('evidence', `opened by ${bad} who said that it is bad`)
    if (now < before.since + settings.interval) fault('evidence', `opened ${now - before.since} after the hearing began`)
  } else if (isOpen(r.state) && !isOpen(before.state) && command.type !== 'assert') fault('evidence', `${before.state} became ${r.state} by ${command.type}`)
  if (r.state === 'closed' && before.state !== 'closed' && command.type !== 'assert') {
    const well = members.filter(({ said }) => said?.isWell && said.at > now - settings.window).length
    if (passed < settings.successes && well < settings.quorum) fault('closing', `closed after ${passed} tests, by ${well} who said that they are well`)
  }
  if (!isOpen(r.state) || !isOpen(before.state)) passed = command.type === 'assert' ? passed : 0
  if (r.sums.calls > settings.clip * r.sums.heard) fault('evidence', `${r.sums.heard} members weigh ${r.sums.calls}`)
  // What was said counts until the circuit is in another part of its life.
  if (part(r.state) !== part(before.state) || part(r.state) === 0) {
    if (members.some(({ said }) => said !== undefined)) members = members.map((one) => one.said === undefined ? one : { ...one, said: undefined })
  }
  const next = { ...world, r, members, passed }
  return wantsReply ? { world: next, reply } : next
}

/**
 * One member is left, whose tests succeed. Answers what keeps the circuit from closing.
 *
 * @param {World} world
 */
function heal(world, settings, code, healed) {
  const keys = []
  let { r, now } = world
  for (let i = 0; i < 40; i++) {
    if (r.state !== 'testing' && !isOpen(r.state) && r.state !== 'hearing' && r.state !== 'suspicion' && (r.state === 'quiet' || i > 0)) break
    const key = plainRegister(r, now, settings).key
    if (healed.has(key)) break
    keys.push(key)
    if (i === 39) return `it is ${r.state} for ever`
    now += 1
    const claimed = code.step(r, { type: 'claim', id: 'a' }, now, 0.5, settings)
    r = claimed.state
    if (claimed.reply.granted === 1) r = code.step(r, { type: 'settle', id: 'a', grant: claimed.reply.grant, outcome: 'success' }, now, 0.5, settings).state
  }
  for (const key of keys) healed.add(key)
  return undefined
}

/** How much a time counts, from now. */
const span = (value, now, least, most = 99) => Math.max(least, Math.min(most, value - now))

/** The register with times from now, and as text: all that decides anything, and no more. */
function plainRegister(r, now, settings) {
  const phase = now % settings.poll
  const at = BEFORE * settings.poll + phase
  const bucket = Math.floor(now / settings.poll)
  const behind = bucket - r.bucket
  const isTimed = r.state === 'hearing'
  const paused = r.pause === 0 ? 0 : at + span(r.paused, now, -r.pause - 1)
  const small = {
    ...r,
    origin: r.origin === 0 ? 0 : 1,
    since: isTimed ? at + span(r.since, now, -BEFORE + 1) : 0,
    until: r.state === 'quiet' || r.state === 'suspicion' ? 0 : r.state === 'due' ? at : at + span(r.until, now, -2),
    next: r.state === 'suspicion' || r.state === 'hearing' ? at + span(r.next, now, -settings.window - 1) : 0,
    round: 0,
    rate: 0,
    paused,
    failedTests: Math.min(r.failedTests, 2),
    before: Math.min(r.before, COUNT),
    bucket: behind > 1 || behind < 0 ? 0 : BEFORE - behind,
    polls: behind > 1 || behind < 0 ? 0 : Math.min(r.polls, COUNT),
    pollsBefore: behind === 0 ? Math.min(r.pollsBefore, COUNT) : 0,
    latest: r.members.size === 0 ? 0 : at + span(r.latest, now, -settings.window - 1),
    members: new Map([...r.members].map(([id, member]) => [id, { ...member, seq: 1, at: at + span(member.at, now, -settings.window - 1) }]))
  }
  const key = [
    phase, small.origin, small.state, small.mode, small.since, small.until, small.interval, small.next, small.before, small.pause, small.paused, small.failedTests, small.successes, small.bucket,
    small.polls, small.pollsBefore, small.latest, [...small.members.values()].map(({ at, calls, failures, sick, bad }) => `${at},${calls},${failures},${sick},${bad}`).join(';'), small.holder === '' ? 0 : 1
  ].join(' ')
  return { small, at, key }
}

/** Numbers of which only the order and the next neighbours matter. */
function ranked(values) {
  const sorted = [...new Set(values)].sort((one, other) => one - other)
  const ranks = new Map()
  let rank = Math.min(sorted[0], 2)
  sorted.forEach((value, index) => {
    if (index > 0) rank += Math.min(2, value - sorted[index - 1])
    ranks.set(value, rank)
  })
  return ranks
}

/** A world as small as it can be, and its key. */
function plain(world, settings) {
  const { r, now, members } = world
  const { small, at, key } = plainRegister(r, now, settings)
  const knowns = members.map(({ known }) => known).filter((one) => one !== undefined)
  const epochs = ranked([r.epoch, ...knowns.map(({ epoch }) => epoch)])
  const revisions = ranked([r.revision, ...knowns.map(({ revision }) => revision)])
  const leases = members.map(({ lease }) => lease).filter((one) => one !== undefined && one.until > now)
  const grants = ranked([r.grant, ...knowns.map(({ grant }) => grant), ...leases.map(({ grant }) => grant)])
  small.epoch = epochs.get(r.epoch)
  small.revision = revisions.get(r.revision)
  small.grant = grants.get(r.grant)
  const described = members.map(({ known, lease, said }, index) => {
    const id = IDS[index]
    const member = small.members.get(id)
    const knows = known && {
      ...known, epoch: epochs.get(known.epoch), revision: revisions.get(known.revision), grant: grants.get(known.grant), rate: 0, round: 0, dueIn: Math.min(known.dueIn, 1), dueFor: 0, staleIn: 0,
      endsIn: 0, spreadIn: 0, ask: 0, interval: 0, listeners: Math.min(known.listeners, COUNT), failedTests: Math.min(known.failedTests, 2), granted: 0, origin: 1
    }
    const has = lease && lease.until > now ? { until: at + lease.until - now, grant: grants.get(lease.grant) } : undefined
    const saying = said && said.at > now - settings.window ? { ...said, at: at + said.at - now } : undefined
    const text = [
      member ? `${member.at},${member.calls},${member.failures},${member.sick}` : '-', r.holder === id ? 'h' : '', knows ? `${knows.epoch}.${knows.revision} ${knows.state} ${knows.mode} ${knows.dueIn} ${knows.failedTests} ${knows.successes} ${knows.grant} ${knows.listeners}` : '-',
      has ? `${has.until},${has.grant}` : '', saying ? `${saying.at},${saying.isBad},${saying.isWell}` : ''
    ].join('/')
    return { id, text, one: { known: knows, lease: has, said: saying } }
  })
  // Nobody has a name: they are told apart by what they do.
  described.sort((one, other) => one.text < other.text ? -1 : one.text > other.text ? 1 : 0)
  const renamed = new Map(described.map(({ id }, index) => [id, IDS[index]]))
  small.holder = r.holder === '' ? '' : renamed.get(r.holder)
  small.members = new Map([...small.members].map(([id, member]) => [renamed.get(id), member]))
  return {
    world: { ...world, passed: Math.min(world.passed, settings.successes), r: small, now: at, members: described.map(({ one }) => one) },
    key: `${key}|${small.epoch}.${small.revision}.${small.grant}|${described.map(({ text }) => text).join('|')}|${world.losses} ${world.switches} ${world.passed}`
  }
}
