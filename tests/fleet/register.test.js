/**
 * The register alone: its walk through all states, both sides of each threshold, and its invariants under random commands.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { commandOf, EMPTY, REPLY, STATES, step, SUMS } from '../../js/fleet/register.js'
import { DEFAULTS, SETTINGS, settingsOf } from '../../js/fleet/settings.js'
import { commands, SMALL } from './commands.js'

/** A register with its time, told what to do by its user. */
class Store {
  constructor(settings = DEFAULTS) {
    this.state = EMPTY
    this.now = 1_000_000
    this.settings = settings
    this.seq = 0
  }

  run(type, args = {}, random = 0) {
    const { state, reply, news } = step(this.state, commandOf(type, args), this.now, random, this.settings)
    this.state = state
    this.news = news
    return reply
  }

  report(id, calls, failures, more = {}) {
    return this.run('report', { id, seq: ++this.seq, calls, failures, attempts: calls, ...more })
  }

  pass(ms) {
    this.now += ms
    return this
  }

  /** Three that fail, a hearing, and the same three again. */
  open() {
    for (const id of ['a', 'b', 'c']) this.report(id, 4, 4)
    this.pass(this.settings.interval)
    let reply
    for (const id of ['a', 'b', 'c']) reply = this.report(id, 4, 4)
    assert.equal(reply.state, 'open')
    return reply
  }
}

describe('from quiet to open', () => {
  test('a process with few failures is worth no word, and one with half the rate is', () => {
    const store = new Store()
    assert.equal(store.report('a', 100, 24).state, 'quiet')
    assert.equal(store.state.sums.heard, 0)
    assert.equal(store.report('a', 100, 25).state, 'suspicion')
    assert.equal(store.state.sums.sick, 1)
    assert.equal(store.state.sums.bad, 0)
  })

  test('two sick processes are a suspicion, and a third one a hearing that forgets them', () => {
    const store = new Store()
    store.report('a', 4, 4)
    assert.equal(store.report('b', 4, 4).state, 'suspicion')
    assert.equal(store.news, false)
    const reply = store.report('c', 4, 4)
    assert.equal(reply.state, 'hearing')
    assert.equal(store.news, true)
    assert.equal(reply.interval, 750)
    assert.equal(reply.ask, 1_000_000)
    assert.equal(reply.round, reply.revision)
    assert.equal(store.state.members.size, 0)
  })

  test('no hearing opens a circuit before its first interval is over', () => {
    const store = new Store()
    for (const id of ['a', 'b', 'c', 'a', 'b', 'c', 'd']) assert.notEqual(store.report(id, 10, 10).state, 'open')
    store.pass(749)
    assert.equal(store.report('a', 10, 10).state, 'hearing')
    store.pass(1)
    assert.equal(store.report('a', 10, 10).state, 'open')
  })

  test('it opens for a share of failures at the rate, and for none below', () => {
    for (const [calls, state] of [[3, 'open'], [4, 'hearing']]) {
      const store = new Store(settingsOf({ quorumRate: 0 }))
      for (const id of ['a', 'b', 'c']) store.report(id, 4, 4)
      store.pass(750)
      for (const id of ['a', 'b', 'c']) store.report(id, 2, 2)
      store.report('d', 3, 0)
      assert.equal(store.report('e', calls, 0).state, state)
    }
  })

  test('it takes the minimum of calls, clipped', () => {
    const store = new Store(settingsOf({ minimumCalls: 25 }))
    for (const id of ['a', 'b', 'c']) store.report(id, 4, 4)
    store.pass(750)
    store.report('a', 1000, 1000)
    store.report('b', 10, 10)
    assert.equal(store.report('c', 4, 4).state, 'hearing')
    assert.equal(store.state.sums.calls, 24)
    assert.equal(store.report('c', 5, 5).state, 'open')
  })

  test('a process with a thousand calls does not outvote the rest, and keeps its share', () => {
    const store = new Store()
    store.report('a', 1000, 750)
    const [member] = store.state.members.values()
    assert.deepEqual([member.calls, member.failures], [10, 8])
  })

  test('a locally open breaker counts as ten failures', () => {
    const store = new Store()
    store.report('a', 0, 0, { open: true })
    assert.deepEqual(store.state.sums, { heard: 1, some: 1, sick: 1, bad: 1, calls: 10, failures: 10, attempts: 0 })
  })

  test('one bad host of many opens nothing, whatever it says', () => {
    const store = new Store()
    for (let second = 0; second < 100; second++) {
      store.pass(1000).report('bad', 10, 10, { open: true })
      assert.ok(['quiet', 'suspicion'].includes(store.state.state))
    }
  })

  test('four bad hosts of twenty get a hearing, and the rest is heard', () => {
    const store = new Store()
    for (let i = 0; i < 20; i++) store.run('poll')
    for (let second = 0; second < 60; second++) {
      store.pass(1000)
      for (let i = 0; i < 20; i++) if (i < 4 || store.state.state === 'hearing') store.report(`m${i}`, 10, i < 4 ? 10 : 0)
      assert.notEqual(store.state.state, 'open')
    }
  })

  test('four bad hosts of twenty open nothing where no push reaches the rest', () => {
    const store = new Store()
    for (let second = 0; second < 60; second++) {
      // The polls of twenty, each every 15 s; who polls sees the hearing and reports.
      for (let i = 0; i < 20; i++) if (i < 4 ? true : second % 15 === i % 15) store.run('poll')
      store.pass(1000)
      for (let i = 0; i < 4; i++) store.report(`m${i}`, 10, 10)
      assert.notEqual(store.state.state, 'open')
    }
  })

  test('the same report twice is the same as once, and an older one is not heard', () => {
    const store = new Store()
    store.run('report', { id: 'a', seq: 2, calls: 4, failures: 4, attempts: 4 })
    const before = store.state.sums
    store.run('report', { id: 'a', seq: 2, calls: 4, failures: 4, attempts: 4 })
    store.run('report', { id: 'a', seq: 1, calls: 9, failures: 9, attempts: 9 })
    assert.deepEqual(store.state.sums, before)
  })

  test('who says nothing more drops out with the window, and the suspicion with the last', () => {
    const store = new Store()
    store.report('a', 4, 4)
    store.pass(9999)
    assert.equal(store.run('read').state, 'suspicion')
    store.pass(1)
    assert.equal(store.run('read').state, 'quiet')
    assert.equal(store.state.members.size, 0)
  })

  test('in a suspicion the interval doubles up to half the window', () => {
    const store = new Store()
    const seen = new Set()
    for (let i = 0; i < 40; i++) seen.add(store.pass(500).report('a', 4, 4).interval)
    assert.deepEqual([...seen], [750, 1500, 3000])
  })

  test('hearings that find nothing get rarer, up to one in two minutes, unless the sick double', () => {
    const store = new Store()
    const began = []
    const sick = (many) => {
      for (let i = 0; i < many; i++) {
        store.report(`s${i}`, 10, 3)
        if (store.state.state === 'hearing' && began.at(-1) !== store.state.since) began.push(store.state.since)
      }
    }
    for (let second = 0; second < 900; second++) {
      store.pass(1000)
      sick(3)
    }
    const gaps = began.slice(1).map((at, i) => at - began[i])
    assert.ok(gaps.at(-1) >= 120_000, `${gaps}`)
    const hearings = began.length
    store.pass(1000)
    sick(6)
    assert.equal(began.length, hearings + 1)
  })

  test('the rate of the fleet is of all who listen, with what they refused', () => {
    const store = new Store()
    for (let i = 0; i < 30; i++) store.run('poll')
    for (const id of ['a', 'b', 'c']) store.report(id, 4, 4)
    store.pass(750)
    for (let i = 0; i < 15; i++) store.run('report', { id: `m${i}`, seq: 1, calls: 4, failures: 4, attempts: 20 })
    assert.equal(store.state.state, 'open')
    // 15 of 30 made 20 attempts in 10 s: 60 a second
    assert.equal(store.state.rate, 60_000)
  })
})

describe('from open to closed', () => {
  test('an open circuit is due after its recovery time, which failed tests double up to a limit', () => {
    const store = new Store(settingsOf({ recoveryJitter: 0 }))
    store.open()
    for (const time of [2000, 4000, 5000, 5000]) {
      assert.equal(store.run('read').dueIn, time)
      assert.equal(store.run('claim', { id: 'a' }).granted, 0)
      store.pass(time - 1)
      assert.equal(store.run('read').state, 'open')
      store.pass(1)
      const { granted, grant, state } = store.run('claim', { id: 'a' })
      assert.deepEqual([granted, state], [1, 'testing'])
      assert.equal(store.run('settle', { id: 'a', grant, outcome: 'failure' }).state, 'open')
    }
  })

  test('a random share of the recovery time is taken off', () => {
    for (const [random, time] of [[0, 2000], [0.5, 1900], [0.999999, 1800]]) {
      const store = new Store()
      for (const id of ['a', 'b', 'c']) store.report(id, 4, 4)
      store.pass(750)
      for (const id of ['a', 'b', 'c']) store.run('report', { id, seq: 99, calls: 4, failures: 4 }, random)
      assert.equal(store.run('read').dueIn, time)
    }
  })

  test('one has the place, the same one when it asks again, and no other until its lease is over', () => {
    const store = new Store()
    store.open()
    store.pass(2000)
    const { grant } = store.run('claim', { id: 'a' })
    assert.equal(store.run('claim', { id: 'b' }).granted, 0)
    assert.deepEqual([store.run('claim', { id: 'a' }).granted, store.state.grant], [1, grant])
    store.pass(2999)
    assert.equal(store.run('claim', { id: 'b' }).granted, 0)
    assert.equal(store.run('renew', { id: 'a', grant }).granted, 1)
    store.pass(2999)
    assert.equal(store.run('claim', { id: 'b' }).granted, 0)
    store.pass(1)
    assert.equal(store.run('claim', { id: 'b' }).granted, 1)
    assert.equal(store.run('renew', { id: 'a', grant }).granted, 0)
    assert.equal(store.run('settle', { id: 'a', grant, outcome: 'success' }).granted, 0)
    assert.equal(store.state.successes, 0)
  })

  test('five tests that succeed close it, by whomever, and one that fails begins anew', () => {
    const store = new Store()
    const { epoch } = store.open()
    const tested = (id, outcome) => {
      const { granted, grant } = store.run('claim', { id })
      assert.equal(granted, 1)
      return store.run('settle', { id, grant, outcome })
    }
    store.pass(2000)
    for (const id of 'abcd') assert.equal(tested(id, 'success').state, 'due')
    assert.equal(tested('e', 'ignored').state, 'due')
    assert.equal(tested('e', 'expired').state, 'due')
    assert.equal(tested('e', 'failure').state, 'open')
    store.pass(4000)
    for (const id of 'abcd') assert.equal(tested(id, 'success').state, 'due')
    const reply = tested('e', 'success')
    assert.deepEqual([reply.state, reply.spreadIn, reply.epoch], ['closed', 5000, epoch + 1])
    store.pass(5000)
    assert.equal(store.run('read').state, 'quiet')
  })

  test('what is said of the outage while circuits are let go opens nothing', () => {
    const store = new Store(settingsOf({ successes: 1 }))
    store.open()
    store.pass(2000)
    const { grant } = store.run('claim', { id: 'a' })
    store.run('settle', { id: 'a', grant, outcome: 'success' })
    for (let i = 0; i < 9; i++) store.report(`m${i}`, 10, 10)
    assert.equal(store.state.state, 'closed')
    assert.equal(store.state.sums.heard, 0)
  })

  test('it closes when more than half of those who listen are well in spite of it, and by no smaller part', () => {
    const store = new Store()
    const { epoch } = store.open()
    for (let i = 0; i < 10; i++) store.run('poll')
    store.report('ill', 10, 10)
    store.report('idle', 0, 0)
    for (const id of 'abcde') assert.equal(store.report(id, 10, 0).state, 'open')
    assert.equal(store.report('a', 10, 1).state, 'open')
    assert.equal(store.report('b', 10, 10).state, 'open')
    assert.equal(store.report('b', 10, 0).state, 'open')
    const reply = store.report('f', 10, 0)
    assert.deepEqual([reply.state, reply.epoch], ['closed', epoch + 1])
    assert.equal(store.state.members.size, 0)
  })

  test('two that are well close nothing, though nobody else be known', () => {
    const store = new Store()
    store.open()
    for (const id of 'ab') store.report(id, 10, 0)
    assert.equal(store.state.state, 'open')
    assert.equal(store.report('c', 10, 0).state, 'closed')
  })

  test('a process that leaves in its test gives the place back', () => {
    const store = new Store()
    store.open()
    store.pass(2000)
    store.run('claim', { id: 'a' })
    assert.equal(store.run('leave', { id: 'a' }).state, 'due')
  })

  test('a verdict says until when it holds without news', () => {
    const store = new Store(settingsOf({ recoveryJitter: 0 }))
    store.open()
    assert.equal(store.run('read').staleIn, 8000)
    store.pass(2500)
    const due = store.run('read')
    assert.deepEqual([due.state, due.dueIn, due.dueFor, due.staleIn], ['due', 0, 500, 6000])
    assert.equal(store.run('claim', { id: 'a' }).staleIn, 9000)
  })
})

describe('by hand, and after a loss', () => {
  test('a switch is a new epoch for all, once, whatever the state', () => {
    const store = new Store()
    const { epoch } = store.run('switch', { mode: 'isolated' })
    assert.deepEqual([epoch, store.news], [1, true])
    store.run('switch', { mode: 'isolated' })
    assert.deepEqual([store.state.epoch, store.news], [1, false])
    assert.deepEqual([store.run('switch', { mode: 'none' }).epoch, store.state.state], [2, 'quiet'])
  })

  test('a store that came back empty takes the highest epoch that it is told, and its rest of open time', () => {
    const store = new Store()
    const known = store.open()
    store.state = EMPTY
    assert.equal(store.run('read').epoch, 0)
    const said = { ...known, dueIn: 1200 }
    assert.deepEqual([store.run('assert', said).granted, store.state.state, store.run('read').dueIn], [1, 'open', 1200])
    assert.equal(store.run('assert', said).granted, 0)
    assert.equal(store.run('assert', { ...said, epoch: 0, revision: 99, state: 'closed' }).granted, 0)
    assert.equal(store.state.state, 'open')
  })

  test('a test that was under way when the store was lost is nobody\'s', () => {
    const store = new Store()
    store.open()
    store.pass(2000)
    const known = store.run('claim', { id: 'a' })
    store.state = EMPTY
    store.run('assert', known)
    assert.equal(store.state.state, 'due')
    assert.equal(store.run('settle', { id: 'a', grant: known.grant, outcome: 'success' }).granted, 0)
    assert.ok(store.run('claim', { id: 'b' }).grant > known.grant)
  })

  test('who knows of no verdict does not end a hearing', () => {
    const store = new Store()
    for (const id of ['a', 'b', 'c']) store.report(id, 4, 4)
    assert.equal(store.run('assert', { epoch: 0, revision: 50, state: 'quiet', mode: 'none' }).state, 'hearing')
    assert.equal(store.state.revision, 50)
  })

  test('a clock that stepped back holds nobody for longer than the rule would', () => {
    const store = new Store()
    store.open()
    store.pass(-3_600_000)
    assert.ok(store.run('read').dueIn <= DEFAULTS.longestRecovery)
    store.pass(DEFAULTS.longestRecovery)
    assert.equal(store.run('claim', { id: 'a' }).granted, 1)
    store.pass(-3_600_000)
    store.run('read')
    store.pass(DEFAULTS.lease)
    assert.equal(store.run('claim', { id: 'b' }).granted, 1)
  })
})

describe('under random commands', () => {
  let byWord = 0
  const seen = { states: new Set(), verdicts: 0, closings: 0, steps: 0 }
  for (let seed = 1; seed <= 60; seed++) {
    test(`the invariants hold: ${seed}`, () => {
      const settings = settingsOf({ ...(seed % 5 === 0 ? {} : SMALL) })
      const given = commands(seed)
      let state = EMPTY
      let last
      let asked = given.next().value
      /** Who was granted what. */
      const grants = new Map()
      for (let i = 0; i < 1500; i++) {
        const { now, random } = asked
        const command = commandOf(asked.command.type, asked.command)
        const frozen = JSON.stringify([state, [...state.members]])
        const next = step(state, command, now, random, settings)
        assert.equal(JSON.stringify([state, [...state.members]]), frozen, 'what it was given is as it was')
        assert.deepEqual(step(state, command, now, random, settings), next, 'the same again is the same')
        const { reply } = next
        const { state: after } = next
        seen.states.add(after.state)
        seen.steps++

        // 1, 2
        assert.ok(after.epoch >= state.epoch)
        const order = after.epoch - state.epoch || after.revision - state.revision
        assert.ok(order >= 0)
        if (after.state !== state.state || after.mode !== state.mode) assert.ok(order > 0, `${command.type}: ${state.state} → ${after.state}`)
        if (after.epoch > state.epoch && command.type !== 'assert' && command.type !== 'switch') {
          assert.equal(after.epoch, state.epoch + 1)
          assert.ok(after.state === 'open' || after.state === 'closed', after.state)
          if (after.state === 'open') seen.verdicts++
          else seen.closings++
        }
        // 3, 4
        assert.equal(after.holder !== '', after.state === 'testing')
        if (command.type === 'claim' && reply.granted === 1) {
          assert.equal(after.holder, command.id)
          const key = `${reply.grant}`
          if (state.state !== 'testing' || state.grant !== reply.grant) assert.equal(grants.has(key), false)
          assert.ok([undefined, command.id].includes(grants.get(key)))
          grants.set(key, command.id)
        }
        if (command.type === 'settle' && reply.granted === 1) assert.deepEqual([state.holder, state.grant], [command.id, command.grant])
        // 5
        const sums = Object.fromEntries(SUMS.map((name) => [name, 0]))
        for (const member of after.members.values()) {
          sums.heard += 1
          for (const name of SUMS) if (name !== 'heard') sums[name] += member[name]
          assert.ok(member.calls <= settings.clip && member.failures <= member.calls)
          assert.ok(member.at <= now && member.at > now - settings.window)
        }
        assert.deepEqual(after.sums, sums)
        // 6
        if (after.state === 'open' && after.epoch > state.epoch && command.type === 'report') assert.equal(state.state, 'hearing')
        // 7
        if (after.state === 'closed' && state.state !== 'closed' && after.epoch > state.epoch && command.type !== 'assert') {
          if (command.type === 'settle') assert.ok(state.successes + 1 >= settings.successes)
          else {
            assert.equal(command.type, 'report')
            byWord++
          }
        }
        // 8
        const longest = { hearing: settings.hearing, open: settings.longestRecovery, testing: settings.lease, closed: settings.spread }[after.state]
        if (longest !== undefined) assert.ok(after.until <= now + longest)
        if (after.state === 'hearing') assert.ok(after.since <= now && now < after.since + settings.longestHearing)
        // 9
        if (command.type === 'assert') assert.equal(step(after, command, now, random, settings).reply.granted, 0)
        // The reply says what it is, in whole numbers.
        assert.deepEqual(Object.keys(reply), [...REPLY])
        for (const [name, value] of Object.entries(reply)) if (typeof value === 'number') assert.ok(Number.isSafeInteger(value) && value >= 0, `${name} ${value}`)

        state = after
        last = { ...reply, holder: after.holder }
        asked = given.next(last).value
      }
    })
  }

  test('they went everywhere', () => {
    assert.deepEqual([...seen.states].sort(), [...STATES].sort())
    assert.ok(byWord > 10, `${byWord}`)
    assert.ok(seen.verdicts > 50 && seen.closings > 20, JSON.stringify({ ...seen, states: undefined }))
  })
})

describe('settings', () => {
  test('each takes both ends of its range and nothing beyond', () => {
    for (const [name, value, least, most] of SETTINGS) {
      assert.equal(settingsOf()[name], value)
      // Those that are not to contradict it are given along.
      const along = { [least]: { longestHearing: ['hearing', 'longestHearing'].includes(name) ? least : 3_600_000, hearing: 10, interval: 10 }, [most]: { longestHearing: 3_600_000, hearing: name === 'interval' ? 600_000 : undefined } }
      for (const fine of [least, most]) assert.equal(settingsOf({ ...along[fine], [name]: fine })[name], fine)
      for (const bad of [least - 1, most + 1, NaN, Infinity]) assert.throws(() => settingsOf({ [name]: bad }), { code: 'ERR_INVALID_OPTION', name: 'RangeError' })
      assert.throws(() => settingsOf({ [name]: '5' }), { code: 'ERR_INVALID_OPTION', name: 'TypeError' })
    }
  })

  test('what follows from another one follows, and two that contradict each other are refused', () => {
    assert.equal(settingsOf({ interval: 1000 }).hearing, 3500)
    assert.equal(settingsOf({ poll: 2000 }).longestHearing, 3000)
    assert.equal(settingsOf({ recoveryTimeout: 30_000 }).longestRecovery, 30_000)
    assert.equal(settingsOf({ longestRecovery: 500 }).recoveryTimeout, 500)
    assert.throws(() => settingsOf({ recoveryTimeout: 30_000, longestRecovery: 20_000 }), { code: 'ERR_INVALID_OPTION', option: 'recoveryTimeout' })
    assert.throws(() => settingsOf({ hearing: 500 }), { code: 'ERR_INVALID_OPTION', option: 'interval' })
    assert.throws(() => settingsOf({ hearing: 5000, longestHearing: 4000 }), { code: 'ERR_INVALID_OPTION', option: 'hearing' })
  })
})
