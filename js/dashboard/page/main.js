/**
 * The script of the page: listens to the server, and puts the view into the document.
 *
 * Must not know: what messages say.
 */
import { view } from './view.js'

/** Where the page is, whether or not its address ends with a slash. In full: a path that begins with two slashes would name another host. */
const base = location.origin + location.pathname.replace(/\/?$/, '/')
/** Until the next attempt where the browser gave up, in ms: longer each time. */
const FIRST_WAIT = 1000
const LONGEST_WAIT = 30_000
/** Until details are given up, as another process may have them, in ms. */
const LONGEST_ANSWER = 5000

const shown = view({
  root: document,
  async details(id) {
    const response = await fetch(`${base}breaker?id=${id}`, { credentials: 'same-origin', signal: AbortSignal.timeout(LONGEST_ANSWER) })
    if (!response.ok) throw new Error(String(response.status))
    return response.json()
  },
  async act(id, action) {
    // Without a referrer some browsers send `Origin: null`.
    const response = await fetch(`${base}control`, {
      method: 'POST', credentials: 'same-origin', referrerPolicy: 'same-origin',
      headers: { 'content-type': 'application/json', 'x-halfopen-control': '1' }, body: JSON.stringify({ id, action })
    })
    if (!response.ok) throw new Error((await response.text()).slice(0, 200))
  },
  go(hash) {
    if (location.hash === hash) return
    history.replaceState(null, '', hash === '' ? location.pathname + location.search : hash)
  },
  title: (title, text) => {
    const whole = text === '' ? title : `${text}, ${title}`
    if (document.title !== whole) document.title = whole
  }
})
document.body.append(shown.element)

let wait = FIRST_WAIT
/** Why there is no news, where that is known. @type {string | undefined} */
let why

function listen() {
  const source = new EventSource(`${base}events`)
  source.onmessage = ({ data }) => {
    wait = FIRST_WAIT
    why = undefined
    shown.take(JSON.parse(data))
  }
  source.onerror = async () => {
    // It tries again by itself, unless it was refused.
    if (source.readyState !== EventSource.CLOSED) return
    setTimeout(listen, wait)
    wait = Math.min(2 * wait, LONGEST_WAIT)
    const answer = await fetch(`${base}events`, { method: 'HEAD', credentials: 'same-origin' }).catch(() => undefined)
    why = answer === undefined ? 'no connection' : reasonOf(answer)
    shown.pulse(why)
  }
}

/** @param {Response} answer */
function reasonOf({ status, headers }) {
  if (status === 401 || status === 403) return 'not allowed'
  if (status !== 503) return undefined
  return headers.has('retry-after') ? 'all places of viewers are taken' : 'closed'
}

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return
  const target = /** @type {HTMLElement} */ (event.target)
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return
  const isOnPage = event.key === '/' || target === document.body
  if (isOnPage && shown.key(event.key)) event.preventDefault()
  else if (event.key === 'Escape' && target === document.body) shown.seek('')
})
addEventListener('hashchange', () => shown.seek(location.hash))
setInterval(() => (why === undefined ? shown.tick() : shown.pulse(why)), 1000)
shown.seek(location.hash)
shown.pulse()
listen()
