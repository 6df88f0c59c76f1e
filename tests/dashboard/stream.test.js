// The stream: what comes, when, and what it costs whom. Time is moved by hand; sockets are real. It must not know how the page looks.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it, mock } from 'node:test'
import { CircuitBreakerRegistry } from '../../pkg/index.js'
import { dashboard } from '../../pkg/dashboard.js'
import { Viewers } from '../../js/dashboard/viewers.js'
import { ask, reader, serve, settled, until, watch } from './support.js'
import { world } from './world.js'

const DOOR = Symbol.for('halfopen.read')
const down = async () => { throw new Error('down') }
const up = async () => 'up'

/** A dashboard whose seconds are counted by hand. `readings()` counts how often its source was read. */
async function mounted(test, source, options = {}) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
  let readings = 0
  const counted = { [DOOR]: () => (readings++, source[DOOR]()), addEventListener: (...all) => source.addEventListener(...all), removeEventListener() {} }
  const board = dashboard({ registries: counted, ...options })
  const site = await serve(board.node)
  test.after(async () => {
    board.close()
    await site.close()
    mock.timers.reset()
  })
  return { ...site, board, readings: () => readings, watch: (headers) => watch(site.port, '/events', headers), second: () => mock.timers.tick(1000) }
}

describe('the stream', () => {
  it('begins with all there is, and goes on with what changed, once a second', async (test) => {
    const registry = new CircuitBreakerRegistry({ failureThreshold: 1 })
    for (const key of ['a', 'b', 'c']) registry.get(key)
    const { watch, second } = await mounted(test, registry)
    const viewer = await watch()
    assert.equal(viewer.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(viewer.headers['cache-control'], 'no-store, no-transform')
    const { hello, fresh, now } = await viewer.next()
    assert.equal(hello.title, 'Circuit breakers')
    assert.equal(now, 1_700_000_000_000)
    assert.deepEqual(fresh.map(([, label]) => label), ['a', 'b', 'c'])
    second()
    assert.deepEqual(await viewer.next(), { now: 1_700_000_001_000 })
    await registry.call('b', down).catch(() => {})
    await registry.call('a', up)
    second()
    const { changed } = await viewer.next()
    const [, b] = fresh
    assert.deepEqual(changed.map(([id]) => id), [1, 2])
    assert.deepEqual(changed[0], [1, 4, 1])
    const change = Object.fromEntries(Array.from({ length: (changed[1].length - 1) / 2 }, (_, index) => changed[1].slice(1 + 2 * index, 3 + 2 * index)))
    assert.deepEqual(change, { 0: 1, 2: 1_700_000_001_000, 3: 1_700_000_061_000, 5: 1, 10: 1, 11: 1 })
    assert.equal(b[0], 2)
    // Time that passes is no change.
    second()
    assert.deepEqual(await viewer.next(), { now: 1_700_000_003_000 })
    registry.delete('c')
    registry.get('d')
    second()
    const last = await viewer.next()
    assert.deepEqual(last.gone, [3])
    assert.deepEqual(last.fresh.map(([id, label]) => [id, label]), [[4, 'd']])
    viewer.close()
  })

  it('takes a time that was worked out anew for the one that it was, unless it is another', async (test) => {
    const source = (() => {
      const { source, breakers: [{ row }] } = world({ count: 1 })
      row.state = 1
      return { ...source, row }
    })()
    const { watch, second } = await mounted(test, source)
    Object.assign(source.row, { stateAge: 5000, probeAfter: 9000 })
    const viewer = await watch()
    await viewer.next()
    // A clock that was read a little later, in the one and the other.
    Object.assign(source.row, { stateAge: 6700, probeAfter: 8700 })
    second()
    assert.equal((await viewer.next()).changed, undefined)
    Object.assign(source.row, { stateAge: 0, probeAfter: 9000 })
    second()
    assert.deepEqual((await viewer.next()).changed, [[1, 2, 1_700_000_002_000, 3, 1_700_000_011_000]])
    viewer.close()
  })

  it('is read while somebody looks, and by no timer after the last one left', async (test) => {
    const { watch, second, readings } = await mounted(test, world({ count: 3 }).source)
    for (let n = 0; n < 5; n++) second()
    assert.equal(readings(), 0)
    const [one, other] = [await watch(), await watch()]
    assert.equal(readings(), 1)
    second()
    assert.equal(readings(), 2)
    one.close()
    await settled()
    second()
    assert.equal(readings(), 3)
    other.close()
    await settled()
    for (let n = 0; n < 5; n++) second()
    assert.equal(readings(), 3)
    const again = await watch()
    assert.equal(readings(), 4)
    again.close()
  })

  it('has places for `maxViewers`, answers 503 beyond, and gives a place that came free to the next', async (test) => {
    const { watch, second } = await mounted(test, world({ count: 3 }).source, { maxViewers: 3 })
    const viewers = [await watch(), await watch(), await watch()]
    for (let n = 0; n < 5; n++) assert.equal((await watch()).status, 503)
    viewers[0].close()
    await settled()
    const next = await watch()
    assert.equal(next.status, 200)
    assert.equal((await watch()).status, 503)
    for (const viewer of [...viewers.slice(1), next]) {
      await viewer.next()
      second()
      assert.ok(await viewer.next())
    }
    for (const viewer of [...viewers, next]) viewer.close()
  })

  it('gives no place away twice where many are let in at the same moment', async (test) => {
    let open
    const gate = new Promise((resolve) => (open = resolve))
    const { watch } = await mounted(test, world({ count: 3 }).source, { maxViewers: 2, authorize: () => gate })
    const all = Array.from({ length: 8 }, () => watch())
    await settled(50)
    open(true)
    const viewers = await Promise.all(all)
    assert.deepEqual(viewers.map(({ status }) => status).sort(), [200, 200, 503, 503, 503, 503, 503, 503])
    for (const viewer of viewers) viewer.close()
  })

  it('has no place for who left while being let in', async (test) => {
    let open
    const gate = new Promise((resolve) => (open = resolve))
    const { port, watch, server, readings } = await mounted(test, world({ count: 3 }).source, { maxViewers: 1, authorize: () => gate })
    const left = connect(port, '127.0.0.1')
    let closed = false
    server.on('request', (_, res) => res.on('close', () => (closed = true)))
    let asked = false
    server.on('request', () => (asked = true))
    left.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await until('the request', () => asked)
    left.destroy()
    await until('its end', () => closed)
    open(true)
    await settled()
    assert.equal(readings(), 0)
    const viewer = await watch()
    assert.equal(viewer.status, 200)
    viewer.close()
  })

  for (const [what, reading] of Object.entries({
    nothing: undefined, 'no rows': {}, 'ids without rows': { ids: [1], facts: ['state'] }, 'a getter that throws': { get ids() { throw new Error('no') } }
  })) {
    it(`outlives a door that gives ${what}, and so does the process`, async (test) => {
      let isBroken = false
      const well = world({ count: 2 }).source
      const { watch, second } = await mounted(test, { ...well, [DOOR]: () => (isBroken ? reading : well[DOOR]()) })
      const viewer = await watch()
      await viewer.next()
      isBroken = true
      second()
      const { sources, gone } = await viewer.next()
      assert.equal(sources?.[0].trouble ?? 'can not be read', 'can not be read')
      assert.equal(gone, undefined)
      isBroken = false
      second()
      assert.ok(await viewer.next())
      viewer.close()
    })
  }

  it('sends the others theirs where one viewer breaks, and tells what broke instead of ending the process', async (test) => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
    test.after(() => mock.timers.reset())
    const told = mock.method(console, 'error', () => {})
    test.after(() => told.mock.restore())
    let news = () => '{}'
    const viewers = new Viewers(() => news(), () => '{}', 10)
    const got = []
    let isBroken = false
    const breaking = { send() { if (isBroken) throw new Error('gone') }, isReady: () => true, end: () => { throw new Error('gone') } }
    viewers.add(breaking)
    viewers.add({ send: (chunk) => got.push(new TextDecoder().decode(chunk)), isReady: () => true, end() {} })
    isBroken = true
    mock.timers.tick(1000)
    assert.equal(viewers.size, 1)
    assert.deepEqual(got, ['retry: 1000\ndata: {}\n\n', 'data: {}\n\n'])
    news = () => { throw new Error('no news') }
    mock.timers.tick(1000)
    assert.equal(told.mock.callCount(), 1)
    news = () => '{"now":1}'
    mock.timers.tick(1000)
    assert.equal(got.at(-1), 'data: {"now":1}\n\n')
    viewers.end()
    assert.equal(viewers.size, 0)
  })

  it('stands 10,000 connections and as many who come again: the breaker answers on, and is read once a second', async (test) => {
    const registry = new CircuitBreakerRegistry()
    registry.get('api')
    const { watch, port, readings } = await mounted(test, registry, { maxViewers: 50 })
    const viewers = []
    for (let n = 0; n < 50; n++) viewers.push(await watch())
    let refused = 0
    for (let turn = 0; turn < 100; turn++) {
      const answers = await Promise.all(Array.from({ length: 100 }, () => ask(port, '/events')))
      refused += answers.filter(({ status }) => status === 503).length
      assert.equal(await registry.call('api', up), 'up')
    }
    assert.equal(refused, 10_000)
    for (let n = 0; n < 1000; n++) {
      viewers.shift().close()
      await settled(4)
      viewers.push(await watch())
    }
    assert.equal(viewers.at(-1).status, 200)
    assert.equal(readings(), 1)
    for (const viewer of viewers) viewer.close()
  })

  it('is read once for all who come within a second, though nobody is left in between', async (test) => {
    const { watch, readings, second } = await mounted(test, world({ count: 3 }).source)
    for (let n = 0; n < 20; n++) {
      const viewer = await watch()
      assert.ok((await viewer.next()).hello)
      viewer.close()
      await settled()
    }
    assert.equal(readings(), 1)
    second()
    const viewer = await watch()
    assert.equal(readings(), 2)
    viewer.close()
  })

  it('is kept for nobody who does not read: bounded while it is open, whole for who reads on, and over after half a minute', async (test) => {
    const many = world({ count: 1000, calls: 40 })
    const { port, server, second } = await mounted(test, many.source)
    const answers = []
    server.on('request', (_, res) => answers.push(res))
    const silent = connect(port, '127.0.0.1')
    silent.on('error', () => {})
    silent.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    await until('the viewer', () => answers.length === 1)
    silent.pause()
    const lasting = await watch(port)
    await lasting.next()
    let most = 0
    let closedAt
    answers[0].on('close', () => (closedAt ??= turn))
    let turn = 0
    for (; turn < 400 && closedAt === undefined; turn++) {
      many.step(1000)
      second()
      assert.ok(await lasting.next(), 'the other viewer is not held up')
      most = Math.max(most, answers[0].writableLength)
      await settled(2)
    }
    // What the system itself keeps of a connection is read away first.
    assert.ok(closedAt > 30, `closed at ${closedAt}`)
    assert.ok(most < 400_000, `${most} B kept`)
    assert.ok(lasting.messages.length > 30)
    lasting.close()
    silent.destroy()
  })

  it('gives all there is to who missed something, and goes on from there', async (test) => {
    const many = world({ count: 1000, calls: 40 })
    const { second, server, port } = await mounted(test, many.source)
    const answers = []
    server.on('request', (_, res) => answers.push(res))
    const socket = connect(port, '127.0.0.1')
    const all = reader(socket)
    socket.write(`GET /events HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    await until('the viewer', () => answers.length === 1)
    socket.pause()
    let isFull = false
    for (let turn = 0; turn < 300 && !isFull; turn++) {
      many.step(1000)
      second()
      await settled(2)
      isFull = answers[0].writableNeedDrain
    }
    assert.ok(isFull)
    many.step(1000)
    second()
    const before = all.messages.length
    socket.resume()
    await until('it to read on', () => !answers[0].writableNeedDrain)
    await settled(200)
    many.step(1000)
    second()
    await settled(200)
    many.step(1000)
    second()
    await until('both', () => all.messages.length > before + 1 && all.messages.at(-1).changed)
    const hellos = all.messages.filter(({ hello }) => hello !== undefined)
    assert.equal(hellos.length, 2)
    // What it knows now is what is so.
    const total = many.breakers.reduce((sum, { row }) => sum + row.successfulCalls, 0)
    const known = new Map()
    for (const { fresh = [], changed = [] } of all.messages) {
      for (const [id, , , ...columns] of fresh) known.set(id, columns[4])
      for (const [id, ...change] of changed) for (let n = 0; n < change.length; n += 2) if (change[n] === 4) known.set(id, change[n + 1])
    }
    assert.equal([...known.values()].reduce((sum, one) => sum + one, 0), total)
    socket.destroy()
  })

  it('has to be asked for again after ten minutes, and so to be let in again', { timeout: 60_000 }, async (test) => {
    let mayLook = true
    const { watch, second } = await mounted(test, world({ count: 1 }).source, { authorize: () => mayLook })
    const viewer = await watch()
    await viewer.next()
    for (let n = 0; n < 600; n++) {
      second()
      assert.ok(await viewer.next(), `after ${n} s`)
    }
    second()
    assert.equal(await viewer.next(), undefined)
    mayLook = false
    assert.equal((await watch()).status, 403)
  })

  it('ends with the dashboard, and lets a server close', async (test) => {
    const { watch, board, server } = await mounted(test, world({ count: 1 }).source)
    const viewer = await watch()
    board.close()
    await viewer.end()
    server.close()
    await once(server, 'close')
    server.listen(0)
  })

  it('goes on where a source can not be read: its rows stay, the page is told, and the others are read', async (test) => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
    test.after(() => mock.timers.reset())
    const registry = new CircuitBreakerRegistry()
    registry.get('well')
    let isBroken = false
    const sick = world({ count: 2 })
    const broken = { ...sick.source, [DOOR]: () => { if (isBroken) throw new Error('the secret of the house'); return sick.source[DOOR]() } }
    const board = dashboard({ registries: { well: registry, broken, 'by a function': () => { if (isBroken) throw null; return [] } } })
    const site = await serve(board.node)
    test.after(() => site.close())
    const viewer = await watch(site.port)
    assert.equal((await viewer.next()).fresh.length, 3)
    isBroken = true
    await registry.call('well', up)
    mock.timers.tick(1000)
    const { sources, changed, gone } = await viewer.next()
    assert.deepEqual(sources.map(({ label, trouble }) => [label, trouble]), [['well', null], ['broken', 'can not be read'], ['by a function', 'can not be read']])
    assert.equal(changed.length, 1)
    assert.equal(gone, undefined)
    isBroken = false
    mock.timers.tick(1000)
    assert.deepEqual((await viewer.next()).sources.map(({ trouble }) => trouble), [null, null, null])
    viewer.close()
    board.close()
  })

  it('counts one that is given twice once, and takes those of a function as they are then', async (test) => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
    test.after(() => mock.timers.reset())
    const [one, other] = [new CircuitBreakerRegistry(), new CircuitBreakerRegistry()]
    one.get('one')
    other.get('other')
    let list = [one]
    const board = dashboard({ registries: [one, one, () => list] })
    const labels = () => board.read('rows').fresh.map(([, label]) => label)
    assert.deepEqual(labels(), ['one'])
    list = other
    mock.timers.tick(1000)
    assert.deepEqual(labels(), ['one', 'other'])
    list = []
    mock.timers.tick(1000)
    assert.deepEqual(labels(), ['one'])
  })

  it('listens, where it shows errors, to those that its sources give, and to no others any more', (test) => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
    test.after(() => mock.timers.reset())
    const heard = new Set()
    const made = () => {
      const breaker = new CircuitBreakerRegistry()
      return { [DOOR]: () => breaker[DOOR](), addEventListener() { heard.add(this) }, removeEventListener() { heard.delete(this) } }
    }
    let last
    const board = dashboard({ registries: () => (last = made()), errors: true })
    for (let n = 0; n < 5; n++) {
      board.read('rows')
      mock.timers.tick(1000)
    }
    assert.deepEqual([...heard], [last])
    board.close()
    assert.equal(heard.size, 0)
  })

  it('tells no message of an error unless it is told to', async () => {
    for (const errors of [undefined, true]) {
      const registry = new CircuitBreakerRegistry()
      const board = dashboard({ registries: registry, ...(errors && { errors }) })
      registry.get('api')
      board.read('rows')
      await registry.call('api', async () => { throw new Error('password=hunter2') }).catch(() => {})
      const told = JSON.stringify([board.read('rows'), await board.read('breaker?id=1')])
      assert.equal(told.includes('hunter2'), errors === true)
      board.close()
    }
  })

  it('labels breakers by `label`, else by name, else by key', () => {
    const registry = new CircuitBreakerRegistry({ configure: (key) => (key === 'named' ? { name: 'its name' } : {}) })
    const keys = ['text', 'named', 7, Symbol('sign'), { toString: () => 'an object' }, Object.create(null), '', 'x'.repeat(500), 'half \ud83d', `${'x'.repeat(127)}😀`, 'thrown']
    for (const key of keys) registry.get(key)
    const labels = (label) => dashboard({ registries: registry, label }).read('rows').fresh.map(([, text]) => text)
    const expected = ['text', 'its name', '7', 'Symbol(sign)', 'an object', 'unnamed', 'unnamed', 'x'.repeat(128), 'half \ufffd', `${'x'.repeat(127)}\ufffd`, 'thrown']
    assert.deepEqual(labels(undefined), expected)
    assert.deepEqual(labels((name, key) => {
      if (key === 'thrown') throw new Error('no')
      return key === 7 ? 'seven' : key === 'text' ? 8 : undefined
    }), expected.map((text) => (text === '7' ? 'seven' : text)))
  })
})

describe('the stream by `fetch`', () => {
  const board = (source, options) => dashboard({ registries: source, authorize: () => true, ...options })
  const request = (path = 'events', init) => new Request(`http://board.example/${path}`, init)
  const texts = async (stream) => {
    const reader = stream.getReader()
    const decoder = new TextDecoder()
    return { reader, next: async () => JSON.parse(/^data: (.*)$/m.exec(decoder.decode((await reader.read()).value))[1]) }
  }

  it('is the same', async (test) => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
    test.after(() => mock.timers.reset())
    const registry = new CircuitBreakerRegistry()
    registry.get('api')
    const { fetch, close } = board(registry)
    const { body, headers, status } = await fetch(request())
    assert.equal(`${status} ${headers.get('content-type')}`, '200 text/event-stream; charset=utf-8')
    const { next, reader } = await texts(body)
    assert.equal((await next()).fresh.length, 1)
    await registry.call('api', up)
    mock.timers.tick(1000)
    assert.deepEqual((await next()).changed, [[1, 4, 1]])
    close()
    assert.equal((await reader.read()).done, true)
    assert.equal((await fetch(request(''))).status, 503)
  })

  it('ends when it is cancelled, and keeps one piece for who does not read', async (test) => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
    test.after(() => mock.timers.reset())
    const many = world({ count: 10 })
    let readings = 0
    const counted = { ...many.source, [DOOR]: () => (readings++, many.source[DOOR]()) }
    const { fetch } = board(counted, { maxViewers: 1 })
    const answer = await fetch(request())
    assert.equal((await fetch(request())).status, 503)
    await answer.body.cancel()
    const { body } = await fetch(request())
    const { next, reader } = await texts(body)
    for (let n = 0; n < 20; n++) {
      many.step(1000)
      mock.timers.tick(1000)
    }
    assert.ok((await next()).hello)
    many.step(1000)
    mock.timers.tick(1000)
    const { hello, fresh } = await next()
    assert.ok(hello, 'what was missed is made good by all there is')
    assert.equal(fresh.length, 10)
    for (let n = 0; n < 40; n++) mock.timers.tick(1000)
    const before = readings
    assert.ok((await reader.read()).value || true)
    for (let n = 0; n < 5; n++) mock.timers.tick(1000)
    assert.equal(readings, before, 'nobody is left')
  })

  it('answers HEAD, an address without a slash and what is not there without a body', async () => {
    const { fetch } = board(world({ count: 1 }).source)
    assert.equal((await fetch(request('events', { method: 'HEAD' }))).body, null)
    const led = await fetch(request('breakers'))
    assert.equal(`${led.status} ${led.headers.get('location')}`, '308 ./breakers/')
    assert.equal((await fetch(request('no.thing'))).status, 404)
    assert.match(await (await fetch(request('breakers/'))).text(), /^<!doctype html>/)
  })
})
