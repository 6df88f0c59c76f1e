// Hosts that lack something, have another realm's, or have it broken: importing never throws, and the first breaker needs nothing but
// WebAssembly. It must not know what the package uses the parts of a host for. Each host is a realm of its own, that begins with the
// language and WebAssembly alone.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import fc from 'fast-check'
import { answerOf, lives } from './support.js'

const FILES = ['errors', 'index', 'fetch', 'undici']
const SOURCES = Object.fromEntries(FILES.map((name) => [`./${name}.cjs`, readFileSync(new URL(`../../pkg/${name}.cjs`, import.meta.url), 'utf8')]))

/** A realm with these globals beside the language's own. `GONE` takes one away; a getter is asked at each use. */
const GONE = Symbol('gone')
function hostOf(globals) {
  const realm = createContext({})
  // It prints, and tests have it only where they ask for it.
  runInContext('delete globalThis.console', realm)
  for (const [name, value] of Object.entries(globals)) {
    if (value === GONE) runInContext(`delete globalThis[${JSON.stringify(name)}]`, realm)
    else if (value?.isGetter) Object.defineProperty(realm, name, { get: value, configurable: true })
    else realm[name] = value
  }
  return realm
}

/** Loads the package in a realm, as `require` does it there. */
function loadIn(realm, path = './index.cjs', loaded = {}) {
  if (loaded[path] === undefined) {
    loaded[path] = runInContext('({ exports: {} })', realm)
    runInContext(`(function (module, exports, require) { ${SOURCES[path]}\n})`, realm)(loaded[path], loaded[path].exports, (other) => loadIn(realm, other, loaded))
  }
  return loaded[path].exports
}

/** What every host is asked to do. Runs in the host, and so may use nothing but the language. */
async function program({ CircuitBreaker, CircuitBreakerRegistry, ManualClock, isCircuitOpenError }) {
  const clock = new ManualClock()
  const breaker = new CircuitBreaker({ failureThreshold: 1, recoveryTimeout: 1000, successThreshold: 1, clock })
  const seen = []
  const note = ({ type, detail, target }) => seen.push(`${type} ${target === breaker} ${detail?.to ?? Object.keys(detail).join()}`)
  for (const type of ['success', 'failure', 'statechange', 'reject']) breaker.addEventListener(type, note)
  const mine = new Error('mine')
  const outcome = (promise) => promise.then((value) => seen.push(value), (error) => seen.push(error === mine ? 'mine' : error.code ?? String(error)))
  await outcome(breaker.call(async () => 'up'))
  await outcome(breaker.call(async () => { throw mine }))
  await outcome(breaker.call(async () => 'refused'))
  const refusal = await breaker.call(() => 1).catch((error) => error)
  seen.push(isCircuitOpenError(refusal), refusal.cause === mine, refusal.retryAfter)
  for (const type of ['success', 'failure', 'statechange', 'reject']) breaker.removeEventListener(type, note)
  clock.advance(1000)
  await outcome(breaker.callWith({}, async (value) => value, 'recovered'))
  const registry = new CircuitBreakerRegistry({ clock })
  registry.addEventListener('statechange', ({ detail: { key, to } }) => seen.push(`${key} ${to}`))
  registry.get('key').trip()
  const permit = breaker.acquire()
  permit.success()
  const { inFlight, totalCalls, latency } = breaker.metrics
  seen.push(breaker.state, inFlight, totalCalls, latency)
  return JSON.stringify(seen)
}

const EXPECTED = JSON.stringify([
  'success true elapsed', 'up', 'failure true elapsed,error', 'statechange true open', 'mine', 'reject true error', 'ERR_CIRCUIT_OPEN',
  'reject true error', true, true, 1000, 'recovered', 'key open', 'closed', 0, 6, null
])
const runIn = (realm, fn = program) => runInContext(`(${fn})`, realm)(loadIn(realm))

/** What stands in the place of a part of a host. */
const BROKEN = {
  gone: () => GONE,
  'undefined': () => undefined,
  'null': () => null,
  'an object': () => ({}),
  'a function that throws': () => function () { throw new Error('broken') },
  'an arrow': () => () => undefined,
  'a class that does nothing': () => class { addEventListener() {} removeEventListener() {} dispatchEvent() {} register() {} unregister() {} deref() {} },
  'a getter that throws': () => Object.assign(() => { throw new Error('not here') }, { isGetter: true })
}
/** An `EventTarget` whose events are its own, as in jsdom: it refuses all others. */
class ForeignEvent {
  constructor(type, init) {
    this.type = type
    Object.assign(this, init)
  }
}
class ForeignTarget extends EventTarget {
  dispatchEvent(event) {
    if (!(event instanceof ForeignEvent)) throw new TypeError("parameter 1 is not of type 'Event'")
    const { type, detail } = event
    return super.dispatchEvent(Object.defineProperty(new CustomEvent(type, { detail }), 'target', { value: this }))
  }
}
const FOREIGN = {
  EventTarget: [ForeignTarget],
  CustomEvent: [ForeignEvent],
  Event: [ForeignEvent],
  Buffer: [{ from: (text) => Buffer.from(text) }, { from: () => 'text' }],
  performance: [{ now: () => NaN }, { now: () => '5' }],
  process: [
    ...[
      undefined, () => undefined, () => { throw new Error('no channel') }, () => ({ get hasSubscribers() { throw new Error('no subscribers') } }),
      () => ({ hasSubscribers: true }), () => ({ hasSubscribers: true, publish() { throw new Error('not published') } })
    ].map((channel) => ({ getBuiltinModule: () => ({ channel }) })),
    { env: {} }, { getBuiltinModule: () => ({}) }, { getBuiltinModule: () => undefined }, { getBuiltinModule() { throw new Error('no') } }
  ],
  console: [{ error() { throw new Error('no console') } }],
  reportError: [() => { throw new Error('no report') }]
}
const PARTS = [
  'TextDecoder', 'TextEncoder', 'CustomEvent', 'EventTarget', 'Event', 'ReadableStream', 'Request', 'Response', 'Headers', 'fetch', 'queueMicrotask',
  'performance', 'setTimeout', 'clearTimeout', 'setImmediate', 'AbortSignal', 'AbortController', 'structuredClone', 'process', 'console',
  'reportError', 'Buffer', 'URL', 'navigator', 'atob'
]
/** The language's own, but old and hardened hosts lack them. */
const OF_THE_LANGUAGE = ['FinalizationRegistry', 'WeakRef', 'Intl', 'SharedArrayBuffer', 'Atomics']

const part = (name) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({ what: 'its own', value: globalThis[name] }) },
    { weight: 3, arbitrary: fc.constantFrom(...Object.entries(BROKEN)).map(([what, make]) => ({ what, value: make() })) },
    ...(FOREIGN[name] === undefined ? [] : [{ weight: 2, arbitrary: fc.constantFrom(...FOREIGN[name]).map((value) => ({ what: 'foreign', value })) }])
  )
const host = fc.record({
  ...Object.fromEntries(PARTS.map((name) => [name, fc.option(part(name), { nil: { what: 'gone', value: GONE } })])),
  ...Object.fromEntries(OF_THE_LANGUAGE.map((name) => [name, fc.option(part(name), { freq: 2, nil: undefined })]))
})
const globalsOf = (parts) => Object.fromEntries(Object.entries(parts).filter(([, given]) => given !== undefined).map(([name, { value }]) => [name, value]))

describe('a host of the language and WebAssembly alone', () => {
  it('runs the program: calls, events, a refusal, a registry', async () => {
    const realm = hostOf({})
    for (const name of ['EventTarget', 'CustomEvent', 'console', 'setTimeout', 'TextDecoder']) {
      assert.equal(runInContext(`typeof ${name}`, realm), 'undefined', name)
    }
    assert.equal(await runIn(realm), EXPECTED)
  })

  for (const name of FILES) {
    it(`loads ${name}, and nothing is thrown`, () => assert.ok(Object.keys(loadIn(hostOf({}), `./${name}.cjs`)).length > 0))
  }

  it('gives functions no signal, where there are none, and calls them all the same', async () => {
    const answer = await runIn(hostOf({}), async ({ CircuitBreaker }) =>
      new CircuitBreaker().callWith({}, async (value, { signal }) => [value, typeof signal].join(), 5))
    assert.equal(answer, '5,undefined')
  })

  it('probes, though there are no timers', async () => {
    const answer = await runIn(hostOf({}), async ({ CircuitBreaker, ManualClock }) => {
      const clock = new ManualClock()
      const breaker = new CircuitBreaker({ clock, recoveryTimeout: 10, successThreshold: 1, probe: async () => {}, sleep: async () => {} })
      breaker.trip()
      clock.advance(10)
      await breaker.whenClosed()
      return breaker.state
    })
    assert.equal(answer, 'closed')
  })
})

describe('any host', () => {
  it('runs the program alike, whatever it lacks, has from elsewhere or has broken', async () => {
    let ran = 0
    await fc.assert(
      fc.asyncProperty(host, async (parts) => {
        const realm = hostOf(globalsOf(parts))
        for (const name of FILES) assert.ok(Object.keys(loadIn(realm, `./${name}.cjs`)).length > 0, name)
        assert.equal(await runIn(realm), EXPECTED)
        ran++
      }),
      lives(150)
    )
    assert.ok(ran >= 150)
  })

  it('gives calls their timeouts where it has timers', async () => {
    const timers = { setTimeout, clearTimeout }
    await fc.assert(
      fc.asyncProperty(host, async (parts) => {
        const realm = hostOf({ ...globalsOf(parts), ...timers })
        const answer = await runIn(realm, async ({ CircuitBreaker }) => {
          const breaker = new CircuitBreaker({ timeout: 1, failureThreshold: 1 })
          const error = await breaker.call(() => new Promise(() => {})).catch((error) => error)
          return [error.code, error.timeout, breaker.state, breaker.metrics.timedOutCalls, breaker.metrics.inFlight].join()
        })
        assert.equal(answer, 'ERR_CALL_TIMEOUT,1,open,1,0')
      }),
      lives(30)
    )
  })

  it('loses no permit of a call that it has no timer for', async () => {
    for (const make of Object.values(BROKEN)) {
      const answer = await runIn(hostOf({ setTimeout: make(), clearTimeout }), async ({ CircuitBreaker }) => {
        const breaker = new CircuitBreaker({ timeout: 1, maxConcurrent: 1 })
        breaker.call(async () => 'up').catch(() => {})
        await null
        await null
        return breaker.metrics.inFlight
      })
      assert.equal(answer, 0)
    }
  })
})

describe('the class', () => {
  for (const [what, globals, extendsIt] of [
    ['extends the EventTarget of its host, with its CustomEvent', { EventTarget, CustomEvent, Event }, true],
    ['extends the EventTarget of its host, with its plain Event where there is no CustomEvent', { EventTarget, Event }, true],
    ['extends the EventTarget of its host, with its plain Event where CustomEvent is of another', { EventTarget, Event, CustomEvent: ForeignEvent }, true],
    ['extends an EventTarget that takes no other events than its own, with those', { EventTarget: ForeignTarget, CustomEvent: ForeignEvent }, true],
    ['extends ours where the EventTarget of its host takes neither', { EventTarget: ForeignTarget, CustomEvent, Event }, false],
    ['extends ours where that of its host has no events at all', { EventTarget }, false],
    ['extends ours where there is none', { CustomEvent, Event }, false]
  ]) {
    it(what, async () => {
      const realm = hostOf(globals)
      const { CircuitBreaker, CircuitBreakerRegistry } = loadIn(realm)
      for (const Type of [CircuitBreaker, CircuitBreakerRegistry]) {
        const Base = Object.getPrototypeOf(Type)
        assert.equal(Base === globals.EventTarget, extendsIt, Type.name)
      }
      assert.equal(await runIn(realm), EXPECTED)
    })
  }

  it('keeps the pair that it began with, whatever stands in its place later', async () => {
    const realm = hostOf({ EventTarget, CustomEvent, Event })
    const { CircuitBreaker } = loadIn(realm)
    const breaker = new CircuitBreaker()
    let heard
    breaker.addEventListener('statechange', (event) => (heard = event))
    Object.assign(realm, { EventTarget: ForeignTarget, CustomEvent: ForeignEvent, Event: ForeignEvent })
    breaker.trip()
    assert.ok(heard instanceof CustomEvent)
    assert.equal(heard.detail.to, 'open')
  })
})

describe('events where there is no EventTarget', () => {
  /** A breaker in such a host, what it told of errors, and its class. */
  function bare(globals = {}) {
    const reported = []
    const realm = hostOf({ console: { error: (error) => reported.push(error) }, ...globals })
    const { CircuitBreaker } = loadIn(realm)
    return { breaker: new CircuitBreaker(), reported, realm }
  }

  it('have the members of a CustomEvent that listeners use', () => {
    const { breaker } = bare()
    let event, during
    breaker.addEventListener('statechange', (given) => {
      event = given
      during = given.currentTarget
      given.preventDefault()
      given.stopPropagation()
    })
    breaker.trip()
    const { type, detail, target, currentTarget, bubbles, cancelable, defaultPrevented, timeStamp } = event
    assert.deepEqual(
      [type, detail.to, target === breaker, during === breaker, currentTarget, bubbles, cancelable, defaultPrevented, typeof timeStamp],
      ['statechange', 'open', true, true, null, false, false, false, 'number']
    )
  })

  it('reach listeners in their order, functions with the breaker as `this` and objects by handleEvent', () => {
    const { breaker } = bare()
    const heard = []
    breaker.addEventListener('statechange', function () { heard.push(this === breaker) })
    const object = { handleEvent() { heard.push(this === object) } }
    breaker.addEventListener('statechange', object)
    breaker.addEventListener('statechange', null)
    breaker.addEventListener('something else', () => heard.push('wrong'))
    breaker.trip()
    assert.deepEqual(heard, [true, true])
  })

  it('reach a listener once that was added twice, and twice one that captures as well', () => {
    const { breaker } = bare()
    let heard = 0
    const listener = () => heard++
    for (const options of [undefined, false, {}, { capture: false }, { once: true }]) breaker.addEventListener('statechange', listener, options)
    breaker.trip()
    assert.equal(heard, 1)
    breaker.addEventListener('statechange', listener, true)
    breaker.reset()
    assert.equal(heard, 3)
    breaker.removeEventListener('statechange', listener, { capture: true })
    breaker.trip()
    assert.equal(heard, 4)
    breaker.removeEventListener('statechange', listener)
    breaker.reset()
    assert.equal(heard, 4)
  })

  it('reach one that listens once once, though it brings about another', () => {
    const { breaker } = bare()
    let heard = 0
    breaker.addEventListener('statechange', () => { heard++; breaker.reset() }, { once: true })
    breaker.trip()
    breaker.trip()
    assert.equal(heard, 1)
  })

  it('reach nobody whose signal has aborted, before or after', () => {
    const { breaker } = bare()
    let heard = 0
    const controller = new AbortController()
    breaker.addEventListener('statechange', () => heard++, { signal: controller.signal })
    breaker.addEventListener('statechange', () => heard++, { signal: AbortSignal.abort() })
    breaker.trip()
    assert.equal(heard, 1)
    controller.abort()
    breaker.reset()
    assert.equal(heard, 1)
  })

  it('reach neither who was removed by an earlier listener, nor who was added by one, nor who comes after one that stops them', () => {
    const { breaker } = bare()
    const heard = []
    const second = () => heard.push('second')
    const late = () => heard.push('late')
    breaker.addEventListener('statechange', () => {
      breaker.removeEventListener('statechange', second)
      breaker.addEventListener('statechange', late)
    })
    breaker.addEventListener('statechange', second)
    breaker.trip()
    assert.deepEqual(heard, [])
    breaker.reset()
    assert.deepEqual(heard, ['late'])
    breaker.removeEventListener('statechange', late)
    breaker.addEventListener('success', (event) => event.stopImmediatePropagation())
    breaker.addEventListener('success', () => heard.push('stopped'))
    breaker.callSync(() => 1)
    assert.deepEqual(heard, ['late'])
  })

  it('have a listener that throws reported, and the others and the call as they were', async () => {
    const { breaker, reported } = bare()
    const mine = new Error('mine')
    let heard = 0
    breaker.addEventListener('success', () => { throw mine })
    breaker.addEventListener('success', () => heard++)
    assert.equal(await breaker.call(async () => 'up'), 'up')
    assert.deepEqual([reported, heard], [[mine], 1])
  })

  it('may be dispatched by the user, one of the host too', () => {
    const { breaker } = bare()
    const heard = []
    breaker.addEventListener('mine', ({ type }) => heard.push(type))
    assert.equal(breaker.dispatchEvent({ type: 'mine' }), true)
    assert.equal(breaker.dispatchEvent(new Event('mine')), true)
    assert.deepEqual(heard, ['mine', 'mine'])
  })
})

describe('what a listener or a host does wrong in telling an event', () => {
  const UP = `async () => 'up'`
  for (const [what, prelude] of Object.entries({
    'a dispatchEvent that throws': `breaker.dispatchEvent = () => { throw new Error('broken') }`,
    'a console that throws': `breaker.dispatchEvent = () => { throw new Error('broken') }; console.error = () => { throw new Error('no console') }`,
    'a console that is gone': `breaker.dispatchEvent = () => { throw new Error('broken') }; delete globalThis.console`
  })) {
    it(`changes no call: ${what}`, async () => {
      const answer = await answerOf(`
        const { CircuitBreaker } = await import(ESM)
        const breaker = new CircuitBreaker({ failureThreshold: 1 })
        const { log } = console
        const said = []
        console.error = (error) => said.push(error.message)
        for (const type of ['success', 'failure', 'statechange', 'reject', 'timeout', 'fallback']) breaker.addEventListener(type, () => {})
        ${prelude}
        const down = new Error('down')
        const seen = [await breaker.call(${UP}), await breaker.callWith({}, ${UP}), breaker.callSync(() => 'sync')]
        seen.push((await breaker.call(async () => { throw down }).catch((error) => error)) === down)
        seen.push((await breaker.call(${UP}).catch((error) => error)).code, breaker.metrics.inFlight)
        log(JSON.stringify([seen, said.every((text) => text === 'broken')]))`)
      assert.deepEqual(answer, [['up', 'up', 'sync', true, 'ERR_CIRCUIT_OPEN', 0], true])
    })
  }
})
