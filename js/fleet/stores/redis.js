/**
 * The store of a fleet in Redis or Valkey: commands to the script's arguments, its answers to replies, and messages to news. The client is the user's.
 *
 * Must not know: any client's package, breakers, what a command does.
 */
import { misuse, optionError, show } from '../../base/misuse.js'
import { REGISTER, SHA1 } from '../lua/register.js'
import { COMMANDS, PROTOCOL, REPLY } from '../register.js'
import { SETTINGS } from '../settings.js'

/** @import { FleetStore } from './store.js' */
/** @import { Reply } from '../register.js' */

/**
 * @typedef {object} RedisConnection What a fleet needs of a client.
 * @property {(args: string[], key: string) => Promise<unknown>} send Sends one command, the first of `args` being its name. `key` is its first key, for
 *   clients of a cluster that want to be told. Answers as Redis does; an error of Redis rejects with an error whose message begins with its code.
 * @property {(channel: string, listener: (message: string) => void) => (void | (() => void) | Promise<void | (() => void)>)} [subscribe] Hears a channel,
 *   on a connection that may. Gives back what ends it. Without it verdicts arrive by replies and polls, a few seconds later.
 */

/**
 * @typedef {object} RedisStoreOptions
 * @property {number} [shards] In a cluster: over how many hash slots the circuits of a namespace are spread, 1 to 1024. The same in all processes. Default 1.
 * @property {{ text: string, sha1: string }} [script] Another text of the script.
 */

/** In keys and in the channel: who knows another version of the protocol sees none of this one's. */
const PREFIX = `hf${PROTOCOL}`

/**
 * The keys of a circuit, all in one hash slot.
 *
 * @param {string} namespace
 * @param {string} name
 * @param {number} [shards]
 */
export function keysOf(namespace, name, shards = 1) {
  const tag = shards === 1 ? namespace : `${namespace}:${shardOf(name, shards)}`
  const key = `${PREFIX}:{${tag}}:b:${name}`
  return [`${key}:s`, `${key}:m`, `${key}:z`]
}

/** @param {string} namespace */
export const channelOf = (namespace) => `${PREFIX}:{${namespace}}:chg`

/**
 * A shard by name: FNV-1a of its UTF-16 code units.
 *
 * @param {string} name
 * @param {number} shards
 */
function shardOf(name, shards) {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % shards
}

/**
 * A store in Redis 6.2 or later, or Valkey, alone or a cluster. One script, no other set-up. Everything that it writes goes by itself within hours.
 *
 * @example
 * import { createClient } from 'redis'
 * import { fleet, nodeRedis, redisStore } from 'halfopen/fleet'
 *
 * const client = await createClient().connect()
 * const subscriber = await client.duplicate().connect()
 * const shared = fleet({ store: redisStore(nodeRedis(client, subscriber)), namespace: 'shop' })
 *
 * @param {RedisConnection} connection
 * @param {RedisStoreOptions} [options]
 * @returns {FleetStore}
 * @throws {TypeError | RangeError} `ERR_INVALID_ARGUMENT` when the connection can't send, `ERR_INVALID_OPTION` when `shards` is not in its range.
 */
export function redisStore(connection, { shards = 1, script = { text: REGISTER, sha1: SHA1 } } = {}) {
  if (typeof connection?.send !== 'function') throw misuse(TypeError, `Expected a connection with a method \`send\`, got ${show(connection)}`)
  if (!(Number.isInteger(shards) && shards >= 1 && shards <= 1024)) throw optionError(RangeError, 'shards', 'a whole number from 1 to 1024', shards)
  return {
    async run(command, { namespace, names, random, settings }) {
      const own = [String(PROTOCOL), channelOf(namespace), command.type, String(random), ...SETTINGS.map(([name]) => String(settings[name]))]
      const args = Object.keys(COMMANDS[command.type]).map((name) => textOf(/** @type {any} */ (command)[name]))
      /** @type {Reply[]} */
      const replies = []
      const byShard = new Map()
      for (const [index, name] of names.entries()) {
        const shard = shards === 1 ? 0 : shardOf(name, shards)
        byShard.set(shard, [...byShard.get(shard) ?? [], index])
      }
      await Promise.all([...byShard.values()].map(async (indices) => {
        const keys = indices.flatMap((/** @type {number} */ index) => keysOf(namespace, names[index], shards))
        const rest = [String(keys.length), ...keys, ...own, ...indices.map((/** @type {number} */ index) => names[index]), ...args]
        const answer = await evaluate(connection, script, rest, keys[0])
        if (!Array.isArray(answer) || answer.length !== indices.length) throw new Error('The script answered what is no list of replies')
        for (const [i, index] of indices.entries()) replies[index] = replyOf(answer[i])
      }))
      return replies
    },
    subscribe(namespace, listener) {
      if (typeof connection.subscribe !== 'function') return () => {}
      let isOver = false
      /** @type {void | (() => void)} */
      let end
      const listening = Promise.resolve(connection.subscribe(channelOf(namespace), (message) => {
        if (isOver) return
        const news = newsOf(message)
        if (news !== undefined) listener(news.name, news.reply)
      }))
      // A subscription that failed is as one that hears nothing.
      listening.then((how) => {
        end = how
        if (isOver) end?.()
      }).catch(() => {})
      return () => {
        isOver = true
        try {
          end?.()
        } catch {}
        end = undefined
      }
    }
  }
}

/**
 * @param {RedisConnection} connection
 * @param {{ text: string, sha1: string }} script
 * @param {string[]} rest
 * @param {string} key
 */
async function evaluate(connection, script, rest, key) {
  try {
    return await connection.send(['EVALSHA', script.sha1, ...rest], key)
  } catch (error) {
    if (!/^NOSCRIPT/.test(/** @type {any} */ (error)?.message)) throw error
    return await connection.send(['EVAL', script.text, ...rest], key)
  }
}

/** @param {unknown} value */
const textOf = (value) => typeof value === 'boolean' ? (value ? '1' : '0') : String(value)

/**
 * @param {unknown} answer The version, and the parts of a reply.
 * @returns {Reply}
 */
function replyOf(answer) {
  if (!Array.isArray(answer) || String(answer[0]) !== String(PROTOCOL) || answer.length <= REPLY.length) throw new Error('The script answered what is no reply')
  /** @type {Record<string, unknown>} */
  const reply = {}
  for (const [i, name] of REPLY.entries()) reply[name] = name === 'state' || name === 'mode' ? String(answer[i + 1]) : Number(answer[i + 1])
  return /** @type {any} */ (reply)
}

/**
 * A message: the version and a reply, parted by blanks, and then the name, which may have some.
 *
 * @param {unknown} message
 * @returns {{ name: string, reply: Reply } | undefined} Nothing where it is not ours.
 */
function newsOf(message) {
  try {
    const parts = String(message).split(' ')
    const reply = replyOf(parts)
    return { name: parts.slice(REPLY.length + 1).join(' '), reply }
  } catch {
    return undefined
  }
}
