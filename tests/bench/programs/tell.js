// Tells what 1,000 breakers counted, again and again: as text for Prometheus, by an SDK of OpenTelemetry, or to a meter that does nothing. Prints the median in
// ms of CPU time. It must not know what it may cost.

import { CircuitBreakerRegistry } from '../../../pkg/index.js'
import { instrument } from '../../../pkg/otel.js'
import { metricsText } from '../../../pkg/prometheus.js'
import { meterOf } from '../../telemetry/sdk.js'
import { median } from '../median.js'

const { how } = JSON.parse(process.argv[2])
const registry = new CircuitBreakerRegistry({ failureThreshold: 3 })
for (let n = 0; n < 1000; n++) {
  for (let call = 0; call < 5; call++) {
    await registry.call(`host-${n}.example.com`, async () => {
      if (n % 10 === 0) throw new Error('down')
    }).catch(() => {})
  }
}

/** A meter that takes what is observed and keeps nothing. */
function idleMeter() {
  let callback = () => {}
  const nothing = () => ({})
  const result = { observe() {} }
  const meter = {
    createObservableCounter: nothing, createObservableUpDownCounter: nothing, createHistogram: nothing, removeBatchObservableCallback() {},
    addBatchObservableCallback: (given) => (callback = given)
  }
  return { meter, collect: async () => callback(result) }
}

let tell = async () => metricsText(registry)
if (how !== 'text') {
  const { meter, collect } = how === 'sdk' ? meterOf(2) : idleMeter()
  instrument(meter, registry)
  tell = collect
}
const times = []
for (let turn = 0; turn < 80; turn++) {
  await registry.call(`host-${10 * turn + 1}.example.com`, async () => {})
  const before = process.cpuUsage()
  await tell()
  const { user, system } = process.cpuUsage(before)
  // The first are read by code that is not compiled yet; a scrape is seldom enough that some of it goes cold again.
  if (turn >= 20) times.push((user + system) / 1000)
  await new Promise((resolve) => setTimeout(resolve, 10))
}
console.log(JSON.stringify(median(times)))
