/**
 * The numbers of a fleet's rule: names, defaults, ranges, and why. The one home of them for the register, its twin in Lua and the members.
 *
 * Must not know: stores, breakers, how a rule uses its number.
 */
import { optionError } from '../base/misuse.js'

/**
 * `[name, default, least, most]`, in the order in which they travel. Times are whole ms.
 *
 * @internal
 */
export const SETTINGS = /** @type {const} */ ([
  // A process's counts are of this long. As long as it takes most services to make 10 calls at 1 a second.
  ['window', 10_000, 100, 3_600_000],
  // Between two reports of a process at a hearing. At 500 reporters it is 670 scripts a second, which a Redis takes at 5 % of one core.
  ['interval', 750, 10, 60_000],
  // A hearing is this long: each process reports at least three times, one of them after the first interval.
  ['hearing', 2625, 10, 600_000],
  // A hearing that heard too few (no push reached them) waits for their polls: half as long again as the time between two polls of a process.
  ['longestHearing', 22_500, 10, 3_600_000],
  // Between two hearings that found nothing, at most. 3 sick of 10,000 are always there, and shall not make 500 report at all times.
  ['longestPause', 120_000, 10, 3_600_000],
  // How many are asked to report, of all who listen. A share of 500 is right to within 4.4 points, 19 times of 20.
  ['sample', 500, 1, 100_000],
  // Calls that one process counts for at most, so that nobody outvotes the rest.
  ['clip', 10, 1, 1_000_000],
  // Clipped calls that the fleet has to have made.
  ['minimumCalls', 10, 1, 1_000_000_000],
  // Their share of failures that opens. Half of it makes a process sick: what is worth a word.
  ['failureRate', 0.5, 0.000_001, 1],
  // Processes that have to be bad, whatever the counts: one bad host, or two, open nothing.
  ['quorum', 3, 1, 100_000],
  // And their share of those heard that made a call.
  ['quorumRate', 0.5, 0, 1],
  // From opening to the first test. Short, since it is one test a fleet.
  ['recoveryTimeout', 2000, 1, 86_400_000],
  // What a failed test multiplies that by, up to the next one.
  ['recoveryFactor', 2, 1, 100],
  // So long at most may an upstream be well and nobody know it.
  ['longestRecovery', 5000, 1, 86_400_000],
  // The share of it that is random, taken off: circuits that opened together are not tested together.
  ['recoveryJitter', 0.1, 0, 1],
  // A test has the place for so long without a sign of life: so late at most comes the next after its process died.
  ['lease', 3000, 50, 600_000],
  // Tests that have to succeed, one after another, by whichever processes.
  ['successes', 5, 1, 1_000_000],
  // Processes let go of a closed circuit within so long. An upstream at 20 % of its capacity got 8,895 failed calls with 0, 111 with 5 s.
  ['spread', 5000, 0, 3_600_000],
  // A verdict that is due, and of which nothing is heard for so long, is nobody's: each process tests by itself.
  ['staleAfter', 6000, 1, 86_400_000],
  // A process that has nothing to say asks so often what the verdict is, which also counts it among those who listen.
  ['poll', 15_000, 100, 3_600_000]
])

/** Which of them may have a fraction. */
const FRACTIONS = ['failureRate', 'quorumRate', 'recoveryFactor', 'recoveryJitter']

/**
 * @typedef {object} FleetSettings The numbers of the rule, the same in all processes of a fleet. Times are whole ms, rates from 0 to 1.
 * @property {number} window What a process counts reaches back so long. Default 10000.
 * @property {number} interval Between two reports of a process at a hearing. Default 750.
 * @property {number} hearing How long a hearing is. Default 3.5 times `interval`.
 * @property {number} longestHearing How long one is of which too few heard. Default 1.5 times `poll`.
 * @property {number} longestPause Between two hearings that found nothing, at most. Default 120000.
 * @property {number} sample How many processes are asked to report. Default 500.
 * @property {number} clip Calls that one process counts for, at most. Default 10.
 * @property {number} minimumCalls Clipped calls of the fleet that a verdict takes. Default 10.
 * @property {number} failureRate Their share of failures that opens. Default 0.5.
 * @property {number} quorum Processes that have to be bad. Default 3.
 * @property {number} quorumRate The share that has to be bad of those heard that made a call. Default 0.5.
 * @property {number} recoveryTimeout From opening to the first test. Default 2000.
 * @property {number} recoveryFactor What each failed test multiplies it by. Default 2.
 * @property {number} longestRecovery From opening to a test, at most. Default 5000, or `recoveryTimeout` if that is more.
 * @property {number} recoveryJitter The random share of that time. Default 0.1.
 * @property {number} lease How long a test has the place without a sign of life. Default 3000.
 * @property {number} successes Tests that have to succeed. Default 5.
 * @property {number} spread Within how long the processes let go of a closed circuit. Default 5000.
 * @property {number} staleAfter After how long without news a due verdict is nobody's. Default 6000.
 * @property {number} poll How often a process asks what the verdict is. Default 15000.
 */

/** @type {Readonly<FleetSettings>} */
export const DEFAULTS = /* @__PURE__ */ Object.freeze(/** @type {any} */ (/* @__PURE__ */ Object.fromEntries(/* @__PURE__ */ SETTINGS.map(([name, value]) => [name, value]))))

/**
 * Settings with their defaults.
 *
 * @param {Partial<FleetSettings>} given
 * @returns {Readonly<FleetSettings>}
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when one is not a number in its range, or two contradict each other.
 */
export function settingsOf(given = {}) {
  /** @type {Record<string, number>} */
  const settings = {}
  for (const [name, value, least, most] of SETTINGS) {
    const one = given[name] ?? value
    const whole = !FRACTIONS.includes(name)
    const expected = `a ${whole ? 'whole ' : ''}number from ${least} to ${most}`
    if (typeof one !== 'number') throw optionError(TypeError, name, expected, one)
    if (!(one >= least && one <= most) || (whole && !Number.isInteger(one))) throw optionError(RangeError, name, expected, one)
    settings[name] = one
  }
  // What follows from another one, where it is not given itself.
  if (given.hearing === undefined) settings.hearing = Math.round(settings.interval * 3.5)
  if (given.longestHearing === undefined) settings.longestHearing = Math.max(settings.hearing, Math.round(settings.poll * 1.5))
  if (given.longestRecovery === undefined) settings.longestRecovery = Math.max(settings.longestRecovery, settings.recoveryTimeout)
  else if (given.recoveryTimeout === undefined) settings.recoveryTimeout = Math.min(settings.recoveryTimeout, settings.longestRecovery)
  for (const [name, other] of [['recoveryTimeout', 'longestRecovery'], ['hearing', 'longestHearing'], ['interval', 'hearing']]) {
    if (settings[name] > settings[other]) throw optionError(RangeError, name, `at most \`${other}\` (${settings[other]})`, settings[name])
  }
  return Object.freeze(/** @type {any} */ (settings))
}
