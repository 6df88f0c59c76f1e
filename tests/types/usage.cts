// The CommonJS face of the package: the same types through `require`. Compiled, never run.

import halfopen = require('halfopen')

const breaker = new halfopen.CircuitBreaker({ failureThreshold: 3, clock: new halfopen.ManualClock() })
const five: Promise<number> = breaker.call((a: number) => a + 1, 4)
breaker.addEventListener('statechange', ({ detail }) => detail.to === 'half_open')
// @ts-expect-error an argument of another type
breaker.call((a: number) => a + 1, '4')
export = { breaker, five }
