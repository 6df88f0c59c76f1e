// A real cluster on one page, and what is left of it when a worker dies. Its clocks are its own: it takes some seconds of real time. It
// must not know how a page is drawn.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, watch } from './support.js'

it('a page shows the workers of a cluster, the details of each, and says which one answers no more', { timeout: 60_000 }, async (test) => {
  const primary = fork(fileURLToPath(new URL('cluster.js', import.meta.url)), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], execArgv: [], env: { ...process.env, NODE_TEST_CONTEXT: '' } })
  test.after(async () => {
    primary.kill()
    await once(primary, 'exit')
  })
  const [line] = await once(createInterface(primary.stdout), 'line')
  const port = Number(line)
  const viewer = await watch(port)
  const rows = new Map()
  let sources
  /** Reads on until something is so. */
  const until = async (isSo) => {
    while (!isSo()) {
      const { fresh = [], changed = [], sources: told } = await viewer.next()
      sources = told ?? sources
      for (const [id, label, source, ...columns] of fresh) rows.set(label, { id, source, columns })
      for (const [id, ...change] of changed) for (const row of rows.values()) if (row.id === id) for (let n = 0; n < change.length; n += 2) row.columns[change[n]] = change[n + 1]
    }
  }
  await until(() => rows.size === 2)
  assert.deepEqual([...rows.keys()].sort(), ['of worker 1', 'of worker 2'])
  assert.deepEqual(sources.map(({ label }) => label), ['', 'worker 1', 'worker 2'])
  await ask(port, '/fail')
  await until(() => rows.get('of worker 2').columns[0] === 1)
  const { text } = await ask(port, `/breaker?id=${rows.get('of worker 2').id}`)
  assert.match(JSON.parse(text).sentence, /^open: failure_threshold after 1 failure/)
  await ask(port, '/kill')
  await until(() => sources[1].trouble !== null)
  assert.deepEqual(sources.map(({ trouble }) => trouble !== null), [false, true, false])
  viewer.close()
})
