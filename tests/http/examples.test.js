// The examples run as they stand. Of those for browsers, the site is tried here; `tests/browsers` runs their pages. It must not know how
// they work, only what their README says.

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
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

/** Starts a program that says where it listens. */
async function start(path, variables) {
  const child = spawn(process.execPath, [example(path)], { env: { ...env, ...variables, PORT: '0' } })
  atEnd(() => child.kill())
  const program = { said: '' }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (program.said += text))
  await until(() => /listening on \S+\n/.test(program.said), path)
  program.origin = /listening on (\S+)\n/.exec(program.said)[1]
  return program
}

/** A request whose target is sent as it is given, which `fetch` would not do, and what came of it. */
async function ask(origin, target) {
  const { hostname, port } = new URL(origin)
  const request = httpGet({ hostname, port, path: target, agent: false })
  const [response] = await once(request, 'response')
  return { status: response.statusCode, body: await text(response) }
}

describe('the Node service', LIMIT, () => {
  const begin = async () => {
    const upstream = await startServer((_, response) => response.writeHead(200).end('{"id":42}'))
    const service = await start('node-service/service.js', { UPSTREAM: upstream.origin })
    const get = async (path) => {
      const response = await fetch(service.origin + path)
      return [response.status, response.headers.get('x-stale'), await response.text()]
    }
    return { upstream, service, get }
  }
  const UNKNOWN = [503, null, '{"error":"unavailable"}']
  /** Goes down and has the circuit open: what the service answers from now on is its own. */
  const goDown = async ({ upstream, get }, path) => {
    upstream.answer = (_, response) => response.writeHead(503).end('{}')
    for (let n = 0; n < 3; n++) assert.deepEqual(await get(path), [503, null, '{}'])
  }

  it('answers from memory while its upstream is down', async () => {
    const all = await begin()
    const { upstream, service, get } = all
    assert.deepEqual(await get('/users/42'), [200, null, '{"id":42}'])
    await goDown(all, '/users/42')
    const { hits } = upstream
    assert.deepEqual(await get('/users/42'), [200, '1', '{"id":42}'])
    assert.deepEqual(await get('/users/7'), UNKNOWN)
    assert.equal(upstream.hits, hits)
    assert.deepEqual(JSON.parse((await get('/health'))[2]), { [upstream.origin]: 'open' })
    assert.match(service.said, /closed -> open \(failure_threshold\)/)
  })
  it('knows an answer by the query too', async () => {
    const all = await begin()
    const { upstream, get } = all
    upstream.answer = ({ url }, response) => response.writeHead(200).end(url)
    for (const path of ['/users?id=1', '/users?id=2', '/users']) assert.deepEqual(await get(path), [200, null, path])
    await goDown(all, '/users')
    for (const path of ['/users?id=1', '/users?id=2', '/users']) assert.deepEqual(await get(path), [200, '1', path])
    assert.deepEqual(await get('/users?id=3'), UNKNOWN)
  })
  it('asks no other host than its upstream, whatever it is asked for', async () => {
    const { upstream, service } = await begin()
    upstream.answer = ({ url }, response) => response.writeHead(200).end(url)
    const inside = await startServer((_, response) => response.writeHead(200).end('secret'))
    const { host } = new URL(inside.origin)
    for (const target of [`//${host}/secret`, `/\\${host}/secret`, `///${host}/secret`]) {
      const { status, body } = await ask(service.origin, target)
      assert.equal(status, 200)
      assert.equal(body, target.replace('\\', '/'), 'it is a path of the upstream')
    }
    for (const target of [`${inside.origin}/secret`, `http://elsewhere//${host}/secret`]) {
      assert.deepEqual(await ask(service.origin, target), { status: 400, body: '' })
    }
    assert.equal(inside.hits, 0)
  })
  it('forgets the oldest answer when it knows a thousand others', async () => {
    const all = await begin()
    const { get } = all
    await get('/first')
    await get('/second')
    // A new answer for the first makes the second the oldest.
    await get('/first')
    for (let n = 0; n < 999; n += 37) await Promise.all(Array.from({ length: 37 }, (_, k) => get(`/users/${n + k}`)))
    await goDown(all, '/users/0')
    assert.deepEqual(await get('/second'), UNKNOWN)
    assert.deepEqual(await get('/first'), [200, '1', '{"id":42}'])
  })
})

/** Loaded before an example: its timers run 20 times as fast. */
const FASTER = `data:text/javascript,const real = setTimeout; globalThis.setTimeout = (fn, ms, ...args) => real(fn, ms / 20, ...args)`

describe('the OpenAI client', LIMIT, () => {
  const piece = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`
  const ask = async (server, ...questions) => {
    const { stdout } = await exec(process.execPath, ['--import', FASTER, example('openai/ask.js'), ...questions], { env: { ...env, OPENAI_API_KEY: 'key', OPENAI_BASE_URL: `${server.origin}/v1` } })
    return stdout.trim().split('\n').map((line) => line.trim())
  }
  it('prints what is streamed', async () => {
    const server = await startServer((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const content of ['It ', 'breaks']) response.write(piece(content))
      response.end('data: [DONE]\n\n')
    })
    assert.deepEqual(await ask(server, 'What?', 'Why?'), ['It breaks', 'It breaks'])
  })
  it('prints an answer to its end that takes longer than the longest silence', async () => {
    const server = await startServer(async (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      // 1.2 s, where a silence may take one.
      for (let n = 0; n < 12; n++) {
        response.write(piece('on '))
        await wait(100)
      }
      response.end('data: [DONE]\n\n')
    })
    assert.deepEqual(await ask(server, 'What?', 'Why?', 'How?'), Array(3).fill('on '.repeat(12).trim()))
  })
  it('gives up on an answer that stalls, and asks no more', async () => {
    const server = await startServer((_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).write(piece('on ')))
    const said = await ask(server, 'What?', 'Why?', 'How?')
    assert.match(said.at(-1), /^The assistant is resting, ask again in (2\d|30) s$/)
    assert.equal(server.hits, 2)
  })
  it('says when to come back, and asks no more', async () => {
    const server = await startServer((_, response) => response.writeHead(503).end('down'))
    const said = await ask(server, 'What?', 'Why?')
    assert.equal(said.length, 2)
    for (const line of said) assert.match(line, /^The assistant is resting, ask again in (2\d|30) s$/)
    assert.equal(server.hits, 2)
  })
})

describe('the site of the examples for browsers', LIMIT, () => {
  for (const folder of ['browser', 'service-worker']) {
    it(`has every file that ${folder} names, and each can be parsed`, async () => {
      const { origin } = await start('serve.js')
      const page = `${origin}/${folder}/`
      const html = await (await fetch(page)).text()
      const imports = JSON.parse(/<script type="importmap">([^<]*)/.exec(html)?.[1] ?? '{}').imports ?? {}
      const waiting = [...html.matchAll(/src="([^"]+)"/g)].map(([, path]) => new URL(path, page).href)
      if (folder === 'service-worker') waiting.push(new URL('worker.js', page).href)
      assert.ok(waiting.length > 0)
      const seen = new Set(waiting)
      for (const url of seen) {
        const response = await fetch(url)
        assert.equal(response.status, 200, url)
        assert.equal(response.headers.get('content-type'), 'text/javascript', url)
        const text = await response.text()
        await transform(text, { loader: 'js', format: 'esm' })
        for (const [, specifier] of text.matchAll(/^import [^'"]*['"]([^'"]+)['"]/gm)) seen.add(new URL(imports[specifier] ?? specifier, url).href)
      }
      assert.ok(seen.has(`${origin}/node_modules/halfopen/fetch.js`))
    })
  }
  it('tells the time, and falls sick and gets well when it is told', async () => {
    const { origin } = await start('serve.js')
    const time = async () => {
      const response = await fetch(`${origin}/api/time`)
      return [response.status, await response.text()]
    }
    assert.match(String(await time()), /^200,\d{4}-.*Z$/)
    await fetch(`${origin}/sick`, { method: 'PUT' })
    assert.deepEqual(await time(), [503, 'sick'])
    await fetch(`${origin}/sick`, { method: 'DELETE' })
    assert.equal((await time())[0], 200)
  })
  it('has nothing else to give', async () => {
    const { origin } = await start('serve.js')
    const targets = ['/', '/serve.js', '/browser/../serve.js', '/browser/%2e%2e/serve.js', '/browser/..%2fserve.js', `/browser/${new URL('../../package.json', import.meta.url)}`, '//browser/', `${origin}/browser/`, '/browser//etc/passwd']
    for (const target of targets) assert.equal((await ask(origin, target)).status, 404, target)
    assert.equal((await ask(origin, '/browser/')).status, 200)
  })
})

describe('every example', () => {
  it('has a README that says how to run it', () => {
    const folders = readdirSync(example(''), { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    assert.ok(folders.length >= 4)
    for (const { name } of folders) assert.match(readFileSync(join(dirname(example('x')), name, 'README.md'), 'utf8'), /node examples|npm run/, name)
  })
})
