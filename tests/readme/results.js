// Turns what a block's comments say (`expression // → value`) into checks. It must not know how a block is run.
//
// The arrow stands at the end of a line that is a statement of its own: an expression, `console.log(expression)`, or
// `const name = expression`. Behind it stands JavaScript, compared with the expression's value as `deepStrictEqual` does it.

const ARROW = '// →'

/**
 * @param {import('./blocks.js').Block} block
 * @returns {{ text: string, lines: number[] }} The text with calls of `globalThis.documented`, and the lines of the file
 *   that have one, each of which is to be reached.
 */
export function withChecks({ file, line: first, text }) {
  const lines = []
  const checked = text.split('\n').map((line, index) => {
    if (!line.includes(ARROW)) return line
    const number = first + 1 + index
    const parts = /^(\s*)(const \S+ = )?(.+?);?\s+\/\/ → (.+)$/.exec(line)
    if (!parts) throw new Error(`${file}:${number}: expected \`expression // → value\`, got ${line}`)
    const [, indent, target = '', expression, value] = parts
    const logged = /^console\.log\((.*)\)$/.exec(expression)
    lines.push(number)
    return `${indent};${target}globalThis.documented(${number}, (${logged?.[1] ?? expression}), (${value}))`
  })
  // Each block must count on its own arrows being seen: a mistyped one would be prose.
  for (const [index, line] of text.split('\n').entries()) {
    if (/\/\/\s*(->|=>|=|→)/.test(line) && !line.includes(ARROW)) throw new Error(`${file}:${first + 1 + index}: write results as \`${ARROW} value\``)
  }
  return { text: checked.join('\n'), lines }
}
