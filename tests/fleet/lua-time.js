/**
 * The script with a clock that tests set: two keys of the server instead of its time.
 *
 * Must not know: what the script does.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'

/** @param {string} text */
export function atATime(text) {
  const moved = text.replace("redis.call('TIME')", "{ redis.call('GET', 'seconds'), redis.call('GET', 'micros') }")
  assert.notEqual(moved, text)
  return { text: moved, sha1: createHash('sha1').update(moved).digest('hex') }
}
