// A Prometheus of the tests' own, on this machine alone, with its data in a folder that goes with it. It must not know what it is asked.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { freePort } from '../ports.js'
import { find } from './tools.js'

/** How long anything may take, in ms. */
const PATIENCE = 20_000

/**
 * Asks again and again until the answer is one, or anything but false, undefined and null; fails with the last error.
 *
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} ask
 */
export async function until(what, ask) {
  const end = Date.now() + PATIENCE
  let last
  while (Date.now() < end) {
    try {
      const answer = await ask()
      if (answer !== false && answer !== undefined && answer !== null) return answer
    } catch (error) {
      last = error
    }
    // Between two scrapes there is time enough; this is no busy loop.
    await wait(100)
  }
  throw new Error(`It never came: ${what}`, { cause: last })
}

/**
 * Starts one that scrapes each second.
 *
 * @param {{ job: string, path: string, targets: string[], rules: string }} what
 */
export async function startPrometheus({ job, path, targets, rules }) {
  const folder = mkdtempSync(join(tmpdir(), 'halfopen-prometheus-'))
  const config = join(folder, 'prometheus.yml')
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [{ job_name: job, metrics_path: path, static_configs: [{ targets: targets.map((origin) => new URL(origin).host) }] }],
    }),
  )
  const port = await freePort()
  const child = spawn(find('prometheus'), [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (text) => (said += text))
  const origin = `http://127.0.0.1:${port}`

  /** What the API answers, or an error with what it says. */
  async function ask(api, parameters = {}) {
    const response = await fetch(`${origin}/api/v1/${api}?${new URLSearchParams(parameters)}`)
    const { status, error, data } = await response.json()
    if (status !== 'success') throw new Error(`${api} ${JSON.stringify(parameters)}: ${error}`)
    return data
  }
  async function stop() {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    }
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await until('a Prometheus that is ready', async () => {
      if (child.exitCode !== null) throw new Error(said)
      return (await fetch(`${origin}/-/ready`)).ok
    })
  } catch (error) {
    await stop()
    throw new Error(`Prometheus did not start\n${said}`, { cause: error })
  }
  return { ask, stop, said: () => said }
}
