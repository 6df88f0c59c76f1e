/**
 * The tables of docs/fleet-figures.md, from the figures in docs/fleet.json.
 *
 * Must not know: how the figures came to be.
 */

/** What `npm run simulate` wrote. */
export const FIGURES = 'docs/fleet.json'

/** Where the tables are, each below a comment with its name. */
export const PAGE = 'docs/fleet-figures.md'

const number = (value) => value === null || value === undefined ? '–' : typeof value === 'number' && value >= 1000 ? value.toLocaleString('en-US') : String(value)
const seconds = (value) => value === null ? '–' : `${value} s`
const yes = (value, what) => value ? what : '–'

const table = (heads, rows) => [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** Each by its name. */
const TABLES = {
  outage: ({ outage }) => {
    const alone = outage.filter((row) => !row.hasFleet)
    return table(
      ['processes', 'calls a second of each', 'requests to the sick upstream: alone → fleet', 'verdict after', '95 % closed after it is well: alone → fleet', 'tests: alone → fleet', 'scripts a second: quiet, in the outage, at most'],
      outage.filter((row) => row.hasFleet).map((row) => {
        const other = alone.find(({ replicas, rate }) => replicas === row.replicas && rate === row.rate)
        return [
          number(row.replicas), row.rate, `${number(other.hits)} → ${number(row.hits)}`, seconds(row.verdict), `${seconds(other.recovery)} → ${seconds(row.recovery)}`, `${number(other.tests)} → ${number(row.tests)}`,
          `${number(row.quiet)}, ${number(row.inOutage)}, ${number(row.peak)}`
        ]
      })
    )
  },
  background: ({ background }) => table(
    ['processes', 'calls a second of each', 'share of failures', 'calls', 'verdicts', 'calls refused', 'scripts a second'],
    background.map((row) => [number(row.replicas), row.rate, `${row.errors * 100} %`, number(row.calls), row.verdicts, `${row.refused} %`, `${row.scripts}`])
  ),
  badHosts: ({ badHosts }) => table(
    ['processes', 'calls a second of each', 'bad ones', 'verdicts', 'calls of the others refused'],
    badHosts.map((row) => [number(row.replicas), row.rate, `${row.bad} (${row.share} %)`, row.verdicts, `${row.refused} %`])
  ),
  brownOut: ({ brownOut }) => table(
    ['', 'failed calls', 'at most in a second', 'more verdicts', '95 % closed after'],
    brownOut.map((row) => [row.hasFleet ? `\`spread: ${row.spread}\`` : 'no fleet', number(row.failed), number(row.worst), row.hasFleet ? row.verdicts - 1 : '–', seconds(row.recovery)])
  ),
  network: ({ network }) => table(
    ['news lost', 'commands and replies lost', 'ms to the store', 'processes replaced a second', '', 'requests to the sick upstream', 'verdict after', '95 % closed after', 'tests, at once'],
    network.map((row) => [`${row.newsLoss * 100} %`, `${row.loss * 100} %`, row.delay.join('–'), row.churn, yes(row.loose, '`loose`'), number(row.hits), seconds(row.verdict), seconds(row.recovery), `${row.tests}, ${row.mostInTest}`])
  ),
  store: ({ store }) => table(
    ['the store, after a minute', 'requests to the sick upstream', '95 % closed after', 'tests, at once', 'verdicts'],
    store.map((row) => [row.what, number(row.hits), seconds(row.recovery), `${row.tests}, ${row.mostInTest}`, row.verdicts])
  ),
  starts: ({ starts }) => table(
    ['processes', 'started within', 'scripts a second', 'at most'],
    starts.map((row) => [number(row.replicas), `${row.startWithin / 1000} s`, number(row.scripts), number(row.peak)])
  )
}

/**
 * A page with its tables as the figures have them.
 *
 * @param {string} page
 * @param {any} figures
 */
export function withTables(page, figures) {
  for (const [name, draw] of Object.entries(TABLES)) {
    const begin = `<!-- ${name} -->\n`
    const end = '<!-- end -->'
    const from = page.indexOf(begin)
    const to = page.indexOf(end, from)
    if (from < 0 || to < 0) throw new Error(`${PAGE} has no place for ${name}`)
    page = `${page.slice(0, from + begin.length)}\n${draw(figures)}\n\n${page.slice(to)}`
  }
  return page
}
