// Reads where things lie in a Wasm file: its sections, its data, its functions with their names. It must not know what they are.

const SECTIONS = ['custom', 'types', 'imports', 'functions', 'tables', 'memories', 'globals', 'exports', 'start', 'elements', 'code', 'data', 'data count']
const [CUSTOM, IMPORTS, CODE, DATA] = [0, 2, 10, 11]

/** A reader of the numbers and texts of a Wasm from a place on. */
class Reader {
  constructor(bytes, at) {
    this.bytes = bytes
    this.at = at
  }

  byte() {
    return this.bytes[this.at++]
  }

  /** A number in LEB128. */
  number() {
    let [result, shift, byte] = [0, 0, 0]
    do {
      byte = this.byte()
      result += (byte & 127) * 2 ** shift
      shift += 7
    } while (byte & 128)
    return result
  }

  text() {
    const length = this.number()
    this.at += length
    return this.bytes.toString('utf8', this.at - length, this.at)
  }

  /** Runs `one` so often as the number that comes first says. */
  times(one) {
    const count = this.number()
    return Array.from({ length: count }, () => one(this))
  }
}

/** The sections: the name of each, how many bytes it takes, and where it begins and ends. */
export function sectionsOf(bytes) {
  const reader = new Reader(bytes, 8)
  const sections = []
  while (reader.at < bytes.length) {
    const first = reader.at
    const id = reader.byte()
    const end = reader.number() + reader.at
    sections.push({ id, name: SECTIONS[id] ?? String(id), start: reader.at, end, bytes: end - first })
    reader.at = end
  }
  return sections
}

/** The segments of the data: where each begins and ends in the file, and its address in memory. */
export function dataOf(bytes) {
  return sectionsOf(bytes).filter(({ id }) => id === DATA).flatMap(({ start }) =>
    new Reader(bytes, start).times((reader) => {
      // An active segment of memory 0: `i32.const`, the address, `end`.
      if (reader.number() !== 0 || reader.byte() !== 0x41) throw new Error('the Wasm has data that is not in its one memory from the start')
      const address = reader.number()
      reader.byte()
      const length = reader.number()
      reader.at += length
      return { start: reader.at - length, end: reader.at, address }
    })
  )
}

/** The functions that are not imported: the name of each, or its number, and how many bytes its body takes. */
export function functionsOf(bytes) {
  const sections = sectionsOf(bytes)
  const imported = sections.filter(({ id }) => id === IMPORTS).flatMap(({ start }) =>
    new Reader(bytes, start).times((reader) => {
      reader.text()
      reader.text()
      if (reader.byte() !== 0) throw new Error('the Wasm imports more than functions')
      return reader.number()
    })
  ).length
  const names = new Map()
  for (const { start, end } of sections.filter(({ id }) => id === CUSTOM)) {
    const reader = new Reader(bytes, start)
    if (reader.text() !== 'name') continue
    while (reader.at < end) {
      const kind = reader.byte()
      const next = reader.number() + reader.at
      // 1 are the names of functions.
      if (kind === 1) reader.times(() => names.set(reader.number(), reader.text()))
      reader.at = next
    }
  }
  return sections.filter(({ id }) => id === CODE).flatMap(({ start }) =>
    new Reader(bytes, start).times((reader) => {
      const length = reader.number()
      reader.at += length
      return length
    })
  ).map((length, index) => ({ name: names.get(index + imported) ?? `function ${index + imported}`, bytes: length }))
}
