/**
 * The body of a request to undici, which can fail by itself.
 *
 * Must not know: breakers, responses.
 */

/** Codes of errors that a connection may have. */
const OF_CONNECTIONS = /^(UND_ERR_|ERR_HTTP2_|ERR_SSL_|ERR_TLS_|ERR_STREAM_PREMATURE_CLOSE$|ECONN|ENET|EHOST|EPIPE$|ETIMEDOUT$)/

/**
 * The body of a request, which can fail by itself: undici ends the request with the body's own error then.
 *
 * undici also destroys streams, with the server's error, and over HTTP/2 that is the first to be heard of it. So what may be an error of a
 * connection is taken for that of the server's, where a stream has it.
 */
export class Upload {
  #given
  /** @type {{ error: unknown } | undefined} */
  #failure
  #note = (/** @type {unknown} */ error) => {
    this.#failure ??= { error }
  }
  #noteOfStream = (/** @type {any} */ error) => {
    if (!OF_CONNECTIONS.test(error?.code)) this.#note(error)
  }

  /** @param {any} given */
  constructor(given) {
    this.#given = given
    /** What undici gets: a stream is the same. */
    this.body = given
    if (isStream(given)) given.on('error', this.#noteOfStream)
    else if (Symbol.asyncIterator in given || typeof given.next === 'function') this.body = noting(given, this.#note)
  }

  /** @param {unknown} error */
  brokeOffWith(error) {
    return this.#failure !== undefined && this.#failure.error === error
  }

  /** Ends it where nobody reads it: the response is there without. */
  drop() {
    // What a server received can't be destroyed without its connection, on which it has yet to answer: Node reads on.
    if (isStream(this.#given)) isReceived(this.#given) ? this.#given.resume() : this.#given.destroy?.()
    else if (typeof this.#given.cancel === 'function') this.#given.cancel().catch(() => {})
  }

  /** Lets go of the caller's stream. */
  release() {
    if (isStream(this.#given)) this.#given.off('error', this.#noteOfStream)
  }
}

/** @param {any} body */
function isStream(body) {
  return typeof body.pipe === 'function' && typeof body.on === 'function'
}

/**
 * Whether a stream is a request of `node:http` or `node:http2` at its server.
 *
 * @param {any} stream
 */
function isReceived(stream) {
  return 'httpVersion' in stream && typeof stream.method === 'string'
}

/**
 * The same chunks, telling an error among them.
 *
 * @param {AsyncIterable<unknown> | Iterable<unknown>} chunks
 * @param {(error: unknown) => void} note
 */
function noting(chunks, note) {
  return {
    async *[Symbol.asyncIterator]() {
      try {
        yield* chunks
      } catch (error) {
        note(error)
        throw error
      }
    }
  }
}
