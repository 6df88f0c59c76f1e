// Measures contenders side by side in this process and prints ns per call as JSON. It must not know budgets.
//   node compare.js '{ "scenario": "success", "contenders": ["bare", "ours", "textbook"], "depth": 0, "rounds": 40 }'

import { CONTENDERS } from '../contenders.js'
import { median } from '../median.js'
import { takeTurns } from '../rounds.js'

const { scenario, contenders, depth, rounds } = JSON.parse(process.argv[2])

const DOWN = new Error('down')

/** What happens to the calls: what `fn` does, whether its failures may open the circuit, and what a call has to come to. */
const SCENARIOS = {
  success: { fn: 'async () => 1', neverOpens: false, opened: false, caught: false, expected: (outcome) => outcome === 1 },
  failure: { fn: 'async () => { throw DOWN }', neverOpens: true, opened: false, caught: true, expected: (outcome) => outcome === DOWN },
  refused: {
    fn: 'async () => { throw DOWN }', neverOpens: false, opened: true, caught: true,
    expected: (outcome) => outcome instanceof Error && outcome !== DOWN,
  },
}

/** Compiles a text of its own for each contender: shared code would be optimised for all of them at once, which is for none. */
function compile(text, values) {
  return new Function(...Object.keys(values), text)(...Object.values(values))
}

async function prepare(name, { fn: fnText, neverOpens, opened, caught, expected }) {
  const { make, call } = CONTENDERS[name]
  const fn = compile(`return ${fnText}`, { DOWN })
  const guard = await make(fn, neverOpens)
  const frames = Array.from({ length: depth }, (_, frame) => `function frame${frame + 1}() { return frame${frame}() }`).join('\n')
  const { once, loop } = compile(`
    function frame0() { return ${call} }
    ${frames}
    const once = async () => { try { return await frame${depth}() } catch (error) { return error } }
    async function loop(count) {
      for (let index = 0; index < count; index++) {
        ${caught ? `try { await frame${depth}() } catch {}` : `await frame${depth}()`}
      }
    }
    return { once, loop }`, { guard, fn })
  if (opened) for (let failures = 0; failures < 5; failures++) await once()
  const check = async () => {
    const outcome = await once()
    if (!expected(outcome)) throw new Error(`Expected another outcome of ${name} in ${scenario}, got ${outcome}`)
  }
  await check()
  return { loop, check }
}

const arms = []
for (const name of contenders) arms.push(await prepare(name, SCENARIOS[scenario]))
const times = await takeTurns(arms.map(({ loop }) => loop), rounds)
for (const { check } of arms) await check()

// Above the first contender: the difference is taken within each round, where both met the same machine.
const [base] = times
console.log(JSON.stringify(Object.fromEntries(contenders.map((name, index) => [name, {
  ns: median(times[index]),
  above: median(times[index].map((ns, round) => ns - base[round])),
}]))))
