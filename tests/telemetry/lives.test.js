// What is told of real registries through random lives, against what their callers counted. It must not know how a registry keeps what its evicted breakers
// counted.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CircuitBreakerRegistry, ManualClock } from '../../pkg/index.js'
import { metricsText } from '../../pkg/prometheus.js'
import { lives } from '../js/support.js'
import { samplesOf } from './samples.js'

const key = fc.integer({ min: 0, max: 6 }).map((n) => `key ${n}`)
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ what: fc.constantFrom('success', 'success', 'failure', 'ignored', 'held success', 'held failure'), key }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('hold', 'let go', 'begin', 'end', 'isolate', 'release'), key }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('delete', 'wait'), key }) },
  { weight: 3, arbitrary: fc.constant({ what: 'scrape' }) }
)

describe('Real registries', () => {
  it('are told as their callers counted, each call once, and never less than before, while breakers are evicted, held, deleted and found again', () => {
    let evictions = 0
    let scrapes = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }), (steps) => {
        const clock = new ManualClock()
        const registry = new CircuitBreakerRegistry({
          maxBreakers: 3, failureThreshold: 2, recoveryTimeout: 1000, clock, classify: (error) => (error?.message === 'ignored' ? 'ignored' : undefined)
        })
        const held = new Map()
        const permits = []
        const counted = {}
        const count = (outcome) => (counted[outcome] = (counted[outcome] ?? 0) + 1)
        const call = (breaker, end) => {
          try {
            breaker.callSync(() => {
              if (end !== 'success') throw new Error(end)
            })
            count('success')
          } catch (error) {
            const refused = error.code === 'ERR_CIRCUIT_OPEN' && (error.retryAfter === Infinity ? 'refused_isolated' : `refused_${error.state}`)
            count(refused || error.message)
          }
        }
        let before = new Map()
        const scrape = () => {
          scrapes++
          const samples = samplesOf(metricsText(registry, { maxNames: 4 }))
          const counters = samples.filter(({ name }) => name.endsWith('_total'))
          const now = new Map(counters.map(({ name, labels, value }) => [JSON.stringify([name, labels]), value]))
          for (const [series, value] of before) assert.ok(now.get(series) >= value, `${series} went down`)
          before = now
          const told = {}
          for (const { name, labels, value } of samples) if (name === 'halfopen_breaker_calls_total' && value > 0) told[labels.outcome] = (told[labels.outcome] ?? 0) + value
          assert.deepEqual(told, counted)
          const states = samples.filter(({ name }) => name === 'halfopen_breaker_state').reduce((sum, { value }) => sum + value, 0)
          assert.equal(states, registry.size)
        }
        for (const { what, key } of steps) {
          if (what === 'scrape') scrape()
          else if (what === 'hold') held.set(key, registry.get(key))
          else if (what === 'let go') held.delete(key)
          else if (what === 'wait') clock.advance(1000)
          else if (what === 'delete') {
            // A deleted one speaks for its key no more: nobody goes on with it here.
            if (permits.some(({ of }) => of === key)) continue
            held.delete(key)
            registry.delete(key)
          } else if (what === 'isolate' || what === 'release') registry.get(key)[what]()
          else if (what === 'begin') {
            try {
              permits.push({ of: key, permit: registry.get(key).acquire() })
            } catch (error) {
              count(error.retryAfter === Infinity ? 'refused_isolated' : `refused_${error.state}`)
            }
          } else if (what === 'end') {
            const { permit, of } = permits.shift() ?? {}
            if (permit === undefined) continue
            const breaker = registry.get(of)
            const { staleCalls } = breaker.metrics
            permit.success()
            count(breaker.metrics.staleCalls > staleCalls ? 'stale' : 'success')
          } else {
            const [by, end] = what.startsWith('held ') ? [held.get(key), what.slice(5)] : [undefined, what]
            const was = registry.size
            const had = registry.has(key)
            call(by ?? registry.get(key), end)
            if (!had && was === 3) evictions++
          }
        }
        scrape()
        scrape()
      }),
      lives(400)
    )
    assert.ok(evictions > 1000 && scrapes > 1000, `${evictions} evictions, ${scrapes} scrapes`)
  })
})
