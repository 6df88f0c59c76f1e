// Users' projects in the settings that users have: the installed tarball, found as TypeScript finds it, in each version of it, with the types of each host.
// What is compiled is in `users`; then what the compiler made of it, as a user of that user has it. `HALFOPEN_TYPES=all` has all combinations instead of
// each pair of values. It must not know what the types are.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { projects } from './projects.js'
import { FACTORS, all, compilerOptions, filesOf, isPossible, pairwise, title, typeOf } from './settings.js'

const rows = process.env.HALFOPEN_TYPES === 'all' ? all() : pairwise()
const users = fileURLToPath(new URL('users', import.meta.url))

let user
before(async () => {
  user = await projects()
})
after(() => user?.remove())

const complaints = (row, files = filesOf(row)) => user.complaints({ ...row, type: typeOf(row), compilerOptions: compilerOptions(row), files })

describe('The settings', () => {
  it('have each pair of values that there is', () => {
    const missing = []
    const factors = Object.entries(FACTORS)
    for (const [index, [one, ones]] of factors.entries()) {
      for (const [other, others] of factors.slice(index + 1)) {
        for (const pair of ones.flatMap((value) => others.map((another) => ({ [one]: value, [other]: another })))) {
          if (isPossible(pair) && !rows.some((row) => row[one] === pair[one] && row[other] === pair[other])) missing.push(pair)
        }
      }
    }
    assert.deepEqual(missing, [])
  })

  it('have the versions that are installed, and no other', () => {
    const { devDependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
    const installed = Object.keys(devDependencies)
    assert.deepEqual(FACTORS.typescript.map((version) => `typescript${version}`), installed.filter((name) => name.startsWith('typescript')).sort())
    assert.deepEqual(FACTORS.host.filter((host) => !['dom', 'none'].includes(host)).sort(), installed.filter((name) => /^(node|workers)/.test(name)).sort())
    for (const version of FACTORS.typescript) assert.ok(devDependencies[`typescript${version}`].startsWith(`npm:typescript@${version}.`), version)
  })
})

describe("A user's project compiles, and so does what is made of it", () => {
  for (const row of rows) {
    it(title(row), async () => assert.equal(await complaints(row), ''))
  }
})

describe('A user of one entry alone', () => {
  for (const file of ['fetch-alone.ts', 'undici-alone.ts']) {
    for (const [typescript, modules] of [['5.4', 'node16-cjs'], ['6.0', 'node10'], ['7.0', 'node16-esm']]) {
      it(`has declarations that name all that comes out of it: ${file}, TypeScript ${typescript}, ${modules}`, async () => {
        assert.equal(await complaints({ typescript, modules, host: 'node22', lib: 'es2020', optional: 'exact' }, [file]), '')
      })
    }
  }
})

describe('undici', () => {
  for (const version of ['undici7', 'undici8']) {
    it(`takes the guards as ${version} declares what it takes`, async () => {
      const row = { typescript: '5.9', modules: 'node16-esm', host: 'node26', lib: 'es2022', optional: 'exact' }
      const name = `${version}.ts`
      await user.write(row.host, typeOf(row), name, readFileSync(join(users, 'undici.ts'), 'utf8').replace("'undici'", `'${version}'`))
      assert.equal(await complaints(row, [name]), '')
    })
  }
})

describe('The compilers', () => {
  const wrong = "import { CircuitBreaker } from 'halfopen'\nexport const state: 'ajar' = new CircuitBreaker().state\n"
  for (const typescript of FACTORS.typescript) {
    it(`find what is wrong: TypeScript ${typescript}`, async () => {
      const row = { typescript, modules: 'node16-esm', host: 'none', lib: 'es2020', optional: 'exact' }
      await user.write(row.host, typeOf(row), 'wrong.ts', wrong)
      assert.match(await complaints(row, ['wrong.ts']), /wrong\.ts\(2,14\): error TS2322/)
    })
  }
})
