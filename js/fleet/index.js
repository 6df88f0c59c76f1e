/**
 * The public export list of `halfopen/fleet`, nothing else.
 *
 * Must not know: what the exports do. Importing this file does nothing.
 */
export { fleet } from './fleet.js'
export { ioredis, nodeRedis } from './stores/clients.js'
export { redisStore } from './stores/redis.js'

/** @typedef {import('./fleet.js').Fleet} Fleet */
/** @typedef {import('./fleet.js').FleetEventMap} FleetEventMap */
/** @typedef {import('./register.js').FleetMode} FleetMode */
/** @typedef {import('./fleet.js').FleetOptions} FleetOptions */
/** @typedef {import('./settings.js').FleetSettings} FleetSettings */
/** @typedef {import('./register.js').FleetState} FleetState */
/** @typedef {import('./fleet.js').FleetStatus} FleetStatus */
/** @typedef {import('./stores/store.js').FleetStore} FleetStore */
/** @typedef {import('./fleet.js').FleetTimers} FleetTimers */
/** @typedef {import('./fleet.js').FleetVerdict} FleetVerdict */
/** @typedef {import('./fleet.js').JoinOptions} JoinOptions */
/** @typedef {import('./stores/redis.js').RedisConnection} RedisConnection */
/** @typedef {import('./stores/redis.js').RedisStoreOptions} RedisStoreOptions */
