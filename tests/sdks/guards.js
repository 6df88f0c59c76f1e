// A guard for one client, of the kind that it takes, which is watched from both sides. It must not know the clients.

import { guardFetch } from '../../pkg/fetch.js'
import { CircuitBreaker, ManualClock } from '../../pkg/index.js'
import { guardDispatch } from '../../pkg/undici.js'

/** A handler of undici that says when its exchange is over. */
class Watched {
  constructor(handler, onEnd) {
    for (const name of ['onRequestStart', 'onRequestUpgrade', 'onResponseStarted', 'onResponseStart', 'onResponseData', 'onResponseEnd', 'onResponseError', 'onBodySent', 'onRequestSent']) {
      this[name] = (...args) => {
        if (/^(onResponseEnd|onResponseError|onRequestUpgrade)$/.test(name)) onEnd()
        return handler[name]?.(...args)
      }
    }
  }
}

/**
 * @param {'fetch' | 'dispatcher' | 'breaker'} takes
 * @param {object} options Those of the guard.
 * @returns What to `hand` to the client; `breakerOf(origin)`; `asked`, how often the client asked; `isBusy`, whether a request is on its way;
 *   and the `clock` of the guard, which is moved by hand.
 */
export function guardOf(takes, options = {}) {
  const clock = new ManualClock()
  const guard = { clock, asked: 0, pending: 0, isBusy: () => guard.pending > 0 }
  const all = { clock, ...options }
  if (takes === 'fetch') {
    const { isBuffered, ...rest } = all
    const guarded = guardFetch({
      ...rest,
      async fetch(input, init) {
        if (!isBuffered) return fetch(input, init)
        guard.pending++
        try {
          const response = await fetch(input, init)
          return new Response(await response.arrayBuffer(), response)
        } finally {
          guard.pending--
        }
      }
    })
    const counting = (input, init) => {
      guard.asked++
      return guarded(input, init)
    }
    return Object.assign(guard, { hand: { fetch: counting }, breakerOf: (origin) => guarded.registry.get(origin) })
  }
  const { isBuffered: _, ...rest } = all
  if (takes === 'dispatcher') {
    const interceptor = guardDispatch(rest)
    const inside = (dispatch) => (request, handler) => {
      guard.pending++
      return dispatch(request, new Watched(handler, () => guard.pending--))
    }
    const outside = (dispatch) => (request, handler) => {
      guard.asked++
      return dispatch(request, handler)
    }
    return Object.assign(guard, { hand: { compose: (dispatcher) => dispatcher.compose(inside, interceptor, outside) }, breakerOf: (origin) => interceptor.registry.get(origin) })
  }
  const { settleOn, onRefused, ...ofBreaker } = rest
  const breaker = new CircuitBreaker(ofBreaker)
  // It may sleep between attempts inside of the call: nothing tells when a request is on its way.
  const hand = {
    breaker: {
      callWith(options, fn) {
        guard.asked++
        return breaker.callWith(options, fn)
      }
    }
  }
  return Object.assign(guard, { hand, breakerOf: () => breaker })
}
