/**
 * What the demo plays: the acts, the sickness of the upstream, the load. Change the numbers here.
 *
 * Must not know: how any of it is run, measured or shown.
 *
 * Every act is played with the same seed, so the clients of each arrive at the same moments.
 */

/**
 * A stretch of time in which the upstream behaves in one way.
 *
 * @typedef {object} Phase
 * @property {string} name
 * @property {boolean} sick Whether what reaches the upstream in it counts as hitting a sick one.
 * @property {number} duration In ms.
 * @property {[number, number]} work How long a request keeps one of the upstream's slots, from–to in ms.
 * @property {number} status What the upstream answers then.
 */

/**
 * One run of the whole set.
 *
 * @typedef {object} Act
 * @property {string} key What the parts are told and lines are marked with.
 * @property {string} title
 * @property {string} column What the table calls it.
 * @property {object} [breaker] The options of the service's breaker; without them it has none.
 * @property {Phase[]} phases
 */

/** @type {Phase[]} */
const OUTAGE = [
  { name: 'healthy', sick: false, duration: 1500, work: [4, 6], status: 200 },
  { name: 'sick', sick: true, duration: 4500, work: [500, 1500], status: 503 },
  { name: 'recovered', sick: false, duration: 3000, work: [4, 6], status: 200 }
]

/** Every answer is good and comes too late for some: forty times slower, and so fewer than arrive. @type {Phase[]} */
const SLOWNESS = [
  { name: 'healthy', sick: false, duration: 1500, work: [4, 6], status: 200 },
  { name: 'slow', sick: true, duration: 3000, work: [150, 250], status: 200 },
  { name: 'recovered', sick: false, duration: 1800, work: [4, 6], status: 200 }
]

/** @type {Act[]} */
export const ACTS = [
  { key: 'without', title: 'an outage without a breaker', column: 'no breaker', phases: OUTAGE },
  {
    key: 'with',
    title: 'the same outage with a breaker',
    column: 'breaker',
    phases: OUTAGE,
    breaker: {
      name: 'upstream',
      // Five failures in a row.
      failureThreshold: 5,
      recoveryTimeout: 500,
      successThreshold: 2
    }
  },
  {
    key: 'slow',
    title: 'only slow, with a breaker',
    column: 'slow, breaker',
    phases: SLOWNESS,
    breaker: {
      name: 'upstream',
      // Half of the last 20 calls, failed or slow.
      window: { type: 'count', size: 20 },
      failureRate: 0.5,
      slowCallDuration: 140,
      slowCallRate: 0.5,
      minimumCalls: 10,
      recoveryTimeout: 500,
      successThreshold: 2
    }
  }
]

/**
 * What `--dashboard` plays again and again, until it is ended: each upstream falls sick once a round, one after the other.
 *
 * @type {Act}
 */
export const LIVE = {
  key: 'live',
  title: 'outages in a loop',
  column: 'live',
  phases: [
    { name: 'healthy', sick: false, duration: 30_000, work: [4, 6], status: 200 },
    { name: 'sick', sick: true, duration: 12_000, work: [500, 1500], status: 503 },
    { name: 'slow', sick: true, duration: 6000, work: [150, 250], status: 200 }
  ],
  breaker: {
    failureThreshold: 5,
    recoveryTimeout: 3000,
    recoveryBackoff: { factor: 2, max: 10_000, jitter: 0.2 },
    successThreshold: 2,
    latency: true
  }
}

/** The upstreams of {@link LIVE}. */
export const UPSTREAMS = ['prices', 'stock', 'reviews', 'shipping', 'payments', 'search']

/** Requests the upstream works on at once, as with a pool of 8 database connections; the others wait in line. */
export const UPSTREAM_SLOTS = 8

/** How long the service waits for the upstream, in ms: over a hundred times what a healthy one takes. */
export const SERVICE_TIMEOUT = 800

export const LOAD = {
  /** Requests a second on average. They arrive whether or not earlier ones were answered. */
  rate: 120,
  seed: 20,
  /** How long a client waits for the service, in ms. */
  timeout: 2000
}

/** @param {string} key */
export function actOf(key) {
  const act = [...ACTS, LIVE].find((act) => act.key === key)
  if (!act) throw new Error(`Expected an act (${ACTS.map((act) => act.key).join(', ')}), got ${key}`)
  return act
}

/**
 * The phases with the moments they begin and end at, in ms since the act began.
 *
 * @param {Act} act
 */
export function schedule({ phases }) {
  let end = 0
  return phases.map((phase) => ({ ...phase, begin: end, end: (end += phase.duration) }))
}

/** @param {Act} act */
export const lengthOf = (act) => schedule(act).at(-1)?.end ?? 0

/**
 * The phase at a moment; the first one before the act began and the last one after it ended.
 *
 * @param {ReturnType<typeof schedule>} phases
 * @param {number} moment In ms since the act began.
 */
export const phaseAt = (phases, moment) => phases.find(({ end }) => moment < end) ?? phases[phases.length - 1]

/**
 * Random numbers from 0 to 1 that are the same for the same seed (mulberry32).
 *
 * @param {number} seed
 */
export function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let bits = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}
