// The tools of this folder's own lock file, and throw-away projects that have them and the packed package, as a workspace has what it shares. It must not know
// what is built.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { env, nodes, project, run } from '../package/support.js'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** The path of something that is installed in this folder. */
export const installed = (path) => join(folder, 'node_modules', path)
/** As installed. */
export const versionOf = (name) => JSON.parse(readFileSync(installed(`${name}/package.json`), 'utf8')).version

/** Many of the tools need Node 22. */
export const NODE = nodes[24]

/**
 * A throw-away workspace with the packed package. It lies beside the tools, since that is how Node and all of them find what a workspace shares: some refuse what
 * they reach by a link.
 */
export async function workspace() {
  const projects = join(folder, 'projects')
  mkdirSync(projects, { recursive: true })
  const home = mkdtempSync(join(tmpdir(), 'halfopen-home-'))
  const user = await project({}, projects)
  const settings = {
    ...env,
    // What tools keep, they keep here; and none of them calls home.
    HOME: home, XDG_CONFIG_HOME: join(home, 'config'), XDG_CACHE_HOME: join(home, 'cache'), TMPDIR: home,
    CI: '1', NO_COLOR: '1', NEXT_TELEMETRY_DISABLED: '1', WRANGLER_SEND_METRICS: 'false',
    PATH: `${dirname(NODE)}:${env.PATH}`,
  }
  return {
    ...user,
    env: settings,
    /** A project in it, with a copy of the package of its own. */
    async app(name, files) {
      const dir = join(user.dir, name)
      await user.write(Object.fromEntries(Object.entries(files).map(([path, text]) => [join(name, path), text])))
      cpSync(user.installed, join(dir, 'node_modules/halfopen'), { recursive: true })
      return dir
    },
    /** Runs a tool that is a program for Node. */
    tool: (cwd, path, ...args) => run(NODE, [installed(path), ...args], { cwd, env: settings }),
    run: (cwd, binary, ...args) => run(binary, args, { cwd, env: settings }),
    async remove() {
      await user.remove()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** What the code in a folder weighs gzipped, in bytes: each file by itself, as they are served. */
export function weigh(dir) {
  const files = readdirSync(dir, { recursive: true }).filter((path) => /\.(c|m)?js$|\.wasm$/.test(path))
  if (files.length === 0) throw new Error(`No code in ${dir}`)
  return files.reduce((sum, path) => sum + gzipSync(readFileSync(join(dir, path)), { level: 9 }).length, 0)
}
