/**
 * A response that did not come from undici, read as undici reads its own: piece by piece, and only as long as its handler wants more.
 *
 * Must not know: breakers and requests.
 */

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
  /** @type {ReadableStreamDefaultReader<Uint8Array> | undefined} */
  #reader
  #wake = () => {}

  /**
   * @param {Response} response
   * @param {boolean} hasBody Whether the request is one whose responses have bodies.
   * @throws {TypeError} Where it is a network error, its body was read already, or it is no response at all.
   */
  constructor(response, hasBody) {
    if (typeof response?.headers?.getSetCookie !== 'function') throw new TypeError('The fallback answered with no Response')
    if (response.type === 'error') throw new TypeError('The fallback answered with a network error')
    /** The fields as undici has them. */
    this.fields = fieldsOf(response)
    /** @type {any} */
    this.rawHeaders = rawOf(this.fields)
    if (response.bodyUsed) throw new TypeError('The fallback answered with a response whose body was read')
    if (hasBody) this.#reader = response.body?.getReader()
    else response.body?.cancel().catch(() => {})
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
    const reader = /** @type {ReadableStreamDefaultReader<any> | undefined} */ (this.#reader)
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
 * The fields of a response as undici has them: those that come more than once, as cookies do, in an array.
 *
 * @param {Response} response
 * @returns {Record<string, string | string[]>}
 */
function fieldsOf({ headers }) {
  /** @type {Record<string, string | string[]>} */
  const fields = Object.fromEntries([...headers].filter(([name]) => !OF_THE_WIRE.includes(name)))
  const cookies = headers.getSetCookie()
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
