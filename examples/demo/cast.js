/**
 * Starts the parts as processes and sees to it that none outlives the act, whatever happens.
 *
 * Must not know: what the parts do and say.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A part that was told to end gets this long, in ms. */
const PATIENCE = 2000

/** The processes of one act. */
export class Cast {
  /** @type {import('node:child_process').ChildProcess[]} */
  #parts = []
  #ending = false
  #onNews
  /** @type {(error: Error) => void} */
  #fail = () => {}
  /** Rejects when a part ends before it was told to. */
  failure = /** @type {Promise<never>} */ (
    new Promise((_, reject) => {
      this.#fail = reject
    })
  )

  /** @param {(news: any) => void} onNews Gets what any part tells. */
  constructor(onNews) {
    this.#onNews = onNews
    this.failure.catch(() => {})
  }

  /**
   * Starts a part and waits until it is ready.
   *
   * @param {string} file
   * @param {string[]} args
   * @returns {Promise<any>} What it told with that: a server its address.
   */
  start(file, args) {
    const part = fork(fileURLToPath(new URL(file, import.meta.url)), args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    this.#parts.push(part)
    let complaint = ''
    part.stdout?.resume()
    part.stderr?.on('data', (text) => (complaint = (complaint + text).slice(-4000)))
    part.on('message', this.#onNews)
    part.on('error', (error) => this.#fail(new Error(`${file}: ${error.message}`)))
    // Not 'exit', since what it complained of may still be on its way then.
    part.on('close', (code, signal) => {
      if (!this.#ending) this.#fail(new Error(`${file} ended by itself (${signal ?? `code ${code}`})\n${complaint}`.trim()))
    })
    const ready = new Promise((resolve) => {
      part.on('message', (/** @type {any} */ news) => 'ready' in news && resolve(news.ready))
    })
    return Promise.race([ready, this.failure])
  }

  /** @param {object} order */
  order(order) {
    for (const part of this.#parts) if (part.connected) part.send(order, () => {})
  }

  /**
   * Has all parts begin at one moment, some ms ahead: all have the order by then.
   *
   * @param {number} [lead]
   * @returns {number} The moment, in ms since the epoch.
   */
  begin(lead = 100) {
    const begin = Date.now() + lead
    this.order({ begin })
    return begin
  }

  /** Ends all parts and waits until they are gone. Those that do not end when told to are killed. */
  async end() {
    this.#ending = true
    this.order({ end: true })
    await Promise.all(
      this.#parts.map(async (part) => {
        if (part.pid === undefined || part.exitCode !== null || part.signalCode !== null) return
        const patience = setTimeout(() => part.kill('SIGKILL'), PATIENCE)
        await new Promise((resolve) => part.once('close', resolve))
        clearTimeout(patience)
      })
    )
  }
}
