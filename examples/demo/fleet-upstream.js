/**
 * The dependency of the fleet: an HTTP server that falls sick on schedule, and counts its requests by the path they ask for.
 *
 * Must not know: who calls it.
 *
 *   node fleet-upstream.js [--port 8080]
 */
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { FLEET, SIDES } from './fleet-plan.js'
import { beginning, listen, tell, untilTold } from './part.js'
import { phaseAt, schedule } from './plan.js'

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } })
const phases = schedule(/** @type {any} */ (FLEET))
/** When the outage's schedule begins, in ms since the epoch. */
let begin = Infinity
const isSick = () => phaseAt(phases, Date.now() - begin).sick

const hits = Object.fromEntries(SIDES.map((side) => [side, { all: 0, whileSick: 0 }]))
const server = createServer(async (request, response) => {
  request.resume()
  const hit = hits[String(request.url).slice(1)]
  if (hit) {
    hit.all++
    if (isSick()) hit.whileSick++
  }
  await sleep(FLEET.work)
  response.writeHead(isSick() ? 503 : 200).end('{}')
})

listen(server, Number(values.port))
untilTold(() => {
  server.close()
  server.closeAllConnections()
  return { hits }
})
begin = await beginning()
for (const { name, sick, begin: at } of phases) setTimeout(() => tell({ phase: { name, sick, at } }), begin + at - Date.now())
