// What is tried: one row for each way in which a runtime has the package. To add a row: a line here, and the table of docs/where-it-runs.md as the run
// prints it. It must not know how a runtime is started: that is what `launchers` is for.

import { all, pairwise } from '../combinations.js'

/**
 * @typedef {object} Row
 * @property {string} kind Who starts it: a file of `launchers`.
 * @property {string} where The runtime, as the table names it.
 * @property {string} how In which way it has the package.
 * @property {string} setting What it was started with.
 * @property {string} entry One of `ENTRIES`.
 * @property {string} [tool] Which of the installed ones it is, where there are several.
 * @property {string[]} [lacks] What the program is told not to find there. Unsaid: nothing.
 * @property {string} [unavailable] Why no breaker can be made there: the error is what is tried.
 */

/** The entries by their names, each with what a user imports to have the class and the guarded fetch. */
export const ENTRIES = {
  halfopen: ['halfopen', 'halfopen/fetch'],
}
const DEFAULT = 'halfopen'
const PLAIN = 'defaults'

/** What only some hosts have: the language has neither. */
const WEB = ['setTimeout', 'EventTarget', 'CustomEvent', 'AbortController', 'URL', 'fetch', 'Request', 'Response', 'Headers', 'ReadableStream', 'performance']

/** @type {(whole: boolean) => Row[]} */
function node(whole) {
  const product = all({
    tool: ['20', '22', '24', '26'],
    how: ['ES module', 'CommonJS', 'worker thread'],
    setting: [PLAIN, '`--permission`', '`--frozen-intrinsics`', '`--disallow-code-generation-from-strings`'],
    entry: Object.keys(ENTRIES),
  })
  const rows = whole ? product : pairwise(product)
  const bare = ['20', '22', '24', '26'].map((tool) => ({ tool, how: 'bare `vm` context', setting: PLAIN, entry: DEFAULT, lacks: [...WEB, 'network'] }))
  const jitless = ['20', '22', '24', '26'].map((tool) => ({ tool, how: 'ES module', setting: '`--jitless`', entry: DEFAULT, unavailable: 'it has no WebAssembly' }))
  return [...rows, ...bare, ...jitless].map((row) => ({ kind: 'node', where: `Node ${row.tool}`, ...row }))
}

/** @type {() => Row[]} */
const bun = () =>
  all({ tool: ['1.1', '1.4'], how: ['ES module', 'CommonJS', 'worker', '`bun build --compile`'] })
    .map((row) => ({ kind: 'bun', where: `Bun ${row.tool}`, setting: PLAIN, entry: DEFAULT, ...row }))

/** @type {() => Row[]} */
const deno = () =>
  all({ tool: ['2.1', '2.9'], how: ['`node_modules`', '`npm:` specifier', 'worker'], setting: ['no permission', '`--allow-net`'] })
    // A worker's file is read with a permission.
    .filter(({ how, setting }) => how !== 'worker' || setting === 'no permission')
    .map((row) => (row.how === 'worker' ? { ...row, setting: '`--allow-read`' } : row))
    .map((row) => ({ kind: 'deno', where: `Deno ${row.tool}`, entry: DEFAULT, ...row, ...(row.setting !== '`--allow-net`' && { lacks: ['network'] }) }))

/** @type {() => Row[]} */
const dom = () => [
  { kind: 'dom', where: 'jsdom', how: 'script in the window', setting: PLAIN, entry: DEFAULT, tool: 'jsdom', lacks: ['fetch', 'network', 'Request', 'Response', 'ReadableStream'] },
  { kind: 'dom', where: 'happy-dom', how: 'script in the window', setting: PLAIN, entry: DEFAULT, tool: 'happy-dom' },
]

/** Dates before and after workerd has `FinalizationRegistry`, and WebAssembly from bytes at module scope. */
const DATES = { old: 'date 2022-01-01', recent: 'date 2026-07-30' }

/** @type {() => Row[]} */
const workerd = () =>
  [
    { how: 'first breaker in a handler', setting: DATES.old, unavailable: 'it compiles no WebAssembly from bytes' },
    { how: 'first breaker in a handler', setting: DATES.recent, unavailable: 'it compiles no WebAssembly from bytes' },
    { how: 'first breaker at module scope', setting: DATES.old, unavailable: 'it compiles no WebAssembly from bytes' },
    { how: 'first breaker at module scope', setting: DATES.recent },
    { how: 'Durable Object that restores its snapshot', setting: DATES.recent },
    { how: 'probe across requests', setting: DATES.recent },
  ].map((row) => ({ kind: 'workerd', where: 'workerd', entry: DEFAULT, ...row }))

/** @type {() => Row[]} */
const browsers = () =>
  all({ tool: ['Chromium', 'Firefox', 'WebKit'], how: ['page', 'dedicated worker', 'shared worker', 'service worker', 'page whose policy forbids Wasm'] })
    .map((row) => ({
      kind: 'browser', where: row.tool, setting: PLAIN, entry: DEFAULT, ...row,
      ...(row.how.includes('forbids') && { unavailable: 'its policy forbids WebAssembly' }),
    }))

/** @type {() => Row[]} */
const edge = () => [
  { kind: 'edge', where: 'Edge runtime of Next and Vercel', how: 'script', setting: 'Wasm from bytes allowed', entry: DEFAULT, lacks: ['CustomEvent'] },
  { kind: 'edge', where: 'Edge runtime of Next and Vercel', how: 'script', setting: 'Wasm from bytes forbidden', entry: DEFAULT, unavailable: 'it compiles no WebAssembly from bytes' },
]

/** Every row of a run. `whole` has each combination instead of each pair. */
export const rowsOf = (whole) => [...node(whole), ...bun(), ...deno(), ...dom(), ...workerd(), ...browsers(), ...edge()]

/** A row in a sentence. */
export const titleOf = ({ where, how, setting, entry, unavailable }) =>
  unavailable
    ? `${where} says in an error why ${entry} makes no breaker there: ${how}, ${setting}`
    : `${where} runs ${entry}: ${how}, ${setting}`

/** What was not tried, each with its reason. */
export const NOT_TRIED = [
  ['Safari, and WebKit on macOS and iOS', 'It runs on Apple’s systems alone. WebKitGTK has the same engine.'],
  ['Chrome, Edge and Firefox on Windows, macOS and phones', 'The tests run on Linux. The engines are those of Chromium and Firefox above.'],
  ['Cloudflare’s, Vercel’s, Deno’s and Netlify’s own machines', 'They need an account. Their runtimes above run on the machine of the tests.'],
  ['Node, Bun and Deno on Windows, macOS, ARM and musl', 'The tests run on Linux for x64.'],
  ['React Native on a phone', 'It needs an emulator. Metro’s bundle and Hermes are those of React Native.'],
  ['Electron', 'Its package downloads the runtime when it is installed. It is Node and Chromium.'],
]
