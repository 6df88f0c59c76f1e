// The files of grafana/: they are what their script writes, and what Grafana and Prometheus take. No Grafana runs here: its own published
// types stand for it. It must not know what the queries answer.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ALERT_NAMES } from '../../scripts/grafana/alerts.mjs'
import { dashboard } from '../../scripts/grafana/dashboard.mjs'
import { alertQueries, LABELS, OUTCOMES, panelQueries } from '../../scripts/grafana/queries.mjs'
import { files, filesOf } from '../../scripts/grafana.mjs'
import { promtool, root } from './tools.js'

const text = (path) => readFileSync(join(root, path), 'utf8')
const namings = Object.keys(LABELS)

describe('the folder grafana', () => {
  it('has what its script writes, and nothing else', () => {
    const written = files()
    assert.equal(Object.keys(written).length, 2 * namings.length)
    assert.deepEqual(readdirSync(join(root, 'grafana')).map((name) => `grafana/${name}`).sort(), Object.keys(written).sort())
    for (const [path, expected] of Object.entries(written)) assert.equal(text(path), expected, `${path}: run node scripts/grafana.mjs`)
  })
  it('has the same for all labels, but for their names', () => {
    const [short, otel] = ['short', 'otel'].map((naming) => Object.entries({ ...panelQueries(LABELS[naming]), ...alertQueries(LABELS[naming]) }))
    for (const [index, [name, query]] of otel.entries()) {
      const renamed = query.replaceAll('halfopen_breaker_name', 'breaker').replaceAll('halfopen_call_outcome', 'outcome').replaceAll(/halfopen_breaker_state(?=[=!)])/g, 'state')
      assert.deepEqual([name, renamed], short[index])
    }
  })
})

for (const naming of namings) {
  const { dashboard: path, alerts } = filesOf(naming)

  describe(alerts, () => {
    it('is what promtool takes for rules, with every alert once', async () => {
      assert.match(await promtool('check', 'rules', '--lint-fatal', join(root, alerts)), new RegExp(`SUCCESS: ${ALERT_NAMES.length} rules found`))
      assert.deepEqual([...text(alerts).matchAll(/- alert: (\w+)/g)].map(([, name]) => name), ALERT_NAMES)
    })
    it('is explained, each alert below a heading of its own', () => {
      const headings = [...text('docs/seeing.md').matchAll(/^### (\w+)$/gm)].map(([, heading]) => heading)
      assert.deepEqual(headings, ALERT_NAMES)
    })
  })

  describe(path, () => {
    const { panels, templating, title, uid } = JSON.parse(text(path))
    it('asks each query once', () => {
      const asked = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
      assert.deepEqual(asked.sort(), Object.values(panelQueries(LABELS[naming])).sort())
    })
    it('has panels that fill their rows and do not overlap, each with a title and a text of its own', () => {
      const taken = new Set()
      for (const { gridPos: { x, y, w, h } } of panels) {
        for (let column = x; column < x + w; column++) for (let line = y; line < y + h; line++) taken.add(`${column},${line}`)
      }
      const area = panels.reduce((sum, { gridPos: { w, h } }) => sum + w * h, 0)
      assert.equal(taken.size, area)
      assert.equal(taken.size, 24 * Math.max(...panels.map(({ gridPos: { y, h } }) => y + h)))
      for (const member of ['id', 'title', 'description']) assert.equal(new Set(panels.map((panel) => panel[member])).size, panels.length, member)
    })
    it('has variables for the data source, the job and the breaker, and uses each', () => {
      assert.deepEqual(templating.list.map(({ name }) => name), ['datasource', 'job', 'breaker'])
      for (const { title: name, datasource, targets: [{ expr, datasource: own }] } of panels) {
        assert.deepEqual([datasource.uid, own.uid], ['${datasource}', '${datasource}'], name)
        for (const variable of ['"$job"', '"$breaker"']) assert.ok(expr.includes(variable), name)
      }
    })
    it('gives each outcome a colour of its own', () => {
      const { fieldConfig: { overrides } } = panels.find((panel) => panel.title === 'Calls by outcome')
      assert.deepEqual(overrides.map(({ matcher }) => matcher.options), OUTCOMES)
      const colors = overrides.map(({ properties: [{ value }] }) => value.fixedColor)
      for (const color of colors) assert.match(color, /^#[0-9A-F]{6}$/)
      assert.equal(new Set(colors).size, OUTCOMES.length)
    })
    it('can be had beside the others', () => {
      const all = namings.map((one) => JSON.parse(text(filesOf(one).dashboard)))
      assert.deepEqual(all.filter((one) => one.uid === uid || one.title === title).length, 1)
    })
  })
}

describe('the types that Grafana publishes', () => {
  const from = join(root, 'tests/prometheus/node_modules/@grafana/grafana-foundation-sdk/dist')
  /** The kinds of panels, and which types theirs are. */
  const KINDS = { stat: 'stat', timeseries: 'timeseries', 'state-timeline': 'statetimeline', table: 'table' }
  let folder
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'halfopen-grafana-'))
    for (const room of ['common', 'dashboard', 'prometheus', ...Object.values(KINDS)]) {
      mkdirSync(join(folder, room))
      const types = readFileSync(join(from, room, 'types.gen.d.ts'), 'utf8')
        // JSON has no enums, only their values.
        .replaceAll(/export declare enum (\w+) \{([^}]*)\}/g, (_, name, body) => {
          const members = [...body.matchAll(/(\w+) = ("[^"]*"|-?\d+)/g)]
          return `export type ${name} = ${members.map(([, , value]) => value).join(' | ')}\nexport namespace ${name} { ${members.map(([, member, value]) => `type ${member} = ${value}`).join('; ')} }`
        })
        // Of its builders.
        .replaceAll('_implementsDataqueryVariant(): void;', '')
      writeFileSync(join(folder, room, 'index.d.ts'), types)
    }
    // A query is one for Prometheus.
    mkdirSync(join(folder, 'cog'))
    writeFileSync(join(folder, 'cog/index.d.ts'), "export type { Dataquery } from '../prometheus'\nexport interface RuntimeMapping {}\n")
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { strict: true, noEmit: true, target: 'es2022', module: 'esnext', moduleResolution: 'bundler', types: [] }, files: ['all.ts'] }))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** What the compiler says to dashboards, each as a literal: members that no type has are errors. */
  function findings(...dashboards) {
    const lines = ["import type { Dashboard } from './dashboard'", ...Object.values(KINDS).map((kind) => `import type * as ${kind} from './${kind}'`)]
    for (const one of dashboards) {
      lines.push(`((_: Dashboard) => {})(${JSON.stringify(one)})`)
      for (const { type, options, fieldConfig } of one.panels) {
        const kind = KINDS[type]
        assert.ok(kind, `no types are known of panels of type ${type}`)
        lines.push(`((_: ${kind}.Options) => {})(${JSON.stringify(options)})`)
        if (fieldConfig.defaults.custom) lines.push(`((_: ${kind}.FieldConfig) => {})(${JSON.stringify(fieldConfig.defaults.custom)})`)
      }
    }
    writeFileSync(join(folder, 'all.ts'), lines.join('\n;'))
    try {
      execFileSync(join(root, 'node_modules/.bin/tsc'), ['--pretty', 'false'], { cwd: folder, encoding: 'utf8' })
      return ''
    } catch ({ stdout }) {
      return stdout
    }
  }

  it('take every dashboard', () => {
    assert.equal(findings(...namings.map((naming) => JSON.parse(text(filesOf(naming).dashboard)))), '')
  })
  const SPOILT = {
    'a misspelt member of a panel': (one) => (one.panels[0].gridPosition = one.panels[0].gridPos),
    'a query without its expression': (one) => delete one.panels[0].targets[0].expr,
    'an option of another kind of panel': (one) => (one.panels[0].options.rowHeight = 1),
    'a value that no option has': (one) => (one.panels[0].options.colorMode = 'rainbow'),
    'a style that no graph has': (one) => (one.panels.find(({ type }) => type === 'timeseries').fieldConfig.defaults.custom.drawStyle = 'pie'),
    'a colour mode that is unknown': (one) => (one.panels[0].fieldConfig.defaults.color.mode = 'nice'),
    'a variable of no type': (one) => (one.templating.list[0].type = 'list'),
  }
  for (const [what, spoil] of Object.entries(SPOILT)) {
    it(`refuse ${what}`, () => {
      const one = structuredClone(dashboard('short'))
      spoil(one)
      assert.match(findings(one), /error TS/)
    })
  }
})
