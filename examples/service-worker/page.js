// Knows nothing of breakers: it fetches, and the worker does the rest.
await navigator.serviceWorker.register('worker.js', { type: 'module' })
await navigator.serviceWorker.ready
if (navigator.serviceWorker.controller === null) {
  await new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }))
}
const ask = document.getElementById('ask')
const answer = document.getElementById('answer')
ask.addEventListener('click', async () => {
  const response = await fetch('/api/time')
  answer.textContent = `${response.status} ${await response.text()}`
})
ask.disabled = false

// The worker lets it pass: it is how `examples/serve.js` is made sick and well.
const sick = document.getElementById('sick')
sick.addEventListener('change', () => fetch('/sick', { method: sick.checked ? 'PUT' : 'DELETE' }))
