// A user of one entry only: what comes out of it is named though nobody imports `halfopen` itself.

import { guardDispatch } from 'halfopen/undici'

export const guarded = guardDispatch()
export const registry = guarded.registry
export const breaker = registry.get('https://example.org')
export const permit = breaker.acquire()
export const why = breaker.explain()
export const report = breaker.metrics.toJSON()
