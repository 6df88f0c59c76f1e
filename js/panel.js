/**
 * The public export list of `halfopen/panel`, nothing else.
 *
 * Must not know: what the exports do.
 */
export { definePanel } from './dashboard/panel.js'
/** @typedef {import('./telemetry/sources.js').BreakerLike} BreakerLike */
/** @typedef {import('./dashboard/dashboard.js').DashboardSource} DashboardSource */
/** @typedef {import('./dashboard/dashboard.js').DashboardSources} DashboardSources */
/** @typedef {import('./dashboard/panel.js').PanelOptions} PanelOptions */
