/**
 * Requests and answers as `node:http` and `node:http2` have them.
 *
 * Must not know: what is answered to what. It needs nothing of Node but the two objects.
 */
import { report } from '../base/report.js'
import { full } from './handler.js'

/** @import { Answer, Asked, Handler } from './handler.js' */
/** @import { Viewers } from './viewers.js' */

/**
 * @param {Handler} handler
 * @param {Viewers} viewers
 * @param {any} req
 * @param {any} res
 * @returns {Promise<void>} Never rejects.
 */
export async function answerNode(handler, viewers, req, res) {
  try {
    const answer = await handler.answer(asked(req))
    // Its client may be gone meanwhile.
    if (res.destroyed || res.writableEnded || res.headersSent) return
    if (!answer.streams) send(answer, req, res)
    else if (viewers.isFull) send(full(), req, res)
    else stream(viewers, answer, req, res)
  } catch (error) {
    report(error)
    if (!res.headersSent) res.writeHead(500)
    res.end()
  }
}

/** @param {any} req @returns {Asked} */
function asked(req) {
  const { headers } = req
  return {
    raw: req,
    method: req.method,
    url: req.url,
    header: (name) => {
      const value = headers[name] ?? (name === 'host' ? headers[':authority'] : undefined)
      return value === undefined ? undefined : String(value)
    },
    names: () => Object.keys(headers),
    peer: req.socket?.remoteAddress,
    knowsPeer: true,
    version: req.httpVersion,
    body: (limit) => bodyOf(req, limit)
  }
}

/**
 * The body, or what a parser before us made of it.
 *
 * @param {any} req
 * @param {number} limit
 * @returns {Promise<string | undefined>}
 */
function bodyOf(req, limit) {
  if (req.body !== undefined && (req.readableEnded || req.complete)) return Promise.resolve(typeof req.body === 'string' ? within(req.body, limit) : within(JSON.stringify(req.body), limit))
  // Somebody read it before us and kept it.
  if (req.readableEnded) return Promise.resolve('')
  if (Number(req.headers['content-length']) > limit) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const decoder = new TextDecoder()
    let [text, size] = ['', 0]
    req.on('data', (/** @type {Uint8Array} */ chunk) => {
      size += chunk.length
      if (size > limit) {
        req.pause()
        resolve(undefined)
      } else text += decoder.decode(chunk, { stream: true })
    })
    req.on('end', () => resolve(text + decoder.decode()))
    // Who broke off gets no answer, and nobody has to hear of it.
    for (const event of ['error', 'close']) req.on(event, () => resolve(undefined))
  })
}

/**
 * @param {string} text
 * @param {number} limit
 */
const within = (text, limit) => (text.length > limit ? undefined : text)

/**
 * @param {Answer} answer
 * @param {any} req
 * @param {any} res
 */
function send({ status, headers, body }, req, res) {
  // A body that nobody read is not read to its end either.
  const isOpen = req.httpVersionMajor === 1 && !req.complete
  res.writeHead(status, isOpen ? { ...headers, connection: 'close' } : headers)
  res.end(body)
}

/**
 * @param {Viewers} viewers
 * @param {Answer} answer
 * @param {any} req
 * @param {any} res
 */
function stream(viewers, { status, headers }, req, res) {
  let isFull = false
  const viewer = {
    send(/** @type {Uint8Array} */ chunk) {
      isFull = res.write(chunk) === false
      // What compresses keeps things back otherwise.
      res.flush?.()
    },
    isReady: () => !isFull,
    end() {
      // One that reads nothing would never see an end.
      if (isFull) res.destroy()
      else res.end()
    }
  }
  const leave = () => viewers.remove(viewer)
  res.on('drain', () => (isFull = false))
  res.on('close', leave)
  res.on('error', leave)
  req.on('aborted', leave)
  res.writeHead(status, headers)
  viewers.add(viewer)
}
