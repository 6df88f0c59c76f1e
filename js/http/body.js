/**
 * The body of a response whose call lasts until the body was read.
 *
 * Must not know: breakers and requests. It says whether anybody waits for the server, and how the call ended.
 */
import { finalizer, ifAny, weaklyHeld } from '../base/host.js'
import { isDeadline } from '../breaker/signals.js'
import { CANCELLED } from './cancelled.js'
import { Rest } from './rest.js'

/**
 * The call that a body belongs to.
 *
 * @typedef {object} Call
 * @property {(how: Response | typeof CANCELLED) => void} done
 * @property {(error: unknown) => void} fail
 * @property {(waits: boolean) => number} waits Begins the call's time anew, or stops it. Answers how long that is, NaN where there is no limit.
 * @property {(reason: unknown) => void} abort Aborts the request, whether the call is over or not.
 * @property {() => void} end Nothing can be aborted any more.
 * @property {string | undefined} breaker Whose name a timeout bears that comes after the call.
 */

/**
 * A response around the same body that tells what becomes of it.
 *
 * @param {Response} response
 * @param {Call} call
 * @returns {{ ours: Response, reading: Reading | undefined }} The response itself, and no reading, where its body can't be followed.
 */
export function watched(response, call) {
  const original = /** @type {ReadableStream<Uint8Array>} */ (response.body)
  // A stream of bytes takes the memory of its chunks away from whoever made them. Only what comes out of such a stream is its
  // own: other chunks may be views of memory that is in use, for example Node's pool of buffers.
  const type = isByteStream(original) ? BYTES : {}
  const reader = original.getReader()
  const reading = new Reading(reader, response, call)
  const pull = (/** @type {any} */ controller) => reading.pull(controller)
  // In some old Workers nobody can make a stream.
  const body = ifAny(() => new ReadableStream(
    {
      ...type,
      start: (controller) => reading.steer(controller),
      pull,
      cancel: (reason) => reading.cancel(reason)
    },
    { highWaterMark: 0 }
  ))
  const ours = body && responseOf(body, response)
  if (body === undefined || ours === undefined) {
    // Nobody can tell when it was read.
    reader.releaseLock()
    return { ours: response, reading: undefined }
  }
  reading.begin()
  // A body that is dropped unread is as good as cancelled, and its connection is wanted back. Told by what the stream itself holds: in WebKit
  // the object that is the body may be gone while a reader of it goes on.
  dropped?.register(pull, dropOf(reading))
  return { ours, reading }
}

/**
 * Apart, since a function that is made beside `pull` would hold it.
 *
 * @param {Reading} reading
 */
const dropOf = (reading) => () => reading.drop()

/**
 * The reading of one body. It must not keep the body alive that it gives out, but for as long as somebody waits for a piece: else
 * nobody would learn that it was dropped.
 */
class Reading {
  #reader
  #response
  #call
  /** @type {{ deref(): any }} */
  #controller = { deref: () => undefined }
  #rest
  /** Whether the body has ended, in whatever way. */
  #hasEnded = false
  /** Whether the reader has had a piece. */
  #isServed = false
  /** The first piece while it is being read ahead. @type {Promise<ReadableStreamReadResult<Uint8Array>> | undefined} */
  #ahead
  /** The first piece once it is there. @type {ReadableStreamReadResult<Uint8Array> | undefined} */
  #piece

  /**
   * @param {ReadableStreamDefaultReader<Uint8Array>} reader
   * @param {Response} response
   * @param {Call} call
   */
  constructor(reader, response, call) {
    this.#reader = reader
    this.#response = response
    this.#call = call
    this.#rest = new Rest({
      waits: call.waits,
      breaker: call.breaker,
      onUnread: () => call.done(this.#cameTo()),
      onStall: (error) => {
        call.abort(error)
        this.cut(error)
      }
    })
  }

  /** @param {any} controller That of the body that is given out. */
  steer(controller) {
    this.#controller = weaklyHeld(controller)
  }

  /** Reads the first piece ahead: a body that has none is over at once, whether anybody reads it or not. */
  begin() {
    this.#rest.rest(true)
    const ahead = (this.#ahead = this.#reader.read())
    const onError = (/** @type {unknown} */ error) => this.#fail(error)
    ahead.then((next) => {
      // Somebody waits for it already.
      if (this.#ahead !== ahead) return
      this.#ahead = undefined
      if (next.done) return this.#finish()
      this.#piece = next
      this.#rest.piece()
    }, onError)
    // An error comes at once, as from the body itself, and not only when the next piece is asked for.
    this.#reader.closed.catch(onError)
  }

  /**
   * Somebody asks for the next piece.
   *
   * @param {any} controller
   */
  async pull(controller) {
    this.#rest.rest(false)
    let next = this.#piece
    this.#piece = undefined
    if (next === undefined) {
      try {
        const coming = this.#ahead ?? this.#reader.read()
        this.#ahead = undefined
        next = await coming
        // A stream of bytes takes no chunk without any.
        while ('byobRequest' in controller && !next.done && next.value?.byteLength === 0) next = await this.#reader.read()
      } catch (error) {
        return this.#fail(error)
      }
    }
    if (this.#hasEnded) return
    if (next.done) return this.#finish()
    this.#isServed = this.#rest.hasPiece = true
    this.#rest.rest(true)
    controller.enqueue(next.value)
  }

  /**
   * The reader leaves. The server has served whoever had a piece.
   *
   * @param {unknown} [reason]
   */
  cancel(reason) {
    this.#end(() => this.#call.done(this.#isServed ? this.#response : CANCELLED))
    return this.#reader.cancel(reason)
  }

  /** Nobody can read the body any more. That the collector says so early changes nothing of what its lying there would have come to. */
  drop() {
    this.#end(() => this.#call.done(this.#cameTo()))
    this.#reader.cancel().catch(() => {})
  }

  /** What the call comes to where nobody reads. */
  #cameTo() {
    return this.#rest.hasPiece ? this.#response : CANCELLED
  }

  /**
   * The caller aborts. One that has had a piece leaves; else the call has to hear of it, as of each deadline.
   *
   * @param {unknown} reason
   * @returns {boolean} Whether it is dealt with.
   */
  leave(reason) {
    const { isOver } = this.#rest
    if (!isOver && (!this.#isServed || isDeadline(reason))) return false
    if (!isOver) this.#call.done(this.#response)
    this.#call.abort(reason)
    this.cut(reason)
    return true
  }

  /**
   * The call is over before its body is, or nobody waits for the body any more.
   *
   * @param {unknown} reason
   */
  async cut(reason) {
    this.#rest.end()
    // A fetch that heeds its signal has said by now what the reader gets, in its own words.
    await undefined
    this.#fail(reason)
    this.#reader.cancel(reason).catch(() => {})
  }

  #finish() {
    const controller = this.#controller.deref()
    if (!this.#end(() => this.#call.done(this.#response))) return
    controller?.close()
    // Whoever reads into a buffer of their own waits for it.
    controller?.byobRequest?.respond(0)
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.#end(() => this.#call.fail(error))) this.#controller.deref()?.error(error)
  }

  /**
   * @param {() => void} tell Tells the call, unless it is over.
   * @returns {boolean} Whether it had not ended before.
   */
  #end(tell) {
    if (this.#hasEnded) return false
    this.#hasEnded = true
    if (!this.#rest.isOver) tell()
    this.#rest.end()
    this.#piece = undefined
    this.#call.end()
    return true
  }
}

/**
 * A response around a body of ours. Undefined where the host's `Response` takes no stream, or not one of this `ReadableStream`: of two that
 * come from different polyfills, the one would write out the other as a text. So it is where a response does not say what it has.
 *
 * @param {ReadableStream} body
 * @param {Response} response
 */
function responseOf(body, response) {
  // First as whoever made it, for example undici, whose Response is not that of Node.
  for (const Made of [/** @type {typeof Response} */ (response.constructor), Response]) {
    const ours = ifAny(() => new Made(body, response))
    if (ours?.body === body) return ifAny(() => alike(response, ours))
  }
  return undefined
}

/**
 * Gives a response what its constructor can't: where it came from, headers that nobody can change, and what somebody has added to it or
 * put in the place of what it says. Its clones have it too.
 *
 * @param {Response} response
 * @param {Response} ours
 * @param {Headers} headers
 * @returns {Response}
 */
function alike(response, ours, headers = response.headers) {
  const { clone } = ours
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(response))) {
    if (Object.hasOwn(ours, name) || OF_A_BODY.includes(name)) continue
    // Configurable, since some of it is set once more below.
    Object.defineProperty(ours, name, /** @type {any} */ ({ __proto__: null, ...property, configurable: true }))
  }
  const { url, redirected, type } = response
  const members = { url, redirected, type, headers, clone: () => alike(ours, clone.call(ours), ofClone(ours.headers)) }
  for (const [name, value] of Object.entries(members)) {
    // A method can be replaced, what a getter says can't.
    Object.defineProperty(ours, name, /** @type {any} */ ({ __proto__: null, value, configurable: true, writable: name === 'clone' }))
  }
  return ours
}

/** What a response says of its body, and ours of its own. */
const OF_A_BODY = ['body', 'bodyUsed']

/**
 * The headers of a clone: others, unless nobody can change them, which a removal of none tells.
 *
 * @param {Headers} headers
 */
function ofClone(headers) {
  return ifAny(() => (headers.delete('x-halfopen-none'), new /** @type {typeof Headers} */ (headers.constructor)(headers))) ?? headers
}

/**
 * Whether somebody has given a response a reader of its own, such as a `json` of theirs: it reads the body that we would take.
 *
 * @param {any} response
 */
function readsByItself(response) {
  const isReader = (/** @type {PropertyKey} */ name) => name !== 'clone' && name in Response.prototype && typeof response[name] === 'function'
  return ifAny(() => Reflect.ownKeys(response).some(isReader)) ?? true
}

/** Makes a stream one of bytes, as bodies are, where there is such a thing. @type {{ type?: 'bytes' }} */
const BYTES = /* @__PURE__ */ (() => ('ReadableByteStreamController' in globalThis ? { type: 'bytes' } : {}))()

/** @param {ReadableStream} stream */
function isByteStream(stream) {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

/**
 * Whether it can be told when the body of a response was read. Hosts without streams, or with a `fetch` of another make, say nothing of that,
 * and neither does a response with a reader of its own.
 *
 * @param {Response} response
 */
export function canBeWatched(response) {
  return typeof ReadableStream === 'function' && typeof Response === 'function' && isReadable(bodyIn(response)) && !readsByItself(response)
}

/**
 * The body of what some `fetch` gave. None where that is no response, or does not say.
 *
 * @param {any} response
 */
export function bodyIn(response) {
  return ifAny(() => response.body)
}

/**
 * Whether there is a body that a reader can be had of. One that is locked is being read already by whoever made the response.
 *
 * @param {unknown} body
 */
function isReadable(body) {
  const { getReader, locked } = /** @type {Partial<ReadableStream>} */ (body ?? {})
  return typeof getReader === 'function' && !locked
}

/**
 * What a body is that some other `fetch` gives and that is no stream of the web, for example that of node-fetch.
 *
 * @param {any} body
 * @returns {string | undefined} Undefined where it is one, or nothing that has to be waited for.
 */
export function foreignBody(body) {
  if (typeof body !== 'object' || body === null || typeof body.getReader === 'function') return undefined
  if (typeof body.pipe === 'function') return 'a stream of Node'
  return Symbol.asyncIterator in body ? 'an async iterable' : undefined
}

/**
 * Gives up a response that nobody waits for any more, since its call is over: its connection is wanted back.
 *
 * @param {any} response
 */
export function discard(response) {
  // One that can't be given up, or that fails at it, is nobody's business: an error that nobody listens to would end the process.
  ifAny(() => {
    const { body } = response
    if (isReadable(body)) return body.cancel().catch(() => {})
    if (typeof body?.pipe !== 'function') return
    body.on?.('error', () => {})
    body.destroy()
  })
}

/** Tells of objects that are gone. @type {FinalizationRegistry<() => void> | undefined} */
export const dropped = /* @__PURE__ */ finalizer((tell) => tell())
