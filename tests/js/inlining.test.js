// V8 inlines a function of at most 460 bytes of bytecode into its caller. `call` is to be one: past that each call costs 20 ns more, and nothing else
// would show it. It must not know what a call does.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { nodes } from '../package/support.js'

/** V8's `max-inlined-bytecode-size`. */
const LONGEST = 460
const PROGRAM = `import { CircuitBreaker } from '${new URL('../../pkg/index.js', import.meta.url)}'; await new CircuitBreaker().call(async () => 1)`

describe('the hot path stays short enough for V8 to inline', () => {
  for (const [major, binary] of Object.entries(nodes)) {
    it(`in Node ${major}`, () => {
      const printed = execFileSync(binary, ['--print-bytecode', '--print-bytecode-filter=call', '--input-type=module', '--eval', PROGRAM], { encoding: 'utf8' })
      const lengths = [...printed.matchAll(/^Bytecode length: (\d+)$/gm)].map(([, length]) => Number(length))
      assert.ok(lengths.length > 0, 'V8 printed the bytecode of `call`')
      assert.ok(Math.max(...lengths) <= LONGEST, `\`call\` has ${Math.max(...lengths)} bytes`)
    })
  }
})
