// Every query of the dashboards and of the alert rules, asked of a real Prometheus that scrapes two real services through an outage. What comes
// must be what those who called saw: each call is counted here by its answer. One Prometheus has the short labels, one those of OpenTelemetry.
// It must not know how a query is written.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { OUTCOMES as TOLD } from '../../js/telemetry/ledger.js'
import { ALERT_NAMES } from '../../scripts/grafana/alerts.mjs'
import { alertQueries, LABELS, OUTCOMES, panelQueries } from '../../scripts/grafana/queries.mjs'
import { filesOf } from '../../scripts/grafana.mjs'
import { startPrometheus, until } from './server.js'
import { root } from './tools.js'
import { startUpstream } from './upstream.js'

const PROCESSES = ['a', 'b']
const PARTS = ['users', 'orders', 'search', 'mail', 'files', 'reports', 'stock', 'shadow', 'late', 'flaps']

let upstream
/** @type {Record<string, { origin: string, child: import('node:child_process').ChildProcess }>} */
const services = {}
/** @type {Record<string, Awaited<ReturnType<typeof startPrometheus>>>} */
const prometheus = {}
/** What the callers saw, by part and outcome. */
const seen = Object.fromEntries(PARTS.map((part) => [part, Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]))]))
/** What was seen of each Prometheus while the upstream was ill, and when that was, in s. */
const during = {}
let began

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0)
const total = (outcomes, parts = PARTS, of = seen) => sum(parts.flatMap((part) => Object.entries(of[part]).filter(([outcome]) => outcomes.test(outcome)).map(([, count]) => count)))

/** Calls a part of the upstream by a service, and counts what it saw. `as` is what the service counts where its caller can't see it. */
async function call(process, part, as = (outcome) => outcome) {
  const response = await fetch(`${services[process].origin}/calls/${part}`)
  const outcome = as(await response.text())
  assert.ok(outcome in seen[part], outcome)
  seen[part][outcome]++
  return outcome
}
const byHand = async (process, part, hand) => assert.equal((await fetch(`${services[process].origin}/by-hand/${part}/${hand}`, { method: 'POST' })).status, 200)

/** So many calls of a part by each of some processes, one after another in each. */
const load = (part, count, { as, processes = PROCESSES } = {}) =>
  Promise.all(
    processes.map(async (process) => {
      for (let n = 0; n < count; n++) await call(process, part, as)
    }),
  )

/** A query as Grafana would send it: all jobs, all breakers. */
const filledIn = (query, seconds) => query.replaceAll('$job', '.*').replaceAll('$breaker', '.*').replaceAll('$__rate_interval', `${seconds}s`).replaceAll('$__range', `${seconds}s`)

/** What a Prometheus answers: each series by its labels, without those of scraping. */
async function query(naming, text, time) {
  const { result } = await prometheus[naming].ask('query', { query: text, ...(time && { time }) })
  return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
}
/** The answer by the breaker. */
const byBreaker = (naming, answer) => Object.fromEntries(answer.map(({ labels, value }) => [labels[LABELS[naming].breaker], value]))
const now = () => Date.now() / 1000
/** The seconds since before the first call. */
const sinceBefore = () => Math.ceil(now() - began)

/**
 * How far Prometheus may be off, as a share: of counts over a time it has samples of almost all, and goes on from the last to the end, by 1.1 times
 * the time between two samples at most. All begin at 0, so nothing is added at the beginning. To be asked before the counts are.
 */
async function slack(naming, seconds) {
  const samples = await query(naming, `count_over_time(halfopen_breaker_call_active[${seconds}s])`)
  return 1.1 / (Math.min(...samples.map(({ value }) => value)) - 1)
}
function isCount(actual, expected, most, what) {
  assert.ok(actual >= expected - 1e-6 && actual <= expected * (1 + most) + 1e-6, `${what}: expected ${expected}, got ${actual}, of which ${most} may be too much`)
}
/** A share may be off in either direction: its processes are scraped one after the other. */
function isShare(actual, expected, most, what) {
  assert.ok(Math.abs(actual - expected) <= expected * most + 1e-6, `${what}: expected ${expected}, got ${actual}, which may be off by ${most}`)
}

/** Waits until each Prometheus has scraped what the services tell now. */
async function scraped() {
  const from = now()
  for (const naming of Object.keys(prometheus)) {
    await until('a scrape of each service', async () => {
      // When a sample was taken is known of a plain series alone.
      const [times, up] = await Promise.all(['timestamp(up)', 'up'].map((text) => query(naming, text)))
      return times.length === PROCESSES.length && times.every(({ value }) => value > from) && up.every(({ value }) => value === 1)
    })
  }
}

/** Waits until each Prometheus has evaluated its rules on what it has scraped. */
async function evaluated() {
  const from = Date.now()
  for (const { ask } of Object.values(prometheus)) {
    await until('an evaluation', async () => (await ask('rules')).groups.every(({ lastEvaluation }) => Date.parse(lastEvaluation) > from))
  }
}

before(async () => {
  upstream = await startUpstream()
  for (const process of PROCESSES) {
    const child = fork(fileURLToPath(new URL('service.js', import.meta.url)), [upstream.origin])
    const [origin] = await once(child, 'message')
    services[process] = { origin, child }
  }
  const targets = PROCESSES.map((process) => services[process].origin)
  began = now()
  for (const naming of Object.keys(LABELS)) {
    const path = naming === 'short' ? '/metrics' : `/metrics/${naming}`
    prometheus[naming] = await startPrometheus({ job: 'shop', path, targets, rules: join(root, filesOf(naming).alerts) })
  }
  // Before the first call: what begins at 0 is counted from its beginning.
  await scraped()

  // All is well.
  await Promise.all(['users', 'orders', 'search', 'mail', 'files'].map((part) => load(part, 20)))

  // The upstream falls ill, each part in its own way.
  const { moods } = upstream
  Object.assign(moods, { users: 'sick', search: 'hangs', mail: 'sick', files: 'hangs', stock: 'hangs', shadow: 'sick', late: 'hangs', flaps: undefined })
  // Two calls hang and fill the bulkhead; they succeed in the end. One more hangs as the test of a half-open circuit, and ten while theirs opens.
  const hanging = []
  for (const process of PROCESSES) {
    hanging.push(call(process, 'files'), call(process, 'files'))
    await byHand(process, 'stock', 'trip')
    hanging.push(call(process, 'stock'), ...Array.from({ length: 5 }, () => call(process, 'late', () => 'stale')))
  }
  await until('the calls that hang', () => upstream.holds('files') === 4 && upstream.holds('stock') === 2 && upstream.holds('late') === 10)
  for (const process of PROCESSES) await byHand(process, 'late', 'trip')
  await byHand('a', 'reports', 'isolate')
  await Promise.all([
    load('users', 60),
    load('orders', 60),
    load('search', 10),
    load('mail', 20, { as: (outcome) => (outcome === 'failure' ? 'ignored' : outcome) }),
    load('files', 25),
    load('reports', 40, { processes: ['a'] }),
    load('stock', 15),
    load('shadow', 30),
    load('late', 10),
  ])
  // A circuit that opens three times, each time for longer than a scrape takes.
  for (const hand of ['trip', 'reset', 'trip', 'reset', 'trip']) {
    await byHand('a', 'flaps', hand)
    await scraped()
  }
  await evaluated()
  for (const naming of Object.keys(LABELS)) {
    const seconds = sinceBefore()
    const most = await slack(naming, seconds)
    const answers = {}
    for (const [name, text] of Object.entries(panelQueries(LABELS[naming]))) answers[name] = await query(naming, filledIn(text, seconds))
    during[naming] = { answers, most, rules: await prometheus[naming].ask('rules'), alerts: await prometheus[naming].ask('alerts'), asOf: structuredClone(seen) }
    for (const [name, text] of Object.entries(alertQueries(LABELS[naming]))) answers[`alert ${name}`] = await query(naming, text)
  }

  // All is well again.
  for (const part of Object.keys(moods)) upstream.release(part)
  await Promise.all(hanging)
  for (const process of PROCESSES) for (const part of ['users', 'late', 'shadow', 'flaps']) await byHand(process, part, 'reset')
  await byHand('a', 'reports', 'release')
  await Promise.all(['users', 'late', 'stock', 'reports'].map((part) => load(part, 10)))
  await scraped()
})

after(async () => {
  for (const one of Object.values(prometheus)) await one.stop()
  for (const { child } of Object.values(services)) {
    child.disconnect()
    if (child.exitCode === null) await once(child, 'exit')
  }
  await upstream?.stop()
})

describe('what is scraped', () => {
  it('has the outcomes that the dashboards know', () => assert.deepEqual([...TOLD], OUTCOMES))
  it('was called in every way: no outcome was left out', () => {
    for (const outcome of OUTCOMES) assert.ok(total(new RegExp(`^${outcome}$`)) > 0, outcome)
  })
})

for (const naming of Object.keys(LABELS)) {
  const { breaker, outcome, state } = LABELS[naming]
  const panels = panelQueries(LABELS[naming])
  const dashboard = JSON.parse(readFileSync(join(root, filesOf(naming).dashboard), 'utf8'))
  const answer = (name, time) => query(naming, filledIn(panels[name], sinceBefore()), time)

  describe(`Prometheus, with ${naming} labels`, { timeout: 120_000 }, () => {
    it('says nothing but what it is told to', () => assert.equal(prometheus[naming].said(), ''))

    it('counts each call as its caller did', async () => {
      const answers = await query(naming, `sum by (${breaker}, ${outcome}) (halfopen_breaker_calls_total)`)
      const counted = Object.fromEntries(PARTS.map((part) => [part, {}]))
      for (const { labels, value } of answers) counted[labels[breaker]][labels[outcome]] = value
      assert.deepEqual(counted, seen)
    })

    describe('in the outage', () => {
      const at = () => during[naming].answers
      const only = (name) => {
        assert.equal(at()[name].length, 1, name)
        return at()[name][0].value
      }
      it('answers every query of the dashboard and of the rules', () => {
        for (const [name, series] of Object.entries(at())) assert.ok(series.length > 0, name)
        assert.equal(Object.keys(at()).length, Object.keys(panels).length + ALERT_NAMES.length)
      })
      it('names in each line of a panel all that its legend wants', () => {
        for (const { title, targets: [{ expr, legendFormat }] } of dashboard.panels) {
          const [name] = Object.entries(panels).find(([, text]) => text === expr)
          for (const [, label] of (legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g)) {
            for (const { labels } of at()[name]) assert.ok(labels[label], `${title} lacks ${label}`)
          }
        }
      })
      it('says how many circuits are open and half open, and that each process has its own', () => {
        // users and late in both processes, shadow too, which observes; reports and flaps in one.
        assert.equal(only('open'), 8)
        assert.equal(only('halfOpen'), 2)
        assert.equal(only('breakers'), PARTS.length * PROCESSES.length)
      })
      it('lists those that are not closed, by process', () => {
        const listed = at().notClosed.map(({ labels, value }) => [labels[breaker], labels[state], PROCESSES.find((one) => services[one].origin.endsWith(labels.instance)), value].join(' '))
        const both = (part, inState) => PROCESSES.map((process) => `${part} ${inState} ${process} 1`)
        assert.deepEqual(listed.sort(), [...both('users', 'open'), ...both('late', 'open'), ...both('shadow', 'open'), ...both('stock', 'half_open'), 'reports open a 1', 'flaps open a 1'].sort())
      })
      it('has the worst state of each, and leaves out what was always closed', () => {
        assert.deepEqual(byBreaker(naming, at().timeline), { users: 2, late: 2, shadow: 2, stock: 1, reports: 2, flaps: 2 })
      })
      it('says what is in flight', () => {
        assert.equal(only('inFlight'), 6 + 10)
        const expected = { ...Object.fromEntries(PARTS.map((part) => [part, 0])), files: 4, stock: 2, late: 10 }
        assert.deepEqual(byBreaker(naming, at().inFlightBy), expected)
      })
      it('says the share that was refused and the share that failed, as the callers saw it', () => {
        const { asOf, most } = during[naming]
        const of = (outcomes, parts) => total(outcomes, parts, asOf)
        const shares = { shareRefused: [/^refused/, /./], shareFailed: [/^(failure|timeout)$/, /^(success|failure|timeout)$/] }
        for (const [name, [some, all]] of Object.entries(shares)) {
          isShare(only(name), of(some, PARTS) / of(all, PARTS), most, name)
          const shown = byBreaker(naming, at()[`${name}By`])
          const expected = PARTS.filter((part) => of(all, [part]) > 0)
          assert.deepEqual(Object.keys(shown).sort(), expected.sort(), name)
          for (const part of expected) isShare(shown[part], of(some, [part]) / of(all, [part]), most, `${name} of ${part}`)
        }
      })
      it('has the alerts that are due waiting or firing, and no other', () => {
        const named = during[naming].alerts.alerts.map(({ labels, state: is }) => `${labels.alertname} ${labels[breaker]} ${is}`)
        const due = {
          HalfopenCircuitNotClosed: ['users', 'late', 'stock', 'reports'].map((part) => `${part} pending`),
          HalfopenCallsRefused: ['users', 'files', 'reports', 'stock', 'late'].map((part) => `${part} pending`),
          HalfopenCircuitFlapping: ['flaps firing'],
          HalfopenWouldRefuse: ['shadow pending'],
        }
        assert.deepEqual(named.sort(), Object.entries(due).flatMap(([name, those]) => those.map((one) => `${name} ${one}`)).sort())
      })
      it('evaluates each rule without an error', () => {
        const rules = during[naming].rules.groups.flatMap((group) => group.rules)
        assert.deepEqual(rules.map(({ name, health, lastError }) => [name, health, lastError]), ALERT_NAMES.map((name) => [name, 'ok', undefined]))
      })
    })

    describe('over all of it', () => {
      it('adds up the calls of each outcome to what the callers counted', async () => {
        const seconds = sinceBefore()
        const most = await slack(naming, seconds)
        const rates = await query(naming, filledIn(panels.outcomes, seconds))
        assert.deepEqual(rates.map(({ labels }) => labels[outcome]).sort(), [...OUTCOMES].sort())
        for (const { labels, value } of rates) isCount(value * seconds, total(new RegExp(`^${labels[outcome]}$`)), most, labels[outcome])
      })
      it('has every change of state', async () => {
        const seconds = sinceBefore()
        const most = await slack(naming, seconds)
        const changes = byBreaker(naming, await query(naming, filledIn(panels.changes, seconds)))
        const exact = byBreaker(naming, await query(naming, `sum by (${breaker}) (halfopen_breaker_state_changes_total)`))
        // In both processes opened and reset, or tripped, half open and closed by its one test; in one isolated, half open and closed; in one opened and reset three times.
        assert.deepEqual(exact, { users: 4, orders: 0, search: 0, mail: 0, files: 0, reports: 3, stock: 6, shadow: 4, late: 4, flaps: 6 })
        for (const part of PARTS) isCount(changes[part], exact[part], most, part)
      })
      it('has what an observing breaker would have refused', async () => {
        const seconds = sinceBefore()
        const most = await slack(naming, seconds)
        const rates = byBreaker(naming, await query(naming, filledIn(panels.wouldRefuseBy, seconds)))
        // Five failures open it, in each process.
        isCount(rates.shadow * seconds, (30 - 5) * PROCESSES.length, most, 'shadow')
        for (const part of PARTS) if (part !== 'shadow') assert.equal(rates[part], 0, part)
      })
      it('shows a circuit that opened and closed as a line of both, and none that was closed all the time', async () => {
        const end = now()
        const { result } = await prometheus[naming].ask('query_range', { query: filledIn(panels.timeline, sinceBefore()), start: end - sinceBefore(), end, step: 1 })
        const lines = Object.fromEntries(result.map(({ metric, values }) => [metric[breaker], values.map(([, value]) => Number(value))]))
        assert.deepEqual(Object.keys(lines).sort(), ['flaps', 'late', 'reports', 'shadow', 'stock', 'users'])
        for (const [part, values] of Object.entries(lines)) {
          const steps = values.filter((value, index) => value !== values[index - 1])
          assert.deepEqual([steps[0], steps.at(-1)], [0, 0], `${part}: ${steps}`)
          assert.ok(steps.includes(part === 'stock' ? 1 : 2), `${part}: ${steps}`)
        }
      })
      it('has nothing left that is open or in flight', async () => {
        assert.deepEqual((await answer('open'))[0].value, 0)
        assert.deepEqual((await answer('inFlight'))[0].value, 0)
        assert.deepEqual(await answer('notClosed'), [])
      })
      it('lists what the variables of the dashboard can be', async () => {
        const found = {}
        for (const { name, query: asked } of dashboard.templating.list.filter(({ type }) => type === 'query')) {
          const [, match, label] = /^label_values\((.+), (\w+)\)$/.exec(asked.query)
          found[name] = await prometheus[naming].ask(`label/${label}/values`, { 'match[]': filledIn(match) })
        }
        assert.deepEqual(found, { job: ['shop'], breaker: [...PARTS].sort() })
      })
      it('answers for the breakers that are chosen, and no other', async () => {
        const chosen = panels.inFlightBy.replaceAll('$job', 'shop').replaceAll('$breaker', 'users|orders')
        assert.deepEqual(Object.keys(byBreaker(naming, await query(naming, chosen))).sort(), ['orders', 'users'])
        assert.deepEqual(await query(naming, chosen.replaceAll('shop', 'elsewhere')), [])
      })
    })
  })
}
