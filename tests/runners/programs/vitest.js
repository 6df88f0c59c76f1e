// The situations under Vitest's fake timers. FAKED has what it is to fake, as JSON; without that it fakes what it does by default.

import * as halfopen from 'halfopen'
import { guardFetch } from 'halfopen/fetch'
import { guardDispatch } from 'halfopen/undici'
import { expect, it, vi } from 'vitest'
import { situations } from './situations.js'

const { FAKED } = process.env

situations({ ...halfopen, guardFetch, guardDispatch }, {
  it,
  fake: () => vi.useFakeTimers(FAKED === undefined ? undefined : { toFake: JSON.parse(FAKED) }),
  real: () => vi.useRealTimers(),
  tick: (ms) => vi.advanceTimersByTime(ms),
  tickAsync: (ms) => vi.advanceTimersByTimeAsync(ms),
  count: () => vi.getTimerCount(),
  // That of happy-dom sends any request, however malformed.
  hasFetch: !('happyDOM' in globalThis),
  expectThrown: (run, type) => expect(run).toThrow(type)
})
