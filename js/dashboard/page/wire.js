/**
 * What goes from who reads breakers to who shows them: the columns of a row, and the messages.
 *
 * Must not know: where rows come from, how they travel, how they look.
 */

/** The states by their number in a row. */
export const STATES = /** @type {const} */ (['closed', 'open', 'half_open'])

/** The modes by their number in a row. */
export const MODES = /** @type {const} */ (['normal', 'isolated', 'disabled', 'observing'])

// The columns. Counts are of a breaker's whole life, times in ms of the reader's clock; NaN where there is nothing to say.
export const STATE = 0
export const MODE = 1
/** When it came into its state. */
export const SINCE = 2
/** When an open circuit lets a test request through. */
export const DUE = 3
export const SUCCEEDED = 4
export const FAILED = 5
export const REFUSED = 6
/** Calls that are over and say nothing: ignored and stale. */
export const OTHER = 7
/** Calls that an observing breaker let pass and would have refused. */
export const WOULD_REFUSE = 8
export const IN_FLIGHT = 9
export const CHANGES = 10
/** Failures in a row. */
export const IN_A_ROW = 11
/** Test requests that went well. */
export const PASSED = 12
export const P50 = 13
export const P99 = 14
export const COLUMNS = 15

/**
 * A row that is new to who looks: its number, its label, the number of its source, and all columns. `null` is NaN.
 *
 * @typedef {[id: number, label: string, source: number, ...columns: (number | null)[]]} NewRow
 */

/**
 * What changed in a row: its number, then a column and its value, another column and its value and so on
 *
 * @typedef {(number | null)[]} Change
 */

/**
 * What is told of a source of rows.
 *
 * @typedef {object} SourceNote
 * @property {string} label May be empty.
 * @property {boolean} own Whether its breakers are this process's own.
 * @property {string | null} trouble What keeps it from being read.
 */

/**
 * A message: all there is where `hello` is there, else what changed since the last one.
 *
 * @typedef {object} Message
 * @property {number} now By the reader's clock, in ms since the epoch.
 * @property {{ epoch: string, title: string, control: boolean }} [hello] `epoch` is another one where the numbers of rows mean others.
 * @property {SourceNote[]} [sources] All of them, where one of them changed.
 * @property {NewRow[]} [fresh]
 * @property {Change[]} [changed]
 * @property {number[]} [gone]
 */

/**
 * All that is told of one breaker.
 *
 * @typedef {object} Details
 * @property {string} sentence Why it is in its state and what it waits for.
 * @property {Record<string, number | null>} facts Its numbers by the names of the door.
 * @property {{ from: string, to: string, reason: string, timestamp: string | null }[]} changes Oldest first.
 * @property {{ message: string, at: number } | null} error The last failure, where messages are shown.
 */
