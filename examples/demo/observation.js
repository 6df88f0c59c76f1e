/**
 * What was seen of one act so far: the news of its parts, kept for the views and for the figures.
 *
 * Must not know: how it is shown.
 */
import { lengthOf } from './plan.js'

/** @typedef {import('./plan.js').Act} Act */
/** @typedef {import('./load.js').Answer} Answer */
/** @typedef {{ name: string, sick: boolean, at: number }} PhaseChange */
/** @typedef {{ from: string, to: string, reason: string, at: number }} StateChange */

export class Observation {
  upstream = { hits: 0, hitsWhileSick: 0, working: 0, waiting: 0 }
  service = { state: 'closed', totalCalls: 0, failedCalls: 0, rejectedCalls: 0, staleCalls: 0, inFlight: 0 }
  /** @type {PhaseChange[]} */
  phases = []
  /** @type {StateChange[]} */
  changes = []
  /** @type {Answer[]} */
  answers = []
  errors = 0
  fallbacks = 0
  /** When the act began, in ms since the epoch. */
  begin = Infinity

  /** @param {Act} act */
  constructor(act) {
    this.act = act
  }

  /** @param {any} news As a part tells it. */
  take(news) {
    if (news.upstream) this.upstream = news.upstream
    if (news.service) this.service = news.service
    if (news.phase) this.phases.push(news.phase)
    if (news.change) this.changes.push(news.change)
    for (const answer of news.answers ?? []) {
      this.answers.push(answer)
      if (isError(answer)) this.errors++
      else if (answer.by === 'fallback') this.fallbacks++
    }
  }

  /** Ms since the act began, at most its length. */
  get elapsed() {
    return Math.min(Math.max(0, Date.now() - this.begin), lengthOf(this.act))
  }

  /** The state the breaker is in, `undefined` without a breaker. */
  get state() {
    return this.act.breaker && (this.changes.at(-1)?.to ?? 'closed')
  }

  /** Latencies of what was answered in the last second, or in the last second of the act. */
  get recent() {
    const since = this.elapsed - 1000
    return this.answers.filter(({ at, latency }) => at + latency > since).map(({ latency }) => latency)
  }
}

/**
 * Whether the client got no usable answer: a 5xx, or no answer in time.
 *
 * @param {Answer} answer
 */
export const isError = ({ status }) => status === 0 || status >= 500
