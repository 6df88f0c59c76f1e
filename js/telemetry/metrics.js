/**
 * Which numbers are told of breakers, and by which names: the same in OpenTelemetry and in Prometheus.
 *
 * Must not know: how they are told.
 */
import { OUTCOMES, STATES, STATE_CHANGES, WOULD_REFUSE } from './ledger.js'

/** @import { Series } from './ledger.js' */

/** What says in OpenTelemetry whose number it is. */
export const BREAKER_NAME = 'halfopen.breaker.name'
export const OUTCOME = 'halfopen.call.outcome'
export const STATE = 'halfopen.breaker.state'

/**
 * A metric: of each series one number, or as many as there are `values`.
 *
 * @typedef {object} Metric
 * @property {string} name As OpenTelemetry has it.
 * @property {string} unit
 * @property {string} help
 * @property {boolean} counts Whether it only grows.
 * @property {string | undefined} by What tells its numbers apart, as OpenTelemetry has it.
 * @property {string | undefined} label The same, in short.
 * @property {readonly string[]} values
 * @property {(series: Series, index: number) => number} of
 */

/** @type {readonly Metric[]} */
export const METRICS = [
  {
    name: 'halfopen.breaker.calls', unit: '{call}', help: 'Calls that are over, by how they ended.', counts: true,
    by: OUTCOME, label: 'outcome', values: OUTCOMES, of: ({ counts }, index) => counts[index]
  },
  {
    name: 'halfopen.breaker.state', unit: '1', help: 'Breakers in each state: of one breaker, 1 for its state and 0 for the others.', counts: false,
    by: STATE, label: 'state', values: STATES, of: ({ states }, index) => states[index]
  },
  {
    name: 'halfopen.breaker.call.active', unit: '{call}', help: 'Calls that were let through and have not ended yet.', counts: false,
    by: undefined, label: undefined, values: [''], of: ({ active }) => active
  },
  {
    name: 'halfopen.breaker.state_changes', unit: '{change}', help: 'Changes of the state.', counts: true,
    by: undefined, label: undefined, values: [''], of: ({ counts }) => counts[STATE_CHANGES]
  },
  {
    name: 'halfopen.breaker.would_refuse', unit: '{call}', help: 'Calls that an observing breaker let through and would have refused.', counts: true,
    by: undefined, label: undefined, values: [''], of: ({ counts }) => counts[WOULD_REFUSE]
  }
]

/** How long calls took, where that is asked for. */
export const DURATION = {
  name: 'halfopen.call.duration', unit: 's', help: 'How long calls took, by how they ended.',
  /** In seconds: those that OpenTelemetry advises for the duration of HTTP requests. */
  buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
}
