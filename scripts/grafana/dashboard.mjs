// Makes the dashboard for Grafana. It must not know how its panels are asked.

import { LABELS, OUTCOMES, panelQueries, THRESHOLDS, variableQueries } from './queries.mjs'

/**
 * The colours of Okabe and Ito, which people who see few colours tell apart. Where colour says something, a text or a name says it too.
 */
const COLORS = { blue: '#0072B2', sky: '#56B4E9', green: '#009E73', yellow: '#F0E442', orange: '#E69F00', red: '#D55E00', pink: '#CC79A7', grey: '#7F7F7F', light: '#BFBFBF' }

/** As in the pictures of the documents, but for `open`, which is to be seen from afar here. */
const STATES = [
  { value: 0, text: 'closed', color: COLORS.blue },
  { value: 1, text: 'half open', color: COLORS.orange },
  { value: 2, text: 'open', color: COLORS.red },
]

/** @type {Record<string, string>} */
const COLOR_OF = {
  success: COLORS.green,
  failure: COLORS.red,
  timeout: COLORS.pink,
  ignored: COLORS.grey,
  refused_open: COLORS.orange,
  refused_half_open: COLORS.yellow,
  refused_bulkhead: COLORS.sky,
  refused_isolated: COLORS.blue,
  stale: COLORS.light,
}

/** Blue, and from each of the values on another colour. */
const thresholds = (/** @type {{ value: number, color: string }[]} */ ...steps) => ({ mode: 'absolute', steps: [{ value: null, color: COLORS.blue }, ...steps] })
const SHARE = { unit: 'percentunit', min: 0, max: 1, thresholds: thresholds({ value: 0.01, color: COLORS.orange }, { value: THRESHOLDS.refusedShare, color: COLORS.red }) }

/** One number. */
const stat = (/** @type {Record<string, unknown>} */ defaults) => ({
  type: 'stat',
  fieldConfig: { defaults: { color: { mode: 'thresholds' }, noValue: 'no data', ...defaults }, overrides: [] },
  options: {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    colorMode: 'value',
    graphMode: 'area',
    justifyMode: 'auto',
    textMode: 'value',
    orientation: 'auto',
    wideLayout: true,
    showPercentChange: false,
    percentChangeColorMode: 'standard',
  },
})
/** A number that is neither good nor bad. */
const plain = stat({ unit: 'short', decimals: 0, color: { mode: 'fixed', fixedColor: COLORS.blue } })

/** Lines over time, the highest first. */
const graph = (/** @type {Record<string, unknown>} */ { custom = {}, overrides = [], ...defaults }) => ({
  type: 'timeseries',
  fieldConfig: {
    defaults: {
      // By value: of many lines those that matter stand out, for whoever sees few colours too.
      color: { mode: 'continuous-BlYlRd', seriesBy: 'max' },
      min: 0,
      ...defaults,
      custom: { drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 10, showPoints: 'never', spanNulls: false, axisBorderShow: false, .../** @type {object} */ (custom) },
    },
    overrides,
  },
  options: {
    legend: { displayMode: 'table', placement: 'bottom', showLegend: true, calcs: ['max', 'lastNotNull'], sortBy: 'Max', sortDesc: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
})
const shareGraph = graph({ ...SHARE, color: { mode: 'thresholds', seriesBy: 'max' } })

const timeline = {
  type: 'state-timeline',
  fieldConfig: {
    defaults: {
      color: { mode: 'thresholds' },
      noValue: 'All circuits were closed, all the time',
      mappings: [{ type: 'value', options: Object.fromEntries(STATES.map(({ value, text, color }, index) => [value, { text, color, index }])) }],
      thresholds: { mode: 'absolute', steps: STATES.map(({ value, color }, index) => ({ value: index === 0 ? null : value, color })) },
      custom: { lineWidth: 0, fillOpacity: 80, spanNulls: false },
    },
    overrides: [],
  },
  options: {
    mergeValues: true,
    showValue: 'auto',
    alignValue: 'left',
    rowHeight: 0.8,
    perPage: 20,
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
    tooltip: { mode: 'single', sort: 'none' },
  },
}

/** What is not closed, a row for each process. */
const table = (/** @type {import('./queries.mjs').Labels} */ { breaker, state }) => ({
  type: 'table',
  fieldConfig: { defaults: { noValue: 'All circuits are closed', custom: { align: 'auto', inspect: false } }, overrides: [] },
  options: { frameIndex: 0, showHeader: true, cellHeight: 'sm', sortBy: [{ displayName: 'Breaker', desc: false }] },
  transformations: [
    {
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: { [breaker]: 0, [state]: 1, Value: 2, job: 3, instance: 4 },
        renameByName: { [breaker]: 'Breaker', [state]: 'State', Value: 'Breakers', job: 'Job', instance: 'Process' },
      },
    },
  ],
})

/**
 * The panels, a row of them each. `w` is the width, of 24.
 *
 * @param {import('./queries.mjs').Labels} labels
 * @returns {{ height: number, panels: { title: string, description: string, query: keyof ReturnType<typeof panelQueries>, w: number, looks: object, legend?: string, instant?: boolean }[] }[]}
 */
function rows(labels) {
  const each = `{{${labels.breaker}}} · {{job}}`
  return [
    {
      height: 4,
      panels: [
        { title: 'Open now', description: 'Circuits that are open, in all processes; also those on observe() or disable(), which refuse nobody.', query: 'open', w: 4, looks: stat({ unit: 'short', decimals: 0, thresholds: thresholds({ value: 1, color: COLORS.red }) }) },
        { title: 'Half open now', description: 'Circuits that are being tested.', query: 'halfOpen', w: 4, looks: stat({ unit: 'short', decimals: 0, thresholds: thresholds({ value: 1, color: COLORS.orange }) }) },
        { title: 'Breakers', description: 'All of them, in all processes.', query: 'breakers', w: 4, looks: plain },
        { title: 'Share refused', description: 'Of all calls, those that were refused: the dependency was not asked.', query: 'shareRefused', w: 4, looks: stat(SHARE) },
        { title: 'Share failed', description: 'Of the calls that succeeded or failed, those that failed or timed out.', query: 'shareFailed', w: 4, looks: stat(SHARE) },
        { title: 'In flight', description: 'Calls that were let through and are not over.', query: 'inFlight', w: 4, looks: plain },
      ],
    },
    {
      height: 10,
      panels: [
        {
          title: 'States',
          description: 'The worst state that any process has a circuit in. Circuits that were closed all the time are left out. A circuit that opened and closed between two scrapes is not here: state changes counts it.',
          query: 'timeline',
          w: 15,
          looks: timeline,
          legend: each,
        },
        { title: 'Not closed now', description: 'A row for each process.', query: 'notClosed', w: 9, looks: table(labels), instant: true },
      ],
    },
    {
      height: 9,
      panels: [
        {
          title: 'Calls by outcome',
          description: 'Each call that is over has one outcome.',
          query: 'outcomes',
          w: 12,
          looks: graph({
            unit: 'cps',
            custom: { stacking: { mode: 'normal', group: 'A' }, fillOpacity: 60 },
            overrides: OUTCOMES.map((outcome) => ({ matcher: { id: 'byName', options: outcome }, properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: COLOR_OF[outcome] } }] })),
          }),
          legend: `{{${labels.outcome}}}`,
        },
        {
          title: 'State changes',
          description: 'How often circuits changed their state. An outage whose recoveries fail has two a recovery time.',
          query: 'changes',
          w: 12,
          looks: graph({ unit: 'short', custom: { drawStyle: 'bars', fillOpacity: 80 } }),
          legend: each,
        },
      ],
    },
    {
      height: 9,
      panels: [
        { title: 'Share refused, by breaker', description: 'Of all calls of a breaker, those that were refused.', query: 'shareRefusedBy', w: 12, looks: shareGraph, legend: each },
        { title: 'Share failed, by breaker', description: 'Of the calls of a breaker that succeeded or failed, those that failed or timed out.', query: 'shareFailedBy', w: 12, looks: shareGraph, legend: each },
      ],
    },
    {
      height: 9,
      panels: [
        { title: 'In flight, by breaker', description: 'Calls that were let through and are not over. A line that climbs says that calls hang.', query: 'inFlightBy', w: 12, looks: graph({ unit: 'short', decimals: 0 }), legend: each },
        { title: 'Would be refused', description: 'Calls that breakers on observe() let through and would have refused.', query: 'wouldRefuseBy', w: 12, looks: graph({ unit: 'cps' }), legend: each },
      ],
    },
  ]
}

/** The data source that is chosen above. */
const datasource = { type: 'prometheus', uid: '${datasource}' }

const ALL = { text: ['All'], value: ['$__all'] }
/** A variable whose values Prometheus knows: several can be chosen. */
const choice = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ query) => ({
  type: 'query',
  name,
  label,
  datasource,
  // As Grafana itself writes it: 1 is a list of the values of a label.
  query: { qryType: 1, query, refId: 'PrometheusVariableQueryEditor-VariableQuery' },
  definition: query,
  refresh: 2,
  sort: 5,
  multi: true,
  includeAll: true,
  // Also what has no such label.
  allValue: '.*',
  current: ALL,
  options: [],
  hide: 0,
})

/**
 * The dashboard as Grafana takes it.
 *
 * @param {keyof typeof LABELS} naming
 */
export function dashboard(naming) {
  const labels = LABELS[naming]
  const queries = panelQueries(labels)
  const variables = variableQueries(labels)
  const panels = []
  let y = 0
  for (const { height, panels: those } of rows(labels)) {
    let x = 0
    for (const { title, description, query, w, looks, legend, instant = false } of those) {
      panels.push({
        id: panels.length + 1,
        title,
        description,
        gridPos: { x, y, w, h: height },
        datasource,
        targets: [
          { refId: 'A', datasource, editorMode: 'code', expr: queries[query], ...(legend && { legendFormat: legend }), ...(instant ? { instant, range: false, format: 'table' } : { range: true }) },
        ],
        ...looks,
      })
      x += w
    }
    y += height
  }
  return {
    uid: naming === 'short' ? 'halfopen' : `halfopen-${naming}`,
    title: naming === 'short' ? 'Circuit breakers (halfopen)' : 'Circuit breakers (halfopen, by OpenTelemetry)',
    description: `Written by scripts/grafana.mjs of halfopen, for the metrics of ${naming === 'short' ? 'halfopen/prometheus' : 'halfopen/otel'}.`,
    tags: ['halfopen', 'circuit breaker'],
    timezone: 'browser',
    editable: true,
    // One cross for all panels: what else happened when a circuit opened.
    graphTooltip: 1,
    time: { from: 'now-1h', to: 'now' },
    refresh: '10s',
    schemaVersion: 39,
    annotations: { list: [] },
    links: [],
    templating: {
      list: [
        { type: 'datasource', name: 'datasource', label: 'Data source', query: 'prometheus', refresh: 1, multi: false, includeAll: false, options: [], hide: 0 },
        choice('job', 'Job', variables.job),
        choice('breaker', 'Breaker', variables.breaker),
      ],
    },
    panels,
  }
}
