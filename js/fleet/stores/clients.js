/**
 * Connections of the usual clients of Redis, as the store takes them. Clients are handed in: nothing is imported, opened or closed here.
 *
 * Must not know: the store, what is sent.
 */
import { misuse, show } from '../../base/misuse.js'

/** @import { RedisConnection } from './redis.js' */

/**
 * @typedef {object} NodeRedisClient A client of the package `redis`, version 5 or later, alone or of a cluster.
 * @property {(...args: any[]) => Promise<any>} sendCommand
 */

/**
 * @typedef {object} NodeRedisSubscriber A second one, of which commands are not asked.
 * @property {(channel: string, listener: any) => Promise<unknown>} subscribe
 * @property {(channel: string, listener: any) => Promise<unknown>} unsubscribe
 */

/**
 * A connection by node-redis 5 or later.
 *
 * @param {NodeRedisClient} client From `createClient`, `createCluster` or `createSentinel`, connected.
 * @param {NodeRedisSubscriber} [subscriber] Another one, connected, that hears what others found: `await client.duplicate().connect()`. Without it verdicts
 *   arrive by replies and polls. Of a cluster, the same client will do.
 * @returns {RedisConnection}
 * @throws {TypeError} `ERR_INVALID_ARGUMENT` when one of the two is no such client.
 */
export function nodeRedis(client, subscriber) {
  demand(client, 'sendCommand', 'a client of node-redis')
  if (subscriber !== undefined) demand(subscriber, 'subscribe', 'a client of node-redis')
  // A cluster's takes the key and whether the command only reads: a sentinel's takes the latter alone.
  const isCluster = 'masters' in client || 'nodeByAddress' in client
  const isSentinel = !isCluster && 'getSentinelNode' in client
  return {
    send: (args, key) => isCluster ? client.sendCommand(key, false, args) : isSentinel ? client.sendCommand(false, args) : client.sendCommand(args),
    subscribe: subscriber && (async (channel, listener) => {
      await subscriber.subscribe(channel, listener)
      return () => {
        subscriber.unsubscribe(channel, listener).catch(() => {})
      }
    })
  }
}

/**
 * @typedef {object} IORedisClient A client of the packages `ioredis`, version 5 or later, or `iovalkey`, alone or of a cluster.
 * @property {(command: string, ...args: any[]) => Promise<any>} call
 */

/**
 * @typedef {object} IORedisSubscriber A second one, of which commands are not asked.
 * @property {(...channels: any[]) => Promise<any>} subscribe
 * @property {(...channels: any[]) => Promise<any>} unsubscribe
 * @property {(event: any, listener: (...args: any[]) => void) => unknown} on
 * @property {(event: any, listener: (...args: any[]) => void) => unknown} removeListener
 */

/**
 * A connection by ioredis 5 or later, or by iovalkey.
 *
 * @param {IORedisClient} client From `new Redis()` or `new Cluster()`.
 * @param {IORedisSubscriber} [subscriber] Another one that hears what others found: `client.duplicate()`. Without it verdicts arrive by replies and polls.
 * @returns {RedisConnection}
 * @throws {TypeError} `ERR_INVALID_ARGUMENT` when one of the two is no such client.
 */
export function ioredis(client, subscriber) {
  demand(client, 'call', 'a client of ioredis')
  if (subscriber !== undefined) demand(subscriber, 'subscribe', 'a client of ioredis')
  return {
    send: ([command, ...args]) => client.call(command, ...args),
    subscribe: subscriber && (async (channel, listener) => {
      /** @param {string} from @param {string} message */
      const heard = (from, message) => {
        if (from === channel) listener(message)
      }
      subscriber.on('message', heard)
      await subscriber.subscribe(channel)
      return () => {
        subscriber.removeListener('message', heard)
        subscriber.unsubscribe(channel).catch(() => {})
      }
    })
  }
}

/**
 * @param {unknown} value
 * @param {string} method
 * @param {string} expected
 */
function demand(value, method, expected) {
  if (typeof (/** @type {any} */ (value)?.[method]) === 'function') return
  throw misuse(TypeError, `Expected ${expected}, with a method \`${method}\`, got ${show(value)}`)
}
