// `halfopen/prometheus`: its text, and prom-client with it, also in a cluster. It must not know how the ledger counts.

import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as client from 'prom-client'
import { CircuitBreaker, CircuitBreakerRegistry, ManualClock } from '../../pkg/index.js'
import { instrument } from '../../pkg/otel.js'
import { collect, contentType, metricsText } from '../../pkg/prometheus.js'
import { thrownBy } from '../js/support.js'
import { samplesOf } from './samples.js'
import { sdk, SDKS } from './sdk.js'
import { Counts, COUNTED, StandInBreaker, StandInRegistry } from './stand-in.js'

const OUTCOMES = Object.keys(COUNTED)
const root = fileURLToPath(new URL('../..', import.meta.url))
const down = async () => {
  throw new Error('down')
}

/** What Prometheus' own tool says of a text: nothing where it is well. */
async function lint(text) {
  const promtool = execFileSync('bash', ['-c', "source scripts/toolchain.sh && type -P promtool || die 'promtool is missing: run npm run setup'"], { cwd: root, encoding: 'utf8' }).trim()
  const child = spawn(promtool, ['check', 'metrics'])
  child.stdin.end(text)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) for await (const chunk of stream) said += chunk
  return said
}

/** A registry with a breaker of each key, which counted each outcome. */
function registryOf(...keys) {
  const registry = new StandInRegistry()
  for (const key of keys) for (const [index, outcome] of OUTCOMES.entries()) (registry.seated.get(key) ?? registry.seat(new Counts(key, typeof key === 'string' ? key : undefined))).call(outcome, index + 1)
  return registry
}

describe('metricsText', () => {
  it('writes the text format as the page says', () => {
    const registry = registryOf('users')
    Object.assign(registry.seated.get('users').facts, { state: 2, stateChangeCount: 3, inFlight: 4, wouldRejectCalls: 5 })
    assert.equal(contentType, 'text/plain; version=0.0.4; charset=utf-8')
    assert.equal(metricsText(registry), `# HELP halfopen_breaker_calls_total Calls that are over, by how they ended.
# TYPE halfopen_breaker_calls_total counter
halfopen_breaker_calls_total{breaker="users",outcome="success"} 1
halfopen_breaker_calls_total{breaker="users",outcome="failure"} 2
halfopen_breaker_calls_total{breaker="users",outcome="timeout"} 3
halfopen_breaker_calls_total{breaker="users",outcome="ignored"} 4
halfopen_breaker_calls_total{breaker="users",outcome="refused_open"} 5
halfopen_breaker_calls_total{breaker="users",outcome="refused_half_open"} 6
halfopen_breaker_calls_total{breaker="users",outcome="refused_bulkhead"} 7
halfopen_breaker_calls_total{breaker="users",outcome="refused_isolated"} 8
halfopen_breaker_calls_total{breaker="users",outcome="stale"} 9
# HELP halfopen_breaker_state Breakers in each state: of one breaker, 1 for its state and 0 for the others.
# TYPE halfopen_breaker_state gauge
halfopen_breaker_state{breaker="users",state="closed"} 0
halfopen_breaker_state{breaker="users",state="open"} 0
halfopen_breaker_state{breaker="users",state="half_open"} 1
# HELP halfopen_breaker_call_active Calls that were let through and have not ended yet.
# TYPE halfopen_breaker_call_active gauge
halfopen_breaker_call_active{breaker="users"} 4
# HELP halfopen_breaker_state_changes_total Changes of the state.
# TYPE halfopen_breaker_state_changes_total counter
halfopen_breaker_state_changes_total{breaker="users"} 3
# HELP halfopen_breaker_would_refuse_total Calls that an observing breaker let through and would have refused.
# TYPE halfopen_breaker_would_refuse_total counter
halfopen_breaker_would_refuse_total{breaker="users"} 5
`)
  })

  it('is read by Prometheus\' own tool without a word, whatever the keys are', async () => {
    const long = 'x'.repeat(10_240)
    const hostile = [
      'plain', '', 'a"b', 'a\\b', 'a\nb', 'a\\nb', '\\', '"', '} 1\nforged_total{breaker="x', '<img src=x onerror=alert(1)>', 'é😀', '\u2028', '\u0000\u0001\u001b\r\t\u007f', `${long}1`, `${long}2`,
      '\ud800', 'a\udc00', '__proto__', 'constructor', ' ', '{}', '_other', 7, Symbol('s'), { toString: () => 'an object' }, { toString() { throw new Error('no') } }, Object.create(null), null, undefined
    ]
    const registry = registryOf(...hostile)
    const text = metricsText(registry)
    assert.equal(await lint(text), '')
    const samples = samplesOf(text)
    const names = new Set(samples.map(({ labels }) => labels.breaker))
    assert.deepEqual(names, new Set([
      'plain', 'unnamed', 'a"b', 'a\\b', 'a\nb', 'a\\nb', '\\', '"', '} 1\nforged_total{breaker="x', '<img src=x onerror=alert(1)>', 'é😀', '\u2028', '\u0000\u0001\u001b\r\t\u007f', 'x'.repeat(128),
      '\ufffd', 'a\ufffd', '__proto__', 'constructor', ' ', '{}', '_other', '7', 'Symbol(s)', 'an object', 'null'
    ]))
    // Names that are the same are one series, and nothing is lost of any.
    const key = ({ name, labels }) => JSON.stringify([name, labels])
    assert.equal(new Set(samples.map(key)).size, samples.length)
    const all = samples.filter(({ name }) => name === 'halfopen_breaker_calls_total').reduce((sum, { value }) => sum + value, 0)
    assert.equal(all, hostile.length * 45)
    assert.ok(text.length < 128 * 1000)
  })

  it('keeps the names of labels that somebody gives, and its own where that throws', () => {
    const registry = registryOf('a', 'b')
    const label = (name) => {
      if (name === 'b') throw new Error('no')
      return `the "${name}"`
    }
    assert.deepEqual(new Set(samplesOf(metricsText(registry, { label })).map(({ labels }) => labels.breaker)), new Set(['the "a"', 'b']))
  })

  it('never goes down from one scrape to the next, while breakers go and come, and all that was counted is there', () => {
    const registry = registryOf('a', 'b', 'c')
    const other = registryOf('a', 'd')
    let before = new Map()
    const scrape = () => {
      const samples = samplesOf(metricsText([registry, other], { maxNames: 3 })).filter(({ name }) => name.endsWith('_total'))
      const now = new Map(samples.map(({ name, labels, value }) => [JSON.stringify([name, labels]), value]))
      for (const [series, value] of before) assert.ok(now.get(series) >= value, `${series} went down from ${value} to ${now.get(series)}`)
      before = now
      return samples.reduce((sum, { name, value }) => sum + (name === 'halfopen_breaker_calls_total' ? value : 0), 0)
    }
    let counted = 5 * 45
    assert.equal(scrape(), counted)
    for (let turn = 0; turn < 20; turn++) {
      const a = registry.seated.get('a')
      a.call('failure', 3)
      registry.leave('a')
      a.call('success', 2)
      if (turn % 2 === 0) assert.equal(scrape(), counted + 3)
      registry.seat(a)
      registry.seat(new Counts(`new ${turn}`, `new ${turn}`)).call('success')
      other.leave(turn === 0 ? 'd' : `other ${turn - 1}`)
      other.seat(new Counts(`other ${turn}`, `other ${turn}`)).call('ignored')
      counted += 3 + 2 + 1 + 1
      assert.equal(scrape(), counted)
    }
  })

  it('knows the same sources again, in an array or alone, and keeps those of another list apart', () => {
    const [one, other] = [registryOf('a'), registryOf('b')]
    const names = (sources) => [...new Set(samplesOf(metricsText(sources)).map(({ labels }) => labels.breaker))]
    metricsText([one])
    metricsText([one, other])
    one.leave('a')
    assert.deepEqual(names(one), ['a'])
    assert.deepEqual(names([one, other]), ['a', 'b'])
    assert.deepEqual(names([other, one]), ['b', '_other'])
    assert.deepEqual(names(() => one), ['_other'])
    assert.deepEqual(names([]), [])
  })

  it('asks a function anew at each scrape, and tells what one counted that was away', () => {
    const all = [new StandInBreaker('a'), new StandInBreaker('b')]
    let count = 1
    const sources = () => all.slice(0, count)
    const success = () => Object.fromEntries(samplesOf(metricsText(sources)).filter(({ labels }) => labels.outcome === 'success').map(({ labels, value }) => [labels.breaker, value]))
    for (const breaker of all) breaker.own.call('success')
    assert.deepEqual(success(), { a: 1 })
    count = 2
    assert.deepEqual(success(), { a: 1, b: 1 })
    count = 0
    for (const breaker of all) breaker.own.call('success')
    assert.deepEqual(success(), { a: 1, b: 1 })
    count = 2
    assert.deepEqual(success(), { a: 2, b: 2 })
  })

  it('keeps no source alive', async () => {
    const program = `
      import { CircuitBreaker } from '${new URL('../../pkg/index.js', import.meta.url)}'
      import { metricsText } from '${new URL('../../pkg/prometheus.js', import.meta.url)}'
      const refs = Array.from({ length: 50 }, () => {
        const both = [new CircuitBreaker(), new CircuitBreaker()]
        metricsText(both)
        metricsText([both[1], () => both[0]])
        return both.map((one) => new WeakRef(one))
      }).flat()
      for (let turn = 0; turn < 10; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        gc()
      }
      console.log(refs.filter((ref) => ref.deref() !== undefined).length)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', '--input-type=module', '--eval', program])
    assert.ok(Number(stdout) <= 2, `${stdout} of 100 are alive`)
  })

  it('refuses what it can\'t work with, and says what it expected', () => {
    const breaker = new StandInBreaker('a')
    const refused = (...given) => {
      const { constructor, code, message } = thrownBy(() => metricsText(...given))
      return [constructor.name, code, message]
    }
    assert.deepEqual(refused(), ['TypeError', 'ERR_INVALID_ARGUMENT', 'Expected `registries` to be a circuit breaker, a registry, an array of these, or a function that answers one, got undefined'])
    assert.deepEqual(refused(breaker, { labels: 'long' }), ['TypeError', 'ERR_INVALID_OPTION', "Expected `labels` to be 'short' or 'otel', got 'long'"])
    assert.deepEqual(refused(breaker, { maxNames: 1.5 }), ['RangeError', 'ERR_INVALID_OPTION', 'Expected `maxNames` to be a whole number from 1, got 1.5'])
    assert.deepEqual(refused(breaker, { duration: true })[1], 'ERR_INVALID_OPTION')
  })
})

describe('collect', () => {
  it('has prom-client tell what the text tells, by the same names', async () => {
    const registry = registryOf('a', 'b"\n\\', 'c')
    for (const labels of ['short', 'otel']) {
      const register = new client.Registry()
      const stop = collect({ client, register, registries: registry, labels, maxNames: 2 })
      const ours = () => metricsText(registry, { labels, maxNames: 2 })
      assert.equal((await register.metrics()).replaceAll(/\n\n+/g, '\n'), ours())
      registry.seated.get('a').call('success')
      registry.seat(new Counts(`new ${labels}`, `new ${labels}`)).call('ignored')
      assert.equal((await register.metrics()).replaceAll(/\n\n+/g, '\n'), ours())
      assert.equal(await lint(`${await register.metrics()}\n`), '')
      stop()
      stop()
      assert.equal((await register.metrics()).trim(), '')
    }
  })

  it('registers with the client\'s own registry where no other is given', async () => {
    const stop = collect({ client, registries: registryOf('a') })
    assert.match(await client.register.metrics(), /^halfopen_breaker_calls_total\{breaker="a",outcome="success"\} 1$/m)
    stop()
    assert.equal((await client.register.metrics()).trim(), '')
  })

  it('removes nothing that somebody else registered meanwhile', () => {
    const register = new client.Registry()
    const stop = collect({ client, register, registries: registryOf('a') })
    register.clear()
    const theirs = new client.Gauge({ name: 'halfopen_breaker_state', help: 'theirs', registers: [register] })
    stop()
    assert.deepEqual(register.getMetricsAsArray(), [theirs])
  })

  it('registers nothing where a name is taken, and what had the name stays', async () => {
    const register = new client.Registry()
    const theirs = new client.Gauge({ name: 'halfopen_breaker_state', help: 'theirs', registers: [register] })
    assert.match(thrownBy(() => collect({ client, register, registries: registryOf('a') })).message, /already been registered/)
    assert.deepEqual(register.getMetricsAsArray().map(({ name }) => name), ['halfopen_breaker_state'])
    assert.equal(register.getSingleMetric('halfopen_breaker_state'), theirs)
  })

  it('refuses what it can\'t work with, and says what it expected', () => {
    const registries = new StandInBreaker('a')
    for (const [given, message] of [
      [undefined, 'Expected `client` to be what prom-client exports, got undefined'],
      [{ registries }, 'Expected `client` to be what prom-client exports, got undefined'],
      [{ registries, client: {} }, 'Expected `client` to be what prom-client exports, got an object'],
      [{ registries, client, register: {} }, 'Expected `register` to be a registry of prom-client, got an object'],
      [{ registries, client, registers: [] }, "Unknown option 'registers'; did you mean `register`?"]
    ]) assert.deepEqual([thrownBy(() => collect(given)).message, thrownBy(() => collect(given)).code], [message, 'ERR_INVALID_OPTION'])
    assert.match(thrownBy(() => collect({ client })).message, /^Expected `registries` to be/)
  })

  it('adds up the processes of a cluster', { timeout: 60_000 }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('cluster.js', import.meta.url))], { timeout: 50_000 })
    const { text, counted } = JSON.parse(stdout)
    const samples = samplesOf(text)
    const of = (name, labels) => samples.find((one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value))?.value
    assert.equal(counted.length, 3)
    for (const outcome of ['success', 'failure', 'refused_open']) {
      const all = counted.reduce((sum, one) => sum + one[outcome], 0)
      assert.ok(all > 0)
      assert.equal(of('halfopen_breaker_calls_total', { breaker: 'users', outcome }), all, outcome)
    }
    assert.equal(of('halfopen_breaker_state', { breaker: 'users', state: 'open' }), 2)
    assert.equal(of('halfopen_breaker_state', { breaker: 'users', state: 'closed' }), 1)
  })
})

describe('The names', () => {
  for (const major of Object.keys(SDKS)) {
    it(`are those that the Prometheus exporter of OpenTelemetry writes, with its labels where they are asked for: SDK ${sdk(major).version}`, async () => {
      const { exporters, metrics } = sdk(major)
      const { PrometheusExporter, PrometheusSerializer } = exporters.prometheus()
      const exporter = new PrometheusExporter({ preventServerStart: true })
      const provider = new metrics.MeterProvider({ readers: [exporter] })
      const registry = registryOf('a', 'b"\n\\')
      instrument(provider.getMeter('of a test'), registry)
      const theirs = new PrometheusSerializer(undefined, false, undefined, true, true).serialize((await exporter.collect()).resourceMetrics)
      const plain = (text) => text.split('\n').filter((line) => line !== '' && !line.startsWith('# UNIT'))
      assert.deepEqual(plain(theirs), plain(metricsText(registry, { labels: 'otel' })))
      const names = (text) => [...new Set(samplesOf(text).map(({ name }) => name))]
      assert.deepEqual(names(metricsText(registry)), names(theirs))
      await provider.shutdown()
    })
  }
})

describe('Breakers as they are', () => {
  it('are told through an outage as the load counted it', async () => {
    const clock = new ManualClock()
    const registry = new CircuitBreakerRegistry({ failureThreshold: 3, recoveryTimeout: 1000, successThreshold: 1, clock })
    const counted = { success: 0, failure: 0, refused_open: 0 }
    const call = (fn) => registry.call('users', fn).then(() => counted.success++, ({ code }) => (code === 'ERR_CIRCUIT_OPEN' ? counted.refused_open++ : counted.failure++))
    const told = (name, label) => Object.fromEntries(samplesOf(metricsText(registry)).filter((one) => one.name === name && one.value > 0).map(({ labels, value }) => [labels[label], value]))
    for (let n = 0; n < 10; n++) await call(async () => {})
    for (let n = 0; n < 10; n++) await call(down)
    assert.deepEqual(counted, { success: 10, failure: 3, refused_open: 7 })
    assert.deepEqual(told('halfopen_breaker_calls_total', 'outcome'), counted)
    assert.deepEqual(told('halfopen_breaker_state', 'state'), { open: 1 })
    clock.advance(1000)
    await call(async () => {})
    assert.deepEqual(told('halfopen_breaker_calls_total', 'outcome'), counted)
    assert.deepEqual(told('halfopen_breaker_state', 'state'), { closed: 1 })
    assert.deepEqual(told('halfopen_breaker_state_changes_total', 'breaker'), { users: 3 })
  })

  it('are told as they observe, and with their calls in flight', async () => {
    const breaker = new CircuitBreaker({ name: 'users', failureThreshold: 1 })
    breaker.observe()
    breaker.recordFailure()
    const permits = [1, 2, 3].map(() => breaker.acquire())
    const told = (name) => samplesOf(metricsText(breaker)).find((one) => one.name === name).value
    assert.deepEqual([told('halfopen_breaker_would_refuse_total'), told('halfopen_breaker_call_active')], [3, 3])
    for (const permit of permits) permit.ignore()
    assert.deepEqual([told('halfopen_breaker_would_refuse_total'), told('halfopen_breaker_call_active')], [3, 0])
  })

  it('carry on from a snapshot, counts and all', async () => {
    const before = new CircuitBreaker({ name: 'users' })
    await before.call(async () => {})
    const after = new CircuitBreaker({ name: 'users', snapshot: before.toJSON() })
    await after.call(async () => {})
    assert.equal(samplesOf(metricsText(after)).find(({ labels }) => labels.outcome === 'success').value, 2)
  })

  it('are read across copies and entries of the package', async () => {
    const require = createRequire(import.meta.url)
    const cjs = require('../../pkg/index.cjs')
    const { init } = await import('../../pkg/slim.js')
    const slim = await import('../../pkg/slim.js')
    const { readFileSync } = await import('node:fs')
    await init(readFileSync(new URL('../../pkg/slim.wasm', import.meta.url)))
    const noWasm = await import('../../pkg/no-wasm.js')
    const breakers = [{ CircuitBreaker }, cjs, slim, noWasm].map(({ CircuitBreaker }, index) => new CircuitBreaker({ name: `of copy ${index}` }))
    await Promise.all(breakers.map((breaker) => breaker.call(async () => {})))
    for (const text of [metricsText(breakers), require('../../pkg/prometheus.cjs').metricsText(breakers)]) {
      assert.deepEqual(samplesOf(text).filter(({ labels }) => labels.outcome === 'success').map(({ labels, value }) => [labels.breaker, value]), [0, 1, 2, 3].map((index) => [`of copy ${index}`, 1]))
    }
  })

  it('are neither used nor handed out by a scrape: the least recently used goes as before', async () => {
    const registry = new CircuitBreakerRegistry({ maxBreakers: 3 })
    for (const key of ['a', 'b', 'c']) await registry.call(key, async () => {})
    for (let n = 0; n < 5; n++) metricsText(registry)
    const plain = new CircuitBreakerRegistry({ maxBreakers: 3 })
    for (const key of ['a', 'b', 'c']) await plain.call(key, async () => {})
    for (const one of [registry, plain]) for (const key of ['d', 'a', 'e']) await one.call(key, async () => {})
    assert.deepEqual([...registry.keys()], [...plain.keys()])
    const success = samplesOf(metricsText(registry)).filter(({ labels }) => labels.outcome === 'success').reduce((sum, { value }) => sum + value, 0)
    assert.equal(success, 6)
  })

  it('are served as an app serves them', async () => {
    const breaker = new CircuitBreaker({ name: 'users' })
    const server = createServer((request, response) => response.setHeader('content-type', contentType).end(metricsText(breaker)))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const response = await fetch(`http://127.0.0.1:${server.address().port}/metrics`)
    assert.equal(response.headers.get('content-type'), contentType)
    assert.equal(await lint(await response.text()), '')
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
})
