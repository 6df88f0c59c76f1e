// The Wasm under the class: when it is started, how often, and what is said where it can not be. It must not know what it computes.
// Where an engine is started, the test has a process of its own, since that happens once.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { startEngine } from '../../js/engine/index.js'
import { CONFLICTS, EXPECTED, FIRST_CONFLICT, OPTIONS, REASONS, STATES, transition, TRANSITION_FROM, TRANSITION_REASON, TRANSITION_TO } from '../../js/engine/numbers.js'
import { answerOf, run } from './support.js'

/** Counts what is made of `WebAssembly` and of other globals that an import must leave alone. Runs before the import. */
const SPY = `
  const used = []
  const spy = (holder, name) => {
    holder[name] = new Proxy(holder[name], {
      construct(...all) { used.push(name); return Reflect.construct(...all) },
      apply(...all) { used.push(name); return Reflect.apply(...all) }
    })
  }
  for (const name of ['Module', 'Instance', 'Memory', 'compile', 'instantiate', 'validate']) spy(WebAssembly, name)
  for (const name of ['FinalizationRegistry', 'TextDecoder', 'atob', 'fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) spy(globalThis, name)`
const WASM = "const ofWasm = () => used.filter((name) => ['Module', 'Instance', 'Memory', 'compile', 'instantiate', 'validate'].includes(name))"

describe('importing the package', () => {
  for (const [format, load] of [['module', 'await import(ESM)'], ['CommonJS', "(await import('node:module')).createRequire(import.meta.url)(CJS)"]]) {
    it(`starts nothing: ${format}`, async () => {
      const answer = await answerOf(`${SPY}
        const globals = Reflect.ownKeys(globalThis).length
        const { ManualClock, CircuitOpenError, isCircuitOpenError } = ${load}
        const clock = new ManualClock().advance(5)
        isCircuitOpenError(new CircuitOpenError())
        console.log(JSON.stringify({ used, added: Reflect.ownKeys(globalThis).length - globals }))`)
      assert.deepEqual(answer, { used: [], added: 0 })
    })
  }
})

describe('the engine', () => {
  it('is started by the first breaker, synchronously, and serves a thousand with one memory', async () => {
    const answer = await answerOf(`${SPY}\n${WASM}
      const { CircuitBreaker } = await import(ESM)
      const breakers = [new CircuitBreaker()]
      const first = [...ofWasm()]
      while (breakers.length < 1000) breakers.push(new CircuitBreaker({ failureThreshold: breakers.length + 1 }))
      breakers[500].trip()
      const thresholds = new Set(breakers.map(({ failureThreshold }) => failureThreshold))
      const open = breakers.filter(({ state }) => state === 'open').length
      console.log(JSON.stringify({ first, all: ofWasm(), thresholds: thresholds.size, open }))`)
    assert.deepEqual(answer, { first: ['Module', 'Instance'], all: ['Module', 'Instance'], thresholds: 999, open: 1 })
  })

  it('makes no timer, and keeps no process alive: one with an open breaker and a call in flight ends at once', async () => {
    const answer = await answerOf(`${SPY}
      const { CircuitBreaker } = await import(ESM)
      const open = new CircuitBreaker()
      open.trip()
      await open.call(() => 1).catch(() => {})
      const testing = new CircuitBreaker({ recoveryTimeout: 0 })
      testing.trip()
      testing.call(() => new Promise(() => {}))
      testing.addEventListener('statechange', () => {})
      const resources = process.getActiveResourcesInfo().filter((name) => /Timeout|Immediate|Message|Worker/.test(name))
      console.log(JSON.stringify({ timers: used.filter((name) => /^set|queue/.test(name)), resources, states: [open.state, testing.state] }))`)
    // That it ended by itself is what `answerOf` has seen to.
    assert.deepEqual(answer, { timers: [], resources: [], states: ['open', 'half_open'] })
  })

  it('may be two, one of each format, that know nothing of each other', async () => {
    const answer = await answerOf(`${SPY}\n${WASM}
      const esm = await import(ESM)
      const cjs = (await import('node:module')).createRequire(import.meta.url)(CJS)
      const [one, other] = [new esm.CircuitBreaker(), new cjs.CircuitBreaker()]
      one.trip()
      console.log(JSON.stringify([ofWasm().length, one.state, other.state, one instanceof cjs.CircuitBreaker]))`)
    assert.deepEqual(answer, [4, 'open', 'closed', false])
  })
})

describe('where WebAssembly can not be used', () => {
  /** As `answerOf` without a JIT, which Node itself has something to say of on stderr. */
  const answerWithoutJit = async (source) => JSON.parse((await run(source, '--jitless')).stdout)
  const REPORT = `
    const report = () => {
      try {
        new CircuitBreaker()
        return 'made'
      } catch (error) {
        return { isError: error.constructor === Error, code: error.code, message: error.message, hasCause: error.cause !== undefined }
      }
    }`
  const REFUSED = {
    isError: true,
    code: 'ERR_ENGINE_UNAVAILABLE',
    message: "WebAssembly can't be used here: it is missing, or switched off as by --jitless. halfopen/no-wasm needs none",
    hasCause: true
  }

  it('the first breaker, and each after it, is refused with a coded error: no JIT', async () => {
    const answer = await answerWithoutJit(`
      const { CircuitBreaker } = await import(ESM)
      ${REPORT}
      console.log(JSON.stringify([typeof WebAssembly, report(), report()]))`)
    assert.deepEqual(answer, ['undefined', REFUSED, REFUSED])
  })

  it('the rest of the package works: no JIT', async () => {
    const answer = await answerWithoutJit(`
      const { CircuitOpenError, isCircuitOpenError, ManualClock } = await import(ESM)
      console.log(JSON.stringify([isCircuitOpenError(new CircuitOpenError()), new ManualClock(5).now()]))`)
    assert.deepEqual(answer, [true, 5])
  })

  it('the first breaker is refused with a coded error: WebAssembly is gone, and works once it is back', async () => {
    const answer = await answerOf(`
      const { CircuitBreaker } = await import(ESM)
      ${REPORT}
      const { WebAssembly } = globalThis
      delete globalThis.WebAssembly
      const without = report()
      globalThis.WebAssembly = WebAssembly
      console.log(JSON.stringify([without, report()]))`)
    assert.deepEqual(answer, [REFUSED, 'made'])
  })

  const POLICY = ". A Content-Security-Policy has to allow 'wasm-unsafe-eval' in script-src"
  const MEMORY = '. It needs more address space, or --disable-wasm-trap-handler for Node'
  for (const [what, type, said, help] of [
    ['V8, by whoever embeds it', 'CompileError', 'WebAssembly.Module(): Wasm code generation disallowed by embedder', POLICY],
    ['Chromium', 'CompileError', "WebAssembly.Module(): Refused to compile or instantiate WebAssembly module because 'unsafe-eval' is not an allowed source of script", POLICY],
    ['Firefox', 'CompileError', 'call to WebAssembly.Module() blocked by CSP', POLICY],
    ['Safari', 'CompileError', "Refused to create a WebAssembly object because 'unsafe-eval' or 'wasm-unsafe-eval' is not allowed", POLICY],
    ['V8 without memory', 'RangeError', 'WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance', MEMORY],
    ['Firefox without memory', 'InternalError', 'out of memory', MEMORY],
    ['V8 at the end of the call stack', 'RangeError', 'Maximum call stack size exceeded', ''],
    ['V8 of damaged bytes', 'CompileError', 'WebAssembly.Module(): expected magic word 00 61 73 6d, found 01 61 73 6d @+0', '']
  ]) {
    it(`the error names what failed, what would help and the entry that needs no Wasm, and blames no policy that is not there: ${what}`, async () => {
      const answer = await answerOf(`
        const { CircuitBreaker } = await import(ESM)
        ${REPORT}
        WebAssembly.Module = function () { throw Object.assign(new Error(${JSON.stringify(said)}), { name: ${JSON.stringify(type)} }) }
        let cause
        try { new CircuitBreaker() } catch (error) { cause = error.cause.message }
        console.log(JSON.stringify([report(), cause]))`)
      assert.deepEqual(answer, [{ ...REFUSED, message: `WebAssembly can't be used here: ${type}: ${said}${help}. halfopen/no-wasm needs none` }, said])
    })
  }

  it('the error says it of a realm that is forbidden to compile, in the words of its engine', async () => {
    const answer = await answerOf(`
      const { createContext, runInContext } = await import('node:vm')
      const { readFileSync } = await import('node:fs')
      const realm = createContext({}, { codeGeneration: { wasm: false } })
      const load = (path) => {
        const module = { exports: {} }
        const source = readFileSync(new URL(path, ESM), 'utf8')
        runInContext('(function (module, exports, require) {' + source + '})', realm)(module, module.exports, load)
        return module.exports
      }
      let text
      try { new (load('./index.cjs').CircuitBreaker)() } catch (error) { text = [error.code, error.message] }
      console.log(JSON.stringify(text))`)
    assert.equal(answer[0], 'ERR_ENGINE_UNAVAILABLE')
    assert.match(answer[1], /^WebAssembly can't be used here: CompileError: .*\. A Content-Security-Policy has to allow 'wasm-unsafe-eval' in script-src\. halfopen\/no-wasm needs none$/)
  })
})

describe('a host that has little more than WebAssembly', () => {
  it('runs a breaker, a probe and a judgement: no TextDecoder, TextEncoder, queueMicrotask, FinalizationRegistry or Response', async () => {
    const answer = await answerOf(`
      for (const name of ['TextDecoder', 'TextEncoder', 'queueMicrotask', 'FinalizationRegistry', 'Response']) delete globalThis[name]
      const { CircuitBreaker, classifyResponse } = await import(ESM)
      // The probe's timer keeps no process alive.
      const alive = setTimeout(() => {}, 60_000)
      const judged = classifyResponse()(undefined, { status: 503, headers: { get: (name) => (name === 'retry-after' ? '7' : null) } })
      // The default sleep lets the process end.
      const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
      const breaker = new CircuitBreaker({ failureThreshold: 1, recoveryTimeout: 1, successThreshold: 1, probe: async () => {}, sleep })
      breaker.recordFailure()
      await breaker.whenClosed()
      clearTimeout(alive)
      console.log(JSON.stringify([judged.outcome, judged.retryAfter, breaker.state]))`)
    assert.deepEqual(answer, ['failure', 7000, 'closed'])
  })
})

describe('the numbers of the boundary', () => {
  it('of each option are one of the core, which says what the option takes', () => {
    const engine = startEngine()
    assert.deepEqual([...engine.fields.keys()], [...OPTIONS])
    assert.equal(EXPECTED.length, OPTIONS.length)
    engine.draftBegin()
    for (const [number, option] of OPTIONS.entries()) {
      assert.deepEqual(engine.problem(engine.draftOption(number, NaN)), { option, expected: EXPECTED[number] })
    }
    assert.notEqual(engine.draftOption(OPTIONS.length, 1), 0, 'there is no further option')
  })

  it('of two options that contradict each other name the one to be corrected', () => {
    const engine = startEngine()
    const problemOf = (given) => {
      engine.draftBegin()
      for (const [option, value] of Object.entries(given)) assert.equal(engine.draftOption(engine.fields.get(option), value), 0, option)
      return engine.problem(-engine.create(0))
    }
    assert.deepEqual(problemOf({ halfOpenCalls: 1 }), { option: 'halfOpenCalls', expected: 'at least `successThreshold`' })
    // The first and the last of the list.
    assert.deepEqual(CONFLICTS.slice(0, 2), ['halfOpenCalls', 'at least `successThreshold`'])
    const last = { option: CONFLICTS.at(-2), expected: CONFLICTS.at(-1) }
    assert.deepEqual(problemOf({ 'recoveryBackoff.max': 1, recoveryTimeout: 2 }), last)
    assert.deepEqual(engine.problem(FIRST_CONFLICT + CONFLICTS.length / 2 - 1), last)
  })

  it('of each state change lead back to its names', () => {
    for (const [from, fromName] of STATES.entries()) {
      for (const [to, toName] of STATES.entries()) {
        for (const [reason, reasonName] of REASONS.entries()) {
          const news = 1 + TRANSITION_FROM * from + TRANSITION_TO * to + TRANSITION_REASON * reason
          assert.deepEqual(transition(news), { from: fromName, to: toName, reason: reasonName })
        }
      }
    }
  })

  it('are all that the Wasm has of names: no text of the core or of a panic is in it', () => {
    const text = readFileSync(new URL('../../pkg/core.wasm', import.meta.url), 'latin1')
    const words = [...OPTIONS, ...EXPECTED, ...REASONS].filter((word) => word.length > 7)
    for (const word of [...words, 'half_open', '.rs', 'panicked', 'unwrap', 'assertion']) assert.ok(!text.includes(word), `core.wasm has ${word}`)
  })
})

// V8 compiles calls of Wasm into their callers. That of Node 20 can't go on from one that answers an object if the caller's compiled code was
// discarded meanwhile, as garbage collections do: it ended the process.
describe('a method that is thrown out of its compiled code while it reads the core', () => {
  for (const method of ['toJSON', 'explain']) {
    it(`answers as ever: ${method}()`, async () => {
      const answer = await answerOf(`
        let during = () => {}
        const heard = (value) => (typeof value === 'function' ? (...args) => (during(), value(...args)) : value)
        const mapped = (object, map) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]))
        const { Instance } = WebAssembly
        WebAssembly.Instance = function (module, imports) {
          return new Instance(module, mapped(imports, (room) => mapped(room, heard)))
        }
        const { CircuitBreaker, ManualClock } = await import(ESM)
        const breaker = new CircuitBreaker({ clock: new ManualClock() })
        breaker.trip()
        const read = CircuitBreaker.prototype.${method};
        %PrepareFunctionForOptimization(read);
        for (let n = 0; n < 200; n++) breaker.${method}();
        %OptimizeFunctionOnNextCall(read);
        const before = breaker.${method}()
        let times = 0
        during = () => { if (times++ === 0) { %DeoptimizeFunction(read); } }
        const after = breaker.${method}()
        console.log(JSON.stringify({ before, after, heard: times > 0 }))`, '--allow-natives-syntax')
      assert.deepEqual(answer.after, answer.before)
      assert.equal(answer.heard, true)
    })
  }
})
