// A user of a browser, by the names of the DOM.

import { CircuitBreaker, CircuitBreakerRegistry } from 'halfopen'
import type { StateChange } from 'halfopen'

const breaker = new CircuitBreaker()
const onChange = ({ detail }: CustomEvent<StateChange>): string => detail.to
breaker.addEventListener('statechange', onChange)
breaker.removeEventListener('statechange', onChange)
breaker.addEventListener('statechange', { handleEvent: (event: CustomEvent<{ from: string }>) => event.detail.from })
breaker.addEventListener('statechange', (event) => kept.push(event))
export const kept: CustomEvent<StateChange>[] = []
export const options: AddEventListenerOptions = { once: true }
breaker.addEventListener('statechange', onChange, options)
const listener: EventListenerOrEventListenerObject = (event) => event.composedPath()
breaker.addEventListener('statechange', listener)
const registry = new CircuitBreakerRegistry()
const onChangeOfKey = ({ detail }: CustomEvent<StateChange & { key: string }>): string => detail.key
registry.addEventListener('statechange', onChangeOfKey)
registry.removeEventListener('statechange', onChangeOfKey)
// @ts-expect-error the detail of another event
breaker.addEventListener('statechange', (event: CustomEvent<{ elapsed: number }>) => event.detail.elapsed)
export const targets: EventTarget[] = [breaker, registry]
