/**
 * Requests and answers as `fetch` has them: Bun, Deno, Hono, the handlers of frameworks.
 *
 * Must not know: what is answered to what.
 */
import { full } from './handler.js'

/** @import { Asked, Handler } from './handler.js' */
/** @import { Viewer, Viewers } from './viewers.js' */

/** Statuses of answers that must not have a body, not even an empty one. */
const WITHOUT_BODY = [204, 308]

/**
 * @param {Handler} handler
 * @param {Viewers} viewers
 * @param {Request} request
 * @returns {Promise<Response>}
 */
export async function answerFetch(handler, viewers, request) {
  const answer = await handler.answer(asked(request))
  const { status, headers, body, streams } = answer.streams && viewers.isFull ? full() : answer
  if (!streams) return new Response(request.method === 'HEAD' || WITHOUT_BODY.includes(status) ? null : body, { status, headers })
  /** @type {Viewer} */
  let viewer
  // By its signal a request tells different things in different hosts. One whose stream is neither cancelled nor read is let go in time.
  const stream = new ReadableStream({
    start(controller) {
      viewer = {
        send: (chunk) => controller.enqueue(chunk),
        isReady: () => (controller.desiredSize ?? 0) > 0,
        end: () => controller.close()
      }
      viewers.add(viewer)
    },
    cancel: () => viewers.remove(viewer)
  })
  return new Response(stream, { status, headers })
}

/** @param {Request} request @returns {Asked} */
function asked(request) {
  const { headers, method, url } = request
  const { pathname, search, host } = new URL(url)
  return {
    raw: request,
    method,
    url: pathname + search,
    // Some hosts put it into the URL alone.
    header: (name) => headers.get(name) ?? (name === 'host' ? host : undefined),
    names: () => [...headers.keys()],
    peer: undefined,
    knowsPeer: false,
    version: undefined,
    body: (limit) => bodyOf(request, limit)
  }
}

/**
 * @param {Request} request
 * @param {number} limit
 * @returns {Promise<string | undefined>}
 */
async function bodyOf(request, limit) {
  if (Number(request.headers.get('content-length')) > limit) return undefined
  const reader = request.body?.getReader()
  if (reader === undefined) return ''
  const decoder = new TextDecoder()
  let [text, size] = ['', 0]
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.length
    if (size > limit) {
      await reader.cancel().catch(() => {})
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}
