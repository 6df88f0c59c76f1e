// Listeners that have a name: what was added can be removed. Compiled, never run.

import { CircuitBreaker } from 'halfopen'

const breaker = new CircuitBreaker()
const listener = ({ detail }: CustomEvent<{ from: string; to: string }>): void => void detail.to
breaker.addEventListener('statechange', listener)
breaker.removeEventListener('statechange', listener)
breaker.removeEventListener('statechange', listener, { capture: true })
breaker.removeEventListener('something of a subclass', (event: Event) => event.type)
breaker.removeEventListener('statechange', null)
// @ts-expect-error a listener is a function or has handleEvent
breaker.removeEventListener('statechange', 'listener')
