// Reads the text format of Prometheus, 0.0.4, as strictly as its description has it. It must not know what is told.

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)/y
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{([^]*)\})? ([+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/

/**
 * The samples of a text, in its order. A line that is none, and a sample whose type was not told before it, is an error.
 *
 * @param {string} text
 * @returns {{ name: string, labels: Record<string, string>, value: number }[]}
 */
export function samplesOf(text) {
  if (text !== '' && !text.endsWith('\n')) throw new Error('The last line does not end')
  const typed = new Set()
  return text.split('\n').flatMap((line) => {
    const [, type] = /^# TYPE (\S+) (?:counter|gauge|histogram)$/.exec(line) ?? []
    if (type !== undefined) typed.add(type)
    if (line === '' || line.startsWith('#')) return []
    const [, name, inner = '', value] = SAMPLE.exec(line) ?? []
    if (name === undefined) throw new Error(`This is no sample: ${line}`)
    if (!typed.has(name)) throw new Error(`${name} has no type before it`)
    const labels = Object.create(null)
    for (LABEL.lastIndex = 0; LABEL.lastIndex < inner.length; ) {
      const at = LABEL.lastIndex
      const found = LABEL.exec(inner)
      if (found === null) throw new Error(`These are no labels: ${inner.slice(at)}`)
      labels[found[1]] = found[2].replaceAll(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character))
    }
    return [{ name, labels, value: Number(value.replace('Inf', 'Infinity')) }]
  })
}
