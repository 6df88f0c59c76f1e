// A breaker as tools see it that print and compare objects. It must not know calls.

import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { inspect, isDeepStrictEqual } from 'node:util'
import * as halfopen from '../../pkg/index.js'

const { CircuitBreaker, CircuitBreakerRegistry } = halfopen

describe('a breaker that is printed', () => {
  it('shows its name, its state and its counts', async () => {
    const breaker = new CircuitBreaker({ name: 'users' })
    await breaker.call(() => 1)
    breaker.trip()
    await breaker.call(() => 1).catch(() => {})
    assert.equal(
      inspect(breaker, { breakLength: Infinity }),
      "CircuitBreaker { name: 'users', state: 'open', mode: 'normal', failureCount: 0, totalCalls: 2, successfulCalls: 1, failedCalls: 0, rejectedCalls: 1, inFlight: 0 }"
    )
  })

  it('is shown inside other objects as well', () => {
    assert.match(inspect({ deep: { breaker: new CircuitBreaker() } }), /breaker: CircuitBreaker \{\s+name: undefined,\s+state: 'closed'/)
  })

  it('is shown to Deno by its own protocol', () => {
    const shown = new CircuitBreaker({ name: 'users' })[Symbol.for('Deno.customInspect')]((value) => JSON.stringify(value), {})
    assert.match(shown, /^CircuitBreaker \{"name":"users","state":"closed"/)
  })

  it('is shown by its class alone through a proxy, and where an object only inherits from one', () => {
    const breaker = new CircuitBreaker()
    assert.equal(inspect(new Proxy(breaker, {})), 'CircuitBreaker {}')
    assert.equal(inspect(Object.create(breaker)), 'CircuitBreaker {}')
    assert.equal(inspect(new Proxy(breaker.metrics, {})), 'CircuitBreakerMetrics {}')
    assert.deepEqual(new Proxy(breaker, {})[Symbol.for('Deno.customInspect')](undefined, {}), {})
  })

  it('is as data what toJSON() gives', () => {
    assert.equal(JSON.parse(JSON.stringify(new CircuitBreaker())).state, 'closed')
  })
})

describe('two breakers', () => {
  const open = () => {
    const breaker = new CircuitBreaker()
    breaker.trip()
    return breaker
  }

  it('in different states are not deeply equal', () => {
    assert.equal(isDeepStrictEqual(new CircuitBreaker(), open()), false)
    assert.notDeepEqual(new CircuitBreaker(), open())
    assert.notDeepStrictEqual({ breaker: open() }, { breaker: new CircuitBreaker() })
  })

  it('in the same state are', () => {
    assert.deepStrictEqual(new CircuitBreaker(), new CircuitBreaker())
    assert.deepStrictEqual(open(), open())
  })
})

describe('the state as an own member', () => {
  it('changes with the state, cannot be written, and is what the prototype has', () => {
    const breaker = new CircuitBreaker()
    assert.deepEqual(Object.keys(breaker), ['state'])
    breaker.trip()
    assert.equal({ ...breaker }.state, 'open')
    assert.throws(() => { breaker.state = 'closed' }, TypeError)
    assert.equal(new CircuitBreakerRegistry().get('key').state, 'closed')
  })

  it('cannot be copied from one breaker to another', () => {
    assert.throws(() => Object.assign(new CircuitBreaker(), { ...new CircuitBreaker() }), TypeError)
  })

  it('is that of a subclass', () => {
    class Loud extends CircuitBreaker {
      get state() {
        return super.state.toUpperCase()
      }
    }
    class Louder extends Loud {}
    assert.equal(new Loud().state, 'CLOSED')
    assert.equal({ ...new Louder() }.state, 'CLOSED')
    assert.notDeepEqual(new Loud(), Object.assign(new Loud(), { trip: 1 }))
  })

  it('is that of a spy on the prototype, as long as it spies', () => {
    const breaker = new CircuitBreaker()
    const spy = mock.getter(CircuitBreaker.prototype, 'state', () => 'spied')
    try {
      assert.equal(breaker.state, 'spied')
      assert.equal(spy.mock.callCount(), 1)
    } finally {
      spy.mock.restore()
    }
    assert.equal(breaker.state, 'closed')
  })

  it('is not that of an object that only inherits from a breaker, nor of a proxy', () => {
    for (const other of [Object.create(new CircuitBreaker()), new Proxy(new CircuitBreaker(), {})]) {
      assert.throws(() => other.state, TypeError)
    }
  })
})

describe('the classes', () => {
  it('bear the names by which they are exported', () => {
    const classes = Object.entries(halfopen).filter(([name]) => /^[A-Z]/.test(name))
    assert.ok(classes.length >= 7)
    for (const [name, Class] of classes) assert.equal(Class.name, name)
  })
})
