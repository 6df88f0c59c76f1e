/**
 * docs/fleet.md and docs/fleet-protocol.md say what the code does: settings, rights, keys, commands, replies, states.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { COMMANDS, MODES, OUTCOMES, PROTOCOL, REPLY, STATES } from '../../js/fleet/register.js'
import { SETTINGS } from '../../js/fleet/settings.js'
import { channelOf, keysOf } from '../../js/fleet/stores/redis.js'
import { RIGHTS } from './rights.js'

const read = (name) => readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8')
const page = read('fleet')
const protocol = read('fleet-protocol')

/** The first cells of the rows of a table, by its header. */
function column(text, header, index = 0) {
  const [, rows] = text.split(`| ${header} |\n`)[1].split(/^\|[- |]+\|\n/m)
  return rows.split('\n\n')[0].trim().split('\n').map((row) => row.split('|')[index + 1].trim().replaceAll('`', ''))
}

test('the options of the rule are those of the code, with their defaults', () => {
  const [, table] = page.split('The numbers of the rule')
  const names = column(table, 'option | default |')
  assert.deepEqual(names, SETTINGS.map(([name]) => name))
  const defaults = column(table, 'option | default |', 1)
  for (const [index, [name, value]] of SETTINGS.entries()) {
    if (name === 'hearing' || name === 'longestHearing') assert.match(defaults[index], /^[\d.]+ × \w+$/)
    else assert.equal(parseFloat(defaults[index]), value, name)
  }
})

test('the rights are those that are tested', () => {
  assert.ok(page.includes(`\`${RIGHTS}\``))
})

test('keys, channel and version are those of the code', () => {
  const keys = column(protocol, 'key | type | what | lives for')
  assert.deepEqual(keys, [...keysOf('ns', '<name>'), channelOf('ns')])
  assert.ok(protocol.includes(`version ${PROTOCOL}.`))
})

test('settings, commands, replies, states, modes and outcomes are those of the code', () => {
  const [, settings] = /^5\. the settings, in this order: (.*)$/m.exec(protocol)
  assert.deepEqual(settings.replaceAll('`', '').split(', '), SETTINGS.map(([name]) => name))
  assert.deepEqual(column(protocol, 'command | arguments | what it does'), Object.keys(COMMANDS))
  assert.deepEqual(column(protocol, 'command | arguments | what it does', 1), Object.values(COMMANDS).map((args) => Object.keys(args).join(', ')))
  assert.deepEqual(column(protocol, 'part | what'), [...REPLY])
  assert.deepEqual(column(protocol, 'state | what | until'), [...STATES])
  for (const name of [...MODES, ...OUTCOMES]) assert.ok(protocol.includes(`\`${name}\``), name)
})
