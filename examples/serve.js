// The site of the two examples for browsers: their files, the package, and `/api/time`, which answers 503 while `/sick` says so.
// `node examples/serve.js` and open what it says; `PORT` is where to listen (8080; 0 takes any).
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname } from 'node:path'

const { PORT = '8080' } = process.env
const TYPES = { '.html': 'text/html;charset=utf-8', '.js': 'text/javascript' }

/** Where the package is: installed, or in this repository what was built. */
function packageFolder() {
  try {
    return new URL('./', import.meta.resolve('halfopen/fetch'))
  } catch {
    return new URL('../pkg/', import.meta.url)
  }
}

/** What is served, by the beginning of its path, and from where. Nothing else is. */
const FOLDERS = {
  '/browser/': new URL('./browser/', import.meta.url),
  '/service-worker/': new URL('./service-worker/', import.meta.url),
  '/node_modules/halfopen/': packageFolder()
}

let isSick = false

/** Gives status, type and body. */
async function answer(method, path) {
  if (path === '/sick') {
    if (method === 'PUT') isSick = true
    if (method === 'DELETE') isSick = false
    return [200, 'text/plain', String(isSick)]
  }
  if (path === '/api/time') return isSick ? [503, 'text/plain', 'sick'] : [200, 'text/plain', new Date().toISOString()]
  const begin = Object.keys(FOLDERS).find((folder) => path.startsWith(folder))
  if (begin === undefined) return [404, 'text/plain', 'not found']
  const file = new URL(path.slice(begin.length) || 'index.html', FOLDERS[begin])
  // What is left of the path may be a URL of its own.
  if (!file.href.startsWith(FOLDERS[begin].href)) return [404, 'text/plain', 'not found']
  return readFile(file).then((body) => [200, TYPES[extname(file.pathname)] ?? 'application/octet-stream', body], () => [404, 'text/plain', 'not found'])
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(`http://site${request.url}`)
  const [status, type, body] = await answer(request.method, pathname)
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
})
server.listen(Number(PORT), '127.0.0.1', () => {
  const origin = `http://127.0.0.1:${server.address().port}`
  console.log(`listening on ${origin}\n  ${origin}/browser/         a page whose requests go through a breaker\n  ${origin}/service-worker/  a site behind a guarding service worker`)
})
