// Has test files meet another entry of the package than the default one, and the core that it has: `--import` this file, with
// HALFOPEN_ENTRY=no-wasm or slim. It must not know what the tests check.

import { register } from 'node:module'

register(new URL('./resolve.js', import.meta.url), { data: { entry: process.env.HALFOPEN_ENTRY } })
// Tests of the engine itself start it from its source.
if (process.env.HALFOPEN_ENTRY === 'slim') {
  const { readFileSync } = await import('node:fs')
  const { initSync } = await import('../../js/engine/slim.js')
  initSync(readFileSync(new URL('../../pkg/slim.wasm', import.meta.url)))
}
