// A folder served to Chromium, and what is found on its pages. It must not know what the pages do.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { chromium } from 'playwright-core'
import { root } from './support.js'

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' }

/** Serves a folder on a free port, under the Content-Security-Policy that a request names in its query. */
export async function serve(dir) {
  const server = createServer(({ url }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://127.0.0.1')
    if (pathname === '/favicon.ico') return response.writeHead(204).end()
    try {
      const body = readFileSync(join(dir, pathname))
      const policy = searchParams.get('policy')
      response.writeHead(200, { 'content-type': TYPES[extname(pathname)] ?? 'application/octet-stream', ...(policy && { 'content-security-policy': policy }) })
      response.end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

export async function openChromium() {
  const { args } = JSON.parse(readFileSync(join(root, 'tests/webdriver.json'), 'utf8'))['goog:chromeOptions']
  const executablePath = execFileSync('bash', ['-c', 'source scripts/toolchain.sh && find_browser'], { cwd: root, encoding: 'utf8' }).trim()
  const browser = await chromium.launch({ executablePath, args })
  return {
    /** Opens a page and gives what a function finds there, and all that was said. */
    async visit(url, find) {
      const page = await browser.newPage()
      const said = []
      page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`))
      page.on('pageerror', (error) => said.push(String(error)))
      page.on('requestfailed', (request) => said.push(`failed: ${request.url()}`))
      try {
        await page.goto(url)
        return { found: await page.evaluate(find), said }
      } finally {
        await page.close()
      }
    },
    close: () => browser.close(),
  }
}
