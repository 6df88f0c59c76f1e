// The conformance program in every runtime of the list, from the installed tarball, and the table of docs/where-it-runs.md, which is what ran.
// `HALFOPEN_MATRIX=all` has each combination instead of each pair. What ran is in `target/matrix.json` afterwards. It must not know how a runtime is started.

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { startServer } from '../browsers/servers.js'
import { root } from '../package/support.js'
import { load } from '../traces/load.js'
import { conform, titles } from './program.mjs'
import { rowsOf, titleOf } from './rows.js'
import { asWritten, TABLE, tableOf, withTable } from './table.js'
import { userOfMatrix } from './user.js'

/** Of one row and of a launcher's start, in ms: a busy machine takes its time for a browser. */
const LIMIT = { timeout: 120_000 }

const rows = rowsOf(process.env.HALFOPEN_MATRIX === 'all')
const due = titles(load().traces)
/** What ran: each row with the version that it found, how long it took in ms, and what came out. */
const ran = []

let user, server
before(async () => {
  user = await userOfMatrix()
  server = await startServer(user.dir)
}, LIMIT)
after(async () => {
  await server?.close()
  await user?.remove()
}, LIMIT)

const hostOf = (row) => ({ name: `row-${rows.indexOf(row)}`, ...(row.lacks?.includes('network') ? {} : { origin: server.origin }) })

/** Rows that one start of a launcher serves. */
const groups = Map.groupBy(rows, ({ kind, where }) => `${kind} ${where}`)

describe('the matrix', () => {
  it('has each row once', () => {
    const all = rows.map(titleOf)
    assert.deepEqual(all.filter((title, index) => all.indexOf(title) !== index), [])
  })

  it('has a program of which no check passes where there is no package', LIMIT, async () => {
    for (const where of [{ origin: server.origin }, {}]) {
      const { checks } = await conform({}, { ...load(), ...where, name: 'none' })
      assert.deepEqual(checks.map(({ title }) => title), due)
      assert.deepEqual(checks.filter(({ wrong, without }) => wrong === undefined && !(without && where.origin === undefined)), [])
    }
  })

  it('has a program that notices a threshold, and a recovery time, which are off by one', LIMIT, async () => {
    const halfopen = { ...await import('../../pkg/index.js'), ...await import('../../pkg/fetch.js') }
    const wrongWith = async (change) => {
      class Off extends halfopen.CircuitBreaker {
        constructor(options = {}) {
          super(change(options))
        }
      }
      const { checks } = await conform({ ...halfopen, CircuitBreaker: Off }, { ...load(), name: 'off' })
      return checks.filter(({ wrong }) => wrong).length
    }
    assert.equal(await wrongWith((options) => options), 0)
    assert.ok(await wrongWith(({ failureThreshold = 5, ...options }) => ({ ...options, failureThreshold: failureThreshold + 1 })) > 5)
    assert.ok(await wrongWith(({ recoveryTimeout = 60_000, ...options }) => ({ ...options, recoveryTimeout: recoveryTimeout + 1 })) > 5)
  })
})

for (const group of groups.values()) {
  const [{ kind, where, tool }] = group
  describe(where, () => {
    let launcher
    before(async () => {
      const { open } = await import(`./launchers/${kind}.js`)
      launcher = await open({ user, hostOf, tool })
    }, LIMIT)
    after(() => launcher?.close(), LIMIT)

    for (const row of group) {
      it(titleOf(row), LIMIT, async () => {
        const began = performance.now()
        const answer = await launcher.run(row)
        const ms = Math.round(performance.now() - began)
        console.log(`matrix: ${(ms / 1000).toFixed(1)} s ${titleOf(row)}`)
        if (row.unavailable) {
          assert.deepEqual([answer.error?.name, answer.error?.code], ['Error', 'ERR_ENGINE_UNAVAILABLE'], 'the error says why')
          assert.match(answer.error.message, /^WebAssembly can't be used here: ./)
        } else {
          const { lacks, checks } = answer
          assert.deepEqual(checks.filter(({ wrong }) => wrong).map(({ title, wrong }) => `${title}: ${wrong}`), [], 'each check goes as it should')
          // Some rows have a program of their own.
          if (lacks !== undefined) {
            assert.deepEqual(checks.map(({ title }) => title), due, 'each check ran')
            assert.deepEqual([...lacks].sort(), [...(row.lacks ?? [])].sort(), 'what the host lacks')
          }
        }
        ran.push({ ...row, version: answer.version, ms, checks: answer.checks?.length ?? 0, ...(answer.error && { error: answer.error.message }) })
      })
    }
  })
}

describe('what ran', () => {
  after(() => {
    mkdirSync(join(root, 'target'), { recursive: true })
    writeFileSync(join(root, 'target/matrix.json'), `${JSON.stringify(ran, null, 2)}\n`)
    console.log(tableOf(ran))
    console.log(`matrix: ${ran.length} of ${rows.length} rows ran, ${(ran.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(0)} s`)
  })

  it('is every row', () => {
    assert.deepEqual(rows.map(titleOf).filter((title) => !ran.some((row) => titleOf(row) === title)), [])
  })

  it('is the table of docs/where-it-runs.md, no more and no less', () => {
    const path = join(root, TABLE)
    const page = readFileSync(path, 'utf8')
    if (process.env.HALFOPEN_MATRIX_WRITE) writeFileSync(path, withTable(page, ran))
    else assert.equal(page, withTable(page, asWritten(page, ran)), `${TABLE} says otherwise: \`npm run matrix -- --write\` writes what ran`)
  })
})
