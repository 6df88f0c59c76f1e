// The installed tarball in Chromium, with no bundler: a plain page imports the file. It must not know how the package loads its Wasm.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chromium } from 'playwright-core'
import { EXPECTED, PROGRAM, project, root } from './support.js'

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' }
const { args } = JSON.parse(readFileSync(join(root, 'tests/webdriver.json'), 'utf8'))['goog:chromeOptions']

let user, server, browser
before(async () => {
  user = await project({
    ...PROGRAM,
    'main.js': `
      import * as halfopen from '/node_modules/halfopen/index.js'
      import { program } from '/program.mjs'
      globalThis.result = program(halfopen)`,
    'worker.js': `
      import * as halfopen from '/node_modules/halfopen/index.js'
      import { program } from '/program.mjs'
      program(halfopen).then((steps) => postMessage(steps), (error) => postMessage(String(error)))`,
    'index.html': '<!doctype html><meta charset="utf-8"><title>user</title><script type="module" src="/main.js"></script>',
  })
  server = createServer(({ url }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://127.0.0.1')
    if (pathname === '/favicon.ico') return response.writeHead(204).end()
    try {
      const body = readFileSync(join(user.dir, pathname))
      const policy = searchParams.get('policy')
      response.writeHead(200, { 'content-type': TYPES[extname(pathname)] ?? 'application/octet-stream', ...(policy && { 'content-security-policy': policy }) })
      response.end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const executablePath = execFileSync('bash', ['-c', 'source scripts/toolchain.sh && find_browser'], { cwd: root, encoding: 'utf8' }).trim()
  browser = await chromium.launch({ executablePath, args })
})
after(async () => {
  await browser?.close()
  server?.closeAllConnections()
  await new Promise((resolve) => (server ? server.close(resolve) : resolve()))
  await user?.remove()
})

/** Opens the page, under a Content-Security-Policy if one is given, and gives what a function finds there, and all that was said. */
async function visit(find, policy = '') {
  const page = await browser.newPage()
  const said = []
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => said.push(String(error)))
  page.on('requestfailed', (request) => said.push(`failed: ${request.url()}`))
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/index.html?policy=${encodeURIComponent(policy)}`)
    return { found: await page.evaluate(find), said }
  } finally {
    await page.close()
  }
}

describe('Chromium', () => {
  it('runs the program from a plain module script, with a silent console', async () => {
    const { found, said } = await visit(() => globalThis.result)
    assert.deepEqual(found, EXPECTED)
    assert.deepEqual(said, [])
  })

  it("runs it under a Content-Security-Policy that allows 'wasm-unsafe-eval' and no eval", async () => {
    const { found, said } = await visit(() => globalThis.result, "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'")
    assert.deepEqual(found, EXPECTED)
    assert.deepEqual(said, [])
  })

  it('runs it in a module worker', async () => {
    const { found, said } = await visit(
      () => new Promise((resolve, reject) => {
        const worker = new Worker('/worker.js', { type: 'module' })
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = ({ message }) => reject(new Error(message))
      })
    )
    assert.deepEqual(found, EXPECTED)
    assert.deepEqual(said, [])
  })
})
