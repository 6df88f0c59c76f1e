/**
 * How numbers and times are written on the page.
 *
 * Must not know: what they are numbers of.
 */

/**
 * A number of things in as few characters as tell it.
 *
 * @param {number} number
 * @param {boolean} [isWhole] Whether there are no halves of it.
 */
export function few(number, isWhole = false) {
  if (!(number > 0)) return number === 0 ? '0' : '–'
  if (isWhole && number < 9999.5) return number.toFixed(0)
  if (number < 0.05) return '<0.1'
  if (number < 9.95) return number.toFixed(1)
  if (number < 9999.5) return number.toFixed(0)
  if (number < 999_500) return `${(number / 1e3).toFixed(number < 99_950 ? 1 : 0)}k`
  return number < 1e9 ? `${(number / 1e6).toFixed(1)}M` : `${(number / 1e9).toFixed(1)}G`
}

/**
 * A count, in full, with thin gaps.
 *
 * @param {number} number
 */
export const count = (number) => (Number.isFinite(number) ? String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, '\u202f') : '–')

/**
 * A share as per cent: never 0 where there is one, never 100 where there is not all.
 *
 * @param {number} share 0 to 1
 */
export function percent(share) {
  if (!(share >= 0)) return '–'
  const value = share * 100
  if (value === 0 || value === 100) return `${value}%`
  if (value < 0.1) return '<0.1%'
  if (value < 9.95) return `${value.toFixed(1)}%`
  return value > 99 ? '99%' : `${value.toFixed(0)}%`
}

/**
 * How long a call took.
 *
 * @param {number} ms
 */
export function took(ms) {
  if (!(ms >= 0)) return '–'
  if (ms < 9.95) return `${ms.toFixed(1)} ms`
  if (ms < 999.5) return `${ms.toFixed(0)} ms`
  return ms < 99_950 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 1000).toFixed(0)} s`
}

/**
 * How long ago, or until when: `0:07`, `12:34`, `3 h 05`, `2 d 4 h`.
 *
 * @param {number} ms
 */
export function span(ms) {
  if (!Number.isFinite(ms)) return ''
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)}`
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`
}

/** @param {number} number */
const two = (number) => String(number).padStart(2, '0')

/** What reasons of state changes mean, in words. */
const REASONS = /** @type {Record<string, string>} */ (/** @type {unknown} */ ({
  __proto__: null,
  failure_threshold: 'too many failures',
  failure_rate: 'too large a share of failures',
  slow_call_rate: 'too large a share of slow calls',
  asked: 'a failure asked for it',
  test_failed: 'a test request failed',
  test_slow: 'a test request was slow',
  test_expired: 'a test request never came back',
  recovery_due: 'its time was over',
  recovered: 'test requests went well',
  fleet: 'its fleet decided so',
  trip: 'tripped by hand',
  isolate: 'isolated by hand',
  reset: 'reset by hand'
}))

/** @param {string} reason */
export const because = (reason) => REASONS[reason] ?? reason
