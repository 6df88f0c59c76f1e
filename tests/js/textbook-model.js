// The documents' class in plain JavaScript, with the one improvement that shows when calls come one after another: a circuit opened
// by hand stays open for the whole recovery time. It must not know halfopen: it is what halfopen is compared with.

export class TextbookOpenError extends Error {
  name = 'CircuitOpenError'
}

export class TextbookBreaker {
  state = 'closed'
  failureCount = 0
  successCount = 0
  lastFailureTime = null
  /** What the documents' class would have logged. */
  stateChanges = []
  totals = { totalCalls: 0, successful: 0, failed: 0, rejected: 0 }
  /** The last failure, or the moment of `trip()` by hand. */
  #since = null
  #now

  constructor({ failureThreshold = 5, recoveryTimeout = 60000, successThreshold = 2, now }) {
    this.failureThreshold = failureThreshold
    this.recoveryTimeout = recoveryTimeout
    this.successThreshold = successThreshold
    this.#now = now
  }

  async call(fn) {
    this.totals.totalCalls++
    this.checkState()
    if (this.state === 'open') {
      this.totals.rejected++
      const ms = this.recoveryTimeout - (this.#now() - this.#since)
      throw new TextbookOpenError(`Circuit open. Retry in ${Math.ceil(ms / 1000)}s`)
    }
    let result
    try {
      result = await fn()
    } catch (error) {
      this.totals.failed++
      this.recordFailure()
      throw error
    }
    this.totals.successful++
    this.recordSuccess()
    return result
  }

  checkState() {
    if (this.state === 'open' && this.#now() - this.#since >= this.recoveryTimeout) this.#become('half_open')
    return this.state
  }

  recordSuccess() {
    if (this.state === 'half_open') {
      this.successCount++
      if (this.successCount >= this.successThreshold) this.reset()
    } else {
      this.failureCount = 0
    }
  }

  recordFailure() {
    this.failureCount++
    this.lastFailureTime = this.#now()
    this.#since = this.lastFailureTime
    if (this.state === 'half_open' || this.failureCount >= this.failureThreshold) this.#open()
  }

  trip() {
    this.#since = this.#now()
    this.#open()
  }

  reset() {
    this.failureCount = 0
    this.successCount = 0
    this.lastFailureTime = null
    this.#become('closed')
  }

  #open() {
    this.successCount = 0
    this.#become('open')
  }

  #become(state) {
    if (state !== this.state) this.stateChanges.push(`${this.state} → ${state}`)
    this.state = state
  }
}
