// A user of explicit resource management, in a project that knows `Symbol.dispose`.

import { CircuitBreaker } from 'halfopen'

export function read(breaker: CircuitBreaker): number {
  using permit = breaker.acquire()
  permit.success()
  return 5
}
export const permit: Disposable = new CircuitBreaker().acquire()
permit[Symbol.dispose]()
