// Makes the alert rules for Prometheus. It must not know how they are asked.

import { alertQueries, LABELS, THRESHOLDS } from './queries.mjs'

const { notClosedFor, refusedShare, refusedOver, wouldRefuseShare, wouldRefuseOver, flapsWithin } = THRESHOLDS

/** A time as it is said: `5m` is `5 minutes`. */
const said = (/** @type {string} */ time) => time.replace(/m$/, ' minutes')
/** A share as it is said: 0.1 is `10 %`. */
const percent = (/** @type {number} */ share) => `${share * 100} %`

/**
 * The rules. `who` stands for the breaker and its job, which a template of Prometheus names.
 *
 * @type {{ alert: string, query: keyof ReturnType<typeof alertQueries>, for: string, severity: string, summary: string, description: string }[]}
 */
const ALERTS = [
  {
    alert: 'HalfopenCircuitNotClosed',
    query: 'notClosed',
    for: notClosedFor,
    severity: 'critical',
    summary: `The circuit of who has not closed for ${said(notClosedFor)}`,
    description: 'It is open or half open in {{ $value }} process(es), and its calls are refused or fail. Its dependency is down, or somebody holds the circuit open.',
  },
  {
    alert: 'HalfopenCallsRefused',
    query: 'refused',
    for: refusedOver,
    severity: 'warning',
    summary: `More than ${percent(refusedShare)} of the calls of who are refused`,
    description: '{{ $value | humanizePercentage }} of its calls are answered without the dependency. The outcomes say why: open, half open, bulkhead or isolated.',
  },
  {
    alert: 'HalfopenCircuitFlapping',
    query: 'flapping',
    for: '0m',
    severity: 'warning',
    summary: `The circuit of who opens again and again`,
    description: `It has opened three times or more within ${said(flapsWithin)}, and closed in between.`,
  },
  {
    alert: 'HalfopenWouldRefuse',
    query: 'wouldRefuse',
    for: wouldRefuseOver,
    severity: 'info',
    summary: `The observing breaker of who would refuse more than ${percent(wouldRefuseShare)} of its calls`,
    description: '{{ $value | humanizePercentage }} of its calls would be refused if the breaker were enabled.',
  },
]

/** The names of all alerts, which are headings of docs/seeing.md. */
export const ALERT_NAMES = ALERTS.map(({ alert }) => alert)

/** Lines, each as far in as YAML wants it. */
const indent = (/** @type {string} */ text, /** @type {number} */ by) => text.replaceAll(/^/gm, ' '.repeat(by))

/**
 * The rules as a file for Prometheus. JSON's strings are YAML's.
 *
 * @param {keyof typeof LABELS} naming
 */
export function alertRules(naming) {
  const labels = LABELS[naming]
  const queries = alertQueries(labels)
  const who = `{{ $labels.${labels.breaker} }} ({{ $labels.job }})`
  const rules = ALERTS.map(
    ({ alert, query, for: time, severity, summary, description }) => `- alert: ${alert}
  expr: |-
${indent(queries[query], 4)}
  for: ${time}
  labels:
    severity: ${severity}
  annotations:
    summary: ${JSON.stringify(summary.replace(/\bwho\b/, who))}
    description: ${JSON.stringify(description)}
    runbook: "docs/seeing.md, ${alert}"
`,
  )
  return `# Written by scripts/grafana.mjs: change that, not this. Alert rules for the metrics of ${naming === 'short' ? 'halfopen/prometheus' : 'halfopen/otel'}.
groups:
  - name: halfopen
    rules:
${indent(rules.join('').trimEnd(), 6)}
`
}
