// What the function of a call with options gets as its last argument: to be used as any object with one member. It must not know when
// a call ends.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { CircuitBreaker } from '../../pkg/index.js'

const CALL = Symbol.for('halfopen.call')
const given = () => {
  let context
  new CircuitBreaker().callWith({}, (own) => void (context = own))
  return context
}
/** What is done with one, and what a plain object says to it. Each is the first thing done with it. */
const USES = {
  'its members': (context) => [Object.keys(context), Reflect.ownKeys(context), Object.entries(context).length, JSON.stringify(context)],
  'its member as data': (context) => {
    const { value, ...flags } = Object.getOwnPropertyDescriptor(context, 'signal')
    return [value instanceof AbortSignal, value === context.signal, flags]
  },
  'a member asked for': (context) => ['signal' in context, 'headers' in context, 'toString' in context, context.hasOwnProperty('signal'), Object.hasOwn(context, 'x')],
  'a copy': (context) => [Object.keys({ method: 'POST', ...context }), { ...context }.signal === context.signal, (({ ...rest }) => rest.signal === context.signal)(context)],
  'a text': (context) => [`${context}`, context + '', String(context), typeof context.valueOf],
  'its prototype': (context) => [Object.getPrototypeOf(context) === Object.prototype, context.__proto__ === Object.prototype, context.constructor === Object, context instanceof Object],
  'a member set': (context) => [(context.method = 'POST'), Object.keys(context), context.method, { ...context }.method, delete context.method, Object.keys(context)],
  'members assigned': (context) => Object.keys(Object.assign(context, { method: 'POST', headers: {} })),
  'a member defined': (context) => [Object.defineProperty(context, 'x', { value: 1 }).x, Object.getOwnPropertyDescriptor(context, 'x'), Object.keys(context)],
  'a member defined on one that is frozen': (context) => [Object.isFrozen(Object.freeze(context)), Object.isExtensible(context), Reflect.set(context, 'x', 1), Object.keys(context), context.signal.aborted, Object.getPrototypeOf(context) === Object.prototype],
  'a seal': (context) => [Object.isSealed(context), Object.isSealed(Object.seal(context)), Reflect.deleteProperty(context, 'signal'), Object.keys(context)],
  'no more members': (context) => [Object.isExtensible(context), Reflect.preventExtensions(context), Reflect.set(context, 'x', 1), context.signal.aborted],
  'its signal deleted': (context) => [delete context.signal, context.signal, Object.keys(context), 'signal' in context],
  'its signal replaced': (context) => [(context.signal = null), context.signal, Object.keys(context), { ...context }],
  'another prototype': (context) => [Object.setPrototypeOf(context, { a: 1 }).a, Object.getPrototypeOf(context), Object.keys(context)],
  'one that inherits from it': (context) => [(Object.create(context).x = 1), Object.assign(Object.create(context), { x: 1 }).signal === context.signal, Object.keys(context)],
  'its print': (context) => inspect(context, { breakLength: Infinity }),
  'its print once more': (context) => [context.signal.aborted, inspect(context, { breakLength: Infinity })],
  'the init of a Request': (context) => {
    context.method = 'PUT'
    context.headers = { a: 'b' }
    const { method, headers, signal } = new Request('https://api.example.com', context)
    return [method, headers.get('a'), signal.aborted]
  }
}

describe('the context of a call', () => {
  for (const [what, use] of Object.entries(USES)) {
    it(`is as a plain object with one member: ${what}`, () => {
      assert.deepStrictEqual(use(given()), use({ signal: new AbortController().signal }))
    })
  }

  it('is printed with its signal', () => {
    assert.equal(inspect(given(), { breakLength: Infinity }), '{ signal: AbortSignal { aborted: false } }')
  })

  for (const [what, use] of Object.entries({ nothing: () => {}, 'the signal': (context) => context.signal, 'Object.freeze': Object.freeze })) {
    it(`lets a guard abort its signal, which nobody sees: after ${what} was asked of it`, () => {
      const context = given()
      use(context)
      const { signal } = what === 'nothing' ? { signal: undefined } : context
      context[CALL].abort('over')
      assert.deepEqual([context.signal.aborted, context.signal.reason], [true, 'over'])
      if (signal !== undefined) assert.equal(context.signal, signal)
      assert.deepEqual([CALL in context, Reflect.ownKeys(context)], [false, ['signal']])
    })
  }
})
