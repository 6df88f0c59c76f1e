// Measures loops side by side: they take turns in short rounds, so that whatever else the machine does hits all of them.
// It must not know what the loops do.

import { setImmediate } from 'node:timers/promises'

/** How long one loop runs in one round, in ms: longer than the clock's grain, shorter than most disturbances. */
const TURN = 4
/** Rounds that are thrown away: by then the optimising compiler has seen every loop for some 80 ms. */
const WARM_UP = 20

/**
 * Runs every loop in every round, in an order that moves on by one each round.
 *
 * @param {((count: number) => Promise<void>)[]} loops Each runs its body `count` times.
 * @param {number} rounds How many rounds count.
 * @returns {Promise<number[][]>} For each loop the ns that its body took, round by round.
 */
export async function takeTurns(loops, rounds) {
  const counts = loops.map(() => 100)
  const times = loops.map(() => [])
  for (let round = -WARM_UP; round < rounds; round++) {
    for (let turn = 0; turn < loops.length; turn++) {
      const which = (((round + turn) % loops.length) + loops.length) % loops.length
      // Timers due run now, not never: a loop of awaits alone keeps them waiting.
      await setImmediate()
      const start = performance.now()
      await loops[which](counts[which])
      const ms = performance.now() - start
      if (round >= 0) times[which].push((ms * 1e6) / counts[which])
      else counts[which] = Math.max(100, Math.min(counts[which] * 10, Math.round((counts[which] * TURN) / Math.max(ms, 0.001))))
    }
  }
  return times
}
