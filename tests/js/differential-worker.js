// The work of differential.test.js: does the same to the breaker and to the documents' class, and compares after each step. It runs
// in worker threads, since the test runner follows every promise of its own thread, which would take most of the time. It must not
// know what is right: that is the model's to say.

import { parentPort, workerData } from 'node:worker_threads'
import { CircuitBreaker, CircuitOpenError, ManualClock } from '../../pkg/index.js'
import { TextbookBreaker, TextbookOpenError } from './textbook-model.js'

const LONGEST = 40

// The model's refusals need no stack.
Error.stackTraceLimit = 0

/** Mulberry32: numbers from 0 to 1 that a seed of 32 bits tells in advance. */
function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const RECOVERIES = [0, 1, 999.5, 1000, 1001, 60_000, 3_600_000]
const STARTS = [0, 1_700_000_000_000, -1000, 0.5]

/**
 * What can be done, by its name: how often it comes, what it draws for its argument, and what it does. `act` gives what the caller
 * would get: a value, or a promise of one.
 */
const OPERATIONS = {
  callThatFulfils: { weight: 12, act: ({ breaker, value }) => breaker.call(() => Promise.resolve(value)) },
  callThatRejects: { weight: 16, act: ({ breaker, error }) => breaker.call(() => Promise.reject(error)) },
  callThatThrows: { weight: 6, act: ({ breaker, error }) => breaker.call(() => { throw error }) },
  callThatReturns: { weight: 4, act: ({ breaker, value }) => breaker.call(() => value) },
  callThatIsLate: { weight: 2, act: ({ breaker, value }) => breaker.call(async () => (await undefined, await undefined, value)) },
  recordSuccess: { weight: 4, act: ({ breaker }) => breaker.recordSuccess() },
  recordFailure: { weight: 6, act: ({ breaker }) => breaker.recordFailure() },
  trip: { weight: 3, act: ({ breaker }) => breaker.trip() },
  reset: { weight: 1.5, act: ({ breaker }) => breaker.reset() },
  checkState: { weight: 6, act: ({ breaker }) => breaker.checkState() },
  readState: { weight: 2, act: ({ breaker }) => breaker.state },
  setFailureThreshold: { weight: 1.5, draw: (random) => 1 + Math.floor(random() * 5), act: ({ breaker }, count) => (breaker.failureThreshold = count) },
  setSuccessThreshold: { weight: 1.5, draw: (random) => 1 + Math.floor(random() * 4), act: ({ breaker }, count) => (breaker.successThreshold = count) },
  setRecoveryTimeout: { weight: 1.5, draw: (random) => RECOVERIES[Math.floor(random() * RECOVERIES.length)], act: ({ breaker }, ms) => (breaker.recoveryTimeout = ms) },
  // By nothing, a little, just short of the recovery time, all of it, or far. Drawn as a share and a rest, since the recovery time may change.
  wait: {
    weight: 16,
    draw: (random) => [[0, 0], [0, 1], [0, random() * 100], [1, -1], [1, -0.5], [1, 0], [1, 0], [1, 1], [0.5, 0], [3, random()]][Math.floor(random() * 10)],
    act: ({ breaker, advance }, [share, rest]) => advance(Math.max(0, share * breaker.recoveryTimeout + rest))
  }
}
const NAMES = Object.keys(OPERATIONS)
const CUMULATED = NAMES.map((_, n) => NAMES.slice(0, n + 1).reduce((sum, name) => sum + OPERATIONS[name].weight, 0))

function drawName(random) {
  const at = random() * CUMULATED.at(-1)
  return NAMES[CUMULATED.findIndex((sum) => at < sum)]
}

/** A sequence as data: how the breaker is made, and its steps. */
function sequenceFrom(random) {
  const pick = (list) => list[Math.floor(random() * list.length)]
  const options = { failureThreshold: 1 + Math.floor(random() * 5), recoveryTimeout: pick(RECOVERIES), successThreshold: 1 + Math.floor(random() * 3) }
  const steps = Array.from({ length: 1 + Math.floor(random() * LONGEST) }, () => {
    const name = drawName(random)
    const { draw } = OPERATIONS[name]
    return draw ? [name, draw(random)] : [name]
  })
  return { options: random() < 0.2 ? {} : options, start: pick(STARTS), steps }
}

const failed = (error) => ({ error })
const kept = (value) => ({ value })
const isRefusal = (error) => error instanceof CircuitOpenError || error instanceof TextbookOpenError
/** What a caller got, ready to be compared: their own values and errors by identity, refusals by name and message. */
const got = (outcome) => ('error' in outcome && isRefusal(outcome.error) ? `${outcome.error.name}: ${outcome.error.message}` : (outcome.error ?? outcome.value))

const READ = ['state', 'failureCount', 'successCount', 'lastFailureTime', 'failureThreshold', 'recoveryTimeout', 'successThreshold']

/** Does the steps to both. Gives the first difference as a text and the step it came at, or nothing. */
async function differenceIn({ options, start, steps }, tally) {
  const clock = new ManualClock(start)
  let time = start
  const breaker = new CircuitBreaker({ ...options, clock })
  const model = new TextbookBreaker({ ...options, now: () => time })
  const told = []
  breaker.addEventListener('statechange', ({ detail: { from, to } }) => told.push(`${from} → ${to}`))
  const different = (n, what, expected, actual) => ({ step: n, text: `${what}: expected ${String(expected)}, got ${String(actual)}` })

  for (const [n, [name, argument]] of steps.entries()) {
    const { act } = OPERATIONS[name]
    const value = { n }
    const error = new TypedFailure(n)
    let expected, actual
    if (name === 'wait') {
      act({ breaker: model, advance: (ms) => (time += ms) }, argument)
      clock.set(time)
    } else {
      // One finishes before the other begins, so that nothing overlaps.
      expected = act({ breaker: model, value, error }, argument)
      if (expected instanceof Promise) expected = got(await expected.then(kept, failed))
      actual = act({ breaker, value, error }, argument)
      if (actual instanceof Promise) actual = got(await actual.then(kept, failed))
    }
    if (tally) tally[name] = (tally[name] ?? 0) + 1
    if (expected !== actual) return different(n, 'the outcome', expected, actual)
    for (const property of READ) {
      if (!Object.is(model[property], breaker[property])) return different(n, property, model[property], breaker[property])
    }
  }
  const last = steps.length - 1
  if (told.join() !== model.stateChanges.join()) return different(last, 'the events', model.stateChanges, told)
  const summary = breaker.metrics.summary()
  for (const [count, expected] of Object.entries(model.totals)) {
    if (summary[count] !== expected) return different(last, `metrics, ${count}`, expected, summary[count])
  }
  return undefined
}

/** An error of the function, cheap to make. */
class TypedFailure {
  constructor(step) {
    this.step = step
  }
}

/** The shortest part of a sequence that still shows a difference: cut after it, then without each step that is not needed for it. */
async function shortened(sequence, difference) {
  let steps = sequence.steps.slice(0, difference.step + 1)
  for (let n = steps.length - 1; n >= 0; n--) {
    const fewer = steps.toSpliced(n, 1)
    const still = await differenceIn({ ...sequence, steps: fewer })
    if (still) [steps, difference] = [fewer.slice(0, still.step + 1), still]
  }
  return { ...sequence, steps, difference: difference.text }
}

/** Random sequences from one number to another; each has a seed of its own, so that any of them can be made without the others. */
async function random({ seed, from, to }) {
  const tally = {}
  for (let n = from; n < to; n++) {
    const sequence = sequenceFrom(randomFrom(seed + Math.imul(n, 0x9e3779b9)))
    const difference = await differenceIn(sequence, tally)
    if (difference) {
      const shortest = JSON.stringify(await shortened(sequence, difference))
      return { failure: `HALFOPEN_SEED=${seed}, sequence ${n}: ${difference.text}\nthe shortest that differs: ${shortest}` }
    }
    if (n % 500 === 0) await aBreath()
  }
  return { sequences: to - from, tally }
}

/** All sequences of `length` steps that a small breaker has, of those that begin with one of the given. */
async function every({ length, first }) {
  const options = { failureThreshold: 2, successThreshold: 2, recoveryTimeout: 1000 }
  const all = [['callThatFulfils'], ['callThatRejects'], ['recordSuccess'], ['recordFailure'], ['trip'], ['reset'], ['checkState'], ['wait', [1, -1]], ['wait', [1, 0]]]
  const tally = {}
  let sequences = 0
  let failure
  const extend = async (steps) => {
    if (failure) return
    if (steps.length < length) {
      for (const [n, step] of all.entries()) if (steps.length > 0 || first(n)) await extend([...steps, step])
      return
    }
    const difference = await differenceIn({ options, start: 0, steps }, tally)
    if (difference) failure = `${difference.text} after ${JSON.stringify(steps)}`
    if (++sequences % 500 === 0) await aBreath()
  }
  await extend([])
  return failure ? { failure } : { sequences, tally }
}

/** Lets the places of breakers that are garbage be given back. */
const aBreath = () => new Promise((resolve) => setImmediate(resolve))

const { part, parts, seed, sequences, length } = workerData
parentPort.postMessage({
  random: await random({ seed, from: Math.floor((sequences * part) / parts), to: Math.floor((sequences * (part + 1)) / parts) }),
  every: await every({ length, first: (n) => n % parts === part })
})
