// Asks `?api=` at each click, and shows the answer, or why it did not come.
import { guardFetch } from 'halfopen/fetch'

const api = new URL(new URLSearchParams(location.search).get('api') ?? '/api/time', location.href)
const guarded = guardFetch({ failureThreshold: 3, recoveryTimeout: 5000, successThreshold: 1, timeout: 2000 })
const show = (id, text) => (document.getElementById(id).textContent = text)

guarded.registry.addEventListener('statechange', ({ detail }) => show('state', detail.to))

document.getElementById('ask').addEventListener('click', async () => {
  try {
    const response = await guarded(api)
    const text = await response.text()
    show('answer', response.ok ? text : `The server says ${response.status}`)
  } catch (error) {
    show('answer', error.code === 'ERR_CIRCUIT_OPEN' ? `Ask again in ${Math.ceil(error.retryAfter / 1000)} s` : `No answer: ${error.message}`)
  }
})

// Not guarded: it is how `examples/serve.js` is made sick and well.
const sick = document.getElementById('sick')
sick.addEventListener('change', () => fetch('/sick', { method: sick.checked ? 'PUT' : 'DELETE' }))
