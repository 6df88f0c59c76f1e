// `halfopen/otel` before the real SDKs, of both major versions, in this process. It must not know how the SDK keeps its numbers. Needs Node 22.15, as SDK 3
// does.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CircuitBreaker, CircuitBreakerRegistry, ManualClock } from '../../pkg/index.js'
import { instrument } from '../../pkg/otel.js'
import { thrownBy } from '../js/support.js'
import { meterOf, sdk, SDKS } from './sdk.js'
import { Counts, COUNTED, StandInBreaker, StandInRegistry } from './stand-in.js'

const OUTCOMES = Object.keys(COUNTED)
const down = async () => {
  throw new Error('down')
}

/** The points of a metric as `name outcome` to value. */
const pointsOf = ({ metrics }, name) => Object.fromEntries((metrics.get(name)?.points ?? []).map(({ attributes, value }) => [Object.values(attributes).join(' '), value]))
const sum = (points) => points.reduce((all, { value }) => all + value, 0)

describe('The SDKs', () => {
  it('run in a Node that they support', () => {
    const [major, minor] = process.versions.node.split('.').map(Number)
    assert.ok(major > 22 || (major === 22 && minor >= 15), process.version)
  })
})

for (const major of Object.keys(SDKS)) {
  describe(`instrument, before SDK ${sdk(major).version},`, () => {
    it('tells what each breaker counted, by its name and by outcomes that nothing is in twice', async () => {
      const { meter, collect } = meterOf(major)
      const registry = new StandInRegistry()
      const breaker = registry.seat(new Counts('a', 'a'))
      for (const [index, outcome] of OUTCOMES.entries()) breaker.call(outcome, index + 1)
      breaker.toState('open')
      Object.assign(breaker.facts, { inFlight: 3, wouldRejectCalls: 4 })
      registry.seat(new Counts('b', 'b'))
      instrument(meter, registry)
      const told = await collect()
      assert.deepEqual(told.errors, [])
      assert.deepEqual(pointsOf(told, 'halfopen.breaker.calls'), Object.fromEntries([...OUTCOMES.map((outcome, index) => [`a ${outcome}`, index + 1]), ...OUTCOMES.map((outcome) => [`b ${outcome}`, 0])]))
      assert.deepEqual(pointsOf(told, 'halfopen.breaker.state'), { 'a closed': 0, 'a open': 1, 'a half_open': 0, 'b closed': 1, 'b open': 0, 'b half_open': 0 })
      assert.deepEqual(pointsOf(told, 'halfopen.breaker.call.active'), { a: 3, b: 0 })
      assert.deepEqual(pointsOf(told, 'halfopen.breaker.state_changes'), { a: 1, b: 0 })
      assert.deepEqual(pointsOf(told, 'halfopen.breaker.would_refuse'), { a: 4, b: 0 })
      const [point] = told.metrics.get('halfopen.breaker.calls').points
      assert.deepEqual(Object.keys(point.attributes), ['halfopen.breaker.name', 'halfopen.call.outcome'])
      assert.deepEqual(Object.keys(told.metrics.get('halfopen.breaker.state').points[0].attributes), ['halfopen.breaker.name', 'halfopen.breaker.state'])
      const described = [...told.metrics].map(([name, { descriptor, isMonotonic }]) => [name, descriptor.unit, descriptor.description !== '', isMonotonic])
      assert.deepEqual(described, [
        ['halfopen.breaker.calls', '{call}', true, true], ['halfopen.breaker.state', '1', true, false], ['halfopen.breaker.call.active', '{call}', true, false],
        ['halfopen.breaker.state_changes', '{change}', true, true], ['halfopen.breaker.would_refuse', '{call}', true, true]
      ])
    })

    it('loses nothing of 1,000 breakers with every outcome, under the limit that the SDK has by default, while breakers go and come', async () => {
      for (const temporality of ['CUMULATIVE', 'DELTA']) {
        const aggregationTemporality = sdk(major).metrics.AggregationTemporality[temporality]
        const { meter, collect } = meterOf(major, { reader: { aggregationTemporalitySelector: () => aggregationTemporality } })
        const registry = new StandInRegistry()
        instrument(meter, registry)
        let expected = 0
        let deltas = 0
        for (let turn = 0; turn < 4; turn++) {
          for (let n = 0; n < 1000; n++) {
            // In each turn a tenth of them is new.
            const key = `${n} ${n % 10 === 0 ? turn : ''}`
            const breaker = registry.seated.get(key) ?? registry.seat(new Counts(key, key))
            for (const outcome of OUTCOMES) breaker.call(outcome)
            expected += OUTCOMES.length
          }
          for (const key of [...registry.seated.keys()]) if (key.endsWith(` ${turn}`)) registry.leave(key)
          const told = await collect()
          assert.deepEqual(told.errors, [])
          const { points } = told.metrics.get('halfopen.breaker.calls')
          assert.deepEqual(points.filter(({ attributes }) => 'otel.metric.overflow' in attributes), [])
          deltas += sum(points)
          assert.equal(temporality === 'DELTA' ? deltas : sum(points), expected)
          assert.equal(new Set(points.map(({ attributes }) => attributes['halfopen.breaker.name'])).size, 201)
        }
      }
    })

    it('takes as many names as the SDK was told to keep', async () => {
      const { meter, collect } = meterOf(major, { provider: { views: [{ instrumentName: 'halfopen.*', aggregationCardinalityLimit: 5000 }] } })
      const registry = new StandInRegistry()
      for (let n = 0; n < 500; n++) registry.seat(new Counts(n, `${n}`)).call('success')
      instrument(meter, registry, { maxNames: 500 })
      const { points } = (await collect()).metrics.get('halfopen.breaker.calls')
      assert.deepEqual([points.length, sum(points)], [4500, 500])
    })

    it('sums what several tell by one meter, and counts a breaker of two of them once', async () => {
      const { meter, collect } = meterOf(major)
      const [one, other, both] = [new StandInBreaker('a'), new StandInBreaker('a'), new StandInBreaker('b')]
      for (const breaker of [one, other, both]) breaker.own.call('success')
      const stop = instrument(meter, [one, both])
      const stopOther = instrument(meter, [other, both, () => both])
      assert.equal(pointsOf(await collect(), 'halfopen.breaker.calls')['a success'], 2)
      stop()
      one.own.call('success')
      other.own.call('success')
      both.own.call('success')
      const told = pointsOf(await collect(), 'halfopen.breaker.calls')
      assert.deepEqual([told['a success'], told['b success']], [3, 2])
      stopOther()
      instrument(meter, [one, other, both])
      const again = pointsOf(await collect(), 'halfopen.breaker.calls')
      assert.deepEqual([again['a success'], again['b success']], [4, 2])
    })

    it('tells nothing more once it is stopped, and again where it begins again', async () => {
      const { meter, collect } = meterOf(major)
      const breaker = new StandInBreaker('a')
      let asked = 0
      const stop = instrument(meter, () => (asked++, breaker))
      await collect()
      assert.ok(asked > 0)
      assert.equal(stop(), undefined)
      assert.equal(stop(), undefined)
      asked = 0
      breaker.own.call('success')
      const told = await collect()
      assert.equal(asked, 0)
      assert.notEqual(pointsOf(told, 'halfopen.breaker.calls')['a success'], 1)
      instrument(meter, breaker)
      assert.equal(pointsOf(await collect(), 'halfopen.breaker.calls')['a success'], 1)
      stop()
      breaker.own.call('success')
      assert.equal(pointsOf(await collect(), 'halfopen.breaker.calls')['a success'], 2)
    })

    it('tells what the other sources have, where one throws', async () => {
      const { meter, collect } = meterOf(major)
      const broken = new StandInBreaker('broken')
      broken[Symbol.for('halfopen.read')] = () => {
        throw new Error('shut')
      }
      const well = new StandInBreaker('well')
      well.own.call('success')
      const fails = () => {
        throw new Error('not now')
      }
      instrument(meter, [fails, broken, () => undefined, () => [null, {}], well], { label: fails, duration: true })
      const told = await collect()
      assert.deepEqual(told.errors, [])
      assert.equal(pointsOf(told, 'halfopen.breaker.calls')['well success'], 1)
    })

    it('records how long calls took that are timed, each once, by the name that the counts have', async () => {
      const { meter, collect } = meterOf(major)
      const clock = new ManualClock()
      const registry = new CircuitBreakerRegistry({ latency: true, clock, failureThreshold: 100 })
      const alone = new CircuitBreaker({ name: 'alone', slowCallDuration: 1000, slowCallRate: 0.5, window: { type: 'count', size: 100 }, clock })
      const untimed = new CircuitBreaker({ name: 'untimed' })
      const stop = instrument(meter, [registry, alone, untimed], { duration: true, maxNames: 2 })
      const take = (ms, end) => async () => {
        clock.advance(ms)
        return end?.()
      }
      for (const [breaker, ms] of [[registry.get('users'), 20], [registry.get('users'), 400], [alone, 30], [untimed, 5], [registry.get('third'), 1]]) await breaker.call(take(ms))
      await registry.call('users', take(5, down)).catch(() => {})
      // A deadline of the caller's that passed.
      const controller = new AbortController()
      const { signal } = controller
      const late = registry.callWith('users', { signal }, () => new Promise(() => {})).catch(() => {})
      clock.advance(7)
      controller.abort(new DOMException('too late', 'TimeoutError'))
      await late
      assert.equal(registry.get('users').metrics.timedOutCalls, 1)
      // The same error once more, and no timeout.
      await registry.call('users', take(9, () => Promise.reject(signal.reason))).catch(() => {})
      assert.equal(registry.get('users').metrics.timedOutCalls, 1)
      const told = (await collect()).metrics.get('halfopen.call.duration')
      const found = Object.fromEntries(told.points.map(({ attributes, value }) => [Object.values(attributes).join(' '), [value.count, Number(value.sum.toFixed(6))]]))
      assert.deepEqual(found, { 'users success': [2, 0.42], 'alone success': [1, 0.03], '_other success': [1, 0.001], 'users failure': [2, 0.014], 'users timeout': [1, 0.007] })
      assert.equal(told.descriptor.unit, 's')
      assert.deepEqual(told.points[0].value.buckets.boundaries, [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10])
      stop()
      await registry.call('users', take(1))
      assert.deepEqual((await collect()).metrics.get('halfopen.call.duration').points.map(({ value }) => value.count).reduce((a, b) => a + b), 7)
    })

    it('hears no event where nobody asks for what only events tell', async (test) => {
      const { meter, collect } = meterOf(major)
      const breaker = new CircuitBreaker({ name: 'a' })
      const { mock } = test.mock.method(breaker, 'addEventListener')
      instrument(meter, breaker)
      await collect()
      assert.equal(mock.callCount(), 0)
    })

    it('hears those that a function answers from the next collection on, and no longer than it answers them', async () => {
      const { meter, collect } = meterOf(major)
      const clock = new ManualClock()
      const made = () => new CircuitBreaker({ name: 'a', latency: true, clock })
      const [one, other] = [made(), made()]
      let current = [one]
      instrument(meter, () => current, { duration: true })
      const count = async () => (await collect()).metrics.get('halfopen.call.duration')?.points[0].value.count
      await one.call(async () => {})
      assert.equal(await count(), 1)
      current = [other]
      await count()
      await one.call(async () => {})
      assert.equal(await count(), 1)
      await other.call(async () => {})
      assert.equal(await count(), 2)
    })
  })
}

describe('instrument', () => {
  /** A meter that writes down what it was asked for, and throws where it is told to. */
  function meterThat(fails = () => false) {
    const asked = []
    const method = (name) => (...given) => {
      asked.push([name, given])
      if (fails(name, asked.length)) throw new Error(`${name} fails`)
      return { record: () => method('record')() }
    }
    const names = ['createObservableCounter', 'createObservableUpDownCounter', 'createHistogram', 'addBatchObservableCallback', 'removeBatchObservableCallback']
    return { meter: Object.fromEntries(names.map((name) => [name, method(name)])), asked, names: () => asked.map(([name]) => name) }
  }

  it('has one callback for all, and takes away the one that it gave', () => {
    const { meter, asked } = meterThat()
    const stop = instrument(meter, new StandInBreaker('a'))
    const [[, [callback, observables]], ...more] = asked.filter(([name]) => name === 'addBatchObservableCallback')
    assert.deepEqual([more.length, observables.length], [0, 5])
    stop()
    stop()
    assert.deepEqual(asked.filter(([name]) => name === 'removeBatchObservableCallback'), [['removeBatchObservableCallback', [callback, observables]]])
  })

  it('has one callback for all that one meter tells, and as many names as the one that asks for most', () => {
    const { meter, asked } = meterThat()
    const told = []
    const stops = [['a', 3], ['b', 1], ['c', undefined]].map(([name, maxNames]) => instrument(meter, new StandInBreaker(name), { maxNames: maxNames ?? 2 }))
    const callbacks = asked.filter(([name]) => name === 'addBatchObservableCallback')
    assert.equal(callbacks.length, 1)
    callbacks[0][1][0]({ observe: (_, __, attributes) => told.push(attributes['halfopen.breaker.name']) })
    assert.deepEqual([...new Set(told)], ['a', 'b', 'c'])
    for (const stop of stops) {
      assert.equal(asked.filter(([name]) => name === 'removeBatchObservableCallback').length, 0)
      stop()
    }
    assert.equal(asked.filter(([name]) => name === 'removeBatchObservableCallback').length, 1)
  })

  it('records nothing of a breaker that times no calls', async () => {
    const { meter, asked } = meterThat()
    const breaker = new CircuitBreaker({ name: 'a' })
    instrument(meter, breaker, { duration: true })
    await breaker.call(async () => 7)
    await breaker.call(down).catch(() => {})
    assert.deepEqual(asked.filter(([name]) => name === 'record'), [])
  })

  for (const name of ['createObservableCounter', 'createObservableUpDownCounter', 'createHistogram', 'addBatchObservableCallback']) {
    it(`hands on what the meter throws in ${name}, and has left nothing: no listener, no callback, and it can be tried again`, () => {
      let isBroken = true
      const { meter, names } = meterThat((called) => isBroken && called === name)
      const breaker = new CircuitBreaker({ name: 'a', latency: true })
      let listeners = 0
      breaker.addEventListener = () => listeners++
      assert.match(thrownBy(() => instrument(meter, breaker, { duration: true })).message, new RegExp(`${name} fails`))
      assert.equal(listeners, 0)
      isBroken = false
      const before = names().length
      instrument(meter, breaker, { duration: true })
      assert.deepEqual(names().slice(before).filter((name) => name.startsWith('add')), ['addBatchObservableCallback'])
      assert.ok(listeners > 0)
    })
  }

  it('has no call notice what throws while it collects, while it records, and where it is stopped', async () => {
    const { meter, asked } = meterThat((name) => name === 'record' || name === 'removeBatchObservableCallback')
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ name: 'a', latency: true, clock, failureThreshold: 1 })
    const span = { setAttributes() { throw new Error('span') } }
    const stop = instrument(meter, breaker, { duration: true, trace: { getActiveSpan: () => span } })
    const [, [callback]] = asked.find(([name]) => name === 'addBatchObservableCallback')
    assert.equal(callback({ observe() { throw new Error('observe') } }), undefined)
    assert.equal(callback(undefined), undefined)
    assert.equal(await breaker.call(async () => 7), 7)
    await assert.rejects(breaker.call(down), /down/)
    await assert.rejects(breaker.call(down), { code: 'ERR_CIRCUIT_OPEN' })
    assert.equal(asked.filter(([name]) => name === 'record').length, 2)
    stop()
    let observed = 0
    callback({ observe: () => observed++ })
    assert.equal(await breaker.call(async () => 7).catch(({ code }) => code), 'ERR_CIRCUIT_OPEN')
    assert.equal(asked.filter(([name]) => name === 'record').length, 2)
  })

  it('refuses what it can\'t work with, and says what it expected', () => {
    const { meter, asked } = meterThat()
    const breaker = new StandInBreaker('a')
    const refused = (...given) => {
      const error = thrownBy(() => instrument(...given))
      return [error.constructor.name, error.code, error.message]
    }
    for (const [given, shown] of [[undefined, 'undefined'], [null, 'null'], [{}, 'an object'], [7, '7'], ['a', "'a'"], [new EventTarget(), 'an object'], [[breaker, null], 'null']]) {
      const expected = `Expected \`sources\` to be a circuit breaker, a registry, an array of these, or a function that answers one, got ${shown}`
      assert.deepEqual(refused(meter, given), ['TypeError', 'ERR_INVALID_ARGUMENT', expected])
    }
    for (const given of [undefined, null, {}, 'meter', { ...meter, addBatchObservableCallback: 1 }]) {
      const [type, code, message] = refused(given, breaker)
      assert.deepEqual([type, code], ['TypeError', 'ERR_INVALID_ARGUMENT'])
      assert.match(message, /^Expected `meter` to be a meter of OpenTelemetry, got .+ without `\w+`$/)
    }
    for (const [options, type, message] of [
      [{ maxNames: 0 }, 'RangeError', 'Expected `maxNames` to be a whole number from 1, got 0'],
      [{ maxNames: NaN }, 'RangeError', 'Expected `maxNames` to be a whole number from 1, got NaN'],
      [{ maxNames: '7' }, 'TypeError', "Expected `maxNames` to be a whole number from 1, got '7'"],
      [{ label: 'a' }, 'TypeError', "Expected `label` to be a function, got 'a'"],
      [{ duration: 1 }, 'RangeError', 'Expected `duration` to be a boolean, got 1'],
      [{ trace: {} }, 'TypeError', 'Expected `trace` to be the `trace` of `@opentelemetry/api`, got an object'],
      [{ lable: () => 'a' }, 'TypeError', "Unknown option 'lable'; did you mean `label`?"],
      [7, 'TypeError', 'Expected `options` to be an object, got 7']
    ]) assert.deepEqual(refused(meter, breaker, options), [type, 'ERR_INVALID_OPTION', message])
    assert.deepEqual(asked, [])
    for (const options of [undefined, {}, { maxNames: 1, label: undefined, duration: undefined, trace: undefined }]) instrument(meter, breaker, options)
  })

  it('marks the active span of a refused call, and no other', async () => {
    const { trace, context } = sdk(2).api
    const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks')
    const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = await import('@opentelemetry/sdk-trace-base')
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    const exporter = new InMemorySpanExporter()
    const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('of a test')
    const clock = new ManualClock()
    const registry = new CircuitBreakerRegistry({ failureThreshold: 1, recoveryTimeout: 1000, clock })
    const bulkhead = new CircuitBreaker({ maxConcurrent: 1 })
    const { meter } = meterOf(2)
    const stop = instrument(meter, [registry, bulkhead], { trace, label: (name) => name && `the ${name}` })
    const inSpan = (name, run) => tracer.startActiveSpan(name, async (span) => {
      const outcome = await run().then(() => 'passed', ({ code }) => code)
      span.end()
      return outcome
    })
    await inSpan('up', () => registry.call('users', async () => {}))
    await inSpan('down', () => registry.call('users', down))
    assert.equal(await inSpan('open', () => registry.call('users', down)), 'ERR_CIRCUIT_OPEN')
    clock.advance(1000)
    let end
    const test = registry.call('users', () => new Promise((resolve) => (end = resolve)))
    assert.equal(await inSpan('half open', () => registry.call('users', down)), 'ERR_CIRCUIT_OPEN')
    end()
    await test
    registry.get('users').isolate()
    assert.equal(await inSpan('isolated', () => registry.call('users', down)), 'ERR_CIRCUIT_OPEN')
    const held = bulkhead.call(() => new Promise((resolve) => (end = resolve)))
    assert.equal(await inSpan('full', () => bulkhead.call(down)), 'ERR_BULKHEAD_FULL')
    end()
    await held
    // Where no span is active, nothing is marked and nothing fails.
    assert.equal(await registry.call('users', down).catch(({ code }) => code), 'ERR_CIRCUIT_OPEN')
    stop()
    assert.equal(await inSpan('after it was stopped', () => registry.call('users', down)), 'ERR_CIRCUIT_OPEN')
    const marked = (state, outcome, name = 'the users') => ({ 'halfopen.breaker.name': name, 'halfopen.breaker.state': state, 'halfopen.call.outcome': outcome })
    assert.deepEqual(Object.fromEntries(exporter.getFinishedSpans().map(({ name, attributes, events }) => [name, { ...attributes, ...(events.length > 0 && { events }) }])), {
      up: {}, down: {},
      open: marked('open', 'refused_open'), 'half open': marked('half_open', 'refused_half_open'), isolated: marked('open', 'refused_isolated'),
      full: marked('closed', 'refused_bulkhead', 'unnamed'), 'after it was stopped': {}
    })
    context.disable()
  })
})
