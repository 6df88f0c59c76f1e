// The settings that users compile in: what varies, which combinations there are, and the tsconfig.json of one. It must not know what is compiled.

import * as combinations from '../../combinations.js'

/** What varies, with all values of each. A version of TypeScript or of the types of Node is one in package.json, too. */
export const FACTORS = {
  typescript: ['5.4', '5.9', '6.0', '7.0'],
  /** How modules are found, and what a file is. */
  modules: ['node16-cjs', 'node16-esm', 'bundler', 'node10'],
  /** Where the names of the host come from. */
  host: ['dom', 'node20', 'node22', 'node24', 'node26', 'workers', 'none'],
  lib: ['es2020', 'es2022'],
  /** Whether `exactOptionalPropertyTypes` is set. */
  optional: ['exact', 'loose'],
}

/** Combinations that nobody has, with the reason. */
const IMPOSSIBLE = [
  { typescript: '7.0', modules: 'node10' }, // It was taken out of TypeScript 7.
  { typescript: '5.4', host: 'node26' }, // These types ask for TypeScript 5.6 themselves.
]

/** Whether there is such a combination, as far as it is chosen. */
export const isPossible = (row) => !IMPOSSIBLE.some((never) => Object.entries(never).every(([factor, value]) => row[factor] === value))

/** All combinations. */
export const all = () => combinations.all(FACTORS, isPossible)

/** Combinations in which each pair of values stands at least once. */
export const pairwise = () => combinations.pairwise(all())

export const title = ({ typescript, modules, host, lib, optional }) => `TypeScript ${typescript}, ${modules}, ${host}, ${lib}, ${optional}`

const MODULES = {
  'node16-cjs': { module: 'node16', moduleResolution: 'node16' },
  'node16-esm': { module: 'node16', moduleResolution: 'node16' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
  node10: { module: 'commonjs', moduleResolution: 'node10' },
}

/** What a file is where its name does not say. */
export const typeOf = ({ modules }) => (modules === 'node16-cjs' || modules === 'node10' ? 'commonjs' : 'module')

/** As strict as TypeScript can be, with the declarations of the package checked as well (no `skipLibCheck`). */
export const compilerOptions = ({ typescript, modules, host, lib, optional }) => ({
  ...MODULES[modules],
  target: lib,
  lib: host === 'dom' ? [lib, 'dom', 'dom.iterable'] : [lib],
  types: host.startsWith('node') ? ['node'] : host === 'workers' ? ['@cloudflare/workers-types'] : [],
  strict: true,
  noUncheckedIndexedAccess: true,
  noImplicitOverride: true,
  exactOptionalPropertyTypes: optional === 'exact',
  skipLibCheck: false,
  // TypeScript's own: a third of the time, and none of ours.
  skipDefaultLibCheck: true,
  declaration: true,
  ...(modules === 'node10' && typescript === '6.0' ? { ignoreDeprecations: '6.0' } : {}),
})

/** The files of `users` that a user with these settings can have. */
export const filesOf = ({ modules, host }) => [
  'service.ts',
  'generic.ts',
  ...(modules.endsWith('cjs') ? ['required.cts'] : []),
  ...(host === 'none' ? [] : ['host.ts']),
  ...(host === 'dom' ? ['dom.ts'] : []),
  ...(host.startsWith('node') ? ['using.ts'] : []),
]
