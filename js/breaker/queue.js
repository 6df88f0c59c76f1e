/**
 * A queue out of whose middle anything can be taken at once.
 *
 * Must not know: what waits in it, or for what. The links lie in the members themselves: a Set of them costs a call 50 ns more.
 */

/**
 * A member of a queue, of one at a time.
 *
 * @typedef {object} Link
 * @property {any} earlier The member before it.
 * @property {any} later The member after it.
 */

/** @template {Link} T */
export class Queue {
  /** The member that waits longest. @type {T | undefined} */
  first
  /** The member that came last. @type {T | undefined} */
  last

  /** @param {T} member One that is in no queue. */
  add(member) {
    member.earlier = this.last
    if (this.last === undefined) this.first = member
    else this.last.later = member
    this.last = member
  }

  /** @param {T} member One that is in this queue. */
  delete(member) {
    const { earlier, later } = member
    if (earlier === undefined) this.first = later
    else earlier.later = later
    if (later === undefined) this.last = earlier
    else later.earlier = earlier
    member.earlier = member.later = undefined
  }
}
