/**
 * The store of a fleet in the memory of one process, and the way to it by messages: for the primary of `node:cluster`, worker threads and tabs.
 *
 * Must not know: what a command does, breakers.
 */
import { misuse, show } from '../../base/misuse.js'
import { COMMANDS, commandOf, EMPTY, PROTOCOL, step } from '../register.js'
import { settingsOf } from '../settings.js'

/** @import { Clock } from '../../base/types.js' */
/** @import { Command, Register, Reply } from '../register.js' */
/** @import { FleetStore, Where } from './store.js' */

/**
 * @typedef {object} MessageTarget What messages go to and come from: a `Worker`, a `MessagePort`, `parentPort`, a `BroadcastChannel`; or a worker of
 *   `node:cluster`, and in it `process`.
 * @property {(message: any, ...rest: any[]) => any} [postMessage]
 * @property {((message: any, ...rest: any[]) => any) | undefined} [send]
 * @property {(event: any, listener: (...args: any[]) => void) => any} [on]
 * @property {(event: any, listener: (...args: any[]) => void) => any} [off]
 * @property {(event: any, listener: (...args: any[]) => void) => any} [addEventListener]
 * @property {(event: any, listener: (...args: any[]) => void) => any} [removeEventListener]
 */

/**
 * @typedef {object} MemoryStoreMembers
 * @property {(target: MessageTarget) => () => void} serve Answers a process or thread whose store is `portStore(…)`, and tells it news. Gives back what ends
 *   that. Ends by itself when the target says that it is gone (`exit`, `disconnect`, `close`).
 */

/** @typedef {FleetStore & MemoryStoreMembers} MemoryStore */

/** Registers that nobody asked for so long go, in ms, but for those that are switched by hand. */
const LIFE = 3_600_000

/** By which our messages are known among others. @internal */
export const MARK = `halfopen:fleet:${PROTOCOL}`

/** The registers themselves. */
class Registers {
  /** @type {Map<string, { state: Readonly<Register>, at: number }>} */
  #all = new Map()
  /** @type {Map<string, Set<(name: string, reply: Reply) => void>>} */
  #listeners = new Map()
  #swept = -Infinity

  /** @param {Clock} clock */
  constructor(clock) {
    this.clock = clock
  }

  /**
   * @param {Command} command
   * @param {Where} where
   * @returns {Reply[]}
   */
  run(command, { namespace, names, random, settings }) {
    const now = Math.floor(this.clock.now())
    this.#sweep(now)
    return names.map((name) => {
      const key = `${namespace} ${name}`
      const { state, reply, news } = step(this.#all.get(key)?.state ?? EMPTY, command, now, random, settings)
      this.#all.set(key, { state, at: now })
      if (news) this.#tell(namespace, name, { ...reply, granted: 0 })
      return reply
    })
  }

  /**
   * @param {string} namespace
   * @param {(name: string, reply: Reply) => void} listener
   */
  subscribe(namespace, listener) {
    const listeners = this.#listeners.get(namespace) ?? new Set()
    this.#listeners.set(namespace, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(namespace)
    }
  }

  /**
   * @param {string} namespace
   * @param {string} name
   * @param {Reply} reply
   */
  #tell(namespace, name, reply) {
    for (const listener of [...this.#listeners.get(namespace) ?? []]) {
      try {
        listener(name, reply)
      } catch {
        // The register goes on, whoever listens.
      }
    }
  }

  /** @param {number} now */
  #sweep(now) {
    if (now - this.#swept < LIFE / 4 && now >= this.#swept) return
    this.#swept = now
    for (const [key, { at, state }] of this.#all) if (state.mode === 'none' && Math.abs(now - at) > LIFE) this.#all.delete(key)
  }
}

/**
 * A store in this process: for several fleets in one, for tests, and in the primary of a cluster or the main thread, which serves the others.
 *
 * @example
 * // The primary of node:cluster. In its workers: portStore(process)
 * const store = memoryStore()
 * cluster.on('fork', (worker) => store.serve(worker))
 *
 * @param {{ clock?: Clock | undefined }} [options] Default clock: `performance`.
 * @returns {MemoryStore}
 */
export function memoryStore({ clock = globalThis.performance ?? Date } = {}) {
  const registers = new Registers(clock)
  return {
    // Answered later, as everywhere.
    run: async (command, where) => registers.run(command, where),
    subscribe: (namespace, listener) => registers.subscribe(namespace, listener),
    serve: (target) => serve(registers, target)
  }
}

/** @internal @param {Clock} clock */
export const registersOf = (clock) => new Registers(clock)

/**
 * @internal
 * @param {Registers} registers
 * @param {MessageTarget} target
 */
function serve(registers, target) {
  /** @type {Map<string, () => void>} */
  const subscriptions = new Map()
  /** @type {Set<() => void>} Of ports that came from it. */
  const ports = new Set()
  const channel = channelOf(target)
  const stop = channel.listen((message) => {
    if (message?.mark !== MARK) return
    if (message.port !== undefined) return void ports.add(serve(registers, message.port))
    if (message.type === 'run') channel.post({ mark: MARK, type: 'answer', to: message.from, id: message.id, ...answerOf(registers, message) })
    if (message.type === 'subscribe' && !subscriptions.has(message.namespace)) {
      const { namespace } = message
      subscriptions.set(namespace, registers.subscribe(namespace, (name, reply) => channel.post({ mark: MARK, type: 'news', namespace, name, reply })))
    }
    if (message.type === 'unsubscribe') {
      subscriptions.get(message.namespace)?.()
      subscriptions.delete(message.namespace)
    }
  })
  const end = () => {
    stop()
    for (const [name, listener] of endings) target.off?.(name, listener)
    for (const unsubscribe of subscriptions.values()) unsubscribe()
    subscriptions.clear()
    for (const port of ports) port()
    ports.clear()
  }
  /** @type {[string, () => void][]} */
  const endings = ['exit', 'disconnect', 'close'].map((name) => [name, end])
  for (const [name, listener] of endings) target.on?.(name, listener)
  return end
}

/**
 * What came is another process's: whatever it is, there is an answer.
 *
 * @internal
 * @param {Registers} registers
 * @param {any} message
 */
export function answerOf(registers, { command, where }) {
  try {
    const names = Array.from(where.names, String)
    const checked = commandOf(Object.hasOwn(COMMANDS, command.type) ? command.type : '', command)
    const random = Number(where.random)
    return { replies: registers.run(checked, { namespace: String(where.namespace), names, random: random >= 0 && random < 1 ? random : 0, settings: settingsOf(where.settings) }) }
  } catch (error) {
    return { error: String(/** @type {any} */ (error)?.message ?? error) }
  }
}

/**
 * The store of another process or thread, which serves it: `memoryStore().serve(…)` there.
 *
 * @example
 * // In a worker of node:cluster, and in a worker thread
 * fleet({ store: portStore(process), namespace: 'shop' })
 * fleet({ store: portStore(parentPort), namespace: 'shop' })
 *
 * @param {MessageTarget} target `process` in a worker of `node:cluster`; `parentPort` or a `MessagePort` in a thread.
 * @returns {FleetStore & { close(): void }} `close` lets go of the target.
 * @throws {TypeError} `ERR_INVALID_ARGUMENT` when messages can't go there.
 */
export function portStore(target) {
  const own = privatePort(target)
  const channel = channelOf(own ?? target)
  const client = clientOf(channel.post, '')
  const stop = channel.listen(client.take)
  return {
    ...client.store,
    close() {
      stop()
      client.close()
      if (own !== undefined) /** @type {any} */ (own).close()
    }
  }
}

/**
 * A port of our own to whom a `parentPort` belongs: to listen to that one would keep the thread from its end, or else, not to be kept by it would end the
 * thread in spite of those who listen to it.
 *
 * @param {any} target
 * @returns {MessageTarget | undefined}
 */
function privatePort(target) {
  if (typeof target?.postMessage !== 'function' || typeof target.ref !== 'function' || typeof MessageChannel !== 'function') return undefined
  const { port1, port2 } = new MessageChannel()
  target.postMessage({ mark: MARK, port: port2 }, [port2])
  return /** @type {any} */ (port1)
}

/**
 * The asking side of a channel.
 *
 * @internal
 * @param {(message: any) => void} post
 * @param {string} from Who asks, where a channel has several.
 */
export function clientOf(post, from) {
  /** @type {Map<number, { resolve: (replies: Reply[]) => void, reject: (error: unknown) => void }>} */
  const waiting = new Map()
  /** @type {Map<string, Set<(name: string, reply: Reply) => void>>} */
  const listeners = new Map()
  let id = 0
  let isClosed = false
  /** @type {FleetStore} */
  const store = {
    run: (command, where) => new Promise((resolve, reject) => {
      if (isClosed) throw new Error('The store was closed')
      id += 1
      waiting.set(id, { resolve, reject })
      // What nobody answers is forgotten, the oldest first: who asked has given up long ago.
      if (waiting.size > 1000) for (const old of waiting.keys()) {
        waiting.delete(old)
        break
      }
      post({ mark: MARK, type: 'run', from, id, command, where })
    }),
    subscribe(namespace, listener) {
      const all = listeners.get(namespace) ?? new Set()
      listeners.set(namespace, all.add(listener))
      if (all.size === 1) post({ mark: MARK, type: 'subscribe', from, namespace })
      return () => {
        all.delete(listener)
        if (all.size > 0) return
        listeners.delete(namespace)
        if (!isClosed) post({ mark: MARK, type: 'unsubscribe', from, namespace })
      }
    }
  }
  return {
    store,
    /** @param {any} message */
    take(message) {
      if (message?.mark !== MARK) return
      if (message.type === 'news') for (const listener of [...listeners.get(message.namespace) ?? []]) listener(message.name, message.reply)
      if (message.type !== 'answer' || message.to !== from) return
      const one = waiting.get(message.id)
      waiting.delete(message.id)
      if (message.error === undefined) one?.resolve(message.replies)
      else one?.reject(new Error(message.error))
    },
    close() {
      isClosed = true
      for (const { reject } of waiting.values()) reject(new Error('The store was closed'))
      waiting.clear()
    }
  }
}

/**
 * Messages to and from a target, whatever it calls that.
 *
 * @internal
 * @param {MessageTarget} target
 */
export function channelOf(target) {
  const send = target?.postMessage ?? target?.send
  if (typeof send !== 'function' || !(target.on ?? target.addEventListener)) {
    throw misuse(TypeError, `Expected a Worker, a MessagePort, or a process with \`send\`, got ${show(target)}`)
  }
  return {
    /** @param {any} message */
    post(message) {
      try {
        // To one that is gone: nobody hears it, and nobody is to be told.
        if (send === target.postMessage) send.call(target, message)
        else send.call(target, message, undefined, undefined, () => {})
      } catch {}
    },
    /** @param {(message: any) => void} hear */
    listen(hear) {
      const { on, off, addEventListener, removeEventListener } = target
      if (on !== undefined) {
        /** @param {any} message */
        const listener = (message) => hear(message)
        on.call(target, 'message', listener)
        // A port keeps its process from the end as soon as somebody listens.
        if (isPort(target)) target.unref()
        return () => off?.call(target, 'message', listener)
      }
      /** @param {any} event */
      const listener = (event) => hear(event.data)
      addEventListener?.call(target, 'message', listener)
      ;/** @type {any} */ (target).start?.()
      return () => removeEventListener?.call(target, 'message', listener)
    }
  }
}

/**
 * Whether it is a port, and no worker.
 *
 * @param {any} target
 * @returns {target is { unref(): void }}
 */
const isPort = (target) => typeof target.postMessage === 'function' && typeof target.unref === 'function' && typeof target.start === 'function'
