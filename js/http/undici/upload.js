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
 * undici also destroys streams, with the error that the server caused; over HTTP/2 the stream has that error before anybody else. So where
 * a stream fails with an error that a connection may have, the server is taken to have caused it.
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

  /** Ends a body that nobody will read, since the response came without it. */
  drop() {
    // To destroy a request that a server of Node's received would end the connection on which that server has yet to answer. It is read instead.
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
