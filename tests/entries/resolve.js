// The hook itself, which runs in a thread of its own: files of the default entry lead to the other entry, and the engine's source to its core.
// It must not know what is in them.

/** What is there instead of the package's files, and which file of js/engine/sources. */
const ENTRIES = {
  'no-wasm': { file: '/pkg/no-wasm', core: 'script' },
  // Which has had its Wasm.
  slim: { file: '/tests/entries/slim', core: 'given' },
}

let entry

export const initialize = (data) => {
  entry = ENTRIES[data.entry]
  if (entry === undefined) throw new Error(`HALFOPEN_ENTRY names no entry: ${data.entry}`)
}

export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context)
  const url = resolved.url
    .replace(/\/pkg\/(?:index|fetch|undici)(\.c?js)$/, `${entry.file}$1`)
    .replace(/\/js\/engine\/source\.js$/, `/js/engine/sources/${entry.core}.js`)
  return { ...resolved, url }
}
