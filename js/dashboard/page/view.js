/**
 * All breakers on one page: a head with what stands out, cards in sections from the worst to the calm, and the pane of the one that is chosen.
 *
 * Must not know: how messages come, which page it is part of. It writes text and nothing else, and only where somebody sees it.
 */
import { card, WORDS } from './card.js'
import { make, mark, slot } from './elements.js'
import { few } from './format.js'
import { Model, TIERS } from './model.js'
import { pane } from './pane.js'

/** @import { Details, Message } from './wire.js' */
/** @import { Item } from './model.js' */

/** The sections by tier: their heads, and what is said of them. */
const SECTIONS = {
  open: ['Open', 'refusing calls'],
  half_open: ['Half open', 'testing with a few calls'],
  isolated: ['Isolated', 'held open by hand'],
  failing: ['Failing', 'closed, with failures in the last seconds'],
  switched: ['Passing all', 'observing or disabled'],
  closed: ['Closed', '']
}

/** Without a message for this long the page says so, in ms. */
const STALE_AFTER = 4000
/** While a pointer moves over the cards none is moved away from below it; for this long at most after each move, in ms. */
const RESTS_AFTER = 700

/**
 * What the view asks of whoever shows it.
 *
 * @typedef {object} Host
 * @property {Document | ShadowRoot} root Where focus is.
 * @property {(id: number) => Promise<Details>} details
 * @property {(id: number, action: string) => Promise<void>} act
 * @property {(hash: string) => void} go Keeps which breaker is chosen, '' for none.
 * @property {(title: string, text: string) => void} [title] Takes what it is called, and what is to be said in a few characters.
 */

/**
 * What is kept of one breaker in the address: what it is called, since its number is another one in the next process.
 *
 * @param {Item} item
 */
const hashOf = ({ label, source }) => `#${source.label === '' ? '' : `${encoded(source.label)}/`}${encoded(label)}`

/**
 * A text as a part of an address, which can't have the half of a surrogate pair: a source, or another process, may give one.
 *
 * @param {string} text
 */
const encoded = (text) => encodeURIComponent(text.replace(/[\ud800-\udfff]/gu, '\ufffd'))

/**
 * @param {Host} host
 */
export function view(host) {
  const model = new Model()
  /** @type {Item | undefined} */
  let chosen = undefined
  let wanted = ''
  let heardAt = -Infinity
  let drift = 0
  let isHeard = false
  let wasLost = false
  let movedAt = -Infinity
  /** @type {Set<Item>} */
  const waiting = new Set()
  /** @type {Set<Item>} */
  const visible = new Set()

  const search = /** @type {HTMLInputElement} */ (make('input', 'search'))
  Object.assign(search, { type: 'search', placeholder: 'Search', autocomplete: 'off', spellcheck: false })
  search.setAttribute('aria-label', 'Search breakers by name')
  search.setAttribute('aria-keyshortcuts', '/')
  const title = make('h1')
  const setTitle = slot(title)
  const live = make('span', 'live')
  const [setLive, setLiveState] = [slot(live), mark(live, 'data-live')]
  const flow = make('span', 'flow')
  const setFlow = slot(flow)
  /** Filters, a button a tier. */
  let only = ''
  const filters = TIERS.map((tier) => {
    const [value, name] = [make('b', '', '0'), make('span', '', SECTIONS[tier][0])]
    const button = /** @type {HTMLButtonElement} */ (make('button', 'filter', make('span', 'sign'), value, name))
    button.type = 'button'
    button.dataset.tier = tier
    button.setAttribute('aria-pressed', 'false')
    button.addEventListener('click', () => {
      only = only === tier ? '' : tier
      for (const one of filters) one.press(String(only === one.tier))
      sift()
    })
    return { tier, button, set: slot(value), press: mark(button, 'aria-pressed'), none: mark(button, 'data-none') }
  })
  const header = make('header', 'top', make('div', 'line', title, flow, live), make('div', 'line', make('div', 'filters', ...filters.map(({ button }) => button)), make('label', 'find', search, make('kbd', '', '/'))))

  const sections = TIERS.map((tier) => {
    const [head, hint] = SECTIONS[tier]
    const list = make('ul', 'cards')
    const number = make('span', 'count')
    const element = make('section', 'tier', make('h2', '', make('span', 'sign'), head, ' ', number, hint === '' ? '' : make('small', '', hint)), list)
    element.dataset.tier = tier
    element.hidden = true
    return { element, list, set: slot(number), items: /** @type {Item[]} */ ([]), shown: 0 }
  })
  const nothing = make('p', 'nothing')
  nothing.hidden = true
  const setNothing = slot(nothing)
  const trouble = make('p', 'trouble')
  trouble.hidden = true
  const setTrouble = slot(trouble)
  const main = make('main', 'all', trouble, ...sections.map(({ element }) => element), nothing)
  const own = pane({ details: host.details, act: host.act, close: () => choose(undefined), now: () => time() })
  const said = make('p', 'said')
  said.setAttribute('role', 'status')
  const element = make('div', 'view', header, make('div', 'body', main, own.element), said)

  /** What the reader's clock shows now. */
  const time = () => Math.max(model.now, Date.now() + drift)

  const watcher = typeof IntersectionObserver === 'undefined' ? undefined : new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const item = /** @type {any} */ (target).item
      if (isIntersecting) visible.add(item)
      else visible.delete(item)
      if (isIntersecting) item.drawn?.card.show(time())
    }
  }, { root: null, rootMargin: '160px' })

  /** @param {Item} item */
  const fits = (item) => (only === '' || TIERS[item.tier] === only) && words.every((word) => item.sought.includes(word))
  /** @type {string[]} */
  let words = []

  /**
   * Puts an item where it belongs: in the section of its tier, by name.
   *
   * @param {Item} item
   */
  function place(item) {
    const section = sections[item.tier]
    const { items, list } = section
    let [low, high] = [0, items.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (before(items[middle], item)) low = middle + 1
      else high = middle
    }
    const next = items[low]?.drawn.place ?? null
    items.splice(low, 0, item)
    item.drawn.section = section
    item.drawn.card.stand()
    list.insertBefore(item.drawn.place, next)
    hide(item, !fits(item))
  }

  /** @param {Item} item */
  function take(item) {
    const { items } = item.drawn.section
    items.splice(items.indexOf(item), 1)
    if (item.drawn.isShown) item.drawn.section.shown--
    item.drawn.isShown = false
  }

  /**
   * @param {Item} item
   * @param {boolean} isHidden
   */
  function hide(item, isHidden) {
    const { drawn } = item
    if (drawn.isShown === !isHidden) return
    drawn.isShown = !isHidden
    drawn.section.shown += isHidden ? -1 : 1
    drawn.place.hidden = isHidden
  }

  /** @param {Item} item */
  function add(item) {
    const drawn = card(item, hashOf(item))
    const place = make('li', '', drawn.link)
    Object.assign(place, { item })
    item.drawn = { card: drawn, place, section: undefined, isShown: false }
    place.hidden = true
  }

  function sift() {
    words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
    for (const item of model.items.values()) hide(item, !fits(item))
    tally()
  }

  /** Says how many there are of each, and what they do together. */
  function tally() {
    let [calls, refused, shown] = [0, 0, 0]
    const now = time()
    for (const item of model.items.values()) {
      const recent = item.recently(now)
      if (recent.calls > 0) calls += recent.calls
      if (recent.refused > 0) refused += recent.refused
    }
    for (const [index, { element, set, items, shown: some }] of sections.entries()) {
      shown += some
      const isHidden = some === 0
      if (element.hidden !== isHidden) element.hidden = isHidden
      set(some === items.length ? `${items.length}` : `${some} of ${items.length}`)
      filters[index].set(String(items.length))
      filters[index].none(items.length === 0 ? '' : undefined)
    }
    setTitle(model.title)
    setFlow(isHeard ? `${few(calls)} calls/s${refused > 0 ? `, ${few(refused)} refused/s` : ''}` : '')
    setNothing(!isHeard ? '' : model.items.size === 0 ? 'No breaker yet.' : 'Nothing matches.')
    const hasNothing = isHeard && shown === 0
    if (nothing.hidden === hasNothing) nothing.hidden = !hasNothing
    const [open, half] = [sections[0].items.length, sections[1].items.length]
    host.title?.(model.title, open > 0 ? `${open} open` : half > 0 ? `${half} half open` : '')
  }

  /** Moves those whose place is another one, unless somebody points at them. */
  function settle() {
    if (performance.now() - movedAt < RESTS_AFTER) return
    const focused = host.root.activeElement
    for (const item of waiting) {
      if (item.drawn === undefined || sections[item.tier] === item.drawn.section) continue
      take(item)
      place(item)
      // A card that is moved loses its focus.
      if (item.drawn.card.link === focused) item.drawn.card.link.focus({ preventScroll: true })
    }
    waiting.clear()
  }

  /** @param {Item | undefined} item */
  function choose(item) {
    if (chosen?.drawn) chosen.drawn.card.link.removeAttribute('aria-current')
    const last = chosen
    chosen = item
    own.show(item, model.control && item?.source.own === true)
    element.classList.toggle('chosen', item !== undefined)
    if (item === undefined) {
      wanted = ''
      host.go('')
      last?.drawn?.card.link.focus({ preventScroll: true })
    } else {
      wanted = hashOf(item)
      item.drawn.card.link.setAttribute('aria-current', 'true')
      host.go(wanted)
      own.step()
    }
  }

  /** Shows the breaker of a hash, as soon as there is one. @param {string} hash */
  function seek(hash) {
    wanted = hash
    if (hash.length < 2) return chosen === undefined ? undefined : choose(undefined)
    if (chosen?.drawn !== undefined && hashOf(chosen) === hash) return
    for (const item of model.items.values()) {
      if (hashOf(item) !== hash) continue
      choose(item)
      item.drawn.place.scrollIntoView({ block: 'nearest' })
      return
    }
  }

  /** Draws what is seen. */
  function redraw() {
    const now = time()
    for (const item of model.items.values()) {
      if (item.judge(now)) waiting.add(item)
    }
    settle()
    const shown = watcher === undefined ? model.items.values() : visible
    for (const item of shown) item.drawn?.card.show(now)
    own.update()
    tally()
  }

  /** Says whether news comes. @param {string} [why] */
  function pulse(why) {
    const silence = performance.now() - heardAt
    // Told once, and not again each second.
    const isLost = why !== undefined || (isHeard && silence > STALE_AFTER)
    if (isLost !== wasLost) said.textContent = isLost ? 'No news any more' : 'News come again'
    wasLost = isLost
    if (why !== undefined) {
      setLive(why)
      setLiveState('lost')
    } else if (!isHeard) {
      setLive('connecting')
      setLiveState('lost')
    } else if (silence > STALE_AFTER) {
      setLive(`no news for ${Math.round(silence / 1000)} s`)
      setLiveState('lost')
    } else {
      setLive('live')
      setLiveState('live')
    }
  }

  const cards = () => sections.flatMap(({ element, items }) => (element.hidden ? [] : items.filter(({ drawn }) => drawn.isShown).map(({ drawn }) => drawn.card.link)))

  /**
   * The card that lies in a direction of another.
   *
   * @param {HTMLElement} from
   * @param {string} key
   */
  function neighbour(from, key) {
    const all = cards()
    const index = all.indexOf(/** @type {any} */ (from))
    if (index < 0) return all[0]
    if (key === 'ArrowLeft') return all[index - 1]
    if (key === 'ArrowRight') return all[index + 1]
    if (key === 'Home') return all[0]
    if (key === 'End') return all[all.length - 1]
    const step = key === 'ArrowDown' ? 1 : -1
    const { left, top } = from.getBoundingClientRect()
    // The nearest of the next line, which may be another section's.
    let best
    let line
    for (let next = index + step; next >= 0 && next < all.length; next += step) {
      const box = all[next].getBoundingClientRect()
      if (Math.abs(box.top - top) < 2) continue
      if (line === undefined) line = box.top
      else if (Math.abs(box.top - line) > 2) break
      if (best === undefined || Math.abs(box.left - left) < Math.abs(best.getBoundingClientRect().left - left)) best = all[next]
    }
    return best
  }

  element.addEventListener('keydown', (event) => {
    const target = /** @type {HTMLElement} */ (event.target)
    if (event.key === 'Escape') {
      if (target === search && search.value !== '') {
        search.value = ''
        sift()
      } else if (chosen !== undefined) choose(undefined)
      else target.blur()
      return event.preventDefault()
    }
    if (event.altKey || event.ctrlKey || event.metaKey) return
    if (event.key === '/' && target !== search) {
      search.focus()
      return event.preventDefault()
    }
    const isCard = target.classList.contains('card')
    if (target === search && (event.key === 'Enter' || event.key === 'ArrowDown')) {
      const [first] = cards()
      first?.focus()
      if (event.key === 'Enter') first?.click()
      return event.preventDefault()
    }
    if (isCard && /^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key)) {
      const next = neighbour(target, event.key)
      next?.focus()
      // The pane follows who walks on.
      if (next !== undefined && chosen !== undefined) next.click()
      event.preventDefault()
    }
  })
  element.addEventListener('click', (event) => {
    const link = /** @type {Element} */ (event.target).closest('a.card')
    if (link === null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    choose(/** @type {any} */ (link.parentNode).item)
  })
  // What the pane stays below.
  if (typeof ResizeObserver !== 'undefined') new ResizeObserver(() => element.style.setProperty('--top', `${header.offsetHeight}px`)).observe(header)
  main.addEventListener('pointermove', () => (movedAt = performance.now()), { passive: true })
  search.addEventListener('input', sift)

  return {
    element,
    /** Goes to the search, or to the first card. @param {string} key */
    key(key) {
      if (key === '/') {
        search.focus()
        search.select()
        return true
      }
      if (!/^Arrow/.test(key)) return false
      const [first] = cards()
      first?.focus()
      return first !== undefined
    },
    seek,
    pulse,
    /** @param {Message} message */
    take(message) {
      heardAt = performance.now()
      isHeard = true
      drift = message.now - Date.now()
      const news = model.take(message)
      for (const item of news.gone) {
        waiting.delete(item)
        visible.delete(item)
        watcher?.unobserve(item.drawn.place)
        take(item)
        item.drawn.place.remove()
        item.drawn = undefined
        if (item === chosen) own.leave()
      }
      // Sorted at once, as each finds its place by those that are there.
      news.fresh.sort((one, other) => (before(one, other) ? -1 : 1))
      for (const item of news.fresh) {
        add(item)
        place(item)
        watcher?.observe(item.drawn.place)
      }
      const turned = news.turned.filter(({ item, from }) => item.state !== from)
      if (turned.length > 0 && message.hello === undefined) {
        const some = turned.slice(0, 3).map(({ item }) => `${item.label}: ${WORDS[item.state]}`)
        said.textContent = turned.length > 3 ? `${some.join(', ')} and ${turned.length - 3} more` : some.join(', ')
      }
      if (news.relabelled) {
        const troubles = model.sources.filter((source) => source.trouble !== null).map((source) => `${source.label || 'A source'} ${source.trouble}`)
        setTrouble(`${troubles.join('. ')}. What is shown of it is not up to date.`)
        trouble.hidden = troubles.length === 0
      }
      if (wanted !== '' && chosen === undefined) seek(wanted)
      if (chosen !== undefined && news.touched.has(chosen)) own.touch()
      if (chosen !== undefined && chosen.drawn === undefined) seek(wanted)
      pulse()
      redraw()
    },
    /** Once a second, whether news came or not. */
    tick() {
      pulse()
      if (isHeard && performance.now() - heardAt > 1500) redraw()
    }
  }
}

/**
 * Which of two stands before the other.
 *
 * @param {Item} one
 * @param {Item} other
 */
function before(one, other) {
  if (one.label !== other.label) return one.label < other.label
  return one.id < other.id
}
