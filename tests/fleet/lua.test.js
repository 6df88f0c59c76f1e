/**
 * The register in a real Redis: the same as `register.js`, step by step, in reply, state and news.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { createClient } from 'redis'
import { REGISTER, SHA1 } from '../../js/fleet/lua/register.js'
import { REPLY, STATES, SUMS } from '../../js/fleet/register.js'
import { DEFAULTS, SETTINGS } from '../../js/fleet/settings.js'
import { nodeRedis } from '../../js/fleet/stores/clients.js'
import { keysOf, redisStore } from '../../js/fleet/stores/redis.js'
import { conforms } from './conformance.js'
import { atATime } from './lua-time.js'
import { startRedis } from './redis.js'

let redis, client, subscriber, store, connection
before(async () => {
  redis = await startRedis()
  client = await createClient({ url: redis.url }).connect()
  subscriber = await client.duplicate().connect()
  connection = nodeRedis(client, subscriber)
  store = redisStore(connection, { script: atATime(REGISTER) })
})
after(async () => {
  subscriber.destroy()
  client.destroy()
  await redis.end()
})

const setTime = (now) => client.mSet({ seconds: String(Math.floor(now / 1000)), micros: String(now % 1000 * 1000 + 999) })

/** The whole state of a register, as it lies in Redis. */
async function stateOf(namespace, name) {
  const [s, m, z] = keysOf(namespace, name)
  const [fields, members, times] = await Promise.all([client.hGetAll(s), client.hGetAll(m), client.zRangeWithScores(z, 0, -1)])
  const state = { sums: {}, members: {} }
  for (const name of ['origin', 'epoch', 'revision', 'since', 'until', 'interval', 'next', 'round', 'before', 'pause', 'paused', 'failedTests', 'successes', 'grant', 'rate', 'bucket', 'polls', 'pollsBefore', 'latest']) state[name] = Number(fields[name] ?? 0)
  for (const name of SUMS) state.sums[name] = Number(fields[name] ?? 0)
  Object.assign(state, { state: fields.state, mode: fields.mode, holder: fields.holder })
  assert.deepEqual(times.map(({ value }) => value).sort(), Object.keys(members).sort())
  for (const { value: id, score } of times.sort((a, b) => a.value < b.value ? -1 : 1)) {
    const [seq, calls, failures, attempts, some, sick, bad] = members[id].split(' ').map(Number)
    state.members[id] = { seq, at: score, calls, failures, attempts, some, sick, bad }
  }
  return state
}

describe('the script', () => {
  test('is called by the SHA-1 of its text', () => {
    assert.equal(SHA1, createHash('sha1').update(REGISTER).digest('hex'))
  })

  test('reads the settings in the order in which they travel', () => {
    const [, list] = /ipairs\(\{ ('window'[^}]+) \}\)/.exec(REGISTER)
    assert.deepEqual(list.match(/\w+/g), SETTINGS.map(([name]) => name))
  })

  const seen = new Set()
  for (let seed = 1; seed <= 40; seed++) {
    test(`does what register.js does: ${seed}`, async () => {
      for (const state of await conforms({ store, setTime, stateOf, seed, hasNews: true })) seen.add(state)
    })
  }

  test('went through all states', () => {
    assert.deepEqual([...seen].sort(), [...STATES].sort())
  })

  test('takes several circuits at once, each by its name', async () => {
    await setTime(1e12)
    const names = ['one', 'two', 'three']
    const replies = await store.run({ type: 'poll' }, { namespace: 'many', names, random: 0.5, settings: DEFAULTS })
    assert.equal(replies.length, 3)
    for (const reply of replies) assert.equal(reply.listeners, 1)
    assert.deepEqual(Object.keys(replies[0]), [...REPLY])
  })

  test('leaves nothing that does not go by itself', async () => {
    const keys = await client.keys('hf*')
    assert.ok(keys.length > 40)
    for (const key of keys) assert.ok(await client.pTTL(key) > 0, key)
  })

  test('answers no other version of the protocol', async () => {
    await assert.rejects(client.eval(REGISTER, { keys: [], arguments: ['2'] }), /HFVERSION this is version 1 of the protocol, not 2/)
  })

  test('is sent again where the server forgot it', async () => {
    await client.scriptFlush()
    const sent = []
    const watched = redisStore({ send: (args, key) => (sent.push(args[0]), connection.send(args, key)) })
    for (let i = 0; i < 2; i++) await watched.run({ type: 'read' }, { namespace: 'again', names: ['x'], random: 0, settings: DEFAULTS })
    assert.deepEqual(sent, ['EVALSHA', 'EVAL', 'EVALSHA'])
  })

  test('starts anew, without harm, where the server let one of the keys go', async () => {
    const namespace = 'evicted'
    const run = async (command) => (await store.run(command, { namespace, names: ['x'], random: 0, settings: DEFAULTS }))[0]
    await setTime(1e12)
    for (const key of keysOf(namespace, 'x')) {
      let seq = 0
      for (const id of ['a', 'b']) await run({ type: 'report', id, seq: ++seq, calls: 4, failures: 4, attempts: 4, open: false })
      await client.del(key)
      const { state } = await run({ type: 'read' })
      assert.equal(state, 'quiet')
      assert.equal((await stateOf(namespace, 'x')).sums.heard, 0)
      await client.del(keysOf(namespace, 'x'))
    }
  })
})
