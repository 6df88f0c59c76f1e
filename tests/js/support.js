// What the tests of this folder share: promises settled by hand, errors caught for sure, programs run in a Node of their own.
// It must not know what a breaker does.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { OPTIONS } from '../../js/engine/numbers.js'

const exec = promisify(execFile)

/** What random tests begin with: the same in each run, so that none fails by luck. `npm run fuzz` gives new ones, and more lives. */
export const SEED = Number(process.env.HALFOPEN_SEED ?? 20_261_127)
const LIVES = Number(process.env.HALFOPEN_LIVES ?? 1)

/** That many random lives, or as many times more as are asked for. */
export const lives = (numRuns) => ({ numRuns: numRuns * LIVES, seed: SEED })

/** The entry of the package that is tested: tests/entries has other ones tested than the default. */
const ENTRY = process.env.HALFOPEN_ENTRY
const FILE = { slim: '../entries/slim', 'no-wasm': '../../pkg/no-wasm' }[ENTRY] ?? '../../pkg/index'

/** The built package as a URL, for programs that run in a process of their own. */
export const ESM = new URL(`${FILE}.js`, import.meta.url).href
export const CJS = fileURLToPath(new URL(`${FILE}.cjs`, import.meta.url))

/** Options of a test that looks into an instance of Wasm: of a core that is JavaScript nothing can be seen from outside. */
export const IN_WASM = { skip: ENTRY === 'no-wasm' && 'there is no Wasm' }

/**
 * For programs that `run` runs, ahead of the import of the package: `core` has the raw exports once there is a breaker, and
 * `liveBreakers()` says how many live in it. A slot without one has no option in force.
 */
export const LIVE_BREAKERS = `let core
  const { Instance } = WebAssembly
  WebAssembly.Instance = function (...all) {
    const instance = new Instance(...all)
    core = instance.exports
    return instance
  }
  const liveBreakers = () => {
    const RECOVERY_TIMEOUT = ${OPTIONS.indexOf('recoveryTimeout')}
    let live = 0
    for (let slot = 0; slot < 50_000; slot++) if (core.option(slot, RECOVERY_TIMEOUT) >= 0) live++
    return live
  }`

/** A promise that is settled from outside. */
export function deferred() {
  let resolve, reject
  const promise = new Promise((...both) => ([resolve, reject] = both))
  return { promise, resolve, reject }
}

/** What a function throws. That it throws nothing is a failure. */
export function thrownBy(fn) {
  let returned
  try {
    returned = fn()
  } catch (error) {
    return error
  }
  assert.fail(`Expected a throw, got ${String(returned)}`)
}

/** What a promise rejects with. That it fulfils is a failure. */
export async function rejectionOf(promise) {
  assert.ok(promise instanceof Promise, 'Expected a promise')
  return promise.then(
    (value) => assert.fail(`Expected a rejection, got ${String(value)}`),
    (error) => error
  )
}

/** Lets every promise that can go on go on, however long its chain. */
export const drained = () => new Promise((resolve) => setImmediate(resolve))

const taken = []
/** Takes a permit and keeps it: one that nobody holds comes back once it is collected. */
export const take = (breaker) => void taken.push(breaker.acquire())

/** The counts of a breaker in one object, for comparing. */
export const countsOf = ({ state, failureCount, successCount, lastFailureTime }) => ({ state, failureCount, successCount, lastFailureTime })

/**
 * Calls of a breaker that wait to be settled: `start()` gives one, with `reached` once its function ran, `resolve` and `reject`
 * for the function's promise, and `outcome`, which is what the breaker promised.
 */
export function slowCalls(breaker) {
  return {
    start() {
      const call = deferred()
      // A refused call's promise is nobody's.
      call.promise.catch(() => {})
      call.outcome = breaker.call(() => ((call.reached = true), call.promise))
      call.outcome.catch(() => {})
      return call
    }
  }
}

/** The environment without what the test runner and npm put into it for the processes they start. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$|NODE_TEST_CONTEXT$|FORCE_COLOR$|NO_COLOR$)/.test(name))
)

/**
 * Runs the source of a module in a Node of its own and gives what it printed, both ways. In it `ESM` and `CJS` name the package.
 * It is stopped, and the test fails, should it not end by itself.
 */
export async function run(source, ...flags) {
  const program = `const ESM = ${JSON.stringify(ESM)}, CJS = ${JSON.stringify(CJS)}\n${source}`
  const args = [...flags, '--unhandled-rejections=strict', '--input-type=module', '--eval', program]
  try {
    return await exec(process.execPath, args, { env, timeout: 60_000, maxBuffer: 16 << 20 })
  } catch (error) {
    throw new Error(`The program failed: ${error.killed ? 'it did not end' : ''}\n${error.stdout}\n${error.stderr}`, { cause: error })
  }
}

/** As `run`, for a program that prints one line of JSON and nothing on stderr. */
export async function answerOf(source, ...flags) {
  const { stdout, stderr } = await run(source, ...flags)
  assert.equal(stderr, '', 'Expected nothing on stderr')
  return JSON.parse(stdout)
}
