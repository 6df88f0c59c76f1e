// Starts each Deno, with the permissions of its row. It must not know what the program checks.

import { env, run } from '../../package/support.js'
import { deno as latest } from '../../runners/support.js'
import { asModule, installed } from '../user.js'

const BINARIES = { '2.1': installed('deno2.1/deno'), 2.9: latest }

export async function open({ user, hostOf }) {
  return {
    async run(row) {
      const { tool, how, setting } = row
      const name = `deno-${hostOf(row).name}`
      const find = how === '`npm:` specifier' ? (specifier) => specifier.replace(/^halfopen/, 'npm:halfopen') : undefined
      const source = asModule(row, hostOf(row), find && { find })
      if (how === 'worker') {
        await user.write({
          [`${name}.mjs`]: `const worker = new Worker(new URL('./${name}-worker.mjs', import.meta.url), { type: 'module' })
            worker.onmessage = ({ data }) => {
              console.log(JSON.stringify({ version: Deno.version.deno, ...data }))
              worker.terminate()
            }`,
          [`${name}-worker.mjs`]: `${source}\nrun().then((answer) => postMessage(answer))`,
        })
      } else {
        await user.write({ [`${name}.mjs`]: `${source}\nrun().then((answer) => console.log(JSON.stringify({ version: Deno.version.deno, ...answer })))` })
      }
      const flags = { 'no permission': [], '`--allow-net`': [`--allow-net=127.0.0.1`], '`--allow-read`': ['--allow-read'] }[setting]
      const args = ['run', '--no-prompt', '--quiet', '--node-modules-dir=manual', ...flags, `${name}.mjs`]
      const { stdout, stderr } = await run(BINARIES[tool], args, { cwd: user.dir, env: { ...env, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' }, timeout: 60_000 })
      if (stderr !== '') throw new Error(`Expected nothing on stderr, got ${stderr}`)
      return JSON.parse(stdout)
    },
    close() {},
  }
}
