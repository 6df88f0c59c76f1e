/**
 * One breaker in full: why it is in its state, the last minutes, all counts, its state changes, and what can be done to it by hand.
 *
 * Must not know: the other breakers, how it is asked for.
 */
import { P50, P99, SINCE } from './wire.js'
import { shortened, waitOf, word } from './card.js'
import { chart } from './chart.js'
import { make, mark, slot } from './elements.js'
import { because, count, few, percent, span, took } from './format.js'
import { BAR, BARS, TIERS } from './model.js'

/** @import { Details } from './wire.js' */
/** @import { Item } from './model.js' */

/** Of how many names of facts stands what: heads, and how each is written. */
const GROUPS = /** @type {[string, [fact: string, name: string, (number: number) => string][]][]} */ ([
  ['Calls since it was made', [
    ['successfulCalls', 'went well', count],
    ['failedCalls', 'failed', count],
    ['timedOutCalls', 'of these, timed out', count],
    ['ignoredCalls', 'ignored', count],
    ['staleCalls', 'too late to count', count],
    ['inFlight', 'in flight', count]
  ]],
  ['Refused', [
    ['rejectedOpen', 'while open', count],
    ['rejectedHalfOpen', 'while half open', count],
    ['rejectedBulkhead', 'too many at once', count],
    ['rejectedIsolated', 'while isolated', count],
    ['wouldRejectCalls', 'would have been', count]
  ]],
  ['What it judges', [
    ['failureCount', 'failures in a row', count],
    ['windowCalls', 'calls in the window', count],
    ['windowFailures', 'of these, failed', count],
    ['windowSlowCalls', 'of these, slow', count],
    ['minimumCalls', 'judges from', count],
    ['failedRecoveries', 'failed recoveries', count]
  ]],
  ['How long calls take', [
    ['mean', 'mean', took],
    ['p50', 'p50', took],
    ['p90', 'p90', took],
    ['p99', 'p99', took]
  ]]
])

/** What can be done by hand: what the button says, and when it is of use. */
const ACTIONS = /** @type {[action: string, text: string, (item: Item) => boolean][]} */ ([
  ['trip', 'Trip', ({ state, mode }) => state === 'closed' && mode !== 'isolated'],
  ['reset', 'Reset', ({ state, mode }) => state !== 'closed' || mode === 'isolated'],
  ['isolate', 'Isolate', ({ mode }) => mode !== 'isolated'],
  ['release', 'Release', ({ mode }) => mode === 'isolated'],
  ['observe', 'Observe', ({ mode }) => mode === 'normal'],
  ['disable', 'Disable', ({ mode }) => mode === 'normal' || mode === 'observing'],
  ['enable', 'Enable', ({ mode }) => mode === 'disabled' || mode === 'observing']
])

/** A second press within this time means it, in ms. */
const MEANT_WITHIN = 4000
/** Details are asked for again after this long, though nothing changed, in ms. */
const AGAIN_AFTER = 5000

/**
 * @param {object} host
 * @param {(id: number) => Promise<Details>} host.details
 * @param {(id: number, action: string) => Promise<void>} host.act
 * @param {() => void} host.close
 * @param {() => number} host.now
 */
export function pane(host) {
  /** @type {Item | undefined} */
  let item
  let mayAct = false
  let isGone = false
  let isTouched = false
  let askedAt = -Infinity
  let isAsking = false

  const name = make('h2', 'name')
  name.tabIndex = -1
  const source = make('p', 'source')
  const state = make('p', 'mood', make('span', 'sign'))
  const [stateWord, stateAge, stateWait] = ['word', 'age', 'wait'].map((one) => make('span', one))
  state.append(stateWord, ' ', stateAge, ' ', stateWait)
  const sentence = make('p', 'sentence')
  const error = make('p', 'error')
  const close = /** @type {HTMLButtonElement} */ (make('button', 'close', 'Close'))
  close.type = 'button'
  close.append(make('kbd', '', 'Esc'))
  close.addEventListener('click', host.close)
  const bars = chart()
  const most = make('span', 'most')
  const rates = make('dl', 'rates')
  const rate = ['calls/s', 'failed', 'refused/s', 'p50', 'p99'].map((label) => {
    const value = make('dd')
    rates.append(make('div', '', value, make('dt', '', label)))
    return slot(value)
  })
  const groups = make('div', 'groups')
  const facts = GROUPS.map(([head, rows]) => {
    const list = make('dl')
    const element = make('section', '', make('h3', '', head), list)
    groups.append(element)
    return {
      element,
      rows: rows.map(([fact, label, write]) => {
        const value = make('dd')
        const row = make('div', '', make('dt', '', label), value)
        list.append(row)
        return { fact, write, row, set: slot(value), none: mark(value, 'class') }
      })
    }
  })
  const changes = make('ol', 'changes')
  const changesHead = make('h3', '', 'State changes')
  const hands = make('div', 'hands')
  const acted = make('p', 'acted')
  acted.setAttribute('role', 'status')
  const buttons = ACTIONS.map(([action, text, isOfUse]) => {
    const button = /** @type {HTMLButtonElement} */ (make('button', 'hand', text))
    button.type = 'button'
    const set = slot(button)
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let meant
    const forget = () => {
      clearTimeout(meant)
      meant = undefined
      set(text)
      button.classList.remove('sure')
    }
    button.addEventListener('click', async () => {
      if (item === undefined) return
      if (meant === undefined) {
        meant = setTimeout(forget, MEANT_WITHIN)
        set(`${text} now?`)
        button.classList.add('sure')
        return
      }
      forget()
      const { id, label } = item
      try {
        await host.act(id, action)
        acted.textContent = `${label}: ${action} done`
      } catch (reason) {
        acted.textContent = `${label}: ${action} was refused${reason instanceof Error && reason.message ? ` (${reason.message})` : ''}`
      }
      isTouched = true
      update()
    })
    hands.append(button)
    return { button, isOfUse, forget }
  })
  const handsPart = make('section', 'by-hand', make('h3', '', 'By hand'), hands, acted)
  const element = make(
    'aside', 'pane', make('div', 'pane-head', name, close), source, state, sentence, error, handsPart, make('div', 'graph', bars.element, make('span', 'axis', make('span', '', `${(BAR * BARS) / 60_000} min ago`), most, make('span', '', 'now')), make('span', 'legend', ...[['good', 'went well'], ['bad', 'failed'], ['refused', 'refused']].map(([kind, text]) => make('span', kind, text)))),
    rates, groups, make('section', '', changesHead, changes)
  )
  element.setAttribute('aria-label', 'The chosen breaker')
  element.hidden = true
  const [setName, setSource, setWord, setAge, setWait, setSentence, setError, setMost] = [name, source, stateWord, stateAge, stateWait, sentence, error, most].map(slot)
  const [setTier, setState] = [mark(element, 'data-tier'), mark(element, 'data-state')]
  let listed = ''

  /** @param {Details} details */
  function fill(details) {
    setSentence(details.sentence)
    setError(details.error ? `Last failure, ${span(host.now() - details.error.at)} ago: ${details.error.message}` : '')
    for (const { element, rows } of facts) {
      let has = false
      for (const { fact, write, row, set, none } of rows) {
        const value = details.facts[fact]
        row.hidden = typeof value !== 'number'
        if (typeof value !== 'number') continue
        has = true
        set(write(value))
        none(value === 0 ? 'none' : undefined)
      }
      element.hidden = !has
    }
    const list = JSON.stringify(details.changes)
    if (list === listed) return
    listed = list
    changes.replaceChildren(...details.changes.slice().reverse().map(change))
    changesHead.textContent = details.changes.length === 0 ? 'No state change yet' : 'State changes'
  }

  async function ask() {
    if (item === undefined || isAsking || isGone) return
    const { id } = item
    isAsking = true
    isTouched = false
    askedAt = performance.now()
    try {
      const details = await host.details(id)
      if (item?.id === id) fill(details)
    } catch {
      if (item?.id === id) setSentence('No details: they could not be had just now.')
    } finally {
      isAsking = false
    }
    // Another one was chosen meanwhile.
    if (item !== undefined && item.id !== id) void ask()
  }

  function update() {
    if (item === undefined) return
    const now = host.now()
    const { values } = item
    setTier(isGone ? 'gone' : TIERS[item.tier])
    setState(item.state)
    setWord(isGone ? 'Gone' : word(item))
    setAge(values[SINCE] >= 0 && !isGone ? `for ${span(now - values[SINCE])}` : '')
    setWait(isGone ? '' : waitOf(item, now))
    bars.draw(item, now)
    setMost(bars.most() > 0 ? `highest bar ${few(bars.most() / (BAR / 1000))} calls/s` : '')
    const recent = item.recently(now)
    const texts = [few(recent.calls), percent(recent.failed), few(recent.refused), took(values[P50]), took(values[P99])]
    for (const [index, set] of rate.entries()) set(texts[index])
    handsPart.hidden = !mayAct || isGone
    for (const { button, isOfUse } of buttons) button.hidden = !isOfUse(item)
    if (isTouched || performance.now() - askedAt > AGAIN_AFTER) void ask()
  }

  return {
    element,
    update,
    /** Its numbers changed. */
    touch() {
      isTouched = true
    },
    /** Takes the focus where it lies over the cards, as in a narrow window: nobody sees what is below it. */
    step() {
      if (getComputedStyle(element).position === 'fixed') name.focus()
    },
    /** It is there no more. */
    leave() {
      isGone = true
      update()
    },
    /**
     * @param {Item | undefined} next
     * @param {boolean} acts Whether something can be done to it by hand.
     */
    show(next, acts) {
      item = next
      mayAct = acts
      isGone = false
      element.hidden = next === undefined
      for (const { forget } of buttons) forget()
      if (next === undefined) return
      setName(shortened(next.label))
      name.title = next.label
      setSource(next.source.label)
      setSentence('')
      setError('')
      acted.textContent = ''
      listed = ''
      changes.replaceChildren()
      for (const { element } of facts) element.hidden = true
      isTouched = true
      element.scrollTop = 0
      update()
    }
  }
}

/** @param {Details['changes'][number]} change */
function change({ from, to, reason, timestamp }) {
  const time = timestamp === null ? undefined : new Date(timestamp)
  const when = make('time', '', time === undefined || Number.isNaN(time.getTime()) ? '–' : time.toLocaleTimeString([], { hour12: false }))
  if (time !== undefined && !Number.isNaN(time.getTime())) when.title = time.toLocaleString()
  const row = make('li', '', when, make('span', 'sign'), make('span', 'to', to.replace('_', ' ')), make('span', 'why', because(reason)))
  row.dataset.state = to
  row.title = `${from} to ${to}, ${reason}`
  return row
}
