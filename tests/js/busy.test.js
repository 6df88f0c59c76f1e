// Answers that came while our own process was busy or stopped, written by another process on real sockets: they are found, though the timers of their
// calls fire first. `npm run fuzz` asks fifty times in each runtime. It must not know how they are found.

import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { nodes, root } from '../package/support.js'
import { bun } from '../runners/support.js'
import { lives } from './support.js'

const exec = promisify(execFile)
const REPETITIONS = lives(5).numRuns
const PKG = new URL('../../pkg/', import.meta.url)
const beside = (name) => fileURLToPath(new URL(name, import.meta.url))

let upstream, origin
before(async () => {
  upstream = spawn(process.execPath, [beside('busy-server.js')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [port] = await once(upstream.stdout, 'data')
  origin = `http://127.0.0.1:${Number(port)}`
})
after(() => upstream.stdin.end())

/** Large and compressed bodies take a machine that has much else to do some time, too: most of them are there. */
function check(t, { 'no answer': none, ...counts }) {
  t.diagnostic(JSON.stringify(counts))
  assert.deepEqual(none, { ERR_CALL_TIMEOUT: REPETITIONS }, 'A call without an answer times out')
  assert.ok(Object.keys(counts).length >= 12)
  for (const [what, { answered = 0, ERR_CALL_TIMEOUT: missed = 0 }] of Object.entries(counts)) {
    assert.ok(what.endsWith('small') ? missed === 0 : missed <= answered, `${what}: ${answered} were found, ${missed} were not`)
  }
}

describe('a process that was busy or stopped finds the answers that came meanwhile', () => {
  const runtimes = Object.fromEntries(Object.entries(nodes).map(([major, binary]) => [`Node ${major}`, binary]))
  for (const [name, binary] of Object.entries({ ...runtimes, Bun: bun })) {
    it(`in ${name}`, async (t) => {
      const { stdout } = await exec(binary, [beside('busy-program.js'), origin, String(REPETITIONS), PKG.href])
      check(t, JSON.parse(stdout))
    })
  }

  it('in Chromium', { timeout: 120_000 + 3000 * REPETITIONS }, async (t) => {
    const server = createServer(({ url }, response) => {
      const name = basename(new URL(url, 'http://127.0.0.1').pathname)
      response.setHeader('content-type', name.endsWith('.js') ? 'text/javascript' : 'text/html')
      response.end(!name.endsWith('.js') ? '<!doctype html>' : readFileSync(name === 'busy-program.js' ? beside(name) : new URL(name, PKG)))
    })
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { args } = JSON.parse(readFileSync(`${root}/tests/webdriver.json`, 'utf8'))['goog:chromeOptions']
    const executablePath = execFileSync('bash', ['-c', 'source scripts/toolchain.sh && find_browser'], { cwd: root, encoding: 'utf8' }).trim()
    const browser = await chromium.launch({ executablePath, args })
    try {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${server.address().port}/`)
      const counts = await page.evaluate(async ({ origin, repetitions }) => {
        const { keepBusy, spin } = await import('/busy-program.js')
        const { CircuitBreaker } = await import('/index.js')
        const { guardFetch } = await import('/fetch.js')
        const kept = {
          microtask: async (ms) => spin(ms),
          timer: (ms) => new Promise((resolve) => setTimeout(() => resolve(spin(ms)), 1)),
          message: (ms) => new Promise((resolve) => {
            const { port1, port2 } = new MessageChannel()
            port1.onmessage = () => resolve(spin(ms))
            port2.postMessage('')
          })
        }
        return keepBusy({ origin, repetitions, kept, isBrowser: true, CircuitBreaker, guardFetch })
      }, { origin, repetitions: REPETITIONS })
      check(t, counts)
    } finally {
      await browser.close()
      server.closeAllConnections()
      server.close()
    }
  })
})
