// The circuit breaker class as textbooks and tutorials write it: what the package mirrors, and the yardstick of its speed.
// It must not know the package, nor be made faster or slower than its readers would make it.

export class CircuitOpenError extends Error {
  constructor(message) {
    super(message)
    this.name = 'CircuitOpenError'
  }
}

export class CircuitBreaker {
  constructor({ failureThreshold = 5, recoveryTimeout = 60000, successThreshold = 2 } = {}) {
    this.failureThreshold = failureThreshold
    this.recoveryTimeout = recoveryTimeout
    this.successThreshold = successThreshold
    this.state = 'closed'
    this.failureCount = 0
    this.successCount = 0
    this.lastFailureTime = null
  }

  checkState() {
    if (this.state === 'open' && Date.now() - this.lastFailureTime >= this.recoveryTimeout) this.state = 'half_open'
    return this.state
  }

  async call(fn) {
    if (this.checkState() === 'open') {
      const remaining = this.recoveryTimeout - (Date.now() - this.lastFailureTime)
      throw new CircuitOpenError(`Circuit open. Retry in ${Math.ceil(remaining / 1000)}s`)
    }
    try {
      const result = await fn()
      this.recordSuccess()
      return result
    } catch (error) {
      this.recordFailure()
      throw error
    }
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
    this.lastFailureTime = Date.now()
    if (this.state === 'half_open' || this.failureCount >= this.failureThreshold) this.trip()
  }

  trip() {
    this.state = 'open'
    this.successCount = 0
  }

  reset() {
    this.state = 'closed'
    this.failureCount = 0
    this.successCount = 0
    this.lastFailureTime = null
  }
}
