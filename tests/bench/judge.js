// Judges a line by its budget. It must not know what was measured.

/** How far over a budget is a regression and not noise: machines of CI are shared. */
const GROSS = 1.5

/** The same for times in ms, which nothing is measured beside: they are twice as long on a machine that is half as fast, or has a slow day. */
const GROSS_OF_TIMES = 3

/** @param {import('./rows.js').Line} line */
const figureOf = ({ ratio, ours }) => ratio ?? ours

/**
 * @param {import('./rows.js').Line} line
 * @returns {'OK' | 'over' | ''} Empty without a budget.
 */
export function verdict(line) {
  if (line.budget === undefined) return ''
  return figureOf(line) <= line.budget ? 'OK' : 'over'
}

/**
 * Whether a line is so far over that it fails a check.
 *
 * @param {import('./rows.js').Line} line
 */
export function isRegression(line) {
  if (line.budget === undefined) return false
  const gross = line.unit === 'ms' ? GROSS_OF_TIMES : GROSS
  const bound = line.exact ? (line.limit ?? line.budget) : gross * Math.max(line.budget, line.reached ?? 0)
  return !(figureOf(line) <= bound)
}

/** The better one of two measurements of the same lines, line by line. */
export function better(lines, again) {
  return lines.map((line, index) => (figureOf(again[index]) < figureOf(line) ? again[index] : line))
}
