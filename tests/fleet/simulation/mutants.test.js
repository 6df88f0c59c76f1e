/**
 * The protocol with one rule broken: the checker or the simulation says so, each time, and says nothing of the protocol as it is.
 *
 * Must not know: what a rule is for.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RULES, check } from './checker.js'
import { MUTANTS, load } from './mutants.js'
import { QUESTIONS } from './questions.js'

/** Far enough for each mutant; the protocol itself is looked at further by `checker.test.js`. */
const NEAR = [{ start: 'open', knowledge: true, knowers: 1, losses: 1, most: 2000 }, { reports: true, most: 2000 }]

const faultsOf = (register) => NEAR.flatMap((bound) => check(/** @type {any} */ (bound), register).faults)

describe('the protocol', () => {
  for (const [name, question] of Object.entries(QUESTIONS)) {
    test(`stands the question of ${name}`, async () => assert.equal(await question(undefined), undefined))
  }
  test('has a mutant for each rule of the checker and for each question', () => {
    const by = new Set(MUTANTS.map((mutant) => mutant.by))
    assert.deepEqual([...by].sort(), [...RULES, ...Object.keys(QUESTIONS)].sort())
  })
})

describe('a protocol in which', () => {
  for (const mutant of MUTANTS) {
    test(`${mutant.name} is found out by ${mutant.by}`, async () => {
      const code = await load(mutant)
      if (RULES.includes(mutant.by)) assert.ok(faultsOf(code.register).some(({ rule }) => rule === mutant.by))
      else assert.notEqual(await QUESTIONS[mutant.by](code), undefined)
    })
  }
})
