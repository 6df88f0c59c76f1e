/**
 * The body of a response whose call lasts until the body was read.
 *
 * Must not know: breakers and requests. It tells how the reading ended.
 */
import { finalizer } from '../base/host.js'
import { CANCELLED } from './cancelled.js'

/**
 * A response around the same body that tells how the reading of it ended.
 *
 * @param {Response} response
 * @param {(how: Response | typeof CANCELLED) => void} done
 * @param {(error: unknown) => void} fail
 */
export function watched(response, done, fail) {
  const original = /** @type {ReadableStream<Uint8Array>} */ (response.body)
  // A stream of bytes takes the memory of its chunks away from whoever made them. Only what comes out of such a stream is its
  // own: other chunks may be views of memory that is in use, for example Node's pool of buffers.
  const type = isByteStream(original) ? BYTES : {}
  const reader = original.getReader()
  const body = new ReadableStream(
    {
      ...type,
      async pull(controller) {
        try {
          let { done: ended, value } = await reader.read()
          // A stream of bytes takes no chunk without any.
          while (!ended && value?.byteLength === 0) ({ done: ended, value } = await reader.read())
          if (!ended) return controller.enqueue(/** @type {any} */ (value))
          done(response)
          controller.close()
          // Whoever reads into a buffer of their own waits for it.
          if ('byobRequest' in controller) controller.byobRequest?.respond(0)
        } catch (error) {
          fail(error)
          controller.error(error)
        }
      },
      cancel(reason) {
        done(CANCELLED)
        return reader.cancel(reason)
      }
    },
    { highWaterMark: 0 }
  )
  const ours = responseOf(body, response)
  if (ours === undefined) {
    // Nobody can tell when it was read.
    reader.releaseLock()
    done(response)
    return response
  }
  // A body that is dropped unread is as good as cancelled, and its connection is wanted back.
  dropped?.register(body, () => {
    done(CANCELLED)
    reader.cancel().catch(() => {})
  })
  return ours
}

/**
 * A response around a body of ours. Undefined where the host's `Response` takes no stream, or not one of this `ReadableStream`: of two that
 * come from different polyfills, the one would write out the other as a text.
 *
 * @param {ReadableStream} body
 * @param {Response} response
 */
function responseOf(body, response) {
  try {
    const ours = new Response(body, response)
    return ours.body === body ? alike(response, ours) : undefined
  } catch {
    return undefined
  }
}

/**
 * Gives a response what its constructor can't: the URL and the rest of where it came from. Its clones have it too.
 *
 * @param {Response} response
 * @param {Response} ours
 * @returns {Response}
 */
function alike({ url, redirected, type }, ours) {
  const { clone } = ours
  const members = { url, redirected, type, clone: () => alike(ours, clone.call(ours)) }
  for (const [name, value] of Object.entries(members)) Object.defineProperty(ours, name, /** @type {any} */ ({ __proto__: null, value, configurable: true }))
  return ours
}

/** Makes a stream one of bytes, as bodies are, where there is such a thing. @type {{ type?: 'bytes' }} */
const BYTES = /* @__PURE__ */ (() => ('ReadableByteStreamController' in globalThis ? { type: 'bytes' } : {}))()

/** @param {ReadableStream} stream */
function isByteStream(stream) {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    return false
  }
}

/**
 * Whether it can be told when the body of a response was read. Hosts without streams, or with a `fetch` of another make, say nothing of that.
 *
 * @param {Response} response
 */
export function canBeWatched({ body }) {
  return typeof ReadableStream === 'function' && typeof Response === 'function' && isReadable(body)
}

/**
 * Whether there is a body that a reader can be had of. One that is locked is being read already by whoever made the response.
 *
 * @param {unknown} body
 */
function isReadable(body) {
  const { getReader, locked } = /** @type {Partial<ReadableStream>} */ (body ?? {})
  return typeof getReader === 'function' && !locked
}

/**
 * Gives up a response that nobody waits for any more, since its call is over: its connection is wanted back.
 *
 * @param {Response} response
 */
export function discard(response) {
  if (isReadable(response?.body)) response.body?.cancel().catch(() => {})
}

/** Tells of objects that are gone. @type {FinalizationRegistry<() => void> | undefined} */
export const dropped = /* @__PURE__ */ finalizer((tell) => tell())
