/**
 * What a fleet asks of a store. Types, nothing else.
 *
 * Must not know: any store.
 */

/** @import { Command, Reply } from '../register.js' */
/** @import { FleetSettings } from '../settings.js' */

/**
 * @typedef {object} Where Which registers a command is for, and what it takes along.
 * @property {string} namespace
 * @property {readonly string[]} names Of circuits. More than one only for `read` and `poll`.
 * @property {number} random From 0 up to 1.
 * @property {Readonly<FleetSettings>} settings
 */

/**
 * @typedef {object} FleetStore One register a name, each command one atomic step. `halfopen/fleet` has some: `redisStore`, `memoryStore`. Your own has to pass
 *   what `tests/fleet/conformance.js` asks.
 * @property {(command: Command, where: Where) => Promise<Reply[]>} run A reply a name. Rejects where the store can't be reached; the fleet does not wait for it.
 * @property {(namespace: string, listener: (name: string, reply: Reply) => void) => (() => void)} subscribe News, by whomever, at best effort: they may come
 *   late, twice, in another order or not at all. Gives back what ends it.
 * @property {(() => void) | undefined} [close] Lets go of what the store itself made.
 */

export {}
