// Starts each browser through its own WebDriver server, and ends all that it started. It must not know what is tested.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { Builder, Capabilities } from 'selenium-webdriver'
import { root } from '../package/support.js'
import { freePort } from '../ports.js'

/** For a driver to answer, and for a browser to start, in ms: a busy machine of CI has been seen to take 10 s. */
const START_LIMIT = 60_000
/** For one script in a page, in ms. */
const SCRIPT_LIMIT = 20_000
/** All three have windows of this size, so that screenshots compare. */
const SIZE = { width: 900, height: 600 }

/** Each browser: the tools it needs, by the names that `scripts/toolchain.sh` finds, and how its driver is called. */
export const BROWSERS = {
  Chromium: {
    tools: { browser: 'find_browser', driver: 'command -v chromedriver' },
    driverArgs: (port) => [`--port=${port}`],
    capabilities: ({ browser }) => {
      const { args } = JSON.parse(readFileSync(join(root, 'tests/webdriver.json'), 'utf8'))['goog:chromeOptions']
      return { browserName: 'chrome', 'goog:chromeOptions': { binary: browser, args } }
    },
  },
  Firefox: {
    tools: { browser: 'find_firefox', driver: 'command -v geckodriver' },
    // The second port, of Firefox itself, is chosen by it.
    driverArgs: (port) => ['--host', '127.0.0.1', '--port', String(port), '--websocket-port', '0', '--log', 'fatal'],
    capabilities: ({ browser }) => ({ browserName: 'firefox', 'moz:firefoxOptions': { binary: browser, args: ['-headless'] } }),
  },
  WebKit: {
    tools: { browser: 'find_minibrowser', driver: 'command -v WebKitWebDriver', display: 'command -v Xvfb' },
    driverArgs: (port) => ['--host=127.0.0.1', `--port=${port}`],
    capabilities: ({ browser }) => ({ browserName: 'MiniBrowser', 'webkitgtk:browserOptions': { binary: browser, args: ['--automation'] } }),
  },
}

/** Finds a tool by a line of shell; a missing one is an error. */
function find(name, line) {
  try {
    return execFileSync('bash', ['-c', `source scripts/toolchain.sh && ${line}`], { cwd: root, encoding: 'utf8' }).trim()
  } catch {
    throw new Error(`Missing a tool for ${name} (\`${line}\` found nothing): run \`npm run setup\``)
  }
}

/**
 * Starts a browser. `close()` ends it, its driver and its display.
 *
 * @param {keyof BROWSERS} name
 */
export async function open(name) {
  const { tools, driverArgs, capabilities } = BROWSERS[name]
  const paths = Object.fromEntries(Object.entries(tools).map(([tool, line]) => [tool, find(name, line)]))
  const processes = []
  let driver
  const close = async () => {
    await driver?.quit().catch(() => {})
    for (const process of processes.reverse()) await end(process)
  }
  try {
    const env = { ...process.env, MOZ_HEADLESS_WIDTH: String(SIZE.width), MOZ_HEADLESS_HEIGHT: String(SIZE.height) }
    if (paths.display) {
      const display = start(paths.display, ['-displayfd', '1', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'], env)
      processes.push(display.process)
      env.DISPLAY = `:${await display.firstLine}`
    }
    const port = await freePort()
    const server = start(paths.driver, driverArgs(port), env)
    processes.push(server.process)
    const url = `http://127.0.0.1:${port}`
    await until(`${paths.driver} to be ready`, async () => {
      if (server.process.exitCode !== null) throw new Error(`${paths.driver} ended at once: ${server.said()}`)
      return (await fetch(`${url}/status`).then((response) => response.json(), () => undefined))?.value.ready
    }, START_LIMIT)
    driver = new Builder().disableEnvironmentOverrides().usingServer(url).withCapabilities(new Capabilities(capabilities(paths))).build()
    const got = await within(START_LIMIT, `${name} to start`, driver.getCapabilities())
    await driver.manage().setTimeouts({ script: SCRIPT_LIMIT, pageLoad: SCRIPT_LIMIT })
    await driver.manage().window().setRect(SIZE)
    return { driver, version: `${got.getBrowserName()} ${got.getBrowserVersion()}`, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Starts a process as the head of a group of its own, so that what it starts can be ended with it. */
function start(command, args, env) {
  const process = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let said = ''
  process.stderr.on('data', (chunk) => (said = (said + chunk).slice(-4096)))
  const lines = createInterface(process.stdout)
  const firstLine = new Promise((resolve, reject) => {
    lines.once('line', resolve)
    process.once('error', reject)
    process.once('exit', (code) => reject(new Error(`${command} ended with ${code}: ${said}`)))
  })
  // Not everybody asks for it.
  firstLine.catch(() => {})
  return { process, firstLine, said: () => said }
}

/** Ends a process with all of its group. */
async function end(child) {
  const gone = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, 'exit')
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
  await gone
}

/** Asks until the answer is truthy, and gives it. */
export async function until(what, ask, limit = SCRIPT_LIMIT) {
  const last = performance.now() + limit
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (performance.now() > last) throw new Error(`Waited ${limit} ms in vain for ${what}`)
    await delay(20)
  }
}

async function within(ms, what, promise) {
  const limit = new AbortController()
  const late = delay(ms, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`Waited ${ms} ms in vain for ${what}`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    limit.abort()
    late.catch(() => {})
  }
}
