/**
 * What every store has to do: the same as `register.js`, reply by reply and news by news, for the same commands at the same times.
 *
 * Must not know: any store. It is given one, whose clock it moves.
 */
import assert from 'node:assert/strict'
import { commandOf, EMPTY, step } from '../../js/fleet/register.js'
import { settingsOf } from '../../js/fleet/settings.js'
import { commands, SMALL } from './commands.js'

/**
 * Runs random commands through a store and through `register.js`.
 *
 * @param {object} given
 * @param {import('../../js/fleet/stores/store.js').FleetStore} given.store
 * @param {(now: number) => unknown} given.setTime Moves the clock of the store.
 * @param {(namespace: string, name: string) => Promise<unknown>} [given.stateOf] The whole state of a register, as `plain` gives it.
 * @param {number} given.seed
 * @param {number} [given.steps]
 * @param {boolean} [given.hasNews] Whether news arrive, in order.
 */
export async function conforms({ store, setTime, stateOf, seed, steps = 300, hasNews = false }) {
  const settings = settingsOf(seed % 5 === 0 ? {} : SMALL)
  const namespace = `conformance-${seed}`
  const name = `a name, with {braces}: ${seed} é`
  const given = commands(seed)
  const expected = []
  const heard = []
  const end = store.subscribe(namespace, (of, reply) => heard.push([of, reply]))
  let state = EMPTY
  let asked = given.next().value
  const states = new Set()
  for (let i = 0; i < steps; i++) {
    const { now, random } = asked
    const command = commandOf(asked.command.type, asked.command)
    await setTime(now)
    const next = step(state, command, now, random, settings)
    const [reply] = await store.run(command, { namespace, names: [name], random, settings })
    assert.deepEqual(reply, next.reply, `step ${i} of seed ${seed}: ${JSON.stringify(command)} in ${state.state}`)
    if (stateOf !== undefined) assert.deepEqual(await stateOf(namespace, name), plain(next.state), `state after step ${i} of seed ${seed}: ${JSON.stringify(command)}`)
    if (next.news) expected.push([name, { ...next.reply, granted: 0 }])
    state = next.state
    states.add(state.state)
    asked = given.next({ ...reply, holder: state.holder }).value
  }
  if (hasNews) {
    for (let i = 0; i < 200 && heard.length < expected.length; i++) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(heard, expected)
  }
  end()
  return states
}

/**
 * A state as plain objects, to be compared.
 *
 * @param {import('../../js/fleet/register.js').Register} state
 */
export function plain({ members, ...rest }) {
  return { ...rest, sums: { ...rest.sums }, members: Object.fromEntries([...members].sort(([a], [b]) => a < b ? -1 : 1).map(([id, member]) => [id, { ...member }])) }
}
