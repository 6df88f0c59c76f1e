// The demo of a fleet as a person runs it: that it ends well, shows what a fleet gains, and leaves no process behind. It must not know how it is played.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { server } from '../fleet/redis.js'
import { root } from '../package/support.js'

const DEMO = join(root, 'examples/demo/')
const LIMIT = { timeout: 120_000 }

/** Processes of the demo that run, its Redis too. */
const running = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((id) => {
      try {
        const line = readFileSync(`/proc/${id}/cmdline`, 'utf8')
        return line.includes(DEMO) || line.includes('halfopen-demo-redis-')
      } catch {
        return false
      }
    })

function begin(env = { REDIS_SERVER: server() }) {
  const demo = spawn(process.execPath, [join(DEMO, 'main.js'), '--fleet'], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let said = ''
  for (const stream of [demo.stdout, demo.stderr]) stream.on('data', (chunk) => (said += chunk))
  return { demo, said: () => said, ended: once(demo, 'close') }
}

describe('the demo of a fleet', LIMIT, () => {
  let text, code
  before(async () => {
    const { said, ended } = begin()
    ;[code] = await ended
    text = said()
  }, LIMIT)

  /** The figures of a row: of each process by itself, and of the fleet. */
  const row = (title) => {
    const line = text.split('\n').find((line) => line.startsWith(`│ ${title} `))
    assert.ok(line !== undefined, `no row \`${title}\` in:\n${text}`)
    return line.split('│').slice(2, 4).map((cell) => cell.trim())
  }

  it('ends well and leaves no process', () => {
    assert.equal(code, 0, text)
    assert.deepEqual(running(), [])
  })

  it('sends less to the sick upstream, and tests it far less often, by a fleet', () => {
    for (const [title, factor] of [['requests that hit the sick upstream', 0.9], ['test requests', 0.5]]) {
      const [local, shared] = row(title).map(Number)
      assert.ok(shared > 0 && shared < local * factor, `${title}: ${shared} of ${local}`)
    }
  })

  it('has all processes of a fleet open, sooner than each by itself, and close', () => {
    assert.equal(row('processes that opened')[1], '20 of 20')
    const ms = (title) => row(title).map((cell) => (cell === '–' ? Infinity : parseFloat(cell)))
    const [local, shared] = ms('sick → all circuits open')
    assert.ok(shared < local, `${shared} and ${local} ms`)
    assert.ok(ms('well again → all circuits closed')[1] < Infinity, text)
  })

  it('shows the circuits second by second', () => {
    assert.match(text, /^ *\d+ s  upstream sick +circuits not closed: local +\d+ +fleet +20$/m)
  })

  it('ends at once when it is interrupted, and leaves no process', async () => {
    const { demo, ended, said } = begin()
    while (!said().includes('upstream healthy')) await once(demo.stdout, 'data')
    demo.kill('SIGINT')
    assert.equal((await ended)[0], 130)
    assert.deepEqual(running(), [])
  })

  it('says what is missing where there is no Redis', async () => {
    const { ended, said } = begin({ REDIS_SERVER: 'no-such-server' })
    assert.equal((await ended)[0], 1)
    assert.match(said(), /apt-get install redis-server/)
  })
})
