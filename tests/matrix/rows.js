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
 * @property {true} [forbids] Whether what is special there is that it lacks or forbids WebAssembly, or all of the web: a line of its own in the table.
 * @property {string} [unavailable] Why no breaker can be made there: the error is what is tried.
 */

/** The entries by their names, each with what a user imports to have the class and the guarded fetch, and what Wasm the user brings. */
export const ENTRIES = {
  halfopen: { imports: ['halfopen', 'halfopen/fetch'] },
  'halfopen/no-wasm': { imports: ['halfopen/no-wasm'] },
  'halfopen/slim': { imports: ['halfopen/slim'], wasm: 'halfopen/slim.wasm' },
}
const [DEFAULT, NO_WASM, SLIM] = Object.keys(ENTRIES)
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
  const versions = ['20', '22', '24', '26']
  const bare = all({ tool: versions, entry: [DEFAULT, NO_WASM] }).map((row) => ({ how: 'bare `vm` context', setting: PLAIN, forbids: true, lacks: [...WEB, 'network'], ...row }))
  const jitless = all({ tool: versions, entry: [DEFAULT, NO_WASM] })
    .map((row) => ({
      how: 'ES module', setting: '`--jitless`', forbids: true, ...row,
      ...(row.entry === DEFAULT && { unavailable: 'it has no WebAssembly' }),
      // Node's own fetch needs WebAssembly.
      ...(Number(row.tool) < 24 && { lacks: ['fetch', 'Request', 'Response', 'Headers', 'network'] }),
    }))
  return [...rows, ...bare, ...jitless].map((row) => ({ kind: 'node', where: `Node ${row.tool}`, ...row }))
}

/** @type {() => Row[]} */
const bun = () =>
  all({ tool: ['1.1', '1.4'], how: ['ES module', 'CommonJS', 'worker', '`bun build --compile`'], entry: [DEFAULT, NO_WASM, SLIM] })
    // What is compiled has no file beside it.
    .filter(({ how, entry }) => entry === DEFAULT || how === 'ES module' || (how !== 'worker' && entry === NO_WASM))
    .map((row) => ({ kind: 'bun', where: `Bun ${row.tool}`, setting: PLAIN, ...row }))

/** @type {() => Row[]} */
const deno = () =>
  all({ tool: ['2.1', '2.9'], how: ['`node_modules`', '`npm:` specifier', 'worker'], setting: ['no permission', '`--allow-net`', '`--allow-read`'], entry: [DEFAULT, NO_WASM, SLIM] })
    // The file of a worker, and that of a Wasm, are read with a permission; nothing else asks for one.
    .filter(({ how, setting, entry }) => (setting === '`--allow-read`') === (how === 'worker' || entry === SLIM))
    .filter(({ how, setting, entry }) => entry === DEFAULT || (how === '`node_modules`' && setting !== '`--allow-net`'))
    .map((row) => ({ kind: 'deno', where: `Deno ${row.tool}`, ...row, ...(row.setting !== '`--allow-net`' && { lacks: ['network'] }) }))

/** @type {() => Row[]} */
const dom = () =>
  all({ tool: ['jsdom', 'happy-dom'], entry: [DEFAULT, NO_WASM] }).map((row) => ({
    kind: 'dom', where: row.tool, how: 'script in the window', setting: PLAIN, ...row,
    ...(row.tool === 'jsdom' && { lacks: ['fetch', 'network', 'Request', 'Response', 'ReadableStream'] }),
  }))

/** Dates before and after workerd has `FinalizationRegistry`, and settles promises of other requests. */
const DATES = ['date 2022-01-01', 'date 2026-07-30']

/** @type {() => Row[]} */
const workerd = () =>
  all({
    how: ['first breaker in a handler', 'first breaker at module scope', 'Durable Object that restores its snapshot', 'probe across requests'],
    setting: DATES, entry: [DEFAULT, NO_WASM, SLIM],
  })
    .filter(({ how, entry }) => entry === DEFAULT || how === 'first breaker in a handler')
    .map((row) => ({ kind: 'workerd', where: 'workerd', ...row, ...(row.setting === DATES[0] && { lacks: ['FinalizationRegistry', 'WeakRef', 'ReadableStream'] }) }))

/** @type {() => Row[]} */
const browsers = () =>
  all({
    tool: ['Chromium', 'Firefox', 'WebKit'],
    how: ['page', 'dedicated worker', 'shared worker', 'service worker', 'page whose policy forbids Wasm'],
    entry: [DEFAULT, NO_WASM, SLIM],
  })
    .filter(({ how, entry }) => entry === DEFAULT || how === 'page' || (entry === NO_WASM && how.includes('forbids')) || (entry === SLIM && how === 'service worker'))
    .map((row) => ({
      kind: 'browser', where: row.tool, setting: PLAIN, ...row,
      ...(row.how.includes('forbids') && { forbids: true, ...(row.entry === DEFAULT && { unavailable: 'its policy forbids WebAssembly' }) }),
    }))

/** @type {() => Row[]} */
const edge = () =>
  [DEFAULT, NO_WASM, SLIM].map((entry) => (
    { kind: 'edge', where: 'Edge runtime of Next and Vercel', how: 'script', setting: 'code from strings and Wasm from bytes forbidden', entry, lacks: ['CustomEvent'] }
  ))

/** What Hermes has of the web without React Native. */
const OF_HERMES = ['setTimeout']

/** @type {() => Row[]} */
const hermes = () => [
  // By its own name: React Native's condition leads to the entry without Wasm.
  { kind: 'hermes', where: 'Hermes', how: 'bundle of Metro with React Native’s configuration', entry: DEFAULT },
  { kind: 'hermes', where: 'Hermes', how: 'bundle of Metro with React Native’s configuration', entry: NO_WASM },
].map((row) => ({ setting: PLAIN, lacks: [...WEB.filter((part) => !OF_HERMES.includes(part)), 'FinalizationRegistry', 'WeakRef', 'network'], ...row }))

/** Every row of a run. `whole` has each combination instead of each pair. */
export const rowsOf = (whole) => [...node(whole), ...bun(), ...deno(), ...dom(), ...workerd(), ...browsers(), ...edge(), ...hermes()]

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
