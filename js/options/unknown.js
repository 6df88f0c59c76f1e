/**
 * The error for an option that nobody knows, with the name that was most likely meant.
 *
 * Must not know: which options there are.
 */
import { CODES, misuse, show } from '../base/misuse.js'

/**
 * @internal
 * @param {string} option
 * @param {string[]} known
 */
export function unknownOption(option, known) {
  const nearest = nearestName(option, known)
  const hint = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean \`${nearest}\`?`
  return misuse(TypeError, `Unknown option ${show(option)}; ${hint}`, CODES.invalidOption, { option })
}

/**
 * The known name that a misspelt one most likely stands for: at most a third of its letters apart, whatever
 * the case and the underscores.
 *
 * @param {string} name
 * @param {string[]} known
 * @returns {string | undefined}
 */
function nearestName(name, known) {
  const plain = normalise(name.slice(0, 40))
  let nearest
  let least = Infinity
  for (const candidate of known) {
    const distance = editDistance(plain, normalise(candidate))
    if (distance < least) [nearest, least] = [candidate, distance]
  }
  return least <= Math.max(2, plain.length / 3) ? nearest : undefined
}

/** @param {string} name */
function normalise(name) {
  return name.toLowerCase().replaceAll(/[^a-z]/g, '')
}

/**
 * How many letters to insert, delete or replace to get from one word to the other (Levenshtein).
 *
 * @param {string} a
 * @param {string} b
 */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1))
    }
    row = next
  }
  return row[b.length]
}
