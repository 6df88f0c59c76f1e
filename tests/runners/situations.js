// What calls do under fake timers, whichever test runner fakes them: one list of tests, which each runner runs as its own. They are exact: a call
// has timed out right after the tick that it is due at, with nothing awaited, and not a ms before. It must not know which runner that is.

import assert from 'node:assert/strict'

const ORIGIN = 'https://users.example.com'
const never = () => new Promise(() => {})
const code = (promise) => promise.then(() => 'answered', (error) => error.code)

/** Every way to make a call that has to end in time, as the breaker that judges it and the code that it ends with. */
function ways({ CircuitBreaker, guardFetch, guardDispatch }) {
  const options = (more) => ({ failureThreshold: 100, recoveryTimeout: 1000, ...more })
  const guarded = (make) => (timeout) => {
    const { registry, send } = make(options({ timeout }))
    return { breaker: registry.get(ORIGIN), begin: () => code(send()) }
  }
  return {
    call: (timeout) => {
      const breaker = new CircuitBreaker(options({ timeout }))
      return { breaker, begin: () => code(breaker.call(never)) }
    },
    'a wrapped function': (timeout) => {
      const breaker = new CircuitBreaker(options({ timeout }))
      return { breaker, begin: () => code(breaker.wrap(never)()) }
    },
    callWith: (timeout) => {
      const breaker = new CircuitBreaker(options())
      return { breaker, begin: () => code(breaker.callWith({ timeout }, never)) }
    },
    'callWith a shorter timeout than the option': (timeout) => {
      const breaker = new CircuitBreaker(options({ timeout: 10 * timeout }))
      return { breaker, begin: () => code(breaker.callWith({ timeout }, never)) }
    },
    guardFetch: guarded((options) => {
      const fetch = guardFetch({ ...options, fetch: never })
      return { registry: fetch.registry, send: () => fetch(`${ORIGIN}/7`) }
    }),
    'guardFetch until the body': guarded((options) => {
      const fetch = guardFetch({ ...options, fetch: never, settleOn: 'body' })
      return { registry: fetch.registry, send: () => fetch(`${ORIGIN}/7`) }
    }),
    guardDispatch: guarded((options) => {
      const guard = guardDispatch(options)
      // An upstream that takes the request and never answers.
      const dispatch = guard((_, handler) => {
        handler.onRequestStart({ abort: (reason) => handler.onResponseError(undefined, reason), pause() {}, resume() {} }, undefined)
        return true
      })
      const send = () => new Promise((resolve, reject) => dispatch({ origin: ORIGIN, path: '/7', method: 'GET' }, {
        onRequestStart() {}, onResponseStart: resolve, onResponseData() {}, onResponseEnd() {}, onResponseError: (_, error) => reject(error)
      }))
      return { registry: guard.registry, send }
    })
  }
}

/**
 * Has a runner run all of it.
 *
 * @param {object} halfopen What the three entries of the installed package export.
 * @param {object} runner How it is said in the runner.
 * @param {Function} runner.it
 * @param {() => void} runner.fake Fakes timers and the clock.
 * @param {() => void} runner.real Ends that.
 * @param {(ms: number) => void} runner.tick
 * @param {(ms: number) => Promise<unknown>} [runner.tickAsync] Where the runner has one.
 * @param {() => number} [runner.count] The timers that wait, where the runner tells.
 * @param {boolean} [runner.hasFetch] Whether the host has `fetch`.
 * @param {(run: () => void, type: Function) => void} [runner.expectThrown] By which the runner itself expects an error of a type.
 */
export function situations(halfopen, { it, fake, real, tick, tickAsync, count, expectThrown, hasFetch = typeof globalThis.fetch === 'function' }) {
  const { CircuitBreaker } = halfopen
  const faked = (title, run) => it(title, async () => {
    fake()
    try {
      await run()
    } finally {
      real()
    }
  })

  for (const [way, make] of Object.entries(ways(halfopen))) {
    /** A call's breaker, and what it has told so far. */
    const made = (timeout) => {
      const { breaker, begin } = make(timeout)
      const heard = []
      for (const type of ['timeout', 'failure']) breaker.addEventListener(type, ({ detail: { error } }) => heard.push(`${type} ${error.code}`))
      const timedOut = () => [breaker.metrics.timedOutCalls, breaker.metrics.failedCalls, breaker.metrics.inFlight]
      return { breaker, begin, heard, timedOut }
    }

    faked(`${way}: has timed out right after its tick, and not a ms before`, async () => {
      const { begin, heard, timedOut } = made(500)
      const call = begin()
      tick(499)
      assert.deepEqual([timedOut(), heard], [[0, 0, 1], []])
      tick(1)
      assert.deepEqual([timedOut(), heard], [[1, 1, 0], ['timeout ERR_CALL_TIMEOUT', 'failure ERR_CALL_TIMEOUT']])
      assert.equal(await call, 'ERR_CALL_TIMEOUT')
    })

    faked(`${way}: has timed out right after a tick that goes far beyond it`, async () => {
      const { begin, timedOut } = made(500)
      const call = begin()
      tick(60_000)
      assert.deepEqual(timedOut(), [1, 1, 0])
      assert.equal(await call, 'ERR_CALL_TIMEOUT')
    })

    faked(`${way}: calls that began one after the other end each at its own tick`, async () => {
      const { begin, timedOut } = made(500)
      const calls = [begin()]
      tick(200)
      calls.push(begin(), begin())
      tick(299)
      assert.deepEqual(timedOut(), [0, 0, 3])
      tick(1)
      assert.deepEqual(timedOut(), [1, 1, 2])
      tick(199)
      assert.deepEqual(timedOut(), [1, 1, 2])
      tick(1)
      assert.deepEqual(timedOut(), [3, 3, 0])
      assert.deepEqual(await Promise.all(calls), Array(3).fill('ERR_CALL_TIMEOUT'))
    })

    faked(`${way}: a tick is believed, however much real time has passed`, async () => {
      const { begin, timedOut } = made(20)
      const call = begin()
      stall(80)
      tick(19)
      assert.deepEqual(timedOut(), [0, 0, 1])
      tick(1)
      assert.deepEqual(timedOut(), [1, 1, 0])
      assert.equal(await call, 'ERR_CALL_TIMEOUT')
    })

    if (tickAsync !== undefined) {
      faked(`${way}: has timed out after an awaited tick`, async () => {
        const { begin, heard, timedOut } = made(500)
        const call = begin()
        await tickAsync(499)
        assert.deepEqual([timedOut(), heard], [[0, 0, 1], []])
        await tickAsync(1)
        assert.deepEqual([timedOut(), heard], [[1, 1, 0], ['timeout ERR_CALL_TIMEOUT', 'failure ERR_CALL_TIMEOUT']])
        assert.equal(await call, 'ERR_CALL_TIMEOUT')
      })
    }

    it(`${way}: fake timers take no part in a call that waits for the real ones`, async () => {
      const { begin, timedOut } = made(30)
      const call = begin()
      fake()
      try {
        const other = begin()
        tick(29)
        assert.deepEqual(timedOut(), [0, 0, 2])
        tick(1)
        assert.deepEqual(timedOut(), [1, 1, 1])
        assert.equal(await other, 'ERR_CALL_TIMEOUT')
      } finally {
        real()
      }
      assert.equal(await call, 'ERR_CALL_TIMEOUT')
      assert.deepEqual(timedOut(), [2, 2, 0])
    })
  }

  faked('a call that is over leaves no timer', async () => {
    const breaker = new CircuitBreaker({ timeout: 500 })
    const before = count?.()
    assert.equal(await breaker.callWith({ timeout: 400 }, async () => 'answer'), 'answer')
    assert.equal(await breaker.call(async () => 'answer'), 'answer')
    assert.equal(count?.(), before)
    tick(1000)
    assert.deepEqual([breaker.metrics.successfulCalls, breaker.metrics.timedOutCalls], [2, 0])
  })

  faked('a circuit that opens by a timeout tells so within the tick, and is due by the fake clock', async () => {
    const breaker = new CircuitBreaker({ timeout: 500, failureThreshold: 1, recoveryTimeout: 30_000 })
    const states = []
    breaker.addEventListener('statechange', ({ detail: { from, to, reason } }) => states.push(`${from} ${to} ${reason}`))
    const call = code(breaker.call(never))
    tick(500)
    assert.deepEqual([breaker.state, states], ['open', ['closed open failure_threshold']])
    assert.equal(await call, 'ERR_CALL_TIMEOUT')
    tick(29_999)
    assert.equal(breaker.checkState(), 'open')
    assert.equal(await code(breaker.call(() => 'up')), 'ERR_CIRCUIT_OPEN')
    tick(1)
    assert.equal(breaker.checkState(), 'half_open')
    assert.equal(await breaker.call(() => 'up'), 'up')
  })

  faked('how long a call took is told by the fake clock', async () => {
    const breaker = new CircuitBreaker({ latency: true })
    const heard = []
    breaker.addEventListener('success', ({ detail: { elapsed } }) => heard.push(elapsed))
    let answer
    const call = breaker.call(() => new Promise((resolve) => (answer = resolve)))
    tick(1500)
    answer('late')
    assert.equal(await call, 'late')
    assert.deepEqual(heard, [1500])
  })

  if (tickAsync !== undefined) {
    faked('a background probe wakes by the fake timers', async () => {
      let probes = 0
      const breaker = new CircuitBreaker({ recoveryTimeout: 1000, successThreshold: 1, probe: async () => void probes++ })
      breaker.trip()
      await tickAsync(999)
      assert.deepEqual([probes, breaker.state], [0, 'open'])
      await tickAsync(1)
      await tickAsync(1)
      assert.deepEqual([probes, breaker.state], [1, 'closed'])
    })
  }

  const WRONG = [
    ['a TypeError', TypeError, () => new CircuitBreaker({ failureThreshold: 'five' })],
    ['a RangeError', RangeError, () => new CircuitBreaker({ failureThreshold: 0 })],
    ['a TypeError of a guard', TypeError, () => halfopen.guardFetch({ settleOn: 'never' })],
    ['a TypeError of an interceptor', TypeError, () => halfopen.guardDispatch({ key: 7 })]
  ]
  for (const [what, type, run] of WRONG) {
    it(`a wrong option throws ${what} of the test's own realm`, () => {
      assert.throws(run, (error) => error instanceof type && error instanceof Error && error.code === 'ERR_INVALID_OPTION')
      expectThrown?.(run, type)
    })
  }

  it('errors of calls are errors of the test\'s own realm', async () => {
    const breaker = new CircuitBreaker()
    breaker.trip()
    await assert.rejects(breaker.call(never), (error) => error instanceof Error && error instanceof halfopen.CircuitOpenError && error.code === 'ERR_CIRCUIT_OPEN')
    const own = new TypeError('own')
    breaker.reset()
    await assert.rejects(breaker.call(async () => { throw own }), (error) => error === own)
  })

  it('the caller may abort by a signal of the runner\'s own making', async () => {
    const breaker = new CircuitBreaker({ timeout: 60_000 })
    const controller = new AbortController()
    const call = breaker.callWith({ signal: controller.signal }, never)
    controller.abort(new Error('mine'))
    await assert.rejects(call, { message: 'mine' })
    assert.deepEqual([breaker.metrics.ignoredCalls, breaker.metrics.inFlight], [1, 0])
  })

  it('the deadline of a caller is a timeout, though its reason is the host\'s', async () => {
    const breaker = new CircuitBreaker()
    const controller = new AbortController()
    const call = breaker.callWith({ signal: controller.signal }, never)
    const reason = new DOMException('The time was up', 'TimeoutError')
    controller.abort(reason)
    await assert.rejects(call, (error) => error === reason)
    assert.deepEqual([breaker.metrics.timedOutCalls, breaker.metrics.ignoredCalls], [1, 0])
  })

  it('calls at the end of the call stack lose no permit, and those that come later are judged', async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 1_000_000 })
    const calls = []
    const { stackTraceLimit } = Error
    // Mocha has it endless, which takes hundreds of stacks of 10,000 frames here.
    Error.stackTraceLimit = 10
    const down = () => {
      try {
        down()
      } catch {}
      if (calls.length > 1000) return
      try {
        calls.push(breaker.call(() => 'up').catch(() => {}))
      } catch {}
    }
    try {
      down()
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
    await Promise.all(calls)
    assert.ok(calls.length > 1000)
    assert.equal(breaker.metrics.inFlight, 0)
    const { successfulCalls } = breaker.metrics
    await breaker.call(() => 'up')
    assert.equal(breaker.metrics.successfulCalls, successfulCalls + 1)
  })

  if (hasFetch) {
    it('a connection that is refused is a failure, and a request that is malformed is none, though the errors are the host\'s', async () => {
      // Nobody listens there, and it is none of the ports that `fetch` won't go to.
      const origin = 'http://127.0.0.1:2'
      const guarded = halfopen.guardFetch({ failureThreshold: 100, timeout: 60_000 })
      await assert.rejects(guarded(`${origin}/7`))
      const { metrics } = guarded.registry.get(origin)
      assert.deepEqual([metrics.failedCalls, metrics.ignoredCalls], [1, 0])
      await assert.rejects(guarded(`${origin}/7`, { headers: { 'no name': '' } }))
      assert.deepEqual([metrics.failedCalls, metrics.ignoredCalls], [1, 1])
    })
  }
}

/** Real time that passes while nothing else runs, by a clock that nobody fakes. */
function stall(ms) {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  Atomics.wait(cell, 0, 0, ms)
}
