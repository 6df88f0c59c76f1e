// Draws an outage with and without the breaker, from the figures of the demo. It must not know what they ought to be.

import { key, n, path, rect, svg, text } from './svg.mjs'

/**
 * What `npm run demo -- --figures` writes, as far as it is drawn.
 *
 * @typedef {{ from: number, upstream: number, fallback: number, errors: number, p50: number }} Interval
 * @typedef {{ key: string, phases: { sick: boolean, begin: number, end: number }[], changes: { to: string, at: number }[], intervals: Interval[] }} Act
 * @typedef {{ rate: number, interval: number, acts: Act[] }} Figures
 */

const WIDTH = 880
const LEFT = 66
const RIGHT = 858

/** The top and bottom of each panel. */
const WITHOUT = { top: 84, bottom: 204 }
const WITH = { top: 272, bottom: 392 }
const STRIP = { top: 400, bottom: 420 }
const LATENCY = { top: 494, bottom: 614 }
const HEIGHT = 668

/** What a client can get, from the bottom of a column to its top. */
const KINDS = /** @type {const} */ ([
  ['upstream', 'answer from the upstream'],
  ['fallback', 'answer from the fallback'],
  ['errors', 'error'],
])

/** What a state needs to be named in the strip, in px. */
const NAME_WIDTH = { closed: 46, open: 32, half_open: 62 }

/** @param {Figures} figures */
export function drawOutage({ interval, acts }) {
  const [without, guarded] = ['without', 'with'].map((key) => /** @type {Act} */ (acts.find((act) => act.key === key)))
  const length = without.phases[without.phases.length - 1].end
  const x = (/** @type {number} */ moment) => LEFT + (moment / length) * (RIGHT - LEFT)
  const sick = without.phases.filter((phase) => phase.sick)
  const perSecond = (/** @type {number} */ count) => (count * 1000) / interval
  const most = Math.max(...[without, guarded].flatMap(({ intervals }) => intervals.map(({ upstream, fallback, errors }) => perSecond(upstream + fallback + errors))))
  const ceiling = Math.ceil(most / 50) * 50

  const band = (/** @type {{ top: number, bottom: number }} */ { top, bottom }) =>
    sick.map(({ begin, end }) => rect(x(begin), top, x(end) - x(begin), bottom - top, 'sick'))

  const seconds = (/** @type {number} */ bottom) => [
    path(`M${LEFT} ${bottom}H${RIGHT}`, 'line-muted'),
    ...Array.from({ length: Math.floor(length / 1000) + 1 }, (_, second) => {
      const unit = second === Math.floor(length / 1000) ? ' s' : ''
      return text(x(second * 1000), bottom + 17, unit ? 'muted small end' : 'muted small middle', `${second}${unit}`)
    }),
  ]

  /** A grid of lines with their values, and what they are of. */
  const scale = (/** @type {number[]} */ values, /** @type {(value: number) => number} */ y, /** @type {(value: number) => string} */ say) =>
    values.flatMap((value) => [path(`M${LEFT} ${n(y(value))}H${RIGHT}`, 'line-grid'), text(LEFT - 8, y(value) + 4, 'muted small end', say(value))])

  function columns(/** @type {Act} */ { intervals }, /** @type {{ top: number, bottom: number }} */ panel) {
    const y = (/** @type {number} */ rate) => panel.bottom - (rate / ceiling) * (panel.bottom - panel.top)
    const width = x(interval) - x(0) - 2
    return [
      ...band(panel),
      ...scale(Array.from({ length: ceiling / 50 + 1 }, (_, index) => index * 50), y, String),
      ...intervals.flatMap((one) => {
        let below = 0
        return KINDS.flatMap(([kind]) => {
          const from = below
          below += perSecond(one[kind])
          return one[kind] === 0 ? [] : [rect(x(one.from) + 1, y(below), width, y(from) - y(below), kind)]
        })
      }),
    ]
  }

  function strip(/** @type {Act} */ { changes }) {
    const changed = [{ to: 'closed', at: 0 }, ...changes]
    return changed.flatMap(({ to, at }, index) => {
      const from = x(at)
      const width = x(changed[index + 1]?.at ?? length) - from
      const named = width >= NAME_WIDTH[/** @type {keyof typeof NAME_WIDTH} */ (to)]
      return [
        rect(from, STRIP.top, width, STRIP.bottom - STRIP.top, to),
        ...(named ? [text(from + width / 2, STRIP.top + 14, `tiny code middle ${to === 'half_open' ? 'onHalfOpen' : 'onColor'}`, to)] : []),
      ]
    })
  }

  function latency() {
    const decades = [1, 10, 100, 1000]
    const y = (/** @type {number} */ ms) => LATENCY.bottom - (Math.log10(Math.max(1, ms)) / 3.2) * (LATENCY.bottom - LATENCY.top)
    const curve = (/** @type {Act} */ { intervals }) =>
      intervals.map(({ from, p50 }, index) => `${index === 0 ? 'M' : 'L'}${n(x(from + interval / 2))} ${n(y(p50))}`).join('')
    return [
      ...band(LATENCY),
      ...scale(decades, y, (ms) => (ms < 1000 ? `${ms} ms` : `${ms / 1000} s`)),
      path(curve(without), 'line-errors', 'stroke-width="2.5" stroke-linejoin="round"'),
      path(curve(guarded), 'line-upstream', 'stroke-width="2.5" stroke-linejoin="round"'),
      text(x(4000), y(800) + 22, 'errors bold middle', 'without'),
      text(x(4000), y(1.5) - 14, 'upstream bold middle', 'with the breaker'),
    ]
  }

  const heading = (/** @type {number} */ top, /** @type {string} */ title, /** @type {string} */ unit) => [
    text(LEFT, top - 14, 'text bold', title),
    text(RIGHT, top - 14, 'muted small end', unit),
  ]
  const RATE = 'requests a second, by when they came'

  return svg(
    {
      width: WIDTH,
      height: HEIGHT,
      title: 'An outage without and with the breaker',
      description:
        'Without a breaker every request of the outage waits for its timeout and is an error. With it the circuit opens after the first failures, the fallback answers at once, and service is back as soon as the upstream is.',
    },
    [
      ...legend(),
      ...heading(WITHOUT.top, 'Without a breaker', RATE),
      ...columns(without, WITHOUT),
      ...sick.map(({ begin, end }) => text((x(begin) + x(end)) / 2, WITHOUT.top + 14, 'muted small middle', 'the upstream is sick')),
      ...seconds(WITHOUT.bottom),
      ...heading(WITH.top, 'With the breaker', RATE),
      ...columns(guarded, WITH),
      path(`M${LEFT} ${WITH.bottom}H${RIGHT}`, 'line-muted'),
      text(LEFT - 8, STRIP.top + 14, 'muted small end', 'state'),
      ...strip(guarded),
      ...seconds(STRIP.bottom),
      ...heading(LATENCY.top, 'How long half of the clients waited at most', 'median latency, logarithmic'),
      ...latency(),
      ...seconds(LATENCY.bottom),
      text((LEFT + RIGHT) / 2, HEIGHT - 14, 'muted small middle', 'time since the beginning, in seconds'),
    ]
  )
}

function legend() {
  const places = [LEFT, LEFT + 216, LEFT + 420]
  return KINDS.flatMap(([kind, name], index) => key(places[index], kind, name))
}
