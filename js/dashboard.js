/**
 * The public export list of `halfopen/dashboard`, nothing else.
 *
 * Must not know: what the exports do.
 */
export { dashboard } from './dashboard/dashboard.js'
/** @typedef {import('./dashboard/dashboard.js').Act} Act */
/** @typedef {import('./telemetry/sources.js').BreakerLike} BreakerLike */
/** @typedef {import('./dashboard/dashboard.js').Dashboard} Dashboard */
/** @typedef {import('./dashboard/dashboard.js').DashboardOptions} DashboardOptions */
/** @typedef {import('./dashboard/dashboard.js').DashboardSource} DashboardSource */
/** @typedef {import('./dashboard/dashboard.js').DashboardSources} DashboardSources */
