// Replays the traces of this folder against anything that behaves like a breaker, and says where it does not do what the trace
// expects. tests/README.md explains the plan. It must not know the breaker: that is what an adapter is for, nor the test runner, nor any
// runtime: it is part of the program that all of them run.

/**
 * What a layer hands in to be tested: one breaker and its clock. Each answer may be a promise.
 *
 * @typedef {object} Adapter
 * @property {(ms: number) => unknown} advance
 * @property {(id: string) => Answer | Promise<Answer>} admit Asks for a call and holds it under that name.
 * @property {(id: string, outcome: Outcome, more: { duration?: number, retryAfter?: number }) => unknown} settle Ends the
 *   call of that name, which took so long. A failure with a `retryAfter` asks to open the circuit for as long.
 * @property {(outcome: Outcome) => unknown} record
 * @property {() => string} check The state, brought up to the time.
 * @property {() => string} state The state as it stands.
 * @property {() => string} mode
 * @property {(deed: string, value?: number) => unknown} control By hand: `trip`, `isolate` …, or an option to be set.
 * @property {() => Counts} counts
 *
 * @typedef {'success' | 'failure' | 'ignored'} Outcome
 * @typedef {{ admitted: true } | { admitted: false, by: 'open' | 'half_open' | 'isolated', retryAfter: number }} Answer
 * @typedef {object} Counts
 * @property {number} failureCount
 * @property {number} successCount
 * @property {{ from: string, to: string }[]} stateChanges All there ever were.
 * @property {number} retryAfter How long an open circuit goes on refusing.
 * @property {Window} [window] What is in the window, if there is one.
 *
 * @typedef {object} Window
 * @property {number} calls
 * @property {number} failures
 * @property {number} slowCalls
 * @property {number} minimumCalls Below which no share is judged; 0 when there is none.
 */

/** The outcomes by the words of the notation and by ours. */
const OUTCOMES = {
  ok: 'success', success: 'success',
  fail: 'failure', panic: 'failure', failure: 'failure',
  ignore: 'ignored', release: 'ignored', ignored: 'ignored'
}

/**
 * Why this layer does not replay a trace; undefined when it does.
 *
 * @throws {Error} When the plan says nothing about it.
 */
export function reasonNotTo(plan, trace, layer) {
  const entry = plan.traces[trace.id] ?? {}
  if (entry.leftOut) return entry.leftOut
  if (!entry.options) throw new Error(`${trace.id}: the plan has neither options nor a reason to leave it out`)
  const missing = (entry.needs ?? []).filter((need) => !plan.layers[layer].includes(need))
  return missing.length > 0 ? `waits for ${missing.map((need) => known(plan.features, need)).join(', ')}` : undefined
}

/**
 * Replays one trace.
 *
 * @param {(options: object, start: number, entry: object) => Adapter} makeAdapter Given the options, the time and all that the
 *   plan has for the trace.
 * @returns {Promise<{ compared: number, wrong: string[] }>} How many expectations were compared, and those not met.
 */
export async function replay(plan, trace, makeAdapter) {
  const entry = plan.traces[trace.id]
  const peer = known(plan.peers, trace.peer)
  const adapter = makeAdapter(entry.options, plan.start, entry)
  const wrong = []
  let compared = 0

  for (const deed of entry.begins ?? []) await adapter.control(deed)
  for (const [number, step] of trace.steps.entries()) {
    const answer = await take(step)
    const plainState = known({ check: adapter.check, state: adapter.state }, peer.reads).call(adapter)
    // Some of its states are our modes.
    const state = peer.modes?.[adapter.mode()] ?? plainState
    for (const [path, expected] of [...leaves(step.expect), ...leaves(step.also)]) {
      const actual = look(path, expected, answer, state)
      if (actual === undefined) continue
      compared++
      if (JSON.stringify(actual) !== JSON.stringify(expected)) {
        wrong.push(`step ${number} ${JSON.stringify(step)}: ${path} should be ${JSON.stringify(expected)}, is ${JSON.stringify(actual)}`)
      }
    }
  }
  return { compared, wrong }

  /** Does one step and answers what an admission in it answered. */
  async function take(step) {
    switch (step.op) {
      case 'advance':
        return void await adapter.advance(step.ms)
      case 'read':
        return
      case 'begin':
        return adapter.admit(step.id)
      case 'end':
        return void await adapter.settle(step.id, outcome(step), more(step))
      case 'record':
        // Recorded by hand a result has no duration, so one that has goes through a call.
        if (step.durationMs === undefined) return void await adapter.record(outcome(step))
      // falls through
      case 'call': {
        const answer = await adapter.admit('the call of this step')
        if (answer.admitted) await adapter.settle('the call of this step', outcome(step), more(step))
        return answer
      }
      case 'control':
        for (const deed of known(plan.controls, step.action)) {
          if (deed === 'wait') await adapter.advance(known(entry.options, 'recoveryTimeout'))
          else await adapter.control(deed, step.ms)
        }
        return
      default:
        throw new Error(`No step is called \`${step.op}\``)
    }
  }

  function outcome(step) {
    if (entry.asks?.[step.outcome] !== undefined) return 'failure'
    return known(OUTCOMES, entry.outcomes?.[step.outcome] ?? step.outcome)
  }

  function more(step) {
    return { duration: step.durationMs, retryAfter: entry.asks?.[step.outcome] }
  }

  /** What there is where the trace expects something; undefined where the plan does not compare it. */
  function look(path, expected, answer, state) {
    const [head, leaf] = path.split('.')
    if (head === 'state') return state
    if (head === 'admitted') return answer?.admitted ?? null
    if (head === 'rejectedAs') return known(peer.refusals, expected).includes(answer?.by) ? expected : answer?.by ?? null
    if (head === 'retryAfterMs') return answer?.retryAfter ?? null
    const counts = adapter.counts()
    if (head === 'lastEvent') return counts.stateChanges.slice(-1).map(({ from, to }) => [from, to])[0] ?? null
    if (head === 'events' && peer.events?.[leaf]) {
      return counts.stateChanges.filter(({ to }) => to === peer.events[leaf]).length
    }
    const ours = peer.counts?.[state]?.[path]
    if (['failureCount', 'successCount', 'retryAfter'].includes(ours)) return counts[ours]
    if (ours) return counts.window && known(windowCounts(counts.window), ours)
    // Ours in another state, or one of those that the plan leaves aside on purpose.
    if (!Object.values(peer.counts ?? {}).some((paths) => path in paths)) known(plan.notCompared, path)
  }
}

/** A window's counts by their names in the plan. A rate that is not judged yet is -1 percent. */
function windowCounts({ calls, failures, slowCalls, minimumCalls }) {
  const share = (part) => (calls === 0 ? 0 : part / calls)
  const percent = (part) => (calls === 0 || calls < minimumCalls ? -1 : 100 * share(part))
  return {
    windowCalls: calls,
    windowFailures: failures,
    windowSuccesses: calls - failures,
    windowSlowCalls: slowCalls,
    failureShare: share(failures),
    failurePercent: percent(failures),
    slowPercent: percent(slowCalls)
  }
}

/** The expectations of a step by their paths: `state`, `counts.ConsecutiveFailures` … A count of counts is one expectation. */
function leaves(expectations = {}) {
  return Object.entries(expectations).flatMap(([name, value]) => {
    const isGroup = isObject(value) && !Object.values(value).some(isObject)
    return isGroup ? Object.entries(value).map(([part, leaf]) => [`${name}.${part}`, leaf]) : [[name, value]]
  })
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a table has under that name, which it must have. */
function known(table, name) {
  if (!Object.hasOwn(table, name)) throw new Error(`Nothing is called \`${name}\`; there are ${Object.keys(table).join(', ')}`)
  return table[name]
}
