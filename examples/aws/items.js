// Reads items of a table of DynamoDB, through a breaker. Arguments are the table's name and the ids of items.
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { FetchHttpHandler } from '@smithy/fetch-http-handler'
import { findRefusal } from 'halfopen'
import { guardFetch } from 'halfopen/fetch'

// Refusals are thrown: the SDK repeats what is a response, up to three times.
const guarded = guardFetch({ failureThreshold: 3, recoveryTimeout: 10_000, timeout: 2000 })
// Region, credentials and endpoint come from the environment.
const client = new DynamoDBClient({ requestHandler: new FetchHttpHandler({ customFetch: guarded }) })

const [TableName, ...ids] = process.argv.slice(2)
for (const id of ids) {
  try {
    const { Item } = await client.send(new GetItemCommand({ TableName, Key: { id: { S: id } } }))
    console.log(Item ? JSON.stringify(Item) : `no ${id}`)
  } catch (error) {
    const refusal = findRefusal(error)
    console.log(refusal ? `not asked, retry in ${Math.ceil(refusal.retryAfter / 1000)} s` : `failed: ${error.name}`)
  }
}
