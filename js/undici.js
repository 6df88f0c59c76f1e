/**
 * undici through breakers: an interceptor for `Agent.compose`, with the meaning that `guardFetch` gives to everything.
 *
 * Must not know: states and policies, what a response means, or undici itself, whose handlers (`onRequestStart` and so on, undici 7
 * and newer) are all that it sees.
 */
import { CANCELLED, keyOf, readOptions } from './guard.js'

/** @import { CallContext, CircuitBreakerRegistry, ResponseLike } from './index.js' */
/** @import { GuardOptions } from './guard.js' */

/** @typedef {(options: any, handler: any) => boolean} Dispatch */

/** @typedef {GuardOptions<GuardedDispatch>} GuardDispatchOptions */

/** @type {any} */
const { Buffer } = globalThis

/** Errors of undici that are about what the caller did: malformed requests, and pools that it closed. */
const NOBODYS_FAULT = [
  'UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_ABORTED', 'UND_ERR_DESTROYED', 'UND_ERR_CLOSED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'
]

/** Which breaker requests go through that name no origin, since a pool has but one. */
const NO_ORIGIN = 'upstream'

/**
 * An interceptor that asks a breaker before each request.
 *
 * Interceptors that come after it in `compose` are around it: a `retry` there has each attempt count.
 *
 * @param {GuardDispatchOptions} [options] As those of `guardFetch`, without `fetch`. `failOn` gets `{ status, headers }`.
 * @returns {((dispatch: Dispatch) => Dispatch) & { readonly registry: CircuitBreakerRegistry<string> }}
 * @throws {TypeError | RangeError} `ERR_INVALID_OPTION` when an option is unknown or wrong.
 *
 * @example
 * const agent = new Agent().compose(guardDispatch({ failureThreshold: 3, timeout: 2000 }))
 * const { statusCode, body } = await request('https://api.example.com/users', { dispatcher: agent })
 */
export function guardDispatch(options = {}) {
  const { key, settleOn, registry } = readOptions(options, {
    isNobodysFault: (error) => NOBODYS_FAULT.includes(/** @type {any} */ (error)?.code),
    isAnswered: (request) => request.isAnswered
  })
  /** @type {(dispatch: Dispatch) => Dispatch} */
  const interceptor = (dispatch) => (dispatched, handler) => {
    // A handler of undici 6 or older. undici 7 translates those before they come here; undici 8 says that it takes none.
    if (typeof handler?.onRequestStart !== 'function') return dispatch(dispatched, handler)
    const request = new GuardedDispatch(dispatched)
    const breaker = registry.get(key === undefined ? originOf(dispatched.origin) : keyOf(key, request))
    const exchange = new Exchange(handler, request, settleOn === 'body')
    const sent = request.prepare()
    let hasRoom = true
    const send = (/** @type {GuardedDispatch} */ _, /** @type {CallContext | undefined} */ context) =>
      new Promise((resolve, reject) => {
        exchange.begin(resolve, reject)
        context?.signal.addEventListener('abort', () => exchange.giveUp(context.signal.reason))
        hasRoom = dispatch(sent, exchange)
      })
    const ended = breaker
      .call(send, request)
      .then((/** @type {unknown} */ value) => (value === CANCELLED || value instanceof Head ? undefined : exchange.answer(/** @type {Response} */ (value))))
      .catch((/** @type {unknown} */ error) => exchange.fail(error))
    if (request.upload !== undefined) ended.finally(() => request.upload?.release())
    return hasRoom
  }
  return Object.defineProperty(/** @type {any} */ (interceptor), 'registry', { value: registry, enumerable: true })
}

/** A request as `key` and `fallback` see it. */
class GuardedDispatch {
  /**
   * Whether the caller has its response.
   *
   * @internal
   */
  isAnswered = false

  /**
   * The body, if there is one that can fail.
   *
   * @internal
   * @type {Upload | undefined}
   */
  upload

  /** @param {any} options What was given to `dispatch`. */
  constructor(options) {
    /** What was given to undici. */
    this.options = options
  }

  /**
   * Watches the body, and gives what undici is to send.
   *
   * @internal
   */
  prepare() {
    const { body } = this.options
    if (typeof body !== 'object' || body === null) return this.options
    this.upload = new Upload(body)
    return this.upload.body === body ? this.options : { ...this.options, body: this.upload.body }
  }

  /**
   * Whether it was the caller who ended the request, or who asked for what can't be sent.
   *
   * undici 8 aborts what waits for a connection without a word to the controller. Of signals that are event emitters only the reason says
   * whether they aborted, if they have one; for those without, undici's own error does.
   *
   * @internal
   * @param {unknown} error What it ended with.
   * @returns {boolean}
   */
  isOfCaller(error) {
    const { signal, path, query } = this.options
    if (signal?.aborted === true || (signal?.reason !== undefined && signal.reason === error)) return true
    // undici says with a plain error that it can't put a query behind another.
    return this.upload?.brokeOffWith(error) === true || (Boolean(query) && /[?#]/.test(path))
  }

  /** @returns {string} */
  get method() {
    return this.options.method ?? 'GET'
  }

  /** The URL with its query; of a request that names no origin, that of `http://upstream`. */
  get url() {
    const { origin, path = '/', query } = this.options
    const base = new URL(origin ?? `http://${NO_ORIGIN}`)
    const text = query ? stringify(query) : ''
    const target = text === '' ? path : `${path}?${text}`
    // A path that starts with two slashes is one, and no other host.
    return target[0] === '/' ? new URL(base.origin + target) : new URL(target, base)
  }
}

/** Codes of errors that a connection may have. */
const OF_CONNECTIONS = /^(UND_ERR_|ERR_HTTP2_|ERR_SSL_|ERR_TLS_|ERR_STREAM_PREMATURE_CLOSE$|ECONN|ENET|EHOST|EPIPE$|ETIMEDOUT$)/

/**
 * The body of a request, which can fail by itself: undici ends the request with the body's own error then.
 *
 * undici also destroys streams, with the server's error, and over HTTP/2 that is the first to be heard of it. So what may be an error of a
 * connection is taken for that of the server's, where a stream has it.
 */
class Upload {
  #given
  /** @type {{ error: unknown } | undefined} */
  #failure
  #note = (/** @type {unknown} */ error) => {
    this.#failure ??= { error }
  }
  #noteOfStream = (/** @type {any} */ error) => {
    if (!OF_CONNECTIONS.test(error?.code)) this.#note(error)
  }

  /** @param {any} given */
  constructor(given) {
    this.#given = given
    /** What undici gets: a stream is the same. */
    this.body = given
    if (isStream(given)) given.on('error', this.#noteOfStream)
    else if (Symbol.asyncIterator in given || typeof given.next === 'function') this.body = noting(given, this.#note)
  }

  /** @param {unknown} error */
  brokeOffWith(error) {
    return this.#failure !== undefined && this.#failure.error === error
  }

  /** Ends it where nobody reads it: the response is there without. */
  drop() {
    // What a server received can't be destroyed without its connection, on which it has yet to answer: Node reads on.
    if (isStream(this.#given)) isReceived(this.#given) ? this.#given.resume() : this.#given.destroy?.()
    else if (typeof this.#given.cancel === 'function') this.#given.cancel().catch(() => {})
  }

  /** Lets go of the caller's stream. */
  release() {
    if (isStream(this.#given)) this.#given.off('error', this.#noteOfStream)
  }
}

/** @param {any} body */
function isStream(body) {
  return typeof body.pipe === 'function' && typeof body.on === 'function'
}

/**
 * Whether a stream is a request of `node:http` or `node:http2` at its server.
 *
 * @param {any} stream
 */
function isReceived(stream) {
  return 'httpVersion' in stream && typeof stream.method === 'string'
}

/**
 * The same chunks, telling an error among them.
 *
 * @param {AsyncIterable<unknown> | Iterable<unknown>} chunks
 * @param {(error: unknown) => void} note
 */
function noting(chunks, note) {
  return {
    async *[Symbol.asyncIterator]() {
      try {
        yield* chunks
      } catch (error) {
        note(error)
        throw error
      }
    }
  }
}

/** The head of a response, as far as it is judged. @implements {ResponseLike} */
class Head {
  /**
   * @param {number} status
   * @param {Record<string, string | string[] | undefined>} fields Lower case, as undici has them.
   */
  constructor(status, fields) {
    this.status = status
    this.headers = { get: (/** @type {string} */ name) => fields[name.toLowerCase()]?.toString() ?? null }
  }
}

/** What the caller's handler steers the request with. What it aborts, nobody is to blame for. */
class Controller {
  /** undici's own, if there is one. @type {any} */
  #real
  /** Where undici has none. @type {Uint8Array[] | null} */
  #rawHeaders = null
  #aborted = false
  /** @type {unknown} */
  #reason = null

  /**
   * Has it steer nothing any more: the response does not come from undici.
   *
   * @param {Uint8Array[]} rawHeaders
   */
  detach(rawHeaders) {
    this.#real = undefined
    this.#rawHeaders = rawHeaders
  }

  /** @param {any} real */
  attach(real) {
    this.#real = real
  }

  /** @param {unknown} reason */
  abort(reason) {
    this.#aborted = true
    this.#reason = reason
    this.#real?.abort(reason)
  }

  pause() {
    this.#real?.pause()
  }

  resume() {
    this.#real?.resume()
  }

  get paused() {
    return this.#real?.paused ?? false
  }

  get aborted() {
    return this.#aborted || (this.#real?.aborted ?? false)
  }

  get reason() {
    return this.#aborted ? this.#reason : (this.#real?.reason ?? null)
  }

  get rawHeaders() {
    return this.#real === undefined ? this.#rawHeaders : (this.#real.rawHeaders ?? null)
  }

  // Interceptors of undici's own replace them, that which decompresses for one.
  set rawHeaders(value) {
    if (this.#real === undefined) this.#rawHeaders = value
    else this.#real.rawHeaders = value
  }

  get rawTrailers() {
    return this.#real?.rawTrailers ?? null
  }

  set rawTrailers(value) {
    if (this.#real !== undefined) this.#real.rawTrailers = value
  }

  /** Whether it was the caller who aborted. */
  get isCancelled() {
    return this.#aborted
  }
}

/** One request and its response: hands on what undici tells, and says when the call is over. */
class Exchange {
  #handler
  #request
  #isUntilBody
  #controller = new Controller()
  /** @type {any} */
  #real
  #isStarted = false
  /** Whether the handler was told the end. */
  #isOver = false
  /** @type {{ reason: unknown } | undefined} */
  #givenUp
  /** @type {Head | undefined} */
  #head
  /** @type {(value: unknown) => void} */
  #resolve = () => {}
  /** @type {(error: unknown) => void} */
  #reject = () => {}

  /**
   * @param {any} handler
   * @param {GuardedDispatch} request
   * @param {boolean} isUntilBody
   */
  constructor(handler, request, isUntilBody) {
    this.#handler = handler
    this.#request = request
    this.#isUntilBody = isUntilBody
  }

  /**
   * @param {(value: unknown) => void} resolve
   * @param {(error: unknown) => void} reject
   */
  begin(resolve, reject) {
    this.#resolve = resolve
    this.#reject = reject
  }

  /**
   * The call is over before its response is: it took too long.
   *
   * @param {unknown} reason
   */
  giveUp(reason) {
    this.#givenUp = { reason }
    this.#real?.abort(reason)
  }

  /**
   * Tells the handler an error, unless it was told the end.
   *
   * @param {unknown} error
   */
  fail(error) {
    if (this.#isOver) return
    this.#isOver = true
    this.#handler.onResponseError?.(this.#controller, error)
  }

  /**
   * Answers with a response that did not come from undici.
   *
   * @param {Response} response
   */
  async answer(response) {
    const body = Buffer.from(await response.arrayBuffer())
    if (this.#isOver) return
    const fields = fieldsOf(response)
    this.#request.upload?.drop()
    this.#controller.detach(rawOf(fields))
    if (!this.#isStarted) this.#handler.onRequestStart?.(this.#controller, {})
    if (this.#controller.isCancelled) return this.fail(this.#controller.reason)
    this.#tell('onResponseStart', response.status, fields, response.statusText)
    if (body.length > 0) this.#tell('onResponseData', body)
    this.#tell('onResponseEnd', {})
    this.#isOver = true
  }

  /**
   * Hands something on. A handler that throws wants the request aborted: undici does that, and tells it as an error. The server
   * is not to blame.
   *
   * @param {string} method
   * @param {...unknown} args
   */
  #tell(method, ...args) {
    try {
      this.#handler[method]?.(this.#controller, ...args)
    } catch (error) {
      this.#resolve(CANCELLED)
      throw error
    }
  }

  /**
   * @param {any} real
   * @param {unknown} context
   */
  onRequestStart(real, context) {
    this.#real = real
    // It waited for a connection until nobody wanted it any more.
    if (this.#givenUp !== undefined) return real.abort(this.#givenUp.reason)
    this.#isStarted = true
    this.#controller.attach(real)
    this.#handler.onRequestStart?.(this.#controller, context)
  }

  onResponseStarted() {
    return this.#handler.onResponseStarted?.()
  }

  /**
   * @param {any} _
   * @param {number} status
   * @param {any} fields
   * @param {unknown} socket
   */
  onRequestUpgrade(_, status, fields, socket) {
    if (this.#isOver) return
    this.#request.isAnswered = true
    this.#resolve(new Head(status, fields))
    this.#tell('onRequestUpgrade', status, fields, socket)
    this.#isOver = true
  }

  /**
   * @param {any} _
   * @param {number} status
   * @param {any} fields
   * @param {string} [text]
   */
  onResponseStart(_, status, fields, text) {
    if (this.#isOver || this.#givenUp !== undefined) return
    // Below 200 the response is still to come.
    if (status >= 200) {
      this.#request.isAnswered = true
      this.#head = new Head(status, fields)
      if (!this.#isUntilBody || status >= 300) this.#resolve(this.#head)
    }
    this.#tell('onResponseStart', status, fields, text)
  }

  /**
   * @param {any} _
   * @param {unknown} chunk
   */
  onResponseData(_, chunk) {
    if (!this.#isOver) this.#tell('onResponseData', chunk)
  }

  /**
   * @param {any} _
   * @param {unknown} trailers
   */
  onResponseEnd(_, trailers) {
    if (this.#isOver) return
    this.#resolve(this.#head)
    this.#tell('onResponseEnd', trailers)
    this.#isOver = true
  }

  /**
   * @param {any} _
   * @param {unknown} error
   */
  onResponseError(_, error) {
    const isOfCaller = this.#controller.isCancelled || this.#request.isOfCaller(error)
    if (isOfCaller) this.#resolve(CANCELLED)
    else this.#reject(error)
    // Before there is a response the call's own end tells the handler, since a fallback may answer.
    if (isOfCaller || this.#request.isAnswered) this.fail(error)
  }
}

/** Fields about the bytes of a body on the wire. What a `Response` gives is decoded, whatever they say. */
const OF_THE_WIRE = ['content-encoding', 'content-length', 'transfer-encoding']

/**
 * The fields of a response as undici has them: those that come more than once, as cookies do, in an array.
 *
 * @param {Response} response
 * @returns {Record<string, string | string[]>}
 */
function fieldsOf({ headers }) {
  /** @type {Record<string, string | string[]>} */
  const fields = Object.fromEntries([...headers].filter(([name]) => !OF_THE_WIRE.includes(name)))
  const cookies = headers.getSetCookie()
  if (cookies.length > 1) fields['set-cookie'] = cookies
  return fields
}

/**
 * Fields as undici reads them off the wire, which its `fetch` goes by since version 8.
 *
 * @param {Record<string, string | string[]>} fields
 * @returns {Uint8Array[]}
 */
function rawOf(fields) {
  const lines = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
  return lines.flat().map((text) => Buffer.from(text, 'latin1'))
}

/**
 * A query as undici writes it, which uses `node:querystring`: a name for each value of an array, nothing for what is no primitive.
 *
 * @param {Record<string, unknown>} query
 */
function stringify(query) {
  const text = (/** @type {any} */ value) => {
    const isText = typeof value === 'number' ? Number.isFinite(value) : ['string', 'bigint', 'boolean'].includes(typeof value)
    return isText ? encodeURIComponent(value) : ''
  }
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => `${text(name)}=${text(one)}`))
  return pairs.join('&')
}

/** The origin parsed last, which is mostly the one that is asked for again. */
let [latest, latestOrigin] = ['', '']

/**
 * @param {string | URL | undefined} origin
 * @returns {string}
 */
function originOf(origin) {
  if (origin === undefined || origin === null) return NO_ORIGIN
  if (typeof origin !== 'string') return origin.origin
  if (origin !== latest) [latest, latestOrigin] = [origin, URL.canParse(origin) ? new URL(origin).origin : origin]
  return latestOrigin
}
