// The log: one object a line, by pino or by console. It must not know what is guarded.
import { subscribe } from 'node:diagnostics_channel'

/** A log as pino has it: a method for each level, which takes what is to be logged and a text. */
export async function openLog(kind) {
  if (kind === 'console') {
    const write = (level) => (fields, msg) => console.log(JSON.stringify({ level, time: new Date().toISOString(), ...fields, msg }))
    return { info: write('info'), warn: write('warn') }
  }
  const { pino } = await import('pino')
  return pino()
}

/** Logs each change of state of any breaker in this process, those inside of guards included: nobody has to hand them over. */
export function logStateChanges(log) {
  subscribe('halfopen:statechange', ({ breaker, from, to, reason }) => {
    // A circuit that opens is worth a look, the way back is good to know.
    const level = to === 'open' ? 'warn' : 'info'
    log[level]({ breaker: breaker.name, from, to, reason }, `circuit ${to.replace('_', ' ')}`)
  })
}
