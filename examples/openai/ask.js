// Asks a chat model, streaming, through a breaker. Arguments are the questions.
import OpenAI from 'openai'
import { findRefusal } from 'halfopen'
import { guardFetch } from 'halfopen/fetch'

const guarded = guardFetch({
  failureThreshold: 2,
  recoveryTimeout: 30_000,
  // A stream that breaks off is a failure, too, and so is one that stalls.
  settleOn: 'body',
  // The longest silence: until the answer begins, then between two pieces of it. Shorter than the SDK's own time limit, which looks like a
  // caller who gives up.
  timeout: 20_000,
  // A refusal is a response that tells the SDK not to repeat the request.
  onRefused: 'respond'
})
const client = new OpenAI({ fetch: guarded, maxRetries: 3 })

for (const content of process.argv.slice(2)) {
  try {
    const stream = await client.chat.completions.create({ model: 'gpt-4o-mini', messages: [{ role: 'user', content }], stream: true })
    for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '')
    process.stdout.write('\n')
  } catch (error) {
    const refusal = findRefusal(error)
    console.log(refusal ? `The assistant is resting, ask again in ${refusal.retryAfter / 1000} s` : `No answer: ${error.message}`)
  }
}
