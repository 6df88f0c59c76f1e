/**
 * Requests as `fetch` takes them: where they lead, what can be wrong with them.
 *
 * Must not know: breakers and responses.
 */

import { ifAny } from '../base/host.js'

/** @import { FetchInit, FetchInput, GuardedRequest } from './types.js' */

/** @typedef {(request: FetchRequest, signal?: AbortSignal) => Promise<Response>} Send Has `fetch` heed that signal instead of the caller's. */

/** What was given to the guarded fetch. */
export class FetchRequest {
  /** Whether the caller has its response. */
  isAnswered = false
  /** Whether `fetch` was called. */
  isSent = false
  /** @type {GuardedRequest | undefined} */
  #description

  /** @param {any} args All that was given, which is handed on as it is where nothing has to be changed. */
  constructor(args) {
    this.args = args
    /** @type {FetchInput} */
    this.input = args[0]
    /** @type {FetchInit} */
    this.init = args[1]
  }

  /** As it was given: `fetch` takes some in lower case, too. @returns {string} */
  get method() {
    const { input, init } = this
    return init?.method ?? (isRequest(input) ? input.method : 'GET')
  }

  /** As `key` and `fallback` see it: made for them alone, since a URL takes longer to parse than all the rest. Undefined when it leads to no URL. */
  get description() {
    const { input, init } = this
    if (this.#description === undefined) {
      const url = urlOf(input)
      if (url !== undefined) this.#description = { url, method: this.method, input, init }
    }
    return this.#description
  }

  /** The caller's signal. @returns {AbortSignal | undefined} */
  get signal() {
    const { input, init } = this
    // null takes the signal of a Request away.
    if (init?.signal !== undefined) return init.signal ?? undefined
    return (isRequest(input) ? input.signal : undefined) ?? undefined
  }

  /**
   * What to hand to `fetch` so that it heeds another signal than the caller's, and asks for the same in all else.
   *
   * An init that is not empty has a Request forget who asked for it: its referrer and the policy for that, which are given again here. What no
   * init can give is what a navigation of a browser has, and a referrer of another origin, as in a service worker. Such a Request goes out as
   * it is, and heeds its own signal: what comes too late is given up when it comes.
   *
   * @param {AbortSignal} signal
   * @returns {any}
   */
  argsWith(signal) {
    const { input, init } = this
    const copy = withSignal(init, signal)
    if (!isRequest(input) || !isEmpty(init)) return [input, copy]
    const { referrer, referrerPolicy } = input
    if (isNavigation(input) || isForeign(referrer)) return this.args
    if (referrerPolicy) copy.referrerPolicy = referrerPolicy
    if (typeof referrer === 'string' && referrer !== CLIENT && keepsReferrer()) copy.referrer = referrer
    return [input, copy]
  }
}

/** The referrer of a Request that was given none: whoever asks. */
const CLIENT = 'about:client'

/**
 * Whether a Request is a navigation of a browser, as a service worker gets it.
 *
 * @param {any} request
 */
function isNavigation({ mode, isReloadNavigation, isHistoryNavigation }) {
  return mode === 'navigate' || isReloadNavigation || isHistoryNavigation
}

/**
 * Whether a referrer is one that a browser takes from no init.
 *
 * @param {string} referrer
 */
function isForeign(referrer) {
  const { location } = /** @type {{ location?: { origin: string } }} */ (globalThis)
  return location !== undefined && typeof referrer === 'string' && referrer !== '' && referrer !== CLIENT && originOf(referrer) !== location.origin
}

/** What `keepsReferrer` found out. @type {boolean | undefined} */
let keeps

/** Whether a Request of this host that is made of another keeps its referrer, as `fetch` makes one: in Node 24 it does not. */
function keepsReferrer() {
  keeps ??= ifAny(() => new Request(new Request('http://halfopen.invalid/', { referrer: '' })).referrer === '') ?? true
  return keeps
}

/** Origins seen, each by itself: what a URL begins with, up to the slash, leads to the same origin whatever comes after. @type {Map<string, string> | undefined} */
let origins

/** Origins kept: beyond that all are forgotten. */
const MOST_ORIGINS = 1000

/**
 * The origin of the server that a request leads to. Looking it up takes 60 ns, parsing the URL 900 (Node 20).
 *
 * @param {FetchInput} input
 * @returns {string | undefined} Undefined when it is not a URL, or one that leads to no server, such as `data:`.
 */
export function originOf(input) {
  const text = typeof input === 'string' ? input : undefined
  const slash = text?.indexOf('/', 8)
  const beginning = slash === -1 ? text : text?.slice(0, slash)
  const known = beginning === undefined ? undefined : origins?.get(beginning)
  if (known !== undefined) return known
  const url = urlOf(input)
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined
  const { origin } = url
  if (beginning === origin) {
    origins ??= new Map()
    if (origins.size >= MOST_ORIGINS) origins.clear()
    // Not the beginning, which V8 cuts out of the URL: it would keep the whole of it.
    origins.set(origin, origin)
  }
  return origin
}

/**
 * @param {FetchInput} input
 * @returns {URL | undefined}
 */
export function urlOf(input) {
  const { document, location } = /** @type {{ document?: { baseURI: string }, location?: { href: string } }} */ (globalThis)
  try {
    return new URL(isRequest(input) ? input.url : String(input), document?.baseURI ?? location?.href)
  } catch {
    return undefined
  }
}

/**
 * What `fetch` reads of an init but for `signal`: in a Request, getters of its prototype, which no spread copies. `dispatcher` is undici's,
 * and so Node's.
 */
const MEMBERS = /** @type {const} */ ([
  'method', 'headers', 'body', 'duplex', 'mode', 'credentials', 'cache', 'redirect', 'referrer', 'referrerPolicy', 'integrity', 'keepalive', 'priority',
  'window', 'dispatcher'
])

/**
 * Whether an init says nothing, as `fetch` sees it.
 *
 * @param {FetchInit} init
 */
function isEmpty(init) {
  const given = /** @type {Record<string, any> | null | undefined} */ (init) ?? {}
  return given.signal === undefined && MEMBERS.every((name) => given[name] === undefined)
}

/**
 * A copy of an init with another signal.
 *
 * @param {FetchInit} init Also a Request, which fetch takes for an init, too.
 * @param {AbortSignal | null} signal
 * @returns {NonNullable<FetchInit>}
 */
export function withSignal(init, signal) {
  if (init === undefined || init === null) return { signal }
  // Of what is no object at all fetch says that it is wrong.
  if (typeof init !== 'object' && typeof init !== 'function') return init
  const given = /** @type {Record<string, any>} */ (init)
  /** @type {Record<string, any>} */
  const copy = { ...given, signal }
  if (Object.getPrototypeOf(given) === Object.prototype) return copy
  for (const name in given) if (!(name in copy)) copy[name] = given[name]
  for (const name of MEMBERS) if (!(name in copy) && given[name] !== undefined) copy[name] = given[name]
  return copy
}

/**
 * @param {FetchInput} input
 * @returns {input is Request}
 */
export function isRequest(input) {
  return typeof input === 'object' && input !== null && 'url' in input
}

/**
 * The body that a request is to be sent with.
 *
 * @param {FetchInput} input
 * @param {FetchInit} init
 * @returns {any}
 */
export function bodyOf(input, init) {
  return init?.body ?? (isRequest(input) ? input.body : undefined)
}

/**
 * Whether the body of a request was read before, or is being read: for example by a Request that was sent once. No server sees it.
 *
 * @param {FetchInput} input
 * @param {FetchInit} init
 */
export function isSpent(input, init) {
  const own = /** @type {{ body?: any, bodyUsed?: boolean } | undefined} */ (init)
  if (own?.body === undefined || own.body === null) return isRequest(input) && input.bodyUsed === true
  return own.body.locked === true || own.bodyUsed === true
}

/**
 * Whether a request that was rejected could never have been made, for example for a line break in a header. `fetch` rejects
 * those with a `TypeError` as it does when the network fails. Where there is no `Request` to try it with, nobody knows.
 *
 * @param {FetchInput} input
 * @param {FetchInit} init
 */
export function isMalformed(input, init) {
  const { Request, ReadableStream } = globalThis
  if (typeof Request !== 'function') return false
  try {
    const given = init?.body ?? undefined
    // The body may be read already: what matters is whether there is one, and whether it is a stream, which needs `duplex`.
    const isStream = typeof ReadableStream === 'function' && given instanceof ReadableStream
    /** @type {any} */
    const body = given === undefined ? undefined : isStream ? new ReadableStream() : isIterable(given) ? { async *[Symbol.asyncIterator]() {} } : ''
    const own = withSignal(init, null)
    new Request(isRequest(input) ? input.url : input, typeof own === 'object' ? { ...own, body } : own)
    return isWrongSignal(init?.signal)
  } catch {
    return true
  }
}

/**
 * Whether what was asked for can't even be read, for example since a getter throws: `fetch` rejects with what that threw.
 *
 * @param {FetchInput} input
 * @param {FetchInit} init
 */
export function isUnreadable(input, init) {
  try {
    const given = /** @type {Record<string, any> | null | undefined} */ (init)
    for (const name of MEMBERS) void given?.[name]
    void { ...given, ...given?.headers }
    String(isRequest(input) ? input.url : input)
    return false
  } catch {
    return true
  }
}

/**
 * Whether a signal is one that no request of this host can have: of another make, or no signal at all.
 *
 * @param {unknown} signal
 */
export function isWrongSignal(signal) {
  if (signal === undefined || signal === null || (typeof AbortSignal === 'function' && signal instanceof AbortSignal)) return false
  if (typeof Request !== 'function') return false
  try {
    new Request('http://halfopen.invalid/', { signal: /** @type {any} */ (signal) })
    return false
  } catch {
    return true
  }
}

/**
 * Whether it is a body that some hosts take as a stream, for example one of Node's.
 *
 * @param {any} body
 */
function isIterable(body) {
  return typeof body === 'object' && Symbol.asyncIterator in body
}
