// The installed package: its page, its text for Prometheus and OpenTelemetry's own exporter beside what the callers of one service counted: through an outage, evictions and a
// restart. It must not know how any of them comes to its numbers.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { CHANGES, FAILED, IN_FLIGHT, MODE, REFUSED, STATE, STATES, SUCCEEDED } from '../../js/dashboard/page/wire.js'
import { LABELS } from '../../scripts/grafana/queries.mjs'
import { watch } from '../dashboard/support.js'
import { project, root } from '../package/support.js'
import { samplesOf } from '../telemetry/samples.js'
import { startUpstream } from './upstream.js'

const OUTCOMES = ['success', 'failure', 'refused_open']
/** Those that there is room for; the first of them keeps its place while its circuit is open. And those who come and go. */
const FIRST = ['users', 'orders']
const PASSING = ['a', 'b', 'c', 'd']

const SERVICE = 'agreement-service.mjs'

let upstream, user, service
/** What the callers of the current process saw, by key. */
let seen

async function start() {
  const child = fork(join(user.dir, SERVICE), [upstream.origin])
  const [origin] = await once(child, 'message')
  seen = Object.fromEntries([...FIRST, ...PASSING].map((key) => [key, { success: 0, failure: 0, refused_open: 0 }]))
  return { child, origin }
}
async function stop(signal) {
  const over = once(service.child, 'exit')
  if (signal) service.child.kill(signal)
  else service.child.disconnect()
  await over
}
async function call(key, count) {
  for (let n = 0; n < count; n++) {
    const outcome = await (await fetch(`${service.origin}/calls/${key}`)).text()
    seen[key][outcome]++
  }
}
const total = (keys, outcome) => keys.reduce((sum, key) => sum + seen[key][outcome], 0)

/** What an endpoint tells of calls, by breaker and outcome; of all breakers and the rest together. */
async function told(path, { breaker, outcome }) {
  const samples = samplesOf(await (await fetch(service.origin + path)).text()).filter(({ name }) => name === 'halfopen_breaker_calls_total')
  const by = {}
  const all = Object.fromEntries(OUTCOMES.map((name) => [name, 0]))
  for (const { labels, value } of samples) {
    ;(by[labels[breaker]] ??= {})[labels[outcome]] = value
    if (labels[outcome] in all) all[labels[outcome]] += value
    else assert.equal(value, 0, labels[outcome])
  }
  return { by, all }
}

/** What the page shows of each breaker that is there. */
async function shown() {
  const stream = await watch(new URL(service.origin).port, '/breakers/events')
  const { fresh } = await stream.next()
  stream.close()
  return Object.fromEntries(fresh.map(([, label, , ...columns]) => [label, columns]))
}

/** Compares all three with the callers; of the page and by breaker those that kept their places, which are named with their states. Of breakers there are so many. */
async function agrees(states, breakers) {
  const all = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, total(Object.keys(seen), outcome)]))
  for (const [path, labels] of [['/metrics', LABELS.short], ['/metrics/otel', LABELS.otel]]) {
    const { by, all: sum } = await told(path, labels)
    assert.deepEqual(sum, all, path)
    for (const key of Object.keys(states)) assert.deepEqual(Object.fromEntries(OUTCOMES.map((outcome) => [outcome, by[key][outcome]])), seen[key], `${key} at ${path}`)
  }
  const expected = [breakers, ...Object.entries(states).map(([key, state]) => [key, ...OUTCOMES.map((outcome) => seen[key][outcome]), state, 0, 0])]
  // The page may be late by two seconds.
  for (const until = Date.now() + 2000; ; await sleep(50)) {
    const page = await shown()
    const rows = [Object.keys(page).length, ...Object.keys(states).map((key) => [key, ...[SUCCEEDED, FAILED, REFUSED].map((column) => page[key][column]), STATES[page[key][STATE]], page[key][MODE], page[key][IN_FLIGHT]])]
    if (isDeepStrictEqual(rows, expected)) return page
    if (Date.now() > until) assert.deepEqual(rows, expected)
  }
}

before(async () => {
  upstream = await startUpstream()
  user = await project({ [SERVICE]: readFileSync(new URL('agreement-service.js', import.meta.url), 'utf8') })
  symlinkSync(join(root, 'tests/prometheus/node_modules/@opentelemetry'), join(user.dir, 'node_modules/@opentelemetry'))
  service = await start()
})
after(async () => {
  await stop()
  await upstream.stop()
  await user.remove()
})

describe('the page, Prometheus and OpenTelemetry', { timeout: 60_000 }, () => {
  it('count what callers counted while all is well', async () => {
    await call('users', 7)
    await call('orders', 4)
    await agrees({ users: 'closed', orders: 'closed' }, 2)
  })

  it('do so in an outage', async () => {
    upstream.moods.users = 'sick'
    await call('users', 20)
    await call('orders', 5)
    assert.deepEqual(seen.users, { success: 7, failure: 3, refused_open: 17 })
    const page = await agrees({ users: 'open', orders: 'closed' }, 2)
    assert.equal(page.users[CHANGES], 1)
  })

  it('do so though breakers are evicted, come anew and are evicted again, between two readings and at one', async () => {
    for (let round = 1; round <= 3; round++) {
      for (const key of PASSING) {
        await call('orders', 2)
        await call(key, round + 1)
        if (round === 2) await agrees({ users: 'open' }, 3)
      }
    }
    assert.equal(total(PASSING, 'success'), 36)
    await agrees({ users: 'open' }, 3)
  })

  it('do so when it is over', async () => {
    delete upstream.moods.users
    await fetch(`${service.origin}/by-hand/users/reset`, { method: 'POST' })
    await call('users', 6)
    const page = await agrees({ users: 'closed' }, 3)
    assert.equal(page.users[CHANGES], 2)
  })

  it('do so after a process was killed and another took its place', async () => {
    await stop('SIGKILL')
    service = await start()
    upstream.moods.orders = 'sick'
    await call('orders', 9)
    await call('users', 3)
    await agrees({ users: 'closed', orders: 'open' }, 2)
  })
})
