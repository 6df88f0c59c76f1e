// A CommonJS user: the same through `require`.

import halfopen = require('halfopen')
import http = require('halfopen/fetch')
import ofUndici = require('halfopen/undici')

const breaker = new halfopen.CircuitBreaker({ failureThreshold: 3, clock: new halfopen.ManualClock() })
const five = breaker.call((a: number) => a + 1, 4)
const permit = breaker.acquire()
const registry = new halfopen.CircuitBreakerRegistry({ configure: (key: string): halfopen.CircuitBreakerOptions => ({ name: key }) })
const guarded = http.guardFetch({ key: ({ url }: http.GuardedRequest) => url.origin })
const interceptor = ofUndici.guardDispatch()
breaker.addEventListener('statechange', ({ detail }) => detail.to === 'half_open')
// @ts-expect-error an argument of another type
breaker.call((a: number) => a + 1, '4')
export = { breaker, five, permit, registry, guarded, interceptor, ofOrigin: guarded.registry.get('https://example.org') }
