// Looks users up by GraphQL, through a breaker that also knows what went wrong inside a 200. Arguments are their ids.
import { GraphQLClient } from 'graphql-request'
import { findRefusal } from 'halfopen'
import { guardFetch } from 'halfopen/fetch'

// Responses whose `errors` are the server's fault. Those of validation and of permissions are not.
const failed = new WeakSet()
const guarded = guardFetch({
  failureThreshold: 2,
  timeout: 5000,
  async fetch(input, init) {
    const response = await fetch(input, init)
    const body = await response.clone().json().catch(() => undefined)
    const errors = Array.isArray(body?.errors) ? body.errors : []
    if (errors.some((error) => error?.extensions?.code === 'INTERNAL_SERVER_ERROR')) failed.add(response)
    return response
  },
  failOn: (response) => failed.has(response) || [500, 502, 503, 504, 529].includes(response.status)
})
const client = new GraphQLClient(process.env.GRAPHQL_URL, { fetch: guarded })

for (const id of process.argv.slice(2)) {
  try {
    const { user } = await client.request('query ($id: ID!) { user(id: $id) { name } }', { id })
    console.log(user.name)
  } catch (error) {
    const refusal = findRefusal(error)
    const says = error.response?.errors?.[0].message ?? error.message
    console.log(refusal ? `Not asked: ${refusal.message}` : `Not found: ${says}`)
  }
}
