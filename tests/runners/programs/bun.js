// The situations under Bun's own fake timers.

import { expect, it, jest } from 'bun:test'
import * as halfopen from 'halfopen'
import { guardFetch } from 'halfopen/fetch'
import { guardDispatch } from 'halfopen/undici'
import { situations } from './situations.js'

situations({ ...halfopen, guardFetch, guardDispatch }, {
  it,
  fake: () => jest.useFakeTimers(),
  real: () => jest.useRealTimers(),
  tick: (ms) => jest.advanceTimersByTime(ms),
  // It has no tick of its own that can be awaited.
  tickAsync: async (ms) => {
    jest.advanceTimersByTime(ms)
    for (let n = 0; n < 20; n++) await null
  },
  count: () => jest.getTimerCount(),
  expectThrown: (run, type) => expect(run).toThrow(type)
})
