/**
 * The public export list of `halfopen/panel`, nothing else.
 *
 * Must not know: what the exports do.
 */
export { definePanel } from './dashboard/panel.js'
/** @typedef {import('./dashboard/dashboard.js').DashboardSource} DashboardSource */
/** @typedef {import('./dashboard/panel.js').PanelOptions} PanelOptions */
