/**
 * What a fleet does while the way to its store loses, parts, cuts or slows down what is sent, and when a cluster's node fails over: with real clients, a real
 * Redis, a proxy, and an HTTP upstream.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import { ioredis, nodeRedis } from '../../pkg/fleet.js'
import { byIORedis, byNodeRedis, Hosts, pause, startProxy, startUpstream, until } from './hosts.js'
import { ask, startCluster, startRedis } from './redis.js'

describe('the way to a store', { concurrency: 4 }, () => {
  let upstream
  before(async () => {
    upstream = await startUpstream()
  })
  after(() => upstream.end())

  /** Has hosts share a circuit, some of them behind a proxy. */
  async function withProxy(circuit, more, work) {
    const redis = await startRedis()
    const proxy = await startProxy(redis.port)
    const hosts = new Hosts({ upstream, circuits: [circuit], rate: 6, ...more })
    try {
      await work({ redis, proxy, hosts })
    } finally {
      upstream.ill.delete(circuit)
      hosts.end()
      proxy.end()
      await redis.end()
    }
  }

  test('that loses all messages has the fleet open and recover by replies and polls, by one test', () => withProxy('deaf', { breaker: { recoveryTimeout: 600_000 } }, async ({ redis, proxy, hosts }) => {
    await hosts.start(4, byNodeRedis({ port: redis.port, hears: proxy.port }))
    await hosts.start(4, byIORedis({ port: redis.port, hears: proxy.port }))
    await hosts.closed()
    proxy.set('deaf')
    for (let i = 0; i < 3; i++) {
      upstream.ill.add('deaf')
      await hosts.held()
      await hosts.still()
      upstream.ill.delete('deaf')
      const before = hosts.tests.length
      await hosts.closed()
      assert.equal(hosts.tests.length - before, 1)
    }
    assert.ok(proxy.lost > 0, 'there were messages')
  }))

  test('that parts a fleet in two has each half decide for itself, and one mind when it is one again', () => withProxy('parted', { rate: 8 }, async ({ redis, proxy, hosts }) => {
    await hosts.start(3, byNodeRedis(redis))
    await hosts.start(2, byIORedis(redis))
    await hosts.start(3, byNodeRedis(proxy))
    await hosts.start(2, byIORedis(proxy))
    const [near, far] = [hosts.all.slice(0, 5), hosts.all.slice(5)]
    await hosts.closed()

    // Parted while it is open: the near half goes on as a fleet, each of the far one by itself.
    upstream.ill.add('parted')
    await hosts.held()
    proxy.set('still')
    await hosts.until('the far ones decide for themselves', ({ isLocal }) => isLocal, { hosts: far })
    upstream.ill.delete('parted')
    await hosts.until('all are closed', ({ circuit, isHeld }) => circuit === 'closed' && !isHeld)
    const testsOf = (some) => hosts.tests.filter(({ host }) => some.some(({ name }) => name === host)).length
    assert.ok(testsOf(near) > 0 && testsOf(far) > 0)
    proxy.set('cut')
    proxy.set('well')
    await hosts.closed()
    await hosts.until('all have heard', ({ age }) => age < 3000)

    // Parted while it is closed: the far ones have no fleet, and open all the same.
    proxy.set('still')
    upstream.ill.add('parted')
    await hosts.held(near)
    await hosts.until('the far ones open by themselves', ({ circuit, isHeld }) => circuit !== 'closed' && !isHeld, { hosts: far })
    // One again while it is ill: the far ones take over the verdict.
    proxy.set('cut')
    proxy.set('well')
    await hosts.held()
    const epochs = () => new Set(hosts.all.map((host) => host.see('parted').epoch))
    await until('one epoch', () => epochs().size === 1)
    await hosts.still()
    upstream.ill.delete('parted')
    await hosts.closed()
  }))

  test('that is cut, again and again, refuses no healthy call', () => withProxy('cut', {}, async ({ proxy, hosts }) => {
    await hosts.start(3, byNodeRedis(proxy))
    await hosts.start(3, byIORedis(proxy))
    await hosts.closed()
    for (let i = 0; i < 6; i++) {
      proxy.set('cut')
      await pause(300)
      proxy.set('well')
      await pause(200)
    }
    assert.equal(hosts.all.reduce((sum, { refused }) => sum + refused, 0), 0)
    upstream.ill.add('cut')
    await hosts.held()
    upstream.ill.delete('cut')
    await hosts.closed()
  }))

  test('that takes longer than a call waits for its place has the fleet recover all the same', () => withProxy('far', { settings: { claimTimeout: 250, lease: 3000 } }, async ({ proxy, hosts }) => {
    proxy.delay = 170
    await hosts.start(4, byNodeRedis(proxy))
    await hosts.start(4, byIORedis(proxy))
    await hosts.closed()
    upstream.ill.add('far')
    await hosts.held()
    upstream.ill.delete('far')
    const before = hosts.tests.length
    await hosts.closed()
    assert.ok(hosts.tests.length > before)
  }))

  test('that leads to a cluster outlives the node that has the register: a replica takes its place', async () => {
    const cluster = await startCluster()
    const replicas = []
    const hosts = new Hosts({ upstream, circuits: ['cluster'], rate: 6 })
    try {
      for (const { port } of cluster.nodes) {
        const replica = await startRedis({ settings: { 'cluster-enabled': 'yes', 'cluster-node-timeout': '1000', 'repl-diskless-sync-delay': '0' } })
        replicas.push(replica)
        await ask(replica.port, 'CLUSTER', 'MEET', '127.0.0.1', port)
        const id = /[0-9a-f]{40}/.exec(await ask(port, 'CLUSTER', 'MYID'))[0]
        while (!(await ask(replica.port, 'CLUSTER', 'REPLICATE', id)).startsWith('+OK')) await pause(20)
      }
      for (const { port } of cluster.nodes) await ask(port, 'CONFIG', 'SET', 'cluster-node-timeout', '1000')
      for (const { port } of replicas) while (!/master_link_status:up/.test(await ask(port, 'INFO', 'replication'))) await pause(20)
      const ports = cluster.nodes.map(({ port }) => port)
      await hosts.start(3, async () => {
        const client = createCluster({ rootNodes: ports.map((port) => ({ url: `redis://127.0.0.1:${port}` })), defaults: { socket: { reconnectStrategy: 100 } } })
        client.on('error', () => {})
        await client.connect()
        return { connection: nodeRedis(client, client), end: () => client.destroy() }
      })
      await hosts.start(3, async () => {
        const clients = [0, 1].map(() => new Cluster(ports.map((port) => ({ host: '127.0.0.1', port })), { clusterRetryStrategy: () => 100 }))
        for (const client of clients) client.on('error', () => {})
        return { connection: ioredis(...clients), end: () => clients.forEach((client) => client.disconnect()) }
      })
      await hosts.closed()
      upstream.ill.add('cluster')
      await hosts.held()
      const epoch = Math.max(...hosts.all.map((host) => host.see('cluster').epoch))
      const keys = await Promise.all(cluster.nodes.map(async ({ port }) => /\d/.exec(await ask(port, 'DBSIZE'))[0]))
      const index = keys.findIndex((count) => count !== '0')
      const [gone] = cluster.nodes.splice(index, 1)
      await gone.end()
      while (!/role:master/.test(await ask(replicas[index].port, 'INFO', 'replication'))) await pause(50)
      await hosts.until('all have a store, and its verdict', (one) => one.isHeld && !one.isLocal && one.age < 2000 && one.epoch >= epoch, { ms: 40_000 })
      await hosts.still()
      upstream.ill.delete('cluster')
      const before = hosts.tests.length
      await hosts.closed()
      assert.ok(hosts.tests.length > before, JSON.stringify(hosts.all.map(({ verdicts }) => verdicts.map(({ state, epoch }) => `${state} ${epoch}`).join())))
      // And a new verdict is one of all, by the messages of a cluster that is another.
      upstream.ill.add('cluster')
      await hosts.held()
      assert.ok(hosts.all.every((host) => host.see('cluster').epoch > epoch))
    } finally {
      upstream.ill.delete('cluster')
      hosts.end()
      await cluster.end()
      await Promise.all(replicas.map((replica) => replica.end()))
    }
  })
})
