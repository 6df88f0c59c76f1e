/**
 * The dependency: an HTTP server that answers in about 5 ms, falls sick on schedule, and gets well again.
 *
 * Must not know: who calls it, and whether a breaker stands in between.
 *
 * It works on a few requests at once and the rest wait in line, so while it is sick every further request makes it
 * later for all. Like most servers it does not notice that a caller gave up waiting: it works for nobody, and the
 * line it built up while sick is there still when the cause is gone.
 *
 *   node upstream.js [--act with] [--port 8080] [--loop] [--offset 7000]
 *     --loop      begins anew at the end of the act
 *     --offset    begins so many ms into the act
 */
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { SAMPLE_EVERY, beginning, listen, tell, untilTold } from './part.js'
import { LOAD, UPSTREAM_SLOTS, actOf, lengthOf, phaseAt, randomFrom, schedule } from './plan.js'

const { values } = parseArgs({
  options: {
    act: { type: 'string', default: 'with' }, port: { type: 'string', default: '0' },
    loop: { type: 'boolean', default: false }, offset: { type: 'string', default: '0' }
  }
})
const act = actOf(values.act)
const phases = schedule(act)
const random = randomFrom(LOAD.seed)

/** When the act begins, in ms since the epoch. Until it is known the upstream is healthy. */
let begin = Infinity
const now = () => {
  const moment = Date.now() - begin + Number(values.offset)
  return phaseAt(phases, values.loop && moment > 0 ? moment % lengthOf(act) : moment)
}

/** @type {import('node:http').ServerResponse[]} */
const line = []
let working = 0
let hits = 0
let hitsWhileSick = 0

const server = createServer((request, response) => {
  request.resume()
  hits++
  if (now().sick) hitsWhileSick++
  line.push(response)
  workOn()
})

function workOn() {
  while (working < UPSTREAM_SLOTS) {
    const response = line.shift()
    if (!response) return
    working++
    const { work, status } = now()
    const [shortest, longest] = work
    setTimeout(() => {
      working--
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(status === 200 ? { price: 42 } : { error: 'the database does not answer' }))
      workOn()
    }, shortest + random() * (longest - shortest))
  }
}

const sample = () => ({ upstream: { hits, hitsWhileSick, working, waiting: line.length } })

listen(server, Number(values.port))
const sampling = setInterval(() => tell(sample()), SAMPLE_EVERY)
untilTold(() => {
  clearInterval(sampling)
  server.close()
  server.closeAllConnections()
  return sample()
})

begin = await beginning()
for (const { name, sick, begin: at } of values.loop ? [] : phases) {
  setTimeout(() => tell({ phase: { name, sick, at } }), begin + at - Date.now())
}
