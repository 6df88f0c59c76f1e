// The situations under Jest's modern fake timers. Run as a CommonJS module, as Jest does by default, and as an ES module.

import { expect, it, jest } from '@jest/globals'
import * as halfopen from 'halfopen'
import { guardFetch } from 'halfopen/fetch'
import { guardDispatch } from 'halfopen/undici'
import { situations } from './situations.js'

situations({ ...halfopen, guardFetch, guardDispatch }, {
  it,
  fake: () => jest.useFakeTimers(),
  real: () => jest.useRealTimers(),
  tick: (ms) => jest.advanceTimersByTime(ms),
  tickAsync: (ms) => jest.advanceTimersByTimeAsync(ms),
  count: () => jest.getTimerCount(),
  expectThrown: (run, type) => expect(run).toThrow(type)
})
