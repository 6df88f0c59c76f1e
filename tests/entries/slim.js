// `halfopen/slim` once it has been given its Wasm, for tests that know nothing of it. It must not know them.

import { readFileSync } from 'node:fs'
import { initSync } from '../../pkg/slim.js'

initSync(readFileSync(new URL('../../pkg/slim.wasm', import.meta.url)))

export * from '../../pkg/slim.js'
