// The tables of docs/where-it-runs.md: what ran, and what was not tried. It must not know how either came about.

import { NOT_TRIED } from './rows.js'

export const TABLE = 'docs/where-it-runs.md'

const unique = (values) => [...new Set(values)]
const line = (cells) => `| ${cells.join(' | ')} |`
const table = (heads, rows) => [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')

/** What ran: a line for each runtime, and one for each way that forbids something there. */
export function tableOf(ran) {
  const order = unique(ran.map(({ where }) => where))
  const sorted = ran.toSorted((one, other) => order.indexOf(one.where) - order.indexOf(other.where))
  const groups = Map.groupBy(sorted, ({ where, forbids, how, setting, unavailable }) => [where, ...(forbids ? [how, setting, unavailable] : [])].join())
  return table(
    ['runtime', 'version', 'how', 'with', 'entry', 'outcome'],
    [...groups.values()].map((rows) => [
      rows[0].where,
      unique(rows.map(({ version }) => version)).join(', '),
      ...['how', 'setting', 'entry'].map((factor) => unique(rows.map((row) => row[factor])).sort().map((value) => (factor === 'entry' ? `\`${value}\`` : value)).join(', ')),
      rows[0].unavailable ? `\`ERR_ENGINE_UNAVAILABLE\`: ${rows[0].unavailable}` : 'runs',
    ])
  )
}

const notTried = () => table(['not tried', 'why'], NOT_TRIED)

/** A page with what ran in the place of what it says. */
export function withTable(page, ran) {
  const put = (text, name, rows) => {
    const [begin, end] = [`<!-- ${name}: written by the tests -->`, `<!-- end of ${name} -->`]
    const [from, to] = [text.indexOf(begin), text.indexOf(end)]
    if (from < 0 || to < from) throw new Error(`${TABLE} has no place for ${name}`)
    return `${text.slice(0, from + begin.length)}\n\n${rows}\n\n${text.slice(to)}`
  }
  return put(put(page, 'what ran', tableOf(ran)), 'not tried', notTried())
}

/** Takes for a browser the version that stands in the page: the machine's own is newer each month. */
export const asWritten = (page, ran) => ran.map((row) => {
  if (row.kind !== 'browser') return row
  const [, version = row.version] = new RegExp(`^\\| ${row.where} \\| ([\\d.]+) \\|`, 'm').exec(page) ?? []
  return { ...row, version }
})
