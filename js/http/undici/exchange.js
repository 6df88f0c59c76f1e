/**
 * One request to undici and its response: what undici tells is handed on, and the call learns how it ended.
 *
 * Must not know: breakers, and who answers where undici does not.
 *
 * The call ends before the handler is told of it, in the same tick: a handler that makes its next request at once finds the place of this one
 * free, and undici destroys the body of a request as soon as it has told an error.
 */
import { ENDED } from '../../breaker/pending.js'
import { isDeadline } from '../../breaker/signals.js'
import { discard } from '../body.js'
import { CANCELLED } from '../cancelled.js'
import { Rest } from '../rest.js'
import { Answer } from './answer.js'
import { Controller } from './controller.js'

/** @import { CallContext, ResponseLike } from '../../base/types.js' */
/** @import { LentCall } from '../../breaker/context.js' */
/** @import { Steered } from './controller.js' */
/** @import { GuardedDispatch } from './request.js' */

/** By this the breaker lends a guard the call, to end it at once and to say whether anybody waits for the server. */
const CALL = /* @__PURE__ */ Symbol.for('halfopen.call')

/** What undici tells a handler only where it has a method for it. */
const OPTIONAL = ['onBodySent', 'onRequestSent']

/** Responses without a body, apart from those to HEAD. */
const EMPTY = [204, 205]

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

/**
 * One request and its response: hands on what undici tells, and says when the call is over.
 *
 * @implements {Steered}
 */
export class Exchange {
  #handler
  #request
  #breaker
  #isUntilBody
  #controller = new Controller(this)
  /** The call, once it began and until it was ended here. @type {LentCall | undefined} */
  #call
  /** @type {(value: unknown) => void} */
  #resolve = () => {}
  /** @type {(error: unknown) => void} */
  #reject = () => {}
  #isBegun = false
  /** Whether a fallback answers in the place of what ended the call. */
  #fallsBack = false
  /** @type {any} */
  #real
  /** Methods that are hidden from undici's checks, since the handler does not have them. @type {string[] | undefined} */
  #hidden
  #isStarted = false
  /** Whether undici told its end. What it still tells then is of no response of ours. */
  #isDone = false
  /** Whether the handler was told the end. */
  #isOver = false
  /** Whether something else answers: what happens to the request is none of the handler's any more. */
  #isReplaced = false
  /** Whether the handler gets a controller with an error. Of a request that never began, undici gives none. */
  #isSteered = true
  /** @type {{ reason: unknown } | undefined} */
  #givenUp
  /** Whether the call is over and undici is yet to say so. */
  #isLeftToUndici = false
  /** @type {Head | undefined} */
  #head
  /** Where the call lasts until the body is over. @type {Rest | undefined} */
  #rest

  /**
   * @param {any} handler
   * @param {GuardedDispatch} request
   * @param {string | undefined} breaker Whose name a timeout bears.
   * @param {boolean} isUntilBody
   */
  constructor(handler, request, breaker, isUntilBody) {
    this.#handler = handler
    this.#request = request
    this.#breaker = breaker
    this.#isUntilBody = isUntilBody
    for (const name of OPTIONAL) if (handler[name] !== undefined) this.#add(name, handler[name])
  }

  /**
   * Has a method that is not there for other handlers.
   *
   * @param {string} name
   * @param {unknown} method The handler's.
   */
  #add(name, method) {
    const tell = (/** @type {unknown[]} */ ...args) => (this.#isReplaced ? undefined : this.#tell(name, ...args))
    // What is no method undici refuses.
    ;/** @type {any} */ (this)[name] = typeof method === 'function' ? tell : method
  }

  /**
   * Sends the request. What undici finds wrong with the handler it finds before this is over: until then, methods that the handler lacks
   * are lacking here too.
   *
   * @param {(options: any, handler: any) => boolean} dispatch
   * @param {any} options
   * @returns {boolean} Whether there is room for more requests.
   */
  send(dispatch, options) {
    const handler = this.#handler
    for (const name of this.#request.needs) {
      if (typeof handler[name] === 'function') continue
      ;/** @type {any} */ (this)[name] = handler[name]
      ;(this.#hidden ??= []).push(name)
    }
    try {
      return dispatch(options, this)
    } finally {
      this.#unhide()
    }
  }

  #unhide() {
    if (this.#hidden === undefined) return
    for (const name of this.#hidden) delete (/** @type {any} */ (this)[name])
    this.#hidden = undefined
  }

  /**
   * @param {CallContext} context
   * @param {(value: unknown) => void} resolve
   * @param {(error: unknown) => void} reject
   */
  begin(context, resolve, reject) {
    this.#isBegun = true
    this.#call = /** @type {any} */ (context)[CALL]
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
    if (this.#real !== undefined) this.#real.abort(reason)
    else if (!this.#settle(ENDED.timeout, reason)) this.fail(reason)
  }

  /**
   * The call ended with an error. Where the caller's own signal ended it, undici tells the handler, in its own words; but not where a fallback
   * was asked for a request that took too long and still waits for a connection, which undici may tell much later.
   *
   * @param {unknown} error
   */
  end(error) {
    const isAborted = this.#isBegun && this.#request.signal?.aborted === true
    if (isAborted && !this.#isDone && this.#givenUp === undefined) this.#isLeftToUndici = true
    else this.fail(error)
  }

  /**
   * undici threw instead of telling its handler.
   *
   * @param {unknown} error
   * @returns {boolean} Whether the caller is to be thrown it: no fallback answers.
   */
  refuse(error) {
    const isFinal = !this.#settle(ENDED.error, error)
    this.#isDone = true
    if (isFinal) this.#isOver = true
    return isFinal
  }

  /**
   * Tells the handler an error, unless it was told the end.
   *
   * @param {unknown} error
   */
  fail(error) {
    if (this.#isOver) return
    this.#isOver = true
    this.#handler.onResponseError?.(this.#isSteered ? this.#controller : null, error)
  }

  /** @param {boolean} isPaused */
  onPause(isPaused) {
    this.#rest?.rest(isPaused)
  }

  /**
   * The handler aborted. Once undici told its end, a fallback is asked or answers, and nobody else tells the handler so.
   *
   * @param {unknown} reason
   */
  onAbort(reason) {
    if (!this.#isDone || !this.#controller.isCancelled) return
    // What undici says where the caller gives no reason.
    this.fail(reason ?? Object.assign(new Error('Request aborted'), { name: 'AbortError', code: 'UND_ERR_ABORTED' }))
  }

  /**
   * Answers with a response that did not come from undici.
   *
   * @param {any} response
   */
  async answer(response) {
    /** @type {Answer | undefined} */
    let answer
    try {
      answer = new Answer(response, this.#request.method !== 'HEAD')
      // Nobody waits for it.
      if (this.#isOver) return answer.cancel(this.#controller.reason)
      this.#request.upload?.drop()
      this.#controller.attach(answer)
      this.#isReplaced = this.#isDone = this.#isSteered = true
      if (!this.#isStarted) this.#handler.onRequestStart?.(this.#controller, {})
      // Aborted before: undici would say so now.
      if (this.#controller.isCancelled) this.#controller.abort(this.#controller.reason)
      if (answer.aborted) return
      this.#handler.onResponseStart?.(this.#controller, response.status, answer.fields, response.statusText ?? '')
      for await (const piece of answer.pieces()) this.#handler.onResponseData?.(this.#controller, piece)
      if (answer.aborted) return
      this.#finish()
    } catch (error) {
      if (answer === undefined) discard(response)
      else answer.cancel(error)
      this.fail(error)
    }
  }

  /** Tells the end of an answer. As with undici, an abort in there is told no more, and what the handler throws is. */
  #finish() {
    try {
      this.#isOver = true
      this.#handler.onResponseEnd?.(this.#controller, {})
    } catch (error) {
      this.#isOver = false
      throw error
    }
  }

  /**
   * Ends the call, if it is not over.
   *
   * @param {number} how
   * @param {unknown} payload
   * @returns {boolean} Whether the fallback answers in the place of what ended it.
   */
  #settle(how, payload) {
    const call = this.#call
    if (call === undefined) return this.#fallsBack
    this.#call = undefined
    try {
      this.#fallsBack = call.settle(how, payload) === true
    } catch {
      // The call stack is at its end. The promise settles it.
    }
    if (how === ENDED.error || how === ENDED.timeout) this.#reject(payload)
    else this.#resolve(how === ENDED.value ? payload : CANCELLED)
    return this.#fallsBack
  }

  /** The server did all that it had to. */
  #succeed() {
    this.#rest?.end()
    // An interceptor inside may tell an end without a head.
    this.#settle(ENDED.value, this.#head ?? new Head(200, {}))
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
      this.#settle(ENDED.abort, error)
      throw error
    }
  }

  /**
   * Takes the controller that undici tells with. An interceptor inside, for example one that retries, may come with another each time.
   *
   * @param {any} real
   */
  #attach(real) {
    if (!real || real === this.#real) return
    this.#real = real
    this.#controller.attach(real)
  }

  /**
   * @param {any} real
   * @param {unknown} context
   */
  onRequestStart(real, context) {
    this.#unhide()
    // The caller gave up, or a fallback answered, while the request waited for a connection.
    if (this.#givenUp !== undefined || this.#isDone) return real.abort(this.#givenUp?.reason)
    this.#attach(real)
    const answer = this.#tell('onRequestStart', this.#controller, context)
    this.#isStarted = true
    return answer
  }

  onResponseStarted() {
    if (!this.#isDone) return this.#tell('onResponseStarted')
  }

  /**
   * @param {any} real
   * @param {number} status
   * @param {any} fields
   * @param {unknown} socket
   */
  onRequestUpgrade(real, status, fields, socket) {
    if (this.#isDone) return
    this.#attach(real)
    this.#request.isAnswered = true
    this.#settle(ENDED.value, new Head(status, fields))
    const answer = this.#tell('onRequestUpgrade', this.#controller, status, fields, socket)
    this.#isOver = this.#isDone = true
    return answer
  }

  /**
   * @param {any} real
   * @param {number} status
   * @param {any} fields
   * @param {string} [text]
   */
  onResponseStart(real, status, fields, text) {
    if (this.#isDone || this.#givenUp !== undefined) return
    this.#attach(real)
    // Below 200 the response is still to come.
    if (status < 200) return this.#tell('onResponseStart', this.#controller, status, fields, text)
    this.#request.isAnswered = true
    const head = (this.#head = new Head(status, fields))
    const isEmpty = this.#request.method === 'HEAD' || EMPTY.includes(status) || head.headers.get('content-length') === '0'
    if (this.#isUntilBody && status < 300 && !isEmpty && this.#call !== undefined) this.#rest = this.#follow()
    else this.#succeed()
    const answer = this.#tell('onResponseStart', this.#controller, status, fields, text)
    // It may have paused before.
    this.#rest?.rest(this.#controller.paused)
    return answer
  }

  /** Begins to follow how the body is read. */
  #follow() {
    const call = /** @type {LentCall} */ (this.#call)
    return new Rest({
      waits: (waits) => call.waits(waits),
      breaker: this.#breaker,
      onUnread: () => this.#leave(),
      onStall: (error) => this.giveUp(error)
    })
  }

  /** The reader left. What the server had to do by then it did, if there was a piece of it. */
  #leave() {
    if (this.#rest?.hasPiece) this.#settle(ENDED.value, this.#head)
    else this.#settle(ENDED.abort, undefined)
  }

  /**
   * @param {any} real
   * @param {unknown} chunk
   */
  onResponseData(real, chunk) {
    if (this.#isDone || this.#givenUp !== undefined) return
    this.#attach(real)
    this.#rest?.piece()
    return this.#tell('onResponseData', this.#controller, chunk)
  }

  /**
   * @param {any} real
   * @param {unknown} trailers
   */
  onResponseEnd(real, trailers) {
    if (this.#isDone) return
    this.#attach(real)
    this.#succeed()
    const answer = this.#tell('onResponseEnd', this.#controller, trailers)
    this.#isOver = this.#isDone = true
    return answer
  }

  /**
   * @param {any} real None where the request never began.
   * @param {unknown} error
   */
  onResponseError(real, error) {
    if (this.#isDone) return
    this.#isDone = true
    this.#rest?.end()
    this.#isSteered = Boolean(real)
    this.#attach(real)
    const fallsBack = this.#settleFailed(error)
    // Where a fallback answers, its answer tells the handler, unless that has aborted by itself.
    if (!fallsBack || this.#request.isAnswered || this.#isLeftToUndici || this.#controller.isCancelled) this.fail(error)
  }

  /**
   * Ends the call by what undici told as an error.
   *
   * @param {unknown} error
   */
  #settleFailed(error) {
    if (this.#request.isOfCaller(error)) return this.#settle(ENDED.abort, error)
    // The signal first: a body that undici destroys for it tells its controller no reason.
    const aborted = this.#request.abortedWith(error) ?? (this.#controller.isCancelled ? this.#controller : undefined)
    if (aborted === undefined) return this.#settle(ENDED.error, error)
    const { reason } = aborted
    // A deadline that passed while nobody waited for the server is none of its failures.
    if (isDeadline(reason) && this.#rest?.isResting !== true) {
      // undici's handlers heed the caller's signal by themselves. One that would not even begin, or that aborted of its own accord, waits for no answer.
      if (this.#isStarted && aborted !== this.#controller) this.#controller.forgive()
      return this.#settle(ENDED.timeout, reason)
    }
    if (this.#rest !== undefined) return this.#leave()
    return this.#settle(ENDED.abort, error)
  }
}
