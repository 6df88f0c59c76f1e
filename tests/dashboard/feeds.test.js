// Several processes on one page: what feeds give is shown, and whatever they give instead takes nothing with it. It must not know how rows travel.

import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { CircuitBreakerRegistry } from '../../pkg/index.js'
import { dashboard } from '../../pkg/dashboard.js'
import { ask, serve, settled, watch } from './support.js'

const down = async () => { throw new Error('down') }

/** What a dashboard shows after a second: its feeds are asked in one and shown in the next. */
async function shown(board, test, seconds = 2) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
  test.after(() => mock.timers.reset())
  const { body } = await board.fetch(new Request('http://board.example/events'))
  const reader = body.getReader()
  const messages = []
  const next = async () => messages.push(JSON.parse(/^data: (.*)$/m.exec(new TextDecoder().decode((await reader.read()).value))[1]))
  const second = async () => {
    await settled(3)
    mock.timers.tick(1000)
    await next()
  }
  await next()
  for (let n = 0; n < seconds; n++) await second()
  test.after(() => reader.cancel())
  const rows = () => {
    const known = new Map()
    for (const { hello, fresh = [], changed = [], gone = [] } of messages) {
      if (hello) known.clear()
      for (const [id, label, source, ...columns] of fresh) known.set(id, { id, label, source, columns })
      for (const [id, ...change] of changed) for (let n = 0; n < change.length; n += 2) known.get(id).columns[change[n]] = change[n + 1]
      for (const id of gone) known.delete(id)
    }
    return [...known.values()]
  }
  const sources = () => messages.findLast(({ sources }) => sources !== undefined).sources
  return { messages, second, rows, sources }
}
const all = () => true
const registryOf = (...keys) => {
  const registry = new CircuitBreakerRegistry({ failureThreshold: 1 })
  for (const key of keys) registry.get(key)
  return registry
}

describe('a feed', () => {
  it("shows another process's breakers, with their labels, their changes and their details", async (test) => {
    const theirs = registryOf('payments', 'search')
    const other = dashboard({ registries: { main: theirs } })
    const board = dashboard({ registries: { here: registryOf('users') }, authorize: all, feeds: { 'worker 2': (path) => other.read(path) } })
    const { second, rows, sources } = await shown(board, test)
    assert.deepEqual(rows().map(({ label, source }) => `${label} of ${sources()[source].label}`), ['users of here', 'payments of worker 2 main', 'search of worker 2 main'])
    assert.deepEqual(sources().map(({ own }) => own), [true, false])
    await theirs.call('payments', down).catch(() => {})
    await second()
    await second()
    const payments = rows().find(({ label }) => label === 'payments')
    assert.equal(payments.columns[0], 1)
    const answer = await board.fetch(new Request(`http://board.example/breaker?id=${payments.id}`))
    const { sentence, changes, facts } = await answer.json()
    assert.match(sentence, /^open: failure_threshold after 1 failure in a row/)
    assert.equal(changes.length, 1)
    assert.equal(facts.failedCalls, 1)
    theirs.delete('search')
    await second()
    await second()
    assert.deepEqual(rows().map(({ label }) => label), ['users', 'payments'])
  })

  it('may come by HTTP, from the handler of the other process', async (test) => {
    const site = await serve(dashboard({ registries: registryOf('far') }).node)
    test.after(() => site.close())
    const ours = dashboard({ registries: [], feeds: { far: async (path) => JSON.parse((await ask(site.port, `/${path}`)).text) } })
    const here = await serve(ours.node)
    test.after(async () => {
      ours.close()
      await here.close()
    })
    const viewer = await watch(here.port)
    let far
    while (far === undefined) far = (await viewer.next()).fresh?.find(([, label]) => label === 'far')
    assert.equal((await ask(here.port, `/breaker?id=${far[0]}`)).status, 200)
    viewer.close()
  })

  it('gives what is its own alone, so that two may feed each other', async (test) => {
    const boards = {}
    boards.a = dashboard({ registries: registryOf('of a'), authorize: all, feeds: { b: (path) => boards.b.read(path) } })
    boards.b = dashboard({ registries: registryOf('of b'), authorize: all, feeds: { a: (path) => boards.a.read(path) } })
    const { rows, second } = await shown(boards.a, test)
    for (let n = 0; n < 5; n++) await second()
    assert.deepEqual(rows().map(({ label }) => label), ['of a', 'of b'])
    const { sources, fresh } = boards.a.read('rows')
    assert.deepEqual([sources.length, fresh.map(([, label]) => label)], [1, ['of a']])
  })

  it('lets nobody act on what is not of this process', async (test) => {
    const theirs = registryOf('far')
    const board = dashboard({ registries: registryOf('near'), authorize: all, control: { authorize: all }, feeds: { far: dashboard({ registries: theirs }).read } })
    const { rows } = await shown(board, test)
    const act = (id) => board.fetch(new Request('http://board.example/control', {
      method: 'POST', headers: { origin: 'http://board.example', 'content-type': 'application/json', 'x-halfopen-control': '1' }, body: JSON.stringify({ id, action: 'trip' })
    }))
    assert.deepEqual(await Promise.all(rows().map(async ({ id }) => (await act(id)).status)), [204, 404])
    assert.equal(theirs.get('far').state, 'closed')
  })

  it('keeps its rows while it is silent, says so after five seconds, and no more once it answers', async (test) => {
    const other = dashboard({ registries: registryOf('far') })
    let hangs
    const board = dashboard({ registries: [], authorize: all, feeds: { far: (path) => (hangs ? new Promise((resolve) => (hangs = resolve)) : other.read(path)) } })
    const { rows, second, sources } = await shown(board, test)
    hangs = true
    for (let n = 0; n < 4; n++) await second()
    assert.equal(sources()[1].trouble, null)
    for (let n = 0; n < 3; n++) await second()
    assert.equal(sources()[1].trouble, 'does not answer')
    assert.equal(rows().length, 1)
    const resolve = hangs
    hangs = undefined
    resolve(other.read('rows'))
    for (let n = 0; n < 2; n++) await second()
    assert.equal(sources()[1].trouble, null)
  })

  it('whose details can not be had has none: the answer is 502, and nobody is told', async (test) => {
    const told = mock.method(console, 'error', () => {})
    test.after(() => told.mock.restore())
    const other = dashboard({ registries: registryOf('far') })
    let answer = () => Promise.reject(new Error('at 10.0.0.7'))
    const board = dashboard({ registries: [], authorize: all, feeds: { far: (path) => (path === 'rows' ? other.read(path) : answer()) } })
    const { rows } = await shown(board, test)
    const ask = () => board.fetch(new Request(`http://board.example/breaker?id=${rows()[0].id}`))
    const refused = await ask()
    assert.equal(`${refused.status} ${await refused.text()}`, '502 Not to be had')
    answer = () => 'no details'
    assert.equal((await ask()).status, 404)
    assert.equal(told.mock.callCount(), 0)
  })

  it('is asked once at a time, and only while somebody looks', async (test) => {
    let asked = 0
    const board = dashboard({ registries: [], authorize: all, feeds: { far: () => (asked++, new Promise(() => {})) } })
    await settled(3)
    assert.equal(asked, 0)
    const { second } = await shown(board, test)
    for (let n = 0; n < 5; n++) await second()
    assert.equal(asked, 1)
  })

  const RUBBISH = {
    nothing: undefined, null: null, 'a text': 'rows', 'a number': 7, 'an array': [], 'no rows': { now: 1 }, 'no time': { fresh: [] }, 'a time that is none': { now: 'x', fresh: [] },
    'a refusal': { error: 'Forbidden' }
  }
  for (const [what, answer] of Object.entries(RUBBISH)) {
    it(`that gives ${what} is said to, and takes nothing with it`, async (test) => {
      const board = dashboard({ registries: registryOf('near'), authorize: all, feeds: { far: () => answer } })
      const { rows, sources } = await shown(board, test)
      assert.deepEqual(rows().map(({ label }) => label), ['near'])
      assert.equal(sources()[1].trouble, 'gave no rows')
    })
  }

  for (const [what, feed] of Object.entries({ throws: () => { throw new Error('at 10.0.0.7') }, rejects: () => Promise.reject(new Error('at 10.0.0.7')), 'rejects with nothing': () => Promise.reject() })) {
    it(`that ${what} is said to, without its reason unless \`errors\` is set`, async (test) => {
      const board = dashboard({ registries: registryOf('near'), authorize: all, feeds: { far: feed } })
      const { sources } = await shown(board, test)
      assert.equal(sources()[1].trouble, 'gave no rows')
    })
  }

  it('is taken for what it is, however hostile: texts are cut, numbers are numbers, and there is an end', async (test) => {
    const rows = [
      [1, '<img src=x onerror=alert(1)>', 0, 1, 0], [2, 'x'.repeat(1e6), 0, 'text', {}, [], null, -1, Infinity], [3, { toString: null }, 99, 0], [NaN, 'no id', 0], ['4', 'no id', 0], null, 7, {},
      [5], [6, '', '__proto__', 17, 99], [1, 'twice', 0, 0], ...Array.from({ length: 30_000 }, (_, n) => [100 + n, `many ${n}`, n])
    ]
    const sources = [{ label: 'y'.repeat(1e6) }, ...Array.from({ length: 30_000 }, (_, n) => ({ label: `source ${n}` }))]
    const details = { sentence: 'z'.repeat(1e6), facts: { ['__proto__']: 1, ok: 1, bad: 'text' }, changes: [null, 7, { from: 1, to: 'open', reason: {}, timestamp: 'x' }, ...Array(1000).fill({ to: 'open' })], error: { message: 'e'.repeat(1e6), at: 1 } }
    const board = dashboard({ registries: registryOf('near'), authorize: all, feeds: { far: (path) => (path === 'rows' ? { now: 1_700_000_000_000, sources, fresh: rows } : details) } })
    const seen = await shown(board, test)
    const known = seen.rows()
    assert.ok(known.length <= 20_001, `${known.length} rows`)
    assert.ok(seen.sources().length <= 70, `${seen.sources().length} sources`)
    assert.ok(JSON.stringify(known).length < 5e6)
    for (const { label, columns } of known) {
      assert.ok(typeof label === 'string' && label.length <= 300 && label.length > 0)
      assert.equal(columns.length, 15)
      assert.ok(columns.every((value) => value === null || Number.isFinite(value)))
    }
    const far = known.find(({ label }) => label.startsWith('<img'))
    assert.equal(far, undefined, 'the row with its number came later, and stands')
    const { id } = known.find(({ label }) => label === 'twice')
    const told = await (await board.fetch(new Request(`http://board.example/breaker?id=${id}`))).json()
    assert.equal(told.sentence.length, 300)
    assert.deepEqual(told.facts, JSON.parse('{ "__proto__": 1, "ok": 1, "bad": null }'))
    assert.equal(told.changes.length, 64)
    assert.equal(told.error.message.length, 300)
  })
})

describe('what another process is given', () => {
  it('is rows or details, and nothing by any other path', async () => {
    const { read } = dashboard({ registries: registryOf('a') })
    assert.equal(read('rows').fresh.length, 1)
    assert.equal((await read('breaker?id=1')).facts.state, 0)
    assert.equal(await read('breaker?id=2'), undefined)
    for (const path of ['', 'events', 'control', '../rows', 'rows?', undefined]) assert.throws(() => read(path), { code: 'ERR_INVALID_ARGUMENT' })
  })

  it('takes no page and no process with it where its answer throws when it is looked at', async (test) => {
    const registry = new CircuitBreakerRegistry()
    registry.get('own')
    const answer = () => ({ now: Date.now(), fresh: [[1, 'theirs', 0]], get sources() { throw new Error('no') } })
    const board = dashboard({ registries: registry, authorize: all, feeds: { bad: answer } })
    test.after(() => board.close())
    const { rows, sources, second } = await shown(board, test)
    await second()
    assert.deepEqual(rows().map(({ label }) => label), ['own'])
    assert.match(sources().find(({ own }) => !own).trouble, /^gave no rows/)
  })

  it('can be sent to it by any way that takes plain objects', async () => {
    const { read } = dashboard({ registries: registryOf('a') })
    assert.deepEqual(structuredClone(read('rows')), JSON.parse(JSON.stringify(read('rows'))))
    assert.deepEqual(structuredClone(await read('breaker?id=1')).changes, [])
  })
})
