// Draws the pictures of the documents: docs/states.svg, docs/outage.svg from the figures in docs/outage.json, and docs/fleet-*.svg from those in
// docs/fleet.json. A test draws them again and compares. It must not know how a picture is drawn.
//   npm run demo -- --figures docs/outage.json    measures the figures anew
//   npm run simulate                              simulates fleets anew
//   node scripts/pictures.mjs                     draws
//   node scripts/pictures.mjs --png folder        also renders each on a light and on a dark page, to look at

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { drawBrownOut, drawHits, drawStore } from './pictures/fleet.mjs'
import { drawOutage } from './pictures/outage.mjs'
import { drawStates } from './pictures/states.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The figures that the plot is drawn from, as the demo wrote them. */
export const FIGURES = 'docs/outage.json'

/** And those of fleets, as the simulation wrote them. */
const FLEET = 'docs/fleet.json'

const read = (/** @type {string} */ path) => JSON.parse(readFileSync(join(root, path), 'utf8'))

/** Each picture by its path, as it is to be. */
export const pictures = () => ({
  'docs/states.svg': drawStates(),
  'docs/outage.svg': drawOutage(read(FIGURES)),
  'docs/fleet-hits.svg': drawHits(read(FLEET)),
  'docs/fleet-brown-out.svg': drawBrownOut(read(FLEET)),
  'docs/fleet-store.svg': drawStore(read(FLEET)),
})

async function render(/** @type {string} */ folder) {
  const { chromium } = await import('playwright-core')
  const executablePath = execFileSync('bash', ['-c', 'source scripts/toolchain.sh && find_browser'], { cwd: root, encoding: 'utf8' }).trim()
  const { 'goog:chromeOptions': { args } } = JSON.parse(readFileSync(join(root, 'tests/webdriver.json'), 'utf8'))
  const browser = await chromium.launch({ executablePath, args })
  mkdirSync(folder, { recursive: true })
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const page = await browser.newPage({ colorScheme, viewport: { width: 920, height: 700 } })
    for (const [path, svg] of Object.entries(pictures())) {
      await page.setContent(`<body style="margin:20px;background:${colorScheme === 'dark' ? '#0d1117' : '#fff'}"><img src="data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}">`)
      const to = join(folder, `${path.replace(/^docs\/(.+)\.svg$/, '$1')}-${colorScheme}.png`)
      await page.screenshot({ path: to, fullPage: true })
      console.log(to)
    }
  }
  await browser.close()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { png: { type: 'string' } } })
  for (const [path, svg] of Object.entries(pictures())) writeFileSync(join(root, path), svg)
  if (values.png !== undefined) await render(values.png)
}
