// The tables of README.md and docs/ against the code: they have every name that the code has, and no other. It must not know more of a
// breaker than its names and defaults.

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as cockatiel from 'cockatiel'
import Opossum from 'opossum'
import { EVENTS } from '../../js/breaker/events.js'
import { startEngine } from '../../js/engine/index.js'
import { OPTIONS, SNAPSHOT, WINDOWS } from '../../js/engine/numbers.js'
import { CODES } from '../../js/base/misuse.js'
import { OUTCOMES, STATES as TOLD_STATES } from '../../js/telemetry/ledger.js'
import { DURATION, METRICS } from '../../js/telemetry/metrics.js'
import * as halfopen from '../../pkg/index.js'
import { dashboard } from '../../pkg/dashboard.js'
import { instrument } from '../../pkg/otel.js'
import { definePanel } from '../../pkg/panel.js'
import { collect, metricsText } from '../../pkg/prometheus.js'
import * as markdown from './blocks.js'

const { CircuitBreaker, CircuitBreakerMetrics, CircuitBreakerRegistry, ManualClock } = halfopen
const root = fileURLToPath(new URL('../..', import.meta.url))
const text = (path) => readFileSync(join(root, path), 'utf8')
const { namesIn, pagesOf, tablesOf } = markdown
const pages = pagesOf(root)
/** The README and all pages. */
const documents = ['README.md', ...pages].map(text).join('\n')

/** Tables that a test has read, as `file#heading`. */
const read = new Set()
function tableBelow(file, heading) {
  read.add(`${file}#${heading}`)
  return markdown.tableBelow(root, file, heading)
}

/** Tables that say what no code lists; their facts are tested where they are true. */
const PROSE = [
  'README.md#How it compares',
  'docs/bundlers.md#Bundlers',
  'docs/bundlers.md#Package managers',
  // Those of the simulation are compared with its figures by tests/fleet/simulation.
  'docs/fleet-figures.md#A bad network',
  'docs/fleet-figures.md#A start of all at once',
  'docs/fleet-figures.md#A store that is lost',
  'docs/fleet-figures.md#An outage',
  'docs/fleet-figures.md#An upstream that comes back weak',
  'docs/fleet-figures.md#Bad hosts',
  'docs/fleet-figures.md#Failures that are always there',
  // Those of a fleet are compared with the code by tests/fleet/docs.test.js.
  'docs/fleet-protocol.md#Commands',
  'docs/fleet-protocol.md#Keys',
  'docs/fleet-protocol.md#Replies',
  'docs/fleet-protocol.md#States',
  'docs/fleet.md#Options of `fleet`',
  'docs/fleet.md#Stores',
  'docs/fleet.md#What it does',
  'docs/fleet.md#When something fails',
  'docs/http.md#Until the body',
  'docs/options.md#Functions that you hand in',
  'docs/snapshots.md#Under other options',
  'docs/states.md#By hand',
  'docs/testing.md#Test runners',
  'docs/where-it-runs.md#As tested',
  'docs/where-it-runs.md#How loading works',
  'docs/where-it-runs.md#Where it can\'t load',
  'docs/with-sdks.md#What clients make of a refusal',
]

const first = (rows) => rows.flatMap(([cell]) => namesIn(cell))
const sameNames = (actual, expected) => assert.deepEqual([...actual].sort(), [...expected].sort())

/** The options that the constructor lists in its message when it is given one that resembles none of them. */
function knownTo(make) {
  try {
    make({ zzzzzzzzzzzzzzzzzzzzzzzzzzzz: 1 })
  } catch ({ message }) {
    return /known are (.+)$/.exec(message)[1].split(', ')
  }
  throw new assert.AssertionError({ message: 'An unknown option was taken' })
}

/** The members of a class that are for its users: no constructor, no symbols. */
const members = (Class) => Object.getOwnPropertyNames(Class.prototype).filter((name) => name !== 'constructor')

/** Those that the declarations of a class have: what is internal is not in them. */
const declaredMembers = (Class = CircuitBreaker, file = 'breaker/circuit-breaker') =>
  members(Class).filter((name) => new RegExp(`^ +(get )?${name}[<(]`, 'm').test(text(`pkg/types/${file}.d.ts`)))

describe('the table of options', () => {
  const rows = tableBelow('docs/options.md', 'Options')
  const defaultOf = (name) => rows.find(([cell]) => namesIn(cell)[0] === name)[1]
  const engine = startEngine()

  /** The value in force of a numeric option. */
  function inForce(name, given = {}) {
    engine.draftBegin()
    for (const [option, value] of Object.entries(given)) assert.equal(engine.draftOption(engine.fields.get(option), value), 0)
    const slot = engine.create(0)
    assert.ok(slot >= 0, `these options contradict each other: ${Object.keys(given)}`)
    const value = engine.option(slot, engine.fields.get(name))
    engine.freeSlot(slot)
    return Number.isNaN(value) ? '–' : value
  }

  it('has every option that the constructor knows, and no other', () => {
    sameNames(first(rows), knownTo((options) => new CircuitBreaker(options)))
  })

  it('has the options that the types have', () => {
    const declared = text('js/base/types.js').match(/@typedef \{object\} CircuitBreakerOptions[^]*?\*\//)[0]
    sameNames(
      first(rows).filter((name) => !name.includes('.')),
      [...declared.matchAll(/@property \{.+\} \[(\w+)\]/g)].map(([, name]) => name)
    )
  })

  it('has every type of window with the member it needs, and so have the page on windows and the types', () => {
    const types = WINDOWS.filter((_, index) => index % 2 === 0)
    assert.ok(types.length > 1)
    for (const [index, type] of types.entries()) {
      const option = WINDOWS[2 * index + 1]
      const member = option.split('.')[1]
      const [, , cell] = rows.find(([name]) => name === `\`${option}\``)
      assert.match(cell, new RegExp(`Needed for type \`'${type}'\``))
      assert.match(text('docs/windows.md'), new RegExp(`^- \`window: \\{ type: '${type}', ${member}: \\d`, 'm'))
      assert.match(text('js/base/types.js'), new RegExp(`type: '${type}', ${member}: number`))
    }
    const [, declared] = /@typedef (\{\{ type: .+\}) CallWindow$/m.exec(text('js/base/types.js'))
    sameNames([...declared.matchAll(/(\w+)\??: number/g)].map(([, name]) => `window.${name}`), OPTIONS.filter((name) => name.startsWith('window.')))
  })

  /** Options that others need to be in force, and cells that are more than a number. */
  const GIVEN = {
    'window.buckets': { 'window.duration': 1000, failureRate: 0.5 },
    'recoveryBackoff.factor': { 'recoveryBackoff.jitter': 0.1 },
    'recoveryBackoff.jitter': { 'recoveryBackoff.factor': 3 },
  }
  const DERIVED = {
    failureThreshold: ['5, with `window` –', () => [inForce('failureThreshold'), inForce('failureThreshold', { 'window.size': 9, failureRate: 0.5 })], [5, '–']],
    halfOpenCalls: ['`successThreshold`', () => [inForce('halfOpenCalls'), inForce('halfOpenCalls', { successThreshold: 7 })], [2, 7]],
    halfOpenTimeout: [
      'the longest of `recoveryTimeout`, `timeout` and 60000',
      () => [inForce('halfOpenTimeout', { recoveryTimeout: 1 }), inForce('halfOpenTimeout', { recoveryTimeout: 70_000 }), inForce('halfOpenTimeout', { timeout: 80_000 })],
      [60_000, 70_000, 80_000],
    ],
    minimumCalls: [
      '10, or `window.size` if that is smaller',
      () => [inForce('minimumCalls', { 'window.size': 100, failureRate: 0.5 }), inForce('minimumCalls', { 'window.size': 4, failureRate: 0.5 })],
      [10, 4],
    ],
    'recoveryBackoff.max': ['10 × `recoveryTimeout`', () => [inForce('recoveryBackoff.max', { 'recoveryBackoff.factor': 2, recoveryTimeout: 70 })], [700]],
  }
  for (const name of engine.fields.keys()) {
    it(`has the default of ${name}`, () => {
      if (name in DERIVED) {
        const [cell, measure, expected] = DERIVED[name]
        assert.equal(defaultOf(name), cell)
        assert.deepEqual(measure(), expected)
      } else {
        assert.equal(defaultOf(name), String(inForce(name, GIVEN[name])))
      }
    })
  }

  /** Defaults of the other options, and what shows them. */
  const down = async () => {
    throw new Error('down')
  }
  const OTHERS = {
    name: ['–', () => assert.equal(new CircuitBreaker().name, undefined)],
    window: ['–', () => assert.equal(new CircuitBreaker().explain().calls, undefined)],
    recoveryBackoff: ['–', () => assert.equal(inForce('recoveryBackoff.factor'), '–')],
    classify: [
      'an error is a failure, a value a success, a refusal inside ignored',
      async () => {
        const breaker = new CircuitBreaker()
        await breaker.call(down).catch(() => {})
        await breaker.call(async () => new Error('as a value'))
        const { failedCalls, successfulCalls } = breaker.metrics
        assert.deepEqual([failedCalls, successfulCalls], [1, 1])
      },
    ],
    fallback: ['–', () => assert.rejects(isolated().call(down), { code: 'ERR_CIRCUIT_OPEN' })],
    fallbackOn: ["`'open'`", () => assert.rejects(new CircuitBreaker({ fallback: () => 'instead' }).call(down), /down/)],
    probe: ['–', () => assert.equal(new CircuitBreaker({ recoveryTimeout: 0 }).state, 'closed')],
    sleep: ['an unreferenced `setTimeout`', () => assert.match(text('js/breaker/recovery.js'), /setTimeout\(fn, ms, value\)\n    timer\.unref\?\.\(\)/)],
    clock: [
      '`Date`',
      (test) => {
        test.mock.timers.enable({ apis: ['Date'], now: 4711 })
        const breaker = new CircuitBreaker()
        breaker.recordFailure()
        assert.equal(breaker.lastFailureTime, 4711)
      },
    ],
    random: [
      '`Math.random`',
      (test) => {
        const { mock } = test.mock.method(Math, 'random', () => 0.5)
        new CircuitBreaker({ failureThreshold: 1, recoveryBackoff: { jitter: 1 } }).recordFailure()
        assert.ok(mock.callCount() > 0)
      },
    ],
    latency: [
      '`false`',
      async () => {
        const breaker = new CircuitBreaker()
        await breaker.call(async () => {})
        assert.equal(breaker.metrics.latency, undefined)
      },
    ],
    snapshot: ['–', () => assert.equal(new CircuitBreaker().metrics.totalCalls, 0)],
    stackTrace: ['`false`', () => assert.rejects(isolated().call(down), ({ stack }) => !stack.includes('\n'))],
  }
  it('is where the README has its rows from', () => {
    const inOptions = (cells) => cells.map((cell) => cell.replaceAll('](docs/', ']('))
    for (const row of tableBelow('README.md', 'Options')) {
      assert.deepEqual(inOptions(row), rows.find(([cell]) => cell === row[0]))
    }
  })

  it('has a test for the default of every option', () => {
    sameNames(first(rows), [...engine.fields.keys(), ...Object.keys(OTHERS)])
  })
  for (const [name, [cell, show]] of Object.entries(OTHERS)) {
    it(`has the default of ${name}`, async (test) => {
      assert.equal(defaultOf(name), cell)
      await show(test)
    })
  }

  function isolated() {
    const breaker = new CircuitBreaker()
    breaker.isolate()
    return breaker
  }
})

/** What each option of a single call does. */
const OF_A_CALL = {
  signal: () => assert.rejects(new CircuitBreaker().callWith({ signal: AbortSignal.abort(new Error('left')) }, () => {}), /left/),
  timeout: async (test) => {
    test.mock.timers.enable({ apis: ['setTimeout'] })
    const late = assert.rejects(new CircuitBreaker().callWith({ timeout: 50 }, () => new Promise(() => {})), { code: 'ERR_CALL_TIMEOUT' })
    test.mock.timers.tick(50)
    await late
  },
  fallback: async () => {
    const breaker = new CircuitBreaker()
    breaker.isolate()
    assert.equal(await breaker.callWith({ fallback: () => 'instead' }, () => 'up'), 'instead')
  },
}

describe('the other tables', () => {
  it('have the options of a single call', async () => {
    const refused = await new CircuitBreaker().callWith({ zzzzzzzzzzzzzzzzzzzz: 1 }, () => {}).catch((error) => error)
    const known = /known are (.+)$/.exec(refused.message)[1].split(', ')
    sameNames(first(tableBelow('docs/options.md', 'Options of a single call')), known)
    sameNames(Object.keys(OF_A_CALL), known)
  })
  for (const [name, show] of Object.entries(OF_A_CALL)) {
    it(`have an option of a single call that does something and is checked: ${name}`, async (test) => {
      await show(test)
      await assert.rejects(new CircuitBreaker().callWith({ [name]: Symbol('nonsense') }, () => {}), { code: 'ERR_INVALID_OPTION', option: name })
    })
  }

  it('have the answers of classify', () => {
    const answers = tableBelow('docs/judging.md', 'Judging calls').map(([cell]) => /'(\w+)'/.exec(cell)[1])
    for (const answer of ['success', 'failure', 'ignored']) assert.ok(answers.includes(answer))
    for (const answer of answers) assert.ok(['success', 'failure', 'ignored'].includes(answer))
  })

  it('have every method and property of a breaker, and no other', () => {
    sameNames(first(tableBelow('docs/api.md', 'Members')), declaredMembers())
  })

  it('have every other export', () => {
    sameNames(first(tableBelow('docs/api.md', 'Beside the class')), Object.keys(halfopen).filter((name) => !/^CircuitBreaker(Metrics)?$/.test(name)))
  })

  it('have every mode', () => {
    const [, meaning] = tableBelow('docs/api.md', 'Members').find(([cell]) => cell === '`mode`')
    sameNames(namesIn(meaning).map((mode) => mode.slice(1, -1)), startEngine().modes)
  })

  it('have every event and every reason', () => {
    sameNames(first(tableBelow('docs/events-and-metrics.md', 'Events')), [...Object.keys(EVENTS), ...startEngine().reasons])
  })

  it('have every channel', () => {
    const asked = [...text('js/breaker/channels.js').matchAll(/channel\('(.+?)'\)/g)].map(([, name]) => name)
    sameNames(first(tableBelow('docs/events-and-metrics.md', 'Channels')), asked)
    for (const name of asked) assert.ok(text('CHANGELOG.md').includes(`\`${name}\``), name)
  })

  it('have every code, with its class', () => {
    const rows = tableBelow('README.md', 'Errors')
    sameNames(first(rows), Object.values(CODES))
    for (const [code, classes, when, todo] of rows) {
      assert.ok(when && todo, `${code} lacks when it comes and what to do`)
      for (const name of namesIn(classes)) {
        const Class = halfopen[name] ?? globalThis[name]
        assert.equal(typeof Class, 'function', name)
        if (name in halfopen) assert.equal(new Class('').code, namesIn(code)[0])
      }
    }
  })

  it('have every property of the metrics', () => {
    sameNames(first(tableBelow('docs/events-and-metrics.md', 'Metrics')), members(CircuitBreakerMetrics))
    const counts = Object.keys(new CircuitBreaker().metrics.toJSON())
    for (const name of counts) assert.ok(members(CircuitBreakerMetrics).includes(name), name)
    // What is carried on is told.
    for (const name of SNAPSHOT.filter((one) => one.endsWith('Calls'))) assert.ok(counts.includes(name), name)
  })

  it("have a registry's options and members", () => {
    const declared = text('js/registry/registry.js').match(/@typedef \{object\} RegistryOptions[^]*?\*\//)[0]
    const own = [...declared.matchAll(/@property \{.+\} \[(\w+)\]/g)].map(([, name]) => name)
    sameNames(first(tableBelow('docs/registry.md', 'Registry')), [...own, ...declaredMembers(CircuitBreakerRegistry, 'registry/registry')])
    const registry = new CircuitBreakerRegistry()
    for (let key = 0; key < 1001; key++) registry.get(key)
    assert.equal(registry.size, 1000)
  })

  it('have the options of guardFetch', () => {
    const rows = tableBelow('docs/http.md', 'guardFetch')
    // Wherever its options are declared, they are what may be left out: in brackets, or with a question mark.
    const sources = readdirSync(join(root, 'js/http')).filter((name) => /^(types|fetch|guard|response)\.js$/.test(name)).map((name) => text(`js/http/${name}`)).join('\n')
    sameNames(first(rows), new Set([...sources.matchAll(/^ \* (?:@property \{.+\} \[(\w+)\]| {2,}(\w+)\?: )/gm)].map(([, one, other]) => one ?? other)))
    const defaultOf = (name) => rows.find(([cell]) => namesIn(cell)[0] === name)[1]
    for (const name of ['settleOn', 'onRefused', 'rateLimit']) assert.equal(defaultOf(name), `\`${sources.match(new RegExp(`${name} = ('\\w+')`))?.[1]}\``)
    const { classifyResponse } = halfopen
    const failures = Array.from({ length: 500 }, (_, index) => 100 + index).filter((status) => {
      const verdict = classifyResponse()(undefined, { status, headers: new Headers() })
      return (verdict.outcome ?? verdict) === 'failure'
    })
    assert.equal(defaultOf('failOn'), failures.join(', '))
    assert.match(text('docs/http.md'), new RegExp(`so are ${failures.slice(0, -1).join(', ')} and ${failures.at(-1)}`))
  })

  it('have the headers of a refusal as a response', async () => {
    const { guardFetch } = await import('../../pkg/fetch.js')
    const guarded = guardFetch({ onRefused: 'respond' })
    guarded.registry.get('https://api.example.com').trip()
    const { headers } = await guarded('https://api.example.com/')
    sameNames(first(tableBelow('docs/http.md', 'A refusal as a response')), [...headers.keys()].filter((name) => name !== 'content-type'))
    assert.match(text('docs/http.md'), /The body is `application\/json`/)
    assert.equal(headers.get('content-type'), 'application/json')
  })

  it('say of every request that came to nothing how it counts', () => {
    const counted = tableBelow('docs/http.md', 'Whose fault it is').map((cells) => /^\w+/.exec(cells[1])[0])
    assert.deepEqual(new Set(counted), new Set(['failure', 'ignored', 'nothing', 'success']))
  })

  it('name every entry of the package', () => {
    for (const entry of Object.keys(JSON.parse(text('pkg/package.json')).exports)) {
      const name = join('halfopen', entry)
      if (!/\.(wasm|json)$/.test(name)) assert.match(documents, new RegExp(`from '${name}'`), name)
    }
  })

  it('have the members of a permit and of a manual clock on their pages', () => {
    for (const [page, thing] of [['docs/calls.md', new CircuitBreaker().acquire()], ['docs/testing.md', new ManualClock()]]) {
      for (const name of members(thing.constructor)) assert.match(text(page), new RegExp(`\`${name}[\`(]`), name)
    }
  })

  it('have what happens in each state, for each of them', () => {
    const { states } = startEngine()
    const [head] = /^\| \|.+$/m.exec(text('docs/states.md'))
    assert.deepEqual(namesIn(head), states)
    for (const row of tableBelow('docs/states.md', 'States')) assert.equal(row.filter(Boolean).length, 1 + states.length, row[0])
  })

  it('have every page, and the exports and methods that they name', () => {
    const rows = tableBelow('README.md', 'Pages')
    const linked = rows.flatMap(([cell]) => [...cell.matchAll(/\]\(([^)]+)\)/g)].map(([, page]) => page))
    assert.deepEqual(linked.sort(), pages)
    for (const [links, meaning] of rows) {
      const [, page] = /\]\(([^)]+)\)/.exec(links)
      for (const name of namesIn(meaning)) assert.ok(text(page).includes(name), `${page} does not have ${name}`)
    }
  })

  it('go with a text that names every export', () => {
    for (const name of Object.keys(halfopen)) if (name !== 'CircuitBreakerMetrics') assert.match(documents, new RegExp(`\\b${name}\\b`), name)
  })

  it('give the size that was weighed, and the versions that were measured', async () => {
    const { weigh } = await import('../../scripts/size.mjs')
    const { gzip } = await weigh(join(root, 'pkg/index.js'))
    const said = Number(/\| size, minified and gzipped \| \| ([\d.]+) KB/.exec(text('README.md'))[1])
    assert.ok(Math.abs(gzip / 1000 - said) <= 1, `The README says ${said} KB, it is ${gzip / 1000} KB`)
    for (const peer of ['cockatiel', 'opossum']) {
      const { version } = JSON.parse(text(`node_modules/${peer}/package.json`))
      assert.ok(text('README.md').includes(`${peer} ${version}`), `${peer} is ${version} now: measure again`)
    }
  })
})

describe('docs/opentelemetry.md and docs/prometheus.md', () => {
  const inPrometheus = ({ name, counts }) => `${name.replaceAll('.', '_')}${counts ? '_total' : ''}`
  const defaultOf = (rows, name) => rows.find(([cell]) => namesIn(cell)[0] === name)[1]

  it('have every option, and its default', () => {
    const breaker = new CircuitBreaker()
    const ofOTel = tableBelow('docs/opentelemetry.md', 'What it takes')
    const ofText = tableBelow('docs/prometheus.md', 'What it takes')
    sameNames(first(ofOTel), knownTo((options) => instrument({}, breaker, options)))
    sameNames(first(ofText), knownTo((options) => metricsText(breaker, options)))
    sameNames(first(tableBelow('docs/prometheus.md', 'With prom-client')), knownTo((options) => collect(options)))
    for (const [rows, file] of [[ofOTel, 'otel'], [ofText, 'prometheus']]) {
      assert.equal(defaultOf(rows, 'maxNames'), /MAX_NAMES = (\d+)/.exec(text(`js/telemetry/${file}.js`))[1])
      assert.deepEqual(rows.find(([cell]) => cell === '`label`'), ofText.find(([cell]) => cell === '`label`'))
    }
  })

  it('have every metric, with its unit and its labels', () => {
    assert.deepEqual(
      tableBelow('docs/opentelemetry.md', 'What is told').map(([name, kind, unit]) => [namesIn(name)[0], kind, namesIn(unit)[0]]),
      [...METRICS.map(({ name, counts, unit }) => [name, counts ? 'counter' : 'up-down counter', unit]), [DURATION.name, 'histogram', DURATION.unit]]
    )
    assert.deepEqual(
      tableBelow('docs/prometheus.md', 'What it tells').map(([name, type, labels]) => [namesIn(name)[0], type, namesIn(labels)]),
      METRICS.map((metric) => [inPrometheus(metric), metric.counts ? 'counter' : 'gauge', ['breaker', ...(metric.label ? [metric.label] : [])]])
    )
    for (const { by } of METRICS) if (by !== undefined) for (const page of ['docs/opentelemetry.md', 'docs/prometheus.md']) assert.ok(text(page).includes(page.includes('prom') ? by.replaceAll('.', '_') : by), by)
  })

  it('have every outcome, of as many as names are said to fit', () => {
    assert.deepEqual(first(tableBelow('docs/opentelemetry.md', 'Outcomes')), [...OUTCOMES])
    const [, fit] = /(\d+) names and `_other` fit/.exec(text('docs/opentelemetry.md'))
    assert.ok((Number(fit) + 1) * OUTCOMES.length < 2000 && (Number(fit) + 2) * OUTCOMES.length >= 2000)
    assert.deepEqual([...TOLD_STATES], startEngine().states)
  })
})

describe('the tables of the dashboard and the panel', () => {
  it('have every option, and what a dashboard gives', () => {
    const breaker = new CircuitBreaker()
    const tables = tableBelow('docs/dashboard.md', 'What it takes')
    const options = knownTo((options) => dashboard(options))
    sameNames(first(tables), [...options, ...Object.keys(dashboard({ registries: breaker }))])
    sameNames(first(tableBelow('docs/dashboard.md', 'A panel for development')), knownTo((options) => definePanel(breaker, options)))
    assert.deepEqual(Object.fromEntries(tables.filter(([cell]) => ['`maxViewers`', '`errors`', '`title`'].includes(cell)).map(([cell, value]) => [cell, value])), { '`maxViewers`': '100', '`errors`': 'false', '`title`': "`'Circuit breakers'`" })
    assert.match(text('js/dashboard/dashboard.js'), /maxViewers = 100, label, errors = false, title = 'Circuit breakers' \}/)
  })
})

describe('CHANGELOG.md', () => {
  /** What users can name, by the tables that the tests above compare with the code. */
  const TABLES = [
    ['docs/options.md', 'Options'],
    ['docs/options.md', 'Options of a single call'],
    ['docs/api.md', 'Members'],
    ['docs/events-and-metrics.md', 'Events'],
    ['docs/events-and-metrics.md', 'Metrics'],
    ['README.md', 'Errors'],
    ['docs/dashboard.md', 'What it takes'],
    ['docs/dashboard.md', 'A panel for development'],
  ]
  const named = new Set([...text('CHANGELOG.md').matchAll(/`([^`]+)`/g)].flatMap(([, code]) => code.match(/[\w']+/g)))
  const missing = (names) => [...new Set(names)].filter((name) => !named.has(name))

  for (const [file, heading] of TABLES) {
    it(`names all that ${file} has below ${heading}`, () => {
      const names = first(tableBelow(file, heading)).flatMap((name) => name.split('.'))
      assert.ok(names.length > 2)
      assert.deepEqual(missing(names), [])
    })
  }

  it('names every metric that is told elsewhere, and the functions that tell', () => {
    const all = text('CHANGELOG.md')
    for (const { name } of [...METRICS, DURATION]) assert.ok(all.includes(`\`${name}\``), name)
    assert.deepEqual(missing(['instrument', 'metricsText', 'collect', 'contentType', 'maxNames', 'label', 'labels', 'duration', 'trace']), [])
  })

  it('names every type of window, and every export', () => {
    assert.deepEqual(missing(WINDOWS.filter((name) => !name.includes('.')).map((type) => `'${type}'`)), [])
    assert.deepEqual(missing(Object.keys(halfopen).filter((name) => name !== 'CircuitBreakerMetrics')), [])
  })
})

describe('docs/from-opossum.md', () => {
  const source = text('node_modules/opossum/lib/circuit.js')
  const names = (heading) => first(tableBelow('docs/from-opossum.md', heading))

  it('maps every option', () => {
    const documented = [...source.slice(0, source.indexOf('class CircuitBreaker extends')).matchAll(/@param \{.+?\} options\.(\w+)/g)].map(([, name]) => name)
    assert.ok(documented.length > 20)
    for (const name of [...documented, 'state', 'group']) assert.ok(names('Options').includes(name), name)
  })

  it('maps every event', () => {
    const emitted = new Set(['circuit', 'status'].flatMap((file) => [...text(`node_modules/opossum/lib/${file}.js`).matchAll(/emit\('(\w+)'/g)].map(([, name]) => name)))
    sameNames(names('Events'), emitted)
  })

  it('maps every method and property', () => {
    const statics = Object.getOwnPropertyNames(Opossum).filter((name) => !['length', 'name', 'prototype'].includes(name))
    const ofEmitters = Object.keys(new EventEmitter())
    const own = [...members(Opossum), ...Object.keys(new Opossum(() => {}))].filter((name) => !name.startsWith('_') && !ofEmitters.includes(name))
    sameNames(new Set(names('Methods and properties')), [...own, ...statics.map((name) => `CircuitBreaker.${name}`)])
  })

  it('maps every statistic', () => {
    sameNames(names('Statistics'), Object.keys(new Opossum(() => {}).stats))
  })

  it('maps every error', () => {
    const codes = new Set([...source.matchAll(/'(E[A-Z]{6,})'/g)].map(([, code]) => code))
    sameNames(names('Errors'), codes)
  })

  it('names only what there is here', () => namesOnlyOurs('docs/from-opossum.md', ['Options', 'Methods and properties', 'Events', 'Statistics', 'Errors']))
})

describe('docs/from-cockatiel.md', () => {
  const { circuitBreaker, handleAll, ConsecutiveBreaker, bulkhead, fallback, noop, retry, timeout } = cockatiel
  const page = text('docs/from-cockatiel.md')
  const declaredBy = (name) => text(`node_modules/cockatiel/dist/${name}.d.ts`)

  it('has every export', () => {
    // The classes behind functions of the same meaning.
    const behind = /^(Bulkhead|Fallback|Noop|Retry|Timeout)Policy$/
    for (const name of Object.keys(cockatiel).filter((one) => !behind.test(one))) assert.match(page, new RegExp(`\\b${name}\\b`), name)
  })

  it('has every member of every policy', () => {
    const policies = [
      circuitBreaker(handleAll, { halfOpenAfter: 1, breaker: new ConsecutiveBreaker(1) }),
      ...[bulkhead(1), fallback(handleAll, 1), noop, retry(handleAll, {}), timeout(1, {}), handleAll],
    ]
    const all = new Set()
    for (const policy of policies) {
      const declared = declaredBy(policy.constructor.name)
      const own = [...Object.keys(policy), ...members(policy.constructor)].filter((name) => new RegExp(`^\\s+(readonly |get )?${name}[<(:]`, 'm').test(declared))
      assert.ok(own.length > 1, policy.constructor.name)
      for (const name of own) all.add(name)
    }
    assert.ok(all.size > 20)
    for (const name of all) assert.match(page, new RegExp(`\\b${name}\\b`), name)
  })

  it('has every option of every policy', () => {
    const options = ['CircuitBreakerPolicy', 'TimeoutPolicy', 'backoff/ExponentialBackoff', 'breaker/CountBreaker', 'breaker/SamplingBreaker'].flatMap((file) => {
      const taken = [...declaredBy(file).matchAll(/export (?:declare )?interface I\w+Options\w*(?:<.+>)? \{([^]*?)^\}/gm)].flatMap(([, body]) => [...body.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name))
      assert.ok(taken.length > 1, file)
      return taken
    })
    for (const name of options) assert.match(page, new RegExp(`\\b${name}\\b`), name)
  })

  it('maps every option', () => {
    const names = first(tableBelow('docs/from-cockatiel.md', 'Options of `circuitBreaker`')).map((code) => code.split(':')[0])
    sameNames(new Set(names), ['breaker', 'halfOpenAfter', 'halfOpenSampling', 'initialState'])
  })

  it('names only what there is here', () =>
    namesOnlyOurs('docs/from-cockatiel.md', ['When it opens', 'Options of `circuitBreaker`', 'What counts as a failure', 'Methods, properties and events', 'Errors', 'Other policies']))
})

/** The second column of these tables begins each of its pieces of code with a name of ours. */
function namesOnlyOurs(file, headings) {
  const breaker = new CircuitBreaker()
  const ours = new Set([
    ...knownTo((options) => new CircuitBreaker(options)).map((name) => name.split('.')[0]),
    ...members(CircuitBreaker),
    ...Object.keys(halfopen),
    ...Object.keys(EVENTS),
    ...Object.values(CODES),
    ...Object.keys(breaker.metrics.toJSON()),
    ...['signal', 'cause', 'error', 'retryAfter', 'state', 'breaker', 'metrics', 'detail', 'event', 'trip', 'true', 'false', 'once'],
  ])
  for (const heading of headings) {
    for (const [, cell] of tableBelow(file, heading)) {
      for (const [, code] of cell.matchAll(/`([^`]+)`/g)) {
        const [name] = /\w+/.exec(code)
        assert.ok(ours.has(name), `${file}, ${heading}: there is no \`${name}\` here`)
      }
    }
  }
}

describe('every table', () => {
  it('is compared with the code by a test above, or is prose', () => {
    const all = ['README.md', ...pages].flatMap((file) => [...tablesOf(root, file).keys()].map((heading) => `${file}#${heading}`))
    sameNames([...new Set([...read, ...PROSE])], all)
    for (const one of PROSE) assert.ok(!read.has(one), `${one} is read`)
  })
})
