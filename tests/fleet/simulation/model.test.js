/**
 * The model of a breaker against the real one: both live the same lives, by calls and by what a fleet does to them.
 *
 * Must not know: fleets.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CircuitBreaker, ManualClock } from '../../../pkg/index.js'
import { countsOf, readingOf } from '../../../js/fleet/evidence.js'
import { join } from '../../../js/fleet/place.js'
import { numbers } from '../commands.js'
import { LOCALS, ModelBreaker, RealBreaker } from './breaker.js'

const rest = () => new Promise((resolve) => setImmediate(resolve))

describe('the model of a breaker', () => {
  test('has the states, counts and answers of the real one, whatever calls and fleets do', async () => {
    let grants = 0
    let trips = 0
    for (let seed = 1; seed <= 60; seed++) {
      const random = numbers(seed)
      const options = seed % 2 === 0 ? LOCALS.row : LOCALS.window
      const clock = new ManualClock(1_000_000)
      const both = [new ModelBreaker(clock, 'api', options), new RealBreaker(new CircuitBreaker({ name: 'api', clock, ...options }))].map((breaker) => {
        const log = []
        let isGenerous = false
        const hold = join(breaker, {
          onRefused: () => isGenerous,
          onOutcome: (outcome) => log.push(`outcome ${outcome}`),
          onOpened: () => log.push('opened'),
          onClosed: () => log.push('closed')
        })
        return { breaker, log, hold, tests: [], give: (value) => (isGenerous = value) }
      })
      let isIll = false
      for (let i = 0; i < 400; i++) {
        // No test hangs: in a simulation none does, and the model knows no such thing.
        const draw = i % 8 === 7 ? 1 : random()
        const more = random()
        if (draw < 0.02) isIll = !isIll
        clock.advance(Math.floor(random() ** 3 * 2500))
        for (const one of both) {
          if (draw < 0.6) {
            one.give(more < 0.3)
            one.breaker.call((isTest, done) => {
              one.log.push(isTest ? 'test' : 'call')
              if (isTest) one.tests.push(done)
              else done(!isIll && more < 0.9)
            }, () => one.log.push('refused'))
          } else if (draw < 0.75) {
            const due = Math.floor(more * 4) * 700
            one.hold.hold(due, due + (more < 0.2 ? 500 : 20_000))
          } else if (draw < 0.83) one.log.push(`grant ${one.hold.grant(30_000)}`)
          else if (draw < 0.88) one.hold.release()
          else one.tests.shift()?.(more < 0.7 && !isIll)
        }
        await rest()
        const [model, real] = both.map(({ breaker, hold, log }) => ({ state: breaker.state, stage: hold.state, ...countsOf(readingOf(breaker), 0), log: log.slice(-3) }))
        assert.deepEqual(model, real, `seed ${seed}, step ${i}`)
      }
      grants += both[0].log.filter((line) => line === 'test').length
      trips += both[0].log.filter((line) => line === 'opened').length
    }
    assert.ok(grants > 500 && trips > 20, `${grants} tests, ${trips} trips`)
  })
})
