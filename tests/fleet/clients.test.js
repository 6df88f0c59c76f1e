/**
 * The store in a real Redis by each client, alone and of a cluster of three nodes, with no more rights than it needs.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import IORedis6, { Cluster as Cluster6 } from 'ioredis'
import IORedis5, { Cluster as Cluster5 } from 'ioredis5'
import IOValkey, { Cluster as ValkeyCluster } from 'iovalkey'
import * as redis6 from 'redis'
import * as redis5 from 'redis5'
import { REGISTER } from '../../js/fleet/lua/register.js'
import { DEFAULTS } from '../../js/fleet/settings.js'
import { ioredis, nodeRedis, redisStore } from '../../pkg/fleet.js'
import { conforms } from './conformance.js'
import { atATime } from './lua-time.js'
import { RIGHTS } from './rights.js'
import { startCluster, startRedis } from './redis.js'

/** Which clients there are, and how each is made: `[client, subscriber, end]`. */
const nodeRedisBy = (redis) => async (url, login) => {
  const client = redis.createClient({ url, ...login })
  client.on('error', () => {})
  await client.connect()
  const subscriber = client.duplicate()
  subscriber.on('error', () => {})
  await subscriber.connect()
  return [nodeRedis(client, subscriber), () => (client.destroy(), subscriber.destroy()), client]
}
const ioredisBy = (Redis) => async (url, login) => {
  const client = new Redis(url, { ...login, enableReadyCheck: login === undefined })
  client.on('error', () => {})
  const subscriber = client.duplicate()
  subscriber.on('error', () => {})
  return [ioredis(client, subscriber), () => (client.disconnect(), subscriber.disconnect()), client]
}
const CLIENTS = {
  'node-redis 6': nodeRedisBy(redis6), 'node-redis 5': nodeRedisBy(redis5),
  'ioredis 6': ioredisBy(IORedis6), 'ioredis 5': ioredisBy(IORedis5), iovalkey: ioredisBy(IOValkey)
}

const ofCluster = {
  'node-redis 6': async (nodes) => clusterOfNodeRedis(redis6, nodes),
  'node-redis 5': async (nodes) => clusterOfNodeRedis(redis5, nodes),
  'ioredis 6': async (nodes) => clusterOfIORedis(Cluster6, nodes),
  'ioredis 5': async (nodes) => clusterOfIORedis(Cluster5, nodes),
  iovalkey: async (nodes) => clusterOfIORedis(ValkeyCluster, nodes)
}
async function clusterOfNodeRedis(redis, nodes) {
  const client = redis.createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) })
  client.on('error', () => {})
  await client.connect()
  return [nodeRedis(client, client), () => client.destroy()]
}
async function clusterOfIORedis(Cluster, nodes) {
  const make = () => new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
  const [client, subscriber] = [make(), make()]
  for (const one of [client, subscriber]) one.on('error', () => {})
  return [ioredis(client, subscriber), () => (client.disconnect(), subscriber.disconnect())]
}

/** Hears one piece of news, by asking for it until it comes: a subscription takes its time. */
async function hearsNews(store, namespace) {
  let heard
  const end = store.subscribe(namespace, (name, reply) => (heard = { name, reply }))
  for (let i = 0; i < 200 && heard === undefined; i++) {
    await store.run({ type: 'switch', mode: i % 2 === 0 ? 'isolated' : 'none' }, { namespace, names: ['a circuit'], random: 0, settings: DEFAULTS })
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  end()
  assert.equal(heard?.name, 'a circuit')
  assert.equal(heard.reply.granted, 0)
}

describe('one server', () => {
  let redis, admin
  before(async () => {
    redis = await startRedis()
    admin = await redis6.createClient({ url: redis.url }).connect()
    await admin.sendCommand(['ACL', 'SETUSER', 'fleet', 'on', '>secret', ...RIGHTS.split(' ')])
    await admin.sendCommand(['ACL', 'SETUSER', 'fleet-test', 'on', '>secret', '+@all', '~*', '&*'])
  })
  after(async () => {
    admin.destroy()
    await redis.end()
  })
  const setTime = (now) => admin.mSet({ seconds: String(Math.floor(now / 1000)), micros: String(now % 1000 * 1000) })

  for (const [name, make] of Object.entries(CLIENTS)) {
    test(`by ${name}: does what register.js does`, async () => {
      const [connection, end] = await make(redis.url)
      try {
        const store = redisStore(connection, { script: atATime(REGISTER) })
        for (const seed of [101, 102, 105]) {
          await admin.del((await admin.keys('hf1:{conformance*')).concat('none'))
          await conforms({ store, setTime, seed, steps: 150 })
        }
      } finally {
        end()
      }
    })

    test(`by ${name}: hears news, with no more rights than docs/fleet.md asks for`, async () => {
      await admin.scriptFlush()
      const [connection, end] = await make(redis.url, { username: 'fleet', password: 'secret' })
      try {
        await hearsNews(redisStore(connection), 'shop')
        // And none beyond: not another namespace, nor what is not in the list.
        await assert.rejects(redisStore(connection).run({ type: 'read' }, { namespace: 'other', names: ['x'], random: 0, settings: DEFAULTS }), /NOPERM|ACL|permission/i)
        await assert.rejects(connection.send(['GET', 'hf1:{shop}:x'], 'hf1:{shop}:x'), /NOPERM/)
      } finally {
        end()
      }
    })
  }

  test('every right is needed', async () => {
    const missing = []
    for (const right of RIGHTS.split(' ').filter((right) => right.startsWith('+') && !/subscribe/.test(right))) {
      await admin.sendCommand(['ACL', 'SETUSER', 'less', 'reset', 'on', '>secret', ...RIGHTS.split(' ').filter((one) => one !== right)])
      await admin.scriptFlush()
      const client = redis6.createClient({ url: redis.url, username: 'less', password: 'secret', disableClientInfo: true })
      client.on('error', () => {})
      await client.connect()
      try {
        const store = redisStore(nodeRedis(client))
        const where = { namespace: 'shop', names: [`less ${right}`], random: 0, settings: { ...DEFAULTS, interval: 10 } }
        let seq = 0
        for (const id of ['a', 'b', 'a', 'c']) await store.run({ type: 'report', id, seq: ++seq, calls: 4, failures: 4, attempts: 4, open: false }, where)
        await store.run({ type: 'report', id: 'd', seq: ++seq, calls: 4, failures: 0, attempts: 4, open: false }, where)
        await store.run({ type: 'leave', id: 'd' }, where)
      } catch (error) {
        assert.match(error.message, /NOPERM|can.t run this command/)
        missing.push(right)
      } finally {
        client.destroy()
      }
    }
    assert.deepEqual(missing, RIGHTS.split(' ').filter((right) => right.startsWith('+') && !/subscribe/.test(right)))
  })

  test('what is no client is refused', () => {
    for (const make of [nodeRedis, ioredis]) {
      assert.throws(() => make({}), { code: 'ERR_INVALID_ARGUMENT', name: 'TypeError' })
      assert.throws(() => make({ sendCommand() {}, call() {} }, {}), { code: 'ERR_INVALID_ARGUMENT' })
    }
    assert.throws(() => redisStore({}), { code: 'ERR_INVALID_ARGUMENT' })
    for (const shards of [0, 1.5, 1025, '2']) assert.throws(() => redisStore({ send() {} }, { shards }), { code: 'ERR_INVALID_OPTION', option: 'shards' })
  })
})

describe('a cluster of three nodes', () => {
  let cluster
  before(async () => {
    cluster = await startCluster()
  })
  after(() => cluster.end())

  for (const [name, make] of Object.entries(ofCluster)) {
    test(`by ${name}: many circuits, over several shards, and their news`, async () => {
      const [connection, end] = await make(cluster.nodes)
      try {
        const names = Array.from({ length: 60 }, (_, i) => `circuit ${i}`)
        const store = redisStore(connection, { shards: 16 })
        const where = { namespace: `of ${name}`.replaceAll(' ', '-'), names, random: 0.5, settings: DEFAULTS }
        for (const polls of [1, 2]) {
          const replies = await store.run({ type: 'poll' }, where)
          assert.deepEqual(replies.map(({ listeners }) => listeners), names.map(() => polls))
        }
        assert.equal((await store.run({ type: 'switch', mode: 'isolated' }, { ...where, names: ['circuit 7'] }))[0].mode, 'isolated')
        const modes = (await store.run({ type: 'read' }, where)).map(({ mode }) => mode)
        assert.deepEqual(modes.flatMap((mode, i) => mode === 'isolated' ? [i] : []), [7])
        await hearsNews(store, `news-${name}`.replaceAll(' ', '-'))
      } finally {
        end()
      }
    })
  }
})
