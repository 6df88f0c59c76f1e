// `halfopen/slim`: each way to bring the Wasm, and what is said where it is wrong or missing. It must not know what breakers do. Each
// test has a process of its own, since the core is started once.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerOf } from './support.js'

const PRELUDE = `
  const { readFileSync } = await import('node:fs')
  const { createServer } = await import('node:http')
  const { CircuitBreaker, init, initSync } = await import(new URL('../../pkg/slim.js', HERE))
  const bytes = readFileSync(new URL('../../pkg/slim.wasm', HERE))
  const made = () => {
    const breaker = new CircuitBreaker({ failureThreshold: 1 })
    breaker.recordFailure()
    return breaker.state
  }
  const refusal = (error) => [error.name, error.code, error.message]
  const tried = (fn) => {
    try { return fn() } catch (error) { return refusal(error) }
  }`
const answerTo = (program) => answerOf(`const HERE = ${JSON.stringify(import.meta.url)}\n${PRELUDE}\n${program}`)

/** A server of the Wasm, for the programs. */
const SERVED = `
  const server = createServer(({ url }, response) => {
    response.writeHead(url === '/gone' ? 404 : 200, { 'content-type': url === '/typed' ? 'application/wasm' : 'text/plain' })
    response.end(bytes)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const at = (path) => 'http://127.0.0.1:' + server.address().port + path`

describe('a breaker of halfopen/slim', () => {
  it('is refused with a coded error that names init, before there is a core, and works once there is one', async () => {
    const answer = await answerTo(`
      const before = [tried(made), tried(made)]
      initSync(bytes)
      console.log(JSON.stringify([before, made()]))`)
    const refused = ['Error', 'ERR_ENGINE_UNAVAILABLE', 'The core is not there yet: `await init(...)` or `initSync(...)` of halfopen/slim comes before the first breaker']
    assert.deepEqual(answer, [[refused, refused], 'open'])
  })
})

describe('init()', () => {
  for (const [what, input] of Object.entries({
    'a Buffer': 'bytes',
    'an ArrayBuffer': 'new Uint8Array(bytes).buffer',
    'a DataView': 'new DataView(new Uint8Array(bytes).buffer)',
    'a module': 'new WebAssembly.Module(bytes)',
    'a response that is served as Wasm': "await fetch(at('/typed'))",
    'a response that is served as something else': "await fetch(at('/untyped'))",
    'a promise of a response': "fetch(at('/typed'))",
    'a promise of bytes': 'Promise.resolve(bytes)',
    'an address': "at('/typed')",
    'a URL': "new URL(at('/untyped'))",
    'bytes of another realm': "(await import('node:vm')).runInNewContext('(bytes) => Uint8Array.from(bytes).buffer')(bytes)"
  })) {
    it(`takes ${what}`, async () => {
      assert.deepEqual(await answerTo(`${SERVED}
        const nothing = await init(${input})
        server.close()
        console.log(JSON.stringify([nothing === undefined, made()]))`), [true, 'open'])
    })
  }

  it('does nothing the second time, whatever it is given, and so does initSync()', async () => {
    assert.deepEqual(await answerTo(`
      await Promise.all([init(bytes), init(bytes), init(Promise.resolve(bytes))])
      const breaker = new CircuitBreaker({ failureThreshold: 1 })
      breaker.recordFailure()
      await init(bytes)
      await init(1)
      initSync(bytes)
      initSync(undefined)
      console.log(JSON.stringify([breaker.state, new CircuitBreaker().state]))`), ['open', 'closed'])
  })

  it('rejects with what a promise rejects with, and takes the next', async () => {
    assert.deepEqual(await answerTo(`
      const error = await init(Promise.reject(new Error('offline'))).catch(refusal)
      await init(bytes)
      console.log(JSON.stringify([error, made()]))`), [['Error', null, 'offline'], 'open'])
  })

  it('refuses what can be no Wasm, says what came, and takes the next', async () => {
    const [errors, ...states] = await answerTo(`
      const errors = []
      for (const wrong of [undefined, 1, {}, null]) errors.push(await init(wrong).catch(refusal), tried(() => initSync(wrong)))
      const text = tried(() => initSync('/slim.wasm'))
      initSync(bytes)
      console.log(JSON.stringify([[...errors, text], made()]))`)
    assert.deepEqual(states, ['open'])
    for (const [name, code, message] of errors) {
      assert.deepEqual([name, code], ['TypeError', 'ERR_INVALID_ARGUMENT'])
      assert.match(message, /^Expected the Wasm of halfopen\/slim as .*, got (undefined|1|an object|null|'\/slim.wasm')$/)
    }
  })

  it('refuses what is no Wasm of ours with the error for hosts that have none, and takes the next', async () => {
    const answer = await answerTo(`${SERVED}
      const other = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))
      const errors = []
      for (const wrong of [bytes.subarray(1), other, fetch(at('/gone'))]) errors.push(await init(wrong).catch(refusal))
      errors.push(tried(() => initSync(new Uint8Array(8))), tried(() => initSync(other)))
      server.close()
      await init(bytes)
      console.log(JSON.stringify([errors, made()]))`)
    const [errors, state] = answer
    assert.equal(state, 'open')
    assert.equal(errors.length, 5)
    for (const [name, code, message] of errors) {
      assert.deepEqual([name, code], ['Error', 'ERR_ENGINE_UNAVAILABLE'], message)
      assert.match(message, /^WebAssembly can't be used here: /)
    }
    assert.match(errors[2][2], /HTTP status 404/)
    assert.match(errors[1][2], /halfopen\/slim\.wasm/)
  })

  it('refuses the Wasm of another version, whose numbers may mean something else, and takes its own', async () => {
    const answer = await answerTo(`
      const { default: binaryen } = await import('binaryen')
      const module = binaryen.readBinary(bytes)
      const names = WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(({ name }) => name)
      const own = names.filter((name) => /^_[0-9a-f]{8}$/.test(name))
      const { value } = binaryen.getExportInfo(module.getExport('admit'))
      module.removeExport(own[0])
      module.addFunctionExport(value, '_00000000')
      const error = tried(() => initSync(module.emitBinary()))
      initSync(bytes)
      console.log(JSON.stringify([own.length, error, made()]))`)
    const refused = ['Error', 'ERR_ENGINE_UNAVAILABLE']
    assert.deepEqual([answer[0], answer[1].slice(0, 2), answer[2]], [1, refused, 'open'])
    assert.match(answer[1][2], /the Wasm is not the halfopen\/slim\.wasm of this very version/)
  })
})
