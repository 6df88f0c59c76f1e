// Runs a script in the window of a DOM that lives in Node, as a page would have it. It must not know what the program checks.

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { JSDOM } from 'jsdom'
import { installed as ofRunners, versionOf as versionOfRunner } from '../../runners/support.js'
import { asModule, installed, versionOf } from '../user.js'

/** Each opens a window and gives a function that runs text in it, and one that closes it. */
const WINDOWS = {
  async jsdom(url) {
    const { window } = new JSDOM('<!doctype html>', { url, runScripts: 'outside-only' })
    return { version: versionOf(installed('jsdom')), evaluate: (text) => window.eval(text), close: () => window.close() }
  },
  async 'happy-dom'(url) {
    const { Window } = await import(pathToFileURL(createRequire(ofRunners('any.js')).resolve('happy-dom')).href)
    const window = new Window({ url, settings: { enableJavaScriptEvaluation: true, suppressInsecureJavaScriptEnvironmentWarning: true } })
    return { version: versionOfRunner('happy-dom'), evaluate: (text) => window.eval(text), close: () => window.happyDOM.close() }
  },
}

export async function open({ user, hostOf }) {
  return {
    async run(row) {
      const host = hostOf(row)
      const text = await user.bundle(asModule(row, host))
      const { version, evaluate, close } = await WINDOWS[row.tool](host.origin)
      try {
        evaluate(`${text}\nvar answered = main.run().then(JSON.stringify)`)
        return { version, ...JSON.parse(await evaluate('answered')) }
      } finally {
        await close()
      }
    },
    close() {},
  }
}
