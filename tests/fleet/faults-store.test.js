/**
 * What a fleet does while its store is full, slow, locked, stopped, or of another version: with real clients, a real Redis and an HTTP upstream. Each test
 * has a server and a fleet of its own, so they run side by side.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createClient } from 'redis'
import { byIORedis, byNodeRedis, Hosts, pause, startUpstream, until } from './hosts.js'
import { ask, startRedis } from './redis.js'

describe('a store', { concurrency: 4 }, () => {
  let upstream
  before(async () => {
    upstream = await startUpstream()
  })
  after(() => upstream.end())

  /** Has six hosts share a circuit, three by each client, while something is done to their store. */
  async function withHosts(circuit, { settings, redis: lines = {}, ...more }, work) {
    const redis = await startRedis({ settings: { 'enable-debug-command': 'yes', ...lines } })
    const admin = await createClient({ url: redis.url }).on('error', () => {}).connect()
    const hosts = new Hosts({ upstream, circuits: [circuit], rate: 6, settings, ...more })
    try {
      await hosts.start(3, byNodeRedis(redis))
      await hosts.start(3, byIORedis(redis))
      await hosts.closed()
      await work({ hosts, redis, tell: (...args) => admin.sendCommand(args) })
    } finally {
      upstream.ill.delete(circuit)
      hosts.end()
      admin.destroy()
      await redis.end()
    }
  }

  /** Calls of all hosts that were well in a while. */
  async function passes(hosts, ms) {
    const count = () => hosts.all.reduce((sum, { done }) => sum + done, 0)
    const refused = () => hosts.all.reduce((sum, host) => sum + host.refused, 0)
    const [before, refusedBefore] = [count(), refused()]
    await pause(ms)
    assert.equal(refused(), refusedBefore, 'nobody is refused')
    assert.ok(count() - before > hosts.all.length * hosts.rate * ms / 1000 * 0.4, `${count() - before} calls in ${ms} ms`)
  }

  const errorsOf = (hosts) => hosts.all.map(({ stores }) => stores.filter(({ isReachable }) => !isReachable).map(({ error }) => String(error?.message)))

  test('that is full leaves each process to itself, and has them of one mind again when there is room', () => withHosts('full', {}, async ({ hosts, tell }) => {
    const full = async () => {
      await tell('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
      await tell('CONFIG', 'SET', 'maxmemory', '1')
    }
    await full()
    await passes(hosts, 1500)
    upstream.ill.add('full')
    await hosts.until('each breaker opens by itself', ({ circuit, isHeld }) => circuit !== 'closed' && !isHeld)
    assert.ok(errorsOf(hosts).every((errors) => errors.some((error) => /OOM/.test(error))), JSON.stringify(errorsOf(hosts)))
    upstream.ill.delete('full')
    await hosts.until('each closes by itself', ({ circuit }) => circuit === 'closed')
    await tell('CONFIG', 'SET', 'maxmemory', '0')
    await hosts.closed()
    upstream.ill.add('full')
    await hosts.held()
    // Full while they are held: nobody can have the place of a test.
    await full()
    upstream.ill.delete('full')
    await hosts.until('each tests by itself', ({ circuit }) => circuit === 'closed')
    await tell('CONFIG', 'SET', 'maxmemory', '0')
    await hosts.closed()
  }))

  test('that is slow holds up no call, and the fleet recovers', () => withHosts('slow', { settings: { claimTimeout: 250 } }, async ({ hosts, tell }) => {
    const slow = async () => {
      for (let i = 0; i < 5; i++) {
        await tell('DEBUG', 'SLEEP', '0.7')
        await pause(50)
      }
    }
    const sleeping = slow()
    await passes(hosts, 3000)
    await sleeping
    upstream.ill.add('slow')
    await Promise.all([hosts.held(), slow()])
    upstream.ill.delete('slow')
    const before = hosts.tests.length
    await Promise.all([hosts.closed(), slow()])
    assert.ok(hosts.tests.length - before <= 3, `${hosts.tests.length - before} tests`)
  }))

  test('that is stopped for longer than an answer may take leaves each process to itself, and no verdict is lost', () => withHosts('stopped', {}, async ({ hosts, redis }) => {
    upstream.ill.add('stopped')
    await hosts.held()
    const epoch = Math.max(...hosts.all.map((host) => host.see('stopped').epoch))
    redis.stop()
    await hosts.until('each to itself', ({ isLocal }) => isLocal)
    redis.go()
    await hosts.until('all heed the verdict again', (one) => one.isHeld && !one.isLocal && one.epoch === epoch)
    upstream.ill.delete('stopped')
    await hosts.closed()
    redis.stop()
    try {
      await passes(hosts, 2500)
      upstream.ill.add('stopped')
      await hosts.until('each breaker opens by itself', ({ circuit, isHeld }) => circuit !== 'closed' && !isHeld)
    } finally {
      redis.go()
    }
    // What it was told meanwhile arrives late, all at once.
    await hosts.held()
    upstream.ill.delete('stopped')
    await hosts.closed()
  }))

  test('that takes the password no more leaves each process to itself, until it does again', () => {
    const login = { password: 'one' }
    return withLogin(login, async ({ hosts, tell }) => {
      await tell('CONFIG', 'SET', 'requirepass', 'another')
      await tell('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await tell('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await passes(hosts, 1500)
      upstream.ill.add('locked')
      await hosts.until('each breaker opens by itself', ({ circuit, isHeld }) => circuit !== 'closed' && !isHeld)
      upstream.ill.delete('locked')
      await hosts.until('each closes by itself', ({ circuit }) => circuit === 'closed')
      await until('all say that they have no store', () => hosts.all.every(({ stores }) => stores.at(-1)?.isReachable === false), { says: hosts.says })
      const errors = errorsOf(hosts).flat()
      assert.ok(errors.some((error) => /NOAUTH|WRONGPASS/.test(error)), errors.join())
      await tell('CONFIG', 'SET', 'requirepass', 'one')
      await tell('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await until('all have a store', () => hosts.all.every(({ stores }) => stores.at(-1).isReachable), { says: hosts.says })
      upstream.ill.add('locked')
      await hosts.held()
      upstream.ill.delete('locked')
      await hosts.closed()
    })
  })

  async function withLogin(login, work) {
    const redis = await startRedis()
    await ask(redis.port, 'CONFIG', 'SET', 'requirepass', login.password)
    const admin = await createClient({ url: redis.url, ...login }).on('error', () => {}).connect()
    const hosts = new Hosts({ upstream, circuits: ['locked'], rate: 6 })
    try {
      await hosts.start(3, byNodeRedis({ ...redis, ...login }))
      await hosts.start(3, byIORedis({ ...redis, ...login }))
      await hosts.closed()
      await work({ hosts, tell: (...args) => admin.sendCommand(args) })
    } finally {
      upstream.ill.delete('locked')
      hosts.end()
      admin.destroy()
      await redis.end()
    }
  }

  test('that two versions of the protocol share gives each its own verdict', async () => {
    // The next version, as far as it goes: this one's source with another number.
    const folder = mkdtempSync(join(tmpdir(), 'halfopen-version-'))
    cpSync(fileURLToPath(new URL('../../js/', import.meta.url)), folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const edit = (name, ...edits) => {
      let text = readFileSync(join(folder, name), 'utf8')
      for (const [from, to] of edits) {
        assert.ok(text.includes(from), from)
        text = text.replace(from, to)
      }
      writeFileSync(join(folder, name), text)
    }
    edit('fleet/register.js', ['PROTOCOL = 1', 'PROTOCOL = 2'])
    const { REGISTER, SHA1 } = await import('../../js/fleet/lua/register.js')
    const next = REGISTER.replace("VERSION = '1'", "VERSION = '2'")
    edit('fleet/lua/register.js', ["VERSION = '1'", "VERSION = '2'"], [SHA1, createHash('sha1').update(next).digest('hex')])
    const other = await import(pathToFileURL(join(folder, 'fleet.js')).href)

    const redis = await startRedis()
    const hosts = new Hosts({ upstream, circuits: ['versions'], rate: 6 })
    try {
      await hosts.start(4, byNodeRedis(redis))
      await hosts.start(4, byNodeRedis(redis), other)
      await hosts.closed()
      const [old, young] = [hosts.all.slice(0, 4), hosts.all.slice(4)]
      upstream.ill.add('versions')
      await hosts.held()
      upstream.ill.delete('versions')
      await hosts.closed()
      const admin = await createClient({ url: redis.url }).connect()
      const keys = await admin.keys('*')
      assert.ok(keys.some((key) => key.startsWith('hf1:{faults}:b:versions:')) && keys.some((key) => key.startsWith('hf2:{faults}:b:versions:')), keys.join())
      // A verdict by hand of one is none for the other.
      await old[0].fleet.isolate('versions')
      await until('the old ones are isolated', () => old.every(({ breakers }) => breakers.get('versions').mode === 'isolated'))
      await pause(hosts.settings.poll)
      assert.ok(young.every(({ breakers }) => breakers.get('versions').mode !== 'isolated'))
      await old[0].fleet.release('versions')
      // And who takes the script of one for that of the other is told.
      const store = other.redisStore(old[0].connection, { script: { text: REGISTER, sha1: SHA1 } })
      await assert.rejects(store.run({ type: 'read' }, { namespace: 'faults', names: ['versions'], random: 0, settings: old[0].fleet.settings }), /HFVERSION/)
      admin.destroy()
      for (const { stores } of hosts.all) assert.deepEqual(stores, [])
      await hosts.closed()
    } finally {
      upstream.ill.delete('versions')
      hosts.end()
      await redis.end()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
