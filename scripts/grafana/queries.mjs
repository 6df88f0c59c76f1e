// The one list of what is asked of Prometheus: names, thresholds and queries, of which the dashboards and the alert rules are made. It must not
// know how a panel looks or whom an alert wakes.
// To add a panel or an alert: its query here, its row in dashboard.mjs or alerts.mjs, what it is to answer in tests/prometheus, and of an alert
// its part of docs/seeing.md. The tests ask for each.

/**
 * What the labels are called: by `halfopen/prometheus`, and by what OpenTelemetry's exporters make of the attributes of `halfopen/otel`. The
 * names of the metrics are the same in both.
 *
 * @typedef {{ breaker: string, outcome: string, state: string }} Labels
 * @type {Record<'short' | 'otel', Labels>}
 */
export const LABELS = {
  short: { breaker: 'breaker', outcome: 'outcome', state: 'state' },
  otel: { breaker: 'halfopen_breaker_name', outcome: 'halfopen_call_outcome', state: 'halfopen_breaker_state' },
}

export const METRICS = {
  calls: 'halfopen_breaker_calls_total',
  state: 'halfopen_breaker_state',
  active: 'halfopen_breaker_call_active',
  changes: 'halfopen_breaker_state_changes_total',
  wouldRefuse: 'halfopen_breaker_would_refuse_total',
}

/** Every outcome of a call; no call has two. */
export const OUTCOMES = ['success', 'failure', 'timeout', 'ignored', 'refused_open', 'refused_half_open', 'refused_bulkhead', 'refused_isolated', 'stale']

/** What all breakers beyond the most names that are told apart are summed as. */
const OTHER = '_other'

/** Where an alert begins. Shares are from 0 to 1. */
export const THRESHOLDS = {
  /** How long a circuit may be open or half open. */
  notClosedFor: '5m',
  /** A circuit whose calls have not been refused and have not failed for this long hurts nobody. */
  hurtWithin: '15m',
  refusedShare: 0.1,
  refusedOver: '5m',
  wouldRefuseShare: 0.01,
  wouldRefuseOver: '15m',
  /** Of fewer calls than these no share is worth a word. */
  fewestCalls: 20,
  /** Closed to not closed is one change, and so is the way back: at the fifth it opens for the third time. */
  flaps: 5,
  flapsWithin: '15m',
}

/** What a series of a dashboard or an alert is about: breakers of the same name in two services are two. */
const by = (/** @type {Labels} */ { breaker }) => `by (job, ${breaker})`

/** The most lines of a panel. */
const LINES = 20

/**
 * The queries of the dashboard, by name. `$job`, `$breaker`, `$__rate_interval` and `$__range` are put in by Grafana.
 *
 * @param {Labels} labels
 */
export function panelQueries(labels) {
  const { breaker, outcome, state } = labels
  const chosen = `job=~"$job", ${breaker}=~"$breaker"`
  const calls = (/** @type {string} */ outcomes = '') => `rate(${METRICS.calls}{${chosen}${outcomes && `, ${outcome}=~"${outcomes}"`}}[$__rate_interval])`
  const inState = (/** @type {string} */ one) => `${METRICS.state}{${chosen}, ${state}="${one}"}`
  const notClosed = `${METRICS.state}{${chosen}, ${state}=~"open|half_open"}`
  const share = (/** @type {string} */ of, /** @type {string} */ among, /** @type {string} */ grouped) =>
    `sum ${grouped}(${calls(of)})\n/\n(sum ${grouped}(${among}) > 0)`
  const judged = calls('success|failure|timeout')
  const each = `${by(labels)} `
  const few = (/** @type {string} */ query) => `topk(${LINES},\n${query}\n)`
  return {
    open: `sum(${inState('open')})`,
    halfOpen: `sum(${inState('half_open')})`,
    breakers: `sum(${METRICS.state}{${chosen}})`,
    shareRefused: share('refused_.+', calls(), ''),
    shareFailed: share('failure|timeout', judged, ''),
    inFlight: `sum(${METRICS.active}{${chosen}})`,
    // 2 is open, 1 half open, 0 closed: the worst that any of its breakers is in. Those that were closed all the time are left out.
    timeline:
      `max ${by(labels)} (\n  2 * (${inState('open')} > bool 0)\n  or\n  (${inState('half_open')} > bool 0)\n)\n` +
      `and on (job, ${breaker})\nmax ${by(labels)} (max_over_time(${notClosed}[$__range] @ end())) > 0`,
    notClosed: `sum by (job, instance, ${breaker}, ${state}) (${notClosed}) > 0`,
    outcomes: `sum by (${outcome}) (${calls()})`,
    changes: few(`sum ${by(labels)} (increase(${METRICS.changes}{${chosen}}[$__rate_interval]))`),
    shareRefusedBy: few(share('refused_.+', calls(), each)),
    shareFailedBy: few(share('failure|timeout', judged, each)),
    inFlightBy: few(`sum ${by(labels)} (${METRICS.active}{${chosen}})`),
    wouldRefuseBy: few(`sum ${by(labels)} (rate(${METRICS.wouldRefuse}{${chosen}}[$__rate_interval]))`),
  }
}

/**
 * The queries that list what a variable of the dashboard can be.
 *
 * @param {Labels} labels
 */
export const variableQueries = ({ breaker }) => ({
  job: `label_values(${METRICS.state}, job)`,
  breaker: `label_values(${METRICS.state}{job=~"$job"}, ${breaker})`,
})

/**
 * The queries of the alert rules, by name: each answers one series a breaker that the alert is about.
 *
 * @param {Labels} labels
 */
export function alertQueries(labels) {
  const { breaker, outcome, state } = labels
  const { hurtWithin, refusedShare, refusedOver, wouldRefuseShare, wouldRefuseOver, fewestCalls, flaps, flapsWithin } = THRESHOLDS
  const byProcess = `by (job, instance, ${breaker})`
  const enough = (/** @type {string} */ time) => `and on (job, ${breaker})\nsum ${by(labels)} (increase(${METRICS.calls}[${time}])) >= ${fewestCalls}`
  return {
    // How many processes have it. Half open counts: a circuit whose recoveries fail goes to and fro. Where no call was refused or failed nobody is
    // hurt: none was made, or the breaker is disabled. One that observes refuses nobody.
    notClosed:
      `count ${by(labels)} (\n` +
      `  sum ${byProcess} (${METRICS.state}{${state}=~"open|half_open"}) > 0\n` +
      `  and on (job, instance, ${breaker})\n` +
      `  sum ${byProcess} (increase(${METRICS.calls}{${outcome}=~"refused_.+|failure|timeout"}[${hurtWithin}])) > 0\n` +
      `  unless on (job, instance, ${breaker})\n` +
      `  sum ${byProcess} (increase(${METRICS.wouldRefuse}[${hurtWithin}])) > 0\n)`,
    refused:
      `sum ${by(labels)} (rate(${METRICS.calls}{${outcome}=~"refused_.+"}[${refusedOver}]))\n/\n` +
      `sum ${by(labels)} (rate(${METRICS.calls}[${refusedOver}])) > ${refusedShare}\n${enough(refusedOver)}`,
    // By the times it ceased or began to be closed: the count of all changes grows through one long outage as well. What is summed as
    // one is no circuit.
    flapping: `max ${by(labels)} (\n  changes(${METRICS.state}{${state}="closed", ${breaker}!="${OTHER}"}[${flapsWithin}])\n) >= ${flaps}`,
    wouldRefuse:
      `sum ${by(labels)} (rate(${METRICS.wouldRefuse}[${wouldRefuseOver}]))\n/\n` +
      `sum ${by(labels)} (rate(${METRICS.calls}[${wouldRefuseOver}])) > ${wouldRefuseShare}\n${enough(wouldRefuseOver)}`,
  }
}
