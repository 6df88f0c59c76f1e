// Runs a Worker in workerd, the runtime of Cloudflare Workers, through miniflare, bundled as wrangler does it. It must not know what the program checks.

import { Miniflare } from 'miniflare'
import { asModule, installed, versionOf, wasmModules } from '../user.js'

/** The conditions and the handling of `.wasm` that wrangler has: a file of that kind becomes a module of the Worker. */
async function bundle(user, contents) {
  const wasm = new Map()
  const text = await user.bundle(contents, {
    format: 'esm', globalName: undefined, conditions: ['workerd', 'worker', 'browser'], external: ['cloudflare:*', 'node:*'],
    plugins: [wasmModules(wasm, (name) => ({ path: `./${name}`, external: true }))],
  })
  return [
    { type: 'ESModule', path: 'main.js', contents: text },
    ...[...wasm].map(([path, bytes]) => ({ type: 'CompiledWasm', path, contents: bytes })),
  ]
}

/** A Durable Object that keeps its breaker in its storage, since memory lasts as long as the host likes. */
const DURABLE = `
  export class Guard {
    constructor(state) {
      this.storage = state.storage
      state.blockConcurrencyWhile(async () => {
        const snapshot = await this.storage.get('breaker')
        this.breaker = new halfopen.CircuitBreaker({ failureThreshold: 2, recoveryTimeout: 3_600_000, ...(snapshot && { snapshot }) })
      })
    }
    async fetch() {
      const outcome = await this.breaker.call(async () => { throw new Error('down') }).catch(({ code, message }) => code ?? message)
      await this.storage.put('breaker', this.breaker.toJSON())
      return Response.json({ outcome, state: this.breaker.state })
    }
  }
  export default { fetch: (request, env) => env.GUARD.get(env.GUARD.idFromName('api')).fetch(request) }`

/** A breaker of the whole Worker whose probe began in a request that is over. */
const PROBED = `
  let breaker, probes = 0
  export default {
    async fetch(request) {
      const { pathname } = new URL(request.url)
      breaker ??= new halfopen.CircuitBreaker({ failureThreshold: 1, successThreshold: 1, recoveryTimeout: 500, halfOpenTimeout: 200, probe: async () => void probes++ })
      const outcome = await breaker.call(async () => {
        if (pathname === '/down') throw new Error('down')
        return 'up'
      }).catch(({ code, message }) => code ?? message)
      return Response.json({ outcome, state: breaker.state })
    }
  }`

/** Each way: the Worker, beside the program, and what is asked of it. */
const WAYS = {
  'first breaker in a handler': {
    worker: () => 'export default { fetch: async () => Response.json(await run()) }',
  },
  'first breaker at module scope': {
    worker: () => `const first = new halfopen.CircuitBreaker()
      export default { fetch: async () => Response.json({ ...await run(), first: first.state }) }`,
  },
  'Durable Object that restores its snapshot': {
    worker: () => DURABLE,
    options: { durableObjects: { GUARD: 'Guard' } },
    /** The object is made anew before each question. */
    restarts: true,
    asked: ['/', '/', '/'],
    expected: [{ outcome: 'down', state: 'closed' }, { outcome: 'down', state: 'open' }, { outcome: 'ERR_CIRCUIT_OPEN', state: 'open' }],
  },
  'probe across requests': {
    worker: () => PROBED,
    asked: ['/down'],
    /** Asked until the answer comes, since the circuit is closed by a probe or by a caller, in its time. */
    until: ['/up', { outcome: 'up', state: 'closed' }],
    expected: [{ outcome: 'down', state: 'open' }],
  },
}

export async function open({ user, hostOf }) {
  const version = versionOf(installed('workerd'))
  return {
    async run(row) {
      const host = hostOf(row)
      const way = WAYS[row.how]
      const bring = (specifier) => ({ lines: `import wasm from '${specifier}'`, value: 'wasm' })
      const modules = await bundle(user, `${asModule(row, host, { bring })}\n${way.worker(row)}`)
      const options = {
        modules, modulesRoot: '/', compatibilityDate: row.setting.replace('date ', ''), host: '127.0.0.1', port: 0, cf: false,
        // What workerd says besides, it says of its own: that a promise of a request that is over was settled, for example.
        handleRuntimeStdio: (...streams) => streams.forEach((stream) => stream.resume()),
        durableObjectsPersist: `${user.dir}/${host.name}`, ...way.options,
      }
      let worker = new Miniflare(options)
      try {
        const ask = async (path) => {
          const response = await worker.dispatchFetch(`http://worker.example${path}`)
          const text = await response.text()
          if (response.status !== 200) throw new Error(`The Worker answered ${response.status}: ${text}`)
          return JSON.parse(text)
        }
        if (way.expected === undefined) return { version, ...await ask('/') }
        const answers = []
        for (const path of way.asked) {
          answers.push(await ask(path))
          if (way.restarts) {
            await worker.dispose()
            worker = new Miniflare(options)
          }
        }
        if (way.until) {
          const [path, last] = way.until
          let rounds = 0
          while (JSON.stringify(await ask(path)) !== JSON.stringify(last)) if (++rounds > 2000) throw new Error(`Waited in vain for ${JSON.stringify(last)}`)
        }
        const wrong = JSON.stringify(answers) === JSON.stringify(way.expected) ? undefined : `Expected ${JSON.stringify(way.expected)}, got ${JSON.stringify(answers)}`
        return { version, checks: [{ title: row.how, ...(wrong && { wrong }) }] }
      } finally {
        await worker.dispose()
      }
    },
    close() {},
  }
}
