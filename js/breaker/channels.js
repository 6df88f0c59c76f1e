/**
 * The channels of `node:diagnostics_channel`, by which monitoring hears of every breaker of a process without holding one.
 *
 * Must not know: breakers, and when anything is told. Hosts without such channels have nobody who could listen.
 */
import { ifAny } from '../base/host.js'
import { report } from '../base/report.js'

/**
 * What is used of a channel. The host itself sees to what a subscriber throws.
 *
 * @typedef {{ readonly hasSubscribers: boolean, publish(message: object): void }} Channel
 */

/** The channels, once they were asked for; none where the host has none. @type {{ statechange?: Channel, reject?: Channel } | undefined} */
let channels

/** Asks the host for its channels, once: when the first breaker is made, since nothing runs at import. */
export function openChannels() {
  channels ??=
    ifAny(() => {
      const { channel } = /** @type {any} */ (globalThis).process.getBuiltinModule('node:diagnostics_channel')
      return { statechange: channel('halfopen:statechange'), reject: channel('halfopen:reject') }
    }) ?? {}
}

/**
 * Tells those who subscribed, if anybody did.
 *
 * @param {'statechange' | 'reject'} name
 * @param {object} breaker
 * @param {object} detail
 */
export function publish(name, breaker, detail) {
  try {
    const channel = channels?.[name]
    if (channel?.hasSubscribers) channel.publish({ breaker, ...detail })
  } catch (error) {
    report(error)
  }
}
