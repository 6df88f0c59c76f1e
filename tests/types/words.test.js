// The words of js/base/types.js against the lists of the code: names and numbers that stand in both. It must not know what they mean.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { EXPECTED, MODES, OPTIONS, REASONS, STATES } from '../../js/engine/numbers.js'
import { OUTCOMES } from '../../js/breaker/verdicts.js'
import { CircuitBreaker } from '../../pkg/index.js'

const types = readFileSync(new URL('../../js/base/types.js', import.meta.url), 'utf8')
/** A comment without its stars and line ends. */
const plain = (comment) => comment.replaceAll(/\s*\n \* */g, ' ')
const sameNames = (actual, expected) => assert.deepEqual([...actual].sort(), [...expected].sort())
const wordsIn = (text, quote) => [...text.matchAll(new RegExp(`${quote}(\\w+)${quote}`, 'g'))].map(([, word]) => word)

describe('js/base/types.js', () => {
  for (const [name, words] of Object.entries({ State: STATES, Mode: MODES, Reason: REASONS, Outcome: Object.keys(OUTCOMES) })) {
    it(`has every ${name}, and no other`, () => {
      const [, union] = new RegExp(`@typedef \\{('[^{}]+)\\} ${name}\\b`).exec(plain(types))
      sameNames(wordsIn(union, "'"), words)
    })
  }

  it('says of every reason that it is one', () => {
    const [, prose] = /Why the state changed: (.+?) @typedef/.exec(plain(types))
    sameNames(wordsIn(prose, '`'), REASONS)
  })

  it('has the options of a single call that a call takes', async () => {
    const [declared] = types.match(/@typedef \{object\} CallOptions[^]*?\*\//)
    const refused = await new CircuitBreaker().callWith({ zzzzzzzzzzzzzzzzzzzz: 1 }, () => {}).catch((error) => error)
    sameNames([...declared.matchAll(/@property \{.+\} \[(\w+)\]/g)].map(([, name]) => name), /known are (.+)$/.exec(refused.message)[1].split(', '))
  })

  it('says of every member of a window what it is', () => {
    const [, prose] = /\/\*\*((?:(?!\*\/)[^])+?)@typedef \{\{ type: .+\} CallWindow\b/.exec(types)
    sameNames(new Set(wordsIn(prose, '`')), OPTIONS.filter((name) => name.startsWith('window.')).map((name) => name.split('.')[1]))
  })

  it('names the largest values that options take', () => {
    const largest = (option) => Number(/(\d+)$/.exec(EXPECTED[OPTIONS.indexOf(option)])[1])
    const said = (pattern) => Number(pattern.exec(plain(types))[1].replaceAll(',', ''))
    assert.equal(said(/A size is at most ([\d,]+\d)/), largest('window.size'))
    assert.equal(said(/`buckets` steps \(1 to ([\d,]+),/), largest('window.buckets'))
    assert.equal(said(/@property \{number \| undefined\} \[timeout\][^@]+ Up to (\d+)\./), largest('timeout'))
  })
})
