/**
 * The view for logs and pipes: a line for each change of state, and one a second.
 *
 * Must not know: anything of terminals.
 */
import { ms, quantile } from './figures.js'

/** @typedef {import('./observation.js').Observation} Observation */

/** @param {(line: string) => void} print */
export function linesView(print) {
  let second = 0
  const line = (/** @type {Observation} */ { act }, /** @type {number} */ at, /** @type {string} */ text) =>
    print(`${act.key.padEnd(7)} ${(at / 1000).toFixed(2).padStart(5)} s  ${text}`)
  return {
    /** @param {Observation} seen */
    begin(seen) {
      second = 0
      print(`${seen.act.key}: ${seen.act.title}`)
    },
    /**
     * @param {Observation} seen
     * @param {any} news
     */
    news(seen, { phase, change }) {
      if (phase) line(seen, phase.at, `upstream ${phase.name}`)
      if (change) line(seen, change.at, `breaker ${change.from} -> ${change.to} (${change.reason})`)
    },
    /** @param {Observation} seen */
    tick(seen) {
      if (seen.elapsed < (second + 1) * 1000) return
      second = Math.floor(seen.elapsed / 1000)
      const { totalCalls, failedCalls, rejectedCalls, staleCalls, inFlight } = seen.service
      const { recent } = seen
      line(
        seen,
        seen.elapsed,
        `${seen.state ?? 'no breaker'}  upstream: working ${seen.upstream.working} waiting ${seen.upstream.waiting}  calls ${totalCalls}  failed ${failedCalls}  refused ${rejectedCalls}  late ${staleCalls}  in flight ${inFlight}` +
          `  clients: errors ${seen.errors}  fallbacks ${seen.fallbacks}  p50 ${ms(quantile(recent, 0.5))}  p99 ${ms(quantile(recent, 0.99))}`
      )
    },
    /** @param {Observation} seen */
    end(seen) {
      this.tick(seen)
      print('')
    },
    close() {}
  }
}
