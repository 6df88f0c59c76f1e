/**
 * The demo: plays the acts of `plan.js` one after the other on real HTTP, shows them, and compares their figures.
 * `npm run demo` builds the package and starts it; `npm run demo -- --figures file.json` writes the figures to a file, too, and
 * `npm run demo -- --dashboard` opens a page to look at instead, while outages go on until Ctrl-C (`--port 8080` for a port of your own), and
 * `npm run demo -- --fleet` plays what a fleet of processes gains.
 *
 * Must not know: how a part works, or what the outcome will be.
 */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pc from 'picocolors'
import { Cast } from './cast.js'
import { playFleet } from './fleet.js'
import { figuresOf, fileOf, readingOf, tableOf } from './figures.js'
import { linesView } from './lines.js'
import { playLive } from './live.js'
import { Observation } from './observation.js'
import { ACTS, LOAD, lengthOf } from './plan.js'
import { screenView } from './screen.js'

/** How often the picture is drawn, in ms. */
const DRAW_EVERY = 100

/** How much longer than its length an act may take, the start of its parts included, in ms. */
const OVERTIME = 8000

const { values: given } = parseArgs({
  options: {
    figures: { type: 'string' }, dashboard: { type: 'boolean', default: false }, port: { type: 'string', default: '0' },
    fleet: { type: 'boolean', default: false }
  }
})
const inCI = !['', '0', 'false', undefined].includes(process.env.CI)
const live = process.stdout.isTTY && !inCI && process.env.TERM !== 'dumb'
const colors = pc.createColors(live && pc.isColorSupported)
const view = live ? screenView(process.stdout, colors) : linesView(console.log)

/** Why a run ended before its end without anything being wrong. */
class Interruption extends Error {
  /** @param {number} code What the process exits with. */
  constructor(code) {
    super('Interrupted')
    this.code = code
  }
}

/** Rejects when the run is to end early: by a signal, or when nobody reads any more. */
const interrupted = deferred()
interrupted.promise.catch(() => {})
for (const [signal, code] of /** @type {const} */ ([['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]])) {
  process.on(signal, () => interrupted.reject(new Interruption(code)))
}
process.stdout.on('error', () => interrupted.reject(new Interruption(141)))

/** Lets the parts import the built package by its name, as its users do. */
function linkPackage() {
  const folder = new URL('./node_modules/', import.meta.url)
  const link = new URL('halfopen', folder)
  mkdirSync(folder, { recursive: true })
  rmSync(link, { recursive: true, force: true })
  symlinkSync(fileURLToPath(new URL('../../pkg', import.meta.url)), link, 'junction')
}

/**
 * Plays one act from first to last process.
 *
 * @param {import('./plan.js').Act} act
 */
async function play(act) {
  const seen = new Observation(act)
  const over = deferred()
  const cast = new Cast((news) => {
    seen.take(news)
    if (news.phase || news.change) view.news(seen, news)
    if (news.done) over.resolve(undefined)
  })
  const patience = setTimeout(
    () => interrupted.reject(new Error(`The act ${act.key} did not come to its end`)),
    lengthOf(act) + OVERTIME
  )
  let drawing
  try {
    const ending = /** @type {const} */ ([cast.failure, interrupted.promise])
    const start = (/** @type {[string, string[]]} */ ...part) => Promise.race([cast.start(...part), ...ending])
    const upstream = await start('upstream.js', ['--act', act.key])
    const guard = act.breaker ? ['--breaker', JSON.stringify(act.breaker)] : []
    const service = await start('service.js', ['--upstream', upstream, ...guard])
    await start('load.js', ['--act', act.key, '--target', service])
    view.begin(seen)
    seen.begin = cast.begin()
    drawing = setInterval(() => view.tick(seen), DRAW_EVERY)
    await Promise.race([over.promise, ...ending])
  } finally {
    clearInterval(drawing)
    clearTimeout(patience)
    await cast.end()
  }
  view.end(seen)
  return { ...act, figures: figuresOf(seen), seen }
}

/** @returns {{ promise: Promise<any>, resolve: (value: any) => void, reject: (error: Error) => void }} */
function deferred() {
  /** @type {any} */
  const deferred = {}
  deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }))
  return deferred
}

try {
  linkPackage()
  if (given.fleet) {
    await playFleet(interrupted.promise, colors)
    throw new Interruption(0)
  }
  const { name, version } = JSON.parse(readFileSync(new URL('../../pkg/package.json', import.meta.url), 'utf8'))
  if (given.dashboard) await playLive(given.port, interrupted.promise)
  console.log(`${name} ${version} on Node ${process.versions.node}: ${ACTS.length} acts, ${ACTS.reduce((sum, act) => sum + lengthOf(act), 0) / 1000} s in all, ${LOAD.rate} requests/s\n`)
  /** @type {Awaited<ReturnType<typeof play>>[]} */
  const played = []
  for (const act of ACTS) played.push(await play(act))
  const [without, guarded, slow] = ['without', 'with', 'slow'].map((key) => played.find((act) => act.key === key)?.figures)
  console.log(tableOf(played, colors))
  if (without && guarded) console.log(`\n${readingOf(without, guarded, slow)}`)
  if (given.figures !== undefined) writeFileSync(given.figures, fileOf(played))
} catch (error) {
  view.close()
  if (error instanceof Interruption) process.exitCode = error.code
  else {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
