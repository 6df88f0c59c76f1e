// Draws what the simulation of fleets found, from the figures in docs/fleet.json. It must not know what they ought to be.

import { key, n, path, rect, svg, text } from './svg.mjs'

/** @typedef {{ replicas: number, rate: number, hasFleet: boolean, hits: number, series?: number[] }} Outage */
/** @typedef {{ hasFleet: boolean, spread: number, failed: number, seconds: { failed: number, closed: number }[] }} BrownOut */
/** @typedef {{ outage: Outage[], brownOut: BrownOut[] }} Figures */

const WIDTH = 880
const LEFT = 66
const RIGHT = 858

/** How many there are, to be read. */
const many = (/** @type {number} */ value) => value.toLocaleString('en-US')

/**
 * Lines of a curve, from points.
 *
 * @param {[number, number][]} points
 */
const curve = (points) => points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${n(x)} ${n(y)}`).join('')

const grid = (/** @type {number} */ left, /** @type {number} */ right, /** @type {number} */ y, /** @type {string} */ say) => [
  path(`M${n(left)} ${n(y)}H${n(right)}`, 'line-grid'),
  text(left - 8, y + 4, 'muted small end', say),
]

/** Requests to a sick upstream for each process, alone and as a fleet. */
export function drawHits(/** @type {Figures} */ { outage }) {
  const sizes = [...new Set(outage.map(({ replicas }) => replicas))]
  const rates = [...new Set(outage.map(({ rate }) => rate))]
  const top = 104
  const bottom = 284
  const gap = 26
  const width = (RIGHT - LEFT - gap * (sizes.length - 1)) / sizes.length
  const y = (/** @type {number} */ value) => bottom - ((Math.log10(Math.max(0.02, value)) - Math.log10(0.02)) / (Math.log10(20) - Math.log10(0.02))) * (bottom - top)
  const parts = sizes.flatMap((replicas, index) => {
    const left = LEFT + index * (width + gap)
    const group = width / rates.length
    return [
      text(left, top - 14, 'text bold', `${many(replicas)} processes`),
      ...[0.1, 1, 10].flatMap((value) => index === 0 ? grid(left, left + width, y(value), String(value)) : [path(`M${n(left)} ${n(y(value))}H${n(left + width)}`, 'line-grid')]),
      ...rates.flatMap((rate, place) =>
        [false, true].flatMap((hasFleet) => {
          const row = outage.find((one) => one.replicas === replicas && one.rate === rate && one.hasFleet === hasFleet)
          if (row === undefined) return []
          const at = y(row.hits / replicas)
          return [rect(left + place * group + 4 + (hasFleet ? (group - 8) / 2 : 0), at, (group - 8) / 2 - 1, bottom - at, hasFleet ? 'upstream' : 'errors')]
        })
      ),
      path(`M${n(left)} ${bottom}H${n(left + width)}`, 'line-muted'),
      ...rates.map((rate, place) => text(left + place * group + group / 2, bottom + 17, 'muted small middle', String(rate))),
    ]
  })
  return svg(
    {
      width: WIDTH,
      height: 336,
      title: 'Requests to a sick upstream, with and without a fleet',
      description: 'How many requests of one process reach an upstream that answers nothing for two minutes, for fleets of 10 to 10,000 processes that make 0.01 to 10 calls a second each. A fleet lets about ten times fewer through where each process makes a call in ten seconds, and about as many where each makes ten a second.',
    },
    [
      ...key(LEFT, 'errors', 'each process alone'),
      ...key(LEFT + 200, 'upstream', 'as a fleet'),
      text(RIGHT, 34, 'muted small end', 'requests of one process that reach it in an outage of two minutes, logarithmic'),
      ...parts,
      text((LEFT + RIGHT) / 2, 324, 'muted small middle', 'calls of each process in a second'),
    ]
  )
}

/** What an upstream gets that comes back weak. */
export function drawBrownOut(/** @type {Figures} */ { brownOut }) {
  const shown = brownOut.filter(({ hasFleet }) => hasFleet)
  const length = 25
  const most = Math.max(...shown.flatMap(({ seconds }) => seconds.map(({ failed }) => failed * 2)))
  const ceiling = Math.ceil(most / 200) * 200
  const panel = 110
  const tops = shown.map((_, index) => 78 + index * (panel + 46))
  const x = (/** @type {number} */ second) => LEFT + (second / length) * (RIGHT - LEFT - 60)
  const right = x(length)
  const parts = shown.flatMap(({ spread, failed, seconds }, index) => {
    const top = tops[index]
    const bottom = top + panel
    const y = (/** @type {number} */ value) => bottom - (value / ceiling) * panel
    const part = seconds.slice(0, length * 2)
    return [
      text(LEFT, top - 12, 'text bold', spread === 0 ? 'All let go at once' : `Each lets go within ${spread / 1000} s`),
      text(right, top - 12, 'muted small end', `${many(failed)} failed calls in all`),
      ...[0, ceiling / 2, ceiling].flatMap((value) => grid(LEFT, right, y(value), many(value))),
      ...part.flatMap(({ failed: count }, place) => count === 0 ? [] : [rect(x(place / 2), y(count * 2), x(0.5) - x(0) - 1, bottom - y(count * 2), 'errors')]),
      path(curve(part.map(({ closed }, place) => [x(place / 2 + 0.25), bottom - closed * panel])), 'line-upstream', 'stroke-width="2.5" stroke-linejoin="round"'),
      path(`M${LEFT} ${bottom}H${n(right)}`, 'line-muted'),
      text(right + 8, top + 4, 'upstream small', '100 %'),
      text(right + 8, bottom + 4, 'upstream small', '0 %'),
    ]
  })
  const bottom = tops[tops.length - 1] + panel
  return svg(
    {
      width: WIDTH,
      height: bottom + 60,
      title: 'An upstream that comes back weak, by how its fleet lets go',
      description: 'A thousand processes with a call a second each; the upstream comes back at a fifth of its capacity and has the rest ten seconds after its first answer. Where all processes let go at once, most of their calls fail; where each lets go within five seconds, few do, and within ten seconds none.',
    },
    [
      ...key(LEFT, 'errors', 'failed calls in a second'),
      ...key(LEFT + 200, 'upstream', 'processes whose circuit is closed'),
      ...parts,
      ...Array.from({ length: length / 5 + 1 }, (_, index) => text(x(index * 5), bottom + 17, 'muted small middle', String(index * 5))),
      text((LEFT + right) / 2, bottom + 42, 'muted small middle', 'seconds since the upstream is back'),
    ]
  )
}

const median = (/** @type {number[]} */ list) => [...list].sort((one, other) => one - other)[Math.floor(list.length / 2)]

/** What a store is asked in an outage. */
export function drawStore(/** @type {Figures} */ { outage }) {
  const shown = outage.filter(({ series }) => series !== undefined)
  const top = 62
  const bottom = 302
  const length = Math.max(...shown.map(({ series = [] }) => series.length))
  const right = RIGHT - 124
  const x = (/** @type {number} */ second) => LEFT + (second / length) * (right - LEFT)
  const y = (/** @type {number} */ value) => bottom - (Math.log10(Math.max(1, value)) / 3.5) * (bottom - top)
  return svg(
    {
      width: WIDTH,
      height: 356,
      title: 'What a fleet asks its store in an outage',
      description: 'Scripts a second from ten seconds before an outage of two minutes to twenty seconds after it, for fleets of 10 to 10,000 processes with a call in ten seconds each: a fleet that is well polls, and a hearing of some seconds asks for most.',
    },
    [
      text(LEFT, 34, 'text bold', 'Scripts a second, at a call in ten seconds of each process'),
      text(RIGHT, 34, 'muted small end', 'logarithmic'),
      rect(x(10), top, x(130) - x(10), bottom - top, 'sick'),
      text((x(10) + x(130)) / 2, top + 14, 'muted small middle', 'the upstream is sick'),
      ...[1, 10, 100, 1000].flatMap((value) => grid(LEFT, right, y(value), many(value))),
      ...shown.flatMap(({ replicas, series = [] }, index) => {
        const kind = ['fallback', 'upstream', 'open', 'errors'][index % 4]
        return [
          path(curve(series.map((value, second) => [x(second + 0.5), y(value)])), `line-${kind}`, 'stroke-width="2" stroke-linejoin="round"'),
          text(right + 10, y(median(series)) + 4, `${kind} small bold`, `${many(replicas)} processes`),
        ]
      }),
      ...Array.from({ length: Math.floor((length - 10) / 30) + 1 }, (_, index) => text(x(index * 30 + 10), bottom + 17, 'muted small middle', String(index * 30))),
      text((LEFT + right) / 2, bottom + 42, 'muted small middle', 'seconds since the upstream fell ill'),
    ]
  )
}
