// Each bundler as its users have it, with the configuration that it has by itself: how it is told to build, where its result lies, and what runs that. To add
// one: a row, a package in `package.json`, and a row of `docs/bundlers.md`, which the test asks for. It must not know what is built.

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bun, versionOf as versionOfRunner } from '../runners/support.js'
import { NODE, versionOf } from './support.js'
import { COMPATIBILITY_DATE } from './workerd.js'

/** What a page, a program and a worker do with each of the apps: `app` is run, the others are weighed, and `empty` is what the tool itself adds. */
export const ENTRIES = {
  page: {
    app: "import { app } from './app.js'\n\nglobalThis.result = app()\n",
    empty: 'globalThis.result = 0\n',
    breaker: "import { CircuitBreaker } from 'halfopen'\n\nglobalThis.result = new CircuitBreaker()\n",
    guard: "import { guardFetch } from 'halfopen/fetch'\n\nglobalThis.result = guardFetch()\n",
  },
  program: {
    app: "import { app } from './app.js'\n\napp().then((steps) => console.log(JSON.stringify(steps)), (error) => console.log(JSON.stringify(String(error))))\n",
    empty: 'console.log(0)\n',
    breaker: "import { CircuitBreaker } from 'halfopen'\n\nconsole.log(new CircuitBreaker())\n",
    guard: "import { guardFetch } from 'halfopen/fetch'\n\nconsole.log(guardFetch())\n",
  },
  worker: {
    app: "import { app } from './app.js'\n\nexport default { fetch: async () => Response.json(await app().catch(String)) }\n",
    empty: "export default { fetch: () => new Response('') }\n",
    breaker: "import { CircuitBreaker } from 'halfopen'\n\nexport default { fetch: () => Response.json(new CircuitBreaker()) }\n",
    guard: "import { guardFetch } from 'halfopen/fetch'\n\nexport default { fetch: guardFetch() }\n",
  },
  // What has no imports calls the package by its global name.
  script: {
    app: 'globalThis.result = app()\n',
    empty: 'globalThis.result = 0\n',
    breaker: 'globalThis.result = new halfopen.CircuitBreaker()\n',
    guard: 'globalThis.result = halfopen.guardFetch()\n',
  },
}

const MODULES = '{ "name": "user", "private": true, "type": "module" }\n'
const HTML = '<!doctype html>\n<meta charset="utf-8">\n<title>user</title>\n<link rel="icon" href="data:,">\n<script type="module" src="./src/index.js"></script>\n'
const WORKER = { 'package.json': MODULES, 'wrangler.json': `{ "name": "user", "main": "src/index.js", "compatibility_date": "${COMPATIBILITY_DATE}" }\n` }

/** A page for a bundle, where the bundler makes none. */
const pageOf = (dir, attributes) => writeFileSync(join(dir, 'dist/index.html'), `<!doctype html>\n<meta charset="utf-8">\n<title>user</title>\n<script ${attributes}></script>\n`)

/**
 * One row each: the command as a user types it; what is built (`kind` of `ENTRIES`); `build`, which leaves its result in `dist`; and where the result runs:
 * a page `in` Chromium, what `run` starts, or a worker. `needs` is a condition of the package's `exports`: without it, the row `fails` with these words,
 * which the table tells by `because`.
 */
export const TOOLS = [
  {
    tool: 'Vite', version: versionOf('vite'), command: 'vite', kind: 'page', in: 'Chromium', files: { 'package.json': MODULES, 'index.html': HTML },
    serve: ['vite/bin/vite.js', '--host', '127.0.0.1', '--port', '0'],
  },
  {
    tool: 'Vite', version: versionOf('vite'), command: 'vite build', kind: 'page', in: 'Chromium', files: { 'package.json': MODULES, 'index.html': HTML },
    build: (user, dir) => user.tool(dir, 'vite/bin/vite.js', 'build'),
  },
  {
    tool: 'webpack', version: versionOf('webpack'), command: 'webpack --mode production', kind: 'page', in: 'Chromium', files: { 'package.json': MODULES },
    async build(user, dir) {
      await user.tool(dir, 'webpack-cli/bin/cli.js', '--mode', 'production')
      pageOf(dir, 'src="main.js"')
    },
  },
  {
    tool: 'Rspack', version: versionOf('@rspack/core'), command: 'rspack build', kind: 'page', in: 'Chromium', files: { 'package.json': MODULES },
    async build(user, dir) {
      await user.tool(dir, '@rspack/cli/bin/rspack.js', 'build')
      pageOf(dir, 'src="main.js"')
    },
  },
  {
    tool: 'Rollup', version: versionOf('rollup'), command: 'rollup -i src/index.js -d dist -p node-resolve', kind: 'page', in: 'Chromium', files: { 'package.json': MODULES },
    async build(user, dir) {
      await user.tool(dir, 'rollup/dist/bin/rollup', '-i', 'src/index.js', '-d', 'dist', '-p', 'node-resolve')
      pageOf(dir, 'type="module" src="index.js"')
    },
  },
  {
    tool: 'esbuild', version: versionOf('esbuild'), command: 'esbuild src/index.js --bundle --minify --outdir=dist', kind: 'page', in: 'Chromium', files: { 'package.json': MODULES },
    async build(user, dir) {
      await user.tool(dir, 'esbuild/bin/esbuild', 'src/index.js', '--bundle', '--minify', '--outdir=dist')
      pageOf(dir, 'src="index.js"')
    },
  },
  {
    tool: 'esbuild', version: versionOf('esbuild'), command: 'esbuild src/index.js --bundle --minify --platform=node --outdir=dist', kind: 'program', in: 'Node 24',
    files: { 'package.json': '{ "name": "user", "private": true }\n' },
    build: (user, dir) => user.tool(dir, 'esbuild/bin/esbuild', 'src/index.js', '--bundle', '--minify', '--platform=node', '--outdir=dist'),
    run: (user, dir) => user.run(dir, NODE, 'dist/index.js'),
  },
  {
    tool: 'Parcel', version: versionOf('parcel'), command: 'parcel build index.html', kind: 'page', in: 'Chromium', files: { 'package.json': MODULES, 'index.html': HTML },
    build: (user, dir) => user.tool(dir, 'parcel/lib/bin.js', 'build', 'index.html', '--cache-dir', join(dir, 'cache')),
  },
  {
    tool: 'Bun', version: versionOfRunner('bun'), command: 'bun build index.html --minify --outdir dist', kind: 'page', in: 'Chromium', files: { 'package.json': MODULES, 'index.html': HTML },
    build: (user, dir) => user.run(dir, bun, 'build', 'index.html', '--minify', '--outdir', 'dist'),
  },
  {
    tool: 'Bun', version: versionOfRunner('bun'), command: 'bun build src/index.js --minify --target bun --outdir dist', kind: 'program', in: 'Bun', files: { 'package.json': MODULES },
    build: (user, dir) => user.run(dir, bun, 'build', 'src/index.js', '--minify', '--target', 'bun', '--outdir', 'dist'),
    run: (user, dir) => user.run(dir, bun, 'dist/index.js'),
  },
  {
    tool: 'Metro', version: versionOf('metro'), command: 'metro build src/index.js --platform ios --dev false --minify true --out dist/index.js', kind: 'program',
    // As engines of React Native, it has no WebAssembly there.
    in: 'Node 24 with `--jitless`', needs: 'react-native', fails: /WebAssembly/, because: 'fails: no WebAssembly there',
    files: {
      'package.json': '{ "name": "user", "private": true }\n',
      'babel.config.js': "module.exports = { presets: ['module:@react-native/babel-preset'] }\n",
      // React Native itself is left out, and what a workspace shares is let in, as its pages on monorepos say.
      'metro.config.js': `const { getDefaultConfig, mergeConfig } = require('@react-native/metro-config')
        const shared = require('node:path').join(require.resolve('metro/package.json'), '../..')
        module.exports = mergeConfig(getDefaultConfig(__dirname), { watchFolders: [shared], serializer: { getModulesRunBeforeMainModule: () => [] } })\n`,
    },
    build(user, dir) {
      mkdirSync(join(dir, 'dist'), { recursive: true })
      return user.tool(dir, 'metro/src/cli.js', 'build', 'src/index.js', '--platform', 'ios', '--dev', 'false', '--minify', 'true', '--out', 'dist/index.js')
    },
    run: (user, dir) => user.run(dir, NODE, '--jitless', 'dist/index.js'),
  },
  {
    tool: 'wrangler', version: versionOf('wrangler'), command: 'wrangler deploy --dry-run --outdir dist', kind: 'worker', in: 'workerd', files: WORKER,
    needs: 'workerd', fails: /Wasm code generation disallowed/, because: 'fails: no Wasm may be compiled there',
    build: (user, dir) => user.tool(dir, 'wrangler/bin/wrangler.js', 'deploy', '--dry-run', '--outdir', 'dist'),
  },
  {
    tool: "Vite with Cloudflare's plugin", version: versionOf('@cloudflare/vite-plugin'), command: 'vite build', kind: 'worker', in: 'workerd',
    needs: 'workerd', fails: /Wasm code generation disallowed/, because: 'fails: no Wasm may be compiled there',
    files: { ...WORKER, 'vite.config.js': "import { cloudflare } from '@cloudflare/vite-plugin'\n\nexport default { plugins: [cloudflare()] }\n" },
    worker: 'dist/user', build: (user, dir) => user.tool(dir, 'vite/bin/vite.js', 'build'),
  },
  {
    tool: 'no bundler', version: '', command: '<script src="halfopen.min.js">', kind: 'script', in: 'Chromium', files: {},
    build(user, dir) {
      const [app, index] = ['app', 'index'].map((name) => readFileSync(join(dir, `src/${name}.js`), 'utf8'))
      const classic = app.replaceAll(/^import (\{.+\}) from '.+'$/gm, 'const $1 = halfopen').replaceAll('export ', '')
      mkdirSync(join(dir, 'dist'))
      writeFileSync(join(dir, 'dist/index.js'), index.includes('app()') ? classic + index : index)
      if (index !== ENTRIES.script.empty) copyFileSync(join(user.installed, 'halfopen.min.js'), join(dir, 'dist/halfopen.min.js'))
      pageOf(dir, 'src="halfopen.min.js"></script>\n<script src="index.js"')
    },
  },
]

/** What can't be had where the tests run. */
export const NOT_TRIED = [
  { tool: 'Next', version: versionOf('next'), command: 'vercel deploy', in: "Vercel's edge", because: 'not tried: needs an account and the network' },
  { tool: 'wrangler', version: versionOf('wrangler'), command: 'wrangler deploy', in: "Cloudflare's edge", because: 'not tried: needs an account and the network' },
]
