// The situations under sinon's fake timers: in node:test, or where the runner has a global `it`, as Mocha and Bun do, in that.

import * as halfopen from 'halfopen'
import { guardFetch } from 'halfopen/fetch'
import { guardDispatch } from 'halfopen/undici'
import sinon from 'sinon'
import { situations } from './situations.js'

const it = globalThis.it ?? (await import('node:test')).it

let clock
situations({ ...halfopen, guardFetch, guardDispatch }, {
  it,
  fake: () => (clock = sinon.useFakeTimers()),
  real: () => clock.restore(),
  tick: (ms) => clock.tick(ms),
  tickAsync: (ms) => clock.tickAsync(ms),
  count: () => clock.countTimers()
})
