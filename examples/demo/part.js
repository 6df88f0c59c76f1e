/**
 * The life of one part, a process of its own: it tells its starter what happens, begins when told to, and ends when
 * told to or when the starter is gone. Started by hand, it begins at once and tells its news on stdout.
 *
 * Must not know: what the part does.
 */

const started = process.connected === true

// Ctrl-C reaches every process of the terminal. A part leaves the ending to its starter, whose end ends it too.
if (started) process.on('SIGINT', () => {})

/**
 * Tells the starter something.
 *
 * @param {object} news
 * @param {() => void} [then] Called when it is on its way.
 */
export function tell(news, then) {
  if (started && process.connected) process.send?.(news, () => then?.())
  else if (!started) {
    console.log(JSON.stringify(news))
    then?.()
  }
}

/**
 * Waits to be told that the act begins.
 *
 * @returns {Promise<number>} The moment it begins, in ms since the epoch; it may lie a little ahead.
 */
export function beginning() {
  if (!started) return Promise.resolve(Date.now())
  return new Promise((resolve) => process.on('message', (/** @type {any} */ order) => 'begin' in order && resolve(order.begin)))
}

/**
 * Ends the process once told to, or when the starter is gone.
 *
 * @param {() => object | undefined} leave Closes what is open; what it returns is the last news.
 */
export function untilTold(leave) {
  process.on('message', (/** @type {any} */ order) => {
    if (order.end) tell(leave() ?? {}, () => process.disconnect?.())
  })
  process.on('disconnect', () => process.exit())
}

/**
 * Listens on this machine only, and tells the address once ready.
 *
 * @param {import('node:http').Server} server
 * @param {number} [port] 0 for any.
 */
export function listen(server, port = 0) {
  // Longer than any act: a connection closed for idleness just when it is used again would look like a failure.
  server.keepAliveTimeout = 60_000
  server.listen(port, '127.0.0.1', () => {
    const address = /** @type {import('node:net').AddressInfo} */ (server.address())
    tell({ ready: `http://127.0.0.1:${address.port}/` })
  })
}

/** How often a part tells its counts, in ms. */
export const SAMPLE_EVERY = 100
