// Starts each Node, with its flags. It must not know what the program checks.

import { join } from 'node:path'
import { nodes, run } from '../../package/support.js'
import { asCommonJs, asModule, ATTEMPT } from '../user.js'

/** The flags of a setting: reading its own files, what is asked of the network, and a worker take a permission each. */
const FLAGS = {
  defaults: () => [],
  '`--jitless`': () => ['--jitless'],
  '`--frozen-intrinsics`': () => ['--frozen-intrinsics'],
  '`--disallow-code-generation-from-strings`': () => ['--disallow-code-generation-from-strings'],
  '`--permission`': ({ tool, how }, dir) => [
    tool === '20' ? '--experimental-permission' : '--permission',
    `--allow-fs-read=${join(dir, '*')}`,
    ...(how === 'worker thread' ? ['--allow-worker'] : []),
    ...(Number(tool) > 24 ? ['--allow-net'] : []),
  ],
}

/** What it says on stderr of a flag, whatever runs. */
const WARNINGS = /^\(node:\d+\) (\[\w+\] )?(ExperimentalWarning|SecurityWarning): .*\n|^\(Use `node --trace-.*\n|^Warning: disabling flag --expose_wasm .*\n/gm

/** Without a Wasm, Node's own fetch can't read HTTP; Node 20 and 22 end as soon as somebody looks at a part of it. */
const WEB_WITHOUT_WASM = {
  20: "for (const name of ['fetch', 'Request', 'Response', 'Headers']) delete globalThis[name]",
  24: `import { request } from 'node:http'
    import { Readable } from 'node:stream'
    globalThis.fetch = (input, { method = 'GET', body, signal } = {}) => new Promise((resolve, reject) => {
      const sent = request(input, { method, signal, agent: false }, (got) => resolve(new Response(Readable.toWeb(got), { status: got.statusCode, headers: got.headers })))
      sent.on('error', reject)
      sent.end(body)
    })`,
}
WEB_WITHOUT_WASM[22] = WEB_WITHOUT_WASM[20]
WEB_WITHOUT_WASM[26] = WEB_WITHOUT_WASM[24]

export async function open({ user, hostOf }) {
  return {
    async run(row) {
      const { tool, how, setting, unavailable } = row
      const name = `node-${hostOf(row).name}`
      const act = unavailable ? `Promise.resolve(${ATTEMPT})` : 'run()'
      const tell = `${act}.then((answer) => console.log(JSON.stringify({ version: process.version.slice(1), ...answer })))`
      const files = {
        'ES module': () => ({ 'web.mjs': setting === '`--jitless`' ? WEB_WITHOUT_WASM[tool] : '', [`${name}.mjs`]: `import './web.mjs'\n${asModule(row, hostOf(row))}\n${tell}` }),
        CommonJS: () => ({ [`${name}.cjs`]: `${asCommonJs(row, hostOf(row))}\n${tell}` }),
        'worker thread': () => ({
          [`${name}.mjs`]: `import { Worker } from 'node:worker_threads'
            const worker = new Worker(new URL('./${name}-worker.mjs', import.meta.url))
            worker.on('message', (answer) => console.log(JSON.stringify({ version: process.version.slice(1), ...answer })))
            worker.on('error', (error) => { throw error })`,
          [`${name}-worker.mjs`]: `import { parentPort } from 'node:worker_threads'
            ${asModule(row, hostOf(row))}
            run().then((answer) => parentPort.postMessage(answer))`,
        }),
        'bare `vm` context': async () => ({
          [`${name}.js`]: await user.bundle(asModule(row, hostOf(row))),
          [`${name}.mjs`]: `import { readFileSync } from 'node:fs'
            import { createContext, runInContext } from 'node:vm'
            const realm = createContext({})
            runInContext(readFileSync(new URL('./${name}.js', import.meta.url), 'utf8'), realm)
            runInContext('main.run().then(JSON.stringify)', realm).then((text) => console.log(JSON.stringify({ version: process.version.slice(1), ...JSON.parse(text) })))`,
        }),
      }
      await user.write(await files[how]())
      const main = how === 'CommonJS' ? `${name}.cjs` : `${name}.mjs`
      const { stdout, stderr } = await run(nodes[tool], [...FLAGS[setting](row, user.dir), main], { cwd: user.dir, timeout: 60_000 })
      const said = stderr.replaceAll(WARNINGS, '')
      if (said !== '') throw new Error(`Expected nothing on stderr, got ${said}`)
      return JSON.parse(stdout)
    },
    close() {},
  }
}
