// The observed example runs as it stands, and shows an outage in every way that its README promises. It must not know how it works.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from './server.js'
import { promtool, root } from './tools.js'
import { startUpstream } from './upstream.js'

const example = join(root, 'examples/observed-service')
const LIMIT = { timeout: 60_000 }

/** What its README has linked into the examples' folder. */
const LINKS = { halfopen: 'pkg', pino: 'tests/prometheus/node_modules/pino' }

/** The environment without what the test runner puts into it. */
const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env

let upstream
before(async () => {
  upstream = await startUpstream()
  const folder = join(root, 'examples/node_modules')
  mkdirSync(folder, { recursive: true })
  for (const [name, target] of Object.entries(LINKS)) if (!existsSync(join(folder, name))) symlinkSync(join('../..', target), join(folder, name))
})
after(() => upstream.stop())

/** Starts it; gives its two origins and the objects that it logs. */
async function start(test, variables) {
  const child = spawn(process.execPath, [join(example, 'service.js')], { env: { ...env, UPSTREAM: upstream.origin, PORT: '0', ADMIN_PORT: '0', ...variables } })
  let out = ''
  let err = ''
  child.stdout.on('data', (text) => (out += text))
  child.stderr.on('data', (text) => (err += text))
  const logged = () => out.split('\n').slice(0, -1).map((line) => JSON.parse(line))
  test.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const { service, admin } = await until('where it listens', () => {
    if (child.exitCode !== null) throw new Error(err)
    return logged().find(({ msg }) => msg === 'listening')
  })
  const get = async (path, origin = service) => {
    const response = await fetch(origin + path)
    return { status: response.status, headers: response.headers, body: await response.text() }
  }
  return { child, service, admin, get, logged, err: () => err }
}

/** Has its circuit opened by three failures and one call refused. */
async function goDown({ get }) {
  assert.equal((await get('/users')).status, 200)
  upstream.moods.users = 'sick'
  for (let n = 0; n < 3; n++) assert.equal((await get('/users')).status, 503)
  const refused = await get('/users')
  assert.deepEqual([refused.status, refused.body], [503, 'refused'])
  assert.match(refused.headers.get('retry-after'), /^[45]$/)
  upstream.moods.users = undefined
}

describe('the observed service', LIMIT, () => {
  it('tells Prometheus of the outage, at a port of its own', async (test) => {
    const all = await start(test)
    await goDown(all)
    const { headers, body } = await all.get('/metrics', all.admin)
    assert.match(headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
    const value = (metric, label) => Number(new RegExp(`^${metric}\\{breaker="${upstream.origin}"${label}\\} (\\d+)$`, 'm').exec(body)[1])
    assert.equal(value('halfopen_breaker_calls_total', ',outcome="success"'), 1)
    assert.equal(value('halfopen_breaker_calls_total', ',outcome="failure"'), 3)
    assert.equal(value('halfopen_breaker_calls_total', ',outcome="refused_open"'), 1)
    assert.equal(value('halfopen_breaker_state', ',state="open"'), 1)
    assert.equal(value('halfopen_breaker_state_changes_total', ''), 1)
    assert.equal((await all.get('/metrics')).body, 'refused', 'what everybody reaches is the upstream alone')
  })

  for (const [kind, warn] of [['pino', 40], ['console', 'warn']]) {
    it(`logs a change of state as one object a line, by ${kind}`, async (test) => {
      const all = await start(test, { LOG: kind })
      await goDown(all)
      const changes = await until('the line', () => {
        const lines = all.logged().filter(({ from }) => from)
        return lines.length > 0 && lines
      })
      assert.equal(changes.length, 1)
      const { level, breaker, from, to, reason, msg, time } = changes[0]
      assert.deepEqual({ level, breaker, from, to, reason, msg }, { level: warn, breaker: upstream.origin, from: 'closed', to: 'open', reason: 'failure_threshold', msg: 'circuit open' })
      assert.ok(Math.abs(new Date(time) - Date.now()) < 60_000)
      assert.equal(all.err(), '')
    })
  }

  it('has a page that shows the breaker, to this machine alone', async (test) => {
    const all = await start(test)
    await goDown(all)
    const page = await all.get('/', all.admin)
    assert.equal(page.status, 200)
    assert.match(page.headers.get('content-type'), /^text\/html/)
    // What the page reads.
    const events = await fetch(`${all.admin}/events`)
    let told = ''
    for await (const text of events.body.pipeThrough(new TextDecoderStream())) {
      told += text
      if (told.includes(upstream.origin)) break
    }
    assert.match(told, /The observed service/)
    assert.ok(told.includes(JSON.stringify(upstream.origin)))
    for (const headers of [{ host: 'elsewhere.example' }, { 'x-forwarded-for': '192.0.2.1' }]) {
      const request = httpRequest(all.admin, { headers, agent: false }).end()
      const [response] = await once(request, 'response')
      response.resume()
      assert.equal(response.statusCode, 403, JSON.stringify(headers))
    }
  })

  it('asks no other host than its upstream, and ends when it is told to', async (test) => {
    const all = await start(test)
    const { port } = new URL(all.service)
    for (const path of ['http://127.0.0.1:1/users', '*']) {
      const request = httpRequest({ host: '127.0.0.1', port, path, method: path === '*' ? 'OPTIONS' : 'GET', agent: false }).end()
      const [response] = await once(request, 'response')
      response.resume()
      assert.equal(response.statusCode, 400, path)
    }
    // Somebody who looks does not keep it.
    const events = await fetch(`${all.admin}/events`)
    const ended = once(all.child, 'exit')
    all.child.kill()
    assert.deepEqual(await ended, [0, null])
    await events.body.cancel()
  })

  it('has settings for a Prometheus beside it that promtool takes, rules included', async () => {
    assert.match(await promtool('check', 'config', join(example, 'prometheus.yml')), /4 rules found/)
  })
})
