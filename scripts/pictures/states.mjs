// Draws the three states and what leads from one to the next. It must not know any figures.

import { path, rect, svg, text } from './svg.mjs'

const WIDTH = 880
const HEIGHT = 320
const BOX = { width: 210, height: 84 }

/** Where each state stands, by its upper left corner, and what becomes of calls in it. */
const STATES = {
  closed: { x: 60, y: 32, calls: 'calls run' },
  open: { x: 610, y: 32, calls: 'calls are refused at once' },
  half_open: { x: 335, y: 204, calls: 'one test request at a time' },
}

export function drawStates() {
  const arrow = (/** @type {string} */ d) => path(d, 'line-muted', 'stroke-width="2" marker-end="url(#head)"')
  const { closed, open, half_open } = STATES
  const middle = closed.y + BOX.height / 2
  const below = closed.y + BOX.height
  return svg(
    {
      width: WIDTH,
      height: HEIGHT,
      title: 'The states of a circuit breaker',
      description:
        'Closed: calls run. When failures reach the threshold it becomes open: calls are refused at once. After the recovery time it becomes half open: one test request at a time. If enough succeed it becomes closed, if one fails it becomes open again.',
      defs: '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" class="muted"/></marker>',
    },
    [
      arrow(`M${closed.x + BOX.width} ${middle}H${open.x - 2}`),
      text(WIDTH / 2, middle - 12, 'text middle', 'failures reach the threshold'),
      text(WIDTH / 2, middle + 22, 'muted small middle', 'failureThreshold, failureRate, slowCallRate'),

      arrow(`M740 ${below}V${half_open.y + 60}H${half_open.x + BOX.width + 2}`),
      text(752, 166, 'text', 'its time is up'),
      text(752, 184, 'muted small', 'recoveryTimeout'),

      arrow(`M${half_open.x + BOX.width} ${half_open.y + 24}H650V${below + 2}`),
      text(638, 166, 'text end', 'a test request fails'),

      arrow(`M${half_open.x} ${half_open.y + BOX.height / 2}H165V${below + 2}`),
      text(177, 166, 'text', 'enough test requests succeed'),
      text(177, 184, 'muted small', 'successThreshold'),

      ...Object.entries(STATES).flatMap(([name, { x, y, calls }]) => [
        rect(x, y, BOX.width, BOX.height, `paper line-${name}`, 'rx="10" stroke-width="3"'),
        text(x + BOX.width / 2, y + 36, 'text code bold middle', name),
        text(x + BOX.width / 2, y + 60, 'muted middle', calls),
      ]),
    ]
  )
}
