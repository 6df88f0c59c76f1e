/**
 * One request to undici and its response: what undici tells is handed on, and the call learns how it ended.
 *
 * Must not know: breakers, and who answers where undici does not.
 */
import { isDeadline } from '../../breaker/signals.js'
import { CANCELLED } from '../cancelled.js'
import { Controller } from './controller.js'

/** @import { ResponseLike } from '../../base/types.js' */
/** @import { GuardedDispatch } from './request.js' */

/** The head of a response, as far as it is judged. @implements {ResponseLike} */
export class Head {
  /**
   * @param {number} status
   * @param {Record<string, string | string[] | undefined>} fields Lower case, as undici has them.
   */
  constructor(status, fields) {
    this.status = status
    this.headers = {
      get(/** @type {string} */ name) {
        const own = name.toLowerCase()
        return Object.hasOwn(Object(fields), own) ? (fields[own]?.toString() ?? null) : null
      }
    }
  }
}

/** One request and its response: hands on what undici tells, and says when the call is over. */
export class Exchange {
  #handler
  #request
  #isUntilBody
  #controller = new Controller()
  /** @type {any} */
  #real
  #isBegun = false
  #isStarted = false
  /** Whether the handler was told the end. */
  #isOver = false
  /** @type {{ reason: unknown } | undefined} */
  #givenUp
  /** What undici told as an error. @type {{ error: unknown } | undefined} */
  #failure
  /** Whether the call is over and undici is yet to say so. */
  #isLeftToUndici = false
  /** Whether the handler threw. */
  #hasThrown = false
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
    this.#isBegun = true
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
   * The call is over, with an error. Where the caller's own signal ended it, undici tells the handler, in its own words.
   *
   * @param {unknown} error
   */
  end(error) {
    const isAborted = this.#isBegun && this.#request.signal?.aborted === true
    if (isAborted && this.#failure === undefined) this.#isLeftToUndici = true
    else this.fail(isAborted ? this.#failure?.error : error)
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
    const body = /** @type {any} */ (globalThis).Buffer.from(await response.arrayBuffer())
    if (this.#isOver) return
    const fields = fieldsOf(response)
    this.#request.upload?.drop()
    this.#controller.detach(rawOf(fields))
    if (!this.#isStarted) this.#handler.onRequestStart?.(this.#controller, {})
    if (this.#controller.isCancelled) return this.fail(this.#controller.reason)
    this.#tell('onResponseStart', this.#controller, response.status, fields, response.statusText)
    if (body.length > 0) this.#tell('onResponseData', this.#controller, body)
    this.#tell('onResponseEnd', this.#controller, {})
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
      return this.#handler[method]?.(...args)
    } catch (error) {
      this.#hasThrown = true
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
    // The caller gave up while the request waited for a connection.
    if (this.#givenUp !== undefined) return real.abort(this.#givenUp.reason)
    this.#isStarted = true
    this.#controller.attach(real)
    this.#tell('onRequestStart', this.#controller, context)
  }

  onResponseStarted() {
    return this.#tell('onResponseStarted')
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
    this.#tell('onRequestUpgrade', this.#controller, status, fields, socket)
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
    this.#tell('onResponseStart', this.#controller, status, fields, text)
  }

  /**
   * @param {any} _
   * @param {unknown} chunk
   */
  onResponseData(_, chunk) {
    if (!this.#isOver) this.#tell('onResponseData', this.#controller, chunk)
  }

  /**
   * @param {any} _
   * @param {unknown} trailers
   */
  onResponseEnd(_, trailers) {
    if (this.#isOver) return
    this.#resolve(this.#head)
    this.#tell('onResponseEnd', this.#controller, trailers)
    this.#isOver = true
  }

  /**
   * @param {any} _
   * @param {unknown} error
   */
  onResponseError(_, error) {
    const aborted = this.#controller.isCancelled ? this.#controller : this.#request.abortedWith(error)
    const isOfCaller = this.#hasThrown || this.#request.isOfCaller(error) || (aborted !== undefined && !isDeadline(aborted.reason))
    this.#failure = { error }
    if (isOfCaller) this.#resolve(CANCELLED)
    else this.#reject(error)
    // Before there is a response the call's own end tells the handler, since a fallback may answer.
    if (isOfCaller || this.#request.isAnswered || this.#isLeftToUndici) this.fail(error)
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
  return lines.flat().map((text) => /** @type {any} */ (globalThis).Buffer.from(text, 'latin1'))
}
