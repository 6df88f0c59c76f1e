// The package's call in plain JavaScript: what a call would cost if Wasm were free. The same checks of the arguments and of the
// promise, the same counts, one pair of promise handlers a generation, refusals without a stack. What it leaves out costs
// nothing on a closed circuit (news, options written later, deadlines of test requests) or exists because of Wasm (the guard
// against a trap). It must not know the package.

const CLOSED = 0
const OPEN = 1
const HALF_OPEN = 2
const REFUSED = -1

const { then } = Promise.prototype

export class PlainBreaker extends EventTarget {
  #failureThreshold
  #recoveryTimeout
  #successThreshold
  #state = CLOSED
  #serial = 1
  #generation = 1
  /** The permit of the one test request in flight, 0 for none. */
  #test = 0
  #openSince = NaN
  #failureCount = 0
  #lastFailureTime = null
  #successCount = 0
  #inFlight = 0
  #successful = 0
  #failed = 0
  #rejected = 0
  #stale = 0
  #cause
  /** The permit that the two handlers settle, 0 for none. */
  #permit = 0
  #onSuccess
  #onFailure

  constructor({ failureThreshold = 5, recoveryTimeout = 60000, successThreshold = 2 } = {}) {
    super()
    this.#failureThreshold = failureThreshold
    this.#recoveryTimeout = recoveryTimeout
    this.#successThreshold = successThreshold
  }

  call(fn, ...args) {
    if (typeof fn !== 'function') return Promise.reject(new TypeError(`Expected \`fn\` to be a function, got ${fn}`))
    let permit
    if (this.#state === CLOSED) {
      this.#inFlight++
      permit = this.#generation
    } else {
      permit = this.#admitUnlessClosed(Date.now())
    }
    if (permit !== this.#permit) {
      if (permit === REFUSED) return Promise.reject(this.#refusal(Date.now()))
      this.#receive(permit)
    }
    const onSuccess = this.#onSuccess
    const onFailure = this.#onFailure
    let result
    try {
      result = fn(...args)
      if (result instanceof Promise && result.constructor === Promise && result.then === then) {
        return result.then(onSuccess, onFailure)
      }
    } catch (error) {
      return Promise.reject(error).catch(onFailure)
    }
    return new Promise((resolve) => resolve(result)).then(onSuccess, onFailure)
  }

  get counts() {
    return {
      inFlight: this.#inFlight,
      successful: this.#successful,
      failed: this.#failed,
      rejected: this.#rejected,
      stale: this.#stale,
    }
  }

  #admitUnlessClosed(now) {
    if (this.#state === OPEN && now - this.#openSince >= this.#recoveryTimeout) this.#enter(HALF_OPEN)
    if (this.#state === OPEN || this.#test !== 0) {
      this.#rejected++
      return REFUSED
    }
    this.#inFlight++
    return (this.#test = ++this.#serial)
  }

  #receive(permit) {
    this.#permit = permit
    this.#onSuccess = (value) => {
      if (this.#belongs(permit)) this.#succeed()
      return value
    }
    this.#onFailure = (error) => {
      if (this.#belongs(permit)) this.#fail(error)
      throw error
    }
  }

  #belongs(permit) {
    this.#inFlight--
    if (permit === (this.#state === CLOSED ? this.#generation : this.#test)) return true
    this.#stale++
    return false
  }

  #succeed() {
    this.#successful++
    if (this.#state === CLOSED) {
      this.#failureCount = 0
      return
    }
    this.#test = 0
    if (++this.#successCount >= this.#successThreshold) {
      this.#failureCount = 0
      this.#lastFailureTime = null
      this.#cause = undefined
      this.#enter(CLOSED)
    }
  }

  #fail(error) {
    this.#failed++
    this.#failureCount++
    this.#lastFailureTime = Date.now()
    if (this.#state === HALF_OPEN || this.#failureCount >= this.#failureThreshold) {
      this.#openSince = this.#lastFailureTime
      this.#cause = error
      this.#enter(OPEN)
    }
  }

  #enter(state) {
    this.#state = state
    this.#generation = ++this.#serial
    this.#test = 0
    this.#successCount = 0
  }

  #refusal(now) {
    const left = this.#state === OPEN ? this.#recoveryTimeout - (now - this.#openSince) : 0
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    const error = new Error(`Circuit open. Retry in ${Math.ceil(left / 1000)}s`, { cause: this.#cause })
    Error.stackTraceLimit = limit
    return error
  }
}
