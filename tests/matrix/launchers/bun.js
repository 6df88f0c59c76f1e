// Starts each Bun. It must not know what the program checks.

import { join } from 'node:path'
import { env, run } from '../../package/support.js'
import { bun as latest } from '../../runners/support.js'
import { asCommonJs, asModule, installed } from '../user.js'

const BINARIES = { '1.1': installed('bun1.1/bin/bun'), 1.4: latest }

export async function open({ user, hostOf }) {
  return {
    async run(row) {
      const { tool, how } = row
      const name = `bun-${hostOf(row).name}`
      const binary = BINARIES[tool]
      const exec = (command, args) => run(command, args, { cwd: user.dir, env: { ...env, NO_COLOR: '1' }, timeout: 60_000 })
      const tell = 'run().then((answer) => console.log(JSON.stringify({ version: Bun.version, ...answer })))'
      let command = [binary, [`${name}.mjs`]]
      if (how === 'CommonJS') {
        await user.write({ [`${name}.cjs`]: `${asCommonJs(row, hostOf(row))}\n${tell}` })
        command = [binary, [`${name}.cjs`]]
      } else if (how === 'worker') {
        await user.write({
          [`${name}.mjs`]: `const worker = new Worker(new URL('./${name}-worker.mjs', import.meta.url).href)
            worker.onmessage = ({ data }) => {
              console.log(JSON.stringify({ version: Bun.version, ...data }))
              worker.terminate()
            }`,
          [`${name}-worker.mjs`]: `${asModule(row, hostOf(row))}\nrun().then((answer) => postMessage(answer))`,
        })
      } else {
        await user.write({ [`${name}.mjs`]: `${asModule(row, hostOf(row))}\n${tell}` })
        if (how === '`bun build --compile`') {
          await exec(binary, ['build', '--compile', `${name}.mjs`, '--outfile', name])
          command = [join(user.dir, name), []]
        }
      }
      const { stdout, stderr } = await exec(...command)
      if (stderr !== '') throw new Error(`Expected nothing on stderr, got ${stderr}`)
      return JSON.parse(stdout)
    },
    close() {},
  }
}
