// The clients, as their users have them: each told once to make its requests through a guard, and otherwise unmodified. It must not know
// what is asked of them.

import axios from 'axios'
import ky from 'ky'
import OpenAI from 'openai'
import { Agent, request, fetch as undiciFetch } from 'undici'
import { guardFetch } from '../../pkg/fetch.js'
import { guardDispatch } from '../../pkg/undici.js'
import { atEnd } from './support.js'

/** A guarded fetch that keeps every error which the fetch below it made. */
function spied(options, fetch = globalThis.fetch) {
  const errors = []
  const guarded = guardFetch({
    ...options,
    fetch: async (input, init) => {
      try {
        return await fetch(input, init)
      } catch (error) {
        errors.push(error)
        throw error
      }
    }
  })
  return { guarded, errors, registry: guarded.registry }
}

function agent(options) {
  const agent = new Agent(options)
  atEnd(() => agent.destroy())
  return agent
}

/**
 * By its name, what makes a client of guard options: `get(url)` gives the status and rejects with what the client's user gets, the body
 * read; `registry` is the guard's; `errors` are those made below the guard, where they can be seen.
 */
export const CLIENTS = {
  'global fetch'(options) {
    const { guarded, ...rest } = spied(options)
    const get = async (url, init) => {
      const response = await guarded(url, init)
      await response.text()
      return response.status
    }
    return { get, ...rest }
  },
  'undici fetch'(options) {
    const dispatcher = agent()
    const { guarded, ...rest } = spied(options, (input, init) => undiciFetch(input, { ...init, dispatcher }))
    const get = async (url, init) => {
      const response = await guarded(url, init)
      await response.text()
      return response.status
    }
    return { get, ...rest }
  },
  'undici request'(options) {
    const guard = guardDispatch(options)
    const dispatcher = agent().compose(guard)
    const get = async (url, init) => {
      const { statusCode, body } = await request(url, { ...init, dispatcher })
      await body.text()
      return statusCode
    }
    return { get, registry: guard.registry }
  },
  axios(options) {
    const { guarded, ...rest } = spied(options)
    const client = axios.create({ adapter: 'fetch', env: { fetch: guarded }, validateStatus: null })
    return { get: async (url, init) => (await client.get(url, init)).status, ...rest }
  },
  ky(options) {
    const { guarded, ...rest } = spied(options)
    const client = ky.create({ fetch: guarded, retry: 0, throwHttpErrors: false, timeout: false })
    const get = async (url, init) => {
      const response = await client.get(url, init)
      await response.text()
      return response.status
    }
    return { get, ...rest }
  },
  openai(options) {
    const { guarded, ...rest } = spied(options)
    const get = async (url, init) => {
      const { origin, pathname, search } = new URL(url)
      const client = new OpenAI({ apiKey: 'key', baseURL: origin, fetch: guarded, maxRetries: 0 })
      try {
        await client.get(pathname + search, init)
        return 200
      } catch (error) {
        if (error.status === undefined) throw error
        return error.status
      }
    }
    return { get, ...rest }
  }
}

/** Clients that speak HTTP/2, over TLS that trusts anybody. */
export const HTTP2_CLIENTS = {
  'undici fetch, HTTP/2'(options) {
    const dispatcher = agent({ allowH2: true, connect: { rejectUnauthorized: false } })
    const { guarded, ...rest } = spied(options, (input, init) => undiciFetch(input, { ...init, dispatcher }))
    const get = async (url) => {
      const response = await guarded(url)
      await response.text()
      return response.status
    }
    return { get, ...rest }
  },
  'undici request, HTTP/2'(options) {
    const guard = guardDispatch(options)
    const dispatcher = agent({ allowH2: true, connect: { rejectUnauthorized: false } }).compose(guard)
    const get = async (url) => {
      const { statusCode, body } = await request(url, { dispatcher })
      await body.text()
      return statusCode
    }
    return { get, registry: guard.registry }
  }
}
