/**
 * The store of a fleet of tabs: one of them has the registers, which `navigator.locks` chooses, and answers the others by `BroadcastChannel`.
 *
 * Must not know: what a command does, breakers.
 */
import { misuse } from '../../base/misuse.js'
import { answerOf, channelOf, clientOf, MARK, registersOf } from './memory.js'

/** @import { Clock } from '../../base/types.js' */
/** @import { FleetStore } from './store.js' */

/**
 * @typedef {object} TabStoreOptions
 * @property {string | undefined} [name] Of the lock and the channel. Default: `halfopen:fleet`.
 * @property {Clock | undefined} [clock] Default: `performance`.
 * @property {{ request(name: string, options: any, hold: () => Promise<unknown>): Promise<unknown> } | undefined} [locks] Default: `navigator.locks`.
 */

/**
 * A store that the tabs and workers of one origin share. When the tab that has it is closed, the next one begins anew, and learns from the others what
 * they know.
 *
 * @param {TabStoreOptions} [options]
 * @returns {FleetStore & { close(): void }} `close` lets go of the lock and the channel.
 * @throws {TypeError} `ERR_INVALID_ARGUMENT` where the host has no `BroadcastChannel` or no `navigator.locks`: outside of secure contexts.
 */
export function tabStore({ name = 'halfopen:fleet', clock = globalThis.performance ?? Date, locks = globalThis.navigator?.locks } = {}) {
  if (typeof BroadcastChannel !== 'function') throw misuse(TypeError, 'Expected a host with BroadcastChannel, found none')
  if (typeof locks?.request !== 'function') throw misuse(TypeError, 'Expected a host with navigator.locks, found none: is this a secure context?')
  const broadcast = new BroadcastChannel(name)
  // Of Node: it keeps no process from its end.
  ;/** @type {any} */ (broadcast).unref?.()
  // That of Node has both ways to listen, of which only the one of the web gives all of an event.
  const channel = channelOf(/** @type {any} */ ({
    postMessage: (/** @type {any} */ message) => broadcast.postMessage(message),
    addEventListener: (/** @type {any} */ type, /** @type {any} */ listener) => broadcast.addEventListener(type, listener),
    removeEventListener: (/** @type {any} */ type, /** @type {any} */ listener) => broadcast.removeEventListener(type, listener)
  }))
  const from = `${Math.random()}`.slice(2)
  const client = clientOf(channel.post, from)
  const registers = registersOf(clock)
  let isFirst = false
  let isClosed = false
  /** @type {(value?: unknown) => void} */
  let letGo = () => {}
  /** Of whose news the other tabs are told, and what ends that. @type {Map<string, () => void>} */
  const told = new Map()
  /** @param {string} namespace */
  const tell = (namespace) => {
    if (told.has(namespace)) return
    told.set(namespace, registers.subscribe(namespace, (of, reply) => channel.post({ mark: MARK, type: 'news', namespace, name: of, reply })))
  }
  const stop = channel.listen((message) => {
    if (message?.mark !== MARK) return
    if (!isFirst || message.type !== 'run') return client.take(message)
    tell(String(message.where?.namespace))
    channel.post({ mark: MARK, type: 'answer', to: message.from, id: message.id, ...answerOf(registers, message) })
  })
  const controller = typeof AbortController === 'function' ? new AbortController() : undefined
  Promise.resolve(locks.request(name, { mode: 'exclusive', signal: controller?.signal }, () => {
    if (isClosed) return Promise.resolve()
    isFirst = true
    return new Promise((resolve) => (letGo = resolve))
  })).catch(() => {})
  return {
    async run(command, where) {
      if (!isFirst) return client.store.run(command, where)
      tell(where.namespace)
      return registers.run(command, where)
    },
    subscribe(namespace, listener) {
      // Which of the two has news depends on who is the first.
      const ends = [registers.subscribe(namespace, listener), client.store.subscribe(namespace, listener)]
      return () => ends.forEach((end) => end())
    },
    close() {
      isClosed = true
      isFirst = false
      stop()
      client.close()
      for (const end of told.values()) end()
      controller?.abort()
      letGo()
      broadcast.close()
    }
  }
}
