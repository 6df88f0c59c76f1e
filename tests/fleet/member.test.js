/**
 * What processes do with their fleet's verdict: real breakers and a real register, time by hand.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CircuitBreaker, CircuitBreakerRegistry } from '../../pkg/index.js'
import { fleet, memoryStore } from '../../pkg/fleet.js'
import { World } from './world.js'

const twenty = (more = {}) => new World({ processes: 20, ...more })

describe('an outage', () => {
  test('is seen by the fleet where no process alone would ever trip, and over for all within the spread', async () => {
    const world = twenty()
    await world.pass(30_000, 0.5)
    assert.deepEqual(world.states(), { closed: 20 })
    world.isIll = true
    const before = world.hits
    await world.pass(30_000, 0.5)
    assert.equal(world.processes.filter(({ breaker }) => breaker.state !== 'closed').length, 20)
    // Without a fleet it were 300.
    assert.ok(world.hits - before < 100, `${world.hits - before} hits`)
    world.isIll = false
    await world.pass(25_000, 0.5)
    assert.deepEqual(world.states(), { closed: 20 })
    assert.deepEqual([...new Set(world.processes.map(({ fleet }) => fleet.status('api').state))], ['quiet'])
  })

  test('is tested by one call at a time, of the whole fleet', async () => {
    const world = twenty()
    await world.pass(10_000, 1)
    world.isIll = true
    await world.pass(60_000, 1, { takes: 400 })
    world.isIll = false
    await world.pass(30_000, 1, { takes: 400 })
    assert.deepEqual(world.states(), { closed: 20 })
    assert.equal(world.mostInTest, 1)
  })

  test('is known to all within a second after processes with calls tripped', async () => {
    const world = twenty({ breaker: { failureThreshold: 5 } })
    await world.pass(10_000, 20)
    world.isIll = true
    let first, all
    for (let ms = 0; ms < 5000 && all === undefined; ms += 25) {
      await world.pass(25, 20)
      const { closed = 0 } = world.states()
      if (closed < 20) first ??= ms
      if (world.processes.every(({ fleet }) => fleet.status('api').isHeld)) all = ms
    }
    assert.ok(all - first <= 1000, `${all - first} ms`)
  })

  test('is known to all without any news from the store, by replies and polls', async () => {
    const world = twenty()
    world.hasNews = false
    await world.pass(10_000, 1)
    world.isIll = true
    await world.pass(25_000, 1)
    assert.ok(world.processes.every(({ fleet }) => fleet.status('api').isHeld || fleet.status('api').state !== 'quiet'))
    const { closed = 0 } = world.states()
    assert.equal(closed, 0)
    world.isIll = false
    await world.pass(40_000, 1)
    assert.deepEqual(world.states(), { closed: 20 })
    assert.equal(world.mostInTest, 1)
  })

  test('of four hosts in twenty closes nobody\'s circuit', async () => {
    for (const hasNews of [true, false]) {
      const world = twenty({ breaker: { failureThreshold: 5 }, seed: 3 })
      world.hasNews = hasNews
      for (const process of world.processes.slice(0, 4)) process.isIll = true
      await world.pass(90_000, 2)
      const healthy = world.processes.slice(4)
      assert.equal(healthy.reduce((sum, { refused }) => sum + refused, 0), 0)
      assert.ok(healthy.every(({ fleet }) => !fleet.status('api').isHeld))
    }
  })

  test('does not stop a process that has another way, until that fails too', async () => {
    const world = twenty()
    const other = world.processes[0]
    other.isIll = false
    await world.pass(10_000, 5)
    world.isIll = true
    await world.pass(20_000, 5)
    assert.equal(other.breaker.state, 'closed')
    assert.equal(other.refused, 0)
    assert.equal(other.fleet.status('api').isDissenting, true)
    other.isIll = true
    await world.pass(5000, 5)
    assert.notEqual(other.breaker.state, 'closed')
    assert.equal(other.fleet.status('api').isDissenting, false)
  })

  test('ends a lease when the process that tests dies, and one other takes its place', async () => {
    const world = twenty()
    world.isIll = true
    await world.pass(12_000, 1)
    // It got the place, and is never heard of again.
    const [{ granted }] = await world.server.run({ type: 'claim', id: 'dead' }, { namespace: 'world', names: ['api'], random: 0, settings: world.processes[0].fleet.settings })
    if (granted === 0) await world.pass(10_000)
    const died = world.hits
    await world.pass(2900, 1)
    if (granted === 1) assert.equal(world.hits, died)
    world.isIll = false
    await world.pass(30_000, 1)
    assert.deepEqual(world.states(), { closed: 20 })
    assert.equal(world.mostInTest, 1)
  })

  test('is joined by a process that starts meanwhile', async () => {
    const world = twenty()
    world.isIll = true
    await world.pass(12_000, 1)
    const late = world.start()
    await world.pass(1100)
    assert.notEqual(late.breaker.state, 'closed')
    assert.equal(late.fleet.status('api').isHeld, true)
  })
})

describe('a store', () => {
  for (const how of ['dead', 'deaf']) {
    test(`that is ${how} from the start changes nothing`, async () => {
      const world = twenty({ breaker: { failureThreshold: 5, recoveryTimeout: 5000 } })
      world.store = how
      const events = []
      world.processes[0].fleet.addEventListener('store', ({ detail }) => events.push(detail.isReachable))
      await world.pass(10_000, 2)
      assert.equal(world.processes.reduce((sum, { refused }) => sum + refused, 0), 0)
      world.isIll = true
      await world.pass(20_000, 2)
      assert.deepEqual(world.states().closed ?? 0, 0)
      world.isIll = false
      await world.pass(20_000, 2)
      assert.deepEqual(world.states(), { closed: 20 })
      assert.deepEqual(events, [false])
    })

    test(`that gets ${how} in an outage leaves the verdict until it is stale, and then each process to itself`, async () => {
      const world = twenty({ breaker: { recoveryTimeout: 3000, successThreshold: 1 } })
      world.isIll = true
      await world.pass(15_000, 1)
      assert.equal(world.states().closed ?? 0, 0)
      world.store = how
      const before = world.hits
      await world.pass(5000, 1)
      assert.ok(world.hits - before <= 20, `${world.hits - before} hits`)
      world.isIll = false
      await world.pass(40_000, 1)
      assert.deepEqual(world.states(), { closed: 20 })
    })
  }

  test('that comes back after all processes recovered alone learns that from them', async () => {
    const world = twenty({ breaker: { recoveryTimeout: 3000, successThreshold: 1 } })
    world.isIll = true
    await world.pass(15_000, 1)
    world.store = 'dead'
    world.isIll = false
    await world.pass(60_000, 1)
    assert.deepEqual(world.states(), { closed: 20 })
    const refused = world.processes.reduce((sum, { refused }) => sum + refused, 0)
    world.store = 'well'
    await world.pass(60_000, 1)
    assert.equal(world.processes.reduce((sum, { refused }) => sum + refused, 0), refused)
    assert.deepEqual([...new Set(world.processes.map(({ fleet }) => fleet.status('api').state))], ['quiet'])
  })

  test('that comes back goes on with what its processes know', async () => {
    const world = twenty({ fleet: { recoveryTimeout: 60_000 } })
    world.isIll = true
    await world.pass(20_000, 1)
    const { epoch } = world.processes[0].fleet.status('api')
    world.store = 'dead'
    await world.pass(3000, 1)
    world.loseStore()
    world.store = 'well'
    const before = world.hits
    await world.pass(20_000, 1)
    assert.equal(world.hits, before)
    for (const { fleet, breaker } of world.processes) {
      assert.equal(breaker.state, 'open')
      assert.equal(fleet.status('api').epoch, epoch)
      assert.equal(fleet.status('api').state, 'open')
    }
  })

  test('that was emptied without a word is told by whoever asks first', async () => {
    const world = twenty({ fleet: { recoveryTimeout: 60_000 } })
    world.isIll = true
    await world.pass(20_000, 1)
    const before = world.hits
    world.loseStore()
    await world.pass(16_000, 1)
    assert.equal(world.hits, before)
    const [reply] = await world.server.run({ type: 'read' }, { namespace: 'world', names: ['api'], random: 0, settings: world.processes[0].fleet.settings })
    assert.equal(reply.state, 'open')
    assert.equal(reply.epoch, 1)
  })

  for (const delay of [170, 400, 900]) {
    test(`that is ${delay} ms away, longer than a call waits, has the circuit tested all the same, one call at a time`, async () => {
      const world = twenty()
      world.delay = delay
      await world.pass(30_000, 1)
      world.isIll = true
      await world.pass(40_000, 1, { takes: 100 })
      assert.ok(world.processes.every(({ fleet }) => fleet.status('api').isHeld))
      const before = world.hits
      await world.pass(20_000, 1, { takes: 100 })
      assert.ok(world.hits > before, 'it is tested')
      world.isIll = false
      await world.pass(50_000, 1, { takes: 100 })
      assert.deepEqual(world.states(), { closed: 20 })
      assert.equal(world.mostInTest, 1)
    })
  }

  test('gives the place of a test back that came too late for the call, and for which no other came', async () => {
    const world = twenty()
    await world.pass(15_000, 1)
    world.isIll = true
    await world.pass(15_000, 1)
    world.delay = 400
    const outcomes = []
    const { run } = world.server
    world.server.run = (command, where) => {
      if (command.type === 'settle') outcomes.push(command.outcome)
      return run(command, where)
    }
    world.isIll = false
    // Due by now. One call, and then none.
    await world.pass(10_000)
    outcomes.length = 0
    for (const process of world.processes) {
      world.call(process)
      await world.pass(1)
    }
    await world.pass(10_000)
    assert.deepEqual([...new Set(outcomes)], ['ignored'])
    await world.pass(60_000, 1)
    assert.deepEqual(world.states(), { closed: 20 })
  })

  test('is polled at moments that are spread, by processes that started together', async () => {
    const world = new World({ processes: 60 })
    await world.pass(30_000, 1)
    const at = []
    const { run } = world.server
    world.server.run = (command, where) => {
      if (command.type === 'poll') at.push(Math.floor(world.clock.now() / 1000))
      return run(command, where)
    }
    await world.pass(15_000, 1)
    const most = Math.max(...at.map((second) => at.filter((one) => one === second).length))
    assert.equal(at.length, 60)
    assert.ok(most <= 15, `${most} in one second`)
  })

  test('hears no idle process at a hearing, since the share that is asked is of those who poll', async () => {
    const world = new World({ processes: 40 })
    const all = world.processes
    await world.pass(1000)
    world.processes = all.slice(0, 10)
    await world.pass(60_000, 1)
    const reporters = new Set()
    const { run } = world.server
    world.server.run = (command, where) => {
      if (command.type === 'report') reporters.add(command.id)
      return run(command, where)
    }
    world.isIll = true
    await world.pass(10_000, 1)
    assert.deepEqual([...reporters].sort(), world.processes.map(({ fleet }) => fleet.id).sort())
    world.processes = all
    assert.equal(world.processes.filter(({ fleet }) => fleet.status('api').isHeld).length, 40)
  })

  test('that is full, and answers only those who ask, leaves each process to itself, until there is room', async () => {
    const world = twenty()
    await world.pass(20_000, 1)
    world.isIll = true
    await world.pass(20_000, 1)
    assert.ok(world.processes.every(({ fleet }) => fleet.status('api').isHeld))
    const { run } = world.server
    world.server.run = (command, where) => {
      if (command.type !== 'read' && command.type !== 'poll') throw new Error('OOM command not allowed')
      return run(command, where)
    }
    world.isIll = false
    await world.pass(60_000, 1)
    assert.deepEqual(world.states(), { closed: 20 })
    world.server.run = run
    await world.pass(60_000, 1)
    assert.deepEqual([...new Set(world.processes.map(({ fleet }) => fleet.status('api').state))], ['quiet'])
    assert.deepEqual(world.states(), { closed: 20 })
  })

  test('that throws, or answers nonsense, is no call\'s business', async () => {
    for (const run of [() => { throw new Error('at once') }, async () => 'nonsense', async () => [], async () => [undefined], async () => [{}]]) {
      const world = new World({ processes: 3, fleet: { store: { run, subscribe: () => { throw new Error('no') } } } })
      world.isIll = true
      await world.pass(20_000, 2)
      assert.deepEqual(world.states(), { closed: 3 })
      for (const { breaker, fleet } of world.processes) assert.deepEqual([breaker.mode, fleet.status('api').state], ['normal', undefined])
    }
  })

  test('is asked little while all is well, and no more than 64 questions stand open', async () => {
    const world = twenty()
    await world.pass(60_000, 5)
    // 20 processes poll each 15 s.
    assert.ok(world.sent.length <= 100 && world.sent.length >= 80, `${world.sent.length}`)
    assert.deepEqual([...new Set(world.sent)], ['poll'])
    world.store = 'deaf'
    world.sent.length = 0
    world.isIll = true
    await world.pass(55_000, 5)
    assert.ok(world.sent.length <= 20 * 64, `${world.sent.length}`)
  })
})

describe('calls that can\'t wait', () => {
  test('test at once, one a process at most', async () => {
    const world = new World({ processes: 5, fleet: { recoveryTimeout: 2000, longestRecovery: 2000 } })
    world.isIll = true
    await world.pass(15_000, 2)
    for (let i = 0; i < 10_000 && !world.processes.some(({ fleet }) => fleet.status('api').state === 'due'); i++) await world.pass(10)
    const before = world.hits
    for (const { breaker } of world.processes) {
      for (let i = 0; i < 100; i++) {
        try {
          breaker.callSync(() => {
            world.hits += 1
            throw new Error('ill')
          })
        } catch {}
      }
    }
    assert.ok(world.hits > before && world.hits <= before + 5, `${world.hits - before}`)
    await world.pass(10)
    assert.equal(world.processes[0].fleet.status('api').state, 'open')
    world.isIll = false
    await world.pass(20_000, 2)
    assert.deepEqual(world.states(), { closed: 5 })
  })

  test('nor do those of a fleet that is loose', async () => {
    const world = twenty({ fleet: { loose: true } })
    world.isIll = true
    await world.pass(60_000, 1)
    assert.equal(world.states().closed ?? 0, 0)
    world.isIll = false
    await world.pass(30_000, 1)
    assert.deepEqual(world.states(), { closed: 20 })
  })
})

describe('by hand', () => {
  test('a circuit is isolated in all processes, and in one that joins later, until it is released', async () => {
    const world = new World({ processes: 3 })
    await world.pass(2000)
    const verdict = await world.processes[0].fleet.isolate('api')
    assert.deepEqual(verdict, { name: 'api', state: 'quiet', from: undefined, mode: 'isolated', epoch: 1 })
    await world.pass(10)
    const late = world.start()
    await world.pass(1100)
    for (const { breaker } of world.processes) assert.equal(breaker.mode, 'isolated')
    await late.fleet.release('api')
    await world.pass(10)
    for (const { breaker } of world.processes) assert.equal(breaker.mode, 'normal')
  })

  test('all processes observe, and refuse nobody', async () => {
    const world = twenty()
    await world.pass(2000)
    await world.processes[0].fleet.observe('api')
    world.isIll = true
    await world.pass(20_000, 1)
    assert.equal(world.processes.reduce((sum, { refused }) => sum + refused, 0), 0)
    assert.ok(world.processes.reduce((sum, { breaker }) => sum + breaker.metrics.wouldRejectCalls, 0) > 0)
    await world.processes[0].fleet.release('api')
    await world.pass(10)
    for (const { breaker } of world.processes) assert.equal(breaker.mode, 'normal')
  })

  test('what is closed by hand in one process stays closed, until it fails', async () => {
    const world = twenty({ fleet: { recoveryTimeout: 60_000 } })
    world.isIll = true
    await world.pass(20_000, 1)
    const [one] = world.processes
    one.breaker.reset()
    one.isIll = false
    await world.pass(5000, 2)
    assert.equal(one.breaker.state, 'closed')
    one.isIll = true
    await world.pass(5000, 2)
    assert.equal(one.breaker.state, 'open')
  })

  test('a switch where the store can\'t be reached is refused', async () => {
    const world = new World({ processes: 1 })
    world.store = 'dead'
    await assert.rejects(world.processes[0].fleet.isolate('api'), /ECONNREFUSED/)
    await assert.rejects(world.processes[0].fleet.isolate(''), { code: 'ERR_INVALID_ARGUMENT' })
  })
})

describe('joining and leaving', () => {
  test('a registry joins with the breakers that it has, and those that come', async () => {
    const world = new World()
    const registry = new CircuitBreakerRegistry({ clock: world.clock, maxBreakers: 2 })
    registry.get('a')
    const one = world.fleetOf().join(registry)
    registry.get('b')
    await world.pass(1100)
    assert.deepEqual(one.status().map(({ name }) => name), ['a', 'b'])
    registry.get('c')
    await world.pass(1100)
    assert.equal(one.status().length, 2)
    assert.equal(one.status('c').breakers, 1)
    registry.clear?.()
    one.leave(registry)
    assert.deepEqual(one.status(), [])
  })

  test('a registry of a thousand breakers is asked about in turns, all of it, also after the store was away', async () => {
    const world = new World()
    const registry = new CircuitBreakerRegistry({ clock: world.clock, maxBreakers: 10_000 })
    for (let i = 0; i < 5000; i++) registry.get(`key ${i}`)
    const one = world.fleetOf()
    world.store = 'dead'
    one.join(registry)
    await world.pass(3000)
    assert.ok(one.status().every(({ state }) => state === undefined))
    world.store = 'well'
    await world.pass(10_000)
    for (let i = 0; i < 100; i++) await world.pass(1)
    assert.ok(one.status().every(({ state }) => state === 'quiet'))
    one.leave()
  })

  test('two breakers of one name are one circuit of the fleet', async () => {
    const world = twenty()
    const [{ fleet: one }] = world.processes
    const second = new CircuitBreaker({ name: 'api', clock: world.clock })
    one.join(second)
    assert.equal(one.status('api').breakers, 2)
    world.isIll = true
    await world.pass(20_000, 1)
    assert.notEqual(second.state, 'closed')
    one.leave(world.processes[0].breaker)
    assert.equal(one.status('api').breakers, 1)
  })

  test('who left has no timer, hears nothing, and its breaker goes on by itself', async () => {
    const world = twenty({ breaker: { recoveryTimeout: 1000, successThreshold: 1 } })
    world.isIll = true
    await world.pass(20_000, 1)
    const [one] = world.processes
    one.fleet.leave()
    assert.deepEqual(one.fleet.status(), [])
    world.isIll = false
    await world.pass(1000)
    await world.call(one)
    assert.equal(one.breaker.state, 'closed')
    for (const { fleet } of world.processes) fleet.leave()
    await world.pass(10_000)
    assert.equal(world.timers.length, 0)
    one.fleet.join(one.breaker)
    await world.pass(1100)
    assert.equal(one.fleet.status('api').age < 1100, true)
  })

  test('what is no breaker, has no name, or has joined is refused, and nothing changed', () => {
    const make = () => fleet({ store: memoryStore(), namespace: 'x' })
    const one = make()
    assert.throws(() => one.join({}), { code: 'ERR_INVALID_ARGUMENT', message: 'Expected a CircuitBreaker or a CircuitBreakerRegistry, got an object' })
    assert.throws(() => one.join(new CircuitBreaker()), { code: 'ERR_INVALID_ARGUMENT' })
    const breaker = new CircuitBreaker({ name: 'x' })
    one.join(breaker)
    assert.throws(() => one.join(breaker), { code: 'ERR_INVALID_ARGUMENT' })
    const other = make()
    assert.throws(() => other.join(breaker), { code: 'ERR_INVALID_ARGUMENT' })
    assert.deepEqual(other.status(), [])
    one.leave()
    other.join(breaker).leave()
    const unnamed = new CircuitBreaker()
    one.join(unnamed, { name: () => 'given' })
    assert.equal(one.status('given').breakers, 1)
    one.leave()
  })

  test('each option is checked', () => {
    const store = memoryStore()
    for (const [options, option] of [
      [undefined, 'store'], [{}, 'store'], [{ store: {} }, 'store'], [{ store }, 'namespace'], [{ store, namespace: '' }, 'namespace'], [{ store, namespace: 'a{b' }, 'namespace'],
      [{ store, namespace: 'x', id: '' }, 'id'], [{ store, namespace: 'x', id: 5 }, 'id'], [{ store, namespace: 'x', loose: 1 }, 'loose'],
      [{ store, namespace: 'x', claimTimeout: 0 }, 'claimTimeout'], [{ store, namespace: 'x', testTimeout: NaN }, 'testTimeout'], [{ store, namespace: 'x', clock: {} }, 'clock'],
      [{ store, namespace: 'x', random: 5 }, 'random'], [{ store, namespace: 'x', timers: {} }, 'timers'], [{ store, namespace: 'x', quorum: 0 }, 'quorum'],
      [{ store, namespace: 'x', failureRatio: 1 }, 'failureRatio']
    ]) {
      assert.throws(() => fleet(options), { code: 'ERR_INVALID_OPTION', option })
    }
  })

  test('verdicts are told, each once', async () => {
    const world = twenty()
    const told = []
    world.processes[3].fleet.addEventListener('verdict', ({ detail }) => told.push(detail))
    await world.pass(2000)
    world.isIll = true
    await world.pass(15_000, 1)
    const opened = told.filter(({ epoch, from }, i) => epoch === 1 && told[i - 1]?.epoch === 0 && from)
    assert.equal(opened.length, 1)
    assert.deepEqual([opened[0].name, opened[0].state, opened[0].mode], ['api', 'open', 'none'])
  })
})
