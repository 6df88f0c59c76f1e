// Each alert on both sides of each of its thresholds, by promtool: an hour takes no time there. It must not know how an alert is asked for, only
// what is scraped.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ALERT_NAMES } from '../../scripts/grafana/alerts.mjs'
import { LABELS } from '../../scripts/grafana/queries.mjs'
import { filesOf } from '../../scripts/grafana.mjs'
import { promtool, root } from './tools.js'

/** Counts that grow by so much a minute, for so many minutes: `[5, 10], [0, 3]`. They begin at 0. */
function growing(...steps) {
  const values = [0]
  for (const [more, minutes] of steps) for (let minute = 0; minute < minutes; minute++) values.push(values.at(-1) + more)
  return values.join(' ')
}
const STATES = { c: 'closed', o: 'open', h: 'half_open' }

/** A scraped breaker: a letter for its state in each minute, what it counts by outcome, and what it would have refused. */
const breaker = ({ name = 'users', instance = 'a', states, calls = {}, wouldRefuse }) => (labels) => {
  const series = (metric, values, more = {}) => ({ series: `${metric}{${Object.entries({ job: 'shop', instance, [labels.breaker]: name, ...more }).map(([label, value]) => `${label}="${value}"`)}}`, values })
  const all = Object.entries(calls).map(([outcome, values]) => series('halfopen_breaker_calls_total', values, { [labels.outcome]: outcome }))
  if (states) all.push(...Object.entries(STATES).map(([letter, state]) => series('halfopen_breaker_state', [...states].map((one) => Number(one === letter)).join(' '), { [labels.state]: state })))
  if (wouldRefuse) all.push(series('halfopen_breaker_would_refuse_total', wouldRefuse))
  return all
}
const refused = (minutes) => ({ refused_open: growing([60, minutes]) })

/** What is scraped of whom, and what each alert says of it, by minute: the values of the breakers that it is about. */
const SCENARIOS = {
  HalfopenCircuitNotClosed: {
    'fires once a circuit has been open for 5 minutes': [
      [breaker({ states: 'cc' + 'o'.repeat(10), calls: refused(12) })],
      { 6: {}, 7: { users: 1 } },
    ],
    'does not fire while it is closed': [[breaker({ states: 'c'.repeat(30), calls: refused(30) })], { 29: {} }],
    'counts half open: recoveries that fail are no end of it': [[breaker({ states: 'cc' + 'oh'.repeat(6), calls: refused(14) })], { 6: {}, 7: { users: 1 } }],
    'begins anew when it was closed in between': [[breaker({ states: 'cc' + 'oooo' + 'c' + 'o'.repeat(10), calls: refused(17) })], { 7: {}, 11: {}, 12: { users: 1 } }],
    'ends when it closes': [[breaker({ states: 'cc' + 'o'.repeat(10) + 'cc', calls: refused(14) })], { 11: { users: 1 }, 12: {} }],
    'does not fire once nobody has called it for 15 minutes': [
      [breaker({ states: 'cc' + 'o'.repeat(40), calls: { failure: growing([60, 2], [0, 40]) } })],
      { 15: { users: 1 }, 18: {}, 30: {} },
    ],
    'fires where every call is a test that fails, and none is refused': [
      [breaker({ name: 'a', states: 'o'.repeat(10), calls: { failure: growing([1, 10]) } }), breaker({ name: 'b', states: 'o'.repeat(10), calls: { timeout: growing([1, 10]) } })],
      { 9: { a: 1, b: 1 } },
    ],
    'does not fire where calls succeed: it is disabled': [[breaker({ states: 'o'.repeat(20), calls: { success: growing([60, 20]), refused_open: growing([0, 20]) } })], { 19: {} }],
    'does not fire where it observes': [[breaker({ states: 'o'.repeat(20), calls: { failure: growing([60, 20]) }, wouldRefuse: growing([60, 20]) })], { 19: {} }],
    'fires where it observes in another process': [
      [
        breaker({ instance: 'a', states: 'o'.repeat(20), calls: { failure: growing([60, 20]) }, wouldRefuse: growing([60, 20]) }),
        breaker({ instance: 'b', states: 'o'.repeat(20), calls: refused(20), wouldRefuse: growing([0, 20]) }),
      ],
      { 19: { users: 1 } },
    ],
    'is one alert for a breaker that several processes have, and says how many': [
      [
        breaker({ instance: 'a', states: 'o'.repeat(10), calls: refused(10) }),
        breaker({ instance: 'b', states: 'o'.repeat(10), calls: refused(10) }),
        breaker({ instance: 'c', states: 'c'.repeat(10), calls: refused(10) }),
        breaker({ name: 'orders', states: 'c'.repeat(10), calls: refused(10) }),
      ],
      { 9: { users: 2 } },
    ],
  },
  HalfopenCallsRefused: {
    'does not fire at 9 of 100': [[breaker({ calls: { success: growing([91, 30]), refused_open: growing([9, 30]) } })], { 30: {} }],
    'fires at 11 of 100': [[breaker({ calls: { success: growing([89, 30]), refused_open: growing([11, 30]) } })], { 30: { users: 0.11 } }],
    'counts refusals of every kind, and every call': [
      [
        breaker({
          calls: {
            ...Object.fromEntries(['refused_open', 'refused_half_open', 'refused_bulkhead', 'refused_isolated'].map((outcome) => [outcome, growing([5, 30])])),
            ...Object.fromEntries(['success', 'failure', 'timeout', 'ignored', 'stale'].map((outcome) => [outcome, growing([16, 30])])),
          },
        }),
      ],
      { 30: { users: 0.2 } },
    ],
    'fires once it has been so for 5 minutes': [
      [breaker({ calls: { success: growing([100, 20], [0, 15]), refused_open: growing([0, 20], [100, 15]) } })],
      { 25: {}, 26: { users: 1 } },
    ],
    'does not fire on 15 calls in 5 minutes': [[breaker({ calls: { refused_open: growing([3, 30]) } })], { 30: {} }],
    'fires on 25 calls in 5 minutes': [[breaker({ calls: { refused_open: growing([5, 30]) } })], { 30: { users: 1 } }],
    'is about one breaker, in all processes': [
      [
        breaker({ instance: 'a', calls: { success: growing([50, 30]), refused_open: growing([30, 30]) } }),
        breaker({ instance: 'b', calls: { success: growing([20, 30]), refused_open: growing([0, 30]) } }),
        breaker({ name: 'orders', calls: { success: growing([1000, 30]), refused_open: growing([1, 30]) } }),
      ],
      { 30: { users: 0.3 } },
    ],
  },
  HalfopenCircuitFlapping: {
    'does not fire when it opens for the second time': [[breaker({ states: 'ccococcccc' })], { 5: {}, 9: {} }],
    'fires at once when it opens for the third time': [[breaker({ states: 'ccocococ' })], { 5: {}, 6: { users: 5 } }],
    'does not fire in one long outage, whose recoveries fail': [[breaker({ states: 'cc' + 'ooh'.repeat(20) })], { 15: {}, 40: {} }],
    'does not fire when that is spread over more than 15 minutes': [[breaker({ states: 'c' + 'ooooocccccooooocccccoooooccccc' })], { 22: {}, 30: {} }],
    'does not add up processes, of which each opened twice': [[breaker({ instance: 'a', states: 'ccococcccc' }), breaker({ instance: 'b', states: 'cccococccc' })], { 9: {} }],
    'does not fire for breakers that are summed as one': [[breaker({ name: '_other', states: 'ccocococ' })], { 7: {} }],
  },
  HalfopenWouldRefuse: {
    'does not fire at 9 of 1000': [[breaker({ calls: { success: growing([1000, 60]) }, wouldRefuse: growing([9, 60]) })], { 60: {} }],
    'fires at 11 of 1000': [[breaker({ calls: { success: growing([1000, 60]) }, wouldRefuse: growing([11, 60]) })], { 60: { users: 0.011 } }],
    'fires once it has been so for 15 minutes': [
      [breaker({ calls: { success: growing([100, 60]) }, wouldRefuse: growing([0, 20], [100, 40]) })],
      { 35: {}, 45: { users: 1 } },
    ],
    'does not fire on 15 calls in 15 minutes': [[breaker({ calls: { success: growing([1, 60]) }, wouldRefuse: growing([1, 60]) })], { 60: {} }],
    'fires on 30 calls in 15 minutes': [[breaker({ calls: { success: growing([2, 60]) }, wouldRefuse: growing([2, 60]) })], { 60: { users: 1 } }],
  },
}

/** The texts of an alert, with what Prometheus puts into them. */
function annotations(rules, alert, name, value) {
  const [, body] = new RegExp(`- alert: ${alert}\n[^]*?annotations:\n((?: {10}.+\n)+)`).exec(rules)
  const put = (text) =>
    text
      .replaceAll(/\{\{ \$labels\.job \}\}/g, 'shop')
      .replaceAll(/\{\{ \$labels\.\w+ \}\}/g, name)
      .replaceAll('{{ $value }}', String(value))
      .replaceAll('{{ $value | humanizePercentage }}', `${Number((value * 100).toPrecision(4))}%`)
  return Object.fromEntries([...body.matchAll(/^ +(\w+): (".*")$/gm)].map(([, key, text]) => [key, put(JSON.parse(text))]))
}

describe('the alert rules', () => {
  let folder
  before(() => (folder = mkdtempSync(join(tmpdir(), 'halfopen-alerts-'))))
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('are all tried', () => assert.deepEqual(Object.keys(SCENARIOS), ALERT_NAMES))

  for (const [naming, labels] of Object.entries(LABELS)) {
    const file = join(root, filesOf(naming).alerts)
    const rules = readFileSync(file, 'utf8')
    for (const [alert, scenarios] of Object.entries(SCENARIOS)) {
      const [, severity] = new RegExp(`- alert: ${alert}\n[^]*?severity: (\\w+)`).exec(rules)
      for (const [what, [scraped, says]] of Object.entries(scenarios)) {
        it(`${filesOf(naming).alerts}: ${alert} ${what}`, async () => {
          const alert_rule_test = Object.entries(says).map(([minute, about]) => ({
            eval_time: `${minute}m`,
            alertname: alert,
            exp_alerts: Object.entries(about).map(([name, value]) => ({ exp_labels: { job: 'shop', [labels.breaker]: name, severity }, exp_annotations: annotations(rules, alert, name, value) })),
          }))
          // JSON is YAML.
          const path = join(folder, `${naming}.yml`)
          writeFileSync(path, JSON.stringify({ rule_files: [file], evaluation_interval: '1m', tests: [{ interval: '1m', input_series: scraped.flatMap((one) => one(labels)), alert_rule_test }] }))
          assert.match(await promtool('test', 'rules', path), /SUCCESS/)
        })
      }
    }
  }
  it('are tried by what can fail', async () => {
    const path = join(folder, 'wrong.yml')
    const about = { eval_time: '9m', alertname: 'HalfopenCircuitNotClosed', exp_alerts: [] }
    const input_series = breaker({ states: 'o'.repeat(10), calls: refused(10) })(LABELS.short)
    writeFileSync(path, JSON.stringify({ rule_files: [join(root, 'grafana/alerts.yml')], evaluation_interval: '1m', tests: [{ interval: '1m', input_series, alert_rule_test: [about] }] }))
    await assert.rejects(promtool('test', 'rules', path), /FAILED[^]*alertname: HalfopenCircuitNotClosed/)
  })
})
