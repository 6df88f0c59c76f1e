// Has Metro bundle the package as React Native's default configuration does it, and runs the bundle in Hermes, React Native's engine. It must not know
// what the program checks.

import { symlinkSync } from 'node:fs'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../package/support.js'
import { asModule, installed } from '../user.js'

const require = createRequire(import.meta.url)
const hermes = installed('hermes-engine-cli/linux64-bin/hermes')

export async function open({ user, hostOf }) {
  const { runBuild } = require('metro')
  const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config')
  const modules = installed('')
  symlinkSync(installed('@babel'), join(user.dir, 'node_modules/@babel'))
  const cache = await mkdtemp(join(tmpdir(), 'halfopen-metro-'))
  const config = mergeConfig(getDefaultConfig(user.dir), {
    // The engine alone has none of what React Native's own set-up talks to.
    serializer: { getModulesRunBeforeMainModule: () => [] },
    watchFolders: [user.dir, modules],
    resolver: { nodeModulesPaths: [modules] },
    cacheStores: [],
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
        [`${name}.js`]: `${asModule(row, hostOf(row), (specifier) => specifier.replace('.mjs', '.js'))}\nrun().then((answer) => print(JSON.stringify(answer)), (error) => print(String(error.stack)))`,
        'program.js': await user.text('program.mjs'),
      })
      await runBuild(config, { entry: join(user.dir, `${name}.js`), out: join(user.dir, `${name}.bundle.js`), platform: 'android', dev: false, minify: true, sourceMap: false })
      const { stdout, stderr } = await run(hermes, [join(user.dir, `${name}.bundle.js`)], { cwd: user.dir, timeout: 60_000 })
      if (stderr !== '') throw new Error(`Expected nothing on stderr, got ${stderr}`)
      return { version, ...JSON.parse(stdout) }
    },
    close: () => rm(cache, { recursive: true, force: true }),
  }
}
