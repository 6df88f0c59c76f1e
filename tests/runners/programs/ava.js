// The situations in AVA, under sinon's fake timers, since it has none of its own. They are all one process's: one after the other.

import test from 'ava'
import * as halfopen from 'halfopen'
import { guardFetch } from 'halfopen/fetch'
import { guardDispatch } from 'halfopen/undici'
import sinon from 'sinon'
import { situations } from './situations.js'

let clock
situations({ ...halfopen, guardFetch, guardDispatch }, {
  it: (title, run) => test.serial(title, () => run()),
  fake: () => (clock = sinon.useFakeTimers()),
  real: () => clock.restore(),
  tick: (ms) => clock.tick(ms),
  tickAsync: (ms) => clock.tickAsync(ms),
  count: () => clock.countTimers()
})
