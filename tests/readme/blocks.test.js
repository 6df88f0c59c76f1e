// Every fenced block of README.md, of docs/ and of the two pages for who works on the project. JavaScript, TypeScript and HTML run against
// the built package, and what their comments say about results is checked; commands are looked up, and settings are taken by promtool. A block that is neither run nor
// checked is a failure. It must not know what a block is about.
//
// Each block of code is a program of its own, in the world that preamble.js makes. To run those of one file or line:
//   node --test --test-name-pattern='README.md:30' tests/readme/blocks.test.js

import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { transform } from 'esbuild'
import { chromium } from 'playwright-core'
import { promtool } from '../prometheus/tools.js'
import { blocksOf, pagesOf } from './blocks.js'
import { answerTo, HOST } from './preamble.js'
import { withChecks } from './results.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const readJSON = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'))

const pages = pagesOf(root)
/** Those that ship, and those that are for who works on the project. */
const shipped = ['README.md', ...pages]
const files = [...shipped, 'CONTRIBUTING.md', 'ARCHITECTURE.md']
const blocks = files.flatMap((file) => blocksOf(root, file))

/** How a block of a language is run. Without an entry it is neither run nor checked. */
const RUN = { js: runJS, ts: runTS, html: runHTML, sh: checkCommands, yaml: checkSettings }

/** What a command of a block may be, and when it is right. */
const COMMANDS = [
  [/^npm install (\S+)$/, (name) => name === readJSON('pkg.json').name],
  [/^npm test$/, () => 'test' in readJSON('package.json').scripts],
  [/^npm test -- ([a-z -]+)$/, (names) => names.split(' ').every((name) => new RegExp(`^(${name}\\(\\)|  ${name}\\) )`, 'm').test(readFileSync(join(root, 'scripts/test.sh'), 'utf8')))],
  [/^npm run (?!bench -- --only)(?:--silent )?(\S+)(?: -- --\w+(?: \S+)?)?$/, (name) => name in readJSON('package.json').scripts],
  [/^npm run bench -- --only (\w+)$/, (name) => readFileSync(join(root, 'tests/bench/rows.js'), 'utf8').includes(`name: '${name}'`)],
  [/^node --test (?:--test-name-pattern='([^']+)' )?(\S+)$/, (title, path) => existsSync(join(root, path)) && readFileSync(join(root, path), 'utf8').includes(title ?? '')],
  [/^node (scripts\/\S+)(?: --png \S+)?$/, (path) => existsSync(join(root, path))],
  [/^cargo test --test core (\w+)$/, (name) => readFileSync(join(root, 'tests/core/invariants.rs'), 'utf8').includes(`fn ${name}`)],
]

/** Packages that users have beside ours, and whose folder they are installed in. */
const OF_THE_USER = { undici: '.', openai: '.', '@langchain/openai': 'tests/sdks', '@opentelemetry/api': 'tests/telemetry', '@opentelemetry/sdk-metrics': 'tests/telemetry', 'prom-client': 'tests/telemetry', express: 'tests/dashboard', hono: 'tests/dashboard' }

/** A project of a user who installed the built package. */
let user
const done = { js: 0, ts: 0, html: 0, sh: 0, yaml: 0, results: 0 }

before(async () => {
  user = await mkdtemp(join(tmpdir(), 'halfopen-readme-'))
  await mkdir(join(user, 'node_modules'))
  await symlink(join(root, 'pkg'), join(user, 'node_modules/halfopen'))
  for (const [name, folder] of Object.entries(OF_THE_USER)) {
    await mkdir(dirname(join(user, 'node_modules', name)), { recursive: true })
    await symlink(join(root, folder, 'node_modules', name), join(user, 'node_modules', name))
  }
  await writeFile(join(user, 'package.json'), '{ "name": "user", "private": true, "type": "module" }')
})
after(() => rm(user, { recursive: true, force: true }))

for (const file of files) {
  describe(file, () => {
    for (const block of blocks.filter((one) => one.file === file)) {
      it(`${file}:${block.line} (${block.language || 'no language'})`, async () => {
        const run = RUN[block.language]
        assert.ok(run, `Blocks may be ${Object.keys(RUN).join(', ')}; this one would be neither run nor checked`)
        await run(block)
        done[block.language]++
      })
    }
  })
}

describe('the documents', () => {
  it('have every kind of block, and results that were checked', (test) => {
    test.diagnostic(`ran ${Object.entries(done).map(([what, count]) => `${count} ${what}`).join(', ')}`)
    assert.equal(done.js + done.ts + done.html + done.sh + done.yaml, blocks.length)
    for (const [what, count] of Object.entries(done)) assert.ok(count > 0, `no ${what}`)
  })

  it('have no block that this page does not see', () => {
    for (const file of files) {
      // Fences, counted without any knowledge of what lies between them.
      const fences = readFileSync(join(root, file), 'utf8').match(/^\s*(```|~~~)/gm) ?? []
      assert.equal(fences.length, 2 * blocks.filter((block) => block.file === file).length, file)
    }
  })

  it('link to what exists', () => {
    for (const file of files) {
      for (const [, target] of readFileSync(join(root, file), 'utf8').matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https:/.test(target)) continue
        const [path, anchor] = target.split('#')
        const linked = path === '' ? file : join(file, '..', path)
        assert.ok(existsSync(join(root, linked)), `${file} links to ${target}`)
        if (anchor === undefined) continue
        const headings = [...readFileSync(join(root, linked), 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, text]) => text.toLowerCase().replaceAll(/[^\w -]/g, '').replaceAll(' ', '-'))
        assert.ok(headings.includes(anchor), `${file} links to ${target}`)
      }
    }
  })

  it('are at most 300 lines of README, which leads to each page, and each page leads back', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8')
    assert.ok(readme.split('\n').length <= 300)
    assert.ok(pages.length > 10)
    for (const page of pages) {
      assert.ok(readme.includes(`](${page})`), `The README does not link to ${page}`)
      assert.match(readFileSync(join(root, page), 'utf8'), /\]\(\.\.\/README\.md[#)]/, `${page} does not link to the README`)
    }
  })

  it('link, where they ship, to what ships or to the web', () => {
    for (const file of shipped) {
      for (const [, target] of readFileSync(join(root, file), 'utf8').matchAll(/\]\(([^)\s#]+)[^)\s]*\)/g)) {
        if (/^https:/.test(target)) continue
        assert.ok(existsSync(join(root, 'pkg', file, '..', target)), `${file} links to ${target}, which is not in pkg/`)
      }
    }
  })

  it('name in ARCHITECTURE.md every room of js/ and src/, and only files that there are', () => {
    const named = [...readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').matchAll(/`((?:js|src|tests|scripts|docs)\/[\w./-]*)`/g)].map(([, path]) => path)
    for (const path of named) assert.ok(existsSync(join(root, path)), `ARCHITECTURE.md names ${path}`)
    const isRoom = (path) => statSync(join(root, path)).isDirectory() && !path.endsWith('/generated')
    const rooms = ['js', 'src'].flatMap((top) => readdirSync(join(root, top), { recursive: true }).map((name) => `${top}/${name}`)).filter(isRoom)
    for (const room of rooms) assert.ok(named.includes(room), `ARCHITECTURE.md does not name ${room}`)
  })

  it('are checked by a test that can fail', async () => {
    const block = { file: 'none.md', line: 0, language: 'js', text: "import { CircuitBreaker } from 'halfopen'\nnew CircuitBreaker().state // → 'open'\n" }
    await assert.rejects(runJS(block), /line 2 says otherwise/)
    const unreached = { ...block, text: "if (false) {\n1 + 1 // → 2\n}\n" }
    await assert.rejects(runJS(unreached), /never reached/)
    await assert.rejects(async () => checkCommands({ ...block, language: 'sh', text: 'npm run nothing\n' }), /npm run nothing/)
    await assert.rejects(async () => checkCommands({ ...block, language: 'sh', text: 'rm -rf .\n' }), /Nobody checks/)
    await assert.rejects(checkSettings({ ...block, language: 'yaml', text: 'rule_files: [alerts.yml]\nscrape_config: []\n' }), /scrape_config not found/)
    assert.throws(() => withChecks({ ...block, text: '1 + 1 // -> 2\n' }), /write results as/)
  })
})

/** @param {import('./blocks.js').Block} block */
async function runJS(block) {
  const isCommonJS = /\brequire\(/.test(block.text)
  const { text, lines } = withChecks(block)
  await runInNode(block, text, lines, isCommonJS ? 'cjs' : 'mjs')
}

/** @param {import('./blocks.js').Block} block */
async function runTS(block) {
  await checkTypes(block)
  const { text, lines } = withChecks(block)
  const { code } = await transform(text, { loader: 'ts', target: 'es2022' })
  await runInNode(block, code, lines, 'mjs')
}

/**
 * Runs a program in a Node of its own and sees to it that all its results were reached. It has to end by itself and say nothing
 * on stderr, but for warnings of what is experimental in Node, such as its fake timers.
 */
async function runInNode({ file, line }, text, lines, extension) {
  const name = `${file.replaceAll(/\W/g, '-')}-${line}.${extension}`
  const checked = join(user, `${name}.checked`)
  await writeFile(join(user, name), text)
  await writeFile(checked, '')
  const preamble = pathToFileURL(join(here, 'preamble.js')).href
  const { NODE_TEST_CONTEXT, NODE_OPTIONS, ...env } = process.env
  await new Promise((resolve, reject) => {
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', '--import', preamble, name], { cwd: user, env: { ...env, CHECKED: checked } }, (error, _, stderr) => {
      if (error || stderr !== '') reject(new Error(`${file}:${line} failed\n${stderr}`, { cause: error }))
      else resolve()
    })
  })
  const reached = new Set((await readFile(checked, 'utf8')).split('\n').filter(Boolean).map(Number))
  assertReached(file, lines, reached)
}

/** @param {import('./blocks.js').Block} block */
async function checkTypes({ file, line, text }) {
  const name = `${file.replaceAll(/\W/g, '-')}-${line}-types.ts`
  const config = join(user, `${name}.tsconfig.json`)
  await writeFile(join(user, name), text)
  await writeFile(config, JSON.stringify({ extends: join(root, 'tests/types/tsconfig.json'), compilerOptions: { paths: {} }, files: [name] }))
  await new Promise((resolve, reject) => {
    execFile(join(root, 'node_modules/.bin/tsc'), ['--project', config, '--pretty', 'false'], { cwd: user }, (error, stdout) =>
      error ? reject(new Error(`${file}:${line} does not compile\n${stdout}`)) : resolve()
    )
  })
}

/**
 * Opens a page in Chromium, from a server whose root is the user's project. It has to reach all its results and say nothing but what it
 * logs.
 *
 * @param {import('./blocks.js').Block} block
 */
async function runHTML(block) {
  const { file, line } = block
  const { text, lines } = withChecks(block)
  const server = createServer(({ url }, response) => {
    const { pathname } = new URL(url ?? '/', 'http://127.0.0.1')
    if (pathname === '/') return response.writeHead(200, { 'content-type': 'text/html' }).end(text)
    if (pathname === '/favicon.ico') return response.writeHead(204).end()
    const path = join(user, pathname)
    if (!existsSync(path)) return response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(readFileSync(path))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const executablePath = execFileSync('bash', ['-c', 'source scripts/toolchain.sh && find_browser'], { cwd: root, encoding: 'utf8' }).trim()
  const browser = await chromium.launch({ executablePath, args: readJSON('tests/webdriver.json')['goog:chromeOptions'].args })
  try {
    const page = await browser.newPage()
    const said = []
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && said.push(message.text()))
    page.on('pageerror', (error) => said.push(String(error)))
    const found = new Map()
    let onReached
    const all = new Promise((resolve) => (onReached = resolve))
    await page.exposeFunction('found', (number, actual, expected) => {
      found.set(number, [actual, expected])
      if (found.size === lines.length) onReached()
    })
    await page.addInitScript(() => {
      globalThis.documented = (number, actual, expected) => {
        globalThis.found(number, actual, expected)
        return actual
      }
    })
    await page.route(`${HOST}/**`, (route) => {
      const { status, headers, body } = answerTo(new URL(route.request().url()).pathname) ?? {}
      return status === undefined ? undefined : route.fulfill({ status, headers, body })
    })
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    if (lines.length > 0) await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 10_000).unref())])
    assert.deepEqual(said, [])
    for (const [number, [actual, expected]] of found) assert.deepEqual(actual, expected, `${file}:${number} says otherwise`)
    assertReached(file, lines, new Set(found.keys()))
    assert.equal(await page.locator('script:not([src])').count(), 1, `${file}:${line} runs nothing`)
  } finally {
    await browser.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** @param {import('./blocks.js').Block} block */
async function checkCommands({ file, line, text }) {
  for (const command of text.split('\n').filter(Boolean)) {
    const known = COMMANDS.find(([form]) => form.test(command))
    assert.ok(known, `${file}:${line}: Nobody checks the command \`${command}\``)
    const [form, isRight] = known
    assert.ok(isRight(...(form.exec(command)?.slice(1) ?? [])), `${file}:${line}: there is no \`${command}\``)
  }
}

/**
 * Settings of a Prometheus, beside the alert rules that they may name.
 *
 * @param {import('./blocks.js').Block} block
 */
async function checkSettings({ file, line, text }) {
  const folder = await mkdtemp(join(user, 'prometheus-'))
  for (const name of readdirSync(join(root, 'grafana'))) await copyFile(join(root, 'grafana', name), join(folder, name))
  await writeFile(join(folder, 'prometheus.yml'), text)
  const said = await promtool('check', 'config', join(folder, 'prometheus.yml'))
  assert.match(said, /rules found/, `${file}:${line} names no rules`)
}

function assertReached(file, lines, reached) {
  for (const number of lines) assert.ok(reached.has(number), `${file}:${number}: this result was never reached`)
  done.results += lines.length
}
