// How a call is judged: by `classify`, or by whether it threw. It must not know breakers.

import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { judge } from '../../js/breaker/verdicts.js'
import { FAILURE, IGNORED, SUCCESS } from '../../js/engine/numbers.js'

const error = new Error('down')
const PLAIN = { retryAfter: NaN, trips: false }

let reported, reportError
beforeEach(() => {
  reported = []
  reportError = globalThis.reportError
  globalThis.reportError = (error) => reported.push(error)
})
afterEach(() => {
  globalThis.reportError = reportError
})

describe('a call without a judge', () => {
  it('succeeds with a value and fails with an error, which is the cause', () => {
    assert.deepEqual(judge(undefined, false, 'value'), { ...PLAIN, outcome: SUCCESS, cause: undefined })
    assert.deepEqual(judge(undefined, true, error), { ...PLAIN, outcome: FAILURE, cause: error })
  })
})

describe('a judge', () => {
  it('is asked with the error or with the value', () => {
    const asked = []
    const classify = (...all) => void asked.push(all)
    judge(classify, true, error)
    judge(classify, false, 'value')
    assert.deepEqual(asked, [[error, undefined], [undefined, 'value']])
  })

  it('that answers nothing leaves the default', () => {
    assert.equal(judge(() => undefined, true, error).outcome, FAILURE)
    assert.equal(judge(() => undefined, false, 'value').outcome, SUCCESS)
  })

  for (const [name, outcome] of [['success', SUCCESS], ['failure', FAILURE], ['ignored', IGNORED]]) {
    it(`names the outcome ${name}, alone or with what it asks for`, () => {
      assert.equal(judge(() => name, true, error).outcome, outcome)
      assert.equal(judge(() => ({ outcome: name }), false, 'value').outcome, outcome)
    })
  }

  it('asks for a pause and for an open circuit', () => {
    const classify = () => ({ outcome: 'failure', retryAfter: 1500, trip: true, cause: 'status 503' })
    assert.deepEqual(judge(classify, false, 'value'), { outcome: FAILURE, retryAfter: 1500, trips: true, cause: 'status 503' })
  })

  it('asks for nothing by a pause that is no number, or by a trip that is not true', () => {
    for (const verdict of [{ retryAfter: '1500' }, { retryAfter: null }, { trip: 1 }, { trip: 'yes' }, {}]) {
      assert.deepEqual(judge(() => ({ outcome: 'failure', ...verdict }), true, error), { ...PLAIN, outcome: FAILURE, cause: error })
    }
  })

  it('that fails, or answers nonsense, is reported, and the call is judged without it', () => {
    const mistake = new Error('classify')
    for (const classify of [() => { throw mistake }, () => 'sucess', () => 7, () => null, () => ({}), () => 'toString', () => Promise.resolve('success'), () => Promise.reject(mistake)]) {
      assert.deepEqual(judge(classify, true, error), { ...PLAIN, outcome: FAILURE, cause: error })
      assert.equal(judge(classify, false, 'value').outcome, SUCCESS)
    }
    assert.equal(reported.length, 16)
    assert.equal(reported[0], mistake)
    assert.match(reported[2].message, /^Expected `classify` to answer 'success', 'failure' or 'ignored', got 'sucess'$/)
  })
})
