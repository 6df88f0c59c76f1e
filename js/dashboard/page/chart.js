/**
 * The last minutes of a breaker as bars: calls that went well, failed and were refused, and below them its state.
 *
 * Must not know: how numbers come, what a card is.
 */
import { draw, mark } from './elements.js'
import { BAD, BAR, BARS, GOOD, TURNED_AWAY, UNKNOWN } from './model.js'

/** @import { Item } from './model.js' */

/** The drawing's own units: two to a bar. */
const WIDTH = BARS * 2
/** For the bars, and for the strip of states below. */
const BARS_HEIGHT = 20
const STRIP_HEIGHT = 4
const HEIGHT = BARS_HEIGHT + 1 + STRIP_HEIGHT

/** An empty chart, and what draws an item into it. */
export function chart() {
  const path = (/** @type {string} */ className) => draw('path', { class: className })
  const paths = ['good', 'bad', 'refused', 'unknown', 'open', 'half'].map(path)
  const base = draw('path', { class: 'base', d: `M0 ${BARS_HEIGHT + 0.25}H${WIDTH}` })
  const svg = draw('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', class: 'chart', 'aria-hidden': 'true', focusable: 'false' }, base, ...paths)
  const [good, bad, refused, unknown, open, half] = paths.map((one) => mark(one, 'd'))
  let most = 0
  return {
    element: svg,
    /** Calls of the highest bar. */
    most: () => most,
    /**
     * @param {Item} item
     * @param {number} now
     */
    draw(item, now) {
      // The bar of now is as high as it will be if it goes on like this.
      const part = BAR / Math.max(900, Math.min(BAR, item.pace.covered(0, now)))
      const callsOf = (/** @type {number} */ kind, /** @type {number} */ ago) => item.counted(kind, ago, now) * (ago === 0 ? part : 1)
      most = 0
      for (let ago = 0; ago < BARS; ago++) most = Math.max(most, callsOf(GOOD, ago) + callsOf(BAD, ago) + callsOf(TURNED_AWAY, ago))
      const heights = ['', '', '']
      const strip = /** @type {Record<number, string>} */ ({ 1: '', 2: '', [UNKNOWN]: '' })
      for (let ago = 0; ago < BARS; ago++) {
        const x = WIDTH - 2 * (ago + 1)
        let y = BARS_HEIGHT
        for (const kind of [BAD, TURNED_AWAY, GOOD]) {
          const calls = callsOf(kind, ago)
          if (calls === 0) continue
          // Whatever there is can be seen.
          const height = Math.max(1, (calls / most) * BARS_HEIGHT)
          const top = Math.max(0, y - height)
          heights[kind] += bar(x, top, y - top)
          y = top
        }
        const state = item.stateAt(ago, now)
        if (state in strip) strip[state] += state === 1 ? stretch(x, BARS_HEIGHT + 1, STRIP_HEIGHT) : stretch(x, BARS_HEIGHT + 2, STRIP_HEIGHT - 2)
      }
      good(heights[GOOD])
      bad(heights[BAD])
      refused(heights[TURNED_AWAY])
      unknown(strip[UNKNOWN])
      open(strip[1])
      half(strip[2])
    }
  }
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} height
 */
const bar = (x, y, height) => `M${x} ${round(y)}h1.5v${round(height)}h-1.5z`

/**
 * @param {number} x
 * @param {number} y
 * @param {number} height
 */
const stretch = (x, y, height) => `M${x} ${y}h2v${height}h-2z`

/** @param {number} number */
const round = (number) => Math.round(number * 10) / 10
