/**
 * What is to happen when: the clock of a simulation. Time is what it says; nothing waits.
 *
 * Must not know: what happens.
 */
export class Queue {
  now = 0
  /** A heap: `[at, number, fn]`. The number keeps what is due at once in its order. @type {{ at: number, order: number, fn: (() => void) | undefined }[]} */
  #heap = []
  #order = 0

  /**
   * @param {number} ms From now.
   * @param {() => void} fn
   */
  after(ms, fn) {
    const heap = this.#heap
    const one = { at: this.now + Math.max(0, ms), order: ++this.#order, fn }
    let place = heap.length
    heap.push(one)
    while (place > 0) {
      const above = (place - 1) >> 1
      if (!isBefore(one, heap[above])) break
      heap[place] = heap[above]
      place = above
    }
    heap[place] = one
    return one
  }

  /** When the next is due; Infinity for none. */
  get next() {
    const heap = this.#heap
    while (heap.length > 0 && heap[0].fn === undefined) this.#take()
    return heap.length === 0 ? Infinity : heap[0].at
  }

  /** Does what is due next. */
  step() {
    const { at, fn } = this.#take()
    this.now = Math.max(this.now, at)
    fn?.()
  }

  #take() {
    const heap = this.#heap
    const first = heap[0]
    const last = /** @type {typeof first} */ (heap.pop())
    if (heap.length === 0) return first
    let place = 0
    for (;;) {
      let below = place * 2 + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below += 1
      if (!isBefore(heap[below], last)) break
      heap[place] = heap[below]
      place = below
    }
    heap[place] = last
    return first
  }
}

const isBefore = (one, other) => one.at < other.at || (one.at === other.at && one.order < other.order)
