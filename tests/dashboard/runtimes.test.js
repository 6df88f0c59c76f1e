// The dashboard in other runtimes than Node, by their own servers and by their `node:http`. Their clocks are their own: it takes some seconds of real time.
// It must not know what a page shows.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { nodes } from '../package/support.js'
import { bun, deno } from '../runners/support.js'
import { ask, watch } from './support.js'

const program = fileURLToPath(new URL('serve.js', import.meta.url))
const RUNS = [
  ['Bun', bun, [program]],
  ['Bun, node:http', bun, [program, 'node:http']],
  ['Deno', deno, ['run', '--allow-all', '--no-prompt', program]],
  ['Deno, node:http', deno, ['run', '--allow-all', '--no-prompt', program, 'node:http']],
  ...Object.entries(nodes).map(([major, binary]) => [`Node ${major}`, binary, [program, 'node:http']])
]

describe('the dashboard', () => {
  for (const [name, binary, args] of RUNS) {
    it(`shows what happens in ${name}, and gives the place of who left to the next`, { timeout: 30_000 }, async (test) => {
      const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_TEST_CONTEXT: '' } })
      let said = ''
      child.stderr.on('data', (chunk) => (said += chunk))
      const gone = once(child, 'exit')
      test.after(async () => {
        child.kill('SIGKILL')
        await gone
      })
      const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), gone.then(() => assert.fail(said))])
      const port = Number(line)
      const page = await ask(port, '/')
      assert.equal(page.status, 200)
      assert.match(page.headers['content-security-policy'], /'nonce-/)
      assert.equal((await ask(port, '/', { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403)
      const viewer = await watch(port)
      const { fresh } = await viewer.next()
      assert.equal(fresh[0][1], 'api')
      const { changed } = await viewer.next()
      assert.equal(changed[0][0], fresh[0][0])
      assert.equal((await watch(port)).status, 503)
      viewer.close()
      let next
      for (let n = 0; n < 200 && next?.status !== 200; n++) next = await watch(port)
      assert.equal(next.status, 200)
      assert.ok((await next.next()).hello)
      next.close()
      assert.equal(said, '')
    })
  }
})
