/**
 * Random commands for a register, the same for each seed.
 *
 * Must not know: where they are run.
 */
import { MODES, OUTCOMES, STATES } from '../../js/fleet/register.js'

/**
 * A generator of numbers from 0 up to 1 (mulberry32).
 *
 * @param {number} seed
 */
export function numbers(seed) {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/**
 * Commands that lead somewhere: mostly what members would send in the state that the register is in, now and then anything, with time that mostly
 * passes by a little, at times by a lot, and now and then backwards.
 *
 * @param {number} seed
 * @param {object} [options]
 * @param {number} [options.members]
 */
export function* commands(seed, { members = 6 } = {}) {
  const random = numbers(seed)
  const pick = (list) => list[Math.floor(random() * list.length)]
  const below = (n) => Math.floor(random() * n)
  const seqs = new Map()
  let now = 1_700_000_000_000 + below(1e9)
  /** The last reply, which whoever runs the commands gives back. */
  let reply
  let isIll = random() < 0.5
  for (;;) {
    const draw = random()
    now += draw < 0.6 ? below(300) : draw < 0.9 ? below(2000) : draw < 0.97 ? below(20_000) : draw < 0.985 ? -below(5000) : below(300_000)
    if (random() < 0.03) isIll = !isIll
    const id = `m${below(members)}`
    const report = () => {
      const seq = random() < 0.1 ? below(5) : (seqs.get(id) ?? 0) + 1
      seqs.set(id, Math.max(seq, seqs.get(id) ?? 0))
      const calls = pick([0, 1, 2, 5, 9, 10, 11, 14, 30, 1000])
      const failures = Math.min(calls, isIll ? Math.ceil(calls * random() ** 0.3) : below(2))
      return { type: 'report', id, seq, calls, failures, attempts: calls + below(40), open: random() < (isIll ? 0.2 : 0.01) }
    }
    const state = reply?.state
    const ofTest = () => ({ id: reply?.holder ?? id, grant: random() < 0.9 ? reply?.grant ?? 0 : below(5) })
    const likely = state === 'due' ? () => random() < 0.4 ? report() : { type: 'claim', id }
      : state === 'testing' ? () => random() < 0.3 ? { type: 'renew', ...ofTest() } : { type: 'settle', ...ofTest(), outcome: pick([...OUTCOMES, 'success', 'success', 'success']) }
        : state === 'open' ? () => random() < 0.5 ? report() : { type: 'read' }
          : report
    const anything = [
      report,
      () => ({ type: 'read' }),
      () => ({ type: 'poll' }),
      () => ({ type: 'claim', id }),
      () => ({ type: 'renew', ...ofTest() }),
      () => ({ type: 'settle', ...ofTest(), outcome: pick(OUTCOMES) }),
      () => ({
        type: 'assert', epoch: (reply?.epoch ?? 0) + pick([-1, 0, 0, 1]), revision: (reply?.revision ?? 0) + pick([-1, 0, 1, 2, 7]), state: pick(STATES), mode: pick(MODES),
        dueIn: below(20_000), failedTests: below(4), successes: below(5), rate: below(1e6), listeners: below(2000), grant: below(9)
      }),
      () => ({ type: 'switch', mode: pick(MODES) }),
      () => ({ type: 'leave', id })
    ]
    const command = random() < 0.75 ? likely() : pick(anything)()
    if ('epoch' in command) command.epoch = Math.max(0, command.epoch)
    if ('revision' in command) command.revision = Math.max(0, command.revision)
    reply = yield { command, now, random: random() }
  }
}

/** Settings under which random commands get everywhere: small numbers. */
export const SMALL = { window: 5000, interval: 300, hearing: 1000, longestHearing: 4000, longestPause: 8000, sample: 4, minimumCalls: 6, recoveryTimeout: 700, longestRecovery: 3000, successes: 2, spread: 1500, poll: 3000 }
