// A page with breakers of its own and the panel that shows them, under a policy that allows no style. It must not know how either works.

import { CircuitBreakerRegistry } from '/node_modules/halfopen/index.js'
import { definePanel } from '/node_modules/halfopen/panel.js'

globalThis.unhandled = []
addEventListener('error', ({ message }) => unhandled.push(message))
addEventListener('unhandledrejection', ({ reason }) => unhandled.push(String(reason)))
globalThis.violations = []
document.addEventListener('securitypolicyviolation', ({ violatedDirective, sourceFile }) => violations.push(`${violatedDirective} ${sourceFile}`))

globalThis.registry = new CircuitBreakerRegistry({ failureThreshold: 1 })
globalThis.defined = { before: customElements.get('halfopen-panel') !== undefined }
registry.get('<b>api</b>')
definePanel(registry, { control: true })
globalThis.defined.after = customElements.get('halfopen-panel') !== undefined
globalThis.panel = document.createElement('halfopen-panel')
document.body.append(panel)
// What a test does, done by the page: scripts of a driver have other globals in Firefox.
document.addEventListener('fail', () => registry.call('<b>api</b>', async () => { throw new Error('down') }).catch(() => {}))
document.addEventListener('reset', () => registry.get('<b>api</b>').reset())
globalThis.ready = true
