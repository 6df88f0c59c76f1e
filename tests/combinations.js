// Combinations of values: all, or as few as have each pair. It must not know what the values are.

/**
 * All combinations of the values of some factors.
 *
 * @param {Record<string, unknown[]>} factors Each factor with its values.
 * @param {(row: Record<string, unknown>) => boolean} [isPossible] Leaves out what nobody has.
 */
export const all = (factors, isPossible = () => true) =>
  Object.entries(factors)
    .reduce((rows, [factor, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [factor]: value }))), [{}])
    .filter(isPossible)

/** The pairs of values in a combination. */
const pairsIn = (row) => {
  const values = Object.entries(row).map((value) => value.join())
  return values.flatMap((one, index) => values.slice(index + 1).map((other) => `${one} ${other}`))
}

/** Of these combinations such that each pair of values stands at least once: again and again the one that has most of those that are missing. */
export function pairwise(rows) {
  const missing = new Set(rows.flatMap(pairsIn))
  const gain = (row) => pairsIn(row).filter((pair) => missing.has(pair)).length
  const chosen = []
  while (missing.size > 0) {
    const best = rows.reduce((best, row) => (gain(row) > gain(best) ? row : best))
    for (const pair of pairsIn(best)) missing.delete(pair)
    chosen.push(best)
  }
  return chosen
}
