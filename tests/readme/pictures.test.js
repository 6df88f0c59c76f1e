// The committed pictures against what draws them, and their figures against the demo's plan. It must not know how they look.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ACTS, LOAD, SERVICE_TIMEOUT, schedule } from '../../examples/demo/plan.js'
import { FIGURES, pictures } from '../../scripts/pictures.mjs'
import { drawOutage } from '../../scripts/pictures/outage.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const text = (path) => readFileSync(join(root, path), 'utf8')
const figures = JSON.parse(text(FIGURES))

describe('the pictures', () => {
  for (const [path, drawn] of Object.entries(pictures())) {
    it(`have ${path} as \`node scripts/pictures.mjs\` draws it`, () => assert.equal(text(path), drawn))

    it(`have a title, a description and two sets of colours in ${path}, and load nothing`, () => {
      assert.match(drawn, /<title id="title">.+<\/title>/)
      assert.match(drawn, /<desc id="description">.+<\/desc>/)
      assert.match(drawn, /@media\(prefers-color-scheme:dark\)/)
      assert.doesNotMatch(drawn.replace('xmlns="http://www.w3.org/2000/svg"', ''), /https?:|url\((?!#)|@import|href/)
    })
  }

  it('are all there are', () => {
    const committed = readdirSync(join(root, 'docs'), { recursive: true }).filter((name) => name.endsWith('.svg'))
    assert.deepEqual(committed.map((name) => `docs/${name}`).sort(), Object.keys(pictures()).sort())
  })

  it('are each shown in the README or in a page', () => {
    const pages = ['README.md', ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)].map(text).join('\n')
    for (const path of Object.keys(pictures())) assert.match(pages, new RegExp(`!\\[[^\\]]+\\]\\((docs/)?${path.replace('docs/', '')}\\)`), path)
  })

  it('change with the figures', () => {
    const other = structuredClone(figures)
    other.acts[1].intervals[0].errors++
    assert.notEqual(drawOutage(other), drawOutage(figures))
  })
})

describe(FIGURES, () => {
  it('has the figures that the README gives below the plot', () => {
    const [without, guarded] = ['without', 'with'].map((key) => figures.acts.find((act) => act.key === key))
    const { begin, end } = without.phases.find(({ sick }) => sick)
    const readme = text('README.md').replaceAll('\n', ' ')
    for (const fact of [
      `${figures.rate} requests a second`,
      `outage of ${(end - begin) / 1000} s`,
      `after ${figures.timeout / 1000} s`,
      `after ${ACTS.find(({ key }) => key === 'with').breaker.failureThreshold} failures in a row`,
      `${guarded.figures.errors} of ${guarded.figures.requests} requests end as errors instead of ${without.figures.errors}`,
      `${guarded.figures.hitsWhileSick} reach the sick upstream instead of ${without.figures.hitsWhileSick}`,
    ]) assert.ok(readme.includes(fact), `The README does not say: ${fact}`)
    assert.equal(without.figures.requests, guarded.figures.requests)
  })

  it("is of the demo's present plan: else measure again", () => {
    assert.deepEqual([figures.rate, figures.seed, figures.timeout], [LOAD.rate, LOAD.seed, SERVICE_TIMEOUT])
    assert.deepEqual(
      figures.acts.map(({ key, phases }) => [key, phases]),
      ACTS.map((act) => [act.key, schedule(act).map(({ name, sick, begin, end }) => ({ name, sick, begin, end }))])
    )
  })
})
