/**
 * A response that did not come from undici, read as undici reads its own: piece by piece, and only as long as its handler wants more.
 *
 * Must not know: breakers and requests.
 */
import { discard } from '../body.js'

/** @import { DispatchAnswer } from '../types.js' */

/** Fields about the bytes of a body on the wire. What a `Response` gives is decoded, whatever they say. */
const OF_THE_WIRE = ['content-encoding', 'content-length', 'transfer-encoding']

/** A response, with what a controller of undici's has. */
export class Answer {
  paused = false
  aborted = false
  /** @type {unknown} */
  reason = null
  /** @type {any} */
  rawTrailers = []
  /** @type {ReturnType<typeof readerOf>} */
  #reader
  #wake = () => {}

  /**
   * @param {DispatchAnswer & { type?: string, bodyUsed?: boolean, body?: any }} response Of whatever make.
   * @param {boolean} hasBody Whether the request is one whose responses have bodies.
   * @throws {TypeError} Where it is a network error, its body was read already, or it is no response at all.
   */
  constructor(response, hasBody) {
    if (typeof response?.headers?.forEach !== 'function') throw new TypeError('The fallback answered with no Response, or with one whose headers have no `forEach`')
    if (response.type === 'error') throw new TypeError('The fallback answered with a network error')
    /** The fields as undici has them. */
    this.fields = fieldsOf(response)
    /** @type {any} */
    this.rawHeaders = rawOf(this.fields)
    if (response.bodyUsed) throw new TypeError('The fallback answered with a response whose body was read')
    if (hasBody) this.#reader = readerOf(response)
    else discard(response)
  }

  /** @param {unknown} [reason] */
  abort(reason) {
    this.aborted = true
    this.reason = reason
    this.cancel(reason)
    this.#wake()
  }

  pause() {
    this.paused = true
  }

  resume() {
    this.paused = false
    this.#wake()
  }

  /**
   * Gives up the rest of the body.
   *
   * @param {unknown} [reason]
   */
  cancel(reason) {
    this.#reader?.cancel(reason).catch(() => {})
  }

  /**
   * The pieces of the body, each asked for when the handler wants it. After an abort there are none.
   *
   * @returns {AsyncGenerator<Uint8Array>}
   */
  async *pieces() {
    const { Buffer } = /** @type {any} */ (globalThis)
    const reader = this.#reader
    await this.#wanted()
    while (reader !== undefined && !this.aborted) {
      const { done, value } = await reader.read()
      await this.#wanted()
      if (done || this.aborted) return
      // Of whatever realm.
      if (!ArrayBuffer.isView(value)) throw new TypeError('The fallback answered with a body that is not made of bytes')
      if (value.byteLength > 0) yield Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      await this.#wanted()
    }
  }

  async #wanted() {
    while (this.paused && !this.aborted) await new Promise((resolve) => (this.#wake = () => resolve(undefined)))
  }
}

/**
 * Reads the body of a response: a stream of the web, whatever else gives pieces, as that of node-fetch, or where it has none to show, its text.
 *
 * @param {{ body?: any, text?: () => Promise<string> }} response
 * @returns {{ read(): Promise<{ done?: boolean | undefined, value?: any }>, cancel(reason: unknown): Promise<void> } | undefined}
 */
function readerOf(response) {
  const { body } = response
  if (typeof body?.getReader === 'function') return body.getReader()
  if (body === null || (body === undefined && response.text === undefined)) return undefined
  const pieces = body?.[Symbol.asyncIterator]?.() ?? textOf(response)
  return {
    read: () => pieces.next(),
    async cancel() {
      discard(response)
      await pieces.return?.()
    }
  }
}

/** @param {any} response */
async function* textOf(response) {
  yield /** @type {any} */ (globalThis).Buffer.from(await response.text())
}

/**
 * The fields of a response as undici has them: those that come more than once, as cookies do, in an array.
 *
 * @param {DispatchAnswer} response
 * @returns {Record<string, string | string[]>}
 */
function fieldsOf({ headers }) {
  /** @type {[string, string][]} */
  const lines = []
  headers.forEach((value, name) => lines.push([name.toLowerCase(), value]))
  /** @type {Record<string, string | string[]>} */
  const fields = Object.fromEntries(lines.filter(([name]) => !OF_THE_WIRE.includes(name)))
  const cookies = lines.filter(([name]) => name === 'set-cookie').map(([, cookie]) => cookie)
  if (cookies.length > 1) fields['set-cookie'] = cookies
  return fields
}

/**
 * Fields as undici reads them off the wire, which its `fetch` goes by since version 8.
 *
 * @param {Record<string, string | string[]>} fields
 * @returns {Uint8Array[]}
 */
function rawOf(fields) {
  const lines = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
  return lines.flat().map((text) => /** @type {any} */ (globalThis).Buffer.from(text, 'latin1'))
}
