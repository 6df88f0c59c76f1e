// whenClosed(): a promise of a closed circuit. It must not know what closes it.

import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { beforeEach, describe, it } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { drained, rejectionOf } from './support.js'

const RECOVERY = 1000
const up = () => 'up'

let clock, breaker
beforeEach(() => {
  clock = new ManualClock()
  breaker = new CircuitBreaker({ clock, recoveryTimeout: RECOVERY })
})
/** Whether a promise has settled by now, and how. */
async function fate(promise) {
  let fate = 'pending'
  promise.then(() => (fate = 'resolved'), () => (fate = 'rejected'))
  await drained()
  return fate
}
const recover = async () => {
  clock.advance(RECOVERY)
  for (let n = 0; n < 2; n++) await breaker.call(up)
}

describe('whenClosed()', () => {
  it('resolves at once, with nothing, when the circuit is closed', async () => {
    assert.equal(await breaker.whenClosed(), undefined)
  })

  it('resolves when the circuit closes, and not while it is half open', async () => {
    breaker.trip()
    const closed = breaker.whenClosed()
    assert.equal(await fate(closed), 'pending')
    clock.advance(RECOVERY)
    await breaker.call(up)
    assert.equal(breaker.state, 'half_open')
    assert.equal(await fate(closed), 'pending')
    await breaker.call(up)
    assert.equal(await closed, undefined)
  })

  it('resolves when it is closed by hand', async () => {
    breaker.isolate()
    const closed = breaker.whenClosed()
    breaker.release()
    assert.equal(await fate(closed), 'pending')
    breaker.reset()
    assert.equal(await fate(closed), 'resolved')
  })

  it('waits on when the recovery fails', async () => {
    breaker.trip()
    const closed = breaker.whenClosed()
    clock.advance(RECOVERY)
    await rejectionOf(breaker.call(() => Promise.reject(new Error('down'))))
    assert.equal(await fate(closed), 'pending')
    await recover()
    assert.equal(await fate(closed), 'resolved')
  })

  it('does not test, nor pass the time: an open circuit whose time is up stays open', async () => {
    breaker.trip()
    clock.advance(10 * RECOVERY)
    assert.equal(await fate(breaker.whenClosed()), 'pending')
    assert.equal(breaker.state, 'open')
  })

  it('resolves for each of many who wait, in their order', async () => {
    breaker.trip()
    const order = []
    const waiting = Array.from({ length: 1000 }, (_, n) => breaker.whenClosed().then(() => order.push(n)))
    breaker.reset()
    await Promise.all(waiting)
    assert.deepEqual(order, Array.from({ length: 1000 }, (_, n) => n))
  })

  it('resolves even if the circuit opens again in the same breath', async () => {
    breaker.trip()
    const closed = breaker.whenClosed()
    breaker.reset()
    breaker.trip()
    assert.equal(await fate(closed), 'resolved')
    assert.equal(await fate(breaker.whenClosed()), 'pending')
  })

  it('resolves though a listener throws or waits itself', async () => {
    breaker.trip()
    const closed = breaker.whenClosed()
    let later
    breaker.addEventListener('statechange', ({ detail: { to } }) => {
      if (to !== 'closed') return
      later = breaker.whenClosed()
      breaker.trip()
      later = breaker.whenClosed()
    }, { once: true })
    breaker.reset()
    assert.equal(await fate(closed), 'resolved')
    assert.equal(await fate(later), 'pending')
    breaker.reset()
    assert.equal(await fate(later), 'resolved')
  })
})

describe('whenClosed({ signal })', () => {
  for (const reason of ['a string', 5, null, new Error('enough'), { any: 'object' }]) {
    it(`rejects with the reason itself: ${String(reason)}`, async () => {
      breaker.trip()
      const controller = new AbortController()
      const closed = breaker.whenClosed({ signal: controller.signal })
      controller.abort(reason)
      assert.equal(await rejectionOf(closed), reason)
      assert.equal(await rejectionOf(breaker.whenClosed({ signal: controller.signal })), reason)
    })
  }

  it('rejects with an AbortError when there is no reason', async () => {
    breaker.trip()
    const controller = new AbortController()
    const closed = breaker.whenClosed({ signal: controller.signal })
    controller.abort()
    assert.equal((await rejectionOf(closed)).name, 'AbortError')
  })

  it('removes its listeners, whichever way it ends', async () => {
    const controller = new AbortController()
    const { signal } = controller
    for (let n = 0; n < 20; n++) {
      breaker.trip()
      const waiting = [breaker.whenClosed({ signal }), breaker.whenClosed({ signal })]
      assert.equal(getEventListeners(signal, 'abort').length, 1)
      breaker.reset()
      await Promise.all(waiting)
      assert.equal(getEventListeners(signal, 'abort').length, 0)
    }
    await breaker.whenClosed({ signal })
    assert.equal(getEventListeners(signal, 'abort').length, 0)
    breaker.trip()
    const closed = breaker.whenClosed({ signal })
    controller.abort('enough')
    await rejectionOf(closed)
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('aborts its own waiting only', async () => {
    breaker.trip()
    const controller = new AbortController()
    const aborted = breaker.whenClosed({ signal: controller.signal })
    const other = breaker.whenClosed()
    controller.abort('enough')
    assert.equal(await rejectionOf(aborted), 'enough')
    assert.equal(await fate(other), 'pending')
    breaker.reset()
    assert.equal(await fate(other), 'resolved')
  })

  it('resolves when the abort comes after the closing', async () => {
    breaker.trip()
    const controller = new AbortController()
    const closed = breaker.whenClosed({ signal: controller.signal })
    breaker.reset()
    controller.abort('late')
    assert.equal(await fate(closed), 'resolved')
  })

  for (const wrong of [{}, null, 'signal', { aborted: false, addEventListener() {} }]) {
    it(`is refused when it is not a signal, and nobody else who waits suffers: ${JSON.stringify(wrong)}`, async () => {
      const changes = []
      breaker.addEventListener('statechange', ({ detail }) => changes.push(detail.to))
      breaker.trip()
      const told = await rejectionOf(breaker.whenClosed({ signal: wrong }))
      assert.deepEqual([told.name, told.code, told.option], ['TypeError', 'ERR_INVALID_OPTION', 'signal'])
      const other = breaker.whenClosed()
      breaker.reset()
      assert.equal(await fate(other), 'resolved')
      assert.deepEqual(changes, ['open', 'closed'])
      assert.equal((await rejectionOf(breaker.whenClosed({ signal: wrong }))).code, 'ERR_INVALID_OPTION', 'closed')
    })
  }

  for (const method of ['addEventListener', 'removeEventListener']) {
    it(`that throws in ${method} keeps nobody else from hearing of it`, async () => {
      const changes = []
      breaker.addEventListener('statechange', ({ detail }) => changes.push(detail.to))
      breaker.trip()
      const hostile = Object.assign(new EventTarget(), { aborted: false, [method]() { throw new Error('hostile') } })
      const closed = breaker.whenClosed({ signal: hostile })
      const other = breaker.whenClosed()
      breaker.reset()
      assert.equal(await fate(closed), method === 'addEventListener' ? 'rejected' : 'resolved')
      assert.equal(await fate(other), 'resolved')
      assert.deepEqual(changes, ['open', 'closed'])
    })
  }

  it('may be given undefined', async () => {
    assert.equal(await breaker.whenClosed({ signal: undefined }), undefined)
    assert.equal(await breaker.whenClosed({}), undefined)
  })
})
