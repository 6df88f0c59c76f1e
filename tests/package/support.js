// Packs pkg/ and installs the tarball into a throw-away project, as a user would; runs programs there. What the tests of this
// folder check is this installed copy, never the sources. It must not know what the package does, but for the one program
// that every runtime runs.

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const exec = promisify(execFile)

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Node versions by their major number, from this folder's own lock file. */
export const nodes = Object.fromEntries(
  [20, 22, 24, 26].map((major) => [major, join(root, `tests/package/node_modules/node${major}/bin/node`)])
)

/** The environment without what npm puts into it for its scripts, which would reach the npm and Node that the tests start. */
export const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$|NODE_TEST_CONTEXT$|FORCE_COLOR$)/.test(name))
)

/** Runs a command and gives what it printed; a failing one throws with both outputs in the message. */
export async function run(command, args, options = {}) {
  try {
    return await exec(command, args, { env, maxBuffer: 64 << 20, ...options })
  } catch (error) {
    throw new Error(`${command} ${args.join(' ')} failed\n${error.stdout ?? ''}\n${error.stderr ?? ''}`, { cause: error })
  }
}

/** A tool of the workshop's dev dependencies. */
export const tool = (name) => join(root, 'node_modules/.bin', name)

/**
 * A throw-away project with the tarball installed: offline, since the package has no dependency. Removed by `remove()`.
 * `files` are its own, by name; it is made in `parent`.
 */
export async function project(files = {}, parent = tmpdir()) {
  const dir = await mkdtemp(join(parent, 'halfopen-package-'))
  const { stdout } = await run('npm', ['pack', join(root, 'pkg'), '--json', '--pack-destination', dir], { cwd: dir })
  const [packed] = Object.values(JSON.parse(stdout))
  const tarball = join(dir, packed.filename)
  await write(dir, { 'package.json': '{ "name": "user", "version": "1.0.0", "private": true }', ...files })
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: dir })
  return {
    dir,
    tarball,
    /** Paths inside the tarball. */
    paths: packed.files.map(({ path }) => path).sort(),
    installed: join(dir, 'node_modules/halfopen'),
    write: (more) => write(dir, more),
    read: (path) => readFile(join(dir, 'node_modules/halfopen', path)),
    /** Runs a program of the project in a Node and gives what it printed as JSON. Anything on stderr is a failure. */
    async node(binary, ...args) {
      const { stdout, stderr } = await run(binary, args, { cwd: dir })
      if (stderr !== '') throw new Error(`Expected nothing on stderr, got ${stderr}`)
      return JSON.parse(stdout)
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  }
}

async function write(dir, files) {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(resolve(dir, name)), { recursive: true })
    await writeFile(resolve(dir, name), text)
  }
}

/**
 * The small program that every runtime runs. It is passed on as text, so it may use nothing from outside.
 * Gives what each call came to, and the state after it.
 */
async function program({ CircuitBreaker, ManualClock }) {
  const clock = new ManualClock()
  const breaker = new CircuitBreaker({ failureThreshold: 2, recoveryTimeout: 1000, clock })
  const steps = []
  const call = async (fn) => {
    const outcome = await breaker.call(fn).catch((error) => error.code ?? error.message)
    steps.push(`${outcome}: ${breaker.state}`)
  }
  const down = async () => {
    throw new Error('down')
  }
  const up = async () => 'up'

  await call(down)
  await call(down)
  await call(up)
  clock.advance(1000)
  await call(up)
  await call(up)
  return steps
}

/** What the program gives everywhere. */
export const EXPECTED = ['down: closed', 'down: open', 'ERR_CIRCUIT_OPEN: open', 'up: half_open', 'up: closed']

/** The program as an ES module and as a CommonJS one, exporting `program`. */
export const PROGRAM = {
  'program.mjs': `export ${program}`,
  'program.cjs': `module.exports = { program: ${program} }`,
}
