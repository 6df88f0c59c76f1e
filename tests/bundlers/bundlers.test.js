// The packed package in the bundlers that its users have, each with the configuration that it has by itself: a small app is built, what was built is run, and
// what the package adds to a bundle is weighed. It must not know how a bundler is called, nor what the app does.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { openChromium, serve } from '../package/chromium.js'
import { root } from '../package/support.js'
import { differences, record, sizeCells } from '../package/table.js'
import { FILES, PLACES, stepsIn, weighPage } from './next.js'
import { installed, NODE, weigh, workspace } from './support.js'
import { ENTRIES, NOT_TRIED, TOOLS } from './tools.js'
import { whileWorking } from './workerd.js'

/** What the app gives wherever it runs. */
const EXPECTED = [
  'closed to open', 'down', 'down', 'ERR_CIRCUIT_OPEN', 'open to half_open', 'half_open to closed', 'up', '1 succeeded, 2 failed, 1 refused',
  'closed after 2 probes', 'open, closed', '503', '503', 'true: https://users.example.com'
]
const APP = readFileSync(new URL('apps/app.js', import.meta.url), 'utf8')
const manifest = readFileSync(join(root, 'pkg.json'), 'utf8')
const has = (condition) => manifest.includes(`"${condition}":`)

let user, browser
before(async () => {
  user = await workspace()
  browser = await openChromium()
})
after(async () => {
  await browser?.close()
  await user?.remove()
})

/** The project of a row for one of the entries of its kind. */
const projectOf = ({ kind, files }, name, entry) => user.app(`${name}/${entry}`, { ...files, 'src/app.js': APP, 'src/index.js': ENTRIES[kind][entry] })

/** What the page of a folder or of an address gives, and nothing is said in its console. */
async function onPage(url) {
  const { found, said } = await browser.visit(url, async () => {
    while (globalThis.result === undefined) await new Promise((resolve) => requestAnimationFrame(resolve))
    return globalThis.result
  })
  // Vite's own client tells that it connects.
  assert.deepEqual(said.filter((line) => !line.startsWith('debug: [vite]')), [])
  return found
}

/** What a worker gives, twice: the second request finds what the first has made. */
function inWorkerd(dir) {
  return whileWorking(dir, 'index.js', async (url) => {
    const ask = async () => (await fetch(url)).json()
    const steps = await ask()
    assert.deepEqual(await ask(), steps)
    return steps
  })
}

/** Runs what a row has built. */
async function result(row, dir) {
  if (row.kind === 'worker') return inWorkerd(join(dir, row.worker ?? 'dist'))
  if (row.run) return JSON.parse((await row.run(user, dir)).stdout)
  const site = await serve(join(dir, 'dist'))
  try {
    return await onPage(`${site.url}/index.html`)
  } finally {
    await site.close()
  }
}

/** Starts a server of a tool, has it used as soon as it names its address, and ends it. */
async function whileServing([path, ...args], dir, use) {
  const server = spawn(NODE, [installed(path), ...args], { cwd: dir, env: user.env, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    for await (const line of createInterface(server.stdout)) {
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? []
      if (url) return await use(url)
    }
    throw new Error(`${path} named no address`)
  } finally {
    server.kill()
    await once(server, 'exit')
  }
}

/** What is said of a row in the table. */
function tell({ tool, version, command, in: place, ...row }, passed, started, sizes) {
  const seconds = started && (performance.now() - started) / 1000
  record('Bundlers', [`${tool} ${version}`.trim(), `\`${command}\``, place, passed ? 'passes' : row.because, ...sizeCells(sizes)], seconds)
}

describe('the app, built by default and run', () => {
  for (const [index, row] of TOOLS.entries()) {
    it(`${row.tool} ${row.version}: \`${row.command}\`, in ${row.in}`, async () => {
      const started = performance.now()
      const name = `row-${index}`
      const dir = await projectOf(row, name, 'app')
      let steps, sizes
      if (row.serve) {
        steps = await whileServing(row.serve, dir, onPage)
      } else {
        await row.build(user, dir)
        steps = await result(row, dir)
        const weights = []
        for (const entry of ['empty', 'breaker', 'guard']) {
          const dir = await projectOf(row, name, entry)
          await row.build(user, dir)
          weights.push(weigh(join(dir, row.worker ?? 'dist')))
        }
        sizes = weights.slice(1).map((weight) => weight - weights[0])
      }
      const passes = row.needs === undefined || has(row.needs)
      if (passes) assert.deepEqual(steps, EXPECTED)
      else assert.match(String(steps), row.fails)
      tell(row, passes, started, sizes)
    })
  }

  it('Next: `next build` and `next start`, in a server component, routes and a client component', async () => {
    const started = performance.now()
    const dir = await user.app('next', { ...FILES, 'lib/app.js': APP })
    await user.tool(dir, 'next/dist/bin/next', 'build')
    await whileServing(['next/dist/bin/next', 'start', '--hostname', '127.0.0.1', '--port', '0'], dir, async (url) => {
      const text = async (path) => (await fetch(`${url}${path}`)).text()
      const [empty, breaker, guard] = await Promise.all(['/empty', '/breaker', '/guard'].map(async (path) => weighPage(dir, await text(path))))
      for (const place of PLACES) {
        assert.deepEqual(place.isPage ? await onPage(`${url}${place.path}`) : stepsIn(await text(place.path)), EXPECTED, place.in)
        tell(place, true, started, place.isPage ? [breaker - empty, guard - empty] : undefined)
      }
    })
  })

  it('is told in docs/bundlers.md as it was seen', () => {
    for (const row of NOT_TRIED) tell(row, false)
    const { seen, page, far } = differences('Bundlers')
    assert.equal(page, seen, 'The page says something else: `node tests/package/table.js` puts into it what was seen')
    assert.deepEqual(far, [], 'Sizes are far from those of the page: `node tests/package/table.js` puts into it what was seen')
  })
})
