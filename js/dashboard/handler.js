/**
 * What is answered to which request.
 *
 * Must not know: how a request came and how an answer is sent; `node.js` and `fetch.js` do that.
 */
import { CODES, misuse } from '../base/misuse.js'
import { report } from '../base/report.js'
import { ACTIONS, isForeign, isLocal, isSameOrigin } from './access.js'
import { messageOf } from './board.js'
import { document, random } from './document.js'

/** @import { Board } from './board.js' */
/** @import { Viewers } from './viewers.js' */

/** The longest body of a request, in bytes. */
export const LONGEST_BODY = 4096

/**
 * A request, however it came.
 *
 * @internal
 * @typedef {object} Asked
 * @property {unknown} raw What the host gave.
 * @property {string} method
 * @property {string} url Path and query.
 * @property {(name: string) => string | undefined} header By its name in lower case.
 * @property {() => string[]} names The names of all headers, in lower case.
 * @property {string | undefined} peer The address of who is at the other end, where that is known.
 * @property {boolean} knowsPeer
 * @property {string | undefined} version Of HTTP, such as `1.1`, where that is known.
 * @property {(limit: number) => Promise<string | undefined>} body `undefined` where it is longer.
 */

/**
 * An answer: a text, or the stream.
 *
 * @internal
 * @typedef {{ status: number, headers: Record<string, string>, body: string, streams?: boolean }} Answer
 */

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' }
const TEXT_TYPE = { 'content-type': 'text/plain; charset=utf-8' }

/** Of every answer: nobody frames it, guesses at it, keeps it, reads it from elsewhere, or learns where it was. */
const GUARDED = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin'
}
const NOTHING_ALLOWED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** @param {string} nonce */
const policy = (nonce) =>
  `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`

/**
 * @param {number} status
 * @param {string} body
 * @param {Record<string, string>} [headers]
 * @returns {Answer}
 */
function answer(status, body, headers = TEXT_TYPE) {
  return { status, headers: { ...GUARDED, 'content-security-policy': NOTHING_ALLOWED, ...headers }, body }
}

/** For one viewer too many. */
export const full = () => answer(503, 'All places are taken', { ...TEXT_TYPE, 'retry-after': '10' })

const denied = () => answer(403, 'Forbidden')

/** Answers requests. */
export class Handler {
  #board
  #viewers
  #options
  #isClosed = false

  /**
   * @param {Board} board
   * @param {Viewers} viewers
   * @param {object} options
   * @param {((request: any) => unknown) | undefined} options.authorize
   * @param {((request: any, act: import('./dashboard.js').Act) => unknown) | undefined} options.mayAct
   * @param {string | undefined} options.challenge
   */
  constructor(board, viewers, options) {
    this.#board = board
    this.#viewers = viewers
    this.#options = options
  }

  close() {
    this.#isClosed = true
    this.#viewers.end()
  }

  get isClosed() {
    return this.#isClosed
  }

  /**
   * Answers. It never throws, but for a dashboard that can't be used like this.
   *
   * @param {Asked} asked
   * @returns {Promise<Answer>}
   */
  async answer(asked) {
    if (this.#options.authorize === undefined && !asked.knowsPeer) {
      throw misuse(TypeError, 'Expected `authorize` to be given: a `Request` does not tell who asks, so nobody could be let in', CODES.invalidOption, { option: 'authorize' })
    }
    try {
      const answer = await this.#answer(asked)
      return asked.method === 'HEAD' ? { ...answer, body: '', streams: false } : answer
    } catch (error) {
      report(error)
      return answer(500, 'Internal error')
    }
  }

  /** @param {Asked} asked @returns {Promise<Answer>} */
  async #answer(asked) {
    if (this.#isClosed) return answer(503, 'Closed')
    const [, path, query] = /** @type {RegExpExecArray} */ (/^([^?#]*)\??([^#]*)/.exec(asked.url))
    // Wherever it is mounted: what counts is what stands behind the last slash.
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (isForeign(asked, name === '')) return denied()
    const { authorize, challenge } = this.#options
    if (authorize === undefined) {
      if (!isLocal(asked)) return denied()
    } else if ((await authorize(asked.raw)) !== true) {
      return challenge === undefined ? denied() : answer(401, 'Unauthorized', { ...TEXT_TYPE, 'www-authenticate': challenge })
    }
    if (name === 'control') return this.#control(asked)
    if (!['', 'events', 'rows', 'breaker'].includes(name)) return this.#elsewhere(asked, name)
    if (asked.method !== 'GET' && asked.method !== 'HEAD') return answer(405, 'Method not allowed', { ...TEXT_TYPE, allow: 'GET, HEAD' })
    switch (name) {
      case '': {
        const nonce = random()
        return answer(200, document(nonce), { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy(nonce) })
      }
      case 'events':
        if (this.#viewers.isFull) return full()
        // Proxies keep back what they compress, or wait for more of it.
        return { ...answer(200, '', { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' }), streams: true }
      case 'rows':
        return answer(200, JSON.stringify(this.read('rows')), JSON_TYPE)
      default: {
        let details
        try {
          details = await this.#board.details(idIn(query), false)
        } catch {
          // A source or another process, whose trouble the page tells of anyway.
          return answer(502, 'Not to be had')
        }
        return details === undefined ? answer(404, 'Not found') : answer(200, JSON.stringify(details), JSON_TYPE)
      }
    }
  }

  /**
   * What another process is given under a path, of this process alone.
   *
   * @param {string} path
   * @returns {any}
   */
  read(path) {
    if (path === 'rows') return this.#board.own(this.#viewers.size > 0)
    const [, query] = /^breaker\?(.*)$/.exec(path) ?? []
    if (query === undefined) throw misuse(TypeError, "Expected a path to be 'rows' or 'breaker?id=' and a number")
    return this.#board.details(idIn(query), true)
  }

  /**
   * The page under an address without its slash, or nothing.
   *
   * @param {Asked} asked
   * @param {string} name
   */
  #elsewhere({ method }, name) {
    if (!/^[\w-]{1,64}$/.test(name) || (method !== 'GET' && method !== 'HEAD')) return answer(404, 'Not found')
    return answer(308, '', { location: `./${name}/` })
  }

  /** @param {Asked} asked @returns {Promise<Answer>} */
  async #control(asked) {
    const { mayAct } = this.#options
    if (mayAct === undefined) return answer(404, 'Not found')
    if (asked.method !== 'POST') return answer(405, 'Method not allowed', { ...TEXT_TYPE, allow: 'POST' })
    if (!isSameOrigin(asked) || asked.header('x-halfopen-control') !== '1') return denied()
    if (!/^application\/json\s*(;|$)/i.test(asked.header('content-type') ?? '')) return answer(415, 'Expected JSON')
    const body = await asked.body(LONGEST_BODY)
    if (body === undefined) return answer(413, 'Too large')
    const wanted = parsed(body)
    if (wanted === undefined) return answer(400, 'Expected { "id", "action" }')
    const { id, action, duration } = wanted
    const found = this.#board.find(id)
    // Who may not act learns nothing by it.
    const act = { action, breaker: found?.label, source: found?.source, for: duration }
    if ((await mayAct(asked.raw, act)) !== true) return denied()
    if (found === undefined) return answer(404, 'Not found')
    try {
      if (action === 'trip' && duration !== undefined) found.breaker.trip({ for: duration })
      else found.breaker[action]()
    } catch (error) {
      return answer(400, messageOf(error))
    }
    return answer(204, '', {})
  }
}

/** @param {string} query */
function idIn(query) {
  const [, id] = /^id=(\d{1,15})$/.exec(query) ?? []
  return id === undefined ? -1 : Number(id)
}

/**
 * What a body asks for; `undefined` where it is not what it has to be.
 *
 * @param {string} body
 */
function parsed(body) {
  let wanted
  try {
    wanted = JSON.parse(body)
  } catch {
    return undefined
  }
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return undefined
  const { id, action, for: duration } = wanted
  if (!Number.isSafeInteger(id) || !ACTIONS.includes(action) || !(duration === undefined || typeof duration === 'number')) return undefined
  return /** @type {{ id: number, action: typeof ACTIONS[number], duration: number | undefined }} */ ({ id, action, duration })
}
