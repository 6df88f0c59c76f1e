/**
 * The card of a breaker: what it is called, its state in words, the last minutes, four numbers, and what it waits for.
 *
 * Must not know: where cards lie, where numbers come from.
 */
import { DUE, IN_A_ROW, IN_FLIGHT, P99, PASSED, SINCE } from './wire.js'
import { chart } from './chart.js'
import { make, mark, slot } from './elements.js'
import { few, percent, span, took } from './format.js'
import { TIERS } from './model.js'

/** @import { Item } from './model.js' */

/** A share of failures from which on it stands out. */
const WORTH = 0.01

/** How states are called where people read. */
export const WORDS = { closed: 'Closed', open: 'Open', half_open: 'Half open' }

/**
 * A card, empty but for its name until it is shown.
 *
 * @param {Item} item
 * @param {string} href
 */
export function card(item, href) {
  const name = make('span', 'name', shortened(item.label))
  name.title = item.label
  const link = /** @type {HTMLAnchorElement} */ (make('a', 'card', make('span', 'head', make('span', 'sign'), name)))
  link.href = href
  const setTier = mark(link, 'data-tier')
  const setState = mark(link, 'data-state')
  /** @type {undefined | ((now: number) => void)} */
  let update
  const stand = () => {
    setTier(TIERS[item.tier])
    setState(item.state)
  }
  return {
    link,
    /** Looks like where it stands, seen or not. */
    stand,
    /** @param {number} now */
    show(now) {
      stand()
      update ??= fill(link, item)
      update(now)
    }
  }
}

/**
 * Makes the rest of a card, and gives what keeps it up to date.
 *
 * @param {HTMLElement} link
 * @param {Item} item
 */
function fill(link, item) {
  const [stateText, age, wait, note] = ['word', 'age', 'wait', 'note'].map((name) => make('span', name))
  const head = /** @type {Element} */ (link.firstChild)
  head.append(note)
  const setStale = mark(link, 'data-stale')
  const bars = chart()
  const numbers = ['calls/s', 'failed', 'refused/s', ''].map(number)
  const [calls, failed, refused, fourth] = numbers
  link.append(bars.element, make('span', 'numbers', ...numbers.map(({ element }) => element)), make('span', 'foot', stateText, age, wait))
  const [setWord, setAge, setWait, setNote] = [stateText, age, wait, note].map(slot)
  return (/** @type {number} */ now) => {
    const { values, mode } = item
    const recent = item.recently(now)
    setWord(word(item))
    setAge(values[SINCE] >= 0 && item.state !== 'closed' ? span(now - values[SINCE]) : '')
    bars.draw(item, now)
    calls.set(few(recent.calls))
    failed.set(percent(recent.failed), recent.failed >= WORTH)
    refused.set(few(recent.refused), recent.refused > 0, mode === 'observing' ? 'would ref.' : 'refused/s')
    // A latency is kept where somebody asked for it.
    if (values[P99] >= 0) fourth.set(took(values[P99]), false, 'p99')
    else fourth.set(few(values[IN_FLIGHT], true), false, 'in flight')
    setWait(waitOf(item, now))
    const isStale = item.source.trouble !== null
    setStale(isStale ? '' : undefined)
    setNote(isStale ? `${item.source.label} (stale)` : item.source.label)
  }
}

/**
 * A label without what most of them begin with.
 *
 * @param {string} label
 */
export const shortened = (label) => label.replace(/^https:\/\/(?=.)/, '')

/** @param {string} label */
function number(label) {
  const [value, name] = [make('b'), make('i', '', label)]
  const element = make('span', '', value, name)
  const [setValue, setName, setClass] = [slot(value), slot(name), mark(element, 'class')]
  return {
    element,
    /**
     * @param {string} text
     * @param {boolean} [stands] Whether it is something to look at.
     * @param {string} [label]
     */
    set(text, stands = false, label) {
      setValue(text)
      setClass(stands ? 'number stands' : text === '0' || text === '–' || text === '0%' ? 'number none' : 'number')
      if (label !== undefined) setName(label)
    }
  }
}

/**
 * The state and the mode in one or two words.
 *
 * @param {Item} item
 */
export function word({ state, mode }) {
  if (mode === 'isolated') return 'Isolated'
  const mood = WORDS[state]
  return mode === 'normal' ? mood : `${mood}, ${mode}`
}

/**
 * What a breaker waits for, or what there is to say of one that works.
 *
 * @param {Item} item
 * @param {number} now
 */
export function waitOf({ state, mode, values }, now) {
  if (mode === 'isolated') return 'held open by hand'
  if (mode === 'disabled') return 'lets every call pass'
  if (mode === 'observing') return 'refuses nobody'
  if (state === 'half_open') return values[PASSED] > 0 ? `testing, ${values[PASSED]} passed` : 'testing'
  if (state === 'open') {
    const left = values[DUE] - now
    if (Number.isNaN(left)) return ''
    return left > 0 ? `tests in ${span(left + 999)}` : 'next call tests'
  }
  return values[IN_A_ROW] > 1 ? `${few(values[IN_A_ROW], true)} failures in a row` : ''
}
