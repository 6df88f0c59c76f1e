// Has Metro bundle the package as React Native's default configuration does it, and runs the bundle in Hermes, React Native's engine. It must not know
// what the program checks.

import { symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../package/support.js'
import { asModule, installed } from '../user.js'

const require = createRequire(import.meta.url)
const hermes = installed('hermes-engine-cli/linux64-bin/hermes')

/** Timers that heed their time: those of the engine's own shell are all over at once. React Native brings its own. */
const TIMERS = `(function (later) {
  const timers = new Map()
  let last = 0
  const step = () => {
    const now = Date.now()
    const [next] = Array.from(timers).filter(([, { at }]) => at <= now).sort(([, one], [, other]) => one.at - other.at)
    if (next) {
      timers.delete(next[0])
      next[1].fn()
    }
    if (timers.size > 0) later(step, 0)
  }
  globalThis.setTimeout = (fn, ms, ...args) => {
    if (timers.size === 0) later(step, 0)
    timers.set(++last, { at: Date.now() + (ms || 0), fn: () => fn(...args) })
    return last
  }
  globalThis.clearTimeout = (timer) => void timers.delete(timer)
})(setTimeout)
`

export async function open({ user, hostOf }) {
  const { runBuild } = require('metro')
  const { FileStore } = require('metro-cache')
  const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config')
  const modules = installed('')
  symlinkSync(installed('@babel'), join(user.dir, 'node_modules/@babel'))
  const cache = await mkdtemp(join(tmpdir(), 'halfopen-metro-'))
  const config = mergeConfig(getDefaultConfig(user.dir), {
    // The engine alone has none of what React Native's own set-up talks to.
    serializer: { getModulesRunBeforeMainModule: () => [] },
    watchFolders: [user.dir, modules],
    resolver: { nodeModulesPaths: [modules] },
    // What both bundles have in common is transformed once.
    cacheStores: [new FileStore({ root: join(cache, 'files') })],
    fileMapCacheDirectory: cache,
    maxWorkers: 1,
    reporter: { update() {} },
  })
  const { stdout } = await run(hermes, ['--version'])
  const [, version] = /Hermes release version: (\S+)/.exec(stdout)
  return {
    async run(row) {
      const name = `hermes-${hostOf(row).name}`
      await user.write({
        [`${name}.js`]: `${asModule(row, hostOf(row), { find: (specifier) => specifier.replace('.mjs', '.js') })}\nrun().then((answer) => print(JSON.stringify(answer)), (error) => print(String(error.stack)))`,
        'program.js': await user.text('program.mjs'),
      })
      await runBuild(config, { entry: join(user.dir, `${name}.js`), out: join(user.dir, `${name}.bundle.js`), platform: 'android', dev: false, minify: true, sourceMap: false })
      await user.write({ [`${name}.bundle.js`]: `${TIMERS}${await user.text(`${name}.bundle.js`)}` })
      const { stdout, stderr } = await run(hermes, [join(user.dir, `${name}.bundle.js`)], { cwd: user.dir, timeout: 60_000 })
      if (stderr !== '') throw new Error(`Expected nothing on stderr, got ${stderr}`)
      return { version, ...JSON.parse(stdout) }
    },
    close: () => rm(cache, { recursive: true, force: true }),
  }
}
