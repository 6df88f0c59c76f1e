/**
 * What `--fleet` plays: how many processes, the outage, the breaker of each. Change the numbers here.
 *
 * Must not know: how any of it is run, measured or shown.
 */

export const FLEET = {
  processes: 20,
  /** Calls a second of each process: where a fleet is worth most, each alone sees too few. */
  rate: 1,
  seed: 20,
  phases: [
    { name: 'healthy', sick: false, duration: 4000 },
    { name: 'sick', sick: true, duration: 15_000 },
    { name: 'recovered', sick: false, duration: 13_000 }
  ],
  /** How long the upstream takes, in ms. */
  work: 5,
  /** Of both breakers of each process: the one alone, and the one that joins the fleet. */
  breaker: {
    failureThreshold: 5,
    recoveryTimeout: 2000,
    recoveryBackoff: { factor: 2, max: 5000 },
    successThreshold: 2,
    timeout: 1000
  }
}

/** The two breakers of a process. */
export const SIDES = /** @type {const} */ (['local', 'fleet'])
