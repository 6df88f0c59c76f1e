// A primary that answers the page of its workers, each of which has breakers of its own and answers by messages. It must not know who asks.

import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { CircuitBreakerRegistry } from '../../pkg/index.js'
import { dashboard } from '../../pkg/dashboard.js'

if (cluster.isWorker) {
  const registry = new CircuitBreakerRegistry({ failureThreshold: 1 })
  registry.get(`of worker ${cluster.worker.id}`)
  const { read } = dashboard({ registries: registry })
  process.on('message', async ({ number, path, fails }) => {
    if (fails) return registry.call(`of worker ${cluster.worker.id}`, async () => { throw new Error('down') }).catch(() => {})
    process.send({ number, answer: await read(path) })
  })
  process.send('ready')
} else {
  const asked = new Map()
  let last = 0
  const ask = (worker) => (path) => new Promise((resolve, reject) => {
    asked.set(++last, resolve)
    worker.send({ number: last, path }, (error) => error && reject(error))
  })
  const workers = [cluster.fork(), cluster.fork()]
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))))
  for (const worker of workers) {
    worker.on('message', ({ number, answer }) => {
      asked.get(number)?.(answer)
      asked.delete(number)
    })
  }
  const { node } = dashboard({ registries: [], feeds: Object.fromEntries(workers.map((worker) => [`worker ${worker.id}`, ask(worker)])) })
  const server = createServer((req, res) => {
    if (req.url === '/fail') workers[1].send({ fails: true })
    else if (req.url === '/kill') workers[0].process.kill()
    else return node(req, res)
    res.end()
  })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
}
