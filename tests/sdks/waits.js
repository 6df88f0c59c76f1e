// Time that passes as soon as everybody waits for it: how long a client would sleep, in no time. It must not know who sleeps.
//
// Import this before what is to be measured: clients may keep the functions that they find.

import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers'
import promises from 'node:timers/promises'

const real = { setTimeout, clearTimeout, setImmediate, wait: promises.setTimeout }
/** The sleepers, by what their `setTimeout` gave; undefined while time is real. @type {Map<object, { at: number, fire: () => void }> | undefined} */
let sleepers
let now = 0

function fakeTimeout(fn, ms = 0, ...args) {
  if (sleepers === undefined) return real.setTimeout(fn, ms, ...args)
  const handle = { ref: () => handle, unref: () => handle, hasRef: () => true, refresh: () => (sleepers?.set(handle, { at: now + ms, fire: () => fn(...args) }), handle), close: () => sleepers?.delete(handle), [Symbol.toPrimitive]: () => 0 }
  return handle.refresh()
}
function fakeClear(handle) {
  if (!sleepers?.delete(handle)) real.clearTimeout(handle)
}
function fakeWait(ms, value, { signal } = {}) {
  if (sleepers === undefined) return real.wait(ms, value, { signal })
  return new Promise((resolve, reject) => {
    const handle = fakeTimeout(() => resolve(value), ms)
    signal?.addEventListener('abort', () => { fakeClear(handle); reject(signal.reason) }, { once: true })
  })
}

for (const place of [globalThis, timers]) Object.assign(place, { setTimeout: fakeTimeout, clearTimeout: fakeClear })
promises.setTimeout = fakeWait
syncBuiltinESMExports()

/**
 * Runs something whose sleeps take no time, and gives how it ended and for how long it would have slept. Time goes on whenever nothing else
 * does: `isBusy` says that a request is on its way. Chance is even.
 *
 * @param {() => Promise<unknown>} run
 * @param {{ isBusy: () => boolean, onAdvance: (ms: number) => void }} options
 * @returns {Promise<{ value?: unknown, error?: unknown, slept: number }>}
 */
export async function awake(run, { isBusy, onAdvance }) {
  sleepers = new Map()
  now = 0
  const { random } = Math
  Math.random = () => 0.5
  try {
    let end
    let idle = 0
    run().then((value) => (end = { value }), (error) => (end = { error }))
    while (end === undefined) {
      // Enough turns of the event loop for what needs no time.
      for (let turn = 0; turn < 20 || isBusy(); turn++) await new Promise((resolve) => (turn < 20 ? real.setImmediate(resolve) : real.setTimeout(resolve, 1)))
      if (end !== undefined || isBusy()) continue
      const [next] = [...sleepers].sort(([, one], [, other]) => one.at - other.at)
      // Somebody waits for what is no timer.
      if (next === undefined) {
        if (++idle > 1000) throw new Error('Nothing happens any more')
        await new Promise((resolve) => real.setTimeout(resolve, 5))
        continue
      }
      const [handle, { at, fire }] = next
      sleepers.delete(handle)
      if (at > now) onAdvance(at - now)
      now = Math.max(now, at)
      fire()
    }
    return { ...end, slept: now }
  } finally {
    sleepers = undefined
    Math.random = random
  }
}
