// The situations under the fake timers of node:test. FAKED has what it is to fake, as JSON; without that it fakes all it can.

import { it, mock } from 'node:test'
import * as halfopen from 'halfopen'
import { guardFetch } from 'halfopen/fetch'
import { guardDispatch } from 'halfopen/undici'
import { situations } from './situations.js'

const { FAKED } = process.env

situations({ ...halfopen, guardFetch, guardDispatch }, {
  it,
  fake: () => mock.timers.enable(FAKED === undefined ? undefined : { apis: JSON.parse(FAKED) }),
  real: () => mock.timers.reset(),
  tick: (ms) => mock.timers.tick(ms),
  // It has no tick of its own that can be awaited.
  tickAsync: async (ms) => {
    mock.timers.tick(ms)
    for (let n = 0; n < 20; n++) await null
  }
})
