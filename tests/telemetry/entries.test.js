// What the two entries are made of. It must not know what they tell.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'acorn'
import { CircuitBreaker, CircuitBreakerRegistry, ManualClock } from '../../pkg/index.js'
import { instrument } from '../../pkg/otel.js'
import { collect, metricsText } from '../../pkg/prometheus.js'

describe('The entries', () => {
  for (const entry of ['otel', 'prometheus']) {
    for (const [file, imported] of [[`${entry}.js`, ['./errors.js']], [`${entry}.cjs`, ['./errors.cjs']]]) {
      it(`have no engine and no class, and need no module of a host or of anybody else: ${file}`, () => {
        const code = readFileSync(new URL(`../../pkg/${file}`, import.meta.url), 'utf8').replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '')
        const found = [...code.matchAll(/(?:from |import |import\(|require\()"([^"]+)"/g)].map(([, path]) => path)
        assert.deepEqual([...new Set(found)], imported)
        assert.ok(!/WebAssembly|class CircuitBreaker|import\.meta|getBuiltinModule/.test(code))
      })
    }
  }

  it('are the same from both formats', async () => {
    for (const entry of ['otel', 'prometheus']) {
      const [esm, cjs] = await Promise.all(['js', 'cjs'].map((end) => import(`../../pkg/${entry}.${end}`)))
      const names = (module) => Object.keys(module).filter((name) => name !== 'default' && name !== 'module.exports').sort()
      assert.deepEqual(names(cjs), names(esm))
      assert.ok(names(esm).length > 0)
    }
  })

  /** What the language itself or Node looks up on any object. */
  const OF_THE_HOST = new Set(['then', 'constructor', 'prototype', 'length', 'name', 'message', 'stack', 'toString', 'valueOf', 'toJSON', 'get', 'set', 'value', 'code', 'cause', 'signal'])

  /** The names of members that the built files read or write. */
  function names() {
    const found = new Set()
    const visit = (node) => {
      if (node === null || typeof node !== 'object') return
      if (Array.isArray(node)) return node.forEach(visit)
      if (node.type === 'MemberExpression' && !node.computed && node.property.type === 'Identifier') found.add(node.property.name)
      if (node.type === 'Property' && !node.computed && node.key.type === 'Identifier') found.add(node.key.name)
      Object.values(node).forEach(visit)
    }
    for (const entry of ['otel', 'prometheus']) visit(parse(readFileSync(new URL(`../../pkg/${entry}.js`, import.meta.url), 'utf8'), { ecmaVersion: 2022, sourceType: 'module' }))
    return [...found].filter((name) => !(name in Object.prototype) && !OF_THE_HOST.has(name))
  }

  /** All that the entries tell of an outage, as one text. */
  function told() {
    const seen = []
    const clock = new ManualClock()
    const registry = new CircuitBreakerRegistry({ failureThreshold: 1, latency: true, clock })
    const alone = new CircuitBreaker({ latency: true, clock })
    let callback
    const instrumentOf = (name, options) => ({ record: (seconds, attributes) => seen.push(`${name} ${seconds} ${JSON.stringify(attributes)}`), called: `${name} ${options.unit}` })
    const stop = instrument({
      createObservableCounter: instrumentOf, createObservableUpDownCounter: instrumentOf, createHistogram: instrumentOf, addBatchObservableCallback: (given) => (callback = given),
      removeBatchObservableCallback() {}
    }, [registry, () => alone], { duration: true, trace: { getActiveSpan: () => ({ setAttributes: (attributes) => seen.push(JSON.stringify(attributes)) }) } })
    for (const breaker of [registry.get('a'), alone, registry.get('b')]) breaker.callSync(() => clock.advance(5))
    for (let n = 0; n < 3; n++) {
      try {
        registry.get('a').callSync(() => { throw new Error('down') })
      } catch {
        // Down, and then refused.
      }
    }
    callback({ observe: ({ called }, value, attributes) => seen.push(`${called} ${value} ${JSON.stringify(attributes)}`) })
    stop()
    seen.push(metricsText([registry, alone]), metricsText([registry, alone], { labels: 'otel', label: (name) => `the ${name}` }))
    class Metric {
      constructor({ name, labelNames, collect }) {
        seen.push(`${name} ${labelNames}`)
        collect.call({ reset() {}, inc: (labels, value) => seen.push(`${JSON.stringify(labels)} ${value}`) })
      }
    }
    collect({ client: { Counter: Metric, Gauge: Metric }, register: { registerMetric() {}, getSingleMetric() {}, removeSingleMetric() {} }, registries: registry })()
    return seen.join('\n')
  }

  it('tell the same whatever somebody added to `Object.prototype`', () => {
    const expected = told()
    assert.ok(expected.includes('refused_open'))
    const all = names()
    assert.ok(all.length > 60, String(all.length))
    for (const name of all) {
      for (const value of ['added', () => 'added']) {
        let found
        Object.prototype[name] = value
        try {
          found = told()
        } catch (error) {
          found = String(error.stack)
        } finally {
          delete Object.prototype[name]
        }
        assert.equal(found, expected, `with Object.prototype.${name}`)
      }
    }
  })
})
