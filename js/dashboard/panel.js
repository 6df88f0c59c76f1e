/**
 * An element that shows a page's own breakers while somebody works on the page. It reads once a second while it is in the page.
 *
 * Must not know: how cards look, what a server is. Nothing is defined and no name of a browser is touched before `definePanel`.
 */
import { misuse, optionError } from '../base/misuse.js'
import { unknownOption } from '../options/unknown.js'
import { ACTIONS } from './access.js'
import { Board } from './board.js'
import { STYLE } from './generated/style.js'
import { make, slot } from './page/elements.js'
import { view } from './page/view.js'
import { sourcesOf } from './reader.js'

/** Between two readings, in ms. */
const EVERY = 1000
const OPTIONS = ['name', 'label', 'control', 'open']

/**
 * Options of a panel.
 *
 * @typedef {object} PanelOptions
 * @property {string | undefined} [name] The element's. Default `'halfopen-panel'`.
 * @property {((name: string | undefined, key: any) => string | undefined) | undefined} [label] What a breaker is called. Default: its name, else the text of its key.
 * @property {boolean | undefined} [control] Whether breakers can be acted on by hand. Default false.
 * @property {boolean | undefined} [open] Whether it is unfolded at first. Default false.
 */

/**
 * Defines the element `<halfopen-panel>`, or one of another name. It has a shadow of its own, and styles that a strict Content-Security-Policy lets pass.
 *
 * @param {import('./dashboard.js').DashboardSources} sources What is shown.
 * @param {PanelOptions} [options]
 * @returns {any} The class of the element.
 * @throws {TypeError} `ERR_INVALID_OPTION`, `ERR_INVALID_ARGUMENT`; what the browser throws where the name is taken.
 *
 * @example
 * definePanel(registry)
 * document.body.append(document.createElement('halfopen-panel'))
 */
export function definePanel(sources, options = {}) {
  for (const name of Object.keys(options)) if (!OPTIONS.includes(name)) throw unknownOption(name, OPTIONS)
  const { name = 'halfopen-panel', label, control = false, open = false } = options
  const checked = sourcesOf('sources', sources)
  if (typeof name !== 'string' || !/^[a-z][a-z0-9._]*-[a-z0-9._-]*$/.test(name)) throw optionError(TypeError, 'name', 'the name of a custom element, such as `halfopen-panel`', name)
  if (label !== undefined && typeof label !== 'function') throw optionError(TypeError, 'label', 'a function', label)
  for (const [option, value] of Object.entries({ control, open })) if (typeof value !== 'boolean') throw optionError(TypeError, option, 'true or false', value)
  if (typeof globalThis.customElements === 'undefined') throw misuse(Error, 'This host has no custom elements: a panel is for a page')

  const Panel = class extends HTMLElement {
    /** @type {ReturnType<typeof setInterval> | undefined} */
    #timer
    /** @type {(() => void) | undefined} */
    #turn

    connectedCallback() {
      this.#turn ??= this.#build()
      this.#turn()
      this.#timer ??= setInterval(this.#turn, EVERY)
    }

    disconnectedCallback() {
      clearInterval(this.#timer)
      this.#timer = undefined
    }

    #build() {
      const root = this.attachShadow({ mode: 'open' })
      const sheet = new CSSStyleSheet()
      sheet.replaceSync(STYLE)
      root.adoptedStyleSheets = [sheet]
      const board = new Board({ sources: checked, label, feeds: {}, errors: undefined, now: () => Date.now(), hello: { epoch: 'page', title: 'Circuit breakers', control } })
      const text = make('span')
      const button = /** @type {HTMLButtonElement} */ (make('button', 'fold', make('span', 'sign'), text))
      button.type = 'button'
      const setText = slot(text)
      let isFirst = true
      const shown = view({
        root,
        async details(id) {
          const details = await board.details(id, true)
          if (details === undefined) throw new Error('gone')
          return details
        },
        async act(id, action) {
          const found = board.find(id)
          if (found === undefined || !ACTIONS.includes(/** @type {any} */ (action))) throw new Error('gone')
          found.breaker[action]()
          turn()
        },
        go() {},
        title(_, said) {
          setText(said === '' ? 'Breakers' : said)
          button.dataset.tier = said === '' ? 'closed' : said.includes('half') ? 'half_open' : 'open'
        }
      })
      const fold = make('div', 'fold-out', shown.element)
      const unfold = (/** @type {boolean} */ is) => {
        fold.hidden = !is
        button.setAttribute('aria-expanded', String(is))
      }
      unfold(open)
      button.addEventListener('click', () => {
        unfold(fold.hidden === true)
        turn()
      })
      root.append(make('div', 'dock', fold, button))
      const turn = () => {
        const message = JSON.parse(isFirst ? board.state(false) : board.refresh())
        isFirst = false
        shown.take(message)
      }
      return turn
    }
  }
  customElements.define(name, Panel)
  return Panel
}
