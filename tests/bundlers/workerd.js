// A folder that a bundler for Workers has made, run by workerd as Cloudflare runs it. It must not know what the worker answers.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { installed } from './support.js'

/** The day that the projects name, too. */
export const COMPATIBILITY_DATE = '2026-10-01'

const KINDS = [[/\.m?js$/, 'esModule'], [/\.wasm$/, 'wasm']]

/** Has the worker in a folder used, by its address, and ends it. The file `main` is its first module. */
export async function whileWorking(dir, main, use) {
  const paths = readdirSync(dir, { recursive: true }).sort((one, other) => (other === main) - (one === main))
  const modules = paths.flatMap((path) => {
    const [, kind] = KINDS.find(([pattern]) => pattern.test(path)) ?? []
    return kind ? `(name = "${path}", ${kind} = embed "${path}")` : []
  })
  writeFileSync(join(dir, 'workerd.capnp'), `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "user", worker = (modules = [${modules}], compatibilityDate = "${COMPATIBILITY_DATE}"))],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "user")]
    );`)
  const worker = spawn(installed('@cloudflare/workerd-linux-64/bin/workerd'), ['serve', '--control-fd=3', 'workerd.capnp'], { cwd: dir, stdio: ['ignore', 'inherit', 'inherit', 'pipe'] })
  try {
    for await (const line of createInterface(worker.stdio[3])) {
      const { event, port } = JSON.parse(line)
      if (event === 'listen') return await use(`http://127.0.0.1:${port}/`)
    }
    throw new Error('workerd did not listen')
  } finally {
    worker.kill()
    if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit')
  }
}
