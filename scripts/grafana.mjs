// Writes grafana/: a dashboard for Grafana and alert rules for Prometheus, once for the labels of `halfopen/prometheus` and once for those that
// OpenTelemetry's exporters make. A test writes them again and compares. It must not know what a panel or a rule asks.
//   node scripts/grafana.mjs

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { alertRules } from './grafana/alerts.mjs'
import { dashboard } from './grafana/dashboard.mjs'
import { LABELS } from './grafana/queries.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The files of one naming of the labels. */
export const filesOf = (/** @type {keyof typeof LABELS} */ naming) => {
  const suffix = naming === 'short' ? '' : `-${naming}`
  return { dashboard: `grafana/halfopen${suffix}.json`, alerts: `grafana/alerts${suffix}.yml` }
}

/** Each file by its path, as it is to be. */
export const files = () =>
  Object.fromEntries(
    /** @type {(keyof typeof LABELS)[]} */ (Object.keys(LABELS)).flatMap((naming) => {
      const paths = filesOf(naming)
      return [
        [paths.dashboard, `${JSON.stringify(dashboard(naming), undefined, 2)}\n`],
        [paths.alerts, alertRules(naming)],
      ]
    }),
  )

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(files())) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}
