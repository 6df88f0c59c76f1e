// What the page makes of messages, without a browser: how bad each breaker is, its last minutes, how numbers are written, and that every text can be read. It must
// not know how anything is drawn.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { because, count, few, percent, span, took } from '../../js/dashboard/page/format.js'
import { BAD, BAR, BARS, GOOD, Model, TIERS, TURNED_AWAY, UNKNOWN } from '../../js/dashboard/page/model.js'

const START = 1_700_000_000_000
const HELLO = { epoch: 'a', title: 'x', control: false }
const SOURCES = [{ label: 'web', own: true, trouble: null }]
/** Columns by name, all others as of a breaker that was just made. */
const row = (id, { state = 0, mode = 0, since = null, due = null, succeeded = 0, failed = 0, refused = 0, inARow = 0 } = {}) =>
  [id, `b${id}`, 0, state, mode, since, due, succeeded, failed, refused, 0, 0, 0, 0, inARow, 0, null, null]

/** A model that has heard of these, and what moves it on a second with a change of the first. */
function model(...rows) {
  const model = new Model()
  let now = START
  model.take({ now, hello: HELLO, sources: SOURCES, fresh: rows })
  const [item] = model.items.values()
  return {
    model, item, get now() { return now },
    second(change = [], seconds = 1) {
      now += seconds * 1000
      const news = model.take({ now, changed: change.length > 0 ? [[item.id, ...change]] : [] })
      item.judge(now)
      return news
    }
  }
}
const [STATE, MODE, SINCE, SUCCEEDED, FAILED, REFUSED, IN_A_ROW] = [0, 1, 2, 4, 5, 6, 11]
const tierOf = (columns) => TIERS[model(row(1, columns)).item.tier]

describe('how bad a breaker is', () => {
  it('is what its state and its mode say', () => {
    assert.deepEqual(
      [{ state: 1 }, { state: 2 }, { state: 1, mode: 1 }, { mode: 1 }, { state: 1, mode: 2 }, { mode: 3 }, {}].map(tierOf),
      ['open', 'half_open', 'isolated', 'isolated', 'switched', 'switched', 'closed']
    )
  })

  it('is not more than closed for one failure, unless that is a fifth of its calls', () => {
    for (const [succeeded, tier] of [[5, 'closed'], [4, 'failing']]) {
      const it = model(row(1))
      it.second([SUCCEEDED, succeeded, FAILED, 1])
      assert.equal(TIERS[it.item.tier], tier)
    }
  })

  it('is more than closed while calls fail, from 2 % on, and for 15 s after', () => {
    const it = model(row(1))
    it.second([SUCCEEDED, 99, FAILED, 1])
    assert.equal(TIERS[it.item.tier], 'closed')
    it.second([SUCCEEDED, 147, FAILED, 3])
    assert.equal(TIERS[it.item.tier], 'failing')
    for (let n = 0; n < 9; n++) it.second([SUCCEEDED, 1000 + n * 1000])
    assert.equal(TIERS[it.item.tier], 'failing')
    for (let n = 0; n < 15; n++) it.second([SUCCEEDED, 20_000 + n * 1000])
    assert.equal(TIERS[it.item.tier], 'closed')
  })

  it('is so at two failures in a row, and not at one', () => {
    assert.equal(tierOf({ inARow: 1 }), 'closed')
    assert.equal(tierOf({ inARow: 2 }), 'failing')
  })

  it('is so where a closed one turns calls away', () => {
    const it = model(row(1))
    it.second([REFUSED, 1])
    assert.equal(TIERS[it.item.tier], 'failing')
  })
})

describe('the last minutes', () => {
  it('are bars of five seconds, and what is older than five minutes is gone', () => {
    const it = model(row(1))
    it.second([SUCCEEDED, 10, FAILED, 2, REFUSED, 1])
    assert.deepEqual([GOOD, BAD, TURNED_AWAY].map((kind) => it.item.counted(kind, 0, it.now)), [10, 2, 1])
    it.second([], 5)
    it.second([SUCCEEDED, 13])
    assert.deepEqual([0, 1, 2].map((ago) => it.item.counted(GOOD, ago, it.now)), [3, 10, 0])
    for (let n = 0; n < BARS - 2; n++) it.second([], BAR / 1000)
    assert.equal(it.item.counted(GOOD, BARS - 1, it.now), 10)
    it.second([SUCCEEDED, 14], BAR / 1000)
    for (let ago = 0; ago < BARS; ago++) assert.notEqual(it.item.counted(GOOD, ago, it.now), 10, `${ago} bars ago`)
  })

  it('know the state since it began, also before anybody looked, and nothing of before', () => {
    const it = model(row(1, { state: 1, since: START - 62_000 }))
    const states = Array.from({ length: 20 }, (_, ago) => it.item.stateAt(ago, START))
    assert.deepEqual(states, [...Array(14).fill(1), ...Array(6).fill(UNKNOWN)])
  })

  it('show as open what was open for a part of a bar', () => {
    const it = model(row(1))
    it.second([STATE, 1])
    it.second([STATE, 2])
    it.second([STATE, 0])
    assert.equal(it.item.stateAt(0, it.now), 1)
    it.second([], 5)
    assert.equal(it.item.stateAt(0, it.now), 0)
  })

  it('have no peak of what came while nobody looked', () => {
    const it = model(row(1))
    it.second([SUCCEEDED, 10])
    it.model.take({ now: it.now + 60_000, hello: HELLO, sources: SOURCES, fresh: [row(1, { succeeded: 10_000 })] })
    assert.equal(it.item.counted(GOOD, 0, it.now + 60_000), 0)
    it.model.take({ now: it.now + 61_000, changed: [[1, SUCCEEDED, 10_007]] })
    assert.equal(it.item.counted(GOOD, 0, it.now + 61_000), 7)
  })

  it('stay where the stream comes again, and go where another process answers', () => {
    const it = model(row(1), row(2))
    it.second([SUCCEEDED, 10])
    const again = it.model.take({ now: it.now + 1000, hello: HELLO, sources: SOURCES, fresh: [row(1, { succeeded: 12 })] })
    assert.deepEqual([again.fresh.length, again.gone.map(({ id }) => id)], [0, [2]])
    assert.equal(it.item.counted(GOOD, 0, it.now) + it.item.counted(GOOD, 1, it.now + 1000), 12)
    const other = it.model.take({ now: it.now + 2000, hello: { ...HELLO, epoch: 'b' }, sources: SOURCES, fresh: [row(1)] })
    assert.deepEqual([other.fresh.length, other.gone.length], [1, 1])
    assert.notEqual(it.model.items.get(1), it.item)
  })
})

describe('calls a second', () => {
  it('are told from the second reading on, by the time between readings', () => {
    const it = model(row(1))
    assert.equal(it.item.recently(START).calls, NaN)
    it.second([SUCCEEDED, 40, FAILED, 10])
    const { calls, failed, refused } = it.item.recently(it.now)
    assert.deepEqual([calls, failed, refused], [50, 0.2, 0])
    for (let n = 1; n < 30; n++) {
      it.second([SUCCEEDED, 40 * (n + 1), FAILED, 10 * (n + 1)])
      assert.equal(it.item.recently(it.now).calls, 50, `after ${n} s`)
    }
  })

  it('fall to nothing within ten seconds of silence', () => {
    const it = model(row(1))
    for (let n = 0; n < 10; n++) it.second([SUCCEEDED, 50 * (n + 1)])
    it.second([], 5)
    assert.ok(it.item.recently(it.now).calls < 50)
    it.second([], 5)
    assert.equal(it.item.recently(it.now).calls, 0)
  })
})

describe('what a message does', () => {
  it('leaves alone what it does not name, and survives what names nothing', () => {
    const it = model(row(1), row(2))
    const news = it.model.take({ now: START + 1000, changed: [[99, 4, 1], [1, 99, 1], [1, 4], [1], [2, SUCCEEDED, null]], gone: [77] })
    assert.deepEqual([...news.touched].map(({ id }) => id), [1, 1, 1, 2].filter((id, at, all) => all.indexOf(id) === at))
    assert.equal(it.item.values[SUCCEEDED], 0)
    assert.equal(it.model.items.size, 2)
  })

  it('tells which changed their state', () => {
    const it = model(row(1))
    assert.deepEqual(it.second([STATE, 1, SINCE, START]).turned.map(({ item, from }) => [item.id, from, item.state]), [[1, 'closed', 'open']])
    assert.deepEqual(it.second([SUCCEEDED, 5]).turned, [])
    assert.equal(it.second([MODE, 3]).turned.length, 0)
    assert.equal(it.item.mode, 'observing')
    assert.equal(it.second([IN_A_ROW, 1]).touched.size, 1)
  })
})

describe('numbers', () => {
  const rows = (write, cases) => assert.deepEqual(cases.map(([value]) => write(value)), cases.map(([, text]) => text))
  it('of things are short', () => {
    rows(few, [[0, '0'], [0.01, '<0.1'], [0.05, '0.1'], [1, '1.0'], [9.94, '9.9'], [9.95, '10'], [999, '999'], [9999.4, '9999'], [9999.5, '10.0k'], [99_949, '99.9k'], [99_950, '100k'], [999_499, '999k'], [1_000_000, '1.0M'], [2e9, '2.0G'], [NaN, '–'], [-1, '–']])
    assert.deepEqual([few(1, true), few(12, true), few(0, true), few(20_000, true)], ['1', '12', '0', '20.0k'])
  })
  it('of shares are never 0 where there is one, nor 100 where there is not all', () => {
    rows(percent, [[0, '0%'], [0.0001, '<0.1%'], [0.001, '0.1%'], [0.0994, '9.9%'], [0.0995, '10%'], [0.985, '99%'], [0.9999, '99%'], [1, '100%'], [NaN, '–']])
  })
  it('of durations have their unit', () => rows(took, [[0, '0.0 ms'], [9.94, '9.9 ms'], [9.95, '10 ms'], [999.4, '999 ms'], [999.5, '1.0 s'], [99_949, '99.9 s'], [99_950, '100 s'], [NaN, '–']]))
  it('of times since are read at a glance', () => rows(span, [[0, '0:00'], [-5, '0:00'], [999, '0:00'], [61_000, '1:01'], [3_599_999, '59:59'], [3_600_000, '1 h 00'], [86_399_999, '23 h 59'], [90_000_000, '1 d 1 h'], [NaN, '']]))
  it('of calls are told in full', () => rows(count, [[0, '0'], [999, '999'], [1000, '1\u202f000'], [1234567, '1\u202f234\u202f567'], [NaN, '–']]))
  it('have words beside them for each reason of the types', () => {
    const [, union] = /@typedef \{('failure_threshold'[^}]+)\} Reason/.exec(readFileSync(new URL('../../js/base/types.js', import.meta.url), 'utf8'))
    const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => reason)
    assert.ok(reasons.length > 10)
    for (const reason of reasons) assert.notEqual(because(reason), reason)
    assert.equal(because('toString'), 'toString')
  })
})

describe('colours', () => {
  const style = readFileSync(new URL('../../js/dashboard/page/style.css', import.meta.url), 'utf8')
  const themes = [...style.matchAll(/:root, :host \{([^}]+)\}/g)].map(([, body]) => Object.fromEntries([...body.matchAll(/--([\w-]+): (#[0-9a-f]{3,6});/g)].map(([, name, value]) => [name, value])))
  const light = (hex) => {
    const full = hex.length === 4 ? hex.replaceAll(/[0-9a-f]/g, '$&$&') : hex
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(full.slice(at, at + 2), 16) / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const contrast = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a)
    return (high + 0.05) / (low + 0.05)
  }
  const grounds = ['ground', 'card', 'open-ground', 'half-ground', 'held-ground']
  const PAIRS = [
    ...['text', 'quiet', 'failing'].flatMap((text) => grounds.map((ground) => [text, ground])),
    ['open', 'open-ground'], ['open', 'ground'], ['open', 'card'], ['half', 'half-ground'], ['half', 'ground'], ['half', 'card'], ['held', 'held-ground'], ['held', 'ground'], ['held', 'card'],
    ['passing', 'card'], ['passing', 'ground'], ['faint', 'card'], ['card', 'open']
  ]
  for (const [index, theme] of ['light', 'dark'].entries()) {
    it(`of texts stand out from what is behind them by 4.5 at least, in ${theme}`, () => {
      assert.equal(themes.length, 2)
      for (const [text, ground] of PAIRS) {
        const ratio = contrast(themes[index][text], themes[index][ground])
        assert.ok(ratio >= 4.5, `${text} on ${ground}: ${ratio.toFixed(2)}`)
      }
    })
    it(`of signs and bars stand out by 3 at least, in ${theme}`, () => {
      for (const [sign, ground] of [['bad', 'open-ground'], ['refused', 'open-ground'], ['bad', 'card'], ['refused', 'card'], ['refused', 'held-ground'], ['accent', 'card'], ['accent', 'ground'], ['half', 'half-ground']]) {
        const ratio = contrast(themes[index][sign], themes[index][ground])
        assert.ok(ratio >= 3, `${sign} on ${ground}: ${ratio.toFixed(2)}`)
      }
    })
  }
})
