// A guarded fetch from the installed tarball in a page and in a service worker, in every browser the same, and the two examples for browsers
// beside that tarball. It must not know how a browser is started. `HALFOPEN_SCREENSHOTS=folder` leaves pictures of what a person sees while the circuit is open.

import assert from 'node:assert/strict'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { project, root } from '../package/support.js'
import { BROWSERS, open, until } from './drivers.js'
import { CHECKS } from './page/checks.js'
import { startExamples, startServer } from './servers.js'

/** Of one test, and of one browser's start, in ms. A script in a page has a shorter one of its own. */
const LIMIT = { timeout: 60_000 }
const START_LIMIT = { timeout: 180_000 }
/** Of all tests of one browser, in ms. */
const BROWSER_LIMIT = { timeout: 400_000 }

let user, site, upstream, other, examples, nobody
before(async () => {
  user = await project()
  for (const folder of ['page', 'worker']) await cp(join(root, 'tests/browsers', folder), join(user.dir, folder), { recursive: true })
  for (const part of ['serve.js', 'browser', 'service-worker']) await cp(join(root, 'examples', part), join(user.dir, 'examples', part), { recursive: true })
  await user.write({ 'examples/package.json': '{ "type": "module" }' })
  examples = await startExamples(join(user.dir, 'examples'))
  site = await startServer(user.dir)
  upstream = await startServer()
  other = await startServer()
  // A port where nobody listens any more.
  const gone = await startServer()
  await gone.close()
  nobody = gone.origin
}, START_LIMIT)
after(async () => {
  for (const server of [site, upstream, other, examples]) await server?.close()
  await user?.remove()
}, LIMIT)

for (const name of Object.keys(BROWSERS)) {
  describe(name, BROWSER_LIMIT, () => {
    let browser
    let ran = 0
    const context = () => ({ browser: name, upstream: upstream.origin, other: other.origin, nobody })

    before(async () => {
      browser = await open(name)
      console.log(`${name}: ${browser.version}`)
    }, START_LIMIT)
    afterEach(() => void ran++)
    after(async () => {
      await browser?.close()
      console.log(`${name}: ${ran} checks ran`)
      assert.ok(ran > 0, `${name} ran no check`)
    }, LIMIT)

    async function visit(path) {
      await browser.driver.get(site.origin + path)
      await until(`${path} to be ready`, () => browser.driver.executeScript('return globalThis.ready === true'))
    }

    /** Calls a global function of the page; what it throws is thrown here. */
    const call = (fn, ...args) => evaluate('globalThis[args[0]](...args.slice(1))', fn, ...args)

    async function evaluate(expression, ...args) {
      const { value, error } = await browser.driver.executeAsyncScript(
        `const [args, done] = arguments
        Promise.resolve().then(() => ${expression}).then((value) => done({ value }), (error) => done({ error: String(error) + '\\n' + error?.stack }))`,
        args
      )
      if (error !== undefined) throw new Error(`In ${name}: ${error}`)
      return value
    }

    async function screenshot(what) {
      const folder = process.env.HALFOPEN_SCREENSHOTS
      if (!folder) return
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, `${name}-${what}.png`), await browser.driver.takeScreenshot(), 'base64')
    }

    describe('a page', () => {
      before(() => visit('/page/index.html'), LIMIT)
      for (const { title, expected } of CHECKS) {
        it(title, LIMIT, async () => assert.deepEqual(await call('run', title, context()), expected))
      }

      it('shows the fallback to a person while the circuit is open', LIMIT, async () => {
        const { state, news } = await call('show', context())
        await screenshot('page')
        assert.equal(state, 'open')
        assert.match(news, /^Yesterday’s news, from the cache, .*CircuitOpenError/)
        assert.equal(upstream.report(`${name}-news`).calls, 4)
      })

      it('left no error unhandled', LIMIT, async () => {
        assert.deepEqual(await browser.driver.executeScript('return globalThis.unhandled'), [])
      })
    })

    describe('a service worker', () => {
      const patient = `worker-${name}`
      let calls = 0
      const api = (rest = 'news') => `${upstream.origin}/patients/${patient}/${rest}?call=${++calls}`
      const becomes = (condition) => upstream.change(patient, condition)
      const reached = () => upstream.report(patient).calls
      /** Sends the worker a message and gives its answer, from whatever page is open: the worker's own has no script. */
      const tell = (message) =>
        evaluate(
          `new Promise((resolve) => {
            const { port1, port2 } = new MessageChannel()
            port1.onmessage = ({ data }) => resolve(data)
            navigator.serviceWorker.controller.postMessage(args[0], [port2])
          })`,
          message
        )
      before(() => visit('/worker/index.html'), LIMIT)
      after(() => site.change('site', {}))

      it('takes control of its page as a module worker', LIMIT, async () => {
        assert.equal(await call('control'), `${site.origin}/worker/service-worker.js`)
      })

      it('passes requests on while the server is well', LIMIT, async () => {
        becomes({ body: 'Fresh news' })
        assert.equal(await call('load', api()), '200 Fresh news')
        assert.equal(reached(), 1)
        const { states } = await tell('state')
        assert.equal(states[upstream.origin], 'closed')
      })

      it('shows three failures to the page, then answers itself with no request: text and pictures', LIMIT, async () => {
        becomes({ status: 503, body: 'Service Unavailable' })
        const seen = []
        for (let i = 0; i < 5; i++) seen.push(await call('load', api()))
        assert.deepEqual(seen, [...Array(3).fill('503 Service Unavailable'), ...Array(2).fill('200 Kept news')])
        // A picture of another origin that failed would be opaque; the kept one can be seen.
        assert.equal(await call('picture', api('picture.svg')), 200)
        assert.equal(reached(), 4)
        assert.equal((await tell('state')).states[upstream.origin], 'open')
        await screenshot('worker')
      })

      it("keeps the page's own origin going meanwhile", LIMIT, async () => {
        assert.match(await call('load', `${site.origin}/worker/index.html`), /^200 <!doctype html>/)
      })

      it('goes back to the server once it has recovered', LIMIT, async () => {
        becomes({ body: 'Fresh news again' })
        assert.equal(await call('load', api()), '200 Kept news')
        await tell('advance')
        assert.equal(await call('load', api()), '200 Fresh news again')
        assert.equal((await tell('state')).states[upstream.origin], 'closed')
      })

      it('answers with the fallback after dropped connections too', LIMIT, async () => {
        becomes({ drops: true })
        const seen = []
        for (let i = 0; i < 4; i++) seen.push(await call('load', api()))
        assert.deepEqual(seen, [...Array(3).fill('TypeError'), '200 Kept news'])
        becomes({ body: 'Fresh news' })
        await tell('advance')
        assert.equal(await call('load', api()), '200 Fresh news')
      })

      it('left no error unhandled, but for those that a worker with a bare fetch leaves too', LIMIT, async () => {
        assert.deepEqual(await browser.driver.executeScript('return globalThis.unhandled'), [])
        // Every browser reports a rejection that a worker responds with: here the three dropped connections.
        const { unhandled } = await tell('state')
        assert.ok(unhandled.length <= 3, unhandled.join('\n'))
      })

      it('shows a page of its own for a navigation while the circuit of the site is open, and the site once it is well', LIMIT, async () => {
        site.change('site', { status: 503, body: 'Service Unavailable' })
        for (let i = 0; i < 3; i++) assert.match(await call('load', `${site.origin}/worker/any`), /^503 /)
        await browser.driver.get(`${site.origin}/worker/index.html`)
        assert.equal(await browser.driver.getTitle(), 'Back soon')
        await screenshot('navigation')
        site.change('site', {})
        await tell('advance')
        await visit('/worker/index.html')
        assert.equal(await browser.driver.getTitle(), 'A page behind a guarding service worker')
        assert.equal((await tell('state')).states[site.origin], 'closed')
      })
    })

    describe('the examples', () => {
      const find = (id) => browser.driver.findElement({ css: `#${id}` })
      const text = (id) => browser.driver.executeScript('return document.getElementById(arguments[0]).textContent', id)
      /** Clicks, and gives the answer that the page shows then. */
      async function ask() {
        await browser.driver.executeScript("document.getElementById('answer').textContent = ''")
        await find('ask').click()
        return until('an answer', () => text('answer'))
      }
      /** Ticks that the server is sick, or takes the tick away. */
      async function toggle() {
        const was = await examples.isSick()
        await find('sick').click()
        await until('the server to change', async () => (await examples.isSick()) !== was)
      }
      const TIME = /^\d{4}-\d\d-\d\dT.*Z$/

      it('has a page that shows the time, what the sick server says, how long to wait, and the time again', LIMIT, async () => {
        await browser.driver.get(`${examples.origin}/browser/`)
        assert.match(await ask(), TIME)
        await toggle()
        const seen = []
        for (let n = 0; n < 4; n++) seen.push(await ask())
        assert.deepEqual(seen, [...Array(3).fill('The server says 503'), 'Ask again in 5 s'])
        assert.equal(await text('state'), 'open')
        await screenshot('example-page')
        await toggle()
        // Had it been asked, it would have told the time.
        assert.match(await ask(), /^Ask again in [1-5] s$/)
        // By a script of the page's own: those of a driver have another `Date` in Firefox.
        await browser.driver.executeScript("document.head.append(Object.assign(document.createElement('script'), { text: arguments[0] }))", 'const { now } = Date; Date.now = () => now.call(Date) + 5000')
        assert.match(await ask(), TIME)
        assert.equal(await text('state'), 'closed')
      })

      it('has a service worker that answers for the sick server, and lets it answer once it is well', LIMIT, async () => {
        await browser.driver.get(`${examples.origin}/service-worker/`)
        await until('the worker to be in control', () => find('ask').isEnabled())
        const [status, time] = (await ask()).split(' ')
        assert.equal(status, '200')
        assert.match(time, TIME)
        await toggle()
        const seen = []
        for (let n = 0; n < 4; n++) seen.push(await ask())
        assert.deepEqual(seen, [...Array(3).fill('503 sick'), '200 {"offline":true}'])
        await screenshot('example-worker')
        await toggle()
        assert.equal(await ask(), '200 {"offline":true}')
        // Nobody can move the clock of an example's worker: these are 5 s of real time.
        await until('the time', async () => TIME.test((await ask()).split(' ')[1]))
      })
    })
  })
}
