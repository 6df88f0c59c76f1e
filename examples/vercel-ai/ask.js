// Asks a chat model by the AI SDK, streaming, through a breaker. Arguments are the questions.
import { createOpenAI } from '@ai-sdk/openai'
import { streamText } from 'ai'
import { findRefusal } from 'halfopen'
import { guardFetch } from 'halfopen/fetch'

const guarded = guardFetch({
  failureThreshold: 2,
  recoveryTimeout: 30_000,
  // A stream that breaks off is a failure, too, and so is one that stalls for longer than `timeout`.
  settleOn: 'body',
  timeout: 20_000
  // Refusals are thrown: the SDK repeats what is a response, after it has slept for as long as that says.
})
const openai = createOpenAI({ fetch: guarded, baseURL: process.env.OPENAI_BASE_URL })

for (const prompt of process.argv.slice(2)) {
  let failed
  // Its stream ends well, whatever happens: what went wrong comes here.
  const { textStream } = streamText({ model: openai.chat('gpt-4o-mini'), prompt, maxRetries: 1, onError: ({ error }) => (failed = error) })
  for await (const text of textStream) process.stdout.write(text)
  const refusal = findRefusal(failed)
  if (refusal) console.log(`The assistant is resting, ask again in ${Math.ceil(refusal.retryAfter / 1000)} s`)
  else console.log(failed ? `No answer: ${failed.message}` : '')
}
