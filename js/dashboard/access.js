/**
 * Who may look, and who may act.
 *
 * Must not know: what there is to see, how an answer is sent.
 */

/** @import { Asked } from './handler.js' */

/** Headers by which proxies say that they handed a request on, or for whom: `X-Forwarded-…`, `X-Real-IP`, `CF-Connecting-IP`, `X-Original-Host` and their like. */
const HANDED_ON = /forward|^via$|^x-original|^cdn-loop$|client-?ip|-(ip|addr|address)$/

/** What a person may do to a breaker by hand. */
export const ACTIONS = /** @type {const} */ (['trip', 'reset', 'isolate', 'release', 'observe', 'disable', 'enable'])

/**
 * Whether a request comes from this very machine and means it: a peer on the loopback, that asked for this machine by name (a page of another name that
 * resolves to it did not), with nobody in between. Browsers
 * speak HTTP/1.1 at least; what nginx hands on is of 1.0 and says nothing, unless it is told otherwise.
 *
 * @param {Asked} asked
 */
export function isLocal({ peer, version, header, names }) {
  return isLoopback(peer) && version !== '1.0' && isLocalHost(header('host')) && !names().some((name) => HANDED_ON.test(name))
}

/** @param {string | undefined} address */
function isLoopback(address) {
  if (address === undefined) return false
  return address === '::1' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address)
}

/** @param {string | undefined} host With its port. */
function isLocalHost(host) {
  return host !== undefined && /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/i.test(host)
}

/**
 * Whether a page of another site asks, as far as the browser tells: by `Origin` where it does not trust the connection. To follow a link to the page from
 * elsewhere is fine.
 *
 * @param {Asked} asked
 * @param {boolean} isPage
 */
export function isForeign({ header }, isPage) {
  const site = header('sec-fetch-site')
  if (site === undefined) return header('origin') !== undefined && !hasOwnOrigin(header)
  if (site === 'same-origin' || site === 'none') return false
  return !(isPage && header('sec-fetch-mode') === 'navigate' && header('sec-fetch-dest') === 'document')
}

/**
 * Whether the page itself asks. A browser says so, by `Sec-Fetch-Site` where it trusts the connection, by `Origin` in any case.
 *
 * @param {Asked} asked
 */
export function isSameOrigin({ header }) {
  const site = header('sec-fetch-site')
  return site === undefined ? hasOwnOrigin(header) : site === 'same-origin'
}

/** @param {Asked['header']} header */
function hasOwnOrigin(header) {
  const [origin, host] = [header('origin'), header('host')]
  return origin !== undefined && host !== undefined && /^https?:\/\//.test(origin) && origin.replace(/^https?:\/\//, '').toLowerCase() === host.toLowerCase()
}
