// The installed tarball in Chromium, with no bundler: a plain page imports the file. It must not know how the package loads its Wasm.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openChromium, serve } from './chromium.js'
import { EXPECTED, PROGRAM, project } from './support.js'

let user, site, browser
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
  site = await serve(user.dir)
  browser = await openChromium()
})
after(async () => {
  await browser?.close()
  await site?.close()
  await user?.remove()
})

/** Opens the page, under a Content-Security-Policy if one is given, and gives what a function finds there, and all that was said. */
const visit = (find, policy = '') => browser.visit(`${site.url}/index.html?policy=${encodeURIComponent(policy)}`, find)

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
