// An app of Next with the default bundler: a server component, a route, a route of the edge runtime and a client component run the app, and pages that each do one
// thing are weighed. It must not know what the app gives.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { versionOf } from './support.js'

const page = (imported, made) => `'use client'
import { useEffect } from 'react'
${imported}
export default () => {
  useEffect(() => void (globalThis.result = ${made}), [])
  return <p>page</p>
}
`

/** The files of the project, but for the app itself, `lib/app.js`. */
export const FILES = {
  'package.json': '{ "name": "user", "private": true }\n',
  'app/layout.js': 'export default ({ children }) => <html><head><link rel="icon" href="data:," /></head><body>{children}</body></html>\n',
  'app/page.js': `import { app } from '../lib/app.js'
    export const dynamic = 'force-dynamic'
    export default async () => <pre>{JSON.stringify(await app())}</pre>\n`,
  'app/api/route.js': `import { app } from '../../lib/app.js'
    export const dynamic = 'force-dynamic'
    export const GET = async () => Response.json(await app())\n`,
  'app/edge/route.js': `import { app } from '../../lib/app.js'
    export const runtime = 'edge'
    export const GET = async () => Response.json(await app())\n`,
  'app/client/page.js': page("import { app } from '../../lib/app.js'", 'app()'),
  'app/empty/page.js': page('', '0'),
  'app/breaker/page.js': page("import { CircuitBreaker } from 'halfopen'", 'new CircuitBreaker()'),
  'app/guard/page.js': page("import { guardFetch } from 'halfopen/fetch'", 'guardFetch()'),
}

const version = versionOf('next')
const command = 'next build'
/** Each place where the app runs, and what is asked there. */
export const PLACES = [
  { tool: 'Next', version, command, in: 'a server component', path: '/' },
  { tool: 'Next', version, command, in: 'a route', path: '/api' },
  { tool: 'Next', version, command, in: 'a route of the edge runtime', path: '/edge' },
  { tool: 'Next', version, command, in: 'a client component, Chromium', path: '/client', isPage: true },
]

/** The steps in an answer of the server: JSON, or a page that shows it. */
export const stepsIn = (text) => JSON.parse(/<pre>(.*?)<\/pre>/.exec(text)?.[1].replaceAll('&quot;', '"') ?? text)

/** What a page's scripts weigh gzipped, in bytes. */
export function weighPage(dir, html) {
  const scripts = new Set([...html.matchAll(/src="\/_next\/([^"]+\.js)"/g)].map(([, path]) => path))
  if (scripts.size === 0) throw new Error('The page has no scripts')
  return [...scripts].reduce((sum, path) => sum + gzipSync(readFileSync(join(dir, '.next', path)), { level: 9 }).length, 0)
}
