// The dashboard's page and the panel in every browser, the same in each: what a person sees of real breakers, by keyboard and by hand, and that nothing of a name is ever
// more than text. It must not know how a browser is started. `HALFOPEN_SCREENSHOTS=folder` leaves pictures.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { Key } from 'selenium-webdriver'
import { CircuitBreakerRegistry } from '../../pkg/index.js'
import { dashboard } from '../../pkg/dashboard.js'
import { project, root } from '../package/support.js'
import { BROWSERS, open, until } from './drivers.js'

const LIMIT = { timeout: 60_000 }
const START_LIMIT = { timeout: 180_000 }
const BROWSER_LIMIT = { timeout: 400_000 }

/** Nobody can move the clock of a browser: this is real time. */
const passed = (ms) => {
  const since = performance.now()
  return until(`${ms} ms`, () => performance.now() - since > ms)
}

const EVIL = '<img src=x onerror="globalThis.hacked = 1">\u202e"\'&lt;script&gt;'
const down = async () => { throw new Error('down') }
const up = async () => 'up'
/** No style but one that a script hands over, no script but the site's own. */
const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'none'; style-src 'none'; img-src data:; base-uri 'none'"

let user, site
before(async () => {
  user = await project()
}, START_LIMIT)
after(async () => user?.remove(), LIMIT)

for (const name of Object.keys(BROWSERS)) {
  describe(name, BROWSER_LIMIT, () => {
    let browser, driver, registry, board
    let ran = 0

    before(async () => {
      const types = { '.html': 'text/html', '.js': 'text/javascript' }
      const server = createServer((req, res) => {
        if (/^\/+breakers(\/|$)/.test(req.url)) return board.node(req, res)
        const path = req.url.startsWith('/panel/') ? join(root, 'tests/browsers', req.url) : join(user.dir, req.url)
        try {
          res.writeHead(200, { 'content-type': types[extname(path)], 'content-security-policy': STRICT }).end(readFileSync(path))
        } catch {
          res.writeHead(404).end()
        }
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      site = { origin: `http://127.0.0.1:${server.address().port}`, server }
      browser = await open(name)
      ;({ driver } = browser)
      console.log(`${name}: ${browser.version}`)
    }, START_LIMIT)
    beforeEach(() => {
      registry = new CircuitBreakerRegistry({ failureThreshold: 3, recoveryTimeout: 600_000, latency: true })
      for (const key of ['https://payments.example.com', 'https://search.example.com', 'https://users.example.com', EVIL]) registry.get(key)
      board = dashboard({ registries: registry, control: { authorize: () => true } })
    })
    afterEach(() => {
      ran++
      board.close()
      site.server.closeAllConnections()
    })
    after(async () => {
      await browser?.close()
      site.server.close()
      console.log(`${name}: ${ran} checks ran`)
      assert.ok(ran > 0, `${name} ran no check`)
    }, LIMIT)

    const run = (script, ...args) => driver.executeScript(script, ...args)
    async function visit(path = '/breakers/') {
      // Another page first: the same one with another hash is not loaded anew.
      await driver.get('about:blank')
      await driver.get(site.origin + path)
      await until('the first rows', () => run("return document.querySelector('.live')?.dataset.live === 'live'"))
    }
    const cards = () => run("return [...document.querySelectorAll('.tier:not([hidden]) .cards > li:not([hidden]) > a')].map((card) => `${card.dataset.tier} ${card.querySelector('.name').textContent}`)")
    const paneSays = () => run("const pane = document.querySelector('.pane'); return pane.hidden ? '' : pane.textContent")
    const press = (...keys) => driver.actions().sendKeys(...keys).perform()
    const focused = () => run("return document.activeElement.querySelector?.('.name')?.textContent ?? document.activeElement.className")
    async function screenshot(what) {
      const folder = process.env.HALFOPEN_SCREENSHOTS
      if (!folder) return
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, `${name}-${what}.png`), await driver.takeScreenshot(), 'base64')
    }

    it('shows every breaker, the worst first, within two seconds of what happened', LIMIT, async () => {
      await visit()
      assert.deepEqual(await cards(), [`closed ${EVIL}`, 'closed payments.example.com', 'closed search.example.com', 'closed users.example.com'])
      for (let n = 0; n < 5; n++) await registry.call('https://search.example.com', down).catch(() => {})
      registry.get('https://users.example.com').isolate()
      const since = performance.now()
      await until('the open one', async () => (await cards())[0] === 'open search.example.com')
      assert.ok(performance.now() - since < 2500, `after ${performance.now() - since} ms`)
      assert.deepEqual(await cards(), ['open search.example.com', 'isolated users.example.com', `closed ${EVIL}`, 'closed payments.example.com'])
      const card = await until('its numbers', () => run("const card = document.querySelector('a[data-tier=open]'); return card.querySelector('.foot') && card.textContent"))
      assert.match(card, /search\.example\.com/)
      assert.match(card, /100%failed/)
      assert.match(card, /Open0:0\d/)
      assert.match(card, /tests in (9:5\d|10:00)/)
      assert.match(await driver.getTitle(), /^1 open, Circuit breakers$/)
      await screenshot('dashboard')
    })

    it('takes every name as text, in cards, in the pane and in the address', LIMIT, async () => {
      await registry.call(EVIL, up)
      await visit()
      await run("document.querySelector('a.card').click()")
      await until('the sentence', async () => (await paneSays()).includes('closed: 0 failures'))
      assert.ok((await paneSays()).includes(EVIL))
      assert.equal(await run('return globalThis.hacked === undefined && document.images.length === 0'), true)
      const hash = await run('return location.hash')
      assert.equal(decodeURIComponent(hash.slice(1)), EVIL)
      await visit(`/breakers/${hash}`)
      await until('the same one', async () => (await paneSays()).includes(EVIL))
      assert.equal(await run('return globalThis.hacked'), null)
    })

    it('shows all, and leads to each, where a name has half of a pair that makes a character', LIMIT, async () => {
      const half = 'half \ud83d'
      registry.get(half)
      board = dashboard({ registries: { [half]: registry }, feeds: { other: () => ({ now: Date.now(), fresh: [[1, half, 0]] }) } })
      await visit()
      // No driver hands such a half over: it is counted in the page.
      await until('both', async () => (await run("return [...document.querySelectorAll('a.card .name')].filter((name) => /^half/.test(name.textContent)).length")) === 2)
      assert.equal(await run("return document.querySelectorAll('a.card').length"), 6)
      await run("[...document.querySelectorAll('a.card')].find((card) => /^half/.test(card.querySelector('.name').textContent)).click()")
      assert.match(decodeURIComponent(await run('return location.hash')), /half \ufffd$/)
    })

    it('asks its own server where its address begins with two slashes, which could name another', LIMIT, async () => {
      await visit('//breakers/')
      assert.equal((await cards()).length, 4)
    })

    it('lets no other script and no other style in', LIMIT, async () => {
      await visit()
      const seen = await run(`
        const script = document.createElement('script')
        try { script.textContent = 'globalThis.injected = 1' } catch {}
        document.body.append(script)
        const style = document.createElement('style')
        style.textContent = 'body { margin: 77px }'
        document.body.append(style)
        const image = document.createElement('img')
        let inline = ''
        try { document.body.insertAdjacentHTML('beforeend', '<i onclick="1" id="x" style="color: red">x</i>'); inline = getComputedStyle(document.getElementById('x')).color } catch {}
        return [globalThis.injected, getComputedStyle(document.body).marginTop, inline]`)
      assert.notEqual(seen[0], 1)
      assert.equal(seen[1], '0px')
      assert.notEqual(seen[2], 'rgb(255, 0, 0)')
    })

    it('is found, chosen, walked through and left by keyboard', LIMIT, async () => {
      await visit()
      await press('/')
      assert.equal(await focused(), 'search')
      await press('example.com')
      assert.equal((await cards()).length, 3)
      assert.match(await run("return document.querySelector('.tier[data-tier=closed] h2').textContent"), /3 of 4/)
      await press(Key.ARROW_DOWN)
      assert.equal(await focused(), 'payments.example.com')
      await press(Key.ARROW_RIGHT)
      assert.equal(await focused(), 'search.example.com')
      await press(Key.ENTER)
      await until('the pane', async () => (await paneSays()).includes('search.example.com'))
      assert.equal(decodeURIComponent((await run('return location.hash')).slice(1)), 'https://search.example.com')
      await press(Key.ARROW_LEFT)
      await until('the pane to follow', async () => (await paneSays()).includes('payments.example.com'))
      await press(Key.ESCAPE)
      assert.equal(await paneSays(), '')
      assert.equal(await run('return location.hash'), '')
      assert.equal(await focused(), 'payments.example.com')
      await press('/')
      await press(Key.ESCAPE)
      assert.equal((await cards()).length, 4)
      await press('no such breaker')
      assert.deepEqual(await cards(), [])
      assert.equal(await run("return document.querySelector('.nothing').textContent"), 'Nothing matches.')
    })

    it('shows one breaker in full: why, its counts, and each change with its reason', LIMIT, async () => {
      const key = 'https://payments.example.com'
      await registry.call(key, up)
      for (let n = 0; n < 5; n++) await registry.call(key, down).catch(() => {})
      await visit(`/breakers/#${encodeURIComponent(key)}`)
      await until('its change', async () => /too many failures/.test(await paneSays()))
      const text = await paneSays()
      assert.match(text, /open: failure_threshold after 3 failures in a row, lets a test request through in \d+ ms/)
      assert.match(text, /went well1failed3/)
      assert.match(text, /while open2/)
      registry.get(key).reset()
      await until('the next change', async () => /reset by hand/.test(await paneSays()))
      assert.match(await paneSays(), /Closed/)
      registry.delete(key)
      await until('it to be gone', async () => /Gone/.test(await paneSays()))
    })

    it('acts by hand at the second press, and not at the first', LIMIT, async () => {
      const key = 'https://users.example.com'
      await visit(`/breakers#${encodeURIComponent(key)}`)
      const button = (text) => run("return [...document.querySelectorAll('.hand')].find((one) => !one.hidden && one.textContent === arguments[0])", text)
      await (await until('the button', () => button('Trip'))).click()
      assert.equal(registry.get(key).state, 'closed')
      await (await until('it to ask', () => button('Trip now?'))).click()
      await until('it to open', () => registry.get(key).state === 'open')
      await until('the page to say so', async () => /trip done/.test(await paneSays()))
      await (await until('the button', () => button('Reset'))).click()
      await (await until('it to ask', () => button('Reset now?'))).click()
      await until('it to close', () => registry.get(key).state === 'closed')
    })

    it('has the focus in a narrow window, where it lies over the cards, and gives it back', LIMIT, async () => {
      const size = driver.manage().window()
      const before = await size.getRect()
      await size.setRect({ ...before, width: 560 })
      try {
        await visit()
        await until('it to be narrow', () => run('return innerWidth <= 760'))
        await run("document.querySelectorAll('a.card')[1].focus()")
        await press(Key.ENTER)
        await until('the pane', async () => (await paneSays()) !== '')
        assert.equal(await run("return document.activeElement === document.querySelector('.pane h2')"), true)
        await press(Key.ESCAPE)
        assert.equal(await focused(), 'payments.example.com')
      } finally {
        await size.setRect(before)
      }
    })

    it('comes back by itself where its connection breaks, and says when no news comes', LIMIT, async () => {
      await visit(`/breakers/#${encodeURIComponent('https://users.example.com')}`)
      const first = board
      await registry.call('https://users.example.com', up)
      site.server.closeAllConnections()
      await registry.call('https://users.example.com', down).catch(() => {})
      await until('it to be back', async () => /failing users/.test((await cards()).join()) || undefined)
      // Nothing answers for a while: another process takes over.
      first.close()
      site.server.closeAllConnections()
      await until('it to say so', () => run("return document.querySelector('.live').dataset.live === 'lost'"))
      registry = new CircuitBreakerRegistry()
      registry.get('another')
      registry.get('https://users.example.com').isolate()
      board = dashboard({ registries: registry })
      await until('the other', async () => (await cards()).join() === 'isolated users.example.com,closed another')
      // What was chosen is chosen there too.
      await until('its pane', async () => /isolated by hand/.test(await paneSays()))
    })

    it('shows a thousand, makes of them what is seen, and writes nothing where nothing changed', LIMIT, async () => {
      for (let n = 0; n < 996; n++) registry.get(`https://service-${n}.example.com`)
      await visit()
      await until('all', async () => (await cards()).length === 1000)
      const filled = await until('those in sight', () => run("return document.querySelectorAll('.foot').length > 4 && document.querySelectorAll('.foot').length"))
      assert.ok(filled < 300, `${filled} of 1,000 are filled`)
      // What there is to say of silent breakers is said after some ten seconds: the first ones are over by then.
      await run("const { dataset } = document.body; dataset.writes = 0; new MutationObserver((all) => (dataset.writes = Number(dataset.writes) + all.length)).observe(document.querySelector('.all'), { subtree: true, childList: true, attributes: true, characterData: true })")
      await passed(3000)
      const idle = Number(await run('return document.body.dataset.writes'))
      assert.ok(idle <= 2 * filled, `${idle} writes while nothing happened`)
      await registry.call('https://payments.example.com', down).catch(() => {})
      await run("document.querySelector('.search').value = 'payments'; document.querySelector('.search').dispatchEvent(new Event('input'))")
      await until('its failure', () => run("return [...document.querySelectorAll('.card')].some((card) => card.textContent.includes('100%'))"))
      await screenshot('dashboard-1000')
    })

    it('has a panel that shows a page its own breakers, under a policy that allows no style', LIMIT, async () => {
      await driver.get('about:blank')
      await driver.get(`${site.origin}/panel/index.html`)
      await until('the page', () => run('return globalThis.ready === true'))
      assert.deepEqual(await run('return globalThis.defined'), { before: false, after: true })
      const inPanel = (expression) => run(`const root = document.querySelector('halfopen-panel').shadowRoot; return ${expression}`)
      assert.equal(await inPanel("getComputedStyle(root.querySelector('.dock')).position"), 'fixed')
      assert.equal(await inPanel("root.querySelector('.fold').textContent"), 'Breakers')
      await run("document.querySelector('halfopen-panel').shadowRoot.querySelector('.fold').click()")
      await until('the card', () => inPanel("root.querySelector('.card .name')?.textContent === '<b>api</b>'"))
      await run("document.dispatchEvent(new CustomEvent('fail'))")
      await until('the button to say so', () => inPanel("root.querySelector('.fold').textContent === '1 open'"))
      await run("document.querySelector('halfopen-panel').shadowRoot.querySelector('.card').click()")
      await until('its pane', () => inPanel("/too many failures/.test(root.querySelector('.pane').textContent)"))
      await screenshot('panel')
      // Gone from the page, it reads no more.
      await run('panel.remove()')
      await run("document.dispatchEvent(new CustomEvent('reset'))")
      await passed(2500)
      assert.equal(await run("return panel.shadowRoot.querySelector('.fold').textContent"), '1 open')
      await run('document.body.append(panel)')
      await until('the news', () => inPanel("root.querySelector('.fold').textContent === 'Breakers'"))
      assert.deepEqual(await run('return [globalThis.unhandled, globalThis.violations]'), [[], []])
    })
  })
}
