/**
 * A live page of breakers: puts its parts together, and checks what it is given.
 *
 * Must not know: how any of the parts work.
 */
import { misuse, optionError, show } from '../base/misuse.js'
import { unknownOption } from '../options/unknown.js'
import { Board, messageOf } from './board.js'
import { random } from './document.js'
import { answerFetch } from './fetch.js'
import { Handler } from './handler.js'
import { answerNode } from './node.js'
import { sourcesOf } from './reader.js'
import { Viewers } from './viewers.js'

/** @import { BreakerLike } from '../telemetry/sources.js' */

/**
 * A breaker, a registry, or a function that answers one of them or an array of them, asked at each reading.
 *
 * @typedef {BreakerLike | (() => BreakerLike | readonly BreakerLike[])} DashboardSource
 */

/**
 * What is shown: a source, an array of them, or an object with these by the labels that they are to have. The same breaker twice is shown once.
 *
 * @typedef {DashboardSource | readonly DashboardSource[] | { readonly [label: string]: DashboardSource | readonly DashboardSource[] }} DashboardSources
 */

/**
 * What somebody wants to do to a breaker by hand.
 *
 * @typedef {object} Act
 * @property {'trip' | 'reset' | 'isolate' | 'release' | 'observe' | 'disable' | 'enable'} action
 * @property {string | undefined} breaker Its label; undefined where it is gone.
 * @property {string | undefined} source The label of its source.
 * @property {number | undefined} for For how long to trip it, in ms.
 */

/**
 * Options of a dashboard.
 *
 * @typedef {object} DashboardOptions
 * @property {DashboardSources} registries What is shown.
 * @property {((request: any) => boolean | Promise<boolean>) | undefined} [authorize] Who may look: gets what the handler got, and lets in by answering `true`, nothing else.
 *   Without it the Node handler answers this machine alone, and `fetch` nobody.
 * @property {{ authorize: (request: any, act: Act) => boolean | Promise<boolean> } | undefined} [control] Who may act by hand, of those who may look. Without it nobody can.
 * @property {string | undefined} [challenge] What a request that was not let in is asked for by `WWW-Authenticate`, such as `'Basic'`, with a 401 instead of a 403.
 * @property {Record<string, (path: string) => unknown> | undefined} [feeds] Other processes by their labels: each answers what its dashboard's `read(path)` gives, or its handler
 *   under that path, as an object.
 * @property {number | undefined} [maxViewers] Viewers at once, from 1; more get a 503. Default 100.
 * @property {((name: string | undefined, key: any) => string | undefined) | undefined} [label] What a breaker is called. Default: its name, else the text of its key.
 * @property {boolean | undefined} [errors] Whether the page shows messages of errors, which may tell more than everybody who looks should know. Default false.
 * @property {string | undefined} [title] What the page is called. Default `'Circuit breakers'`.
 */

/**
 * A dashboard.
 *
 * @typedef {object} Dashboard
 * @property {(req: any, res: any) => void} node Answers a request of `node:http`, `node:http2` or an Express-like router.
 * @property {(request: any) => Promise<any>} fetch Answers a `Request` by a `Response`. Needs `authorize`.
 * @property {(path: string) => any} read What another process's dashboard asks for by its feed: `'rows'`, or `'breaker?id='` and a number, which is a promise.
 * @property {() => void} close Lets all viewers go, and answers 503 from then on.
 */

const OPTIONS = ['registries', 'authorize', 'control', 'challenge', 'feeds', 'maxViewers', 'label', 'errors', 'title']

/**
 * A page that shows breakers as they are, with a delay of a second. It reads once a second while somebody looks, and does nothing else.
 *
 * @param {DashboardOptions} options
 * @returns {Dashboard}
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` for a wrong option, `ERR_INVALID_ARGUMENT` where `registries` has what is neither a breaker nor a registry.
 *
 * @example
 * const { node } = dashboard({ registries: registry })
 * createServer(node).listen(9000, '127.0.0.1')
 */
export function dashboard(options) {
  if (typeof options !== 'object' || options === null) throw misuse(TypeError, `Expected options with \`registries\`, got ${show(options)}`)
  for (const name of Object.keys(options)) if (!OPTIONS.includes(name)) throw unknownOption(name, OPTIONS)
  const { registries, authorize, control, challenge, feeds = {}, maxViewers = 100, label, errors = false, title = 'Circuit breakers' } = options
  const sources = sourcesOf('registries', registries)
  for (const [name, value] of Object.entries({ authorize, label, 'control.authorize': control === undefined ? undefined : control?.authorize ?? null })) {
    if (value !== undefined && typeof value !== 'function') throw optionError(TypeError, name, 'a function', value)
  }
  if (challenge !== undefined && (typeof challenge !== 'string' || !/^[\x20-\x7e]+$/.test(challenge))) throw optionError(TypeError, 'challenge', 'a text of plain letters', challenge)
  if (typeof feeds !== 'object' || feeds === null) throw optionError(TypeError, 'feeds', 'an object of functions', feeds)
  for (const name of Object.keys(feeds)) if (typeof feeds[name] !== 'function') throw optionError(TypeError, `feeds.${name}`, 'a function', feeds[name])
  if (!Number.isInteger(maxViewers) || maxViewers < 1) throw optionError(typeof maxViewers === 'number' ? RangeError : TypeError, 'maxViewers', 'a whole number from 1', maxViewers)
  if (typeof errors !== 'boolean') throw optionError(TypeError, 'errors', 'true or false', errors)
  if (typeof title !== 'string') throw optionError(TypeError, 'title', 'a text', title)

  const heard = errors ? lastErrors() : undefined
  const board = new Board({
    sources, label, errors: heard, feeds: { ...feeds }, now: () => Date.now(),
    hello: { epoch: random(), title, control: control !== undefined }
  })
  const viewers = new Viewers(() => board.refresh(), (isLive) => board.state(isLive), maxViewers)
  const handler = new Handler(board, viewers, { authorize, mayAct: control?.authorize, challenge })
  return {
    node: (req, res) => void answerNode(handler, viewers, req, res),
    fetch: (request) => answerFetch(handler, viewers, request),
    read: (path) => handler.read(path),
    close() {
      handler.close()
      heard?.end()
    }
  }
}

/** Hears of failures from the first reading on, and keeps the last of each breaker. */
function lastErrors() {
  /** @type {WeakMap<object, { message: string, at: number }>} */
  const last = new WeakMap()
  /** @type {Set<any>} */
  const doors = new Set()
  const hear = (/** @type {any} */ { currentTarget, target, detail }) => {
    last.set(detail.breaker ?? currentTarget ?? target, { message: messageOf(detail.error), at: Date.now() })
  }
  return {
    of: (/** @type {object} */ breaker) => last.get(breaker) ?? null,
    hear(/** @type {any} */ door) {
      doors.add(door)
      door.addEventListener?.('failure', hear)
    },
    leave(/** @type {any} */ door) {
      doors.delete(door)
      door.removeEventListener?.('failure', hear)
    },
    end() {
      for (const door of doors) door.removeEventListener?.('failure', hear)
      doors.clear()
    }
  }
}
