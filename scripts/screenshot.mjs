// Takes docs/dashboard.png anew: the dashboard with a hundred breakers in an outage, five minutes of it in one. No test compares it, since browsers draw letters
// differently; needs `pkg/` and a Chromium. It must not know how the page is made.

import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { crc32, deflateSync, inflateSync } from 'node:zlib'
import { chromium } from 'playwright-core'
import { world } from '../tests/dashboard/world.js'
import { shell } from './run.mjs'

const FILE = 'docs/dashboard.png'
const SPEED = 5
const [WIDTH, HEIGHT] = [1440, 720]
/** From here on dependencies fail, and the picture is taken, in s of the world. */
const [SICK_FROM, TAKEN_AT] = [170, 300]

// Clocks and timers of this process run faster, its waiting for the browser included; those of the browser do not.
const { now } = Date
const start = now()
Date.now = () => start + (now() - start) * SPEED
const timeout = globalThis.setTimeout
globalThis.setTimeout = (action, ms, ...args) => timeout(action, ms / SPEED, ...args)

const { dashboard } = await import('../pkg/dashboard.js')
world.start = start
const shop = world({ count: 100, sick: 0.07, sickFrom: SICK_FROM })
const board = dashboard({ registries: shop.source, title: 'Shop' })
const server = createServer(board.node).listen(0, '127.0.0.1')
await once(server, 'listening')
const moves = setInterval(() => {
  while (shop.now + 250 <= Date.now() - start) shop.step(250)
}, 20)
const browser = await chromium.launch({ executablePath: shell('find_browser').trim(), args: ['--no-sandbox'] })
try {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: HEIGHT }, colorScheme: 'light' })
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  await page.waitForTimeout(TAKEN_AT * 1000)
  const png = withPalette(await page.screenshot())
  writeFileSync(FILE, png)
  console.log(`${FILE}: ${png.length} B`)
} finally {
  clearInterval(moves)
  await browser.close()
  board.close()
  server.closeAllConnections()
  server.close()
}

/** The same picture with at most 128 colours, the most frequent ones. */
function withPalette(png) {
  const chunks = {}
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) (chunks[png.toString('latin1', at + 4, at + 8)] ??= []).push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)))
  const size = chunks.IHDR[0][9] === 6 ? 4 : 3
  const rows = inflateSync(Buffer.concat(chunks.IDAT))
  const stride = WIDTH * size
  const pixels = Buffer.alloc(stride * HEIGHT)
  for (let y = 0; y < HEIGHT; y++) {
    const filter = rows[y * (stride + 1)]
    for (let x = 0; x < stride; x++) {
      const [left, above] = [x < size ? 0 : pixels[y * stride + x - size], y === 0 ? 0 : pixels[(y - 1) * stride + x]]
      const corner = x < size || y === 0 ? 0 : pixels[(y - 1) * stride + x - size]
      const [toLeft, toAbove, toCorner] = [left, above, corner].map((value) => Math.abs(left + above - corner - value))
      const paeth = toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner
      pixels[y * stride + x] = rows[y * (stride + 1) + 1 + x] + [0, left, above, (left + above) >> 1, paeth][filter]
    }
  }
  const counts = new Map()
  const colourAt = (pixel) => pixels.readUIntBE(pixel * size, 3)
  for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) counts.set(colourAt(pixel), (counts.get(colourAt(pixel)) ?? 0) + 1)
  const palette = [...counts].sort(([, one], [, other]) => other - one).slice(0, 128).map(([colour]) => colour)
  const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]
  const distance = (one, other) => parts(one).reduce((sum, part, index) => sum + (part - parts(other)[index]) ** 2, 0)
  const nearest = new Map([...counts.keys()].map((colour) => [colour, palette.reduce((best, _, index) => (distance(colour, palette[index]) < distance(colour, palette[best]) ? index : best), 0)]))
  const data = Buffer.alloc((WIDTH + 1) * HEIGHT)
  for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) data[pixel + Math.floor(pixel / WIDTH) + 1] = nearest.get(colourAt(pixel))
  const head = Buffer.from(chunks.IHDR[0])
  head[9] = 3
  return Buffer.concat([png.subarray(0, 8), chunk('IHDR', head), chunk('PLTE', Buffer.from(palette.flatMap(parts))), chunk('IDAT', deflateSync(data, { level: 9 })), chunk('IEND', Buffer.alloc(0))])
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const whole = Buffer.alloc(body.length + 8)
  whole.writeUInt32BE(data.length)
  body.copy(whole, 4)
  whole.writeUInt32BE(crc32(body), body.length + 4)
  return whole
}
