// The breaker beside the documents' class: sequences of everything that can be done to both, one thing after another, compared after
// each step. It must not know what is right: that is the model's to say.
//
// A difference is reported with the seed, the number of the sequence and the shortest part of it that still differs. To see it again:
//   HALFOPEN_SEED=… node --test tests/js/differential.test.js

import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Worker } from 'node:worker_threads'
import { lives, SEED } from './support.js'

const { numRuns: SEQUENCES } = lives(100_000)
const LENGTH = 5
const WORKERS = 2

function work(part) {
  const worker = new Worker(new URL('differential-worker.js', import.meta.url), {
    workerData: { part, parts: WORKERS, seed: SEED, sequences: SEQUENCES, length: LENGTH }
  })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`A worker ended with ${code} and no answer`)))
  })
}

/** Adds up what the workers did, after all of them found no difference. */
function added(results) {
  const tally = {}
  let sequences = 0
  for (const { failure, sequences: some, tally: counts } of results) {
    if (failure) assert.fail(failure)
    sequences += some
    for (const [name, count] of Object.entries(counts)) tally[name] = (tally[name] ?? 0) + count
  }
  return { sequences, tally, steps: Object.values(tally).reduce((sum, count) => sum + count, 0) }
}

describe('used one call after another, a breaker', () => {
  let answers
  before(async () => {
    answers = await Promise.all(Array.from({ length: WORKERS }, (_, part) => work(part)))
  })

  it(`can not be told from the documents' class in ${SEQUENCES.toLocaleString('en')} random sequences`, (t) => {
    const { sequences, steps, tally } = added(answers.map(({ random }) => random))
    t.diagnostic(`${sequences} sequences, ${steps} steps, HALFOPEN_SEED=${SEED}`)
    assert.equal(sequences, SEQUENCES)
    assert.equal(Object.keys(tally).length, 15)
    for (const [name, count] of Object.entries(tally)) assert.ok(count > steps / 100, `${name} hardly ever came: ${count}`)
  })

  it(`can not be told from it in any sequence of ${LENGTH} steps that a small breaker has`, (t) => {
    const { sequences, steps } = added(answers.map(({ every }) => every))
    t.diagnostic(`${sequences} sequences, ${steps} steps`)
    assert.equal(sequences, 9 ** LENGTH)
  })
})
