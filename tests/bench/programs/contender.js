// Measures one contender, alone in this process, over a sustained loop: what it throws away is collected within its own time. Prints ns
// per call as JSON: `cpu`, the CPU time of the whole process, the collector's threads included, and `wall`. It must not know budgets,
// nor who else is measured.
//   node contender.js '{ "contender": "ours", "scenario": "success", "depth": 0, "lanes": 1, "calls": 1000000, "seconds": 2 }'

import { setImmediate } from 'node:timers/promises'
import { CONTENDERS } from '../contenders.js'

const job = JSON.parse(process.argv[2])
const { contender, scenario, depth, lanes, calls, seconds } = job

const DOWN = new Error('down')

/** What happens to the calls: what `fn` does, whether its failures may open the circuit, and what a call has to come to. */
const SCENARIOS = {
  success: { fn: async () => 1, answers: (outcome) => outcome === 1 },
  failure: { fn: down, neverOpens: true, caught: true, answers: (outcome) => outcome === DOWN },
  refused: { fn: down, opened: true, caught: true, answers: (outcome) => outcome instanceof Error && outcome !== DOWN },
}
async function down() {
  throw DOWN
}

/** The calls made in one turn of the event loop. A loop of awaits alone would keep timers and finalizers waiting for ever. */
const TURN = 1000

const { fn, neverOpens, opened, caught, answers: answersOfScenario } = SCENARIOS[scenario]
const { make, call, answers = answersOfScenario, turn = TURN } = CONTENDERS[contender]
const guard = await make({ fn, neverOpens, url: job.url })

/** Calls from `left` frames below the loop. */
const frame = (left) => (left === 0 ? call(guard, fn) : frame(left - 1))

const loop = caught
  ? async (count) => {
      for (let index = 0; index < count; index++) {
        try {
          await frame(depth)
        } catch {}
      }
    }
  : async (count) => {
      for (let index = 0; index < count; index++) await frame(depth)
    }

async function check() {
  let outcome
  try {
    outcome = await frame(depth)
  } catch (error) {
    outcome = error
  }
  if (!answers(outcome)) throw new Error(`Expected another outcome of ${contender} in ${scenario}, got ${outcome}`)
}

/** Calls on until either bound is met, in as many lanes as are wanted, and gives how many calls that were. */
async function sustain(calls, seconds) {
  const end = performance.now() + seconds * 1000
  let done = 0
  const lane = async () => {
    do {
      done += turn
      await loop(turn)
      await setImmediate()
    } while (done < calls && performance.now() < end)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return done
}

if (opened) for (let failures = 0; failures < 5; failures++) await loop(1)
await check()
// Machine code is made, the heap finds its size, connections are opened.
await sustain(calls / 4, seconds / 4)

const { user, system } = process.cpuUsage()
const start = performance.now()
const done = await sustain(calls, seconds)
const wall = performance.now() - start
const used = process.cpuUsage({ user, system })
await check()
console.log(JSON.stringify({ cpu: ((used.user + used.system) * 1000) / done, wall: (wall * 1e6) / done, calls: done }))
// Sockets and timers of peers would keep the process.
process.exit()
