/**
 * What a fleet costs a process: a closed call as much as without one, whatever its store does, and no timer, listener or rejection that stays.
 */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CircuitBreaker } from '../../pkg/index.js'
import { fleet, redisStore } from '../../pkg/fleet.js'
import { byIORedis, byNodeRedis, pause, SHORT, until } from './hosts.js'
import { startRedis } from './redis.js'

describe('a process', () => {
  test('pays for a closed call what it pays without a fleet, its store being well, stopped or dead', async () => {
    const redis = await startRedis()
    const ways = [await byNodeRedis(redis)(), await byIORedis(redis)()]
    const make = () => new CircuitBreaker({ name: 'api' })
    const alone = make()
    const shared = ways.map(({ connection }) => {
      const breaker = make()
      const joined = fleet({ store: redisStore(connection), namespace: 'cost', ...SHORT }).join(breaker)
      return { breaker, joined }
    })
    try {
      await until('they know their fleet', () => shared.every(({ joined }) => joined.status('api').state !== undefined))
      const work = async () => 1
      const block = async (breaker) => {
        const began = performance.now()
        for (let i = 0; i < 2000; i++) await breaker.call(work)
        return performance.now() - began
      }
      const told = []
      const compare = async (what) => {
        const least = new Map()
        const breakers = [alone, ...shared.map(({ breaker }) => breaker)]
        // Block by block, the least of each: what else the machine does hits all of them, and not every block.
        for (let i = 0; i < 30; i++) {
          for (const breaker of breakers) least.set(breaker, Math.min(least.get(breaker) ?? Infinity, await block(breaker)))
          if (i % 10 === 9) await pause(600)
        }
        const [without, ...rest] = breakers.map((breaker) => Math.round(least.get(breaker) * 500))
        told.push(`${what} ${rest.join(' and ')} ns beside ${without}`)
        for (const one of rest) assert.ok(one < without * 1.5, `${what}: ${one} ns, and ${without} without a fleet`)
      }
      await compare('well')
      redis.stop()
      await compare('stopped')
      redis.go()
      await redis.end()
      await compare('dead')
      console.log(`faults: a call with its store ${told.join('; ')}`)
    } finally {
      for (const { joined } of shared) joined.leave()
      for (const { end } of ways) end()
      await redis.end().catch(() => {})
    }
  })

})

describe('a process that is through', { concurrency: 3 }, () => {
  for (const what of ['well', 'stopped', 'dead']) {
    test(`leaves nothing behind, and ends by itself, with its store ${what}`, async () => {
      const redis = await startRedis()
      const child = fork(fileURLToPath(new URL('./leaver.js', import.meta.url)), [JSON.stringify({ port: redis.port })], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
      const closed = once(child, 'close')
      let complaint = ''
      child.stderr.on('data', (text) => (complaint += text))
      const patience = setTimeout(() => child.kill('SIGKILL'), 40_000)
      try {
        await Promise.race([once(child, 'message'), closed.then(() => assert.fail(complaint))])
        if (what === 'stopped') redis.stop()
        if (what === 'dead') await redis.end()
        child.send('go')
        const [told] = await Promise.race([once(child, 'message'), closed.then(() => assert.fail(complaint))])
        // The clients' own come and go with their connections.
        if (what === 'well') assert.deepEqual(told.after, told.before)
        assert.ok(told.after.timers <= told.before.timers + 2, JSON.stringify(told))
        assert.ok(told.after.listeners <= told.before.listeners + 8, JSON.stringify(told))
        const [code, signal] = await closed
        assert.deepEqual([code, signal, complaint], [0, null, ''])
      } finally {
        clearTimeout(patience)
        child.kill('SIGKILL')
        if (what !== 'dead') await redis.end()
      }
    })
  }
})
