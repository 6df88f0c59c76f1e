// How a call is judged: by `classify`, or by whether it threw. It must not know breakers.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judge } from '../../js/breaker/verdicts.js'
import { BulkheadFullError, CircuitOpenError } from '../../js/base/errors.js'
import { FAILURE, IGNORED, SUCCESS } from '../../js/engine/numbers.js'
import { hearReports } from './reports.js'

const error = new Error('down')
const PLAIN = { retryAfter: NaN, trips: false, told: undefined }

const reported = hearReports()

describe('a call without a judge', () => {
  it('succeeds with a value and fails with an error, which is the cause', () => {
    assert.deepEqual(judge(undefined, false, 'value'), { ...PLAIN, outcome: SUCCESS, cause: undefined })
    assert.deepEqual(judge(undefined, true, error), { ...PLAIN, outcome: FAILURE, cause: error })
  })
})

describe('a refusal that a call met', () => {
  const wrap = (cause, times) => (times === 0 ? cause : wrap(new Error('wrapped', { cause }), times - 1))
  const REFUSALS = {
    'an open circuit': new CircuitOpenError('open'),
    'a full bulkhead': new BulkheadFullError('full'),
    'an open circuit of another copy of the package': { [Symbol.for('halfopen.error')]: 'ERR_CIRCUIT_OPEN' }
  }
  for (const [what, refusal] of Object.entries(REFUSALS)) {
    it(`is ignored, also as the cause of what was thrown: ${what}`, () => {
      for (const times of [0, 1, 2, 15]) {
        assert.equal(judge(undefined, true, wrap(refusal, times)).outcome, IGNORED)
        assert.equal(judge(() => undefined, true, wrap(refusal, times)).outcome, IGNORED)
      }
      // Beyond that nobody looks.
      assert.equal(judge(undefined, true, wrap(refusal, 16)).outcome, FAILURE)
    })

    it(`is what a judge says: ${what}`, () => {
      assert.equal(judge(() => 'failure', true, refusal).outcome, FAILURE)
    })

    it(`is no failure as a value either, which is a value: ${what}`, () => {
      assert.equal(judge(undefined, false, refusal).outcome, SUCCESS)
    })
  }

  it('is none where the error can’t be looked at, or its causes are a circle', () => {
    const circle = new Error('circle')
    circle.cause = new Error('and back', { cause: circle })
    const throwing = Object.defineProperty(new Error('x'), 'cause', { get() { throw mistake } })
    const mistake = new Error('mistake')
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    for (const thrown of [circle, throwing, proxy, undefined, null, 7, 'CircuitOpenError', { code: 'ERR_CIRCUIT_OPEN' }]) {
      assert.equal(judge(undefined, true, thrown).outcome, FAILURE)
    }
    assert.deepEqual(reported, [])
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
    assert.deepEqual(judge(classify, false, 'value'), { ...PLAIN, outcome: FAILURE, retryAfter: 1500, trips: true, cause: 'status 503' })
  })

  it('asks for nothing by a pause that is no number, or by a trip that is not true', () => {
    for (const verdict of [{ retryAfter: '1500' }, { retryAfter: null }, { trip: 1 }, { trip: 'yes' }, {}]) {
      assert.deepEqual(judge(() => ({ outcome: 'failure', ...verdict }), true, error), { ...PLAIN, outcome: FAILURE, cause: error })
    }
  })

  it('names the cause of what was thrown, too', () => {
    assert.equal(judge(() => ({ outcome: 'failure', cause: 'redacted' }), true, error).cause, 'redacted')
    assert.equal(judge(() => ({ outcome: 'failure', cause: undefined }), true, error).cause, error)
  })

  it('answers by own members: what a polluted prototype has is no part of its verdict', () => {
    const polluted = { outcome: 'ignored', retryAfter: 5, trip: true, cause: 'polluted' }
    Object.assign(Object.prototype, polluted)
    try {
      assert.deepEqual(judge(() => ({ outcome: 'failure' }), true, error), { ...PLAIN, outcome: FAILURE, cause: error })
      judge(() => ({}), true, error)
      assert.equal(reported.length, 1)
    } finally {
      for (const name of Object.keys(polluted)) delete Object.prototype[name]
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
