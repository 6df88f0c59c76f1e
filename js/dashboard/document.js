/**
 * The page as HTML. Nothing of a user stands in it: names come with the events, and go in as text.
 *
 * Must not know: what the script does.
 */
import { CODES, misuse } from '../base/misuse.js'
import { SCRIPT } from './generated/script.js'
import { STYLE } from './generated/style.js'

/** Letters nobody can guess, other ones each time. */
export function random() {
  if (typeof globalThis.crypto?.getRandomValues !== 'function') throw misuse(Error, 'This host has no `crypto.getRandomValues`, which the page needs', CODES.invalidArgument)
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** @param {string} nonce */
export const document = (nonce) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><title>Circuit breakers</title><link rel="icon" href="data:,"><style nonce="${nonce}">${STYLE}</style><body><noscript>This page needs JavaScript.</noscript><script nonce="${nonce}">${SCRIPT}</script></body></html>`
