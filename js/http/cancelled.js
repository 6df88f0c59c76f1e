/**
 * The value of a call whose caller gave up.
 *
 * Must not know: who gave up, and what is made of it.
 */

/** What a call is resolved with when its caller gave up before the server answered: that tells nothing of the server. */
export const CANCELLED = Symbol('cancelled')
