/**
 * Tabs of a real browser that share a verdict, also after the tab that has the register is closed.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const root = new URL('../../', import.meta.url)
const PAGE = `<!doctype html><script type="module">
import { CircuitBreaker } from '/index.js'
import { fleet, tabStore } from '/fleet.js'
window.breaker = new CircuitBreaker({ name: 'api' })
window.shared = fleet({ store: tabStore(), namespace: 'tabs' }).join(breaker)
</script>`

let server, browser, address
before(async () => {
  server = createServer((request, response) => {
    const isScript = /^\/[\w.-]+\.js$/.test(request.url)
    response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' }).end(isScript ? readFileSync(new URL(`pkg${request.url}`, root)) : PAGE)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  address = `http://127.0.0.1:${server.address().port}/`
  const executablePath = execFileSync('bash', ['-c', 'source "$0" && find_browser', fileURLToPath(new URL('scripts/toolchain.sh', root))], { encoding: 'utf8' }).trim()
  const { args } = JSON.parse(readFileSync(new URL('tests/webdriver.json', root), 'utf8'))['goog:chromeOptions']
  browser = await chromium.launch({ executablePath, args })
})
after(async () => {
  await browser?.close()
  server.closeAllConnections()
  server.close()
})

test('tabs share a verdict, and go on when the first is closed', async () => {
  const context = await browser.newContext()
  const tabs = []
  for (let i = 0; i < 4; i++) {
    const tab = await context.newPage()
    await tab.goto(address)
    await tab.waitForFunction(() => window.shared?.status('api').state === 'quiet')
    tabs.push(tab)
  }
  const locks = await tabs[0].evaluate(async () => (await navigator.locks.query()).held.length)
  assert.equal(locks, 1)
  await tabs[2].evaluate(() => shared.isolate('api'))
  for (const tab of tabs) await tab.waitForFunction(() => breaker.mode === 'isolated', undefined, { timeout: 20_000 })

  const [first, ...others] = tabs
  await first.close()
  // The next one has an empty register, and learns from the others: nobody lets go.
  const { epoch } = await others[0].evaluate(() => shared.status('api'))
  const late = await context.newPage()
  await late.goto(address)
  await late.waitForFunction((epoch) => window.shared?.status('api').epoch === epoch, epoch, { timeout: 30_000 })
  for (const tab of [...others, late]) assert.equal(await tab.evaluate(() => breaker.mode), 'isolated')
  await others[1].evaluate(() => shared.release('api'))
  for (const tab of [...others, late]) await tab.waitForFunction(() => breaker.mode === 'normal', undefined, { timeout: 20_000 })
})
