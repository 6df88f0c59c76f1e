/**
 * The body of a response whose call lasts until the body was read.
 *
 * Must not know: breakers and requests. It says whether anybody waits for the server, and how the call ended.
 */
import { timeoutError } from '../base/errors.js'
import { finalizer, ifAny, weaklyHeld } from '../base/host.js'
import { clearDeadline, setDeadline } from '../breaker/deadlines.js'
import { isDeadline } from '../breaker/signals.js'
import { CANCELLED } from './cancelled.js'

/** @import { Timed } from '../breaker/deadlines.js' */

/** How long a body may lie unread before its call is over, in ms, where the call has no time limit. */
const PATIENCE = 1000

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
  // Of some old Workers it is a class whose objects nobody can make.
  const pull = (/** @type {any} */ controller) => reading.pull(controller)
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
 *
 * @implements {Timed}
 */
class Reading {
  /** @type {Timed | undefined} */
  earlier = undefined
  /** @type {Timed | undefined} */
  later = undefined
  /** @type {Timed['deadline']} */
  deadline = undefined
  /** @type {Timed['scope']} */
  scope = undefined
  began = 0
  #reader
  #response
  #call
  /** @type {{ deref(): any }} */
  #controller = { deref: () => undefined }
  /** Whether the call is over. */
  #isOver = false
  /** Whether the body has ended, in whatever way. */
  #hasEnded = false
  /** Whether the reader has had a piece. */
  #isServed = false
  /** The first piece while it is being read ahead. @type {Promise<ReadableStreamReadResult<Uint8Array>> | undefined} */
  #ahead
  /** The first piece once it is there. @type {ReadableStreamReadResult<Uint8Array> | undefined} */
  #piece
  #timeout = NaN
  /** @type {any} */
  #timer

  /**
   * @param {ReadableStreamDefaultReader<Uint8Array>} reader
   * @param {Response} response
   * @param {Call} call
   */
  constructor(reader, response, call) {
    this.#reader = reader
    this.#response = response
    this.#call = call
  }

  /** @param {any} controller That of the body that is given out. */
  steer(controller) {
    this.#controller = weaklyHeld(controller)
  }

  /** Reads the first piece ahead: a body that has none is over at once, whether anybody reads it or not. */
  begin() {
    this.#timeout = this.#call.waits(false)
    this.#rest()
    const ahead = (this.#ahead = this.#reader.read())
    const onError = (/** @type {unknown} */ error) => this.#fail(error)
    ahead.then((next) => {
      // Somebody waits for it already.
      if (this.#ahead !== ahead) return
      this.#ahead = undefined
      if (next.done) this.#finish()
      else this.#piece = next
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
    this.#clear()
    let next = this.#piece
    this.#piece = undefined
    if (next === undefined) {
      this.#waits(true)
      try {
        const coming = this.#ahead ?? this.#reader.read()
        this.#ahead = undefined
        next = await coming
        // A stream of bytes takes no chunk without any.
        while ('byobRequest' in controller && !next.done && next.value?.byteLength === 0) next = await this.#reader.read()
      } catch (error) {
        return this.#fail(error)
      } finally {
        this.#waits(false)
      }
    }
    if (this.#hasEnded) return
    if (next.done) return this.#finish()
    this.#isServed = true
    controller.enqueue(next.value)
    this.#rest()
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
    return this.#isServed || this.#piece !== undefined ? this.#response : CANCELLED
  }

  /**
   * The caller aborts. One that has had a piece leaves; else the call has to hear of it, as of each deadline.
   *
   * @param {unknown} reason
   * @returns {boolean} Whether it is dealt with.
   */
  leave(reason) {
    if (!this.#isOver && (!this.#isServed || isDeadline(reason))) return false
    if (!this.#isOver) this.#call.done(this.#response)
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
    this.#isOver = true
    // A fetch that heeds its signal has said by now what the reader gets, in its own words.
    await undefined
    this.#fail(reason)
    this.#reader.cancel(reason).catch(() => {})
  }

  /** Nobody knows this limit any more, since its call is over. */
  onTimeout() {
    const error = timeoutError(this.#timeout, this.#call.breaker)
    this.#call.abort(error)
    this.cut(error)
  }

  /** @param {boolean} waits */
  #waits(waits) {
    if (!this.#isOver) this.#call.waits(waits)
    else if (!waits) clearDeadline(this)
    else if (!Number.isNaN(this.#timeout)) setDeadline(this, this.#timeout)
  }

  /** Nobody waits: the call is over when that lasts too long. That keeps no process alive. */
  #rest() {
    if (this.#isOver) return
    // What came while the process was busy is read first.
    const { setImmediate = (/** @type {() => void} */ due) => due() } = /** @type {any} */ (globalThis)
    const due = () => {
      if (this.#timer !== timer || this.#isOver) return
      this.#isOver = true
      this.#call.done(this.#cameTo())
    }
    const timer = setTimeout(() => setImmediate(due), this.#timeout || PATIENCE)
    this.#timer = timer
    this.#timer?.unref?.()
  }

  #clear() {
    clearTimeout(this.#timer)
    this.#timer = undefined
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
    this.#clear()
    clearDeadline(this)
    if (!this.#isOver) tell()
    this.#isOver = true
    this.#piece = undefined
    this.#call.end()
    return true
  }
}

/**
 * A response around a body of ours. Undefined where the host's `Response` takes no stream, or not one of this `ReadableStream`: of two that
 * come from different polyfills, the one would write out the other as a text.
 *
 * @param {ReadableStream} body
 * @param {Response} response
 */
function responseOf(body, response) {
  // First as whoever made it, for example undici, whose Response is not that of Node.
  for (const Made of [/** @type {typeof Response} */ (response.constructor), Response]) {
    const ours = ifAny(() => new Made(body, response))
    if (ours?.body === body) return alike(response, ours)
  }
  return undefined
}

/**
 * Gives a response what its constructor can't: where it came from, headers that nobody can change, and what somebody has added to it. Its
 * clones have it too.
 *
 * @param {Response} response
 * @param {Response} ours
 * @returns {Response}
 */
function alike(response, ours) {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(response))) {
    if (!(name in ours)) Object.defineProperty(ours, name, Object.setPrototypeOf(property, null))
  }
  const { url, redirected, type, headers } = response
  const { clone } = ours
  const members = { url, redirected, type, headers, clone: () => alike(ours, clone.call(ours)) }
  for (const [name, value] of Object.entries(members)) Object.defineProperty(ours, name, /** @type {any} */ ({ __proto__: null, value, configurable: true }))
  return ours
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
 * Whether it can be told when the body of a response was read. Hosts without streams, or with a `fetch` of another make, say nothing of that.
 *
 * @param {Response} response
 */
export function canBeWatched({ body }) {
  return typeof ReadableStream === 'function' && typeof Response === 'function' && isReadable(body)
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
 * @param {Response} response
 */
export function discard(response) {
  const body = /** @type {any} */ (response?.body)
  if (isReadable(body)) body.cancel().catch(() => {})
  else if (typeof body?.pipe === 'function') body.destroy?.()
}

/** Tells of objects that are gone. @type {FinalizationRegistry<() => void> | undefined} */
export const dropped = /* @__PURE__ */ finalizer((tell) => tell())
