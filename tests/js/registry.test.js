// The registry: which breaker a key gets, what it is made of, and what can be seen of all of them. It must not know how a breaker
// decides, nor which one goes when there is no room.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CircuitBreaker, CircuitBreakerRegistry, isCircuitOpenError } from '../../pkg/index.js'
import { clock, error, failOnce, fails, filled, keysOf, RECOVERY, registryOf } from './registries.js'
import { answerOf, drained, IN_WASM, LIVE_BREAKERS, rejectionOf, thrownBy } from './support.js'

describe('a key', () => {
  it('has one breaker, which bears its name', () => {
    const registry = registryOf()
    const breaker = registry.get('a')
    assert.ok(breaker instanceof CircuitBreaker)
    assert.equal(registry.get('a'), breaker)
    assert.notEqual(registry.get('b'), breaker)
    assert.equal(registry.get('a'), breaker)
    assert.equal(breaker.name, 'a')
    assert.equal(registry.size, 2)
  })

  it('that fails leaves the others alone', async () => {
    const registry = registryOf()
    for (let n = 0; n < 2; n++) await rejectionOf(registry.call('bad', fails))
    const refusal = await rejectionOf(registry.call('bad', () => 1))
    assert.ok(isCircuitOpenError(refusal))
    assert.deepEqual([refusal.breaker, refusal.cause], ['bad', error])
    assert.equal(await registry.call('good', (a, b) => a + b, 1, 2), 3)
    assert.deepEqual({ ...registry.status() }, { bad: 'open', good: 'closed' })
  })

  it('is called with options of the call by callWith(), whose function gets a signal', async () => {
    const registry = registryOf()
    const given = await registry.callWith('a', { timeout: 10_000 }, (...all) => all, 1, 2)
    assert.deepEqual([given.length, given[0], given[1], given[2].signal.aborted], [3, 1, 2, false])
    assert.equal(registry.get('a').metrics.successfulCalls, 1)
    assert.equal((await rejectionOf(registry.callWith('a', { timeuot: 1 }, () => assert.fail('called')))).code, 'ERR_INVALID_OPTION')
    registry.get('a').trip()
    assert.equal(await registry.callWith('a', { fallback: () => 'elsewhere' }, () => assert.fail('called')), 'elsewhere')
  })

  it('may be anything that a Map takes', () => {
    const registry = registryOf()
    const keys = [1, 'a', 1n, null, undefined, NaN, Symbol('s'), {}, [], () => {}, true, '']
    const breakers = keys.map((key) => registry.get(key))
    assert.equal(new Set(breakers).size, keys.length)
    keys.forEach((key, index) => assert.equal(registry.get(key), breakers[index]))
    assert.deepEqual(keys.map((key) => registry.has(key)), keys.map(() => true))
    assert.equal(breakers[0].name, undefined)
    for (const key of keys) assert.equal(registry.delete(key), true)
    assert.equal(registry.size, 0)
  })

  it('is equal to itself as a Map has it: 0 is -0, NaN is NaN', () => {
    const registry = registryOf()
    assert.equal(registry.get(0), registry.get(-0))
    assert.equal(registry.get(NaN), registry.get(NaN))
    registry.delete(-0)
    assert.equal(registry.has(0), false)
    const [first, again] = [registry.get(0), (registry.delete(-0), registry.get(0))]
    assert.notEqual(again, first, 'a deleted breaker came back')
  })

  it('may be the name of something that every object has', () => {
    const registry = registryOf()
    for (const key of ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'get']) registry.get(key).trip()
    const status = registry.status()
    assert.equal(Object.getPrototypeOf(status), null)
    assert.deepEqual(Object.entries(status).map(([key, state]) => [key, state]), [
      ['__proto__', 'open'],
      ['constructor', 'open'],
      ['hasOwnProperty', 'open'],
      ['toString', 'open'],
      ['get', 'open']
    ])
    assert.equal({}.polluted, undefined)
  })

  it('may be a string of 10 MB: it is found again, and told in full', () => {
    const registry = registryOf()
    const key = 'k'.repeat(10 << 20)
    registry.get(key).trip()
    assert.equal(registry.get('k'.repeat(10 << 20)).state, 'open')
    assert.deepEqual(Object.keys(registry.status()), [key])
  })
})

describe('has, delete, size and iteration', () => {
  it('has() is no use of a key, get() is', () => {
    const registry = filled(['a', 'b', 'c'])
    assert.equal(registry.has('a'), true)
    assert.equal(registry.has('z'), false)
    assert.deepEqual(keysOf(registry), ['a', 'b', 'c'])
    registry.get('d')
    assert.deepEqual(keysOf(registry), ['b', 'c', 'd'])
    registry.get('b')
    registry.get('e')
    assert.deepEqual(keysOf(registry), ['b', 'd', 'e'])
    assert.equal(registry.size, 3)
  })

  it('delete() forgets a breaker, which goes on for who still holds it', async () => {
    const registry = registryOf()
    const breaker = registry.get('a')
    breaker.trip()
    assert.equal(registry.delete('a'), true)
    assert.equal(registry.delete('a'), false)
    assert.equal(registry.has('a'), false)
    assert.equal(registry.get('a').state, 'closed')
    assert.equal(breaker.state, 'open')
    clock.advance(RECOVERY)
    assert.equal(await breaker.call(() => 'up'), 'up')
  })

  it('iterates over keys and breakers, the oldest first, whatever was used since', () => {
    const registry = filled(['a', 'b', 'c'])
    registry.get('a')
    assert.deepEqual([...registry].map(([key, breaker]) => [key, breaker.name]), [['a', 'a'], ['b', 'b'], ['c', 'c']])
    assert.deepEqual([...registry.keys()], ['a', 'b', 'c'])
    assert.deepEqual([...registry.values()].map(({ name }) => name), ['a', 'b', 'c'])
    registry.delete('a')
    registry.get('a')
    assert.deepEqual([...registry.keys()], ['b', 'c', 'a'])
  })

  it('may be emptied while it is iterated over', () => {
    const registry = filled(['a', 'b', 'c'])
    for (const [key] of registry) registry.delete(key)
    assert.equal(registry.size, 0)
  })

  it('may be used while it is iterated over, which goes over a copy: each breaker comes once, and a new one not', () => {
    for (const iterate of [(registry) => registry, (registry) => registry.keys(), (registry) => registry.values()]) {
      const registry = filled(['a', 'b', 'c'])
      let turns = 0
      for (const _ of iterate(registry)) {
        // The one that is dropped for it comes still, and the one that comes back not again.
        registry.get(`new ${turns++}`)
        registry.get('a')
        registry.delete('b')
      }
      assert.equal(turns, 3)
      assert.equal(Object.prototype.toString.call(iterate(registry)[Symbol.iterator]()), '[object Array Iterator]')
    }
  })
})

describe('configure', () => {
  it('gives a key options over those of the registry', () => {
    const registry = registryOf({ configure: (key) => (key === 'slow' ? { recoveryTimeout: 5, name: 'the slow one' } : undefined) })
    assert.deepEqual([registry.get('slow').recoveryTimeout, registry.get('slow').failureThreshold, registry.get('slow').name], [5, 2, 'the slow one'])
    assert.deepEqual([registry.get('fast').recoveryTimeout, registry.get('fast').name], [RECOVERY, 'fast'])
  })

  it('that throws lets its error through, and makes no breaker', async () => {
    const registry = registryOf({
      configure: (key) => {
        if (key === 'unknown') throw error
        return {}
      }
    })
    for (let n = 0; n < 2; n++) assert.equal(thrownBy(() => registry.get('unknown')), error)
    assert.equal(await rejectionOf(registry.call('unknown', () => assert.fail('called'))), error)
    assert.equal(await rejectionOf(registry.callWith('unknown', {}, () => assert.fail('called'))), error)
    assert.equal(registry.has('unknown'), false)
    assert.ok(registry.get('known'))
  })

  it('that throws later, for a key it knew, does not keep others from getting in', () => {
    const tenants = new Map([['a', {}], ['b', {}], ['c', {}]])
    const registry = registryOf({
      maxBreakers: 1,
      configure: (key) => {
        if (!tenants.has(key)) throw error
        return tenants.get(key)
      }
    })
    const a = registry.get('a')
    tenants.delete('a')
    registry.get('b')
    assert.deepEqual(keysOf(registry), ['b'])
    assert.equal(a.callSync(() => 1), 1)
  })

  for (const [what, own] of Object.entries({
    'a wrong value': { failureThreshold: 0 },
    'an unknown option': { failureTreshold: 3 },
    'an option of the registry': { maxBreakers: 3 },
    null: null,
    'a number': 5,
    'a string': 'strict',
    'an array': [],
    'a promise': Promise.resolve({})
  })) {
    it(`that answers ${what} is refused with a code, and the breakers there are stay`, () => {
      const registry = filled(['a'], { maxBreakers: 2, configure: (key) => (key === 'wrong' ? own : undefined) })
      const refusal = thrownBy(() => registry.get('wrong'))
      assert.equal(refusal.code, 'ERR_INVALID_OPTION')
      assert.ok(refusal instanceof TypeError || refusal instanceof RangeError)
      assert.deepEqual(keysOf(registry), ['a'])
    })
  }

  it('may ask the registry itself', () => {
    const registry = registryOf({ configure: (key) => (key === 'child' ? { failureThreshold: registry.get('parent').failureThreshold + 1 } : undefined) })
    assert.equal(registry.get('child').failureThreshold, 3)
    assert.deepEqual(keysOf(registry), ['parent', 'child'])
  })

  it('may ask for the very key it is asked about: that has one breaker still, and one place', () => {
    let inner
    const registry = registryOf({
      maxBreakers: 2,
      configure: (key) => void (key === 'a' && inner === undefined && ((inner = 'asked'), (inner = registry.get('a'))))
    })
    assert.equal(registry.get('a'), inner)
    for (const key of ['b', 'c', 'd']) registry.get(key)
    assert.deepEqual(keysOf(registry), ['c', 'd'])
  })

  it('may ask for the very key it is asked about: that has one probe still', async () => {
    const open = new CircuitBreaker({ clock, failureThreshold: 2, recoveryTimeout: RECOVERY })
    open.trip()
    let sleepers = 0
    let isAsked = false
    const registry = registryOf({
      snapshot: open.toJSON(),
      probe: async () => {},
      sleep: () => new Promise(() => sleepers++),
      configure: (key) => void (isAsked || ((isAsked = true), registry.get(key)))
    })
    assert.equal(registry.get('a').state, 'open')
    await drained()
    assert.equal(sleepers, 1)
  })
})

describe('options of a registry', () => {
  for (const [options, option] of [
    [{ maxBreakers: 0 }, 'maxBreakers'],
    [{ maxBreakers: -1 }, 'maxBreakers'],
    [{ maxBreakers: 1.5 }, 'maxBreakers'],
    [{ maxBreakers: NaN }, 'maxBreakers'],
    [{ maxBreakers: Infinity }, 'maxBreakers'],
    [{ maxBreakers: '7' }, 'maxBreakers'],
    [{ maxBreakers: null }, 'maxBreakers'],
    [{ configure: {} }, 'configure'],
    [{ configure: null }, 'configure'],
    [{ failureThreshold: 0 }, 'failureThreshold'],
    [{ recoveryTimeout: '1' }, 'recoveryTimeout'],
    [{ clock: 5 }, 'clock'],
    [{ maxBreaker: 5 }, 'maxBreaker']
  ]) {
    it(`are refused at once with a code and the name of the option: ${Object.entries(options).map(([name, value]) => `${name} ${JSON.stringify(value)} ${value}`)}`, () => {
      const refusal = thrownBy(() => new CircuitBreakerRegistry(options))
      assert.deepEqual([refusal.code, refusal.option], ['ERR_INVALID_OPTION', option])
      assert.ok(refusal instanceof (typeof Object.values(options)[0] === 'number' && option !== 'maxBreaker' && option !== 'clock' ? RangeError : TypeError))
    })
  }

  for (const options of [null, 5, 'x', [], () => {}]) {
    it(`have to be an object, not ${Array.isArray(options) ? 'an array' : String(options)}`, () => {
      assert.equal(thrownBy(() => new CircuitBreakerRegistry(options)).code, 'ERR_INVALID_OPTION')
    })
  }

  it('start no probe: there is none before a key has a breaker', async () => {
    const open = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY })
    open.trip()
    const asked = []
    const work = (what) => () => (asked.push(what), new Promise(() => {}))
    const registry = registryOf({ snapshot: open.toJSON(), probe: work('probe'), sleep: work('sleep') })
    await drained()
    assert.deepEqual(asked, [])
    assert.equal(registry.get('a').state, 'open')
    await drained()
    assert.deepEqual(asked, ['sleep'])
  })

  it('are refused at once where their snapshot is not one of such a breaker, and accepted where it is', () => {
    const snapshot = new CircuitBreaker({ clock }).toJSON()
    for (const wrong of [{}, { ...snapshot, state: 'ajar' }, { ...snapshot, version: 0 }, { ...snapshot, failureCount: -1 }]) {
      assert.equal(thrownBy(() => registryOf({ snapshot: wrong })).code, 'ERR_INVALID_SNAPSHOT')
    }
    assert.equal(thrownBy(() => registryOf({ snapshot: 5 })).code, 'ERR_INVALID_OPTION')
    assert.equal(registryOf({ snapshot }).get('a').state, 'closed')
  })

  it('are checked without a trace: no breaker of the check lives on, whether they were refused or not', IN_WASM, async () => {
    const live = await answerOf(`
      ${LIVE_BREAKERS}
      const { CircuitBreaker, CircuitBreakerRegistry } = await import(ESM)
      const breaker = new CircuitBreaker()
      const snapshot = breaker.toJSON()
      const before = liveBreakers()
      for (let n = 0; n < 100; n++) {
        new CircuitBreakerRegistry({ snapshot })
        try { new CircuitBreakerRegistry({ snapshot: {} }) } catch {}
        try { new CircuitBreakerRegistry({ failureThreshold: 0 }) } catch {}
      }
      console.log(JSON.stringify([before, liveBreakers()]))
      void breaker`)
    assert.deepEqual(live, [1, 1])
  })

  it('are copied: what is done to them later reaches no breaker', async () => {
    const options = { clock, window: { type: 'count', size: 10 }, failureRate: 0.5, minimumCalls: 2, recoveryBackoff: { factor: 2 } }
    const registry = new CircuitBreakerRegistry(options)
    options.window.size = 0
    options.recoveryBackoff.factor = -1
    options.failureRate = 9
    const breaker = registry.get('a')
    for (let n = 0; n < 2; n++) await failOnce(breaker)
    assert.equal(breaker.state, 'open')
    assert.deepEqual(Object.keys(options), ['clock', 'window', 'failureRate', 'minimumCalls', 'recoveryBackoff'])
  })
})

describe('events of a registry', () => {
  it('are those of all its breakers, there already or not, with key and breaker', async () => {
    const registry = registryOf()
    const early = registry.get('early')
    const heard = []
    for (const type of ['statechange', 'success', 'failure', 'reject']) {
      registry.addEventListener(type, ({ type, detail }) => heard.push([type, detail.key, detail.breaker === registry.get(detail.key), detail.to]))
    }
    early.trip()
    await rejectionOf(early.call(() => 1))
    await registry.call('late', () => 1)
    await rejectionOf(registry.call('late', fails))
    assert.deepEqual(heard, [
      ['statechange', 'early', true, 'open'],
      ['reject', 'early', true, undefined],
      ['success', 'late', true, undefined],
      ['failure', 'late', true, undefined]
    ])
  })

  it('come once, however many listen, and not to those who were removed', () => {
    const registry = registryOf()
    const heard = []
    const gone = () => heard.push('gone')
    registry.addEventListener('statechange', gone)
    registry.addEventListener('statechange', () => heard.push('a'))
    registry.addEventListener('statechange', () => heard.push('b'), { once: true })
    registry.removeEventListener('statechange', gone)
    registry.get('x').trip()
    registry.get('x').reset()
    assert.deepEqual(heard, ['a', 'b', 'a'])
  })

  it('of another kind are those of any EventTarget', () => {
    const registry = registryOf()
    let heard = 0
    for (const type of ['mine', 'constructor', '__proto__']) {
      registry.addEventListener(type, () => heard++)
      registry.dispatchEvent(new Event(type))
    }
    assert.equal(heard, 3)
  })

  it('have key and breaker for keys that are no strings', () => {
    const registry = registryOf()
    const key = { host: 'a' }
    const heard = []
    registry.addEventListener('statechange', ({ detail }) => heard.push(detail))
    const breaker = registry.get(key)
    breaker.trip()
    assert.deepEqual([heard[0].key, heard[0].breaker, heard[0].reason], [key, breaker, 'trip'])
  })

  it('come from a breaker that was evicted as long as somebody holds it, also of types that are listened to later', () => {
    const registry = registryOf({ maxBreakers: 1 })
    const heard = []
    const hear = ({ type, detail }) => heard.push([type, detail.key, detail.breaker.name])
    registry.addEventListener('statechange', hear)
    const breaker = registry.get('a')
    registry.get('b')
    breaker.trip()
    assert.deepEqual(heard.splice(0), [['statechange', 'a', 'a']])
    registry.addEventListener('reject', hear)
    registry.get('a')
    registry.get('b')
    registry.get('a')
    breaker.reset()
    breaker.trip()
    assert.throws(() => breaker.callSync(() => 1), { code: 'ERR_CIRCUIT_OPEN' })
    assert.deepEqual(heard, [['statechange', 'a', 'a'], ['statechange', 'a', 'a'], ['reject', 'a', 'a']])
  })

  it('do not come from a breaker that was deleted: it speaks for its key no more', () => {
    for (const isEvicted of [false, true]) {
      const registry = registryOf({ maxBreakers: 1 })
      const heard = []
      registry.addEventListener('statechange', ({ detail }) => heard.push(detail.breaker))
      const old = registry.get('a')
      if (isEvicted) registry.get('b')
      registry.delete('a')
      old.trip()
      assert.deepEqual(heard, [])
      const current = registry.get('a')
      assert.notEqual(current, old)
      current.trip()
      old.reset()
      assert.deepEqual(heard, [current])
    }
  })
})

describe('status and summary', () => {
  it('have a name for any key: texts as they are, two that look alike told apart, and one without a text by its kind', () => {
    const registry = registryOf()
    const symbol = Symbol('symbol')
    const textless = Object.create(null)
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    for (const key of [7, '7', symbol, {}, {}, textless, proxy, null, undefined, Object.assign(() => {}, { toString: () => 'fn' }), '__proto__', NaN]) registry.get(key)
    registry.get('7').trip()
    registry.get(symbol).trip()
    const status = registry.status()
    assert.deepEqual(Reflect.ownKeys(status).map(String).sort(), [
      '7', '7 (2)', '[object Object]', '[object Object] (2)', 'object', 'object (2)', 'null', 'undefined', 'fn', '__proto__', 'NaN', 'Symbol(symbol)'
    ].sort())
    assert.deepEqual([status['7'], status['7 (2)'], status[symbol]], ['open', 'closed', 'open'])
  })

  it('are empty before any key', () => {
    const registry = registryOf()
    assert.deepEqual(Object.keys(registry.status()), [])
    assert.deepEqual(registry.summary(), {
      breakers: 0, closed: 0, open: 0, half_open: 0, totalCalls: 0, successful: 0, failed: 0, rejected: 0, successRate: '100.0%'
    })
  })

  it('count breakers by state and all their calls together', async () => {
    const registry = registryOf()
    await registry.call('a', () => 1)
    for (let n = 0; n < 2; n++) await rejectionOf(registry.call('b', fails))
    await rejectionOf(registry.call('b', () => 1))
    registry.get('c').trip()
    clock.advance(RECOVERY)
    registry.get('c').checkState()
    assert.deepEqual({ ...registry.status() }, { a: 'closed', b: 'open', c: 'half_open' })
    assert.deepEqual(registry.summary(), {
      breakers: 3, closed: 1, open: 1, half_open: 1, totalCalls: 4, successful: 1, failed: 2, rejected: 1, successRate: '33.3%'
    })
  })

  it('change nothing, and are no use of a breaker', () => {
    const registry = filled(['open', 'a', 'b'])
    registry.get('open').trip()
    clock.advance(RECOVERY)
    registry.status()
    registry.summary()
    assert.equal(registry.status().open, 'open')
    registry.get('new')
    assert.deepEqual(keysOf(registry), ['open', 'b', 'new'])
  })
})
