// The demo as a person without a terminal runs it: that it ends well and in time, shows what it promises, and leaves no process behind. It
// must not know how it is played.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { root } from '../package/support.js'

const DEMO = join(root, 'examples/demo/')
/** What the demo promises to need at most, in ms. */
const LONGEST = 30_000
const LIMIT = { timeout: 90_000 }

/** Processes of the demo that run. */
const running = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((id) => {
      try {
        return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(DEMO)
      } catch {
        return false
      }
    })

function begin(...args) {
  const demo = spawn(process.execPath, [join(DEMO, 'main.js'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk) => (said += chunk))
  return { demo, said: () => said, ended: once(demo, 'close') }
}

describe('the demo', LIMIT, () => {
  const folder = mkdtempSync(join(tmpdir(), 'halfopen-demo-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'figures.json')
  let text, code, took
  before(async () => {
    const started = performance.now()
    const { said, ended } = begin('--figures', file)
    ;[code] = await ended
    took = performance.now() - started
    text = said()
  }, LIMIT)

  /** The figures of a row of the table: without a breaker, with one, and with one while the upstream is only slow. */
  const row = (title) => {
    const line = text.split('\n').find((line) => line.startsWith(`│ ${title} `))
    assert.ok(line !== undefined, `no row \`${title}\` in:\n${text}`)
    return line.split('│').slice(2, 5).map((cell) => cell.trim())
  }

  it(`ends well within ${LONGEST / 1000} s and leaves no process`, () => {
    assert.equal(code, 0, text)
    assert.ok(took < LONGEST, `${took} ms`)
    assert.deepEqual(running(), [])
  })

  it('shows states as they change, and the calls', () => {
    for (const change of ['closed -> open (failure_threshold)', 'open -> half_open (recovery_due)', 'half_open -> closed (recovered)', 'closed -> open (slow_call_rate)']) {
      assert.ok(text.includes(change), `no ${change} in:\n${text}`)
    }
    assert.match(text, /calls \d+ +failed \d+ +refused \d+/)
  })

  it('sends less to the sick upstream and shows its clients fewer errors with the breaker than without', () => {
    for (const title of ['requests that hit the sick upstream', 'errors seen by clients']) {
      const [without, guarded] = row(title).map(Number)
      assert.ok(guarded > 0 && guarded < without / 2, `${title}: ${guarded} of ${without}`)
    }
  })

  it('ends with latencies and times to recover', () => {
    for (const title of ['p50', 'p99', 'well again → normal service (*)']) {
      for (const figure of row(title)) assert.match(figure, /^[\d.]+ m?s$/, title)
    }
  })

  it('writes the figures of the table to the file that `--figures` names, and the intervals that add up to them', () => {
    const { acts } = JSON.parse(readFileSync(file, 'utf8'))
    const shown = (title) => row(title).map(Number)
    assert.deepEqual(acts.map(({ figures }) => figures.errors), shown('errors seen by clients'))
    assert.deepEqual(acts.map(({ changes }) => changes.length), shown('state changes'))
    for (const [key, title] of [['errors', 'errors seen by clients'], ['fallback', 'answers by the fallback'], ['upstream', 'answers by the upstream']]) {
      assert.deepEqual(acts.map(({ intervals }) => intervals.reduce((sum, interval) => sum + interval[key], 0)), shown(title), title)
    }
  })

  it('shows its breakers on a page with `--dashboard`, while outages go on until it is interrupted', async () => {
    const { demo, ended, said } = begin('--dashboard')
    const until = async (pattern) => {
      let found
      while (!(found = pattern.exec(said()))) await once(demo.stdout, 'data')
      return found
    }
    const [, address] = await until(/^The dashboard: (\S+)$/m)
    const page = await fetch(address)
    assert.equal(page.status, 200)
    assert.match(page.headers.get('content-type'), /^text\/html/)
    await page.body.cancel()
    await until(/^\d\d:\d\d:\d\d  \w+ +closed -> open \(failure_threshold\)$/m)
    demo.kill('SIGINT')
    assert.equal((await ended)[0], 130)
    assert.deepEqual(running(), [])
  })

  it('ends at once when it is interrupted, with the code of that, and leaves no process', async () => {
    const { demo, ended, said } = begin()
    while (!said().includes('upstream healthy')) await once(demo.stdout, 'data')
    demo.kill('SIGINT')
    const [interrupted] = await ended
    assert.equal(interrupted, 130)
    assert.deepEqual(running(), [])
  })
})
