// Guards what goes to /api/. A worker that the browser ends forgets its breakers, and begins again with closed ones.
import { guardFetch } from '/node_modules/halfopen/fetch.js'

const guarded = guardFetch({
  failureThreshold: 3,
  recoveryTimeout: 5000,
  successThreshold: 1,
  timeout: 5000,
  fallback: () => Response.json({ offline: true }, { headers: { 'x-fallback': '1' } })
})

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
self.addEventListener('fetch', (event) => {
  if (new URL(event.request.url).pathname.startsWith('/api/')) event.respondWith(guarded(event.request))
})
