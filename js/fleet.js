/**
 * The public export list of `halfopen/fleet`, nothing else.
 *
 * Must not know: what the exports do. Importing this file does nothing.
 */
export { fleet } from './fleet/fleet.js'
export { ioredis, nodeRedis } from './fleet/stores/clients.js'
export { memoryStore, portStore } from './fleet/stores/memory.js'
export { redisStore } from './fleet/stores/redis.js'
export { tabStore } from './fleet/stores/tabs.js'

/** @typedef {import('./fleet/fleet.js').Fleet} Fleet */
/** @typedef {import('./fleet/fleet.js').FleetEventMap} FleetEventMap */
/** @typedef {import('./fleet/register.js').FleetMode} FleetMode */
/** @typedef {import('./fleet/fleet.js').FleetOptions} FleetOptions */
/** @typedef {import('./fleet/settings.js').FleetSettings} FleetSettings */
/** @typedef {import('./fleet/register.js').FleetState} FleetState */
/** @typedef {import('./fleet/fleet.js').FleetStatus} FleetStatus */
/** @typedef {import('./fleet/stores/store.js').FleetStore} FleetStore */
/** @typedef {import('./fleet/fleet.js').FleetTimers} FleetTimers */
/** @typedef {import('./fleet/fleet.js').FleetVerdict} FleetVerdict */
/** @typedef {import('./fleet/fleet.js').JoinOptions} JoinOptions */
/** @typedef {import('./fleet/stores/redis.js').RedisConnection} RedisConnection */
/** @typedef {import('./fleet/stores/redis.js').RedisStoreOptions} RedisStoreOptions */
/** @typedef {import('./fleet/stores/memory.js').MemoryStore} MemoryStore */
/** @typedef {import('./fleet/stores/memory.js').MessageTarget} MessageTarget */
/** @typedef {import('./fleet/stores/tabs.js').TabStoreOptions} TabStoreOptions */
