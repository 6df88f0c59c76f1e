// A page that knows nothing of breakers: its service worker guards its requests. It must not import the package.

const unhandled = []
addEventListener('unhandledrejection', ({ reason }) => unhandled.push(String(reason)))
globalThis.unhandled = unhandled

/** Registers the worker and waits until this page is under its control. */
globalThis.control = async () => {
  await navigator.serviceWorker.register('/worker/service-worker.js', { type: 'module' })
  await navigator.serviceWorker.ready
  if (!navigator.serviceWorker.controller) {
    await new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }))
  }
  return navigator.serviceWorker.controller.scriptURL
}

/** Loads the news as any page does: status, text, and whether the worker answered by itself. */
globalThis.load = async (url) => {
  try {
    const response = await fetch(url)
    const text = await response.text()
    document.getElementById('news').textContent = text
    const line = document.createElement('li')
    line.textContent = `${response.status} ${response.headers.get('x-from') ?? 'server'}`
    document.getElementById('log').append(line)
    return `${response.status} ${text}`
  } catch (error) {
    return error.name
  }
}

/** Loads a picture, and gives its width, or 0 when it does not load. */
globalThis.picture = (url) =>
  new Promise((resolve) => {
    const image = document.getElementById('picture')
    image.onload = () => resolve(image.naturalWidth)
    image.onerror = () => resolve(0)
    image.src = url
  })
globalThis.ready = true
