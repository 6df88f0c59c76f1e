/**
 * The demo to look at: a service with a breaker for each of its upstreams and a page that shows them, while one upstream after the other falls sick.
 *
 * Must not know: how a part works.
 */
import { Cast } from './cast.js'
import { LIVE, UPSTREAMS, lengthOf } from './plan.js'

/**
 * Plays until it is interrupted.
 *
 * @param {string} port Of the page; '0' for any.
 * @param {Promise<never>} interrupted
 * @returns {Promise<never>}
 */
export async function playLive(port, interrupted) {
  const time = () => new Date().toISOString().slice(11, 19)
  const cast = new Cast(({ change }) => {
    if (change) console.log(`${time()}  ${change.breaker.padEnd(9)}${change.from} -> ${change.to} (${change.reason})`)
  })
  const ending = [cast.failure, interrupted]
  try {
    const round = lengthOf(LIVE)
    const sick = LIVE.phases.reduce((sum, { sick, duration }) => sum + (sick ? duration : 0), 0)
    const upstreams = await Promise.all(
      UPSTREAMS.map(async (name, index) => {
        const offset = Math.round((index * round) / UPSTREAMS.length)
        return [name, await Promise.race([cast.start('upstream.js', ['--act', LIVE.key, '--loop', '--offset', String(offset)]), ...ending])]
      })
    )
    const service = await Promise.race([cast.start('shop.js', ['--upstreams', JSON.stringify(Object.fromEntries(upstreams)), '--port', port]), ...ending])
    await Promise.race([cast.start('load.js', ['--act', LIVE.key, '--target', service, '--paths', UPSTREAMS.join()]), ...ending])
    cast.begin()
    console.log(`The dashboard: ${service}breakers/\nEach of ${UPSTREAMS.length} upstreams is sick for ${sick / 1000} s of each ${round / 1000} s. Ctrl-C ends it.\n`)
    return await Promise.race(ending)
  } finally {
    await cast.end()
  }
}
