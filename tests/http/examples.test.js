// The examples run as they stand. Those for browsers are served and parsed here, and run in browsers elsewhere. It must not know how they
// work, only what their README says.

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { atEnd, LIMIT, startServer, until } from './support.js'

const exec = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const example = (path) => join(root, 'examples', path)

mkdirSync(example('node_modules'), { recursive: true })
if (!existsSync(example('node_modules/halfopen'))) symlinkSync('../../pkg', example('node_modules/halfopen'))

/** The environment without what the test runner puts into it. */
const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env

describe('the Node service', LIMIT, () => {
  it('answers from memory while its upstream is down', async () => {
    const upstream = await startServer((_, response) => response.writeHead(200).end('{"id":42}'))
    const service = spawn(process.execPath, [example('node-service/service.js')], { env: { ...env, UPSTREAM: upstream.origin, PORT: '0' } })
    atEnd(() => service.kill())
    let said = ''
    for (const stream of [service.stdout, service.stderr]) stream.on('data', (text) => (said += text))
    await until(() => /listening on \S+\n/.test(said), 'the service')
    const [, base] = /listening on (\S+)\n/.exec(said)
    const get = async (path) => {
      const response = await fetch(base + path)
      return [response.status, response.headers.get('x-stale'), await response.text()]
    }
    assert.deepEqual(await get('/users/42'), [200, null, '{"id":42}'])
    upstream.answer = (_, response) => response.writeHead(503).end('{}')
    for (let n = 0; n < 3; n++) assert.deepEqual(await get('/users/42'), [503, null, '{}'])
    const { hits } = upstream
    assert.deepEqual(await get('/users/42'), [200, '1', '{"id":42}'])
    assert.deepEqual(await get('/users/7'), [503, null, '{"error":"unavailable"}'])
    assert.equal(upstream.hits, hits)
    assert.deepEqual(JSON.parse((await get('/health'))[2]), { [upstream.origin]: 'open' })
    assert.match(said, /closed -> open \(failure_threshold\)/)
  })
})

describe('the OpenAI client', LIMIT, () => {
  const ask = async (server, ...questions) => {
    const { stdout } = await exec(process.execPath, [example('openai/ask.js'), ...questions], { env: { ...env, OPENAI_API_KEY: 'key', OPENAI_BASE_URL: `${server.origin}/v1` } })
    return stdout.trim().split('\n')
  }
  it('prints what is streamed', async () => {
    const server = await startServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const content of ['It ', 'breaks']) response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)
      response.end('data: [DONE]\n\n')
    })
    assert.deepEqual(await ask(server, 'What?', 'Why?'), ['It breaks', 'It breaks'])
  })
  it('says when to come back, and asks no more', async () => {
    const server = await startServer((_, response) => response.writeHead(503).end('down'))
    const said = await ask(server, 'What?', 'Why?')
    assert.equal(said.length, 2)
    for (const line of said) assert.match(line, /^The assistant is resting, ask again in (2\d|30) s$/)
    assert.equal(server.hits, 2)
  })
})

for (const folder of ['browser', 'service-worker']) {
  describe(`the example ${folder}`, LIMIT, () => {
    it('is served whole: every file that it names is there and can be parsed', async () => {
      const site = await startServer((request, response) => {
        const path = join(root, decodeURI(new URL(request.url, 'http://site').pathname))
        if (!path.startsWith(root) || !existsSync(path)) return response.writeHead(404).end()
        response.writeHead(200).end(readFileSync(path))
      })
      const page = `${site.origin}/examples/${folder}/index.html`
      const html = await (await fetch(page)).text()
      const imports = JSON.parse(/<script type="importmap">([^<]*)/.exec(html)?.[1] ?? '{}').imports ?? {}
      const waiting = [...html.matchAll(/src="([^"]+)"/g)].map(([, path]) => new URL(path, page).href)
      if (folder === 'service-worker') waiting.push(new URL('worker.js', page).href)
      assert.ok(waiting.length > 0)
      const seen = new Set(waiting)
      for (const url of seen) {
        const response = await fetch(url)
        assert.equal(response.status, 200, url)
        const text = await response.text()
        await transform(text, { loader: 'js', format: 'esm' })
        for (const [, specifier] of text.matchAll(/^import [^'"]*['"]([^'"]+)['"]/gm)) seen.add(new URL(imports[specifier] ?? specifier, url).href)
      }
      assert.ok([...seen].some((url) => url.endsWith('/pkg/fetch.js')))
    })
  })
}

describe('every example', () => {
  it('has a README that says how to run it', () => {
    const folders = readdirSync(example(''), { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    assert.ok(folders.length >= 4)
    for (const { name } of folders) assert.match(readFileSync(join(dirname(example('x')), name, 'README.md'), 'utf8'), /node examples|npm run|http-server/, name)
  })
})
