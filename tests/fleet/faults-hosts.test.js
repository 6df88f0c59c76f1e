/**
 * What a fleet makes of hosts that are bad while the upstream is well, and how many requests it takes to see that an upstream is well again: with real
 * clients, a real Redis and an HTTP upstream.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { byIORedis, byNodeRedis, Hosts, pause, startUpstream, until } from './hosts.js'
import { startRedis } from './redis.js'

describe('hosts', { concurrency: 2 }, () => {
  test('a fleet stays closed, and no healthy host is refused, with 1 and with 4 of 20 bad', async () => {
    const redis = await startRedis()
    const upstream = await startUpstream({ takes: 15 })
    const hosts = new Hosts({ upstream, rate: 5 })
    try {
      await hosts.start(10, byNodeRedis(redis))
      await hosts.start(10, byIORedis(redis))
      await hosts.closed()
      for (const bad of [1, 4]) {
        for (const { name } of hosts.all.slice(0, bad)) upstream.ill.add(name)
        const [ill, well] = [hosts.all.slice(0, bad), hosts.all.slice(bad)]
        await until(`the circuits of ${bad} bad hosts are open`, () => ill.every(({ refused }) => refused > 0), { says: hosts.says })
        const done = well.map((host) => host.done)
        await pause(5000)
        for (const [index, host] of well.entries()) {
          assert.ok(host.done > done[index] + 5, `${host.done - done[index]} calls`)
          assert.equal(host.refused, 0, `${host.name} of ${bad} bad`)
        }
      }
      const states = new Set(hosts.all.flatMap(({ verdicts }) => verdicts.map(({ state }) => state)))
      // Four are enough to be heard, so it was the healthy that spoke against it.
      assert.ok(states.has('hearing'), [...states].join())
      for (const state of ['open', 'due', 'testing']) assert.ok(!states.has(state), state)
    } finally {
      hosts.end()
      upstream.end()
      await redis.end()
    }
  })

  test('each of 40 recoveries takes one test request of the whole fleet', async () => {
    const redis = await startRedis()
    const upstream = await startUpstream({ takes: 15 })
    const circuits = Array.from({ length: 8 }, (_, index) => `api-${index}`)
    // Local breakers stay open, so that all tests are the fleet's.
    const hosts = new Hosts({ upstream, circuits, rate: 2.5, breaker: { recoveryTimeout: 600_000 } })
    let recoveries = 0
    try {
      await hosts.start(5, byNodeRedis(redis))
      await hosts.start(5, byIORedis(redis))
      await hosts.closed()
      /** One circuit, again and again. */
      const recover = async (circuit) => {
        const every = (is) => () => hosts.all.every((host) => is(host.see(circuit)))
        const tests = () => hosts.tests.filter((one) => one.circuit === circuit).length
        for (let i = 0; i < 5; i++) {
          upstream.ill.add(circuit)
          await until(`${circuit}: all are held`, every(({ isHeld }) => isHeld), { says: hosts.says })
          await until(`${circuit}: nobody is inside`, () => upstream.inside.get(circuit) === 0 && every(({ circuit: state }) => state === 'open')())
          upstream.ill.delete(circuit)
          const before = tests()
          const began = performance.now()
          await until(`${circuit}: all are closed`, every(({ circuit: state, isHeld }) => state === 'closed' && !isHeld), { says: hosts.says })
          const own = hosts.tests.filter((one) => one.circuit === circuit).slice(before).map(({ host, at }) => `${host} after ${Math.round(at - began)} ms`)
          const heard = () => hosts.all.map(({ name, verdicts }) => `${name}: ${verdicts.filter(({ name: of, at }) => of === circuit && at > began).map(({ state, epoch, at }) => `${state} ${epoch} ${Math.round(at - began)}`).join(', ')}`)
          assert.equal(own.length, 1, `${circuit}, recovery ${i}: ${own.join(', ')}; ${own.length === 1 || heard().join('; ')}`)
          recoveries += 1
        }
      }
      await Promise.all(circuits.map(recover))
      console.log(`faults: ${recoveries} recoveries, a test request each`)
      assert.equal(recoveries, 40)
    } finally {
      hosts.end()
      upstream.end()
      await redis.end()
    }
  })
})
