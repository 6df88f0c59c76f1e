// The examples with SDKs run as they stand, before a server on this machine. It must not know how they work, only what their README says.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startServer } from './server.js'

const exec = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const LIMIT = { timeout: 60_000 }

/** What each README has linked into the examples' folder. */
const LINKS = { halfopen: 'pkg', ...Object.fromEntries(['ai', '@ai-sdk', 'graphql-request', '@aws-sdk', '@smithy'].map((name) => [name, `tests/sdks/node_modules/${name}`])) }

let server
before(async () => {
  server = await startServer()
  const folder = join(root, 'examples/node_modules')
  mkdirSync(folder, { recursive: true })
  for (const [name, target] of Object.entries(LINKS)) {
    rmSync(join(folder, name), { force: true })
    symlinkSync(join('../..', target), join(folder, name))
  }
})
after(() => server.close())

/** The environment without what the test runner puts into it. */
const { NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env

/** Runs an example; gives the lines that it prints. */
async function run(path, variables, ...args) {
  const { stdout, stderr } = await exec(process.execPath, [join(root, 'examples', path), ...args], { env: { ...env, ...variables } })
  assert.equal(stderr, '')
  return stdout.trim().split('\n')
}

describe('the example with the Vercel AI SDK', LIMIT, () => {
  const ask = (...questions) => run('vercel-ai/ask.js', { OPENAI_API_KEY: 'key', OPENAI_BASE_URL: `${server.origin}/openai` }, ...questions)

  it('prints what is streamed', async () => {
    Object.assign(server, { mood: 'up', hits: 0 })
    assert.deepEqual(await ask('Count', 'Again'), ['one two three', 'one two three'])
  })
  it('says when to come back, and asks no more', async () => {
    Object.assign(server, { mood: 'down', hits: 0 })
    const said = await ask('Count', 'Again')
    assert.match(said[0], /^No answer: /)
    assert.match(said[1], /^The assistant is resting, ask again in (2\d|30) s$/)
    assert.deepEqual([said.length, server.hits], [2, 2])
  })
})

describe('the example with GraphQL', LIMIT, () => {
  const look = (...ids) => run('graphql/user.js', { GRAPHQL_URL: `${server.origin}/graphql` }, ...ids)

  it('finds users', async () => {
    Object.assign(server, { mood: 'up', hits: 0 })
    assert.deepEqual(await look('42', '7'), ['Ada', 'Ada'])
  })
  it('asks no more when it failed inside of a 200', async () => {
    Object.assign(server, { mood: 'fails inside', hits: 0 })
    const said = await look('1', '2', '3')
    assert.deepEqual(said.slice(0, 2), ['Not found: no', 'Not found: no'])
    assert.match(said[2], /^Not asked: Circuit open\. Retry in \d+s \(\S+\)$/)
    assert.equal(server.hits, 2)
  })
  it('goes on asking where its user is to blame', async () => {
    Object.assign(server, { mood: 'forbids', hits: 0 })
    assert.deepEqual(await look('1', '2', '3'), Array(3).fill('Not found: no'))
    assert.equal(server.hits, 3)
  })
})

describe('the example with the AWS SDK', LIMIT, () => {
  const variables = () => ({ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_ENDPOINT_URL: `${server.origin}/dynamodb` })
  const read = (...args) => run('aws/items.js', variables(), ...args)

  it('reads items', async () => {
    Object.assign(server, { mood: 'up', hits: 0 })
    assert.deepEqual(await read('users', '42'), ['{"id":{"S":"42"}}'])
  })
  it('asks no more when the table is down', async () => {
    Object.assign(server, { mood: 'down', hits: 0 })
    const said = await read('users', '1', '2')
    assert.equal(said.length, 2)
    assert.match(said[1], /^not asked, retry in \d+ s$/)
    assert.equal(server.hits, 3)
  })
})
