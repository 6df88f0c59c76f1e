// The clients, as their users have them: each handed a guard as `docs/with-sdks.md` says, with the retries that it has by itself. It must not
// know what is asked of them.

import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core'
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Client as Elasticsearch } from '@elastic/elasticsearch'
import { GoogleGenAI } from '@google/genai'
import { ChatOpenAI } from '@langchain/openai'
import { FetchHttpHandler } from '@smithy/fetch-http-handler'
import { createClient } from '@supabase/supabase-js'
import { createTRPCClient, httpBatchLink, httpBatchStreamLink } from '@trpc/client'
import { cacheExchange, Client, fetchExchange } from '@urql/core'
import { generateText, streamText } from 'ai'
import axios from 'axios'
import got from 'got'
import { GraphQLClient } from 'graphql-request'
import ky from 'ky'
import { Octokit } from 'octokit'
import { createFetch } from 'ofetch'
import OpenAI from 'openai'
import Stripe from 'stripe'
import { Agent, fetch, Pool } from 'undici'
import wretch from 'wretch'
import { findRefusal } from '../../pkg/index.js'

const QUESTION = [{ role: 'user', content: 'Count' }]
const QUERY = 'query { user { __typename id name } }'
const CREDENTIALS = { region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } }

const joined = async (stream, textOf) => {
  let text = ''
  for await (const part of stream) text += textOf(part) ?? ''
  return text
}

/**
 * A client.
 *
 * @typedef {object} Row
 * @property {string} from The package that its version is read from.
 * @property {string} handIn What its user writes to hand in the guard; `…` stands for what has to do with no guard. It is what `make` does.
 * @property {'fetch' | 'dispatcher' | 'breaker'} [takes] What it is handed. Default `'fetch'`.
 * @property {(hand: any) => Made} make Makes one of a guarded `fetch`, of `compose`, which guards a dispatcher of undici, or of a `breaker`, and
 *   of the `origin` of a server.
 *
 * @typedef {object} Made
 * @property {(signal?: AbortSignal) => Promise<unknown>} call One request, and what its user wants of the answer.
 * @property {(signal?: AbortSignal) => Promise<string>} [stream] One that streams, read to its end.
 * @property {() => Promise<void>} [leave] One that streams, left after its first piece.
 * @property {boolean} [hasNoSignal] Whether its users can't abort.
 */

/** @param {any} options */
const chatOpenAI = ({ fetch, origin, ...options }) => {
  const model = new ChatOpenAI({ apiKey: 'key', model: 'm', ...options, configuration: { baseURL: `${origin}/openai`, fetch } })
  return {
    call: async (signal) => (await model.invoke('Count', { signal })).content,
    stream: async (signal) => joined(await model.stream('Count', { signal }), (part) => part.content),
    async leave() {
      for await (const _ of await model.stream('Count')) break
    }
  }
}

/** @param {any} options */
const octokit = ({ fetch, origin, ...options }) => {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const client = new Octokit({ baseUrl: `${origin}/github`, log, ...options, request: { fetch } })
  return { call: async (signal) => (await client.request('GET /users/{username}', { username: 'ada', request: { signal } })).data.login }
}

/** The clients by their names. @type {Record<string, Row>} */
export const CLIENTS = {
  OpenAI: {
    from: 'openai',
    handIn: 'new OpenAI({ …, fetch })',
    make({ fetch, origin, ...options }) {
      const client = new OpenAI({ apiKey: 'key', baseURL: `${origin}/openai`, ...options, fetch })
      const stream = (signal) => client.chat.completions.create({ model: 'm', messages: QUESTION, stream: true }, { signal })
      return {
        call: async (signal) => (await client.chat.completions.create({ model: 'm', messages: QUESTION }, { signal })).choices[0].message.content,
        stream: async (signal) => joined(await stream(signal), (part) => part.choices[0].delta.content),
        async leave() {
          for await (const _ of await stream()) break
        }
      }
    }
  },
  Anthropic: {
    from: '@anthropic-ai/sdk',
    handIn: 'new Anthropic({ …, fetch })',
    make({ fetch, origin, ...options }) {
      const client = new Anthropic({ apiKey: 'key', baseURL: `${origin}/anthropic`, ...options, fetch })
      const stream = (signal) => client.messages.create({ model: 'm', max_tokens: 9, messages: QUESTION, stream: true }, { signal })
      return {
        call: async (signal) => (await client.messages.create({ model: 'm', max_tokens: 9, messages: QUESTION }, { signal })).content[0].text,
        stream: async (signal) => joined(await stream(signal), (event) => event.delta?.text),
        async leave() {
          for await (const _ of await stream()) break
        }
      }
    }
  },
  'Vercel AI': {
    from: 'ai',
    handIn: 'createOpenAI({ …, fetch })',
    make({ fetch, origin }) {
      const model = createOpenAI({ apiKey: 'key', baseURL: `${origin}/openai`, fetch }).chat('m')
      return {
        call: async (abortSignal) => (await generateText({ model, prompt: 'Count', abortSignal })).text,
        async stream(abortSignal) {
          let failed
          const { textStream } = streamText({ model, prompt: 'Count', abortSignal, onError: ({ error }) => (failed = { error }) })
          const text = await joined(textStream, (part) => part)
          // Its stream ends well, whatever happens.
          if (failed) throw failed.error
          return text
        },
        async leave() {
          for await (const _ of streamText({ model, prompt: 'Count' }).textStream) break
        }
      }
    }
  },
  LangChain: { from: '@langchain/openai', handIn: 'new ChatOpenAI({ …, configuration: { …, fetch } })', make: chatOpenAI },
  'LangChain that heeds refusals': {
    from: '@langchain/openai',
    handIn: 'onFailedAttempt(error) { if (findRefusal(error) || …) throw error }',
    make: (hand) => chatOpenAI({ ...hand, onFailedAttempt(error) { if (findRefusal(error) || error.name === 'AbortError' || (error.status < 500 && error.status !== 429)) throw error } })
  },
  'Google Gen AI': {
    from: '@google/genai',
    handIn: 'new GoogleGenAI({ …, httpOptions: { …, fetch } })',
    make({ fetch, origin }) {
      const client = new GoogleGenAI({ apiKey: 'key', httpOptions: { baseUrl: `${origin}/google`, fetch } })
      const request = (abortSignal) => ({ model: 'm', contents: 'Count', config: { abortSignal } })
      return {
        call: async (signal) => (await client.models.generateContent(request(signal))).text,
        stream: async (signal) => joined(await client.models.generateContentStream(request(signal)), (part) => part.text),
        async leave() {
          for await (const _ of await client.models.generateContentStream(request())) break
        }
      }
    }
  },
  Octokit: { from: 'octokit', handIn: 'new Octokit({ …, request: { fetch } })', make: octokit },
  'Octokit that retries no 503': {
    from: 'octokit',
    handIn: 'retry: { doNotRetry: [400, 401, 403, 404, 410, 422, 451, 503] }',
    make: (hand) => octokit({ ...hand, retry: { doNotRetry: [400, 401, 403, 404, 410, 422, 451, 503] } })
  },
  Stripe: {
    from: 'stripe',
    handIn: 'new Stripe(…, { …, httpClient: Stripe.createFetchHttpClient(fetch) })',
    make({ fetch, origin }) {
      const { hostname, port } = new URL(origin)
      const client = new Stripe('sk_test_1', { host: hostname, port, protocol: 'http', telemetry: false, httpClient: Stripe.createFetchHttpClient(fetch) })
      return { call: async () => (await client.customers.retrieve('cus_1')).name, hasNoSignal: true }
    }
  },
  'Supabase, tables': {
    from: '@supabase/supabase-js',
    handIn: 'createClient(…, { global: { fetch } })',
    make({ fetch, origin }) {
      const client = createClient(`${origin}/supabase`, 'key', { global: { fetch } })
      return {
        async call(signal) {
          const query = client.from('users').select()
          const { data, error } = await (signal ? query.abortSignal(signal) : query)
          if (error) throw error
          return data[0].name
        }
      }
    }
  },
  'Supabase, tables, throwing': {
    from: '@supabase/supabase-js',
    handIn: '.retry(false).throwOnError()',
    make({ fetch, origin }) {
      const client = createClient(`${origin}/supabase`, 'key', { global: { fetch } })
      return {
        async call(signal) {
          const query = client.from('users').select().retry(false).throwOnError()
          return (await (signal ? query.abortSignal(signal) : query)).data[0].name
        }
      }
    }
  },
  'Supabase, functions': {
    from: '@supabase/supabase-js',
    handIn: 'createClient(…, { global: { fetch } })',
    make({ fetch, origin }) {
      const client = createClient(`${origin}/supabase`, 'key', { global: { fetch } })
      return {
        async call(signal) {
          const { data, error } = await client.functions.invoke('greet', { signal })
          if (error) throw error
          return data.name
        }
      }
    }
  },
  Apollo: {
    from: '@apollo/client',
    handIn: 'new HttpLink({ …, fetch })',
    make({ fetch, origin }) {
      const client = new ApolloClient({ link: new HttpLink({ uri: `${origin}/graphql`, fetch }), cache: new InMemoryCache() })
      const query = gql(QUERY)
      return { call: async (signal) => (await client.query({ query, fetchPolicy: 'no-cache', context: { fetchOptions: { signal } } })).data.user.name }
    }
  },
  urql: {
    from: '@urql/core',
    handIn: 'new Client({ …, fetch, … })',
    make({ fetch, origin }) {
      const client = new Client({ url: `${origin}/graphql`, fetch, exchanges: [cacheExchange, fetchExchange], preferGetMethod: false })
      return {
        async call() {
          const { data, error } = await client.query(QUERY, {}, { requestPolicy: 'network-only' }).toPromise()
          if (error) throw error
          return data.user.name
        },
        hasNoSignal: true
      }
    }
  },
  'graphql-request': {
    from: 'graphql-request',
    handIn: 'new GraphQLClient(…, { fetch })',
    make({ fetch, origin }) {
      const client = new GraphQLClient(`${origin}/graphql`, { fetch })
      return { call: async (signal) => (await client.request({ document: QUERY, signal })).user.name }
    }
  },
  'AWS DynamoDB': {
    from: '@aws-sdk/client-dynamodb',
    handIn: 'requestHandler: new FetchHttpHandler({ customFetch: fetch })',
    make({ fetch, origin }) {
      const client = new DynamoDBClient({ ...CREDENTIALS, endpoint: `${origin}/dynamodb`, requestHandler: new FetchHttpHandler({ customFetch: fetch }) })
      return { call: async (abortSignal) => (await client.send(new GetItemCommand({ TableName: 't', Key: { id: { S: '42' } } }), { abortSignal })).Item.id.S }
    }
  },
  'AWS S3': {
    from: '@aws-sdk/client-s3',
    handIn: 'requestHandler: new FetchHttpHandler({ customFetch: fetch })',
    make({ fetch, origin }) {
      const client = new S3Client({ ...CREDENTIALS, endpoint: `${origin}/s3`, forcePathStyle: true, requestHandler: new FetchHttpHandler({ customFetch: fetch }) })
      const get = (abortSignal) => client.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'key' }), { abortSignal })
      return { call: async (signal) => (await get(signal)).Body.transformToString() }
    }
  },
  'tRPC, batch': {
    from: '@trpc/client',
    handIn: 'httpBatchLink({ …, fetch })',
    make({ fetch, origin }) {
      const client = createTRPCClient({ links: [httpBatchLink({ url: `${origin}/trpc`, fetch })] })
      return { call: (signal) => client.greeting.query(undefined, { signal }) }
    }
  },
  'tRPC, batch stream': {
    from: '@trpc/client',
    handIn: 'httpBatchStreamLink({ …, fetch })',
    make({ fetch, origin }) {
      const client = createTRPCClient({ links: [httpBatchStreamLink({ url: `${origin}/trpc`, fetch })] })
      return {
        call: (signal) => client.greeting.query(undefined, { signal }),
        stream: async (signal) => joined(await client.words.query(undefined, { signal }), (word) => word),
        async leave() {
          for await (const _ of await client.words.query()) break
        }
      }
    }
  },
  Elasticsearch: {
    from: '@elastic/elasticsearch',
    takes: 'dispatcher',
    handIn: 'new Elasticsearch({ …, agent: ({ url }) => compose(new Pool(url.origin)) })',
    make({ compose, origin }) {
      const client = new Elasticsearch({ node: `${origin}/elastic`, agent: ({ url }) => compose(new Pool(url.origin)) })
      return { call: async (signal) => (await client.search({}, { signal })).hits.hits[0]._id }
    }
  },
  ofetch: {
    from: 'ofetch',
    handIn: 'createFetch({ fetch })',
    make({ fetch, origin }) {
      const client = createFetch({ fetch })
      return { call: async (signal) => (await client(`${origin}/users/42`, { signal })).name }
    }
  },
  wretch: {
    from: 'wretch',
    handIn: 'wretch(…).fetchPolyfill(fetch)',
    make({ fetch, origin }) {
      const client = wretch(origin).fetchPolyfill(fetch)
      return { call: async (signal) => (await client.options({ signal }).get('/users/42').json()).name }
    }
  },
  ky: {
    from: 'ky',
    handIn: 'ky.create({ fetch })',
    make({ fetch, origin }) {
      const client = ky.create({ fetch })
      return { call: async (signal) => (await client.get(`${origin}/users/42`, { signal }).json()).name }
    }
  },
  axios: {
    from: 'axios',
    handIn: "axios.create({ adapter: 'fetch', env: { fetch } })",
    make({ fetch, origin }) {
      const client = axios.create({ adapter: 'fetch', env: { fetch } })
      return { call: async (signal) => (await client.get(`${origin}/users/42`, { signal })).data.name }
    }
  },
  got: {
    from: 'got',
    takes: 'breaker',
    handIn: 'got.extend({ handlers: [(options, next) => breaker.callWith({ signal: options.signal }, () => next(options))] })',
    make({ breaker, origin }) {
      const client = breaker === undefined ? got : got.extend({ handlers: [(options, next) => breaker.callWith({ signal: options.signal }, () => next(options))] })
      return { call: async (signal) => (await client(`${origin}/users/42`, { signal }).json()).name }
    }
  },
  'fetch of undici': {
    from: 'undici',
    takes: 'dispatcher',
    handIn: 'fetch(…, { …, dispatcher: compose(new Agent()) })',
    make({ compose, origin }) {
      const ask = (signal) => fetch(`${origin}/users/42`, { signal, dispatcher: compose(new Agent()) })
      return {
        async call(signal) {
          const response = await ask(signal)
          if (!response.ok) throw Object.assign(new Error(`HTTP ${response.status}`), { response })
          return (await response.json()).name
        }
      }
    }
  }
}
