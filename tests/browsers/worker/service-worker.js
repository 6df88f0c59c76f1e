// A service worker that sends every request of its pages through a breaker of its origin, and answers what is refused itself.

import { guardFetch } from '/node_modules/halfopen/fetch.js'
import { ManualClock } from '/node_modules/halfopen/index.js'

const RECOVERY = 30_000
const clock = new ManualClock()
const unhandled = []

const PAGE = '<!doctype html><meta charset="utf-8"><title>Back soon</title><body style="font: 16px/1.5 sans-serif; margin: 2rem"><h1>Back soon</h1><p>The site is ill. This page is the service worker’s.'
const PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="80"><rect width="200" height="80" fill="#fc6"/><text x="20" y="45" font-family="sans-serif">kept picture</text></svg>'

const guarded = guardFetch({
  clock,
  failureThreshold: 3,
  successThreshold: 1,
  recoveryTimeout: RECOVERY,
  fallback({ input }) {
    const [body, type] =
      input.mode === 'navigate' ? [PAGE, 'text/html;charset=utf-8'] : input.destination === 'image' ? [PICTURE, 'image/svg+xml'] : ['Kept news', 'text/plain']
    return new Response(body, { headers: { 'content-type': type, 'x-from': 'fallback' } })
  },
})

addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))
addEventListener('fetch', (event) => event.respondWith(guarded(event.request)))
addEventListener('unhandledrejection', ({ reason }) => unhandled.push(String(reason)))

/** The test moves the clock and asks for the states. */
addEventListener('message', ({ data, ports: [port] }) => {
  if (data === 'advance') clock.advance(RECOVERY)
  port.postMessage({ states: Object.fromEntries([...guarded.registry.keys()].map((key) => [key, guarded.registry.get(key).state])), unhandled })
})
