// Opens the package in each browser, with no bundler: in a page and in each kind of worker. It must not know what the program checks.

import { open as start, until } from '../../browsers/drivers.js'
import { asModule, ATTEMPT } from '../user.js'

/** A page that forbids to compile WebAssembly. */
const POLICY = `<meta http-equiv="Content-Security-Policy" content="script-src 'self'">`

/** How the page of a row has its answer, as the text of its script; the text of its worker, where it has one. */
const WAYS = {
  page: { page: `import { run } from './main.js'\nanswer(run())` },
  'page whose policy forbids Wasm': { page: `import { halfopen, run } from './main.js'\nanswer(ATTEMPTS ? Promise.resolve(${ATTEMPT}) : run())` },
  'dedicated worker': {
    page: `const worker = new Worker('./worker.js', { type: 'module' })
      answer(new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data)
        worker.onerror = ({ message }) => reject(new Error(message))
      }))`,
    worker: `import { run } from './main.js'\nrun().then(postMessage)`,
  },
  'shared worker': {
    page: `const worker = new SharedWorker('./worker.js', { type: 'module' })
      answer(new Promise((resolve, reject) => {
        worker.port.onmessage = ({ data }) => resolve(data)
        worker.onerror = ({ message }) => reject(new Error(message))
      }))`,
    worker: `const running = import('./main.js').then(({ run }) => run())
      onconnect = ({ ports: [port] }) => void running.then((answer) => port.postMessage(answer))`,
  },
  'service worker': {
    page: `navigator.serviceWorker.register('./worker.js', { type: 'module' })
      answer(navigator.serviceWorker.ready.then(({ active }) => new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel()
        port1.onmessage = ({ data }) => resolve(data)
        active.postMessage('run', [port2])
      })))`,
    worker: `import { run } from './main.js'
      addEventListener('message', (event) => event.waitUntil(run().then((answer) => event.ports[0].postMessage(answer))))`,
  },
}

const ANSWER = `globalThis.answer = (promise) => {
  globalThis.answered = promise.then((value) => ({ value }), (error) => ({ error: String(error) + '\\n' + error?.stack }))
}`

export async function open({ user, hostOf, tool }) {
  const browser = await start(tool)
  const [, version] = /^\S+ (.+)$/.exec(browser.version)
  return {
    async run(row) {
      const host = hostOf(row)
      const { page, worker } = WAYS[row.how]
      const find = (specifier) => (specifier.startsWith('.') ? `/${specifier.slice(2)}` : `/node_modules/halfopen/${user.fileOf(specifier)}`)
      // Compiled while it comes in.
      const bring = (specifier) => ({ value: `fetch('/node_modules/${specifier}')` })
      await user.write({
        // It is served by the ending of its name.
        'program.js': String(await user.text('program.mjs')),
        [`${host.name}/index.html`]: `<!doctype html><meta charset="utf-8">${row.how.includes('policy') ? POLICY : ''}<title>${host.name}</title>
          <script src="answer.js"></script><script type="module" src="page.js"></script>`,
        [`${host.name}/answer.js`]: ANSWER,
        [`${host.name}/page.js`]: page.replace('ATTEMPTS', String(row.unavailable !== undefined)),
        [`${host.name}/main.js`]: asModule(row, host, { find, bring }).replaceAll('/program.mjs', '/program.js'),
        ...(worker && { [`${host.name}/worker.js`]: worker }),
      })
      await browser.driver.get(`${host.origin}/${host.name}/index.html`)
      await until('the page to ask for its answer', () => browser.driver.executeScript('return globalThis.answered !== undefined'))
      const { value, error } = await browser.driver.executeAsyncScript('answered.then(arguments[0])')
      if (error !== undefined) throw new Error(error)
      return { version, ...value }
    },
    close: () => browser.close(),
  }
}
